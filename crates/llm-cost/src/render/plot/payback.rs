//! What is paid over the months: the crossing marked, the end of the machine's life, and the bands in which
//! both may lie.

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use super::super::format::verdict;
use super::{DrawError, FONT, LOCAL, draw, failed};
use crate::payback::Verdict;
use crate::record::{PaybackRecord, Rate};
use crate::terms::Terms;
use crate::units::{Months, TokensPerSecond};

const CLOUD: RGBColor = RGBColor(200, 70, 40);
const HOSTED: RGBColor = RGBColor(220, 150, 30);

/// Points of a curve: as many as look smooth where each lies on a whole pixel.
const POINTS: usize = 60;

/// A line of cumulative cost, and the band in which it may lie.
struct Line {
    name: String,
    colour: RGBColor,
    paid: Paid,
    /// What it may be instead, where that is known.
    band: Option<[Paid; 2]>,
    /// Whether nobody can get there, so that it is drawn in dashes.
    is_out_of_reach: bool,
}

/// What is paid by a moment: once, and each month, part of it at a price that falls.
#[derive(Clone, Copy)]
struct Paid {
    once: f64,
    monthly: f64,
    falling: f64,
    fall: f64,
}

impl Paid {
    /// US dollars after so many months: the sum of the months, and between two of them a curve through both.
    fn after(&self, months: f64) -> f64 {
        let falling = if self.fall > 0.0 {
            (1.0 - (1.0 - self.fall).powf(months)) / self.fall
        } else {
            months
        };
        self.once + self.monthly * months + self.falling * falling
    }
}

type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Draws what is paid over the months: to the cloud, for the machine, and to the same model hosted.
///
/// # Errors
/// [`DrawError`], which no picture has met yet.
pub fn payback(record: &PaybackRecord) -> Result<String, DrawError> {
    let lines = lines(record);
    let months = horizon(record);
    let ends = || {
        lines
            .iter()
            .flat_map(|line| [line.paid.after(0.0), line.paid.after(months)])
    };
    let most = ends().fold(1.0_f64, f64::max);
    // A machine that costs less than what would be bought anyway begins below nothing.
    let least = ends().fold(0.0_f64, f64::min);
    draw(|root| {
        let [above, below] = titles(record);
        let area = root.titled(&above, (FONT, 20)).map_err(failed)?;
        let area = area.titled(&below, (FONT, 16)).map_err(failed)?;
        let mut chart = ChartBuilder::on(&area)
            .margin(16)
            .x_label_area_size(44)
            .y_label_area_size(76)
            .build_cartesian_2d(0.0..months, least * 1.08..most * 1.08)
            .map_err(failed)?;
        chart
            .configure_mesh()
            .x_desc("months")
            .y_desc("US dollars paid so far")
            .x_label_formatter(&|month| format!("{month:.0}"))
            .y_label_formatter(&|sum| format!("{sum:.0}"))
            .light_line_style(WHITE)
            .draw()
            .map_err(failed)?;
        for line in &lines {
            draw_band(&mut chart, line, months)?;
        }
        for line in &lines {
            draw_line(&mut chart, line, months)?;
        }
        draw_life(&mut chart, record, months, (least * 1.08, most * 1.08))?;
        draw_crossing(&mut chart, record, &lines, months)?;
        chart
            .configure_series_labels()
            .position(legend(&lines, most))
            .background_style(WHITE.mix(0.9))
            .border_style(BLACK.mix(0.3))
            .label_font((FONT, 15))
            .draw()
            .map_err(failed)?;
        Ok(())
    })
}

/// What is held against what, and both verdicts.
fn titles(record: &PaybackRecord) -> [String; 2] {
    let machine = record.machine.as_deref().unwrap_or("own machine");
    let with = record
        .local
        .as_ref()
        .map_or_else(String::new, |local| format!(" with {local}"));
    let hosted = record.hosted.as_ref().map_or_else(String::new, |hosted| {
        format!("; {} against {}", verdict(&hosted.answer), hosted.cloud)
    });
    [
        format!("{machine}{with}"),
        format!(
            "{} against {}{hosted}",
            verdict(&record.answer),
            record.cloud
        ),
    ]
}

fn points(months: f64, paid: Paid) -> impl DoubleEndedIterator<Item = (f64, f64)> + Clone {
    let count = if paid.fall > 0.0 && paid.falling > 0.0 {
        POINTS
    } else {
        1
    };
    (0..=count).map(move |point| {
        let month = months * point as f64 / count as f64;
        (month, paid.after(month))
    })
}

fn draw_band(chart: &mut Chart<'_, '_>, line: &Line, months: f64) -> Result<(), DrawError> {
    let Some([low, high]) = line.band else {
        return Ok(());
    };
    let around: Vec<(f64, f64)> = points(months, low)
        .chain(points(months, high).rev())
        .collect();
    let band = Polygon::new(around, line.colour.mix(0.15));
    chart.draw_series([band]).map_err(failed)?;
    Ok(())
}

fn draw_line(chart: &mut Chart<'_, '_>, line: &Line, months: f64) -> Result<(), DrawError> {
    let points = points(months, line.paid);
    let (colour, is_out_of_reach) = (line.colour, line.is_out_of_reach);
    let style = colour.stroke_width(2);
    let drawn = if is_out_of_reach {
        chart.draw_series(DashedLineSeries::new(points, 4, 8, style))
    } else {
        chart.draw_series(LineSeries::new(points, style))
    };
    let drawn = drawn.map_err(failed)?;
    drawn.label(line.name.clone()).legend(move |(x, y)| {
        let length = if is_out_of_reach { 6 } else { 18 };
        PathElement::new([(x, y), (x + length, y)], colour.stroke_width(2))
    });
    Ok(())
}

/// Marks the end of the machine's life.
fn draw_life(
    chart: &mut Chart<'_, '_>,
    record: &PaybackRecord,
    months: f64,
    (least, most): (f64, f64),
) -> Result<(), DrawError> {
    let life = record.assumptions.lifetime_months.0;
    let style = BLACK.mix(0.5).stroke_width(1);
    let line = [(life, least), (life, most)];
    chart
        .draw_series(DashedLineSeries::new(line, 6, 4, style))
        .map_err(failed)?;
    let label = format!("end of its life, {life:.0} months");
    // Right of the lines' names at the top, else below them; where the edge is near, to its left.
    let height = if life > months * 0.5 { 1.0 } else { 0.6 };
    let left = if life > months * 0.75 {
        -7 * label.len() as i32
    } else {
        6
    };
    let place = (life, least + (most - least) * height);
    let mark = EmptyElement::at(place) + Text::new(label, (left, 2), (FONT, 14));
    chart.draw_series([mark]).map_err(failed)?;
    Ok(())
}

fn draw_crossing(
    chart: &mut Chart<'_, '_>,
    record: &PaybackRecord,
    lines: &[Line],
    months: f64,
) -> Result<(), DrawError> {
    let found = record
        .answer
        .payback_months
        .filter(|found| found.0 <= months);
    let has_price = record.answer.marginal_price_usd.0 >= 0.0;
    let (Some(Months(found)), Some(cloud)) = (found.filter(|_| has_price), lines.first()) else {
        return Ok(());
    };
    let mark = EmptyElement::at((found, cloud.paid.after(found)))
        + Circle::new((0, 0), 5, BLACK.filled())
        + Text::new(format!("{found:.1} months"), (10, 8), (FONT, 16));
    chart.draw_series([mark]).map_err(failed)?;
    Ok(())
}

/// Returns where the lines' names hide none of them: at the top, unless one begins there.
fn legend(lines: &[Line], most: f64) -> SeriesLabelPosition {
    /// Of the height, below the names.
    const TOP: f64 = 0.8;
    let begins = |line: &Line| line.paid.once > most * TOP;
    if lines.iter().any(begins) {
        SeriesLabelPosition::MiddleLeft
    } else {
        SeriesLabelPosition::UpperLeft
    }
}

/// Months that are drawn: a quarter more than the payback, at least the machine's life.
fn horizon(record: &PaybackRecord) -> f64 {
    /// A thousand years, after which no payback is looked for.
    const LONGEST: f64 = 12_000.0;
    let payback = record
        .answer
        .payback_months
        .map_or(0.0, |months| months.0 * 1.25);
    let life = record.assumptions.lifetime_months.0;
    payback.max(life).clamp(6.0, LONGEST).ceil()
}

fn lines(record: &PaybackRecord) -> Vec<Line> {
    let terms = &record.assumptions;
    let fall = terms.cloud_fall_per_month;
    let to_cloud = |monthly: f64| {
        let paid = |fall: f64| Paid {
            once: 0.0,
            monthly: 0.0,
            falling: monthly,
            fall,
        };
        let falling = record.range_cloud_fall_per_month;
        (
            paid(fall),
            (falling > fall).then(|| [paid(fall), paid(falling)]),
        )
    };
    let (paid, band) = to_cloud(record.answer.cloud_usd_per_month.0);
    let mut lines = vec![
        Line {
            name: format!("cloud, {}", record.cloud),
            colour: CLOUD,
            paid,
            band,
            is_out_of_reach: false,
        },
        own(record),
    ];
    if let Some(hosted) = &record.hosted {
        let (paid, band) = to_cloud(hosted.answer.cloud_usd_per_month.0);
        lines.push(Line {
            name: format!("same model hosted, {}", hosted.cloud),
            colour: HOSTED,
            paid,
            band,
            is_out_of_reach: false,
        });
    }
    lines
}

/// The line of the machine; its band is that of the speeds, which say how long it draws power.
fn own(record: &PaybackRecord) -> Line {
    let (terms, answer) = (&record.assumptions, &record.answer);
    let is_out_of_reach = answer.verdict == Verdict::Infeasible;
    let price = answer.marginal_price_usd.0;
    let name = match terms.alternative_price_usd.0 {
        none if none <= 0.0 => format!("own machine, {price:.0} USD"),
        _ if price < 0.0 => format!("own machine, {:.0} USD less than another", -price),
        _ => format!("own machine, {price:.0} USD more than another"),
    };
    let paid = |terms: &Terms| Paid {
        once: price,
        monthly: terms.flow(&terms.whole_volume()).running.0,
        falling: answer.cloud_usd_per_month.0 * terms.escalated,
        fall: terms.cloud_fall_per_month,
    };
    let at = |pick: fn(&Rate) -> Option<TokensPerSecond>| {
        let rate = |rate: &Rate| pick(rate).unwrap_or(rate.tps);
        paid(&Terms {
            decode_tps: rate(&record.decode),
            prefill_tps: rate(&record.prefill),
            ..terms.clone()
        })
    };
    let has_band = [record.decode, record.prefill]
        .iter()
        .any(|rate| rate.low.is_some());
    Line {
        name: if is_out_of_reach {
            format!(
                "{name}: out of reach, it would be busy {:.0} %",
                answer.duty * 100.0
            )
        } else {
            name
        },
        colour: LOCAL,
        paid: paid(terms),
        band: has_band.then(|| [at(|rate| rate.low), at(|rate| rate.high)]),
        is_out_of_reach,
    }
}

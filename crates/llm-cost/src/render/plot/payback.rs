//! What is paid over the months, with the crossover marked.

use plotters::prelude::*;

use super::super::format::verdict;
use super::{DrawError, FONT, LOCAL, draw, failed};
use crate::payback::Verdict;
use crate::record::PaybackRecord;

const CLOUD: RGBColor = RGBColor(200, 70, 40);
const HOSTED: RGBColor = RGBColor(220, 150, 30);

/// A line of cumulative cost.
struct Line {
    name: String,
    colour: RGBColor,
    /// US dollars after each month, from 0.
    sums: Vec<f64>,
    /// Whether nobody can get there, so that it is drawn in dashes.
    is_out_of_reach: bool,
}

/// Draws what is paid over the months: to the cloud, for the machine, and to the same model hosted.
///
/// # Errors
/// [`DrawError`], which no picture has met yet.
pub fn payback(record: &PaybackRecord) -> Result<String, DrawError> {
    let lines = lines(record, horizon(record));
    let sums = || lines.iter().flat_map(|line| &line.sums);
    let most = sums().fold(1.0_f64, |most, &sum| most.max(sum));
    // A machine that costs less than what would be bought anyway begins below nothing.
    let least = sums().fold(0.0_f64, |least, &sum| least.min(sum));
    let months = horizon(record) as f64;
    draw(|root| {
        let title = format!("{} - {}", record.cloud, verdict(&record.answer));
        let mut chart = ChartBuilder::on(root)
            .caption(title, (FONT, 22))
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
            let points = line
                .sums
                .iter()
                .enumerate()
                .map(|(month, &sum)| (month as f64, sum));
            let (colour, is_out_of_reach) = (line.colour, line.is_out_of_reach);
            let style = colour.stroke_width(2);
            let drawn = if is_out_of_reach {
                chart.draw_series(DashedLineSeries::new(points, 4, 8, style))
            } else {
                chart.draw_series(LineSeries::new(points, style))
            };
            drawn
                .map_err(failed)?
                .label(line.name.clone())
                .legend(move |(x, y)| {
                    let length = if is_out_of_reach { 6 } else { 18 };
                    PathElement::new([(x, y), (x + length, y)], colour.stroke_width(2))
                });
        }
        if let Some(months) = record
            .answer
            .payback_months
            .filter(|payback| record.answer.verdict == Verdict::Pays && payback.0 <= months)
            .filter(|_| record.answer.marginal_price_usd.0 >= 0.0)
        {
            let sum = crossing(&lines, months.0);
            let label = format!("{:.1} months", months.0);
            let mark = EmptyElement::at((months.0, sum))
                + Circle::new((0, 0), 5, BLACK.filled())
                + Text::new(label, (10, 8), (FONT, 16));
            chart.draw_series([mark]).map_err(failed)?;
        }
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

/// Returns where the lines' names hide none of them: at the top, unless one begins there.
fn legend(lines: &[Line], most: f64) -> SeriesLabelPosition {
    /// Of the height, below the names.
    const TOP: f64 = 0.8;
    let begins = |line: &Line| line.sums.first().is_some_and(|sum| *sum > most * TOP);
    if lines.iter().any(begins) {
        SeriesLabelPosition::MiddleLeft
    } else {
        SeriesLabelPosition::UpperLeft
    }
}

/// Months that are drawn: a quarter more than the payback, at least the machine's life.
fn horizon(record: &PaybackRecord) -> usize {
    /// A thousand years, after which no payback is looked for.
    const LONGEST: f64 = 12_000.0;
    let payback = record
        .answer
        .payback_months
        .map_or(0.0, |months| months.0 * 1.25);
    let life = record.assumptions.lifetime_months.0;
    payback.max(life).clamp(6.0, LONGEST).ceil() as usize
}

fn lines(record: &PaybackRecord, months: usize) -> Vec<Line> {
    let terms = &record.assumptions;
    let answer = &record.answer;
    let fall = 1.0 - terms.cloud_fall_per_month;
    let sums = |start: f64, monthly: &dyn Fn(i32) -> f64| {
        let mut sum = start;
        let mut sums = vec![sum];
        for month in 0..months {
            sum += monthly(month as i32);
            sums.push(sum);
        }
        sums
    };
    let cloud = answer.cloud_usd_per_month.0;
    let running = answer.power_usd_per_month.0 + terms.upkeep_usd_per_month.0;
    let escalated = cloud * terms.escalated;
    let is_feasible = answer.verdict != Verdict::Infeasible;
    let price = answer.marginal_price_usd.0;
    let own = match terms.alternative_price_usd.0 {
        none if none <= 0.0 => format!("own machine, {price:.0} USD"),
        _ if price < 0.0 => format!("own machine, {:.0} USD less than another", -price),
        _ => format!("own machine, {price:.0} USD more than another"),
    };
    let mut lines = vec![
        Line {
            name: format!("cloud, {}", record.cloud),
            colour: CLOUD,
            sums: sums(0.0, &|month| cloud * fall.powi(month)),
            is_out_of_reach: false,
        },
        Line {
            name: if is_feasible {
                own
            } else {
                format!(
                    "{own}: out of reach, it would be busy {:.0} %",
                    answer.duty * 100.0
                )
            },
            is_out_of_reach: !is_feasible,
            colour: LOCAL,
            sums: sums(answer.marginal_price_usd.0, &|month| {
                running + escalated * fall.powi(month)
            }),
        },
    ];
    if let Some(hosted) = &record.hosted {
        let asked = hosted.answer.cloud_usd_per_month.0;
        lines.push(Line {
            name: format!("same model hosted, {}", hosted.cloud),
            colour: HOSTED,
            sums: sums(0.0, &|month| asked * fall.powi(month)),
            is_out_of_reach: false,
        });
    }
    lines
}

/// What the cloud has been paid at the crossing, between two months in proportion.
fn crossing(lines: &[Line], months: f64) -> f64 {
    let Some(cloud) = lines.first() else {
        return 0.0;
    };
    let before = months.floor() as usize;
    let paid = |month: usize| {
        let sum = cloud.sums.get(month).or(cloud.sums.last());
        sum.copied().unwrap_or(0.0)
    };
    paid(before) + (paid(before + 1) - paid(before)) * (months - months.floor())
}

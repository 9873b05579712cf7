//! Answers as pictures in SVG, made without any font of the system: cumulative cost over the months, and
//! speed against memory.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use llm_cost::record::{Body, FloorRecord, PaybackRecord};
use llm_cost::{Gib, Verdict};
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::table::{short, verdict};

const SIZE: (u32, u32) = (960, 600);
const FONT: &str = "sans-serif";
const CLOUD: RGBColor = RGBColor(200, 70, 40);
const LOCAL: RGBColor = RGBColor(30, 100, 180);
const HOSTED: RGBColor = RGBColor(220, 150, 30);

/// Writes a picture to a file.
pub(crate) fn write(path: &Path, svg: &str) -> Result<()> {
    std::fs::write(path, svg).with_context(|| format!("cannot write '{}'", path.display()))
}

/// Draws on a white ground.
fn draw(picture: impl FnOnce(&DrawingArea<SVGBackend<'_>, Shift>) -> Result<()>) -> Result<String> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&WHITE).map_err(failed)?;
        picture(&root)?;
        root.present().map_err(failed)?;
    }
    Ok(svg)
}

fn failed(reason: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("cannot draw: {reason}")
}

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
pub(crate) fn payback(record: &PaybackRecord) -> Result<String> {
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
            let colour = line.colour;
            let style = colour.stroke_width(2);
            let drawn = if line.is_out_of_reach {
                chart.draw_series(DashedLineSeries::new(points, 4, 8, style))
            } else {
                chart.draw_series(LineSeries::new(points, style))
            };
            drawn
                .map_err(failed)?
                .label(line.name.clone())
                .legend(move |(x, y)| {
                    PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2))
                });
        }
        if let Some(months) = record
            .answer
            .payback_months
            .filter(|at| record.answer.verdict == Verdict::Pays && at.0 <= months)
            .filter(|_| record.answer.marginal_price_usd.0 >= 0.0)
        {
            let sum = crossing(&lines, months.0);
            let label = format!("{:.1} months", months.0);
            let mark = EmptyElement::at((months.0, sum))
                + Circle::new((0, 0), 5, BLACK.filled())
                + Text::new(label, (10, -18), (FONT, 16));
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
    let own = format!("own machine, {:.0} USD", answer.marginal_price_usd.0);
    let mut lines = vec![
        Line {
            name: format!("cloud, {}", record.cloud),
            colour: CLOUD,
            sums: sums(0.0, &|month| cloud * fall.powi(month)),
            is_out_of_reach: false,
        },
        Line {
            name: match is_feasible {
                true => own,
                false => format!(
                    "{own}: out of reach, it would be busy {:.0} %",
                    answer.duty * 100.0
                ),
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
    let at = |month: usize| {
        cloud
            .sums
            .get(month)
            .or(cloud.sums.last())
            .copied()
            .unwrap_or(0.0)
    };
    at(before) + (at(before + 1) - at(before)) * (months - months.floor())
}

/// A name that is drawn: from and to which pixel, and on which line.
struct Taken {
    from: i32,
    to: i32,
    line: i32,
}

/// Returns how many pixels right and below of its point a name finds room inside the picture, the nearest
/// first; a negative number is to the left, or above.
fn free(taken: &mut Vec<Taken>, (x, y): (i32, i32), name: &str) -> (i32, i32) {
    /// Pixels of a line and of a letter of the names' font.
    const LINE: i32 = 12;
    const LETTER: i32 = 7;
    /// Between the title and the axis' numbers.
    const LINES: std::ops::RangeInclusive<i32> = 54..=536;
    /// Between the axis' numbers and the margin.
    const COLUMNS: std::ops::RangeInclusive<i32> = 80..=944;
    let width = LETTER * name.chars().count() as i32;
    let span = |right: i32| (x + right, x + right + width);
    let is_free = |&(right, down): &(i32, i32)| {
        let ((from, to), line) = (span(right), y + down);
        let over =
            |other: &Taken| from < other.to && other.from < to && (line - other.line).abs() < LINE;
        COLUMNS.contains(&from)
            && COLUMNS.contains(&to)
            && LINES.contains(&line)
            && !taken.iter().any(over)
    };
    let steps = (0..90).flat_map(|step| [step * LINE / 2, -step * LINE / 2]);
    let places = steps.flat_map(|down| [(7, down), (-7 - width, down)]);
    let (right, down) = { places }.find(is_free).unwrap_or((7, 0));
    let (from, to) = span(right);
    taken.push(Taken {
        from,
        to,
        line: y + down,
    });
    (right, down)
}

/// A machine with a predicted speed.
struct Point<'a> {
    row: &'a FloorRecord,
    memory: f64,
    tps: f64,
    /// Ends of the band; the speed itself where there is none.
    low: f64,
    high: f64,
}

impl<'a> Point<'a> {
    fn new(body: &'a Body, by_need: bool) -> Option<Self> {
        let Body::Floor(row) = body else {
            return None;
        };
        let rate = row.decode.filter(|_| row.fits)?;
        let end = |end: Option<llm_cost::TokensPerSecond>| end.unwrap_or(rate.tps).0;
        Some(Self {
            row,
            memory: Gib::from(if by_need {
                row.need_bytes
            } else {
                row.usable_bytes
            })
            .0,
            tps: rate.tps.0,
            low: end(rate.low),
            high: end(rate.high),
        })
    }
}

/// Whether all that is drawn are models of one machine.
fn is_one_machine(bodies: &[Body]) -> bool {
    let rows = bodies.iter().filter_map(|body| match body {
        Body::Floor(row) => Some((row.machine.as_str(), row.model.as_str())),
        _ => None,
    });
    let (machines, models): (BTreeSet<&str>, BTreeSet<&str>) = rows.unzip();
    machines.len() == 1 && models.len() > 1
}

/// Returns the least and the largest.
fn ends(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, 0.0_f64), |ends, value| {
        (ends.0.min(value), ends.1.max(value))
    })
}

/// Draws predicted decode against memory, with bands; both axes logarithmic. The memory is what a machine
/// has, or of one machine what each model needs.
pub(crate) fn floor(bodies: &[Body]) -> Result<String> {
    let by_need = is_one_machine(bodies);
    let points = bodies.iter().filter_map(|body| Point::new(body, by_need));
    let mut points: Vec<Point<'_>> = points.collect();
    // From the top down, so that names which have to move keep the points' order.
    points.sort_by(|a, b| b.tps.total_cmp(&a.tps));
    if points.is_empty() {
        bail!("there is no machine with a predicted speed to draw");
    }
    let memory = ends(points.iter().map(|point| point.memory));
    let speed = ends(points.iter().flat_map(|point| [point.low, point.high]));
    let name = |point: &Point<'_>| format!("{}:{}", point.row.model, point.row.quant);
    let models: BTreeSet<String> = points.iter().map(name).collect();
    let machines: BTreeSet<&str> = points.iter().map(|it| it.row.machine.as_str()).collect();
    // What all points have in common stands above, the rest beside each.
    let (title, label): (String, fn(&FloorRecord) -> String) = match (models.len(), machines.len())
    {
        (1, _) => (models.into_iter().collect(), |row| row.machine.clone()),
        (_, 1) => (machines.into_iter().collect(), |row| {
            format!("{}:{}", row.model, row.quant)
        }),
        (count, _) => (format!("{count} models"), |row| {
            format!("{} on {}", row.model, row.machine)
        }),
    };
    draw(|root| {
        let mut chart = ChartBuilder::on(root)
            .caption(title, (FONT, 22))
            .margin(16)
            .x_label_area_size(44)
            .y_label_area_size(64)
            .build_cartesian_2d(
                (memory.0 * 0.8..memory.1 * 1.9).log_scale(),
                (speed.0 * 0.8..speed.1 * 1.25).log_scale(),
            )
            .map_err(failed)?;
        chart
            .configure_mesh()
            .x_desc(if by_need {
                "memory that the model needs, GiB"
            } else {
                "memory for a model, GiB"
            })
            .y_desc("predicted decode, tokens/s")
            .x_label_formatter(&|memory| short(*memory))
            .y_label_formatter(&|rate| short(*rate))
            .light_line_style(WHITE)
            .draw()
            .map_err(failed)?;
        let mut taken: Vec<Taken> = Vec::new();
        for Point {
            row,
            memory,
            tps,
            low,
            high,
        } in points
        {
            let band = PathElement::new([(memory, low), (memory, high)], LOCAL.mix(0.4));
            chart.draw_series([band]).map_err(failed)?;
            let place = chart.backend_coord(&(memory, tps));
            let name = label(row);
            let (right, down) = free(&mut taken, place, &name);
            let mark = EmptyElement::at((memory, tps))
                + Circle::new((0, 0), 4, LOCAL.filled())
                // Leads to a name that had to move.
                + PathElement::new([(0, 0), (6 * right.signum(), down)], BLACK.mix(0.3))
                + Text::new(name, (right, -6 + down), (FONT, 11));
            chart.draw_series([mark]).map_err(failed)?;
        }
        Ok(())
    })
}

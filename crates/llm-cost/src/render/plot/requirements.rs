//! Predicted speed against memory: a point a machine, or a model of one machine, or, of many models on many
//! machines, a model on its fastest.

use std::collections::{BTreeMap, BTreeSet};

use plotters::coord::combinators::{LogCoord, WithKeyPoints};
use plotters::prelude::*;

use super::super::format::short;
use super::labels::Labels;
use super::{DrawError, FONT, LOCAL, draw, failed};
use crate::counted::counted;
use crate::record::{Body, FloorRecord};
use crate::units::{Gib, TokensPerSecond};

/// Colours of models, where there are few enough to tell apart.
const COLOURS: [RGBColor; 6] = [
    LOCAL,
    RGBColor(200, 70, 40),
    RGBColor(40, 140, 80),
    RGBColor(150, 80, 170),
    RGBColor(190, 140, 20),
    RGBColor(90, 90, 90),
];

/// Points of which only those with a name are drawn large and with their bands.
const CROWD: usize = 150;

/// How many points have a name in a crowd.
const NAMES: usize = 40;

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
        let end = |end: Option<TokensPerSecond>| end.unwrap_or(rate.tps).0;
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

    fn model(&self) -> String {
        format!("{}:{}", self.row.model, self.row.quant)
    }
}

/// What is drawn.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// What machines have, for one model or a few.
    Machines,
    /// What models need, of one machine.
    Models,
    /// What models need, each on its fastest machine.
    Fastest,
}

impl Kind {
    fn choose(bodies: &[Body]) -> Self {
        let rows = bodies.iter().filter_map(|body| match body {
            Body::Floor(row) => Some((row.machine.as_str(), row.model.as_str())),
            _ => None,
        });
        let (machines, models): (BTreeSet<&str>, BTreeSet<&str>) = rows.unzip();
        match (machines.len(), models.len()) {
            (_, 0 | 1) => Self::Machines,
            (1, _) => Self::Models,
            (_, few) if few <= COLOURS.len() => Self::Machines,
            _ => Self::Fastest,
        }
    }

    fn points(self, bodies: &[Body]) -> Vec<Point<'_>> {
        let by_need = self != Self::Machines;
        let points = bodies.iter().filter_map(|body| Point::new(body, by_need));
        if self != Self::Fastest {
            return points.collect();
        }
        let mut fastest: BTreeMap<String, Point<'_>> = BTreeMap::new();
        for point in points {
            let model = point.model();
            let is_beaten = |other: &Point<'_>| other.tps >= point.tps;
            if !fastest.get(&model).is_some_and(is_beaten) {
                fastest.insert(model, point);
            }
        }
        fastest.into_values().collect()
    }
}

/// Returns the least and the largest.
fn ends(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, 0.0_f64), |ends, value| {
        (ends.0.min(value), ends.1.max(value))
    })
}

/// Puts the points first that no other beats, faster with no more memory, each kind from the top down: they
/// get their names first.
fn sort(points: &mut [Point<'_>]) {
    let is_beaten = |point: &Point<'_>, points: &[Point<'_>]| {
        let beats = |other: &Point<'_>| other.memory <= point.memory && other.tps > point.tps;
        points.iter().any(beats)
    };
    let beaten: Vec<bool> = points
        .iter()
        .map(|point| is_beaten(point, points))
        .collect();
    let mut order: Vec<usize> = (0..points.len()).collect();
    let speed = |index: usize| points.get(index).map_or(0.0, |point| point.tps);
    order.sort_by(|&a, &b| {
        let by_kind = beaten.get(a).cmp(&beaten.get(b));
        by_kind.then(speed(b).total_cmp(&speed(a)))
    });
    let mut rank = vec![0; points.len()];
    for (place, &index) in order.iter().enumerate() {
        if let Some(rank) = rank.get_mut(index) {
            *rank = place;
        }
    }
    let mut ranks = rank.into_iter();
    points.sort_by_cached_key(|_| ranks.next());
}

/// How the points are told apart.
struct Legend {
    title: String,
    /// Those with a colour of their own.
    models: Vec<String>,
    /// What stands beside a point.
    label: fn(&Point<'_>) -> String,
}

impl Legend {
    /// What all points have in common stands above, the rest beside each.
    fn new(kind: Kind, points: &[Point<'_>]) -> Self {
        let models: BTreeSet<String> = points.iter().map(Point::model).collect();
        let models: Vec<String> = models.into_iter().collect();
        match (kind, models.len()) {
            (Kind::Machines, 1) => Self {
                title: format!("{}: machines with their prices in USD", models.concat()),
                models: Vec::new(),
                label: machine,
            },
            (Kind::Machines, count) => Self {
                title: format!("{count} models: machines with their prices in USD"),
                models,
                label: machine,
            },
            (Kind::Models, _) => Self {
                title: points
                    .first()
                    .map_or_else(String::new, |point| format!("{} USD", machine(point))),
                models: Vec::new(),
                label: |point| point.model(),
            },
            (Kind::Fastest, count) => Self {
                title: format!(
                    "{}, each on its fastest machine (price in USD)",
                    counted(count, "model", "models")
                ),
                models: Vec::new(),
                label: |point| format!("{} on {}", point.row.model, machine(point)),
            },
        }
    }

    /// Returns the ends of the axis of speeds with room for the models above all points.
    fn above(&self, (least, most): (f64, f64)) -> (f64, f64) {
        /// Pixels of the axis, of a model's line, and of the box around them.
        const AXIS: f64 = 497.0;
        const LINE: f64 = 22.0;
        const FRAME: f64 = 24.0;
        if self.models.is_empty() {
            return (least, most);
        }
        let share = (self.models.len() as f64 * LINE + FRAME) / AXIS;
        (least, most * (most / least).powf(share / (1.0 - share)))
    }

    fn colour(&self, point: &Point<'_>) -> RGBColor {
        let model = point.model();
        let index = self.models.iter().position(|other| *other == model);
        let colour = index.and_then(|index| COLOURS.get(index));
        colour.copied().unwrap_or(LOCAL)
    }
}

/// A machine's name with its price in US dollars, as short as it can be read.
fn machine(point: &Point<'_>) -> String {
    let about = if point.row.price_assumed { "~" } else { "" };
    match point.row.price_usd {
        Some(price) => format!("{} {about}{:.0}", point.row.machine, price.0),
        None => point.row.machine.clone(),
    }
}

/// Draws predicted decode against memory, with bands; both axes logarithmic.
///
/// There is nothing to draw where no speed could be predicted.
///
/// # Errors
/// [`DrawError`], which no picture has met yet.
pub fn requirements(bodies: &[Body]) -> Result<Option<String>, DrawError> {
    let kind = Kind::choose(bodies);
    let mut points = kind.points(bodies);
    sort(&mut points);
    if points.is_empty() {
        return Ok(None);
    }
    let context = points.first().map_or(0.0, |point| point.row.context);
    let memory = ends(points.iter().map(|point| point.memory));
    let speed = ends(points.iter().flat_map(|point| [point.low, point.high]));
    let legend = Legend::new(kind, &points);
    let memory = (memory.0 * 0.8, memory.1 * 1.9);
    let speed = legend.above((speed.0 * 0.8, speed.1 * 1.25));
    let svg = draw(|root| {
        let mut chart = ChartBuilder::on(root)
            .caption(&legend.title, (FONT, 22))
            .margin(16)
            .x_label_area_size(44)
            .y_label_area_size(64)
            .build_cartesian_2d(
                (memory.0..memory.1)
                    .log_scale()
                    .with_key_points(ticks(memory)),
                (speed.0..speed.1).log_scale().with_key_points(ticks(speed)),
            )
            .map_err(failed)?;
        chart
            .configure_mesh()
            .x_desc(if kind != Kind::Machines {
                "memory that the model needs, GiB"
            } else {
                "memory for a model, GiB"
            })
            .y_desc(format!(
                "predicted decode with {context} tokens of context, tokens/s"
            ))
            .x_label_formatter(&|memory| short(*memory))
            .y_label_formatter(&|rate| short(*rate))
            .light_line_style(WHITE)
            .draw()
            .map_err(failed)?;
        let named = draw_points(&mut chart, &points, &legend)?;
        if named < points.len() {
            let note = format!("{named} of {} points are named", points.len());
            let corner = (80, 582);
            let note = Text::new(note, corner, (FONT, 12).into_font().color(&BLACK.mix(0.6)));
            root.draw(&note).map_err(failed)?;
        }
        draw_models(&mut chart, &legend)
    });
    svg.map(Some)
}

/// Draws points with their bands and names; returns how many found room for theirs.
fn draw_points(
    chart: &mut Chart<'_, '_>,
    points: &[Point<'_>],
    legend: &Legend,
) -> Result<usize, DrawError> {
    let mut labels = Labels::default();
    for point in points {
        labels.keep_off(chart.backend_coord(&(point.memory, point.tps)));
    }
    let is_crowd = points.len() > CROWD;
    let mut named = 0;
    for point in points {
        let (position, colour) = ((point.memory, point.tps), legend.colour(point));
        let name = (legend.label)(point);
        let wants_name = !is_crowd || named < NAMES;
        let place = wants_name
            .then(|| labels.place(chart.backend_coord(&position), &name))
            .flatten();
        if place.is_some() || !is_crowd {
            let band = [(point.memory, point.low), (point.memory, point.high)];
            let band = PathElement::new(band, colour.mix(0.35));
            chart.draw_series([band]).map_err(failed)?;
        }
        let size = if is_crowd && place.is_none() { 2 } else { 4 };
        let dot = Circle::new(position, size, colour.filled());
        chart.draw_series([dot]).map_err(failed)?;
        let Some((right, down)) = place else {
            continue;
        };
        named += 1;
        let mark = EmptyElement::at(position)
            // Leads to a name that had to move.
            + PathElement::new([(0, 0), (6 * right.signum(), down)], BLACK.mix(0.3))
            + Text::new(name, (right, -6 + down), (FONT, 11));
        chart.draw_series([mark]).map_err(failed)?;
    }
    Ok(named)
}

/// Returns round numbers inside a logarithmic axis, as many as there is room for.
fn ticks((least, most): (f64, f64)) -> Vec<f64> {
    let decades = (most / least).log10();
    let steps: &[f64] = if decades > 3.0 {
        &[1.0]
    } else if decades > 1.2 {
        &[1.0, 2.0, 5.0]
    } else {
        &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0]
    };
    let powers = least.log10().floor() as i32..=most.log10().ceil() as i32;
    let ticks = powers.flat_map(|power| steps.iter().map(move |step| step * 10_f64.powi(power)));
    ticks.filter(|tick| (least..=most).contains(tick)).collect()
}

/// A chart with two logarithmic axes.
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Axis, Axis>>;

/// A logarithmic axis with ticks of our own.
type Axis = WithKeyPoints<LogCoord<f64>>;

/// Says which colour is whose.
fn draw_models<'a, 'b: 'a>(chart: &mut Chart<'a, 'b>, legend: &Legend) -> Result<(), DrawError> {
    if legend.models.is_empty() {
        return Ok(());
    }
    for (model, colour) in legend.models.iter().zip(COLOURS) {
        let none = std::iter::empty::<Circle<(f64, f64), i32>>();
        let series = chart.draw_series(none).map_err(failed)?;
        series
            .label(model)
            .legend(move |(x, y)| Circle::new((x + 9, y), 4, colour.filled()));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.9))
        .border_style(BLACK.mix(0.3))
        .label_font((FONT, 15))
        .draw()
        .map_err(failed)
}

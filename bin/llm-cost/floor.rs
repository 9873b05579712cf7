//! `floor`: which models, which machines, in which order. What one needs is `need`'s business, how the one
//! runs the other `row`'s.

mod need;
mod row;

use anyhow::{Result, bail};
use llm_cli::cost::{CacheKind, FloorArgs};
use llm_cli::{Context, Reads};
use llm_cost::catalogue::Machine;
use llm_cost::record::{Body, FloorRecord, UsedRow};
use llm_cost::{CacheType, Shape};

use crate::data::{Data, machine_row};
use crate::show::Writer;
use crate::{explain, header, here, input, plot, table};

pub(crate) fn run(
    args: &FloorArgs,
    data: &Data,
    reads: &Reads,
    context: &Context,
    writer: &mut Writer,
) -> Result<()> {
    let plot = plot::Target::check(&args.plot, reads)?;
    let floor = Floor {
        args,
        data,
        kind: cache_type(args.cache_type),
        here: args.this_machine.then(here::measured).transpose()?,
    };
    let machines = floor.machines()?;
    let named = floor.models(context, machines.is_some())?;
    let by_machine = named.is_none();
    let shapes = named.unwrap_or_else(|| floor.all_models());
    let mut bodies = Vec::new();
    if !by_machine {
        floor.warn_of_context(&shapes, context);
        bodies.extend(shapes.iter().map(|shape| Body::Need(floor.need(shape))));
    }
    for shape in &shapes {
        let rows = match &machines {
            Some(machines) => machines
                .iter()
                .map(|machine| floor.row(shape, machine))
                .filter(|row| (row.fits || !by_machine) && floor.is_within(row))
                .collect(),
            None => floor.holding(shape),
        };
        bodies.extend(rows.into_iter().map(|row| Body::Floor(Box::new(row))));
    }
    if !bodies.iter().any(|body| matches!(body, Body::Floor(_))) {
        context.messages.warning(floor.nothing(by_machine));
    }
    if let Some(machines) = &machines {
        floor.warn_of_budget(machines, context);
    }
    data.warn_of_age(&floor.used(&bodies));
    if let Some(plot) = plot {
        match plot::floor(&bodies)? {
            Some(svg) => plot.write(&svg)?,
            None => context.messages.warning(format_args!(
                "there is no machine with a predicted speed to draw, so '{}' is not written; name another \
                 machine, a smaller model or a larger budget",
                plot.path.display()
            )),
        }
    }
    if args.explain.explain {
        return Ok(writer.text(&explain::floor(
            &bodies,
            &shapes,
            &data.catalogue,
            args.context,
            floor.kind,
        ))?);
    }
    Ok(writer.answer(bodies, table::floor)?)
}

struct Floor<'a> {
    args: &'a FloorArgs,
    data: &'a Data,
    kind: CacheType,
    /// This machine, where it is asked for.
    here: Option<here::Here>,
}

impl Floor<'_> {
    /// Returns the machines that are asked for; nothing where all are.
    fn machines(&self) -> Result<Option<Vec<Machine>>> {
        if let Some(here) = &self.here {
            return Ok(Some(vec![here.machine.clone()]));
        }
        if self.args.machine.is_empty() {
            return Ok(None);
        }
        let catalogue = &self.data.catalogue;
        let found = self
            .args
            .machine
            .iter()
            .map(|name| catalogue.machine(name).cloned());
        Ok(Some(found.collect::<Result<_, _>>()?))
    }

    /// Returns the models that are asked for; nothing where all that a machine runs are.
    fn models(&self, context: &Context, has_machine: bool) -> Result<Option<Vec<Shape>>> {
        let catalogue = &self.data.catalogue;
        let is_stdin = self.args.models == ["-"];
        if !is_stdin && !self.args.models.is_empty() {
            let found = self
                .args
                .models
                .iter()
                .map(|name| header::named(name, catalogue));
            return Ok(Some(found.collect::<Result<_>>()?));
        }
        // A machine or a budget alone is a question too, which needs no input.
        if !is_stdin && (has_machine || self.args.budget.is_some()) {
            if input::is_fed() {
                context.messages.note(
                    "standard input is not read where a machine or a budget is named; give '-' for its \
                     'model' records",
                );
            }
            return Ok(None);
        }
        let text = input::text(std::path::Path::new("-"), context)?;
        let (shapes, others) = header::recorded(&text, catalogue);
        if others > 0 {
            context.messages.note(format_args!(
                "passed over: {others} lines that are no 'model' records"
            ));
        }
        if shapes.is_empty() {
            bail!(
                "no model is named; write llm-cost floor MODEL, or send it 'model' records (llm-pull show \
                 MODEL | llm-cost floor)"
            );
        }
        Ok(Some(shapes.into_iter().collect::<Result<_>>()?))
    }

    /// Returns all models of the catalogue, the largest first.
    fn all_models(&self) -> Vec<Shape> {
        let catalogue = &self.data.catalogue;
        let shapes = catalogue
            .models
            .iter()
            .filter_map(|model| catalogue.shape(&model.id).ok());
        let mut shapes: Vec<Shape> = shapes.collect();
        shapes.sort_by(|a, b| b.params_b.total_cmp(&a.params_b));
        shapes
    }

    /// Returns rows of the machines that hold a model: within a budget the fastest first, else the
    /// cheapest.
    fn holding(&self, shape: &Shape) -> Vec<FloorRecord> {
        let machines = self.data.catalogue.machines.iter();
        let rows = machines.map(|machine| self.row(shape, machine));
        let mut rows: Vec<FloorRecord> =
            rows.filter(|row| row.fits && self.is_within(row)).collect();
        let price = |row: &FloorRecord| row.price_usd.map_or(f64::INFINITY, |price| price.0);
        let speed = |row: &FloorRecord| row.decode.map_or(0.0, |rate| rate.tps.0);
        if self.args.budget.is_some() {
            rows.sort_by(|a, b| {
                speed(b)
                    .total_cmp(&speed(a))
                    .then(price(a).total_cmp(&price(b)))
            });
            if let Some(first) = rows.first_mut() {
                first.best = true;
            }
        } else {
            rows.sort_by(|a, b| price(a).total_cmp(&price(b)));
        }
        rows
    }

    /// Whether a machine is within the budget, where there is one.
    fn is_within(&self, row: &FloorRecord) -> bool {
        match (self.args.budget, row.price_usd) {
            (Some(budget), Some(price)) => price.0 <= budget,
            (Some(_), None) => false,
            (None, _) => true,
        }
    }

    /// Says which of the machines that are named cost more than the budget, or nobody knows what.
    fn warn_of_budget(&self, machines: &[Machine], context: &Context) {
        let Some(budget) = self.args.budget else {
            return;
        };
        let over = machines
            .iter()
            .filter_map(|machine| match machine.whole_price() {
                Some(price) if price.0 <= budget => None,
                Some(price) => Some(format!("'{}' ({:.0} USD)", machine.id, price.0)),
                None => Some(format!("'{}' (no price is known)", machine.id)),
            });
        let over: Vec<String> = over.collect();
        if !over.is_empty() {
            context.messages.warning(format_args!(
                "not within the budget of {budget:.0} USD: {}",
                over.join(", ")
            ));
        }
    }

    /// Warns of models that were not made for so long a context.
    fn warn_of_context(&self, shapes: &[Shape], context: &Context) {
        let tokens = self.args.context;
        let is_beyond = |shape: &&Shape| shape.context.is_some_and(|most| tokens > most as f64);
        for shape in shapes.iter().filter(is_beyond) {
            context.messages.warning(format_args!(
                "--context {tokens} is more than the {} tokens that '{}' was made for",
                shape.context.unwrap_or_default(),
                shape.model
            ));
        }
    }

    fn nothing(&self, by_machine: bool) -> String {
        match self.args.budget {
            Some(budget) if !self.args.machine.is_empty() => {
                format!("none of the machines that are named holds it for up to {budget:.0} USD")
            }
            Some(budget) => format!("no machine up to {budget:.0} USD holds it"),
            None if by_machine => "no model of the catalogue fits".to_owned(),
            None => "no machine of the catalogue holds it".to_owned(),
        }
    }

    fn used(&self, bodies: &[Body]) -> Vec<UsedRow> {
        let named = |body: &Body| match body {
            Body::Floor(row) => self
                .data
                .catalogue
                .machine(&row.machine)
                .ok()
                .map(machine_row),
            _ => None,
        };
        bodies.iter().filter_map(named).collect()
    }
}

fn cache_type(kind: CacheKind) -> CacheType {
    match kind {
        CacheKind::F16 => CacheType::F16,
        CacheKind::Q8_0 => CacheType::Q8_0,
        CacheKind::Q5_1 => CacheType::Q5_1,
        CacheKind::Q4_0 => CacheType::Q4_0,
    }
}

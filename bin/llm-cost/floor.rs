//! `floor`: models and machines → what is needed, what holds it, and how fast it would be.

use anyhow::{Result, bail};
use llm_cli::Context;
use llm_cli::cost::{CacheKind, FloorArgs};
use llm_cli::memory::available;
use llm_cost::catalogue::Machine;
use llm_cost::memory::OVERHEAD;
use llm_cost::predict::{self, Speed};
use llm_cost::record::{
    Body, FloorRecord, NeedRecord, Observed, QuantNeed, Rate, SpeedSource, UsedRow,
};
use llm_cost::{Bytes, CacheType, Gib, GigabytesPerSecond, Shape, Usd};
use llm_kernels::pool::Pool;
use llm_kernels::probe;
use llm_kernels::simd::Level;

use crate::data::{Data, machine_row};
use crate::show::Writer;
use crate::speeds::estimate;
use crate::{header, input, plot, table};

/// Quantizations that are listed beside those of files that were seen.
const USUAL: &[&str] = &["Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0", "F16"];

pub(crate) fn run(
    args: &FloorArgs,
    data: &Data,
    context: &Context,
    writer: &mut Writer,
) -> Result<()> {
    let floor = Floor {
        args,
        data,
        kind: cache_type(args.cache_type),
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
    data.warn_of_age(&floor.used(&bodies));
    if let Some(path) = &args.plot {
        plot::write(path, &plot::floor(&bodies)?)?;
    }
    Ok(writer.answer(bodies, table::floor)?)
}

struct Floor<'a> {
    args: &'a FloorArgs,
    data: &'a Data,
    kind: CacheType,
}

impl Floor<'_> {
    /// Returns the machines that are asked for; nothing where all are.
    fn machines(&self) -> Result<Option<Vec<Machine>>> {
        if self.args.this_machine {
            return Ok(Some(vec![this_machine()?]));
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

    fn row(&self, shape: &Shape, machine: &Machine) -> FloorRecord {
        let tokens = self.args.context;
        let catalogue = &self.data.catalogue;
        let fits = shape.fits(machine, tokens, self.kind);
        let speed = match fits {
            true => predict::speed(catalogue, machine, shape, tokens, self.kind),
            false => Speed::default(),
        };
        let split = (!fits && machine.kind == "gpu")
            .then(|| self.split(shape, machine))
            .flatten();
        let family = catalogue.family(&machine.family);
        let beside = split.map(|split| Rate {
            tps: split.decode,
            source: SpeedSource::Predicted,
            low: None,
            high: None,
        });
        let observed = catalogue.observation(&machine.id, &shape.model, &shape.quant);
        FloorRecord {
            model: shape.model.clone(),
            quant: shape.quant.clone(),
            context: tokens,
            cache_type: self.kind.name().to_owned(),
            weights_bytes: shape.weights,
            cache_bytes: shape.cache(tokens, self.kind),
            overhead_bytes: OVERHEAD.into(),
            need_bytes: shape.need(tokens, self.kind),
            machine: machine.id.clone(),
            usable_bytes: machine.usable_gib.into(),
            fits,
            best: false,
            decode: speed.decode.map(estimate).or(beside),
            prefill: speed.prefill.map(estimate),
            decode_error: family.and_then(|it| it.decode_error).map(Into::into),
            prefill_error: family.and_then(|it| it.prefill_error).map(Into::into),
            observed: observed.map(|row| Observed {
                decode_tps: row.decode,
                prefill_tps: row.prefill,
                watts: row.watts,
                runtime: row.runtime.clone(),
                as_of: row.as_of.clone(),
                source: row.source.clone(),
            }),
            offloaded_share: split.map(|split| split.share),
            offload_slowdown: split.map(|split| split.slowdown),
            bandwidth_gbs: machine.bandwidth_gbs,
            price_usd: machine.whole_price(),
            price_assumed: machine.price_assumed,
            load_watts: machine.whole_load(),
            as_of: machine.as_of.clone(),
        }
    }

    /// A card with the rest of the model beside it, where a usual computer holds the rest.
    fn split(&self, shape: &Shape, machine: &Machine) -> Option<predict::Offloaded> {
        let host = self.data.catalogue.machine("desktop-ddr5-64").ok()?;
        let catalogue = &self.data.catalogue;
        let split = predict::offloaded(
            catalogue,
            machine,
            shape,
            self.args.context,
            self.kind,
            host.bandwidth_gbs,
        )?;
        let rest = Gib::from(shape.weights * split.share);
        (rest <= host.usable_gib).then_some(split)
    }

    /// What a model needs in the quantizations that were seen and in the usual ones.
    fn need(&self, shape: &Shape) -> NeedRecord {
        let catalogue = &self.data.catalogue;
        let tokens = self.args.context;
        let mut quants = Vec::new();
        let mut add = |shape: &Shape, seen: bool| {
            let held = catalogue
                .machines
                .iter()
                .filter(|it| shape.fits(it, tokens, self.kind));
            let priced = held.filter_map(|machine| Some((machine, machine.whole_price()?)));
            let cheapest = priced.min_by(|a, b| a.1.0.total_cmp(&b.1.0));
            quants.push(QuantNeed {
                quant: shape.quant.clone(),
                seen,
                weights_bytes: shape.weights,
                need_bytes: shape.need(tokens, self.kind),
                cheapest_machine: cheapest.map(|(machine, _)| machine.id.clone()),
                price_usd: cheapest.map(|(_, price): (_, Usd)| price),
            });
        };
        add(shape, true);
        if let Ok(model) = catalogue.model(&shape.model) {
            let seen = model.files.iter().map(|file| (file.quant.as_str(), true));
            let is_seen = |quant: &str| model.files.iter().any(|file| file.quant == quant);
            let usual = USUAL
                .iter()
                .filter(|quant| !is_seen(quant))
                .map(|quant| (*quant, false));
            let others = seen.chain(usual).filter(|(quant, _)| *quant != shape.quant);
            for (quant, seen) in others {
                if let Ok(shape) = catalogue.shape_of(model, quant) {
                    add(&shape, seen);
                }
            }
        }
        quants.sort_by(|a, b| a.weights_bytes.0.total_cmp(&b.weights_bytes.0));
        NeedRecord {
            model: shape.model.clone(),
            params_b: shape.params_b,
            active_b: shape.active_b,
            context: tokens,
            context_length: shape.context,
            cache_type: self.kind.name().to_owned(),
            cache_bytes: shape.cache(tokens, self.kind),
            overhead_bytes: OVERHEAD.into(),
            quants,
        }
    }

    fn nothing(&self, by_machine: bool) -> String {
        match self.args.budget {
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

/// This machine: the memory that is free, and the bandwidth that llm-bench would measure.
fn this_machine() -> Result<Machine> {
    /// Several times the largest cache of the machines that we know.
    const BYTES: u64 = 512 << 20;
    let Some(memory) = available() else {
        bail!("the system does not say how much memory is free; name a machine with --machine");
    };
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let pool = Pool::new(threads)?;
    let limits = probe::measure(Level::detect()?, &pool, BYTES.min(memory / 4) as usize);
    Ok(Machine {
        id: "this-machine".to_owned(),
        name: "this machine".to_owned(),
        family: "cpu".to_owned(),
        kind: "cpu".to_owned(),
        memory_gib: Bytes(memory as f64).into(),
        usable_gib: Bytes(memory as f64).into(),
        bandwidth_gbs: GigabytesPerSecond(limits.read_bytes_per_second / 1e9),
        ..Machine::default()
    })
}

//! How fast the machine is: by flags, else by records, else by the predictor; and which it was.

use anyhow::{Result, bail};
use llm_cost::predict::{self, Estimate, Speed};
use llm_cost::record::{Rate, SpeedSource};
use llm_cost::used::Used;
use llm_cost::{CacheType, Gib, TokensPerSecond, Volume};

use crate::data::Data;
use crate::terms::{Combination, Flags};

/// Rates of `bench` records, else those of completions.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Measured {
    pub(crate) decode: Option<TokensPerSecond>,
    pub(crate) prefill: Option<TokensPerSecond>,
}

impl Measured {
    /// Takes the rates of records.
    pub(crate) fn of(used: &Used) -> Self {
        let (bench, run) = (used.benched(), used.measured());
        Self {
            decode: bench.0.or(run.0),
            prefill: bench.1.or(run.1),
        }
    }

    /// Takes these rates first.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            decode: self.decode.or(other.decode),
            prefill: self.prefill.or(other.prefill),
        }
    }
}

/// Finds both rates: given, measured, or predicted.
pub(crate) fn rates(
    flags: Flags<'_>,
    of: Combination<'_>,
    volume: &Volume,
    data: &Data,
    notes: &mut Vec<String>,
) -> Result<(Rate, Rate)> {
    let given = |tps: Option<f64>| tps.map(|tps| exact(TokensPerSecond(tps), SpeedSource::Given));
    let measured = |tps: Option<TokensPerSecond>| tps.map(|tps| exact(tps, SpeedSource::Measured));
    let decode = given(flags.local.decode_tps).or_else(|| measured(of.measured.decode));
    let prefill = given(flags.local.prefill_tps).or_else(|| measured(of.measured.prefill));
    let predicted = match (decode, prefill) {
        (Some(_), Some(_)) => Speed::default(),
        _ => predicted(flags, of, data, notes)?,
    };
    let decode = decode.or_else(|| predicted.decode.map(estimate));
    let prefill = prefill.or_else(|| predicted.prefill.map(estimate));
    let is_measured =
        |rate: &Option<Rate>| rate.is_some_and(|it| it.source == SpeedSource::Measured);
    if let Some(machine) = of
        .machine
        .filter(|_| is_measured(&decode) || is_measured(&prefill))
    {
        notes.push(format!(
            "measured speeds are those of the machine that wrote the records, which need not be '{}'",
            machine.id
        ));
    }
    let hit = flags.local.local_cache_hit.unwrap_or(volume.cache_hit);
    let has_prompts = volume.input.0 * (1.0 - hit) > 0.0;
    match (decode, prefill) {
        (Some(decode), Some(prefill)) => Ok((decode, prefill)),
        // Nothing is read, so any rate will do.
        (Some(decode), None) if !has_prompts => Ok((decode, decode)),
        (Some(_), None) => bail!(
            "how fast the machine reads prompts is not known; give --prefill-tps, 'bench' records of \
             prompts, or --machine and --local"
        ),
        (None, _) => bail!(
            "how fast the machine generates is not known; give --decode-tps, 'bench' records, or \
             --machine and --local"
        ),
    }
}

fn exact(tps: TokensPerSecond, source: SpeedSource) -> Rate {
    Rate {
        tps,
        source,
        low: None,
        high: None,
    }
}

pub(crate) fn estimate(estimate: Estimate) -> Rate {
    Rate {
        tps: estimate.rate,
        source: SpeedSource::Predicted,
        low: estimate.low,
        high: estimate.high,
    }
}

fn predicted(
    flags: Flags<'_>,
    of: Combination<'_>,
    data: &Data,
    notes: &mut Vec<String>,
) -> Result<Speed> {
    let (Some(machine), Some((shape, _))) = (of.machine, of.local) else {
        return Ok(Speed::default());
    };
    let context = flags.local.context;
    if !shape.fits(machine, context, CacheType::F16) {
        bail!(
            "'{}:{}' needs {:.1} GiB and '{}' has {:.1} for it; llm-cost floor {} names machines that \
             hold it",
            shape.model,
            shape.quant,
            Gib::from(shape.need(context, CacheType::F16)).0,
            machine.id,
            machine.usable_gib.0,
            shape.model
        );
    }
    let speed = predict::speed(&data.catalogue, machine, shape, context);
    if speed.decode.is_some_and(|decode| decode.low.is_none()) {
        notes.push(format!(
            "all measurements of the family '{}' come from one source, so the prediction has no band",
            machine.family
        ));
    }
    Ok(speed)
}

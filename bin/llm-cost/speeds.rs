//! How fast the machine is: by flags, else by records, else by the predictor; and which it was.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use llm_cost::predict::{self, Estimate, Speed};
use llm_cost::record::{Computer, Rate, SpeedSource};
use llm_cost::used::{Measured, Used, Wanted};
use llm_cost::{CacheType, Gib, TokensPerSecond, Volume};

use crate::data::Data;
use crate::terms::{Combination, Flags};

/// Records that speeds are looked for in: a file's of `bench` first, then those that were read for the
/// volume.
#[derive(Clone, Debug, Default)]
pub(crate) struct Records {
    pub(crate) bench: Option<Used>,
    pub(crate) used: Option<Used>,
}

impl Records {
    /// Returns the rates of the model of a combination: of `bench` records, else of completions.
    fn measured(&self, flags: Flags<'_>, of: Combination<'_>, notes: &mut Vec<String>) -> Measured {
        let wanted = of.local.map(|(shape, _)| Wanted {
            model: &shape.model,
            quant: &shape.quant,
        });
        let all = || self.bench.iter().chain(&self.used);
        let benched = all().map(|used| used.benched(wanted, flags.local.context));
        let mut found = benched.reduce(Measured::or).unwrap_or_default();
        // Completions do not say where they ran, so that they are no speeds of a machine that is named
        // and can be predicted.
        let runs = all().map(|used| used.measured(wanted));
        let runs = runs.reduce(Measured::or).unwrap_or_default();
        if let Some(machine) = of.machine.filter(|_| wanted.is_some()) {
            let is_passed = found.decode.is_none() && runs.decode.is_some();
            if is_passed {
                notes.push(format!(
                    "the speeds of completions are those of the computer that they ran on, and were \
                     passed over for '{}'; --decode-tps and --prefill-tps say otherwise",
                    machine.id
                ));
            }
            found.others.extend(runs.others);
        } else {
            found = found.or(runs);
        }
        if let (Some((shape, _)), false) = (of.local, found.others.is_empty()) {
            let others: Vec<String> = found.others.iter().map(|it| format!("'{it}'")).collect();
            notes.push(format!(
                "measured speeds of another model than '{}:{}' were passed over: {}",
                shape.model,
                shape.quant,
                others.join(", ")
            ));
        }
        if let Some(depth) = found.depth {
            notes.push(format!(
                "of the measured depths, decode is that with {depth:.0} tokens in the context; --context \
                 takes another"
            ));
        }
        found
    }
}

/// Both rates, and the computers that measured ones come from.
pub(crate) struct Rates {
    pub(crate) decode: Rate,
    pub(crate) prefill: Rate,
    pub(crate) measured_on: Vec<Computer>,
}

/// Finds both rates: given, measured, or predicted.
pub(crate) fn rates(
    flags: Flags<'_>,
    of: Combination<'_>,
    volume: &Volume,
    data: &Data,
    notes: &mut Vec<String>,
) -> Result<Rates> {
    let given = |tps: Option<f64>| tps.map(|tps| exact(TokensPerSecond(tps), SpeedSource::Given));
    let found = of.records.measured(flags, of, notes);
    let measured = |tps: Option<TokensPerSecond>| tps.map(|tps| exact(tps, SpeedSource::Measured));
    let decode = given(flags.local.decode_tps).or_else(|| measured(found.decode));
    let prefill = given(flags.local.prefill_tps).or_else(|| measured(found.prefill));
    let predicted = match (decode, prefill) {
        (Some(_), Some(_)) => Speed::default(),
        _ => predicted(flags, of, data)?,
    };
    if let Some(family) = of.machine.and_then(|it| data.catalogue.family(&it.family)) {
        let is_predicted =
            |known: Option<Rate>, speed: Option<Estimate>| known.is_none() && speed.is_some();
        let for_decode = is_predicted(decode, predicted.decode);
        notes.extend(for_decode.then(|| family.decode_without_band()).flatten());
        let for_prefill = is_predicted(prefill, predicted.prefill);
        if for_prefill {
            notes.extend(predicted.prefill_beyond.clone());
            notes.extend(family.prefill_without_band());
        }
    }
    let decode = decode.or_else(|| predicted.decode.map(estimate));
    let prefill = prefill.or_else(|| predicted.prefill.map(estimate));
    let is_measured =
        |rate: &Option<Rate>| rate.is_some_and(|it| it.source == SpeedSource::Measured);
    let on = [(&decode, found.decode_on), (&prefill, found.prefill_on)];
    let on = on.into_iter().filter(|(rate, _)| is_measured(rate));
    let measured_on: BTreeSet<Computer> = on.filter_map(|(_, on)| on).collect();
    let measured_on: Vec<Computer> = measured_on.into_iter().collect();
    if is_measured(&decode) || is_measured(&prefill) {
        notes.extend(whose(of, &measured_on, found.compared));
        if found.is_extrapolated {
            notes.push(
                "measured speeds are those of a few layers, scaled to the whole model by llm-bench"
                    .to_owned(),
            );
        }
        if found.is_too_large {
            notes.push(
                "the computer that measured speeds come from has too little memory for the whole model"
                    .to_owned(),
            );
        }
    }
    let rates = |decode, prefill| {
        Ok(Rates {
            decode,
            prefill,
            measured_on,
        })
    };
    let hit = flags.local.local_cache_hit.unwrap_or(volume.cache_hit);
    let has_prompts = volume.input.0 * (1.0 - hit) > 0.0;
    match (decode, prefill) {
        (Some(decode), Some(prefill)) => rates(decode, prefill),
        // Nothing is read, so any rate will do.
        (Some(decode), None) if !has_prompts => rates(decode, decode),
        (Some(_), None) => bail!(
            "how fast the machine reads prompts is not known; give --prefill-tps, 'bench' records of \
             prompts, or --machine and --local{}",
            said(notes)
        ),
        (None, _) => bail!(
            "how fast the machine generates is not known; give --decode-tps, 'bench' records, or \
             --machine and --local{}",
            said(notes)
        ),
    }
}

/// Returns what was noted, as the end of a sentence.
fn said(notes: &[String]) -> String {
    notes.iter().map(|note| format!(" ({note})")).collect()
}

/// Says which computer measured speeds are those of.
fn whose(of: Combination<'_>, on: &[Computer], compared: usize) -> Option<String> {
    let names: Vec<String> = on.iter().map(|it| format!("'{it}'")).collect();
    let names = names.join(" and ");
    let several = match compared {
        0 | 1 => String::new(),
        count => format!(", the fastest of {count} computers whose records were read"),
    };
    match (of.machine, on) {
        (Some(machine), []) => Some(format!(
            "measured speeds are those of the machine that wrote the records, which need not be '{}'",
            machine.id
        )),
        (Some(machine), _) => Some(format!(
            "measured speeds are those of {names}{several}, which need not be '{}'",
            machine.id
        )),
        (None, []) => None,
        (None, _) => Some(format!("measured speeds are those of {names}{several}")),
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

fn predicted(flags: Flags<'_>, of: Combination<'_>, data: &Data) -> Result<Speed> {
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
    Ok(predict::speed(
        &data.catalogue,
        machine,
        shape,
        context,
        CacheType::F16,
    ))
}

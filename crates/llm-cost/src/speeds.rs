//! How fast the machine of a scenario is: as the user says, else by records, else by the predictor; and
//! which of them it was.

use std::collections::BTreeSet;

use thiserror::Error;

use crate::catalogue::Catalogue;
use crate::inputs::Inputs;
use crate::memory::CacheType;
use crate::predict::{self, Estimate, Speed};
use crate::record::{Computer, Rate, SpeedSource};
use crate::scenario::{LocalModel, Scenario};
use crate::units::{Gib, TokensPerSecond};
use crate::usage::{MeasuredSpeeds, ModelQuery};

/// Both rates of a scenario, and the computers that measured ones come from.
#[derive(Clone, Debug, PartialEq)]
pub struct Speeds {
    /// Generated tokens.
    pub decode: Rate,
    /// Prompt tokens.
    pub prefill: Rate,
    /// The computers that measured rates come from, as far as records name them.
    pub measured_on: Vec<Computer>,
}

/// Why the speeds of a scenario are not known.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum SpeedsError {
    /// No flag, record or prediction says how fast prompts are read.
    #[error(
        "how fast the machine reads prompts is not known; give --prefill-tps, --bench with \
         records of prompts ('-' reads them from standard input), or --machine and --local{noted}"
    )]
    NoPrefill {
        /// What was noted meanwhile, as the end of the sentence.
        noted: String,
    },
    /// No flag, record or prediction says how fast tokens are generated.
    #[error(
        "how fast the machine generates is not known; give --decode-tps, --bench with its \
         records ('-' reads them from standard input), or --machine and --local{noted}"
    )]
    NoDecode {
        /// What was noted meanwhile, as the end of the sentence.
        noted: String,
    },
    /// The machine does not hold the model, so there is nothing to predict.
    #[error(
        "'{local}' needs {need:.1} GiB and '{machine}' has {usable:.1} for it; llm-cost floor {model} \
         names machines that hold it"
    )]
    TooLarge {
        /// The model, as NAME:QUANT.
        local: String,
        /// Its name alone.
        model: String,
        /// GiB that it needs.
        need: f64,
        /// The machine.
        machine: String,
        /// GiB that it has for a model.
        usable: f64,
    },
}

impl Scenario<'_> {
    /// Finds both rates: given, measured, or predicted. What a reader should know of them is added to
    /// `caveats`. `cache_hit` is the share of the input that the cloud's cache holds, which the machine's
    /// own is taken to hold too where the user does not say otherwise.
    ///
    /// # Errors
    /// [`SpeedsError`]
    pub fn speeds(
        self,
        inputs: &Inputs,
        cache_hit: f64,
        catalogue: &Catalogue,
        caveats: &mut Vec<String>,
    ) -> Result<Speeds, SpeedsError> {
        let found = self.measured(inputs.context_tokens, caveats);
        let given = |tps: Option<TokensPerSecond>| tps.map(|tps| exact(tps, SpeedSource::Given));
        let measured =
            |tps: Option<TokensPerSecond>| tps.map(|tps| exact(tps, SpeedSource::Measured));
        let decode = given(inputs.decode_tps).or_else(|| measured(found.decode));
        let prefill = given(inputs.prefill_tps).or_else(|| measured(found.prefill));
        let predicted = match (decode, prefill) {
            (Some(_), Some(_)) => Speed::default(),
            _ => self.predicted(inputs.context_tokens, catalogue)?,
        };
        caveats.extend(self.without_band(catalogue, &predicted, decode, prefill));
        let decode = decode.or_else(|| predicted.decode.map(Rate::from));
        let prefill = prefill.or_else(|| predicted.prefill.map(Rate::from));
        let measured_on = self.measured_on(&found, decode, prefill, caveats);
        let local_hit = inputs.local_cache_hit.unwrap_or(cache_hit);
        let has_prompts = self.volume.volume.input.0 * (1.0 - local_hit) > 0.0;
        let noted = || -> String {
            let notes = caveats.iter();
            notes.map(|caveat| format!(" ({caveat})")).collect()
        };
        match (decode, prefill) {
            (Some(decode), Some(prefill)) => Ok(Speeds {
                decode,
                prefill,
                measured_on,
            }),
            // Nothing is read, so any rate will do.
            (Some(decode), None) if !has_prompts => Ok(Speeds {
                decode,
                prefill: decode,
                measured_on,
            }),
            (Some(_), None) => Err(SpeedsError::NoPrefill { noted: noted() }),
            (None, _) => Err(SpeedsError::NoDecode { noted: noted() }),
        }
    }

    /// Returns the rates of the model that records measured: of `bench` records, else of completions.
    fn measured(self, context: f64, caveats: &mut Vec<String>) -> MeasuredSpeeds {
        let query = self.local.map(|local| ModelQuery {
            model: &local.shape.model,
            quant: &local.shape.quant,
        });
        let logs = || self.logs.bench.iter().chain(&self.logs.usage);
        let benched = logs().map(|log| log.benched(query, context));
        let mut found = benched.reduce(MeasuredSpeeds::or).unwrap_or_default();
        // Completions do not say where they ran, so that they are no speeds of a machine that is named
        // and can be predicted.
        let completions = logs()
            .map(|log| log.measured(query))
            .reduce(MeasuredSpeeds::or)
            .unwrap_or_default();
        if let Some(machine) = self.machine.filter(|_| query.is_some()) {
            if found.decode.is_none() && completions.decode.is_some() {
                caveats.push(format!(
                    "the speeds of completions are those of the computer that they ran on, and were not \
                     used for '{}'; --decode-tps and --prefill-tps set other speeds",
                    machine.id
                ));
            }
            found.others.extend(completions.others);
        } else {
            found = found.or(completions);
        }
        if let (Some(local), false) = (self.local, found.others.is_empty()) {
            let others: Vec<String> = found.others.iter().map(quoted).collect();
            caveats.push(format!(
                "measured speeds of models other than '{}' were not used: {}",
                local.name(),
                others.join(", ")
            ));
        }
        if let Some(depth) = found.depth {
            caveats.push(format!(
                "of the measured depths, decode is the one with {depth:.0} tokens in the context; --context \
                 selects another"
            ));
        }
        found
    }

    /// Predicts both rates where a machine and a model are named.
    fn predicted(self, context: f64, catalogue: &Catalogue) -> Result<Speed, SpeedsError> {
        let (Some(machine), Some(local)) = (self.machine, self.local) else {
            return Ok(Speed::default());
        };
        let LocalModel { shape, .. } = local;
        if !shape.fits(machine, context, CacheType::F16) {
            return Err(SpeedsError::TooLarge {
                local: local.name(),
                model: shape.model.clone(),
                need: Gib::from(shape.need(context, CacheType::F16)).0,
                machine: machine.id.clone(),
                usable: machine.usable_gib.0,
            });
        }
        Ok(predict::speed(
            catalogue,
            machine,
            shape,
            context,
            CacheType::F16,
        ))
    }

    /// Says why those of the predicted rates that are used have no error band.
    fn without_band(
        self,
        catalogue: &Catalogue,
        predicted: &Speed,
        decode: Option<Rate>,
        prefill: Option<Rate>,
    ) -> Vec<String> {
        let family = self
            .machine
            .and_then(|machine| catalogue.family(&machine.family));
        let Some(family) = family else {
            return Vec::new();
        };
        let mut caveats = Vec::new();
        if decode.is_none() && predicted.decode.is_some() {
            caveats.extend(family.decode_without_band());
        }
        if prefill.is_none() && predicted.prefill.is_some() {
            caveats.extend(predicted.prefill_beyond.clone());
            caveats.extend(family.prefill_without_band());
        }
        caveats
    }

    /// Returns the computers that those of the rates which were measured come from, and adds whose they are
    /// to `caveats`.
    fn measured_on(
        self,
        found: &MeasuredSpeeds,
        decode: Option<Rate>,
        prefill: Option<Rate>,
        caveats: &mut Vec<String>,
    ) -> Vec<Computer> {
        let is_measured =
            |rate: Option<Rate>| rate.is_some_and(|rate| rate.source == SpeedSource::Measured);
        let both = [(decode, &found.decode_on), (prefill, &found.prefill_on)];
        let computers: BTreeSet<Computer> = both
            .into_iter()
            .filter(|(rate, _)| is_measured(*rate))
            .filter_map(|(_, computer)| computer.clone())
            .collect();
        let computers: Vec<Computer> = computers.into_iter().collect();
        if !is_measured(decode) && !is_measured(prefill) {
            return computers;
        }
        caveats.extend(self.whose(&computers, found.compared));
        if found.is_extrapolated {
            caveats.push(
                "measured speeds are those of a few layers, scaled to the whole model by llm-bench"
                    .to_owned(),
            );
        }
        if found.is_too_large {
            caveats.push(
                "the computer that measured speeds come from has too little memory for the whole model"
                    .to_owned(),
            );
        }
        computers
    }

    /// Says which computer measured speeds are those of.
    fn whose(self, computers: &[Computer], compared: usize) -> Option<String> {
        let names: Vec<String> = computers.iter().map(quoted).collect();
        let names = names.join(" and ");
        let several = match compared {
            0 | 1 => String::new(),
            count => format!(", the fastest of {count} computers whose records were read"),
        };
        match (self.machine, computers) {
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
}

fn quoted(name: &impl std::fmt::Display) -> String {
    format!("'{name}'")
}

fn exact(tps: TokensPerSecond, source: SpeedSource) -> Rate {
    Rate {
        tps,
        source,
        low: None,
        high: None,
    }
}

impl From<Estimate> for Rate {
    fn from(estimate: Estimate) -> Self {
        Self {
            tps: estimate.rate,
            source: SpeedSource::Predicted,
            low: estimate.low,
            high: estimate.high,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bill::Volume;
    use crate::scenario::{MonthlyVolume, SpeedLogs};
    use crate::units::Mtok;
    use crate::usage::UsageLog;

    const BENCH: &str = r#"{"type":"bench","n_gen":8,"avg_ts":11.25,"cpu_info":"x","model":{"name":"llama-3.1-8b"}}
{"type":"bench","n_prompt":8,"avg_ts":94.5,"model":{"name":"llama-3.1-8b"}}
{"type":"bench","n_gen":8,"avg_ts":99,"model":{"name":"another"}}"#;

    fn speeds(
        inputs: &Inputs,
        machine: Option<&str>,
        local: Option<&str>,
        log: &str,
    ) -> (Result<Speeds, SpeedsError>, Vec<String>) {
        let catalogue = Catalogue::builtin();
        let volume = Volume {
            input: Mtok(1.0),
            ..Volume::default()
        };
        let local = local.map(|name| LocalModel {
            shape: catalogue.shape(name).unwrap(),
            row: None,
        });
        let scenario = Scenario {
            volume: &MonthlyVolume::new("given", volume),
            cloud: &catalogue.prices[0],
            machine: machine.map(|name| catalogue.machine(name).unwrap()),
            local: local.as_ref(),
            logs: &SpeedLogs {
                bench: Some(UsageLog::read(log)),
                usage: None,
            },
        };
        let mut caveats = Vec::new();
        let found = scenario.speeds(inputs, 0.0, catalogue, &mut caveats);
        (found, caveats)
    }

    #[test]
    fn what_is_given_comes_before_what_was_measured_and_that_before_predictions() {
        let inputs = Inputs {
            decode_tps: Some(TokensPerSecond(3.0)),
            ..Inputs::default()
        };
        let machine = Some("rtx-4090-24");
        let (found, caveats) = speeds(&inputs, machine, Some("llama-3.1-8b"), BENCH);
        let found = found.unwrap();
        assert_eq!(
            found.decode,
            exact(TokensPerSecond(3.0), SpeedSource::Given)
        );
        assert_eq!(
            found.prefill,
            exact(TokensPerSecond(94.5), SpeedSource::Measured)
        );
        assert!(found.measured_on.is_empty(), "{found:?}");
        assert!(caveats[0].contains("not used: 'another'"), "{caveats:?}");
        assert!(
            caveats[1].contains("need not be 'rtx-4090-24'"),
            "{caveats:?}"
        );
        let (found, _) = speeds(&Inputs::default(), machine, Some("llama-3.1-8b"), "");
        let found = found.unwrap();
        assert_eq!(found.decode.source, SpeedSource::Predicted);
        assert!(found.decode.low < Some(found.decode.tps));
    }

    #[test]
    fn a_computer_is_named_where_its_record_names_it() {
        let (found, caveats) = speeds(&Inputs::default(), None, Some("llama-3.1-8b"), BENCH);
        assert_eq!(found.unwrap().measured_on[0].cpu_info, "x");
        assert!(caveats.contains(&"measured speeds are those of 'x'".to_owned()));
    }

    #[test]
    fn what_is_not_known_is_asked_for() {
        let (found, _) = speeds(&Inputs::default(), None, None, "");
        assert_eq!(
            found,
            Err(SpeedsError::NoDecode {
                noted: String::new()
            })
        );
        let machine = Some("rtx-4090-24");
        let (found, _) = speeds(&Inputs::default(), machine, Some("llama-3.3-70b"), "");
        let told = found.unwrap_err().to_string();
        assert!(told.contains("names machines that hold it"), "{told}");
    }
}

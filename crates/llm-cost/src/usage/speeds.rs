//! Measured speeds of records → those of the model that is asked for. A record of another model says
//! nothing about this one, so it is passed over and named.

use std::collections::BTreeSet;

use super::{BenchSpeeds, UsageEntry, UsageLog};
use crate::record::Computer;
use crate::units::TokensPerSecond;

/// The model whose speeds are looked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ModelQuery<'a> {
    /// Its name, or the stem of its file.
    pub model: &'a str,
    /// Its quantization.
    pub quant: &'a str,
}

/// The speeds that records measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MeasuredSpeeds {
    /// Generated tokens a second.
    pub decode: Option<TokensPerSecond>,
    /// Prompt tokens a second.
    pub prefill: Option<TokensPerSecond>,
    /// Tokens in the context at which decode was measured, where rows of several depths were read.
    pub depth: Option<f64>,
    /// What decode was measured on, where the record names it.
    pub decode_on: Option<Computer>,
    /// What prefill was measured on, where the record names it.
    pub prefill_on: Option<Computer>,
    /// Whether one of the rates is that of a few layers, scaled to the whole.
    pub is_extrapolated: bool,
    /// Whether one of the rates is that of a model which its computer has too little memory for.
    pub is_too_large: bool,
    /// How many computers wrote records of the model, the slower ones included.
    pub compared: usize,
    /// Other models whose speeds were passed over.
    pub others: BTreeSet<String>,
}

impl MeasuredSpeeds {
    /// Takes these rates first.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            depth: self.decode.map_or(other.depth, |_| self.depth),
            decode: self.decode.or(other.decode),
            prefill: self.prefill.or(other.prefill),
            decode_on: match self.decode {
                Some(_) => self.decode_on,
                None => other.decode_on,
            },
            prefill_on: match self.prefill {
                Some(_) => self.prefill_on,
                None => other.prefill_on,
            },
            is_extrapolated: self.is_extrapolated || other.is_extrapolated,
            is_too_large: self.is_too_large || other.is_too_large,
            compared: self.compared.max(other.compared),
            others: self.others.into_iter().chain(other.others).collect(),
        }
    }
}

impl UsageLog {
    /// Whether any record says how fast something was.
    #[must_use]
    pub fn has_speeds(&self) -> bool {
        let is_timed = |entry: &UsageEntry| entry.decode.1 > 0.0 || entry.prefill.1 > 0.0;
        !self.benches.is_empty() || self.entries.iter().any(is_timed)
    }

    /// Returns the rates that our own completions of a model reached, weighted by time.
    #[must_use]
    pub fn measured(&self, wanted: Option<ModelQuery<'_>>) -> MeasuredSpeeds {
        let timed = self
            .entries
            .iter()
            .filter(|entry| entry.decode.1 > 0.0 || entry.prefill.1 > 0.0);
        let (own, others): (Vec<&UsageEntry>, Vec<&UsageEntry>) =
            timed.partition(|entry| is_wanted(wanted, [&entry.model, &entry.file], &entry.quant));
        let rate = |pair: fn(&UsageEntry) -> (f64, f64)| {
            let pairs = own.iter().map(|entry| pair(entry));
            let (tokens, seconds) =
                pairs.fold((0.0, 0.0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1));
            (tokens > 0.0 && seconds > 0.0).then(|| TokensPerSecond(tokens / seconds))
        };
        MeasuredSpeeds {
            decode: rate(|entry| entry.decode),
            prefill: rate(|entry| entry.prefill),
            others: others.iter().map(|entry| entry.model.clone()).collect(),
            ..MeasuredSpeeds::default()
        }
    }

    /// Returns the rates of a model's benches, of one sequence. Of several depths the deepest up to
    /// `context` counts, else the least deep; of several rows at that depth the best.
    #[must_use]
    pub fn benched(&self, wanted: Option<ModelQuery<'_>>, context: f64) -> MeasuredSpeeds {
        let (rows, others): (Vec<&BenchSpeeds>, Vec<&BenchSpeeds>) = self
            .benches
            .iter()
            .partition(|row| is_wanted(wanted, [&row.model, &row.file], &row.quant));
        let best = |rate: fn(&BenchSpeeds) -> Option<TokensPerSecond>| {
            let rows = rows.iter().filter(|row| row.parallel <= 1);
            let rates = rows.filter_map(|row| Some((*row, rate(row)?)));
            rates.reduce(|a, b| {
                let (left, right) = (a.0.depth, b.0.depth);
                let better = match (left <= context, right <= context) {
                    _ if left == right => b.1 > a.1,
                    (true, true) => right > left,
                    (false, is_within) => is_within || right < left,
                    (true, false) => false,
                };
                if better { b } else { a }
            })
        };
        let (decode, prefill) = (best(|row| row.decode), best(|row| row.prefill));
        let known = |row: &&BenchSpeeds| (!row.computer.is_unknown()).then(|| row.computer.clone());
        let taken: Vec<_> = decode.into_iter().chain(prefill).collect();
        let depths = rows.iter().filter(|row| row.decode.is_some());
        let depths: BTreeSet<u64> = depths.map(|row| row.depth as u64).collect();
        MeasuredSpeeds {
            decode: decode.map(|best| best.1),
            prefill: prefill.map(|best| best.1),
            depth: decode.map(|best| best.0.depth).filter(|_| depths.len() > 1),
            decode_on: decode.and_then(|(row, _)| known(&row)),
            prefill_on: prefill.and_then(|(row, _)| known(&row)),
            is_extrapolated: taken.iter().any(|(row, _)| row.is_extrapolated),
            is_too_large: taken.iter().any(|(row, _)| row.is_too_large),
            compared: rows.iter().filter_map(known).collect::<BTreeSet<_>>().len(),
            others: others.iter().map(|row| row.model.clone()).collect(),
        }
    }
}

/// Whether a record with these names is of the model; any is where none is asked for.
fn is_wanted(wanted: Option<ModelQuery<'_>>, names: [&String; 2], quant: &str) -> bool {
    let Some(wanted) = wanted else {
        return true;
    };
    let model = words(wanted.model);
    names.into_iter().any(|name| {
        let stem = name.rsplit(['/', '\\']).next().unwrap_or_default();
        let name = words(stem.strip_suffix(".gguf").unwrap_or(stem));
        // A maker may stand in front, as in `Meta-Llama-3.1-8B`; what stands further in is another's
        // name, as that of the model that a distillation began with.
        let rest = (0..2).find_map(|from| name.get(from..)?.strip_prefix(model.as_slice()));
        rest.is_some_and(|rest| !model.is_empty() && is_quant(wanted.quant, quant, rest))
    })
}

/// Whether a record's quantization is the one: what it says, else what its name ends in, else any.
fn is_quant(wanted: &str, said: &str, rest: &[String]) -> bool {
    let said = match said {
        "" => {
            let is_type = |word: &String| {
                let word = word.strip_prefix('i').unwrap_or(word);
                let digit = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
                word.strip_prefix('q').is_some_and(digit)
                    || ["f16", "f32", "bf16", "mxfp4"].contains(&word)
            };
            let from = rest.iter().position(is_type);
            from.and_then(|from| rest.get(from..))
                .map(<[String]>::concat)
        }
        said => Some(words(said).concat()),
    };
    said.is_none_or(|said| said == words(wanted).concat())
}

/// Returns the words of a name in lower case.
fn words(name: &str) -> Vec<String> {
    name.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

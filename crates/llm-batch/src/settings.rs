//! A request's settings, those of the run and the model's recommendation → one set of
//! numbers, for the engine and for the record.

use std::hash::{BuildHasher, RandomState};

use llm_engine::sampler::{self, Dry, MirostatVersion, Step};
use llm_record::settings::{Flag, SETTINGS, SamplerName};
use llm_record::{Overrides, Sampling, Seed};

/// The random stream where neither a flag nor the line names one: a fixed one,
/// so that a script gives the same answers every day.
const DEFAULT_SEED: u64 = 0;

/// Draws a seed of 32 bits, which every reader of JSON can hold.
#[must_use]
pub fn draw_seed() -> u64 {
    RandomState::new().hash_one(std::process::id()) >> 32
}

/// Fills in what `asked` leaves open: by the model's recommendation, and with a limit of
/// `default_max_tokens` to the answer.
#[must_use]
pub fn resolve(
    asked: &Overrides,
    recommended: &sampler::Sampling,
    default_max_tokens: i64,
) -> Sampling {
    let seed = match asked.seed {
        Some(Seed::Drawn) => draw_seed(),
        Some(Seed::Fixed(_)) | None => DEFAULT_SEED,
    };
    asked.over(&Sampling {
        seed,
        max_tokens: default_max_tokens,
        ..of_engine(recommended)
    })
}

/// Returns the engine's settings as a record has them; what the engine has by default a record leaves
/// out, where it can.
fn of_engine(sampling: &sampler::Sampling) -> Sampling {
    let usual = sampler::Sampling::GREEDY;
    let unless_usual = |number: f32, usual: f32| (number != usual).then_some(number);
    let unless_empty = |ids: &[u32]| (!ids.is_empty()).then(|| ids.to_vec());
    let samplers: Vec<_> = sampling.samplers.iter().copied().map(name).collect();
    Sampling {
        greedy: sampling.is_greedy(),
        temperature: sampling.temperature,
        top_k: sampling.top_k as i64,
        top_p: sampling.top_p,
        min_p: sampling.min_p,
        repeat_penalty: sampling.repeat_penalty,
        repeat_last_n: sampling.repeat_last_n as i64,
        typical_p: unless_usual(sampling.typical_p, usual.typical_p),
        xtc_probability: unless_usual(sampling.xtc_probability, usual.xtc_probability),
        xtc_threshold: unless_usual(sampling.xtc_threshold, usual.xtc_threshold),
        mirostat: sampling.mirostat.map(|version| match version {
            MirostatVersion::V1 => 1,
            MirostatVersion::V2 => 2,
        }),
        mirostat_tau: unless_usual(sampling.mirostat_tau, usual.mirostat_tau),
        mirostat_eta: unless_usual(sampling.mirostat_eta, usual.mirostat_eta),
        samplers: (!samplers.is_empty()).then_some(samplers),
        suppress_tokens: unless_empty(&sampling.suppress_tokens),
        begin_suppress_tokens: unless_empty(&sampling.begin_suppress_tokens),
        ..Sampling::default()
    }
}

/// Returns a record's settings as the engine takes them, all but those of tokens: `tokens` has these.
#[must_use]
pub fn for_engine(settings: &Sampling) -> sampler::Sampling {
    let usual = sampler::Sampling::GREEDY;
    let samplers = settings.samplers.iter().flatten().copied().map(step);
    sampler::Sampling {
        temperature: settings.temperature,
        dynatemp_range: settings.dynatemp_range.unwrap_or(usual.dynatemp_range),
        dynatemp_exponent: settings
            .dynatemp_exponent
            .unwrap_or(usual.dynatemp_exponent),
        top_k: usize::try_from(settings.top_k).unwrap_or(0),
        top_p: settings.top_p,
        min_p: settings.min_p,
        typical_p: settings.typical_p.unwrap_or(usual.typical_p),
        top_n_sigma: settings.top_n_sigma.unwrap_or(usual.top_n_sigma),
        xtc_probability: settings.xtc_probability.unwrap_or(usual.xtc_probability),
        xtc_threshold: settings.xtc_threshold.unwrap_or(usual.xtc_threshold),
        min_keep: settings.min_keep.map_or(usual.min_keep, count),
        repeat_penalty: settings.repeat_penalty,
        presence_penalty: settings.presence_penalty.unwrap_or(usual.presence_penalty),
        frequency_penalty: settings
            .frequency_penalty
            .unwrap_or(usual.frequency_penalty),
        repeat_last_n: count(settings.repeat_last_n),
        dry: dry(settings),
        mirostat: match settings.mirostat {
            Some(1) => Some(MirostatVersion::V1),
            Some(2) => Some(MirostatVersion::V2),
            _ => None,
        },
        mirostat_tau: settings.mirostat_tau.unwrap_or(usual.mirostat_tau),
        mirostat_eta: settings.mirostat_eta.unwrap_or(usual.mirostat_eta),
        adaptive_target: settings.adaptive_target.unwrap_or(usual.adaptive_target),
        adaptive_decay: settings.adaptive_decay.unwrap_or(usual.adaptive_decay),
        samplers: samplers.collect(),
        ..usual
    }
}

fn dry(settings: &Sampling) -> Dry {
    let off = Dry::OFF;
    Dry {
        multiplier: settings.dry_multiplier.unwrap_or(off.multiplier),
        base: settings.dry_base.unwrap_or(off.base),
        allowed_length: settings
            .dry_allowed_length
            .map_or(off.allowed_length, count),
        penalty_last_n: settings
            .dry_penalty_last_n
            .map_or(off.penalty_last_n, count),
        breakers: None,
    }
}

fn step(name: SamplerName) -> Step {
    match name {
        SamplerName::Penalties => Step::Penalties,
        SamplerName::Dry => Step::Dry,
        SamplerName::TopNSigma => Step::TopNSigma,
        SamplerName::TopK => Step::TopK,
        SamplerName::TypP => Step::TypP,
        SamplerName::TopP => Step::TopP,
        SamplerName::MinP => Step::MinP,
        SamplerName::Xtc => Step::Xtc,
        SamplerName::Temperature => Step::Temperature,
        SamplerName::AdaptiveP => Step::AdaptiveP,
    }
}

fn name(step: Step) -> SamplerName {
    match step {
        Step::Penalties => SamplerName::Penalties,
        Step::Dry => SamplerName::Dry,
        Step::TopNSigma => SamplerName::TopNSigma,
        Step::TopK => SamplerName::TopK,
        Step::TypP => SamplerName::TypP,
        Step::TopP => SamplerName::TopP,
        Step::MinP => SamplerName::MinP,
        Step::Xtc => SamplerName::Xtc,
        Step::Temperature => SamplerName::Temperature,
        Step::AdaptiveP => SamplerName::AdaptiveP,
    }
}

/// Returns a count of which -1 means "all".
#[must_use]
pub fn count(number: i64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Returns the flag that has no effect, since the best token is always taken.
#[must_use]
pub fn idle_flag(flags: &Overrides, recommended: &sampler::Sampling) -> Option<&'static Flag> {
    if flags.temperature.unwrap_or(recommended.temperature) > 0.0 {
        return None;
    }
    let mut idle = SETTINGS.iter().filter(|row| row.is_idle_when_greedy);
    idle.find(|row| (row.is_set)(flags)).map(|row| &row.flag)
}

#[cfg(test)]
mod tests;

//! A request's settings, those of the run and the model's recommendation → one set of
//! numbers, for the engine and for the record.

use std::hash::{BuildHasher, RandomState};

use llm_engine::sampler;
use llm_record::{Overrides, Sampling, Seed};

/// The random stream where nobody names one: a fixed one,
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
        Some(Seed::Fixed(seed)) => seed,
        Some(Seed::Drawn) => draw_seed(),
        None => DEFAULT_SEED,
    };
    let temperature = asked.temperature.unwrap_or(recommended.temperature);
    Sampling {
        greedy: temperature <= 0.0,
        temperature,
        top_k: asked.top_k.unwrap_or(recommended.top_k as i64).max(0),
        top_p: asked.top_p.unwrap_or(recommended.top_p),
        min_p: asked.min_p.unwrap_or(recommended.min_p),
        repeat_penalty: asked.repeat_penalty.unwrap_or(recommended.repeat_penalty),
        repeat_last_n: asked
            .repeat_last_n
            .unwrap_or(recommended.repeat_last_n as i64),
        seed,
        max_tokens: asked.max_tokens.unwrap_or(default_max_tokens),
        stop: asked.stop.clone().unwrap_or_default(),
        choices: asked.choices.clone().unwrap_or_default(),
    }
}

/// Returns a record's settings as a request would ask for them.
#[must_use]
pub fn as_asked(settings: &Sampling) -> Overrides {
    Overrides {
        max_tokens: Some(settings.max_tokens),
        temperature: Some(settings.temperature),
        top_k: Some(settings.top_k),
        top_p: Some(settings.top_p),
        min_p: Some(settings.min_p),
        repeat_penalty: Some(settings.repeat_penalty),
        repeat_last_n: Some(settings.repeat_last_n),
        seed: Some(Seed::Fixed(settings.seed)),
        stop: (!settings.stop.is_empty()).then(|| settings.stop.clone()),
        choices: (!settings.choices.is_empty()).then(|| settings.choices.clone()),
    }
}

/// Returns a record's settings as the engine takes them.
#[must_use]
pub fn for_engine(settings: &Sampling) -> sampler::Sampling {
    sampler::Sampling {
        temperature: settings.temperature,
        top_k: usize::try_from(settings.top_k).unwrap_or(0),
        top_p: settings.top_p,
        min_p: settings.min_p,
        repeat_penalty: settings.repeat_penalty,
        repeat_last_n: count(settings.repeat_last_n),
    }
}

/// Returns a count of which -1 means "all".
#[must_use]
pub fn count(number: i64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Returns the flag that has no effect, since the best token is always taken.
#[must_use]
pub fn idle_flag(flags: &Overrides, recommended: &sampler::Sampling) -> Option<&'static str> {
    if flags.temperature.unwrap_or(recommended.temperature) > 0.0 {
        return None;
    }
    let set = [
        (flags.top_k.is_some(), "--top-k"),
        (flags.top_p.is_some(), "--top-p"),
        (flags.min_p.is_some(), "--min-p"),
        (flags.seed.is_some(), "--seed"),
    ];
    set.into_iter().find(|(set, _)| *set).map(|(_, flag)| flag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_comes_before_the_model_and_greedy_is_last() {
        let mut recommended = sampler::Sampling::GREEDY;
        let settings = resolve(&Overrides::default(), &recommended, 7);
        assert!(settings.greedy);
        assert_eq!((settings.seed, settings.max_tokens), (DEFAULT_SEED, 7));
        recommended.temperature = 0.8;
        let asked = Overrides {
            top_k: Some(-5),
            repeat_last_n: Some(-1),
            ..Overrides::default()
        };
        let settings = resolve(&asked, &recommended, 7);
        assert_eq!((settings.temperature, settings.top_k), (0.8, 0));
        assert_eq!(for_engine(&settings).repeat_last_n, usize::MAX);
    }

    #[test]
    fn settings_that_are_asked_for_again_are_the_same() {
        let settings = Sampling {
            temperature: 0.8,
            top_k: 40,
            top_p: 0.9,
            min_p: 0.05,
            repeat_penalty: 1.1,
            repeat_last_n: -1,
            seed: u64::MAX,
            max_tokens: 5,
            stop: vec!["END".to_owned()],
            choices: vec!["a".to_owned(), "b".to_owned()],
            greedy: false,
        };
        let mut recommended = sampler::Sampling::GREEDY;
        recommended.temperature = 0.3;
        assert_eq!(resolve(&as_asked(&settings), &recommended, 9), settings);
    }

    #[test]
    fn a_drawn_seed_is_written_down_and_changes() {
        let asked = Overrides {
            seed: Some(Seed::Drawn),
            ..Overrides::default()
        };
        let seed = || resolve(&asked, &sampler::Sampling::GREEDY, 1).seed;
        let seeds = [seed(), seed(), seed()];
        assert!(seeds.iter().any(|other| *other != seeds[0]), "{seeds:?}");
        assert!(seeds.iter().all(|seed| *seed <= u64::from(u32::MAX)));
    }

    #[test]
    fn a_flag_that_greedy_makes_idle_is_named() {
        let flags = Overrides {
            top_p: Some(0.9),
            ..Overrides::default()
        };
        assert_eq!(
            idle_flag(&flags, &sampler::Sampling::GREEDY),
            Some("--top-p")
        );
        let warm = Overrides {
            temperature: Some(0.7),
            ..flags
        };
        assert_eq!(idle_flag(&warm, &sampler::Sampling::GREEDY), None);
    }
}

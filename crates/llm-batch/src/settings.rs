//! A request's settings, those of the run and the model's recommendation → one set of
//! numbers, for the engine and for the record.

use std::hash::{BuildHasher, RandomState};

use llm_engine::sampler;
use llm_record::settings::{Flag, SETTINGS};
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

/// Returns the engine's settings as a record has them.
fn of_engine(sampling: &sampler::Sampling) -> Sampling {
    Sampling {
        greedy: sampling.is_greedy(),
        temperature: sampling.temperature,
        top_k: sampling.top_k as i64,
        top_p: sampling.top_p,
        min_p: sampling.min_p,
        repeat_penalty: sampling.repeat_penalty,
        repeat_last_n: sampling.repeat_last_n as i64,
        ..Sampling::default()
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
pub fn idle_flag(flags: &Overrides, recommended: &sampler::Sampling) -> Option<&'static Flag> {
    if flags.temperature.unwrap_or(recommended.temperature) > 0.0 {
        return None;
    }
    let mut idle = SETTINGS.iter().filter(|row| row.is_idle_when_greedy);
    idle.find(|row| (row.is_set)(flags)).map(|row| &row.flag)
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
            stop_repetition: Some(true),
            greedy: false,
        };
        let mut recommended = sampler::Sampling::GREEDY;
        recommended.temperature = 0.3;
        assert_eq!(resolve(&settings.as_overrides(), &recommended, 9), settings);
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
        let idle = idle_flag(&flags, &sampler::Sampling::GREEDY);
        assert_eq!(idle.unwrap().to_string(), "--top-p");
        let warm = Overrides {
            temperature: Some(0.7),
            ..flags
        };
        assert!(idle_flag(&warm, &sampler::Sampling::GREEDY).is_none());
    }
}

//! Tests of how settings come together.

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
        presence_penalty: Some(0.5),
        dry_multiplier: Some(0.8),
        dry_allowed_length: Some(3),
        dry_sequence_breakers: Some(Vec::new()),
        mirostat: Some(2),
        mirostat_tau: Some(3.0),
        samplers: Some(vec![SamplerName::TopK, SamplerName::Temperature]),
        ignore_eos: Some(true),
        ..Sampling::default()
    };
    let mut recommended = sampler::Sampling::GREEDY;
    recommended.temperature = 0.3;
    assert_eq!(resolve(&settings.as_overrides(), &recommended, 9), settings);
}

/// Lines of before: what asks for nothing leaves no trace, unless the model's files ask for something.
#[test]
fn what_asks_for_nothing_is_recorded_where_the_model_asks_for_something() {
    let line = r#"{"presence_penalty":0,"frequency_penalty":0.0,"logit_bias":{},"typical_p":1,
        "mirostat":0,"mirostat_tau":4,"dry_base":2,"xtc_threshold":0.2,"dynatemp_exponent":3,
        "adaptive_target":-1,"top_n_sigma":0,"samplers":[],"min_keep":0,"ignore_eos":false}"#;
    let asked = Overrides::of(&serde_json::from_str(line).unwrap()).unwrap();
    let mut recommended = sampler::Sampling::GREEDY;
    let nothing = resolve(&Overrides::default(), &recommended, 7);
    assert_eq!(resolve(&asked, &recommended, 7), nothing);
    recommended.mirostat = Some(MirostatVersion::V2);
    recommended.suppress_tokens = vec![5];
    let settings = resolve(&asked, &recommended, 7);
    assert_eq!(
        (settings.mirostat, settings.suppress_tokens),
        (Some(0), Some(vec![5]))
    );
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

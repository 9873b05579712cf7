//! Tests of how settings are read, judged and combined.

use super::*;
use crate::Seed;

fn of(json: &str) -> Result<Overrides, String> {
    Overrides::of(&serde_json::from_str(json).unwrap())
}

#[test]
fn every_name_is_read() {
    let all = of(
        r#"{"max_completion_tokens":5,"temperature":0.5,"top_k":40.0,"top_p":0.9,
        "min_p":0.05,"repetition_penalty":1.1,"repeat_last_n":64,"seed":-1,"stop":"END",
        "choices":["spam"," ham"],"stop_repetition":false}"#,
    )
    .unwrap();
    let wanted = Overrides {
        max_tokens: Some(5),
        temperature: Some(0.5),
        top_k: Some(40),
        top_p: Some(0.9),
        min_p: Some(0.05),
        repeat_penalty: Some(1.1),
        repeat_last_n: Some(64),
        seed: Some(Seed::Drawn),
        stop: Some(vec!["END".into()]),
        choices: Some(vec!["spam".into(), " ham".into()]),
        stop_repetition: Some(false),
        ..Overrides::default()
    };
    assert_eq!(all, wanted);
    assert_eq!(of(r#"{"n_predict":7}"#).unwrap().max_tokens, Some(7));
    assert_eq!(
        of(r#"{"max_tokens":null,"n_predict":7}"#)
            .unwrap()
            .max_tokens,
        Some(7)
    );
    assert_eq!(of(r#"{"stop":["a","b"]}"#).unwrap().stop.unwrap().len(), 2);
    assert_eq!(of(r#"{"other":1}"#).unwrap(), Overrides::default());
}

#[test]
fn a_wrong_value_is_named() {
    for (json, name) in [
        (r#"{"max_tokens":"5"}"#, "max_tokens"),
        (r#"{"max_tokens":1.5}"#, "max_tokens"),
        (r#"{"n_predict":-2}"#, "max_tokens"),
        (r#"{"temperature":-0.1}"#, "temperature"),
        (r#"{"top_p":0}"#, "top_p"),
        (r#"{"min_p":1.01}"#, "min_p"),
        (r#"{"repeat_penalty":0}"#, "repeat_penalty"),
        (r#"{"seed":-2}"#, "seed"),
        (r#"{"seed":1e40}"#, "seed"),
        (r#"{"seed":1.5}"#, "seed"),
        (r#"{"stop_sequences":7}"#, "stop_sequences"),
        (r#"{"stop_repetition":"off"}"#, "stop_repetition"),
        (r#"{"options":{"num_predict":"5"}}"#, "options.num_predict"),
        (
            r#"{"max_tokens":2,"max_completion_tokens":1}"#,
            "max_completion_tokens",
        ),
        (
            r#"{"temperature":0.5,"options":{"temperature":0.6}}"#,
            "options.temperature",
        ),
        (r#"{"stop":"a","stop_sequences":["b"]}"#, "stop_sequences"),
        (r#"{"temperature":1e300}"#, "temperature"),
        (r#"{"stop":[1]}"#, "stop"),
        (r#"{"stop":""}"#, "stop"),
        (r#"{"presence_penalty":"much"}"#, "presence_penalty"),
        (r#"{"frequency_penalty":1e300}"#, "frequency_penalty"),
        (r#"{"dry_base":0.5}"#, "dry_base"),
        (r#"{"dry_allowed_length":-1}"#, "dry_allowed_length"),
        (r#"{"dry_sequence_breakers":"a"}"#, "dry_sequence_breakers"),
        (
            r#"{"dry_sequence_breakers":["a",""]}"#,
            "dry_sequence_breakers",
        ),
        (r#"{"xtc_probability":2}"#, "xtc_probability"),
        (r#"{"typical_p":-0.5}"#, "typical_p"),
        (r#"{"adaptive_target":1.5}"#, "adaptive_target"),
        (r#"{"mirostat":3}"#, "mirostat"),
        (r#"{"samplers":["top_k","infill"]}"#, "samplers"),
        (r#"{"samplers":"kq"}"#, "samplers"),
        (r#"{"samplers":7}"#, "samplers"),
        (r#"{"logit_bias":{"5":"much"}}"#, "logit_bias"),
        (r#"{"logit_bias":{"5":true}}"#, "logit_bias"),
        (r#"{"logit_bias":[[5]]}"#, "logit_bias"),
        (r#"{"logit_bias":[[-1,2]]}"#, "logit_bias"),
        (r#"{"logit_bias":{"":2}}"#, "logit_bias"),
        (r#"{"logit_bias":{"5":1e300}}"#, "logit_bias"),
        (r#"{"suppress_tokens":[1.5]}"#, "suppress_tokens"),
        (r#"{"ignore_eos":1}"#, "ignore_eos"),
        (r#"{"choices":"spam,ham"}"#, "choices"),
        (r#"{"choices":[]}"#, "choices"),
        (r#"{"choices":["spam",1]}"#, "choices"),
        (r#"{"choices":["spam",""]}"#, "choices"),
        (r#"{"choices":["spam","ham","spam"]}"#, "choices"),
    ] {
        let error = of(json).unwrap_err();
        assert!(error.contains(&format!("'{name}'")), "{json}: {error}");
    }
}

/// Each name is the one that its API documents.
#[test]
fn what_other_apis_call_a_setting_is_read() {
    for (json, wanted) in [
        (r#"{"max_new_tokens":5}"#, r#"{"max_tokens":5}"#),
        (r#"{"max_output_tokens":5}"#, r#"{"max_tokens":5}"#),
        (r#"{"num_predict":-1}"#, r#"{"max_tokens":-1}"#),
        (r#"{"random_seed":7}"#, r#"{"seed":7}"#),
        (r#"{"stop_sequences":["a"]}"#, r#"{"stop":["a"]}"#),
        (
            r#"{"options":{"num_predict":5,"temperature":0.5,"top_k":3,"top_p":0.5,"min_p":0.1,
                "repeat_penalty":1.5,"repeat_last_n":9,"seed":7,"stop":["a"],"num_thread":4}}"#,
            r#"{"max_tokens":5,"temperature":0.5,"top_k":3,"top_p":0.5,"min_p":0.1,
                "repeat_penalty":1.5,"repeat_last_n":9,"seed":7,"stop":["a"]}"#,
        ),
        (r#"{"max_tokens":5,"n_predict":5.0}"#, r#"{"max_tokens":5}"#),
        (
            r#"{"max_tokens":5,"n_predict":null}"#,
            r#"{"max_tokens":5}"#,
        ),
        (r#"{"options":["a","b"],"seed":1}"#, r#"{"seed":1}"#),
    ] {
        assert_eq!(of(json), of(wanted), "{json}");
    }
}

/// The largest of 64 bits is a seed in Python and in C++.
#[test]
fn every_seed_of_64_bits_is_taken() {
    for (json, wanted) in [
        (r#"{"seed":18446744073709551615}"#, Seed::Fixed(u64::MAX)),
        (r#"{"seed":9223372036854775808}"#, Seed::Fixed(1 << 63)),
        (r#"{"seed":7.0}"#, Seed::Fixed(7)),
        (r#"{"seed":-1}"#, Seed::Drawn),
    ] {
        let seed = of(json).unwrap().seed;
        assert_eq!(seed, Some(wanted), "{json}");
        let written = serde_json::to_string(&seed).unwrap();
        assert_eq!(serde_json::from_str::<Seed>(&written).unwrap(), wanted);
    }
    assert!(of(r#"{"seed":18446744073709551616}"#).is_err());
}

#[test]
fn a_number_without_end_is_called_so() {
    let settings = Overrides {
        temperature: Some(f32::INFINITY),
        ..Overrides::default()
    };
    assert_eq!(
        settings.check().unwrap_err(),
        "'temperature' is inf but must be a finite number, 0 or more"
    );
}

#[test]
fn the_line_wins_over_the_flag() {
    let line = Overrides {
        seed: Some(Seed::Fixed(1)),
        ..Overrides::default()
    };
    let flags = Overrides {
        seed: Some(Seed::Fixed(2)),
        top_k: Some(3),
        ..Overrides::default()
    };
    let both = line.or(&flags);
    assert_eq!((both.seed, both.top_k), (Some(Seed::Fixed(1)), Some(3)));
}

fn labels(text: &str) -> Result<Vec<String>, String> {
    let setting = SETTINGS.iter().find(|row| row.domain == Domain::Labels);
    let settings = setting.unwrap().parse(text)?;
    Ok(settings.choices.unwrap())
}

#[test]
fn labels_are_cut_at_commas() {
    for (text, wanted) in [
        ("spam,ham", vec!["spam", "ham"]),
        ("spam, ham", vec!["spam", "ham"]),
        (" spam, ham,eggs", vec![" spam", " ham", " eggs"]),
        ("very good ,bad", vec!["very good", "bad"]),
        ("yes", vec!["yes"]),
    ] {
        assert_eq!(labels(text).unwrap(), wanted, "{text:?}");
    }
    for text in ["", "spam,", ",ham", " ", "spam, ,ham", "spam,ham, spam"] {
        let sentence = labels(text).unwrap_err();
        assert!(
            sentence.starts_with("'choices' holds"),
            "{text:?}: {sentence}"
        );
    }
}

/// Every row, so that one which is added takes part in all steps.
#[test]
fn a_setting_goes_from_the_flag_to_the_record_and_back() {
    let mut asked = Overrides::default();
    for setting in SETTINGS {
        let text = match setting.domain {
            Domain::Texts | Domain::Labels | Domain::Breakers => "a,b",
            Domain::Biases => "a=1",
            Domain::Samplers => "top_k",
            Domain::Number(interval) if interval.contains(0.7) => "0.7",
            _ => "1",
        };
        let flag = setting.parse(text).unwrap();
        assert!((setting.is_set)(&flag) && !(setting.is_set)(&asked));
        asked.extend(flag);
        assert!((setting.is_set)(&asked), "{}", setting.name);
    }
    let sampling = asked.over(&Sampling::default());
    assert_eq!(sampling.as_overrides(), asked);
    assert_eq!(Overrides::default().over(&sampling), sampling);
    let line = serde_json::to_string(&asked).unwrap();
    assert_eq!(of(&line).unwrap(), asked);
}

fn by_flag(name: &str, text: &str) -> Result<Overrides, String> {
    let setting = SETTINGS.iter().find(|row| row.name == name).unwrap();
    setting.parse(text)
}

/// The forms that `OpenAI`'s API and llama.cpp's server document, and the flag's.
#[test]
fn biases_are_read_in_each_form() {
    let id = |id, bias| (BiasedToken::Id(id), Bias::Number(bias));
    let text = |text: &str, bias| (BiasedToken::Text(text.to_owned()), bias);
    for (json, wanted) in [
        (r#"{"50256": -100}"#, vec![id(50256, -100.0)]),
        (r#"[[15043, 1.0]]"#, vec![id(15043, 1.0)]),
        (
            r#"[[15043, false]]"#,
            vec![(BiasedToken::Id(15043), Bias::Never(false))],
        ),
        (
            r#"[["Hello, World!", -0.5]]"#,
            vec![text("Hello, World!", Bias::Number(-0.5))],
        ),
        (
            r#"{"Hello": false, "7": 2}"#,
            vec![text("Hello", Bias::Never(false)), id(7, 2.0)],
        ),
        (r#"[["7", 2]]"#, vec![text("7", Bias::Number(2.0))]),
    ] {
        let line = format!(r#"{{"logit_bias":{json}}}"#);
        let read = of(&line).unwrap().logit_bias.unwrap();
        assert_eq!(read.0, wanted, "{json}");
        let again = serde_json::to_string(&read).unwrap();
        let line = format!(r#"{{"logit_bias":{again}}}"#);
        assert_eq!(of(&line).unwrap().logit_bias.unwrap(), read);
        assert_eq!(serde_json::from_str::<LogitBias>(&again).unwrap(), read);
    }
    for (flag, wanted) in [
        ("15043+1", id(15043, 1.0)),
        ("15043-1.5", id(15043, -1.5)),
        ("15043-inf", (BiasedToken::Id(15043), Bias::Never(false))),
        ("15043=2", id(15043, 2.0)),
        (" Hello=-1", text(" Hello", Bias::Number(-1.0))),
        ("C++=3", text("C++", Bias::Number(3.0))),
        ("a=b=false", text("a=b", Bias::Never(false))),
    ] {
        let read = by_flag("logit_bias", flag).unwrap().logit_bias.unwrap();
        assert_eq!(read.0, [wanted], "{flag}");
    }
    for flag in ["", "15043", "Hello", "=1", "a=much", "5+inf", "a=nan"] {
        assert!(by_flag("logit_bias", flag).is_err(), "{flag}");
    }
}

/// The names and letters of `common_sampler_types_from_names` and `_from_chars`.
#[test]
fn samplers_are_named_as_in_llama_cpp() {
    use SamplerName::{Penalties, Temperature, TopK, TopP, TypP};
    for (json, wanted) in [
        (r#"["top_k","temperature"]"#, vec![TopK, Temperature]),
        (r#"["Top-K","temp"]"#, vec![TopK, Temperature]),
        (r#"["topk","nucleus","typ"]"#, vec![TopK, TopP, TypP]),
        (r#""kt""#, vec![TopK, Temperature]),
        (r#""top_k;temp""#, vec![TopK, Temperature]),
        (r#""temp""#, vec![Temperature]),
        (r#"["top_k","top_k"]"#, vec![TopK, TopK]),
        (r#""edskypmxt""#, SamplerName::USUAL.to_vec()),
        (r#""ekt""#, vec![Penalties, TopK, Temperature]),
    ] {
        let read = of(&format!(r#"{{"samplers":{json}}}"#)).unwrap();
        assert_eq!(read.samplers.unwrap(), wanted, "{json}");
    }
    let sentence = of(r#"{"samplers":["mirostat"]}"#).unwrap_err();
    assert!(
        sentence.contains("penalties, dry, top_n_sigma"),
        "{sentence}"
    );
}

#[test]
fn no_breakers_are_a_wish_of_their_own() {
    let used = |asked: &Overrides| {
        let dry = by_flag("dry_multiplier", "0.8").unwrap();
        let sampling = asked.or(&dry).over(&Sampling::default());
        sampling.dry_sequence_breakers
    };
    let none = by_flag("dry_sequence_breakers", "none").unwrap();
    assert_eq!(used(&none), Some(Vec::new()));
    let usual = of(r#"{"dry_sequence_breakers":["\n",":","\"","*"]}"#).unwrap();
    assert_eq!(used(&usual), None);
    assert_eq!(used(&Overrides::default()), None);
}

#[test]
fn what_cannot_be_is_raised_to_the_least() {
    let asked = Overrides {
        top_k: Some(-5),
        ..Overrides::default()
    };
    assert_eq!(asked.over(&Sampling::default()).top_k, 0);
}

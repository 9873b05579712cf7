//! Tests of what a line of the user's asks for and does not get.

use std::collections::HashSet;

use serde_json::json;

use super::*;

fn refused_for(purpose: Purpose, fields: &Value) -> Option<Unsupported> {
    let all = unsupported(fields.as_object().unwrap());
    all.into_iter().find(|one| one.purpose == purpose)
}

/// Requests as the APIs' own documents show them, each with the field that is to be told of.
fn requests() -> Vec<(&'static str, Value)> {
    vec![
        ("n", json!({"n": 2})),
        (
            "moderation",
            json!({"moderation": {"model": "m", "policy": {"output": {"mode": "block"}}}}),
        ),
        ("instructions", json!({"instructions": "Be brief"})),
        ("system", json!({"system": "You are a pirate"})),
        ("raw", json!({"raw": true})),
        ("images", json!({"images": ["aGk="]})),
        ("think", json!({"think": true})),
        ("min_tokens", json!({"min_tokens": 5})),
        ("stop_token_ids", json!({"stop_token_ids": [2]})),
        (
            "chat_template_kwargs",
            json!({"chat_template_kwargs": {"enable_thinking": false}}),
        ),
        ("guided_choice", json!({"guided_choice": ["a", "b"]})),
        ("parameters", json!({"parameters": {"max_new_tokens": 20}})),
        ("do_sample", json!({"do_sample": true})),
        ("num_beams", json!({"num_beams": 4})),
        ("no_repeat_ngram_size", json!({"no_repeat_ngram_size": 2})),
        ("stop_strings", json!({"stop_strings": "END"})),
        (
            "thinking",
            json!({"thinking": {"type": "enabled", "budget_tokens": 1024}}),
        ),
        ("safe_prompt", json!({"safe_prompt": true})),
        ("rep_pen", json!({"rep_pen": 1.1})),
        ("banned_strings", json!({"banned_strings": ["a"]})),
        ("extra_body", json!({"extra_body": {"top_k": 1}})),
        ("options", json!({"options": {"tfs_z": 0.5}})),
        ("options", json!({"options": {"num_ctx": 4096}})),
        ("options", json!({"options": {"A": "yes", "B": "no"}})),
        ("options", json!({"options": ["yes", "no"]})),
    ]
}

#[test]
fn requests_of_other_apis_are_refused_by_the_field() {
    for (field, line) in requests() {
        let told = refused_for(Purpose::Answers, &line).unwrap_or_else(|| panic!("{line}"));
        assert_eq!(told.field, field, "{line}");
        assert_eq!(told.code, ErrorCode::UnsupportedField);
        assert!(
            told.reason.starts_with(&format!("'{field}")),
            "{}",
            told.reason
        );
    }
}

#[test]
fn requests_for_vectors_are_refused_by_the_field() {
    for (field, line) in [
        ("dimensions", json!({"dimensions": 8})),
        ("encoding_format", json!({"encoding_format": "base64"})),
        ("truncate", json!({"truncate": true})),
        ("input_type", json!({"input_type": "query"})),
        ("prompt_name", json!({"prompt_name": "query"})),
    ] {
        assert_eq!(refused_for(Purpose::Vectors, &line).unwrap().field, field);
    }
    assert_eq!(
        refused_for(Purpose::Vectors, &json!({"n": 2, "options": {}})),
        None
    );
    assert_eq!(
        refused_for(Purpose::Answers, &json!({"dimensions": 8})),
        None
    );
}

#[test]
fn what_asks_for_nothing_and_what_nobody_knows_is_free() {
    for line in [
        json!({"n": 1, "presence_penalty": 0, "frequency_penalty": 0.0, "logit_bias": {}, "stream": false}),
        json!({"response_format": {"type": "text"}, "tool_choice": {"type": "auto"}, "echo": false}),
        json!({"grammar": "", "typical_p": 1.0, "mirostat": 0, "mirostat_tau": 5, "top_n_sigma": -1.0}),
        json!({"options": {}, "format": "", "keep_alive": "5m", "think": null, "raw": false}),
        json!({"options": {"num_predict": 5, "num_thread": 2, "use_mmap": true, "tfs_z": 1, "x": null}}),
        json!({"chat_template_kwargs": {}, "skip_special_tokens": true, "stop_token_ids": []}),
        json!({"prompt_cache_options": {"mode": "explicit"}, "prompt_cache_retention": "24h"}),
        json!({"moderation": {"model": "m", "policy": {"input": {"mode": "score"}, "output": null}}}),
        json!({"title": "x", "k": 1, "question": "y", "category": [1], "metadata": {"a": 1}, "user": 7}),
        json!({"max_tokens": 5, "temperature": 1, "stop": ["a"], "seed": 1, "choices": ["a", "b"]}),
    ] {
        assert_eq!(unsupported(line.as_object().unwrap()), [], "{line}");
    }
}

/// A name in two lists would have two meanings, and one that is read here must be in none.
#[test]
fn every_name_stands_once() {
    let mut seen = HashSet::new();
    let answers = ANSWERS.iter().map(|(name, ..)| *name);
    for name in answers
        .chain(INERT.iter().copied())
        .chain(LAYOUT.iter().copied())
    {
        assert!(seen.insert(name), "{name} stands twice");
        assert!(!settings::reads(name), "{name} is read");
    }
    let vectors: HashSet<_> = VECTORS.iter().map(|(name, ..)| *name).collect();
    assert_eq!(vectors.len(), VECTORS.len());
    assert!(vectors.iter().all(|name| !INERT.contains(name)));
}

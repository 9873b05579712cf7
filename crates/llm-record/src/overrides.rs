//! The sampling fields that one line, or the command line, may set, under all the names that they
//! have in the field. What an unset field means is the engine's business.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Seed, Values};

/// Sampling settings; `None` leaves a setting to whoever comes next (line, then flag, then model).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Overrides {
    /// Tokens to generate at most; -1 means to the end of the context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<i64>,
    /// Temperature; 0 means greedy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// How many of the best tokens stay; 0 or less means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_k: Option<i64>,
    /// Probability mass that stays, above 0 and at most 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f32>,
    /// Least probability relative to the best token's, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_p: Option<f32>,
    /// Divisor for the logits of tokens seen lately; 1 means none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat_penalty: Option<f32>,
    /// How many tokens count as lately; -1 means the whole context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat_last_n: Option<i64>,
    /// Seed; -1 draws one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<Seed>,
    /// Texts that end the answer and are not part of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<Vec<String>>,
    /// Labels, of which the likeliest is the answer instead of a generated one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choices: Option<Vec<String>>,
}

impl Overrides {
    /// Returns what an object sets, itself or in Ollama's `options`. `null` counts as absent.
    ///
    /// # Errors
    /// A sentence that names the field, when a value is of the wrong kind or out of range, or when two
    /// names of one setting (`max_tokens`, `n_predict`) say different things.
    pub fn of(fields: &Values) -> Result<Self, String> {
        let overrides = Self {
            max_tokens: integer(fields, MAX_TOKENS)?,
            temperature: number(fields, TEMPERATURE)?,
            top_k: integer(fields, &["top_k"])?,
            top_p: number(fields, &["top_p"])?,
            min_p: number(fields, &["min_p"])?,
            repeat_penalty: number(fields, REPEAT_PENALTY)?,
            repeat_last_n: integer(fields, &["repeat_last_n"])?,
            seed: seed(fields)?,
            stop: stop(fields)?,
            choices: choices(fields)?,
        };
        overrides.check()?;
        Ok(overrides)
    }

    /// Checks the range of every setting; the sentence returned names the first that is wrong.
    ///
    /// # Errors
    /// A sentence that names the setting and its range.
    pub fn check(&self) -> Result<(), String> {
        let float = |name: &str, value: Option<f32>, good: fn(f32) -> bool, range: &str| match value
        {
            Some(value) if !value.is_finite() => Err(format!(
                "'{name}' is {value} but must be a finite number, {range}"
            )),
            Some(value) if !good(value) => Err(format!("'{name}' is {value} but must be {range}")),
            _ => Ok(()),
        };
        let at_least = |name: &str, value: Option<i64>, least: i64| match value {
            Some(value) if value < least => {
                Err(format!("'{name}' is {value} but must be at least {least}"))
            }
            _ => Ok(()),
        };
        float("temperature", self.temperature, |v| v >= 0.0, "0 or more")?;
        float(
            "top_p",
            self.top_p,
            |v| v > 0.0 && v <= 1.0,
            "above 0 and at most 1",
        )?;
        float(
            "min_p",
            self.min_p,
            |v| (0.0..=1.0).contains(&v),
            "from 0 to 1",
        )?;
        float(
            "repeat_penalty",
            self.repeat_penalty,
            |v| v > 0.0,
            "above 0",
        )?;
        at_least("max_tokens", self.max_tokens, -1)?;
        at_least("repeat_last_n", self.repeat_last_n, -1)?;
        if self.stop.iter().flatten().any(String::is_empty) {
            return Err("'stop' holds an empty text, which would end every answer at once".into());
        }
        self.choices.as_deref().map_or(Ok(()), check_choices)
    }

    /// Returns these settings with `others` in the places that are unset here.
    #[must_use]
    pub fn or(&self, others: &Self) -> Self {
        Self {
            max_tokens: self.max_tokens.or(others.max_tokens),
            temperature: self.temperature.or(others.temperature),
            top_k: self.top_k.or(others.top_k),
            top_p: self.top_p.or(others.top_p),
            min_p: self.min_p.or(others.min_p),
            repeat_penalty: self.repeat_penalty.or(others.repeat_penalty),
            repeat_last_n: self.repeat_last_n.or(others.repeat_last_n),
            seed: self.seed.or(others.seed),
            stop: self.stop.clone().or_else(|| others.stop.clone()),
            choices: self.choices.clone().or_else(|| others.choices.clone()),
        }
    }
}

/// The names of each setting that has several: `OpenAI`'s, ours, transformers', `OpenAI`'s of responses,
/// Ollama's, llama.cpp's; then those of vLLM and transformers, of Mistral and of Anthropic.
const MAX_TOKENS: &[&str] = &[
    "max_tokens",
    "max_completion_tokens",
    "max_new_tokens",
    "max_output_tokens",
    "num_predict",
    "n_predict",
];
const TEMPERATURE: &[&str] = &["temperature", "temp"];
const REPEAT_PENALTY: &[&str] = &["repeat_penalty", "repetition_penalty"];
const SEED: &[&str] = &["seed", "random_seed"];
const STOP: &[&str] = &["stop", "stop_sequences"];
const SINGLE: &[&str] = &["top_k", "top_p", "min_p", "repeat_last_n"];

/// Whether a name is that of a setting which other servers have, too.
pub(crate) fn reads(name: &str) -> bool {
    let all = [MAX_TOKENS, TEMPERATURE, REPEAT_PENALTY, SEED, STOP, SINGLE];
    all.iter().any(|names| names.contains(&name))
}

/// Returns the value of a setting, with the name that it stands under. Of several names that say one thing
/// the first counts.
fn first<'a>(fields: &'a Values, names: &[&str]) -> Result<Option<(String, &'a Value)>, String> {
    let options = fields.get("options").and_then(Value::as_object);
    let own = names
        .iter()
        .map(|name| (String::new(), *name, fields.get(*name)));
    let theirs = names.iter().map(|name| {
        let value = options.and_then(|options| options.get(*name));
        ("options.".to_owned(), *name, value)
    });
    let mut set = own.chain(theirs).filter_map(|(place, name, value)| {
        let value = value.filter(|value| !value.is_null())?;
        Some((format!("{place}{name}"), value))
    });
    let Some((name, value)) = set.next() else {
        return Ok(None);
    };
    let is_other = |other: &Value| match (value.as_f64(), other.as_f64()) {
        (Some(value), Some(other)) => value != other,
        _ => value != other,
    };
    match set.find(|(_, other)| is_other(other)) {
        None => Ok(Some((name, value))),
        Some((twin, other)) => Err(format!(
            "'{name}' is {value} and '{twin}' is {other}, which are one setting; leave one out"
        )),
    }
}

fn integer(fields: &Values, names: &[&str]) -> Result<Option<i64>, String> {
    let Some((name, value)) = first(fields, names)? else {
        return Ok(None);
    };
    match value.as_i64().or_else(|| whole(value.as_f64()?)) {
        Some(number) => Ok(Some(number)),
        None => Err(format!("'{name}' is {value} but must be a whole number")),
    }
}

fn seed(fields: &Values) -> Result<Option<Seed>, String> {
    let Some((name, value)) = first(fields, SEED)? else {
        return Ok(None);
    };
    let number = value.as_u64().map(i128::from);
    let number = number.or_else(|| Some(value.as_i64().or_else(|| whole(value.as_f64()?))?.into()));
    let seed = number.and_then(Seed::of);
    let wrong = || format!("'{name}' is {value} but must be {}", Seed::RANGE);
    seed.map(Some).ok_or_else(wrong)
}

/// Returns a float that stands for a small whole number as that number: other programs write 20.0.
fn whole(value: f64) -> Option<i64> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "checked to be whole and small"
    )]
    (value.fract() == 0.0 && value.abs() < 1e15).then_some(value as i64)
}

fn number(fields: &Values, names: &[&str]) -> Result<Option<f32>, String> {
    let Some((name, value)) = first(fields, names)? else {
        return Ok(None);
    };
    #[expect(clippy::cast_possible_truncation, reason = "samplers compute in f32")]
    match value.as_f64() {
        Some(number) => Ok(Some(number as f32)),
        None => Err(format!("'{name}' is {value} but must be a number")),
    }
}

fn stop(fields: &Values) -> Result<Option<Vec<String>>, String> {
    let Some((name, value)) = first(fields, STOP)? else {
        return Ok(None);
    };
    let texts = match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(items) => items
            .iter()
            .map(|item| item.as_str().map(str::to_owned))
            .collect(),
        _ => None,
    };
    let wrong = || format!("'{name}' must be a string or a list of strings");
    texts.map(Some).ok_or_else(wrong)
}

fn choices(fields: &Values) -> Result<Option<Vec<String>>, String> {
    let labels = match fields.get("choices") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| item.as_str().map(str::to_owned))
            .collect(),
        Some(_) => None,
    };
    match labels {
        Some(labels) => Ok(Some(labels)),
        None => Err("'choices' must be a list of strings".into()),
    }
}

/// Checks labels: each must be told from the others by its text.
fn check_choices(labels: &[String]) -> Result<(), String> {
    if labels.is_empty() {
        return Err("'choices' is empty; name at least one label".into());
    }
    let mut seen = HashSet::new();
    for label in labels {
        if label.is_empty() {
            return Err("'choices' holds an empty label; leave it out".into());
        }
        if !seen.insert(label) {
            return Err(format!(
                "'choices' holds {} twice; name each label once",
                Value::from(label.as_str())
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Result<Overrides, String> {
        Overrides::of(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn every_name_is_read() {
        let all = of(
            r#"{"max_completion_tokens":5,"temperature":0.5,"top_k":40.0,"top_p":0.9,
            "min_p":0.05,"repetition_penalty":1.1,"repeat_last_n":64,"seed":-1,"stop":"END",
            "choices":["spam"," ham"]}"#,
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
}

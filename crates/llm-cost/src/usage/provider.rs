//! What a provider's answer says of its tokens → an entry of the log. Each provider counts otherwise:
//! what a cache held is a part of the input at `OpenAI` and Google and stands beside it at Anthropic, and
//! only Google counts what was thought apart from the output.
//!
//! Fields: `OpenAI` (`CompletionUsage`, `ResponseUsage`), Anthropic (`Usage`), Google (`UsageMetadata`),
//! `OpenRouter` (usage accounting, `cost`), `DeepSeek` (`prompt_cache_hit_tokens`), as their SDKs name them
//! in November 2026. What has a price of its own that no row holds is named and not billed.

use serde_json::Value;

use super::parse::{Nonsense, amount, text, tokens};
use super::{Unbilled, UsageEntry};
use crate::units::Usd;

/// Reads a usage object of any provider: one request.
pub(super) fn counted(usage: &Value) -> Result<UsageEntry, Nonsense> {
    let has = |key: &str| usage.get(key).is_some();
    let entry = if has("promptTokenCount") || has("prompt_token_count") {
        google(usage)?
    } else if !has("prompt_tokens") && ANTHROPIC.iter().any(|key| has(key)) {
        anthropic(usage)?
    } else {
        openai(usage)?
    };
    let sound = entry.cached + entry.written <= entry.input && entry.written_1h <= entry.written;
    sound.then_some(entry).ok_or(Nonsense)
}

/// Fields that only Anthropic's usage has.
const ANTHROPIC: [&str; 3] = [
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "cache_creation",
];

/// `input_tokens` is what neither was in the cache nor was written to it.
fn anthropic(usage: &Value) -> Result<UsageEntry, Nonsense> {
    let number = |keys: &[&str]| Ok(tokens(usage, keys)?.unwrap_or(0.0));
    let within = |part: &str, key: &str| -> Result<f64, Nonsense> {
        let part = usage.get(part).unwrap_or(&Value::Null);
        Ok(tokens(part, &[key])?.unwrap_or(0.0))
    };
    let fresh = tokens(usage, &["input_tokens"])?.ok_or(Nonsense)?;
    let cached = number(&["cache_read_input_tokens"])?;
    let hour = within("cache_creation", "ephemeral_1h_input_tokens")?;
    let minutes = within("cache_creation", "ephemeral_5m_input_tokens")?;
    let written = tokens(usage, &["cache_creation_input_tokens"])?.unwrap_or(hour + minutes);
    let searches = within("server_tool_use", "web_search_requests")?;
    let is_dearer = is_text(usage, "service_tier", "priority")
        || is_text(usage, "speed", "fast")
        || is_text(usage, "inference_geo", "us");
    Ok(UsageEntry {
        requests: 1,
        input: fresh + cached + written,
        cached,
        written,
        written_1h: hour,
        output: number(&["output_tokens"])?,
        by_batch: is_text(usage, "service_tier", "batch"),
        unbilled: unbilled([
            (Unbilled::Search, searches),
            (Unbilled::Tier, count(is_dearer)),
        ]),
        ..UsageEntry::default()
    })
}

/// What a cache held, and what was written to it, are parts of the input; what was thought, and what was
/// predicted and refused, of the output.
fn openai(usage: &Value) -> Result<UsageEntry, Nonsense> {
    let input = tokens(usage, &["prompt_tokens", "input_tokens"])?.ok_or(Nonsense)?;
    let output = tokens(usage, &["completion_tokens", "output_tokens"])?;
    let null = Value::Null;
    let details = |keys: [&str; 2]| {
        let found = keys
            .iter()
            .find_map(|key| usage.get(key).filter(|part| part.is_object()));
        found.unwrap_or(&null)
    };
    let of_input = details(["prompt_tokens_details", "input_tokens_details"]);
    let of_output = details(["completion_tokens_details", "output_tokens_details"]);
    let first = |places: [(&Value, &[&str]); 2]| -> Result<f64, Nonsense> {
        for (place, keys) in places {
            if let Some(found) = tokens(place, keys)? {
                return Ok(found);
            }
        }
        Ok(0.0)
    };
    let cached = first([
        (of_input, &["cached_tokens"]),
        (
            usage,
            &["cache_read_input_tokens", "prompt_cache_hit_tokens"],
        ),
    ])?;
    let written = first([
        (of_input, &["cache_write_tokens", "cache_creation_tokens"]),
        (usage, &["cache_creation_input_tokens"]),
    ])?;
    let number = |part: &Value, key: &str| Ok(tokens(part, &[key])?.unwrap_or(0.0));
    Ok(UsageEntry {
        requests: 1,
        input,
        cached,
        written,
        output: output.unwrap_or(0.0),
        paid: openrouter_paid(usage)?,
        unbilled: unbilled([
            (
                Unbilled::Audio,
                number(of_input, "audio_tokens")? + number(of_output, "audio_tokens")?,
            ),
            (
                Unbilled::Image,
                number(of_input, "image_tokens")? + number(of_output, "image_tokens")?,
            ),
        ]),
        ..UsageEntry::default()
    })
}

/// What `OpenRouter` took, and what the host took beside it where the key was one's own.
fn openrouter_paid(usage: &Value) -> Result<Option<Usd>, Nonsense> {
    let cost = amount(usage, &["cost"])?;
    let details = usage.get("cost_details").unwrap_or(&Value::Null);
    let own = usage.get("is_byok").and_then(Value::as_bool) == Some(true);
    let upstream = amount(details, &["upstream_inference_cost"])?.filter(|_| own);
    Ok(cost.map(|cost| Usd(cost + upstream.unwrap_or(0.0))))
}

/// Thoughts stand beside the candidates and cost what output does; prompts of tools beside the prompt.
fn google(usage: &Value) -> Result<UsageEntry, Nonsense> {
    let number = |camel: &str, snake: &str| Ok(tokens(usage, &[camel, snake])?.unwrap_or(0.0));
    let prompt = number("promptTokenCount", "prompt_token_count")?;
    let tools = number("toolUsePromptTokenCount", "tool_use_prompt_token_count")?;
    let answer = tokens(
        usage,
        &[
            "candidatesTokenCount",
            "candidates_token_count",
            "responseTokenCount",
        ],
    )?;
    let thoughts = number("thoughtsTokenCount", "thoughts_token_count")?;
    let audio = modality(usage, "promptTokensDetails", "AUDIO")?
        + modality(usage, "candidatesTokensDetails", "AUDIO")?;
    let image = modality(usage, "candidatesTokensDetails", "IMAGE")?;
    let traffic = text(usage, "trafficType");
    Ok(UsageEntry {
        requests: 1,
        input: prompt + tools,
        cached: number("cachedContentTokenCount", "cached_content_token_count")?,
        output: answer.unwrap_or(0.0) + thoughts,
        by_batch: traffic.ends_with("FLEX"),
        unbilled: unbilled([
            (Unbilled::Audio, audio),
            (Unbilled::Image, image),
            (Unbilled::Tier, count(traffic.ends_with("PRIORITY"))),
        ]),
        ..UsageEntry::default()
    })
}

/// Returns the tokens of one kind of Google's lists of them.
fn modality(usage: &Value, key: &str, wanted: &str) -> Result<f64, Nonsense> {
    let parts = usage
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let own = parts.filter(|part| is_text(part, "modality", wanted));
    own.map(|part| Ok(tokens(part, &["tokenCount"])?.unwrap_or(0.0)))
        .sum()
}

/// Keeps those that there are.
pub(super) fn unbilled<const N: usize>(all: [(Unbilled, f64); N]) -> Vec<(Unbilled, f64)> {
    all.into_iter().filter(|(_, count)| *count > 0.0).collect()
}

fn count(is_so: bool) -> f64 {
    if is_so { 1.0 } else { 0.0 }
}

fn is_text(value: &Value, key: &str, wanted: &str) -> bool {
    value.get(key).and_then(Value::as_str) == Some(wanted)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sums(usage: &Value) -> [f64; 5] {
        let Ok(entry) = counted(usage) else {
            panic!("nonsense: {usage}");
        };
        [
            entry.input,
            entry.cached,
            entry.written,
            entry.written_1h,
            entry.output,
        ]
    }

    /// Each provider's own example, by its documentation's words.
    #[test]
    fn every_field_of_a_providers_usage_has_its_place() {
        for (usage, wanted) in [
            (
                json!({"prompt_tokens":100,"completion_tokens":10,"total_tokens":110,
                    "prompt_tokens_details":{"cached_tokens":20,"cache_write_tokens":70,"audio_tokens":0},
                    "completion_tokens_details":{"reasoning_tokens":4,"audio_tokens":0,
                        "accepted_prediction_tokens":1,"rejected_prediction_tokens":2}}),
                [100.0, 20.0, 70.0, 0.0, 10.0],
            ),
            (
                json!({"input_tokens":100,"input_tokens_details":{"cached_tokens":20,"cache_write_tokens":70},
                    "output_tokens":10,"output_tokens_details":{"reasoning_tokens":4},"total_tokens":110}),
                [100.0, 20.0, 70.0, 0.0, 10.0],
            ),
            (
                json!({"input_tokens":9,"cache_creation_input_tokens":1000,"cache_read_input_tokens":200,
                    "cache_creation":{"ephemeral_5m_input_tokens":400,"ephemeral_1h_input_tokens":600},
                    "output_tokens":25}),
                [1209.0, 200.0, 1000.0, 600.0, 25.0],
            ),
            (
                json!({"input_tokens":9,"cache_creation_input_tokens":null,"cache_read_input_tokens":null,
                    "output_tokens":25}),
                [9.0, 0.0, 0.0, 0.0, 25.0],
            ),
            (
                json!({"promptTokenCount":100,"cachedContentTokenCount":40,"candidatesTokenCount":10,
                    "thoughtsTokenCount":5,"toolUsePromptTokenCount":7,"totalTokenCount":122}),
                [107.0, 40.0, 0.0, 0.0, 15.0],
            ),
            // DeepSeek, and Anthropic's counts in OpenAI's form, as LiteLLM writes them.
            (
                json!({"prompt_tokens":100,"completion_tokens":10,"prompt_cache_hit_tokens":60,
                    "prompt_cache_miss_tokens":40}),
                [100.0, 60.0, 0.0, 0.0, 10.0],
            ),
            (
                json!({"prompt_tokens":100,"completion_tokens":10,"cache_read_input_tokens":60,
                    "cache_creation_input_tokens":30}),
                [100.0, 60.0, 30.0, 0.0, 10.0],
            ),
        ] {
            assert_eq!(sums(&usage), wanted, "{usage}");
        }
    }

    #[test]
    fn what_openrouter_took_was_paid() {
        let paid = |more: &str| {
            let text = format!(
                r#"{{"prompt_tokens":1,"completion_tokens":1,"cost":0.25,
                "cost_details":{{"upstream_inference_cost":2}}{more}}}"#
            );
            let Ok(entry) = counted(&serde_json::from_str(&text).unwrap()) else {
                panic!("nonsense: {text}");
            };
            entry.paid
        };
        assert_eq!(paid(""), Some(Usd(0.25)));
        assert_eq!(paid(r#","is_byok":true"#), Some(Usd(2.25)));
    }

    #[test]
    fn more_from_the_cache_than_there_was_is_nonsense() {
        for usage in [
            json!({"prompt_tokens":10,"prompt_tokens_details":{"cached_tokens":6,"cache_write_tokens":6}}),
            json!({"input_tokens":1,"cache_creation_input_tokens":5,
                "cache_creation":{"ephemeral_1h_input_tokens":6}}),
            json!({"promptTokenCount":5,"cachedContentTokenCount":6}),
            json!({"completion_tokens":5}),
        ] {
            assert!(counted(&usage).is_err(), "{usage}");
        }
    }

    #[test]
    fn what_has_a_price_of_its_own_is_named() {
        let named = |usage: Value| {
            counted(&usage)
                .map(|entry| entry.unbilled)
                .unwrap_or_default()
        };
        assert_eq!(
            named(
                json!({"prompt_tokens":10,"completion_tokens":4,"prompt_tokens_details":{"audio_tokens":3},
                "completion_tokens_details":{"audio_tokens":2}})
            ),
            [(Unbilled::Audio, 5.0)]
        );
        assert_eq!(
            named(
                json!({"input_tokens":1,"cache_creation":{},"server_tool_use":{"web_search_requests":2},
                "service_tier":"priority"})
            ),
            [(Unbilled::Search, 2.0), (Unbilled::Tier, 1.0)]
        );
        assert_eq!(
            named(
                json!({"promptTokenCount":5,"promptTokensDetails":[{"modality":"TEXT","tokenCount":1},
                {"modality":"AUDIO","tokenCount":4}]})
            ),
            [(Unbilled::Audio, 4.0)]
        );
    }
}

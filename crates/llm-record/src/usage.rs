//! Token counts and times of one request. Who measures them, and what they cost, is left to others.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many tokens a request took, in OpenAI's names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// Tokens of the prompt as rendered, special tokens included.
    pub prompt_tokens: u64,
    /// Tokens generated; the token that ends the answer counts. Of labels (`--choices`), where nothing is
    /// generated, the tokens of all that were scored.
    pub completion_tokens: u64,
    /// The sum of both.
    pub total_tokens: u64,
    /// What part of the prompt was not computed again.
    #[serde(default)]
    pub prompt_tokens_details: PromptTokensDetails,
    /// What part of the completion was no answer.
    #[serde(default)]
    pub completion_tokens_details: CompletionTokensDetails,
}

/// Details of the completion's tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CompletionTokensDetails {
    /// Tokens of reasoning, the markers around it included.
    #[serde(default)]
    pub reasoning_tokens: u64,
}

/// Details of the prompt's tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PromptTokensDetails {
    /// Tokens whose keys and values were already there.
    #[serde(default)]
    pub cached_tokens: u64,
}

impl Usage {
    /// Returns the counts with their sum.
    #[must_use]
    pub fn new(prompt_tokens: u64, completion_tokens: u64, cached_tokens: u64) -> Self {
        Self {
            prompt_tokens,
            completion_tokens,
            total_tokens: prompt_tokens.saturating_add(completion_tokens),
            prompt_tokens_details: PromptTokensDetails { cached_tokens },
            completion_tokens_details: CompletionTokensDetails::default(),
        }
    }

    /// Returns the counts with this many tokens of reasoning among the completion's.
    #[must_use]
    pub fn with_reasoning(mut self, reasoning_tokens: u64) -> Self {
        self.completion_tokens_details = CompletionTokensDetails { reasoning_tokens };
        self
    }
}

/// How long a request took, in vLLM's names: milliseconds, and tokens a second.
///
/// A rate or mean that has no meaning (no token was generated, say) is left out, never 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Metrics {
    /// From the request's start to its first token, tokenization and prefill included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_to_first_token_ms: Option<f64>,
    /// From the request's start to its last token.
    pub generation_time_ms: f64,
    /// Mean time between two tokens after the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_itl_ms: Option<f64>,
    /// Tokens generated after the first, a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_second: Option<f64>,
    /// Prompt tokens computed (cached ones excluded), a second of prefill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_tokens_per_second: Option<f64>,
    /// Time to open the model; in the first record of a process only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_ms: Option<f64>,
    /// The request's share of the time that the machine worked until its first token. Of work for
    /// several requests at once each has the part that its positions are of all, so that these shares
    /// add up where the times above overlap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busy_prefill_ms: Option<f64>,
    /// The same after the first token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busy_decode_ms: Option<f64>,
    /// Tokens of the answer that could only be written in one way, and so were appended without a step of
    /// their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forced_tokens: Option<u64>,
}

impl Metrics {
    /// Returns the metrics of one request from three spans that its caller measured.
    ///
    /// `prefill` runs from the request's start to the end of the prompt's forward pass, `first` from
    /// the start to the first token (if one came), `whole` from the start to the end.
    #[must_use]
    pub fn measured(
        usage: &Usage,
        prefill: Duration,
        first: Option<Duration>,
        whole: Duration,
    ) -> Self {
        let computed = usage
            .prompt_tokens
            .saturating_sub(usage.prompt_tokens_details.cached_tokens);
        let later = usage.completion_tokens.saturating_sub(1);
        let decode = first.map(|first| whole.saturating_sub(first));
        Self {
            time_to_first_token_ms: first.map(milliseconds),
            generation_time_ms: milliseconds(whole),
            mean_itl_ms: decode
                .filter(|_| later > 0)
                .map(|span| rounded(span.as_secs_f64() * 1e3 / count(later))),
            tokens_per_second: decode.and_then(|span| rate(later, span)),
            prompt_tokens_per_second: rate(computed, prefill),
            load_ms: None,
            busy_prefill_ms: None,
            busy_decode_ms: None,
            forced_tokens: None,
        }
    }
}

/// Returns a span in milliseconds, rounded to whole microseconds so that records stay short.
#[must_use]
pub fn milliseconds(span: Duration) -> f64 {
    rounded(span.as_secs_f64() * 1e3)
}

/// Returns how many of `events` happened a second, or nothing where there is no rate.
fn rate(events: u64, span: Duration) -> Option<f64> {
    let seconds = span.as_secs_f64();
    (events > 0 && seconds > 0.0).then(|| rounded(count(events) / seconds))
}

fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

/// Token counts stay far below 2^53, so the conversion is exact.
#[expect(clippy::cast_precision_loss, reason = "token counts stay below 2^53")]
fn count(tokens: u64) -> f64 {
    tokens as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_follow_from_the_spans() {
        let usage = Usage::new(110, 21, 10);
        assert_eq!(usage.total_tokens, 131);
        let ms = Duration::from_millis;
        let metrics = Metrics::measured(&usage, ms(500), Some(ms(510)), ms(2510));
        assert_eq!(metrics.time_to_first_token_ms, Some(510.0));
        assert_eq!(metrics.generation_time_ms, 2510.0);
        assert_eq!(metrics.mean_itl_ms, Some(100.0));
        assert_eq!(metrics.tokens_per_second, Some(10.0));
        assert_eq!(metrics.prompt_tokens_per_second, Some(200.0));
    }

    #[test]
    fn a_rate_without_meaning_is_left_out() {
        let usage = Usage::new(10, 1, 10);
        let ms = Duration::from_millis;
        let metrics = Metrics::measured(&usage, ms(0), Some(ms(1)), ms(1));
        assert_eq!(metrics.mean_itl_ms, None);
        assert_eq!(metrics.tokens_per_second, None);
        assert_eq!(metrics.prompt_tokens_per_second, None);
        let json = serde_json::to_string(&metrics).unwrap();
        assert_eq!(
            json,
            r#"{"time_to_first_token_ms":1.0,"generation_time_ms":1.0}"#
        );
    }
}

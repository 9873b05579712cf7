//! Exports of an organization's usage → entries of the log: pages of buckets of time, each with its results,
//! as `OpenAI` (`organization.usage.*`) and Anthropic (`usage_report/messages`) write them. A bucket without
//! results is time in which nothing was used, and counts in a month.

use serde_json::Value;

use super::moment::{self, DAY};
use super::parse::{Nonsense, text, tokens};
use super::provider::unbilled;
use super::{Unbilled, UsageEntry, UsageLog};

impl UsageLog {
    /// Takes a page or a bucket of it; `false` where the value is neither.
    pub(super) fn take_buckets(&mut self, value: &Value) -> bool {
        let is_bucket = |value: &Value| value.get("results").is_some_and(Value::is_array);
        if is_bucket(value) {
            self.take_bucket(value);
            return true;
        }
        let page = value.get("data").and_then(Value::as_array);
        let Some(buckets) = page.filter(|all| !all.is_empty() && all.iter().all(is_bucket)) else {
            return false;
        };
        buckets.iter().for_each(|bucket| self.take_bucket(bucket));
        self.more_pages |= value.get("has_more") == Some(&Value::Bool(true));
        true
    }

    fn take_bucket(&mut self, bucket: &Value) {
        let start = moment::first(bucket, &["start_time", "starting_at"]);
        let end = moment::first(bucket, &["end_time", "ending_at"]);
        let span = match (start, end) {
            (Some(start), Some(end)) => (end.at - start.at).max(0),
            _ => DAY,
        };
        if let Some(start) = start {
            self.cover(start.at, start.at.saturating_add(span));
        }
        let results = bucket.get("results").and_then(Value::as_array);
        for result in results.into_iter().flatten() {
            let object = text(result, "object");
            if object.starts_with("organization.costs") {
                self.pass_over(&object);
                continue;
            }
            let entry = counted(result).map(|entry| UsageEntry {
                timestamp: start.map(|start| start.at),
                span,
                ..entry
            });
            self.keep(entry);
        }
    }
}

/// Tokens of one result: `OpenAI`'s input counts what a cache held, Anthropic's does not.
fn counted(result: &Value) -> Result<UsageEntry, Nonsense> {
    let number = |keys: &[&str]| Ok(tokens(result, keys)?.unwrap_or(0.0));
    let part = |part: &str, key: &str| -> Result<f64, Nonsense> {
        let part = result.get(part).unwrap_or(&Value::Null);
        Ok(tokens(part, &[key])?.unwrap_or(0.0))
    };
    let beside = tokens(result, &["uncached_input_tokens"])?;
    let read = number(&["cache_read_input_tokens", "input_cached_tokens"])?;
    let hour = part("cache_creation", "ephemeral_1h_input_tokens")?;
    let minutes = part("cache_creation", "ephemeral_5m_input_tokens")?;
    let written = hour + minutes + number(&["input_cache_write_tokens"])?;
    let input = match beside {
        Some(fresh) => fresh + read + written,
        None => number(&["input_tokens"])?,
    };
    let audio = number(&["input_audio_tokens"])? + number(&["output_audio_tokens"])?;
    let searches = part("server_tool_use", "web_search_requests")?;
    let is_batch = result.get("batch") == Some(&Value::Bool(true));
    (read + written <= input).then_some(()).ok_or(Nonsense)?;
    Ok(UsageEntry {
        model: text(result, "model"),
        by_batch: is_batch || text(result, "service_tier") == "batch",
        requests: number(&["num_model_requests"])? as u64,
        input,
        cached: read,
        written,
        written_1h: hour,
        output: number(&["output_tokens"])?,
        unbilled: unbilled([(Unbilled::Audio, audio), (Unbilled::Search, searches)]),
        ..UsageEntry::default()
    })
}

//! Answers as providers write them → entries of the log: `OpenAI`'s chat completions, responses and batch
//! output, Anthropic's messages, batch results and the transcripts of Claude Code, Google's `generateContent`.

use serde_json::Value;

use super::parse::{Nonsense, amount, text};
use super::provider::{self, unbilled};
use super::{Unbilled, UsageEntry, UsageLog, moment};
use crate::units::Usd;

/// `object` of `OpenAI`'s answers that have usage.
const OPENAI: [&str; 5] = [
    "chat.completion",
    "chat.completion.chunk",
    "text_completion",
    "response",
    "list",
];

/// Tiers of `OpenAI` that cost more than the normal one.
const FASTER: [&str; 3] = ["priority", "fast", "ultrafast"];

/// When an answer was made, the first that is there.
const TIMES: [&str; 5] = [
    "created",
    "created_at",
    "createTime",
    "timestamp",
    "processed_time",
];

impl UsageLog {
    /// Takes an answer; `false` where the value is none.
    pub(super) fn take_answer(&mut self, value: &Value) -> bool {
        let object = value.get("object").and_then(Value::as_str);
        let is_openai = object.is_some_and(|object| OPENAI.contains(&object));
        let answer = if is_openai && value.get("usage").is_some_and(Value::is_object) {
            plain(value)
        } else if value.get("custom_id").is_some() && value.get("response").is_some() {
            return self.take_openai_batch(value);
        } else if value.get("custom_id").is_some() && value.get("result").is_some() {
            return self.take_anthropic_batch(value);
        } else if used(value.get("message")).is_some() {
            return self.take_transcript(value);
        } else if text(value, "type") == "message" && used(Some(value)).is_some() {
            plain(value)
        } else if let Some(found) = [value.get("response"), Some(value)]
            .into_iter()
            .flatten()
            .find(|found| metadata(found).is_some())
        {
            google(value, found)
        } else {
            return false;
        };
        self.keep(answer);
        true
    }

    /// A line of `OpenAI`'s batch output: `{"custom_id", "response": {"status_code", "body"}, "error"}`.
    fn take_openai_batch(&mut self, value: &Value) -> bool {
        let body = value
            .get("response")
            .and_then(|response| response.get("body"));
        match body.filter(|body| used(Some(body)).is_some()) {
            Some(body) => self.keep(plain(body).map(batched)),
            None => self.failed += 1,
        }
        true
    }

    /// A line of Anthropic's batch results: `{"custom_id", "result": {"type", "message"}}`.
    fn take_anthropic_batch(&mut self, value: &Value) -> bool {
        let message = value.get("result").and_then(|result| result.get("message"));
        match message.filter(|message| used(Some(message)).is_some()) {
            Some(message) => self.keep(plain(message).map(batched)),
            None => self.failed += 1,
        }
        true
    }

    /// A line of Claude Code's transcripts. An answer is written again as it grows, and again where a
    /// session goes on in another file; it counts once.
    fn take_transcript(&mut self, value: &Value) -> bool {
        let Some(message) = value.get("message") else {
            return false;
        };
        if text(message, "model") == "<synthetic>" {
            self.pass_over("synthetic");
            return true;
        }
        let entry = plain(message).and_then(|entry| {
            let moment = moment::first(value, &TIMES);
            let key = format!("{} {}", text(message, "id"), text(value, "requestId"));
            Ok(UsageEntry {
                timestamp: moment.map(|moment| moment.at).or(entry.timestamp),
                paid: amount(value, &["costUSD"])?.map(Usd).or(entry.paid),
                key: if key.trim().is_empty() {
                    String::new()
                } else {
                    key
                },
                ..entry
            })
        });
        self.keep(entry);
        true
    }
}

/// Returns the usage of an answer that has one.
fn used(value: Option<&Value>) -> Option<&Value> {
    value?.get("usage").filter(|usage| usage.is_object())
}

/// An answer as `OpenAI` and Anthropic write it: `model`, `usage` and when it was made.
fn plain(value: &Value) -> Result<UsageEntry, Nonsense> {
    let entry = provider::counted(used(Some(value)).ok_or(Nonsense)?)?;
    let tier = text(value, "service_tier");
    let mut beside = entry.unbilled;
    if FASTER.contains(&tier.as_str()) {
        beside.extend(unbilled([(Unbilled::Tier, 1.0)]));
    }
    Ok(UsageEntry {
        timestamp: moment::first(value, &TIMES).map(|moment| moment.at),
        model: text(value, "model"),
        // A request that may wait has the price of a batch.
        by_batch: entry.by_batch || ["flex", "batch"].contains(&tier.as_str()),
        unbilled: beside,
        ..entry
    })
}

fn batched(entry: UsageEntry) -> UsageEntry {
    UsageEntry {
        by_batch: true,
        ..entry
    }
}

fn metadata(value: &Value) -> Option<&Value> {
    let found = ["usageMetadata", "usage_metadata"]
        .iter()
        .find_map(|key| value.get(key));
    found.filter(|found| found.is_object())
}

/// An answer of Google's; a line of its batches has it in `response`, beside a `key` or the request.
fn google(value: &Value, answer: &Value) -> Result<UsageEntry, Nonsense> {
    let counted = provider::counted(metadata(answer).ok_or(Nonsense)?)?;
    let model = match text(answer, "modelVersion") {
        name if name.is_empty() => text(answer, "model_version"),
        name => name,
    };
    let moment = [answer, value]
        .into_iter()
        .find_map(|place| moment::first(place, &TIMES));
    Ok(UsageEntry {
        timestamp: moment.map(|moment| moment.at),
        model,
        by_batch: counted.by_batch || value.get("response").is_some(),
        ..counted
    })
}

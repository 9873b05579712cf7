//! Rows with named columns → entries of the log: CSV with a header, the spend logs of `LiteLLM`'s proxy,
//! the activity of `OpenRouter`, and tables of one's own. A column is known by its name, in any spelling.

use serde_json::{Map, Value};

use super::parse::{Nonsense, amount, text, tokens};
use super::{UsageEntry, UsageLog, moment, provider};
use crate::units::Usd;

/// Input that counts what a cache held.
const INPUT: [&str; 6] = [
    "native_tokens_prompt",
    "prompt_tokens",
    "tokens_prompt",
    "n_context_tokens_total",
    "input_tokens",
    "total_input_tokens",
];

/// Input beside what a cache held.
const FRESH: [&str; 3] = [
    "usage_input_tokens_no_cache",
    "uncached_input_tokens",
    "input_tokens_no_cache",
];

const OUTPUT: [&str; 7] = [
    "native_tokens_completion",
    "completion_tokens",
    "tokens_completion",
    "n_generated_tokens_total",
    "output_tokens",
    "usage_output_tokens",
    "total_output_tokens",
];

/// Tokens from a cache, a part of the input.
const CACHED: [&str; 4] = [
    "native_tokens_cached",
    "cached_tokens",
    "input_cached_tokens",
    "cached_input_tokens",
];

/// The same by Anthropic's names, beside `input_tokens`.
const READ: [&str; 4] = [
    "cache_read_input_tokens",
    "cache_read_tokens",
    "usage_input_tokens_cache_read",
    "input_tokens_cache_read",
];

/// Tokens into a cache, by Anthropic's names.
const WRITTEN: [&str; 5] = [
    "cache_creation_input_tokens",
    "cache_creation_tokens",
    "usage_input_tokens_cache_write_5m",
    "input_tokens_cache_write_5m",
    "cache_write_5m_tokens",
];

const HOUR: [&str; 3] = [
    "usage_input_tokens_cache_write_1h",
    "input_tokens_cache_write_1h",
    "cache_write_1h_tokens",
];

const TIMES: [&str; 14] = [
    "date",
    "day",
    "usage_date_utc",
    "usage_date",
    "timestamp",
    "created",
    "created_at",
    "starttime",
    "start_time",
    "starting_at",
    "start",
    "datetime",
    "time",
    "endtime",
];

const MODELS: [&str; 5] = [
    "model",
    "model_permaslug",
    "model_name",
    "model_version",
    "model_id",
];

const PAID: [&str; 9] = [
    "cost",
    "spend",
    "cost_usd",
    "total_cost",
    "cost_total",
    "usd",
    "usage",
    "amount",
    "costusd",
];

const REQUESTS: [&str; 4] = [
    "requests",
    "num_model_requests",
    "num_requests",
    "n_requests",
];

/// A column's name in small letters, words apart by `_`.
pub(super) fn plain_name(name: &str) -> String {
    let letter = |c: char| {
        if c.is_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '_'
        }
    };
    name.trim().chars().map(letter).collect()
}

/// Whether one of these columns counts input.
pub(super) fn has_input<'a>(names: impl IntoIterator<Item = &'a str>) -> bool {
    names
        .into_iter()
        .any(|name| INPUT.contains(&name) || FRESH.contains(&name))
}

impl UsageLog {
    /// Takes an object with a column that counts input; `false` where there is none.
    pub(super) fn take_flat(&mut self, value: &Value) -> bool {
        let Some(object) = value.as_object() else {
            return false;
        };
        let named: Map<String, Value> = object
            .iter()
            .map(|(name, field)| (plain_name(name), field.clone()))
            .collect();
        if !has_input(named.keys().map(String::as_str)) {
            return false;
        }
        let row = Value::Object(named);
        if text(&row, "status") == "failure" {
            self.failed += 1;
        } else {
            self.keep(flat(&row));
        }
        true
    }
}

/// A row whose columns have plain names.
fn flat(row: &Value) -> Result<UsageEntry, Nonsense> {
    let counted = match row
        .get("metadata")
        .and_then(|more| more.get("usage_object"))
    {
        // `LiteLLM` keeps the provider's own counts.
        Some(usage) if usage.is_object() => provider::counted(usage)?,
        _ => counted(row)?,
    };
    let moment = moment::first(row, &TIMES);
    let is_moment = moment.is_some_and(|moment| moment.span == 0);
    let model = MODELS
        .iter()
        .map(|key| text(row, key))
        .find(|name| !name.is_empty());
    let requests = tokens(row, &REQUESTS)?.map(|count| count as u64);
    let is_batch = |value: &Value| match value {
        Value::Bool(is) => *is,
        Value::String(text) => text.eq_ignore_ascii_case("true"),
        _ => false,
    };
    Ok(UsageEntry {
        timestamp: moment.map(|moment| moment.at),
        span: moment.map_or(0, |moment| moment.span),
        model: model.unwrap_or_default(),
        by_batch: row.get("batch").is_some_and(is_batch),
        // A row of a day may be many requests; one of a moment is one.
        requests: requests.unwrap_or(u64::from(is_moment)),
        paid: paid(row)?.or(counted.paid),
        ..counted
    })
}

/// Returns what was paid: the first such column that holds a number.
fn paid(row: &Value) -> Result<Option<Usd>, Nonsense> {
    let is_number = |key: &&&str| row.get(**key).is_some_and(Value::is_number);
    let Some(key) = PAID.iter().find(is_number) else {
        return Ok(None);
    };
    Ok(amount(row, &[key])?.map(Usd))
}

fn counted(row: &Value) -> Result<UsageEntry, Nonsense> {
    let number = |keys: &[&str]| Ok(tokens(row, keys)?.unwrap_or(0.0));
    let hour = number(&HOUR)?;
    let (read, made) = (number(&READ)?, number(&WRITTEN)? + hour);
    let (cached, written) = (number(&CACHED)?, number(&["cache_write_tokens"])?);
    let input = match tokens(row, &FRESH)? {
        Some(fresh) => fresh + read + made,
        // Anthropic's `input_tokens` leaves out what `OpenAI`'s `prompt_tokens` counts.
        None if row.get("prompt_tokens").is_none_or(Value::is_null) => {
            number(&INPUT)? + read + made
        }
        None => number(&INPUT)?,
    };
    let (cached, written) = (cached + read, written + made);
    (cached + written <= input).then_some(()).ok_or(Nonsense)?;
    Ok(UsageEntry {
        input,
        cached,
        written,
        written_1h: hour,
        output: number(&OUTPUT)?,
        ..UsageEntry::default()
    })
}

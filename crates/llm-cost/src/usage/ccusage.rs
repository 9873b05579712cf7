//! Reports of ccusage → entries of the log: by days, weeks, months, sessions and blocks, plain, by project or wrapped
//! as `{"type", "data"}`. What a span of time is, the key of the report says, else the row's own fields.

use serde_json::Value;

use super::parse::{Nonsense, amount, text};
use super::{UsageEntry, UsageLog, parse};
use crate::dates;
use crate::units::Usd;

const DAY: i64 = 86_400;

/// What the rows of a report stand for, as its `type` or the name of its list.
const KINDS: [&str; 6] = [
    "daily", "weekly", "monthly", "session", "sessions", "blocks",
];

/// What is paid for a row, the first that is there.
const COSTS: [&str; 3] = ["totalCost", "costUSD", "cost"];

/// When a row's time begins, the first that is there.
const BEGINS: [&str; 8] = [
    "date",
    "period",
    "week",
    "month",
    "startTime",
    "blockStart",
    "firstActivity",
    "lastActivity",
];

impl UsageLog {
    /// Takes a report; `false` where the value is none.
    pub(super) fn take_report(&mut self, value: &Value) -> bool {
        let rows = |key: &str| value.get(key)?.as_array();
        let named = value.get("type").and_then(Value::as_str);
        if let (Some(kind), Some(data)) = (named.filter(|kind| KINDS.contains(kind)), rows("data"))
        {
            data.iter().for_each(|row| self.take_row(row, kind));
            return true;
        }
        if named.is_some() {
            return false;
        }
        if let Some(projects) = value.get("projects").and_then(Value::as_object) {
            let rows = projects.values().filter_map(Value::as_array).flatten();
            rows.for_each(|row| self.take_row(row, ""));
            return true;
        }
        let lists = KINDS.iter().copied().chain(["data"]);
        let list = lists.filter_map(|kind| Some((kind, rows(kind)?))).next();
        match list {
            Some((kind, rows)) => rows.iter().for_each(|row| self.take_row(row, kind)),
            None if value.get("inputTokens").is_some() => self.take_row(value, ""),
            None => return false,
        }
        true
    }

    /// A row: a day, a month, a session; by model where it says so.
    fn take_row(&mut self, row: &Value, kind: &str) {
        if row.get("isGap").and_then(Value::as_bool) == Some(true) {
            return;
        }
        let (timestamp, span) = time(row, kind);
        let entry = |counts: &Value, model: String, paid: Option<f64>| {
            Ok(UsageEntry {
                timestamp,
                span,
                model,
                paid: paid.map(Usd),
                ..tokens(counts)?
            })
        };
        let cost = |value: &Value| amount(value, &COSTS);
        let by_model = by_model(row);
        if !by_model.is_empty() {
            for (name, counts) in by_model {
                self.keep(cost(counts).and_then(|paid| entry(counts, name, paid)));
            }
            return;
        }
        let counts = row.get("tokenCounts").unwrap_or(row);
        if counts.get("inputTokens").is_none() {
            return self.pass_over("unknown");
        }
        let names = ["modelsUsed", "models"]
            .iter()
            .find_map(|key| row.get(key)?.as_array());
        let name = match names.map(Vec::as_slice) {
            Some([name]) => name.as_str().unwrap_or_default().to_owned(),
            _ => String::new(),
        };
        let paid = cost(counts).and_then(|paid| Ok(paid.or(cost(row)?)));
        self.keep(paid.and_then(|paid| entry(counts, name, paid)));
    }
}

/// Returns the counts of each model: a list of them, or an object by name.
fn by_model(row: &Value) -> Vec<(String, &Value)> {
    let listed = row.get("modelBreakdowns").and_then(Value::as_array);
    if let Some(models) = listed.filter(|models| !models.is_empty()) {
        let name = |model: &Value| match text(model, "modelName") {
            name if name.is_empty() => text(model, "model"),
            name => name,
        };
        return models.iter().map(|model| (name(model), model)).collect();
    }
    let named = row
        .get("models")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    named.map(|(name, model)| (name.clone(), model)).collect()
}

/// Returns when a row begins and the seconds that it stands for.
fn time(row: &Value, kind: &str) -> (Option<i64>, i64) {
    let field = |key: &str| row.get(key)?.as_str();
    let begin = BEGINS.iter().find_map(|key| field(key));
    let day = begin.and_then(dates::parse);
    let zoned = day.and_then(|day| day.to_zoned(jiff::tz::TimeZone::UTC).ok());
    let timestamp = zoned.map(|time| time.timestamp().as_second());
    // A `2026-05` without a day.
    let is_month = field("period").is_some_and(|period| period.len() == 7 && day.is_some());
    let days = match kind {
        "monthly" => day.map_or(30, |day| i64::from(day.days_in_month())),
        "weekly" => 7,
        _ if field("month").is_some() || is_month => {
            day.map_or(30, |day| i64::from(day.days_in_month()))
        }
        _ if field("week").is_some() => 7,
        // The first day and the last both count; the time of day is not read.
        _ => {
            let last = field("lastActivity").and_then(dates::parse);
            let between = day.zip(last).and_then(|(day, last)| day.until(last).ok());
            between.map_or(1, |span| i64::from(span.get_days()).max(0) + 1)
        }
    };
    (timestamp, days * DAY)
}

/// Returns a row's tokens. Its input does not count what was read from the cache or written to it; only
/// `cachedInputTokens` are a part of it, as `OpenAI` counts, unless the row's sum says otherwise.
fn tokens(counts: &Value) -> Result<UsageEntry, Nonsense> {
    let number = |keys: &[&str]| Ok(parse::tokens(counts, keys)?.unwrap_or(0.0));
    let (input, output) = (number(&["inputTokens"])?, number(&["outputTokens"])?);
    let read = number(&["cacheReadTokens", "cacheReadInputTokens"])?;
    let within = number(&["cachedInputTokens"])?;
    let written = number(&["cacheCreationTokens", "cacheCreationInputTokens"])?;
    let total = number(&["totalTokens"])?;
    let is_apart = within > input || (within > 0.0 && total >= input + output + within);
    let cached = if read > 0.0 { read } else { within };
    let beside = if read > 0.0 || is_apart { cached } else { 0.0 };
    Ok(UsageEntry {
        input: input + beside + written,
        cached,
        written,
        output,
        ..UsageEntry::default()
    })
}

//! Reports of ccusage → entries of the log: by days, weeks, months, sessions and blocks, plain, by project or wrapped
//! as `{"type", "data"}`. What a span of time is, the key of the report says, else the row's own fields.

use serde_json::Value;

use super::moment::{self, DAY};
use super::parse::{Nonsense, amount, text};
use super::{UsageEntry, UsageLog, parse};
use crate::units::Usd;

/// What the rows of a report stand for, as its `type` or the name of its list.
const KINDS: [&str; 6] = [
    "daily", "weekly", "monthly", "session", "sessions", "blocks",
];

/// What is paid for a row, the first that is there.
const COSTS: [&str; 3] = ["totalCost", "costUSD", "cost"];

/// When a row's time begins, the first that is a day. The `period` of a session is its name.
const BEGINS: [&str; 8] = [
    "date",
    "week",
    "month",
    "startTime",
    "blockStart",
    "firstActivity",
    "lastActivity",
    "period",
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
        let mut lists = KINDS.iter().filter_map(|&kind| Some((kind, rows(kind)?)));
        let list = lists.next().or_else(|| Some(("data", rows("data")?)));
        match list {
            Some((kind, rows)) => rows.iter().for_each(|row| {
                if is_row(row) || kind != "data" {
                    self.take_row(row, kind);
                } else {
                    // A page of somebody else's rows.
                    self.take(row);
                }
            }),
            None if is_row(value) => self.take_row(value, ""),
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
            let entries = by_model
                .into_iter()
                .map(|(name, counts)| entry(counts, name, cost(counts)?));
            let entries = entries.collect();
            let paid = cost(row);
            return match paid.map(|paid| with_cost(entries, paid)) {
                Ok(entries) => entries.into_iter().for_each(|entry| self.keep(entry)),
                Err(Nonsense) => self.unsound += 1,
            };
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

/// Whether a value has counts of ccusage.
fn is_row(value: &Value) -> bool {
    let counts = [
        "inputTokens",
        "tokenCounts",
        "modelBreakdowns",
        "breakdown",
        "isGap",
    ];
    counts.iter().any(|key| value.get(key).is_some())
}

/// Gives entries of one row what the row says was paid, where they do not say it themselves: the only one
/// all of it; of several none can be told apart, and an entry without tokens holds it.
fn with_cost(
    mut entries: Vec<Result<UsageEntry, Nonsense>>,
    paid: Option<f64>,
) -> Vec<Result<UsageEntry, Nonsense>> {
    let said = |entry: &Result<UsageEntry, Nonsense>| {
        entry.as_ref().is_ok_and(|entry| entry.paid.is_some())
    };
    let Some(paid) = paid.filter(|_| !entries.iter().any(said)) else {
        return entries;
    };
    if let [Ok(only)] = entries.as_mut_slice() {
        only.paid = Some(Usd(paid));
        return entries;
    }
    let of_row = entries.iter().flatten().next().map(|first| UsageEntry {
        timestamp: first.timestamp,
        span: first.span,
        paid: Some(Usd(paid)),
        is_paid_elsewhere: true,
        ..UsageEntry::default()
    });
    for entry in entries.iter_mut().flatten() {
        entry.is_paid_elsewhere = true;
    }
    entries.extend(of_row.map(Ok));
    entries
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
    let named = ["breakdown", "models"]
        .iter()
        .find_map(|key| row.get(key)?.as_object());
    let named = named.into_iter().flatten();
    named.map(|(name, model)| (name.clone(), model)).collect()
}

/// Returns when a row begins and the seconds that it stands for.
fn time(row: &Value, kind: &str) -> (Option<i64>, i64) {
    let metadata = row.get("metadata").unwrap_or(&Value::Null);
    let field = |key: &str| row.get(key).or(metadata.get(key))?.as_str();
    let days_of = |key: &&str| moment::day(field(key)?);
    let is_session = kind.starts_with("session");
    let mut begins = BEGINS.iter().filter(|key| !is_session || **key != "period");
    let day = begins.find_map(days_of);
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
            let last = field("lastActivity").and_then(moment::day);
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

//! A text → entries of the log: CSV, or JSON values one after the other. Which maker's a value is, its
//! fields tell; each maker has a module.

use serde_json::{Deserializer, Value};

use super::{UsageEntry, UsageLog};

pub(super) fn read(text: &str) -> UsageLog {
    let mut log = UsageLog::default();
    let mut rest = text.trim_start_matches('\u{feff}');
    if log.take_csv(rest) {
        return log;
    }
    while !rest.trim_start().is_empty() {
        let mut values = Deserializer::from_str(rest).into_iter::<Value>();
        let mut good = 0;
        let mut is_whole = false;
        loop {
            match values.next() {
                Some(Ok(value)) => {
                    good = values.byte_offset();
                    log.take(&value);
                }
                Some(Err(_)) => break,
                None => {
                    is_whole = true;
                    break;
                }
            }
        }
        if is_whole {
            break;
        }
        // The line of the fault is left out; what stood on it before the fault has been taken.
        log.broken += 1;
        let left = rest.get(good..).unwrap_or_default();
        let begun = left.trim_start_matches(['\n', '\r', ' ', '\t']);
        rest = begun.split_once('\n').map_or("", |(_, after)| after);
    }
    log
}

impl UsageLog {
    pub(super) fn take(&mut self, value: &Value) {
        if let Value::Array(values) = value {
            // ccusage's older reports, and lists of records.
            values.iter().for_each(|value| self.take(value));
            return;
        }
        let is_taken = self.take_buckets(value)
            || self.take_answer(value)
            || self.take_report(value)
            || self.take_ours(value)
            || self.take_flat(value);
        if !is_taken {
            let kind = ["type", "object"]
                .iter()
                .find_map(|key| value.get(key)?.as_str());
            self.pass_over(kind.unwrap_or("unknown"));
        }
    }

    /// Takes what a record says, if its numbers make sense.
    pub(super) fn keep(&mut self, entry: Result<UsageEntry, Nonsense>) {
        match entry {
            Ok(entry) => self.entries.push(entry),
            Err(Nonsense) => self.unsound += 1,
        }
    }

    pub(super) fn pass_over(&mut self, kind: &str) {
        *self.others.entry(kind.to_owned()).or_default() += 1;
    }
}

/// A number of a record that nobody can have counted or measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Nonsense;

/// Returns the first of several fields that is there: tokens, a whole number.
pub(super) fn tokens(value: &Value, keys: &[&str]) -> Result<Option<f64>, Nonsense> {
    let found = amount(value, keys)?;
    match found {
        Some(number) if number.fract() != 0.0 => Err(Nonsense),
        _ => Ok(found),
    }
}

/// Returns the first of several fields that is there: a number from 0 to what any count of a lifetime
/// stays below.
pub(super) fn amount(value: &Value, keys: &[&str]) -> Result<Option<f64>, Nonsense> {
    const MOST: f64 = 1e15;
    let there = |key: &&str| value.get(*key).filter(|value| !value.is_null());
    let Some(found) = keys.iter().find_map(there) else {
        return Ok(None);
    };
    let number = found.as_f64();
    number
        .filter(|number| (0.0..=MOST).contains(number))
        .map(Some)
        .ok_or(Nonsense)
}

pub(super) fn text(value: &Value, key: &str) -> String {
    value
        .get(key)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

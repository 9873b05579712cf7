//! When a record was made → Unix seconds, and whether only its day is known. Makers write seconds,
//! milliseconds, a moment with or without a zone, a day, or a day in English.

use jiff::civil::{Date, DateTime};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;

use crate::dates;

/// Seconds of a day.
pub(super) const DAY: i64 = 86_400;

/// No record is older than the year 2000 or younger than 2100: what says so does not know when it was.
const KNOWN: std::ops::Range<i64> = 946_684_800..4_102_444_800;

/// A moment, or a whole day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moment {
    /// Its start, in Unix seconds.
    pub(super) at: i64,
    /// Seconds that it stands for: 0 of a moment.
    pub(super) span: i64,
}

impl Moment {
    fn at(at: i64) -> Option<Self> {
        KNOWN.contains(&at).then_some(Self { at, span: 0 })
    }

    fn day(day: Date) -> Option<Self> {
        let start = day.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
        Some(Self {
            span: DAY,
            ..Self::at(start)?
        })
    }
}

/// Reads a field of a record; `None` where it does not say when it was.
pub(super) fn of(value: &Value) -> Option<Moment> {
    match value {
        Value::Number(number) => number.as_f64().and_then(seconds),
        Value::String(text) => in_words(text.trim()),
        _ => None,
    }
}

/// Returns the first of several fields that says when it was.
pub(super) fn first(value: &Value, keys: &[&str]) -> Option<Moment> {
    keys.iter().find_map(|key| of(value.get(*key)?))
}

/// Returns the day that a text begins with: `2026-11-02`, `Nov 02, 2026`, the first of `2026-11`.
pub(super) fn day(text: &str) -> Option<Date> {
    let english = || Date::strptime("%b %d, %Y", text).ok();
    dates::parse(text).or_else(english)
}

/// Seconds, or thousandths or millionths of them, as a number of their size must be.
fn seconds(number: f64) -> Option<Moment> {
    let steps = [1.0, 1e3, 1e6];
    { steps }
        .iter()
        .find_map(|step| Moment::at((number / step).floor() as i64))
}

fn in_words(text: &str) -> Option<Moment> {
    if let Ok(number) = text.parse::<f64>()
        && let Some(moment) = seconds(number)
    {
        return Some(moment);
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Moment::at(time.as_second());
    }
    if let (true, Ok(time)) = (text.contains(':'), text.parse::<DateTime>()) {
        let zoned = time.to_zoned(TimeZone::UTC).ok()?;
        return Moment::at(zoned.timestamp().as_second());
    }
    day(text).and_then(Moment::day)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// By `date -u -d TEXT +%s`.
    #[test]
    fn moments_and_days_are_read_as_they_are_written() {
        for (value, at, span) in [
            (json!(1_793_600_000), 1_793_600_000, 0),
            (json!(1_793_600_000.75), 1_793_600_000, 0),
            (json!(1_793_600_000_123_u64), 1_793_600_000, 0),
            (json!("1793600000"), 1_793_600_000, 0),
            (json!("2026-11-20T10:00:00.000Z"), 1_795_168_800, 0),
            (json!("2026-11-20T11:00:00+01:00"), 1_795_168_800, 0),
            (json!("2026-11-20 10:00:00"), 1_795_168_800, 0),
            (json!("2026-11-20"), 1_795_132_800, DAY),
            (json!("Nov 20, 2026"), 1_795_132_800, DAY),
        ] {
            assert_eq!(of(&value), Some(Moment { at, span }), "{value}");
        }
        for value in [
            json!(0),
            json!("soon"),
            json!(-5),
            json!(null),
            json!(1e300),
            json!(""),
        ] {
            assert_eq!(of(&value), None, "{value}");
        }
    }
}

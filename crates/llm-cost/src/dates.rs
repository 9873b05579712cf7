//! Days as the data files write them, and how old a row is. The clock is the caller's.

use jiff::civil::{Date, date};

/// Days after which a row counts as old.
pub const STALE_DAYS: i32 = 90;

/// Reads the day that a text begins with: `2026-10-24`, the first of `2026-10`, of `2026-H2` or of
/// `2026`; `None` where it begins otherwise.
#[must_use]
pub fn parse(text: &str) -> Option<Date> {
    let year: i16 = text.get(..4)?.parse().ok()?;
    if year < 1 {
        return None;
    }
    let part = |range: std::ops::Range<usize>| text.get(range).and_then(|part| part.parse().ok());
    let month: i8 = match text.get(4..7) {
        Some("-H2") => 7,
        Some(_) => part(5..7)
            .filter(|month| (1..=12).contains(month))
            .unwrap_or(1),
        None => 1,
    };
    let day: i8 = part(8..10).unwrap_or(1);
    Date::new(year, month, day)
        .ok()
        .or(Some(date(year, month, 1)))
}

/// Returns the last day of what a text begins with: of `2026-10` the 31st, of `2025-H1` the 30th of June,
/// of `2025` the last of December.
fn last(text: &str) -> Option<Date> {
    let first = parse(text)?;
    let month = match text.get(4..7) {
        Some("-H1") => 6,
        Some("-H2") | None => 12,
        // A year with words behind it, as `2025 average`.
        Some(part) if !part.starts_with('-') => 12,
        Some(_) => first.month(),
    };
    let is_day = text.get(8..10).is_some_and(|day| day.parse::<i8>().is_ok());
    if is_day && text.get(4..5) == Some("-") {
        return Some(first);
    }
    Some(Date::new(first.year(), month, 1).ok()?.last_of_month())
}

/// Returns how many days lie between a row's day, the last one of a month or a year, and today; `None`
/// where the row has no day.
#[must_use]
pub fn age_days(as_of: &str, today: Date) -> Option<i32> {
    let span = last(as_of)?.until(today).ok()?;
    Some(span.get_days())
}

/// Whether a row is so old that a user should hear of it. A row without a day is.
#[must_use]
pub fn is_stale(as_of: &str, today: Date) -> bool {
    age_days(as_of, today).is_none_or(|days| days > STALE_DAYS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_as_the_data_writes_them() {
        for (text, wanted) in [
            ("2026-10-24", Some(date(2026, 10, 24))),
            ("2025-H2", Some(date(2025, 7, 1))),
            ("2025-H1", Some(date(2025, 1, 1))),
            ("2025 average", Some(date(2025, 1, 1))),
            ("2024-09", Some(date(2024, 9, 1))),
            ("2024-02-31", Some(date(2024, 2, 1))),
            ("unknown", None),
            ("", None),
            ("0000-01-01", None),
        ] {
            assert_eq!(parse(text), wanted, "{text}");
        }
    }

    #[test]
    fn a_row_is_old_after_ninety_days() {
        let today = date(2026, 11, 24);
        assert_eq!(age_days("2026-10-24", today), Some(31));
        assert!(!is_stale("2026-08-26", today));
        assert!(is_stale("2026-08-25", today));
        assert!(is_stale("", today));
        for (as_of, days) in [
            ("2026-10", 24),
            ("2025-H1", 512),
            ("2025-H2", 328),
            ("2025 average", 328),
            ("2025", 328),
            ("2026-11-24", 0),
        ] {
            assert_eq!(age_days(as_of, today), Some(days), "{as_of}");
        }
    }
}

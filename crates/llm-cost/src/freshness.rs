//! How old the rows behind an answer are, in sentences for its reader.

use std::collections::BTreeSet;

use jiff::civil::Date;

use crate::dates;
use crate::record::UsedRow;

/// Says which rows are of a later day than the one that is asked about; nothing where none is.
#[must_use]
pub fn later(rows: &[UsedRow], today: Date) -> Option<String> {
    let is_later = |row: &&UsedRow| dates::parse(&row.as_of).is_some_and(|first| first > today);
    let later: BTreeSet<(&str, &str)> = rows
        .iter()
        .filter(is_later)
        .map(|row| (row.as_of.as_str(), row.row.as_str()))
        .collect();
    let (as_of, row) = later.last()?;
    let others = match later.len() - 1 {
        0 => String::new(),
        1 => ", and so is one more row".to_owned(),
        more => format!(", and so are {more} more rows"),
    };
    Some(format!(
        "{row} is as of {as_of}, after {today}{others}: it may have been different on that day"
    ))
}

/// Says which rows are old, the oldest by name; nothing where none is.
#[must_use]
pub fn stale(rows: &[UsedRow], today: Date) -> Option<String> {
    let old: BTreeSet<(i32, &str, &str)> = rows
        .iter()
        .filter(|row| dates::is_stale(&row.as_of, today))
        .map(|row| {
            let age = dates::age_days(&row.as_of, today).unwrap_or(i32::MAX);
            (age, row.row.as_str(), row.as_of.as_str())
        })
        .collect();
    let (age, row, as_of) = old.last()?;
    let age = match *age {
        i32::MAX => "of an unknown day".to_owned(),
        days => format!("as of {as_of}, {days} days old"),
    };
    let others = match old.len() - 1 {
        0 => String::new(),
        1 => ", and one more is older than 90".to_owned(),
        more => format!(", and {more} more are older than 90"),
    };
    Some(format!(
        "{row} is {age}{others}; --prices and --machines add newer rows, \
         --usd-per-kwh sets your price of electricity, and other flags your own numbers"
    ))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn row(name: &str, as_of: &str) -> UsedRow {
        UsedRow {
            row: name.to_owned(),
            as_of: as_of.to_owned(),
            source: String::new(),
        }
    }

    #[test]
    fn the_oldest_row_is_named_and_the_others_are_counted() {
        let today = date(2026, 11, 24);
        let rows = [
            row("a", "2026-11-01"),
            row("b", "2025"),
            row("c", "2026-01-01"),
        ];
        let told = stale(&rows, today).unwrap();
        assert!(
            told.starts_with("b is as of 2025, 328 days old, and one more is older than 90;"),
            "{told}"
        );
        assert!(
            stale(&[row("d", "")], today)
                .unwrap()
                .starts_with("d is of an unknown day;")
        );
        assert_eq!(stale(&rows[..1], today), None);
    }

    #[test]
    fn a_row_of_a_later_day_may_not_have_held() {
        let rows = [row("a", "2026-11-01"), row("b", "2026-12-01")];
        assert_eq!(
            later(&rows, date(2026, 11, 24)).unwrap(),
            "b is as of 2026-12-01, after 2026-11-24: it may have been different on that day"
        );
        assert_eq!(later(&rows, date(2026, 12, 1)), None);
    }
}

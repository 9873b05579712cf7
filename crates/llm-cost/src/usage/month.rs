//! A log of usage → the month of tokens that it stands for.

use thiserror::Error;

use super::{UsageLog, UsageTotals};
use crate::bill::Volume;
use crate::counted::counted;
use crate::units::{Mtok, Seconds};

const DAY: Seconds = Seconds(86_400.0);

/// Why a log stands for no month.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum MonthError {
    /// There is no usage in it.
    #[error(
        "there are no records of usage: completions, embeddings, answers, batches and exports of providers, \
         ccusage's JSON, or CSV with named columns; or give --profile, or --input-mtok and --output-mtok"
    )]
    NoUsage,
    /// The user says that it stands for no time.
    #[error("--days is 0, and a month cannot be made of no time")]
    NoDays,
    /// It stands for less than a day.
    #[error(
        "the records span {hours:.1} hours, too little to make a month of; --days N says how many days they \
         stand for"
    )]
    TooShort {
        /// From its first entry to its last.
        hours: f64,
    },
    /// No entry says when it was.
    #[error("the records do not say when they were; --days N says how many days they stand for")]
    NoTime,
}

/// The month that a log stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Month {
    /// Its tokens.
    pub volume: Volume,
    /// Records that are left out, since they do not say when they were.
    pub undated: u64,
    /// Their tokens.
    pub undated_tokens: Mtok,
}

impl Month {
    /// Says what was left out; nothing where all is in it.
    #[must_use]
    pub fn left_out(&self) -> Option<String> {
        (self.undated > 0).then(|| {
            format!(
                "left out of the month: {} without a time, with {:.1} million tokens; --days N counts all \
                 records as those of N days",
                counted(self.undated, "record", "records"),
                self.undated_tokens.0
            )
        })
    }
}

impl UsageLog {
    /// Returns the month that the log stands for: of so many days where the user says it, else of the time
    /// from the first entry to the last. Without such days an entry that does not say when it was is no
    /// part of it: its tokens have no time that they could be divided by.
    ///
    /// # Errors
    /// [`MonthError`], which says what has to be given.
    pub fn month(&self, days: Option<f64>) -> Result<Month, MonthError> {
        if self.entries.is_empty() {
            return Err(MonthError::NoUsage);
        }
        if let Some(days) = days {
            if days <= 0.0 {
                return Err(MonthError::NoDays);
            }
            return Ok(Month {
                volume: UsageTotals::of(&self.entries).per_month(days),
                undated: 0,
                undated_tokens: Mtok(0.0),
            });
        }
        let dated = self
            .entries
            .iter()
            .filter(|entry| entry.timestamp.is_some());
        let totals = UsageTotals::of(dated);
        let span = self.span(&totals).ok_or(MonthError::NoTime)?;
        if span < DAY {
            let hours = span.0 / 3600.0;
            return Err(MonthError::TooShort { hours });
        }
        let undated = self
            .entries
            .iter()
            .filter(|entry| entry.timestamp.is_none());
        let undated = UsageTotals::of(undated);
        Ok(Month {
            volume: totals.per_month(span / DAY),
            undated: undated.undated,
            undated_tokens: Mtok((undated.input + undated.output) / 1e6),
        })
    }

    /// Returns the time from the first entry to the last, and that which exports cover.
    fn span(&self, totals: &UsageTotals) -> Option<Seconds> {
        let (from, to) = match (totals.from_to?, self.covered) {
            ((from, to), Some((first, last))) => (from.min(first), to.max(last)),
            (own, None) => own,
        };
        Some(Seconds(to as f64 - from as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{DAYS_PER_MONTH, UsageEntry};
    use super::*;

    fn log(timestamps: &[Option<i64>]) -> UsageLog {
        let entry = |timestamp: &Option<i64>| UsageEntry {
            timestamp: *timestamp,
            input: 1e6,
            ..UsageEntry::default()
        };
        UsageLog {
            entries: timestamps.iter().map(entry).collect(),
            ..UsageLog::default()
        }
    }

    #[test]
    fn a_month_is_that_of_the_days_which_the_log_spans_or_is_said_to() {
        let two_days = log(&[Some(0), Some(172_800)]);
        let month = two_days.month(None).unwrap().volume;
        assert!((month.input.0 - DAYS_PER_MONTH).abs() < 1e-9);
        let month = two_days.month(Some(DAYS_PER_MONTH)).unwrap().volume;
        assert!((month.input.0 - 2.0).abs() < 1e-9);
    }

    /// Two days of 1 Mtok each and 5 Mtok of nobody knows when: a month is of the two.
    #[test]
    fn what_does_not_say_when_it_was_swells_no_month() {
        let mut mixed = log(&[Some(0), Some(172_800)]);
        mixed.entries.extend(log(&[None; 5]).entries);
        let month = mixed.month(None).unwrap();
        assert!((month.volume.input.0 - DAYS_PER_MONTH).abs() < 1e-9);
        assert_eq!((month.undated, month.undated_tokens), (5, Mtok(5.0)));
        let told = month.left_out().unwrap();
        assert!(
            told.contains("5 records without a time, with 5.0 million") && told.contains("--days"),
            "{told}"
        );
        let all = mixed.month(Some(DAYS_PER_MONTH)).unwrap();
        assert_eq!((all.volume.input, all.left_out()), (Mtok(7.0), None));
    }

    /// An export of ten days of which two were used.
    #[test]
    fn days_without_use_count_where_an_export_covers_them() {
        let mut export = log(&[Some(0), Some(86_400)]);
        export.cover(0, 864_000);
        let month = export.month(None).unwrap().volume;
        assert!((month.input.0 - 2.0 * DAYS_PER_MONTH / 10.0).abs() < 1e-9);
    }

    #[test]
    fn what_stands_for_no_time_makes_no_month() {
        assert_eq!(log(&[]).month(Some(1.0)), Err(MonthError::NoUsage));
        assert_eq!(log(&[None]).month(None), Err(MonthError::NoTime));
        assert_eq!(log(&[None]).month(Some(0.0)), Err(MonthError::NoDays));
        assert_eq!(
            log(&[Some(0), Some(7200)]).month(None),
            Err(MonthError::TooShort { hours: 2.0 })
        );
    }
}

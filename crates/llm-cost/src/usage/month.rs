//! A log of usage → the month of tokens that it stands for.

use thiserror::Error;

use super::{UsageLog, UsageTotals};
use crate::bill::Volume;
use crate::units::Seconds;

const DAY: Seconds = Seconds(86_400.0);

/// Why a log stands for no month.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum MonthError {
    /// There is no usage in it.
    #[error(
        "there are no records of usage: completions, embeddings, OpenAI's batch output or ccusage's \
         JSON; or give --profile, or --input-mtok and --output-mtok"
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

impl UsageLog {
    /// Returns the month that the log stands for: of so many days where the user says it, else of the time
    /// from the first entry to the last.
    ///
    /// # Errors
    /// [`MonthError`], which says what has to be given.
    pub fn month(&self, days: Option<f64>) -> Result<Volume, MonthError> {
        if self.entries.is_empty() {
            return Err(MonthError::NoUsage);
        }
        let totals = UsageTotals::of(&self.entries);
        let days = match (days, totals.span()) {
            (Some(0.0), _) => return Err(MonthError::NoDays),
            (Some(days), _) => days,
            (None, Some(span)) if span >= DAY => span / DAY,
            (None, Some(span)) => {
                return Err(MonthError::TooShort {
                    hours: span.0 / 3600.0,
                });
            }
            (None, None) => return Err(MonthError::NoTime),
        };
        Ok(totals.per_month(days))
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
        let month = two_days.month(None).unwrap();
        assert!((month.input.0 - DAYS_PER_MONTH).abs() < 1e-9);
        let month = two_days.month(Some(DAYS_PER_MONTH)).unwrap();
        assert!((month.input.0 - 2.0).abs() < 1e-9);
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

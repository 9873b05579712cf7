//! The flag that says how often a long run tells how far it is. The bar on a terminal is each program's
//! own.

use std::time::Duration;

use clap::Args;

use crate::stdio::stderr_is_terminal;

/// How often a run tells how far it is, where nothing else is said and nobody watches a bar: a line a
/// minute is what a log can take.
const USUAL: Duration = Duration::from_secs(60);

/// How often a run tells how far it is.
#[derive(Args, Clone, Copy, Debug, Default)]
#[command(next_help_heading = "Batches")]
pub struct ProgressArgs {
    /// Write a line on standard error every TIME ('90', '90s', '5m', '1h'; 0: never) that says how far the
    /// run is; by default every 60s where standard error is no terminal, and never with -q
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub progress_every: Option<Duration>,
}

impl ProgressArgs {
    /// Returns how often the run is told of, if it is.
    #[must_use]
    pub fn every(self, is_quiet: bool) -> Option<Duration> {
        let usual = (!is_quiet && !stderr_is_terminal()).then_some(USUAL);
        self.progress_every
            .or(usual)
            .filter(|every| !every.is_zero())
    }
}

fn time(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.char_indices().last() {
        Some((end, 's')) => (&text[..end], 1.0),
        Some((end, 'm')) => (&text[..end], 60.0),
        Some((end, 'h')) => (&text[..end], 3600.0),
        _ => (text, 1.0),
    };
    let seconds = number.parse::<f64>().ok().map(|number| number * unit);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|time| time.is_zero() || time.as_secs() >= 1)
        .ok_or_else(|| "must be a time of a second or more, 90s, 5m or 1h say, or 0".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit_or_is_in_seconds() {
        let seconds = |text: &str| time(text).map(|time| time.as_secs_f64());
        assert_eq!(seconds("90"), Ok(90.0));
        assert_eq!(seconds("1.5m"), Ok(90.0));
        assert_eq!(seconds("1h"), Ok(3600.0));
        assert_eq!(seconds("0"), Ok(0.0));
        for wrong in ["", "s", "-1", "0.5", "1d", "inf", "nan", "1e300h", "é"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_asked_for_goes_before_quiet() {
        let asked = |text| ProgressArgs {
            progress_every: Some(time(text).unwrap()),
        };
        assert_eq!(asked("5m").every(true), Some(Duration::from_secs(300)));
        assert_eq!(asked("0").every(false), None);
        assert_eq!(ProgressArgs::default().every(true), None);
    }
}

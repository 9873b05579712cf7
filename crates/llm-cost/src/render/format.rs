//! Numbers and verdicts as people read them.

use crate::payback::{Answer, Verdict};
use crate::record::{Rate, SpeedSource};
use crate::units::{Bytes, Gib, Months, Usd};

/// Writes a number with as many digits as say something.
pub(super) fn short(number: f64) -> String {
    match number.abs() {
        0.0 => "0".to_owned(),
        size if size >= 1e6 => format!("{:.1}M", number / 1e6),
        size if size >= 100.0 => format!("{number:.0}"),
        size if size >= 10.0 => format!("{number:.1}").trim_end_matches(".0").to_owned(),
        size => {
            // Two digits that say something, of a small number too.
            let small = (1.0 - size.log10().floor()).clamp(3.0, 12.0) as usize;
            let digits = if size >= 1.0 { 2 } else { small };
            let text = format!("{number:.digits$}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    }
}

/// Writes a sum of US dollars, cents of a small one included.
pub(super) fn usd(sum: Usd) -> String {
    match sum.0.abs() {
        0.0 => "0.00".to_owned(),
        size if size < 0.001 => short(sum.0),
        size if size < 0.1 => format!("{:.4}", sum.0),
        _ => format!("{:.2}", sum.0),
    }
}

/// Writes bytes in GiB.
pub(super) fn gib(bytes: Bytes) -> String {
    format!("{:.1}", Gib::from(bytes).0)
}

/// Writes a rate with its band.
pub(super) fn rate(rate: &Rate) -> String {
    let number = short(rate.tps.0);
    match (rate.low, rate.high) {
        (Some(low), Some(high)) => format!("{number} ({}-{})", short(low.0), short(high.0)),
        _ => number,
    }
}

/// Names where a rate comes from.
pub(super) fn source(rate: &Rate) -> &'static str {
    match rate.source {
        SpeedSource::Given => "given",
        SpeedSource::Measured => "measured",
        SpeedSource::Predicted => "predicted",
    }
}

/// Names a verdict with its number.
pub(super) fn verdict(answer: &Answer) -> String {
    match (answer.verdict, answer.payback_months) {
        (Verdict::Pays, Some(Months(months))) => format!("{months:.1} months"),
        (Verdict::BeyondLifetime, Some(Months(months))) => {
            format!("beyond its life ({months:.1} months)")
        }
        (Verdict::BeyondLifetime, None) => "beyond its life".to_owned(),
        (Verdict::Pays | Verdict::Never, _) => "never".to_owned(),
        (Verdict::Infeasible, _) => "infeasible".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_the_digits_that_say_something() {
        for (number, text) in [
            (0.0, "0"),
            (0.000_277_8, "0.00028"),
            (0.05, "0.05"),
            (0.1234, "0.123"),
            (9.876, "9.88"),
            (12.0, "12"),
            (123.4, "123"),
            (2_500_000.0, "2.5M"),
            (-0.000_05, "-0.00005"),
        ] {
            assert_eq!(short(number), text);
        }
        assert_eq!(
            [0.0, 0.000_028_3, 0.0225, 3.0].map(|sum| usd(Usd(sum))),
            ["0.00", "0.000028", "0.0225", "3.00"]
        );
    }
}

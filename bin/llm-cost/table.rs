//! Answers for people: tables, and sentences where a table would say less. Here is what all of them are
//! made of.

mod floor;
mod payback;
mod usage;

use comfy_table::{CellAlignment, Table, presets};
use llm_cost::record::Rate;
use llm_cost::{Answer, Bytes, Gib, Months, Usd, Verdict};

pub(crate) use floor::floor;
pub(crate) use payback::{compare, payback};
pub(crate) use usage::usage;

/// Returns a table, numbers at the right.
pub(crate) fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_header(head);
    let rows: Vec<Vec<String>> = rows.collect();
    let is_number = |cell: &String| {
        cell.is_empty() || cell.starts_with(|c: char| c.is_ascii_digit() || c == '-')
    };
    for (index, column) in table.column_iter_mut().enumerate() {
        let cells = rows.iter().filter_map(|row| row.get(index));
        if cells.clone().all(is_number) && cells.clone().any(|cell| !cell.is_empty()) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.add_rows(rows);
    format!("{table}\n")
}

/// Writes a number with as many digits as say something.
pub(crate) fn short(number: f64) -> String {
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

fn usd(sum: Usd) -> String {
    match sum.0.abs() {
        0.0 => "0.00".to_owned(),
        size if size < 0.001 => short(sum.0),
        size if size < 0.1 => format!("{:.4}", sum.0),
        _ => format!("{:.2}", sum.0),
    }
}

fn gib(bytes: Bytes) -> String {
    format!("{:.1}", Gib::from(bytes).0)
}

fn rate(rate: &Rate) -> String {
    let number = short(rate.tps.0);
    match (rate.low, rate.high) {
        (Some(low), Some(high)) => format!("{number} ({}-{})", short(low.0), short(high.0)),
        _ => number,
    }
}

/// Names a verdict with its number.
pub(crate) fn verdict(answer: &Answer) -> String {
    match (answer.verdict, answer.payback_months) {
        (Verdict::Pays, Some(Months(months))) => format!("{months:.1} months"),
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

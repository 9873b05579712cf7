//! A `bench` record → a row of the table that llama-bench prints.

use llm_record::Bench;

/// Returns the head of the table, two lines without an end.
#[must_use]
pub fn head() -> [String; 2] {
    [
        line(&HEAD.map(str::to_owned), ' '),
        line(&HEAD.map(|_| String::new()), '-'),
    ]
}

/// Returns the row of a record, a line without an end.
#[must_use]
pub fn row(record: &Bench) -> String {
    line(&cells(record), ' ')
}

/// Returns a count as people write it, `135.00 M` or `1.24 B`.
#[must_use]
pub fn count(count: u64) -> String {
    let count = count as f64;
    if count < 1e9 {
        return format!("{:.2} M", count / 1e6);
    }
    format!("{:.2} B", count / 1e9)
}

/// llama-bench's columns on a CPU.
const HEAD: [&str; 7] = [
    "model", "size", "params", "backend", "threads", "test", "t/s",
];
/// Their widths; the first and the fourth begin at the left.
const WIDTHS: [usize; 7] = [30, 10, 10, 10, 7, 15, 20];
const LEFT: [bool; 7] = [true, false, false, true, false, false, false];

fn cells(record: &Bench) -> [String; 7] {
    let size = |bytes: u64| match bytes {
        0..0x4000_0000 => format!("{:.2} MiB", bytes as f64 / (1_u64 << 20) as f64),
        _ => format!("{:.2} GiB", bytes as f64 / (1_u64 << 30) as f64),
    };
    let name = record.model_type.clone();
    let mut model = name.unwrap_or_else(|| record.model_filename.clone());
    if let Some(timed) = record.n_layers_timed {
        model = format!("{model}, {timed} layers");
    }
    let rate = match (record.avg_ts, record.stddev_ts) {
        (Some(mean), Some(deviation)) => format!("{mean:.2} ± {deviation:.2}"),
        _ => "error".to_owned(),
    };
    [
        model,
        record.model_size.map(size).unwrap_or_default(),
        record.model_n_params.map(count).unwrap_or_default(),
        record.backends.clone(),
        record.n_threads.to_string(),
        test_name(record),
        rate,
    ]
}

/// llama-bench's name of a test, with the number of sequences behind it.
fn test_name(record: &Bench) -> String {
    let mut name = match (record.n_prompt, record.n_gen) {
        (prompt, 0) => format!("pp{prompt}"),
        (0, generated) => format!("tg{generated}"),
        (prompt, generated) => format!("pp{prompt}+tg{generated}"),
    };
    if record.n_depth > 0 {
        name.push_str(&format!(" @ d{}", record.n_depth));
    }
    if record.n_parallel > 1 {
        name.push_str(&format!(" x{}", record.n_parallel));
    }
    name
}

/// Returns a line of the table; `fill` is '-' for the one below the head.
fn line(cells: &[String; 7], fill: char) -> String {
    let columns = cells.iter().zip(WIDTHS).zip(LEFT);
    let column = |((cell, width), left): ((&String, usize), bool)| match (fill, left) {
        ('-', true) => format!("{} | ", "-".repeat(width)),
        ('-', false) => format!("{}: | ", "-".repeat(width - 1)),
        (_, true) => format!("{cell:<width$} | "),
        _ => format!("{cell:>width$} | "),
    };
    let text: String = columns.map(column).collect();
    format!("| {}", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Head and row as llama-bench 4df29be prints them for the same numbers.
    #[test]
    fn the_table_is_that_of_llama_bench() {
        let record = Bench {
            model_type: Some("llama 1B Q4_K - Medium".to_owned()),
            model_size: Some(799_862_912),
            model_n_params: Some(1_235_814_432),
            backends: "CPU".to_owned(),
            n_threads: 2,
            n_prompt: 64,
            avg_ts: Some(195.72),
            stddev_ts: Some(0.0),
            ..Bench::default()
        };
        let [names, rule] = head();
        assert_eq!(
            [names, rule, row(&record)],
            [
                "| model                          |       size |     params | backend    | threads |            test |                  t/s |",
                "| ------------------------------ | ---------: | ---------: | ---------- | ------: | --------------: | -------------------: |",
                "| llama 1B Q4_K - Medium         | 762.81 MiB |     1.24 B | CPU        |       2 |            pp64 |        195.72 ± 0.00 |",
            ]
        );
        let more = Bench {
            n_gen: 32,
            n_depth: 4096,
            n_parallel: 8,
            ..record
        };
        assert_eq!(test_name(&more), "pp64+tg32 @ d4096 x8");
    }
}

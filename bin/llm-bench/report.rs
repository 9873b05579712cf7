//! A measured combination → a `bench` record, or a row of the table that
//! llama-bench prints.

use anyhow::Result;
use jiff::Timestamp;
use llm_cli::bench::BenchOutputArgs;
use llm_cli::host;
use llm_cli::memory::gib;
use llm_cli::stdio::{Sink, StdioError, stdout_is_terminal};
use llm_cli::{BenchFormat, Messages, Reads, Replaces};
use llm_engine::forward::CHUNK_ROWS;
use llm_kernels::simd::Level;
use llm_record::{Bench, ErrorDetail, Limits, LineWriter, Record};

use crate::machine;
use crate::measure::{Load, PIECE, Run};
use crate::statistics::{deviation, mean, percentile};
use crate::subject::{Asked, Engine, Subject, short};
use crate::sweep::Measured;
use crate::work::Took;

/// One combination and what is known of it.
pub(crate) struct Row {
    load: Load,
    record: Bench,
}

impl Row {
    pub(crate) fn new(asked: &Asked, level: Level, threads: usize, load: Load) -> Self {
        let build = machine::build(level, threads);
        let record = Bench {
            build_commit: build.version.clone(),
            cpu_info: host::cpu_name(),
            cpu_cores: Some(host::cores() as u64),
            memory_bytes: host::memory(),
            backends: "CPU".to_owned(),
            model_filename: asked.name(),
            n_batch: PIECE as u64,
            n_ubatch: CHUNK_ROWS as u64,
            n_threads: threads as u64,
            cpu_mask: "0x0".to_owned(),
            type_k: "f16".to_owned(),
            type_v: "f16".to_owned(),
            split_mode: "none".to_owned(),
            no_kv_offload: true,
            flash_attn: 1,
            devices: "none".to_owned(),
            tensor_buft_overrides: "none".to_owned(),
            n_prompt: load.test.prompt as u64,
            n_gen: load.test.generated as u64,
            n_depth: load.depth as u64,
            n_parallel: load.parallel as u64,
            logits: Some(if load.best { "best" } else { "all" }.to_owned()),
            test_time: Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            build,
            ..Bench::default()
        };
        Self { load, record }
    }

    /// Adds what is known of the model before it is timed.
    pub(crate) fn of(self, subject: &Subject, engine: &Engine, limits: Limits) -> Self {
        let need = subject.need(&self.load, engine.copy_bytes(&self.load));
        let timed = subject.extrapolation.map(|it| it.timed as u64);
        let record = Bench {
            model_type: Some(subject.kind.clone()),
            model_size: Some(subject.weight_bytes),
            model_n_params: Some(subject.parameters),
            load_mode: Some(subject.load_mode().to_owned()),
            // Opening a part says nothing of the whole.
            load_ns: timed.is_none().then_some(engine.load),
            limits: Some(limits),
            extrapolated: timed.is_some(),
            n_layers_timed: timed,
            needed_bytes: need.map(|(bytes, _)| bytes),
            fits: need.map(|(_, fits)| fits),
            model: Some(subject.model.clone()),
            ..self.record
        };
        Self { record, ..self }
    }

    pub(crate) fn failed(mut self, error: ErrorDetail) -> Self {
        self.record.error = Some(error);
        self
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.record.error.is_some()
    }

    /// Adds the numbers.
    pub(crate) fn measured(self, subject: &Subject, measured: &Measured) -> Self {
        let tokens = self.load.tokens() as f64;
        let times: Vec<f64> = measured.runs.iter().map(|run| run.whole).collect();
        let rates: Vec<f64> = times.iter().map(|time| 1e9 * tokens / time).collect();
        let first: Vec<f64> = measured
            .runs
            .iter()
            .filter_map(|run| run.first_token)
            .collect();
        let steps = |run: &Run| run.steps.clone();
        let steps: Vec<f64> = measured.runs.iter().flat_map(steps).collect();
        let at = |samples: &[f64], percent| percentile(samples, percent).map(|time| time as u64);
        let limits = self.record.limits.unwrap_or_default();
        let decoding: Vec<f64> = measured.runs.iter().map(Run::decoding).collect();
        let output_bytes = measured.runs.iter().map(|run| run.output_bytes);
        let took = Took {
            whole: mean(&times) / 1e9,
            decoding: mean(&decoding) / 1e9,
            output_bytes: mean(&output_bytes.collect::<Vec<_>>()),
        };
        let shares = subject.work.shares(&self.load, took, &limits);
        let record = Bench {
            avg_ns: Some(mean(&times) as u64),
            stddev_ns: Some(deviation(&times) as u64),
            avg_ts: Some(mean(&rates)),
            stddev_ts: Some(deviation(&rates)),
            ttft_ns_p50: at(&first, 50),
            ttft_ns_p95: at(&first, 95),
            itl_ns_p50: at(&steps, 50),
            itl_ns_p95: at(&steps, 95),
            samples_ns: times.iter().map(|&time| time as u64).collect(),
            samples_ts: rates,
            peak_rss_bytes: measured.peak_rss.filter(|_| !self.record.extrapolated),
            bandwidth_fraction: shares.bandwidth,
            compute_fraction: shares.compute,
            ..self.record
        };
        Self { record, ..self }
    }
}

/// Where rows go.
pub(crate) struct Writer {
    lines: LineWriter<Sink>,
    table: bool,
    begun: bool,
    messages: Messages,
}

impl Writer {
    /// Opens the output of records of type `kind`, or of a table.
    pub(crate) fn open(
        args: &BenchOutputArgs,
        kind: &str,
        reads: &Reads,
        messages: Messages,
    ) -> Result<Self, StdioError> {
        let table = match args.format {
            BenchFormat::Auto => args.output.is_none() && stdout_is_terminal(),
            BenchFormat::Jsonl => false,
            BenchFormat::Md => true,
        };
        let sink = match &args.output {
            Some(path) => {
                let kind = (!table).then_some(kind);
                Sink::create(path, reads, Replaces::choose(args.overwrite, kind))?
            }
            None => {
                reads.refuse_stdout()?;
                Sink::stdout()?
            }
        };
        Ok(Self {
            lines: LineWriter::new(sink),
            table,
            begun: false,
            messages,
        })
    }

    pub(crate) fn reader_gone(&self) -> bool {
        self.lines.sink().reader_gone()
    }

    pub(crate) fn row(&mut self, row: Row) -> Result<(), StdioError> {
        if !self.table {
            return self.record(&Record::from(row.record));
        }
        if let Some(error) = &row.record.error {
            self.messages.error(&error.message);
        }
        if !self.begun {
            self.begun = true;
            self.text(&line(&HEAD.map(str::to_owned), ' '))?;
            self.text(&line(&HEAD.map(|_| String::new()), '-'))?;
        }
        self.text(&line(&cells(&row.record), ' '))
    }

    /// Writes a record, or what is told of it in the text form.
    pub(crate) fn record_or(&mut self, record: &Record, text: &str) -> Result<(), StdioError> {
        if self.table {
            return self.text(text);
        }
        self.record(record)
    }

    fn record(&mut self, record: &Record) -> Result<(), StdioError> {
        let result = self.lines.record(record);
        self.checked(result)
    }

    fn text(&mut self, text: &str) -> Result<(), StdioError> {
        let result = self.lines.text(text, "\n");
        self.checked(result)
    }

    /// Ends the output: a file that nothing was written to is emptied.
    pub(crate) fn finish(mut self) -> Result<(), StdioError> {
        let result = self.lines.sink_mut().finish();
        self.checked(result)
    }

    fn checked(&self, result: std::io::Result<()>) -> Result<(), StdioError> {
        result.map_err(|error| StdioError::write(self.lines.sink().name(), error))
    }
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
        _ => gib(bytes),
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
        record.model_n_params.map(short).unwrap_or_default(),
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
        assert_eq!(
            [
                line(&HEAD.map(str::to_owned), ' '),
                line(&HEAD.map(|_| String::new()), '-'),
                line(&cells(&record), ' '),
            ],
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

//! A measured load → a `bench` record.

use llm_engine::forward::CHUNK_ROWS;
use llm_record::{Bench, BenchModel, Build, ErrorDetail, Limits};

use crate::load::Load;
use crate::repeat::Measured;
use crate::run::Run;
use crate::sequences::BATCH_TOKENS;
use crate::statistics::{deviation, mean, percentile};
use crate::work::{Elapsed, Work};

/// What is measured, and on what, as far as it is known before a model is opened.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Setup {
    /// The model as it was asked for.
    pub model: String,
    /// What computes.
    pub build: Build,
    /// The processor's name.
    pub cpu_info: String,
    /// Cores that the system counts.
    pub cpu_cores: u64,
    /// Size of the memory in bytes, where the system tells.
    pub memory_bytes: Option<u64>,
    /// When, as llama-bench writes it: `2026-11-24T12:00:00Z`.
    pub test_time: String,
}

/// What is known of an opened model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Opened {
    /// Architecture, parameters and quantization, for people.
    pub kind: String,
    /// Bytes of all weights.
    pub weight_bytes: u64,
    /// Number of weights.
    pub parameters: u64,
    /// Where the weights are, in llama-bench's words: `mmap` or `none`.
    pub load_mode: String,
    /// Time of opening, in nanoseconds.
    pub load_ns: u64,
    /// Layers that are timed, where the rest is extrapolated.
    pub layers_timed: Option<u64>,
    /// Memory that the whole model needs for the load, and whether it was there, where that is known.
    pub need: Option<(u64, bool)>,
    /// The model, as records name it.
    pub model: BenchModel,
}

/// One combination and what is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    load: Load,
    record: Bench,
}

impl Row {
    /// Begins the row of a load.
    #[must_use]
    pub fn new(setup: Setup, load: Load) -> Self {
        let record = Bench {
            build_commit: setup.build.version.clone(),
            cpu_info: setup.cpu_info,
            cpu_cores: Some(setup.cpu_cores),
            memory_bytes: setup.memory_bytes,
            backends: "CPU".to_owned(),
            model_filename: setup.model,
            n_batch: BATCH_TOKENS as u64,
            n_ubatch: CHUNK_ROWS as u64,
            n_threads: setup.build.threads,
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
            test_time: setup.test_time,
            build: setup.build,
            ..Bench::default()
        };
        Self { load, record }
    }

    /// Adds what is known of the model before it is timed, and the limits of the machine.
    #[must_use]
    pub fn opened(self, opened: Opened, limits: Limits) -> Self {
        let timed = opened.layers_timed;
        let record = Bench {
            model_type: Some(opened.kind),
            model_size: Some(opened.weight_bytes),
            model_n_params: Some(opened.parameters),
            load_mode: Some(opened.load_mode),
            // Opening a part says nothing of the whole.
            load_ns: timed.is_none().then_some(opened.load_ns),
            limits: Some(limits),
            extrapolated: timed.is_some(),
            n_layers_timed: timed,
            needed_bytes: opened.need.map(|(bytes, _)| bytes),
            fits: opened.need.map(|(_, fits)| fits),
            model: Some(opened.model),
            ..self.record
        };
        Self { record, ..self }
    }

    /// Adds why there are no numbers.
    #[must_use]
    pub fn failed(mut self, error: ErrorDetail) -> Self {
        self.record.error = Some(error);
        self
    }

    /// Adds the numbers; `work` is that of the model.
    #[must_use]
    pub fn measured(self, work: &Work, measured: &Measured) -> Self {
        let tokens = self.load.tokens() as f64;
        let runs = &measured.runs;
        let times: Vec<f64> = runs.iter().map(|run| run.whole).collect();
        let rates: Vec<f64> = times.iter().map(|time| 1e9 * tokens / time).collect();
        let first: Vec<f64> = runs.iter().filter_map(|run| run.first_token).collect();
        let steps: Vec<f64> = runs.iter().flat_map(|run| run.steps.clone()).collect();
        let decoding: Vec<f64> = runs.iter().map(Run::decoding).collect();
        let output_bytes: Vec<f64> = runs.iter().map(|run| run.output_bytes).collect();
        let percentile = |samples: &[f64], percent| {
            let time = percentile(samples, percent)?;
            Some(time as u64)
        };
        let elapsed = Elapsed {
            whole: mean(&times) / 1e9,
            decoding: mean(&decoding) / 1e9,
            output_bytes: mean(&output_bytes),
        };
        let limits = self.record.limits.unwrap_or_default();
        let shares = work.shares(&self.load, elapsed, &limits);
        let record = Bench {
            avg_ns: Some(mean(&times) as u64),
            stddev_ns: Some(deviation(&times) as u64),
            avg_ts: Some(mean(&rates)),
            stddev_ts: Some(deviation(&rates)),
            ttft_ns_p50: percentile(&first, 50),
            ttft_ns_p95: percentile(&first, 95),
            itl_ns_p50: percentile(&steps, 50),
            itl_ns_p95: percentile(&steps, 95),
            samples_ns: times.iter().map(|&time| time as u64).collect(),
            samples_ts: rates,
            peak_rss_bytes: measured.peak_rss.filter(|_| !self.record.extrapolated),
            bandwidth_fraction: shares.bandwidth,
            compute_fraction: shares.compute,
            ..self.record
        };
        Self { record, ..self }
    }

    /// Returns the record.
    #[must_use]
    pub fn into_record(self) -> Bench {
        self.record
    }
}

#[cfg(test)]
mod tests {
    use llm_engine::spec::Spec;
    use llm_engine::synthetic::Synthetic;
    use llm_record::ErrorCode;

    use super::*;
    use crate::load::Test;

    fn row() -> Row {
        let load = Load {
            test: Test {
                prompt: 10,
                generated: 2,
            },
            depth: 0,
            parallel: 1,
            best: true,
        };
        Row::new(Setup::default(), load)
    }

    fn run(whole: f64) -> Run {
        Run {
            whole,
            first_token: Some(whole / 2.0),
            steps: vec![whole / 4.0; 2],
            output_bytes: 0.0,
        }
    }

    #[test]
    fn numbers_are_those_of_all_runs() {
        let synthetic = Synthetic::parse("tiny-llama:q8_0").unwrap();
        let spec = Spec::from_metadata(&synthetic.metadata()).unwrap();
        let work = Work::new(&synthetic.tensors(), &spec);
        let measured = Measured {
            runs: vec![run(1e9), run(3e9)],
            peak_rss: Some(5),
        };
        let whole = row().measured(&work, &measured).into_record();
        assert_eq!(whole.avg_ns, Some(2_000_000_000));
        assert_eq!(whole.samples_ts, [12.0, 4.0]);
        assert_eq!((whole.avg_ts, whole.peak_rss_bytes), (Some(8.0), Some(5)));
        assert_eq!(whole.ttft_ns_p50, Some(500_000_000));
        assert_eq!(whole.itl_ns_p95, Some(750_000_000));
        let part = Opened {
            layers_timed: Some(4),
            load_ns: 7,
            ..Opened::default()
        };
        let sample = row().opened(part, Limits::default());
        let record = sample.measured(&work, &measured).into_record();
        // Neither the memory nor the loading of a sample is that of the model.
        assert_eq!((record.peak_rss_bytes, record.load_ns), (None, None));
        assert!(record.extrapolated);
    }

    #[test]
    fn a_row_that_failed_has_its_error_and_no_numbers() {
        let error = ErrorDetail {
            code: ErrorCode::OutOfMemory,
            message: "no room".to_owned(),
        };
        let record = row().failed(error).into_record();
        assert_eq!(record.error.unwrap().message, "no room");
        assert_eq!((record.avg_ts, record.n_prompt), (None, 10));
    }
}

//! Our own records → entries of the log: completions and embeddings, and the speeds that `bench` records
//! measured.

use serde_json::Value;

use super::parse::{Nonsense, amount, text};
use super::{BenchSpeeds, UsageEntry, UsageLog, moment, provider};
use crate::record::Computer;
use crate::units::TokensPerSecond;

/// Generated tokens a second of one sequence that nothing reaches: a row that says more has timed no work.
const FASTEST_DECODE: f64 = 1e5;

/// Prompt tokens a second that nothing reaches.
const FASTEST_PREFILL: f64 = 1e7;

impl UsageLog {
    /// Takes a record of ours; `false` where the value is none that counts.
    pub(super) fn take_ours(&mut self, value: &Value) -> bool {
        match value.get("type").and_then(Value::as_str) {
            Some("completion" | "embedding") if value.get("usage").is_some() => {
                self.keep(ours(value));
            }
            Some("bench") if value.get("error").is_none() => match bench(value) {
                Ok(speeds) => self.benches.push(speeds),
                Err(Nonsense) => self.unsound += 1,
            },
            // It has no answer, but may have taken tokens.
            Some("error") => {
                self.failed += 1;
                if value.get("usage").is_some() {
                    self.keep(ours(value));
                }
            }
            _ => return false,
        }
        true
    }
}

fn ours(value: &Value) -> Result<UsageEntry, Nonsense> {
    let null = Value::Null;
    let field = |key: &str| value.get(key).unwrap_or(&null);
    let (usage, metrics) = (field("usage"), field("metrics"));
    let counted = provider::counted(usage)?;
    let (input, cached, output) = (counted.input, counted.cached, counted.output);
    let times = Times::read(metrics, (output - 1.0).max(0.0), input - cached)?;
    Ok(UsageEntry {
        timestamp: moment::first(value, &["created"]).map(|moment| moment.at),
        model: text(field("model"), "name"),
        file: text(field("model"), "file"),
        quant: text(field("model"), "quantization"),
        seconds: times.seconds,
        elapsed: times.elapsed,
        joules: amount(metrics, &["energy_joules"])?,
        is_local: true,
        decode: times.decode,
        prefill: times.prefill,
        ..counted
    })
}

/// The times of one of our records, in seconds, and the tokens that they are of.
struct Times {
    seconds: f64,
    elapsed: Option<f64>,
    decode: (f64, f64),
    prefill: (f64, f64),
}

impl Times {
    /// Reads the request's shares of the machine's time, else its times from start to end.
    fn read(metrics: &Value, generated: f64, computed: f64) -> Result<Self, Nonsense> {
        let number = |key: &str| amount(metrics, &[key]);
        let rates = (
            number("tokens_per_second")?.filter(|rate| within(*rate, FASTEST_DECODE)),
            number("prompt_tokens_per_second")?.filter(|rate| within(*rate, FASTEST_PREFILL)),
        );
        let elapsed = number("generation_time_ms")?.map(|ms| ms / 1e3);
        let busy = (number("busy_prefill_ms")?, number("busy_decode_ms")?);
        // Without a rate of its own nothing of that kind was computed.
        let pair = |tokens: f64, rate: Option<f64>, seconds: &dyn Fn(f64) -> f64| match rate {
            Some(rate) if tokens > 0.0 => (tokens, seconds(rate)),
            _ => (0.0, 0.0),
        };
        Ok(match busy {
            (Some(prefill), Some(decode)) => Self {
                seconds: (prefill + decode) / 1e3,
                elapsed: None,
                decode: pair(generated, rates.0, &|_| decode / 1e3),
                prefill: pair(computed, rates.1, &|_| prefill / 1e3),
            },
            _ => Self {
                seconds: elapsed.unwrap_or(0.0),
                elapsed,
                decode: pair(generated, rates.0, &|rate| generated / rate),
                prefill: pair(computed, rates.1, &|rate| computed / rate),
            },
        })
    }
}

/// Whether a rate was measured, and of any work.
fn within(rate: f64, most: f64) -> bool {
    rate > 0.0 && rate <= most
}

fn bench(value: &Value) -> Result<BenchSpeeds, Nonsense> {
    let count = |key: &str| value.get(key).and_then(Value::as_u64).unwrap_or(0);
    let rate = value
        .get("avg_ts")
        .and_then(Value::as_f64)
        .filter(|rate| *rate > 0.0)
        .map(TokensPerSecond);
    let model = value.get("model").unwrap_or(&Value::Null);
    let (prompt, generated) = (count("n_prompt"), count("n_gen"));
    let parallel = count("n_parallel").max(1);
    let fastest = match prompt {
        0 => FASTEST_DECODE * parallel as f64,
        _ => FASTEST_PREFILL,
    };
    if rate.is_some_and(|rate| rate.0 > fastest) {
        return Err(Nonsense);
    }
    Ok(BenchSpeeds {
        model: match text(model, "name") {
            name if name.is_empty() => text(value, "model_filename"),
            name => name,
        },
        file: text(value, "model_filename"),
        quant: text(model, "quantization"),
        depth: count("n_depth") as f64,
        computer: Computer {
            cpu_info: text(value, "cpu_info"),
            cpu_cores: value.get("cpu_cores").and_then(Value::as_u64),
            memory_bytes: value.get("memory_bytes").and_then(Value::as_u64),
        },
        parallel,
        decode: rate.filter(|_| prompt == 0 && generated > 0),
        prefill: rate.filter(|_| prompt > 0 && generated == 0),
        is_extrapolated: value.get("extrapolated") == Some(&Value::Bool(true)),
        is_too_large: value.get("fits") == Some(&Value::Bool(false)),
    })
}

//! One JSON value → entries of the log. A value is told by its fields: `type` is ours, `response` an answer of
//! `OpenAI`'s batches; the module `ccusage` tells its reports.

use serde_json::{Deserializer, Value};

use super::{BenchSpeeds, UsageEntry, UsageLog};
use crate::record::Computer;
use crate::units::TokensPerSecond;

pub(super) fn read(text: &str) -> UsageLog {
    let mut log = UsageLog::default();
    let mut rest = text.trim_start_matches('\u{feff}');
    while !rest.trim_start().is_empty() {
        let mut values = Deserializer::from_str(rest).into_iter::<Value>();
        let mut good = 0;
        let mut is_whole = false;
        loop {
            match values.next() {
                Some(Ok(value)) => {
                    good = values.byte_offset();
                    log.take(&value);
                }
                Some(Err(_)) => break,
                None => {
                    is_whole = true;
                    break;
                }
            }
        }
        if is_whole {
            break;
        }
        // The line of the fault is left out; what stood on it before the fault has been taken.
        log.broken += 1;
        let left = rest.get(good..).unwrap_or_default();
        let begun = left.trim_start_matches(['\n', '\r', ' ', '\t']);
        rest = begun.split_once('\n').map_or("", |(_, after)| after);
    }
    log
}

impl UsageLog {
    fn take(&mut self, value: &Value) {
        if let Value::Array(values) = value {
            // ccusage's older reports, and lists of records.
            values.iter().for_each(|value| self.take(value));
            return;
        }
        if self.take_report(value) {
            return;
        }
        if let Some(kind) = value.get("type").and_then(Value::as_str) {
            return self.take_ours(kind, value);
        }
        if value.get("response").is_some() && value.get("custom_id").is_some() {
            return self.take_batch(value);
        }
        self.pass_over("unknown");
    }

    /// Takes what a record says, if its numbers make sense.
    pub(super) fn keep(&mut self, entry: Result<UsageEntry, Nonsense>) {
        match entry {
            Ok(entry) => self.entries.push(entry),
            Err(Nonsense) => self.unsound += 1,
        }
    }

    pub(super) fn pass_over(&mut self, kind: &str) {
        *self.others.entry(kind.to_owned()).or_default() += 1;
    }

    fn take_ours(&mut self, kind: &str, value: &Value) {
        match kind {
            "completion" | "embedding" if value.get("usage").is_some() => {
                self.keep(ours(value));
            }
            "bench" if value.get("error").is_none() => self.benches.push(bench(value)),
            "error" => self.failed += 1,
            _ => self.pass_over(kind),
        }
    }

    /// A line of `OpenAI`'s batch output: `{"custom_id", "response": {"status_code", "body"}, "error"}`.
    fn take_batch(&mut self, value: &Value) {
        let body = value
            .get("response")
            .and_then(|response| response.get("body"));
        let Some((body, usage)) = body.and_then(|body| Some((body, body.get("usage")?))) else {
            self.failed += 1;
            return;
        };
        self.keep(batched(body, usage));
    }
}

/// A number of a record that nobody can have counted or measured.
pub(super) struct Nonsense;

/// The body of an answer of `OpenAI`'s batches.
fn batched(body: &Value, usage: &Value) -> Result<UsageEntry, Nonsense> {
    let (input, output) = (
        tokens(usage, &["prompt_tokens", "input_tokens"])?,
        tokens(usage, &["completion_tokens", "output_tokens"])?,
    );
    let details = ["prompt_tokens_details", "input_tokens_details"]
        .iter()
        .find_map(|key| usage.get(key));
    let created = ["created", "created_at"]
        .iter()
        .find_map(|key| body.get(key)?.as_i64());
    Ok(UsageEntry {
        timestamp: created,
        model: text(body, "model"),
        by_batch: true,
        requests: 1,
        input: input.ok_or(Nonsense)?,
        cached: cached(details, input)?,
        output: output.unwrap_or(0.0),
        ..UsageEntry::default()
    })
}

fn ours(value: &Value) -> Result<UsageEntry, Nonsense> {
    let null = Value::Null;
    let field = |key: &str| value.get(key).unwrap_or(&null);
    let (usage, metrics) = (field("usage"), field("metrics"));
    let input = tokens(usage, &["prompt_tokens"])?;
    let output = tokens(usage, &["completion_tokens"])?.unwrap_or(0.0);
    let cached = cached(usage.get("prompt_tokens_details"), input)?;
    let input = input.ok_or(Nonsense)?;
    let times = Times::read(metrics, (output - 1.0).max(0.0), input - cached)?;
    Ok(UsageEntry {
        timestamp: value.get("created").and_then(Value::as_i64),
        span: 0,
        model: text(field("model"), "name"),
        file: text(field("model"), "file"),
        quant: text(field("model"), "quantization"),
        by_batch: false,
        requests: 1,
        input,
        cached,
        written: 0.0,
        output,
        seconds: times.seconds,
        elapsed: times.elapsed,
        joules: amount(metrics, &["energy_joules"])?,
        paid: None,
        is_local: true,
        decode: times.decode,
        prefill: times.prefill,
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
            number("tokens_per_second")?.filter(|rate| *rate > 0.0),
            number("prompt_tokens_per_second")?.filter(|rate| *rate > 0.0),
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

/// Returns the tokens of a prompt that came from a cache: no more than it has.
fn cached(details: Option<&Value>, input: Option<f64>) -> Result<f64, Nonsense> {
    let cached = details
        .map_or(Ok(None), |details| tokens(details, &["cached_tokens"]))?
        .unwrap_or(0.0);
    (cached <= input.unwrap_or(0.0))
        .then_some(cached)
        .ok_or(Nonsense)
}

fn bench(value: &Value) -> BenchSpeeds {
    let count = |key: &str| value.get(key).and_then(Value::as_u64).unwrap_or(0);
    let rate = value
        .get("avg_ts")
        .and_then(Value::as_f64)
        .filter(|rate| *rate > 0.0)
        .map(TokensPerSecond);
    let model = value.get("model").unwrap_or(&Value::Null);
    let (prompt, generated) = (count("n_prompt"), count("n_gen"));
    BenchSpeeds {
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
        parallel: count("n_parallel").max(1),
        decode: rate.filter(|_| prompt == 0 && generated > 0),
        prefill: rate.filter(|_| prompt > 0 && generated == 0),
        is_extrapolated: value.get("extrapolated") == Some(&Value::Bool(true)),
        is_too_large: value.get("fits") == Some(&Value::Bool(false)),
    }
}

/// Returns the first of several fields that is there: tokens, a whole number.
pub(super) fn tokens(value: &Value, keys: &[&str]) -> Result<Option<f64>, Nonsense> {
    let found = amount(value, keys)?;
    match found {
        Some(number) if number.fract() != 0.0 => Err(Nonsense),
        _ => Ok(found),
    }
}

/// Returns the first of several fields that is there: a number from 0 to what any count of a lifetime
/// stays below.
pub(super) fn amount(value: &Value, keys: &[&str]) -> Result<Option<f64>, Nonsense> {
    const MOST: f64 = 1e15;
    let there = |key: &&str| value.get(*key).filter(|value| !value.is_null());
    let Some(found) = keys.iter().find_map(there) else {
        return Ok(None);
    };
    let number = found.as_f64();
    number
        .filter(|number| (0.0..=MOST).contains(number))
        .map(Some)
        .ok_or(Nonsense)
}

pub(super) fn text(value: &Value, key: &str) -> String {
    value
        .get(key)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

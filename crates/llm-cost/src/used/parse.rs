//! One JSON value → uses. A value is told by its fields: `type` is ours, `response` an answer of
//! `OpenAI`'s batches; the module `ccusage` tells its reports.

use serde_json::{Deserializer, Value};

use super::{Speeds, Use, Used};
use crate::record::Computer;
use crate::units::TokensPerSecond;

pub(super) fn read(text: &str) -> Used {
    let mut used = Used::default();
    let mut rest = text.trim_start_matches('\u{feff}');
    while !rest.trim_start().is_empty() {
        let mut values = Deserializer::from_str(rest).into_iter::<Value>();
        let mut good = 0;
        let mut is_whole = false;
        loop {
            match values.next() {
                Some(Ok(value)) => {
                    good = values.byte_offset();
                    used.take(&value);
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
        used.broken += 1;
        let left = rest.get(good..).unwrap_or_default();
        let begun = left.trim_start_matches(['\n', '\r', ' ', '\t']);
        rest = begun.split_once('\n').map_or("", |(_, after)| after);
    }
    used
}

impl Used {
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

    pub(super) fn pass_over(&mut self, kind: &str) {
        *self.others.entry(kind.to_owned()).or_default() += 1;
    }

    fn take_ours(&mut self, kind: &str, value: &Value) {
        match kind {
            "completion" | "embedding" if value.get("usage").is_some() => {
                self.uses.push(ours(value));
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
        let (input, output) = (
            number(usage, &["prompt_tokens", "input_tokens"]),
            number(usage, &["completion_tokens", "output_tokens"]),
        );
        let details = ["prompt_tokens_details", "input_tokens_details"];
        let details = details.iter().find_map(|key| usage.get(key));
        let created = ["created", "created_at"]
            .iter()
            .find_map(|key| body.get(key)?.as_i64());
        self.uses.push(Use {
            at: created,
            model: text(body, "model"),
            by_batch: true,
            requests: 1,
            input,
            cached: details
                .map_or(0.0, |details| number(details, &["cached_tokens"]))
                .min(input),
            output,
            ..Use::default()
        });
    }
}

fn ours(value: &Value) -> Use {
    let null = Value::Null;
    let field = |key: &str| value.get(key).unwrap_or(&null);
    let (usage, metrics) = (field("usage"), field("metrics"));
    let input = number(usage, &["prompt_tokens"]);
    let output = number(usage, &["completion_tokens"]);
    let details = usage.get("prompt_tokens_details").unwrap_or(&null);
    let cached = number(details, &["cached_tokens"]).min(input);
    let span = |tokens: f64, rate: &str| match number(metrics, &[rate]) {
        rate if rate > 0.0 && tokens > 0.0 => (tokens, tokens / rate),
        _ => (0.0, 0.0),
    };
    Use {
        at: value.get("created").and_then(Value::as_i64),
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
        seconds: number(metrics, &["generation_time_ms"]) / 1e3,
        joules: metrics
            .get("energy_joules")
            .and_then(Value::as_f64)
            .filter(|joules| *joules >= 0.0),
        paid: None,
        is_local: true,
        decode: span((output - 1.0).max(0.0), "tokens_per_second"),
        prefill: span(input - cached, "prompt_tokens_per_second"),
    }
}

fn bench(value: &Value) -> Speeds {
    let count = |key: &str| value.get(key).and_then(Value::as_u64).unwrap_or(0);
    let rate = value
        .get("avg_ts")
        .and_then(Value::as_f64)
        .filter(|rate| *rate > 0.0);
    let rate = rate.map(TokensPerSecond);
    let model = value.get("model").unwrap_or(&Value::Null);
    let (prompt, generated) = (count("n_prompt"), count("n_gen"));
    Speeds {
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

/// The first of several fields that is a number, from 0 to what any count of a lifetime stays below;
/// else 0.
pub(super) fn number(value: &Value, keys: &[&str]) -> f64 {
    const MOST: f64 = 1e15;
    let found = keys.iter().find_map(|key| value.get(key)?.as_f64());
    found
        .filter(|number| (0.0..=MOST).contains(number))
        .unwrap_or(0.0)
}

pub(super) fn text(value: &Value, key: &str) -> String {
    value
        .get(key)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

//! Price files → rows: of our own a list of rows, or the records that `catalogue prices` writes; of others
//! `LiteLLM`'s `model_prices_and_context_window.json` (US dollars a token, by model) and models.dev's
//! `api.json` (US dollars a million tokens, by provider and model). What has no price for input and output
//! tokens is passed over with a count.

use serde_json::{Map, Value};

use super::check::{self, Check};
use super::find::Named;
use super::rows_json;
use super::{LongPrompt, Price};
use crate::units::UsdPerMtok;

/// Prices that were read from a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Imported {
    /// The rows.
    pub prices: Vec<Price>,
    /// Entries that have no price per token: images, audio, free models.
    pub passed_over: usize,
    /// What is wrong with entries whose prices make no sense.
    pub unsound: Vec<String>,
}

/// Why a file gives no prices.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fault {
    /// A row makes no sense.
    Row(String),
    /// It is no file of prices.
    Data(String),
}

impl Fault {
    fn data(reason: impl std::fmt::Display) -> Self {
        Self::Data(reason.to_string())
    }
}

/// Reads a price file of any of the three kinds; `day` is given to rows that have none. Rows of our own
/// form, which somebody wrote for this program, must all make sense; of others' files those that do not
/// are left out.
pub(super) fn prices(text: &str, day: &str) -> Result<Imported, Fault> {
    let imported = match rows_json::whole(text).map_err(Fault::Data)? {
        Value::Array(entries) => {
            let rows = rows_json::rows(entries, Price::TABLE).map_err(Fault::Data)?;
            let prices: Vec<Price> =
                serde_json::from_value(Value::Array(rows)).map_err(Fault::data)?;
            if let Some(fault) = check::rows(&prices) {
                return Err(Fault::Row(fault));
            }
            // A file of one's own may be empty.
            return Ok(Imported {
                prices,
                ..Imported::default()
            });
        }
        Value::Object(map) if map.values().any(|entry| entry.get("models").is_some()) => {
            models_dev(&map, day)
        }
        Value::Object(map) => litellm(&map, day),
        _ => {
            return Err(Fault::data(
                "it is neither a list of rows nor a map of models",
            ));
        }
    };
    if imported.prices.is_empty() {
        return Err(Fault::data(
            "no entry has a price for input and output tokens",
        ));
    }
    let faults: Vec<Option<String>> = imported.prices.iter().map(Check::fault).collect();
    if let (true, Some(Some(first))) = (faults.iter().all(Option::is_some), faults.first()) {
        return Err(Fault::Row(first.clone()));
    }
    let sound = imported.prices.into_iter().zip(&faults);
    Ok(Imported {
        prices: sound
            .filter(|(_, fault)| fault.is_none())
            .map(|(price, _)| price)
            .collect(),
        passed_over: imported.passed_over,
        unsound: faults.into_iter().flatten().collect(),
    })
}

fn litellm(map: &Map<String, Value>, day: &str) -> Imported {
    let mut imported = Imported::default();
    for (name, entry) in map {
        let rate = |key: &str| {
            let usd = entry.get(key).and_then(Value::as_f64);
            // Rounded, since 3e-6 times a million is 3.0000000000000004 at times.
            usd.map(|usd| UsdPerMtok((usd * 1e12).round() / 1e6))
        };
        let (Some(input), Some(output)) =
            (rate("input_cost_per_token"), rate("output_cost_per_token"))
        else {
            imported.passed_over += 1;
            continue;
        };
        if is_free(input, output) {
            imported.passed_over += 1;
            continue;
        }
        let provider = entry.get("litellm_provider").and_then(Value::as_str);
        let batch = rate("input_cost_per_token_batches").filter(|_| input.0 > 0.0);
        imported.prices.push(Price {
            id: qualified(provider, name),
            name: name.clone(),
            context: entry.get("max_input_tokens").and_then(Value::as_u64),
            input,
            output,
            cache_read: rate("cache_read_input_token_cost"),
            cache_write: rate("cache_creation_input_token_cost"),
            batch_discount: batch.map(|batch| 1.0 - batch / input),
            long_prompt: litellm_long(entry, &rate, input, output),
            as_of: day.to_owned(),
            source: "LiteLLM".to_owned(),
            ..Price::default()
        });
    }
    imported
}

/// Reads the prices of long prompts, as `input_cost_per_token_above_200k_tokens`; of several lengths the
/// shortest.
fn litellm_long(
    entry: &Value,
    rate: &impl Fn(&str) -> Option<UsdPerMtok>,
    input: UsdPerMtok,
    output: UsdPerMtok,
) -> Option<LongPrompt> {
    let length = |key: &String| {
        let (_, end) = key.split_once("_cost_per_token_above_")?;
        end.strip_suffix("k_tokens")?.parse::<u64>().ok()
    };
    let lengths = entry.as_object()?.keys().filter_map(length);
    let above = lengths.min()?;
    let long = |kind: &str| rate(&format!("{kind}_above_{above}k_tokens"));
    Some(LongPrompt {
        above_tokens: above.checked_mul(1000)?,
        input: long("input_cost_per_token").unwrap_or(input),
        output: long("output_cost_per_token").unwrap_or(output),
        cache_read: long("cache_read_input_token_cost"),
        cache_write: long("cache_creation_input_token_cost"),
        cache_write_1h: None,
    })
}

/// Whether nothing is asked for: a free offer, or the sample that `LiteLLM`'s file begins with.
fn is_free(input: UsdPerMtok, output: UsdPerMtok) -> bool {
    input.0 == 0.0 && output.0 == 0.0
}

fn models_dev(map: &Map<String, Value>, day: &str) -> Imported {
    let mut imported = Imported::default();
    for (provider, entry) in map {
        let Some(models) = entry.get("models").and_then(Value::as_object) else {
            continue;
        };
        for (name, model) in models {
            let cost = model.get("cost");
            let of = |cost: Option<&Value>, key: &str| cost?.get(key)?.as_f64().map(UsdPerMtok);
            let rate = |key: &str| of(cost, key);
            let (Some(input), Some(output)) = (rate("input"), rate("output")) else {
                imported.passed_over += 1;
                continue;
            };
            if is_free(input, output) {
                imported.passed_over += 1;
                continue;
            }
            let long = cost.and_then(|cost| cost.get("context_over_200k"));
            let long_prompt = long.map(|long| LongPrompt {
                above_tokens: 200_000,
                input: of(Some(long), "input").unwrap_or(input),
                output: of(Some(long), "output").unwrap_or(output),
                cache_read: of(Some(long), "cache_read"),
                cache_write: of(Some(long), "cache_write"),
                cache_write_1h: None,
            });
            let context = model.get("limit").and_then(|limit| limit.get("context"));
            let shown = model.get("name").and_then(Value::as_str);
            imported.prices.push(Price {
                id: qualified(Some(provider), name),
                name: shown.unwrap_or(name).to_owned(),
                context: context.and_then(Value::as_u64),
                input,
                output,
                cache_read: rate("cache_read"),
                cache_write: rate("cache_write"),
                long_prompt,
                as_of: day.to_owned(),
                source: "models.dev".to_owned(),
                ..Price::default()
            });
        }
    }
    imported
}

/// Returns `provider/name`, unless the name begins so.
fn qualified(provider: Option<&str>, name: &str) -> String {
    match provider {
        Some(provider) if !name.starts_with(&format!("{provider}/")) => {
            format!("{provider}/{name}")
        }
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn litellms_prices_are_a_token_and_ours_a_million() {
        let text = r#"{"sample_spec": {"mode": "one of: chat"},
            "claude-x": {"litellm_provider": "anthropic", "input_cost_per_token": 3e-06,
                "output_cost_per_token": 1.5e-05, "cache_read_input_token_cost": 3e-07,
                "input_cost_per_token_batches": 1.5e-06, "max_input_tokens": 200000},
            "groq/y": {"litellm_provider": "groq", "input_cost_per_token": 5e-08,
                "output_cost_per_token": 8e-08}}"#;
        let imported = prices(text, "2026-11-24").unwrap();
        assert_eq!(imported.passed_over, 1);
        let [x, y] = imported.prices.as_slice() else {
            panic!("{imported:?}");
        };
        assert_eq!(
            (x.id.as_str(), y.id.as_str()),
            ("anthropic/claude-x", "groq/y")
        );
        assert_eq!((x.input, x.output), (UsdPerMtok(3.0), UsdPerMtok(15.0)));
        assert_eq!(
            (x.cache_read, x.batch_discount),
            (Some(UsdPerMtok(0.3)), Some(0.5))
        );
        assert_eq!((x.as_of.as_str(), x.context), ("2026-11-24", Some(200_000)));
        assert_eq!(y.input, UsdPerMtok(0.05));
    }

    #[test]
    fn models_dev_names_providers_and_models() {
        let text = r#"{"groq": {"id": "groq", "models": {
            "llama": {"name": "Llama", "cost": {"input": 0.59, "output": 0.79},
                "limit": {"context": 131072}},
            "whisper": {"name": "Whisper"}}}}"#;
        let imported = prices(text, "").unwrap();
        assert_eq!(imported.passed_over, 1);
        assert_eq!(imported.prices[0].id, "groq/llama");
        assert_eq!(imported.prices[0].output, UsdPerMtok(0.79));
    }

    #[test]
    fn long_prompts_have_their_own_prices() {
        let litellm = r#"{"a/b": {"litellm_provider": "a", "input_cost_per_token": 3e-06,
            "output_cost_per_token": 1.5e-05, "input_cost_per_token_above_200k_tokens": 6e-06,
            "output_cost_per_token_above_200k_tokens": 2.25e-05}}"#;
        let models_dev = r#"{"a": {"models": {"b": {"cost": {"input": 3, "output": 15,
            "context_over_200k": {"input": 6, "output": 22.5}}}}}}"#;
        for text in [litellm, models_dev] {
            let price = prices(text, "").unwrap().prices.remove(0);
            let at = |tokens| {
                let rates = price.rates(None, Some(tokens));
                (rates.input.0, rates.output.0)
            };
            assert_eq!(at(200_000.0), (3.0, 15.0), "{text}");
            assert_eq!(at(200_001.0), (6.0, 22.5), "{text}");
        }
    }

    #[test]
    fn a_row_without_sense_leaves_the_others_in() {
        let text = r#"{"a": {"input_cost_per_token": -1, "output_cost_per_token": 1e-06},
            "b": {"input_cost_per_token": 1e-06, "output_cost_per_token": 1e-06}}"#;
        let imported = prices(text, "").unwrap();
        assert_eq!(imported.prices.len(), 1);
        assert_eq!(
            imported.unsound,
            ["'a' has input -1000000; it must be zero or more, up to 1e15"]
        );
    }

    #[test]
    fn what_the_catalogue_writes_is_read_again() {
        let row = |id: &str| {
            format!(
                r#"{{"type":"cost","schema_version":1,"kind":"row","table":"prices","row":{{"id":"{id}","input":1,"output":2}}}}"#
            )
        };
        let ids = |text: &str| {
            let prices = prices(text, "").unwrap().prices;
            prices.into_iter().map(|price| price.id).collect::<Vec<_>>()
        };
        let (a, b) = (row("a"), row("b"));
        assert_eq!(ids(&format!("{a}\n{b}\n")), ["a", "b"]);
        assert_eq!(ids(&format!("[{a},{b}]")), ["a", "b"]);
        assert_eq!(ids(&a), ["a"]);
        assert_eq!(
            ids(r#"{"id":"c","input":1,"output":2}
            {"id":"d","input":1,"output":2}"#),
            ["c", "d"]
        );
        assert!(prices(&a.replace("prices", "machines"), "").is_err());
        assert!(prices("", "").is_err());
    }

    #[test]
    fn what_holds_no_prices_is_said_to() {
        assert_eq!(prices("[]", ""), Ok(Imported::default()));
        for text in [
            "{}",
            "3",
            "[",
            r#"[{"id":"a"}]"#,
            r#"{"a":{"input_cost_per_token":1}}"#,
        ] {
            assert!(prices(text, "").is_err(), "{text}");
        }
        let negative = r#"[{"id":"b","input":1,"output":2},{"id":"a","input":-1,"output":2}]"#;
        let Fault::Row(fault) = prices(negative, "").unwrap_err() else {
            panic!("a fault of a row");
        };
        assert!(fault.starts_with("'a' has input -1;"), "{fault}");
    }
}

//! Price files of others → rows: `LiteLLM`'s `model_prices_and_context_window.json` (US dollars a token,
//! by model) and models.dev's `api.json` (US dollars a million tokens, by provider and model). What
//! has no price for input and output tokens is passed over with a count.

use serde_json::{Map, Value};

use super::Price;
use crate::units::UsdPerMtok;

/// Prices that were read from a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Imported {
    /// The rows.
    pub prices: Vec<Price>,
    /// Entries that have no price per token: images, audio, free models.
    pub passed_over: usize,
}

/// Reads a price file of any of the three kinds; `day` is given to rows that have none.
pub(super) fn prices(text: &str, day: &str) -> Result<Imported, String> {
    let value: Value = serde_json::from_str(text).map_err(|reason| reason.to_string())?;
    let imported = match value {
        Value::Array(_) => Imported {
            prices: serde_json::from_value(value).map_err(|reason| reason.to_string())?,
            passed_over: 0,
        },
        Value::Object(map) if map.values().any(|entry| entry.get("models").is_some()) => {
            models_dev(&map, day)
        }
        Value::Object(map) => litellm(&map, day),
        _ => return Err("it is neither a list of rows nor a map of models".to_owned()),
    };
    if imported.prices.is_empty() {
        return Err("no entry has a price for input and output tokens".to_owned());
    }
    match imported.prices.iter().find(|price| !is_sound(price)) {
        Some(price) => Err(format!("'{}' has a price below zero or none", price.id)),
        None => Ok(imported),
    }
}

fn is_sound(price: &Price) -> bool {
    let all = [
        Some(price.input),
        Some(price.output),
        price.cache_read,
        price.cache_write,
        price.cache_write_1h,
    ];
    let discount = price.batch_discount.unwrap_or(0.0);
    all.into_iter()
        .flatten()
        .all(|rate| rate.0.is_finite() && rate.0 >= 0.0)
        && (0.0..=1.0).contains(&discount)
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
            as_of: day.to_owned(),
            source: "LiteLLM".to_owned(),
            ..Price::default()
        });
    }
    imported
}

fn models_dev(map: &Map<String, Value>, day: &str) -> Imported {
    let mut imported = Imported::default();
    for (provider, entry) in map {
        let Some(models) = entry.get("models").and_then(Value::as_object) else {
            continue;
        };
        for (name, model) in models {
            let rate = |key: &str| {
                let usd = model.get("cost").and_then(|cost| cost.get(key));
                usd.and_then(Value::as_f64).map(UsdPerMtok)
            };
            let (Some(input), Some(output)) = (rate("input"), rate("output")) else {
                imported.passed_over += 1;
                continue;
            };
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
    fn what_holds_no_prices_is_said_to() {
        for text in [
            "{}",
            "3",
            "[",
            r#"[{"id":"a"}]"#,
            r#"{"a":{"input_cost_per_token":1}}"#,
        ] {
            assert!(prices(text, "").is_err(), "{text}");
        }
        let negative = r#"[{"id":"a","input":-1,"output":2}]"#;
        assert!(prices(negative, "").unwrap_err().contains("'a'"));
    }
}

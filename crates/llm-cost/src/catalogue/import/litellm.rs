//! `LiteLLM`'s `model_prices_and_context_window.json`: US dollars a token, by model.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Imported, LongPrompt, Price, is_free, per_token, qualified};
use crate::catalogue::LongPrompts;
use crate::units::UsdPerMtok;

pub(super) fn prices(map: &Map<String, Value>, day: &str) -> Imported {
    let mut imported = Imported::default();
    for (name, entry) in map {
        match price(name, entry, day) {
            Some(price) => imported.prices.push(price),
            None => imported.passed_over += 1,
        }
    }
    imported
}

fn price(name: &str, entry: &Value, day: &str) -> Option<Price> {
    let tiers = tiered(entry);
    // A model whose prices go by ranges has them there alone.
    let first = tiers.first();
    let base = if entry.get("input_cost_per_token").is_some() {
        entry
    } else {
        first.map_or(entry, |tier| tier.1)
    };
    let rate = |key: &str| per_token(base, key);
    let (input, output) = (
        rate("input_cost_per_token")?,
        rate("output_cost_per_token")?,
    );
    if is_free(input, output) {
        return None;
    }
    let discount = |key: &str, whole: UsdPerMtok| {
        let batch = rate(key).filter(|_| whole.0 > 0.0)?;
        Some(1.0 - batch / whole)
    };
    let of_input = discount("input_cost_per_token_batches", input);
    let of_output = discount("output_cost_per_token_batches", output);
    let provider = entry.get("litellm_provider").and_then(Value::as_str);
    Some(Price {
        id: qualified(provider, name),
        name: name.to_owned(),
        context: entry.get("max_input_tokens").and_then(Value::as_u64),
        input,
        output,
        cache_read: rate("cache_read_input_token_cost"),
        cache_write: rate("cache_creation_input_token_cost"),
        cache_write_1h: rate("cache_creation_input_token_cost_above_1hr"),
        batch_discount: of_input.or(of_output.map(|_| 0.0)),
        // Where only the input's is said, nothing is known of the output's: no less than that.
        batch_discount_output: of_output
            .filter(|own| of_input.is_none_or(|input| (own - input).abs() > 1e-9)),
        long_prompt: LongPrompts::new(if tiers.len() > 1 {
            by_range(&tiers)
        } else {
            by_length(entry, input, output)
        }),
        as_of: day.to_owned(),
        source: "LiteLLM".to_owned(),
        ..Price::default()
    })
}

/// Returns the ranges of `tiered_pricing`, each with the length above which it holds.
fn tiered(entry: &Value) -> Vec<(u64, &Value)> {
    let tiers = entry.get("tiered_pricing").and_then(Value::as_array);
    let range = |tier: &Value| tier.get("range")?.get(0)?.as_f64();
    let mut tiers: Vec<(u64, &Value)> = tiers
        .into_iter()
        .flatten()
        .filter_map(|tier| Some((range(tier)?.max(0.0) as u64, tier)))
        .collect();
    tiers.sort_by_key(|(from, _)| *from);
    tiers
}

fn by_range(tiers: &[(u64, &Value)]) -> Vec<LongPrompt> {
    let longer = tiers.iter().skip(1);
    let tier = |(above, tier): &(u64, &Value)| {
        let rate = |key: &str| per_token(tier, key);
        Some(LongPrompt {
            above_tokens: *above,
            input: rate("input_cost_per_token")?,
            output: rate("output_cost_per_token")?,
            cache_read: rate("cache_read_input_token_cost"),
            cache_write: rate("cache_creation_input_token_cost"),
            cache_write_1h: rate("cache_creation_input_token_cost_above_1hr"),
        })
    };
    longer.filter_map(tier).collect()
}

/// Reads the prices of long prompts, as `input_cost_per_token_above_200k_tokens`, of each length.
fn by_length(entry: &Value, input: UsdPerMtok, output: UsdPerMtok) -> Vec<LongPrompt> {
    let length = |key: &String| {
        let (_, end) = key.split_once("_cost_per_token_above_")?;
        end.strip_suffix("k_tokens")?.parse::<u64>().ok()
    };
    let keys = entry.as_object().into_iter().flat_map(Map::keys);
    let lengths: BTreeSet<u64> = keys.filter_map(length).collect();
    let mut before = (input, output);
    let tier = |above: u64| {
        let long = |kind: &str| per_token(entry, &format!("{kind}_above_{above}k_tokens"));
        before = (
            long("input_cost_per_token").unwrap_or(before.0),
            long("output_cost_per_token").unwrap_or(before.1),
        );
        Some(LongPrompt {
            above_tokens: above.checked_mul(1000)?,
            input: before.0,
            output: before.1,
            cache_read: long("cache_read_input_token_cost"),
            cache_write: long("cache_creation_input_token_cost"),
            cache_write_1h: long("cache_creation_input_token_cost_above_1hr"),
        })
    };
    lengths.into_iter().filter_map(tier).collect()
}

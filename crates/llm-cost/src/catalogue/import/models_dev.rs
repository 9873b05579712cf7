//! models.dev's `api.json`: US dollars a million tokens, by provider and model.

use serde_json::{Map, Value};

use super::{Imported, LongPrompt, Price, is_free, qualified};
use crate::catalogue::LongPrompts;
use crate::units::UsdPerMtok;

/// Above so many tokens `context_over_200k` holds, the older form of `tiers`.
const OVER: u64 = 200_000;

pub(super) fn prices(map: &Map<String, Value>, day: &str) -> Imported {
    let mut imported = Imported::default();
    for (provider, entry) in map {
        let models = entry.get("models").and_then(Value::as_object);
        for (name, model) in models.into_iter().flatten() {
            match price(provider, name, model, day) {
                Some(price) => imported.prices.push(price),
                None => imported.passed_over += 1,
            }
        }
    }
    imported
}

fn price(provider: &str, name: &str, model: &Value, day: &str) -> Option<Price> {
    let cost = model.get("cost")?;
    let rate = |key: &str| cost.get(key)?.as_f64().map(UsdPerMtok);
    let (input, output) = (rate("input")?, rate("output")?);
    if is_free(input, output) {
        return None;
    }
    let context = model.get("limit").and_then(|limit| limit.get("context"));
    let shown = model.get("name").and_then(Value::as_str);
    Some(Price {
        id: qualified(Some(provider), name),
        name: shown.unwrap_or(name).to_owned(),
        context: context.and_then(Value::as_u64),
        input,
        output,
        cache_read: rate("cache_read"),
        cache_write: rate("cache_write"),
        long_prompt: LongPrompts::new(tiers(cost, input, output)),
        as_of: day.to_owned(),
        source: "models.dev".to_owned(),
        ..Price::default()
    })
}

/// Returns the prices of each length of prompts: `tiers` names the lengths, `context_over_200k` only one.
fn tiers(cost: &Value, input: UsdPerMtok, output: UsdPerMtok) -> Vec<LongPrompt> {
    let long = |above: u64, tier: &Value| {
        let rate = |key: &str| tier.get(key)?.as_f64().map(UsdPerMtok);
        LongPrompt {
            above_tokens: above,
            input: rate("input").unwrap_or(input),
            output: rate("output").unwrap_or(output),
            cache_read: rate("cache_read"),
            cache_write: rate("cache_write"),
            cache_write_1h: None,
        }
    };
    let size = |tier: &Value| {
        let of = tier.get("tier")?;
        let is_context = of.get("type").is_none_or(|kind| kind == "context");
        of.get("size")
            .and_then(Value::as_u64)
            .filter(|_| is_context)
    };
    let tiers = cost.get("tiers").and_then(Value::as_array);
    let tiers: Vec<LongPrompt> = tiers
        .into_iter()
        .flatten()
        .filter_map(|tier| Some(long(size(tier)?, tier)))
        .collect();
    if !tiers.is_empty() {
        return tiers;
    }
    let over = cost.get("context_over_200k");
    over.map(|tier| long(OVER, tier)).into_iter().collect()
}

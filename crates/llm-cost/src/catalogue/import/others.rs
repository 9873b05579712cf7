//! Two shorter lists: `OpenRouter`'s `models` (US dollars a token, as texts) and llm-prices' `current-v1.json`
//! (US dollars a million tokens).

use serde_json::Value;

use super::{Imported, Price, is_free, per_token, qualified};
use crate::units::UsdPerMtok;

pub(super) fn openrouter(rows: &[Value], day: &str) -> Imported {
    collected(rows.iter().map(|row| {
        let pricing = row.get("pricing")?;
        let id = row.get("id")?.as_str()?;
        let rate = |key: &str| per_token(pricing, key);
        let (input, output) = (rate("prompt")?, rate("completion")?);
        Some(Price {
            id: qualified(Some("openrouter"), id),
            name: row
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or(id)
                .to_owned(),
            context: row.get("context_length").and_then(Value::as_u64),
            input,
            output,
            cache_read: rate("input_cache_read"),
            cache_write: rate("input_cache_write"),
            as_of: day.to_owned(),
            source: "OpenRouter".to_owned(),
            ..Price::default()
        })
    }))
}

/// Its rows that have ended, of the list with a history, are left out.
pub(super) fn llm_prices(rows: &[Value], day: &str) -> Imported {
    collected(rows.iter().map(|row| {
        let name = |key: &str| row.get(key).and_then(Value::as_str);
        let rate = |key: &str| row.get(key)?.as_f64().map(UsdPerMtok);
        if name("to_date").is_some() {
            return None;
        }
        let id = name("id")?;
        Some(Price {
            id: qualified(name("vendor"), id),
            name: name("name").unwrap_or(id).to_owned(),
            input: rate("input")?,
            output: rate("output")?,
            cache_read: rate("input_cached"),
            as_of: day.to_owned(),
            source: "llm-prices".to_owned(),
            ..Price::default()
        })
    }))
}

/// Counts the rows without a price, and those that ask for nothing.
fn collected(rows: impl Iterator<Item = Option<Price>>) -> Imported {
    let mut imported = Imported::default();
    for row in rows {
        match row.filter(|price| !is_free(price.input, price.output)) {
            Some(price) => imported.prices.push(price),
            None => imported.passed_over += 1,
        }
    }
    imported
}

//! Price files → rows: of our own a list of rows, or the records that `catalogue prices` writes; of others
//! the lists of `LiteLLM`, models.dev, `OpenRouter` and llm-prices. What has no price for input and output
//! tokens is passed over with a count.

mod litellm;
mod models_dev;
mod others;

use serde_json::{Map, Value};

use super::check::{self, Check};
use super::find::Named;
use super::price::{LongPrompt, Price};
use super::rows_json;
use crate::counted::counted;
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
    /// Whether the rows are of our own form, in which what a row leaves out is not there. Other lists have
    /// no place for some of it.
    pub is_own: bool,
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

/// Reads a price file of any kind; `day` is given to rows that have none. Rows of our own form, which
/// somebody wrote for this program, must all make sense; of others' files those that do not are left out.
pub(super) fn prices(text: &str, day: &str) -> Result<Imported, Fault> {
    let imported = match rows_json::whole(text).map_err(Fault::Data)? {
        Value::Array(entries) => return own(entries),
        Value::Object(map) => foreign(&map, day)?,
        _ => {
            return Err(Fault::data(
                "it is neither a list of rows nor a map of models",
            ));
        }
    };
    if imported.prices.is_empty() {
        return Err(Fault::data(format!(
            "it has {}, and no price for input and output tokens; known are rows of 'catalogue prices' and the \
             lists of LiteLLM, models.dev, OpenRouter and llm-prices",
            counted(imported.passed_over, "entry", "entries")
        )));
    }
    sound(imported)
}

/// Rows of our own form.
fn own(entries: Vec<Value>) -> Result<Imported, Fault> {
    let rows = rows_json::rows(entries, Price::TABLE).map_err(Fault::Data)?;
    let prices: Vec<Price> = serde_json::from_value(Value::Array(rows)).map_err(Fault::data)?;
    if let Some(fault) = check::rows(&prices) {
        return Err(Fault::Row(fault));
    }
    // A file of one's own may be empty.
    Ok(Imported {
        prices,
        is_own: true,
        ..Imported::default()
    })
}

/// Lists of others, told by how they begin.
fn foreign(map: &Map<String, Value>, day: &str) -> Result<Imported, Fault> {
    let list = |key: &str| map.get(key).and_then(Value::as_array);
    if let Some(rows) = list("data") {
        return Ok(others::openrouter(rows, day));
    }
    if let Some(rows) = list("prices") {
        let updated = map.get("updated_at").and_then(Value::as_str);
        return Ok(others::llm_prices(rows, updated.unwrap_or(day)));
    }
    if map.values().any(|entry| entry.get("models").is_some()) {
        return Ok(models_dev::prices(map, day));
    }
    if map.values().any(Value::is_object) {
        return Ok(litellm::prices(map, day));
    }
    Err(Fault::data(
        "it is neither a list of rows nor a map of models",
    ))
}

/// Leaves out the rows that make no sense, unless none does.
fn sound(imported: Imported) -> Result<Imported, Fault> {
    let faults: Vec<Option<String>> = imported.prices.iter().map(Check::fault).collect();
    if let (true, Some(Some(first))) = (faults.iter().all(Option::is_some), faults.first()) {
        return Err(Fault::Row(first.clone()));
    }
    let rows = imported.prices.into_iter().zip(&faults);
    Ok(Imported {
        prices: rows
            .filter(|(_, fault)| fault.is_none())
            .map(|(price, _)| price)
            .collect(),
        unsound: faults.into_iter().flatten().collect(),
        passed_over: imported.passed_over,
        is_own: false,
    })
}

/// Returns a price that a list writes in US dollars a token, as a number or as a text.
fn per_token(entry: &Value, key: &str) -> Option<UsdPerMtok> {
    let usd = match entry.get(key)? {
        Value::String(text) => text.trim().parse().ok()?,
        number => number.as_f64()?,
    };
    // Rounded, since 3e-6 times a million is 3.0000000000000004 at times.
    Some(UsdPerMtok((usd * 1e12).round() / 1e6))
}

/// Whether nothing is asked for: a free offer, or the sample that `LiteLLM`'s file begins with.
fn is_free(input: UsdPerMtok, output: UsdPerMtok) -> bool {
    input.0 == 0.0 && output.0 == 0.0
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
        assert!(prices("[]", "").unwrap().prices.is_empty());
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

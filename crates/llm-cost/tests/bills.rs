//! Bills of requests against a sum of its own, whatever a price says and leaves out: batches, what a cache
//! holds, long prompts, announced prices, and the forms in which lists of prices write them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic")]

use std::path::PathBuf;

use jiff::civil::{Date, date};
use llm_cost::Catalogue;
use llm_cost::catalogue::Price;
use llm_cost::usage::{BlendedRates, UsageEntry, UsageTotals};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// US dollars for a million tokens: in, out, from the cache, into it, into it for an hour.
type Five = [Option<f64>; 5];

/// What a list says of a model.
#[derive(Clone, Debug)]
struct Said {
    base: Five,
    /// Above so many tokens.
    tiers: Vec<(u64, Five)>,
    /// From December on.
    next: Option<Five>,
    /// Discounts of input and of output.
    batch: (Option<f64>, Option<f64>),
}

const KEYS: [&str; 5] = [
    "input",
    "output",
    "cache_read",
    "cache_write",
    "cache_write_1h",
];

/// A request: tokens of each kind (output second), and whether it came by batch.
#[derive(Clone, Debug)]
struct Request {
    tokens: [f64; 5],
    by_batch: bool,
}

impl Request {
    fn prompt(&self) -> f64 {
        self.tokens[0] + self.tokens[2] + self.tokens[3] + self.tokens[4]
    }

    fn entry(&self) -> UsageEntry {
        let [_, output, cached, written, hour] = self.tokens;
        UsageEntry {
            requests: 1,
            input: self.prompt(),
            output,
            cached,
            written: written + hour,
            written_1h: hour,
            by_batch: self.by_batch,
            ..UsageEntry::default()
        }
    }
}

impl Said {
    /// One price, as a person with the price list would look it up.
    fn usd(&self, kind: usize, prompt: f64, on: Date) -> f64 {
        let above = self
            .tiers
            .iter()
            .filter(|tier| prompt > tier.0 as f64)
            .count();
        let old = self.look(self.base, above, kind);
        let Some(next) = self.next.filter(|_| on >= date(2026, 12, 1)) else {
            return old.unwrap_or_else(|| self.instead(kind, prompt, on));
        };
        // What is not announced changes as input does; long prompts cost as many times as much as before.
        let factor = next[0].unwrap() / self.base[0].unwrap();
        let plain = next[kind].or(self.base[kind].map(|usd| usd * factor));
        let of_input = self.look(self.base, above, 0).unwrap() / self.base[0].unwrap();
        let times = old.zip(self.base[kind]).map(|(long, short)| long / short);
        match plain {
            Some(plain) => plain * times.unwrap_or(of_input),
            None => self.instead(kind, prompt, on),
        }
    }

    /// A tier's price; without one of its own that of the tier before, times what input costs more.
    fn look(&self, base: Five, above: usize, kind: usize) -> Option<f64> {
        match above.checked_sub(1).map(|index| self.tiers[index].1) {
            None => base[kind],
            Some(tier) => tier[kind].or_else(|| {
                let before = self.look(base, above - 1, 0).unwrap();
                Some(self.look(base, above - 1, kind)? * tier[0].unwrap() / before)
            }),
        }
    }

    /// What has no price is billed as the next plainer kind.
    fn instead(&self, kind: usize, prompt: f64, on: Date) -> f64 {
        self.usd(if kind == 4 { 3 } else { 0 }, prompt, on)
    }

    fn bill(&self, request: &Request, on: Date) -> f64 {
        let (input, output) = self.batch;
        let parts = request.tokens.iter().enumerate().map(|(kind, tokens)| {
            let discount = match kind {
                1 => output.or(input),
                _ => input,
            };
            let share = if request.by_batch {
                1.0 - discount.unwrap_or(0.0)
            } else {
                1.0
            };
            tokens / 1e6 * self.usd(kind, request.prompt(), on) * share
        });
        parts.sum()
    }

    /// As a row of ours.
    fn own(&self) -> Value {
        let mut row = fields(&self.base, &KEYS, 1.0);
        row.insert("id".to_owned(), json!("a/b"));
        let tier = |(above, five): &(u64, Five)| {
            let mut tier = fields(five, &KEYS, 1.0);
            tier.insert("above_tokens".to_owned(), json!(above));
            Value::Object(tier)
        };
        let tiers: Vec<Value> = self.tiers.iter().map(tier).collect();
        match tiers.as_slice() {
            [] => None,
            [one] => row.insert("long_prompt".to_owned(), one.clone()),
            _ => row.insert("long_prompt".to_owned(), json!(tiers)),
        };
        if let Some(five) = &self.next {
            let mut next = fields(five, &KEYS, 1.0);
            next.insert("from".to_owned(), json!("2026-12-01"));
            row.insert("next".to_owned(), Value::Object(next));
        }
        for (key, share) in [
            ("batch_discount", self.batch.0),
            ("batch_discount_output", self.batch.1),
        ] {
            row.extend(share.map(|share| (key.to_owned(), json!(share))));
        }
        json!([row])
    }

    /// As `LiteLLM` writes it, which announces nothing.
    fn litellm(&self) -> Value {
        const KEYS: [&str; 5] = [
            "input_cost_per_token",
            "output_cost_per_token",
            "cache_read_input_token_cost",
            "cache_creation_input_token_cost",
            "cache_creation_input_token_cost_above_1hr",
        ];
        let mut row = fields(&self.base, &KEYS, 1e-6);
        row.insert("litellm_provider".to_owned(), json!("a"));
        for (above, five) in &self.tiers {
            let keys = KEYS.map(|key| format!("{key}_above_{}k_tokens", above / 1000));
            row.extend(fields(five, &keys.each_ref().map(String::as_str), 1e-6));
        }
        for (key, share, usd) in [
            ("input_cost_per_token_batches", self.batch.0, self.base[0]),
            (
                "output_cost_per_token_batches",
                self.batch.1.or(self.batch.0),
                self.base[1],
            ),
        ] {
            let price = share.map(|share| (1.0 - share) * usd.unwrap() * 1e-6);
            row.extend(price.map(|price| (key.to_owned(), json!(price))));
        }
        json!({"b": row})
    }

    /// As models.dev writes it, which knows neither batches nor hours.
    fn models_dev(&self) -> Value {
        let mut cost = fields(&self.base, &KEYS, 1.0);
        let tier = |(above, five): &(u64, Five)| {
            let mut tier = fields(five, &KEYS, 1.0);
            tier.insert("tier".to_owned(), json!({"type": "context", "size": above}));
            Value::Object(tier)
        };
        cost.insert("tiers".to_owned(), self.tiers.iter().map(tier).collect());
        json!({"a": {"models": {"b": {"cost": cost}}}})
    }
}

fn fields(five: &Five, keys: &[&str; 5], factor: f64) -> Map<String, Value> {
    let there = keys
        .iter()
        .zip(five)
        .filter_map(|(key, usd)| Some((key, (*usd)?)));
    there
        .map(|(key, usd)| ((*key).to_owned(), json!(usd * factor)))
        .collect()
}

/// Reads a list as the program does, from a file.
fn read(list: &Value, name: &str) -> Price {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.json"));
    std::fs::write(&path, list.to_string()).unwrap();
    let mut imported = Catalogue::read_prices(&path).unwrap();
    assert_eq!(imported.prices.len(), 1, "{list}");
    imported.prices.remove(0)
}

/// Cents, so that what lists write and what is computed agree.
fn cents() -> impl Strategy<Value = f64> {
    (1..5000_u32).prop_map(|cents| f64::from(cents) / 100.0)
}

fn five() -> impl Strategy<Value = Five> {
    let some = || cents().prop_map(Some);
    let maybe = || prop_oneof![Just(None), cents().prop_map(Some)];
    (some(), some(), maybe(), maybe(), maybe()).prop_map(|(a, b, c, d, e)| [a, b, c, d, e])
}

fn said() -> impl Strategy<Value = Said> {
    let share = || {
        prop_oneof![
            Just(None),
            (0..=20_u32).prop_map(|share| Some(f64::from(share) / 20.0))
        ]
    };
    (
        five(),
        proptest::collection::btree_map(1..400_u64, five(), 0..3),
        prop_oneof![Just(None), five().prop_map(Some)],
        share(),
        share(),
    )
        .prop_map(|(base, tiers, next, input, output)| Said {
            base,
            tiers: tiers
                .into_iter()
                .map(|(above, five)| (above * 1000, five))
                .collect(),
            next,
            batch: (input, if input.is_some() { output } else { None }),
        })
}

fn request() -> impl Strategy<Value = Request> {
    let tokens = || prop_oneof![Just(0.0), (0..200_000_u32).prop_map(f64::from)];
    (
        tokens(),
        tokens(),
        tokens(),
        tokens(),
        tokens(),
        any::<bool>(),
    )
        .prop_map(|(a, b, c, d, e, by_batch)| Request {
            tokens: [a, b, c, d, e],
            by_batch,
        })
}

fn near(ours: f64, theirs: f64, what: &str) -> Result<(), TestCaseError> {
    // LiteLLM's prices are rounded to a millionth of a dollar per million tokens.
    let slack = 1e-6 + theirs.abs() * 1e-5;
    prop_assert!((ours - theirs).abs() <= slack, "{what}: {ours} {theirs}");
    Ok(())
}

/// Each request alone, and all together at their mean rates.
fn agree(price: &Price, said: &Said, requests: &[Request], on: Date) -> Result<(), TestCaseError> {
    let entries: Vec<UsageEntry> = requests.iter().map(Request::entry).collect();
    for (entry, request) in entries.iter().zip(requests) {
        near(
            entry.cost_at(price, Some(on)).0,
            said.bill(request, on),
            "alone",
        )?;
    }
    let all: f64 = requests.iter().map(|request| said.bill(request, on)).sum();
    let blended = BlendedRates::new(&entries, price, Some(on));
    let volume = llm_cost::Volume {
        batch: blended.batch,
        ..UsageTotals::of(&entries).volume()
    };
    near(blended.rates.bill(&volume).0, all, "together")
}

proptest! {
    #[test]
    fn a_row_of_ours_bills_what_its_list_says(
        said in said(),
        requests in proptest::collection::vec(request(), 1..8),
        is_december in any::<bool>(),
    ) {
        let on = if is_december { date(2026, 12, 2) } else { date(2026, 11, 2) };
        agree(&read(&said.own(), "own"), &said, &requests, on)?;
    }

    #[test]
    fn a_row_of_another_list_bills_what_that_says(
        said in said(),
        requests in proptest::collection::vec(request(), 1..8),
    ) {
        let on = date(2026, 12, 2);
        let litellm = Said { next: None, ..said };
        agree(&read(&litellm.litellm(), "litellm"), &litellm, &requests, on)?;
        let without_hours = |five: Five| [five[0], five[1], five[2], five[3], None];
        let models_dev = Said {
            base: without_hours(litellm.base),
            tiers: litellm.tiers.iter().map(|(above, five)| (*above, without_hours(*five))).collect(),
            next: None,
            batch: (None, None),
        };
        agree(&read(&models_dev.models_dev(), "models_dev"), &models_dev, &requests, on)?;
    }
}

/// A list without batches does not take the discount away that a row had, and says so.
#[test]
fn a_discount_survives_a_list_that_cannot_say_it() {
    let list = json!({"openai": {"models": {"gpt-5": {"cost": {"input": 2, "output": 4}}}}});
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("discount.json");
    std::fs::write(&path, list.to_string()).unwrap();
    let mut catalogue = Catalogue::builtin().clone();
    let before = catalogue.price("openai/gpt-5").unwrap().batch_discount;
    assert!(before.is_some());
    assert_eq!(
        catalogue.add_prices(Catalogue::read_prices(&path).unwrap()),
        1
    );
    let price = catalogue.price("openai/gpt-5").unwrap();
    assert_eq!((price.input.0, price.batch_discount), (2.0, before));
}

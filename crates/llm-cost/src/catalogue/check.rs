//! Rows → what is wrong with them, in a sentence that names the row and the field. Rows of the user's
//! own and of other people's files pass here before anything is computed with them; so do the built-in
//! ones, in a test.

use std::collections::HashSet;

use super::find::Named;
use super::{
    CacheLayers, Catalogue, Electricity, File, LongPrompt, Machine, Model, NextPrice, Price,
    Profile, Quant,
};
use crate::dates;
use crate::units::UsdPerMtok;

/// More than any price, size or count of a row, and small enough that sums stay finite.
const MOST: f64 = 1e15;

/// What a number may be.
#[derive(Clone, Copy)]
pub(super) enum Range {
    Amount,
    Positive,
    Share,
}

use Range::{Amount, Positive, Share};

impl Range {
    fn holds(self, number: f64) -> bool {
        match self {
            Amount => (0.0..=MOST).contains(&number),
            Positive => number > 0.0 && number <= MOST,
            Share => (0.0..=1.0).contains(&number),
        }
    }

    fn words(self) -> &'static str {
        match self {
            Amount => "zero or more, up to 1e15",
            Positive => "more than zero, up to 1e15",
            Share => "from 0 to 1",
        }
    }
}

/// A field's name, its number where it has one, and what that may be.
pub(super) type Field = (&'static str, Option<f64>, Range);

/// A row that can be checked.
pub(super) trait Check: Named {
    /// The fields that are numbers.
    fn fields(&self) -> Vec<Field>;

    /// What else is wrong, without the row's name.
    fn beside(&self) -> Option<String> {
        None
    }

    /// Returns what is wrong with the row; nothing where all is well.
    fn fault(&self) -> Option<String> {
        if self.id().trim().is_empty() {
            return Some("a row has no name".to_owned());
        }
        let out = |&(name, number, range): &Field| {
            let number = number.filter(|number| !range.holds(*number))?;
            Some(format!("has {name} {number}; it must be {}", range.words()))
        };
        let fault = self.fields().iter().find_map(out).or_else(|| self.beside());
        fault.map(|fault| format!("'{}' {fault}", self.id()))
    }
}

/// Returns what is wrong with rows: the first fault of one, or a name that two of them have.
pub(super) fn rows<R: Check>(rows: &[R]) -> Option<String> {
    let twice = || {
        let mut names = HashSet::with_capacity(rows.len());
        let mut numbered = rows.iter().enumerate();
        let (index, row) =
            numbered.find(|(_, row)| !names.insert(row.id().to_ascii_lowercase()))?;
        Some(format!("row {} is '{}' again", index + 1, row.id()))
    };
    rows.iter().find_map(Check::fault).or_else(twice)
}

/// Below it no provider has ever charged for a million tokens: such a price is one of a single token.
const LEAST_USD_PER_MTOK: f64 = 1e-4;

/// More lengths of prompts than any provider tells apart.
const MOST_LENGTHS: usize = 32;

fn usd(name: &'static str, price: Option<UsdPerMtok>) -> Field {
    (name, price.map(|price| price.0), Amount)
}

impl Check for Price {
    fn fields(&self) -> Vec<Field> {
        let context = self.context.map(|tokens| tokens as f64);
        let mut fields = vec![
            usd("input", Some(self.input)),
            usd("output", Some(self.output)),
            usd("cache_read", self.cache_read),
            usd("cache_write", self.cache_write),
            usd("cache_write_1h", self.cache_write_1h),
            ("batch_discount", self.batch_discount, Share),
            ("batch_discount_output", self.batch_discount_output, Share),
            ("context", context, Positive),
        ];
        fields.extend(self.long_prompt.tiers().iter().flat_map(long_prompt));
        fields.extend(self.next.iter().flat_map(next));
        fields
    }

    fn beside(&self) -> Option<String> {
        let dearest = self.input.0.max(self.output.0);
        if dearest > 0.0 && dearest < LEAST_USD_PER_MTOK {
            return Some(format!(
                "has input {} and output {}, which looks like US dollars per token; write them per million \
                 tokens: {} and {}",
                self.input.0,
                self.output.0,
                rounded(self.input.0 * 1e6),
                rounded(self.output.0 * 1e6)
            ));
        }
        let tiers = self.long_prompt.tiers();
        if tiers.len() > MOST_LENGTHS {
            return Some(format!(
                "has {} prices of long prompts; it may have up to {MOST_LENGTHS}",
                tiers.len()
            ));
        }
        let same = tiers
            .windows(2)
            .find(|pair| pair[0].above_tokens == pair[1].above_tokens);
        if let Some([tier, _]) = same {
            return Some(format!("has two prices above {} tokens", tier.above_tokens));
        }
        let next = self.next.as_ref()?;
        dates::parse(&next.from).is_none().then(|| {
            format!(
                "has next.from '{}', which is no day; write it as 2026-12-01",
                next.from
            )
        })
    }
}

/// A number without the digits that a product of binary fractions leaves behind.
fn rounded(number: f64) -> f64 {
    (number * 1e9).round() / 1e9
}

fn long_prompt(long: &LongPrompt) -> [Field; 6] {
    let above = long.above_tokens as f64;
    [
        ("long_prompt.above_tokens", Some(above), Positive),
        usd("long_prompt.input", Some(long.input)),
        usd("long_prompt.output", Some(long.output)),
        usd("long_prompt.cache_read", long.cache_read),
        usd("long_prompt.cache_write", long.cache_write),
        usd("long_prompt.cache_write_1h", long.cache_write_1h),
    ]
}

fn next(next: &NextPrice) -> [Field; 5] {
    [
        usd("next.input", Some(next.input)),
        usd("next.output", Some(next.output)),
        usd("next.cache_read", next.cache_read),
        usd("next.cache_write", next.cache_write),
        usd("next.cache_write_1h", next.cache_write_1h),
    ]
}

impl Check for Machine {
    fn fields(&self) -> Vec<Field> {
        let host = self.host;
        vec![
            ("memory_gib", Some(self.memory_gib.0), Positive),
            ("usable_gib", Some(self.usable_gib.0), Positive),
            ("bandwidth_gbs", Some(self.bandwidth_gbs.0), Positive),
            ("tflops", self.tflops.map(|value| value.0), Positive),
            (
                "prefill_tflops",
                self.prefill_tflops.map(|value| value.0),
                Positive,
            ),
            ("price", self.price.map(|value| value.0), Amount),
            ("load_w", self.load_w.map(|value| value.0), Amount),
            ("idle_w", self.idle_w.map(|value| value.0), Amount),
            ("host.price", host.map(|host| host.price.0), Amount),
            ("host.load_w", host.map(|host| host.load_w.0), Amount),
            ("host.idle_w", host.map(|host| host.idle_w.0), Amount),
        ]
    }

    fn beside(&self) -> Option<String> {
        if self.usable_gib > self.memory_gib {
            return Some(format!(
                "has usable_gib {}, more than its memory_gib {}",
                self.usable_gib.0, self.memory_gib.0
            ));
        }
        let families = &Catalogue::builtin().families;
        if families.iter().any(|known| known.family == self.family) {
            return None;
        }
        let known: Vec<&str> = families.iter().map(|known| known.family.as_str()).collect();
        Some(format!(
            "has the family '{}', which the predictor does not know; it knows {}",
            self.family,
            known.join(", ")
        ))
    }
}

impl Check for Model {
    fn fields(&self) -> Vec<Field> {
        let mut fields = vec![
            ("params_b", Some(self.params_b), Positive),
            ("active_b", Some(self.active_b), Positive),
            ("layers", Some(f64::from(self.layers)), Positive),
            (
                "context",
                self.context.map(|tokens| tokens as f64),
                Positive,
            ),
            ("state_bytes", Some(self.state_bytes), Amount),
        ];
        fields.extend(
            self.files
                .iter()
                .map(|File { gib, .. }| ("files.gib", Some(gib.0), Positive)),
        );
        fields.extend(self.cache.iter().flat_map(cache_layers));
        fields
    }

    fn beside(&self) -> Option<String> {
        (self.active_b > self.params_b).then(|| {
            format!(
                "has active_b {}, more than its params_b {}",
                self.active_b, self.params_b
            )
        })
    }
}

fn cache_layers(part: &CacheLayers) -> [Field; 3] {
    [
        ("cache.layers", Some(f64::from(part.layers)), Positive),
        ("cache.elements", Some(part.elements), Positive),
        (
            "cache.window",
            part.window.map(|tokens| tokens as f64),
            Positive,
        ),
    ]
}

impl Check for Quant {
    fn fields(&self) -> Vec<Field> {
        vec![("bits", Some(self.bits), Positive)]
    }
}

impl Check for Electricity {
    fn fields(&self) -> Vec<Field> {
        vec![("usd_per_kwh", Some(self.usd_per_kwh.0), Amount)]
    }
}

impl Check for Profile {
    fn fields(&self) -> Vec<Field> {
        vec![
            ("input_mtok", Some(self.input_mtok), Amount),
            ("output_mtok", Some(self.output_mtok), Amount),
            ("cache_hit", Some(self.cache_hit), Share),
            ("cache_write", Some(self.cache_write), Share),
        ]
    }

    fn beside(&self) -> Option<String> {
        let cached = self.cache_hit + self.cache_write;
        (cached > 1.0 + 1e-9).then(|| {
            format!("has cache_hit and cache_write of together {cached}; they must be at most 1")
        })
    }
}

//! Rows → what is wrong with them, in a sentence that names the row and the field. Rows of the user's
//! own and of other people's files pass here before anything is computed with them; so do the built-in
//! ones, in a test.

use std::collections::HashSet;

use super::find::Named;
use super::{
    CacheLayers, Catalogue, Electricity, File, LongPrompt, Machine, Model, Price, Profile, Quant,
};
use crate::dates;

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

impl Check for Price {
    fn fields(&self) -> Vec<Field> {
        let mut fields = vec![
            ("input", Some(self.input.0), Amount),
            ("output", Some(self.output.0), Amount),
            ("cache_read", self.cache_read.map(|value| value.0), Amount),
            ("cache_write", self.cache_write.map(|value| value.0), Amount),
            (
                "cache_write_1h",
                self.cache_write_1h.map(|value| value.0),
                Amount,
            ),
            ("batch_discount", self.batch_discount, Share),
            (
                "context",
                self.context.map(|tokens| tokens as f64),
                Positive,
            ),
        ];
        fields.extend(self.long_prompt.iter().flat_map(long_prompt));
        if let Some(next) = &self.next {
            fields.extend([
                ("next.input", Some(next.input.0), Amount),
                ("next.output", Some(next.output.0), Amount),
                (
                    "next.cache_read",
                    next.cache_read.map(|value| value.0),
                    Amount,
                ),
            ]);
        }
        fields
    }

    fn beside(&self) -> Option<String> {
        let next = self.next.as_ref()?;
        dates::parse(&next.from).is_none().then(|| {
            format!(
                "has next.from '{}', which is no day; write it as 2026-12-01",
                next.from
            )
        })
    }
}

fn long_prompt(long: &LongPrompt) -> [Field; 6] {
    [
        (
            "long_prompt.above_tokens",
            Some(long.above_tokens as f64),
            Positive,
        ),
        ("long_prompt.input", Some(long.input.0), Amount),
        ("long_prompt.output", Some(long.output.0), Amount),
        (
            "long_prompt.cache_read",
            long.cache_read.map(|value| value.0),
            Amount,
        ),
        (
            "long_prompt.cache_write",
            long.cache_write.map(|value| value.0),
            Amount,
        ),
        (
            "long_prompt.cache_write_1h",
            long.cache_write_1h.map(|value| value.0),
            Amount,
        ),
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

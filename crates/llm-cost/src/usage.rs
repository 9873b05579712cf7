//! A log of usage, from records of several makers: our `completion` and `embedding` records, providers'
//! answers, batches and exports, ccusage's reports, spend logs and tables. Our `bench` records are kept
//! apart, since they are speeds and no usage. Everything else is passed over with a count.

mod answers;
mod blended;
mod buckets;
mod busy;
mod ccusage;
mod csv;
mod flat;
mod moment;
mod month;
mod once;
mod ours;
mod parse;
mod provider;
mod report;
mod speeds;

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::bill::{Rates, Volume};
use crate::catalogue::Price;
use crate::counted::counted;
use crate::record::Computer;
use crate::units::{Mtok, Seconds, TokensPerSecond, Usd};

pub use blended::BlendedRates;
pub use month::{Month, MonthError};
pub use report::{Group, GroupBy, Power};
pub use speeds::{MeasuredSpeeds, ModelQuery};

/// Days of a month: a year of 365 days in twelve parts.
pub const DAYS_PER_MONTH: f64 = 365.0 / 12.0;

/// Tokens of one record, or of one model on one day.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UsageEntry {
    /// Its time, in Unix seconds; the start of a span.
    pub timestamp: Option<i64>,
    /// Seconds of the span that it stands for; 0 for a moment.
    pub span: i64,
    /// The model's name.
    pub model: String,
    /// Its file, where that was said.
    pub file: String,
    /// Its quantization, where that was said.
    pub quant: String,
    /// Whether it came through a batch API.
    pub by_batch: bool,
    /// Requests, where they were counted.
    pub requests: u64,
    /// Input tokens, cached ones included.
    pub input: f64,
    /// Input tokens that were read from a cache.
    pub cached: f64,
    /// Input tokens that were written to a cache.
    pub written: f64,
    /// Those of them that were written for an hour.
    pub written_1h: f64,
    /// Output tokens.
    pub output: f64,
    /// Its share of the time that the machine worked here, in seconds.
    pub seconds: f64,
    /// Seconds from its start to its end, where the record does not say its share: others may have been
    /// answered at the same time.
    pub elapsed: Option<f64>,
    /// Energy that was measured, in joules.
    pub joules: Option<f64>,
    /// What was paid, where the record says so.
    pub paid: Option<Usd>,
    /// Whether what was paid for it is a part of another entry's, which stands for several models.
    pub is_paid_elsewhere: bool,
    /// What it used beside tokens that a price list has.
    pub unbilled: Vec<(Unbilled, f64)>,
    /// What tells it from other answers, where an answer may be written more than once.
    pub key: String,
    /// Whether this toolkit produced it here.
    pub is_local: bool,
    /// Tokens that were generated after the first and the machine's seconds for them: a measured rate.
    pub decode: (f64, f64),
    /// Prompt tokens that were computed and the machine's seconds for them.
    pub prefill: (f64, f64),
}

/// What was used and is not billed by a row of prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unbilled {
    /// Tokens of sound, taken as text.
    Audio,
    /// Tokens of pictures that were made, taken as text.
    Image,
    /// Searches of the web, left out.
    Search,
    /// Requests of a tier with another price: faster, or kept in one region.
    Tier,
}

impl Unbilled {
    /// Says how many there were and what became of them.
    fn sentence(self, count: f64) -> String {
        let (one, many, billed) = match self {
            Self::Audio => ("audio token", "audio tokens", "billed as text"),
            Self::Image => ("image token", "image tokens", "billed as text"),
            Self::Search => ("web search", "web searches", "not billed"),
            Self::Tier => (
                "request of a dearer tier",
                "requests of a dearer tier",
                "billed at the normal price",
            ),
        };
        format!("{}, {billed}", counted(count, one, many))
    }
}

/// A log of usage: all that was read of one input or of several.
#[derive(Clone, Debug, Default)]
pub struct UsageLog {
    /// What was used, in the order of the records.
    pub entries: Vec<UsageEntry>,
    /// `bench` records.
    pub benches: Vec<BenchSpeeds>,
    /// Records of other types, with how many there were.
    pub others: BTreeMap<String, u64>,
    /// Requests that failed.
    pub failed: u64,
    /// Lines that are no JSON.
    pub broken: u64,
    /// Records whose numbers make no sense.
    pub unsound: u64,
    /// The time that exports cover, in Unix seconds, used or not.
    pub covered: Option<(i64, i64)>,
    /// Whether an export says that more pages follow.
    pub more_pages: bool,
}

/// The speeds that a `bench` record measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BenchSpeeds {
    /// The model's name.
    pub model: String,
    /// Its file.
    pub file: String,
    /// Its quantization, where that was said.
    pub quant: String,
    /// What it was measured on.
    pub computer: Computer,
    /// Tokens in the context before.
    pub depth: f64,
    /// Sequences at once.
    pub parallel: u64,
    /// Generated tokens a second, of all sequences.
    pub decode: Option<TokensPerSecond>,
    /// Prompt tokens a second.
    pub prefill: Option<TokensPerSecond>,
    /// Whether a few layers were timed and scaled to the whole.
    pub is_extrapolated: bool,
    /// Whether the computer had too little memory for the whole.
    pub is_too_large: bool,
}

/// Sums over entries.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UsageTotals {
    /// Requests.
    pub requests: u64,
    /// Input tokens.
    pub input: f64,
    /// Input tokens from a cache.
    pub cached: f64,
    /// Input tokens into a cache.
    pub written: f64,
    /// Those of them that were written for an hour.
    pub written_1h: f64,
    /// Output tokens.
    pub output: f64,
    /// Tokens of both kinds that were asked for by batch.
    pub batched: f64,
    /// Tokens of both kinds that this toolkit worked through here, of records that say their time or
    /// energy.
    pub local: f64,
    /// Time that the machine worked here.
    pub seconds: f64,
    /// Energy, where every local use has one.
    pub joules: Option<f64>,
    /// What was paid.
    pub paid: Option<Usd>,
    /// Entries of clouds that do not say what was paid for them.
    pub unpaid: u64,
    /// Entries that do not say when they were.
    pub undated: u64,
    /// First moment and end of the last span, in Unix seconds.
    pub from_to: Option<(i64, i64)>,
}

impl UsageLog {
    /// Reads records: JSON values one after the other, each on one line or on several. A line that is no
    /// JSON is counted and does not end the reading.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut log = parse::read(text);
        log.settle();
        log
    }

    /// Puts what another reading brought behind this.
    pub fn add(&mut self, other: Self) {
        self.entries.extend(other.entries);
        self.benches.extend(other.benches);
        for (kind, count) in other.others {
            *self.others.entry(kind).or_default() += count;
        }
        self.failed += other.failed;
        self.broken += other.broken;
        self.unsound += other.unsound;
        if let Some((from, to)) = other.covered {
            self.cover(from, to);
        }
        self.more_pages |= other.more_pages;
        self.settle();
    }

    /// Does what needs all entries: leaves one of each answer, and shares the machine's time.
    fn settle(&mut self) {
        once::keep(&mut self.entries);
        busy::share(&mut self.entries);
    }

    /// Widens the time that exports cover.
    fn cover(&mut self, from: i64, to: i64) {
        let (first, last) = self.covered.unwrap_or((from, to));
        self.covered = Some((first.min(from), last.max(to)));
    }

    /// Says what was used that the sums bill otherwise than its provider does; nothing where all is tokens
    /// of text.
    #[must_use]
    pub fn unbilled(&self) -> Option<String> {
        let mut sums: BTreeMap<Unbilled, f64> = BTreeMap::new();
        for (what, count) in self.entries.iter().flat_map(|entry| &entry.unbilled) {
            *sums.entry(*what).or_default() += count;
        }
        let parts: Vec<String> = sums
            .iter()
            .map(|(what, count)| what.sentence(*count))
            .collect();
        (!parts.is_empty()).then(|| format!("with a price of their own: {}", parts.join("; ")))
    }

    /// Takes the speeds out, and counts them as records of another type: of no use where only tokens count.
    pub fn pass_over_benches(&mut self) {
        let count = std::mem::take(&mut self.benches).len() as u64;
        if count > 0 {
            *self.others.entry("bench".to_owned()).or_default() += count;
        }
    }

    /// Says what was passed over, and why; nothing where all was taken.
    #[must_use]
    pub fn passed_over(&self) -> Option<String> {
        let others = self.others.iter();
        let mut parts: Vec<String> = others
            .map(|(kind, count)| {
                let one = format!("'{kind}' record");
                counted(*count, &one, &format!("{one}s"))
            })
            .collect();
        if self.broken > 0 {
            parts.push(counted(
                self.broken,
                "line that is not JSON",
                "lines that are not JSON",
            ));
        }
        if self.unsound > 0 {
            parts.push(format!(
                "{} whose numbers make no sense (negative, too large, not numbers, more cached \
                 tokens than the prompt has, or faster than any computer)",
                counted(self.unsound, "record", "records")
            ));
        }
        if self.failed > 0 {
            parts.push(counted(self.failed, "failed request", "failed requests"));
        }
        (!parts.is_empty()).then(|| format!("skipped: {}", parts.join(", ")))
    }

    /// Whether nothing of use was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.benches.is_empty()
    }
}

impl UsageEntry {
    /// Whether it ran here and the record says neither its time nor its energy, as those of embeddings.
    #[must_use]
    pub fn is_untimed(&self) -> bool {
        self.is_local && self.seconds <= 0.0 && self.joules.is_none()
    }

    /// Returns what it would have cost at a price: one request at that of its prompt's length, and a
    /// batch with the discount.
    #[must_use]
    pub fn cost_at(&self, price: &Price, on: Option<Date>) -> Usd {
        UsageTotals::of([self]).cost_at(&price.rates(on, self.prompt()))
    }

    /// Returns the length of its prompt, where it is one request and no sum of several.
    #[must_use]
    pub fn prompt(&self) -> Option<f64> {
        (self.requests == 1).then_some(self.input)
    }
}

impl UsageTotals {
    /// Adds up entries.
    pub fn of<'a>(entries: impl IntoIterator<Item = &'a UsageEntry>) -> Self {
        let mut totals = Self::default();
        let mut unmeasured = false;
        // Entries whose cost is a part of another's, and whether that one is here.
        let (mut elsewhere, mut has_rest) = (0, false);
        for entry in entries {
            totals.requests += entry.requests;
            totals.input += entry.input;
            totals.cached += entry.cached;
            totals.written += entry.written;
            totals.written_1h += entry.written_1h;
            totals.output += entry.output;
            let total = entry.input + entry.output;
            totals.batched += if entry.by_batch { total } else { 0.0 };
            let is_known = entry.is_local && !entry.is_untimed();
            totals.local += if is_known { total } else { 0.0 };
            totals.seconds += entry.seconds;
            unmeasured |= entry.is_local && entry.joules.is_none();
            if let Some(joules) = entry.joules {
                *totals.joules.get_or_insert(0.0) += joules;
            }
            if let Some(paid) = entry.paid {
                totals.paid = Some(totals.paid.unwrap_or_default() + paid);
            }
            elsewhere += u64::from(entry.paid.is_none() && entry.is_paid_elsewhere);
            has_rest |= entry.paid.is_some() && entry.is_paid_elsewhere;
            let is_unpaid = entry.paid.is_none() && !entry.is_paid_elsewhere && !entry.is_local;
            totals.unpaid += u64::from(is_unpaid && total > 0.0);
            totals.undated += u64::from(entry.timestamp.is_none() && total > 0.0);
            if let Some(start) = entry.timestamp {
                let end = start.saturating_add(entry.span);
                let (from, to) = totals.from_to.unwrap_or((start, end));
                totals.from_to = Some((from.min(start), to.max(end)));
            }
        }
        if unmeasured {
            totals.joules = None;
        }
        totals.unpaid += if has_rest { 0 } else { elsewhere };
        totals
    }

    /// Returns the seconds from the first moment to the last.
    #[must_use]
    pub fn span(&self) -> Option<Seconds> {
        self.from_to
            .map(|(from, to)| Seconds((to as f64) - (from as f64)))
    }

    /// Returns the volume as it is, its cached shares too.
    #[must_use]
    pub fn volume(&self) -> Volume {
        let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        Volume {
            input: Mtok(self.input / 1e6),
            output: Mtok(self.output / 1e6),
            cache_hit: share(self.cached, self.input),
            cache_write: share(self.written, self.input),
            cache_write_1h: share(self.written_1h, self.input),
            batch: share(self.batched, self.input + self.output),
        }
    }

    /// Returns the volume of a month, where this is that of so many days.
    #[must_use]
    pub fn per_month(&self, days: f64) -> Volume {
        self.volume().times(DAYS_PER_MONTH / days)
    }

    /// Returns what it would have cost at a price.
    #[must_use]
    pub fn cost_at(&self, rates: &Rates) -> Usd {
        rates.bill(&self.volume())
    }
}

/// Returns the day of a moment, in UTC, as `2026-11-24`.
#[must_use]
pub fn day(timestamp: i64) -> Option<String> {
    let time = Timestamp::from_second(timestamp).ok()?;
    Some(time.strftime("%Y-%m-%d").to_string())
}

#[cfg(test)]
mod tests;

//! Entries of the log → the rates at which all of them together are billed. A cloud may ask more for long prompts, and
//! which of its prices holds is a matter of each request; a payback is computed with one price list, so the
//! lists are mixed in proportion, and the sum is that of the single bills.

use jiff::civil::Date;

use super::UsageEntry;
use crate::bill::Rates;
use crate::catalogue::Price;
use crate::units::UsdPerMtok;

/// The rates that a set of entries is billed at.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BlendedRates {
    /// The rates of all together.
    pub rates: Rates,
    /// Share of the bill before discounts that was asked for by batch.
    pub batch: f64,
    /// Requests whose prompts are billed as long ones.
    pub long: u64,
    /// Uses that may be several requests, so that no length of a prompt is known; billed as short ones.
    pub unknown: u64,
}

/// Tokens that have a price of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Tokens {
    fresh: f64,
    cached: f64,
    written: f64,
    output: f64,
}

impl Tokens {
    fn of(entry: &UsageEntry) -> Self {
        Self {
            fresh: entry.input - entry.cached - entry.written,
            cached: entry.cached,
            written: entry.written,
            output: entry.output,
        }
    }

    fn add(&mut self, other: Self) {
        self.fresh += other.fresh;
        self.cached += other.cached;
        self.written += other.written;
        self.output += other.output;
    }

    fn input(&self) -> f64 {
        self.fresh + self.cached + self.written
    }

    /// Millionths of US dollars, without discounts.
    fn bill(&self, rates: &Rates) -> f64 {
        self.fresh * rates.input.0
            + self.cached * rates.cache_read.0
            + self.written * rates.cache_write.0
            + self.output * rates.output.0
    }
}

impl BlendedRates {
    /// Mixes a price's rates for these entries; without any they are those of short prompts.
    #[must_use]
    pub fn new<'a>(
        entries: impl IntoIterator<Item = &'a UsageEntry>,
        price: &Price,
        on: Option<Date>,
    ) -> Self {
        let rates = [None, Some(f64::INFINITY)].map(|prompt| price.rates(on, prompt));
        let mut tokens = [Tokens::default(); 2];
        let mut by_batch = 0.0;
        let mut blended = Self::default();
        for entry in entries {
            let prompt = entry.prompt();
            let is_long = prompt.is_some_and(|prompt| price.is_long(prompt));
            blended.long += u64::from(is_long);
            blended.unknown += u64::from(prompt.is_none());
            let own = Tokens::of(entry);
            let [short, long] = &mut tokens;
            let (sum, rates) = if is_long {
                (long, &rates[1])
            } else {
                (short, &rates[0])
            };
            sum.add(own);
            if entry.by_batch {
                by_batch += own.bill(rates);
            }
        }
        let whole = tokens[0].bill(&rates[0]) + tokens[1].bill(&rates[1]);
        Self {
            rates: mixed(&tokens, &rates),
            batch: if whole > 0.0 {
                (by_batch / whole).min(1.0)
            } else {
                0.0
            },
            ..blended
        }
    }
}

/// Returns each rate as the mean of both lists, weighted by the tokens that it is asked for; where there
/// are none of them, by the input.
fn mixed(tokens: &[Tokens; 2], rates: &[Rates; 2]) -> Rates {
    let share = |part: fn(&Tokens) -> f64| {
        let both = tokens.each_ref().map(part);
        let all = both[0] + both[1];
        (all > 0.0).then(|| both[1] / all)
    };
    let input = share(Tokens::input).unwrap_or(0.0);
    let mix = |part: fn(&Tokens) -> f64, rate: fn(&Rates) -> UsdPerMtok| {
        let long = share(part).unwrap_or(input);
        rate(&rates[0]) * (1.0 - long) + rate(&rates[1]) * long
    };
    Rates {
        input: mix(|tokens| tokens.fresh, |rates| rates.input),
        cache_read: mix(|tokens| tokens.cached, |rates| rates.cache_read),
        cache_write: mix(|tokens| tokens.written, |rates| rates.cache_write),
        output: mix(|tokens| tokens.output, |rates| rates.output),
        batch_discount: rates[0].batch_discount,
    }
}

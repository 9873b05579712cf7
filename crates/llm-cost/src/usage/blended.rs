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
    /// Share of the bill before discounts that was asked for by batch; the rates' discounts are the mean of
    /// what it got.
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
    written_1h: f64,
    output: f64,
}

impl Tokens {
    fn of(entry: &UsageEntry) -> Self {
        Self {
            fresh: entry.input - entry.cached - entry.written,
            cached: entry.cached,
            written: entry.written - entry.written_1h,
            written_1h: entry.written_1h,
            output: entry.output,
        }
    }

    fn add(&mut self, other: Self) {
        self.fresh += other.fresh;
        self.cached += other.cached;
        self.written += other.written;
        self.written_1h += other.written_1h;
        self.output += other.output;
    }

    fn input(&self) -> f64 {
        self.fresh + self.cached + self.written + self.written_1h
    }

    /// Millionths of US dollars, without discounts: of input and of output.
    fn bill(&self, rates: &Rates) -> [f64; 2] {
        let input = self.fresh * rates.input.0
            + self.cached * rates.cache_read.0
            + self.written * rates.cache_write.0
            + self.written_1h * rates.cache_write_1h.0;
        [input, self.output * rates.output.0]
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
        let tiers = 0..=price.long_prompt.tiers().len();
        let rates: Vec<Rates> = tiers.map(|tier| price.tier_rates(on, tier)).collect();
        let mut tokens = vec![Tokens::default(); rates.len()];
        let mut by_batch = [0.0; 2];
        let mut blended = Self::default();
        for entry in entries {
            let prompt = entry.prompt();
            let tier = prompt.map_or(0, |prompt| price.tier(prompt));
            blended.long += u64::from(tier > 0);
            blended.unknown += u64::from(prompt.is_none());
            let own = Tokens::of(entry);
            let (Some(sum), Some(rates)) = (tokens.get_mut(tier), rates.get(tier)) else {
                continue;
            };
            sum.add(own);
            if entry.by_batch {
                let [input, output] = own.bill(rates);
                by_batch[0] += input;
                by_batch[1] += output;
            }
        }
        let bills = tokens
            .iter()
            .zip(&rates)
            .map(|(tokens, rates)| tokens.bill(rates));
        let whole: f64 = bills.flatten().sum();
        let batch: f64 = by_batch.iter().sum();
        Self {
            rates: discounted(mixed(&tokens, &rates), by_batch),
            batch: if whole > 0.0 {
                (batch / whole).min(1.0)
            } else {
                0.0
            },
            ..blended
        }
    }
}

/// Gives the discounts of both kinds of tokens the mean of what was asked for by batch: a share of the whole
/// bill does not say of which kind it is.
fn discounted(rates: Rates, [input, output]: [f64; 2]) -> Rates {
    let batch = input + output;
    if batch <= 0.0 {
        return rates;
    }
    let mean = (input * rates.batch_discount + output * rates.batch_discount_output) / batch;
    Rates {
        batch_discount: mean,
        batch_discount_output: mean,
        ..rates
    }
}

/// Returns each rate as the mean of all lists, weighted by the tokens that it is asked for; where there
/// are none of them, by the input.
fn mixed(tokens: &[Tokens], rates: &[Rates]) -> Rates {
    let Some(short) = rates.first() else {
        return Rates::default();
    };
    let sum = |part: fn(&Tokens) -> f64| tokens.iter().map(part).sum::<f64>();
    let mix = |part: fn(&Tokens) -> f64, rate: fn(&Rates) -> UsdPerMtok| {
        let kinds: [fn(&Tokens) -> f64; 2] = [part, Tokens::input];
        let weighed = kinds.into_iter().find(|part| sum(*part) > 0.0);
        weighed.map_or(rate(short), |part| {
            let all = sum(part);
            let both = tokens.iter().zip(rates);
            UsdPerMtok(
                both.map(|(tokens, rates)| rate(rates).0 * (part(tokens) / all))
                    .sum(),
            )
        })
    };
    Rates {
        input: mix(|tokens| tokens.fresh, |rates| rates.input),
        cache_read: mix(|tokens| tokens.cached, |rates| rates.cache_read),
        cache_write: mix(|tokens| tokens.written, |rates| rates.cache_write),
        cache_write_1h: mix(|tokens| tokens.written_1h, |rates| rates.cache_write_1h),
        output: mix(|tokens| tokens.output, |rates| rates.output),
        ..*short
    }
}

//! Uses → the rates at which all of them together are billed. A cloud may ask more for long prompts, and
//! which of its prices holds is a matter of each request; a payback reckons with one price list, so the
//! lists are mixed in proportion, and the sum is that of the single bills.

use jiff::civil::Date;

use super::Use;
use crate::bill::Rates;
use crate::catalogue::Price;
use crate::units::UsdPerMtok;

/// What uses are billed at.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Billed {
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
    fn of(one: &Use) -> Self {
        Self {
            fresh: one.input - one.cached - one.written,
            cached: one.cached,
            written: one.written,
            output: one.output,
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

impl Billed {
    /// Mixes a price's rates for these uses; without any they are those of short prompts.
    #[must_use]
    pub fn new<'a>(
        uses: impl IntoIterator<Item = &'a Use>,
        price: &Price,
        on: Option<Date>,
    ) -> Self {
        let at = |prompt| price.rates(on, prompt);
        let rates = [at(None), at(Some(f64::INFINITY))];
        let mut of = [Tokens::default(); 2];
        let mut by_batch = 0.0;
        let mut billed = Self::default();
        for one in uses {
            let prompt = one.prompt();
            let is_long = prompt.is_some_and(|prompt| price.is_long(prompt));
            billed.long += u64::from(is_long);
            billed.unknown += u64::from(prompt.is_none());
            let tokens = Tokens::of(one);
            let [short, long] = &mut of;
            let (sum, rates) = if is_long {
                (long, &rates[1])
            } else {
                (short, &rates[0])
            };
            sum.add(tokens);
            if one.by_batch {
                by_batch += tokens.bill(rates);
            }
        }
        let whole = of[0].bill(&rates[0]) + of[1].bill(&rates[1]);
        Self {
            rates: mixed(&of, &rates),
            batch: if whole > 0.0 {
                (by_batch / whole).min(1.0)
            } else {
                0.0
            },
            ..billed
        }
    }
}

/// Returns each rate as the mean of both lists, weighted by the tokens that it is asked for; where there
/// are none of them, by the input.
fn mixed(of: &[Tokens; 2], rates: &[Rates; 2]) -> Rates {
    let share = |tokens: fn(&Tokens) -> f64| {
        let both = of.each_ref().map(tokens);
        let all = both[0] + both[1];
        (all > 0.0).then(|| both[1] / all)
    };
    let input = share(Tokens::input).unwrap_or(0.0);
    let mix = |tokens: fn(&Tokens) -> f64, rate: fn(&Rates) -> UsdPerMtok| {
        let long = share(tokens).unwrap_or(input);
        rate(&rates[0]) * (1.0 - long) + rate(&rates[1]) * long
    };
    Rates {
        input: mix(|it| it.fresh, |it| it.input),
        cache_read: mix(|it| it.cached, |it| it.cache_read),
        cache_write: mix(|it| it.written, |it| it.cache_write),
        output: mix(|it| it.output, |it| it.output),
        batch_discount: rates[0].batch_discount,
    }
}

//! Sums of money over months: when savings have paid for a price, and what they are worth today.
//!
//! Savings come at the end of each month. Where the cloud's price falls, the first month is at today's
//! price and every later one at `1 - fall` of the one before.

use crate::units::{Months, Usd, UsdPerMonth};

/// Months after which nobody waits any more: a thousand years.
const LONGEST: u32 = 12_000;

/// A price once, and what comes and goes each month after it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Flow {
    /// What is paid at the start.
    pub price: Usd,
    /// What is no longer paid to the cloud each month.
    pub avoided: UsdPerMonth,
    /// What is paid each month instead.
    pub running: UsdPerMonth,
    /// Share by which the cloud's price falls each month.
    pub fall: f64,
}

/// Returns the rate of a month that makes this rate of a year.
#[must_use]
pub fn monthly(yearly: f64) -> f64 {
    (1.0 + yearly).powf(1.0 / 12.0) - 1.0
}

impl Flow {
    /// Returns what is saved in the first month.
    #[must_use]
    pub fn saving(&self) -> UsdPerMonth {
        self.avoided - self.running
    }

    /// Returns what is saved in a month, from 0.
    fn saving_in(&self, month: u32) -> f64 {
        self.avoided.0 * (1.0 - self.fall).powf(f64::from(month)) - self.running.0
    }

    /// Returns when the savings, worth less by `rate` each month, have paid the price; nothing where they
    /// never do, and at once where there is nothing to pay and something to save.
    #[must_use]
    pub fn payback(&self, rate: f64) -> Option<Months> {
        let (price, saving) = (self.price.0, self.saving().0);
        if saving <= 0.0 {
            return None;
        }
        if price <= 0.0 {
            return Some(Months(0.0));
        }
        if self.fall > 0.0 {
            return self.payback_by_month(rate);
        }
        if rate <= 0.0 {
            return Some(Months(price / saving));
        }
        let left = 1.0 - price * rate / saving;
        (left > 0.0).then(|| Months(-left.ln() / rate.ln_1p()))
    }

    /// The same month by month; within a month the saving comes evenly.
    fn payback_by_month(&self, rate: f64) -> Option<Months> {
        let mut owed = self.price.0;
        for month in 0..LONGEST {
            let saving = self.saving_in(month) / (1.0 + rate).powf(f64::from(month + 1));
            if saving <= 0.0 {
                return None;
            }
            if saving >= owed {
                return Some(Months(f64::from(month) + owed / saving));
            }
            owed -= saving;
        }
        None
    }

    /// Returns the mean of what is saved in a month over so many whole months, at least one, each month
    /// weighted by what money is worth then.
    #[must_use]
    pub fn mean_saving(&self, months: u32, rate: f64) -> UsdPerMonth {
        if self.fall <= 0.0 {
            return self.saving();
        }
        let (mut savings, mut weights) = (0.0, 0.0);
        for month in 0..months.clamp(1, LONGEST) {
            let weight = (1.0 + rate).powf(-f64::from(month + 1));
            savings += weight * self.saving_in(month);
            weights += weight;
        }
        UsdPerMonth(savings / weights)
    }

    /// Returns what all is worth today after so many whole months, with what the machine sells for then.
    #[must_use]
    pub fn present_value(&self, months: u32, resale: Usd, rate: f64) -> Usd {
        let worth = |sum: f64, month: u32| sum / (1.0 + rate).powf(f64::from(month));
        let months = months.min(LONGEST);
        let savings: f64 = (0..months)
            .map(|month| worth(self.saving_in(month), month + 1))
            .sum();
        Usd(savings + worth(resale.0, months) - self.price.0)
    }

    /// Returns the yearly rate at which all is worth nothing, between -99 % and 10,000 %; nothing where
    /// there is none.
    #[must_use]
    pub fn internal_rate(&self, months: u32, resale: Usd) -> Option<f64> {
        let worth = |yearly: f64| self.present_value(months, resale, monthly(yearly)).0;
        let (mut low, mut high) = (-0.99, 100.0);
        if self.price.0 <= 0.0 || worth(low) <= 0.0 || worth(high) >= 0.0 {
            return None;
        }
        for _ in 0..80 {
            let middle = (low + high) / 2.0;
            if worth(middle) > 0.0 {
                low = middle;
            } else {
                high = middle;
            }
        }
        Some(low)
    }
}

/// Returns what a price is each month over a lifetime with interest, less what it sells for at the end.
#[must_use]
pub fn capital(price: Usd, resale: Usd, months: f64, rate: f64) -> UsdPerMonth {
    if months <= 0.0 {
        return UsdPerMonth(0.0);
    }
    if rate <= 0.0 {
        return UsdPerMonth((price.0 - resale.0) / months);
    }
    let end = (1.0 + rate).powf(-months);
    UsdPerMonth((price.0 - resale.0 * end) * rate / (1.0 - end))
}

/// Returns the share of a computer's price that it sells for after so many months, by what British
/// dealers paid in February 2026 (`MacFinder`): half is lost in the first year; a straight line between
/// the years, and to nothing in the seventh.
#[must_use]
pub fn resale_share(months: f64) -> f64 {
    const YEARS: [(f64, f64); 6] = [
        (0.0, 1.0),
        (12.0, 0.50),
        (24.0, 0.42),
        (36.0, 0.38),
        (48.0, 0.28),
        (84.0, 0.0),
    ];
    let pairs = YEARS.iter().zip(YEARS.iter().skip(1));
    let between = pairs.into_iter().find(|(_, end)| months <= end.0);
    between.map_or(0.0, |(start, end)| {
        start.1 + (end.1 - start.1) * (months.max(0.0) - start.0) / (end.0 - start.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(price: f64, avoided: f64, running: f64, fall: f64) -> Flow {
        Flow {
            price: Usd(price),
            avoided: UsdPerMonth(avoided),
            running: UsdPerMonth(running),
            fall,
        }
    }

    /// A loan of 1,000 at 1 % a month takes 11.99 payments of 89.
    #[test]
    fn discounted_payback_is_that_of_a_loan() {
        let months = flow(1000.0, 100.0, 11.0, 0.0).payback(0.01).unwrap().0;
        let left = 1000.0 - 89.0 * (1.0 - 1.01_f64.powf(-months)) / 0.01;
        assert!(left.abs() < 1e-9, "{months}: {left}");
        assert_eq!(flow(1000.0, 10.0, 0.0, 0.0).payback(0.01), None);
    }

    #[test]
    fn month_by_month_agrees_with_the_formula() {
        let nearly = flow(1000.0, 100.0, 11.0, 1e-12);
        for rate in [0.0, 0.004, 0.02] {
            let formula = flow(1000.0, 100.0, 11.0, 0.0).payback(rate).unwrap().0;
            let counted = nearly.payback(rate).unwrap().0;
            assert!((formula - counted).abs() < 0.02, "{formula} {counted}");
        }
    }

    #[test]
    fn worth_and_rate_belong_together() {
        let flow = flow(1000.0, 100.0, 11.0, 0.01);
        let rate = flow.internal_rate(24, Usd(200.0)).unwrap();
        assert!(flow.present_value(24, Usd(200.0), monthly(rate)).0.abs() < 1e-6);
        assert!(flow.present_value(24, Usd(200.0), 0.0).0 > 0.0);
        assert_eq!(flow.internal_rate(0, Usd(0.0)), None);
    }

    /// A saving of 89 in the first month, 79 in the second.
    #[test]
    fn a_falling_price_lowers_the_mean_saving() {
        let falling = flow(1000.0, 100.0, 11.0, 0.1);
        assert_eq!(falling.mean_saving(2, 0.0), UsdPerMonth(84.0));
        assert!(falling.mean_saving(2, 0.5).0 > 84.0);
        assert_eq!(
            flow(1000.0, 100.0, 11.0, 0.0).mean_saving(9, 0.5),
            UsdPerMonth(89.0)
        );
    }

    #[test]
    fn resale_falls_from_the_price_to_nothing() {
        let shares = [0.0, 6.0, 12.0, 36.0, 84.0, 200.0].map(resale_share);
        assert_eq!(shares, [1.0, 0.75, 0.5, 0.38, 0.0, 0.0]);
    }

    #[test]
    fn capital_pays_the_price_off() {
        let a_month = capital(Usd(1000.0), Usd(200.0), 24.0, 0.01);
        let paying = flow(1000.0, a_month.0, 0.0, 0.0);
        assert!(paying.present_value(24, Usd(200.0), 0.01).0.abs() < 1e-9);
        assert_eq!(
            capital(Usd(1000.0), Usd(280.0), 24.0, 0.0),
            UsdPerMonth(30.0)
        );
    }
}

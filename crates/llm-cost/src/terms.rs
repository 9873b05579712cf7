//! Everything that a verdict depends on, and which numbers make sense there.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::bill::{Rates, Volume};
use crate::units::{
    HOURS_PER_MONTH, Hours, Months, TokensPerSecond, Usd, UsdPerHour, UsdPerKwh, UsdPerMonth, Watts,
};

/// Everything that a verdict depends on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Terms {
    /// Tokens of one user a month.
    #[serde(flatten)]
    pub volume: Volume,
    /// Users who share the machine.
    pub team: f64,
    /// What the cloud charges for a million tokens.
    pub rates: Rates,
    /// Share by which the cloud's prices fall each month.
    pub cloud_fall_per_month: f64,
    /// Share of the work that goes to the cloud all the same, after it was tried here.
    pub escalated: f64,
    /// Generated tokens a second.
    pub decode_tps: TokensPerSecond,
    /// Prompt tokens a second.
    pub prefill_tps: TokensPerSecond,
    /// Share of the input that the machine's own prefix cache holds.
    pub local_cache_hit: f64,
    /// How many times as much is done where requests are batched.
    pub batching: f64,
    /// Hours of a month in which the machine can work.
    pub available_hours: Hours,
    /// Highest share of them that it may be busy.
    pub duty_cap: f64,
    /// Price of the machine, all included.
    pub machine_price_usd: Usd,
    /// Price of the machine that would be bought anyway.
    pub alternative_price_usd: Usd,
    /// Hours to set it up.
    pub setup_hours: Hours,
    /// What such an hour costs.
    pub setup_usd_per_hour: UsdPerHour,
    /// What is paid for upkeep.
    pub upkeep_usd_per_month: UsdPerMonth,
    /// Power of the machine at work.
    pub load_watts: Watts,
    /// Power of the machine when idle.
    pub idle_watts: Watts,
    /// Share of the idle power that counts here.
    pub idle_share: f64,
    /// Hours of a month in which the machine is on; 0 where only while it works.
    pub on_hours: Hours,
    /// Price of electricity.
    pub usd_per_kwh: UsdPerKwh,
    /// Interest per year, as a share.
    pub discount_rate: f64,
    /// Months that the machine is kept, for what it is worth by then.
    pub lifetime_months: Months,
    /// Share of its price that it sells for then.
    pub resale_share: f64,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            volume: Volume::default(),
            team: 1.0,
            rates: Rates::default(),
            cloud_fall_per_month: 0.0,
            escalated: 0.0,
            decode_tps: TokensPerSecond(0.0),
            prefill_tps: TokensPerSecond(0.0),
            local_cache_hit: 0.0,
            batching: 1.0,
            available_hours: HOURS_PER_MONTH,
            duty_cap: 0.9,
            machine_price_usd: Usd(0.0),
            alternative_price_usd: Usd(0.0),
            setup_hours: Hours(0.0),
            setup_usd_per_hour: UsdPerHour(0.0),
            upkeep_usd_per_month: UsdPerMonth(0.0),
            load_watts: Watts(0.0),
            idle_watts: Watts(0.0),
            idle_share: 1.0,
            on_hours: Hours(0.0),
            usd_per_kwh: UsdPerKwh(0.0),
            discount_rate: 0.08,
            lifetime_months: Months(36.0),
            resale_share: 0.38,
        }
    }
}

/// A term that makes no sense.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{name} is {value}; it must be {range}")]
pub struct TermsError {
    /// The term, in a reader's words.
    pub name: &'static str,
    /// Its value.
    pub value: f64,
    /// The range that it may lie in.
    pub range: &'static str,
}

impl Terms {
    /// Refuses numbers that make no sense.
    ///
    /// # Errors
    /// [`TermsError`] for the first one.
    pub fn check(&self) -> Result<(), TermsError> {
        let (amounts, shares) = (self.amounts(), self.shares());
        let positive = [
            ("the decode speed", self.decode_tps.0),
            ("the prefill speed", self.prefill_tps.0),
            ("the speed-up of batching", self.batching),
            ("the team", self.team),
            ("the lifetime", self.lifetime_months.0),
        ];
        let hours = [
            ("the available hours a month", self.available_hours.0),
            ("the hours on a month", self.on_hours.0),
        ];
        within(&amounts, |value| value >= 0.0, "zero or more")?;
        within(
            &shares,
            |value| (0.0..=1.0 + 1e-9).contains(&value),
            "from 0 to 1",
        )?;
        within(&positive, |value| value > 0.0, "more than zero")?;
        within(
            &hours,
            |value| (0.0..=744.0).contains(&value),
            "from 0 to 744",
        )?;
        within(&hours[..1], |value| value > 0.0, "more than zero")
    }

    /// The terms that may be anything from zero up.
    fn amounts(&self) -> Vec<(&'static str, f64)> {
        let (volume, rates) = (&self.volume, &self.rates);
        vec![
            ("the input volume", volume.input.0),
            ("the output volume", volume.output.0),
            ("the cloud's input price", rates.input.0),
            ("the cloud's output price", rates.output.0),
            ("the cloud's price of cached input", rates.cache_read.0),
            (
                "the cloud's price of input into the cache",
                rates.cache_write.0,
            ),
            (
                "the cloud's price of input into the cache for an hour",
                rates.cache_write_1h.0,
            ),
            ("the machine's price", self.machine_price_usd.0),
            (
                "the price of the machine bought anyway",
                self.alternative_price_usd.0,
            ),
            ("the set-up time", self.setup_hours.0),
            ("the price of a set-up hour", self.setup_usd_per_hour.0),
            ("the upkeep", self.upkeep_usd_per_month.0),
            ("the power at work", self.load_watts.0),
            ("the power when idle", self.idle_watts.0),
            ("the price of power", self.usd_per_kwh.0),
            ("the discount rate", self.discount_rate),
        ]
    }

    /// The terms that are shares.
    fn shares(&self) -> Vec<(&'static str, f64)> {
        let (volume, rates) = (&self.volume, &self.rates);
        vec![
            ("the cloud's share of cache hits", volume.cache_hit),
            ("the cloud's share of cache writes", volume.cache_write),
            (
                "the sum of cache hits and writes",
                volume.cache_hit + volume.cache_write,
            ),
            (
                "the cloud's share of cache writes for an hour",
                volume.cache_write_1h,
            ),
            (
                "the share of cache writes for some minutes",
                volume.cache_write - volume.cache_write_1h,
            ),
            ("the share of batches", volume.batch),
            ("the batch discount", rates.batch_discount),
            ("the batch discount on output", rates.batch_discount_output),
            ("the cloud's fall of prices", self.cloud_fall_per_month),
            ("the escalated share", self.escalated),
            ("the machine's share of cache hits", self.local_cache_hit),
            ("the idle share", self.idle_share),
            ("the resale share", self.resale_share),
            ("the highest duty", self.duty_cap),
        ]
    }
}

fn within(
    terms: &[(&'static str, f64)],
    good: impl Fn(f64) -> bool,
    range: &'static str,
) -> Result<(), TermsError> {
    let bad = terms
        .iter()
        .find(|(_, value)| !value.is_finite() || !good(*value));
    match bad {
        Some(&(name, value)) => Err(TermsError { name, value, range }),
        None => Ok(()),
    }
}

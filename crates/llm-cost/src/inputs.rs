//! What the user supplies of a payback. What is not supplied comes from records, from rows of the catalogue
//! or, at last, from an assumption that the answer names.

use crate::units::{
    Hours, Months, TokensPerSecond, Usd, UsdPerHour, UsdPerKwh, UsdPerMonth, Watts,
};

/// What the user supplies; `None` where a record or a row is to say it.
#[derive(Clone, Debug, PartialEq)]
pub struct Inputs {
    /// Share of the input that the cloud reads from its cache, 0 to 1.
    pub cache_hit: Option<f64>,
    /// Share of the input that is written to the cloud's cache, 0 to 1.
    pub cache_write: Option<f64>,
    /// The part of that share which is written for an hour.
    pub cache_write_1h: Option<f64>,
    /// Share of the work that the cloud may do by batch, 0 to 1.
    pub batch: Option<f64>,
    /// Users who share the machine.
    pub team: u32,

    /// Length of a prompt in tokens, for clouds that ask more for long ones.
    pub prompt_tokens: Option<f64>,
    /// Share by which the cloud's prices fall each month.
    pub cloud_fall: f64,
    /// Share of the work that goes to the cloud all the same, after it was tried here.
    pub escalated: f64,

    /// Price of the machine, all included.
    pub machine_price: Option<Usd>,
    /// Power at work.
    pub load_watts: Option<Watts>,
    /// Power when idle.
    pub idle_watts: Option<Watts>,
    /// Share of the idle power that counts here.
    pub idle_share: f64,
    /// Hours of a month in which the machine is on; 0 where only while it works.
    pub on_hours: Hours,
    /// Region whose price of electricity holds, where `usd_per_kwh` does not say it.
    pub region: String,
    /// Price of electricity.
    pub usd_per_kwh: Option<UsdPerKwh>,
    /// Generated tokens a second.
    pub decode_tps: Option<TokensPerSecond>,
    /// Prompt tokens a second.
    pub prefill_tps: Option<TokensPerSecond>,
    /// Tokens in the context.
    pub context_tokens: f64,
    /// Share of the input that the machine's own prefix cache holds, 0 to 1.
    pub local_cache_hit: Option<f64>,
    /// How many times as much is done where requests are batched.
    pub batching: f64,
    /// Hours of a month in which the machine can work.
    pub available_hours: Hours,
    /// Highest share of them that it may be busy.
    pub duty_cap: Option<f64>,

    /// Price of the machine that would be bought anyway.
    pub alternative_price: Usd,
    /// Hours to set the machine up.
    pub setup_hours: Hours,
    /// What such an hour costs.
    pub setup_rate: UsdPerHour,
    /// What is paid for upkeep.
    pub upkeep: UsdPerMonth,
    /// Interest a year, as a share.
    pub discount_rate: f64,
    /// Months that the machine is kept.
    pub lifetime: Months,
    /// Share of its price that it sells for then.
    pub resale_share: Option<f64>,
}

impl Default for Inputs {
    fn default() -> Self {
        Self {
            cache_hit: None,
            cache_write: None,
            cache_write_1h: None,
            batch: None,
            team: 1,
            prompt_tokens: None,
            cloud_fall: 0.0,
            escalated: 0.0,
            machine_price: None,
            load_watts: None,
            idle_watts: None,
            idle_share: 1.0,
            on_hours: Hours(0.0),
            region: "US".to_owned(),
            usd_per_kwh: None,
            decode_tps: None,
            prefill_tps: None,
            context_tokens: 8192.0,
            local_cache_hit: None,
            batching: 1.0,
            available_hours: Hours(730.0),
            duty_cap: None,
            alternative_price: Usd(0.0),
            setup_hours: Hours(0.0),
            setup_rate: UsdPerHour(50.0),
            upkeep: UsdPerMonth(0.0),
            discount_rate: 0.08,
            lifetime: Months(36.0),
            resale_share: None,
        }
    }
}

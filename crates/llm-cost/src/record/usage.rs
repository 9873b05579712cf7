//! What `usage` writes: sums over records, and what they would have cost elsewhere.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{Usd, UsdPerKwh, UsdPerMtok, Watts};

/// Tokens, time and energy that were used, and what they cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UsageRecord {
    /// The day or model that is added up; null for all.
    pub key: Option<String>,
    /// The first day, in UTC, of the records that say when they were.
    pub from: Option<String>,
    /// The last day, in UTC.
    pub to: Option<String>,
    /// Requests, where they were counted.
    pub requests: u64,
    /// Input tokens, cached ones included.
    pub input_tokens: f64,
    /// Input tokens that were read from a cache.
    pub cached_tokens: f64,
    /// Input tokens that were written to a cache.
    pub cache_write_tokens: f64,
    /// Those of them that were written for an hour.
    #[serde(default)]
    pub cache_write_1h_tokens: f64,
    /// Output tokens.
    pub output_tokens: f64,
    /// Input and output tokens together.
    pub total_tokens: f64,
    /// Time that the machine worked here: each request's share, or the union of their times where records
    /// hold no shares; requests that say no time are not in it.
    pub seconds: f64,
    /// Energy: measured where the records say so, else time by watts; null where neither is known.
    pub joules: Option<f64>,
    /// Whether the energy was measured.
    pub joules_measured: bool,
    /// Power at work, from which energy is estimated where it was not measured.
    pub load_watts: Option<Watts>,
    /// Price of electricity.
    pub usd_per_kwh: UsdPerKwh,
    /// Cost of the energy.
    pub local_usd: Option<Usd>,
    /// The same for a million of the tokens that ran here, of requests that say their time or energy.
    pub local_usd_per_mtok: Option<UsdPerMtok>,
    /// What was paid, where the records say so.
    pub paid_usd: Option<Usd>,
    /// Records of clouds that do not say what was paid for them: above 0, and `paid_usd` is only a part.
    #[serde(default)]
    pub unpaid_records: u64,
    /// Records that do not say when they were; they lie outside of `from` and `to`.
    #[serde(default)]
    pub undated_records: u64,
    /// What clouds would have charged for the same tokens, the cheapest first.
    pub clouds: Vec<CloudSum>,
    /// Requests that failed and have no usage.
    pub failed: u64,
}

/// What one cloud would have charged for the same tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CloudSum {
    /// The cloud model, as `provider/model`.
    pub cloud: String,
    /// What it would have charged.
    pub usd: Usd,
}

//! What programs write: `cost` records, told apart by their `kind`. Every input and every sum on the way
//! stands in them, so that an answer can be recomputed. What is not known is `null` or left out.

mod floor;
mod usage;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::payback::{Answer, Verdict};
use crate::terms::Terms;
use crate::units::{Months, TokensPerSecond, Usd, UsdPerMonth, UsdPerMtok};

pub use floor::{Computer, FloorRecord, HeldOutRecord, NeedRecord, Observed, QuantNeed};
pub use usage::{CloudSum, UsageRecord};

/// The version that stands in each record.
pub const SCHEMA_VERSION: u32 = 1;

/// One line of output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    /// Always `cost`.
    #[serde(rename = "type")]
    pub kind_of_record: CostType,
    /// The record's version.
    pub schema_version: u32,
    /// What it answers.
    #[serde(flatten)]
    pub body: Body,
}

/// The record's `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CostType {
    /// The only one.
    Cost,
}

/// What a record answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Body {
    /// When a machine pays back.
    Payback(Box<PaybackRecord>),
    /// One combination of a comparison.
    Compare(Box<PaybackRecord>),
    /// What a model needs.
    Need(NeedRecord),
    /// A model on a machine.
    Floor(Box<FloorRecord>),
    /// What was used.
    Usage(Box<UsageRecord>),
    /// A row of the catalogue.
    Row(RowRecord),
}

impl From<Body> for Cost {
    fn from(body: Body) -> Self {
        Self {
            kind_of_record: CostType::Cost,
            schema_version: SCHEMA_VERSION,
            body,
        }
    }
}

/// Where speeds come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SpeedSource {
    /// The user said so.
    Given,
    /// Records of a benchmark or of requests.
    Measured,
    /// The predictor.
    Predicted,
}

/// A rate, its source and its band.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rate {
    /// Tokens a second.
    pub tps: TokensPerSecond,
    /// Where it comes from.
    pub source: SpeedSource,
    /// Four of five held-out measurements lay above this share of the prediction; only of a prediction.
    pub low: Option<TokensPerSecond>,
    /// And below this.
    pub high: Option<TokensPerSecond>,
}

/// A row of the catalogue that an answer rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UsedRow {
    /// What it says.
    pub row: String,
    /// As of when.
    pub as_of: String,
    /// Where it was read.
    pub source: String,
}

/// When a machine pays back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PaybackRecord {
    /// The cloud model.
    pub cloud: String,
    /// The model on the machine, as NAME:QUANT; null where it was not said.
    pub local: Option<String>,
    /// The machine; null where it was not said.
    pub machine: Option<String>,
    /// Where the volume comes from: a profile's name, `given` or `records`.
    pub volume_source: String,
    /// Whether the cloud model and the local one are the same weights. If not, the months compare bills
    /// and not answers.
    pub same_model: bool,
    /// The verdict and its sums.
    #[serde(flatten)]
    pub answer: Answer,
    /// Payback at the fast end of the speeds' band; null as `payback_months`.
    pub payback_months_low: Option<Months>,
    /// Payback at the slow end and with the cloud's prices falling by `range_cloud_fall_per_month`; null
    /// where that never pays, or is infeasible.
    pub payback_months_high: Option<Months>,
    /// The verdict at that end; null where the answer itself does not pay.
    pub payback_high_verdict: Option<Verdict>,
    /// The fall that the upper end of the range reckons with.
    pub range_cloud_fall_per_month: f64,
    /// The answer against the same model hosted, at the host that asks least; null where none is known, or
    /// where it is the answer above.
    pub hosted: Option<HostedAnswer>,
    /// The figures of one of a team; null without one.
    pub per_seat: Option<Seat>,
    /// Generated tokens.
    pub decode: Rate,
    /// Prompt tokens.
    pub prefill: Rate,
    /// The computers that measured speeds come from, as their `bench` records name them.
    pub measured_on: Vec<Computer>,
    /// Every input.
    pub assumptions: Terms,
    /// The rows that inputs come from.
    pub rows: Vec<UsedRow>,
    /// What a reader should know.
    pub notes: Vec<String>,
}

/// The answer against the same model hosted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HostedAnswer {
    /// The host's model.
    pub cloud: String,
    /// Its input price.
    pub input_usd_per_mtok: UsdPerMtok,
    /// Its output price.
    pub output_usd_per_mtok: UsdPerMtok,
    /// The verdict and its sums.
    #[serde(flatten)]
    pub answer: Answer,
}

/// The figures of one of a team.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Seat {
    /// Share of the marginal price.
    pub marginal_price_usd: Usd,
    /// Share of the cloud's bill.
    pub cloud_usd_per_month: UsdPerMonth,
    /// Share of what is paid instead; null where the machine cannot produce so much.
    pub local_usd_per_month: Option<UsdPerMonth>,
    /// Share of what is saved; null where the machine cannot produce so much.
    pub saving_usd_per_month: Option<UsdPerMonth>,
    /// The chance that a request finds the machine busy: the duty, if requests come at random.
    pub queue_risk: f64,
}

/// A row of the catalogue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RowRecord {
    /// The table.
    pub table: String,
    /// The row as the data file has it.
    pub row: serde_json::Value,
}

//! What programs write: `cost` records, told apart by their `kind`. Every input and every sum on the way
//! stands in them, so that an answer can be recomputed. What is not known is `null` or left out.

mod requirements;
mod usage;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue::{Electricity, Machine, Model, Price};
use crate::payback::{Answer, Verdict};
use crate::terms::Terms;
use crate::units::{Months, TokensPerSecond, Usd, UsdPerMonth, UsdPerMtok};

pub use requirements::{Computer, FloorRecord, HeldOutRecord, NeedRecord, Observed, QuantNeed};
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
    /// A `cost` record.
    Cost,
}

/// What a record answers, told apart by its `kind`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Body {
    /// When a machine pays back.
    Payback(Box<PaybackRecord>),
    /// When a machine pays back in one scenario of a comparison.
    Compare(Box<PaybackRecord>),
    /// The memory that a model needs.
    Need(NeedRecord),
    /// How a machine runs a model.
    Floor(Box<FloorRecord>),
    /// Tokens, time and energy that were used.
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
    /// A flag gives it.
    Given,
    /// `bench` records, or records of requests, hold it.
    Measured,
    /// The predictor computed it.
    Predicted,
}

/// A speed in tokens per second, where it comes from, and its error band.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rate {
    /// Tokens per second.
    pub tps: TokensPerSecond,
    /// Where it comes from.
    pub source: SpeedSource,
    /// The band's lower end: four of five held-out measurements lay within the band; only of a prediction.
    pub low: Option<TokensPerSecond>,
    /// The band's upper end; only of a prediction.
    pub high: Option<TokensPerSecond>,
}

/// A row of the catalogue that an answer rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UsedRow {
    /// The row in words: `the price of 'provider/model'`.
    pub row: String,
    /// The day, or the month or year, on which it was true.
    pub as_of: String,
    /// Where it was read: an address, or a name.
    pub source: String,
}

impl From<&Price> for UsedRow {
    fn from(price: &Price) -> Self {
        Self {
            row: format!("the price of '{}'", price.id),
            as_of: price.as_of.clone(),
            source: price.source.clone(),
        }
    }
}

impl From<&Machine> for UsedRow {
    fn from(machine: &Machine) -> Self {
        Self {
            row: format!("the machine '{}'", machine.id),
            as_of: machine.as_of.clone(),
            source: machine.source.clone(),
        }
    }
}

impl From<&Model> for UsedRow {
    fn from(model: &Model) -> Self {
        Self {
            row: format!("the model '{}'", model.id),
            as_of: model.as_of.clone(),
            source: model.source.clone(),
        }
    }
}

impl From<&Electricity> for UsedRow {
    fn from(region: &Electricity) -> Self {
        Self {
            row: format!("the price of power in '{}'", region.region),
            as_of: region.as_of.clone(),
            source: region.source.clone(),
        }
    }
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
    /// Tokens in the context that predicted speeds are for.
    #[serde(default)]
    pub context_tokens: f64,
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
    /// The verdict at that end; null where the savings never pay for the machine.
    pub payback_high_verdict: Option<Verdict>,
    /// Share by which the upper end of the range lets the cloud's prices fall each month.
    pub range_cloud_fall_per_month: f64,
    /// The answer against the same model hosted, at the host that asks least; null where none is known, or
    /// where it is the answer above.
    pub hosted: Option<HostedAnswer>,
    /// The figures of one user of a team; null without one.
    pub per_seat: Option<Seat>,
    /// Speed of generation.
    pub decode: Rate,
    /// Speed of reading prompts.
    pub prefill: Rate,
    /// The computers that measured speeds come from, as their `bench` records name them.
    pub measured_on: Vec<Computer>,
    /// Every input of the computation.
    pub assumptions: Terms,
    /// The rows that inputs come from.
    pub rows: Vec<UsedRow>,
    /// Caveats: what was assumed, what is missing, and what the answer must not be taken for.
    pub notes: Vec<String>,
}

/// The answer against the same model hosted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HostedAnswer {
    /// The host's model, as `provider/model`.
    pub cloud: String,
    /// The host's price of input tokens.
    pub input_usd_per_mtok: UsdPerMtok,
    /// The host's price of output tokens.
    pub output_usd_per_mtok: UsdPerMtok,
    /// The verdict and its sums.
    #[serde(flatten)]
    pub answer: Answer,
}

/// The figures of one user of a team.
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
    /// The table that it stands in: `prices`, `machines` and so on.
    pub table: String,
    /// The row as the data file has it.
    pub row: serde_json::Value,
}

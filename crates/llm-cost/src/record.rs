//! What programs write: `cost` records, told apart by their `kind`. Every input and every sum on the way
//! stands in them, so that an answer can be recomputed. What is not known is `null` or left out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::payback::{Answer, Verdict};
use crate::predict::HeldOut;
use crate::terms::Terms;
use crate::units::{
    Bytes, GigabytesPerSecond, Months, TokensPerSecond, Usd, UsdPerKwh, UsdPerMonth, UsdPerMtok,
    Watts,
};

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
    /// Share of what is paid instead.
    pub local_usd_per_month: UsdPerMonth,
    /// Share of what is saved; null where the machine cannot produce so much.
    pub saving_usd_per_month: Option<UsdPerMonth>,
    /// The chance that a request finds the machine busy: the duty, if requests come at random.
    pub queue_risk: f64,
}

/// What a model needs in each quantization.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NeedRecord {
    /// The model.
    pub model: String,
    /// Weights, in 10^9.
    pub params_b: f64,
    /// Weights that a token goes through, in 10^9.
    pub active_b: f64,
    /// Tokens in the context.
    pub context: f64,
    /// The longest context that it was trained for.
    pub context_length: Option<u64>,
    /// Type of the numbers in the cache.
    pub cache_type: String,
    /// Bytes of the cache.
    pub cache_bytes: Bytes,
    /// Bytes of buffers and the program.
    pub overhead_bytes: Bytes,
    /// Each quantization.
    pub quants: Vec<QuantNeed>,
}

/// What one quantization needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QuantNeed {
    /// The quantization.
    pub quant: String,
    /// Whether the size is a file's; else it is that of an average weight.
    pub seen: bool,
    /// Bytes of the weights.
    pub weights_bytes: Bytes,
    /// Bytes of weights, cache and overhead.
    pub need_bytes: Bytes,
    /// The cheapest machine that holds it.
    pub cheapest_machine: Option<String>,
    /// Its price.
    pub price_usd: Option<Usd>,
}

/// A model on a machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FloorRecord {
    /// The model.
    pub model: String,
    /// Its quantization.
    pub quant: String,
    /// Tokens in the context.
    pub context: f64,
    /// Type of the numbers in the cache.
    pub cache_type: String,
    /// Bytes of the weights.
    pub weights_bytes: Bytes,
    /// Bytes of the cache.
    pub cache_bytes: Bytes,
    /// Bytes of buffers and the program.
    pub overhead_bytes: Bytes,
    /// Their sum.
    pub need_bytes: Bytes,
    /// The machine.
    pub machine: String,
    /// Bytes that a model may take of its memory.
    pub usable_bytes: Bytes,
    /// Whether it holds the model.
    pub fits: bool,
    /// Whether it is the one to buy: the fastest within the budget.
    pub best: bool,
    /// Predicted generated tokens; null where it does not fit and nothing can be moved out.
    pub decode: Option<Rate>,
    /// Predicted prompt tokens.
    pub prefill: Option<Rate>,
    /// How far off the family's predictions of decode were.
    pub decode_error: Option<HeldOutRecord>,
    /// How far off the family's predictions of prefill were.
    pub prefill_error: Option<HeldOutRecord>,
    /// What somebody measured of this model on this machine; null where nobody did.
    pub observed: Option<Observed>,
    /// Share of the weights beside the card; null where all of it fits.
    pub offloaded_share: Option<f64>,
    /// How many times slower that makes it.
    pub offload_slowdown: Option<f64>,
    /// Bandwidth that the prediction reckons with.
    pub bandwidth_gbs: GigabytesPerSecond,
    /// Price, all included.
    pub price_usd: Option<Usd>,
    /// Whether the price is an assumption.
    pub price_assumed: bool,
    /// Power at work.
    pub load_watts: Option<Watts>,
    /// Age of the machine's row.
    pub as_of: String,
}

/// How far off predictions were on sources that the fit had not seen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HeldOutRecord {
    /// Rows.
    pub rows: usize,
    /// Sources.
    pub sources: usize,
    /// Median of |predicted / measured - 1|.
    pub median_error: f64,
    /// 10th percentile of measured / predicted.
    pub low: f64,
    /// 90th percentile of measured / predicted.
    pub high: f64,
}

impl From<HeldOut> for HeldOutRecord {
    fn from(error: HeldOut) -> Self {
        let HeldOut {
            rows,
            sources,
            median_error,
            low,
            high,
        } = error;
        Self {
            rows,
            sources,
            median_error,
            low,
            high,
        }
    }
}

/// What somebody measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Observed {
    /// Generated tokens a second.
    pub decode_tps: Option<TokensPerSecond>,
    /// Prompt tokens a second.
    pub prefill_tps: Option<TokensPerSecond>,
    /// Power meanwhile.
    pub watts: Option<Watts>,
    /// With what.
    pub runtime: String,
    /// When.
    pub as_of: String,
    /// By whom.
    pub source: String,
}

/// What was used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UsageRecord {
    /// The day or model that is added up; null for all.
    pub key: Option<String>,
    /// First day.
    pub from: Option<String>,
    /// Last day.
    pub to: Option<String>,
    /// Requests, where they were counted.
    pub requests: u64,
    /// Input tokens, cached ones included.
    pub input_tokens: f64,
    /// Input tokens that were read from a cache.
    pub cached_tokens: f64,
    /// Input tokens that were written to a cache.
    pub cache_write_tokens: f64,
    /// Output tokens.
    pub output_tokens: f64,
    /// All tokens.
    pub total_tokens: f64,
    /// Time of the requests that ran here.
    pub seconds: f64,
    /// Energy: measured where the records say so, else time by watts; null where neither is known.
    pub joules: Option<f64>,
    /// Whether it was measured.
    pub joules_measured: bool,
    /// Watts that it reckons with.
    pub load_watts: Option<Watts>,
    /// Price of power.
    pub usd_per_kwh: UsdPerKwh,
    /// Power for it.
    pub local_usd: Option<Usd>,
    /// The same for a million of the tokens that ran here.
    pub local_usd_per_mtok: Option<UsdPerMtok>,
    /// What was paid, by the records.
    pub paid_usd: Option<Usd>,
    /// What the same would have cost.
    pub clouds: Vec<CloudSum>,
    /// Requests that failed and have no usage.
    pub failed: u64,
}

/// What the same would have cost at one cloud.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CloudSum {
    /// The cloud model.
    pub cloud: String,
    /// The sum.
    pub usd: Usd,
}

/// A row of the catalogue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RowRecord {
    /// The table.
    pub table: String,
    /// The row as the data file has it.
    pub row: serde_json::Value,
}

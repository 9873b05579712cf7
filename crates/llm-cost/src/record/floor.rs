//! What `floor` writes: what a model needs, and how a machine runs it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rate;
use crate::predict::{Arithmetic, HeldOut};
use crate::units::{Bytes, GigabytesPerSecond, TokensPerSecond, Usd, Watts};

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
    /// Arithmetic that predicted prefill rests on, where it was measured here; null where not.
    pub arithmetic: Option<Arithmetic>,
    /// The computer that was measured; null for a row of the catalogue.
    pub computer: Option<Computer>,
    /// Price, all included.
    pub price_usd: Option<Usd>,
    /// Whether the price is an assumption.
    pub price_assumed: bool,
    /// Power at work.
    pub load_watts: Option<Watts>,
    /// Age of the machine's row.
    pub as_of: String,
    /// What a reader should know: why a prediction has no band, say.
    pub notes: Vec<String>,
}

/// A computer, as `bench` records name it; what is not known is left out.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub struct Computer {
    /// The processor's name.
    pub cpu_info: String,
    /// Cores that the system counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_cores: Option<u64>,
    /// Memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
}

impl Computer {
    /// Whether nothing is known of it.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
}

impl std::fmt::Display for Computer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = match self.cpu_info.as_str() {
            "" => "a processor without a name",
            name => name,
        };
        f.write_str(name)?;
        if let Some(cores) = self.cpu_cores {
            write!(f, ", {cores} cores")?;
        }
        if let Some(bytes) = self.memory_bytes {
            write!(f, ", {:.1} GiB", bytes as f64 / f64::from(1 << 30))?;
        }
        Ok(())
    }
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

//! What `floor` writes: what a model needs, and how a machine runs it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rate;
use crate::catalogue::HeldOut;
use crate::counted::counted;
use crate::predict::Arithmetic;
use crate::units::{Bytes, GigabytesPerSecond, TokensPerSecond, Usd, Watts};

/// What a model needs in each quantization.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NeedRecord {
    /// The model's name.
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
    /// What each quantization needs, the smallest first.
    pub quants: Vec<QuantNeed>,
}

/// What one quantization needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QuantNeed {
    /// Its name: `Q4_K_M`.
    pub quant: String,
    /// Whether the size is that of a known file; else it is estimated from the bits of an average weight.
    pub seen: bool,
    /// Bytes of the weights.
    pub weights_bytes: Bytes,
    /// Bytes of weights, cache and overhead together.
    pub need_bytes: Bytes,
    /// The cheapest machine that holds it.
    pub cheapest_machine: Option<String>,
    /// Price of that machine, all included.
    pub price_usd: Option<Usd>,
}

/// A model on a machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FloorRecord {
    /// The model's name.
    pub model: String,
    /// Its quantization: `Q4_K_M`.
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
    /// Bytes of weights, cache and overhead together.
    pub need_bytes: Bytes,
    /// The machine's name.
    pub machine: String,
    /// Bytes that a model may take of its memory.
    pub usable_bytes: Bytes,
    /// Whether the machine holds the model.
    pub fits: bool,
    /// Whether this is the machine to buy: the fastest within the budget.
    pub best: bool,
    /// Predicted speed of generation; null where the model does not fit and nothing can be offloaded.
    pub decode: Option<Rate>,
    /// Predicted speed of reading prompts.
    pub prefill: Option<Rate>,
    /// How far off the family's predictions of decode were.
    pub decode_error: Option<HeldOutRecord>,
    /// How far off the family's predictions of prefill were.
    pub prefill_error: Option<HeldOutRecord>,
    /// What somebody measured of this model on this machine; null where nobody did.
    pub observed: Option<Observed>,
    /// Share of the weights beside the card; null where all of it fits.
    pub offloaded_share: Option<f64>,
    /// How many times slower that makes generation.
    pub offload_slowdown: Option<f64>,
    /// Memory bandwidth that the prediction is based on.
    pub bandwidth_gbs: GigabytesPerSecond,
    /// Arithmetic that predicted prefill rests on, where it was measured here; null where not.
    pub arithmetic: Option<Arithmetic>,
    /// The computer that was measured; null for a row of the catalogue.
    pub computer: Option<Computer>,
    /// Price of the machine, all included.
    pub price_usd: Option<Usd>,
    /// Whether the price is an assumption.
    pub price_assumed: bool,
    /// Power of the machine at work.
    pub load_watts: Option<Watts>,
    /// The day on which the machine's row was true.
    pub as_of: String,
    /// Caveats: why a prediction has no error band, say.
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
    /// Size of the memory.
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
            write!(f, ", {}", counted(cores, "core", "cores"))?;
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
    /// Measurements that were predicted.
    pub rows: usize,
    /// Sources that they come from.
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

/// What somebody measured of a model on a machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Observed {
    /// Generated tokens per second.
    pub decode_tps: Option<TokensPerSecond>,
    /// Prompt tokens per second.
    pub prefill_tps: Option<TokensPerSecond>,
    /// Power while it ran.
    pub watts: Option<Watts>,
    /// The program that ran it.
    pub runtime: String,
    /// The day on which it was measured or published.
    pub as_of: String,
    /// Where it was read.
    pub source: String,
}

//! The rows of the data files but for prices, which have a file of their own. Each says as of when it holds and where it comes from; a field that is
//! not known is left out. Prices are in US dollars per million tokens, sizes in GiB.

use serde::{Deserialize, Serialize};

use crate::bill::Volume;
use crate::units::{
    Gib, GigabytesPerSecond, Mtok, Teraflops, TokensPerSecond, Usd, UsdPerKwh, Watts,
};

/// A machine, or a card with the computer around it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// Its short name.
    pub id: String,
    /// Its name for people.
    #[serde(default)]
    pub name: String,
    /// The family of machines whose parameters the predictor takes.
    pub family: String,
    /// `desktop`, `laptop`, `gpu` or `cpu`.
    #[serde(default)]
    pub kind: String,
    /// Size of the memory that models are held in.
    pub memory_gib: Gib,
    /// How much of it a model may take.
    pub usable_gib: Gib,
    /// Peak bandwidth of the memory.
    pub bandwidth_gbs: GigabytesPerSecond,
    /// Listed 16-bit performance.
    pub tflops: Option<Teraflops>,
    /// Performance that prompts of dense models were measured to reach.
    pub prefill_tflops: Option<Teraflops>,
    /// Price; of a card, without the computer around it.
    pub price: Option<Usd>,
    /// Whether the price is an assumption, to be replaced by one's own.
    #[serde(default)]
    pub price_assumed: bool,
    /// Where the price comes from.
    #[serde(default)]
    pub price_note: String,
    /// Power when idle.
    pub idle_w: Option<Watts>,
    /// Power at work.
    pub load_w: Option<Watts>,
    /// Where the watts come from.
    #[serde(default)]
    pub watts_note: String,
    /// The computer around a card.
    pub host: Option<Host>,
    /// The day on which the row was true.
    #[serde(default)]
    pub as_of: String,
    /// Where it was read.
    #[serde(default)]
    pub source: String,
}

/// The computer around a card.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// Its price.
    pub price: Usd,
    /// Its power when idle, without the card.
    pub idle_w: Watts,
    /// Its power at work, without the card.
    pub load_w: Watts,
}

impl Machine {
    /// Returns the price of all that has to be bought.
    #[must_use]
    pub fn whole_price(&self) -> Option<Usd> {
        let host = self.host.map_or(Usd(0.0), |host| host.price);
        self.price.map(|price| price + host)
    }

    /// Returns the power of the whole at work.
    #[must_use]
    pub fn whole_load(&self) -> Option<Watts> {
        let host = self.host.map_or(Watts(0.0), |host| host.load_w);
        self.load_w.map(|load| load + host)
    }

    /// Returns the power of the whole when idle.
    #[must_use]
    pub fn whole_idle(&self) -> Option<Watts> {
        let host = self.host.map_or(Watts(0.0), |host| host.idle_w);
        self.idle_w.map(|idle| idle + host)
    }
}

/// An open-weight model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Its short name.
    pub id: String,
    /// Its name for people.
    #[serde(default)]
    pub name: String,
    /// Its repository.
    #[serde(default)]
    pub repo: String,
    /// A repository of its GGUF files.
    pub gguf_repo: Option<String>,
    /// Sizes of files that were seen.
    #[serde(default)]
    pub files: Vec<File>,
    /// Weights, in 10^9.
    pub params_b: f64,
    /// Weights that a token goes through, in 10^9.
    pub active_b: f64,
    /// Whether a token passes by embeddings alone, where it goes through some of the weights only; else it passes
    /// by experts.
    #[serde(default)]
    pub dense: bool,
    /// Number of layers.
    pub layers: u32,
    /// Longest context, in tokens.
    pub context: Option<u64>,
    /// What its layers keep of each token.
    pub cache: Vec<CacheLayers>,
    /// Bytes that do not grow with the context.
    #[serde(default)]
    pub state_bytes: f64,
    /// Prices of the same model at hosts.
    #[serde(default)]
    pub hosted: Vec<String>,
    /// Its licence.
    #[serde(default)]
    pub licence: String,
    /// How certain the numbers are.
    #[serde(default)]
    pub checked: String,
    /// The day on which the row was true.
    #[serde(default)]
    pub as_of: String,
    /// Where it was read.
    #[serde(default)]
    pub source: String,
}

impl Model {
    /// Whether a token goes through some experts only.
    #[must_use]
    pub fn is_moe(&self) -> bool {
        self.active_b < self.params_b * 0.999 && !self.dense
    }
}

/// A file of a model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Its quantization: `Q4_K_M`.
    pub quant: String,
    /// Its size.
    pub gib: Gib,
}

/// Layers that keep the same of each token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CacheLayers {
    /// Number of such layers.
    pub layers: u32,
    /// Numbers that one layer keeps of one token, keys and values together.
    pub elements: f64,
    /// Tokens that are kept at most; `None` where all are.
    pub window: Option<u64>,
}

/// Bits of a weight in a quantization, averaged over a whole file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quant {
    /// Its name.
    pub quant: String,
    /// Bits of a weight.
    pub bits: f64,
    /// The day on which the row was true.
    pub as_of: String,
    /// Where it was read.
    pub source: String,
}

/// The price of electricity in a place.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Electricity {
    /// The country, or the country and its state.
    pub region: String,
    /// The price for households.
    pub usd_per_kwh: UsdPerKwh,
    /// How certain the price is.
    #[serde(default)]
    pub confidence: String,
    /// The day on which the row was true.
    #[serde(default)]
    pub as_of: String,
    /// Where it was read.
    #[serde(default)]
    pub source: String,
}

/// A month of a typical user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its name.
    pub id: String,
    /// Input tokens a month, in millions.
    pub input_mtok: f64,
    /// Output tokens a month, in millions.
    pub output_mtok: f64,
    /// Share of the input that a cache holds.
    pub cache_hit: f64,
    /// Share of the input that is written to the cloud's cache.
    pub cache_write: f64,
    /// What kind of user it stands for.
    pub note: String,
    /// The day on which the row was true.
    pub as_of: String,
    /// Where it comes from.
    pub source: String,
}

impl Profile {
    /// Returns its month of tokens.
    #[must_use]
    pub fn volume(&self) -> Volume {
        Volume {
            input: Mtok(self.input_mtok),
            output: Mtok(self.output_mtok),
            cache_hit: self.cache_hit,
            cache_write: self.cache_write,
            ..Volume::default()
        }
    }
}

/// What somebody measured of a model on a machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observation {
    /// Its number among the measurements.
    pub id: String,
    /// The machine's id, where the catalogue has it.
    pub machine: Option<String>,
    /// The model's id, where the catalogue has it.
    pub model: Option<String>,
    /// Its quantization: `Q4_K_M`.
    pub quant: String,
    /// Size of the file.
    pub gib: Option<Gib>,
    /// Weights, in 10^9.
    pub params_b: f64,
    /// Weights that a token goes through, in 10^9.
    pub active_b: f64,
    /// Prompt tokens a second.
    pub prefill: Option<TokensPerSecond>,
    /// Generated tokens a second, of all sequences.
    pub decode: Option<TokensPerSecond>,
    /// Tokens in the context before.
    pub depth: f64,
    /// Sequences at once.
    pub batch: u32,
    /// Power while it ran.
    pub watts: Option<Watts>,
    /// The program that ran it.
    pub runtime: String,
    /// Why it is not believed, where it is not.
    pub suspect: Option<String>,
    /// Whose measurement it is: rows of one origin were made alike.
    pub origin: String,
    /// The day on which it was measured or published.
    pub as_of: String,
    /// Where it was read.
    pub source: String,
}

//! A month's tokens at a price list → US dollars.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{Mtok, Usd, UsdPerMtok};

/// Tokens of a month and how they are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Volume {
    /// Input tokens in millions, cached ones included.
    pub input: Mtok,
    /// Output tokens, in millions.
    pub output: Mtok,
    /// Share of the input that the cloud reads from its cache, 0 to 1.
    #[serde(default)]
    pub cache_hit: f64,
    /// Share of the input that is written to the cloud's cache, 0 to 1; with the hits at most 1.
    #[serde(default)]
    pub cache_write: f64,
    /// The part of that share which is written for an hour and not for some minutes.
    #[serde(default)]
    pub cache_write_1h: f64,
    /// Share of the work that goes through the batch API, 0 to 1; of records, their share of the bill before discounts.
    #[serde(default)]
    pub batch: f64,
}

impl Volume {
    /// Returns all tokens.
    #[must_use]
    pub fn total(&self) -> Mtok {
        self.input + self.output
    }

    /// Returns the volume of so many users, or so many times it.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self {
            input: self.input * factor,
            output: self.output * factor,
            ..self
        }
    }
}

/// What one model costs on one day, for prompts of one length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rates {
    /// Price of input tokens.
    pub input: UsdPerMtok,
    /// Price of output tokens.
    pub output: UsdPerMtok,
    /// Price of input tokens that are read from the cache; as `input` where no price is known.
    pub cache_read: UsdPerMtok,
    /// Price of input tokens that are written to the cache; as `input` where no price is known.
    pub cache_write: UsdPerMtok,
    /// Price of input tokens that are written to the cache for an hour; as `cache_write` where no price is
    /// known.
    #[serde(default)]
    pub cache_write_1h: UsdPerMtok,
    /// Discount of the batch API on input, 0 to 1; 0 where none is known.
    pub batch_discount: f64,
    /// Its discount on output.
    #[serde(default)]
    pub batch_discount_output: f64,
}

impl Rates {
    /// Returns the bill. The discount for batches is taken off cached input too; some providers do
    /// not stack the two. No share of the input is without a price: what neither was read nor written is new.
    #[must_use]
    pub fn bill(&self, volume: &Volume) -> Usd {
        let fresh = 1.0 - volume.cache_hit - volume.cache_write;
        let input = self.input * fresh
            + self.cache_read * volume.cache_hit
            + self.cache_write * (volume.cache_write - volume.cache_write_1h)
            + self.cache_write_1h * volume.cache_write_1h;
        input * volume.input * (1.0 - volume.batch * self.batch_discount)
            + self.output * volume.output * (1.0 - volume.batch * self.batch_discount_output)
    }

    /// Returns the price of an average token of this volume; nothing where there is none.
    #[must_use]
    pub fn blended(&self, volume: &Volume) -> Option<UsdPerMtok> {
        let total = volume.total();
        (total.0 > 0.0).then(|| self.bill(volume) / total)
    }
}

//! The row of a cloud model: what its tokens cost, by the length of a prompt and by the day. Prices are in
//! US dollars per million tokens; a price that is not known is left out.

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use crate::bill::Rates;
use crate::dates;
use crate::units::UsdPerMtok;

/// What a cloud model costs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// `provider/model`.
    pub id: String,
    /// The model's name for people.
    #[serde(default)]
    pub name: String,
    /// Longest context, in tokens.
    pub context: Option<u64>,
    /// Price of input tokens.
    pub input: UsdPerMtok,
    /// Price of output tokens.
    pub output: UsdPerMtok,
    /// Price of input tokens that are read from the cache.
    pub cache_read: Option<UsdPerMtok>,
    /// Price of input tokens that are written to the cache for some minutes.
    pub cache_write: Option<UsdPerMtok>,
    /// Price of input tokens that are written to the cache for an hour.
    pub cache_write_1h: Option<UsdPerMtok>,
    /// Discount of the batch API, 0 to 1.
    pub batch_discount: Option<f64>,
    /// Its discount on output, where that is another.
    pub batch_discount_output: Option<f64>,
    /// The prices of long prompts, where they differ.
    #[serde(default)]
    pub long_prompt: LongPrompts,
    /// Announced prices.
    pub next: Option<NextPrice>,
    /// `legacy` and the like; nothing for a current model.
    pub status: Option<String>,
    /// A caveat for the reader.
    pub note: Option<String>,
    /// Whether the price was derived and not read.
    #[serde(default)]
    pub derived: bool,
    /// The day on which the row was true.
    #[serde(default)]
    pub as_of: String,
    /// Where it was read.
    #[serde(default)]
    pub source: String,
}

/// Prices of prompts above a length.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LongPrompt {
    /// Longest prompt at the price before, in tokens.
    pub above_tokens: u64,
    /// Price of input tokens.
    pub input: UsdPerMtok,
    /// Price of output tokens.
    pub output: UsdPerMtok,
    /// Price of input tokens that are read from the cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<UsdPerMtok>,
    /// Price of input tokens that are written to the cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<UsdPerMtok>,
    /// Price of input tokens that are written to the cache for an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write_1h: Option<UsdPerMtok>,
}

/// Prices of prompts above one length or several, the shortest first. A row writes one as an object,
/// several as a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LongPrompts(Vec<LongPrompt>);

/// Prices from a day on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NextPrice {
    /// The first day on which they hold.
    pub from: String,
    /// Price of input tokens.
    pub input: UsdPerMtok,
    /// Price of output tokens.
    pub output: UsdPerMtok,
    /// Price of input tokens that are read from the cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<UsdPerMtok>,
    /// Price of input tokens that are written to the cache for some minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<UsdPerMtok>,
    /// Price of input tokens that are written to the cache for an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write_1h: Option<UsdPerMtok>,
}

/// The prices of the kinds of tokens; a kind without one of its own is `None`.
#[derive(Clone, Copy)]
struct Kinds {
    input: UsdPerMtok,
    output: UsdPerMtok,
    read: Option<UsdPerMtok>,
    write: Option<UsdPerMtok>,
    write_1h: Option<UsdPerMtok>,
}

impl Kinds {
    /// Takes what is not said from the prices before, in the proportion in which input has changed: no
    /// provider gives up its discount for cached tokens where prompts are long or a price changes.
    fn or(self, before: Self) -> Self {
        let factor = ratio(self.input, before.input);
        let scaled = |own: Option<UsdPerMtok>, before: Option<UsdPerMtok>| {
            own.or(before.map(|price| price * factor))
        };
        Self {
            read: scaled(self.read, before.read),
            write: scaled(self.write, before.write),
            write_1h: scaled(self.write_1h, before.write_1h),
            ..self
        }
    }

    /// Returns the prices of long prompts after a change from `old` to these, where only the old ones are
    /// known: as many times as much as before.
    fn lengthened(self, old: Self, old_long: Self) -> Self {
        let input = self.input * ratio(old_long.input, old.input);
        let output = self.output * ratio(old_long.output, old.output);
        let kind = |own: Option<UsdPerMtok>, old: Option<UsdPerMtok>, long: Option<UsdPerMtok>| {
            let (own, old, long) = (own?, old?, long?);
            Some(own * ratio(long, old))
        };
        Self {
            input,
            output,
            read: kind(self.read, old.read, old_long.read),
            write: kind(self.write, old.write, old_long.write),
            write_1h: kind(self.write_1h, old.write_1h, old_long.write_1h),
        }
        .or(self)
    }
}

/// Returns how many times as much a price is; 1 where it was nothing before. What lies beyond any change of
/// a price stays a number.
fn ratio(now: UsdPerMtok, before: UsdPerMtok) -> f64 {
    const MOST: f64 = 1e6;
    if before.0 > 0.0 {
        (now / before).min(MOST)
    } else {
        1.0
    }
}

impl LongPrompts {
    /// Takes the prices of several lengths, in any order.
    #[must_use]
    pub fn new(mut tiers: Vec<LongPrompt>) -> Self {
        tiers.sort_by_key(|tier| tier.above_tokens);
        Self(tiers)
    }

    /// Returns the prices of all lengths, the shortest first.
    #[must_use]
    pub fn tiers(&self) -> &[LongPrompt] {
        &self.0
    }

    /// Returns the shortest length above which a prompt costs something else.
    #[must_use]
    pub fn above(&self) -> Option<u64> {
        self.0.first().map(|tier| tier.above_tokens)
    }
}

impl Serialize for LongPrompts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [] => serializer.serialize_none(),
            [one] => one.serialize(serializer),
            several => several.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for LongPrompts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tiers = match Value::deserialize(deserializer)? {
            Value::Null => Vec::new(),
            list @ Value::Array(_) => serde_json::from_value(list).map_err(de::Error::custom)?,
            one => vec![serde_json::from_value(one).map_err(de::Error::custom)?],
        };
        Ok(Self::new(tiers))
    }
}

impl Price {
    /// Returns how many of the lengths above which prompts cost more a prompt of so many tokens is above: 0
    /// is the normal price.
    #[must_use]
    pub fn tier(&self, prompt_tokens: f64) -> usize {
        let tiers = self.long_prompt.tiers().iter();
        let above = tiers.take_while(|tier| prompt_tokens > tier.above_tokens as f64);
        above.count()
    }

    /// Returns the rates on a day (without one: those of the row) for prompts of so many tokens
    /// (without a number: short ones).
    #[must_use]
    pub fn rates(&self, on: Option<Date>, prompt_tokens: Option<f64>) -> Rates {
        self.tier_rates(on, prompt_tokens.map_or(0, |tokens| self.tier(tokens)))
    }

    /// Returns the rates on a day for the prompts of a tier.
    #[must_use]
    pub fn tier_rates(&self, on: Option<Date>, tier: usize) -> Rates {
        let now = self.kinds();
        let tiers = self.long_prompt.tiers().iter().take(tier);
        let long = tiers.fold(now, |before, tier| tier.kinds().or(before));
        let kinds = match self.next.as_ref().filter(|next| next.holds(on)) {
            Some(next) => next.kinds().or(now).lengthened(now, long),
            None => long,
        };
        let write = kinds.write.unwrap_or(kinds.input);
        let discount = self.batch_discount.unwrap_or(0.0);
        Rates {
            input: kinds.input,
            output: kinds.output,
            cache_read: kinds.read.unwrap_or(kinds.input),
            cache_write: write,
            cache_write_1h: kinds.write_1h.unwrap_or(write),
            batch_discount: discount,
            batch_discount_output: self.batch_discount_output.unwrap_or(discount),
        }
    }

    /// Whether batches cost less.
    #[must_use]
    pub fn has_batch_discount(&self) -> bool {
        [self.batch_discount, self.batch_discount_output]
            .into_iter()
            .flatten()
            .any(|discount| discount > 0.0)
    }

    fn kinds(&self) -> Kinds {
        Kinds {
            input: self.input,
            output: self.output,
            read: self.cache_read,
            write: self.cache_write,
            write_1h: self.cache_write_1h,
        }
    }
}

impl LongPrompt {
    fn kinds(&self) -> Kinds {
        Kinds {
            input: self.input,
            output: self.output,
            read: self.cache_read,
            write: self.cache_write,
            write_1h: self.cache_write_1h,
        }
    }
}

impl NextPrice {
    /// Whether they hold on a day.
    #[must_use]
    pub fn holds(&self, on: Option<Date>) -> bool {
        let from = dates::parse(&self.from);
        on.is_some_and(|on| from.is_some_and(|from| from <= on))
    }

    fn kinds(&self) -> Kinds {
        Kinds {
            input: self.input,
            output: self.output,
            read: self.cache_read,
            write: self.cache_write,
            write_1h: self.cache_write_1h,
        }
    }
}

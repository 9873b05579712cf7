//! How fast a model will be on a machine that nobody has measured it on.
//!
//! Decode reads its weights once a token: `1 / (bytes / (bandwidth η [μ]) + τ layers)`, with η the
//! share of the bandwidth, μ what mixtures of experts reach of that, and τ what each layer costs beside
//! reading. Prefill is arithmetic: `effective operations / (2 active weights)`. The parameters of each
//! family of machines, and how far off they were on rows of sources that the fit had not seen, stand in
//! `data/predictor.json`, which the test `predictor` computes from `data/observed.json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue::{Catalogue, Family, HeldOut, Machine, Observation};
use crate::memory::{CacheType, Shape};
use crate::units::{Bytes, GigabytesPerSecond, MacsPerSecond, TokensPerSecond};

/// A predicted rate. Four of five held-out measurements of the family lay between `low` and `high`;
/// they are absent where the family has one source only, so that nothing could be held out.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    /// The prediction.
    pub rate: TokensPerSecond,
    /// The band's lower end.
    pub low: Option<TokensPerSecond>,
    /// The band's upper end.
    pub high: Option<TokensPerSecond>,
}

impl Estimate {
    /// Returns an estimate with the band that an error gives it.
    #[must_use]
    pub fn new(rate: TokensPerSecond, error: Option<&HeldOut>) -> Self {
        Self {
            rate,
            low: error.map(|error| rate * error.low),
            high: error.map(|error| rate * error.high),
        }
    }
}

/// Predicted rates of one sequence; absent where the family or the arithmetic is not known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Speed {
    /// Generated tokens.
    pub decode: Option<Estimate>,
    /// Prompt tokens.
    pub prefill: Option<Estimate>,
    /// Says that prefill is extrapolated: no model of about that size was measured.
    pub prefill_beyond: Option<String>,
}

/// Predicts both rates with so many tokens in the cache, the model wholly in the machine's memory.
#[must_use]
pub fn speed(
    catalogue: &Catalogue,
    machine: &Machine,
    shape: &Shape,
    depth: f64,
    kind: CacheType,
) -> Speed {
    let Some(family) = catalogue.family(&machine.family) else {
        return Speed::default();
    };
    let decode = decode(family, machine.bandwidth_gbs, shape, depth, kind);
    let prefill_beyond = beyond(catalogue, family, shape);
    // What was held out says nothing of other sizes.
    let prefill_error = family
        .prefill_error
        .as_ref()
        .filter(|_| prefill_beyond.is_none());
    Speed {
        decode: (decode.0.is_finite() && decode.0 > 0.0)
            .then(|| Estimate::new(decode, family.decode_error.as_ref())),
        prefill: prefill(family, machine, shape).map(|rate| Estimate::new(rate, prefill_error)),
        prefill_beyond,
    }
}

/// Says that a model is smaller or larger than all whose prompts were timed on machines of a family, to a
/// tenth of the weights that a token goes through; nothing where it is not, or where none was timed.
fn beyond(catalogue: &Catalogue, family: &Family, shape: &Shape) -> Option<String> {
    const SLACK: f64 = 1.1;
    let is_of_family = |row: &&Observation| {
        let machine = row.machine.as_deref()?;
        let machine = catalogue.machines.iter().find(|row| row.id == machine)?;
        Some(machine.family == family.family)
    };
    let rows = catalogue.observed.iter().filter(|row| {
        row.suspect.is_none()
            && row.batch == 1
            && row.prefill.is_some()
            && is_of_family(row) == Some(true)
    });
    let sizes = rows.map(|row| row.active_b);
    let (least, most) = sizes.fold((f64::INFINITY, 0.0_f64), |(least, most), size| {
        (least.min(size), most.max(size))
    });
    let size = shape.active_b;
    let is_beyond = most > 0.0 && (size * SLACK < least || size > most * SLACK);
    is_beyond.then(|| {
        format!(
            "predicted prefill is an extrapolation and has no error band: the models measured in the family \
             '{}' have {least} to {most} billion active weights, and '{}' has {size}",
            family.family, shape.model
        )
    })
}

/// Returns the decode rate at a bandwidth.
#[must_use]
pub fn decode(
    family: &Family,
    bandwidth: GigabytesPerSecond,
    shape: &Shape,
    depth: f64,
    kind: CacheType,
) -> TokensPerSecond {
    let reading = seconds(
        family,
        bandwidth,
        shape.bytes_per_token(depth, kind),
        shape.is_moe,
    );
    TokensPerSecond(1.0 / (reading + beside(family, shape)))
}

/// Returns the prefill rate: by the arithmetic that prompts were measured to reach on the machine, else
/// by its listed one, else by its bandwidth.
#[must_use]
pub fn prefill(family: &Family, machine: &Machine, shape: &Shape) -> Option<TokensPerSecond> {
    let measured = machine.prefill_tflops.map(|tflops| tflops.0);
    let listed = || Some(machine.tflops?.0 * family.prefill_per_tflops?);
    let read = || Some(machine.bandwidth_gbs.0 / 1e3 * family.prefill_per_byte?);
    let mut tflops = measured.or_else(listed).or_else(read)?;
    if shape.is_moe {
        tflops *= family.prefill_moe;
    }
    (shape.active_b > 0.0).then(|| TokensPerSecond(tflops * 1e3 / (2.0 * shape.active_b)))
}

/// What a processor was measured to do at most, in multiply-adds a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Arithmetic {
    /// Of 8-bit integers, which quantized weights take.
    pub integer_macs_per_second: MacsPerSecond,
    /// Of 32-bit floats, which other weights take.
    pub float_macs_per_second: MacsPerSecond,
}

impl Arithmetic {
    /// What prompts reach of it in this toolkit's own pass, a token's active weights taken for its
    /// multiply-adds: the 1B shape at 512 tokens did 489, 498 and 466 tokens a second (`Q4_K_M`, `Q4_0`,
    /// `Q8_0`) where 1,087 GMAC/s were measured, so 0.53 to 0.57. `BENCHMARKS.md` has the machine.
    pub const REACHED: f64 = 0.55;

    /// The least and the most that any model reached there: `SmolLM2` with 2,935 tokens a second, whose
    /// rows are short, and Gemma 3 270M with 3,347, whose large embedding a prompt passes by.
    pub const RANGE: (f64, f64) = (0.36, 0.83);

    /// Returns the prefill rate of a processor that these limits were measured of: each token is a
    /// multiply-add for each weight that it goes through.
    #[must_use]
    pub fn prefill(&self, shape: &Shape) -> Option<TokensPerSecond> {
        let most = if shape.is_float() {
            self.float_macs_per_second
        } else {
            self.integer_macs_per_second
        };
        let rate = most.0 * Self::REACHED / (shape.active_b * 1e9);
        (rate.is_finite() && rate > 0.0).then_some(TokensPerSecond(rate))
    }
}

/// A card that does not hold a model, with the rest of it in the computer's memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Offloaded {
    /// Decode, without a band: nothing like it was held out.
    pub decode: TokensPerSecond,
    /// Share of the weights that is not on the card.
    pub share: f64,
    /// How many times slower than if all of it were on the card.
    pub slowdown: f64,
}

/// Predicts decode at a full context where a part of the weights lies in a computer's memory, read at
/// `host`; nothing where the card does not hold the cache.
#[must_use]
pub fn offloaded(
    catalogue: &Catalogue,
    machine: &Machine,
    shape: &Shape,
    context: f64,
    kind: CacheType,
    host: GigabytesPerSecond,
) -> Option<Offloaded> {
    let family = catalogue.family(&machine.family)?;
    let cpu = catalogue.family("cpu")?;
    let room = Bytes::from(machine.usable_gib);
    let share = ((shape.need(context, kind) - room) / shape.weights).max(0.0);
    if share.is_nan() || share > 1.0 {
        return None;
    }
    let (weights, cache) = (shape.active_bytes(), shape.cache(context, kind));
    let (moe, beside) = (shape.is_moe, beside(family, shape));
    let card = |bytes: Bytes| seconds(family, machine.bandwidth_gbs, bytes, moe);
    let near = card(weights * (1.0 - share) + cache);
    let far = seconds(cpu, host, weights * share, moe);
    let whole = card(weights + cache);
    let rate = TokensPerSecond(1.0 / (near + far + beside));
    Some(Offloaded {
        decode: rate,
        share,
        slowdown: (near + far + beside) / (whole + beside),
    })
}

/// Seconds to read the bytes of a token.
fn seconds(family: &Family, bandwidth: GigabytesPerSecond, bytes: Bytes, is_moe: bool) -> f64 {
    let moe = if is_moe { family.moe } else { 1.0 };
    bytes.0 / (bandwidth.0 * 1e9 * family.eta * moe)
}

/// Seconds of a token beside reading.
fn beside(family: &Family, shape: &Shape) -> f64 {
    family.tau_us * 1e-6 * f64::from(shape.layers)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reference measured 19.06 tokens a second on the card and 3.10 with a part beside it.
    #[test]
    fn what_lies_beside_the_card_slows_it_several_times() {
        let all = Catalogue::builtin();
        let card = all.machine("rtx-4090-24").unwrap();
        let host = all.machine("desktop-ddr5-64").unwrap().bandwidth_gbs;
        let large = all.shape("llama-3.3-70b:Q4_K_M").unwrap();
        let split = offloaded(all, card, &large, 8192.0, CacheType::F16, host).unwrap();
        assert!((0.4..0.6).contains(&split.share), "{split:?}");
        assert!((4.0..12.0).contains(&split.slowdown), "{split:?}");
        let small = all.shape("llama-3.1-8b").unwrap();
        let whole = offloaded(all, card, &small, 8192.0, CacheType::F16, host).unwrap();
        assert_eq!((whole.share, whole.slowdown), (0.0, 1.0));
        let split = |tokens, kind| offloaded(all, card, &large, tokens, kind, host);
        // 131,072 tokens of 327,680 bytes are 40 GiB, more than the card has; in 4.5 bits 11.25.
        assert_eq!(split(131_072.0, CacheType::F16), None);
        let small = split(131_072.0, CacheType::Q4_0).unwrap();
        assert!(
            small.share > split(8192.0, CacheType::F16).unwrap().share,
            "{small:?}"
        );
        let full = |kind| {
            speed(
                all,
                card,
                &all.shape("llama-3.1-8b").unwrap(),
                32_768.0,
                kind,
            )
            .decode
        };
        assert!(full(CacheType::Q8_0).unwrap().rate > full(CacheType::F16).unwrap().rate);
    }
}

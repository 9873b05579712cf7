//! How positions turn queries and keys, and how long texts stretch that.

use super::SpecError;
use super::reader::Reader;

/// The divisors of a rotation for texts longer than those of the first training
/// (LongRoPE: Ding et al. 2024, arXiv:2402.13753).
pub const ROPE_FACTORS_LONG: &str = "rope_factors_long.weight";
/// Those for texts that are not.
pub const ROPE_FACTORS_SHORT: &str = "rope_factors_short.weight";

/// One rotation. Pair `i` of `n / 2` turns by
/// `base^(-2 i / n) / divisor[i] * (factor * (1 - kept[i]) + kept[i])` radians a
/// position, where `kept` is 0 without a ramp.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rope {
    /// Rotated elements of a head, `n`.
    pub dim: usize,
    /// Base of the geometric series.
    pub base: f32,
    /// What positions are multiplied by; 1 where they are not stretched.
    pub factor: f32,
    /// Which pairs are not stretched.
    pub ramp: Option<Ramp>,
    /// What cosines and sines are multiplied by.
    pub magnitude: f32,
    /// Whether the file's divisors are for this rotation; else they are 1.
    pub divided: bool,
}

/// The pairs between which stretching sets in (YaRN: Peng et al. 2023,
/// arXiv:2309.00071, section 3.2): those before `low` keep their pace, those
/// behind `high` are stretched, those between by degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ramp {
    /// The last pair that is kept.
    pub low: f32,
    /// The first pair that is stretched wholly.
    pub high: f32,
}

impl Ramp {
    /// Returns how much of a pair's pace is kept, from 1 down to 0.
    pub fn kept(&self, pair: usize) -> f64 {
        let (low, high) = (f64::from(self.low), f64::from(self.high));
        1.0 - ((pair as f64 - low) / (high - low).max(0.001)).clamp(0.0, 1.0)
    }
}

/// How a file stretches its rotation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scaling {
    /// The rotation of layers that see everything.
    pub(super) rope: Rope,
    /// The logarithm of the stretch, 0 where there is none: the attention of
    /// some families grows with it.
    pub(super) log_stretch: f32,
    /// Whether the divisors come in two sets, for short and for long texts.
    pub(super) long_and_short: bool,
}

/// The rotation without any stretch.
pub fn plain(dim: usize, base: f32) -> Rope {
    Rope {
        dim,
        base,
        factor: 1.0,
        ramp: None,
        magnitude: 1.0,
        divided: false,
    }
}

impl Reader<'_> {
    /// Reads the rotation of `rope_dim` elements. `trained` is the number of
    /// positions of the model.
    pub(super) fn scaling(&self, rope_dim: usize, trained: usize) -> Result<Scaling, SpecError> {
        let base = self.rope_base("rope.freq_base", 10_000.0)?;
        let stretch = self
            .positive("rope.scaling.factor")?
            .or(self.positive("rope.scale_linear")?);
        if self.positive("rope.scaling.alpha")?.is_some() {
            return Err(SpecError::Unsupported(
                "a base of its rotation that a factor alpha stretches".to_owned(),
            ));
        }
        let kind = self.text("rope.scaling.type")?.unwrap_or("linear");
        let attention_factor = self.positive("rope.scaling.attn_factor")?.unwrap_or(1.0);
        let mut scaling = Scaling {
            rope: Rope {
                magnitude: attention_factor,
                divided: true,
                ..plain(rope_dim, base)
            },
            log_stretch: 0.0,
            long_and_short: self.long_and_short || kind == "longrope",
        };
        match kind {
            "none" => {}
            "linear" | "longrope" => scaling.rope.factor = 1.0 / stretch.unwrap_or(1.0),
            "yarn" => {
                let blend = self.number("rope.scaling.yarn_ext_factor")?;
                if let Some(blend) = blend.filter(|blend| *blend != 1.0) {
                    return Err(SpecError::Unsupported(format!(
                        "a YaRN whose extrapolation factor is {blend} and not 1"
                    )));
                }
                let stretch = stretch.unwrap_or(1.0);
                let original = self.original_context(trained)?;
                scaling.log_stretch = stretch.max(1.0).ln();
                scaling.rope.factor = 1.0 / stretch;
                scaling.rope.ramp = Some(self.ramp(base, rope_dim, original)?);
                scaling.rope.magnitude *= self.yarn_magnitude(scaling.log_stretch)?;
            }
            kind => {
                return Err(SpecError::Unsupported(format!(
                    "the position scaling '{kind}'"
                )));
            }
        }
        Ok(scaling)
    }

    /// Reads the positions of the first training, before a stretch.
    pub(super) fn original_context(&self, trained: usize) -> Result<usize, SpecError> {
        let original = self.size_or_none("rope.scaling.original_context_length")?;
        Ok(original.unwrap_or(trained))
    }

    /// A pair that turns `beta_fast` times within the first training is kept,
    /// one that turns `beta_slow` times is stretched.
    fn ramp(&self, base: f32, rope_dim: usize, original: usize) -> Result<Ramp, SpecError> {
        use std::f32::consts::TAU;
        let pair = |turns: f32| {
            rope_dim as f32 * (original as f32 / (turns * TAU)).ln() / (2.0 * base.ln())
        };
        let fast = self
            .positive("rope.scaling.yarn_beta_fast")?
            .unwrap_or(32.0);
        let slow = self.positive("rope.scaling.yarn_beta_slow")?.unwrap_or(1.0);
        let (mut low, mut high) = (pair(fast), pair(slow));
        // Folders of gpt-oss say that parts of a pair count; llama.cpp has no such key.
        if self.flag("rope.scaling.yarn_truncate")? != Some(false) {
            (low, high) = (low.floor(), high.ceil());
        }
        Ok(Ramp {
            low: low.max(0.0),
            high: high.min(rope_dim as f32 - 1.0),
        })
    }

    /// YaRN's temperature, `1 + 0.1 ln(stretch)`, on both queries and keys. A
    /// file with a multiplier divides by the same with that; DeepSeek's models
    /// scale the scores instead, see `attention_scale`.
    fn yarn_magnitude(&self, log_stretch: f32) -> Result<f32, SpecError> {
        let usual = 1.0 + 0.1 * log_stretch;
        Ok(match self.nonzero("rope.scaling.yarn_log_multiplier")? {
            None => usual,
            Some(_) if self.family.yarn_scales_scores => 1.0,
            Some(multiplier) => usual / (1.0 + 0.1 * multiplier * log_stretch),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_keeps_the_fast_and_stretches_the_slow() {
        let ramp = Ramp {
            low: 2.0,
            high: 6.0,
        };
        let kept: Vec<f64> = [0, 2, 3, 5, 6, 9].map(|pair| ramp.kept(pair)).to_vec();
        assert_eq!(kept, [1.0, 1.0, 0.75, 0.25, 0.0, 0.0]);
        let step = Ramp {
            low: 3.0,
            high: 3.0,
        };
        assert_eq!((step.kept(3), step.kept(4)), (1.0, 0.0));
    }
}

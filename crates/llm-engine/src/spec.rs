//! The numbers of one model, read from its metadata and checked.
//!
//! What the family does with them is in `family`, the weights are in `weights`.

use crate::family::{self, Family};
use crate::gguf::{Metadata, Value};

/// The shape of a decoder.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// How the family differs from others.
    pub family: &'static Family,
    /// Length of a token's vector.
    pub width: usize,
    /// Length of the feed-forward step's inner vector.
    pub feed_forward: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads.
    pub kv_heads: usize,
    /// Elements of a head.
    pub head_dim: usize,
    /// Rotated elements of a head.
    pub rope_dim: usize,
    /// Factor of attention scores.
    pub attention_scale: f32,
    /// Soft cap of attention scores.
    pub attention_soft_cap: Option<f32>,
    /// Soft cap of logits.
    pub logit_soft_cap: Option<f32>,
    /// Added to the mean square in every norm.
    pub norm_epsilon: f32,
    /// Positions that the model was trained for.
    pub context_length: usize,
    /// One entry a layer.
    pub layers: Vec<LayerSpec>,
}

/// What differs from layer to layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayerSpec {
    /// Positions that a query sees, its own included; `None` for all.
    pub window: Option<usize>,
    /// The rotation of queries and keys.
    pub rope: Rope,
}

/// Rotation frequencies: `factor * base^(-2 i / rope_dim)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rope {
    /// Base of the geometric series.
    pub base: f32,
    /// Linear scaling of positions; 1 for none.
    pub factor: f32,
}

/// Why a model's numbers cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// The file does not say what it is.
    #[error(
        "the file does not name its architecture (general.architecture); it may hold a vocabulary or an adapter only"
    )]
    NoArchitecture,
    /// A family that cannot be run.
    #[error(
        "the architecture '{architecture}' is not known; known are {}",
        family::names()
    )]
    UnknownFamily {
        /// `general.architecture`.
        architecture: String,
    },
    /// A number is missing or of another type.
    #[error("the file lacks the number '{0}'; fetch it again or from another source")]
    Missing(String),
    /// A number that no model can have, or two that contradict each other.
    #[error("the file's numbers contradict each other: {0}")]
    Contradiction(String),
    /// A known family with a part that cannot be run yet.
    #[error("the model uses {0}, which is not supported yet")]
    Unsupported(String),
}

/// More than any published model has; keeps products of sizes within 64 bits.
const LARGEST: u64 = 1 << 24;

impl Spec {
    /// Reads the numbers of a model.
    ///
    /// # Errors
    /// An unknown family, or numbers that are missing or cannot be.
    pub fn from_gguf(metadata: &Metadata) -> Result<Self, SpecError> {
        let architecture = metadata.string("general.architecture");
        let architecture = architecture.ok_or(SpecError::NoArchitecture)?;
        let family = family::find(architecture).ok_or_else(|| SpecError::UnknownFamily {
            architecture: architecture.to_owned(),
        })?;
        let reader = Reader {
            metadata,
            architecture,
        };
        reader.refuse_unsupported()?;
        let layers = reader.size("block_count")?;
        let width = reader.size("embedding_length")?;
        let heads = reader.size("attention.head_count")?;
        let kv_heads = reader
            .optional_size("attention.head_count_kv")?
            .unwrap_or(heads);
        let head_dim = match reader.optional_size("attention.key_length")? {
            Some(head_dim) => head_dim,
            None => width / heads,
        };
        let spec = Self {
            family,
            width,
            feed_forward: reader.size("feed_forward_length")?,
            heads,
            kv_heads,
            head_dim,
            rope_dim: reader
                .optional_size("rope.dimension_count")?
                .unwrap_or(head_dim),
            attention_scale: attention_scale(family, layers, width, heads, head_dim),
            attention_soft_cap: reader.soft_cap("attn_logit_softcapping"),
            logit_soft_cap: reader.soft_cap("final_logit_softcapping"),
            norm_epsilon: reader
                .number("attention.layer_norm_rms_epsilon")
                .ok_or_else(|| {
                    SpecError::Missing(reader.key("attention.layer_norm_rms_epsilon"))
                })?,
            context_length: reader.size("context_length")?,
            layers: reader.layers(family, layers)?,
        };
        spec.check(reader.optional_size("attention.value_length")?)?;
        Ok(spec)
    }

    fn check(&self, value_length: Option<usize>) -> Result<(), SpecError> {
        let contradiction = |text: String| Err(SpecError::Contradiction(text));
        if !self.heads.is_multiple_of(self.kv_heads) {
            return contradiction(format!(
                "{} query heads over {} key heads",
                self.heads, self.kv_heads
            ));
        }
        if self.head_dim == 0 || self.rope_dim > self.head_dim || !self.rope_dim.is_multiple_of(2) {
            return contradiction(format!(
                "{} rotated of {} elements of a head",
                self.rope_dim, self.head_dim
            ));
        }
        if value_length.is_some_and(|length| length != self.head_dim) {
            return Err(SpecError::Unsupported(
                "values of another length than keys".into(),
            ));
        }
        Ok(())
    }

    /// Returns the elements of the queries of one position.
    pub fn query_width(&self) -> usize {
        self.heads * self.head_dim
    }

    /// Returns the elements of the keys, or values, of one position.
    pub fn kv_width(&self) -> usize {
        self.kv_heads * self.head_dim
    }
}

/// Scores are divided by the root of the head's length, in the 27B Gemma 3
/// (62 layers) by that of the width per head.
fn attention_scale(
    family: &Family,
    layers: usize,
    width: usize,
    heads: usize,
    head_dim: usize,
) -> f32 {
    let length = if family.architecture == "gemma3" && layers == 62 {
        width / heads
    } else {
        head_dim
    };
    1.0 / (length as f32).sqrt()
}

struct Reader<'a> {
    metadata: &'a Metadata,
    architecture: &'a str,
}

impl Reader<'_> {
    fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.architecture)
    }

    fn number(&self, name: &str) -> Option<f32> {
        self.metadata
            .f32(&self.key(name))
            .filter(|number| number.is_finite())
    }

    /// 0 stands for no cap.
    fn soft_cap(&self, name: &str) -> Option<f32> {
        self.number(name).filter(|cap| *cap > 0.0)
    }

    /// The base of a rotation, `default` where the file has none.
    fn rope_base(&self, name: &str, default: f32) -> Result<f32, SpecError> {
        let base = self.metadata.f32(&self.key(name)).unwrap_or(default);
        if base.is_finite() && base > 0.0 {
            return Ok(base);
        }
        Err(SpecError::Contradiction(format!(
            "{} is {base}",
            self.key(name)
        )))
    }

    fn size(&self, name: &str) -> Result<usize, SpecError> {
        self.optional_size(name)?
            .ok_or_else(|| SpecError::Missing(self.key(name)))
    }

    fn optional_size(&self, name: &str) -> Result<Option<usize>, SpecError> {
        let key = self.key(name);
        let size = match self.metadata.get(&key) {
            None => return Ok(None),
            Some(Value::Integers(sizes)) => {
                // One a layer; only models whose layers agree can be run.
                let first = sizes.iter().next();
                if sizes.iter().any(|size| Some(size) != first) {
                    return Err(SpecError::Unsupported(format!(
                        "a {name} that changes from layer to layer"
                    )));
                }
                first.and_then(|size| u64::try_from(size).ok())
            }
            Some(_) => self.metadata.u64(&key),
        };
        match size {
            Some(size) if (1..=LARGEST).contains(&size) => Ok(Some(size as usize)),
            Some(size) => Err(SpecError::Contradiction(format!("{key} is {size}"))),
            None => Err(SpecError::Missing(key)),
        }
    }

    fn refuse_unsupported(&self) -> Result<(), SpecError> {
        if self.metadata.u64(&self.key("expert_count")).unwrap_or(0) > 0 {
            return Err(SpecError::Unsupported("mixture-of-experts layers".into()));
        }
        match self.metadata.string(&self.key("rope.scaling.type")) {
            None | Some("none" | "linear") => Ok(()),
            Some(kind) => Err(SpecError::Unsupported(format!(
                "the position scaling '{kind}'"
            ))),
        }
    }

    fn layers(&self, family: &Family, count: usize) -> Result<Vec<LayerSpec>, SpecError> {
        /// More layers than this are a broken header, not a model.
        const MOST_LAYERS: usize = 10_000;
        if count > MOST_LAYERS {
            return Err(SpecError::Contradiction(format!("{count} layers")));
        }
        let linear = self.metadata.string(&self.key("rope.scaling.type")) == Some("linear");
        let stretch = self
            .number("rope.scaling.factor")
            .filter(|factor| linear && *factor > 0.0);
        let global = Rope {
            base: self.rope_base("rope.freq_base", 10_000.0)?,
            factor: 1.0 / stretch.unwrap_or(1.0),
        };
        let window = self.optional_size("attention.sliding_window")?;
        let local_default = family
            .window
            .map_or(global.base, |pattern| pattern.rope_base);
        let local = Rope {
            base: self.rope_base("rope.freq_base_swa", local_default)?,
            factor: 1.0,
        };
        let layer = |index: usize| match (family.window, window) {
            (Some(pattern), Some(window)) if !(index + 1).is_multiple_of(pattern.global_every) => {
                LayerSpec {
                    window: Some(window),
                    rope: local,
                }
            }
            _ => LayerSpec {
                window: None,
                rope: global,
            },
        };
        Ok((0..count).map(layer).collect())
    }
}

//! What a model needs in memory: weights, the cache of its context, and the program beside them.

use serde::{Deserialize, Serialize};

use crate::catalogue::{CacheLayers, Catalogue, CatalogueError, Machine, Model};
use crate::units::{Bytes, Gib};

/// What buffers and the program take beside weights and cache: a round number that holds for
/// llama.cpp at batches of 512 and models up to 70B.
pub const OVERHEAD: Gib = Gib(1.0);

/// The size and build of a model in one quantization, from the catalogue or from a file's header.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shape {
    /// The model's name.
    pub model: String,
    /// The quantization's name.
    pub quant: String,
    /// Bytes of all weights.
    pub weights: Bytes,
    /// Weights, in 10^9.
    pub params_b: f64,
    /// Weights that a token goes through, in 10^9.
    pub active_b: f64,
    /// Whether a token goes through some experts only. That it passes by weights is another matter: nobody reads
    /// a whole embedding.
    pub is_moe: bool,
    /// Number of layers.
    pub layers: u32,
    /// What the layers keep of each token in the KV cache.
    pub cache: Vec<CacheLayers>,
    /// Bytes of states that do not grow with the context.
    pub state: Bytes,
    /// Longest context, in tokens.
    pub context: Option<u64>,
}

/// The type of the numbers in the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheType {
    /// 16-bit floats.
    #[default]
    F16,
    /// Blocks of 8 bits.
    Q8_0,
    /// Blocks of 5 bits.
    Q5_1,
    /// Blocks of 4 bits.
    Q4_0,
}

impl CacheType {
    /// Returns the bytes of a number, the blocks' scales included.
    #[must_use]
    pub fn bytes(self) -> f64 {
        match self {
            Self::F16 => 2.0,
            Self::Q8_0 => 34.0 / 32.0,
            Self::Q5_1 => 24.0 / 32.0,
            Self::Q4_0 => 18.0 / 32.0,
        }
    }

    /// Returns its name in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F16 => "f16",
            Self::Q8_0 => "q8_0",
            Self::Q5_1 => "q5_1",
            Self::Q4_0 => "q4_0",
        }
    }
}

impl Catalogue {
    /// Returns the shapes of all models in their usual quantization, the largest first.
    #[must_use]
    pub fn shapes(&self) -> Vec<Shape> {
        let models = self.models.iter();
        let mut shapes: Vec<Shape> = models
            .filter_map(|model| self.shape(&model.id).ok())
            .collect();
        shapes.sort_by(|a, b| b.params_b.total_cmp(&a.params_b));
        shapes
    }

    /// Returns the shape of `MODEL` or `MODEL:QUANT`; without a quantization the first file that was
    /// seen counts, else `Q4_K_M`.
    ///
    /// # Errors
    /// As [`Catalogue::price`], for the model and for the quantization.
    pub fn shape(&self, name: &str) -> Result<Shape, CatalogueError> {
        let (base, quant) = match name.rsplit_once(':') {
            Some((base, quant)) => (base, Some(quant)),
            None => (name, None),
        };
        let model = self.model(base)?;
        let preferred = model.files.iter().find(|file| file.quant == "Q4_K_M");
        let first = preferred
            .or(model.files.first())
            .map(|file| file.quant.as_str());
        self.shape_of(model, quant.or(first).unwrap_or("Q4_K_M"))
    }

    /// Returns the shape of a model in a quantization: by the size of a file where one was seen, else by
    /// the bits of a weight.
    ///
    /// # Errors
    /// As [`Catalogue::price`], for the quantization.
    pub fn shape_of(&self, model: &Model, quant: &str) -> Result<Shape, CatalogueError> {
        let seen = model
            .files
            .iter()
            .find(|file| file.quant.eq_ignore_ascii_case(quant));
        if let Some(file) = seen {
            return Ok(Shape::of_file(model, &file.quant, file.gib.into()));
        }
        let quant = self.quant(quant)?;
        Ok(Shape::of_bits(model, &quant.quant, quant.bits))
    }
}

impl Shape {
    /// Returns the shape of a model whose file has this size.
    #[must_use]
    pub fn of_file(model: &Model, quant: &str, weights: Bytes) -> Self {
        Self {
            model: model.id.clone(),
            quant: quant.to_owned(),
            weights,
            params_b: model.params_b,
            active_b: model.active_b,
            is_moe: model.is_moe(),
            layers: model.layers,
            cache: model.cache.clone(),
            state: Bytes(model.state_bytes),
            context: model.context,
        }
    }

    /// Returns the shape of a model whose weights have so many bits.
    #[must_use]
    pub fn of_bits(model: &Model, quant: &str, bits: f64) -> Self {
        Self::of_file(model, quant, Bytes(model.params_b * 1e9 * bits / 8.0))
    }

    /// Whether the weights are floats, not blocks of integers.
    #[must_use]
    pub fn is_float(&self) -> bool {
        let floats = ["F32", "F16", "BF16"];
        floats
            .iter()
            .any(|name| self.quant.eq_ignore_ascii_case(name))
    }

    /// Returns the cache of one sequence with so many tokens. Layers with a window keep no more than it.
    #[must_use]
    pub fn cache(&self, tokens: f64, kind: CacheType) -> Bytes {
        let elements: f64 = self
            .cache
            .iter()
            .map(|part| {
                let kept = part
                    .window
                    .map_or(tokens, |window| tokens.min(window as f64));
                f64::from(part.layers) * part.elements * kept
            })
            .sum();
        Bytes(elements * kind.bytes()) + self.state
    }

    /// Returns what has to fit: weights, cache and [`OVERHEAD`].
    #[must_use]
    pub fn need(&self, tokens: f64, kind: CacheType) -> Bytes {
        self.weights + self.cache(tokens, kind) + OVERHEAD.into()
    }

    /// Whether a machine holds it.
    #[must_use]
    pub fn fits(&self, machine: &Machine, tokens: f64, kind: CacheType) -> bool {
        Gib::from(self.need(tokens, kind)) <= machine.usable_gib
    }

    /// Returns the bytes of the weights that a token goes through.
    #[must_use]
    pub fn active_bytes(&self) -> Bytes {
        let share = if self.params_b > 0.0 {
            self.active_b / self.params_b
        } else {
            1.0
        };
        self.weights * share
    }

    /// Returns the bytes that a decoded token reads at a depth: its share of the weights and the cache.
    #[must_use]
    pub fn bytes_per_token(&self, depth: f64, kind: CacheType) -> Bytes {
        self.active_bytes() + self.cache(depth, kind)
    }
}

#[cfg(test)]
mod tests {
    use crate::units::Gib;

    use super::*;

    fn cache_of(name: &str, tokens: f64) -> f64 {
        let shape = Catalogue::builtin().shape(name).unwrap();
        (shape.cache(tokens, CacheType::F16) - shape.state).0
    }

    /// Bytes of a token, computed by hand from the published configurations.
    #[test]
    fn a_token_takes_what_its_layers_keep() {
        for (name, bytes) in [
            ("llama-3.1-8b", 131_072.0),
            ("llama-3.3-70b", 327_680.0),
            ("qwen3-32b", 262_144.0),
            ("qwen3-30b-a3b", 98_304.0),
            ("qwen3.6-27b", 65_536.0),
            ("qwen3.6-35b-a3b", 20_480.0),
            ("deepseek-v3", 70_272.0),
        ] {
            assert_eq!(cache_of(name, 1.0), bytes, "{name}");
        }
    }

    #[test]
    fn windows_end_the_growth() {
        let grown = |name, tokens: f64| cache_of(name, tokens + 1.0) - cache_of(name, tokens);
        assert_eq!(grown("gpt-oss-20b", 1000.0), 24_576.0);
        assert_eq!(grown("gpt-oss-120b", 1000.0), 36_864.0);
        assert_eq!(grown("gemma-3-27b", 2000.0), 81_920.0);
        assert_eq!(grown("gemma-3-27b", 100.0), 62.0 * 4096.0 * 2.0);
    }

    /// The table of the reference: weights, f16 cache of 8,192 tokens and 1 GiB.
    #[test]
    fn needs_are_those_of_the_reference() {
        for (name, gib) in [
            ("llama-3.2-3b", 3.8),
            ("llama-3.1-8b", 6.6),
            ("qwen3-14b", 10.6),
            ("qwen3-30b-a3b", 19.0),
            ("qwen3-32b", 21.4),
            ("llama-3.3-70b", 43.1),
            ("gpt-oss-120b", 60.3),
            ("qwen3-235b-a22b", 135.0),
            ("deepseek-v3", 378.0),
        ] {
            let shape = Catalogue::builtin().shape(name).unwrap();
            let need = Gib::from(shape.need(8192.0, CacheType::F16)).0;
            let step = if gib > 100.0 { 1.0 } else { 0.1 };
            assert!((need - gib).abs() <= step * 0.51, "{name}: {need}");
        }
    }

    #[test]
    fn a_quantized_cache_is_smaller() {
        let shape = Catalogue::builtin().shape("llama-3.1-8b").unwrap();
        let sizes = [
            CacheType::F16,
            CacheType::Q8_0,
            CacheType::Q5_1,
            CacheType::Q4_0,
        ]
        .map(|kind| shape.cache(1.0, kind).0 / 65_536.0);
        assert_eq!(sizes, [2.0, 1.0625, 0.75, 0.5625]);
    }
}

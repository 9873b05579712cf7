//! The shapes of published models, as data. Each row is what the model's own
//! `config.json` says; a new model is a new row.

/// The numbers of one published model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape {
    /// Name that the user writes.
    pub name: &'static str,
    /// `general.architecture` in GGUF.
    pub architecture: &'static str,
    /// Layers.
    pub layers: usize,
    /// Length of a token's vector.
    pub hidden_size: usize,
    /// Length of the feed-forward step's inner vector.
    pub intermediate_size: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads.
    pub kv_heads: usize,
    /// Elements of a head.
    pub head_dim: usize,
    /// Rows of the embedding.
    pub vocabulary: usize,
    /// Whether the embedding is also the output matrix.
    pub tied: bool,
    /// Positions that the model was trained for.
    pub context: usize,
    /// Added to the mean square in every norm.
    pub norm_epsilon: f64,
    /// Base of the rotation.
    pub rope_base: f32,
    /// How positions beyond the first training are reached.
    pub rope: RopeScaling,
    /// Positions that a layer with a sliding window sees.
    pub window: Option<usize>,
}

/// How a model stretches its rotation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RopeScaling {
    /// Not at all.
    None,
    /// All positions divided by this (layers without a window).
    Linear(f32),
    /// Slow rotations divided by this, fast ones kept (Llama 3.1 and later).
    Llama3(f32),
}

use RopeScaling::{Linear, Llama3, None as Plain};

/// A row of `SHAPES` with what most Llama models share.
const LLAMA: Shape = Shape {
    name: "",
    architecture: "llama",
    layers: 0,
    hidden_size: 0,
    intermediate_size: 0,
    heads: 0,
    kv_heads: 8,
    head_dim: 128,
    vocabulary: 128_256,
    tied: false,
    context: 131_072,
    norm_epsilon: 1e-5,
    rope_base: 500_000.0,
    rope: Plain,
    window: None,
};

/// A row of `SHAPES` with what most Gemma 3 models share.
const GEMMA3: Shape = Shape {
    architecture: "gemma3",
    head_dim: 256,
    vocabulary: 262_208,
    tied: true,
    norm_epsilon: 1e-6,
    rope_base: 1_000_000.0,
    rope: Linear(8.0),
    window: Some(1024),
    ..LLAMA
};

/// A row of `SHAPES` with what the SmolLM2 models share.
const SMOLLM2: Shape = Shape {
    head_dim: 64,
    vocabulary: 49_152,
    tied: true,
    context: 8192,
    rope_base: 100_000.0,
    ..LLAMA
};

/// Returns `shape` with (layers, `hidden_size`, `intermediate_size`, heads, `kv_heads`).
const fn sized(name: &'static str, shape: Shape, sizes: [usize; 5]) -> Shape {
    let [layers, hidden_size, intermediate_size, heads, kv_heads] = sizes;
    Shape {
        name,
        layers,
        hidden_size,
        intermediate_size,
        heads,
        kv_heads,
        ..shape
    }
}

/// All shapes, by family and size. The two tiny ones are no published models:
/// they are for tests of programs.
#[rustfmt::skip]
pub const SHAPES: &[Shape] = &[
    sized("tiny-llama", Shape { vocabulary: 512, head_dim: 32, context: 512, ..LLAMA }, [8, 256, 512, 8, 2]),
    sized("tiny-gemma3", Shape { vocabulary: 512, head_dim: 64, context: 512, window: Some(64), ..GEMMA3 }, [12, 256, 512, 4, 1]),
    sized("smollm2-135m", SMOLLM2, [30, 576, 1536, 9, 3]),
    sized("smollm2-360m", SMOLLM2, [32, 960, 2560, 15, 5]),
    sized("smollm2-1.7b", Shape { rope_base: 130_000.0, ..SMOLLM2 }, [24, 2048, 8192, 32, 32]),
    sized("gemma-3-270m", Shape { vocabulary: 262_144, context: 32_768, rope: Plain, window: Some(512), ..GEMMA3 }, [18, 640, 2048, 4, 1]),
    sized("gemma-3-1b", Shape { vocabulary: 262_144, context: 32_768, rope: Plain, window: Some(512), ..GEMMA3 }, [26, 1152, 6912, 4, 1]),
    sized("gemma-3-4b", GEMMA3, [34, 2560, 10_240, 8, 4]),
    sized("gemma-3-12b", GEMMA3, [48, 3840, 15_360, 16, 8]),
    sized("gemma-3-27b", Shape { head_dim: 128, ..GEMMA3 }, [62, 5376, 21_504, 32, 16]),
    sized("llama-3.2-1b", Shape { head_dim: 64, tied: true, rope: Llama3(32.0), ..LLAMA }, [16, 2048, 8192, 32, 8]),
    sized("llama-3.2-3b", Shape { tied: true, rope: Llama3(32.0), ..LLAMA }, [28, 3072, 8192, 24, 8]),
    sized("llama-3.1-8b", Shape { rope: Llama3(8.0), ..LLAMA }, [32, 4096, 14_336, 32, 8]),
    sized("llama-3.3-70b", Shape { rope: Llama3(8.0), ..LLAMA }, [80, 8192, 28_672, 64, 8]),
    sized("llama-3.1-405b", Shape { rope: Llama3(8.0), ..LLAMA }, [126, 16_384, 53_248, 128, 8]),
    sized("mistral-7b", Shape { vocabulary: 32_768, context: 32_768, rope_base: 1e6, ..LLAMA }, [32, 4096, 14_336, 32, 8]),
    sized("mistral-small-24b", Shape { vocabulary: 131_072, context: 32_768, rope_base: 1e8, ..LLAMA }, [40, 5120, 32_768, 32, 8]),
];

/// Returns the names of all shapes, for messages.
pub(super) fn names() -> Vec<&'static str> {
    SHAPES.iter().map(|shape| shape.name).collect()
}

//! How the model families differ, as data: the only place that knows their
//! names. A new family is a new entry here.

use llm_kernels::rope::Pairing;
use llm_kernels::vector::Gate;

/// What one family does differently from the common decoder.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Family {
    /// `general.architecture` in GGUF.
    pub architecture: &'static str,
    /// Which elements of a head rotate together.
    pub pairing: Pairing,
    /// The non-linearity of the feed-forward step.
    pub gate: Gate,
    /// Queries and keys are normalized, head by head, before they rotate.
    pub query_key_norm: bool,
    /// The results of attention and feed-forward are normalized before they
    /// are added to the stream.
    pub post_norms: bool,
    /// Embeddings are multiplied by the square root of the width.
    pub scaled_embedding: bool,
    /// Layers with a sliding window, `None` where every layer sees everything.
    pub window: Option<Window>,
}

/// The alternation of layers with and without a sliding window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// Every n-th layer sees everything, the others their window.
    pub global_every: usize,
    /// The base of the rotation in layers with a window, where the file does
    /// not say.
    pub rope_base: f32,
}

/// All families that can be run.
pub const FAMILIES: &[Family] = &[
    Family {
        architecture: "llama",
        pairing: Pairing::Adjacent,
        gate: Gate::Silu,
        query_key_norm: false,
        post_norms: false,
        scaled_embedding: false,
        window: None,
    },
    Family {
        architecture: "gemma3",
        pairing: Pairing::Halves,
        gate: Gate::GeluTanh,
        query_key_norm: true,
        post_norms: true,
        scaled_embedding: true,
        window: Some(Window {
            global_every: 6,
            rope_base: 10_000.0,
        }),
    },
];

/// Returns the family of a GGUF architecture.
pub fn find(architecture: &str) -> Option<&'static Family> {
    FAMILIES
        .iter()
        .find(|family| family.architecture == architecture)
}

/// Returns the names of all families, for messages.
pub fn names() -> String {
    let names: Vec<_> = FAMILIES.iter().map(|family| family.architecture).collect();
    names.join(", ")
}

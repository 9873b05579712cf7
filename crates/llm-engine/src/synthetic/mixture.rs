//! Which tensor is stored in which format, as llama-quantize chooses it without
//! an importance matrix (`llama_tensor_get_type` in llama.cpp's
//! `src/llama-quant.cpp`), for the architectures that the engine runs.

use llm_kernels::block::Format;

use super::shapes::Shape;

/// A quantization by its usual name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantization {
    /// Name that the user writes.
    pub name: &'static str,
    /// `general.file_type`.
    pub file_type: u32,
    /// Format of most matrices.
    pub base: Format,
    /// Which matrices get more bits.
    more: More,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum More {
    /// None but the output.
    None,
    /// The first few layers' values and down projections, as `Q5_K`.
    Small,
    /// The first few layers' down projections and, where four query heads or more
    /// share a value head, all values, as `Q5_K`.
    Shared,
    /// Half of the layers' values and down projections, as `Q6_K`.
    Medium,
}

const fn row(name: &'static str, file_type: u32, base: Format, more: More) -> Quantization {
    Quantization {
        name,
        file_type,
        base,
        more,
    }
}

/// All quantizations that can be made.
pub const QUANTIZATIONS: &[Quantization] = &[
    row("f16", 1, Format::F16, More::None),
    row("bf16", 32, Format::Bf16, More::None),
    row("q8_0", 7, Format::Q8_0, More::None),
    row("q4_0", 2, Format::Q4_0, More::None),
    row("q4_1", 3, Format::Q4_1, More::None),
    row("q5_0", 8, Format::Q5_0, More::None),
    row("q5_1", 9, Format::Q5_1, More::None),
    row("q4_k_s", 14, Format::Q4K, More::Small),
    row("q4_k_m", 15, Format::Q4K, More::Medium),
    row("q5_k_s", 16, Format::Q5K, More::None),
    row("q5_k_m", 17, Format::Q5K, More::Medium),
    row("q6_k", 18, Format::Q6K, More::None),
    row("iq4_nl", 25, Format::Iq4Nl, More::Shared),
    row("iq4_xs", 30, Format::Iq4Xs, More::Shared),
    // llama-quantize gives it to experts alone, and Q8_0 to the rest.
    row("mxfp4", 38, Format::Mxfp4, More::None),
];

/// Returns the names of all quantizations, for messages.
pub(super) fn names() -> Vec<&'static str> {
    QUANTIZATIONS.iter().map(|row| row.name).collect()
}

/// What a matrix is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The embedding of a model that has an output matrix of its own.
    Embedding,
    /// The output matrix, also where it is the embedding.
    Output,
    /// Values of a layer, counted in the whole model.
    Value(usize),
    /// The down projection of a layer, counted in the whole model.
    Down(usize),
    /// Any other.
    Other,
}

impl Quantization {
    /// Returns the format of a matrix with rows of `columns` weights.
    pub(super) fn format(&self, shape: &Shape, role: Role, columns: usize) -> Format {
        if !self.base.is_quantized() {
            return self.base;
        }
        fall_back(self.wanted(shape, role, columns), columns)
    }

    fn wanted(&self, shape: &Shape, role: Role, columns: usize) -> Format {
        let layers = shape.layers;
        match role {
            Role::Output if !columns.is_multiple_of(self.base.block_elements()) => Format::Q8_0,
            Role::Output if self.base != Format::Q8_0 => Format::Q6K,
            Role::Embedding | Role::Output | Role::Other => self.base,
            Role::Down(layer) => match self.more {
                More::Medium if has_more_bits(layer, layers) => Format::Q6K,
                More::Small | More::Shared if layer < layers / 8 => Format::Q5K,
                _ => self.base,
            },
            Role::Value(layer) => match self.more {
                More::Medium if has_more_bits(layer, layers) => Format::Q6K,
                More::Small if layer < 4 => Format::Q5K,
                More::Shared if shape.heads >= 4 * shape.kv_heads => Format::Q5K,
                // Eight query heads share a value head in the 70B model, so
                // that better values cost little.
                _ if self.base == Format::Q4K && is_70b(shape) => Format::Q5K,
                _ => self.base,
            },
        }
    }
}

/// The first and last eighth of the layers, and every third between them
/// (`use_more_bits`).
pub(super) fn has_more_bits(layer: usize, layers: usize) -> bool {
    let eighth = layers / 8;
    layer < eighth || layer >= 7 * layers / 8 || (layer - eighth) % 3 == 2
}

fn is_70b(shape: &Shape) -> bool {
    shape.architecture == "llama" && shape.layers == 80 && shape.heads != shape.kv_heads
}

/// Rows that are no whole blocks get the nearest format whose blocks are
/// smaller (`tensor_type_fallback`).
fn fall_back(format: Format, columns: usize) -> Format {
    let whole = |format: Format| columns.is_multiple_of(format.block_elements());
    if whole(format) {
        return format;
    }
    let smaller = match format {
        Format::Q4K => Format::Q5_0,
        Format::Q5K => Format::Q5_1,
        Format::Q6K => Format::Q8_0,
        Format::Iq4Xs => Format::Iq4Nl,
        _ => Format::F16,
    };
    if whole(smaller) { smaller } else { Format::F16 }
}

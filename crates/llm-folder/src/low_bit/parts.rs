//! The tensors that a quantized matrix is stored in, found by their names.

use std::collections::BTreeMap;
use std::sync::Arc;

use llm_kernels::mmap::Mapping;

use crate::header::Stored;

/// What the names of parts end in, beside `.weight`.
const ENDINGS: [&str; 20] = [
    ".qweight",
    ".qzeros",
    ".scales",
    ".biases",
    ".global_scale",
    ".g_idx",
    ".weight_scale_inv",
    ".weight_scale",
    ".weight_packed",
    ".weight_zero_point",
    ".weight_shape",
    ".weight_g_idx",
    ".weight_global_scale",
    ".weight.absmax",
    ".weight.quant_map",
    ".weight.nested_absmax",
    ".weight.nested_quant_map",
    ".weight.quant_state.bitsandbytes__nf4",
    ".weight.quant_state.bitsandbytes__fp4",
    ".SCB",
];

/// What the names of tensors end in that say how activations and caches may be quantized,
/// and of what nothing is needed.
const UNNEEDED: [&str; 6] = [
    ".input_scale",
    ".input_global_scale",
    ".input_zero_point",
    ".activation_scale",
    ".weight_format",
    ".workspace",
];

/// The same for scales of a cache, at their full length.
const OF_CACHE: [&str; 10] = [
    "_attn.k_scale",
    "_attn.v_scale",
    "_attn.q_scale",
    "k_proj.output_scale",
    "v_proj.output_scale",
    "_attn.k_zero_point",
    "_attn.v_zero_point",
    "_attn.kv_scale",
    "_proj.k_scale",
    "_proj.v_scale",
];

/// Returns whether a tensor says only how activations may be quantized.
pub(crate) fn is_unneeded(name: &str) -> bool {
    let mut endings = UNNEEDED.iter().chain(&OF_CACHE);
    endings.any(|ending| name.ends_with(ending))
}

/// A tensor of one of the files.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(super) name: String,
    /// Extents, the slowest-running first.
    pub(super) shape: Vec<usize>,
    /// As safetensors names it.
    pub(super) dtype: String,
    pub(crate) shard: usize,
    offset: usize,
}

impl Part {
    fn new(tensor: &Stored, shard: usize) -> Self {
        Self {
            name: tensor.name.clone(),
            // The header was checked against the file, which is in memory.
            shape: tensor.shape.iter().map(|&extent| extent as usize).collect(),
            dtype: tensor.dtype_name.clone(),
            shard,
            offset: tensor.offset as usize,
        }
    }

    /// Returns the number of elements.
    pub(super) fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Returns the bytes of an element.
    pub(super) fn width(&self) -> usize {
        match self.dtype.as_str() {
            "F64" | "I64" | "U64" => 8,
            "F32" | "I32" | "U32" => 4,
            "F16" | "BF16" | "I16" | "U16" => 2,
            _ => 1,
        }
    }

    /// Returns its bytes.
    pub(super) fn bytes<'a>(&self, shards: &'a [Arc<Mapping>]) -> &'a [u8] {
        let end = self.offset + self.elements() * self.width();
        &shards[self.shard].bytes()[self.offset..end]
    }

    /// Returns why it is not as its format has it.
    pub(super) fn misfit(&self) -> String {
        format!(
            "the tensor '{}' is stored as {} in the shape {:?}, which does not fit the rest of its matrix",
            self.name, self.dtype, self.shape
        )
    }

    /// Returns it if it has one of `dtypes`.
    pub(super) fn of(&self, dtypes: &[&str]) -> Result<&Self, String> {
        if dtypes.contains(&self.dtype.as_str()) {
            Ok(self)
        } else {
            Err(self.misfit())
        }
    }
}

/// The parts of one matrix.
#[derive(Debug)]
pub(crate) struct Parts {
    /// The name of the matrix without `.weight`.
    pub(crate) stem: String,
    found: BTreeMap<&'static str, Part>,
}

impl Parts {
    /// Returns the part whose name ends in `ending`.
    pub(super) fn get(&self, ending: &str) -> Option<&Part> {
        self.found.get(ending)
    }

    /// Does the same for one that has to be there.
    pub(super) fn need(&self, ending: &str) -> Result<&Part, String> {
        self.get(ending).ok_or_else(|| {
            format!(
                "it lacks the tensor '{}{ending}', without which the matrix cannot be read",
                self.stem
            )
        })
    }

    /// Returns the shard of one of them.
    pub(crate) fn shard(&self) -> usize {
        self.found.values().next().map_or(0, |part| part.shard)
    }

    /// Returns how many matrices are stacked in a part, of which each has two extents.
    pub(super) fn count(part: &Part) -> Result<usize, String> {
        match part.shape.as_slice() {
            [_, _] => Ok(1),
            [count, _, _] => Ok(*count),
            _ => Err(part.misfit()),
        }
    }
}

/// Splits a name that ends as a part's does.
fn split(name: &str) -> Option<(&str, &'static str)> {
    let mut endings = ENDINGS.iter();
    endings.find_map(|ending| Some((name.strip_suffix(ending)?, *ending)))
}

/// Returns the parts of all quantized matrices among the files' tensors.
///
/// # Errors
/// A part that is there twice.
pub(crate) fn collect(files: &[Vec<Stored>]) -> Result<Vec<Parts>, String> {
    let mut all = BTreeMap::<&str, BTreeMap<&'static str, Part>>::new();
    let tensors = || {
        let files = files.iter().enumerate();
        files.flat_map(|(shard, tensors)| tensors.iter().map(move |tensor| (shard, tensor)))
    };
    let twice = |name: &str| format!("the tensor '{name}' is there twice");
    for (shard, tensor) in tensors() {
        let Some((stem, ending)) = split(&tensor.name) else {
            continue;
        };
        let part = Part::new(tensor, shard);
        if all.entry(stem).or_default().insert(ending, part).is_some() {
            return Err(twice(&tensor.name));
        }
    }
    for (shard, tensor) in tensors() {
        let Some(parts) = tensor
            .name
            .strip_suffix(".weight")
            .and_then(|stem| all.get_mut(stem))
        else {
            continue;
        };
        if parts.insert(".weight", Part::new(tensor, shard)).is_some() {
            return Err(twice(&tensor.name));
        }
    }
    let parts = all.into_iter().map(|(stem, found)| Parts {
        stem: stem.to_owned(),
        found,
    });
    Ok(parts.collect())
}

/// Returns whether a tensor is a part of one of `parts`, which are sorted.
pub(crate) fn is_part(parts: &[Parts], name: &str) -> bool {
    let stem = split(name)
        .map(|(stem, _)| stem)
        .or(name.strip_suffix(".weight"));
    let find = |stem: &str| parts.binary_search_by(|parts| parts.stem.as_str().cmp(stem));
    stem.is_some_and(|stem| find(stem).is_ok())
}

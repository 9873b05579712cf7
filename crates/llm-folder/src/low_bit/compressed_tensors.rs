//! compressed-tensors, in which vLLM's tools write: integers packed into words or bytes,
//! and floats of 8 or 4 bits.

use std::collections::BTreeSet;
use std::sync::Arc;

use llm_kernels::mmap::Mapping;
use serde_json::Value as Json;

use super::codes::Codes;
use super::matrix::{Groups, Matrix};
use super::method::{self, block, group, text};
use super::numbers::{Coding, Numbers, Zeros};
use super::parts::{Part, Parts};
use super::values::Values;
use super::{float8, gptq};

/// How a folder's matrices are stored.
#[derive(Debug)]
pub(crate) struct Settings {
    name: String,
    /// Rows and columns of a block, where floats have them.
    block: Option<(usize, usize)>,
}

/// The formats that are read.
const FORMATS: [&str; 6] = [
    "pack-quantized",
    "int-quantized",
    "float-quantized",
    "naive-quantized",
    "mxfp4-pack-quantized",
    "mixed-precision",
];

impl Settings {
    /// Reads `quantization_config`.
    pub(super) fn read(settings: &method::Settings) -> Result<Self, String> {
        let stored =
            |format: &str| format!("its weights are stored by compressed-tensors as '{format}'");
        let format = text(settings, "format").unwrap_or("naive-quantized");
        if !FORMATS.contains(&format) {
            return Err(stored(format));
        }
        let sparsity = settings.get("sparsity_config").and_then(Json::as_object);
        let sparsity = sparsity.and_then(|config| text(config, "format"));
        if let Some(sparsity) = sparsity.filter(|sparsity| *sparsity != "dense") {
            return Err(stored(sparsity));
        }
        let is_set = |value: &&Json| value.as_object().is_some_and(|value| !value.is_empty());
        if settings.get("transform_config").filter(is_set).is_some() {
            return Err(
                "its weights are rotated by compressed-tensors ('transform_config')".into(),
            );
        }
        let mut kinds = BTreeSet::new();
        let mut of_block = None;
        let groups = settings.get("config_groups").and_then(Json::as_object);
        for scheme in groups.into_iter().flat_map(|groups| groups.values()) {
            if let Some(format) = scheme.get("format").and_then(Json::as_str)
                && !FORMATS.contains(&format)
            {
                return Err(stored(format));
            }
            let Some(weights) = scheme.get("weights").and_then(Json::as_object) else {
                continue;
            };
            kinds.insert(kind(weights)?);
            of_block = of_block.or(block(weights, "block_structure")?);
        }
        let kinds: Vec<_> = kinds.into_iter().collect();
        Ok(Self {
            name: format!("compressed-tensors, {}", kinds.join(" and ")),
            block: of_block,
        })
    }

    /// Returns their name for people.
    pub(super) fn name(&self) -> String {
        self.name.clone()
    }
}

/// Says how a group's weights are stored.
fn kind(weights: &method::Settings) -> Result<String, String> {
    let bits = method::size(weights, "num_bits")?.unwrap_or(8);
    let group = group(weights, "group_size")?;
    let group = group.map_or(String::new(), |group| format!(", groups of {group}"));
    match text(weights, "type") {
        Some("float") => Ok(format!("FP{bits}{group}")),
        _ => Ok(format!("{bits} bits{group}")),
    }
}

/// Returns the matrix of the parts.
pub(super) fn matrix(
    parts: &Parts,
    settings: &Settings,
    shards: &[Arc<Mapping>],
) -> Result<Matrix, String> {
    if let Some(scale) = parts.get(".weight_global_scale") {
        return Err(format!(
            "the tensor '{}' is a scale of scales, which is not computed",
            scale.name
        ));
    }
    let scales = parts.need(".weight_scale")?;
    if let Some(packed) = parts.get(".weight_packed") {
        return match packed.dtype.as_str() {
            "U8" => mxfp4(packed, scales),
            _ => integers(parts, packed, scales, shards),
        };
    }
    let weight = parts.need(".weight")?;
    if weight.dtype == "F8_E4M3" {
        return float8::matrix(parts, settings.block);
    }
    let weight = weight.of(&["I8"])?;
    let zeros = match parts.get(".weight_zero_point") {
        None => Zeros::Same(0),
        Some(zeros) => Zeros::Coded {
            part: zeros.of(&["I8"])?.clone(),
            codes: Codes::Along {
                bits: 8,
                stride: zeros.shape.get(1).copied().unwrap_or(1),
            },
            more: 0,
            is_signed: true,
        },
    };
    float8::bytes(
        weight,
        Values::Signed,
        Numbers::floats(scales)?,
        zeros,
        settings.block,
    )
}

/// Integers with a middle of half their range, as many as fit into words.
fn integers(
    parts: &Parts,
    packed: &Part,
    scales: &Part,
    shards: &[Arc<Mapping>],
) -> Result<Matrix, String> {
    let packed = packed.of(&["I32"])?;
    let [rows, words] = *packed.shape.as_slice() else {
        return Err(packed.misfit());
    };
    let columns = columns(parts.need(".weight_shape")?, rows, shards)?;
    let bits = words.saturating_mul(32) / columns;
    if !(2..=8).contains(&bits) {
        return Err(packed.misfit());
    }
    let middle = 1 << (bits - 1);
    let zeros = match parts.get(".weight_zero_point") {
        None => Zeros::Same(middle),
        // Both have the middle added, which the difference does not.
        Some(zeros) if 32 % bits == 0 => Zeros::Coded {
            part: zeros.of(&["I32"])?.clone(),
            codes: Codes::Stacked {
                bits,
                columns: zeros.shape.get(1).copied().unwrap_or(1),
            },
            more: 0,
            is_signed: false,
        },
        Some(zeros) => return Err(zeros.misfit()),
    };
    let groups = match (parts.get(".weight_g_idx"), scales.shape.as_slice()) {
        (Some(names), [_, groups]) => gptq::named(names, *groups, columns, rows, shards)?,
        _ => float8::groups(scales, rows, columns, None)?,
    };
    Ok(Matrix {
        shape: vec![columns as u64, rows as u64],
        rows,
        columns,
        part: packed.clone(),
        codes: Codes::Along {
            bits,
            stride: 4 * words,
        },
        values: Values::Unsigned(bits),
        groups,
        scales: Numbers::floats(scales)?,
        zeros,
        offsets: None,
    })
}

/// Reads the columns of a matrix from its `weight_shape`.
fn columns(shape: &Part, rows: usize, shards: &[Arc<Mapping>]) -> Result<usize, String> {
    let width = shape.of(&["I64", "I32"])?.width();
    let extents: Vec<u64> = shape
        .bytes(shards)
        .chunks_exact(width)
        .map(|bytes| {
            let mut number = [0; 8];
            number[..width].copy_from_slice(bytes);
            u64::from_le_bytes(number)
        })
        .collect();
    match *extents.as_slice() {
        [down, across] if down == rows as u64 && (1..=1 << 32).contains(&across) => {
            Ok(across as usize)
        }
        _ => Err(format!(
            "the tensor '{}' says {extents:?}, which does not fit the rest of its matrix",
            shape.name
        )),
    }
}

/// E2M1, two elements in a byte, with an exponent for each 32.
fn mxfp4(packed: &Part, scales: &Part) -> Result<Matrix, String> {
    let [rows, bytes] = *packed.shape.as_slice() else {
        return Err(packed.misfit());
    };
    let columns = bytes.saturating_mul(2);
    Ok(Matrix {
        shape: vec![columns as u64, rows as u64],
        rows,
        columns,
        part: packed.clone(),
        codes: Codes::Along {
            bits: 4,
            stride: bytes,
        },
        values: Values::e2m1(),
        groups: Groups::Blocks {
            columns: 32,
            rows: 1,
            of_matrix: rows,
        },
        scales: Numbers {
            part: scales.of(&["U8", "F8_E8M0"])?.clone(),
            coding: Coding::E8m0,
            is_transposed: false,
            factor: 1.0,
        },
        zeros: Zeros::Same(0),
        offsets: None,
    })
}

//! MLX: codes along the rows in words of 32 bits, with scales and, in its affine mode,
//! offsets of each group (`mlx.core.quantize`).

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::codes::Codes;
use super::matrix::{Groups, Matrix};
use super::method::{self, size, text};
use super::numbers::{Coding, Numbers, Zeros};
use super::parts::Parts;
use super::values::Values;

/// How codes become numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Integers, a scale and an offset.
    Affine,
    /// E2M1 with exponents.
    Mxfp4,
    /// E4M3 with exponents.
    Mxfp8,
    /// E2M1 with scales in E4M3.
    Nvfp4,
}

/// How one matrix is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stored {
    group: usize,
    bits: usize,
    mode: Mode,
}

/// How all of a folder are.
#[derive(Debug)]
pub(crate) struct Settings {
    most: Stored,
    /// Those of other settings, by name.
    others: BTreeMap<String, Stored>,
}

impl Settings {
    /// Reads `quantization`.
    pub(super) fn read(settings: &method::Settings) -> Result<Self, String> {
        let most = Stored::read(settings, None)?;
        let mut others = BTreeMap::new();
        for (name, value) in settings {
            if let Json::Object(value) = value {
                others.insert(name.clone(), Stored::read(value, Some(most))?);
            }
        }
        Ok(Self { most, others })
    }

    /// Returns their name for people.
    pub(super) fn name(&self) -> String {
        let Stored { group, bits, mode } = self.most;
        let others = match self.others.values().any(|other| *other != self.most) {
            true => ", some matrices otherwise",
            false => "",
        };
        let name = match mode {
            Mode::Affine => return format!("MLX, {bits} bits, groups of {group}{others}"),
            Mode::Mxfp4 => "MXFP4",
            Mode::Mxfp8 => "MXFP8",
            Mode::Nvfp4 => "NVFP4",
        };
        format!("MLX, {name}{others}")
    }
}

impl Stored {
    fn read(settings: &method::Settings, others: Option<Self>) -> Result<Self, String> {
        let mode = match text(settings, "mode") {
            None => others.map_or(Mode::Affine, |others| others.mode),
            Some("affine") => Mode::Affine,
            Some("mxfp4") => Mode::Mxfp4,
            Some("mxfp8") => Mode::Mxfp8,
            Some("nvfp4") => Mode::Nvfp4,
            Some(mode) => return Err(format!("its weights are quantized by MLX as '{mode}'")),
        };
        let (group, bits) = match mode {
            Mode::Affine => (64, 4),
            Mode::Mxfp4 => (32, 4),
            Mode::Mxfp8 => (32, 8),
            Mode::Nvfp4 => (16, 4),
        };
        let group = size(settings, "group_size")?
            .or(others.map(|others| others.group))
            .unwrap_or(group);
        let bits = size(settings, "bits")?
            .or(others.map(|others| others.bits))
            .unwrap_or(bits);
        if matches!(bits, 2..=6 | 8) {
            Ok(Self { group, bits, mode })
        } else {
            Err(format!("its weights are quantized by MLX to {bits} bits"))
        }
    }
}

/// Returns the matrix of the parts.
pub(super) fn matrix(parts: &Parts, settings: &Settings) -> Result<Matrix, String> {
    if let Some(scale) = parts.get(".global_scale") {
        return Err(format!(
            "the tensor '{}' is a scale of scales, which is not computed",
            scale.name
        ));
    }
    let Stored { group, bits, mode } = settings
        .others
        .get(&parts.stem)
        .copied()
        .unwrap_or(settings.most);
    let weight = parts.need(".weight")?.of(&["U32"])?;
    let scales = parts.need(".scales")?;
    let count = Parts::count(weight)?;
    let [.., of_matrix, words] = *weight.shape.as_slice() else {
        return Err(weight.misfit());
    };
    let [.., groups] = *scales.shape.as_slice() else {
        return Err(scales.misfit());
    };
    let columns = groups.checked_mul(group).ok_or_else(|| scales.misfit())?;
    // Settings that do not fit would make other numbers of the same bits.
    if words.checked_mul(32) != columns.checked_mul(bits) {
        return Err(weight.misfit());
    }
    let coded = |coding| {
        Ok(Numbers {
            part: scales.of(&["U8"])?.clone(),
            coding,
            is_transposed: false,
            factor: 1.0,
        })
    };
    let (values, numbers) = match mode {
        Mode::Affine => (Values::Unsigned(bits), Numbers::floats(scales)),
        Mode::Mxfp4 => (Values::e2m1(), coded(Coding::E8m0)),
        Mode::Mxfp8 => (Values::e4m3(), coded(Coding::E8m0)),
        Mode::Nvfp4 => (Values::e2m1(), coded(Coding::E4m3)),
    };
    let offsets = match mode {
        Mode::Affine => Some(Numbers::floats(parts.need(".biases")?)?),
        _ => None,
    };
    let mut shape = vec![columns as u64, of_matrix as u64];
    if weight.shape.len() == 3 {
        shape.push(count as u64);
    }
    Ok(Matrix {
        shape,
        rows: of_matrix
            .checked_mul(count)
            .ok_or_else(|| weight.misfit())?,
        columns,
        part: weight.clone(),
        codes: Codes::Along {
            bits,
            stride: 4 * words,
        },
        values,
        groups: Groups::Blocks {
            columns: group,
            rows: 1,
            of_matrix,
        },
        scales: numbers?,
        zeros: Zeros::Same(0),
        offsets,
    })
}

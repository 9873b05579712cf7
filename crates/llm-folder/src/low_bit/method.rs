//! What a folder's config says of how its matrices are stored, and the name of that.

use serde_json::{Map, Value as Json};

use super::compressed_tensors;
use super::gptq;
use super::mlx;

/// A format of matrices of a few bits.
#[derive(Debug)]
pub(crate) enum Method {
    /// Apple's MLX.
    Mlx(mlx::Settings),
    /// GPTQ and AWQ.
    Gptq(gptq::Settings),
    /// Floats of 8 bits, with a scale for each block of (rows, columns) where one is
    /// stated.
    Float8 { block: Option<(usize, usize)> },
    /// vLLM's compressed-tensors.
    CompressedTensors(compressed_tensors::Settings),
    /// bitsandbytes, by the name of its type.
    BitsAndBytes { name: &'static str },
}

/// A format's settings in a config.
pub(super) type Settings = Map<String, Json>;

impl Method {
    /// Reads what a config says: MLX's `quantization`, everybody else's
    /// `quantization_config`. `None` where its matrices are stored as floats.
    ///
    /// # Errors
    /// A format that is not read, with its name.
    pub(crate) fn of<'a>(get: impl Fn(&str) -> Option<&'a Json>) -> Result<Option<Self>, String> {
        if let Some(Json::Object(settings)) = get("quantization") {
            return Ok(Some(Self::Mlx(mlx::Settings::read(settings)?)));
        }
        let Some(Json::Object(settings)) = get("quantization_config") else {
            return Ok(None);
        };
        let name = settings.get("quant_method").and_then(Json::as_str);
        let method = match name {
            Some("gptq" | "awq") => Self::Gptq(gptq::Settings::read(settings)?),
            Some("auto-round") => Self::Gptq(gptq::Settings::read_auto_round(settings)?),
            Some("fp8" | "fbgemm_fp8") => Self::Float8 {
                block: block(settings, "weight_block_size")?,
            },
            Some("modelopt") if text(settings, "quant_algo") == Some("FP8") => {
                Self::Float8 { block: None }
            }
            Some("compressed-tensors") => {
                Self::CompressedTensors(compressed_tensors::Settings::read(settings)?)
            }
            Some("bitsandbytes") => Self::BitsAndBytes {
                name: super::bitsandbytes::name(settings)?,
            },
            _ => {
                return Err(format!(
                    "its weights are quantized by '{}'",
                    name.unwrap_or("an unnamed method")
                ));
            }
        };
        Ok(Some(method))
    }

    /// Returns whether it is that of MLX, whose folders have some tensors of their own.
    pub(crate) fn is_mlx(&self) -> bool {
        matches!(self, Self::Mlx(_))
    }

    /// Returns its name for people.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Mlx(settings) => settings.name(),
            Self::Gptq(settings) => settings.name(),
            Self::Float8 { block: None } => "FP8".to_owned(),
            Self::Float8 {
                block: Some((rows, columns)),
            } => format!("FP8, blocks of {rows} x {columns}"),
            Self::CompressedTensors(settings) => settings.name(),
            Self::BitsAndBytes { name } => (*name).to_owned(),
        }
    }
}

/// Returns a text of the settings.
pub(super) fn text<'a>(settings: &'a Settings, name: &str) -> Option<&'a str> {
    settings.get(name).and_then(Json::as_str)
}

/// The largest number that is believed: rows of a matrix are shorter.
const MOST: u64 = 1 << 24;

/// Returns a whole number of the settings above zero, `None` where it is absent.
pub(super) fn size(settings: &Settings, name: &str) -> Result<Option<usize>, String> {
    match settings.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(value) => {
            let number = value.as_u64().filter(|number| (1..=MOST).contains(number));
            let number = number.ok_or_else(|| format!("its '{name}' is {value}"))?;
            Ok(Some(number as usize))
        }
    }
}

/// Returns the size of a group; `None` for all columns, which is -1.
pub(super) fn group(settings: &Settings, name: &str) -> Result<Option<usize>, String> {
    match settings.get(name).and_then(Json::as_i64) {
        Some(-1) => Ok(None),
        _ => size(settings, name),
    }
}

/// Returns a pair of such numbers.
pub(super) fn block(settings: &Settings, name: &str) -> Result<Option<(usize, usize)>, String> {
    let Some(value) = settings.get(name).filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let extents: Vec<u64> = value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Json::as_u64)
        .filter(|extent| (1..=MOST).contains(extent))
        .collect();
    match *extents.as_slice() {
        [rows, columns] => Ok(Some((rows as usize, columns as usize))),
        _ => Err(format!("its '{name}' is {value}")),
    }
}

/// Says how long groups are, for a name.
pub(super) fn groups_of(group: Option<usize>) -> String {
    match group {
        Some(group) => format!("groups of {group}"),
        None => "a group a row".to_owned(),
    }
}

//! bitsandbytes: places in a table of sixteen numbers with a scale for each block, which
//! may be quantized once more; or integers of 8 bits with a scale for each row.

use std::sync::Arc;

use llm_kernels::mmap::Mapping;
use serde_json::Value as Json;

use super::codes::Codes;
use super::float8;
use super::matrix::{Groups, Matrix};
use super::method::{Settings, size, text};
use super::numbers::{Coding, Numbers, Zeros, floats};
use super::parts::{Part, Parts};
use super::values::Values;

/// Returns the name of what `quantization_config` says.
pub(super) fn name(settings: &Settings) -> Result<&'static str, String> {
    let is_on = |name: &str| settings.get(name).and_then(Json::as_bool) == Some(true);
    if is_on("load_in_8bit") || is_on("_load_in_8bit") {
        return Ok("bitsandbytes, int8");
    }
    match text(settings, "bnb_4bit_quant_type") {
        Some("nf4") if is_on("bnb_4bit_use_double_quant") => {
            Ok("bitsandbytes, nf4, scales quantized as well")
        }
        Some("nf4") => Ok("bitsandbytes, nf4"),
        Some("fp4") | None if is_on("bnb_4bit_use_double_quant") => {
            Ok("bitsandbytes, fp4, scales quantized as well")
        }
        Some("fp4") | None => Ok("bitsandbytes, fp4"),
        Some(other) => Err(format!(
            "its weights are quantized by bitsandbytes as '{other}'"
        )),
    }
}

/// Returns the matrix of the parts.
pub(super) fn matrix(parts: &Parts, shards: &[Arc<Mapping>]) -> Result<Matrix, String> {
    if let Some(scales) = parts.get(".SCB") {
        let weight = parts.need(".weight")?.of(&["I8"])?;
        let scales = Numbers {
            factor: 1.0 / 127.0,
            ..Numbers::floats(scales.of(&["F32"])?)?
        };
        return float8::bytes(weight, Values::Signed, scales, Zeros::Same(0), None);
    }
    let weight = parts.need(".weight")?;
    let state = ["nf4", "fp4"].map(|kind| format!(".weight.quant_state.bitsandbytes__{kind}"));
    let state = match parts.get(&state[1]) {
        Some(state) => state,
        None => parts.need(&state[0])?,
    };
    let unreadable = |what: &str| format!("the tensor '{}' {what}", state.name);
    let settings: Settings = serde_json::from_slice(state.of(&["U8"])?.bytes(shards))
        .map_err(|error| unreadable(&format!("cannot be read: {error}")))?;
    let lacking = |name: &str| unreadable(&format!("lacks '{name}'"));
    let number = |name: &str| size(&settings, name)?.ok_or_else(|| lacking(name));
    let shape = settings.get("shape").and_then(Json::as_array);
    let extents: Vec<u64> = shape
        .into_iter()
        .flatten()
        .filter_map(Json::as_u64)
        .collect();
    let [rows, columns] = *extents.as_slice() else {
        return Err(lacking("shape"));
    };
    let table = sized(parts.need(".weight.quant_map")?, &["F32"], 16)?;
    let numbers = floats(table, shards);
    if !numbers.iter().all(|number| number.is_finite()) {
        return Err(format!("the tensor '{}' holds no numbers", table.name));
    }
    Ok(Matrix {
        shape: vec![columns, rows],
        rows: rows as usize,
        columns: columns as usize,
        part: weight.clone(),
        codes: Codes::HighFirst,
        values: Values::table(&numbers, step(&numbers), false),
        groups: Groups::Flat(number("blocksize")?),
        scales: scales(parts, &settings, number)?,
        zeros: Zeros::Same(0),
        offsets: None,
    })
}

/// Returns the scales of blocks, which may be places in a table themselves.
fn scales(
    parts: &Parts,
    settings: &Settings,
    number: impl Fn(&str) -> Result<usize, String>,
) -> Result<Numbers, String> {
    let part = parts.need(".weight.absmax")?;
    let Some(scales) = parts.get(".weight.nested_absmax") else {
        return Numbers::floats(part);
    };
    let block = number("nested_blocksize")?;
    let table = sized(parts.need(".weight.nested_quant_map")?, &["F32"], 256)?;
    let blocks = part.elements().div_ceil(block);
    let offset = settings.get("nested_offset").and_then(Json::as_f64);
    Ok(Numbers {
        part: part.of(&["U8"])?.clone(),
        coding: Coding::Nested {
            table: table.clone(),
            scales: sized(scales, &["F32"], blocks)?.clone(),
            block,
            offset: offset.unwrap_or(0.0) as f32,
        },
        is_transposed: false,
        factor: 1.0,
    })
}

/// Returns a part that has so many elements of one of `dtypes`.
fn sized<'a>(part: &'a Part, dtypes: &[&str], elements: usize) -> Result<&'a Part, String> {
    match part.of(dtypes)?.elements() == elements {
        true => Ok(part),
        false => Err(part.misfit()),
    }
}

/// Returns the smallest difference between two numbers of a table.
fn step(table: &[f32]) -> f32 {
    let mut sorted = table.to_vec();
    sorted.sort_by(f32::total_cmp);
    let pairs = sorted.windows(2).map(|pair| pair[1] - pair[0]);
    pairs.filter(|step| *step > 0.0).fold(f32::MAX, f32::min)
}

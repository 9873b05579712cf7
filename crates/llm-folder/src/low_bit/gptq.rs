//! GPTQ and AWQ: codes in words of 32 bits, with scales and zero points of each group.
//!
//! GPTQ packs along the columns (`QuantLinear.pack` of `AutoGPTQ`), stores zero points less
//! one unless its format is `gptq_v2`, and may name the group of each column. AWQ's gemm
//! format packs along the rows, with an order of its own (`WQLinear_GEMM` of `AutoAWQ`).

use std::sync::Arc;

use llm_kernels::mmap::Mapping;
use serde_json::Value as Json;

use super::codes::Codes;
use super::matrix::{Groups, Matrix};
use super::method::{self, group, groups_of, size, text};
use super::numbers::{Numbers, Zeros};
use super::parts::{Part, Parts};
use super::values::Values;

/// How a folder's matrices are stored.
#[derive(Debug)]
pub(crate) struct Settings {
    is_awq: bool,
    bits: usize,
    group: Option<usize>,
    /// Groups are named column by column.
    has_order: bool,
    /// What is added to zero points.
    more: i16,
    /// Some matrices have other settings, which their sizes tell.
    is_mixed: bool,
}

impl Settings {
    /// Reads `quantization_config`.
    pub(super) fn read(settings: &method::Settings) -> Result<Self, String> {
        let is_awq = text(settings, "quant_method") == Some("awq");
        let name = if is_awq { "AWQ" } else { "GPTQ" };
        let format = ["checkpoint_format", "format", "version"];
        let format = format.iter().find_map(|name| text(settings, name));
        let format = format.unwrap_or(if is_awq { "gemm" } else { "gptq" });
        let is_on = |name: &str| settings.get(name).and_then(Json::as_bool) == Some(true);
        let more = match (is_awq, format.to_ascii_lowercase().as_str()) {
            (false, "gptq") => 1,
            (false, "gptq_v2") | (true, "gemm") => 0,
            _ => return Err(format!("its weights are stored by {name} as '{format}'")),
        };
        if is_on("is_marlin_format") {
            return Err("its weights are stored by GPTQ as 'marlin'".to_owned());
        }
        if let Some(word) = text(settings, "pack_dtype").filter(|word| *word != "int32") {
            return Err(format!("its weights are packed by {name} into '{word}'"));
        }
        let bits = size(settings, "bits")?.or(size(settings, "w_bit")?);
        let bits = bits.ok_or_else(|| "its quantization has no 'bits'".to_owned())?;
        let known: &[usize] = if is_awq { &[4] } else { &[2, 4, 8] };
        if !known.contains(&bits) {
            return Err(format!(
                "its weights are quantized by {name} to {bits} bits"
            ));
        }
        let key = if settings.contains_key("q_group_size") {
            "q_group_size"
        } else {
            "group_size"
        };
        let dynamic = settings.get("dynamic").and_then(Json::as_object);
        Ok(Self {
            is_awq,
            bits,
            group: group(settings, key)?,
            has_order: is_on("desc_act"),
            more,
            is_mixed: dynamic.is_some_and(|rules| !rules.is_empty()),
        })
    }

    /// Reads that of `AutoRound`, which may store as GPTQ or AWQ does.
    pub(super) fn read_auto_round(settings: &method::Settings) -> Result<Self, String> {
        let format = text(settings, "packing_format").unwrap_or("auto_round");
        let method = match format {
            "auto_round:auto_gptq" | "auto_round:gptq" => "gptq",
            "auto_round:auto_awq" | "auto_round:awq" => "awq",
            _ => return Err(format!("its weights are stored by AutoRound as '{format}'")),
        };
        let mut settings = settings.clone();
        settings.insert("quant_method".to_owned(), method.into());
        Self::read(&settings)
    }

    /// Returns their name for people.
    pub(super) fn name(&self) -> String {
        let name = if self.is_awq { "AWQ" } else { "GPTQ" };
        let order = if self.has_order { ", act-order" } else { "" };
        let mixed = if self.is_mixed {
            ", some matrices otherwise"
        } else {
            ""
        };
        let groups = groups_of(self.group);
        format!("{name}, {} bits, {groups}{order}{mixed}", self.bits)
    }
}

/// Returns the matrix of the parts.
pub(super) fn matrix(
    parts: &Parts,
    settings: &Settings,
    shards: &[Arc<Mapping>],
) -> Result<Matrix, String> {
    let weight = parts.need(".qweight")?.of(&["I32", "U32"])?;
    let zeros = parts.need(".qzeros")?.of(&["I32", "U32"])?;
    let scales = parts.need(".scales")?;
    let names = parts.get(".g_idx").filter(|_| !settings.is_awq);
    let [groups, rows] = *scales.shape.as_slice() else {
        return Err(scales.misfit());
    };
    let [first, second] = *weight.shape.as_slice() else {
        return Err(weight.misfit());
    };
    let (bits, columns) = match (settings.is_awq, names) {
        (true, _) => (settings.bits, first),
        (false, Some(names)) if names.elements() > 0 => {
            // Which a rule may have changed for this matrix.
            let columns = names.elements();
            (first.saturating_mul(32) / columns, columns)
        }
        (false, _) => (settings.bits, first.saturating_mul(32) / settings.bits),
    };
    if !matches!(bits, 2 | 4 | 8) || groups == 0 || zeros.shape.first() != Some(&groups) {
        return Err(weight.misfit());
    }
    let across = |words: usize| Codes::Across {
        bits,
        words,
        interleaved: settings.is_awq,
    };
    let groups_are = match names {
        Some(names) => named(names, groups, columns, rows, shards)?,
        None => {
            let group = settings.group.unwrap_or(columns).max(1);
            let is_whole = !settings.is_awq || columns.is_multiple_of(group);
            if !is_whole || columns.div_ceil(group) != groups {
                return Err(scales.misfit());
            }
            blocks(group, rows)
        }
    };
    Ok(Matrix {
        shape: vec![columns as u64, rows as u64],
        rows,
        columns,
        part: weight.clone(),
        codes: if settings.is_awq {
            across(second)
        } else {
            Codes::Down { bits, rows }
        },
        values: Values::Unsigned(bits),
        groups: groups_are,
        scales: Numbers {
            is_transposed: true,
            ..Numbers::floats(scales)?
        },
        zeros: Zeros::Coded {
            part: zeros.clone(),
            codes: across(zeros.shape.get(1).copied().unwrap_or(0)),
            more: settings.more,
            is_signed: false,
        },
        offsets: None,
    })
}

fn blocks(columns: usize, rows: usize) -> Groups {
    Groups::Blocks {
        columns,
        rows: 1,
        of_matrix: rows,
    }
}

/// Reads the groups of all columns; those in their order need no names.
pub(super) fn named(
    part: &Part,
    groups: usize,
    columns: usize,
    rows: usize,
    shards: &[Arc<Mapping>],
) -> Result<Groups, String> {
    let part = part.of(&["I32", "U32"])?;
    if part.elements() != columns {
        return Err(part.misfit());
    }
    let fours = part.bytes(shards).chunks_exact(4);
    let names: Vec<u32> = fours
        .map(|four| u32::from_le_bytes([four[0], four[1], four[2], four[3]]))
        .collect();
    if let Some(name) = names.iter().find(|name| **name as usize >= groups) {
        return Err(format!(
            "the tensor '{}' names the group {}, and there are {groups}",
            part.name,
            name.cast_signed()
        ));
    }
    let length = names.iter().take_while(|name| **name == 0).count().max(1);
    let mut columns = names.iter().enumerate();
    let in_order = columns.all(|(column, name)| column / length == *name as usize);
    if in_order && names.len().div_ceil(length) == groups {
        return Ok(blocks(length, rows));
    }
    Ok(Groups::Named(names))
}

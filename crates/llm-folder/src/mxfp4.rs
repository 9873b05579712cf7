//! Experts in MXFP4 (OCP Microscaling Formats v1.0) as folders have them, blocks and
//! scales in two tensors, put together as GGUF has them.

use std::collections::BTreeMap;

use super::derived_tensors::{Made, Source};
use super::header::Stored;
use llm_gguf::{TensorInfo, TensorType};

/// Elements of a block.
const BLOCK: u64 = 32;
/// Their bytes, two elements in each.
const QUANTS: usize = 16;
/// ggml's id of a byte.
const BYTES: TensorType = TensorType(24);

/// Blocks, (experts, rows, blocks, 16), and scales, (experts, rows, blocks), of which
/// every `step`-th row from `first` on is taken.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) blocks: TensorInfo,
    pub(super) scales: TensorInfo,
    first: usize,
    step: usize,
}

impl Packed {
    /// Writes the blocks: an exponent, then elements n and n + 16 in one byte, where
    /// folders have 2 n and 2 n + 1.
    pub(super) fn write(&self, blocks: &[u8], scales: &[u8], out: &mut [u8]) {
        let row = self.blocks.shape.get(1).map_or(0, |&row| row as usize);
        if row == 0 {
            return;
        }
        let rows = scales
            .chunks_exact(row)
            .zip(blocks.chunks_exact(row * QUANTS));
        let taken = rows.skip(self.first).step_by(self.step);
        for ((scales, blocks), out) in taken.zip(out.chunks_exact_mut(row * (1 + QUANTS))) {
            let outs = out.chunks_exact_mut(1 + QUANTS);
            for ((scale, block), out) in scales.iter().zip(blocks.chunks_exact(QUANTS)).zip(outs) {
                let nibble = |at: usize| (block[at / 2] >> (4 * (at % 2))) & 15;
                out[0] = *scale;
                for (at, out) in out[1..].iter_mut().enumerate() {
                    *out = nibble(at) | (nibble(at + QUANTS) << 4);
                }
            }
        }
    }
}

/// Blocks and scales by the name of their weights, while not both are found.
#[derive(Default)]
pub(super) struct Halves(BTreeMap<String, [Option<TensorInfo>; 2]>);

impl Halves {
    /// Takes a tensor that is one of the two; returns what is wrong with it.
    pub(super) fn take(&mut self, name: &str, tensor: &Stored, shard: usize) -> Result<(), String> {
        let (stem, index) = match name.rsplit_once('.') {
            Some((stem, "blocks")) => (stem, 0),
            Some((stem, _)) => (stem, 1),
            None => (name, 1),
        };
        let extents = [4, 3][index];
        let is_whole = index == 1 || tensor.shape.last() == Some(&(QUANTS as u64));
        if tensor.dtype_name != "U8"
            || tensor.shape.len() != extents
            || tensor.shape.contains(&0)
            || !is_whole
        {
            return Err(format!(
                "the tensor '{}' is stored as {} in the shape {:?}",
                tensor.name, tensor.dtype_name, tensor.shape
            ));
        }
        let info = TensorInfo {
            name: tensor.name.clone(),
            shape: tensor.shape.iter().rev().copied().collect(),
            dtype: BYTES,
            shard,
            offset: tensor.offset,
            size: Some(tensor.shape.iter().product()),
        };
        let halves = self.0.entry(stem.to_owned()).or_default();
        match halves[index].replace(info) {
            None => Ok(()),
            Some(_) => Err(format!("the tensor '{}' is there twice", tensor.name)),
        }
    }

    /// Returns the weights that all of them make, or what is wrong.
    pub(super) fn made(self) -> Result<Vec<Made>, String> {
        let mut made = Vec::new();
        for (stem, halves) in self.0 {
            let [Some(blocks), Some(scales)] = halves else {
                let there = halves.into_iter().flatten().next();
                let there = there.map_or(stem, |tensor| tensor.name);
                return Err(format!(
                    "of the blocks and scales of '{there}' only that one is there"
                ));
            };
            let [_, row, rows, count] = *blocks.shape.as_slice() else {
                return Err(format!("the tensor '{}' has another shape", blocks.name));
            };
            if scales.shape != [row, rows, count] {
                return Err(format!(
                    "the tensors '{}' and '{}' do not fit together",
                    blocks.name, scales.name
                ));
            }
            // Gates and ups take turns.
            let parts: &[(&str, usize, usize)] = if stem.ends_with("ffn_gate_up_exps") {
                &[("ffn_gate_exps", 0, 2), ("ffn_up_exps", 1, 2)]
            } else {
                &[("ffn_down_exps", 0, 1)]
            };
            if !rows.is_multiple_of(parts.len() as u64) {
                return Err(format!("the tensor '{}' has {rows} rows", blocks.name));
            }
            for (name, first, step) in parts {
                let (layer, _) = stem.rsplit_once('.').unwrap_or_default();
                made.push(Made {
                    name: format!("{layer}.{name}.weight"),
                    shape: vec![row * BLOCK, rows / *step as u64, count],
                    source: Source::Mxfp4(Packed {
                        blocks: blocks.clone(),
                        scales: scales.clone(),
                        first: *first,
                        step: *step,
                    }),
                });
            }
        }
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(name: &str, shape: &[u64]) -> Stored {
        Stored {
            name: name.to_owned(),
            shape: shape.to_vec(),
            dtype: None,
            dtype_name: "U8".to_owned(),
            offset: 0,
        }
    }

    #[test]
    fn gates_and_ups_take_turns_and_elements_are_spread() {
        let mut halves = Halves::default();
        let stem = "blk.0.ffn_gate_up_exps";
        halves
            .take(&format!("{stem}.blocks"), &stored("b", &[1, 4, 1, 16]), 0)
            .unwrap();
        halves
            .take(&format!("{stem}.scales"), &stored("s", &[1, 4, 1]), 0)
            .unwrap();
        let made = halves.made().unwrap();
        let names: Vec<_> = made.iter().map(|made| made.name.as_str()).collect();
        assert_eq!(
            names,
            ["blk.0.ffn_gate_exps.weight", "blk.0.ffn_up_exps.weight"]
        );
        assert_eq!(made[1].shape, [32, 2, 1]);
        // Element n of every row is n mod 16, plus the row in the upper half of bytes.
        let blocks: Vec<u8> = (0..4)
            .flat_map(|_| (0..16).map(|at| (2 * at % 16) | (((2 * at + 1) % 16) << 4)))
            .collect();
        let Source::Mxfp4(ups) = &made[1].source else {
            panic!("{made:?}");
        };
        let mut out = vec![0; 2 * 17];
        ups.write(&blocks, &[10, 11, 12, 13], &mut out);
        assert_eq!((out[0], out[17]), (11, 13));
        let expected: Vec<u8> = (0..16).map(|at| at | (at << 4)).collect();
        assert_eq!(out[1..17], expected);
    }

    #[test]
    fn halves_that_are_alone_or_do_not_fit_are_told() {
        let tried = |blocks: &[u64], scales: &[u64]| {
            let mut halves = Halves::default();
            halves.take("blk.0.ffn_down_exps.blocks", &stored("b", blocks), 0)?;
            if !scales.is_empty() {
                halves.take("blk.0.ffn_down_exps.scales", &stored("s", scales), 0)?;
            }
            halves.made().map(drop)
        };
        assert!(tried(&[2, 3, 4, 16], &[2, 3, 4]).is_ok());
        assert!(tried(&[2, 3, 4, 16], &[]).unwrap_err().contains("'b'"));
        assert!(
            tried(&[2, 3, 4, 16], &[2, 3, 5])
                .unwrap_err()
                .contains("fit together")
        );
        assert!(
            tried(&[2, 3, 4, 8], &[2, 3, 4])
                .unwrap_err()
                .contains("shape")
        );
        assert!(tried(&[2, 3, 4], &[2, 3, 4]).unwrap_err().contains("shape"));
    }
}

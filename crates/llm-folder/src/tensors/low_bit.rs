//! The matrices of a folder that are stored in a few bits: what each becomes.

use std::sync::Arc;

use llm_kernels::mmap::Mapping;

use super::{Fault, Finder};
use crate::changes::Each;
use crate::derived_tensors::{LowBit, Made, Source, Taken};
use crate::low_bit::Parts;
use llm_gguf::{TensorInfo, TensorType};

impl Finder<'_> {
    /// Takes a matrix that is stored in a few bits.
    pub(super) fn take_parts(
        &mut self,
        parts: &Parts,
        shards: &[Arc<Mapping>],
    ) -> Result<(), Fault> {
        let own = format!("{}.weight", parts.stem);
        let (Some(name), Some(method)) = (self.name(&own)?, &self.config.low_bit) else {
            return Ok(());
        };
        let matrix = parts.matrix(method, shards).map_err(Fault::Malformed)?;
        let grid = matrix.grid(shards).map_err(Fault::Malformed)?;
        if name == "output.weight" && self.is_tied == Some(true) {
            return Err(Fault::Unsupported(format!(
                "its config.json says that the embedding is the output ('tie_word_embeddings'), and '{own}' is a quantized matrix"
            )));
        }
        let (exact, float) = (matrix.target(&grid), matrix.float_target(&grid));
        let dtype = TensorType::from(float);
        let tensor = TensorInfo {
            size: dtype.size(matrix.shape.iter().product()),
            shape: matrix.shape.clone(),
            dtype,
            shard: parts.shard(),
            offset: 0,
            name,
        };
        let matrix = Arc::new(matrix);
        let misshapen = || {
            let shape = &matrix.shape;
            Fault::Malformed(format!("the tensor '{own}' has the shape {shape:?}"))
        };
        for piece in self.pieces(&tensor, &own, misshapen)? {
            let packing = self.packing(&TensorInfo {
                name: piece.name.clone(),
                shape: piece.shape.clone(),
                ..tensor.clone()
            });
            let is_whole = piece.order.is_none() && piece.each == Each::Kept;
            self.made.push(Made {
                name: piece.name,
                shape: piece.shape,
                source: Source::LowBit(LowBit {
                    matrix: Arc::clone(&matrix),
                    format: if is_whole { exact } else { float },
                    taken: Taken {
                        tensor: tensor.clone(),
                        order: piece.order,
                        each: piece.each,
                        packing,
                    },
                }),
            });
        }
        Ok(())
    }
}

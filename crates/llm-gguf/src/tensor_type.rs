//! The tensor type ids of ggml: all can be named, some can be run.

use std::fmt;

use llm_kernels::block::Format;

/// A ggml type id as it stands in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TensorType(pub u32);

/// The types that are named and not run: (id, name, elements a block, bytes a
/// block), from ggml's `type_traits`.
const NOT_RUN: &[(u32, &str, u64, u64)] = &[
    (9, "Q8_1", 32, 36),
    (15, "Q8_K", 256, 292),
    (19, "IQ1_S", 256, 50),
    (24, "I8", 1, 1),
    (25, "I16", 1, 2),
    (26, "I32", 1, 4),
    (27, "I64", 1, 8),
    (28, "F64", 1, 8),
    (29, "IQ1_M", 256, 56),
    (34, "TQ1_0", 256, 54),
    (35, "TQ2_0", 256, 66),
    (40, "NVFP4", 64, 36),
    (41, "Q1_0", 128, 18),
    (42, "Q2_0", 64, 18),
];

impl TensorType {
    /// Returns the format that the kernels run, if they do.
    pub fn format(self) -> Option<Format> {
        Format::of_type_id(self.0)
    }

    fn not_run(self) -> Option<&'static (u32, &'static str, u64, u64)> {
        NOT_RUN.iter().find(|row| row.0 == self.0)
    }

    /// Returns the elements and the bytes of one block.
    fn block(self) -> Option<(u64, u64)> {
        match self.format() {
            Some(format) => Some((format.block_elements() as u64, format.block_bytes() as u64)),
            None => self.not_run().map(|row| (row.2, row.3)),
        }
    }

    /// Returns the elements of one block, `None` for an unknown id.
    pub fn block_elements(self) -> Option<u64> {
        self.block().map(|(elements, _)| elements)
    }

    /// Returns the bytes that `elements` elements take, `None` for an unknown
    /// id or a size beyond 64 bits.
    pub fn size(self, elements: u64) -> Option<u64> {
        let (block, bytes) = self.block()?;
        (elements / block).checked_mul(bytes)
    }
}

impl From<Format> for TensorType {
    fn from(format: Format) -> Self {
        Self(format.type_id())
    }
}

impl fmt::Display for TensorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.format(), self.not_run()) {
            (Some(format), _) => write!(f, "{format}"),
            (None, Some(row)) => f.write_str(row.1),
            (None, None) => write!(f, "type {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `sizeof` of ggml-common.h's blocks, as ggml numbers their types.
    #[test]
    fn types_that_are_run_are_ggml_s() {
        for (id, name, block, bytes) in [
            (0, "F32", 1, 4),
            (1, "F16", 1, 2),
            (2, "Q4_0", 32, 2 + 16),
            (3, "Q4_1", 32, 4 + 16),
            (6, "Q5_0", 32, 2 + 4 + 16),
            (7, "Q5_1", 32, 4 + 4 + 16),
            (8, "Q8_0", 32, 2 + 32),
            (10, "Q2_K", 256, 4 + 16 + 64),
            (11, "Q3_K", 256, 2 + 64 + 32 + 12),
            (12, "Q4_K", 256, 4 + 12 + 128),
            (13, "Q5_K", 256, 4 + 12 + 32 + 128),
            (14, "Q6_K", 256, 2 + 16 + 192),
            (16, "IQ2_XXS", 256, 2 + 64),
            (17, "IQ2_XS", 256, 2 + 64 + 8),
            (18, "IQ3_XXS", 256, 2 + 96),
            (20, "IQ4_NL", 32, 2 + 16),
            (21, "IQ3_S", 256, 2 + 13 * 8 + 4),
            (22, "IQ2_S", 256, 2 + 64 + 16),
            (23, "IQ4_XS", 256, 2 + 2 + 4 + 128),
            (30, "BF16", 1, 2),
            (39, "MXFP4", 32, 1 + 16),
        ] {
            let dtype = TensorType(id);
            assert_eq!(dtype.to_string(), name);
            assert_eq!(dtype.size(block), Some(bytes), "{name}");
            assert_eq!(dtype.format().map(TensorType::from), Some(dtype));
        }
        assert_eq!(Format::ALL.len(), 21);
    }

    /// `sizeof` of ggml-common.h's `block_nvfp4`, `block_q1_0` and `block_q2_0`:
    /// scales and packed elements.
    #[test]
    fn types_that_cannot_be_run_have_sizes_too() {
        for (id, name, block, bytes) in [
            (40, "NVFP4", 64, 4 + 64 / 2),
            (41, "Q1_0", 128, 2 + 128 / 8),
            (42, "Q2_0", 64, 2 + 64 / 4),
        ] {
            let dtype = TensorType(id);
            assert_eq!(dtype.to_string(), name);
            assert_eq!(dtype.block_elements(), Some(block));
            assert_eq!(dtype.size(3 * block), Some(3 * bytes));
            assert_eq!(dtype.format(), None);
        }
    }
}

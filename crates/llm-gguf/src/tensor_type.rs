//! The tensor type ids of ggml: all can be named, some can be run.

use std::fmt;

use llm_kernels::block::Format;

/// A ggml type id as it stands in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TensorType(pub u32);

/// (id, name, elements a block, bytes a block), from ggml's `type_traits`.
const TYPES: &[(u32, &str, u64, u64)] = &[
    (0, "F32", 1, 4),
    (1, "F16", 1, 2),
    (2, "Q4_0", 32, 18),
    (3, "Q4_1", 32, 20),
    (6, "Q5_0", 32, 22),
    (7, "Q5_1", 32, 24),
    (8, "Q8_0", 32, 34),
    (9, "Q8_1", 32, 36),
    (10, "Q2_K", 256, 84),
    (11, "Q3_K", 256, 110),
    (12, "Q4_K", 256, 144),
    (13, "Q5_K", 256, 176),
    (14, "Q6_K", 256, 210),
    (15, "Q8_K", 256, 292),
    (16, "IQ2_XXS", 256, 66),
    (17, "IQ2_XS", 256, 74),
    (18, "IQ3_XXS", 256, 98),
    (19, "IQ1_S", 256, 50),
    (20, "IQ4_NL", 32, 18),
    (21, "IQ3_S", 256, 110),
    (22, "IQ2_S", 256, 82),
    (23, "IQ4_XS", 256, 136),
    (24, "I8", 1, 1),
    (25, "I16", 1, 2),
    (26, "I32", 1, 4),
    (27, "I64", 1, 8),
    (28, "F64", 1, 8),
    (29, "IQ1_M", 256, 56),
    (30, "BF16", 1, 2),
    (34, "TQ1_0", 256, 54),
    (35, "TQ2_0", 256, 66),
    (39, "MXFP4", 32, 17),
    (40, "NVFP4", 64, 36),
    (41, "Q1_0", 128, 18),
    (42, "Q2_0", 64, 18),
];

impl TensorType {
    fn entry(self) -> Option<&'static (u32, &'static str, u64, u64)> {
        TYPES.iter().find(|entry| entry.0 == self.0)
    }

    /// Returns the format that the kernels run, if they do.
    pub fn format(self) -> Option<Format> {
        Some(match self.0 {
            0 => Format::F32,
            1 => Format::F16,
            2 => Format::Q4_0,
            3 => Format::Q4_1,
            6 => Format::Q5_0,
            7 => Format::Q5_1,
            8 => Format::Q8_0,
            10 => Format::Q2K,
            11 => Format::Q3K,
            12 => Format::Q4K,
            13 => Format::Q5K,
            14 => Format::Q6K,
            16 => Format::Iq2Xxs,
            17 => Format::Iq2Xs,
            18 => Format::Iq3Xxs,
            20 => Format::Iq4Nl,
            21 => Format::Iq3S,
            22 => Format::Iq2S,
            23 => Format::Iq4Xs,
            30 => Format::Bf16,
            39 => Format::Mxfp4,
            _ => return None,
        })
    }

    /// Returns the elements of one block, `None` for an unknown id.
    pub fn block_elements(self) -> Option<u64> {
        self.entry().map(|entry| entry.2)
    }

    /// Returns the bytes that `elements` elements take, `None` for an unknown
    /// id or a size beyond 64 bits.
    pub fn size(self, elements: u64) -> Option<u64> {
        let (_, _, block, bytes) = self.entry()?;
        (elements / block).checked_mul(*bytes)
    }
}

impl From<Format> for TensorType {
    fn from(format: Format) -> Self {
        Self(match format {
            Format::F16 => 1,
            Format::Q4_0 => 2,
            Format::Q4_1 => 3,
            Format::Q5_0 => 6,
            Format::Q5_1 => 7,
            Format::Q8_0 => 8,
            Format::Q2K => 10,
            Format::Q3K => 11,
            Format::Q4K => 12,
            Format::Q5K => 13,
            Format::Q6K => 14,
            Format::Iq2Xxs => 16,
            Format::Iq2Xs => 17,
            Format::Iq3Xxs => 18,
            Format::Iq4Nl => 20,
            Format::Iq3S => 21,
            Format::Iq2S => 22,
            Format::Iq4Xs => 23,
            Format::Bf16 => 30,
            Format::Mxfp4 => 39,
            _ => 0,
        })
    }
}

impl fmt::Display for TensorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.entry() {
            Some(entry) => f.write_str(entry.1),
            None => write!(f, "type {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_agree_with_the_kernels() {
        for id in 0..64 {
            let dtype = TensorType(id);
            if let Some(format) = dtype.format() {
                assert_eq!(dtype.to_string(), format.to_string());
                assert_eq!(dtype.block_elements(), Some(format.block_elements() as u64));
                assert_eq!(dtype.size(256), Some(format.row_bytes(256) as u64));
            }
        }
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

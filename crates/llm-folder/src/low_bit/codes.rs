//! Where the codes of a quantized matrix lie: elements of a few bits in words of 32 or
//! in bytes, in one of the orders that are published.

/// How the elements (row, column) of a matrix are packed. Words are little-endian, and
/// the first element of a word is in its lowest bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codes {
    /// Row after row, the bits of a row without gaps in `stride` bytes.
    Along {
        /// Of an element.
        bits: usize,
        /// Bytes of a row.
        stride: usize,
    },
    /// Word (column / n, row) holds n columns: GPTQ's weights.
    Down {
        /// Of an element.
        bits: usize,
        /// Words beside each other, one a row.
        rows: usize,
    },
    /// Word (column, row / n) holds n rows, of which the i-th has the place `order[i]`:
    /// GPTQ's zero points and all of AWQ.
    Across {
        /// Of an element.
        bits: usize,
        /// Words beside each other.
        words: usize,
        /// Whether the places are those of AWQ.
        interleaved: bool,
    },
    /// Word (row / n, column) holds n rows: zero points of compressed-tensors.
    Stacked {
        /// Of an element.
        bits: usize,
        /// Words beside each other, one a column.
        columns: usize,
    },
    /// Elements of four bits in the order of the matrix, the first in the high half of a
    /// byte: bitsandbytes.
    HighFirst,
}

/// The place in a word of each of eight rows: AWQ's gemm kernels unpack even ones first.
const AWQ_PLACES: [usize; 8] = [0, 4, 1, 5, 2, 6, 3, 7];

impl Codes {
    /// Returns the bytes that `rows` rows of `columns` elements take; `None` where they
    /// are no whole words, or more than can be counted.
    pub(super) fn size(self, rows: usize, columns: usize) -> Option<usize> {
        let words = |count: usize, bits: usize, others: usize| {
            let per_word = 32 / bits;
            let whole = count.is_multiple_of(per_word).then_some(count / per_word)?;
            whole.checked_mul(others)?.checked_mul(4)
        };
        match self {
            Self::Along { bits, stride } => {
                let bits = columns.checked_mul(bits)?;
                (bits.div_ceil(8) <= stride).then_some(rows.checked_mul(stride)?)
            }
            Self::Down { bits, .. } => words(columns, bits, rows),
            Self::Across { bits, .. } => words(rows, bits, columns),
            Self::Stacked { bits, .. } => {
                // The last word may be half empty.
                let whole = rows.div_ceil(32 / bits);
                whole.checked_mul(columns)?.checked_mul(4)
            }
            Self::HighFirst => Some(rows.checked_mul(columns)?.div_ceil(2)),
        }
    }

    /// Writes the codes of a row. The bytes are as many as [`Codes::size`] says.
    pub(super) fn row(self, bytes: &[u8], row: usize, out: &mut [u8]) {
        match self {
            Self::Along { bits, stride } => {
                along(&bytes[row * stride..(row + 1) * stride], bits, out);
            }
            Self::Down { bits, rows } => {
                let per_word = 32 / bits;
                for (place, out) in out.chunks_mut(per_word).enumerate() {
                    let mut word = word(bytes, place * rows + row);
                    for out in out {
                        *out = low(word, bits);
                        word = word.checked_shr(bits as u32).unwrap_or(0);
                    }
                }
            }
            Self::Across {
                bits,
                words,
                interleaved,
            } => {
                let per_word = 32 / bits;
                let within = row % per_word;
                let place = if interleaved {
                    AWQ_PLACES[within]
                } else {
                    within
                };
                for (column, out) in out.iter_mut().enumerate() {
                    let word = word(bytes, column * words + row / per_word);
                    *out = low(word >> (place * bits), bits);
                }
            }
            Self::Stacked { bits, columns } => {
                let per_word = 32 / bits;
                let (first, shift) = (row / per_word * columns, row % per_word * bits);
                for (column, out) in out.iter_mut().enumerate() {
                    *out = low(word(bytes, first + column) >> shift, bits);
                }
            }
            Self::HighFirst => {
                let first = row * out.len();
                for (at, out) in (first..).zip(out) {
                    *out = (bytes[at / 2] >> (4 * (1 - at % 2))) & 15;
                }
            }
        }
    }
}

fn along(bytes: &[u8], bits: usize, out: &mut [u8]) {
    match bits {
        8 => out.copy_from_slice(&bytes[..out.len()]),
        4 => {
            for (byte, out) in bytes.iter().zip(out.chunks_mut(2)) {
                out[0] = byte & 15;
                if let Some(out) = out.get_mut(1) {
                    *out = byte >> 4;
                }
            }
        }
        _ => {
            for (at, out) in out.iter_mut().enumerate() {
                let first = at * bits;
                let low_byte = u32::from(bytes[first / 8]);
                let high_byte = bytes.get(first / 8 + 1).map_or(0, |byte| u32::from(*byte));
                *out = low((low_byte | high_byte << 8) >> (first % 8), bits);
            }
        }
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    let four = &bytes[4 * at..4 * at + 4];
    u32::from_le_bytes([four[0], four[1], four[2], four[3]])
}

fn low(word: u32, bits: usize) -> u8 {
    (word & ((1 << bits) - 1)) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    #[test]
    fn bits_are_found_across_the_ends_of_bytes() {
        // Numbers 0..8 of three bits.
        let stream = (0..8_u32).fold(0, |sum, at| sum | at << (3 * at));
        let mut out = [0; 8];
        let codes = Codes::Along { bits: 3, stride: 4 };
        codes.row(&words(&[stream]), 0, &mut out);
        assert_eq!(out, [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(codes.size(2, 8), Some(8));
        assert_eq!(codes.size(2, 11), None);
    }

    #[test]
    fn awq_has_even_rows_first() {
        // As its packer writes: place i of a word holds row [0, 2, 4, 6, 1, 3, 5, 7][i].
        let order = [0, 2, 4, 6, 1, 3, 5, 7];
        let stream = (0..8).fold(0_u32, |sum, at| sum | order[at] << (4 * at));
        let codes = Codes::Across {
            bits: 4,
            words: 1,
            interleaved: true,
        };
        for row in 0..8 {
            let mut out = [0];
            codes.row(&words(&[stream]), row, &mut out);
            assert_eq!(usize::from(out[0]), row);
        }
    }

    #[test]
    fn what_is_no_whole_word_has_no_size() {
        assert_eq!(Codes::Down { bits: 4, rows: 3 }.size(3, 12), None);
        assert_eq!(Codes::Down { bits: 4, rows: 3 }.size(3, 16), Some(24));
        let many = usize::MAX / 8 * 8;
        assert_eq!(Codes::Down { bits: 4, rows: 3 }.size(many, many), None);
        assert_eq!(Codes::HighFirst.size(usize::MAX, 2), None);
    }
}

//! The same block of eight rows, read into registers in which the rows lie side
//! by side: register `i` holds the `i`-th word of 32 bits of every row.

use std::arch::x86_64::{
    __m256, __m256i, _mm_cvtsi32_si128, _mm_loadu_si128, _mm_set_epi16, _mm256_and_si256,
    _mm256_castsi256_si128, _mm256_cvtph_ps, _mm256_extracti128_si256, _mm256_loadu_si256,
    _mm256_packus_epi32, _mm256_permute2x128_si256, _mm256_permute4x64_epi64, _mm256_set_m128i,
    _mm256_set1_epi8, _mm256_set1_epi32, _mm256_setzero_si256, _mm256_srl_epi16, _mm256_srli_epi32,
    _mm256_unpackhi_epi32, _mm256_unpackhi_epi64, _mm256_unpacklo_epi32, _mm256_unpacklo_epi64,
};

use crate::dequantize::Quantized;
use crate::packed_panel::ROWS;
use crate::prefetch::RowPrefetch;

/// The same block of all eight rows.
pub(crate) struct Blocks {
    pub(crate) heads: [*const u8; ROWS],
    prefetch: RowPrefetch,
}

impl Blocks {
    /// Checks the sizes and returns the first blocks; a missing row is replaced
    /// by the last one, whose sums are then computed twice and stored once.
    pub(crate) fn first<Q: Quantized>(rows: &[u8], columns: usize) -> Self {
        let row_bytes = Q::FORMAT.row_bytes(columns);
        assert!(columns.is_multiple_of(Q::FORMAT.block_elements()));
        assert!(!rows.is_empty() && rows.len().is_multiple_of(row_bytes));
        let last = rows.len() / row_bytes - 1;
        let mut heads = [rows.as_ptr(); ROWS];
        for (row, head) in heads.iter_mut().enumerate() {
            *head = rows[row.min(last) * row_bytes..].as_ptr();
        }
        Self {
            heads,
            prefetch: RowPrefetch::new(rows),
        }
    }

    /// Asks for as much of what lies behind the rows as `bytes` of each of them.
    #[inline(always)]
    pub(crate) fn prefetch(&mut self, bytes: usize) {
        self.prefetch.advance_by_constant(ROWS * bytes);
    }

    /// Moves to the next block.
    #[inline(always)]
    pub(crate) fn advance(&mut self, block_bytes: usize) {
        for head in &mut self.heads {
            *head = head.wrapping_add(block_bytes);
        }
    }

    /// Widens the halves that stand `offset` bytes into the blocks.
    ///
    /// # Safety
    /// The blocks have two bytes there.
    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    pub(crate) unsafe fn halves(&self, offset: usize) -> __m256 {
        // SAFETY: passed on from the caller.
        let half =
            |row: usize| unsafe { self.heads[row].add(offset).cast::<i16>().read_unaligned() };
        let eight = _mm_set_epi16(
            half(7),
            half(6),
            half(5),
            half(4),
            half(3),
            half(2),
            half(1),
            half(0),
        );
        _mm256_cvtph_ps(eight)
    }

    /// Returns the four words that stand `offset` bytes into the blocks.
    ///
    /// # Safety
    /// The blocks have 16 bytes there.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) unsafe fn four_words(&self, offset: usize) -> [__m256i; 4] {
        // SAFETY: passed on from the caller.
        let load = |row: usize| unsafe { _mm_loadu_si128(self.heads[row].add(offset).cast()) };
        let two = |row: usize| _mm256_set_m128i(load(row + 4), load(row));
        let rows = [two(0), two(1), two(2), two(3)];
        let low = [
            _mm256_unpacklo_epi32(rows[0], rows[1]),
            _mm256_unpacklo_epi32(rows[2], rows[3]),
        ];
        let high = [
            _mm256_unpackhi_epi32(rows[0], rows[1]),
            _mm256_unpackhi_epi32(rows[2], rows[3]),
        ];
        [
            _mm256_unpacklo_epi64(low[0], low[1]),
            _mm256_unpackhi_epi64(low[0], low[1]),
            _mm256_unpacklo_epi64(high[0], high[1]),
            _mm256_unpackhi_epi64(high[0], high[1]),
        ]
    }

    /// Returns the eight words that stand `offset` bytes into the blocks.
    ///
    /// # Safety
    /// The blocks have 32 bytes there.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn eight_words(&self, offset: usize) -> [__m256i; ROWS] {
        // SAFETY: passed on from the caller.
        let load = |head: *const u8| unsafe { _mm256_loadu_si256(head.add(offset).cast()) };
        transposed(&self.heads.map(load))
    }

    /// Returns the nibbles of the 16 bytes that stand `offset` bytes into the blocks,
    /// four of each row in a register: first the low ones, then the high ones.
    ///
    /// They are transposed while two share a byte, which halves the work.
    ///
    /// # Safety
    /// The blocks have 16 bytes there.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn nibbles(&self, offset: usize) -> [__m256i; ROWS] {
        // SAFETY: passed on from the caller.
        let packed = unsafe { self.four_words(offset) };
        let mut out = [_mm256_setzero_si256(); ROWS];
        for (step, packed) in packed.into_iter().enumerate() {
            out[step] = shifted(packed, 0, 15);
            out[step + 4] = shifted(packed, 4, 15);
        }
        out
    }
}

/// Shifts every byte down and keeps the bits of `mask`.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn shifted(bytes: __m256i, count: usize, mask: i8) -> __m256i {
    let count = _mm_cvtsi32_si128(count as i32);
    _mm256_and_si256(_mm256_srl_epi16(bytes, count), _mm256_set1_epi8(mask))
}

/// Widens the lower and the upper half of each word.
#[inline]
#[target_feature(enable = "avx2,f16c")]
pub(super) fn two_halves(words: __m256i) -> (__m256, __m256) {
    let low = _mm256_and_si256(words, _mm256_set1_epi32(0xffff));
    // Four low ones and four high ones in each half of the register.
    let fours = _mm256_packus_epi32(low, _mm256_srli_epi32::<16>(words));
    let eights = _mm256_permute4x64_epi64::<0b11_01_10_00>(fours);
    (
        _mm256_cvtph_ps(_mm256_castsi256_si128(eights)),
        _mm256_cvtph_ps(_mm256_extracti128_si256::<1>(eights)),
    )
}

/// Transposes 8 x 8 words of 32 bits: pairs of rows, then fours, then eights.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn transposed(rows: &[__m256i; ROWS]) -> [__m256i; ROWS] {
    let pairs = [
        _mm256_unpacklo_epi32(rows[0], rows[1]),
        _mm256_unpackhi_epi32(rows[0], rows[1]),
        _mm256_unpacklo_epi32(rows[2], rows[3]),
        _mm256_unpackhi_epi32(rows[2], rows[3]),
        _mm256_unpacklo_epi32(rows[4], rows[5]),
        _mm256_unpackhi_epi32(rows[4], rows[5]),
        _mm256_unpacklo_epi32(rows[6], rows[7]),
        _mm256_unpackhi_epi32(rows[6], rows[7]),
    ];
    let tops = [
        _mm256_unpacklo_epi64(pairs[0], pairs[2]),
        _mm256_unpackhi_epi64(pairs[0], pairs[2]),
        _mm256_unpacklo_epi64(pairs[1], pairs[3]),
        _mm256_unpackhi_epi64(pairs[1], pairs[3]),
    ];
    let bottoms = [
        _mm256_unpacklo_epi64(pairs[4], pairs[6]),
        _mm256_unpackhi_epi64(pairs[4], pairs[6]),
        _mm256_unpacklo_epi64(pairs[5], pairs[7]),
        _mm256_unpackhi_epi64(pairs[5], pairs[7]),
    ];
    let mut out = [_mm256_setzero_si256(); ROWS];
    for step in 0..4 {
        out[step] = _mm256_permute2x128_si256::<0x20>(tops[step], bottoms[step]);
        out[step + 4] = _mm256_permute2x128_si256::<0x31>(tops[step], bottoms[step]);
    }
    out
}

//! Reading: the blocks of eight rows side by side, what all of them hold at
//! one place, and what is asked of the memory ahead.

use std::arch::x86_64::{
    __m128i, __m512i, _mm_loadu_si128, _mm256_loadu_si256, _mm512_and_si512,
    _mm512_broadcast_i32x4, _mm512_castsi512_si128, _mm512_extracti32x4_epi32, _mm512_loadu_si512,
    _mm512_mask_broadcast_i32x4, _mm512_mask_set1_epi32, _mm512_mask_srli_epi16,
    _mm512_maskz_broadcast_i64x4, _mm512_permutexvar_epi32, _mm512_set_epi32, _mm512_set1_epi8,
    _mm512_set1_epi32, _mm512_shuffle_epi8, _mm512_xor_si512,
};

use crate::activations::Activations;
use crate::dequantize::Quantized;
use crate::packed_panel::ROWS;

/// The same block of eight rows.
#[derive(Clone, Copy)]
pub(super) struct Blocks {
    head: *const u8,
    row_bytes: usize,
}

impl Blocks {
    pub(super) fn new(rows: &[u8]) -> Self {
        Self {
            head: rows.as_ptr(),
            row_bytes: rows.len() / ROWS,
        }
    }

    pub(super) fn row(self, row: usize) -> *const u8 {
        self.head.wrapping_add(row * self.row_bytes)
    }

    pub(super) fn step(&mut self, bytes: usize) {
        self.head = self.head.wrapping_add(bytes);
    }
}

/// Returns the 64 activations from `column` on; the second half of the last columns
/// is zero if there are only 32.
///
/// # Safety
/// The first activation row has these columns.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn activations_at(input: &Activations, column: usize, whole: bool) -> __m512i {
    // SAFETY: passed on from the caller.
    unsafe {
        let quants = input.quants.as_ptr().add(column);
        if whole {
            _mm512_loadu_si512(quants.cast())
        } else {
            let half = _mm256_loadu_si256(quants.cast());
            _mm512_maskz_broadcast_i64x4(0x0f, half)
        }
    }
}

/// Returns the first four bytes of the rows' blocks and of those `second` bytes
/// further on.
///
/// # Safety
/// The blocks are there.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn both_heads(blocks: &Blocks, second: usize) -> __m512i {
    // SAFETY: passed on from the caller; every block has at least four bytes.
    unsafe {
        let word = |head: *const u8| head.cast::<i32>().read_unaligned();
        let mut words = _mm512_set1_epi32(word(blocks.head));
        for row in 0..ROWS {
            let head = blocks.row(row);
            words = _mm512_mask_set1_epi32(words, 1 << row, word(head));
            words = _mm512_mask_set1_epi32(words, 1 << (row + ROWS), word(head.add(second)));
        }
        words
    }
}

/// Returns the 16 bytes that stand `offset` bytes into the blocks: of rows 0 to 3
/// and of rows 4 to 7.
///
/// # Safety
/// The blocks have them.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn sixteen_bytes(blocks: &Blocks, offset: usize) -> (__m512i, __m512i) {
    // SAFETY: passed on from the caller.
    unsafe {
        let bytes = |row: usize| _mm_loadu_si128(blocks.row(row).add(offset).cast());
        let four = |first: usize| {
            let rows = _mm512_broadcast_i32x4(bytes(first));
            let rows = _mm512_mask_broadcast_i32x4(rows, 0x00f0, bytes(first + 1));
            let rows = _mm512_mask_broadcast_i32x4(rows, 0x0f00, bytes(first + 2));
            _mm512_mask_broadcast_i32x4(rows, 0xf000, bytes(first + 3))
        };
        (four(0), four(4))
    }
}

/// Orders [(8 rows, groups 0 to 3), (8 rows, groups 4 to 7)] as (groups, rows).
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn by_group(steps: __m512i) -> __m512i {
    let within = _mm512_set_epi32(
        0x0f0b_0703,
        0x0e0a_0602,
        0x0d09_0501,
        0x0c08_0400,
        0x0f0b_0703,
        0x0e0a_0602,
        0x0d09_0501,
        0x0c08_0400,
        0x0f0b_0703,
        0x0e0a_0602,
        0x0d09_0501,
        0x0c08_0400,
        0x0f0b_0703,
        0x0e0a_0602,
        0x0d09_0501,
        0x0c08_0400,
    );
    let across = _mm512_set_epi32(15, 11, 14, 10, 13, 9, 12, 8, 7, 3, 6, 2, 5, 1, 4, 0);
    _mm512_permutexvar_epi32(across, _mm512_shuffle_epi8(steps, within))
}

/// Returns 16-byte lane `lane` of a register.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn lane(bytes: __m512i, lane: usize) -> __m128i {
    match lane {
        0 => _mm512_castsi512_si128(bytes),
        1 => _mm512_extracti32x4_epi32::<1>(bytes),
        2 => _mm512_extracti32x4_epi32::<2>(bytes),
        _ => _mm512_extracti32x4_epi32::<3>(bytes),
    }
}

/// Keeps the low nibbles of the first half and the high ones of the second.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn low_and_high(packed: __m512i) -> __m512i {
    let shifted = _mm512_mask_srli_epi16::<4>(packed, 0xffff_0000, packed);
    _mm512_and_si512(shifted, _mm512_set1_epi8(15))
}

/// Replaces every nibble by what it stands for; signed quants are moved up by
/// 128, since the product takes unsigned weights.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn looked_up<Q: Quantized>(table: &[u8; 16], nibbles: __m512i) -> __m512i {
    // SAFETY: reads the table's 16 bytes.
    let table = unsafe { _mm_loadu_si128(table.as_ptr().cast()) };
    let table = _mm512_broadcast_i32x4(table);
    let table = if Q::SIGNED {
        _mm512_xor_si512(table, _mm512_set1_epi8(i8::MIN))
    } else {
        table
    };
    _mm512_shuffle_epi8(table, nibbles)
}

//! One activation row: weight rows multiplied straight from the file's bytes.
//!
//! Decoding reads every weight once per token and shares nothing, so a tile's
//! way through memory would cost more than the products. Eight rows go side by
//! side: 64 columns of each are unpacked into a register and multiplied, and the
//! eight registers are summed crosswise into the groups' exact products, one a
//! row. From there on the roundings are those of every other path.

use std::arch::x86_64::{
    __m128i, __m256, __m512, __m512i, _mm_loadu_si128, _mm256_fmadd_ps, _mm256_loadu_si256,
    _mm256_set1_ps, _mm256_setzero_ps, _mm256_storeu_ps, _mm512_add_epi32, _mm512_and_si512,
    _mm512_broadcast_i32x4, _mm512_broadcast_i64x4, _mm512_castps_si512, _mm512_castps512_ps256,
    _mm512_castsi256_si512, _mm512_castsi512_ps, _mm512_castsi512_si128, _mm512_cvtepi8_epi32,
    _mm512_cvtepi32_epi16, _mm512_cvtepi32_ps, _mm512_cvtepu8_epi32, _mm512_cvtph_ps,
    _mm512_dpbusd_epi32, _mm512_extractf32x8_ps, _mm512_extracti32x4_epi32, _mm512_loadu_si512,
    _mm512_madd_epi16, _mm512_mask_add_epi8, _mm512_mask_broadcast_i32x4,
    _mm512_mask_broadcast_i64x4, _mm512_mask_set1_epi32, _mm512_mask_slli_epi16,
    _mm512_mask_srli_epi16, _mm512_maskz_broadcast_i64x4, _mm512_mul_ps, _mm512_or_si512,
    _mm512_packs_epi32, _mm512_permutex2var_epi32, _mm512_permutexvar_epi32, _mm512_set_epi32,
    _mm512_set1_epi8, _mm512_set1_epi16, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_si512,
    _mm512_shuffle_epi8, _mm512_shuffle_i32x4, _mm512_slli_epi16, _mm512_srli_epi16,
    _mm512_srli_epi32, _mm512_sub_ps, _mm512_test_epi8_mask, _mm512_unpackhi_epi32,
    _mm512_unpackhi_epi64, _mm512_unpacklo_epi32, _mm512_unpacklo_epi64, _mm512_xor_si512,
};

use crate::activations::{self, Activations, SUM_GROUP};
use crate::block::Format;
use crate::simd::Level;
use crate::tile::{ROWS, prefetch};
use crate::unpack::{self, Quantized};

/// Columns that are multiplied together: two groups of 32.
const WIDTH: usize = 64;
/// How far ahead memory is asked for, at least: what is read while one answer
/// is under way.
const AHEAD_BYTES: usize = 8 << 10;
/// Bytes of a cache line.
const LINE: usize = 64;

/// Writes the products of the rows in `bytes` with the first activation row to
/// `out`, one each, if the level and the format have a path of their own here
/// and there are eight rows; else returns false and does nothing.
pub(super) fn multiply(
    level: Level,
    format: Format,
    bytes: &[u8],
    input: &Activations,
    out: &mut [f32],
) -> bool {
    if level < Level::Avx512Vnni || out.len() < ROWS {
        return false;
    }
    let rows: Eight = match format {
        Format::Q4_0 => short::<Nibbles<unpack::Q4_0, 2, 0>>,
        Format::Q4_1 => short::<Nibbles<unpack::Q4_1, 4, 0>>,
        Format::Q5_0 => short::<Nibbles<unpack::Q5_0, 6, 2>>,
        Format::Q5_1 => short::<Nibbles<unpack::Q5_1, 8, 4>>,
        Format::Q8_0 => short::<Bytes>,
        Format::Q4K => long::<unpack::Q4K, false>,
        Format::Q5K => long::<unpack::Q5K, true>,
        Format::Q6K => six,
        _ => return false,
    };
    let columns = input.columns;
    let block = format.block_elements();
    assert!(columns.is_multiple_of(block.max(activations::GROUP)));
    let row_bytes = format.row_bytes(columns);
    assert!(input.rows > 0 && bytes.len() == out.len() * row_bytes);
    for first in (0..out.len()).step_by(ROWS) {
        // An incomplete eight begins earlier, and some sums are computed twice.
        let first = first.min(out.len() - ROWS);
        let eight = &bytes[first * row_bytes..(first + ROWS) * row_bytes];
        // SAFETY: the level exists only where its features do; the sizes have
        // been checked.
        out[first..first + ROWS].copy_from_slice(&unsafe { rows(eight, input) });
    }
    true
}

/// Multiplies eight rows with the first activation row.
///
/// Safety: the processor has AVX-512 F, BW, DQ, VL and VNNI; the bytes are eight
/// rows of `input.columns` weights.
type Eight = unsafe fn(&[u8], &Activations) -> [f32; ROWS];

/// The same block of eight rows.
#[derive(Clone, Copy)]
struct Blocks {
    head: *const u8,
    row_bytes: usize,
}

impl Blocks {
    fn first(rows: &[u8]) -> Self {
        Self {
            head: rows.as_ptr(),
            row_bytes: rows.len() / ROWS,
        }
    }

    fn row(self, row: usize) -> *const u8 {
        self.head.wrapping_add(row * self.row_bytes)
    }

    fn step(&mut self, bytes: usize) {
        self.head = self.head.wrapping_add(bytes);
    }
}

/// Two neighbouring blocks `a` and `b` of 32 weights.
trait Pair {
    type Format: Quantized;
    /// Whether the quants are ordered [a low, b low, a high, b high], 16 each,
    /// and not as their columns.
    const CROSSED: bool;
    /// Unpacks both.
    ///
    /// # Safety
    /// Both are whole blocks; the processor has AVX-512 F and BW.
    unsafe fn unpack(a: *const u8, b: *const u8) -> __m512i;
}

/// Nibbles that stand `AT` bytes into the block, with fifth bits at `FIFTH`,
/// where 0 means none: the scale stands there.
struct Nibbles<Q, const AT: usize, const FIFTH: usize>(Q);

impl<Q: Quantized, const AT: usize, const FIFTH: usize> Pair for Nibbles<Q, AT, FIFTH> {
    type Format = Q;
    const CROSSED: bool = true;

    #[inline(always)]
    unsafe fn unpack(a: *const u8, b: *const u8) -> __m512i {
        // SAFETY: a block holds 16 bytes of nibbles and four of fifth bits.
        unsafe {
            let all_a = _mm512_broadcast_i32x4(_mm_loadu_si128(a.add(AT).cast()));
            let packed_b = _mm_loadu_si128(b.add(AT).cast());
            let both = _mm512_mask_broadcast_i32x4(all_a, 0xf0f0, packed_b);
            let quants = low_and_high(both);
            if FIFTH == 0 {
                return quants;
            }
            let bits = |block: *const u8| block.add(FIFTH).cast::<u32>().read_unaligned();
            let (a, b) = (bits(a), bits(b));
            let (low, high) = (a & 0xffff | b << 16, a >> 16 | b & 0xffff_0000);
            let bits = u64::from(low) | u64::from(high) << 32;
            _mm512_mask_add_epi8(quants, bits, quants, _mm512_set1_epi8(16))
        }
    }
}

/// Keeps the low nibbles of the first half and the high ones of the second.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn low_and_high(packed: __m512i) -> __m512i {
    let shifted = _mm512_mask_srli_epi16::<4>(packed, 0xffff_0000, packed);
    _mm512_and_si512(shifted, _mm512_set1_epi8(15))
}

/// `Q8_0`; moved up by 128, since the product takes unsigned weights.
struct Bytes;

impl Pair for Bytes {
    type Format = unpack::Q8_0;
    const CROSSED: bool = false;

    #[inline(always)]
    unsafe fn unpack(a: *const u8, b: *const u8) -> __m512i {
        // SAFETY: 32 bytes follow the scale.
        unsafe {
            let a = _mm512_castsi256_si512(_mm256_loadu_si256(a.add(2).cast()));
            let b = _mm256_loadu_si256(b.add(2).cast());
            let both = _mm512_mask_broadcast_i64x4(a, 0xf0, b);
            _mm512_xor_si512(both, _mm512_set1_epi8(i8::MIN))
        }
    }
}

/// Formats with blocks of 32 weights, two blocks at a time.
///
/// # Safety
/// See [`Eight`].
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,f16c,fma")]
unsafe fn short<P: Pair>(rows: &[u8], input: &Activations) -> [f32; ROWS] {
    let (columns, block_bytes) = (input.columns, P::Format::FORMAT.block_bytes());
    let mut blocks = Blocks::first(rows);
    let mut ahead = Ahead::of(rows);
    let mut totals = _mm256_setzero_ps();
    for at in (0..columns).step_by(WIDTH) {
        let whole = columns - at >= WIDTH;
        // An odd last block is taken twice, and its second half not counted.
        let second = if whole { block_bytes } else { 0 };
        ahead.ask(ROWS * (second + block_bytes));
        // SAFETY: every row has the block at `at` and, if `whole`, one more.
        unsafe {
            let four = activations_at(input, at, whole);
            let four = if P::CROSSED {
                _mm512_shuffle_i32x4::<0b11_01_10_00>(four, four)
            } else {
                four
            };
            let mut products = [_mm512_setzero_si512(); ROWS];
            for (row, product) in products.iter_mut().enumerate() {
                let head = blocks.row(row);
                let weights = P::unpack(head, head.add(second));
                *product = _mm512_dpbusd_epi32(*product, weights, four);
            }
            let pairs = Pairs::of(input, at / activations::GROUP, whole);
            let sums = if P::CROSSED {
                halves_of_crossed(crosswise_short(&products))
            } else {
                halves(crosswise(&products))
            };
            let heads = both_heads(&blocks, second);
            let scales = _mm512_cvtph_ps(_mm512_cvtepi32_epi16(heads));
            let offsets = if P::Format::OFFSET {
                _mm512_cvtph_ps(_mm512_cvtepi32_epi16(_mm512_srli_epi32::<16>(heads)))
            } else {
                _mm512_set1_ps(0.0)
            };
            let sums = pairs.corrected::<P::Format>(sums);
            totals = pairs.add::<P::Format>(scales, offsets, sums, totals);
        }
        blocks.step(second + block_bytes);
    }
    let mut out = [0.0; ROWS];
    // SAFETY: eight floats are stored.
    unsafe { _mm256_storeu_ps(out.as_mut_ptr(), totals) };
    out
}

/// Returns the 64 activations from `at` on; the second half of the last columns
/// is zero if there are only 32.
///
/// # Safety
/// There are so many.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn activations_at(input: &Activations, at: usize, whole: bool) -> __m512i {
    // SAFETY: passed on from the caller.
    unsafe {
        let quants = input.quants.as_ptr().add(at);
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
unsafe fn both_heads(blocks: &Blocks, second: usize) -> __m512i {
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

/// `Q4_K` and, with fifth bits, `Q5_K`: eight groups of 32 with 6-bit scales and
/// minima.
///
/// # Safety
/// See [`Eight`].
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,f16c,fma")]
unsafe fn long<Q: Quantized, const FIVE: bool>(rows: &[u8], input: &Activations) -> [f32; ROWS] {
    let (columns, packed_at) = (input.columns, if FIVE { 48 } else { 16 });
    let mut blocks = Blocks::first(rows);
    let mut ahead = Ahead::of(rows);
    let mut totals = _mm256_setzero_ps();
    for block in 0..columns / 256 {
        // SAFETY: every row has this block; the activations have as many columns.
        unsafe {
            let scales = LongScales::of(&blocks);
            for pair in 0..4 {
                ahead.ask(ROWS * Q::FORMAT.block_bytes() / 4);
                let at = block * 256 + pair * WIDTH;
                let four = activations_at(input, at, true);
                let mut products = [_mm512_setzero_si512(); ROWS];
                for (row, product) in products.iter_mut().enumerate() {
                    let head = blocks.row(row);
                    let packed = _mm256_loadu_si256(head.add(packed_at + pair * 32).cast());
                    let mut quants = low_and_high(_mm512_broadcast_i64x4(packed));
                    if FIVE {
                        let bits = _mm256_loadu_si256(head.add(16).cast());
                        let bits = _mm512_broadcast_i64x4(bits);
                        let bits = _mm512_mask_srli_epi16::<1>(bits, 0xffff_0000, bits);
                        let set = _mm512_test_epi8_mask(bits, _mm512_set1_epi8(1 << (2 * pair)));
                        quants = _mm512_mask_add_epi8(quants, set, quants, _mm512_set1_epi8(16));
                    }
                    *product = _mm512_dpbusd_epi32(*product, quants, four);
                }
                let pairs = Pairs::of(input, at / activations::GROUP, true);
                let sums = halves(crosswise_short(&products));
                let (scales, offsets) = scales.pair(pair);
                totals = pairs.add::<Q>(scales, offsets, sums, totals);
            }
        }
        blocks.step(Q::FORMAT.block_bytes());
    }
    let mut out = [0.0; ROWS];
    // SAFETY: eight floats are stored.
    unsafe { _mm256_storeu_ps(out.as_mut_ptr(), totals) };
    out
}

/// The scales and minima of a `Q4_K` or `Q5_K` block of eight rows.
struct LongScales {
    /// Factor of the scales, (2, rows).
    scale: __m512,
    /// Negated factor of the minima, (2, rows).
    minimum: __m512,
    /// Steps of the scales, (8 groups, rows).
    scales: __m512i,
    /// Steps of the minima, (8 groups, rows).
    minima: __m512i,
}

impl LongScales {
    /// Reads the 16 bytes with which a block begins: two halves and 12 bytes of
    /// steps (ggml's `get_scale_min_k4`), of all rows at once.
    ///
    /// # Safety
    /// All rows have the block.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    unsafe fn of(blocks: &Blocks) -> Self {
        // SAFETY: passed on from the caller.
        let (upper, lower) = unsafe { sixteen_bytes(blocks, 0) };
        // Word `w` of rows 0 to 7, then the next one.
        let words = |first: i32| {
            let next = first + 1;
            let index = _mm512_set_epi32(
                28 + next,
                24 + next,
                20 + next,
                16 + next,
                12 + next,
                8 + next,
                4 + next,
                next,
                28 + first,
                24 + first,
                20 + first,
                16 + first,
                12 + first,
                8 + first,
                4 + first,
                first,
            );
            _mm512_permutex2var_epi32(upper, index, lower)
        };
        let halves_and_a = words(0);
        let b_and_c = words(2);
        let twice = |z| _mm512_shuffle_i32x4::<0b01_00_01_00>(z, z);
        let heads = twice(halves_and_a);
        // [scales 0 to 3, minima 0 to 3 of the groups], then both of 4 to 7.
        let a_and_b = _mm512_shuffle_i32x4::<0b01_00_11_10>(halves_and_a, b_and_c);
        let c = _mm512_shuffle_i32x4::<0b11_10_11_10>(b_and_c, b_and_c);
        let c = _mm512_mask_srli_epi16::<4>(c, 0xffff_0000, c);
        let low = _mm512_and_si512(a_and_b, _mm512_set1_epi8(0x3f));
        let top = _mm512_and_si512(_mm512_srli_epi16::<2>(a_and_b), _mm512_set1_epi8(0x30));
        let high = _mm512_or_si512(_mm512_and_si512(c, _mm512_set1_epi8(15)), top);
        let negative = _mm512_set1_ps(-0.0);
        let minimum = _mm512_cvtph_ps(_mm512_cvtepi32_epi16(_mm512_srli_epi32::<16>(heads)));
        Self {
            scale: _mm512_cvtph_ps(_mm512_cvtepi32_epi16(heads)),
            minimum: _mm512_sub_ps(negative, minimum),
            scales: by_group(_mm512_shuffle_i32x4::<0b01_00_01_00>(low, high)),
            minima: by_group(_mm512_shuffle_i32x4::<0b11_10_11_10>(low, high)),
        }
    }

    /// Returns scales and offsets of the groups `2 * pair` and the next, (2,
    /// rows) each.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn pair(&self, pair: usize) -> (__m512, __m512) {
        let floats = |steps| _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(steps));
        let scales = floats(lane(self.scales, pair));
        let minima = floats(lane(self.minima, pair));
        (
            _mm512_mul_ps(self.scale, scales),
            _mm512_mul_ps(self.minimum, minima),
        )
    }
}

/// Orders [(8 rows, groups 0 to 3), (8 rows, groups 4 to 7)] as (groups, rows).
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn by_group(steps: __m512i) -> __m512i {
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

/// Returns the 16 bytes that stand `at` bytes into the blocks: of rows 0 to 3
/// and of rows 4 to 7.
///
/// # Safety
/// The blocks have them.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn sixteen_bytes(blocks: &Blocks, at: usize) -> (__m512i, __m512i) {
    // SAFETY: passed on from the caller.
    unsafe {
        let bytes = |row: usize| _mm_loadu_si128(blocks.row(row).add(at).cast());
        let four = |first: usize| {
            let rows = _mm512_broadcast_i32x4(bytes(first));
            let rows = _mm512_mask_broadcast_i32x4(rows, 0x00f0, bytes(first + 1));
            let rows = _mm512_mask_broadcast_i32x4(rows, 0x0f00, bytes(first + 2));
            _mm512_mask_broadcast_i32x4(rows, 0xf000, bytes(first + 3))
        };
        (four(0), four(4))
    }
}

/// `Q6_K`: sixteen groups of 16 with 8-bit scales.
///
/// # Safety
/// See [`Eight`].
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,f16c,fma")]
unsafe fn six(rows: &[u8], input: &Activations) -> [f32; ROWS] {
    let columns = input.columns;
    let mut blocks = Blocks::first(rows);
    let mut ahead = Ahead::of(rows);
    let mut totals = _mm256_setzero_ps();
    for block in 0..columns / 256 {
        // SAFETY: every row has this block; the activations have as many columns.
        unsafe {
            let (factor, steps) = six_scales(&blocks);
            for quarter in 0..4 {
                ahead.ask(ROWS * Format::Q6K.block_bytes() / 4);
                let at = block * 256 + quarter * WIDTH;
                let four = activations_at(input, at, true);
                let mut products = [_mm512_setzero_si512(); ROWS];
                for (row, product) in products.iter_mut().enumerate() {
                    let head = blocks.row(row);
                    let quants = six_quants(head, quarter / 2, quarter % 2);
                    *product = _mm512_dpbusd_epi32(*product, quants, four);
                }
                let by_row = quarters(crosswise(&products));
                for (half, sums) in by_row.into_iter().enumerate() {
                    let pair = 2 * quarter + half;
                    let pairs = Pairs::of_halves(input, at / SUM_GROUP + 2 * half);
                    let steps = _mm512_cvtepi8_epi32(lane(steps[pair / 4], pair % 4));
                    let scales = _mm512_mul_ps(factor, _mm512_cvtepi32_ps(steps));
                    let sums = pairs.corrected::<unpack::Q6K>(sums);
                    totals = pairs.add::<unpack::Q6K>(scales, scales, sums, totals);
                }
            }
        }
        blocks.step(Format::Q6K.block_bytes());
    }
    let mut out = [0.0; ROWS];
    // SAFETY: eight floats are stored.
    unsafe { _mm256_storeu_ps(out.as_mut_ptr(), totals) };
    out
}

/// Unpacks 64 columns of a `Q6_K` block: the first or second `pair` of runs of
/// 32 in one `half` of 128.
///
/// # Safety
/// `head` points to a block; the processor has AVX-512 BW.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn six_quants(head: *const u8, half: usize, pair: usize) -> __m512i {
    // SAFETY: inside the block's 128 bytes of low and 64 of high bits.
    let (low, high) = unsafe {
        let low = _mm512_loadu_si512(head.add(64 * half).cast());
        let high = _mm256_loadu_si256(head.add(128 + 32 * half).cast());
        (low, _mm512_broadcast_i64x4(high))
    };
    // Bits 0 and 1 go to the first run, 2 and 3 to the second, and so on; they
    // are moved to bits 4 and 5.
    let (low, high) = if pair == 0 {
        let second = _mm512_slli_epi16::<2>(high);
        (low, _mm512_mask_slli_epi16::<4>(second, 0x0000_ffff, high))
    } else {
        let second = _mm512_mask_srli_epi16::<2>(high, 0xffff_0000, high);
        (_mm512_srli_epi16::<4>(low), second)
    };
    let low = _mm512_and_si512(low, _mm512_set1_epi8(15));
    _mm512_or_si512(low, _mm512_and_si512(high, _mm512_set1_epi8(0x30)))
}

/// Widens the factors with which `Q6_K` blocks end, (2, rows).
///
/// # Safety
/// All rows have the block.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn factors(blocks: &Blocks) -> __m512 {
    let mut halves = _mm512_setzero_si512();
    for row in 0..ROWS {
        // SAFETY: passed on from the caller; the half is the block's end.
        let half = unsafe { blocks.row(row).add(208).cast::<u16>().read_unaligned() };
        halves = _mm512_mask_set1_epi32(halves, 0x0101 << row, i32::from(half));
    }
    _mm512_cvtph_ps(_mm512_cvtepi32_epi16(halves))
}

/// Returns the factor of the scales of a `Q6_K` block, (2, rows), and their
/// steps, (16 groups, rows).
///
/// # Safety
/// All rows have the block.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,f16c")]
unsafe fn six_scales(blocks: &Blocks) -> (__m512, [__m512i; 2]) {
    // SAFETY: a block ends with 16 scales and a half.
    let (factor, (upper, lower)) = unsafe { (factors(blocks), sixteen_bytes(blocks, 192)) };
    // Word `first` of rows 0 to 7, then the next one.
    let index = _mm512_set_epi32(29, 25, 21, 17, 13, 9, 5, 1, 28, 24, 20, 16, 12, 8, 4, 0);
    let next = _mm512_add_epi32(index, _mm512_set1_epi32(2));
    let steps = [
        by_group(_mm512_permutex2var_epi32(upper, index, lower)),
        by_group(_mm512_permutex2var_epi32(upper, next, lower)),
    ];
    (factor, steps)
}

/// Returns 16 of 64 bytes.
#[inline]
#[target_feature(enable = "avx512f")]
fn lane(bytes: __m512i, lane: usize) -> __m128i {
    match lane {
        0 => _mm512_castsi512_si128(bytes),
        1 => _mm512_extracti32x4_epi32::<1>(bytes),
        2 => _mm512_extracti32x4_epi32::<2>(bytes),
        _ => _mm512_extracti32x4_epi32::<3>(bytes),
    }
}

/// Asks the memory for what comes later, line after line: the rows are read
/// side by side, which the hardware's own prefetcher does not recognize.
struct Ahead {
    next: *const u8,
    /// Bytes that have been read since the last line was asked for.
    due: usize,
}

impl Ahead {
    fn of(rows: &[u8]) -> Self {
        Self {
            next: rows.as_ptr().wrapping_add(rows.len().max(AHEAD_BYTES)),
            due: 0,
        }
    }

    /// Asks for as many bytes as are read in the meantime.
    #[inline(always)]
    fn ask(&mut self, bytes: usize) {
        self.due += bytes;
        while self.due >= LINE {
            prefetch(self.next);
            self.next = self.next.wrapping_add(LINE);
            self.due -= LINE;
        }
    }
}

/// Sums each quarter of eight registers: of rows 0 to 3 and of rows 4 to 7, in
/// each quarter a lane a row.
#[inline]
#[target_feature(enable = "avx512f")]
fn crosswise(rows: &[__m512i; ROWS]) -> [__m512i; 2] {
    let pair = |a, b| _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    let four = |a, b| _mm512_add_epi32(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
    [
        four(pair(rows[0], rows[1]), pair(rows[2], rows[3])),
        four(pair(rows[4], rows[5]), pair(rows[6], rows[7])),
    ]
}

/// Like [`crosswise`] for products of weights of at most five bits: sums of
/// eight, at most `8 * 31 * 127`, fit 16 bits, which halves the shuffles.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn crosswise_short(rows: &[__m512i; ROWS]) -> [__m512i; 2] {
    let ones = _mm512_set1_epi16(1);
    let add = |a, b| _mm512_madd_epi16(_mm512_packs_epi32(a, b), ones);
    [
        add(add(rows[0], rows[1]), add(rows[2], rows[3])),
        add(add(rows[4], rows[5]), add(rows[6], rows[7])),
    ]
}

/// Sums neighbouring quarters: (2 halves, rows).
#[inline]
#[target_feature(enable = "avx512f")]
fn halves([upper, lower]: [__m512i; 2]) -> __m512i {
    let even = _mm512_shuffle_i32x4::<0b10_00_10_00>(upper, lower);
    let odd = _mm512_shuffle_i32x4::<0b11_01_11_01>(upper, lower);
    let sums = _mm512_add_epi32(even, odd);
    _mm512_shuffle_i32x4::<0b11_01_10_00>(sums, sums)
}

/// Sums the first and third and the second and fourth quarters: (2, rows).
#[inline]
#[target_feature(enable = "avx512f")]
fn halves_of_crossed([upper, lower]: [__m512i; 2]) -> __m512i {
    let first = _mm512_shuffle_i32x4::<0b01_00_01_00>(upper, lower);
    let second = _mm512_shuffle_i32x4::<0b11_10_11_10>(upper, lower);
    let sums = _mm512_add_epi32(first, second);
    _mm512_shuffle_i32x4::<0b11_01_10_00>(sums, sums)
}

/// Orders the quarters: the first and second, (2, rows), and the third and
/// fourth.
#[inline]
#[target_feature(enable = "avx512f")]
fn quarters([upper, lower]: [__m512i; 2]) -> [__m512i; 2] {
    let first = _mm512_shuffle_i32x4::<0b01_00_01_00>(upper, lower);
    let second = _mm512_shuffle_i32x4::<0b11_10_11_10>(upper, lower);
    [
        _mm512_shuffle_i32x4::<0b11_01_10_00>(first, first),
        _mm512_shuffle_i32x4::<0b11_01_10_00>(second, second),
    ]
}

/// What the activations of two neighbouring groups contribute.
struct Pairs {
    /// How many of the two there are.
    count: usize,
    scales: [f32; 2],
    sums: [i32; 2],
    scaled_sums: [f32; 2],
}

impl Pairs {
    /// Two groups of 32 from `group` on, or only one, if not `whole`.
    #[inline(always)]
    fn of(input: &Activations, group: usize, whole: bool) -> Self {
        let next = group + usize::from(whole);
        Self {
            count: 1 + usize::from(whole),
            scales: [input.scales[group], input.scales[next]],
            sums: [input.group_sums[group], input.group_sums[next]],
            scaled_sums: [input.scaled_sums[group], input.scaled_sums[next]],
        }
    }

    /// Two groups of 16 from `group` on.
    #[inline(always)]
    fn of_halves(input: &Activations, group: usize) -> Self {
        let scale = input.scales[group / 2];
        Self {
            count: 2,
            scales: [scale; 2],
            sums: [input.sums[group], input.sums[group + 1]],
            scaled_sums: [0.0; 2],
        }
    }

    /// Takes the quants' zero back from the products.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn corrected<Q: Quantized>(&self, products: __m512i) -> __m512i {
        let zero = if Q::SIGNED { 128 } else { Q::ZERO };
        if zero == 0 {
            return products;
        }
        let first = _mm512_set1_epi32(-zero * self.sums[0]);
        let both = _mm512_mask_set1_epi32(first, 0xff00, -zero * self.sums[1]);
        _mm512_add_epi32(products, both)
    }

    /// Adds both groups' products, (2, rows), to the rows' sums, the first group
    /// first.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx2,fma")]
    fn add<Q: Quantized>(
        &self,
        scales: __m512,
        offsets: __m512,
        products: __m512i,
        totals: __m256,
    ) -> __m256 {
        let both = |[first, second]: [f32; 2]| {
            let first = _mm512_castps_si512(_mm512_set1_ps(first));
            let second = second.to_bits().cast_signed();
            _mm512_castsi512_ps(_mm512_mask_set1_epi32(first, 0xff00, second))
        };
        let factors = split(_mm512_mul_ps(scales, both(self.scales)));
        let products = split(_mm512_cvtepi32_ps(products));
        let offsets = split(offsets);
        let mut totals = totals;
        for group in 0..self.count {
            totals = _mm256_fmadd_ps(factors[group], products[group], totals);
            if Q::OFFSET {
                let sum = _mm256_set1_ps(self.scaled_sums[group]);
                totals = _mm256_fmadd_ps(offsets[group], sum, totals);
            }
        }
        totals
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
fn split(both: __m512) -> [__m256; 2] {
    [
        _mm512_castps512_ps256(both),
        _mm512_extractf32x8_ps::<1>(both),
    ]
}

//! One activation row: weight rows multiplied straight from the file's bytes.
//!
//! Decoding reads every weight once per token and shares nothing, so a tile's
//! way through memory would cost more than the products. Eight rows go side by
//! side: 64 columns of each are unpacked into a register and multiplied, and the
//! eight registers are summed crosswise into the groups' exact products, one a
//! row. From there on the roundings are those of every other path.

use std::arch::x86_64::{
    __m256, __m256i, __m512, __m512i, _mm_loadu_si128, _mm256_fmadd_ps, _mm256_loadu_ps,
    _mm256_loadu_si256, _mm256_mul_ps, _mm256_set_m128i, _mm256_set1_ps, _mm256_setzero_ps,
    _mm256_srli_epi16, _mm256_storeu_ps, _mm256_sub_ps, _mm512_add_epi32, _mm512_and_si512,
    _mm512_castps512_ps256, _mm512_castsi256_si512, _mm512_cvtepi32_ps, _mm512_dpbusd_epi32,
    _mm512_extractf32x8_ps, _mm512_inserti64x4, _mm512_loadu_si512, _mm512_mask_add_epi8,
    _mm512_mask_blend_epi32, _mm512_or_si512, _mm512_set1_epi8, _mm512_set1_epi32,
    _mm512_setzero_si512, _mm512_shuffle_i32x4, _mm512_slli_epi16, _mm512_srli_epi16,
    _mm512_test_epi8_mask, _mm512_unpackhi_epi32, _mm512_unpackhi_epi64, _mm512_unpacklo_epi32,
    _mm512_unpacklo_epi64, _mm512_xor_si512,
};

use crate::activations::{self, Activations, SUM_GROUP};
use crate::block::Format;
use crate::simd::Level;
use crate::tile::avx2::{Blocks, bytes_to_floats, six_bits, store_floats};
use crate::tile::{ROWS, prefetch};
use crate::unpack::{self, Quantized};

/// Columns that are multiplied together.
const WIDTH: usize = 64;
/// How far ahead memory is asked for, at least: what is read while one answer
/// is under way.
const AHEAD_BYTES: usize = 8 << 10;

/// Writes the products of the rows in `bytes` with the first activation row to
/// `out`, one each, if the level and the format have a path of their own here;
/// else returns false and does nothing.
pub(super) fn multiply(
    level: Level,
    format: Format,
    bytes: &[u8],
    input: &Activations,
    out: &mut [f32],
) -> bool {
    if level < Level::Avx512Vnni {
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
    assert!(input.rows > 0 && bytes.len() == out.len() * format.row_bytes(columns));
    let eight_bytes = ROWS * format.row_bytes(columns);
    for (rows_bytes, out) in bytes.chunks(eight_bytes).zip(out.chunks_mut(ROWS)) {
        let mut sums = [0.0; ROWS];
        // SAFETY: the level exists only where its features do; the sizes have
        // been checked.
        unsafe { rows(rows_bytes, input, &mut sums) };
        out.copy_from_slice(&sums[..out.len()]);
    }
    true
}

/// Multiplies up to eight rows with the first activation row.
///
/// Safety: the processor has AVX-512 F, BW, DQ, VL and VNNI; the bytes are whole
/// rows of `input.columns` weights, at least one.
type Eight = unsafe fn(&[u8], &Activations, &mut [f32; ROWS]);

/// Two neighbouring blocks of 32 weights.
trait Pair {
    type Format: Quantized;
    /// Unpacks blocks `a` and `b` in the order of their columns.
    ///
    /// # Safety
    /// Both are whole blocks; the processor has AVX-512 BW.
    unsafe fn unpack(a: *const u8, b: *const u8) -> __m512i;
}

/// Nibbles that stand `AT` bytes into the block, with fifth bits at `FIFTH`,
/// where 0 means none: the scale stands there.
struct Nibbles<Q, const AT: usize, const FIFTH: usize>(Q);

impl<Q: Quantized, const AT: usize, const FIFTH: usize> Pair for Nibbles<Q, AT, FIFTH> {
    type Format = Q;

    #[inline(always)]
    unsafe fn unpack(a: *const u8, b: *const u8) -> __m512i {
        // SAFETY: a block holds 16 bytes of nibbles and four of fifth bits.
        unsafe {
            let low = _mm_loadu_si128(a.add(AT).cast());
            let both = _mm256_set_m128i(_mm_loadu_si128(b.add(AT).cast()), low);
            // [a low, b low, a high, b high] → [a low, a high, b low, b high]
            let four = joined(both, _mm256_srli_epi16::<4>(both));
            let four = _mm512_shuffle_i32x4::<0b11_01_10_00>(four, four);
            let quants = _mm512_and_si512(four, _mm512_set1_epi8(15));
            if FIFTH == 0 {
                return quants;
            }
            let bits = |block: *const u8| block.add(FIFTH).cast::<u32>().read_unaligned();
            let bits = u64::from(bits(a)) | u64::from(bits(b)) << 32;
            _mm512_mask_add_epi8(quants, bits, quants, _mm512_set1_epi8(16))
        }
    }
}

/// `Q8_0`; moved up by 128, since the product takes unsigned weights.
struct Bytes;

impl Pair for Bytes {
    type Format = unpack::Q8_0;

    #[inline(always)]
    unsafe fn unpack(a: *const u8, b: *const u8) -> __m512i {
        // SAFETY: 32 bytes follow the scale.
        unsafe {
            let low = _mm256_loadu_si256(a.add(2).cast());
            let high = _mm256_loadu_si256(b.add(2).cast());
            _mm512_xor_si512(joined(low, high), _mm512_set1_epi8(i8::MIN))
        }
    }
}

/// Formats with blocks of 32 weights, two blocks at a time.
///
/// # Safety
/// See [`Eight`].
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,f16c,fma")]
unsafe fn short<P: Pair>(rows: &[u8], input: &Activations, out: &mut [f32; ROWS]) {
    let (columns, block_bytes) = (input.columns, P::Format::FORMAT.block_bytes());
    let mut blocks = Blocks::first::<P::Format>(rows, columns);
    let ahead = ahead::<P::Format>(columns);
    let mut totals = _mm256_setzero_ps();
    for at in (0..columns).step_by(WIDTH) {
        let whole = columns - at >= WIDTH;
        // An odd last block is taken twice, and its second half not counted.
        let second = if whole { block_bytes } else { 0 };
        // SAFETY: every row has the block at `at` and, if `whole`, one more.
        unsafe {
            let four = if whole {
                _mm512_loadu_si512(input.quants.as_ptr().add(at).cast())
            } else {
                _mm512_castsi256_si512(_mm256_loadu_si256(input.quants.as_ptr().add(at).cast()))
            };
            let mut products = [_mm512_setzero_si512(); ROWS];
            for (product, head) in products.iter_mut().zip(blocks.heads) {
                let weights = P::unpack(head, head.add(second));
                *product = _mm512_dpbusd_epi32(*product, weights, four);
                prefetch(head.wrapping_add(ahead));
            }
            let group = at / activations::GROUP;
            let sums = halves_by_row(crosswise(&products));
            let corrected = corrected::<P::Format>(sums, &input.group_sums[group..]);
            for (half, product) in halves(corrected).into_iter().enumerate() {
                if half == 1 && !whole {
                    break;
                }
                let scales = blocks.halves(half * block_bytes);
                let offsets = if P::Format::OFFSET {
                    blocks.halves(half * block_bytes + 2)
                } else {
                    _mm256_setzero_ps()
                };
                let group = Group::of(input, group + half);
                totals = group.add::<P::Format>(scales, offsets, product, totals);
            }
        }
        blocks.step(second + block_bytes);
    }
    // SAFETY: eight floats are stored.
    unsafe { _mm256_storeu_ps(out.as_mut_ptr(), totals) };
}

/// `Q4_K` and, with fifth bits, `Q5_K`: eight groups of 32 with 6-bit scales and
/// minima.
///
/// # Safety
/// See [`Eight`].
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,f16c,fma")]
unsafe fn long<Q: Quantized, const FIVE: bool>(
    rows: &[u8],
    input: &Activations,
    out: &mut [f32; ROWS],
) {
    let (columns, packed_at) = (input.columns, if FIVE { 48 } else { 16 });
    let mut blocks = Blocks::first::<Q>(rows, columns);
    let ahead = ahead::<Q>(columns);
    let mut totals = _mm256_setzero_ps();
    for block in 0..columns / 256 {
        // SAFETY: every row has this block; the activations have as many columns.
        unsafe {
            ask_ahead(&blocks, ahead, Q::FORMAT.block_bytes());
            let (scales, offsets) = long_scales(&blocks);
            for pair in 0..4 {
                let four = input.quants.as_ptr().add(block * 256 + pair * WIDTH);
                let four = _mm512_loadu_si512(four.cast());
                let mut products = [_mm512_setzero_si512(); ROWS];
                for (product, head) in products.iter_mut().zip(blocks.heads) {
                    let packed = _mm256_loadu_si256(head.add(packed_at + pair * 32).cast());
                    let both = joined(packed, _mm256_srli_epi16::<4>(packed));
                    let mut quants = _mm512_and_si512(both, _mm512_set1_epi8(15));
                    if FIVE {
                        let bits = _mm256_loadu_si256(head.add(16).cast());
                        let bits = joined(bits, _mm256_srli_epi16::<1>(bits));
                        let bit = _mm512_set1_epi8(1_i8 << (2 * pair));
                        let set = _mm512_test_epi8_mask(bits, bit);
                        quants = _mm512_mask_add_epi8(quants, set, quants, _mm512_set1_epi8(16));
                    }
                    *product = _mm512_dpbusd_epi32(*product, quants, four);
                }
                let sums = halves_by_row(crosswise(&products));
                for (half, product) in halves(sums).into_iter().enumerate() {
                    let at = 2 * pair + half;
                    let scales = _mm256_loadu_ps(scales[at].as_ptr());
                    let offsets = _mm256_loadu_ps(offsets[at].as_ptr());
                    let group = Group::of(input, block * 8 + at);
                    totals = group.add::<Q>(scales, offsets, product, totals);
                }
            }
        }
        blocks.step(Q::FORMAT.block_bytes());
    }
    // SAFETY: eight floats are stored.
    unsafe { _mm256_storeu_ps(out.as_mut_ptr(), totals) };
}

/// Returns the scales and offsets of a `Q4_K` or `Q5_K` block, (8 groups, rows).
///
/// # Safety
/// All rows have the block.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn long_scales(blocks: &Blocks) -> ([[f32; ROWS]; 8], [[f32; ROWS]; 8]) {
    let (mut factors, mut minima) = ([0.0_f32; ROWS], [0.0_f32; ROWS]);
    let (mut scales, mut offsets) = ([_mm256_setzero_ps(); ROWS], [_mm256_setzero_ps(); ROWS]);
    let (mut scales_out, mut offsets_out) = ([[0.0; ROWS]; 8], [[0.0; ROWS]; 8]);
    // SAFETY: a block begins with two halves and 12 bytes; the arrays hold eight
    // times eight floats.
    unsafe {
        _mm256_storeu_ps(factors.as_mut_ptr(), blocks.halves(0));
        let negated = _mm256_sub_ps(_mm256_set1_ps(-0.0), blocks.halves(2));
        _mm256_storeu_ps(minima.as_mut_ptr(), negated);
        for row in 0..ROWS {
            let (steps, lows) = six_bits(blocks.heads[row].add(4).cast());
            scales[row] = _mm256_mul_ps(_mm256_set1_ps(factors[row]), bytes_to_floats(steps));
            offsets[row] = _mm256_mul_ps(_mm256_set1_ps(minima[row]), bytes_to_floats(lows));
        }
        store_floats(&scales, ROWS, scales_out.as_flattened_mut().as_mut_ptr());
        store_floats(&offsets, ROWS, offsets_out.as_flattened_mut().as_mut_ptr());
    }
    (scales_out, offsets_out)
}

/// `Q6_K`: sixteen groups of 16 with 8-bit scales.
///
/// # Safety
/// See [`Eight`].
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,f16c,fma")]
unsafe fn six(rows: &[u8], input: &Activations, out: &mut [f32; ROWS]) {
    let columns = input.columns;
    let mut blocks = Blocks::first::<unpack::Q6K>(rows, columns);
    let ahead = ahead::<unpack::Q6K>(columns);
    let mut totals = _mm256_setzero_ps();
    for block in 0..columns / 256 {
        // SAFETY: every row has this block; the activations have as many columns.
        unsafe {
            ask_ahead(&blocks, ahead, Format::Q6K.block_bytes());
            let scales = six_scales(&blocks);
            for quarter in 0..4 {
                let at = block * 256 + quarter * WIDTH;
                let four = _mm512_loadu_si512(input.quants.as_ptr().add(at).cast());
                let mut products = [_mm512_setzero_si512(); ROWS];
                for (product, head) in products.iter_mut().zip(blocks.heads) {
                    let quants = six_quants(head, quarter / 2, quarter % 2);
                    *product = _mm512_dpbusd_epi32(*product, quants, four);
                }
                let sums = &input.sums[at / SUM_GROUP..];
                for (pair, by_row) in quarters_by_row(crosswise(&products))
                    .into_iter()
                    .enumerate()
                {
                    let corrected = corrected::<unpack::Q6K>(by_row, &sums[2 * pair..]);
                    let group = Group::of(input, at / activations::GROUP + pair);
                    for (half, product) in halves(corrected).into_iter().enumerate() {
                        let scales = scales[quarter * 4 + 2 * pair + half].as_ptr();
                        let none = _mm256_setzero_ps();
                        let scales = _mm256_loadu_ps(scales);
                        totals = group.add::<unpack::Q6K>(scales, none, product, totals);
                    }
                }
            }
        }
        blocks.step(Format::Q6K.block_bytes());
    }
    // SAFETY: eight floats are stored.
    unsafe { _mm256_storeu_ps(out.as_mut_ptr(), totals) };
}

/// Unpacks 64 columns of a `Q6_K` block: the first or second `pair` of runs of
/// 32 in one `half` of 128.
///
/// # Safety
/// `head` points to a block; the processor has AVX-512 BW.
#[inline(always)]
unsafe fn six_quants(head: *const u8, half: usize, pair: usize) -> __m512i {
    // SAFETY: inside the block's 128 bytes of low and 64 of high bits.
    unsafe {
        let low = _mm512_loadu_si512(head.add(64 * half).cast());
        let high = _mm256_loadu_si256(head.add(128 + 32 * half).cast());
        let high = joined(high, _mm256_srli_epi16::<2>(high));
        let (low, high) = if pair == 0 {
            (low, _mm512_slli_epi16::<4>(high))
        } else {
            (_mm512_srli_epi16::<4>(low), high)
        };
        let low = _mm512_and_si512(low, _mm512_set1_epi8(15));
        _mm512_or_si512(low, _mm512_and_si512(high, _mm512_set1_epi8(0x30)))
    }
}

/// Returns the scales of a `Q6_K` block, (16 groups, rows).
///
/// # Safety
/// All rows have the block.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn six_scales(blocks: &Blocks) -> [[f32; ROWS]; 16] {
    let mut factors = [0.0_f32; ROWS];
    let mut out = [[0.0; ROWS]; 16];
    // SAFETY: a block ends with 16 scales and a half; each part of `out` holds
    // eight times eight floats.
    unsafe {
        _mm256_storeu_ps(factors.as_mut_ptr(), blocks.halves(208));
        for (half, out) in out.chunks_exact_mut(ROWS).enumerate() {
            let mut scales = [_mm256_setzero_ps(); ROWS];
            for row in 0..ROWS {
                let steps = blocks.heads[row].add(192 + 8 * half).cast::<u64>();
                let steps = signed_bytes_to_floats(steps.read_unaligned());
                scales[row] = _mm256_mul_ps(_mm256_set1_ps(factors[row]), steps);
            }
            store_floats(&scales, ROWS, out.as_flattened_mut().as_mut_ptr());
        }
    }
    out
}

#[inline]
#[target_feature(enable = "avx2")]
fn signed_bytes_to_floats(bytes: u64) -> __m256 {
    use std::arch::x86_64::{_mm_cvtsi64_si128, _mm256_cvtepi8_epi32, _mm256_cvtepi32_ps};
    _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_cvtsi64_si128(bytes.cast_signed())))
}

/// Returns how far ahead to ask: as many times eight rows as `AHEAD_BYTES` take.
fn ahead<Q: Quantized>(columns: usize) -> usize {
    let eight = ROWS * Q::FORMAT.row_bytes(columns);
    AHEAD_BYTES.div_ceil(eight.max(1)) * eight
}

/// Asks for the whole of a long block further on in each row.
#[inline(always)]
fn ask_ahead(blocks: &Blocks, ahead: usize, block_bytes: usize) {
    for head in blocks.heads {
        for line in (0..block_bytes).step_by(64) {
            prefetch(head.wrapping_add(ahead + line));
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn joined(low: __m256i, high: __m256i) -> __m512i {
    _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high)
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

/// Sums the quarters to halves: the first half's sums of rows 0 to 7, then the
/// second's.
#[inline]
#[target_feature(enable = "avx512f")]
fn halves_by_row([low, high]: [__m512i; 2]) -> __m512i {
    let even = _mm512_shuffle_i32x4::<0b10_00_10_00>(low, high);
    let odd = _mm512_shuffle_i32x4::<0b11_01_11_01>(low, high);
    let sums = _mm512_add_epi32(even, odd);
    _mm512_shuffle_i32x4::<0b11_01_10_00>(sums, sums)
}

/// Orders the quarters: those of the first and second of rows 0 to 7, then those
/// of the third and fourth.
#[inline]
#[target_feature(enable = "avx512f")]
fn quarters_by_row([low, high]: [__m512i; 2]) -> [__m512i; 2] {
    let first = _mm512_shuffle_i32x4::<0b01_00_01_00>(low, high);
    let second = _mm512_shuffle_i32x4::<0b11_10_11_10>(low, high);
    [
        _mm512_shuffle_i32x4::<0b11_01_10_00>(first, first),
        _mm512_shuffle_i32x4::<0b11_01_10_00>(second, second),
    ]
}

/// Takes the quants' zero back from two groups' products and makes them floats.
#[inline]
#[target_feature(enable = "avx512f")]
fn corrected<Q: Quantized>(products: __m512i, sums: &[i32]) -> __m512i {
    let zero = if Q::SIGNED { 128 } else { Q::ZERO };
    if zero == 0 {
        return products;
    }
    let second = sums.get(1).copied().unwrap_or(0);
    let corrections = _mm512_mask_blend_epi32(
        0xff00,
        _mm512_set1_epi32(-zero * sums[0]),
        _mm512_set1_epi32(-zero * second),
    );
    _mm512_add_epi32(products, corrections)
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
fn halves(products: __m512i) -> [__m256; 2] {
    let floats: __m512 = _mm512_cvtepi32_ps(products);
    [
        _mm512_castps512_ps256(floats),
        _mm512_extractf32x8_ps::<1>(floats),
    ]
}

/// What the activations of a group contribute.
#[derive(Clone, Copy)]
struct Group {
    scale: f32,
    scaled_sum: f32,
}

impl Group {
    fn of(input: &Activations, group: usize) -> Self {
        Self {
            scale: input.scales[group],
            scaled_sum: input.scaled_sums[group],
        }
    }

    /// Adds a group's products to the rows' sums.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn add<Q: Quantized>(
        self,
        scales: __m256,
        offsets: __m256,
        product: __m256,
        totals: __m256,
    ) -> __m256 {
        let factor = _mm256_mul_ps(scales, _mm256_set1_ps(self.scale));
        let totals = _mm256_fmadd_ps(factor, product, totals);
        if Q::OFFSET {
            return _mm256_fmadd_ps(offsets, _mm256_set1_ps(self.scaled_sum), totals);
        }
        totals
    }
}

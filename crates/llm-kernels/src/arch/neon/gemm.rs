//! Packed panels times activation rows with 128-bit integer products.
//!
//! Two weight registers hold four columns of eight rows, and a product adds its
//! four columns up in the row's lane. With i8mm a register holds eight columns
//! of two rows and is multiplied with two activation rows at once.

use std::arch::aarch64::{
    float32x4_t, int8x16_t, int16x8_t, int32x4_t, vcvtq_f32_s32, vdupq_n_f32, vdupq_n_s16,
    vdupq_n_s32, vfmaq_f32, vfmaq_n_f32, vget_low_s8, vld1q_f32, vld1q_s8, vmlal_high_s8, vmlal_s8,
    vmulq_n_f32, vpadalq_s16, vpaddq_s32, vreinterpretq_s8_s32, vreinterpretq_s8_s64,
    vreinterpretq_s32_s64, vreinterpretq_s64_s8, vreinterpretq_s64_s32, vst1q_f32, vsubq_s32,
    vzip1q_s64, vzip2q_s64,
};

use super::dequantize::QUAD;
use super::primitives::{dot_lane, matrix_product};
use crate::activations::{self, Activations, SUM_GROUP};
use crate::dequantize::Quantized;
use crate::packed_panel::{PackedPanel, ROWS};
use crate::simd::Level;

/// Columns of an activation register.
const WIDTH: usize = 16;
/// Registers that hold a lane for each row of a packed panel.
const QUADS: usize = ROWS / QUAD;

/// Multiplies a packed panel, filled at the same level, with the `BATCH` activation rows
/// from `row` on.
pub(crate) fn dot<Q: Quantized, const BATCH: usize>(
    level: Level,
    packed: &PackedPanel,
    input: &Activations,
    row: usize,
) -> [[f32; ROWS]; BATCH] {
    // SAFETY: a level above scalar exists only where its features do, and every
    // processor of the target has NEON.
    unsafe {
        match level {
            Level::I8MM => dot_i8mm::<Q, BATCH>(packed, input, row),
            Level::DOTPROD => dot_dotprod::<Q, BATCH>(packed, input, row),
            _ => dot_neon::<Q, BATCH>(packed, input, row),
        }
    }
}

/// # Safety
/// The processor has i8mm.
#[target_feature(enable = "neon,i8mm")]
unsafe fn dot_i8mm<Q: Quantized, const BATCH: usize>(
    packed: &PackedPanel,
    input: &Activations,
    row: usize,
) -> [[f32; ROWS]; BATCH] {
    // SAFETY: this function is compiled for what the body needs.
    unsafe { dot_body::<Q, Pairs, BATCH>(packed, input, row) }
}

/// # Safety
/// The processor has dotprod.
#[target_feature(enable = "neon,dotprod")]
unsafe fn dot_dotprod<Q: Quantized, const BATCH: usize>(
    packed: &PackedPanel,
    input: &Activations,
    row: usize,
) -> [[f32; ROWS]; BATCH] {
    // SAFETY: this function is compiled for what the body needs.
    unsafe { dot_body::<Q, Fours, BATCH>(packed, input, row) }
}

/// # Safety
/// The processor has NEON.
#[target_feature(enable = "neon")]
unsafe fn dot_neon<Q: Quantized, const BATCH: usize>(
    packed: &PackedPanel,
    input: &Activations,
    row: usize,
) -> [[f32; ROWS]; BATCH] {
    // SAFETY: this function is compiled for what the body needs.
    unsafe { dot_body::<Q, Widened, BATCH>(packed, input, row) }
}

/// Exact products of a group: of each activation row with eight weight rows.
type GroupProducts<const BATCH: usize> = [[int32x4_t; QUADS]; BATCH];

/// How the exact products of a group are formed.
trait Products {
    /// Returns the products of one group.
    ///
    /// # Safety
    /// The processor has the level; `weights` points to `Q::GROUP * 8` bytes and
    /// `quants + batch * stride` to `Q::GROUP` bytes for each batch row.
    unsafe fn group<Q: Quantized, const BATCH: usize>(
        weights: *const i8,
        quants: *const i8,
        stride: usize,
    ) -> GroupProducts<BATCH>;
}

/// # Safety
/// It is inlined into a function that is compiled for what `P` needs.
#[inline(always)]
unsafe fn dot_body<Q: Quantized, P: Products, const BATCH: usize>(
    packed: &PackedPanel,
    input: &Activations,
    row: usize,
) -> [[f32; ROWS]; BATCH] {
    let columns = input.columns;
    let groups = columns / Q::GROUP;
    GroupTerms::check(input, row + BATCH);
    assert!(packed.lanes == ROWS && packed.quants.len() >= columns * ROWS);
    assert!(packed.scales.len() >= groups * ROWS);
    assert!(!Q::OFFSET || packed.offsets.len() >= groups * ROWS);
    let quants = &input.quants[row * columns..(row + BATCH) * columns];
    // SAFETY: the caller's promise covers the instructions. `group < groups`, and
    // the packed panel and the `BATCH` rows have been checked to hold as many groups;
    // arrays of eight floats are stored.
    unsafe {
        let mut totals = [[vdupq_n_f32(0.0); QUADS]; BATCH];
        for group in 0..groups {
            let weights = packed.quants.as_ptr().add(group * Q::GROUP * ROWS).cast();
            let group_quants = quants.as_ptr().add(group * Q::GROUP);
            let products = P::group::<Q, BATCH>(weights, group_quants, columns);
            for quad in 0..QUADS {
                let at = group * ROWS + quad * QUAD;
                let scales = vld1q_f32(packed.scales.as_ptr().add(at));
                let offsets = if Q::OFFSET {
                    vld1q_f32(packed.offsets.as_ptr().add(at))
                } else {
                    vdupq_n_f32(0.0)
                };
                for batch in 0..BATCH {
                    let terms = GroupTerms::read::<Q>(input, row + batch, group);
                    let total = &mut totals[batch][quad];
                    *total = terms.add::<Q>(*total, products[batch][quad], scales, offsets);
                }
            }
        }
        let mut out = [[0.0; ROWS]; BATCH];
        for (out, totals) in out.iter_mut().zip(totals) {
            vst1q_f32(out.as_mut_ptr(), totals[0]);
            vst1q_f32(out.as_mut_ptr().add(QUAD), totals[1]);
        }
        out
    }
}

/// What an activation row contributes to a group besides its quants.
#[derive(Clone, Copy)]
pub(super) struct GroupTerms {
    scale: f32,
    sum: i32,
    scaled_sum: f32,
}

impl GroupTerms {
    /// Checks that `input` holds its rows up to `rows`, for [`GroupTerms::read`].
    pub(super) fn check(input: &Activations, rows: usize) {
        let groups = rows * (input.columns / activations::GROUP);
        assert!(input.columns.is_multiple_of(activations::GROUP));
        assert!(input.sums.len() >= rows * (input.columns / SUM_GROUP));
        assert!(input.scales.len() >= groups && input.group_sums.len() >= groups);
        assert!(input.scaled_sums.len() >= groups);
    }

    /// Returns the terms of weight group `group` of row `row`.
    ///
    /// # Safety
    /// The row has been checked; it has the group.
    #[inline(always)]
    pub(super) unsafe fn read<Q: Quantized>(input: &Activations, row: usize, group: usize) -> Self {
        let scale_group = group * Q::GROUP / activations::GROUP;
        let at = row * (input.columns / activations::GROUP) + scale_group;
        // SAFETY: a checked row has a scale for every 32 columns and sums for
        // every 16 and 32.
        unsafe {
            let scale = *input.scales.get_unchecked(at);
            if Q::GROUP == SUM_GROUP {
                let at = row * (input.columns / SUM_GROUP) + group;
                let sum = *input.sums.get_unchecked(at);
                let scaled_sum = scale * sum as f32;
                Self {
                    scale,
                    sum,
                    scaled_sum,
                }
            } else {
                Self {
                    scale,
                    sum: *input.group_sums.get_unchecked(at),
                    scaled_sum: *input.scaled_sums.get_unchecked(at),
                }
            }
        }
    }

    /// Adds a group's products to the sums of four rows.
    #[inline]
    #[target_feature(enable = "neon")]
    pub(super) fn add<Q: Quantized>(
        self,
        total: float32x4_t,
        products: int32x4_t,
        scales: float32x4_t,
        offsets: float32x4_t,
    ) -> float32x4_t {
        let exact = if Q::ZERO_POINT == 0 {
            products
        } else {
            vsubq_s32(products, vdupq_n_s32(Q::ZERO_POINT * self.sum))
        };
        let factor = vmulq_n_f32(scales, self.scale);
        let total = vfmaq_f32(total, factor, vcvtq_f32_s32(exact));
        if Q::OFFSET {
            vfmaq_n_f32(total, offsets, self.scaled_sum)
        } else {
            total
        }
    }
}

/// NEON alone: products widened to 16 bits, as many of them chained as fit.
struct Widened;

impl Products for Widened {
    #[inline(always)]
    unsafe fn group<Q: Quantized, const BATCH: usize>(
        weights: *const i8,
        quants: *const i8,
        stride: usize,
    ) -> GroupProducts<BATCH> {
        let steps = Q::GROUP / 4;
        // `Q::CHAIN` counts pairs of products.
        let chain = (2 * Q::CHAIN).min(steps);
        // SAFETY: `step < Q::GROUP / 4`, inside the caller's bytes.
        unsafe {
            let mut products = [[vdupq_n_s32(0); QUADS]; BATCH];
            for quad in 0..QUADS {
                let mut sums = [[vdupq_n_s32(0); 2]; BATCH];
                for first in (0..steps).step_by(chain) {
                    let mut chained: [[int16x8_t; 2]; BATCH] = [[vdupq_n_s16(0); 2]; BATCH];
                    for step in first..first + chain {
                        let weight = vld1q_s8(weights.add(4 * (step * ROWS + quad * QUAD)));
                        for (batch, [low, high]) in chained.iter_mut().enumerate() {
                            let word = quants.add(batch * stride + 4 * step).cast::<i32>();
                            let four = vreinterpretq_s8_s32(vdupq_n_s32(word.read_unaligned()));
                            *low = vmlal_s8(*low, vget_low_s8(weight), vget_low_s8(four));
                            *high = vmlal_high_s8(*high, weight, four);
                        }
                    }
                    for (sums, chained) in sums.iter_mut().zip(chained) {
                        for half in 0..2 {
                            sums[half] = vpadalq_s16(sums[half], chained[half]);
                        }
                    }
                }
                for (products, [low, high]) in products.iter_mut().zip(sums) {
                    products[quad] = vpaddq_s32(low, high);
                }
            }
            products
        }
    }
}

/// dotprod: four products at once, their activations taken from one lane.
struct Fours;

impl Fours {
    /// # Safety
    /// The processor has dotprod; four columns of eight rows stand at `weights`.
    #[inline(always)]
    unsafe fn lane<const LANE: usize, const BATCH: usize>(
        products: &mut GroupProducts<BATCH>,
        weights: *const i8,
        quants: &[int8x16_t; BATCH],
    ) {
        // SAFETY: passed on from the caller.
        unsafe {
            for quad in 0..QUADS {
                let weight = vld1q_s8(weights.add(4 * quad * QUAD));
                for (products, quants) in products.iter_mut().zip(quants) {
                    products[quad] = dot_lane::<LANE>(products[quad], weight, *quants);
                }
            }
        }
    }
}

impl Products for Fours {
    #[inline(always)]
    unsafe fn group<Q: Quantized, const BATCH: usize>(
        weights: *const i8,
        quants: *const i8,
        stride: usize,
    ) -> GroupProducts<BATCH> {
        // SAFETY: inside the caller's bytes, since a group is a multiple of 16.
        unsafe {
            let mut products = [[vdupq_n_s32(0); QUADS]; BATCH];
            for first in (0..Q::GROUP).step_by(WIDTH) {
                let mut sixteen = [vld1q_s8(quants.add(first)); BATCH];
                for (batch, sixteen) in sixteen.iter_mut().enumerate() {
                    *sixteen = vld1q_s8(quants.add(batch * stride + first));
                }
                let columns = |lane: usize| weights.add((first + 4 * lane) * ROWS);
                Self::lane::<0, BATCH>(&mut products, columns(0), &sixteen);
                Self::lane::<1, BATCH>(&mut products, columns(1), &sixteen);
                Self::lane::<2, BATCH>(&mut products, columns(2), &sixteen);
                Self::lane::<3, BATCH>(&mut products, columns(3), &sixteen);
            }
            products
        }
    }
}

/// i8mm: eight columns of two weight rows and two activation rows at once. A
/// single activation row is taken twice.
struct Pairs;

impl Products for Pairs {
    #[inline(always)]
    unsafe fn group<Q: Quantized, const BATCH: usize>(
        weights: *const i8,
        quants: *const i8,
        stride: usize,
    ) -> GroupProducts<BATCH> {
        /// Pairs of weight rows.
        const PAIRS: usize = ROWS / 2;
        let second = |pair: usize| (2 * pair + 1).min(BATCH - 1);
        // SAFETY: inside the caller's bytes, since a group is a multiple of 16.
        unsafe {
            let mut sums = [[vdupq_n_s32(0); PAIRS]; BATCH];
            for first in (0..Q::GROUP).step_by(WIDTH) {
                for (pair, sums) in sums.iter_mut().enumerate().take(BATCH.div_ceil(2)) {
                    let row = |row: usize| {
                        vreinterpretq_s64_s8(vld1q_s8(quants.add(row * stride + first)))
                    };
                    let (a, b) = (row(2 * pair), row(second(pair)));
                    let eights = [vzip1q_s64(a, b), vzip2q_s64(a, b)];
                    for (eight, both) in eights.into_iter().enumerate() {
                        let both = vreinterpretq_s8_s64(both);
                        for (at, sums) in sums.iter_mut().enumerate() {
                            let column = first + 8 * eight;
                            let weight = vld1q_s8(weights.add(column * ROWS + 16 * at));
                            *sums = matrix_product(*sums, both, weight);
                        }
                    }
                }
            }
            let mut products = [[vdupq_n_s32(0); QUADS]; BATCH];
            for pair in 0..BATCH.div_ceil(2) {
                for quad in 0..QUADS {
                    let low = vreinterpretq_s64_s32(sums[pair][2 * quad]);
                    let high = vreinterpretq_s64_s32(sums[pair][2 * quad + 1]);
                    // The second is the same as the first where a row stands alone.
                    products[second(pair)][quad] = vreinterpretq_s32_s64(vzip2q_s64(low, high));
                    products[2 * pair][quad] = vreinterpretq_s32_s64(vzip1q_s64(low, high));
                }
            }
            products
        }
    }
}

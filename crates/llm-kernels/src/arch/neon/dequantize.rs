//! Packed panels by 128-bit registers, and how the blocks of each format lie in them.
//! What the bits mean is told by `arch::scalar`, which every format here must equal.

mod block32;
mod iq4_xs;
mod iq_grid;
mod k_quants;

use std::arch::aarch64::{
    float32x4_t, int8x16_t, uint8x16_t, uint32x4_t, vandq_u8, vcombine_s8, vcombine_u8, vcreate_s8,
    vcreate_u8, vcvt_f32_f16, vcvtq_f32_s32, vdup_n_u8, vdupq_n_f32, vdupq_n_s8, vdupq_n_u8,
    vget_low_s8, vget_low_s16, vld1_u16, vld1q_u8, vmovl_high_s8, vmovl_high_s16, vmovl_s8,
    vmovl_s16, vmulq_n_f32, vorrq_u8, vreinterpret_f16_u16, vreinterpretq_f32_u32,
    vreinterpretq_s8_u8, vreinterpretq_s64_s8, vreinterpretq_u32_f32, vreinterpretq_u32_s8,
    vreinterpretq_u32_u64, vreinterpretq_u64_u32, vshlq_n_u8, vshlq_u8, vshrq_n_u8, vst1q_f32,
    vst1q_s64, vst1q_u32, vtrn1q_u32, vtrn1q_u64, vtrn2q_u32, vtrn2q_u64, vtstq_u8, vzip1q_s64,
    vzip2q_s64,
};

use crate::dequantize::Quantized;
use crate::packed_panel::{PackedPanel, ROWS};

/// Rows that are dequantized together: the `f32` lanes of a register.
pub(crate) const QUAD: usize = 4;
/// Columns that are dequantized together.
pub(crate) const CHUNK: usize = 32;
/// Groups of the block that has most.
const GROUPS_MOST: usize = 16;

/// The same block of four rows.
#[derive(Clone, Copy)]
pub(crate) struct Blocks {
    pub(crate) heads: [*const u8; QUAD],
}

impl Blocks {
    /// The first blocks of the rows from `first` on; a missing row is replaced
    /// by the last one, whose sums are then computed twice and stored once.
    pub(crate) fn first<Q: Quantized>(rows: &[u8], columns: usize, first: usize) -> Self {
        let row_bytes = Q::FORMAT.row_bytes(columns);
        let last = rows.len() / row_bytes - 1;
        let mut heads = [rows.as_ptr(); QUAD];
        for (row, head) in heads.iter_mut().enumerate() {
            *head = rows[(first + row).min(last) * row_bytes..].as_ptr();
        }
        Self { heads }
    }

    /// Moves to the next block, `bytes` further on.
    pub(crate) fn step(&mut self, bytes: usize) {
        for head in &mut self.heads {
            *head = head.wrapping_add(bytes);
        }
    }

    /// Widens the halves that stand `offset` bytes into the blocks.
    ///
    /// # Safety
    /// The blocks have two bytes there.
    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn halves(&self, offset: usize) -> float32x4_t {
        // SAFETY: passed on from the caller.
        let half = |head: *const u8| unsafe { head.add(offset).cast::<u16>().read_unaligned() };
        let four = self.heads.map(half);
        // SAFETY: reads the four halves of the array.
        unsafe { vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(four.as_ptr()))) }
    }
}

/// Scales and offsets of four rows' blocks, each (groups, rows).
#[derive(Clone, Copy)]
pub(crate) struct Scales {
    pub(crate) scales: [float32x4_t; GROUPS_MOST],
    pub(crate) offsets: [float32x4_t; GROUPS_MOST],
}

impl Scales {
    #[inline]
    #[target_feature(enable = "neon")]
    fn zero() -> Self {
        Self {
            scales: [vdupq_n_f32(0.0); GROUPS_MOST],
            offsets: [vdupq_n_f32(0.0); GROUPS_MOST],
        }
    }
}

/// A format whose blocks are dequantized by registers.
pub(crate) trait Layout: Quantized {
    /// Dequantizes the 32 columns `chunk` of a block, in their order. All quants
    /// are below 128, so unsigned ones are signed as well.
    ///
    /// # Safety
    /// It is a whole block and has the chunk; the processor has NEON.
    unsafe fn quants(block: *const u8, chunk: usize) -> [int8x16_t; 2];

    /// Returns the blocks' scales and offsets.
    ///
    /// # Safety
    /// They are whole blocks; the processor has NEON.
    unsafe fn scales(blocks: &Blocks) -> Scales;
}

/// Dequantizes up to eight rows into the lanes from `8 * part` on; `STEP` columns
/// of a row lie side by side, 4 or 8.
#[target_feature(enable = "neon")]
pub(crate) fn fill<L: Layout, const STEP: usize>(
    packed: &mut PackedPanel,
    part: usize,
    rows: &[u8],
    columns: usize,
) {
    const { assert!(STEP == 4 || STEP == 8) };
    let elements = L::FORMAT.block_elements();
    let groups = elements / L::GROUP;
    assert!(columns.is_multiple_of(elements) && part * ROWS < packed.lanes);
    assert!(!rows.is_empty() && rows.len().is_multiple_of(L::FORMAT.row_bytes(columns)));
    packed.resize::<L>(columns);
    for quad in (0..ROWS).step_by(QUAD) {
        let (lanes, lane) = (packed.lanes, part * ROWS + quad);
        let mut blocks = Blocks::first::<L>(rows, columns, quad);
        for block in 0..columns / elements {
            // SAFETY: every row has this block, and the packed panel has been sized for
            // as many blocks of their groups and chunks in `lanes` rows.
            unsafe {
                let scales = L::scales(&blocks);
                for group in 0..groups {
                    let at = (block * groups + group) * lanes + lane;
                    vst1q_f32(packed.scales.as_mut_ptr().add(at), scales.scales[group]);
                    if L::OFFSET {
                        vst1q_f32(packed.offsets.as_mut_ptr().add(at), scales.offsets[group]);
                    }
                }
                for chunk in 0..elements / CHUNK {
                    let quants = blocks.heads.map(|head| L::quants(head, chunk));
                    let first = (block * elements + chunk * CHUNK) * lanes + STEP * lane;
                    let out = packed.quants.as_mut_ptr().add(first);
                    store_interleaved::<STEP>(&quants, lanes, out);
                }
            }
            blocks.step(L::FORMAT.block_bytes());
        }
    }
}

/// Writes four rows of 32 columns as (columns / `STEP`, lanes, `STEP`).
///
/// # Safety
/// `out` points into a packed panel of `lanes` rows that has 32 columns more.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn store_interleaved<const STEP: usize>(
    rows: &[[int8x16_t; 2]; QUAD],
    lanes: usize,
    out: *mut u8,
) {
    for half in 0..2 {
        let sixteen = rows.map(|row| row[half]);
        // SAFETY: of 32 columns there are `32 / STEP` steps; each takes `STEP`
        // bytes of the four rows.
        unsafe {
            let start = out.add(half * 16 * lanes);
            if STEP == 4 {
                let columns = transposed(sixteen.map(|row| vreinterpretq_u32_s8(row)));
                for (step, column) in columns.into_iter().enumerate() {
                    vst1q_u32(start.add(step * STEP * lanes).cast(), column);
                }
            } else {
                let [a, b, c, d] = sixteen.map(|row| vreinterpretq_s64_s8(row));
                let second = start.add(STEP * lanes).cast::<i64>();
                let first = start.cast::<i64>();
                vst1q_s64(first, vzip1q_s64(a, b));
                vst1q_s64(first.add(2), vzip1q_s64(c, d));
                vst1q_s64(second, vzip2q_s64(a, b));
                vst1q_s64(second.add(2), vzip2q_s64(c, d));
            }
        }
    }
}

/// Transposes 4 x 4 words of 32 bits.
#[inline]
#[target_feature(enable = "neon")]
fn transposed([a, b, c, d]: [uint32x4_t; 4]) -> [uint32x4_t; 4] {
    // a0 b0 a2 b2 and a1 b1 a3 b3, likewise c and d.
    let pairs = [vtrn1q_u32(a, b), vtrn2q_u32(a, b)].map(|pair| vreinterpretq_u64_u32(pair));
    let others = [vtrn1q_u32(c, d), vtrn2q_u32(c, d)].map(|pair| vreinterpretq_u64_u32(pair));
    [
        vtrn1q_u64(pairs[0], others[0]),
        vtrn1q_u64(pairs[1], others[1]),
        vtrn2q_u64(pairs[0], others[0]),
        vtrn2q_u64(pairs[1], others[1]),
    ]
    .map(|column| vreinterpretq_u32_u64(column))
}

/// Low nibbles, then high nibbles.
#[inline]
#[target_feature(enable = "neon")]
fn nibbles(packed: uint8x16_t) -> [uint8x16_t; 2] {
    [vandq_u8(packed, vdupq_n_u8(15)), vshrq_n_u8::<4>(packed)]
}

/// Bit `j` of the two bytes as 16 in byte `j`.
#[inline]
#[target_feature(enable = "neon")]
fn fifth_bits(low: u8, high: u8) -> uint8x16_t {
    let bit = vcreate_u8(0x8040_2010_0804_0201);
    let bytes = vcombine_u8(vdup_n_u8(low), vdup_n_u8(high));
    vandq_u8(vtstq_u8(bytes, vcombine_u8(bit, bit)), vdupq_n_u8(16))
}

/// Loads 32 bytes, shifts each down and keeps the bits of `mask`.
///
/// # Safety
/// `bytes` points to 32 bytes.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn shifted(bytes: *const u8, count: usize, mask: u8) -> [uint8x16_t; 2] {
    let down = vdupq_n_s8(-(count as i8));
    // SAFETY: passed on from the caller.
    let both = unsafe { [vld1q_u8(bytes), vld1q_u8(bytes.add(16))] };
    both.map(|bytes| vandq_u8(vshlq_u8(bytes, down), vdupq_n_u8(mask)))
}

/// Adds `high`, shifted up by `UP`, to `low`.
#[inline]
#[target_feature(enable = "neon")]
fn joined<const UP: i32>(low: [uint8x16_t; 2], high: [uint8x16_t; 2]) -> [int8x16_t; 2] {
    [0, 1].map(|half| signed(vorrq_u8(low[half], vshlq_n_u8::<UP>(high[half]))))
}

#[inline]
#[target_feature(enable = "neon")]
fn signed(bytes: uint8x16_t) -> int8x16_t {
    vreinterpretq_s8_u8(bytes)
}

/// Multiplies the rows' factors with the steps of their groups; of the result,
/// (groups, rows), the first `groups` are written.
#[inline]
#[target_feature(enable = "neon")]
fn spread(
    factors: float32x4_t,
    steps: [int8x16_t; QUAD],
    groups: usize,
    out: &mut [float32x4_t; GROUPS_MOST],
) {
    let mut factor = [0.0_f32; QUAD];
    // SAFETY: stores the four floats of the array.
    unsafe { vst1q_f32(factor.as_mut_ptr(), factors) };
    let rows = [0, 1, 2, 3].map(|row: usize| {
        floats(steps[row]).map(|four| vreinterpretq_u32_f32(vmulq_n_f32(four, factor[row])))
    });
    for part in 0..groups / 4 {
        let columns = transposed(rows.map(|row| row[part]));
        for (group, column) in columns.into_iter().enumerate() {
            out[4 * part + group] = vreinterpretq_f32_u32(column);
        }
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn floats(bytes: int8x16_t) -> [float32x4_t; 4] {
    let (low, high) = (vmovl_s8(vget_low_s8(bytes)), vmovl_high_s8(bytes));
    [
        vmovl_s16(vget_low_s16(low)),
        vmovl_high_s16(low),
        vmovl_s16(vget_low_s16(high)),
        vmovl_high_s16(high),
    ]
    .map(|four| vcvtq_f32_s32(four))
}

#[inline]
#[target_feature(enable = "neon")]
fn eight(bytes: u64) -> int8x16_t {
    vcombine_s8(vcreate_s8(bytes), vcreate_s8(0))
}

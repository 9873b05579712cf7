//! Tiles by 128-bit registers, and how the blocks of each format lie in them.
//! What the bits mean is told by `unpack`, whose generic path every format here
//! must equal.

mod points;

use std::arch::aarch64::{
    float32x4_t, int8x16_t, uint8x16_t, uint32x4_t, vandq_u8, vcombine_s8, vcombine_u8, vcreate_s8,
    vcreate_u8, vcvt_f32_f16, vcvtq_f32_s32, vdup_n_u8, vdupq_n_f32, vdupq_n_s8, vdupq_n_u8,
    vget_low_s8, vget_low_s16, vld1_u16, vld1q_f32, vld1q_s8, vld1q_u8, vmovl_high_s8,
    vmovl_high_s16, vmovl_s8, vmovl_s16, vmulq_n_f32, vnegq_f32, vorrq_u8, vqtbl1q_u8,
    vreinterpret_f16_u16, vreinterpretq_f32_u32, vreinterpretq_s8_u8, vreinterpretq_s64_s8,
    vreinterpretq_u32_f32, vreinterpretq_u32_s8, vreinterpretq_u32_u64, vreinterpretq_u64_u32,
    vshlq_n_u8, vshlq_u8, vshrq_n_u8, vst1q_f32, vst1q_s64, vst1q_u32, vsubq_s8, vtrn1q_u32,
    vtrn1q_u64, vtrn2q_u32, vtrn2q_u64, vtstq_u8, vzip1q_s64, vzip2q_s64,
};

use super::{ROWS, Tile};
use crate::block::{Format, Layout as BlockLayout, NONE};
use crate::unpack::{self, Quantized};

/// Rows that are unpacked together: the `f32` lanes of a register.
pub(crate) const QUAD: usize = 4;
/// Columns that are unpacked together.
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

    /// Moves `bytes` on.
    pub(crate) fn step(&mut self, bytes: usize) {
        for head in &mut self.heads {
            *head = head.wrapping_add(bytes);
        }
    }

    /// Widens the halves that stand `at` bytes into the blocks.
    ///
    /// # Safety
    /// The blocks have two bytes there.
    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn halves(&self, at: usize) -> float32x4_t {
        // SAFETY: passed on from the caller.
        let half = |head: *const u8| unsafe { head.add(at).cast::<u16>().read_unaligned() };
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

/// A format whose blocks are unpacked by registers.
pub(crate) trait Layout: Quantized {
    /// Unpacks the 32 columns `chunk` of a block, in their order. All quants
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

/// Unpacks up to eight rows into the lanes from `8 * part` on; `STEP` columns
/// of a row lie side by side, 4 or 8.
#[target_feature(enable = "neon")]
pub(super) fn fill<L: Layout, const STEP: usize>(
    tile: &mut Tile,
    part: usize,
    rows: &[u8],
    columns: usize,
) {
    const { assert!(STEP == 4 || STEP == 8) };
    let elements = L::FORMAT.block_elements();
    let groups = elements / L::GROUP;
    assert!(columns.is_multiple_of(elements) && part * ROWS < tile.lanes);
    assert!(!rows.is_empty() && rows.len().is_multiple_of(L::FORMAT.row_bytes(columns)));
    tile.resize::<L>(columns);
    for quad in (0..ROWS).step_by(QUAD) {
        let (lanes, lane) = (tile.lanes, part * ROWS + quad);
        let mut blocks = Blocks::first::<L>(rows, columns, quad);
        for block in 0..columns / elements {
            // SAFETY: every row has this block, and the tile has been sized for
            // as many blocks of their groups and chunks in `lanes` rows.
            unsafe {
                let scales = L::scales(&blocks);
                for group in 0..groups {
                    let at = (block * groups + group) * lanes + lane;
                    vst1q_f32(tile.scales.as_mut_ptr().add(at), scales.scales[group]);
                    if L::OFFSET {
                        vst1q_f32(tile.offsets.as_mut_ptr().add(at), scales.offsets[group]);
                    }
                }
                for chunk in 0..elements / CHUNK {
                    let quants = blocks.heads.map(|head| L::quants(head, chunk));
                    let first = (block * elements + chunk * CHUNK) * lanes + STEP * lane;
                    let out = tile.quants.as_mut_ptr().add(first);
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
/// `out` points into a tile of `lanes` rows that has 32 columns more.
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
            let out = out.add(half * 16 * lanes);
            if STEP == 4 {
                let columns = transposed(sixteen.map(|row| vreinterpretq_u32_s8(row)));
                for (step, column) in columns.into_iter().enumerate() {
                    vst1q_u32(out.add(step * STEP * lanes).cast(), column);
                }
            } else {
                let [a, b, c, d] = sixteen.map(|row| vreinterpretq_s64_s8(row));
                let second = out.add(STEP * lanes).cast::<i64>();
                let first = out.cast::<i64>();
                vst1q_s64(first, vzip1q_s64(a, b));
                vst1q_s64(first.add(2), vzip1q_s64(c, d));
                vst1q_s64(second, vzip2q_s64(a, b));
                vst1q_s64(second.add(2), vzip2q_s64(c, d));
            }
        }
    }
}

/// Exchanges rows and columns.
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

/// Implements [`Layout`] for a format with blocks of 32 weights in nibbles.
macro_rules! short {
    ($format:ident) => {
        impl Layout for unpack::$format {
            #[inline(always)]
            unsafe fn quants(block: *const u8, _chunk: usize) -> [int8x16_t; 2] {
                // SAFETY: a block holds 16 bytes of nibbles and, where the
                // format has them, four of fifth bits.
                unsafe {
                    let [mut low, mut high] = nibbles(vld1q_u8(block.add(Self::LAYOUT.quants)));
                    if let Some(table) = Self::TABLE {
                        let table = vld1q_u8(table.as_ptr());
                        (low, high) = (vqtbl1q_u8(table, low), vqtbl1q_u8(table, high));
                    }
                    if Self::LAYOUT.high != NONE {
                        let bits = block.add(Self::LAYOUT.high).cast::<[u8; 4]>().read();
                        low = vorrq_u8(low, fifth_bits(bits[0], bits[1]));
                        high = vorrq_u8(high, fifth_bits(bits[2], bits[3]));
                    }
                    [signed(low), signed(high)]
                }
            }

            #[inline(always)]
            unsafe fn scales(blocks: &Blocks) -> Scales {
                // SAFETY: a block begins with its scale.
                unsafe {
                    let mut out = Scales::zero();
                    out.scales[0] = if matches!(Self::FORMAT, Format::Mxfp4) {
                        let scales = blocks
                            .heads
                            .map(|head| unpack::half_of_e8m0(head.add(Self::LAYOUT.scale).read()));
                        vld1q_f32(scales.as_ptr())
                    } else {
                        blocks.halves(Self::LAYOUT.scale)
                    };
                    if Self::OFFSET {
                        out.offsets[0] = blocks.halves(Self::LAYOUT.minimum);
                    }
                    out
                }
            }
        }
    };
}
short!(Q4_0);
short!(Q4_1);
short!(Q5_0);
short!(Q5_1);
short!(Iq4Nl);
short!(Mxfp4);

impl Layout for unpack::Iq4Xs {
    #[inline(always)]
    unsafe fn quants(block: *const u8, chunk: usize) -> [int8x16_t; 2] {
        // SAFETY: 16 bytes a chunk stand behind the scales; the table has 16.
        unsafe {
            let table = vld1q_u8(unpack::IQ4_QUANTS.as_ptr());
            let packed = vld1q_u8(block.add(Self::LAYOUT.quants + 16 * chunk));
            nibbles(packed).map(|half| signed(vqtbl1q_u8(table, half)))
        }
    }

    #[inline(always)]
    unsafe fn scales(blocks: &Blocks) -> Scales {
        const { assert!(Self::LAYOUT.scale == 0 && Self::LAYOUT.scales == 2) };
        // SAFETY: a block begins with eight bytes of the factor and the steps.
        unsafe {
            let mut out = Scales::zero();
            let heads = blocks.heads.map(|head| head.cast::<u64>().read_unaligned());
            let steps = heads.map(|head| eight(unpack::iq4_xs_steps(head)));
            spread(blocks.halves(Self::LAYOUT.scale), steps, 8, &mut out.scales);
            out
        }
    }
}

impl Layout for unpack::Q8_0 {
    #[inline(always)]
    unsafe fn quants(block: *const u8, _chunk: usize) -> [int8x16_t; 2] {
        // SAFETY: 32 bytes stand behind the scale.
        unsafe {
            let quants = block.add(Self::LAYOUT.quants).cast::<i8>();
            [vld1q_s8(quants), vld1q_s8(quants.add(16))]
        }
    }

    #[inline(always)]
    unsafe fn scales(blocks: &Blocks) -> Scales {
        // SAFETY: a block begins with its scale.
        unsafe {
            let mut out = Scales::zero();
            out.scales[0] = blocks.halves(Self::LAYOUT.scale);
            out
        }
    }
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

/// Returns the scales and offsets of `Q4_K` and `Q5_K` blocks: eight groups
/// with 6-bit steps.
///
/// # Safety
/// They are whole blocks.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn six_bit_scales(layout: BlockLayout, blocks: &Blocks) -> Scales {
    let mut out = Scales::zero();
    // SAFETY: a block begins with two halves and 12 bytes.
    unsafe {
        let packed = blocks.heads.map(|head| {
            let words = head.add(layout.scales).cast::<[u32; 3]>();
            unpack::six_bits(words.read_unaligned())
        });
        let steps = packed.map(|(steps, _)| eight(steps));
        spread(blocks.halves(layout.scale), steps, 8, &mut out.scales);
        let lows = packed.map(|(_, lows)| eight(lows));
        let minima = vnegq_f32(blocks.halves(layout.minimum));
        spread(minima, lows, 8, &mut out.offsets);
    }
    out
}

#[inline]
#[target_feature(enable = "neon")]
fn eight(bytes: u64) -> int8x16_t {
    vcombine_s8(vcreate_s8(bytes), vcreate_s8(0))
}

impl Layout for unpack::Q4K {
    #[inline(always)]
    unsafe fn quants(block: *const u8, chunk: usize) -> [int8x16_t; 2] {
        // SAFETY: two chunks share 32 of the 128 bytes behind the scales.
        unsafe {
            let packed = block.add(Self::LAYOUT.quants + chunk / 2 * 32);
            shifted(packed, chunk % 2 * 4, 15).map(|half| signed(half))
        }
    }

    #[inline(always)]
    unsafe fn scales(blocks: &Blocks) -> Scales {
        // SAFETY: passed on from the caller.
        unsafe { six_bit_scales(Self::LAYOUT, blocks) }
    }
}

impl Layout for unpack::Q5K {
    #[inline(always)]
    unsafe fn quants(block: *const u8, chunk: usize) -> [int8x16_t; 2] {
        // SAFETY: 32 bytes of fifth bits stand behind the scales, then 128 of
        // which two chunks share 32.
        unsafe {
            let packed = block.add(Self::LAYOUT.quants + chunk / 2 * 32);
            let low = shifted(packed, chunk % 2 * 4, 15);
            joined::<4>(low, shifted(block.add(Self::LAYOUT.high), chunk, 1))
        }
    }

    #[inline(always)]
    unsafe fn scales(blocks: &Blocks) -> Scales {
        // SAFETY: passed on from the caller.
        unsafe { six_bit_scales(Self::LAYOUT, blocks) }
    }
}

impl Layout for unpack::Q6K {
    #[inline(always)]
    unsafe fn quants(block: *const u8, chunk: usize) -> [int8x16_t; 2] {
        let (half, run) = (chunk / 4, chunk % 4);
        // SAFETY: each half has 64 bytes of low bits, and of high ones 32
        // behind all of those.
        unsafe {
            let packed = block.add(Self::LAYOUT.quants + 64 * half + run % 2 * 32);
            let low = shifted(packed, run / 2 * 4, 15);
            let high = block.add(Self::LAYOUT.high + 32 * half);
            joined::<4>(low, shifted(high, 2 * run, 3))
        }
    }

    #[inline(always)]
    unsafe fn scales(blocks: &Blocks) -> Scales {
        // SAFETY: a block ends with 16 bytes and a half.
        unsafe {
            let mut out = Scales::zero();
            let load = |head: *const u8| vld1q_s8(head.add(Self::LAYOUT.scales).cast());
            let steps = blocks.heads.map(load);
            spread(
                blocks.halves(Self::LAYOUT.scale),
                steps,
                16,
                &mut out.scales,
            );
            out
        }
    }
}

impl Layout for unpack::Q2K {
    #[inline(always)]
    unsafe fn quants(block: *const u8, chunk: usize) -> [int8x16_t; 2] {
        // SAFETY: behind 16 bytes of steps, four chunks share 32 of 64 bytes.
        unsafe {
            let packed = block.add(Self::LAYOUT.quants + chunk / 4 * 32);
            shifted(packed, chunk % 4 * 2, 3).map(|half| signed(half))
        }
    }

    #[inline(always)]
    unsafe fn scales(blocks: &Blocks) -> Scales {
        // SAFETY: a block begins with 16 bytes and ends with two halves.
        unsafe {
            let mut out = Scales::zero();
            let load = |head: *const u8| nibbles(vld1q_u8(head.add(Self::LAYOUT.scales)));
            let steps = blocks.heads.map(load);
            let low = steps.map(|both| signed(both[0]));
            spread(blocks.halves(Self::LAYOUT.scale), low, 16, &mut out.scales);
            let high = steps.map(|both| signed(both[1]));
            let minima = vnegq_f32(blocks.halves(Self::LAYOUT.minimum));
            spread(minima, high, 16, &mut out.offsets);
            out
        }
    }
}

impl Layout for unpack::Q3K {
    #[inline(always)]
    unsafe fn quants(block: *const u8, chunk: usize) -> [int8x16_t; 2] {
        // SAFETY: 32 bytes of third bits, then 64 of which four chunks share 32.
        unsafe {
            let packed = block.add(Self::LAYOUT.quants + chunk / 4 * 32);
            let low = shifted(packed, chunk % 4 * 2, 3);
            joined::<2>(low, shifted(block.add(Self::LAYOUT.high), chunk, 1))
        }
    }

    #[inline(always)]
    unsafe fn scales(blocks: &Blocks) -> Scales {
        // SAFETY: a block ends with 12 bytes and a half.
        unsafe {
            let mut out = Scales::zero();
            let centered = |head: *const u8| centered_six_bits(head.add(Self::LAYOUT.scales));
            let steps = blocks.heads.map(centered);
            spread(
                blocks.halves(Self::LAYOUT.scale),
                steps,
                16,
                &mut out.scales,
            );
            out
        }
    }
}

/// Returns the sixteen 6-bit scales of a `Q3_K` block, less 32: eight bytes with
/// the low four bits of two each, then four bytes with the high two of four.
///
/// # Safety
/// `packed` points to 12 bytes.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn centered_six_bits(packed: *const u8) -> int8x16_t {
    // SAFETY: passed on from the caller.
    let (low, high) = unsafe {
        let low = packed.cast::<u64>().read_unaligned();
        (low, packed.add(8).cast::<u32>().read_unaligned())
    };
    let low_of = |bits: u64| bits & 0x0f0f_0f0f_0f0f_0f0f;
    let high_of = |run: u32| u64::from(high >> (2 * run) & 0x0303_0303) << 4;
    let first = low_of(low) | high_of(0) | high_of(1) << 32;
    let second = low_of(low >> 4) | high_of(2) | high_of(3) << 32;
    let steps = vcombine_s8(vcreate_s8(first), vcreate_s8(second));
    vsubq_s8(steps, vdupq_n_s8(32))
}

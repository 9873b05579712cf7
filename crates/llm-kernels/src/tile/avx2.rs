//! Tiles by 256-bit registers: unpacked and interleaved without a detour
//! through memory, for the formats that most files are made of. What the bits
//! mean is told by `unpack`, whose generic path every format here must equal.

use std::arch::x86_64::{
    __m128i, __m256, __m256i, _mm_cvtsi32_si128, _mm_loadl_epi64, _mm_loadu_si128, _mm_set_epi16,
    _mm_srli_epi16, _mm256_and_si256, _mm256_broadcastsi128_si256, _mm256_castps_si256,
    _mm256_castsi256_ps, _mm256_cmpeq_epi8, _mm256_cvtepi8_epi32, _mm256_cvtepi32_ps,
    _mm256_cvtepu8_epi32, _mm256_cvtph_ps, _mm256_loadu_ps, _mm256_loadu_si256, _mm256_mul_ps,
    _mm256_or_si256, _mm256_permute2x128_si256, _mm256_set_m128i, _mm256_set1_epi8,
    _mm256_set1_epi32, _mm256_set1_epi64x, _mm256_set1_ps, _mm256_setr_epi64x, _mm256_setzero_ps,
    _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_slli_epi16, _mm256_srl_epi16,
    _mm256_storeu_ps, _mm256_storeu_si256, _mm256_sub_ps, _mm256_unpackhi_epi32,
    _mm256_unpackhi_epi64, _mm256_unpacklo_epi32, _mm256_unpacklo_epi64, _mm256_xor_si256,
};

use super::ahead::Ahead;
use super::{ROWS, Tile};
use crate::block::Format;
use crate::unpack::{self, Quantized};

/// Where a part of a tile begins and how far its neighbouring steps are apart.
#[derive(Clone, Copy)]
struct Place {
    /// Rows of the tile.
    lanes: usize,
    /// The first of the part's rows.
    first: usize,
}

impl Place {
    /// The first byte of the 32 columns `chunk`.
    fn quants(self, chunk: usize) -> usize {
        4 * (chunk * 8 * self.lanes + self.first)
    }

    /// The first scale or offset of a group.
    fn scales(self, group: usize) -> usize {
        group * self.lanes + self.first
    }
}

/// Where eight unpacked rows go.
pub(crate) trait Sink {
    /// Prepares for rows of `columns` weights, and returns what every quant is
    /// xored with.
    fn start<Q: Quantized>(&mut self, columns: usize) -> u8;

    /// Takes the rows' scales of a group.
    ///
    /// # Safety
    /// The processor has AVX2, FMA and F16C, and the rows have the group.
    unsafe fn scales(&mut self, group: usize, scales: __m256);

    /// Takes the rows' offsets of a group.
    ///
    /// # Safety
    /// As [`Sink::scales`].
    unsafe fn offsets(&mut self, group: usize, offsets: __m256);

    /// Takes the rows' 32 columns from `32 * chunk` on, transposed: four columns
    /// of all rows each. Their scales and offsets came before.
    ///
    /// # Safety
    /// As [`Sink::scales`].
    unsafe fn quants<Q: Quantized>(&mut self, chunk: usize, columns: &[__m256i; ROWS]);
}

/// A part of a tile.
struct Part<'a> {
    tile: &'a mut Tile,
    place: Place,
}

impl Sink for Part<'_> {
    fn start<Q: Quantized>(&mut self, columns: usize) -> u8 {
        self.tile.resize::<Q>(columns);
        self.tile.turn::<Q>()
    }

    #[inline(always)]
    unsafe fn scales(&mut self, group: usize, scales: __m256) {
        let at = self.place.scales(group);
        // SAFETY: `start` has sized the tile for every group.
        unsafe { _mm256_storeu_ps(self.tile.scales.as_mut_ptr().add(at), scales) };
    }

    #[inline(always)]
    unsafe fn offsets(&mut self, group: usize, offsets: __m256) {
        let at = self.place.scales(group);
        // SAFETY: as for the scales.
        unsafe { _mm256_storeu_ps(self.tile.offsets.as_mut_ptr().add(at), offsets) };
    }

    #[inline(always)]
    unsafe fn quants<Q: Quantized>(&mut self, chunk: usize, columns: &[__m256i; ROWS]) {
        let at = self.place.quants(chunk);
        let lanes = self.place.lanes;
        for (step, column) in columns.iter().enumerate() {
            // SAFETY: `start` has sized the tile for every chunk of 32 columns.
            unsafe {
                let out = self.tile.quants.as_mut_ptr().add(at + step * 4 * lanes);
                _mm256_storeu_si256(out.cast(), *column);
            }
        }
    }
}

/// Unpacks a tile if its format has a path of its own here; else returns false
/// and does nothing.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn fill(
    tile: &mut Tile,
    part: usize,
    format: Format,
    rows: &[u8],
    columns: usize,
) -> bool {
    let place = Place {
        lanes: tile.lanes,
        first: part * ROWS,
    };
    assert!(place.first < place.lanes);
    unpack_eight(&mut Part { tile, place }, format, rows, columns)
}

/// Unpacks up to eight rows if their format has a path of its own here; else
/// returns false and does nothing.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(crate) fn unpack_eight(
    sink: &mut impl Sink,
    format: Format,
    rows: &[u8],
    columns: usize,
) -> bool {
    match format {
        Format::Q4_0 => short::<unpack::Q4_0>(sink, rows, columns, &at(0, 0, 2)),
        Format::Q4_1 => short::<unpack::Q4_1>(sink, rows, columns, &at(2, 0, 4)),
        Format::Q5_0 => short::<unpack::Q5_0>(sink, rows, columns, &at(0, 2, 6)),
        Format::Q5_1 => short::<unpack::Q5_1>(sink, rows, columns, &at(2, 4, 8)),
        Format::Q8_0 => short::<unpack::Q8_0>(sink, rows, columns, &at(0, 0, 2)),
        Format::Iq4Nl => short::<unpack::Iq4Nl>(sink, rows, columns, &at(0, 0, 2)),
        Format::Mxfp4 => short::<unpack::Mxfp4>(sink, rows, columns, &at(0, 0, 1)),
        Format::Iq4Xs => iq4_xs(sink, rows, columns),
        Format::Q4K => long::<unpack::Q4K>(sink, rows, columns),
        Format::Q5K => long::<unpack::Q5K>(sink, rows, columns),
        Format::Q6K => six::<unpack::Q6K>(sink, rows, columns),
        _ => return false,
    }
    true
}

/// Where a block of 32 weights holds what; 0 for what it does not have, since
/// the scale stands first in all of them.
struct Short {
    offset: usize,
    fifth: usize,
    quants: usize,
}

const fn at(offset: usize, fifth: usize, quants: usize) -> Short {
    Short {
        offset,
        fifth,
        quants,
    }
}

/// The same block of all eight rows.
struct Blocks {
    heads: [*const u8; ROWS],
    ahead: Ahead,
}

impl Blocks {
    /// The first blocks; a missing row is replaced by the last one, whose sums
    /// are then computed twice and stored once.
    fn first<Q: Quantized>(rows: &[u8], columns: usize) -> Self {
        let row_bytes = Q::FORMAT.row_bytes(columns);
        let last = rows.len() / row_bytes - 1;
        let mut heads = [rows.as_ptr(); ROWS];
        for (row, head) in heads.iter_mut().enumerate() {
            *head = rows[row.min(last) * row_bytes..].as_ptr();
        }
        Self {
            heads,
            ahead: Ahead::of(rows),
        }
    }

    /// Moves to the next block and asks for as much of what lies behind the
    /// rows.
    #[inline(always)]
    fn advance(&mut self, block_bytes: usize) {
        self.ahead.ask(ROWS * block_bytes);
        for head in &mut self.heads {
            *head = head.wrapping_add(block_bytes);
        }
    }

    /// Widens the halves that stand `at` bytes into the blocks.
    ///
    /// # Safety
    /// The blocks have two bytes there.
    #[target_feature(enable = "avx2,f16c")]
    unsafe fn halves(&self, at: usize) -> __m256 {
        // SAFETY: passed on from the caller.
        let half = |row: usize| unsafe { self.heads[row].add(at).cast::<i16>().read_unaligned() };
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
}

/// Checks the sizes and returns the rows' first blocks.
fn prepare<Q: Quantized>(rows: &[u8], columns: usize) -> Blocks {
    let row_bytes = Q::FORMAT.row_bytes(columns);
    assert!(columns.is_multiple_of(Q::FORMAT.block_elements()));
    assert!(!rows.is_empty() && rows.len().is_multiple_of(row_bytes));
    Blocks::first::<Q>(rows, columns)
}

/// Unpacks a format with blocks of 32 weights.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn short<Q: Quantized>(sink: &mut impl Sink, rows: &[u8], columns: usize, layout: &Short) {
    let mut blocks = prepare::<Q>(rows, columns);
    let turn = _mm256_set1_epi8(sink.start::<Q>(columns).cast_signed());
    let table = Q::TABLE.map_or(turn, |table| turned(table, turn));
    for block in 0..columns / 32 {
        let mut quants = [_mm256_setzero_si256(); ROWS];
        // SAFETY: `prepare` has checked that every row has this block.
        unsafe {
            let scales = if matches!(Q::FORMAT, Format::Mxfp4) {
                let scales = blocks.heads.map(|head| unpack::half_of_e8m0(head.read()));
                _mm256_loadu_ps(scales.as_ptr())
            } else {
                blocks.halves(0)
            };
            sink.scales(block, scales);
            if Q::OFFSET {
                sink.offsets(block, blocks.halves(layout.offset));
            }
            for (quants, head) in quants.iter_mut().zip(blocks.heads) {
                *quants = if Q::TABLE.is_some() {
                    looked_up(table, head.add(layout.quants))
                } else if Q::SIGNED {
                    let quants = _mm256_loadu_si256(head.add(layout.quants).cast());
                    _mm256_xor_si256(quants, turn)
                } else {
                    nibbles(_mm_loadu_si128(head.add(layout.quants).cast()))
                };
                if layout.fifth != 0 {
                    let bits = head.add(layout.fifth).cast::<i32>().read_unaligned();
                    *quants = _mm256_or_si256(*quants, fifth_bits(bits));
                }
            }
            sink.quants::<Q>(block, &transposed(&quants));
        }
        blocks.advance(Q::FORMAT.block_bytes());
    }
}

/// Low nibbles, then high nibbles.
#[inline]
#[target_feature(enable = "avx2")]
fn nibbles(packed: __m128i) -> __m256i {
    let both = _mm256_set_m128i(_mm_srli_epi16::<4>(packed), packed);
    _mm256_and_si256(both, _mm256_set1_epi8(15))
}

/// What nibbles stand for, as a tile of the width has it, in both halves.
#[target_feature(enable = "avx2")]
fn turned(table: &[u8; 16], turn: __m256i) -> __m256i {
    // SAFETY: the table has 16 bytes.
    let table = unsafe { _mm_loadu_si128(table.as_ptr().cast()) };
    _mm256_xor_si256(_mm256_broadcastsi128_si256(table), turn)
}

/// What 16 bytes of nibbles stand for: the low ones', then the high ones'.
///
/// # Safety
/// `packed` points to 16 bytes.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn looked_up(table: __m256i, packed: *const u8) -> __m256i {
    // SAFETY: passed on from the caller.
    let packed = unsafe { _mm_loadu_si128(packed.cast()) };
    _mm256_shuffle_epi8(table, nibbles(packed))
}

/// Bit `j` of `bits` as 16 in byte `j`.
#[inline]
#[target_feature(enable = "avx2")]
fn fifth_bits(bits: i32) -> __m256i {
    // Byte `j / 8` of the four to byte `j`.
    let spread = _mm256_setr_epi64x(
        0,
        0x0101_0101_0101_0101,
        0x0202_0202_0202_0202,
        0x0303_0303_0303_0303,
    );
    let bytes = _mm256_shuffle_epi8(_mm256_set1_epi32(bits), spread);
    let bit = _mm256_set1_epi64x(0x8040_2010_0804_0201_u64.cast_signed());
    let set = _mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit), bit);
    _mm256_and_si256(set, _mm256_set1_epi8(16))
}

/// Unpacks `Q4_K` and `Q5_K`: eight groups of 32 with 6-bit scales and minima.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn long<Q: Quantized>(sink: &mut impl Sink, rows: &[u8], columns: usize) {
    let five = Q::FORMAT.block_bytes() == Format::Q5K.block_bytes();
    let packed_at = if five { 48 } else { 16 };
    sink.start::<Q>(columns);
    let mut blocks = prepare::<Q>(rows, columns);
    for block in 0..columns / 256 {
        let mut scales = [_mm256_setzero_ps(); ROWS];
        let mut offsets = [_mm256_setzero_ps(); ROWS];
        // SAFETY: `prepare` has checked that every row has this block.
        unsafe {
            let both = (blocks.halves(0), blocks.halves(2));
            let (mut factors, mut minima) = ([0.0_f32; ROWS], [0.0_f32; ROWS]);
            _mm256_storeu_ps(factors.as_mut_ptr(), both.0);
            _mm256_storeu_ps(
                minima.as_mut_ptr(),
                _mm256_sub_ps(_mm256_set1_ps(-0.0), both.1),
            );
            for row in 0..ROWS {
                let (steps, lows) =
                    unpack::six_bits(blocks.heads[row].add(4).cast::<[u32; 3]>().read_unaligned());
                scales[row] = _mm256_mul_ps(_mm256_set1_ps(factors[row]), bytes_to_floats(steps));
                offsets[row] = _mm256_mul_ps(_mm256_set1_ps(minima[row]), bytes_to_floats(lows));
            }
            for (group, scales) in by_group(&scales).into_iter().enumerate() {
                sink.scales(block * 8 + group, scales);
            }
            for (group, offsets) in by_group(&offsets).into_iter().enumerate() {
                sink.offsets(block * 8 + group, offsets);
            }
            for run in 0..8 {
                let mut quants = [_mm256_setzero_si256(); ROWS];
                for (quants, head) in quants.iter_mut().zip(blocks.heads) {
                    let packed = _mm256_loadu_si256(head.add(packed_at + run / 2 * 32).cast());
                    *quants = shifted(packed, 4 * (run % 2), 15);
                    if five {
                        let bits = _mm256_loadu_si256(head.add(16).cast());
                        let bit = shifted(bits, run, 1);
                        *quants = _mm256_or_si256(*quants, _mm256_slli_epi16::<4>(bit));
                    }
                }
                sink.quants::<Q>(block * 8 + run, &transposed(&quants));
            }
        }
        blocks.advance(Q::FORMAT.block_bytes());
    }
}

/// Unpacks `IQ4_XS`: eight groups of 32 with 6-bit scales.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn iq4_xs(sink: &mut impl Sink, rows: &[u8], columns: usize) {
    type Q = unpack::Iq4Xs;
    let mut blocks = prepare::<Q>(rows, columns);
    let turn = _mm256_set1_epi8(sink.start::<Q>(columns).cast_signed());
    let table = turned(&unpack::IQ4_QUANTS, turn);
    for block in 0..columns / 256 {
        let mut scales = [_mm256_setzero_ps(); ROWS];
        // SAFETY: `prepare` has checked that every row has this block.
        unsafe {
            let mut factors = [0.0_f32; ROWS];
            _mm256_storeu_ps(factors.as_mut_ptr(), blocks.halves(0));
            for row in 0..ROWS {
                let head = blocks.heads[row].cast::<u64>().read_unaligned();
                let steps = unpack::iq4_xs_steps(head);
                let steps = _mm_loadl_epi64((&raw const steps).cast());
                let steps = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(steps));
                scales[row] = _mm256_mul_ps(_mm256_set1_ps(factors[row]), steps);
            }
            for (group, scales) in by_group(&scales).into_iter().enumerate() {
                sink.scales(block * 8 + group, scales);
            }
            for run in 0..8 {
                let quants = blocks
                    .heads
                    .map(|head| looked_up(table, head.add(8 + 16 * run)));
                sink.quants::<Q>(block * 8 + run, &transposed(&quants));
            }
        }
        blocks.advance(Q::FORMAT.block_bytes());
    }
}

/// Shifts every byte down and keeps the bits of `mask`.
#[inline]
#[target_feature(enable = "avx2")]
fn shifted(bytes: __m256i, count: usize, mask: i8) -> __m256i {
    let count = _mm_cvtsi32_si128(count as i32);
    _mm256_and_si256(_mm256_srl_epi16(bytes, count), _mm256_set1_epi8(mask))
}

#[target_feature(enable = "avx2")]
fn bytes_to_floats(bytes: u64) -> __m256 {
    // SAFETY: reads the eight bytes of the reference.
    let low = unsafe { _mm_loadl_epi64((&raw const bytes).cast()) };
    _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(low))
}

/// Unpacks `Q6_K`: sixteen groups of 16 with 8-bit scales.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn six<Q: Quantized>(sink: &mut impl Sink, rows: &[u8], columns: usize) {
    sink.start::<Q>(columns);
    let mut blocks = prepare::<Q>(rows, columns);
    for block in 0..columns / 256 {
        // SAFETY: `prepare` has checked that every row has this block.
        unsafe {
            let mut factors = [0.0_f32; ROWS];
            _mm256_storeu_ps(factors.as_mut_ptr(), blocks.halves(208));
            for half in 0..2 {
                let mut scales = [_mm256_setzero_ps(); ROWS];
                for row in 0..ROWS {
                    let steps = _mm_loadl_epi64(blocks.heads[row].add(192 + 8 * half).cast());
                    let steps = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(steps));
                    scales[row] = _mm256_mul_ps(_mm256_set1_ps(factors[row]), steps);
                }
                for (group, scales) in by_group(&scales).into_iter().enumerate() {
                    sink.scales(block * 16 + 8 * half + group, scales);
                }
                for run in 0..4 {
                    let mut quants = [_mm256_setzero_si256(); ROWS];
                    for (quants, head) in quants.iter_mut().zip(blocks.heads) {
                        let low = head.add(64 * half + 32 * (run % 2));
                        let low = shifted(_mm256_loadu_si256(low.cast()), 4 * (run / 2), 15);
                        let high = _mm256_loadu_si256(head.add(128 + 32 * half).cast());
                        let high = _mm256_slli_epi16::<4>(shifted(high, 2 * run, 3));
                        *quants = _mm256_or_si256(low, high);
                    }
                    sink.quants::<Q>(block * 8 + 4 * half + run, &transposed(&quants));
                }
            }
        }
        blocks.advance(Q::FORMAT.block_bytes());
    }
}

/// Eight rows of eight groups → the groups, each of eight rows.
#[inline]
#[target_feature(enable = "avx2")]
fn by_group(rows: &[__m256; ROWS]) -> [__m256; ROWS] {
    let words = rows.map(|row| _mm256_castps_si256(row));
    transposed(&words).map(|values| _mm256_castsi256_ps(values))
}

/// Transposes 8 x 8 words of 32 bits: pairs of rows, then fours, then eights.
#[inline]
#[target_feature(enable = "avx2")]
fn transposed(rows: &[__m256i; ROWS]) -> [__m256i; ROWS] {
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

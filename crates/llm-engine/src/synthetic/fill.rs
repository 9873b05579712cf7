//! Random weights, written block by block in the format in which they are
//! stored: the bits of the quants are random, the scales are set so that the
//! weights have the wanted size.

use half::f16;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use llm_kernels::block::Format;
use llm_kernels::pool::Pool;

/// Bytes that one stream of random numbers fills, at most: the unit in which
/// threads share the work, so that their number does not matter.
const CHUNK_BYTES: usize = 64 << 10;

/// Returns the bytes of a chunk, whole blocks.
pub(super) fn chunk_bytes(format: Format) -> usize {
    CHUNK_BYTES / format.block_bytes() * format.block_bytes()
}

/// Fills whole chunks (the last may be shorter) of the tensor that `key`
/// names, from chunk `first` on, with weights of the root mean square `rms`.
pub(super) fn fill(pool: &Pool, format: Format, rms: f32, key: u64, first: usize, out: &mut [u8]) {
    let chunk = chunk_bytes(format);
    let (whole, rest) = out.split_at_mut(out.len() / chunk * chunk);
    pool.for_each_row(whole, chunk, |index, out| {
        fill_chunk(format, rms, [key, (first + index) as u64], out);
    });
    let last = first + whole.len() / chunk;
    fill_chunk(format, rms, [key, last as u64], rest);
}

fn fill_chunk(format: Format, rms: f32, key: [u64; 2], out: &mut [u8]) {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&key[0].to_le_bytes());
    seed[8..16].copy_from_slice(&key[1].to_le_bytes());
    ChaCha8Rng::from_seed(seed).fill_bytes(out);
    match format {
        Format::F16 => set_exponents(out, 10, 15, rms),
        Format::Bf16 => set_exponents(out, 7, 127, rms),
        Format::Mxfp4 => set_powers(out, rms),
        _ => set_scales(format, rms, out),
    }
}

/// Where a block's scales stand and what they are worth.
struct Scales {
    /// Byte of the scale, an f16.
    at: usize,
    /// Root mean square of the weights of a scale of one.
    unit: f32,
    /// Byte of the offset, an f16, and its size in scales that centres the
    /// weights; without one, the scale's sign is random.
    offset: Option<(usize, f32)>,
}

/// The units follow from quants that are uniform over their range: the mean
/// square of `n` neighbouring integers around their mean is (n² - 1) / 12.
fn scales(format: Format) -> Option<Scales> {
    let (at, unit, offset) = match format {
        // -8..=7, -16..=15, -127..=127
        Format::Q4_0 => (0, 4.637, None),
        Format::Q5_0 => (0, 9.247, None),
        Format::Q8_0 => (0, 73.90, None),
        // 0..=15 and 0..=31 with their middle taken off
        Format::Q4_1 => (0, 4.610, Some((2, -7.5))),
        Format::Q5_1 => (0, 9.233, Some((2, -15.5))),
        // Scales and minima of sub-blocks in 0..=63 as well: the mean square
        // of s q - 7.5 m is 66,727, that of s q - 15.5 m is 277,651.
        Format::Q4K => (0, 258.3, Some((2, 7.5))),
        Format::Q5K => (0, 526.9, Some((2, 15.5))),
        // -128..=127 times -32..=31
        Format::Q6K => (208, 1365.7, None),
        // The table of 16, and the same times -32..=31
        Format::Iq4Nl => (0, 67.439, None),
        Format::Iq4Xs => (0, 1246.3, None),
        _ => return None,
    };
    Some(Scales { at, unit, offset })
}

fn set_scales(format: Format, rms: f32, out: &mut [u8]) {
    let Some(scales) = scales(format) else {
        // Only formats that `mixture` knows are asked for.
        out.fill(0);
        return;
    };
    let scale = rms / scales.unit;
    let bits = f16::from_f32(scale).to_le_bytes();
    for block in out.chunks_exact_mut(format.block_bytes()) {
        if format == Format::Q8_0 {
            // No quantizer writes -128.
            for quant in &mut block[2..] {
                *quant += u8::from(*quant == 0x80);
            }
        }
        let sign = block[scales.at + 1] & 0x80;
        block[scales.at..scales.at + 2].copy_from_slice(&bits);
        match scales.offset {
            Some((at, factor)) => {
                let offset = f16::from_f32(scale * factor).to_le_bytes();
                block[at..at + 2].copy_from_slice(&offset);
            }
            None => block[scales.at + 1] |= sign,
        }
    }
}

/// Gives the blocks of MXFP4, whose scales are powers of two, the scale `2^e` or
/// `2^(e - 1)`: as many of each as make the root mean square right. That of the 16
/// numbers of E2M1 is 2.9262.
fn set_powers(out: &mut [u8], rms: f32) {
    let scale = rms / 2.9262;
    let exponent = scale.log2().ceil();
    let square = (scale / exponent.exp2()).powi(2);
    // One in the larger ones, a quarter in the others; of 256 blocks.
    let larger = (square - 0.25) / 0.75 * 256.0;
    let exponent = (exponent as i32 + 127).clamp(1, 254) as u8;
    for block in out.chunks_exact_mut(Format::Mxfp4.block_bytes()) {
        block[0] = exponent - u8::from(f32::from(block[0]) >= larger);
    }
}

/// Leaves sign and mantissa random and gives half of the numbers the exponent
/// `e`, half `e - 1`: their root mean square is 1.2076 times 2^e.
fn set_exponents(out: &mut [u8], mantissa_bits: u32, bias: i32, rms: f32) {
    let exponent = (rms / 1.2076).log2().round() as i32 + bias;
    let exponent = exponent.max(2) as u16;
    let kept = 0x8000 | ((1_u16 << mantissa_bits) - 1);
    for number in out.chunks_exact_mut(2) {
        let random = u16::from_le_bytes([number[0], number[1]]);
        let lower = random >> mantissa_bits & 1;
        let bits = random & kept | (exponent - lower) << mantissa_bits;
        number.copy_from_slice(&bits.to_le_bytes());
    }
}

//! Floats to quantized blocks, the inverse of `dequantize`: for weights that are
//! quantized as they are loaded.
//!
//! Source: ggml's `quantize_row_q8_0_ref` and `quantize_row_q4_K_ref`.

use half::f16;

use crate::block::Format;
use crate::simd::{Level, dispatch};

/// A format that weights can be quantized to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuantType {
    /// 8 bits and a scale for 32 weights.
    Q8_0,
    /// 4 bits with scales and minima of 6 bits.
    Q4K,
}

impl QuantType {
    /// Returns the storage format.
    pub const fn format(self) -> Format {
        match self {
            Self::Q8_0 => Format::Q8_0,
            Self::Q4K => Format::Q4K,
        }
    }

    /// Returns whether rows of `columns` weights are whole blocks.
    pub const fn fits(self, columns: usize) -> bool {
        columns > 0 && columns.is_multiple_of(self.format().block_elements())
    }

    /// Quantizes `weights`, whole blocks, into `row`. The bits are the same at every
    /// level.
    ///
    /// # Panics
    /// If the weights are not whole blocks, or `row` does not have their size.
    pub fn quantize(self, level: Level, weights: &[f32], row: &mut [u8]) {
        let (elements, bytes) = (self.format().block_elements(), self.format().block_bytes());
        assert!(weights.len().is_multiple_of(elements), "whole blocks");
        assert_eq!(
            row.len(),
            self.format().row_bytes(weights.len()),
            "bytes of the blocks"
        );
        match self {
            Self::Q8_0 => quantize_q8_0(level, weights, row),
            Self::Q4K => {
                let blocks = weights.chunks_exact(elements);
                for (weights, block) in blocks.zip(row.chunks_exact_mut(bytes)) {
                    quantize_q4_k(weights, block);
                }
            }
        }
    }
}

dispatch! {
    /// Quantizes whole blocks.
    fn quantize_q8_0(weights: &[f32], row: &mut [u8]) = quantize_q8_0_body
}

#[inline(always)]
fn quantize_q8_0_body(weights: &[f32], row: &mut [u8]) {
    const FORMAT: Format = Format::Q8_0;
    let blocks = weights.as_chunks::<{ FORMAT.block_elements() }>().0.iter();
    for (weights, block) in blocks.zip(row.as_chunks_mut::<{ FORMAT.block_bytes() }>().0) {
        quantize_block_q8_0(weights, block);
    }
}

#[inline(always)]
fn quantize_block_q8_0(weights: &[f32; 32], block: &mut [u8; Format::Q8_0.block_bytes()]) {
    // Side by side: one chain over all would take longer than all else.
    let mut lanes = [0.0_f32; 8];
    for part in weights.as_chunks::<8>().0 {
        for (most, x) in lanes.iter_mut().zip(part) {
            *most = if x.abs() > *most { x.abs() } else { *most };
        }
    }
    let largest = lanes.into_iter().fold(0.0, f32::max);
    let scale = largest / 127.0;
    let inverse = if scale == 0.0 { 0.0 } else { 1.0 / scale };
    let (head, quants) = block.split_at_mut(Format::Q8_0.layout().quants);
    head.copy_from_slice(&f16::from_f32(scale).to_le_bytes());
    for (quant, weight) in quants.iter_mut().zip(weights) {
        *quant = ((weight * inverse).round() as i8).cast_unsigned();
    }
}

/// Weights that share a scale and a minimum in `Q4_K`.
const GROUP: usize = 32;
/// The largest quant of four bits.
const MOST: i32 = 15;
/// The largest scale and minimum of six bits.
const MOST_STEPS: i32 = 63;

fn quantize_q4_k(weights: &[f32], block: &mut [u8]) {
    let mut quants = [0; 256];
    let mut fits = [Fit::default(); 8];
    let groups = weights.chunks_exact(GROUP);
    for (fit, (weights, quants)) in fits
        .iter_mut()
        .zip(groups.zip(quants.chunks_exact_mut(GROUP)))
    {
        *fit = fit_group(weights, quants);
    }
    let most = |part: fn(&Fit) -> f32| fits.iter().map(part).fold(0.0, f32::max);
    let [scales, minima] = [most(|fit| fit.scale), most(|fit| fit.minimum)];
    let [scale, minimum] = [scales, minima].map(|most| f16::from_f32(most / MOST_STEPS as f32));
    let steps = fits.map(|fit| (steps(fit.scale, scales), steps(fit.minimum, minima)));
    let layout = Format::Q4K.layout();
    block[layout.scale..][..2].copy_from_slice(&scale.to_le_bytes());
    block[layout.minimum..][..2].copy_from_slice(&minimum.to_le_bytes());
    block[layout.scales..][..12].copy_from_slice(&six_bits(&steps));
    // Once more, with the scale and minimum that are really stored.
    let groups = weights.chunks_exact(GROUP);
    for ((weights, quants), steps) in groups.zip(quants.chunks_exact_mut(GROUP)).zip(steps) {
        let group_scale = scale.to_f32() * f32::from(steps.0);
        let group_minimum = minimum.to_f32() * f32::from(steps.1);
        let inverse = if group_scale == 0.0 {
            0.0
        } else {
            1.0 / group_scale
        };
        for (quant, weight) in quants.iter_mut().zip(weights) {
            *quant = nearest((weight + group_minimum) * inverse).clamp(0, MOST);
        }
    }
    let pairs = quants.chunks_exact(2 * GROUP);
    for (packed, quants) in block[layout.quants..].chunks_exact_mut(GROUP).zip(pairs) {
        let (low, high) = quants.split_at(GROUP);
        for ((packed, low), high) in packed.iter_mut().zip(low).zip(high) {
            *packed = (low | high << 4) as u8;
        }
    }
}

/// Returns how many 63rds of `most` `part` is.
fn steps(part: f32, most: f32) -> u8 {
    if most == 0.0 {
        return 0;
    }
    nearest(MOST_STEPS as f32 / most * part).clamp(0, MOST_STEPS) as u8
}

/// Packs eight scales and minima (the inverse of ggml's `get_scale_min_k4`).
fn six_bits(steps: &[(u8, u8); 8]) -> [u8; 12] {
    let mut packed = [0; 12];
    for group in 0..4 {
        let (scale, minimum) = steps[group];
        let (later_scale, later_minimum) = steps[group + 4];
        packed[group] = scale | later_scale >> 4 << 6;
        packed[group + 4] = minimum | later_minimum >> 4 << 6;
        packed[group + 8] = later_scale & 15 | later_minimum << 4;
    }
    packed
}

/// A weight is `scale * quant - minimum`; neither is negative.
#[derive(Debug, Clone, Copy, Default)]
struct Fit {
    scale: f32,
    minimum: f32,
}

/// The ranges that are tried, in quants added to 15 (ggml's `rmin`, `rdelta`
/// and `nstep` for this format).
const FIRST_RANGE: f32 = -1.0;
const RANGE_STEP: f32 = 0.1;
const RANGES: usize = 20;

/// Finds scale and minimum of a group by trying ranges and, for the quants that
/// follow from each, solving for the least squares (ggml's `make_qkx2_quants`).
/// Large weights count for more.
fn fit_group(weights: &[f32], quants: &mut [i32]) -> Fit {
    let square: f32 = weights.iter().map(|x| x * x).sum();
    let size = (square / weights.len() as f32).sqrt();
    let importance = |weight: f32| size + weight.abs();
    let most = weights.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    // Zero is always within reach, so that the minimum needs no sign.
    let least = weights.iter().copied().fold(0.0, f32::min);
    let range = most - least;
    if !(range > 0.0 && range.is_finite()) {
        quants.fill(0);
        let minimum = if least.is_finite() { -least } else { 0.0 };
        let scale = 0.0;
        return Fit { scale, minimum };
    }
    let error = |fit: Fit, quants: &[i32]| -> f32 {
        let errors = weights.iter().zip(quants).map(|(&weight, &quant)| {
            let difference = fit.scale * quant as f32 - fit.minimum - weight;
            importance(weight) * difference * difference
        });
        errors.sum()
    };
    let mut best = Fit {
        scale: range / MOST as f32,
        minimum: -least,
    };
    quantize_group(weights, MOST as f32 / range, least, quants);
    let mut least_error = error(best, quants);
    let mut tried = [0; GROUP];
    for number in 0..=RANGES {
        let levels = MOST as f32 + FIRST_RANGE + RANGE_STEP * number as f32;
        quantize_group(weights, levels / range, least, &mut tried);
        let Some(fit) = least_squares(weights, &tried, importance) else {
            continue;
        };
        let error = error(fit, &tried);
        if error < least_error {
            (best, least_error) = (fit, error);
            quants.copy_from_slice(&tried);
        }
    }
    best
}

fn quantize_group(weights: &[f32], inverse: f32, least: f32, quants: &mut [i32]) {
    for (quant, weight) in quants.iter_mut().zip(weights) {
        *quant = nearest(inverse * (weight - least)).clamp(0, MOST);
    }
}

/// Returns the scale and minimum that are best for given quants.
fn least_squares(weights: &[f32], quants: &[i32], importance: impl Fn(f32) -> f32) -> Option<Fit> {
    let [mut w, mut wx, mut wq, mut wqq, mut wqx] = [0.0_f32; 5];
    for (&weight, &quant) in weights.iter().zip(quants) {
        let (importance, quant) = (importance(weight), quant as f32);
        w += importance;
        wx += importance * weight;
        wq += importance * quant;
        wqq += importance * quant * quant;
        wqx += importance * quant * weight;
    }
    let determinant = w * wqq - wq * wq;
    if determinant <= 0.0 || !determinant.is_finite() {
        return None;
    }
    let fit = Fit {
        scale: (w * wqx - wx * wq) / determinant,
        minimum: (wq * wqx - wqq * wx) / determinant,
    };
    if fit.minimum >= 0.0 {
        return Some(fit);
    }
    let (scale, minimum) = (wqx / wqq, 0.0);
    Some(Fit { scale, minimum })
}

/// Rounds to the nearest integer, halves to the even one, for numbers below
/// 2^22 in size: adding 1.5 * 2^23 leaves the integer in the lowest bits. Unlike
/// `round_ties_even`, it is no call of a function on old processors.
#[inline]
fn nearest(number: f32) -> i32 {
    let bits = (number + 12_582_912.0).to_bits();
    (bits & 0x007f_ffff) as i32 - 0x0040_0000
}

#[cfg(test)]
mod tests;

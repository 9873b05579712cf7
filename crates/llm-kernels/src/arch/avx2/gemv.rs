//! Eight weight rows times one activation row: the registers that the dequantization
//! of a packed panel fills are handed to the product, without the panel.

mod iq4_nl;
mod q6_k;

use std::arch::x86_64::{
    __m256, __m256i, _mm256_add_epi32, _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_set1_epi16,
    _mm256_setzero_ps, _mm256_setzero_si256, _mm256_sign_epi8, _mm256_storeu_ps,
};

use super::dequantize::{Sink, dequantize_eight};
use super::gemm::{Pairs, Products, STEP, add_group, four, group_sum};
use crate::activations::{self, Activations};
use crate::block::Format;
use crate::dequantize::Quantized;
use crate::packed_panel::ROWS;

/// Eight weight rows times the first activation row, multiplied as soon as they are
/// dequantized.
struct GemvSink<'a> {
    input: &'a Activations,
    /// The scales of the last eight groups.
    scales: [__m256; ROWS],
    /// The offsets of the last eight groups.
    offsets: [__m256; ROWS],
    total: __m256,
}

impl Sink for GemvSink<'_> {
    fn start<Q: Quantized>(&mut self, columns: usize) -> u8 {
        assert!(columns.is_multiple_of(activations::GROUP) && self.input.columns == columns);
        assert!(self.input.quants.len() >= columns && self.input.magnitudes.len() == columns);
        0
    }

    #[inline(always)]
    unsafe fn scales(&mut self, group: usize, scales: __m256) {
        self.scales[group % ROWS] = scales;
    }

    #[inline(always)]
    unsafe fn offsets(&mut self, group: usize, offsets: __m256) {
        self.offsets[group % ROWS] = offsets;
    }

    #[inline(always)]
    unsafe fn quants<Q: Quantized>(&mut self, chunk: usize, columns: &[__m256i; ROWS]) {
        let groups = activations::GROUP / Q::GROUP;
        for part in 0..groups {
            let group = chunk * groups + part;
            let at = chunk * activations::GROUP + part * Q::GROUP;
            // SAFETY: the caller's promise covers the instructions; `start` has
            // checked that there are as many activations as columns.
            unsafe {
                let weights = columns.as_ptr().add(part * Q::GROUP / STEP);
                let quants = self.input.quants.as_ptr().add(at);
                let products = if Q::SIGNED && Q::TABLE.is_some() {
                    signed_group(weights, quants, self.input.magnitudes.as_ptr().add(at))
                } else {
                    let [products] = Pairs::group::<Q, 1>(weights.cast(), quants, 0);
                    products
                };
                let sum = group_sum::<Q, Pairs>(&self.input.sums, group);
                let weights = (self.scales[group % ROWS], self.offsets[group % ROWS]);
                let scale = self.input.scales[chunk];
                self.total = add_group::<Q, Pairs>(self.total, products, weights, scale, sum);
            }
        }
    }
}

/// Returns the products of 32 columns, a row's in each lane. The weights take the
/// signs of the single activation row, whose magnitudes have been made once,
/// where theirs would be made for each register.
///
/// # Safety
/// The processor has AVX2; `weights` points to eight registers without a weight
/// of -128, which has no negative, `quants` and `magnitudes` to 32 bytes.
#[inline(always)]
unsafe fn signed_group(
    weights: *const __m256i,
    quants: *const i8,
    magnitudes: *const i8,
) -> __m256i {
    // SAFETY: `step < 8`, inside the caller's bytes.
    unsafe {
        let mut sum = _mm256_setzero_si256();
        for step in 0..activations::GROUP / STEP {
            let signed = _mm256_sign_epi8(*weights.add(step), four(quants.add(step * STEP)));
            let pairs = _mm256_maddubs_epi16(four(magnitudes.add(step * STEP)), signed);
            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
        }
        sum
    }
}

/// Writes the products of the rows in `bytes` with the first activation row to
/// `out`, if the format has a path of its own; else returns false and does
/// nothing.
#[target_feature(enable = "avx2,fma,f16c")]
pub(crate) fn multiply(format: Format, bytes: &[u8], input: &Activations, out: &mut [f32]) -> bool {
    let row_bytes = format.row_bytes(input.columns);
    for (rows, out) in bytes.chunks(ROWS * row_bytes).zip(out.chunks_mut(ROWS)) {
        let own = match format {
            Format::Iq4Nl => Some(iq4_nl::iq4_nl(rows, input)),
            Format::Q6K => Some(q6_k::q6_k(rows, input)),
            _ => None,
        };
        if let Some(sums) = own {
            out.copy_from_slice(&sums[..out.len()]);
            continue;
        }
        let mut sink = GemvSink {
            input,
            scales: [_mm256_setzero_ps(); ROWS],
            offsets: [_mm256_setzero_ps(); ROWS],
            total: _mm256_setzero_ps(),
        };
        if !dequantize_eight(&mut sink, format, rows, input.columns) {
            return false;
        }
        let mut sums = [0.0; ROWS];
        // SAFETY: eight floats are stored.
        unsafe { _mm256_storeu_ps(sums.as_mut_ptr(), sink.total) };
        out.copy_from_slice(&sums[..out.len()]);
    }
    true
}

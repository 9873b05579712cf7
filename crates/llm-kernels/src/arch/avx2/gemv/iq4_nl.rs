//! `IQ4_NL` times a single activation row. Looked up in a table its weights are
//! signed and as large as 127, so that no two sums of products fit 16 bits: there is
//! nothing to save in the products, and everything around them counts. Each register
//! of packed nibbles is used up before the next one is touched.

use std::arch::x86_64::{
    __m256i, _mm_loadu_si128, _mm256_add_epi32, _mm256_and_si256, _mm256_broadcastsi128_si256,
    _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_set1_epi8, _mm256_set1_epi16,
    _mm256_setzero_ps, _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_sign_epi8,
    _mm256_srli_epi16, _mm256_storeu_ps,
};

use crate::activations::{Activations, GROUP};
use crate::arch::avx2::blocks::Blocks;
use crate::arch::avx2::gemm::{Pairs, add_group, four};
use crate::block::Format;
use crate::dequantize::{IQ4_QUANTS, Iq4Nl, Quantized};
use crate::packed_panel::ROWS;

/// Returns the products of up to eight rows with the first activation row; those of
/// missing rows are the last one's.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn iq4_nl(rows: &[u8], input: &Activations) -> [f32; ROWS] {
    let columns = input.columns;
    assert!(input.quants.len() >= columns && input.magnitudes.len() == columns);
    assert!(input.scales.len() >= columns / GROUP);
    let mut blocks = Blocks::first::<Iq4Nl>(rows, columns);
    let mut total = _mm256_setzero_ps();
    for chunk in 0..columns / GROUP {
        // SAFETY: `Blocks::first` has checked that every row has this block, of a
        // half and 16 bytes, and there are as many activations as columns.
        unsafe {
            let scales = blocks.halves(Iq4Nl::LAYOUT.scale);
            let packed = blocks.four_words(Iq4Nl::LAYOUT.quants);
            let at = chunk * GROUP;
            let (quants, magnitudes) = (input.quants.as_ptr(), input.magnitudes.as_ptr());
            let products = products(packed, quants.add(at), magnitudes.add(at));
            let scale = *input.scales.get_unchecked(chunk);
            let weights = (scales, _mm256_setzero_ps());
            total = add_group::<Iq4Nl, Pairs>(total, products, weights, scale, 0);
        }
        blocks.prefetch(Format::Iq4Nl.block_bytes());
        blocks.advance(Format::Iq4Nl.block_bytes());
    }
    let mut out = [0.0; ROWS];
    // SAFETY: eight floats are stored.
    unsafe { _mm256_storeu_ps(out.as_mut_ptr(), total) };
    out
}

/// Returns the products of 32 columns, a row's in each lane: of the low nibbles with
/// the first 16 activations and of the high ones with the others. The weights take the
/// signs of the activations, whose magnitudes have been made once.
///
/// # Safety
/// The processor has AVX2; `quants` and `magnitudes` point to 32 bytes.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn products(packed: [__m256i; 4], quants: *const i8, magnitudes: *const i8) -> __m256i {
    // SAFETY: the table has 16 bytes, and four are read at 0, 4, … 28.
    unsafe {
        let table = _mm256_broadcastsi128_si256(_mm_loadu_si128(IQ4_QUANTS.as_ptr().cast()));
        let mask = _mm256_set1_epi8(15);
        let step = |nibbles: __m256i, at: usize| {
            let weights = _mm256_shuffle_epi8(table, _mm256_and_si256(nibbles, mask));
            let signed = _mm256_sign_epi8(weights, four(quants.add(at)));
            let pairs = _mm256_maddubs_epi16(four(magnitudes.add(at)), signed);
            _mm256_madd_epi16(pairs, _mm256_set1_epi16(1))
        };
        let mut sum = _mm256_setzero_si256();
        for (index, packed) in packed.into_iter().enumerate() {
            sum = _mm256_add_epi32(sum, step(packed, 4 * index));
            sum = _mm256_add_epi32(sum, step(_mm256_srli_epi16::<4>(packed), 16 + 4 * index));
        }
        sum
    }
}

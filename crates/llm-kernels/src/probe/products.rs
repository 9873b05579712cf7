//! The loops in registers behind the limits of arithmetic: the instructions
//! that a level's kernels multiply with, and nothing else. A level without a
//! loop of its own is measured with what the compiler makes of plain Rust.

use std::hint::black_box;

use super::Loop;
use crate::simd::Level;

/// Returns the loop of the level's integer products.
pub(super) fn integer(level: Level) -> Loop {
    match level {
        #[cfg(target_arch = "x86_64")]
        Level::AVX2 => |rounds| {
            // SAFETY: a level above scalar is only made where its features are.
            unsafe { x86::maddubs(rounds) }
        },
        #[cfg(target_arch = "x86_64")]
        Level::AVX_VNNI => |rounds| {
            // SAFETY: as above.
            unsafe { x86::dpbusd256(rounds) }
        },
        #[cfg(target_arch = "x86_64")]
        Level::AVX512_VNNI => |rounds| {
            // SAFETY: as above.
            unsafe { x86::dpbusd512(rounds) }
        },
        _ => plain_integer,
    }
}

/// Returns the loop of the level's products of floats.
pub(super) fn float(level: Level) -> Loop {
    match level {
        #[cfg(target_arch = "x86_64")]
        Level::AVX2 | Level::AVX_VNNI => |rounds| {
            // SAFETY: as above.
            unsafe { x86::fma256(rounds) }
        },
        #[cfg(target_arch = "x86_64")]
        Level::AVX512_VNNI => |rounds| {
            // SAFETY: as above.
            unsafe { x86::fma512(rounds) }
        },
        _ => plain_float,
    }
}

/// Numbers that the plain loops work on; they stay in the first-level cache.
const PLAIN: usize = 1024;

fn plain_integer(rounds: usize) -> u64 {
    let (a, b) = (black_box([3_i8; PLAIN]), black_box([5_i8; PLAIN]));
    for _ in 0..rounds {
        let products = a.iter().zip(&b).map(|(&a, &b)| i32::from(a) * i32::from(b));
        black_box(products.sum::<i32>());
        black_box((&a, &b));
    }
    (rounds * PLAIN) as u64
}

fn plain_float(rounds: usize) -> u64 {
    /// Sums side by side, so that one need not wait for the other.
    const LANES: usize = 16;
    let (a, b) = (black_box([3.0_f32; PLAIN]), black_box([0.5_f32; PLAIN]));
    for _ in 0..rounds {
        let mut sums = [0.0_f32; LANES];
        for (a, b) in a.chunks_exact(LANES).zip(b.chunks_exact(LANES)) {
            for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
                *sum += a * b;
            }
        }
        black_box(sums);
        black_box((&a, &b));
    }
    (rounds * PLAIN) as u64
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::asm;
    use std::arch::x86_64::{
        __m256i, __m512i, _mm256_add_epi16, _mm256_add_epi32, _mm256_dpbusd_avx_epi32,
        _mm256_fmadd_ps, _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_set1_epi8,
        _mm256_set1_epi16, _mm256_set1_ps, _mm256_setzero_si256, _mm512_dpbusd_epi32,
        _mm512_fmadd_ps, _mm512_set1_epi8, _mm512_set1_ps, _mm512_setzero_si512,
    };
    use std::hint::black_box;

    /// Sums side by side: more than the latency of a product times the
    /// products that start in a cycle.
    const SUMS: usize = 10;

    /// Makes the compiler forget what it knows of the register, so that it
    /// cannot compute once what the loop repeats.
    macro_rules! forget {
        ($class:ident, $register:expr) => {
            // SAFETY: no instruction at all; the value stays as it is.
            unsafe {
                asm!("/* {0} */", inout($class) $register, options(nomem, nostack, preserves_flags));
            }
        };
    }

    /// Products of 8-bit numbers, added up in pairs to 16 bits (`vpmaddubsw`),
    /// chained eight deep in 16 bits and folded into 32 (`vpmaddwd`), as the
    /// 4-bit kernels do.
    #[target_feature(enable = "avx2")]
    pub(super) fn maddubs(rounds: usize) -> u64 {
        const CHAIN: usize = 8;
        const CHAINS: usize = 6;
        let ones = _mm256_set1_epi16(1);
        let mut a = _mm256_set1_epi8(1);
        let b = _mm256_set1_epi8(2);
        let mut total = [_mm256_setzero_si256(); 2];
        for _ in 0..rounds {
            let mut chains = [_mm256_setzero_si256(); CHAINS];
            for _ in 0..CHAIN {
                for chain in &mut chains {
                    forget!(ymm_reg, a);
                    *chain = _mm256_add_epi16(*chain, _mm256_maddubs_epi16(a, b));
                }
            }
            for (at, chain) in chains.into_iter().enumerate() {
                let folded: __m256i = _mm256_madd_epi16(chain, ones);
                total[at % 2] = _mm256_add_epi32(total[at % 2], folded);
            }
        }
        black_box(total);
        (rounds * CHAIN * CHAINS * 32) as u64
    }

    /// Four products at a time, added up to 32 bits (`vpdpbusd`).
    #[target_feature(enable = "avx2,avxvnni")]
    pub(super) fn dpbusd256(rounds: usize) -> u64 {
        let mut a = _mm256_set1_epi8(1);
        let b = _mm256_set1_epi8(2);
        let mut sums = [_mm256_setzero_si256(); SUMS];
        for _ in 0..rounds {
            forget!(ymm_reg, a);
            for sum in &mut sums {
                *sum = _mm256_dpbusd_avx_epi32(*sum, a, b);
            }
        }
        black_box(sums);
        (rounds * SUMS * 32) as u64
    }

    /// The same with 512 bits.
    #[target_feature(enable = "avx512f,avx512vnni")]
    pub(super) fn dpbusd512(rounds: usize) -> u64 {
        let mut a: __m512i = _mm512_set1_epi8(1);
        let b = _mm512_set1_epi8(2);
        let mut sums = [_mm512_setzero_si512(); SUMS];
        for _ in 0..rounds {
            forget!(zmm_reg, a);
            for sum in &mut sums {
                *sum = _mm512_dpbusd_epi32(*sum, a, b);
            }
        }
        black_box(sums);
        (rounds * SUMS * 64) as u64
    }

    /// Fused products and sums of eight floats.
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn fma256(rounds: usize) -> u64 {
        let (a, b) = (_mm256_set1_ps(0.5), _mm256_set1_ps(0.5));
        let (a, b) = (black_box(a), black_box(b));
        let mut sums = [_mm256_set1_ps(1.0); SUMS];
        for _ in 0..rounds {
            for sum in &mut sums {
                *sum = _mm256_fmadd_ps(a, b, *sum);
            }
        }
        black_box(sums);
        (rounds * SUMS * 8) as u64
    }

    /// The same with 16 floats.
    #[target_feature(enable = "avx512f")]
    pub(super) fn fma512(rounds: usize) -> u64 {
        let (a, b) = (_mm512_set1_ps(0.5), _mm512_set1_ps(0.5));
        let (a, b) = (black_box(a), black_box(b));
        let mut sums = [_mm512_set1_ps(1.0); SUMS];
        for _ in 0..rounds {
            for sum in &mut sums {
                *sum = _mm512_fmadd_ps(a, b, *sum);
            }
        }
        black_box(sums);
        (rounds * SUMS * 16) as u64
    }
}

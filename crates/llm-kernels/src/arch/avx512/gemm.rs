//! Packed panels times activation rows with 512-bit integer products.
//!
//! A weight register holds four columns of sixteen rows, and one instruction
//! multiplies them with four broadcast activations and sums in 32 bits. Two
//! packed panels share every broadcast: of the 32 registers twelve hold the products of
//! a group and twelve the sums, for six activation rows.

use std::arch::x86_64::{
    __m512, __m512i, _mm512_cvtepi32_ps, _mm512_dpbusd_epi32, _mm512_fmadd_ps, _mm512_loadu_ps,
    _mm512_loadu_si512, _mm512_mul_ps, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps,
    _mm512_setzero_si512, _mm512_storeu_ps,
};

use crate::activations::{self, Activations, SUM_GROUP};
use crate::dequantize::Quantized;
use crate::matmul::{Panel, store};
use crate::packed_panel::PackedPanel;
use crate::pool::DisjointRows;

/// Rows of a packed panel.
const LANES: usize = 16;
/// Packed panels that share a broadcast.
const PANELS: usize = 2;
/// Activation rows that share a weight.
const BATCH: usize = 6;
/// Columns of a weight register.
const STEP: usize = 4;

/// Multiplies a panel's packed panels, at most two, with all activation rows.
///
/// # Safety
/// The processor has AVX-512 F, BW, DQ, VL and VNNI.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
pub(crate) unsafe fn multiply_panel<Q: Quantized>(
    packed_panels: &[PackedPanel],
    panel: Panel,
    input: &Activations,
    out: &DisjointRows<f32>,
) {
    let mut row = panel.from;
    while row < panel.batch {
        // SAFETY: this function is compiled for what the callees need.
        row += unsafe {
            match panel.batch - row {
                1 => rows::<Q, 1>(packed_panels, panel, input, out, row),
                2 | 3 => rows::<Q, 2>(packed_panels, panel, input, out, row),
                4 | 5 => rows::<Q, 4>(packed_panels, panel, input, out, row),
                _ => rows::<Q, BATCH>(packed_panels, panel, input, out, row),
            }
        };
    }
}

/// Multiplies the packed panels with the `BATCH` activation rows from `row` on and
/// returns `BATCH`.
///
/// # Safety
/// As [`multiply_panel`].
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
unsafe fn rows<Q: Quantized, const BATCH: usize>(
    packed_panels: &[PackedPanel],
    panel: Panel,
    input: &Activations,
    out: &DisjointRows<f32>,
    row: usize,
) -> usize {
    // SAFETY: this function is compiled for what the callees need.
    unsafe {
        match packed_panels {
            [first, second] => {
                let sums = dot::<Q, PANELS, BATCH>([first, second], input, row);
                store(out, panel, row, 0, &sums[0]);
                store(out, panel, row, 1, &sums[1]);
            }
            _ => {
                for (index, packed) in packed_panels.iter().enumerate() {
                    let sums = dot::<Q, 1, BATCH>([packed], input, row);
                    store(out, panel, row, index, &sums[0]);
                }
            }
        }
    }
    BATCH
}

/// The zero point of the quants: signed ones stand in the packed panel moved up by
/// 128, since the product takes unsigned weights.
const fn zero_point<Q: Quantized>() -> i32 {
    if Q::SIGNED { 128 } else { Q::ZERO_POINT }
}

/// Multiplies packed panels with the `BATCH` activation rows from `row` on.
///
/// # Safety
/// As [`multiply_panel`].
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
unsafe fn dot<Q: Quantized, const PANELS: usize, const BATCH: usize>(
    packed_panels: [&PackedPanel; PANELS],
    input: &Activations,
    row: usize,
) -> [[[f32; LANES]; BATCH]; PANELS] {
    let columns = input.columns;
    let groups = columns / Q::GROUP;
    assert!(columns.is_multiple_of(activations::GROUP));
    for packed in packed_panels {
        assert!(packed.lanes == LANES && packed.quants.len() >= columns * LANES);
        assert!(packed.scales.len() >= groups * LANES);
        assert!(!Q::OFFSET || packed.offsets.len() >= groups * LANES);
    }
    let rows = ActivationRows::<Q>::new(input, row, BATCH);
    let mut totals = [[_mm512_setzero_ps(); BATCH]; PANELS];
    for group in 0..groups {
        // SAFETY: `group < groups`, and the packed panels and rows have been checked to
        // hold as many groups of weights, scales, offsets and activations.
        unsafe {
            let products = group_products::<Q, PANELS, BATCH>(packed_panels, &rows, group);
            for index in 0..PANELS {
                let at = group * LANES;
                let weight_scale = _mm512_loadu_ps(packed_panels[index].scales.as_ptr().add(at));
                for batch in 0..BATCH {
                    let total = &mut totals[index][batch];
                    let factor = _mm512_mul_ps(weight_scale, rows.scale(batch, group));
                    let product = _mm512_cvtepi32_ps(products[index][batch]);
                    *total = _mm512_fmadd_ps(factor, product, *total);
                    if Q::OFFSET {
                        let offset = _mm512_loadu_ps(packed_panels[index].offsets.as_ptr().add(at));
                        *total = _mm512_fmadd_ps(offset, rows.scaled_sum(batch, group), *total);
                    }
                }
            }
        }
    }
    let mut out = [[[0.0; LANES]; BATCH]; PANELS];
    for (out, total) in out.iter_mut().flatten().zip(totals.iter().flatten()) {
        // SAFETY: an array of sixteen floats is stored.
        unsafe { _mm512_storeu_ps(out.as_mut_ptr(), *total) };
    }
    out
}

/// Returns the exact products of one group, corrected by the zero point.
///
/// # Safety
/// As [`multiply_panel`]; packed panels and rows hold the group.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
unsafe fn group_products<Q: Quantized, const PANELS: usize, const BATCH: usize>(
    packed_panels: [&PackedPanel; PANELS],
    rows: &ActivationRows<'_, Q>,
    group: usize,
) -> [[__m512i; BATCH]; PANELS] {
    let mut products = [[_mm512_setzero_si512(); BATCH]; PANELS];
    // SAFETY: `step < Q::GROUP / 4`, inside what the caller has checked.
    unsafe {
        if zero_point::<Q>() != 0 {
            for batch in 0..BATCH {
                let start = _mm512_set1_epi32(-zero_point::<Q>() * rows.sum(batch, group));
                for products in &mut products {
                    products[batch] = start;
                }
            }
        }
        for step in 0..Q::GROUP / STEP {
            let column = group * Q::GROUP + step * STEP;
            let mut weights = [_mm512_setzero_si512(); PANELS];
            for (weight, packed) in weights.iter_mut().zip(packed_panels) {
                *weight = _mm512_loadu_si512(packed.quants.as_ptr().add(column * LANES).cast());
            }
            for batch in 0..BATCH {
                let four = rows.four(batch, column);
                for (products, weight) in products.iter_mut().zip(weights) {
                    products[batch] = _mm512_dpbusd_epi32(products[batch], weight, four);
                }
            }
        }
    }
    products
}

/// Neighbouring activation rows.
struct ActivationRows<'a, Q> {
    quants: &'a [i8],
    scales: &'a [f32],
    sums: &'a [i32],
    group_sums: &'a [i32],
    scaled_sums: &'a [f32],
    columns: usize,
    format: std::marker::PhantomData<Q>,
}

impl<'a, Q: Quantized> ActivationRows<'a, Q> {
    /// Takes `count` rows from `row` on.
    fn new(input: &'a Activations, row: usize, count: usize) -> Self {
        let columns = input.columns;
        let span = |length: usize| row * length..(row + count) * length;
        let groups = columns / activations::GROUP;
        Self {
            quants: &input.quants[span(columns)],
            scales: &input.scales[span(groups)],
            sums: &input.sums[span(columns / SUM_GROUP)],
            group_sums: &input.group_sums[span(groups)],
            scaled_sums: &input.scaled_sums[span(groups)],
            columns,
            format: std::marker::PhantomData,
        }
    }

    /// Where the weight group `group` of row `batch` has its activation scale.
    #[inline(always)]
    fn scale_at(&self, batch: usize, group: usize) -> usize {
        batch * (self.columns / activations::GROUP) + group * Q::GROUP / activations::GROUP
    }

    /// # Safety
    /// The row and the group exist, here and below.
    #[inline(always)]
    unsafe fn scale(&self, batch: usize, group: usize) -> __m512 {
        // SAFETY: passed on from the caller; AVX-512 is there wherever the type is used.
        unsafe { _mm512_set1_ps(*self.scales.get_unchecked(self.scale_at(batch, group))) }
    }

    /// Returns the sum of a group's quants.
    #[inline(always)]
    unsafe fn sum(&self, batch: usize, group: usize) -> i32 {
        // SAFETY: passed on from the caller.
        unsafe {
            if Q::GROUP == SUM_GROUP {
                let at = batch * (self.columns / SUM_GROUP) + group;
                *self.sums.get_unchecked(at)
            } else {
                *self.group_sums.get_unchecked(self.scale_at(batch, group))
            }
        }
    }

    /// Returns the sum of a group's quants, times their scale.
    #[inline(always)]
    unsafe fn scaled_sum(&self, batch: usize, group: usize) -> __m512 {
        // SAFETY: passed on from the caller; AVX-512 is there wherever the type is used.
        unsafe {
            let at = self.scale_at(batch, group);
            _mm512_set1_ps(if Q::GROUP == SUM_GROUP {
                *self.scales.get_unchecked(at) * self.sum(batch, group) as f32
            } else {
                *self.scaled_sums.get_unchecked(at)
            })
        }
    }

    /// Broadcasts the four activations from `column` on.
    #[inline(always)]
    unsafe fn four(&self, batch: usize, column: usize) -> __m512i {
        let at = batch * self.columns + column;
        // SAFETY: passed on from the caller; AVX-512 is there wherever the type is used.
        unsafe {
            let four = self.quants.as_ptr().add(at).cast::<i32>().read_unaligned();
            _mm512_set1_epi32(four)
        }
    }
}

//! Element-wise steps between the products: norms, activations, sums.
//!
//! Each is one source compiled for every level; sums run in a fixed order, so
//! that the levels agree to the bit.

use crate::simd::dispatch;

/// Partial sums of a reduction; a fixed number, so that the order of additions
/// does not depend on the width of the registers.
pub(crate) const LANES: usize = 16;

dispatch! {
    /// Writes `x * weight / rms(x)` to `out`, all of the same length
    /// (Zhang and Sennrich 2019, arXiv:1910.07467).
    pub fn rms_norm(x: &[f32], weight: &[f32], epsilon: f32, out: &mut [f32]) = rms_norm_body
}

#[inline(always)]
fn rms_norm_body(x: &[f32], weight: &[f32], epsilon: f32, out: &mut [f32]) {
    let scale = rms_scale(x, epsilon);
    for ((out, x), weight) in out.iter_mut().zip(x).zip(weight) {
        *out = x * scale * weight;
    }
}

dispatch! {
    /// Like [`rms_norm`], in place.
    pub fn rms_norm_in_place(x: &mut [f32], weight: &[f32], epsilon: f32) = rms_norm_in_place_body
}

#[inline(always)]
fn rms_norm_in_place_body(x: &mut [f32], weight: &[f32], epsilon: f32) {
    let scale = rms_scale(x, epsilon);
    for (x, weight) in x.iter_mut().zip(weight) {
        *x = *x * scale * weight;
    }
}

#[inline(always)]
fn rms_scale(x: &[f32], epsilon: f32) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let chunks = x.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane += x * x;
        }
    }
    let sum = lanes.iter().sum::<f32>() + rest.iter().map(|x| x * x).sum::<f32>();
    1.0 / (sum / x.len() as f32 + epsilon).sqrt()
}

dispatch! {
    /// Adds `y` to `x`.
    pub fn add(x: &mut [f32], y: &[f32]) = add_body
}

#[inline(always)]
fn add_body(x: &mut [f32], y: &[f32]) {
    for (x, y) in x.iter_mut().zip(y) {
        *x += y;
    }
}

dispatch! {
    /// Adds `weight * y` to `x`.
    pub fn add_weighted(x: &mut [f32], weight: f32, y: &[f32]) = add_weighted_body
}

#[inline(always)]
fn add_weighted_body(x: &mut [f32], weight: f32, y: &[f32]) {
    for (x, y) in x.iter_mut().zip(y) {
        *x += weight * y;
    }
}

dispatch! {
    /// Adds `y * z` to `x`, element by element.
    pub fn add_product(x: &mut [f32], y: &[f32], z: &[f32]) = add_product_body
}

#[inline(always)]
fn add_product_body(x: &mut [f32], y: &[f32], z: &[f32]) {
    for ((x, y), z) in x.iter_mut().zip(y).zip(z) {
        *x += y * z;
    }
}

dispatch! {
    /// Returns the sum of the products of `x` and `y`, of the same length.
    pub fn dot(x: &[f32], y: &[f32]) -> f32 = dot_body
}

#[inline(always)]
fn dot_body(x: &[f32], y: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let (xs, ys) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
    let rest_pairs = xs.remainder().iter().zip(ys.remainder());
    let rest = rest_pairs.map(|(x, y)| x * y).sum::<f32>();
    for (x, y) in xs.zip(ys) {
        for ((lane, x), y) in lanes.iter_mut().zip(x).zip(y) {
            *lane += x * y;
        }
    }
    sum_of_lanes(lanes) + rest
}

/// Sums pairwise, for a short chain of additions.
#[inline(always)]
pub(crate) fn sum_of_lanes(lanes: [f32; LANES]) -> f32 {
    let eight: [f32; 8] = std::array::from_fn(|lane| lanes[lane] + lanes[lane + 8]);
    let four: [f32; 4] = std::array::from_fn(|lane| eight[lane] + eight[lane + 4]);
    (four[0] + four[2]) + (four[1] + four[3])
}

dispatch! {
    /// Normalizes `x` to unit length; a vector shorter than `least` is divided by `least`.
    pub fn normalize(x: &mut [f32], least: f32) = normalize_body
}

#[inline(always)]
fn normalize_body(x: &mut [f32], least: f32) {
    let scale = 1.0 / dot_body(x, x).sqrt().max(least);
    for x in x {
        *x *= scale;
    }
}

dispatch! {
    /// Replaces `x` by `(x - mean) / deviation * weight + bias`, all of the same
    /// length (Ba, Kiros and Hinton 2016, arXiv:1607.06450).
    pub fn layer_norm(x: &mut [f32], weight: &[f32], bias: &[f32], epsilon: f32) = layer_norm_body
}

#[inline(always)]
fn layer_norm_body(x: &mut [f32], weight: &[f32], bias: &[f32], epsilon: f32) {
    center(x);
    let scale = 1.0 / (dot_body(x, x) / x.len() as f32 + epsilon).sqrt();
    for ((x, weight), bias) in x.iter_mut().zip(weight).zip(bias) {
        *x = *x * scale * weight + bias;
    }
}

/// Takes the mean away.
#[inline(always)]
fn center(x: &mut [f32]) {
    let mut lanes = [0.0_f32; LANES];
    let chunks = x.chunks_exact(LANES);
    let rest: f32 = chunks.remainder().iter().sum();
    for chunk in chunks {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane += x;
        }
    }
    let mean = (sum_of_lanes(lanes) + rest) / x.len() as f32;
    for x in x.iter_mut() {
        *x -= mean;
    }
}

dispatch! {
    /// Replaces each `x` by how far it is above the mean and so many deviations, 0 where
    /// it is not: of a bell curve that keeps the largest (statistical top-k, You et al.
    /// 2025, arXiv:2506.06644). The deviation is that of a sample, with `length - 1`.
    pub fn far_above(x: &mut [f32], deviations: f32) = far_above_body
}

#[inline(always)]
fn far_above_body(x: &mut [f32], deviations: f32) {
    center(x);
    let others = x.len().saturating_sub(1).max(1);
    let least = deviations * (dot_body(x, x) / others as f32).sqrt();
    for x in x {
        *x = (*x - least).max(0.0);
    }
}

dispatch! {
    /// Replaces each `x` by `x * (1 + erf(x / sqrt(2))) / 2`, GELU as it is
    /// defined (Hendrycks and Gimpel 2016, arXiv:1606.08415), within 2e-7 of `x`.
    pub fn gelu(x: &mut [f32]) = gelu_body
}

#[inline(always)]
pub(crate) fn gelu_body(x: &mut [f32]) {
    for x in x {
        *x *= 0.5 + 0.5 * erf(*x * std::f32::consts::FRAC_1_SQRT_2);
    }
}

/// Returns the error function within 3e-7 (Abramowitz and Stegun 1964, 7.1.26).
#[inline(always)]
fn erf(x: f32) -> f32 {
    let size = x.abs();
    let t = 1.0 / (1.0 + 0.327_591_1 * size);
    let mut sum = 1.061_405_4;
    for coefficient in [-1.453_152_1, 1.421_413_8, -0.284_496_72, 0.254_829_6] {
        sum = sum * t + coefficient;
    }
    (1.0 - sum * t * exp(-size * size)).copysign(x)
}

dispatch! {
    /// Replaces each `x` by `x * sigmoid(x)`.
    pub fn silu(x: &mut [f32]) = silu_body
}

#[inline(always)]
fn silu_body(x: &mut [f32]) {
    for x in x {
        *x *= sigmoid(*x);
    }
}

dispatch! {
    /// Multiplies `x` by `sigmoid(gate)`, element by element.
    pub fn sigmoid_gate(x: &mut [f32], gate: &[f32]) = sigmoid_gate_body
}

#[inline(always)]
fn sigmoid_gate_body(x: &mut [f32], gate: &[f32]) {
    for (x, gate) in x.iter_mut().zip(gate) {
        *x *= sigmoid(*gate);
    }
}

/// The non-linearity of a gated feed-forward step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// `x * sigmoid(x)`
    Silu,
    /// `min(x, 7) * sigmoid(1.702 min(x, 7))`, and `up`, held within -7 and 7, has
    /// one added (OpenAI 2025, the gpt-oss model card, arXiv:2508.10925).
    SiluClamped,
    /// The tanh form of GELU (Hendrycks and Gimpel 2016, arXiv:1606.08415).
    GeluTanh,
}

dispatch! {
    /// Replaces `gate` by `activation(gate) * up`.
    pub fn gated(kind: Gate, gate: &mut [f32], up: &[f32]) = gated_body
}

#[inline(always)]
fn gated_body(kind: Gate, gate: &mut [f32], up: &[f32]) {
    match kind {
        Gate::Silu => {
            for (gate, up) in gate.iter_mut().zip(up) {
                *gate = *gate * sigmoid(*gate) * up;
            }
        }
        Gate::SiluClamped => {
            const LIMIT: f32 = 7.0;
            const SLOPE: f32 = 1.702;
            for (gate, up) in gate.iter_mut().zip(up) {
                let x = gate.min(LIMIT);
                *gate = x * sigmoid(SLOPE * x) * (up.clamp(-LIMIT, LIMIT) + 1.0);
            }
        }
        Gate::GeluTanh => {
            for (gate, up) in gate.iter_mut().zip(up) {
                *gate = gelu_tanh(*gate) * up;
            }
        }
    }
}

/// Returns the tanh form of GELU.
#[inline(always)]
fn gelu_tanh(x: f32) -> f32 {
    /// sqrt(2 / pi)
    const FACTOR: f32 = 0.797_884_6;
    let inner = FACTOR * x * (1.0 + 0.044_715 * x * x);
    // (1 + tanh(y)) / 2 is the logistic function of 2 y.
    x * sigmoid(2.0 * inner)
}

/// The non-linearity of a feed-forward step without a gate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Activation {
    /// GELU as it is defined, see [`gelu`].
    Gelu,
    /// The tanh form of GELU, see [`Gate::GeluTanh`].
    GeluTanh,
    /// `max(x, 0)^2` (So et al. 2021, arXiv:2109.08668).
    ReluSquared,
    /// xIELU of these numbers.
    Xielu(Xielu),
}

/// The numbers of xIELU (Huang and Schlag 2024, arXiv:2411.13010):
/// `positive x^2 + slope x` above 0, and
/// `negative (exp(min(x, least)) - 1 - x) + slope x` below.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Xielu {
    /// The weight of the square.
    pub positive: f32,
    /// The weight of the exponential.
    pub negative: f32,
    /// The slope at 0.
    pub slope: f32,
    /// What `x` is held below in the exponential, just under 0.
    pub least: f32,
}

dispatch! {
    /// Replaces each `x` by `activation(x)`.
    pub fn activate(kind: Activation, x: &mut [f32]) = activate_body
}

#[inline(always)]
fn activate_body(kind: Activation, x: &mut [f32]) {
    match kind {
        Activation::Gelu => gelu_body(x),
        Activation::GeluTanh => {
            for x in x {
                *x = gelu_tanh(*x);
            }
        }
        Activation::ReluSquared => {
            for x in x {
                let above = x.max(0.0);
                *x = above * above;
            }
        }
        Activation::Xielu(of) => {
            for x in x {
                let curve = if *x > 0.0 {
                    of.positive * *x * *x
                } else {
                    (exp(x.min(of.least)) - 1.0 - *x) * of.negative
                };
                *x = curve + of.slope * *x;
            }
        }
    }
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// Returns `e^x` within 2 units in the last place; 0 below -87.3, and values
/// above 88.3 as at 88.3.
///
/// Splits `x = n ln 2 + r`, `|r| <= ln 2 / 2`, and sums the Taylor series of
/// `e^r` to the seventh power, whose remainder is under 6e-9.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    const LOWEST: f32 = -87.3;
    /// ln 2 in two parts, the first short enough that `n * LN_2_HIGH` is exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    /// 1.5 * 2^23: added to a number it leaves no bits for a fraction, so that
    /// the sum's lowest bits hold the nearest integer. A cast would check for
    /// what does not fit, which costs as much as the series.
    const SHIFT: f32 = 12_582_912.0;
    let bounded = x.clamp(LOWEST, 88.3);
    let shifted = bounded * std::f32::consts::LOG2_E + SHIFT;
    let n = shifted - SHIFT;
    let r = bounded - n * LN_2_HIGH - n * LN_2_LOW;
    let mut sum = 1.0 / 5040.0;
    for coefficient in [
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ] {
        sum = sum * r + coefficient;
    }
    // 2^n; n lies in -126..=127, so the exponent field needs no care.
    let exponent = shifted.to_bits().wrapping_sub(SHIFT.to_bits() - 127);
    let power = f32::from_bits(exponent << 23);
    if x < LOWEST { 0.0 } else { sum * power }
}

dispatch! {
    /// Replaces each `x` by `cap * tanh(x / cap)`, a soft cap of logits.
    pub fn soft_cap(x: &mut [f32], cap: f32) = soft_cap_body
}

#[inline(always)]
fn soft_cap_body(x: &mut [f32], cap: f32) {
    for x in x {
        *x = cap * (2.0 * sigmoid(2.0 * *x / cap) - 1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Level;

    const XIELU: Activation = Activation::Xielu(Xielu {
        positive: 0.8,
        negative: 1.3,
        slope: 0.5,
        least: -1e-6,
    });

    #[test]
    fn exp_is_close_over_its_whole_range() {
        let mut x = -87.0_f32;
        while x < 88.0 {
            let exact = f64::from(x).exp();
            assert!((f64::from(exp(x)) / exact - 1.0).abs() < 2.5e-7, "exp({x})");
            x += 0.0137;
        }
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert_eq!(exp(f32::INFINITY), exp(88.3));
        assert!(exp(f32::NAN).is_nan());
        assert_eq!(exp(0.0), 1.0);
    }

    #[test]
    fn levels_agree_to_the_bit() {
        for length in [1, 7, 8, 15, 16, 17, 31, 64, 131, 576] {
            let x: Vec<f32> = (0..length).map(|i| (i as f32 * 0.37).sin() * 9.0).collect();
            let weight: Vec<f32> = (0..length).map(|i| (i as f32 * 0.11).cos()).collect();
            let run = |level| {
                let mut out = vec![0.0; length];
                rms_norm(level, &x, &weight, 1e-6, &mut out);
                let mut sum = out.clone();
                rms_norm_in_place(level, &mut sum, &weight, 1e-6);
                for kind in [Gate::GeluTanh, Gate::Silu, Gate::SiluClamped] {
                    let mut gate = x.clone();
                    gated(level, kind, &mut gate, &out);
                    add_weighted(level, &mut sum, 0.3, &gate);
                }
                for kind in [
                    Activation::Gelu,
                    Activation::GeluTanh,
                    Activation::ReluSquared,
                    XIELU,
                ] {
                    activate(level, kind, &mut out);
                }
                soft_cap(level, &mut sum, 30.0);
                let mut above = x.clone();
                far_above(level, &mut above, 0.5);
                add(level, &mut sum, &above);
                add(level, &mut sum, &out);
                add_product(level, &mut sum, &out, &x);
                sigmoid_gate(level, &mut sum, &x);
                silu(level, &mut sum);
                normalize(level, &mut sum, 1e-6);
                let product = dot(level, &sum, &x);
                sum.push(product);
                sum.iter().map(|x| x.to_bits()).collect::<Vec<_>>()
            };
            for level in Level::available() {
                assert_eq!(run(level), run(Level::SCALAR), "{level:?}, {length}");
            }
        }
    }

    #[test]
    fn rms_norm_has_unit_mean_square() {
        let x: Vec<f32> = (1..=40).map(|i| i as f32).collect();
        let mut out = vec![0.0; 40];
        rms_norm(Level::SCALAR, &x, &[1.0; 40], 0.0, &mut out);
        let mean = out.iter().map(|x| x * x).sum::<f32>() / 40.0;
        assert!((mean - 1.0).abs() < 1e-5);
    }

    #[test]
    fn products_and_lengths_match_their_definitions() {
        let x: Vec<f32> = (1..=37).map(|i| i as f32).collect();
        let y: Vec<f32> = (1..=37).map(|i| 1.0 / i as f32).collect();
        assert!((dot(Level::SCALAR, &x, &y) - 37.0).abs() < 1e-4);
        let mut sum = vec![1.0; 37];
        add_product(Level::SCALAR, &mut sum, &x, &y);
        assert!(sum.iter().all(|sum| (sum - 2.0).abs() < 1e-6));
        let mut unit = x.clone();
        normalize(Level::SCALAR, &mut unit, 1e-6);
        assert!((dot(Level::SCALAR, &unit, &unit) - 1.0).abs() < 1e-5);
        assert!((unit[36] / unit[0] - 37.0).abs() < 1e-3);
        let mut short = [3e-3, 4e-3];
        normalize(Level::SCALAR, &mut short, 0.5);
        assert_eq!(short, [6e-3, 8e-3]);
        let mut zero = [0.0; 3];
        normalize(Level::SCALAR, &mut zero, 1e-6);
        assert_eq!(zero, [0.0; 3]);
    }

    #[test]
    fn layers_are_normalized_by_mean_and_deviation() {
        let mut x: Vec<f32> = (0..37).map(|i| (i * i % 11) as f32).collect();
        let mean = x.iter().map(|&x| f64::from(x)).sum::<f64>() / 37.0;
        let square = |x: f32| (f64::from(x) - mean).powi(2);
        let deviation = (x.iter().map(|&x| square(x)).sum::<f64>() / 37.0 + 0.5).sqrt();
        let wanted: Vec<f64> = x
            .iter()
            .map(|&x| (f64::from(x) - mean) / deviation * 2.0 + 3.0)
            .collect();
        layer_norm(Level::SCALAR, &mut x, &[2.0; 37], &[3.0; 37], 0.5);
        for (x, wanted) in x.iter().zip(wanted) {
            assert!((f64::from(*x) - wanted).abs() < 1e-5);
        }
    }

    #[test]
    fn what_is_far_above_the_mean_is_kept() {
        // The mean is 3, the deviation the root of 40 / 4.
        let mut x = [0.0, 1.0, 2.0, 4.0, 8.0];
        far_above(Level::SCALAR, &mut x, 1.0);
        assert_eq!(x[..4], [0.0; 4]);
        assert!((x[4] - (5.0 - 10.0_f32.sqrt())).abs() < 1e-6);
        let mut one = [2.0];
        far_above(Level::SCALAR, &mut one, 1.0);
        assert_eq!(one, [0.0]);
    }

    /// Values of erf from the table of Abramowitz and Stegun 1964, 7.1.
    #[test]
    fn gelu_is_that_of_the_error_function() {
        for (z, erf) in [
            (0.0, 0.0),
            (0.1, 0.112_462_916),
            (0.5, 0.520_499_877),
            (1.0, 0.842_700_792),
            (1.5, 0.966_105_146),
            (2.0, 0.995_322_265),
        ] {
            for (z, erf) in [(z, erf), (-z, -erf)] {
                let x = z * std::f64::consts::SQRT_2;
                let mut out = [x as f32];
                gelu(Level::SCALAR, &mut out);
                let wanted = x * (1.0 + erf) / 2.0;
                assert!((f64::from(out[0]) - wanted).abs() < 6e-7, "{x}");
                let mut alone = [x as f32];
                activate(Level::SCALAR, Activation::Gelu, &mut alone);
                assert_eq!(alone, out);
            }
        }
    }

    #[test]
    fn gates_match_their_definitions() {
        for x in [-3.0_f32, -0.5, 0.0, 0.7, 4.0] {
            let mut gate = [x];
            gated(Level::SCALAR, Gate::Silu, &mut gate, &[1.0]);
            let expected = x / (1.0 + (-x).exp());
            assert!((gate[0] - expected).abs() < 1e-6);
            let mut alone = [x];
            silu(Level::SCALAR, &mut alone);
            assert!((alone[0] - expected).abs() < 1e-6);
            let mut opened = [x];
            sigmoid_gate(Level::SCALAR, &mut opened, &[x]);
            assert!((opened[0] - expected).abs() < 1e-6);
            let mut gate = [x];
            gated(Level::SCALAR, Gate::GeluTanh, &mut gate, &[1.0]);
            let inner = (2.0 / std::f32::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
            let expected = 0.5 * x * (1.0 + inner.tanh());
            assert!((gate[0] - expected).abs() < 1e-6);
            let activated = |kind| {
                let mut alone = [x];
                activate(Level::SCALAR, kind, &mut alone);
                alone[0]
            };
            assert!((activated(Activation::GeluTanh) - expected).abs() < 1e-6);
            assert_eq!(activated(Activation::ReluSquared), x.max(0.0).powi(2));
            let expected = if x > 0.0 {
                0.8 * x * x + 0.5 * x
            } else {
                (x.min(-1e-6).exp_m1() - x) * 1.3 + 0.5 * x
            };
            assert!((activated(XIELU) - expected).abs() < 1e-6);
            for (up, held) in [(3.0, 3.0), (9.0, 7.0), (-9.0, -7.0)] {
                let mut gate = [2.0 * x];
                gated(Level::SCALAR, Gate::SiluClamped, &mut gate, &[up]);
                let x = (2.0 * x).min(7.0);
                let expected = x / (1.0 + (-1.702 * x).exp()) * (held + 1.0);
                assert!((gate[0] - expected).abs() < 1e-5);
            }
        }
    }
}

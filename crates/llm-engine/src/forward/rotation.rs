//! The angles of the rotary embedding, for a batch's positions.

use crate::spec::Rope;

/// The rotation frequencies of one kind of layer.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// Radians a position, one a pair.
    frequencies: Vec<f64>,
}

impl Rotation {
    /// Computes `factor * base^(-2 i / dim) / divisor[i]`.
    pub fn new(rope: Rope, dim: usize, divisors: Option<&[f32]>) -> Self {
        let frequency = |pair: usize| {
            let exponent = -2.0 * pair as f64 / dim as f64;
            let divisor = divisors.map_or(1.0, |divisors| f64::from(divisors[pair]));
            f64::from(rope.base).powf(exponent) * f64::from(rope.factor) / divisor
        };
        Self {
            frequencies: (0..dim / 2).map(frequency).collect(),
        }
    }

    /// Appends the cosines and sines of `position` to `cos` and `sin`, one a
    /// pair each.
    pub fn append(&self, position: usize, cos: &mut Vec<f32>, sin: &mut Vec<f32>) {
        for frequency in &self.frequencies {
            // In double precision, since an angle of 100,000 radians in single
            // precision has lost its fourth decimal.
            let (s, c) = (frequency * position as f64).sin_cos();
            cos.push(c as f32);
            sin.push(s as f32);
        }
    }
}

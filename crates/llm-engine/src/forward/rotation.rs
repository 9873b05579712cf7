//! The angles of the rotary embedding, for a batch's positions.

use crate::spec::Rope;

/// The rotation of one kind of layer.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// Radians a position, one a pair; none where nothing is rotated.
    frequencies: Vec<f64>,
    /// What cosines and sines are multiplied by.
    magnitude: f64,
}

impl Rotation {
    /// Computes the frequencies of `rope`, see [`Rope`].
    pub fn new(rope: Option<Rope>, divisors: Option<&[f32]>) -> Self {
        let Some(rope) = rope else {
            return Self {
                frequencies: Vec::new(),
                magnitude: 1.0,
            };
        };
        let (dim, divisors) = (rope.dim, divisors.filter(|_| rope.divided));
        let frequency = |pair: usize| {
            let exponent = -2.0 * pair as f64 / dim as f64;
            let divisor = divisors.map_or(1.0, |divisors| f64::from(divisors[pair]));
            let kept = rope.ramp.map_or(0.0, |ramp| ramp.kept(pair));
            let pace = f64::from(rope.factor) * (1.0 - kept) + kept;
            f64::from(rope.base).powf(exponent) * pace / divisor
        };
        Self {
            frequencies: (0..dim / 2).map(frequency).collect(),
            magnitude: f64::from(rope.magnitude),
        }
    }

    /// Returns the number of rotated pairs.
    pub fn pairs(&self) -> usize {
        self.frequencies.len()
    }

    /// Appends the cosines and sines of `position` to `cos` and `sin`, one a
    /// pair each.
    pub fn append(&self, position: usize, cos: &mut Vec<f32>, sin: &mut Vec<f32>) {
        for frequency in &self.frequencies {
            // In double precision, since an angle of 100,000 radians in single
            // precision has lost its fourth decimal.
            let (s, c) = (frequency * position as f64).sin_cos();
            cos.push((c * self.magnitude) as f32);
            sin.push((s * self.magnitude) as f32);
        }
    }
}

//! The times of a few layers → those of the whole model.
//!
//! A sample of `timed` layers and its first `half` are both timed, with the
//! embedding and the head each time. Their difference is what the layers
//! between cost; all that does not grow with the layers is in both. So the
//! whole takes the sample's time and, for each layer that it lacks, the
//! difference over its number of layers.

use crate::run::Run;
use crate::statistics::percentile;

/// The layers that are timed, and those that their times are scaled to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extrapolation {
    /// Layers of the sample.
    pub timed: usize,
    /// Layers of its first half.
    pub half: usize,
    /// Layers of the whole model.
    pub whole: usize,
}

impl Extrapolation {
    /// Returns the extrapolation from `timed` to `whole` layers; `None` where
    /// nothing is left out.
    #[must_use]
    pub fn new(timed: usize, whole: usize) -> Option<Self> {
        let half = timed / 2;
        (half > 0 && timed < whole).then_some(Self { timed, half, whole })
    }

    fn scale(&self, sample: f64, half: f64) -> f64 {
        let layer = (sample - half) / (self.timed - self.half) as f64;
        // A disturbance can make the half slower than the sample; a layer
        // takes no less than nothing.
        sample + (self.whole - self.timed) as f64 * layer.max(0.0)
    }

    /// Returns the times of the whole. The decoding steps are added up at their
    /// median: a disturbance of one step would count once for each layer that
    /// is not there.
    #[must_use]
    pub fn run(&self, sample: &Run, half: &Run) -> Run {
        let scaled = |(sample, half)| self.scale(sample, half);
        let first_token = sample.first_token.zip(half.first_token).map(scaled);
        let steps = sample.steps.iter().copied().zip(half.steps.iter().copied());
        let medians = percentile(&sample.steps, 50).zip(percentile(&half.steps, 50));
        let step = medians.map_or(0.0, scaled);
        Run {
            whole: first_token.unwrap_or(0.0) + sample.steps.len() as f64 * step,
            first_token,
            steps: steps.map(scaled).collect(),
            // The output matrix is whole in every sample.
            output_bytes: sample.output_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_grow_with_the_layers_counts_once() {
        let times = |layers: f64| {
            let (prompt, step) = (40.0 + 3.0 * layers, 30.0 + 2.0 * layers);
            Run {
                whole: prompt + 3.0 * step,
                first_token: Some(prompt),
                steps: vec![step; 3],
                output_bytes: 96.0,
            }
        };
        let whole = Extrapolation::new(4, 80).unwrap();
        assert_eq!(whole.run(&times(4.0), &times(2.0)), times(80.0));
        let odd = Extrapolation::new(5, 32).unwrap();
        assert_eq!(odd.run(&times(5.0), &times(2.0)), times(32.0));
        assert_eq!(Extrapolation::new(80, 80), None);
        let mut disturbed = times(4.0);
        disturbed.steps[1] *= 9.0;
        assert_eq!(whole.run(&disturbed, &times(2.0)).whole, times(80.0).whole);
    }
}

//! The times of a few layers → those of the whole model.
//!
//! A sample of `timed` layers and its first `half` are both timed, with the
//! embedding and the head each time. Their difference is what the layers
//! between cost; all that does not grow with the layers is in both. So the
//! whole takes the sample's time and, for each layer that it lacks, the
//! difference over its number of layers.

use crate::measure::Run;

/// Numbers of layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extrapolation {
    pub(crate) timed: usize,
    pub(crate) half: usize,
    pub(crate) whole: usize,
}

impl Extrapolation {
    /// Returns the extrapolation from `timed` to `whole` layers; `None` where
    /// nothing is left out.
    pub(crate) fn new(timed: usize, whole: usize) -> Option<Self> {
        let half = timed / 2;
        (half > 0 && timed < whole).then_some(Self { timed, half, whole })
    }

    fn scale(&self, sample: f64, half: f64) -> f64 {
        let layer = (sample - half) / (self.timed - self.half) as f64;
        // A disturbance can make the half slower than the sample; a layer
        // takes no less than nothing.
        sample + (self.whole - self.timed) as f64 * layer.max(0.0)
    }

    /// Returns the times of the whole.
    pub(crate) fn run(&self, sample: &Run, half: &Run) -> Run {
        let steps = sample.steps.iter().zip(&half.steps);
        Run {
            whole: self.scale(sample.whole, half.whole),
            first_token: sample
                .first_token
                .zip(half.first_token)
                .map(|(sample, half)| self.scale(sample, half)),
            steps: steps
                .map(|(sample, half)| self.scale(*sample, *half))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_grow_with_the_layers_counts_once() {
        let times = |layers: f64| Run {
            whole: 70.0 + 5.0 * layers,
            first_token: Some(40.0 + 3.0 * layers),
            steps: vec![30.0 + 2.0 * layers, 31.0 + 2.0 * layers],
        };
        let whole = Extrapolation::new(4, 80).unwrap();
        assert_eq!(whole.run(&times(4.0), &times(2.0)), times(80.0));
        let odd = Extrapolation::new(5, 32).unwrap();
        assert_eq!(odd.run(&times(5.0), &times(2.0)), times(32.0));
        assert_eq!(Extrapolation::new(80, 80), None);
    }
}

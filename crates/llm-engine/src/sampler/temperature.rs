//! Temperature (Ackley, Hinton & Sejnowski 1985), and one that follows the
//! entropy.

use super::Sampling;
use super::candidates::{Candidates, Order};
use super::typical::entropy;

impl Candidates {
    /// Divides the logits by the temperature, and makes probabilities of them.
    pub(super) fn heat(&mut self, sampling: &Sampling) {
        if sampling.dynatemp_range <= 0.0 {
            return self.scale(sampling.temperature);
        }
        if self.len() > 1 {
            let temperature = self.dynamic_temperature(sampling);
            self.scale(temperature);
        }
    }

    /// Returns a temperature within `dynatemp_range` of the request's: as far up
    /// as the entropy is, as a share of the most that so many tokens can have,
    /// to the power of `dynatemp_exponent` (dynamic temperature,
    /// <https://github.com/ggml-org/llama.cpp/pull/4972>).
    fn dynamic_temperature(&mut self, sampling: &Sampling) -> f32 {
        let &Sampling {
            temperature,
            dynatemp_range: range,
            dynatemp_exponent: exponent,
            ..
        } = sampling;
        let least = (temperature - range).max(0.0);
        let span = temperature + range - least;
        let most_entropy = (self.len() as f64).ln();
        let share = entropy(self.probabilities(Order::BestFirst)) / most_entropy;
        least + span * (share as f32).powf(exponent)
    }
}

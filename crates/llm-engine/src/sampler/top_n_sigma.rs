//! Top-nσ (Tang et al. 2024, arXiv:2411.07641).

use super::candidates::Candidates;

impl Candidates {
    /// Keeps tokens whose logit is at most `n` standard deviations of all
    /// logits below the largest one; 0 or less keeps all. The others stay in
    /// the list with a logit of -∞, as in llama.cpp.
    pub(super) fn keep_top_n_sigma(&mut self, n: f32) {
        if n <= 0.0 || self.len() <= 1 {
            return;
        }
        let list = self.logits();
        let possible = || {
            let logits = list.iter().map(|(_, logit)| *logit);
            logits.filter(|logit| *logit > f32::NEG_INFINITY)
        };
        let count = possible().count() as f64;
        let mean = possible().map(f64::from).sum::<f64>() / count;
        let squares: f64 = possible()
            .map(|logit| (f64::from(logit) - mean).powi(2))
            .sum();
        let deviation = (squares / count).sqrt();
        let largest = possible().fold(f32::NEG_INFINITY, f32::max);
        let least = f64::from(largest) - f64::from(n) * deviation;
        for (_, logit) in list {
            if f64::from(*logit) < least {
                *logit = f32::NEG_INFINITY;
            }
        }
    }
}

//! Locally typical sampling (Meister et al. 2022, arXiv:2202.00666).

use super::candidates::{Candidates, Order};

impl Candidates {
    /// Keeps the tokens whose information (-ln of their probability) is closest
    /// to the mean of all, the entropy, until their probabilities sum to more
    /// than `typical_p`, and `min_keep` at least; 1 keeps all. The most likely
    /// token may go.
    pub(super) fn keep_typical(&mut self, typical_p: f32, min_keep: usize) {
        if typical_p >= 1.0 {
            return;
        }
        let list = self.probabilities(Order::Sorted);
        let entropy = entropy(list);
        let distance = |share: f32| (-f64::from(share).ln() - entropy).abs();
        // Stable: of two at one distance the likelier comes first.
        list.sort_by(|a, b| distance(a.1).total_cmp(&distance(b.1)));
        let mut sum = 0.0;
        let mut kept = list.iter().enumerate();
        let enough = kept.position(|(at, (_, probability))| {
            sum += probability;
            sum > typical_p && at + 1 >= min_keep
        });
        if let Some(last) = enough {
            list.truncate(last + 1);
        }
        self.note_removal(Order::Any);
    }
}

/// Returns the entropy of probabilities, in nats.
pub(super) fn entropy(list: &[(u32, f32)]) -> f64 {
    let possible = list.iter().filter(|(_, probability)| *probability > 0.0);
    let terms = possible.map(|(_, probability)| {
        let probability = f64::from(*probability);
        -probability * probability.ln()
    });
    terms.sum()
}

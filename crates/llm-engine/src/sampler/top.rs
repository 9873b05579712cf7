//! Top-k, top-p and min-p: the best tokens stay, by number, by their sum, by
//! their distance from the best one.

use super::ORDERED;
use super::candidates::{Candidates, Order, better_first};

impl Candidates {
    /// Keeps the `top_k` best tokens (Fan et al. 2018, arXiv:1805.04833); 0
    /// keeps all. More than a few are in no order: sorting a vocabulary takes
    /// longer than a small model's step.
    pub(super) fn keep_top_k(&mut self, top_k: usize) {
        if top_k > 0 {
            self.keep_best(top_k);
        }
        // Whatever was left out, a draw goes through the same list.
        if (1..=ORDERED).contains(&top_k) {
            self.order_by(Order::Sorted);
        } else {
            self.order_by(Order::BestFirst);
        }
    }

    /// Keeps the fewest best tokens whose probabilities sum to `top_p`, and
    /// `min_keep` at least (Holtzman et al. 2019, arXiv:1904.09751); 1 keeps
    /// all. Sorts no more of them than that takes.
    pub(super) fn keep_top_p(&mut self, top_p: f32, min_keep: usize) {
        /// Tokens that are sorted at first; enough for most distributions.
        const FIRST: usize = 256;
        // Also where all stay: it rounds them, and a draw must not hang on what
        // follows.
        let list = self.probabilities(Order::BestFirst);
        if top_p >= 1.0 {
            return;
        }
        let mut sorted = FIRST;
        loop {
            let is_whole = sorted >= list.len();
            if !is_whole {
                list.select_nth_unstable_by(sorted, better_first);
            }
            let sorted_part = if is_whole { list.len() } else { sorted };
            list[..sorted_part].sort_unstable_by(better_first);
            let mut sum = 0.0;
            let mut kept = list[..sorted_part].iter().enumerate();
            let enough = kept.position(|(at, (_, probability))| {
                sum += probability;
                sum >= top_p && at + 1 >= min_keep
            });
            if let Some(last) = enough {
                list.truncate(last + 1);
            }
            if enough.is_some() || is_whole {
                return self.note_removal(Order::Sorted);
            }
            sorted *= 8;
        }
    }

    /// Keeps tokens of at least `min_p` times the best one's probability, and
    /// the `min_keep` best at least (Nguyen et al. 2024, arXiv:2407.01082); 0
    /// keeps all.
    pub(super) fn keep_min_p(&mut self, min_p: f32, min_keep: usize) {
        if min_p <= 0.0 {
            return;
        }
        let shares = self.shares();
        let least = shares.first().map_or(0.0, |best| best.1) * min_p;
        let passes = |share: f32| share >= least;
        let count = || shares.iter().filter(|(_, share)| passes(*share)).count();
        if min_keep > 1 && count() < min_keep {
            return self.keep_best(min_keep);
        }
        self.retain(passes);
    }
}

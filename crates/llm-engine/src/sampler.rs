//! Logits to one token.
//!
//! The steps and their order are llama.cpp's: repeat penalty, top-k, top-p,
//! min-p, temperature, draw.

use std::cmp::Ordering;
use std::collections::HashSet;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// How a token is chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// Divides the logits; 0 takes the best token always.
    pub temperature: f32,
    /// Keeps the k best tokens; 0 keeps all.
    pub top_k: usize,
    /// Keeps the fewest best tokens whose probabilities reach this sum; 1
    /// keeps all (Holtzman et al. 2019, arXiv:1904.09751).
    pub top_p: f32,
    /// Keeps tokens of at least this share of the best one's probability; 0
    /// keeps all (Nguyen et al. 2024, arXiv:2407.01082).
    pub min_p: f32,
    /// Divides the logits of repeated tokens, or multiplies negative ones; 1
    /// does nothing (Keskar et al. 2019, arXiv:1909.05858).
    pub repeat_penalty: f32,
    /// How many last tokens count as repeated.
    pub repeat_last_n: usize,
}

impl Sampling {
    /// Takes the best token always.
    pub const GREEDY: Self = Self {
        temperature: 0.0,
        top_k: 0,
        top_p: 1.0,
        min_p: 0.0,
        repeat_penalty: 1.0,
        repeat_last_n: 64,
    };

    /// Returns whether the best token is always taken.
    pub fn is_greedy(&self) -> bool {
        self.temperature <= 0.0
    }
}

/// The most that `top_k` keeps in the order of their logits.
const ORDERED: usize = 128;

/// Chooses the tokens of one sequence.
#[derive(Debug, Clone)]
pub struct Sampler {
    sampling: Sampling,
    random: ChaCha8Rng,
    /// Tokens that can still be drawn, with their logits, then probabilities.
    candidates: Vec<(u32, f32)>,
}

impl Sampler {
    /// Makes a sampler whose draws depend on `key` alone: a digest of the seed
    /// and of what identifies the sequence, so that neighbours and order do
    /// not matter.
    pub fn new(sampling: Sampling, key: [u8; 32]) -> Self {
        Self {
            sampling,
            random: ChaCha8Rng::from_seed(key),
            candidates: Vec::new(),
        }
    }

    /// Chooses a token, given the logits (vocabulary) and the tokens so far.
    /// The logits are changed by the repeat penalty. `None` if no logit is a
    /// finite number, which a broken weight causes.
    pub fn sample(&mut self, logits: &mut [f32], history: &[u32]) -> Option<u32> {
        self.penalize(logits, history);
        if self.sampling.is_greedy() {
            return best(logits);
        }
        self.candidates.clear();
        let numbers = logits
            .iter()
            .enumerate()
            .filter(|(_, logit)| logit.is_finite());
        self.candidates
            .extend(numbers.map(|(id, &logit)| (id as u32, logit)));
        self.keep_top_k();
        self.normalize(1.0);
        self.keep_top_p();
        self.keep_min_p();
        let temperature = self.sampling.temperature;
        for (_, probability) in &mut self.candidates {
            *probability = probability.ln();
        }
        self.normalize(temperature);
        self.draw()
    }

    /// Returns how many of the largest logits [`sample`](Self::sample) chooses from,
    /// `None` for all: to the same effect the others may be -∞.
    pub fn chooses_from(&self) -> Option<usize> {
        let sampling = &self.sampling;
        match (sampling.is_greedy(), sampling.top_k) {
            // A smaller logit may be the largest after the penalty.
            _ if sampling.repeat_penalty != 1.0 => None,
            (true, _) => Some(1),
            (false, 1..=ORDERED) => Some(sampling.top_k),
            _ => None,
        }
    }

    fn penalize(&self, logits: &mut [f32], history: &[u32]) {
        let penalty = self.sampling.repeat_penalty;
        if penalty == 1.0 {
            return;
        }
        let recent = &history[history.len().saturating_sub(self.sampling.repeat_last_n)..];
        let distinct: HashSet<u32> = recent.iter().copied().collect();
        for token in distinct {
            if let Some(logit) = logits.get_mut(token as usize) {
                *logit = if *logit > 0.0 {
                    *logit / penalty
                } else {
                    *logit * penalty
                };
            }
        }
    }

    /// Moves the best token to the front and keeps `top_k`. More than a few that
    /// follow are in no order: sorting a vocabulary takes longer than a small
    /// model's step.
    fn keep_top_k(&mut self) {
        let keep = match self.sampling.top_k {
            0 => self.candidates.len(),
            keep => keep.min(self.candidates.len()),
        };
        if keep < self.candidates.len() {
            self.candidates.select_nth_unstable_by(keep, better_first);
            self.candidates.truncate(keep);
        }
        if (1..=ORDERED).contains(&self.sampling.top_k) {
            // Whatever was left out, a draw goes through the same list.
            self.candidates.sort_unstable_by(better_first);
        }
        let best =
            (0..keep).min_by(|&a, &b| better_first(&self.candidates[a], &self.candidates[b]));
        if let Some(best) = best {
            self.candidates.swap(0, best);
        }
    }

    /// Softmax over the candidates, the best of which stands first.
    fn normalize(&mut self, temperature: f32) {
        let largest = self.candidates.first().map_or(0.0, |best| best.1);
        let mut total = 0.0;
        for (_, logit) in &mut self.candidates {
            *logit = ((*logit - largest) / temperature).exp();
            total += *logit;
        }
        for (_, probability) in &mut self.candidates {
            *probability /= total;
        }
    }

    /// Keeps the best tokens until their sum is enough; sorts no more of them
    /// than that takes.
    fn keep_top_p(&mut self) {
        /// Tokens that are sorted at first; enough for most distributions.
        const FIRST: usize = 256;
        if self.sampling.top_p >= 1.0 {
            return;
        }
        let mut sorted = FIRST;
        loop {
            let whole = sorted >= self.candidates.len();
            if !whole {
                self.candidates.select_nth_unstable_by(sorted, better_first);
            }
            let sorted_part = if whole { self.candidates.len() } else { sorted };
            self.candidates[..sorted_part].sort_unstable_by(better_first);
            let mut sum = 0.0;
            let enough = self.candidates[..sorted_part]
                .iter()
                .position(|(_, probability)| {
                    sum += probability;
                    sum >= self.sampling.top_p
                });
            if let Some(last) = enough {
                return self.candidates.truncate(last + 1);
            }
            if whole {
                return;
            }
            sorted *= 8;
        }
    }

    fn keep_min_p(&mut self) {
        let least = self.candidates.first().map_or(0.0, |best| best.1) * self.sampling.min_p;
        self.candidates
            .retain(|(_, probability)| *probability >= least);
    }

    fn draw(&mut self) -> Option<u32> {
        /// 2^-53: the 53 highest bits become a number in [0, 1).
        const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
        let mut left = (self.random.next_u64() >> 11) as f64 * STEP;
        for &(token, probability) in &self.candidates {
            left -= f64::from(probability);
            if left < 0.0 {
                return Some(token);
            }
        }
        // The probabilities sum to 1 only up to rounding.
        self.candidates.last().map(|last| last.0)
    }
}

/// The higher logit first, of equal ones the lower id.
fn better_first(a: &(u32, f32), b: &(u32, f32)) -> Ordering {
    b.1.total_cmp(&a.1).then(a.0.cmp(&b.0))
}

/// Returns the index of the largest finite value, of equal ones the first.
pub fn best(logits: &[f32]) -> Option<u32> {
    let mut best: Option<(usize, f32)> = None;
    for (id, &logit) in logits.iter().enumerate() {
        if logit.is_finite() && best.is_none_or(|(_, most)| logit > most) {
            best = Some((id, logit));
        }
    }
    best.map(|(id, _)| id as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGITS: [f32; 5] = [1.0, 3.0, 2.0, -1.0, 3.0];

    fn drawn(sampling: Sampling, key: u8) -> Vec<u32> {
        let mut sampler = Sampler::new(sampling, [key; 32]);
        (0..400)
            .filter_map(|_| sampler.sample(&mut LOGITS.clone(), &[]))
            .collect()
    }

    fn warm() -> Sampling {
        Sampling {
            temperature: 1.0,
            ..Sampling::GREEDY
        }
    }

    #[test]
    fn greedy_takes_the_first_of_the_best() {
        assert!(drawn(Sampling::GREEDY, 1).iter().all(|&token| token == 1));
        assert_eq!(best(&[f32::NAN, f32::NEG_INFINITY]), None);
    }

    #[test]
    fn the_key_alone_decides_the_draws() {
        assert_eq!(drawn(warm(), 1), drawn(warm(), 1));
        assert_ne!(drawn(warm(), 1), drawn(warm(), 2));
    }

    #[test]
    fn frequencies_follow_the_softmax() {
        let total: f32 = LOGITS.iter().map(|logit| logit.exp()).sum();
        let drawn = drawn(warm(), 3);
        for (token, logit) in LOGITS.iter().enumerate() {
            let expected = logit.exp() / total * 400.0;
            let count = drawn.iter().filter(|&&t| t as usize == token).count() as f32;
            // Four standard deviations of a binomial count.
            assert!(
                (count - expected).abs() < 4.0 * expected.sqrt() + 1.0,
                "{token}: {count}, {expected}"
            );
        }
    }

    #[test]
    fn each_filter_removes_what_it_should() {
        let only = |sampling: Sampling, allowed: &[u32]| {
            let drawn = drawn(sampling, 5);
            assert!(
                drawn.iter().all(|token| allowed.contains(token)),
                "{sampling:?}"
            );
            assert!(
                allowed.iter().all(|token| drawn.contains(token)),
                "{sampling:?}"
            );
        };
        only(Sampling { top_k: 2, ..warm() }, &[1, 4]);
        only(Sampling { top_k: 3, ..warm() }, &[1, 2, 4]);
        only(
            Sampling {
                top_p: 0.5,
                ..warm()
            },
            &[1, 4],
        );
        only(
            Sampling {
                min_p: 0.3,
                ..warm()
            },
            &[1, 2, 4],
        );
        only(
            Sampling {
                min_p: 1.0,
                ..warm()
            },
            &[1, 4],
        );
    }

    #[test]
    fn the_penalty_counts_a_token_once_and_recent_ones_only() {
        let sampling = Sampling {
            repeat_penalty: 2.0,
            repeat_last_n: 2,
            ..Sampling::GREEDY
        };
        let mut logits = LOGITS;
        let mut sampler = Sampler::new(sampling, [0; 32]);
        assert_eq!(sampler.sample(&mut logits, &[2, 1, 1]), Some(4));
        assert_eq!(logits, [1.0, 1.5, 2.0, -1.0, 3.0]);
        sampler.sample(&mut logits, &[3]);
        assert_eq!(logits[3], -2.0);
    }

    /// What a sampler does not choose from may as well be missing.
    #[test]
    fn draws_are_the_same_without_the_logits_that_are_not_needed() {
        let logits: Vec<f32> = (0..5000).map(|i| (i as f32 * 0.7).sin() * 3.0).collect();
        let greedy = Sampling::GREEDY;
        let penalized = Sampling {
            repeat_penalty: 1.1,
            ..greedy
        };
        let top_k = |top_k| Sampling {
            top_k,
            top_p: 0.9,
            min_p: 0.01,
            ..warm()
        };
        let counts = [
            (greedy, Some(1)),
            (penalized, None),
            (top_k(1), Some(1)),
            (top_k(40), Some(40)),
            (top_k(ORDERED), Some(ORDERED)),
            (top_k(ORDERED + 1), None),
            (top_k(0), None),
        ];
        for (sampling, expected) in counts {
            let draws = |logits: &[f32]| -> Vec<Option<u32>> {
                let mut sampler = Sampler::new(sampling, [9; 32]);
                let draw = |_| sampler.sample(&mut logits.to_vec(), &[]);
                (0..100).map(draw).collect()
            };
            let count = Sampler::new(sampling, [9; 32]).chooses_from();
            assert_eq!(count, expected, "{sampling:?}");
            let Some(count) = count else { continue };
            let mut order: Vec<usize> = (0..logits.len()).collect();
            order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
            for kept in [count, 2 * count + 5] {
                let mut few = vec![f32::NEG_INFINITY; logits.len()];
                for &token in &order[..kept] {
                    few[token] = logits[token];
                }
                assert_eq!(draws(&few), draws(&logits), "{sampling:?}, {kept}");
            }
        }
    }

    /// The quick way through top-p gives the same tokens as sorting them all.
    #[test]
    fn top_p_keeps_the_same_of_a_large_vocabulary_as_a_full_sort() {
        let logits: Vec<f32> = (0..5000).map(|i| (i as f32 * 0.7).sin() * 3.0).collect();
        for top_p in [0.01, 0.3, 0.9, 0.999_999] {
            let mut sampler = Sampler::new(Sampling { top_p, ..warm() }, [0; 32]);
            sampler.sample(&mut logits.clone(), &[]);
            let mut kept: Vec<u32> = sampler
                .candidates
                .iter()
                .map(|candidate| candidate.0)
                .collect();
            kept.sort_unstable();
            let mut all: Vec<(u32, f32)> = (0..).zip(logits.iter().copied()).collect();
            all.sort_by(better_first);
            let total: f64 = all.iter().map(|(_, logit)| f64::from(*logit).exp()).sum();
            let mut sum = 0.0;
            let share = |logit: f32| f64::from(logit).exp() / total;
            let count = all.iter().take_while(|(_, logit)| {
                let before = sum;
                sum += share(*logit);
                before < f64::from(top_p)
            });
            // Single precision may count a token more or less at the edge.
            let count = count.count().abs_diff(kept.len());
            assert!(
                count <= 2,
                "top-p {top_p}: {} tokens, off by {count}",
                kept.len()
            );
            assert_eq!(kept[..], {
                let mut best: Vec<u32> = all[..kept.len()].iter().map(|token| token.0).collect();
                best.sort_unstable();
                best
            });
        }
        assert_eq!(
            Sampler::new(warm(), [0; 32]).sample(&mut [f32::NAN; 3], &[]),
            None
        );
    }
}

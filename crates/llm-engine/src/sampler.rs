//! Logits to one token.
//!
//! The steps, their names, their defaults and their order are llama.cpp's:
//! logit biases, then those of [`Step`] in the order of [`Step::USUAL`] or of
//! the request, then a draw. Each step has a file of its own; what all of them
//! work on is in `candidates`.

mod adaptive_p;
mod candidates;
mod dry;
mod mirostat;
mod penalties;
mod settings;
mod temperature;
mod top;
mod top_n_sigma;
mod typical;
mod xtc;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use adaptive_p::AdaptiveP;
use candidates::Candidates;
use mirostat::Mirostat;
use penalties::Penalties;

pub use candidates::best;
pub use dry::{Breakers, Dry};
pub use settings::{MirostatVersion, Sampling, Step};

/// The most that `top_k` keeps in the order of their logits.
const ORDERED: usize = 128;

/// Chooses the tokens of one sequence.
#[derive(Debug, Clone)]
pub struct Sampler {
    sampling: Sampling,
    random: ChaCha8Rng,
    candidates: Candidates,
    mirostat: Mirostat,
    adaptive_p: AdaptiveP,
    /// Whether no token was chosen yet.
    is_first: bool,
}

impl Sampler {
    /// Makes a sampler whose draws depend on `key` alone: a digest of the seed
    /// and of what identifies the sequence, so that neighbours and order do
    /// not matter.
    pub fn new(sampling: Sampling, key: [u8; 32]) -> Self {
        Self {
            random: ChaCha8Rng::from_seed(key),
            candidates: Candidates::default(),
            mirostat: Mirostat::new(&sampling),
            adaptive_p: AdaptiveP::new(&sampling),
            is_first: true,
            sampling,
        }
    }

    /// Chooses a token, given the logits (vocabulary) and the tokens so far.
    /// The logits are changed by biases and penalties. `None` if no logit is a
    /// finite number, which a broken weight causes, or a bias on each of them.
    pub fn sample(&mut self, logits: &mut [f32], history: &[u32]) -> Option<u32> {
        if self.sampling.is_greedy() {
            self.change(logits, history);
            return best(logits);
        }
        self.distribute(logits, history);
        let token = self.candidates.draw(self.random.next_u64())?;
        self.accept(token);
        Some(token)
    }

    /// Returns the tokens that the next one is to be drawn from, with their
    /// probabilities, in no order; some may be 0. Takes what
    /// [`sample`](Self::sample) takes, and does half of its work:
    /// [`accept`](Self::accept) is told what was drawn.
    pub fn distribute(&mut self, logits: &mut [f32], history: &[u32]) -> &[(u32, f32)] {
        let done = self.change(logits, history);
        let sampling = &self.sampling;
        let masked_count = sampling.counts_masked() && self.chooses_from().is_none();
        self.candidates.fill(logits, masked_count);
        if sampling.is_greedy() {
            self.candidates.keep_best(1);
        } else if sampling.mirostat.is_some() {
            self.candidates.scale(sampling.temperature);
            self.mirostat.truncate(&mut self.candidates, logits.len());
        } else {
            self.reduce(done, history);
            self.adaptive_p.transform(&mut self.candidates);
        }
        self.candidates.normalize();
        self.candidates.list()
    }

    /// Notes the token that was drawn of those of
    /// [`distribute`](Self::distribute).
    pub fn accept(&mut self, token: u32) {
        self.mirostat.accept(&self.candidates, token);
        self.adaptive_p.accept(token);
    }

    /// Returns how many of the largest logits [`sample`](Self::sample) chooses from,
    /// `None` for all: to the same effect the others may be -∞.
    pub fn chooses_from(&self) -> Option<usize> {
        let sampling = &self.sampling;
        // A smaller logit may be the largest after a bias or a penalty.
        if sampling.changes_logits(self.is_first) {
            return None;
        }
        if sampling.is_greedy() {
            return Some(1);
        }
        let first = sampling.steps().iter().find(|step| sampling.does(**step));
        let is_few = (1..=ORDERED).contains(&sampling.top_k);
        let is_cut = sampling.mirostat.is_none() && first == Some(&Step::TopK);
        (is_cut && is_few).then_some(sampling.top_k)
    }

    /// Changes the logits of all of the vocabulary, by biases and by the
    /// penalties that come before any other step; returns how many steps those
    /// are. A greedy choice comes after all penalties.
    fn change(&mut self, logits: &mut [f32], history: &[u32]) -> usize {
        let sampling = &self.sampling;
        penalties::add_biases(logits, &sampling.logit_bias);
        penalties::ban(logits, &sampling.suppress_tokens);
        if std::mem::take(&mut self.is_first) {
            penalties::ban(logits, &sampling.begin_suppress_tokens);
        }
        let mut done = 0;
        for (at, step) in sampling.steps().iter().enumerate() {
            match step {
                _ if !sampling.does(*step) => {}
                Step::Penalties => Penalties::new(sampling, history).apply(logits),
                Step::Dry => sampling.dry.penalties(history).apply(logits),
                _ if sampling.is_greedy() => {}
                _ => break,
            }
            done = at + 1;
        }
        done
    }

    /// Takes the other steps, on what can still be drawn.
    fn reduce(&mut self, done: usize, history: &[u32]) {
        let (sampling, candidates) = (&self.sampling, &mut self.candidates);
        for step in &sampling.steps()[done..] {
            match step {
                Step::Penalties => Penalties::new(sampling, history).apply_to(candidates),
                Step::Dry => sampling.dry.penalties(history).apply_to(candidates),
                Step::TopNSigma => candidates.keep_top_n_sigma(sampling.top_n_sigma),
                Step::TopK => candidates.keep_top_k(sampling.top_k),
                Step::TypP => candidates.keep_typical(sampling.typical_p, sampling.min_keep),
                Step::TopP => candidates.keep_top_p(sampling.top_p, sampling.min_keep),
                Step::MinP => candidates.keep_min_p(sampling.min_p, sampling.min_keep),
                Step::Xtc => candidates.exclude_top_choices(sampling, &mut self.random),
                Step::Temperature => candidates.heat(sampling),
                Step::AdaptiveP => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;

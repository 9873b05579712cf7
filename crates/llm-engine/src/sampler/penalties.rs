//! Biases, and penalties on what was said before.

use std::collections::HashMap;

use super::Sampling;
use super::candidates::Candidates;

/// Adds its bias to the logit of each token; all where it has several. One of
/// -∞ bans it.
pub(super) fn add_biases(logits: &mut [f32], biases: &[(u32, f32)]) {
    for &(token, bias) in biases {
        if let Some(logit) = logits.get_mut(token as usize) {
            *logit += bias;
        }
    }
}

/// Bans tokens.
pub(super) fn ban(logits: &mut [f32], tokens: &[u32]) {
    for &token in tokens {
        if let Some(logit) = logits.get_mut(token as usize) {
            *logit = f32::NEG_INFINITY;
        }
    }
}

/// The penalties on the tokens that a text has so far: divides a logit that
/// is above 0 by `repeat_penalty`, or multiplies another one (Keskar et al.
/// 2019, arXiv:1909.05858), then subtracts `presence_penalty`, and
/// `frequency_penalty` for each time that the token came up (`OpenAI`'s).
pub(super) struct Penalties<'s> {
    sampling: &'s Sampling,
    /// How often each token stands in the part that counts.
    counts: HashMap<u32, u32>,
}

impl<'s> Penalties<'s> {
    pub(super) fn new(sampling: &'s Sampling, history: &[u32]) -> Self {
        let recent = &history[history.len().saturating_sub(sampling.repeat_last_n)..];
        let mut counts = HashMap::new();
        for &token in recent {
            *counts.entry(token).or_insert(0) += 1;
        }
        Self { sampling, counts }
    }

    /// Changes the logits of all of the vocabulary.
    pub(super) fn apply(&self, logits: &mut [f32]) {
        for (&token, &count) in &self.counts {
            if let Some(logit) = logits.get_mut(token as usize) {
                *logit = self.penalized(*logit, count);
            }
        }
    }

    /// Changes the logits of those that can still be drawn.
    pub(super) fn apply_to(&self, candidates: &mut Candidates) {
        candidates.change(|token, logit| match self.counts.get(&token) {
            Some(&count) => self.penalized(logit, count),
            None => logit,
        });
    }

    fn penalized(&self, logit: f32, count: u32) -> f32 {
        let sampling = self.sampling;
        let repeated = if logit > 0.0 {
            logit / sampling.repeat_penalty
        } else {
            logit * sampling.repeat_penalty
        };
        repeated - (count as f32 * sampling.frequency_penalty + sampling.presence_penalty)
    }
}

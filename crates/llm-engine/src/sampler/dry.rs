//! DRY, don't repeat yourself
//! (<https://github.com/oobabooga/text-generation-webui/pull/5677>; as
//! llama.cpp computes it,
//! <https://github.com/ggml-org/llama.cpp/pull/9702>).

mod breakers;

use std::collections::HashMap;
use std::sync::Arc;

use super::candidates::Candidates;

pub use breakers::Breakers;

/// A penalty that grows with the length of what the next token would repeat.
#[derive(Debug, Clone, PartialEq)]
pub struct Dry {
    /// The penalty on a token that continues a repetition of the allowed
    /// length; 0 turns DRY off.
    pub multiplier: f32,
    /// By what the penalty is multiplied for each further token; below 1 DRY is
    /// off.
    pub base: f32,
    /// How many tokens may be repeated before the next one is penalized.
    pub allowed_length: usize,
    /// How many last tokens are searched.
    pub penalty_last_n: usize,
    /// What a repetition does not go beyond; `None` if nothing stops it.
    pub breakers: Option<Arc<Breakers>>,
}

impl Dry {
    /// No penalty; the other numbers are llama.cpp's defaults.
    pub const OFF: Self = Self {
        multiplier: 0.0,
        base: 1.75,
        allowed_length: 2,
        penalty_last_n: 64,
        breakers: None,
    };

    pub(super) fn is_on(&self) -> bool {
        self.multiplier != 0.0 && self.base >= 1.0 && self.penalty_last_n > 0
    }

    /// Returns what is subtracted from the logits after these tokens.
    pub(super) fn penalties(&self, history: &[u32]) -> DryPenalties {
        let mut penalties = HashMap::new();
        if self.is_on() {
            let start = history.len().saturating_sub(self.penalty_last_n);
            // The latest first.
            let recent: Vec<u32> = history[start..].iter().rev().copied().collect();
            for (token, length) in self.repeated(&recent) {
                penalties.insert(token, self.penalty(length));
            }
        }
        DryPenalties(penalties)
    }

    /// Returns the tokens that would continue a repetition of the allowed
    /// length or more, with the length of the longest so far.
    fn repeated(&self, recent: &[u32]) -> HashMap<u32, usize> {
        let breakers = self.breakers.as_deref();
        let limit = breakers.and_then(|breakers| breakers.first_in(recent));
        let limit = limit.unwrap_or(recent.len());
        let mut longest = HashMap::new();
        if recent.len() <= self.allowed_length || limit < self.allowed_length {
            return longest;
        }
        let lengths = common_lengths(recent);
        for (&next, &length) in recent.iter().zip(&lengths[1..]) {
            let length = length.min(limit);
            let ends_it = || breakers.is_some_and(|breakers| breakers.is_alone(next));
            if length >= self.allowed_length && !ends_it() {
                let most = longest.entry(next).or_insert(length);
                *most = length.max(*most);
            }
        }
        longest
    }

    fn penalty(&self, length: usize) -> f32 {
        let beyond = (length - self.allowed_length) as f64;
        let base = f64::from(self.base);
        // The power stays below f32's largest number.
        let most = if self.base > 1.000_001 {
            (f64::from(f32::MAX).ln() / base.ln()).floor()
        } else {
            f64::INFINITY
        };
        (f64::from(self.multiplier) * base.powf(beyond.min(most))) as f32
    }
}

/// Tokens with what is subtracted from their logits.
pub(super) struct DryPenalties(HashMap<u32, f32>);

impl DryPenalties {
    /// Changes the logits of all of the vocabulary.
    pub(super) fn apply(&self, logits: &mut [f32]) {
        for (&token, penalty) in &self.0 {
            if let Some(logit) = logits.get_mut(token as usize) {
                *logit -= penalty;
            }
        }
    }

    /// Changes the logits of those that can still be drawn.
    pub(super) fn apply_to(&self, candidates: &mut Candidates) {
        candidates.change(|token, logit| logit - self.0.get(&token).copied().unwrap_or(0.0));
    }
}

/// Returns for each place how many tokens from there on are those of the
/// beginning: the Z-array (Gusfield 1997), in time linear in the length.
fn common_lengths(tokens: &[u32]) -> Vec<usize> {
    let mut lengths = vec![0; tokens.len()];
    // What is known to equal the beginning, as far right as was looked.
    let mut known = 0..0_usize;
    for at in 1..tokens.len() {
        let mut length = match known.end.checked_sub(at) {
            Some(left) => left.min(lengths[at - known.start]),
            None => 0,
        };
        let rest = &tokens[at..];
        while rest
            .get(length)
            .is_some_and(|token| *token == tokens[length])
        {
            length += 1;
        }
        if at + length > known.end {
            known = at..at + length;
        }
        lengths[at] = length;
    }
    lengths
}

#[cfg(test)]
mod tests;

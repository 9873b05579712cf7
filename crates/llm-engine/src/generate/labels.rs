//! How likely each of some texts is to follow: scored after one prefill.

use crate::cache::SequenceId;
use crate::forward::{Forward, ForwardError, Input, Outputs};
use crate::lora::Applied;

use super::logprobs::Distribution;
use super::{GenerateError, LabelScore};

/// Positions whose logits are held at a time: 64 MB of them where the
/// vocabulary is Gemma's.
const ROWS: usize = 64;

/// A sequence that labels follow.
#[derive(Clone, Copy)]
pub(super) struct Prompted<'a> {
    pub(super) sequence: SequenceId,
    /// Its adapters.
    pub(super) adapters: &'a [Applied],
    /// Those after its last position, (vocabulary).
    pub(super) logits: &'a [f32],
    /// How many of the likeliest tokens are wanted beside each token, if any of this is.
    pub(super) top_logprobs: Option<usize>,
}

/// Returns how likely each label, a list of at least one token, is to follow a
/// sequence: its log-probability is a finite number. Labels are
/// computed together, each on a fork of the sequence.
///
/// # Errors
/// Logits that are no numbers or hold a label for impossible, or a forward pass
/// that fails.
pub(super) fn score(
    forward: &mut dyn Forward,
    prompted: Prompted<'_>,
    labels: &[Vec<u32>],
) -> Result<Vec<LabelScore>, GenerateError> {
    let mut scores = vec![LabelScore::default(); labels.len()];
    let distribution = Distribution::new(prompted.logits)?;
    for (label, score) in labels.iter().zip(&mut scores) {
        if let Some(&first) = label.first() {
            add(score, &distribution, first, prompted.top_logprobs)?;
        }
    }
    let mut forks = Vec::new();
    let scored = add_rests(forward, prompted, labels, &mut forks, &mut scores);
    for fork in forks {
        forward.sequences_mut().end(fork.sequence);
    }
    scored?;
    if scores.iter().all(|score| score.logprob.is_finite()) {
        Ok(scores)
    } else {
        Err(GenerateError::NotANumber)
    }
}

/// A label under way.
struct Fork {
    label: usize,
    sequence: SequenceId,
    /// Tokens of it that are in the cache.
    done: usize,
}

/// Adds the log-probabilities of all tokens but the first. `forks` are those
/// that are still to be ended.
fn add_rests(
    forward: &mut dyn Forward,
    prompted: Prompted<'_>,
    labels: &[Vec<u32>],
    forks: &mut Vec<Fork>,
    scores: &mut [LabelScore],
) -> Result<(), GenerateError> {
    let (sequence, vocabulary) = (prompted.sequence, prompted.logits.len());
    let length = forward.sequences().length(sequence).unwrap_or(0);
    let mut waiting = (0..labels.len()).filter(|&label| labels[label].len() > 1);
    let mut logits = Vec::new();
    loop {
        let mut rows: usize = forks
            .iter()
            .map(|fork| labels[fork.label].len() - 1 - fork.done)
            .sum();
        while rows < ROWS
            && let Some(label) = waiting.next()
        {
            let fork = forward.sequences_mut().fork(sequence, length);
            let (sequence, _) = fork.ok_or(ForwardError::UnknownSequence)?;
            rows += labels[label].len() - 1;
            forks.push(Fork {
                label,
                sequence,
                done: 0,
            });
        }
        if forks.is_empty() {
            return Ok(());
        }
        let takes = takes(forks, labels);
        let inputs = forks.iter().zip(&takes).map(|(fork, &take)| Input {
            sequence: fork.sequence,
            tokens: &labels[fork.label][fork.done..fork.done + take],
            outputs: Outputs::All,
            adapters: prompted.adapters,
        });
        let inputs: Vec<_> = inputs.filter(|input| !input.tokens.is_empty()).collect();
        forward.forward(&inputs, &mut logits)?;
        let mut rows = logits.chunks_exact(vocabulary.max(1));
        for (fork, take) in forks.iter_mut().zip(takes) {
            let follow = &labels[fork.label][fork.done + 1..fork.done + 1 + take];
            for (&token, row) in follow.iter().zip(rows.by_ref()) {
                let distribution = Distribution::new(row)?;
                let score = &mut scores[fork.label];
                add(score, &distribution, token, prompted.top_logprobs)?;
            }
            fork.done += take;
        }
        forks.retain(|fork| {
            let is_open = fork.done + 1 < labels[fork.label].len();
            if !is_open {
                forward.sequences_mut().end(fork.sequence);
            }
            is_open
        });
    }
}

/// Returns how many tokens of each label under way are computed next, [`ROWS`]
/// together at most.
fn takes(forks: &[Fork], labels: &[Vec<u32>]) -> Vec<usize> {
    let mut room = ROWS;
    let takes = forks.iter().map(|fork| {
        let take = (labels[fork.label].len() - 1 - fork.done).min(room);
        room -= take;
        take
    });
    takes.collect()
}

/// Adds a label's next token to its score.
fn add(
    score: &mut LabelScore,
    distribution: &Distribution<'_>,
    token: u32,
    top_logprobs: Option<usize>,
) -> Result<(), GenerateError> {
    score.logprob += distribution.logprob(token)?;
    if let Some(count) = top_logprobs {
        score.tokens.push(distribution.of(token, count)?);
    }
    Ok(())
}

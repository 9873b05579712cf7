//! How likely each of some texts is to follow: scored after one prefill.

use crate::cache::SequenceId;
use crate::forward::{Forward, ForwardError, Input, Outputs};

use super::GenerateError;

/// Returns the log-probability (natural) of each label, a list of at least one
/// token, to follow `sequence`, whose last position has the logits `after`
/// (vocabulary).
///
/// # Errors
/// Logits that are no numbers, or a forward pass that fails.
pub(super) fn score(
    forward: &mut dyn Forward,
    sequence: SequenceId,
    after: &[f32],
    labels: &[Vec<u32>],
) -> Result<Vec<f64>, GenerateError> {
    let length = forward.length(sequence).unwrap_or(0);
    let mut scores = Vec::with_capacity(labels.len());
    let mut logits = Vec::new();
    for label in labels {
        let Some((&first, rest)) = label.split_first() else {
            scores.push(0.0);
            continue;
        };
        let mut score = logprob(after, first)?;
        if !rest.is_empty() {
            let fork = forward.fork(sequence, length);
            let (fork, _) = fork.ok_or(ForwardError::UnknownSequence)?;
            let input = Input {
                sequence: fork,
                tokens: &label[..rest.len()],
                outputs: Outputs::All,
            };
            let done = forward.forward(&[input], &mut logits);
            forward.end(fork);
            done?;
            for (&token, row) in rest.iter().zip(logits.chunks_exact(after.len())) {
                score += logprob(row, token)?;
            }
        }
        scores.push(score);
    }
    Ok(scores)
}

/// Returns the logarithm of a token's softmax probability, summed in double.
fn logprob(logits: &[f32], token: u32) -> Result<f64, GenerateError> {
    let numbers = logits.iter().copied().filter(|logit| logit.is_finite());
    let most = numbers.clone().fold(f32::NEG_INFINITY, f32::max);
    let own = logits.get(token as usize).copied();
    let own = own.filter(|_| most.is_finite());
    let own = f64::from(own.ok_or(GenerateError::NotANumber)?);
    let most = f64::from(most);
    let sum: f64 = numbers.map(|logit| (f64::from(logit) - most).exp()).sum();
    Ok(own - most - sum.ln())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logprob_is_that_of_the_softmax() {
        let logits = [0.0, 2.0_f32.ln(), f32::NEG_INFINITY, 5.0_f32.ln()];
        let found = logprob(&logits, 1).unwrap();
        assert!((found - (2.0_f64 / 8.0).ln()).abs() < 1e-6, "{found}");
        assert_eq!(logprob(&logits, 2).unwrap(), f64::NEG_INFINITY);
        assert!(logprob(&[f32::NAN], 0).is_err());
        assert!(logprob(&[1.0], 9).is_err());
    }
}

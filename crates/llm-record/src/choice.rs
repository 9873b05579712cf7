//! Labels to choose from, and how likely each is. Scoring them is the engine's business.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Logprobs;

/// A label, and how likely it is to be the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Choice {
    /// The label.
    pub text: String,
    /// The natural logarithm of the model's probability that the label follows the prompt: the sum over
    /// its tokens.
    pub logprob: f64,
    /// That probability divided by the sum of those of all labels.
    pub probability: f64,
    /// How likely each of its tokens was, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logprobs: Option<Logprobs>,
}

impl Choice {
    /// Returns labels with their natural log-probabilities, finite numbers, and the probabilities that
    /// follow.
    #[must_use]
    pub fn list(labels: &[String], logprobs: &[f64]) -> Vec<Self> {
        // Divided by the greatest, so that the exponentials of small numbers do not vanish together.
        let most = logprobs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = logprobs.iter().map(|logprob| (logprob - most).exp()).sum();
        labels
            .iter()
            .zip(logprobs)
            .map(|(label, &logprob)| Self {
                text: label.clone(),
                logprob,
                probability: (logprob - most).exp() / sum,
                logprobs: None,
            })
            .collect()
    }

    /// Returns the likeliest of several, the first where two are alike.
    #[must_use]
    pub fn best(choices: &[Self]) -> Option<&Self> {
        choices.iter().reduce(|best, next| {
            if next.logprob > best.logprob {
                next
            } else {
                best
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(count: usize) -> Vec<String> {
        (0..count).map(|number| number.to_string()).collect()
    }

    #[test]
    fn probabilities_are_shares_of_the_labels_alone() {
        let choices = Choice::list(&labels(3), &[0.5_f64.ln(), 0.125_f64.ln(), 0.125_f64.ln()]);
        for (choice, wanted) in choices.iter().zip([2.0 / 3.0, 1.0 / 6.0, 1.0 / 6.0]) {
            assert!((choice.probability - wanted).abs() < 1e-12, "{choice:?}");
        }
        assert_eq!(Choice::best(&choices).unwrap().text, "0");
    }

    #[test]
    fn probabilities_too_small_for_a_float_keep_their_ratio() {
        let choices = Choice::list(&labels(2), &[-4000.0 - 3.0_f64.ln(), -4000.0]);
        assert!((choices[0].probability - 0.25).abs() < 1e-9, "{choices:?}");
        assert!((choices[1].probability - 0.75).abs() < 1e-9, "{choices:?}");
        assert_eq!(Choice::best(&choices).unwrap().text, "1");
    }

    #[test]
    fn of_labels_that_are_alike_the_first_is_the_best() {
        let choices = Choice::list(&labels(3), &[-2.0, -1.0, -1.0]);
        assert_eq!(Choice::best(&choices).unwrap().text, "1");
        assert_eq!(Choice::best(&[]), None);
    }
}

//! How likely the model holds each token of an answer for: its own distribution, before anything is done
//! to it.

use super::GenerateError;

/// A token of an answer, and how likely it and the likeliest ones were.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenLogprobs {
    /// The token.
    pub token: u32,
    /// The natural logarithm of its probability.
    pub logprob: f64,
    /// The likeliest tokens with theirs, the likeliest first and of equal ones that with the smaller id.
    pub top: Vec<(u32, f64)>,
}

/// What a model says comes next: the softmax of its logits.
pub(super) struct Distribution<'l> {
    /// (vocabulary)
    logits: &'l [f32],
    /// The logarithm of the sum of their exponentials.
    log_sum: f64,
}

impl<'l> Distribution<'l> {
    /// Sums the logits (vocabulary) in double; those of -∞ are tokens of probability 0.
    ///
    /// # Errors
    /// Logits of which none is a finite number.
    pub(super) fn new(logits: &'l [f32]) -> Result<Self, GenerateError> {
        let numbers = logits.iter().copied().filter(|logit| logit.is_finite());
        let most = numbers.clone().fold(f32::NEG_INFINITY, f32::max);
        if !most.is_finite() {
            return Err(GenerateError::NotANumber);
        }
        let most = f64::from(most);
        let sum: f64 = numbers.map(|logit| (f64::from(logit) - most).exp()).sum();
        Ok(Self {
            logits,
            log_sum: most + sum.ln(),
        })
    }

    /// Returns the natural logarithm of a token's probability.
    ///
    /// # Errors
    /// A token that has no logit.
    pub(super) fn logprob(&self, token: u32) -> Result<f64, GenerateError> {
        let logit = self.logits.get(token as usize);
        let logit = logit.ok_or(GenerateError::NotANumber)?;
        Ok(f64::from(*logit) - self.log_sum)
    }

    /// Returns a token's place beside the `count` likeliest ones.
    ///
    /// # Errors
    /// As [`Distribution::logprob`].
    pub(super) fn of(&self, token: u32, count: usize) -> Result<TokenLogprobs, GenerateError> {
        Ok(TokenLogprobs {
            token,
            logprob: self.logprob(token)?,
            top: self.top(count),
        })
    }

    fn top(&self, count: usize) -> Vec<(u32, f64)> {
        let mut top: Vec<(u32, f32)> = Vec::with_capacity(count + 1);
        for (token, &logit) in (0..).zip(self.logits) {
            let is_among = top.len() < count || top.last().is_some_and(|last| logit > last.1);
            if count == 0 || !is_among || !logit.is_finite() {
                continue;
            }
            let place = top.partition_point(|other| other.1 >= logit);
            top.insert(place, (token, logit));
            top.truncate(count);
        }
        let logprob = |(token, logit)| (token, f64::from(logit) - self.log_sum);
        top.into_iter().map(logprob).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logprob_is_that_of_the_softmax() {
        let logits = [0.0, 2.0_f32.ln(), f32::NEG_INFINITY, 5.0_f32.ln()];
        let distribution = Distribution::new(&logits).unwrap();
        let found = distribution.logprob(1).unwrap();
        assert!((found - (2.0_f64 / 8.0).ln()).abs() < 1e-6, "{found}");
        assert_eq!(distribution.logprob(2).unwrap(), f64::NEG_INFINITY);
        assert!(distribution.logprob(9).is_err());
        assert!(Distribution::new(&[f32::NAN]).is_err());
        assert!(Distribution::new(&[]).is_err());
    }

    #[test]
    fn the_likeliest_come_first_and_ties_by_id() {
        let logits = [1.0, 3.0, f32::NEG_INFINITY, 3.0, 2.0, f32::NAN];
        let distribution = Distribution::new(&logits).unwrap();
        let tokens = |count| -> Vec<u32> {
            let top = distribution.of(0, count).unwrap().top;
            top.into_iter().map(|(token, _)| token).collect()
        };
        assert!(tokens(0).is_empty());
        assert_eq!(tokens(1), [1]);
        assert_eq!(tokens(3), [1, 3, 4]);
        // Tokens of probability 0 are not among them.
        assert_eq!(tokens(9), [1, 3, 4, 0]);
        let all: f64 = distribution
            .top(9)
            .iter()
            .map(|(_, logprob)| logprob.exp())
            .sum();
        assert!((all - 1.0).abs() < 1e-12, "{all}");
    }
}

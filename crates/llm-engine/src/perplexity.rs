//! How well a model predicts a text, computed as llama-perplexity does
//! (`tools/perplexity/perplexity.cpp` in llama.cpp): the text's tokens are cut
//! into windows, each window is computed by itself, and the tokens of its
//! second half are scored, so that every scored token has half a window before
//! it.

use std::ops::ControlFlow;

use crate::forward::{Forward, ForwardError, Input, Outputs};
use crate::lora::Applied;

/// A perplexity and what it rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Perplexity {
    /// e to the mean negative log-likelihood of the scored tokens.
    pub value: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Windows.
    pub windows: usize,
    /// Tokens that were scored.
    pub scored: usize,
}

/// Why there is no perplexity.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PerplexityError {
    /// Fewer tokens than two windows.
    #[error(
        "the text has {tokens} tokens, but at least two windows of {window} are needed; take a longer text or a smaller -c"
    )]
    TooShort {
        /// Tokens of the text.
        tokens: usize,
        /// Tokens of a window.
        window: usize,
    },
    /// A window without a scored token.
    #[error("a window of {0} tokens leaves none to score; take -c 4 or more")]
    SmallWindow(usize),
    /// The model computes no numbers.
    #[error("the model computes no finite number for window {0}; its file may be damaged")]
    NotANumber(usize),
    /// The caller broke off.
    #[error("interrupted")]
    Interrupted,
    /// The forward pass failed.
    #[error(transparent)]
    Forward(#[from] ForwardError),
}

/// Positions whose logits are held at a time: 64 MB of them where the
/// vocabulary is Gemma's.
const POSITIONS: usize = 64;

/// Sums over the scored tokens.
#[derive(Debug, Default)]
struct Sums {
    /// Of the negative log-likelihoods.
    first: f64,
    /// Of their squares.
    second: f64,
    count: usize,
}

/// Measures the perplexity of `tokens` in windows of `window` tokens. Where the
/// model begins a sequence with the token `bos`, that takes the place of each
/// window's first. `adapters` are added to the weights. `watch` is told the number of windows after each, and the
/// perplexity so far.
///
/// # Errors
/// A text or window that is too short, a caller that breaks off, a forward
/// pass that fails.
pub fn perplexity(
    forward: &mut dyn Forward,
    tokens: &[u32],
    bos: Option<u32>,
    window: usize,
    adapters: &[Applied],
    watch: &mut dyn FnMut(usize, f64) -> ControlFlow<()>,
) -> Result<Perplexity, PerplexityError> {
    if window < 4 {
        return Err(PerplexityError::SmallWindow(window));
    }
    if tokens.len() < 2 * window {
        return Err(PerplexityError::TooShort {
            tokens: tokens.len(),
            window,
        });
    }
    let mut sums = Sums::default();
    let windows = tokens.chunks_exact(window);
    let count = windows.len();
    for (index, tokens) in windows.enumerate() {
        score(forward, tokens, bos, adapters, &mut sums)?;
        let so_far = sums.perplexity().value;
        if !so_far.is_finite() {
            return Err(PerplexityError::NotANumber(index + 1));
        }
        if watch(index + 1, so_far).is_break() {
            return Err(PerplexityError::Interrupted);
        }
    }
    Ok(Perplexity {
        windows: count,
        ..sums.perplexity()
    })
}

/// Scores the second half of one window.
fn score(
    forward: &mut dyn Forward,
    tokens: &[u32],
    bos: Option<u32>,
    adapters: &[Applied],
    sums: &mut Sums,
) -> Result<(), ForwardError> {
    let mut begun = tokens.to_vec();
    if let (Some(first), Some(bos)) = (begun.first_mut(), bos) {
        *first = bos;
    }
    let first = tokens.len() / 2;
    let vocabulary = forward.vocabulary();
    let sequence = forward.sequences_mut().start();
    let mut logits = Vec::new();
    let mut advance = |tokens: &[u32], outputs, logits: &mut Vec<f32>| {
        let input = Input {
            sequence,
            tokens,
            outputs,
            adapters,
        };
        forward.forward(&[input], logits)
    };
    let mut done = advance(&begun[..first], Outputs::None, &mut logits);
    // The last token is predicted and predicts nothing.
    let inputs = begun[first..tokens.len() - 1].chunks(POSITIONS);
    for (inputs, targets) in inputs.zip(tokens[first + 1..].chunks(POSITIONS)) {
        done = done.and_then(|()| advance(inputs, Outputs::All, &mut logits));
        if done.is_err() {
            break;
        }
        for (logits, &target) in logits.chunks_exact(vocabulary).zip(targets) {
            sums.add(negative_log_likelihood(logits, target));
        }
    }
    forward.sequences_mut().end(sequence);
    done
}

/// Returns -ln softmax(logits)[target]; summed in `f64`, as llama.cpp does.
fn negative_log_likelihood(logits: &[f32], target: u32) -> f64 {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|x| f64::from((x - most).exp())).sum();
    let target = logits.get(target as usize).copied();
    sum.ln() - f64::from(target.unwrap_or(f32::NAN) - most)
}

impl Sums {
    fn add(&mut self, loss: f64) {
        self.first += loss;
        self.second += loss * loss;
        self.count += 1;
    }

    /// The error is that of the mean, carried through the exponential.
    fn perplexity(&self) -> Perplexity {
        let count = self.count as f64;
        let mean = self.first / count;
        let variance = (self.second / count - mean * mean).max(0.0);
        let value = mean.exp();
        Perplexity {
            value,
            standard_error: value * (variance / (count - 1.0)).sqrt(),
            windows: 0,
            scored: self.count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::{SequenceId, Sequences};

    const VOCABULARY: usize = 5;

    /// A model whose logits depend on the position and on the tokens before,
    /// the first one included.
    #[derive(Default)]
    struct Toy {
        history: Vec<u32>,
        ended: usize,
    }

    fn toy_logits(history: &[u32]) -> Vec<f32> {
        let mixed = history.iter().fold(history.len() as u32, |mix, token| {
            mix.wrapping_mul(31).wrapping_add(*token)
        });
        let logit = |token: usize| ((mixed >> token) % 7) as f32 * 0.5;
        (0..VOCABULARY).map(logit).collect()
    }

    impl Sequences for Toy {
        fn start(&mut self) -> SequenceId {
            self.history.clear();
            SequenceId(0)
        }
        fn fork(&mut self, _: SequenceId, _: usize) -> Option<(SequenceId, usize)> {
            None
        }
        fn forkable_len(&self, _: SequenceId, _: usize) -> Option<usize> {
            None
        }

        fn request_checkpoint(&mut self, _: SequenceId, _: usize) {}

        fn truncate(&mut self, _: SequenceId, length: usize) -> usize {
            self.history.truncate(length);
            self.history.len()
        }
        fn end(&mut self, _: SequenceId) {
            self.ended += 1;
        }
        fn length(&self, _: SequenceId) -> Option<usize> {
            Some(self.history.len())
        }
    }

    impl Forward for Toy {
        fn vocabulary(&self) -> usize {
            VOCABULARY
        }
        fn sequences(&self) -> &dyn Sequences {
            self
        }
        fn sequences_mut(&mut self) -> &mut dyn Sequences {
            self
        }
        fn forward(
            &mut self,
            batch: &[Input<'_>],
            logits: &mut Vec<f32>,
        ) -> Result<(), ForwardError> {
            logits.clear();
            for &token in batch[0].tokens {
                if token as usize >= VOCABULARY {
                    return Err(ForwardError::Device("no such token".into()));
                }
                self.history.push(token);
                if batch[0].outputs == Outputs::All {
                    logits.extend(toy_logits(&self.history));
                }
            }
            Ok(())
        }
    }

    /// The same by the definition: probability by probability.
    fn plain(tokens: &[u32], bos: Option<u32>, window: usize) -> (f64, f64, usize) {
        let mut losses = Vec::new();
        for start in (0..tokens.len() / window).map(|index| index * window) {
            let mut history = tokens[start..start + window].to_vec();
            history[0] = bos.unwrap_or(history[0]);
            for at in window / 2..window - 1 {
                let logits = toy_logits(&history[..=at]);
                let exponentials = logits.iter().map(|x| f64::from(*x).exp());
                let whole: f64 = exponentials.clone().sum();
                let one = exponentials.skip(history[at + 1] as usize);
                losses.push(-(one.take(1).sum::<f64>() / whole).ln());
            }
        }
        let count = losses.len() as f64;
        let mean = losses.iter().sum::<f64>() / count;
        let squares = losses.iter().map(|loss| (loss - mean).powi(2));
        let deviation = (squares.sum::<f64>() / count).sqrt();
        let value = mean.exp();
        (
            value,
            value * deviation / (count - 1.0).sqrt(),
            losses.len(),
        )
    }

    #[test]
    fn it_is_what_the_definition_says() {
        let tokens: Vec<u32> = (0..2000_u32).map(|i| i * i / 3 % 5).collect();
        for (window, bos) in [(4, None), (7, Some(2)), (300, Some(0)), (1000, None)] {
            let mut toy = Toy::default();
            let mut seen = Vec::new();
            let got = perplexity(&mut toy, &tokens, bos, window, &[], &mut |index, so_far| {
                seen.push((index, so_far));
                ControlFlow::Continue(())
            })
            .unwrap();
            let (value, error, scored) = plain(&tokens, bos, window);
            assert!((got.value / value - 1.0).abs() < 1e-6, "{got:?} {value}");
            assert!(
                (got.standard_error / error - 1.0).abs() < 1e-4,
                "{got:?} {error}"
            );
            assert_eq!((got.scored, got.windows), (scored, 2000 / window));
            assert_eq!(seen.last(), Some(&(2000 / window, got.value)));
            assert_eq!(toy.ended, got.windows);
        }
    }

    #[test]
    fn what_cannot_be_scored_is_an_error() {
        let run = |tokens: &[u32], window| {
            let mut go_on = |_, _| ControlFlow::Continue(());
            perplexity(&mut Toy::default(), tokens, None, window, &[], &mut go_on)
                .unwrap_err()
                .to_string()
        };
        assert!(run(&[1; 15], 8).contains("15 tokens, but at least two windows of 8"));
        assert!(run(&[1; 15], 3).contains("-c 4 or more"));
        assert!(run(&[7; 16], 8).contains("no such token"));
        let mut stop = |_, _| ControlFlow::Break(());
        let stopped = perplexity(&mut Toy::default(), &[1; 16], None, 8, &[], &mut stop);
        assert!(matches!(stopped, Err(PerplexityError::Interrupted)));
    }
}

//! A test on sequences of one forward pass → the times of a run. What is timed is the forward pass
//! alone: tokens are drawn before the clock starts, and nothing is sampled.

use std::time::Instant;

use half::f16;
use llm_engine::cache::SequenceId;
use llm_engine::forward::{CpuForward, Forward, ForwardError, Input, Outputs};

use crate::load::Test;
use crate::run::Run;

/// Why there are no times.
#[derive(Debug)]
pub enum Stopped {
    /// Nobody waits for them any more.
    Unwanted,
    /// They could not be computed.
    Failed(ForwardError),
}

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unwanted => f.write_str("ended"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Stopped {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unwanted => None,
            Self::Failed(error) => error.source(),
        }
    }
}

/// Tokens of all sequences that are computed at once; between two such batches the user may
/// end the program. Several chunks of the forward pass, which are the same with
/// and without the cut, and at most seconds of a model that is pleasant to use.
pub const BATCH_TOKENS: usize = 512;

/// Sequences of one depth on a forward pass. They end with it.
pub struct Sequences<'a> {
    forward: &'a mut CpuForward<f16>,
    /// Whether somebody waits for the times.
    wanted: &'a dyn Fn() -> bool,
    ids: Vec<SequenceId>,
    /// What they hold before each repetition.
    before: Vec<Vec<u32>>,
    logits: Vec<f32>,
    /// What each decoding step computes.
    decoded: Outputs<'static>,
    random: Random,
}

impl<'a> Sequences<'a> {
    /// Fills `parallel` sequences with `depth` random tokens. `decoded` are the
    /// logits that each token after them gets.
    ///
    /// # Errors
    /// [`Stopped`]
    pub fn new(
        forward: &'a mut CpuForward<f16>,
        depth: usize,
        parallel: usize,
        decoded: Outputs<'static>,
        wanted: &'a dyn Fn() -> bool,
    ) -> Result<Self, Stopped> {
        let ids = (0..parallel)
            .map(|_| forward.sequences_mut().start())
            .collect();
        let mut sequences = Self {
            random: Random(0x9e37_79b9_7f4a_7c15),
            forward,
            wanted,
            ids,
            before: Vec::new(),
            logits: Vec::new(),
            decoded,
        };
        sequences.before = sequences.draw(depth);
        sequences.go_back()?;
        Ok(sequences)
    }

    /// Brings all sequences back to the depth. What they have beyond it is dropped,
    /// and where layers keep a state a part of what comes before as well, which
    /// is computed again.
    fn go_back(&mut self) -> Result<(), Stopped> {
        let sequences = self.ids.iter().zip(&self.before);
        let missing: Vec<_> = sequences
            .map(|(&id, before)| {
                let kept = self.forward.sequences_mut().truncate(id, before.len());
                before.get(kept..).unwrap_or_default().to_vec()
            })
            .collect();
        self.advance(&missing, Outputs::None)
    }

    /// Times one repetition, from the depth on.
    ///
    /// # Errors
    /// [`Stopped`]
    pub fn run(&mut self, test: Test) -> Result<Run, Stopped> {
        self.go_back()?;
        let prompts = self.draw(test.prompt);
        let steps: Vec<_> = (0..test.generated).map(|_| self.draw(1)).collect();
        let mut run = Run {
            whole: 0.0,
            first_token: None,
            steps: Vec::with_capacity(test.generated),
            output_bytes: 0.0,
        };
        let start = Instant::now();
        if test.prompt > 0 {
            self.advance(&prompts, Outputs::Last)?;
            run.first_token = Some(nanoseconds(start));
        }
        let read_before = self.forward.output_bytes_read();
        for tokens in &steps {
            let step = Instant::now();
            self.advance(tokens, self.decoded)?;
            run.steps.push(nanoseconds(step));
        }
        run.whole = nanoseconds(start);
        run.output_bytes = (self.forward.output_bytes_read() - read_before) as f64;
        Ok(run)
    }

    /// Draws `count` tokens for each sequence.
    fn draw(&mut self, count: usize) -> Vec<Vec<u32>> {
        let vocabulary = self.forward.vocabulary() as u64;
        let random = &mut self.random;
        let mut tokens = |_: &SequenceId| (0..count).map(|_| random.below(vocabulary)).collect();
        self.ids.iter().map(&mut tokens).collect()
    }

    /// Appends `tokens` to the sequences, in batches.
    fn advance(&mut self, tokens: &[Vec<u32>], outputs: Outputs<'_>) -> Result<(), Stopped> {
        for batch in batches(tokens, BATCH_TOKENS) {
            if !(self.wanted)() {
                return Err(Stopped::Unwanted);
            }
            let inputs = batch.iter().filter_map(|part| {
                let &sequence = self.ids.get(part.index)?;
                Some(Input {
                    sequence,
                    tokens: part.tokens,
                    outputs: if part.last { outputs } else { Outputs::None },
                    adapters: &[],
                })
            });
            let inputs: Vec<_> = inputs.collect();
            let computed = self.forward.forward(&inputs, &mut self.logits);
            computed.map_err(Stopped::Failed)?;
        }
        Ok(())
    }
}

/// Tokens of one sequence in a batch.
#[derive(Debug, PartialEq, Eq)]
struct Part<'a> {
    /// Which sequence.
    index: usize,
    tokens: &'a [u32],
    /// Whether they are its last.
    last: bool,
}

/// Cuts the tokens of all sequences, one sequence after the other, into batches
/// of `size` tokens.
fn batches(tokens: &[Vec<u32>], size: usize) -> Vec<Vec<Part<'_>>> {
    let mut batches: Vec<Vec<Part<'_>>> = Vec::new();
    let mut room = 0;
    for (index, mut left) in tokens.iter().map(Vec::as_slice).enumerate() {
        while !left.is_empty() {
            if room == 0 {
                batches.push(Vec::new());
                room = size;
            }
            let (tokens, rest) = left.split_at(left.len().min(room));
            room -= tokens.len();
            left = rest;
            let last = rest.is_empty();
            if let Some(batch) = batches.last_mut() {
                batch.push(Part {
                    index,
                    tokens,
                    last,
                });
            }
        }
    }
    batches
}

impl Drop for Sequences<'_> {
    fn drop(&mut self) {
        for &id in &self.ids {
            self.forward.sequences_mut().end(id);
        }
    }
}

fn nanoseconds(start: Instant) -> f64 {
    start.elapsed().as_nanos() as f64
}

/// Xorshift numbers (Marsaglia 2003): any tokens will do, the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 32) % limit.max(1)) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_hold_all_tokens_in_order() {
        let tokens = [vec![0, 1, 2, 3, 4], vec![5], vec![], vec![6, 7, 8, 9]];
        let part = |index, from: u32, to: u32, last| (index, (from..to).collect::<Vec<_>>(), last);
        let cut = |size| -> Vec<Vec<_>> {
            let parts = |batch: Vec<Part<'_>>| {
                let part = |part: Part<'_>| (part.index, part.tokens.to_vec(), part.last);
                batch.into_iter().map(part).collect()
            };
            batches(&tokens, size).into_iter().map(parts).collect()
        };
        assert_eq!(
            cut(4),
            [
                vec![part(0, 0, 4, false)],
                vec![
                    part(0, 4, 5, true),
                    part(1, 5, 6, true),
                    part(3, 6, 8, false),
                ],
                vec![part(3, 8, 10, true)],
            ]
        );
        assert_eq!(cut(10).len(), 1);
        assert_eq!(batches(&[], 4), Vec::<Vec<Part<'_>>>::new());
    }
}

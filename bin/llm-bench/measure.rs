//! One load on one forward pass → times. What is timed is the forward pass
//! alone: tokens are drawn before the clock starts, and nothing is sampled.

use std::time::Instant;

use half::f16;
use llm_engine::cache::SequenceId;
use llm_engine::forward::{CpuForward, Forward, ForwardError, Input, Outputs};

/// What is done once: a prompt of each sequence, then tokens of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Test {
    pub(crate) prompt: usize,
    pub(crate) generated: usize,
}

/// A test and what it is done on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) test: Test,
    /// Positions that each sequence holds before.
    pub(crate) depth: usize,
    /// Sequences that are computed together.
    pub(crate) parallel: usize,
    /// Whether a generated token needs no logits but the best.
    pub(crate) best: bool,
}

impl Load {
    /// Returns the positions of a sequence at the end.
    pub(crate) fn positions(&self) -> usize {
        self.depth + self.test.prompt + self.test.generated
    }

    /// Returns whether the best logits may come from a copy of the output matrix.
    pub(crate) fn reads_copy(&self) -> bool {
        self.best && self.parallel == 1 && self.test.generated > 0
    }

    /// Returns the tokens of all sequences that are computed.
    pub(crate) fn tokens(&self) -> usize {
        self.parallel * (self.test.prompt + self.test.generated)
    }
}

/// What one repetition took: times in nanoseconds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Run {
    pub(crate) whole: f64,
    /// Until the prompts were done; `None` without one.
    pub(crate) first_token: Option<f64>,
    /// Of each decoding step.
    pub(crate) steps: Vec<f64>,
    /// Bytes of the output matrix, and of what stands for it, that the decoding
    /// steps read.
    pub(crate) output_bytes: f64,
}

impl Run {
    /// Returns the time behind the prompts.
    pub(crate) fn decoding(&self) -> f64 {
        self.whole - self.first_token.unwrap_or(0.0)
    }
}

/// Why there are no times.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// Nobody waits for them.
    Ended,
    /// They could not be computed.
    Failed(ForwardError),
}

/// Tokens of all sequences that are computed at once; between them the user may
/// end the program. Several chunks of the forward pass, which are the same with
/// and without the cut, and at most seconds of a model that is pleasant to use.
pub(crate) const PIECE: usize = 512;

/// Sequences of one depth on a forward pass. They end with it.
pub(crate) struct Sequences<'a> {
    forward: &'a mut CpuForward<f16>,
    /// Whether somebody waits for the times.
    wanted: &'a dyn Fn() -> bool,
    ids: Vec<SequenceId>,
    /// What they hold before each repetition.
    before: Vec<Vec<u32>>,
    logits: Vec<f32>,
    /// What each decoding step computes.
    decoded: Outputs,
    random: Random,
}

impl<'a> Sequences<'a> {
    /// Fills `parallel` sequences with `depth` random tokens. `decoded` are the
    /// logits that each token after them gets.
    pub(crate) fn new(
        forward: &'a mut CpuForward<f16>,
        depth: usize,
        parallel: usize,
        decoded: Outputs,
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

    /// Brings all sequences to the depth. What they have beyond it is dropped,
    /// and where layers keep a state a part of what comes before as well, which
    /// is computed again.
    fn go_back(&mut self) -> Result<(), Stopped> {
        let sequences = self.ids.iter().zip(&self.before);
        let missing = sequences.map(|(&id, before)| {
            let kept = self.forward.sequences_mut().truncate(id, before.len());
            before.get(kept..).unwrap_or_default().to_vec()
        });
        let missing: Vec<_> = missing.collect();
        self.advance(&missing, Outputs::None)
    }

    /// Times one repetition, from the depth on.
    pub(crate) fn run(&mut self, test: Test) -> Result<Run, Stopped> {
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

    /// Appends `tokens` to the sequences, in pieces.
    fn advance(&mut self, tokens: &[Vec<u32>], outputs: Outputs) -> Result<(), Stopped> {
        for piece in pieces(tokens, PIECE) {
            if !(self.wanted)() {
                return Err(Stopped::Ended);
            }
            let batch = piece.iter().filter_map(|part| {
                let &sequence = self.ids.get(part.index)?;
                Some(Input {
                    sequence,
                    tokens: part.tokens,
                    outputs: if part.last { outputs } else { Outputs::None },
                })
            });
            let batch: Vec<_> = batch.collect();
            let computed = self.forward.forward(&batch, &mut self.logits);
            computed.map_err(Stopped::Failed)?;
        }
        Ok(())
    }
}

/// Tokens of one sequence in a piece.
#[derive(Debug, PartialEq, Eq)]
struct Part<'a> {
    /// Which sequence.
    index: usize,
    tokens: &'a [u32],
    /// Whether they are its last.
    last: bool,
}

/// Cuts the tokens of all sequences, one sequence after the other, into pieces
/// of `size` tokens.
fn pieces(tokens: &[Vec<u32>], size: usize) -> Vec<Vec<Part<'_>>> {
    let mut pieces: Vec<Vec<Part<'_>>> = Vec::new();
    let mut room = 0;
    for (index, mut left) in tokens.iter().map(Vec::as_slice).enumerate() {
        while !left.is_empty() {
            if room == 0 {
                pieces.push(Vec::new());
                room = size;
            }
            let (tokens, rest) = left.split_at(left.len().min(room));
            room -= tokens.len();
            left = rest;
            let last = rest.is_empty();
            if let Some(piece) = pieces.last_mut() {
                piece.push(Part {
                    index,
                    tokens,
                    last,
                });
            }
        }
    }
    pieces
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
    fn pieces_hold_all_tokens_in_order() {
        let tokens = [vec![0, 1, 2, 3, 4], vec![5], vec![], vec![6, 7, 8, 9]];
        let part = |index, from: u32, to: u32, last| (index, (from..to).collect::<Vec<_>>(), last);
        let cut = |size| -> Vec<Vec<_>> {
            let parts = |piece: Vec<Part<'_>>| {
                let part = |part: Part<'_>| (part.index, part.tokens.to_vec(), part.last);
                piece.into_iter().map(part).collect()
            };
            pieces(&tokens, size).into_iter().map(parts).collect()
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
        assert_eq!(pieces(&[], 4), Vec::<Vec<Part<'_>>>::new());
    }
}

//! One load on one forward pass → times. What is timed is the forward pass
//! alone: tokens are drawn before the clock starts, and nothing is sampled.

use std::time::Instant;

use llm_engine::cache::SequenceId;
use llm_engine::forward::{Forward, ForwardError, Input, Outputs};

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
}

impl Load {
    /// Returns the positions of a sequence at the end.
    pub(crate) fn positions(&self) -> usize {
        self.depth + self.test.prompt + self.test.generated
    }

    /// Returns the tokens of all sequences that are computed.
    pub(crate) fn tokens(&self) -> usize {
        self.parallel * (self.test.prompt + self.test.generated)
    }
}

/// The times of one repetition, in nanoseconds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Run {
    pub(crate) whole: f64,
    /// Until the prompts were done; `None` without one.
    pub(crate) first_token: Option<f64>,
    /// Of each decoding step.
    pub(crate) steps: Vec<f64>,
}

/// Sequences of one depth on a forward pass. They end with it.
pub(crate) struct Sequences<'a> {
    forward: &'a mut dyn Forward,
    ids: Vec<SequenceId>,
    depth: usize,
    logits: Vec<f32>,
    random: Random,
}

impl<'a> Sequences<'a> {
    /// Fills `parallel` sequences with `depth` random tokens.
    pub(crate) fn new(
        forward: &'a mut dyn Forward,
        depth: usize,
        parallel: usize,
    ) -> Result<Self, ForwardError> {
        let ids = (0..parallel).map(|_| forward.start()).collect();
        let mut sequences = Self {
            random: Random(0x9e37_79b9_7f4a_7c15),
            forward,
            ids,
            depth,
            logits: Vec::new(),
        };
        if depth > 0 {
            let tokens = sequences.draw(depth);
            sequences.advance(&tokens, Outputs::None)?;
        }
        Ok(sequences)
    }

    /// Times one repetition, from the depth on.
    pub(crate) fn run(&mut self, test: Test) -> Result<Run, ForwardError> {
        for &id in &self.ids {
            self.forward.truncate(id, self.depth);
        }
        let prompts = self.draw(test.prompt);
        let steps: Vec<_> = (0..test.generated).map(|_| self.draw(1)).collect();
        let mut run = Run {
            whole: 0.0,
            first_token: None,
            steps: Vec::with_capacity(test.generated),
        };
        let start = Instant::now();
        if test.prompt > 0 {
            self.advance(&prompts, Outputs::Last)?;
            run.first_token = Some(nanoseconds(start));
        }
        for tokens in &steps {
            let step = Instant::now();
            self.advance(tokens, Outputs::Last)?;
            run.steps.push(nanoseconds(step));
        }
        run.whole = nanoseconds(start);
        Ok(run)
    }

    /// Draws `count` tokens for each sequence.
    fn draw(&mut self, count: usize) -> Vec<Vec<u32>> {
        let vocabulary = self.forward.vocabulary() as u64;
        let random = &mut self.random;
        let mut tokens = |_: &SequenceId| (0..count).map(|_| random.below(vocabulary)).collect();
        self.ids.iter().map(&mut tokens).collect()
    }

    fn advance(&mut self, tokens: &[Vec<u32>], outputs: Outputs) -> Result<(), ForwardError> {
        let input = |(&sequence, tokens)| Input {
            sequence,
            tokens,
            outputs,
        };
        let batch = self.ids.iter().zip(tokens.iter().map(Vec::as_slice));
        let batch: Vec<_> = batch.map(input).collect();
        self.forward.forward(&batch, &mut self.logits)
    }
}

impl Drop for Sequences<'_> {
    fn drop(&mut self) {
        for &id in &self.ids {
            self.forward.end(id);
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

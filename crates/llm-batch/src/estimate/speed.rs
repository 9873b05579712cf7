//! A second or two of work on the real model → its speed on this machine. A load
//! that is measured properly is `llm-bench`'s business.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use llm_engine::cache::SequenceId;
use llm_engine::forward::{Forward, ForwardError, Input, Outputs};
use llm_record::MeasuredSpeed;
use llm_record::usage::milliseconds;

/// How long prompts, and then answers, are measured; what has begun ends later.
const EACH: Duration = Duration::from_millis(800);

/// Tokens that are computed at once: more each time, so that a slow machine has
/// measured something when its time is over.
const CHUNKS: [usize; 4] = [8, 32, 128, 256];

/// The deepest context that answers are measured at: filling it takes time.
const DEEPEST: usize = 512;

/// What is measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    /// Answers under way together.
    pub(super) parallel: usize,
    /// Tokens before each.
    pub(super) depth: usize,
}

/// Measures how fast prompts are computed and answers are generated.
pub(super) fn measure(forward: &mut dyn Forward, load: Load) -> Result<MeasuredSpeed> {
    let start = Instant::now();
    let depth = load.depth.clamp(1, DEEPEST);
    let sequence = forward.sequences_mut().start();
    let prompts = prefill(forward, sequence, depth)?;
    let answers = decode(forward, sequence, load.parallel)?;
    forward.sequences_mut().end(sequence);
    if !(prompts.is_finite() && answers.is_finite()) {
        bail!("the speed of this machine cannot be measured, since its clock stands still");
    }
    Ok(MeasuredSpeed {
        prompt_tokens_per_second: prompts,
        tokens_per_second: answers,
        parallel: load.parallel as u64,
        measured_ms: milliseconds(start.elapsed()),
    })
}

/// Returns the tokens a second of the largest pieces of a prompt.
fn prefill(
    forward: &mut dyn Forward,
    sequence: SequenceId,
    depth: usize,
) -> Result<f64, ForwardError> {
    let mut logits = Vec::new();
    let start = Instant::now();
    let (mut largest, mut tokens, mut seconds) = (0, 0, 0.0);
    let mut sizes = CHUNKS
        .into_iter()
        .chain(std::iter::repeat(CHUNKS[CHUNKS.len() - 1]));
    while start.elapsed() < EACH {
        let size = sizes.next().unwrap_or(1).min(depth);
        if forward.sequences().length(sequence).unwrap_or(0) + size > depth {
            forward.sequences_mut().truncate(sequence, 0);
        }
        let piece = text(forward.vocabulary(), size);
        let before = Instant::now();
        forward.forward(
            &[Input {
                sequence,
                tokens: &piece,
                outputs: Outputs::None,
                adapters: &[],
            }],
            &mut logits,
        )?;
        let took = before.elapsed().as_secs_f64();
        if size > largest {
            (largest, tokens, seconds) = (size, 0, 0.0);
        }
        if size == largest {
            tokens += size;
            seconds += took;
        }
    }
    Ok(tokens as f64 / seconds)
}

/// Returns the tokens a second of all answers that follow one prompt.
fn decode(
    forward: &mut dyn Forward,
    prompt: SequenceId,
    parallel: usize,
) -> Result<f64, ForwardError> {
    let length = forward.sequences().length(prompt).unwrap_or(0);
    let sequences: Vec<SequenceId> = (0..parallel)
        .map(|_| match forward.sequences_mut().fork(prompt, length) {
            Some((sequence, _)) => sequence,
            None => forward.sequences_mut().start(),
        })
        .collect();
    let token = text(forward.vocabulary(), 1);
    let batch: Vec<Input<'_>> = sequences
        .iter()
        .map(|sequence| Input {
            sequence: *sequence,
            tokens: &token,
            outputs: Outputs::Last,
            adapters: &[],
        })
        .collect();
    let mut logits = Vec::new();
    // The first step takes memory, which the later ones have.
    forward.forward(&batch, &mut logits)?;
    let start = Instant::now();
    let mut steps = 0;
    while steps == 0 || start.elapsed() < EACH && steps < DEEPEST {
        forward.forward(&batch, &mut logits)?;
        steps += 1;
    }
    let seconds = start.elapsed().as_secs_f64();
    for sequence in &sequences {
        forward.sequences_mut().end(*sequence);
    }
    Ok((steps * parallel) as f64 / seconds)
}

/// Returns tokens of a text that means nothing; how long they take does not
/// depend on which they are, but for experts, which different tokens spread over.
fn text(vocabulary: usize, length: usize) -> Vec<u32> {
    let most = vocabulary.clamp(1, 1 << 16);
    let tokens = (0..length).map(|index| (index * 7919 + 100) % most);
    tokens
        .filter_map(|token| u32::try_from(token).ok())
        .collect()
}

//! What a run has done, in one sentence.

use std::fmt;
use std::time::Duration;

use llm_record::Usage;

/// The sums of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    /// Requests that were answered.
    pub done: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Requests that were closed before.
    pub skipped: u64,
    /// Those of them that had failed.
    pub skipped_failed: u64,
    /// Tokens of all prompts that were answered.
    pub prompt_tokens: u64,
    /// Those of them that were in the cache already.
    pub cached_tokens: u64,
    /// Tokens of all answers.
    pub completion_tokens: u64,
    /// From the first line to the last.
    pub elapsed: Duration,
}

impl Summary {
    /// Adds an answer.
    pub fn add(&mut self, usage: &Usage) {
        self.done += 1;
        self.prompt_tokens += usage.prompt_tokens;
        self.cached_tokens += usage.prompt_tokens_details.cached_tokens;
        self.completion_tokens += usage.completion_tokens;
    }

    /// Returns whether no request is closed.
    pub fn is_empty(&self) -> bool {
        self.done + self.failed + self.skipped == 0
    }

    /// Returns all tokens, of prompts and answers, in a second.
    pub fn tokens_per_second(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        match seconds > 0.0 {
            true => (self.prompt_tokens + self.completion_tokens) as f64 / seconds,
            false => 0.0,
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} done, {} failed, {} skipped",
            self.done, self.failed, self.skipped
        )?;
        if self.skipped_failed > 0 {
            write!(
                out,
                " ({} of them failed before; --retry-errors runs them again)",
                self.skipped_failed
            )?;
        }
        write!(
            out,
            "; {} prompt tokens ({} of them cached) and {} generated in {:.1} s, {:.1} tokens/s",
            self.prompt_tokens,
            self.cached_tokens,
            self.completion_tokens,
            self.elapsed.as_secs_f64(),
            self.tokens_per_second(),
        )
    }
}

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
    /// Requests that were left out, since what they ask for is there elsewhere.
    pub seen: u64,
    /// Answers are vectors, and nothing is generated.
    pub is_embedding: bool,
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
        self.done + self.failed + self.skipped + self.seen == 0
    }

    /// Returns all tokens, of prompts and answers, in a second.
    pub fn tokens_per_second(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 {
            (self.prompt_tokens + self.completion_tokens) as f64 / seconds
        } else {
            0.0
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            done,
            failed,
            skipped,
            skipped_failed,
            seen,
            prompt_tokens,
            cached_tokens,
            completion_tokens,
            ..
        } = self;
        write!(out, "{done} done, {failed} failed, {skipped} skipped")?;
        if *skipped_failed > 0 {
            write!(
                out,
                " ({skipped_failed} of them failed before; --retry-errors runs them again)"
            )?;
        }
        if *seen > 0 {
            write!(out, ", {seen} seen before")?;
        }
        if self.is_embedding {
            write!(out, "; {prompt_tokens} tokens")?;
        } else {
            write!(
                out,
                "; {prompt_tokens} prompt tokens ({cached_tokens} of them cached) and {completion_tokens} generated"
            )?;
        }
        let (seconds, rate) = (self.elapsed.as_secs_f64(), self.tokens_per_second());
        write!(out, " in {seconds:.1} s, {rate:.1} tokens/s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_not_generated() {
        let mut summary = Summary {
            elapsed: Duration::from_secs(2),
            skipped: 1,
            ..Summary::default()
        };
        summary.add(&Usage::new(10, 4, 2));
        assert_eq!(
            summary.to_string(),
            "1 done, 0 failed, 1 skipped; 10 prompt tokens (2 of them cached) and 4 generated in 2.0 s, 7.0 tokens/s"
        );
        summary.is_embedding = true;
        summary.completion_tokens = 0;
        summary.seen = 3;
        assert_eq!(
            summary.to_string(),
            "1 done, 0 failed, 1 skipped, 3 seen before; 10 tokens in 2.0 s, 5.0 tokens/s"
        );
    }
}

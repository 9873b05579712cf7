//! What a run has done, in one sentence.

use std::fmt;
use std::time::Duration;

use llm_record::{Completion, ErrorRecord, FinishReason, Usage};

use crate::Failures;

/// What is begun and not yet closed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UnderWay {
    /// Requests.
    pub requests: u64,
    /// Tokens of their prompts that were computed.
    pub prompt_tokens: u64,
    /// Tokens of their answers so far.
    pub completion_tokens: u64,
}

/// The sums of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    /// Requests that were answered.
    pub done: u64,
    /// Answers that the limit of tokens or the context cut.
    pub cut: u64,
    /// Answers that were ended since they repeated themselves.
    pub repetitive: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Why they did.
    pub failures: Failures,
    /// Requests that were closed before.
    pub skipped: u64,
    /// Those of them that had failed.
    pub skipped_failed: u64,
    /// Requests that were left out, since the output has an answer to another one under their id.
    pub conflicts: u64,
    /// Requests whose conflict with such an answer the output tells already.
    pub told_conflicts: u64,
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
    /// What is begun and not yet closed, and counts in none of the other sums.
    pub under_way: UnderWay,
    /// From the first line to the last.
    pub elapsed: Duration,
}

impl Summary {
    /// Adds an answer.
    pub fn add(&mut self, usage: &Usage) {
        self.done += 1;
        self.add_tokens(usage);
    }

    /// Adds a request that failed, with what its answer took where there was one.
    pub fn add_failure(&mut self, error: &ErrorRecord) {
        self.failed += 1;
        self.failures.add(error);
        if let Some(usage) = &error.usage {
            self.add_tokens(usage);
        }
    }

    fn add_tokens(&mut self, usage: &Usage) {
        self.prompt_tokens += usage.prompt_tokens;
        self.cached_tokens += usage.prompt_tokens_details.cached_tokens;
        self.completion_tokens += usage.completion_tokens;
    }

    /// Adds an answer that was generated.
    pub fn add_answer(&mut self, answer: &Completion) {
        self.add(&answer.usage);
        self.cut += u64::from(answer.finish_reason == FinishReason::Length);
        self.repetitive += u64::from(answer.finish_reason == FinishReason::Repetition);
    }

    /// Returns whether no request is closed.
    pub fn is_empty(&self) -> bool {
        self.done + self.failed + self.skipped + self.seen == 0
    }

    /// Returns all tokens, of prompts and answers, in a second; those of requests under way count.
    pub fn tokens_per_second(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        let under_way = self.under_way.prompt_tokens + self.under_way.completion_tokens;
        if seconds > 0.0 {
            (self.prompt_tokens + self.completion_tokens + under_way) as f64 / seconds
        } else {
            0.0
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            done,
            cut,
            repetitive,
            failed,
            skipped,
            skipped_failed,
            conflicts,
            seen,
            prompt_tokens,
            cached_tokens,
            completion_tokens,
            ..
        } = self;
        write!(out, "{done} done, {failed} failed, {skipped} skipped")?;
        if *skipped_failed > 0 {
            write!(out, " ({skipped_failed} of them failed before)")?;
        }
        if *conflicts > 0 {
            write!(
                out,
                " ({conflicts} of them keep an answer to another request)"
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
        write!(out, " in {seconds:.1} s, {rate:.1} tokens/s")?;
        if *cut > 0 {
            write!(out, "; {cut} cut short by -n or the context")?;
        }
        if *repetitive > 0 {
            write!(out, "; {repetitive} ended as they repeated themselves")?;
        }
        let UnderWay {
            requests,
            prompt_tokens,
            completion_tokens,
        } = self.under_way;
        if requests > 0 {
            write!(
                out,
                "; {requests} under way, with {prompt_tokens} prompt tokens and {completion_tokens} generated so far"
            )?;
        }
        Ok(())
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

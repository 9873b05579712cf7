//! What a run over all lines would take: lines → tokens, memory, and the time at the speed that
//! is measured on this machine. Nothing is answered. What a cloud would charge is `llm-cost`'s
//! business.

mod speed;

use anyhow::Result;
use llm_filter::{Journal, RequestName, Verdict};
use llm_record::{Build, Item, MeasuredSpeed, MemoryEstimate, Usage};
use llm_tokenizer::common_prefix_len;

use crate::answerer::Answerer;
use crate::host::{Host, Opener, Options};
use crate::memory::{CacheNeed, Memory};
use crate::running::default_parallel;

/// What the lines come to.
#[derive(Debug)]
pub struct Counts {
    /// Positions that a request may use.
    context: usize,
    /// What is answered already.
    closed: Journal,
    /// Requests that would be answered.
    pub lines: u64,
    /// Requests that would fail.
    pub failed: u64,
    /// Requests that are answered already.
    pub skipped: u64,
    /// Tokens of all prompts.
    pub prompt_tokens: u64,
    /// Tokens of all answers, each as long as it may be.
    pub completion_tokens: u64,
    /// What all prompts begin with.
    prefix: Option<Vec<u32>>,
    /// Positions of the longest request.
    longest: usize,
}

impl Counts {
    /// Begins with nothing, of requests that may use `context` positions each; what `closed` holds
    /// is answered already.
    #[must_use]
    pub fn new(context: usize, closed: Journal) -> Self {
        Self {
            context,
            closed,
            lines: 0,
            failed: 0,
            skipped: 0,
            prompt_tokens: 0,
            completion_tokens: 0,
            prefix: None,
            longest: 0,
        }
    }

    /// Takes in what a line asks for; returns the tokens of prompt and answer where it would be answered.
    pub fn take(&mut self, item: Item, answerer: &Answerer) -> Option<Usage> {
        let task = match item {
            Item::Run(job) => answerer.prepare(job),
            Item::Failed(failed) => Err(failed),
            Item::Passed(_) => {
                self.failed += 1;
                return None;
            }
        };
        let verdict = match &task {
            Ok(task) => {
                let id = task.job.id.as_ref();
                self.closed
                    .next(RequestName::plain(id, &task.request_digest))
            }
            Err(failed) => {
                let record = &failed.record;
                let digest = record.request_digest.as_deref().unwrap_or_default();
                self.closed
                    .next(RequestName::plain(record.id.as_ref(), digest))
            }
        };
        match (verdict, task) {
            (Verdict::Run(_), Ok(task)) => {
                return self.count(&task.prompt.tokens, task.max_tokens());
            }
            (Verdict::Skip | Verdict::SkipFailed | Verdict::Seen, _) => self.skipped += 1,
            (Verdict::DuplicateId(_) | Verdict::IdConflict { .. }, _) | (_, Err(_)) => {
                self.failed += 1;
            }
        }
        None
    }

    fn count(&mut self, prompt: &[u32], most: usize) -> Option<Usage> {
        if prompt.is_empty() || prompt.len() >= self.context {
            self.failed += 1;
            return None;
        }
        let answer = most.min(self.context - prompt.len());
        self.lines += 1;
        self.prompt_tokens += prompt.len() as u64;
        self.completion_tokens += answer as u64;
        self.longest = self.longest.max(prompt.len() + answer);
        // The last token is computed for each line, for its logits.
        let before_last = &prompt[..prompt.len() - 1];
        match &mut self.prefix {
            Some(prefix) => prefix.truncate(common_prefix_len(prefix, before_last)),
            none => *none = Some(before_last.to_vec()),
        }
        Some(Usage::new(prompt.len() as u64, answer as u64, 0))
    }

    /// Returns how many tokens all prompts begin with alike, which takes two lines.
    #[must_use]
    pub fn shared(&self) -> u64 {
        match &self.prefix {
            Some(prefix) if self.lines > 1 => prefix.len() as u64,
            _ => 0,
        }
    }

    /// Returns how long it takes at a speed; the shared tokens are computed once.
    #[must_use]
    pub fn hours(&self, speed: &MeasuredSpeed) -> f64 {
        let repeated = self.shared() * self.lines.saturating_sub(1);
        let prompts = self.prompt_tokens.saturating_sub(repeated) as f64;
        let seconds = prompts / speed.prompt_tokens_per_second
            + self.completion_tokens as f64 / speed.tokens_per_second;
        seconds / 3600.0
    }

    fn mean_prompt(&self) -> usize {
        usize::try_from(self.prompt_tokens / self.lines.max(1)).unwrap_or(1)
    }
}

/// What the machine has to give.
#[derive(Debug)]
pub struct Machine {
    /// Requests that are answered together.
    pub parallel: usize,
    /// What they need of the memory.
    pub memory: MemoryEstimate,
    /// How fast it is; `None` where the model does not fit, or there is nothing to answer.
    pub speed: Option<MeasuredSpeed>,
    /// What computes.
    pub build: Build,
}

impl Machine {
    /// Opens the device and measures it at the load of `counts`.
    ///
    /// # Errors
    /// A device that cannot be used, and a clock that stands still.
    pub fn measure(
        opener: &dyn Opener,
        options: &Options,
        answerer: &Answerer,
        counts: &Counts,
        host: &dyn Host,
    ) -> Result<Self> {
        let mut memory = Memory::new(answerer.model, &answerer.adapters, options.memory);
        let fits = memory.check(CacheNeed::of_sequence(0), host);
        let mut device = opener.device(answerer.model, &answerer.adapters)?;
        let asked = options
            .parallel
            .unwrap_or_else(|| default_parallel(&device.build));
        let lines = usize::try_from(counts.lines).unwrap_or(usize::MAX);
        let (parallel, need) = memory.most_together(asked.min(lines).max(1), counts.longest);
        let speed = match (&counts.prefix, fits) {
            (_, Err(sentence)) => {
                host.warn(&sentence);
                None
            }
            (None, _) => None,
            (Some(_), Ok(())) => {
                let load = speed::Load {
                    parallel,
                    depth: counts.mean_prompt(),
                };
                Some(speed::measure(device.forward.as_mut(), load)?)
            }
        };
        Ok(Self {
            parallel,
            memory: need,
            speed,
            build: device.build,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_share_their_longest_common_prefix_but_the_last_token() {
        let mut counts = Counts::new(100, Journal::default());
        counts.count(&[1, 2, 3, 4], 10);
        assert_eq!(counts.shared(), 0, "one line shares with none");
        counts.count(&[1, 2, 3, 4], 10);
        assert_eq!(counts.shared(), 3);
        counts.count(&[1, 2, 9, 9, 9], 10);
        assert_eq!(counts.shared(), 2);
        assert_eq!((counts.lines, counts.prompt_tokens), (3, 13));
        assert_eq!((counts.completion_tokens, counts.longest), (30, 15));
    }

    #[test]
    fn an_answer_ends_with_the_context_and_a_prompt_that_fills_it_fails() {
        let mut counts = Counts::new(5, Journal::default());
        let usage = counts.count(&[1; 3], usize::MAX);
        assert_eq!(usage, Some(Usage::new(3, 2, 0)));
        assert_eq!((counts.completion_tokens, counts.longest), (2, 5));
        assert_eq!(counts.count(&[1; 5], 1), None);
        assert_eq!(counts.count(&[], 1), None);
        assert_eq!((counts.lines, counts.failed), (1, 2));
    }

    #[test]
    fn the_shared_prefix_takes_its_time_once() {
        let mut counts = Counts::new(100, Journal::default());
        for last in 0..4 {
            counts.count(&[1, 1, 1, 1, 1, 1, 1, 1, 1, last], 90);
        }
        let speed = MeasuredSpeed {
            prompt_tokens_per_second: 1.0,
            tokens_per_second: 2.0,
            ..MeasuredSpeed::default()
        };
        // 9 shared, 4 of their own, and 360 of answers.
        let seconds = 9.0 + 4.0 + 180.0;
        assert!((counts.hours(&speed) * 3600.0 - seconds).abs() < 1e-9);
    }
}

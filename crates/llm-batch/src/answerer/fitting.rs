//! A request → a prompt that fits the context: refused or cut where it does not, in
//! the time that the request has.

use std::sync::Arc;
use std::time::Duration;

use llm_engine::generate::GenerateError;
use llm_record::{ErrorCode, Failed, Job, Sampling};
use llm_tokenizer::cancel::{Cancellation, Cancelled};

use super::{Answerer, code};
use crate::host::Purpose;
use crate::overflow::{self, Cutting};
use crate::prompt::Prompt;
use crate::prompt_length::{self, Obstacle};

impl Answerer {
    /// Makes a request's prompt, cut so that it leaves its answer room where that was asked for.
    pub(super) fn fitting(
        &self,
        job: &Job,
        sampling: &Sampling,
        cancellation: &Cancellation,
    ) -> Result<(Prompt, Option<Cutting>), Failed> {
        // A prompt that is made late is closed when it is begun, under its digest.
        let make = |job: &Job| {
            let prompt = self.prompts.make(self.model, job, cancellation);
            match cancellation.check() {
                Err(late) if prompt.is_err() => Err(self.without_prompt(job, late.into())),
                _ => prompt,
            }
        };
        let Some(place) = self.options.overflow else {
            if self.options.purpose == Purpose::Answer {
                self.check_length(job, cancellation)?;
            }
            return Ok((make(job)?, None));
        };
        let tokenizer = &self.model.tokenizer;
        let lengths = sampling
            .choices
            .iter()
            .map(|label| tokenizer.encode(label, false, false).len());
        let room = overflow::room(
            sampling,
            lengths.max(),
            self.positions,
            self.options.default_max_tokens,
        );
        let most = self.positions.saturating_sub(room);
        if most == 0 && !sampling.choices.is_empty() {
            // The engine says which label is too long.
            return Ok((make(job)?, None));
        }
        let tokens = match self.counted(job, cancellation)? {
            Some(tokens) if tokens > most => tokens,
            _ => {
                let whole = make(job)?;
                if whole.tokens.len() <= most {
                    return Ok((whole, None));
                }
                whole.tokens.len()
            }
        };
        let cut = overflow::Cut {
            tokenizer,
            place,
            most,
            make: &make,
            cancellation,
        };
        let (prompt, cutting) = cut
            .make(job, tokens)
            .map_err(|obstacle| self.without_prompt(job, obstacle))?;
        Ok((prompt, Some(cutting)))
    }

    /// Returns what ends the work on a request that begins now.
    pub(super) fn cancellation(&self) -> Cancellation {
        let host = Arc::clone(&self.host);
        let interruption = Cancellation::when(move || host.is_interrupted());
        match self.options.timeout {
            Some(seconds) => {
                let time = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
                interruption.within(time)
            }
            None => interruption,
        }
    }

    /// Returns the record of a request that has no prompt.
    fn without_prompt(&self, job: &Job, obstacle: Obstacle) -> Failed {
        let error = match obstacle {
            Obstacle::Refused(record) => return record,
            Obstacle::Cancelled(Cancelled::Interrupted) => GenerateError::Interrupted,
            Obstacle::Cancelled(Cancelled::TimedOut) => {
                GenerateError::TimedOut(self.options.timeout.unwrap_or_default())
            }
        };
        job.failed(code(&error), error.to_string())
    }

    /// Returns how many tokens the prompt of a long conversation has, where it need
    /// not be made for that.
    pub(super) fn counted(
        &self,
        job: &Job,
        cancellation: &Cancellation,
    ) -> Result<Option<usize>, Failed> {
        if !prompt_length::is_long(job) {
            return Ok(None);
        }
        let count = prompt_length::count(&self.prompts, self.model, job, cancellation);
        count.map_err(|obstacle| self.without_prompt(job, obstacle))
    }

    /// Refuses a long conversation that does not fit the context, before its prompt
    /// is made.
    fn check_length(&self, job: &Job, cancellation: &Cancellation) -> Result<(), Failed> {
        let context = self.positions;
        if !prompt_length::is_long(job) {
            return Ok(());
        }
        let least = prompt_length::least_tokens(self.model, job);
        if least >= context {
            let sentence = format!(
                "the prompt has at least {least} tokens and the context {context}; shorten it, cut it with \
                 --on-overflow, or raise --ctx-size if it is set"
            );
            return Err(job.failed(ErrorCode::ContextExceeded, sentence));
        }
        match self.counted(job, cancellation)? {
            Some(prompt) if prompt >= context => {
                let error = GenerateError::TooLong { prompt, context };
                Err(job.failed(code(&error), error.to_string()))
            }
            _ => Ok(()),
        }
    }
}

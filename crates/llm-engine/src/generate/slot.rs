//! One request under way: its place in the cache, how far it is, what it has
//! answered.

use std::time::{Duration, Instant};

use super::answer::{Answer, Tell};
use super::repetition::Repetition;
use super::{Busy, Ended, Finish, Generate, GenerateError, Generated, RequestId};
use crate::cache::SequenceId;
use crate::forward::Outputs;
use crate::sampler::Sampler;
use llm_tokenizer::Tokenizer;

/// A request in the batch.
pub(super) struct Slot<'t> {
    pub(super) request_id: RequestId,
    pub(super) request: Generate,
    /// Its sequence; `None` while it waits for a neighbour to fill the prefix
    /// that both share.
    pub(super) sequence: Option<SequenceId>,
    /// The tokens in the cache, and the one that comes next.
    pub(super) history: Vec<u32>,
    /// Tokens of `history` that are in the cache.
    pub(super) filled: usize,
    /// Most tokens to generate.
    room: usize,
    tokens: Vec<u32>,
    sampler: Sampler,
    answer: Option<Answer<'t>>,
    /// What ends an answer that repeats itself, where that is wanted.
    repetition: Option<Repetition>,
    tokenizer: &'t Tokenizer,
    cached_tokens: usize,
    start: Instant,
    prefill: Duration,
    first_token: Option<Duration>,
    busy: Busy,
}

impl<'t> Slot<'t> {
    /// Returns how many tokens of its answer there are.
    pub(super) fn generated(&self) -> usize {
        self.tokens.len()
    }

    /// Takes a request that has `room` tokens left for its answer.
    pub(super) fn new(
        request_id: RequestId,
        request: Generate,
        room: usize,
        tokenizer: &'t Tokenizer,
    ) -> Self {
        Self {
            request_id,
            sequence: None,
            history: request.prompt.clone(),
            filled: 0,
            room,
            tokens: Vec::new(),
            sampler: Sampler::new(request.sampling.clone(), request.key),
            answer: Some(Answer::new(tokenizer, &request)),
            repetition: request.stops_repetition.then(Repetition::default),
            tokenizer,
            cached_tokens: 0,
            start: Instant::now(),
            prefill: Duration::ZERO,
            first_token: None,
            busy: Busy::default(),
            request,
        }
    }

    /// Begins on a sequence that holds the first `cached` tokens.
    pub(super) fn begin(&mut self, sequence: SequenceId, cached: usize) {
        self.sequence = Some(sequence);
        self.filled = cached;
        self.cached_tokens = cached;
        self.start = Instant::now();
    }

    /// Returns the tokens that are not in the cache yet.
    pub(super) fn pending(&self) -> &[u32] {
        &self.history[self.filled..]
    }

    /// Returns whether the prompt is not in the cache yet.
    pub(super) fn is_prefilling(&self) -> bool {
        self.filled < self.request.prompt.len()
    }

    /// Returns whether no token has been chosen yet.
    pub(super) fn is_unanswered(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Notes time that the batch has worked for the request: on its prompt, or on what follows.
    pub(super) fn worked(&mut self, span: Duration, is_prefill: bool) {
        if is_prefill {
            self.busy.prefill += span;
        } else {
            self.busy.decode += span;
        }
    }

    /// Returns the logits that are needed once all of the history is in the cache.
    pub(super) fn outputs(&self) -> Outputs {
        match self.sampler.chooses_from() {
            Some(count) if self.request.labels.is_empty() => Outputs::Best(count),
            _ => Outputs::Last,
        }
    }

    /// Notes that the cache holds `count` more tokens.
    pub(super) fn filled(&mut self, count: usize) {
        let was_prefilling = self.is_prefilling();
        self.filled += count;
        if was_prefilling && !self.is_prefilling() {
            self.prefill = self.start.elapsed();
        }
    }

    /// Chooses the next token from the logits (vocabulary) after all of the
    /// history; returns how the request ends where it does.
    ///
    /// # Errors
    /// Logits that are no numbers.
    pub(super) fn advance(
        &mut self,
        logits: &mut [f32],
        tell: Tell<'_>,
    ) -> Result<Option<Finish>, GenerateError> {
        if self.room == 0 {
            return Ok(Some(Finish::Length));
        }
        let token = self
            .sampler
            .sample(logits, &self.history)
            .ok_or(GenerateError::NotANumber)?;
        self.first_token.get_or_insert_with(|| self.start.elapsed());
        self.tokens.push(token);
        if self.tokenizer.is_eog(token) {
            return Ok(Some(Finish::Stop));
        }
        let stopped = match &mut self.answer {
            Some(answer) => answer.push(token, tell),
            None => false,
        };
        if stopped {
            return Ok(Some(Finish::Stop));
        }
        if self.tokens.len() == self.room {
            return Ok(Some(Finish::Length));
        }
        if let Some(repetition) = &mut self.repetition
            && repetition.goes_on(&self.tokens)
        {
            return Ok(Some(Finish::Repetition));
        }
        self.history.push(token);
        Ok(None)
    }

    /// Ends the request and returns what came of it.
    pub(super) fn finish(
        &mut self,
        finish: Finish,
        label_logprobs: Vec<f64>,
        tell: Tell<'_>,
    ) -> Ended {
        let answer = self.answer.take();
        let text = answer.map(|answer| answer.finish(finish != Finish::Stop, tell));
        let (text, reasoning, reasoning_tokens, stopped) = match text {
            Some(text) => (
                text.text,
                text.reasoning,
                text.reasoning_tokens,
                text.is_stopped,
            ),
            None => (String::new(), String::new(), 0, false),
        };
        let whole = self.start.elapsed();
        if !label_logprobs.is_empty() {
            self.first_token = Some(whole);
        }
        Ended {
            request_id: self.request_id,
            result: Ok(Generated {
                text,
                reasoning,
                reasoning_tokens,
                tokens: std::mem::take(&mut self.tokens),
                finish: if stopped { Finish::Stop } else { finish },
                cached_tokens: self.cached_tokens,
                prefill: self.prefill,
                first_token: self.first_token,
                whole,
                busy: self.busy,
                label_logprobs,
            }),
        }
    }
}

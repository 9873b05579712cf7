//! One request under way: its place in the cache, how far it is, what it has
//! answered.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::answer::{Answer, Tell, Text};
use super::constraint::{Constrained, ConstraintError};
use super::logprobs::{Distribution, TokenLogprobs};
use super::repetition::Repetition;
use super::{Busy, Ended, Finish, Generate, GenerateError, Generated, LabelScore, RequestId};
use crate::cache::SequenceId;
use crate::forward::Outputs;
use crate::sampler::Sampler;
use crate::token_set::TokenSet;
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
    /// What the answer must look like, where that is wanted.
    constrained: Option<Constrained>,
    /// The tokens that may come next, where not all may; known before the logits are.
    allowed: Option<Result<TokenSet, ConstraintError>>,
    /// Tokens of the answer that were not chosen.
    forced_tokens: usize,
    /// Those that come next, where each waits for its logits.
    waiting: VecDeque<u32>,
    /// How likely each token was, where that is wanted.
    logprobs: Vec<TokenLogprobs>,
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
            constrained: request.grammar.clone().map(Constrained::new),
            allowed: None,
            forced_tokens: 0,
            waiting: VecDeque::new(),
            logprobs: Vec::new(),
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

    /// Finds out which tokens may come after all of the history.
    pub(super) fn look_ahead(&mut self) {
        if let (Some(constrained), Some(answer)) = (&mut self.constrained, &self.answer) {
            let allowed = constrained.allowed(&answer.ahead(), self.tokenizer);
            self.allowed = allowed.transpose();
        }
    }

    /// Returns the logits that are needed once all of the history is in the cache.
    pub(super) fn outputs(&self) -> Outputs<'_> {
        let takes_all = !self.request.labels.is_empty() || self.request.top_logprobs.is_some();
        match (self.sampler.chooses_from(), &self.allowed) {
            _ if takes_all => Outputs::Last,
            (Some(count), None) => Outputs::Best(count),
            (Some(count), Some(Ok(allowed))) => Outputs::BestOf(count, allowed),
            (None, _) | (_, Some(Err(_))) => Outputs::Last,
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

    /// Goes on by the tokens that must come next, or else by one that is chosen from the logits
    /// (vocabulary) after all of the history, with those that must follow it; returns how the
    /// request ends where it does.
    ///
    /// # Errors
    /// Logits that are no numbers, and a grammar that takes too much.
    pub(super) fn advance(
        &mut self,
        logits: &mut [f32],
        tell: Tell<'_>,
    ) -> Result<Option<Finish>, GenerateError> {
        if self.room == 0 {
            return Ok(Some(Finish::Length));
        }
        if let Some(count) = self.request.top_logprobs {
            return self.advance_by_one(logits, count, tell);
        }
        let length = self.history.len();
        let finish = self.push_forced(tell)?;
        if finish.is_some() || self.history.len() > length {
            return Ok(finish);
        }
        let token = self.choose(logits)?;
        match self.push(token, tell)? {
            None => self.push_forced(tell),
            finish => Ok(finish),
        }
    }

    /// Goes on by one token, whether it must come next or is chosen, and notes how likely it and the `count`
    /// likeliest ones are.
    fn advance_by_one(
        &mut self,
        logits: &mut [f32],
        count: usize,
        tell: Tell<'_>,
    ) -> Result<Option<Finish>, GenerateError> {
        if self.waiting.is_empty()
            && let (Some(constrained), Some(answer)) = (&mut self.constrained, &self.answer)
        {
            self.waiting = constrained.forced(&answer.ahead())?.into();
        }
        let own = logits.to_vec();
        let token = match self.waiting.pop_front() {
            Some(token) => {
                self.forced_tokens += 1;
                token
            }
            None => self.choose(logits)?,
        };
        self.logprobs
            .push(Distribution::new(&own)?.of(token, count)?);
        self.push(token, tell)
    }

    /// Chooses the next token.
    fn choose(&mut self, logits: &mut [f32]) -> Result<u32, GenerateError> {
        if let Some(allowed) = self.allowed.take() {
            allowed?.mask(logits);
        }
        let token = self.sampler.sample(logits, &self.history);
        token.ok_or(GenerateError::NotANumber)
    }

    /// Adds the tokens that come next without being chosen; returns how the request ends where it
    /// does.
    fn push_forced(&mut self, tell: Tell<'_>) -> Result<Option<Finish>, GenerateError> {
        let (Some(constrained), Some(answer)) = (&mut self.constrained, &self.answer) else {
            return Ok(None);
        };
        for token in constrained.forced(&answer.ahead())? {
            self.forced_tokens += 1;
            let finish = self.push(token, tell)?;
            if finish.is_some() {
                return Ok(finish);
            }
        }
        Ok(None)
    }

    /// Adds a token to the answer; returns how the request ends where it does.
    fn push(&mut self, token: u32, tell: Tell<'_>) -> Result<Option<Finish>, GenerateError> {
        self.first_token.get_or_insert_with(|| self.start.elapsed());
        self.tokens.push(token);
        if self.tokenizer.is_eog(token) {
            return Ok(Some(Finish::Stop));
        }
        if self.tell(token, tell)? {
            return Ok(Some(Finish::Stop));
        }
        if let Some(constrained) = &mut self.constrained
            && constrained.is_over()?
        {
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

    /// Hands out what is certain with one more token; returns whether a stop text is complete.
    fn tell(&mut self, token: u32, tell: Tell<'_>) -> Result<bool, GenerateError> {
        let Some(answer) = &mut self.answer else {
            return Ok(false);
        };
        let is_answer = match &mut self.constrained {
            Some(constrained) => constrained.accept(token, &answer.ahead(), self.tokenizer)?,
            None => false,
        };
        Ok(if is_answer {
            answer.push_answer(token, tell)
        } else {
            answer.push(token, tell)
        })
    }

    /// Ends the request and returns what came of it.
    pub(super) fn finish(
        &mut self,
        finish: Finish,
        labels: Vec<LabelScore>,
        tell: Tell<'_>,
    ) -> Ended {
        let answer = self.answer.take();
        let Text {
            text,
            reasoning,
            reasoning_tokens,
            reasoned,
            is_stopped: stopped,
        } = answer.map_or_else(Text::default, |answer| {
            answer.finish(finish != Finish::Stop, tell)
        });
        let logprobs = self.logprobs_of(&text, &reasoned, finish);
        let finish = if stopped { Finish::Stop } else { finish };
        let is_whole = self.constrained.as_ref().map(|constrained| {
            let ended_itself = finish == Finish::Stop && !stopped && constrained.has_begun();
            ended_itself || constrained.matches(&text)
        });
        let whole = self.start.elapsed();
        if !labels.is_empty() {
            self.first_token = Some(whole);
        }
        Ended {
            request_id: self.request_id,
            result: Ok(Generated {
                text,
                reasoning,
                reasoning_tokens,
                tokens: std::mem::take(&mut self.tokens),
                finish,
                is_whole,
                forced_tokens: self.forced_tokens,
                cached_tokens: self.cached_tokens,
                prefill: self.prefill,
                first_token: self.first_token,
                whole,
                busy: self.busy,
                logprobs,
                labels,
            }),
        }
    }

    /// Returns what was noted of the tokens that a text was made of: of none that is reasoning or ends a
    /// generation, and of none that belongs to the stop text alone which has ended it.
    fn logprobs_of(&mut self, text: &str, reasoned: &[bool], finish: Finish) -> Vec<TokenLogprobs> {
        // A token that ends a generation is no part of the answer, so nothing is said of it there.
        let noted = std::mem::take(&mut self.logprobs).into_iter().zip(reasoned);
        let noted = noted.filter_map(|(one, is_reasoning)| (!is_reasoning).then_some(one));
        let mut noted: Vec<_> = noted.collect();
        if finish == Finish::Stop {
            let count = tokens_of(text.as_bytes(), self.tokenizer, &noted);
            noted.truncate(count);
        }
        noted
    }
}

/// Returns how many of some tokens it takes to write a text, whatever white space stands before it.
fn tokens_of(text: &[u8], tokenizer: &Tokenizer, tokens: &[TokenLogprobs]) -> usize {
    if text.is_empty() {
        return 0;
    }
    let mut written = Vec::new();
    for (index, one) in tokens.iter().enumerate() {
        let bytes = tokenizer.token_bytes(one.token);
        written.extend_from_slice(&bytes);
        // The text can only end inside of this token.
        let from = written.len().saturating_sub(text.len() + bytes.len());
        if written[from..].windows(text.len()).any(|part| part == text) {
            return index + 1;
        }
    }
    tokens.len()
}

//! Requests that are answered together, each at its own position.
//!
//! A step computes one token of every request that generates and a chunk of the
//! prompts that are not in the cache yet, so that a long prompt does not stop
//! its neighbours. What requests have in common is computed once, see
//! `prefix_sharing`.

mod prefix_sharing;

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::labels::{self, Prompted};
use super::prefix::{PrefixStore, Prefixes};
use super::slot::Slot;
use super::{
    Ended, Event, Finish, Generate, GenerateError, Generated, LabelScore, RequestId, Watch,
};
use crate::forward::{Forward, ForwardError, Input, Outputs};
use llm_tokenizer::Tokenizer;
use prefix_sharing::Kept;

/// Rows of a step: what the forward pass takes in one piece.
const STEP_ROWS: usize = 256;

/// Rows that prompts get in a step at least, however many requests generate.
const PREFILL_ROWS: usize = 64;

/// What a step has computed, of each request.
struct Computed {
    /// Whether it has logits now.
    wanted: Vec<bool>,
    shares: Vec<Share>,
}

/// A request's part of a step.
#[derive(Clone, Copy, Default)]
struct Share {
    /// Positions that were computed.
    rows: usize,
    /// Whether they were its prompt's.
    is_prefill: bool,
}

/// The requests under way.
pub struct Batch<'t> {
    forward: Box<dyn Forward>,
    tokenizer: &'t Tokenizer,
    /// Positions that a request may use.
    context: usize,
    slots: Vec<Slot<'t>>,
    /// The latest first.
    kept: VecDeque<Kept>,
    request_ids: u64,
    /// What outlives the run, where that is wanted.
    prefixes: Option<Prefixes>,
    /// (wanted positions, vocabulary)
    logits: Vec<f32>,
}

impl<'t> Batch<'t> {
    /// Starts without requests; each may use `context` positions.
    pub fn new(forward: Box<dyn Forward>, tokenizer: &'t Tokenizer, context: usize) -> Self {
        Self {
            forward,
            tokenizer,
            context,
            slots: Vec::new(),
            kept: VecDeque::new(),
            request_ids: 0,
            prefixes: None,
            logits: Vec::new(),
        }
    }

    /// Looks for beginnings of prompts in a store, and keeps there what requests
    /// have in common.
    pub fn with_store(self, store: Box<dyn PrefixStore>) -> Self {
        Self {
            prefixes: Some(Prefixes::new(store)),
            ..self
        }
    }

    /// Returns the most positions of a request.
    pub fn context(&self) -> usize {
        self.context
    }

    /// Returns how many requests are under way.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Returns how many tokens of prompts are in the cache for the requests under way, and how many of
    /// answers are generated.
    #[must_use]
    pub fn tokens_under_way(&self) -> (usize, usize) {
        self.slots.iter().fold((0, 0), |(prompt, answer), slot| {
            let generated = slot.generated();
            (
                prompt + slot.filled.saturating_sub(generated),
                answer + generated,
            )
        })
    }

    /// Returns whether no request is under way.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Takes a request in.
    ///
    /// # Errors
    /// A prompt that is empty or too long.
    pub fn admit(&mut self, request: Generate) -> Result<RequestId, GenerateError> {
        let room = self.room(&request)?;
        self.request_ids += 1;
        let request_id = RequestId(self.request_ids);
        if let Some(prefixes) = &mut self.prefixes
            && request.adapters.is_empty()
        {
            prefixes.note(&request.prompt, request.shared);
        }
        let slot = Slot::new(request_id, request, room, self.tokenizer);
        self.slots.push(slot);
        Ok(request_id)
    }

    /// Drops a request; nothing more is told of it.
    pub fn cancel(&mut self, request_id: RequestId) {
        if let Some(at) = self
            .slots
            .iter()
            .position(|slot| slot.request_id == request_id)
        {
            let slot = self.slots.remove(at);
            self.keep(slot);
        }
    }

    /// Drops all requests and sequences; nothing more is told of them.
    pub fn clear(&mut self) {
        for slot in std::mem::take(&mut self.slots) {
            if let Some(sequence) = slot.sequence {
                self.forward.sequences_mut().end(sequence);
            }
        }
        self.forget();
    }

    /// Goes on with all requests by one step, tells `watch` about it and returns
    /// those that have ended.
    ///
    /// # Errors
    /// A caller that breaks off, or a forward pass that fails; the batch is of no
    /// more use then.
    pub fn step(&mut self, watch: Watch<'_>) -> Result<Vec<Ended>, GenerateError> {
        let began = Instant::now();
        self.begin_waiting();
        let Computed { wanted, shares } = self.compute()?;
        self.keep_prefix();
        self.note_work(began.elapsed(), &shares);
        let mut broken = false;
        let mut ended = Vec::new();
        let vocabulary = self.forward.vocabulary();
        let mut rows = self.logits.chunks_exact_mut(vocabulary.max(1));
        for (slot, wanted) in self.slots.iter_mut().zip(wanted) {
            let request_id = slot.request_id;
            let mut tell = |event: Event<'_>| broken |= watch(request_id, event).is_break();
            tell(Event::Working);
            if !wanted {
                continue;
            }
            let Some(row) = rows.next() else {
                continue;
            };
            let began = Instant::now();
            let is_first = slot.is_unanswered();
            let is_label = !slot.request.labels.is_empty();
            let step = if !is_label {
                slot.advance(row, &mut tell)
                    .map(|finish| finish.map(|finish| (finish, Vec::new())))
            } else {
                score(self.forward.as_mut(), slot, row)
            };
            slot.worked(began.elapsed(), is_first && !is_label);
            match step {
                Ok(None) => {}
                Ok(Some((finish, scores))) => ended.push(slot.finish(finish, scores, &mut tell)),
                Err(error) => ended.push(Ended {
                    request_id,
                    result: Err(error),
                }),
            }
        }
        for one in &ended {
            self.cancel(one.request_id);
        }
        if broken {
            Err(GenerateError::Interrupted)
        } else {
            Ok(ended)
        }
    }

    /// Answers one request after all that are under way.
    ///
    /// # Errors
    /// As [`Batch::admit`] and [`Batch::step`], and what ends the request.
    pub fn answer(
        &mut self,
        request: Generate,
        watch: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> Result<Generated, GenerateError> {
        let request_id = self.admit(request)?;
        loop {
            let ended = self.step(&mut |of, event| {
                if of == request_id {
                    watch(event)
                } else {
                    ControlFlow::Continue(())
                }
            })?;
            if let Some(one) = ended.into_iter().find(|one| one.request_id == request_id) {
                return one.result;
            }
        }
    }

    /// Returns how many tokens can be generated.
    fn room(&self, request: &Generate) -> Result<usize, GenerateError> {
        let prompt = request.prompt.len();
        if prompt == 0 {
            return Err(GenerateError::EmptyPrompt);
        }
        let context = self.context;
        if prompt >= context {
            return Err(GenerateError::TooLong { prompt, context });
        }
        let label = request.labels.iter().map(Vec::len).max().unwrap_or(0);
        // The last token needs no position of its own.
        if prompt + label.saturating_sub(1) >= context {
            return Err(GenerateError::LabelTooLong {
                prompt,
                label,
                context,
            });
        }
        Ok(request.max_tokens.min(self.context - prompt))
    }

    /// Shares a step's time among the requests that it computed something of.
    fn note_work(&mut self, span: Duration, shares: &[Share]) {
        let rows: usize = shares.iter().map(|share| share.rows).sum();
        for (slot, share) in self.slots.iter_mut().zip(shares) {
            if share.rows > 0 {
                let part = share.rows as f64 / rows as f64;
                slot.worked(span.mul_f64(part), share.is_prefill);
            }
        }
    }

    /// Computes one step.
    fn compute(&mut self) -> Result<Computed, ForwardError> {
        let generating = self
            .slots
            .iter()
            .filter(|slot| slot.sequence.is_some() && !slot.is_prefilling());
        let mut rows = STEP_ROWS
            .saturating_sub(generating.count())
            .max(PREFILL_ROWS);
        let mut wanted = vec![false; self.slots.len()];
        let mut shares = vec![Share::default(); self.slots.len()];
        for (index, slot) in self.slots.iter_mut().enumerate() {
            if slot.sequence.is_none() {
                continue;
            }
            let pending = slot.pending().len();
            let is_prefill = slot.is_prefilling();
            let take = if is_prefill {
                pending.min(rows)
            } else {
                pending
            };
            if is_prefill {
                rows -= take;
            }
            if take == 0 {
                continue;
            }
            wanted[index] = take == pending;
            shares[index] = Share {
                rows: take,
                is_prefill,
            };
            if wanted[index] {
                slot.look_ahead();
            }
        }
        let inputs = inputs(&self.slots, &wanted, &shares);
        self.forward.forward(&inputs, &mut self.logits)?;
        for (slot, share) in self.slots.iter_mut().zip(&shares) {
            slot.filled(share.rows);
        }
        Ok(Computed { wanted, shares })
    }
}

/// Returns what a step computes.
fn inputs<'s>(slots: &'s [Slot<'_>], wanted: &[bool], shares: &[Share]) -> Vec<Input<'s>> {
    let parts = slots.iter().zip(wanted.iter().zip(shares));
    let parts = parts.filter(|(_, (_, share))| share.rows > 0);
    let inputs = parts.filter_map(|(slot, (&wanted, share))| {
        let outputs = if wanted {
            slot.outputs()
        } else {
            Outputs::None
        };
        Some(Input {
            adapters: &slot.request.adapters,
            sequence: slot.sequence?,
            tokens: &slot.pending()[..share.rows],
            outputs,
        })
    });
    inputs.collect()
}

/// Scores a request's labels, given the logits after its prompt.
fn score(
    forward: &mut dyn Forward,
    slot: &Slot<'_>,
    logits: &[f32],
) -> Result<Option<(Finish, Vec<LabelScore>)>, GenerateError> {
    let Some(sequence) = slot.sequence else {
        return Ok(None);
    };
    let request = &slot.request;
    let scores = labels::score(
        forward,
        Prompted {
            sequence,
            adapters: &request.adapters,
            logits,
            top_logprobs: request.top_logprobs,
        },
        &request.labels,
    )?;
    Ok(Some((Finish::Stop, scores)))
}

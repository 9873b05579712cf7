//! Generation: prompt tokens in, text out, many requests at a time.
//!
//! A [`Batch`] holds the requests under way, each at its own position. What a
//! request gets does not depend on its neighbours.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use crate::forward::ForwardError;
use crate::lora::Applied;
use crate::sampler::Sampling;
use llm_prompt::reasoning::Splitter;

pub use batch::Batch;
pub use constraint::{Constraint, ConstraintError, Grammar};
pub use logprobs::TokenLogprobs;
pub use prefix::PrefixStore;

mod answer;
mod batch;
mod constraint;
mod labels;
mod logprobs;
mod prefix;
mod repetition;
mod slot;
mod stop;

/// What is to be generated.
#[derive(Debug, Clone)]
pub struct Generate {
    /// The prompt, at least one token.
    pub prompt: Vec<u32>,
    /// The most tokens to generate.
    pub max_tokens: usize,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// Key of the random draws, see [`crate::sampler::Sampler::new`].
    pub key: [u8; 32],
    /// Texts that end the answer; they are not part of it, and do not count in
    /// what the model thinks before.
    pub stop: Vec<String>,
    /// Tells reasoning from answer.
    pub splitter: Splitter,
    /// Texts, as tokens, of which the likeliest is wanted instead of a generated
    /// one; none of them is empty.
    pub labels: Vec<Vec<u32>>,
    /// Tokens at the prompt's beginning that requests of other runs have, too, as
    /// far as the caller knows.
    pub shared: usize,
    /// What is added to the model's weights, of which each adapter stands there once.
    pub adapters: Vec<Applied>,
    /// An answer ends that repeats itself, see `repetition`.
    pub stops_repetition: bool,
    /// What the answer must look like, once the reasoning is over; it has no effect on labels.
    pub grammar: Option<Arc<dyn Grammar>>,
    /// How many of the likeliest tokens are wanted beside each token of the answer or of a label, with the
    /// log-probabilities of all; `None` for none of this.
    pub top_logprobs: Option<usize>,
}

impl Generate {
    /// Returns a request for the likeliest tokens after `prompt`, at most
    /// `max_tokens`, and nothing else.
    pub fn greedy(prompt: Vec<u32>, max_tokens: usize) -> Self {
        Self {
            prompt,
            max_tokens,
            sampling: Sampling::GREEDY,
            key: [0; 32],
            stop: Vec::new(),
            splitter: Splitter::default(),
            labels: Vec::new(),
            shared: 0,
            adapters: Vec::new(),
            stops_repetition: false,
            grammar: None,
            top_logprobs: None,
        }
    }
}

/// A request in a [`Batch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(u64);

/// A request that has ended.
#[derive(Debug)]
pub struct Ended {
    /// The request that has ended.
    pub request_id: RequestId,
    /// What came of it.
    pub result: Result<Generated, GenerateError>,
}

/// What the caller is told while it waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// More of the answer, whole characters.
    Text(&'a str),
    /// More of what the model thinks, whole characters.
    Reasoning(&'a str),
    /// The text of control tokens in the answer, where the request's splitter keeps them.
    Markup(&'a str),
    /// Work goes on; `Break` ends it.
    Working,
}

/// What is told of a request as it goes on; `Break` ends all work.
pub type Watch<'w> = &'w mut dyn FnMut(RequestId, Event<'_>) -> ControlFlow<()>;

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The model ended it, or a stop string came.
    Stop,
    /// The most tokens were reached.
    Length,
    /// It repeated itself, and was to end then.
    Repetition,
}

/// A finished answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Generated {
    /// The whole text, as it was streamed.
    pub text: String,
    /// What the model has thought, as it was streamed.
    pub reasoning: String,
    /// Tokens of the reasoning, its markers included.
    pub reasoning_tokens: usize,
    /// The tokens, an end-of-generation token included.
    pub tokens: Vec<u32>,
    /// How many of them were not chosen, since the grammar allowed nothing else.
    pub forced_tokens: usize,
    /// Why it ended.
    pub finish: Finish,
    /// Tokens of the prompt that the cache already held.
    pub cached_tokens: usize,
    /// Time from the start until the prompt was in the cache.
    pub prefill: Duration,
    /// Time from the start until the first token was chosen; `None` without one.
    pub first_token: Option<Duration>,
    /// Time from the start to the end.
    pub whole: Duration,
    /// Its share of the time that the batch has worked.
    pub busy: Busy,
    /// Whether the text is a whole answer by the request's grammar; `None` without one.
    pub is_whole: Option<bool>,
    /// How likely each token was that the text was made of, where that was wanted; of reasoning there is
    /// nothing here.
    pub logprobs: Vec<TokenLogprobs>,
    /// Each of the request's labels.
    pub labels: Vec<LabelScore>,
}

/// How likely a label is to follow.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LabelScore {
    /// The log-probability (natural) of the whole: the sum over its tokens.
    pub logprob: f64,
    /// How likely each of its tokens was, where that was wanted.
    pub tokens: Vec<TokenLogprobs>,
}

/// A request's share of the time that a batch has worked: of each step in proportion to the
/// positions computed, so that the shares of all requests add up to the whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Busy {
    /// Until the first token was chosen.
    pub prefill: Duration,
    /// After it, with the labels that were scored.
    pub decode: Duration,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GenerateError {
    /// Nothing to continue.
    #[error("the prompt is empty; give the model something to continue")]
    EmptyPrompt,
    /// The prompt and one token do not fit the context.
    #[error(
        "the prompt has {prompt} tokens and the context {context}; shorten it, or raise --ctx-size if it is set"
    )]
    TooLong {
        /// Tokens of the prompt.
        prompt: usize,
        /// Positions of the context.
        context: usize,
    },
    /// The prompt leaves a label no room.
    #[error(
        "the prompt has {prompt} tokens, a label {label}, and the context {context}; shorten one of them, or raise --ctx-size if it is set"
    )]
    LabelTooLong {
        /// Tokens of the prompt.
        prompt: usize,
        /// Tokens of the longest label.
        label: usize,
        /// Positions of the context.
        context: usize,
    },
    /// The caller broke off.
    #[error("interrupted")]
    Interrupted,
    /// It took longer than it was given, in seconds.
    #[error("no answer after {0} s, the limit that --timeout sets; raise it, or lower -n")]
    TimedOut(f64),
    /// The weights produce infinities.
    #[error(
        "the model computes no finite number here; its file may be damaged (llm-pull show NAME prints its digest)"
    )]
    NotANumber,
    /// The grammar of the answer takes too much to keep to.
    #[error(transparent)]
    Constraint(#[from] ConstraintError),
    /// The forward pass failed.
    #[error(transparent)]
    Forward(#[from] ForwardError),
}

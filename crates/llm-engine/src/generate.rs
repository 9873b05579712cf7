//! The generation loop: prompt tokens in, text out, with its stop rules.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use crate::forward::{Forward, ForwardError, Input, Outputs};
use crate::prompt::reasoning::{Piece, Splitter};
use crate::sampler::{Sampler, Sampling};
use crate::tokens::Tokenizer;

use stop::StopStrings;

mod stop;

/// Tokens of a prompt between two looks at whether to go on.
const PREFILL_CHUNK: usize = 256;

/// What is to be generated.
#[derive(Debug, Clone, PartialEq)]
pub struct Generate {
    /// The prompt, at least one token.
    pub prompt: Vec<u32>,
    /// The most tokens to generate.
    pub max_tokens: usize,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// Key of the random draws, see [`Sampler::new`].
    pub key: [u8; 32],
    /// Texts that end the answer; they are not part of it, and do not count in
    /// what the model thinks before.
    pub stop: Vec<String>,
    /// Tells reasoning from answer.
    pub splitter: Splitter,
}

/// What the caller is told while it waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// More of the answer, whole characters.
    Text(&'a str),
    /// More of what the model thinks, whole characters.
    Reasoning(&'a str),
    /// Work goes on; `Break` ends it.
    Working,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The model ended it, or a stop string came.
    Stop,
    /// The most tokens were reached.
    Length,
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
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
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
    /// The caller broke off.
    #[error("interrupted")]
    Interrupted,
    /// The weights produce infinities.
    #[error(
        "the model computes no finite number here; its file may be damaged (llm-pull show NAME prints its digest)"
    )]
    NotANumber,
    /// The forward pass failed.
    #[error(transparent)]
    Forward(#[from] ForwardError),
}

/// One sequence that is continued from request to request, so that a prompt
/// which begins as the last one did is computed only from where they part.
pub struct Session {
    forward: Box<dyn Forward>,
    sequence: crate::cache::SequenceId,
    /// The tokens in the cache.
    history: Vec<u32>,
    /// Positions that may be used.
    context: usize,
    logits: Vec<f32>,
}

impl Session {
    /// Starts with an empty cache and at most `context` positions.
    pub fn new(mut forward: Box<dyn Forward>, context: usize) -> Self {
        Self {
            sequence: forward.start(),
            forward,
            history: Vec::new(),
            context,
            logits: Vec::new(),
        }
    }

    /// Returns the most positions of a sequence.
    pub fn context(&self) -> usize {
        self.context
    }

    /// Generates one answer and tells `watch` about it as it grows.
    ///
    /// # Errors
    /// A prompt that is empty or too long, a caller that breaks off, a forward
    /// pass that fails.
    pub fn generate(
        &mut self,
        tokenizer: &Tokenizer,
        request: &Generate,
        watch: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> Result<Generated, GenerateError> {
        let start = Instant::now();
        let room = self.room(request)?;
        let cached_tokens = self.prefill(&request.prompt, watch)?;
        let prefill = start.elapsed();
        let mut sampler = Sampler::new(request.sampling, request.key);
        let mut decoder = tokenizer.continuation_decoder();
        let mut answer = Answer::new(request);
        let mut tokens = Vec::new();
        let mut first_token = None;
        let finish = loop {
            if tokens.len() == room {
                break Finish::Length;
            }
            let token = sampler.sample(&mut self.logits, &self.history);
            let token = token.ok_or(GenerateError::NotANumber)?;
            first_token.get_or_insert_with(|| start.elapsed());
            tokens.push(token);
            if tokenizer.is_end_of_generation(token) {
                break Finish::Stop;
            }
            let stopped = match tokenizer.is_markup(token) {
                true => {
                    let bytes = tokenizer.token_bytes(token);
                    answer.push(&String::from_utf8_lossy(&bytes), true, watch)?
                }
                false => answer.push(decoder.push(token), false, watch)?,
            };
            answer.count();
            if stopped {
                break Finish::Stop;
            }
            if tokens.len() < room {
                self.advance(&[token], Outputs::Last)?;
            }
        };
        // A character that the limit has cut is left out; one that the model
        // has left unfinished is shown as broken.
        let mut stopped = false;
        if finish == Finish::Stop {
            stopped = answer.push(decoder.finish(), false, watch)?;
        }
        stopped |= answer.finish(watch)?;
        Ok(Generated {
            text: answer.text.into_text(),
            reasoning: answer.reasoning,
            reasoning_tokens: answer.reasoning_tokens,
            tokens,
            finish: if stopped { Finish::Stop } else { finish },
            cached_tokens,
            prefill,
            first_token,
            whole: start.elapsed(),
        })
    }

    /// Returns how many tokens can be generated.
    fn room(&self, request: &Generate) -> Result<usize, GenerateError> {
        let prompt = request.prompt.len();
        if prompt == 0 {
            return Err(GenerateError::EmptyPrompt);
        }
        // The last generated token needs no position of its own.
        if prompt >= self.context {
            return Err(GenerateError::TooLong {
                prompt,
                context: self.context,
            });
        }
        Ok(request.max_tokens.min(self.context - prompt))
    }

    /// Brings the cache to hold the prompt; returns the tokens that it held.
    fn prefill(
        &mut self,
        prompt: &[u32],
        watch: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> Result<usize, GenerateError> {
        let same = self
            .history
            .iter()
            .zip(prompt)
            .take_while(|(a, b)| a == b)
            .count();
        // The last token is computed anew, for its logits.
        let cached = same.min(prompt.len() - 1);
        let cached = self.forward.truncate(self.sequence, cached);
        self.history.truncate(cached);
        let mut rest = &prompt[cached..];
        while !rest.is_empty() {
            emit("", watch)?;
            let (now, later) = rest.split_at(rest.len().min(PREFILL_CHUNK));
            let outputs = if later.is_empty() {
                Outputs::Last
            } else {
                Outputs::None
            };
            self.advance(now, outputs)?;
            rest = later;
        }
        Ok(cached)
    }

    fn advance(&mut self, tokens: &[u32], outputs: Outputs) -> Result<(), ForwardError> {
        let input = Input {
            sequence: self.sequence,
            tokens,
            outputs,
        };
        self.forward.forward(&[input], &mut self.logits)?;
        self.history.extend(tokens);
        Ok(())
    }
}

/// What a caller is told while it waits.
type Watch<'w> = &'w mut dyn FnMut(Event<'_>) -> ControlFlow<()>;

/// An answer as it grows.
struct Answer<'r> {
    splitter: Splitter,
    text: StopStrings<'r>,
    reasoning: String,
    reasoning_tokens: usize,
    /// Whether the last token began inside of reasoning.
    was_reasoning: bool,
}

impl<'r> Answer<'r> {
    fn new(request: &'r Generate) -> Self {
        Self {
            was_reasoning: request.splitter.is_reasoning(),
            splitter: request.splitter.clone(),
            text: StopStrings::new(&request.stop),
            reasoning: String::new(),
            reasoning_tokens: 0,
        }
    }

    /// Takes the text of one token, hands out what is certain and returns
    /// whether a stop string is complete.
    fn push(&mut self, text: &str, hidden: bool, watch: Watch<'_>) -> Result<bool, GenerateError> {
        let pieces = self.splitter.push(text, hidden);
        if pieces.is_empty() {
            emit("", watch)?;
        }
        self.hand_out(pieces, watch)
    }

    /// Counts the last token.
    fn count(&mut self) {
        let is_reasoning = self.splitter.is_reasoning();
        self.reasoning_tokens += usize::from(self.was_reasoning || is_reasoning);
        self.was_reasoning = is_reasoning;
    }

    /// Hands out the rest and returns whether a stop string is complete.
    fn finish(&mut self, watch: Watch<'_>) -> Result<bool, GenerateError> {
        let pieces = self.splitter.finish();
        let stopped = self.hand_out(pieces, watch)?;
        emit(self.text.take_rest(), watch)?;
        Ok(stopped)
    }

    fn hand_out(&mut self, pieces: Vec<Piece>, watch: Watch<'_>) -> Result<bool, GenerateError> {
        let mut stopped = false;
        for piece in pieces {
            match piece {
                Piece::Answer(text) => {
                    stopped |= self.text.push(&text);
                    emit(self.text.take_certain(), watch)?;
                }
                Piece::Reasoning(text) => {
                    self.reasoning.push_str(&text);
                    tell(Event::Reasoning(&text), watch)?;
                }
            }
        }
        Ok(stopped)
    }
}

fn emit(
    text: &str,
    watch: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
) -> Result<(), GenerateError> {
    let event = if text.is_empty() {
        Event::Working
    } else {
        Event::Text(text)
    };
    tell(event, watch)
}

fn tell(event: Event<'_>, watch: Watch<'_>) -> Result<(), GenerateError> {
    match watch(event) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(GenerateError::Interrupted),
    }
}

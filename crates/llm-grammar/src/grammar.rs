//! A grammar that is compiled, and the answers that keep to it.

use std::fmt;

use llguidance::Matcher;
use llguidance::api::StopReason;
use llm_engine::generate::{self, Constraint, ConstraintError};
use llm_engine::token_set::TokenSet;
use toktrie::TokEnv;

/// What answers must look like, compiled for one vocabulary.
#[derive(Clone)]
pub struct Grammar {
    /// Before the first token.
    start: Matcher,
    token_env: TokEnv,
}

impl fmt::Debug for Grammar {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Grammar")
    }
}

impl Grammar {
    pub(crate) fn new(start: Matcher, token_env: TokEnv) -> Self {
        Self { start, token_env }
    }
}

impl generate::Grammar for Grammar {
    fn start(&self) -> Box<dyn Constraint> {
        Box::new(Answer(self.start.clone()))
    }

    fn matches(&self, text: &str) -> bool {
        let mut matcher = self.start.clone();
        let tokens = self.token_env.tokenize_bytes(text.as_bytes());
        let taken = matcher.try_consume_tokens(&tokens);
        taken.is_ok_and(|taken| taken == tokens.len()) && matcher.is_accepting().unwrap_or(false)
    }
}

/// An answer, as far as it has come.
struct Answer(Matcher);

impl fmt::Debug for Answer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Answer({:?})", self.0.stop_reason())
    }
}

impl Answer {
    /// Says why the parser gave up.
    fn failed(&self) -> ConstraintError {
        ConstraintError(match self.0.stop_reason() {
            StopReason::LexerTooComplex | StopReason::ParserTooComplex => {
                "the grammar takes too much time at this answer; a simpler one, with fewer alternatives and \
                 shorter patterns, does not"
            }
            .to_owned(),
            _ => {
                let told = self.0.get_error().unwrap_or_default();
                let first = told.lines().next().unwrap_or_default();
                format!("the grammar cannot go on: {first}")
            }
        })
    }
}

impl Constraint for Answer {
    fn allowed(&mut self) -> Result<TokenSet, ConstraintError> {
        match self.0.compute_mask_or_eos() {
            Ok(mask) => Ok(TokenSet::from_words(mask.as_slice().to_vec())),
            Err(_) => Err(self.failed()),
        }
    }

    fn forced(&mut self) -> Result<Vec<u32>, ConstraintError> {
        if self.0.is_stopped() && !self.0.is_error() {
            return Ok(Vec::new());
        }
        let tokens = self.0.compute_ff_tokens();
        if self.0.is_error() {
            return Err(self.failed());
        }
        Ok(tokens)
    }

    fn accept(&mut self, token: u32) -> Result<(), ConstraintError> {
        self.0.consume_token(token).map_err(|_| self.failed())
    }

    fn is_over(&mut self) -> Result<bool, ConstraintError> {
        if self.0.is_error() {
            return Err(self.failed());
        }
        Ok(self.0.is_stopped())
    }
}

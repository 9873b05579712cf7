//! Answers of which not every token is allowed: what says which are, and from where in an answer it
//! holds. What a model thinks before it answers is free.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::Arc;

use llm_prompt::reasoning::Ahead;
use llm_tokenizer::Tokenizer;

use crate::token_set::TokenSet;

/// Tokens of white space that may stand between the reasoning and the answer.
const SPACES: usize = 2;

/// Why a constraint cannot be kept to any further, in a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConstraintError(pub String);

/// What answers must look like, for any number of them.
pub trait Grammar: Debug + Send + Sync {
    /// Starts with an answer.
    fn start(&self) -> Box<dyn Constraint>;

    /// Returns whether a text is a whole answer.
    fn matches(&self, text: &str) -> bool;
}

/// What one answer must look like, as far as it has come.
pub trait Constraint: Debug + Send {
    /// Returns the tokens that may come next; those that end a generation are among them where the answer may
    /// end here.
    ///
    /// # Errors
    /// A grammar that takes too much time or memory here.
    fn allowed(&mut self) -> Result<TokenSet, ConstraintError>;

    /// Returns the tokens that must come next, as the model's tokenizer would write them; none where there
    /// is a choice.
    ///
    /// # Errors
    /// As [`Constraint::allowed`].
    fn forced(&mut self) -> Result<Vec<u32>, ConstraintError>;

    /// Takes the next token, one that is allowed and ends no generation.
    ///
    /// # Errors
    /// As [`Constraint::allowed`], or a token that is not allowed.
    fn accept(&mut self, token: u32) -> Result<(), ConstraintError>;

    /// Returns whether the answer is whole and nothing can follow.
    ///
    /// # Errors
    /// As [`Constraint::allowed`].
    fn is_over(&mut self) -> Result<bool, ConstraintError>;
}

/// The constraint of one answer, and whether it holds yet.
#[derive(Debug)]
pub(super) struct Constrained {
    grammar: Arc<dyn Grammar>,
    constraint: Box<dyn Constraint>,
    /// Whether the answer has begun, and with it the constraint.
    has_begun: bool,
    /// What of a marker comes next.
    marker: VecDeque<u32>,
    /// Tokens of white space before the answer.
    spaces: usize,
}

impl Constrained {
    pub(super) fn new(grammar: Arc<dyn Grammar>) -> Self {
        Self {
            constraint: grammar.start(),
            grammar,
            has_begun: false,
            marker: VecDeque::new(),
            spaces: 0,
        }
    }

    /// Returns whether all that comes is the answer's.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Returns whether a text is a whole answer.
    pub(super) fn matches(&self, text: &str) -> bool {
        self.grammar.matches(text)
    }

    /// Returns the tokens that come next without being chosen.
    pub(super) fn forced(&mut self, ahead: &Ahead) -> Result<Vec<u32>, ConstraintError> {
        if !self.marker.is_empty() {
            return Ok(self.marker.iter().copied().collect());
        }
        match ahead {
            Ahead::Answer => self.constraint.forced(),
            _ if self.has_begun => self.constraint.forced(),
            Ahead::Reasoning | Ahead::Either { .. } => Ok(Vec::new()),
        }
    }

    /// Returns the tokens that may come next; `None` for all.
    pub(super) fn allowed(
        &mut self,
        ahead: &Ahead,
        tokenizer: &Tokenizer,
    ) -> Result<Option<TokenSet>, ConstraintError> {
        if !self.has_begun && *ahead == Ahead::Reasoning {
            return Ok(None);
        }
        let mut allowed = self.constraint.allowed()?;
        if let (false, Ahead::Either { markers, is_after }) = (self.has_begun, ahead) {
            for marker in markers {
                if let Some(&first) = tokenizer.encode(marker, false, true).first() {
                    allowed.insert(first);
                }
            }
            if *is_after && self.spaces < SPACES {
                add_spaces(tokenizer, &mut allowed);
            }
        }
        Ok(Some(allowed))
    }

    /// Takes a token that was chosen; returns whether it belongs to the answer.
    pub(super) fn accept(
        &mut self,
        token: u32,
        ahead: &Ahead,
        tokenizer: &Tokenizer,
    ) -> Result<bool, ConstraintError> {
        if self.marker.pop_front_if(|next| *next == token).is_some() {
            return Ok(false);
        }
        if !self.has_begun {
            match ahead {
                Ahead::Answer => {}
                Ahead::Reasoning => return Ok(false),
                Ahead::Either { markers, is_after } => {
                    if self.begins_marker(token, markers, tokenizer) {
                        return Ok(false);
                    }
                    if *is_after && self.spaces < SPACES && is_space(tokenizer, token) {
                        self.spaces += 1;
                        return Ok(false);
                    }
                }
            }
        }
        self.has_begun = true;
        self.constraint.accept(token).map(|()| true)
    }

    /// Returns whether the answer is whole and nothing can follow.
    pub(super) fn is_over(&mut self) -> Result<bool, ConstraintError> {
        if self.has_begun {
            self.constraint.is_over()
        } else {
            Ok(false)
        }
    }

    /// Returns whether a token begins a marker, the rest of which comes next then.
    fn begins_marker(&mut self, token: u32, markers: &[&str], tokenizer: &Tokenizer) -> bool {
        for marker in markers {
            let tokens = tokenizer.encode(marker, false, true);
            if tokens.first() == Some(&token) {
                self.marker = tokens[1..].iter().copied().collect();
                return true;
            }
        }
        false
    }
}

/// Returns whether a token is white space and nothing else.
fn is_space(tokenizer: &Tokenizer, token: u32) -> bool {
    let bytes = tokenizer.token_bytes(token);
    !tokenizer.is_markup(token) && !bytes.is_empty() && bytes.trim_ascii().is_empty()
}

/// Adds the white space that models write between reasoning and answer.
fn add_spaces(tokenizer: &Tokenizer, allowed: &mut TokenSet) {
    for text in ["\n\n", "\n", " "] {
        if let &[token] = &tokenizer.encode(text, false, false)[..] {
            allowed.insert(token);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use llm_gguf::{Gguf, shard_paths};
    use llm_prompt::reasoning::{Markers, Splitter};

    use super::*;

    /// Wants one text, byte by byte as its tokens come.
    #[derive(Debug)]
    struct One {
        tokens: Vec<u32>,
        end: u32,
    }

    #[derive(Debug)]
    struct Under(Vec<u32>, u32);

    impl Grammar for One {
        fn start(&self) -> Box<dyn Constraint> {
            Box::new(Under(self.tokens.clone(), self.end))
        }

        fn matches(&self, text: &str) -> bool {
            text == "yes"
        }
    }

    impl Constraint for Under {
        fn allowed(&mut self) -> Result<TokenSet, ConstraintError> {
            let mut set = TokenSet::from_words(vec![0; 5000]);
            set.insert(self.0.first().copied().unwrap_or(self.1));
            Ok(set)
        }

        fn forced(&mut self) -> Result<Vec<u32>, ConstraintError> {
            Ok(Vec::new())
        }

        fn accept(&mut self, token: u32) -> Result<(), ConstraintError> {
            if self.0.first() != Some(&token) {
                return Err(ConstraintError(format!("{token} is not allowed")));
            }
            self.0.remove(0);
            Ok(())
        }

        fn is_over(&mut self) -> Result<bool, ConstraintError> {
            Ok(self.0.is_empty())
        }
    }

    fn tokenizer() -> Tokenizer {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
        let gguf = Gguf::open(&shard_paths(&root.join("ggml-vocab/ggml-vocab-qwen2.gguf")));
        Tokenizer::from_gguf(gguf.unwrap().metadata()).unwrap()
    }

    /// Returns the tokens of a text in which markers are written as a model writes them: none reaches
    /// beyond a marker's ends.
    fn tokens(tokenizer: &Tokenizer, text: &str) -> Vec<u32> {
        let mut pieces = vec![text];
        for marker in ["<think>", "</think>", "\n\n"] {
            pieces = pieces
                .into_iter()
                .flat_map(|piece| {
                    let mut parts = Vec::new();
                    for (at, part) in piece.split(marker).enumerate() {
                        parts.extend((at > 0).then_some(marker));
                        parts.push(part);
                    }
                    parts
                })
                .collect();
        }
        let encode = |piece: &&str| tokenizer.encode(piece, false, true);
        pieces.iter().flat_map(encode).collect()
    }

    /// Feeds a text token by token as a slot does, and returns what of it was taken for the answer.
    fn answer(prompt: &str, text: &str) -> Result<String, ConstraintError> {
        let tokenizer = tokenizer();
        let mut splitter = Splitter::new(Markers::find("<think></think>"), prompt);
        let yes = tokenizer.encode("yes", false, false);
        let mut constrained = Constrained::new(Arc::new(One {
            tokens: yes,
            end: tokenizer.eog_ids()[0],
        }));
        let mut taken = String::new();
        for token in tokens(&tokenizer, text) {
            let ahead = splitter.ahead();
            let forced = constrained.forced(&ahead)?;
            let allowed = constrained.allowed(&ahead, &tokenizer)?;
            let is_free = allowed.is_none_or(|allowed| allowed.contains(token));
            if !is_free && forced.first() != Some(&token) {
                return Err(ConstraintError(format!("{token} is masked")));
            }
            let text = String::from_utf8(tokenizer.token_bytes(token)).unwrap();
            if constrained.accept(token, &ahead, &tokenizer)? {
                taken.push_str(&text);
            } else {
                splitter.push(&text, tokenizer.is_markup(token));
            }
        }
        assert_eq!(constrained.has_begun(), constrained.is_over()?);
        Ok(taken)
    }

    #[test]
    fn the_answer_alone_is_held_to_the_grammar() {
        let yes = Ok("yes".to_owned());
        assert_eq!(answer("user: hi", "yes"), yes);
        assert_eq!(answer("user: hi", "<think>Hm, no.</think>\n\nyes"), yes);
        assert_eq!(
            answer("user: hi <think>\n", "Hm, no.\n</think>\n\nyes"),
            yes
        );
        assert_eq!(answer("user: hi <think>\n\n</think>\n\n", "yes"), yes);
    }

    #[test]
    fn nothing_else_stands_where_the_answer_begins() {
        for (prompt, text) in [
            ("user: hi", "no"),
            ("user: hi", " yes"),
            ("user: hi", "<think>Hm.</think>no"),
            ("user: hi", "<think>Hm.</think>\n\n\n\n\n\n\n\nyes"),
            ("user: hi <think>\n\n</think>\n\n", "<think>Hm.</think>yes"),
        ] {
            assert!(answer(prompt, text).is_err(), "{text}");
        }
        // Nothing but reasoning is no answer.
        assert_eq!(answer("user: hi", "<think>Hm."), Ok(String::new()));
    }
}

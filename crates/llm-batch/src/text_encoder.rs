//! A text → the tokens that the model gets, in windows where it is longer than the
//! model takes → one vector. What becomes of the vector is left to others.

use std::borrow::Cow;

use llm_encoder::{Encoder, Pooling};
use llm_kernels::pool::Pool;
use llm_record::{ErrorCode, Input};
use llm_tokenizer::common_prefix_len;

/// Tokens of the texts that are embedded together, where one alone is not longer:
/// enough to share the weights, little enough to stay in the cache.
pub const TOKENS: usize = 1024;

/// What is done with a text that is longer than the model takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnOverflow {
    /// It is refused.
    #[default]
    Refuse,
    /// Its end is cut.
    Truncate,
    /// It is cut into windows, and the mean of their vectors is taken, each weighted by its tokens.
    ChunkMean,
}

/// An encoder and how its vectors are made.
pub struct TextEncoder {
    /// The model.
    pub encoder: Encoder,
    /// The threads that compute.
    pub pool: Pool,
    /// How the hidden states of a text's tokens become one vector.
    pub pooling: Pooling,
    /// Numbers of a vector; fewer than the model's cut its end.
    pub dimensions: usize,
    /// Vectors are normalized to unit length also where they are not cut.
    pub normalizes: bool,
}

/// A text that is ready to be embedded.
#[derive(Debug)]
pub struct Text {
    /// Its tokens with those around them; more than one only where the text was cut
    /// into windows.
    pub windows: Vec<Vec<u32>>,
    /// Its end was cut.
    pub truncated: bool,
    /// Numbers of its vector.
    pub dimensions: usize,
}

/// Why a text cannot be embedded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It has more tokens than the model takes.
    TooLong {
        /// Tokens of the text.
        tokens: usize,
        /// Tokens that the model takes.
        most: usize,
    },
    /// It holds a token that is not in the vocabulary.
    NoToken {
        /// The token.
        id: u32,
        /// Tokens of the vocabulary.
        count: usize,
    },
    /// It has no tokens, and the model adds none.
    Empty,
    /// What is put before it leaves no room.
    NoRoom {
        /// Tokens that the model takes.
        most: usize,
    },
}

impl Refused {
    /// Returns the error code, and the sentence for a text that messages call `name`.
    #[must_use]
    pub fn sentence(self, name: &str) -> (ErrorCode, String) {
        match self {
            Self::TooLong { tokens, most } => (
                ErrorCode::ContextExceeded,
                format!(
                    "{name} has {tokens} tokens and the model takes {most}; --on-overflow truncate cuts its end, chunk-mean takes the mean of its parts"
                ),
            ),
            Self::NoToken { id, count } => (
                ErrorCode::BadRequest,
                format!("{name} holds the token {id}, but the vocabulary has only {count} tokens"),
            ),
            Self::Empty => (
                ErrorCode::EmptyInput,
                format!(
                    "{name} is empty, and the model adds no token of its own, so there is nothing to embed"
                ),
            ),
            Self::NoRoom { most } => (
                ErrorCode::ContextExceeded,
                format!(
                    "the prompt before {name} fills the {most} tokens that the model takes; shorten --prompt"
                ),
            ),
        }
    }
}

impl TextEncoder {
    /// Makes a text ready, with a prompt before it.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn text(&self, prompt: &str, text: &str, on_overflow: OnOverflow) -> Result<Text, Refused> {
        let text = if prompt.is_empty() {
            Cow::Borrowed(text)
        } else {
            Cow::Owned(format!("{prompt}{text}"))
        };
        let most = self.encoder.longest();
        let kept = match on_overflow {
            OnOverflow::ChunkMean => usize::MAX,
            // One more tells that there are more.
            OnOverflow::Refuse | OnOverflow::Truncate => most + 1,
        };
        let (tokens, count) = self.encoder.first_tokens(&text, kept);
        if count > most && on_overflow == OnOverflow::Refuse {
            return Err(Refused::TooLong {
                tokens: count,
                most,
            });
        }
        self.in_windows(prompt, tokens, on_overflow)
    }

    /// Makes an input of a batch file ready, with a prompt before it: a text, or the model's own tokens, which get
    /// those that stand around every text.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn input(
        &self,
        prompt: &str,
        input: &Input,
        on_overflow: OnOverflow,
    ) -> Result<Text, Refused> {
        let ids = match input {
            Input::Text(text) => return self.text(prompt, text, on_overflow),
            Input::Tokens(ids) => ids,
        };
        let count = self.encoder.vocabulary_size();
        if let Some(id) = ids.iter().find(|id| **id as usize >= count) {
            return Err(Refused::NoToken { id: *id, count });
        }
        let frame = Frame::around(&self.encoder, prompt);
        let tokens = [&frame.head[..], ids, &frame.tail].concat();
        self.in_windows(prompt, tokens, on_overflow)
    }

    fn in_windows(
        &self,
        prompt: &str,
        tokens: Vec<u32>,
        on_overflow: OnOverflow,
    ) -> Result<Text, Refused> {
        let (count, most) = (tokens.len(), self.encoder.longest());
        if count == 0 {
            return Err(Refused::Empty);
        }
        let is_long = count > most;
        let cut = || Frame::around(&self.encoder, prompt).windows(&tokens, most);
        let windows = match on_overflow {
            _ if !is_long => vec![tokens],
            OnOverflow::Refuse => {
                return Err(Refused::TooLong {
                    tokens: count,
                    most,
                });
            }
            OnOverflow::Truncate => cut()?.into_iter().take(1).collect(),
            OnOverflow::ChunkMean => cut()?,
        };
        Ok(Text {
            windows,
            truncated: is_long && on_overflow == OnOverflow::Truncate,
            dimensions: self.dimensions,
        })
    }

    /// Returns whether vectors of so many numbers are normalized to unit length: a cut makes them
    /// shorter.
    #[must_use]
    pub fn is_normalized(&self, dimensions: usize) -> bool {
        self.normalizes || dimensions < self.encoder.dimensions(self.pooling)
    }

    /// Returns the vector of each text, cut to its dimensions and, where the model's files
    /// or a cut ask for it, normalized to unit length. The vector of several windows is the mean of theirs,
    /// each weighted by its tokens. A text's vector does not depend on the others.
    #[must_use]
    pub fn vectors(&self, texts: &[&Text]) -> Vec<Vec<f32>> {
        let all: Vec<&[u32]> = texts
            .iter()
            .flat_map(|text| text.windows.iter().map(Vec::as_slice))
            .collect();
        let mut windows = self.together(&all).into_iter();
        texts
            .iter()
            .map(|text| {
                let normalizes = self.is_normalized(text.dimensions);
                let finish = |vector: &mut Vec<f32>| {
                    vector.truncate(text.dimensions);
                    if normalizes {
                        self.encoder.normalize(vector);
                    }
                };
                let mut own: Vec<_> = windows.by_ref().take(text.windows.len()).collect();
                own.iter_mut().for_each(finish);
                let mut vector = mean(&own, &text.windows);
                if own.len() > 1 {
                    finish(&mut vector);
                }
                vector
            })
            .collect()
    }

    /// Embeds windows, as many at a time as share the weights well.
    fn together(&self, windows: &[&[u32]]) -> Vec<Vec<f32>> {
        let mut vectors = Vec::with_capacity(windows.len());
        let mut rest = windows;
        while !rest.is_empty() {
            let mut tokens = 0;
            let fits = |window: &&&[u32]| {
                tokens += window.len();
                tokens <= TOKENS
            };
            let count = rest.iter().take_while(fits).count().max(1);
            let (now, later) = rest.split_at(count);
            vectors.extend(self.encoder.embed(&self.pool, now, self.pooling));
            rest = later;
        }
        vectors
    }
}

impl Text {
    /// Returns how many tokens it has, with those around each window.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.windows.iter().map(Vec::len).sum()
    }
}

/// What stands around every text: the model's own tokens and a prompt.
struct Frame {
    head: Vec<u32>,
    tail: Vec<u32>,
}

impl Frame {
    /// Compares what an empty text and a short one become: they begin alike.
    fn around(encoder: &Encoder, prompt: &str) -> Self {
        let empty = encoder.tokens(prompt);
        let bare = encoder.tokens("");
        let some = encoder.tokens("a");
        let before = common_prefix_len(&bare, &some);
        let after = bare.len() - before;
        Self {
            head: empty[..empty.len().saturating_sub(after)].to_vec(),
            tail: bare[before..].to_vec(),
        }
    }

    /// Cuts the tokens of a text, with those around it, into windows of at most `most`,
    /// each with what stands around a text. The first is the text with its end cut.
    fn windows(&self, tokens: &[u32], most: usize) -> Result<Vec<Vec<u32>>, Refused> {
        let around = self.head.len() + self.tail.len();
        if around >= most {
            return Err(Refused::NoRoom { most });
        }
        let end = tokens.len().saturating_sub(self.tail.len());
        let (first, rest) = tokens[..end].split_at(end.min(most - self.tail.len()));
        // What stands before the first piece is its own: the last token of a prompt may
        // have grown together with it.
        let mut windows = vec![[first, &self.tail].concat()];
        let pieces = rest.chunks(most - around);
        windows.extend(pieces.map(|piece| [&self.head[..], piece, &self.tail].concat()));
        Ok(windows)
    }
}

/// Returns the mean of vectors, each weighted by the tokens of its window; one alone
/// is as it is.
fn mean(vectors: &[Vec<f32>], windows: &[Vec<u32>]) -> Vec<f32> {
    let [first, rest @ ..] = vectors else {
        return Vec::new();
    };
    if rest.is_empty() {
        return first.clone();
    }
    let total: usize = windows.iter().map(Vec::len).sum();
    let mut mean = vec![0.0; first.len()];
    for (vector, window) in vectors.iter().zip(windows) {
        let weight = window.len() as f32 / total.max(1) as f32;
        for (mean, x) in mean.iter_mut().zip(vector) {
            *mean += weight * x;
        }
    }
    mean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_hold_all_tokens_once_each_in_its_frame() {
        let frame = Frame {
            head: vec![101, 7],
            tail: vec![102],
        };
        let windows = frame.windows(&[101, 7, 1, 2, 3, 4, 5, 102], 5).unwrap();
        assert_eq!(
            windows,
            [
                vec![101, 7, 1, 2, 102],
                vec![101, 7, 3, 4, 102],
                vec![101, 7, 5, 102]
            ]
        );
        // The prompt's last token has grown together with the text.
        let windows = frame.windows(&[101, 9, 1, 2, 102], 4).unwrap();
        assert_eq!(windows, [vec![101, 9, 1, 102], vec![101, 7, 2, 102]]);
        assert_eq!(
            frame.windows(&[101, 7, 1, 102], 3),
            Err(Refused::NoRoom { most: 3 })
        );
    }

    #[test]
    fn a_mean_is_weighted_by_tokens() {
        let vectors = [vec![1.0, 0.0], vec![0.0, 4.0]];
        let windows = [vec![0; 3], vec![0; 1]];
        assert_eq!(mean(&vectors, &windows), [0.75, 1.0]);
        assert_eq!(mean(&vectors[..1], &windows[..1]), [1.0, 0.0]);
    }
}

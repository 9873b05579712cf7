//! A text → the tokens that the model gets, in windows where it is longer than the
//! model takes → one vector. What becomes of the vector is left to others.

use std::borrow::Cow;

use llm_cli::embed::TooLong;
use llm_engine::generate::common;
use llm_record::{ErrorCode, Input};

use crate::open::Opened;

/// Tokens of the texts that are embedded together, where one alone is not longer:
/// enough to share the weights, little enough to stay in the cache.
pub(crate) const TOKENS: usize = 1024;

/// A text that is ready to be embedded.
#[derive(Debug)]
pub(crate) struct Text {
    /// Its tokens with those around them; more than one only where the text was cut
    /// into windows.
    pub(crate) windows: Vec<Vec<u32>>,
    /// Its end was cut.
    pub(crate) truncated: bool,
    /// Numbers of its vector.
    pub(crate) dimensions: usize,
}

/// Why a text cannot be embedded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It has more tokens than the model takes.
    TooLong { tokens: usize, most: usize },
    /// It holds a token that is not in the vocabulary.
    NoToken { id: u32, count: usize },
    /// It has no tokens, and the model adds none.
    Empty,
    /// What is put before it leaves no room.
    NoRoom { most: usize },
}

impl Refused {
    /// Returns the error code, and the sentence for a text that messages call `name`.
    pub(crate) fn sentence(self, name: &str) -> (ErrorCode, String) {
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

impl Text {
    /// Makes a text ready, with a prompt before it.
    pub(crate) fn new(
        opened: &Opened,
        prompt: &str,
        text: &str,
        too_long: TooLong,
    ) -> Result<Self, Refused> {
        let text = if prompt.is_empty() {
            Cow::Borrowed(text)
        } else {
            Cow::Owned(format!("{prompt}{text}"))
        };
        let most = opened.encoder.longest();
        let kept = match too_long {
            TooLong::ChunkMean => usize::MAX,
            // One more tells that there are more.
            TooLong::Error | TooLong::Truncate => most + 1,
        };
        let (tokens, count) = opened.encoder.first_tokens(&text, kept);
        if count > most && too_long == TooLong::Error {
            return Err(Refused::TooLong {
                tokens: count,
                most,
            });
        }
        Self::in_windows(opened, prompt, tokens, too_long)
    }

    /// Makes an input of a batch file ready: a text, or the model's own tokens, which get
    /// those that stand around every text.
    pub(crate) fn from_input(
        opened: &Opened,
        input: &Input,
        too_long: TooLong,
    ) -> Result<Self, Refused> {
        let ids = match input {
            Input::Text(text) => return Self::new(opened, &opened.prompt, text, too_long),
            Input::Tokens(ids) => ids,
        };
        let count = opened.encoder.vocabulary_size();
        if let Some(id) = ids.iter().find(|id| **id as usize >= count) {
            return Err(Refused::NoToken { id: *id, count });
        }
        let frame = Frame::around(opened, &opened.prompt);
        let tokens = [&frame.head[..], ids, &frame.tail].concat();
        Self::in_windows(opened, &opened.prompt, tokens, too_long)
    }

    fn in_windows(
        opened: &Opened,
        prompt: &str,
        tokens: Vec<u32>,
        too_long: TooLong,
    ) -> Result<Self, Refused> {
        let (count, most) = (tokens.len(), opened.encoder.longest());
        if count == 0 {
            return Err(Refused::Empty);
        }
        let is_long = count > most;
        let windows = || Frame::around(opened, prompt).windows(&tokens, most);
        let windows = match too_long {
            _ if !is_long => vec![tokens],
            TooLong::Error => {
                return Err(Refused::TooLong {
                    tokens: count,
                    most,
                });
            }
            TooLong::Truncate => windows()?.into_iter().take(1).collect(),
            TooLong::ChunkMean => windows()?,
        };
        Ok(Self {
            windows,
            truncated: is_long && too_long == TooLong::Truncate,
            dimensions: opened.dimensions,
        })
    }

    /// Returns how many tokens it has, with those around each window.
    pub(crate) fn tokens(&self) -> usize {
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
    fn around(opened: &Opened, prompt: &str) -> Self {
        let empty = opened.encoder.tokens(prompt);
        let bare = opened.encoder.tokens("");
        let some = opened.encoder.tokens("a");
        let before = common(&bare, &some);
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

/// Returns the vector of each text, cut to its dimensions and, where the model's files
/// or a cut ask for it, normalized to unit length. The vector of several windows is the mean of theirs,
/// each weighted by its tokens. A text's vector does not depend on the others.
pub(crate) fn vectors(opened: &Opened, texts: &[&Text]) -> Vec<Vec<f32>> {
    let all: Vec<&[u32]> = texts
        .iter()
        .flat_map(|text| text.windows.iter().map(Vec::as_slice))
        .collect();
    let mut windows = together(opened, &all).into_iter();
    texts
        .iter()
        .map(|text| {
            let normalizes = opened.normalizes || text.dimensions < opened.encoder.dimensions();
            let finish = |vector: &mut Vec<f32>| {
                vector.truncate(text.dimensions);
                if normalizes {
                    opened.encoder.normalize(vector);
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
fn together(opened: &Opened, windows: &[&[u32]]) -> Vec<Vec<f32>> {
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
        vectors.extend(opened.encoder.encode(&opened.pool, now, opened.pooling));
        rest = later;
    }
    vectors
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

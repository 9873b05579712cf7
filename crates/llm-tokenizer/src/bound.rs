//! How many tokens a text has at least, from its length alone: each token stands
//! for so many bytes at most.
//!
//! White space counts for nothing, on either side. Templates strip it, some
//! tokens swallow it, and the longest tokens of many vocabularies are of nothing
//! else.

use super::byte_level;
use super::vocabulary::{SPACE_MARK, TokenType, Vocabulary};
use super::{Model, Tokenizer};

/// Returns the bytes of a text that are not white space; the sign that
/// vocabularies write for a space counts as such.
pub fn black_bytes(text: &str) -> usize {
    let is_white =
        |character: &char| character.is_whitespace() || SPACE_MARK.starts_with(*character);
    let white: usize = text.chars().filter(is_white).map(char::len_utf8).sum();
    text.len() - white
}

impl Tokenizer {
    /// Returns how many tokens a text has at least that holds so many
    /// [`black_bytes`], whatever else it holds and wherever they stand in it; 0
    /// where the tokenizer's kind leaves out characters, so that there is no bound.
    pub fn least_tokens(&self, black_bytes: usize) -> usize {
        let most = self.most_bytes.get_or_init(|| self.find_most_bytes());
        most.map_or(0, |most| black_bytes.div_ceil(most.max(1)))
    }

    /// Returns the most bytes, white space aside, that one token stands for.
    fn find_most_bytes(&self) -> Option<usize> {
        let vocabulary = &self.vocabulary;
        let is_whole = match &self.model {
            Model::Bpe(pairs) if pairs.is_byte_level() => writes_all_characters(vocabulary),
            Model::Bpe(pairs) => pairs.keeps_all() && writes_all_bytes(vocabulary),
            Model::Spm(_) => writes_all_bytes(vocabulary),
            // Accents go, long words and runs of unknown characters are one token.
            Model::WordPiece(_) | Model::Unigram(_) | Model::HuggingFace(_) => false,
        };
        let is_byte_level = matches!(&self.model, Model::Bpe(pairs) if pairs.is_byte_level());
        let ids = 0..u32::try_from(vocabulary.len()).unwrap_or(u32::MAX);
        let lengths = ids.map(|id| most_bytes_of(vocabulary, id, is_byte_level));
        is_whole.then(|| lengths.max().unwrap_or(0).max(1))
    }
}

/// Returns a number of bytes, white space aside, of which a token stands for no
/// more.
fn most_bytes_of(vocabulary: &Vocabulary, id: u32, is_byte_level: bool) -> usize {
    let text = vocabulary.text(id);
    let mut bytes = Vec::new();
    match (vocabulary.token_type(id), is_byte_level) {
        // A token that stands for a byte is also written out, in markup that was
        // asked for.
        (TokenType::Normal, true) => byte_level::decode(text, &mut bytes),
        (_, true) => bytes.extend_from_slice(text),
        (_, false) => bytes.extend_from_slice(&without_marks(text)),
    }
    let black = bytes.iter().filter(|byte| !byte.is_ascii_whitespace());
    black.count()
}

fn without_marks(text: &[u8]) -> Vec<u8> {
    let mark = SPACE_MARK.as_bytes();
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, later)) = rest.split_first() {
        rest = match rest.strip_prefix(mark) {
            Some(after) => after,
            None => {
                bytes.push(first);
                later
            }
        };
    }
    bytes
}

/// Whether every byte has a token, if only the unknown one.
fn writes_all_bytes(vocabulary: &Vocabulary) -> bool {
    (0..=u8::MAX).all(|byte| vocabulary.byte_id(byte).is_some())
}

/// The same where bytes are written as characters.
fn writes_all_characters(vocabulary: &Vocabulary) -> bool {
    let mut text = Vec::new();
    vocabulary.unknown.is_some()
        || (0..=u8::MAX).all(|byte| {
            text.clear();
            byte_level::spell(byte, &mut text);
            vocabulary.find_text(&text).is_some()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_counts_for_nothing() {
        assert_eq!(black_bytes(" a\u{2581}é\n\u{3000}\u{a0}b\t"), 4);
        assert_eq!(black_bytes(""), 0);
        assert_eq!(
            without_marks("▁▁a▁é\u{2582}".as_bytes()),
            "aé\u{2582}".as_bytes()
        );
    }
}

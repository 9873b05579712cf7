//! Token ids to text, one by one, without ever cutting a character.

use super::Tokenizer;

/// Turns a stream of ids into text. What it gives, put together, is what
/// [`Tokenizer::decode`] gives for all the ids at once.
#[derive(Debug, Clone)]
pub struct Decoder<'t> {
    tokenizer: &'t Tokenizer,
    /// The bytes of a character whose end has not arrived, at most three.
    pending: Vec<u8>,
    /// What the last call has returned.
    text: String,
    /// Whether a space at the very beginning belongs to the encoding only.
    drops_space: bool,
}

impl<'t> Decoder<'t> {
    pub(super) fn new(tokenizer: &'t Tokenizer, drops_space: bool) -> Self {
        Self {
            tokenizer,
            pending: Vec::new(),
            text: String::new(),
            drops_space,
        }
    }

    /// Takes the next id and returns the text that is now certain: whole
    /// characters, often none, U+FFFD for bytes that are not UTF-8. Markup
    /// shows nothing.
    pub fn push(&mut self, id: u32) -> &str {
        self.text.clear();
        if self.tokenizer.is_hidden(id) {
            return &self.text;
        }
        self.tokenizer.vocabulary.show(id, &mut self.pending);
        // Nothing is pending before the first bytes that are shown.
        if self.drops_space && !self.pending.is_empty() {
            self.drops_space = false;
            if self.pending.starts_with(b" ") {
                self.pending.remove(0);
            }
        }
        self.take_characters();
        &self.text
    }

    /// Ends the stream: returns U+FFFD if a character was left unfinished,
    /// else nothing.
    pub fn finish(&mut self) -> &str {
        self.text.clear();
        if !self.pending.is_empty() {
            self.pending.clear();
            self.text.push(char::REPLACEMENT_CHARACTER);
        }
        &self.text
    }

    /// Moves whole characters from `pending` to `text`, with one U+FFFD for
    /// each broken sequence, as `String::from_utf8_lossy` does it.
    fn take_characters(&mut self) {
        let mut chunks = self.pending.utf8_chunks().peekable();
        let mut unfinished = 0;
        while let Some(chunk) = chunks.next() {
            self.text.push_str(chunk.valid());
            let broken = chunk.invalid();
            if chunks.peek().is_none() && is_unfinished(broken) {
                unfinished = broken.len();
            } else if !broken.is_empty() {
                self.text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        let whole = self.pending.len() - unfinished;
        self.pending.drain(..whole);
    }
}

/// Returns whether `bytes` could be the start of a character.
fn is_unfinished(bytes: &[u8]) -> bool {
    match std::str::from_utf8(bytes) {
        Ok(_) => false,
        Err(error) => error.error_len().is_none(),
    }
}

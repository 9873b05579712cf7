//! Whether a marker after the answer so far begins reasoning or is only spoken of: what the answer's
//! last characters say about it.

/// The fence of a code block (`CommonMark`, section 4.5).
const FENCES: [&str; 2] = ["```", "~~~"];

/// What stands before a word that is only quoted.
const QUOTES: &[char] = &['`', '"', '\'', '“', '‘', '«', '„'];

/// What is known of the answer so far; the default is its beginning.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Quoting {
    last: Option<char>,
    /// The first letters of the line, without spaces before them.
    line: String,
    in_code: bool,
}

impl Quoting {
    /// Goes on over text of the answer.
    pub(super) fn pass(&mut self, text: &str) {
        for character in text.chars() {
            self.last = Some(character);
            if character == '\n' {
                self.line.clear();
            } else if self.line.len() < 3 && !(self.line.is_empty() && character == ' ') {
                self.line.push(character);
                if FENCES.contains(&self.line.as_str()) {
                    self.in_code = !self.in_code;
                }
            }
        }
    }

    /// Returns whether what comes now is quoted, or is code.
    pub(super) fn is_quoted(&self) -> bool {
        self.in_code || self.last.is_some_and(|last| QUOTES.contains(&last))
    }

    /// Returns whether no word ends here.
    pub(super) fn is_apart(&self) -> bool {
        self.last.is_none_or(char::is_whitespace)
    }

    /// Returns whether a line begins here.
    pub(super) fn begins_line(&self) -> bool {
        self.line.is_empty()
    }
}

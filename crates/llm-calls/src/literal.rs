//! Texts that stand around what a call says. Models are careless with white space, so none of it counts.

/// A text that a format has at a place of its own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Literal(String);

/// Whether a text goes on with a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Match {
    /// It does, up to this byte.
    Yes(usize),
    /// It ends before that is certain.
    Open,
    /// It does not.
    No,
}

/// Stands in a literal for a number that counts the calls.
pub(crate) const COUNTER: char = '\u{e000}';

impl Literal {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Whether there is nothing but white space in it.
    pub(crate) fn is_blank(&self) -> bool {
        self.0.trim().is_empty()
    }

    /// The whole text.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    /// The text without white space at its ends.
    pub(crate) fn core(&self) -> &str {
        self.0.trim()
    }

    /// The white space that it begins with.
    pub(crate) fn leading(&self) -> &str {
        &self.0[..self.0.len() - self.0.trim_start().len()]
    }

    /// The white space that it ends with.
    pub(crate) fn trailing(&self) -> &str {
        &self.0[self.0.trim_end().len()..]
    }

    /// The literal, and what follows it there.
    pub(crate) fn then(&self, other: &Self) -> Self {
        Self(format!("{}{}", self.0, other.0))
    }

    /// Returns whether `text` goes on with it from byte `at` on; white space before it is passed over, and that
    /// behind it is not.
    pub(crate) fn at(&self, text: &str, at: usize) -> Match {
        let mut place = at + spaces(&text[at..]);
        let core = self.core();
        if core.is_empty() {
            return Match::Yes(at);
        }
        let mut before = ' ';
        for wanted in core.chars() {
            // Between two marks there may be some, too.
            let is_between = ">]".contains(before) && "<[".contains(wanted);
            if wanted.is_whitespace() || is_between {
                place += spaces(&text[place..]);
            }
            before = wanted;
            if wanted.is_whitespace() {
                continue;
            }
            if wanted == COUNTER {
                let digits = text[place..].bytes().take_while(u8::is_ascii_digit);
                let digits = digits.count();
                place += digits;
                match digits {
                    0 if place == text.len() => return Match::Open,
                    0 => return Match::No,
                    _ => continue,
                }
            }
            place += match text[place..].chars().next() {
                None => return Match::Open,
                Some(found) if found == wanted => found.len_utf8(),
                Some(_) => return Match::No,
            };
        }
        Match::Yes(place)
    }

    /// Returns where in `text`, from byte `from` on, it begins first, and where it ends there.
    pub(crate) fn find(&self, text: &str, from: usize) -> Option<(usize, usize)> {
        let core = self.core();
        let first = core.find(['>', ']']).map_or(core, |end| &core[..=end]);
        let first = first.split_whitespace().next()?;
        let mut places = text[from..].match_indices(first);
        places.find_map(|(at, _)| match self.at(text, from + at) {
            Match::Yes(end) => Some((from + at, end)),
            Match::Open | Match::No => None,
        })
    }
}

/// Returns how many bytes of white space a text begins with.
pub(crate) fn spaces(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

/// Returns how many bytes at the end of a text may be the beginning of `marker`.
pub(crate) fn begun(text: &str, marker: &str) -> usize {
    let longest = marker.len().min(text.len() + 1).saturating_sub(1);
    let ends = (1..=longest).rev();
    ends.filter(|length| marker.is_char_boundary(*length))
        .find(|length| text.ends_with(&marker[..*length]))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_does_not_count() {
        let literal = Literal::new("\n<call>\n<name=");
        assert_eq!(literal.at("x<call><name=y", 1), Match::Yes(13));
        assert_eq!(literal.at("x <call> \n <name=y", 1), Match::Yes(17));
        assert_eq!(literal.at("x<call> ", 1), Match::Open);
        assert_eq!(literal.at("x<call> <nome", 1), Match::No);
        assert_eq!(Literal::new(" ").at("x", 0), Match::Yes(0));
    }

    #[test]
    fn a_counter_is_any_number() {
        let literal = Literal::new(format!(":{COUNTER}<"));
        assert_eq!(literal.at(":12<", 0), Match::Yes(4));
        assert_eq!(literal.at(":", 0), Match::Open);
        assert_eq!(literal.at(":<", 0), Match::No);
    }

    #[test]
    fn what_may_become_a_marker_is_held() {
        assert_eq!(begun("Hi <to", "<tool>"), 3);
        assert_eq!(begun("Hi <tool>", "<tool>"), 0);
        assert_eq!(begun("", "<tool>"), 0);
        assert_eq!(begun("a", "a"), 0);
    }
}

//! Stop strings: text is held back as long as it may be the start of one.

/// An answer's text, cut at the first stop string.
#[derive(Debug)]
pub(super) struct StopStrings {
    stops: Vec<String>,
    text: String,
    /// Bytes of `text` that were handed out.
    taken: usize,
    stopped: bool,
}

impl StopStrings {
    pub(super) fn new(stops: Vec<String>) -> Self {
        Self {
            stops,
            text: String::new(),
            taken: 0,
            stopped: false,
        }
    }

    /// Adds text and returns whether a stop string is complete. The text is
    /// then cut where the earliest one begins, and nothing more is added.
    pub(super) fn push(&mut self, more: &str) -> bool {
        if self.stopped || more.is_empty() {
            return self.stopped;
        }
        self.text.push_str(more);
        let whole = self.stops.iter().filter(|stop| !stop.is_empty());
        // What was handed out is certain to belong to no stop string.
        let found = whole
            .filter_map(|stop| self.text[self.taken..].find(stop.as_str()))
            .min();
        if let Some(at) = found {
            self.text.truncate(self.taken + at);
            self.stopped = true;
        }
        self.stopped
    }

    /// Hands out what can no longer become part of a stop string.
    pub(super) fn take_certain(&mut self) -> &str {
        let held = if self.stopped {
            0
        } else {
            self.longest_beginning()
        };
        let from = self.taken;
        self.taken = self.text.len() - held;
        &self.text[from..self.taken]
    }

    /// Hands out the rest.
    pub(super) fn take_rest(&mut self) -> &str {
        let from = self.taken;
        self.taken = self.text.len();
        &self.text[from..]
    }

    /// Returns the whole text.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// Returns the length of the longest end of the text, not yet handed out,
    /// that begins a stop string.
    fn longest_beginning(&self) -> usize {
        let rest = &self.text[self.taken..];
        let starts = rest.char_indices().map(|(at, _)| &rest[at..]);
        let begins = |end: &&str| self.stops.iter().any(|stop| stop.starts_with(*end));
        starts.filter(begins).map(str::len).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(stops: &[&str], pieces: &[&str]) -> (Vec<String>, String) {
        let stops: Vec<String> = stops.iter().map(ToString::to_string).collect();
        let mut text = StopStrings::new(stops);
        let mut parts = Vec::new();
        for piece in pieces {
            let stopped = text.push(piece);
            parts.push(text.take_certain().to_owned());
            if stopped {
                break;
            }
        }
        parts.push(text.take_rest().to_owned());
        (parts, text.into_text())
    }

    #[test]
    fn a_possible_beginning_is_held_back_and_then_given() {
        let (parts, text) = run(&["END"], &["a E", "N", "x E"]);
        assert_eq!(parts, ["a ", "", "ENx ", "E"]);
        assert_eq!(text, "a ENx E");
    }

    #[test]
    fn the_earliest_stop_cuts_and_ends() {
        let (parts, text) = run(&["two", "o\n"], &["one t", "wo\nmore"]);
        assert_eq!(parts.concat(), "one ");
        assert_eq!(text, "one ");
        assert_eq!(run(&["é"], &["caf", "é!"]).1, "caf");
        assert_eq!(run(&[""], &["all"]).1, "all");
    }
}

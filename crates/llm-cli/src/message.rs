//! Sentences for people, on standard error, each in one write so that programs in one pipeline do not
//! mix theirs. What is worth saying is the caller's choice.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// A line is cut after so many bytes: it may quote a text of any length, and a sentence that fills the
/// screen is not read.
const LONGEST: usize = 2 << 10;

/// Something that is drawn on standard error, a bar say.
pub trait Drawn: Send + Sync {
    /// Runs a write while it is out of the way.
    fn step_aside(&self, write: &mut dyn FnMut());

    /// Wipes it for good.
    fn wipe(&self);
}

/// What is drawn on standard error now. Messages come from several threads and places, and none of
/// them may be torn by it.
static DRAWN: Mutex<Option<Arc<dyn Drawn>>> = Mutex::new(None);

/// Names what is drawn on standard error: it steps aside for each message. `None` once nothing is drawn
/// any more.
pub fn draw_around(drawn: Option<Arc<dyn Drawn>>) {
    *DRAWN.lock().unwrap_or_else(PoisonError::into_inner) = drawn;
}

/// Wipes what is drawn, for a program that ends without coming back to it.
pub(crate) fn wipe() {
    let drawn = DRAWN.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(drawn) = drawn {
        drawn.wipe();
    }
}

/// Where sentences go, with the program's name before each.
///
/// They are plain text, always: no colour is ever written, so `NO_COLOR` has nothing to change.
#[derive(Clone, Copy, Debug)]
pub struct Messages {
    program: &'static str,
    quiet: bool,
}

impl Messages {
    /// Returns the messages of a program, `llm-run` say.
    #[must_use]
    pub fn new(program: &'static str) -> Self {
        Self {
            program,
            quiet: false,
        }
    }

    /// Returns the same messages, without notes if `quiet`.
    #[must_use]
    pub fn quiet(self, quiet: bool) -> Self {
        Self { quiet, ..self }
    }

    /// Says why something failed.
    pub fn error(&self, sentence: impl Display) {
        self.say("error: ", &sentence);
    }

    /// Says what the user may not have meant.
    pub fn warning(&self, sentence: impl Display) {
        self.say("warning: ", &sentence);
    }

    /// Says something that is good to know, unless the user asked for quiet.
    pub fn note(&self, sentence: impl Display) {
        if !self.quiet {
            self.say("", &sentence);
        }
    }

    /// Shows a piece of a longer text as it comes, a model's reasoning say. It must not be able to steer
    /// a terminal either, but keeps its lines.
    pub fn passage(&self, text: &str) {
        let mut shown = String::with_capacity(text.len());
        for line in text.split_inclusive('\n') {
            let (line, end) = match line.strip_suffix('\n') {
                Some(line) => (line, "\n"),
                None => (line, ""),
            };
            shown.push_str(&unsteered(line, usize::MAX));
            shown.push_str(end);
        }
        self.write(&shown);
    }

    /// Says what is wrong with the arguments, in the parser's own words of several lines.
    pub(crate) fn usage(&self, text: &str) {
        let lines = lines(self.program, text);
        self.write(&lines);
    }

    /// Standard error may be closed or full; there is nobody left to tell, so its errors are dropped.
    fn say(&self, kind: &str, sentence: &dyn Display) {
        self.write(&line(self.program, kind, &sentence.to_string()));
    }

    fn write(self, text: &str) {
        let mut write = || {
            let mut stderr = io::stderr().lock();
            let _ = stderr.write_all(text.as_bytes());
            let _ = stderr.flush();
        };
        let drawn = DRAWN.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match drawn {
            Some(drawn) => drawn.step_aside(&mut write),
            None => write(),
        }
    }
}

/// Returns one message.
fn line(program: &str, kind: &str, sentence: &str) -> String {
    format!("{program}: {kind}{}\n", plain(sentence.trim_end()))
}

/// Returns an error whose text has lines of its own.
fn lines(program: &str, text: &str) -> String {
    let lines: Vec<_> = text.trim_end().lines().map(plain).collect();
    format!("{program}: error: {}\n", lines.join("\n"))
}

/// Returns a text as one line that is not too long. It may quote a file's or a model's words, which
/// must not be able to steer a terminal or to look like a message of their own, so control characters
/// other than tab are shown escaped.
fn plain(text: &str) -> String {
    unsteered(text, LONGEST)
}

fn unsteered(text: &str, longest: usize) -> String {
    let mut plain = String::new();
    for letter in text.chars() {
        if plain.len() >= longest {
            plain.push('…');
            break;
        }
        if letter.is_control() && letter != '\t' {
            plain.extend(letter.escape_default());
        } else {
            plain.push(letter);
        }
    }
    plain
}

/// Returns a text of several lines for a terminal: control characters other than line ends are shown
/// escaped, since what a file, a hub or a record says must not steer it.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() && letter != '\n' {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_plain_line() {
        assert_eq!(
            line("llm-run", "error: ", "no model 'x'\n"),
            "llm-run: error: no model 'x'\n"
        );
        assert_eq!(
            line("llm-run", "", "\u{1b}[31mred"),
            "llm-run: \\u{1b}[31mred\n"
        );
        assert_eq!(
            line("llm-run", "error: ", "no field 'a\nllm-run: b'\n"),
            "llm-run: error: no field 'a\\nllm-run: b'\n"
        );
    }

    #[test]
    fn what_is_printable_keeps_its_lines_and_no_other_control_character() {
        assert_eq!(
            printable("a\nb\t\u{1b}[31mc\r\n"),
            "a\nb\\t\\u{1b}[31mc\\r\n"
        );
    }

    #[test]
    fn a_long_message_is_cut() {
        let long = line("llm-run", "", &"ä".repeat(100_000));
        assert!(long.ends_with("ä…\n"), "{long}");
        assert!(long.len() < LONGEST + 20, "{}", long.len());
        let short = "x".repeat(LONGEST);
        assert_eq!(line("llm-run", "", &short), format!("llm-run: {short}\n"));
    }

    #[test]
    fn usage_keeps_its_lines() {
        let long = format!("bad\u{1b}\n\nUsage: {}\n", "x".repeat(100_000));
        let told = lines("llm-run", &long);
        assert!(told.starts_with("llm-run: error: bad\\u{1b}\n\nUsage: xx"));
        assert!(told.len() < LONGEST + 100, "{}", told.len());
    }
}

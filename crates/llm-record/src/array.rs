//! A JSON array → a line for each of its elements, so that what `jq -s` or an export has written is read
//! as lines are. Whether an element is JSON is the business of whoever reads its line.

use std::io::{self, Read};

/// A reader whose input, where it is an array, comes with a line for each element. Anything else comes as
/// it is.
#[derive(Debug)]
pub struct ArrayAsLines<R> {
    inner: R,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing but white space has come.
    Start,
    /// The input is no array, or its array has ended.
    Plain,
    /// Within the array.
    Inside {
        /// Lists and objects that are open within it.
        depth: u64,
        /// Within a text, and whether the next character of it is escaped.
        text: Option<bool>,
    },
}

impl<R: Read> ArrayAsLines<R> {
    /// Returns the lines of a reader.
    pub fn new(inner: R) -> Self {
        Self {
            inner,
            state: State::Start,
        }
    }

    /// Returns what stands in the place of a byte: one byte each, so that nothing grows.
    fn turned(&mut self, byte: u8) -> u8 {
        match &mut self.state {
            State::Plain => byte,
            State::Start => match byte {
                b'[' => {
                    self.state = State::Inside {
                        depth: 0,
                        text: None,
                    };
                    b' '
                }
                // A byte order mark may come first.
                b' ' | b'\t' | b'\r' | b'\n' | 0xef | 0xbb | 0xbf => byte,
                _ => {
                    self.state = State::Plain;
                    byte
                }
            },
            State::Inside {
                text: text @ Some(_),
                ..
            } => {
                *text = match (*text, byte) {
                    (Some(false), b'\\') => Some(true),
                    (Some(false), b'"') => None,
                    _ => Some(false),
                };
                byte
            }
            State::Inside { depth, text } => {
                match byte {
                    b'"' => *text = Some(false),
                    b'[' | b'{' => *depth += 1,
                    b']' if *depth == 0 => {
                        self.state = State::Plain;
                        return b'\n';
                    }
                    b']' | b'}' => *depth = depth.saturating_sub(1),
                    b',' if *depth == 0 => return b'\n',
                    // Between the parts of an element: its line goes on.
                    b'\n' | b'\r' => return b' ',
                    _ => {}
                }
                byte
            }
        }
    }
}

impl<R: Read> Read for ArrayAsLines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        if self.state != State::Plain {
            for byte in &mut buffer[..read] {
                *byte = self.turned(*byte);
            }
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(input: &str) -> Vec<String> {
        let mut text = String::new();
        ArrayAsLines::new(input.as_bytes())
            .read_to_string(&mut text)
            .unwrap();
        let lines = text.trim_start_matches('\u{feff}').lines();
        let lines = lines.map(str::trim).filter(|line| !line.is_empty());
        lines.map(str::to_owned).collect()
    }

    #[test]
    fn each_element_is_a_line() {
        let array = "\u{feff}\n[ {\"a\": [1,\n2],\n \"b\": \"x, ]\\\" {\"},\r\n{}, 3 ]\n";
        assert_eq!(
            lines(array),
            [r#"{"a": [1, 2],  "b": "x, ]\" {"}"#, "{}", "3"]
        );
        assert!(lines("[]").is_empty());
    }

    #[test]
    fn anything_else_stays() {
        for input in ["{\"a\":\n[1,2]}", "x[1,\n2]", "", "\"[1\n2]\""] {
            let kept: Vec<_> = input.lines().collect();
            assert_eq!(lines(input), kept);
        }
        // What follows the array does, too.
        assert_eq!(lines("[1]\n[2,3]"), ["1", "[2,3]"]);
    }
}

//! Values as Python writes them, which templates print where they print no JSON, and models after them.

use serde_json::{Map, Number, Value};

/// How deep lists and dictionaries may nest.
const DEEPEST: usize = 64;

/// How the reading of a value has ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Read {
    /// With this value, before this byte.
    Value(Value, usize),
    /// The text ends in the midst of it.
    Open,
    /// There is none.
    No,
}

/// Reads a whole text as one value.
pub(crate) fn parse(text: &str) -> Option<Value> {
    let text = text.trim();
    match read(text, 0) {
        Read::Value(value, end) if end == text.len() => Some(value),
        _ => None,
    }
}

/// Reads the value that begins at a byte.
pub(crate) fn read(text: &str, at: usize) -> Read {
    let mut reader = Reader { text, at };
    match reader.value(0) {
        Ok(value) => Read::Value(value, reader.at),
        Err(Stop::Open) => Read::Open,
        Err(Stop::No) => Read::No,
    }
}

enum Stop {
    Open,
    No,
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn pass_spaces(&mut self) {
        self.at += super::literal::spaces(self.rest());
    }

    fn peek(&self) -> Result<char, Stop> {
        self.rest().chars().next().ok_or(Stop::Open)
    }

    fn take(&mut self, wanted: char) -> bool {
        let is_there = self.rest().starts_with(wanted);
        if is_there {
            self.at += wanted.len_utf8();
        }
        is_there
    }

    fn value(&mut self, depth: usize) -> Result<Value, Stop> {
        if depth > DEEPEST {
            return Err(Stop::No);
        }
        self.pass_spaces();
        match self.peek()? {
            quote @ ('\'' | '"') => self.string(quote).map(Value::from),
            '[' => self.list(']', depth),
            '(' => self.list(')', depth),
            '{' => self.dictionary(depth),
            _ => self.word(),
        }
    }

    fn string(&mut self, quote: char) -> Result<String, Stop> {
        self.at += 1;
        let mut said = String::new();
        loop {
            let next = self.peek()?;
            self.at += next.len_utf8();
            match next {
                _ if next == quote => return Ok(said),
                '\\' => self.escaped(&mut said)?,
                _ => said.push(next),
            }
        }
    }

    fn escaped(&mut self, said: &mut String) -> Result<(), Stop> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        match next {
            'n' => said.push('\n'),
            't' => said.push('\t'),
            'r' => said.push('\r'),
            '\n' => {}
            'x' => said.push(self.code(2)?),
            'u' => {
                let first = self.number(4)?;
                said.push(self.paired(first)?);
            }
            'U' => said.push(self.code(8)?),
            '\\' | '\'' | '"' | '/' => said.push(next),
            _ => said.extend(['\\', next]),
        }
        Ok(())
    }

    /// Goes on with the second half of a character that JSON writes as two.
    fn paired(&mut self, first: u32) -> Result<char, Stop> {
        let is_half = (0xd800..0xdc00).contains(&first);
        if !is_half || !self.rest().starts_with("\\u") {
            return char::from_u32(first).ok_or(Stop::No);
        }
        self.at += 2;
        let second = self.number(4)?;
        let low = second.checked_sub(0xdc00).filter(|low| *low < 0x400);
        let code = low.map(|low| 0x10000 + ((first - 0xd800) << 10) + low);
        code.and_then(char::from_u32).ok_or(Stop::No)
    }

    fn code(&mut self, digits: usize) -> Result<char, Stop> {
        char::from_u32(self.number(digits)?).ok_or(Stop::No)
    }

    fn number(&mut self, digits: usize) -> Result<u32, Stop> {
        if self.rest().len() < digits {
            return Err(Stop::Open);
        }
        let digits = self.rest().get(..digits).ok_or(Stop::No)?;
        let number = u32::from_str_radix(digits, 16).map_err(|_| Stop::No)?;
        self.at += digits.len();
        Ok(number)
    }

    fn list(&mut self, close: char, depth: usize) -> Result<Value, Stop> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.pass_spaces();
            if self.take(close) {
                return Ok(items.into());
            }
            items.push(self.value(depth + 1)?);
            self.pass_spaces();
            if !self.take(',') && self.peek()? != close {
                return Err(Stop::No);
            }
        }
    }

    fn dictionary(&mut self, depth: usize) -> Result<Value, Stop> {
        self.at += 1;
        let mut items = Map::new();
        loop {
            self.pass_spaces();
            if self.take('}') {
                return Ok(items.into());
            }
            let Value::String(key) = self.value(depth + 1)? else {
                return Err(Stop::No);
            };
            self.pass_spaces();
            if !self.take(':') {
                return Err(if self.rest().is_empty() {
                    Stop::Open
                } else {
                    Stop::No
                });
            }
            items.insert(key, self.value(depth + 1)?);
            self.pass_spaces();
            if !self.take(',') && self.peek()? != '}' {
                return Err(Stop::No);
            }
        }
    }

    /// Reads a number or a name. What ends with the text may go on.
    fn word(&mut self) -> Result<Value, Stop> {
        let is_part = |next: &char| next.is_alphanumeric() || "+-._".contains(*next);
        let length = self.rest().chars().take_while(is_part);
        let length: usize = length.map(char::len_utf8).sum();
        let word = &self.rest()[..length];
        let value = match word {
            "True" | "true" => Value::from(true),
            "False" | "false" => Value::from(false),
            "None" | "null" | "none" => Value::Null,
            _ => match word.parse::<Number>() {
                Ok(number) => number.into(),
                Err(_) if length == self.rest().len() => return Err(Stop::Open),
                Err(_) => return Err(Stop::No),
            },
        };
        self.at += length;
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_read_as_python_writes_them() {
        let text = r#"{'a': [1, -2.5, True, None], "b": 'it\'s \x41\u00fc', 'c': ()}"#;
        let wanted = json!({"a": [1, -2.5, true, null], "b": "it's Aü", "c": []});
        assert_eq!(parse(text), Some(wanted));
        assert_eq!(parse(r#""\ud83d\ude00""#), Some(json!("😀")));
        for wrong in ["", "Paris", "[1 2]", "{1: 2}", "'a' b", "\"\\ud83d\""] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_text_that_ends_early_is_told_from_a_wrong_one() {
        let text = r#"{'a': [1, "x\"y"]}"#;
        for end in 0..text.len() {
            assert_eq!(read(&text[..end], 0), Read::Open, "{}", &text[..end]);
        }
        assert_eq!(read("[1, 'a' 2", 0), Read::No);
        let deep = "[".repeat(100_000);
        assert_eq!(read(&deep, 0), Read::No);
    }
}

//! Patterns of JSON Schema: regular expressions of ECMA-262 in Unicode mode, read into a tree.
//!
//! The dialect differs from Rust's in what `.`, `\s` and `\d` match, in classes (no set operations) and
//! in escapes, so a pattern is never handed over as text: the tree is written anew
//! ([`super::language`]). Look-around and back references describe no regular language and are refused.

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange, HirKind};

/// The most repetitions that a counted quantifier may ask for.
const REPEAT_MAX: u32 = 10_000;

/// How deeply groups may nest.
const DEPTH_MAX: usize = 50;

/// A regular expression over Unicode scalar values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    /// One character out of a set.
    Class(ClassUnicode),
    /// One after the other; the empty text if there are none.
    Concat(Vec<Node>),
    /// Any one of these; nothing at all if there are none.
    Alternation(Vec<Node>),
    /// From `min` to `max` times, without end if there is no `max`.
    Repeat(Box<Node>, u32, Option<u32>),
    /// Only at the start of the text.
    Start,
    /// Only at the end of the text.
    End,
}

impl Node {
    /// Returns the tree that matches exactly one text.
    pub(crate) fn literal(text: &str) -> Self {
        Self::Concat(text.chars().map(|c| Self::Class(single(c))).collect())
    }

    /// Returns the tree that matches every text.
    pub(crate) fn anything() -> Self {
        Self::Repeat(Box::new(Self::Class(any())), 0, None)
    }
}

/// Why a pattern is not enforced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PatternFault {
    /// It is no regular expression of ECMA-262.
    Invalid(String),
    /// It is one that no finite automaton can follow, or larger than the bounds.
    Unsupported(String),
}

/// Reads a pattern of JSON Schema.
pub(crate) fn parse(text: &str) -> Result<Node, PatternFault> {
    let chars = text.chars().collect::<Vec<_>>();
    let mut parser = Parser {
        chars: &chars,
        at: 0,
        depth: 0,
    };
    let node = parser.alternation()?;
    if parser.peek().is_some() {
        return Err(parser.invalid("a ')' without its '('"));
    }
    Ok(node)
}

/// Returns the set of all characters.
pub(crate) fn any() -> ClassUnicode {
    ClassUnicode::new([ClassUnicodeRange::new('\0', char::MAX)])
}

/// Returns the set of one character.
pub(crate) fn single(c: char) -> ClassUnicode {
    ClassUnicode::new([ClassUnicodeRange::new(c, c)])
}

/// Returns the set of characters in ranges.
fn ranges(list: &[(char, char)]) -> ClassUnicode {
    ClassUnicode::new(list.iter().map(|&(a, b)| ClassUnicodeRange::new(a, b)))
}

/// Returns what `\d`, `\w`, `\s` or one of their opposites stands for in ECMA-262.
fn shorthand(c: char) -> Option<ClassUnicode> {
    let mut class = match c.to_ascii_lowercase() {
        'd' => ranges(&[('0', '9')]),
        'w' => ranges(&[('0', '9'), ('A', 'Z'), ('a', 'z'), ('_', '_')]),
        's' => ranges(&[
            ('\t', '\r'),
            (' ', ' '),
            ('\u{a0}', '\u{a0}'),
            ('\u{1680}', '\u{1680}'),
            ('\u{2000}', '\u{200a}'),
            ('\u{2028}', '\u{2029}'),
            ('\u{202f}', '\u{202f}'),
            ('\u{205f}', '\u{205f}'),
            ('\u{3000}', '\u{3000}'),
            ('\u{feff}', '\u{feff}'),
        ]),
        _ => return None,
    };
    if c.is_ascii_uppercase() {
        class.negate();
    }
    Some(class)
}

struct Parser<'a> {
    chars: &'a [char],
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = text
            .chars()
            .enumerate()
            .all(|(i, c)| self.chars.get(self.at + i) == Some(&c));
        if found {
            self.at += text.chars().count();
        }
        found
    }

    fn invalid(&self, what: &str) -> PatternFault {
        PatternFault::Invalid(format!("{what} at character {} of the pattern", self.at))
    }

    fn alternation(&mut self) -> Result<Node, PatternFault> {
        if self.depth > DEPTH_MAX {
            let reason = format!("groups nest more than {DEPTH_MAX} deep");
            return Err(PatternFault::Unsupported(reason));
        }
        let mut branches = vec![self.concat()?];
        while self.eat("|") {
            branches.push(self.concat()?);
        }
        if branches.len() == 1 {
            return Ok(branches.remove(0));
        }
        Ok(Node::Alternation(branches))
    }

    fn concat(&mut self) -> Result<Node, PatternFault> {
        let mut nodes = Vec::new();
        while !matches!(self.peek(), None | Some('|' | ')')) {
            let node = self.atom()?;
            nodes.push(self.quantified(node)?);
        }
        if nodes.len() == 1 {
            return Ok(nodes.remove(0));
        }
        Ok(Node::Concat(nodes))
    }

    fn atom(&mut self) -> Result<Node, PatternFault> {
        let Some(c) = self.next() else {
            return Ok(Node::Concat(Vec::new()));
        };
        Ok(match c {
            '^' => Node::Start,
            '$' => Node::End,
            '.' => {
                let mut class = ranges(&[('\n', '\n'), ('\r', '\r'), ('\u{2028}', '\u{2029}')]);
                class.negate();
                Node::Class(class)
            }
            '(' => self.group()?,
            '[' => Node::Class(self.class()?),
            '\\' => Node::Class(self.escape(false)?),
            '*' | '+' | '?' => return Err(self.invalid("a quantifier with nothing to repeat")),
            _ => Node::Class(single(c)),
        })
    }

    fn group(&mut self) -> Result<Node, PatternFault> {
        for look in ["?=", "?!", "?<=", "?<!"] {
            if self.eat(look) {
                let reason = format!("'({look}' looks around, which no finite automaton can");
                return Err(PatternFault::Unsupported(reason));
            }
        }
        if self.eat("?<") {
            while self.next().ok_or_else(|| self.invalid("an open name"))? != '>' {}
        } else if !self.eat("?:") && self.peek() == Some('?') {
            return Err(self.invalid("a '(?' that ECMA-262 does not know"));
        }
        self.depth += 1;
        let node = self.alternation()?;
        self.depth -= 1;
        if !self.eat(")") {
            return Err(self.invalid("a '(' without its ')'"));
        }
        Ok(node)
    }

    fn quantified(&mut self, node: Node) -> Result<Node, PatternFault> {
        let (min, max) = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => match self.counted()? {
                Some(bounds) => bounds,
                None => return Ok(node),
            },
            _ => return Ok(node),
        };
        self.at += 1;
        self.eat("?"); // lazy or not, the texts are the same
        if matches!(node, Node::Start | Node::End) {
            return Err(self.invalid("a quantifier after an anchor"));
        }
        if matches!(self.peek(), Some('*' | '+' | '?')) {
            return Err(self.invalid("a second quantifier"));
        }
        Ok(Node::Repeat(Box::new(node), min, max))
    }

    /// Returns the bounds of `{n}`, `{n,}` or `{n,m}`, and stands on the `}` then; `None` if the brace is
    /// only a brace.
    fn counted(&mut self) -> Result<Option<(u32, Option<u32>)>, PatternFault> {
        let rest = &self.chars[self.at + 1..];
        let Some(length) = rest.iter().position(|&c| c == '}') else {
            return Ok(None);
        };
        let inner = rest[..length].iter().collect::<String>();
        let (low, high) = inner.split_once(',').unwrap_or((&inner, &inner));
        let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
        if !digits(low) || !(high.is_empty() || digits(high)) {
            return Ok(None);
        }
        let number = |text: &str| match text.parse() {
            Ok(n) if n <= REPEAT_MAX => Ok(n),
            _ => Err(PatternFault::Unsupported(format!(
                "it repeats more than {REPEAT_MAX} times"
            ))),
        };
        let min = number(low)?;
        let max = if high.is_empty() {
            None
        } else {
            Some(number(high)?)
        };
        if max.is_some_and(|max| max < min) {
            return Err(self.invalid("a quantifier whose bounds are the wrong way round"));
        }
        self.at += 1 + length;
        Ok(Some((min, max)))
    }

    fn class(&mut self) -> Result<ClassUnicode, PatternFault> {
        let negated = self.eat("^");
        let mut class = ClassUnicode::empty();
        loop {
            let first = match self.class_item()? {
                None => break,
                Some(item) => item,
            };
            let is_range = self.peek() == Some('-')
                && !matches!(self.chars.get(self.at + 1), None | Some(']'));
            if !is_range {
                class.union(&first);
                continue;
            }
            self.at += 1;
            let last = self.class_item()?.unwrap_or_else(ClassUnicode::empty);
            let (Some(low), Some(high)) = (one(&first), one(&last)) else {
                return Err(self.invalid("a range between sets of characters"));
            };
            if low > high {
                return Err(self.invalid("a range whose ends are the wrong way round"));
            }
            class.union(&ranges(&[(low, high)]));
        }
        if negated {
            class.negate();
        }
        Ok(class)
    }

    fn class_item(&mut self) -> Result<Option<ClassUnicode>, PatternFault> {
        match self.next() {
            None => Err(self.invalid("a '[' without its ']'")),
            Some(']') => Ok(None),
            Some('\\') => self.escape(true).map(Some),
            Some(c) => Ok(Some(single(c))),
        }
    }

    fn escape(&mut self, in_class: bool) -> Result<ClassUnicode, PatternFault> {
        let Some(c) = self.next() else {
            return Err(self.invalid("a '\\' with nothing after it"));
        };
        if let Some(class) = shorthand(c) {
            return Ok(class);
        }
        let plain = match c {
            't' => '\t',
            'n' => '\n',
            'v' => '\u{b}',
            'f' => '\u{c}',
            'r' => '\r',
            'b' if in_class => '\u{8}',
            'b' | 'B' => {
                let reason = format!("'\\{c}' looks around, which no finite automaton can");
                return Err(PatternFault::Unsupported(reason));
            }
            'c' => match self.next() {
                Some(letter) if letter.is_ascii_alphabetic() => {
                    char::from(u8::try_from(letter).unwrap_or(0) % 32)
                }
                _ => return Err(self.invalid("a '\\c' without a letter")),
            },
            '0' if !self.peek().is_some_and(|c| c.is_ascii_digit()) => '\0',
            'x' => self.hex(2)?,
            'u' => self.unicode()?,
            'p' | 'P' => return self.property(c == 'P'),
            '1'..='9' | 'k' => {
                let reason = "it refers back to a group, which no finite automaton can";
                return Err(PatternFault::Unsupported(reason.to_owned()));
            }
            _ if c.is_ascii_alphanumeric() => {
                return Err(self.invalid(&format!("'\\{c}', which is no escape of ECMA-262,")));
            }
            _ => c,
        };
        Ok(single(plain))
    }

    fn code(&mut self, digits: usize) -> Result<u32, PatternFault> {
        let text = self.chars.get(self.at..self.at + digits).unwrap_or(&[]);
        let text = text.iter().collect::<String>();
        let code = u32::from_str_radix(&text, 16);
        let code = code.map_err(|_| self.invalid("an escape without its hexadecimal digits"))?;
        self.at += digits;
        Ok(code)
    }

    fn hex(&mut self, digits: usize) -> Result<char, PatternFault> {
        let code = self.code(digits)?;
        char::from_u32(code).ok_or_else(|| self.invalid("an escape for half a surrogate pair"))
    }

    /// Reads what follows `\u`: `{…}`, four digits, or the two halves of a surrogate pair.
    fn unicode(&mut self) -> Result<char, PatternFault> {
        if self.eat("{") {
            let rest = &self.chars[self.at..];
            let length = rest.iter().position(|&c| c == '}').unwrap_or(0);
            let c = self.hex(length.min(8))?;
            self.at += 1;
            return Ok(c);
        }
        let high = self.code(4)?;
        if !(0xd800..0xdc00).contains(&high) {
            return char::from_u32(high)
                .ok_or_else(|| self.invalid("an escape for half a surrogate pair"));
        }
        if !self.eat("\\u") {
            return Err(self.invalid("an escape for half a surrogate pair"));
        }
        let low = self.code(4)?;
        let code = 0x10000 + ((high - 0xd800) << 10) + low.wrapping_sub(0xdc00);
        char::from_u32(code).ok_or_else(|| self.invalid("an escape for half a surrogate pair"))
    }

    /// Reads the `{…}` of a `\p` or `\P`.
    fn property(&mut self, negated: bool) -> Result<ClassUnicode, PatternFault> {
        let rest = self.chars.get(self.at..).unwrap_or(&[]);
        let length = rest.iter().position(|&c| c == '}').unwrap_or(0);
        let name = rest[..length].iter().collect::<String>();
        if !name.starts_with('{') {
            return Err(self.invalid("a '\\p' without its '{…}'"));
        }
        self.at += length + 1;
        let parsed =
            regex_syntax::parse(&format!("\\p{name}}}")).map(regex_syntax::hir::Hir::into_kind);
        let Ok(HirKind::Class(regex_syntax::hir::Class::Unicode(mut class))) = parsed else {
            let reason = format!("the Unicode property '{}' is not known here", &name[1..]);
            return Err(PatternFault::Unsupported(reason));
        };
        if negated {
            class.negate();
        }
        Ok(class)
    }
}

/// Returns the one character of a set, if it is one.
fn one(class: &ClassUnicode) -> Option<char> {
    match class.ranges() {
        [range] if range.start() == range.end() => Some(range.start()),
        _ => None,
    }
}

//! The syntax of GBNF, as `grammars/README.md` of llama.cpp describes it.

use std::collections::HashMap;

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

use super::GbnfError;
use super::tree::{Grammar, Part, PartId, Rule};
use crate::regular::pattern::{any, single};

/// The most repetitions that a counted quantifier may ask for.
const REPEAT_MAX: u32 = 10_000;

/// How deeply groups may nest.
const DEPTH_MAX: usize = 50;

/// The most parts of a grammar.
const PARTS_MAX: usize = 100_000;

/// Reads a grammar.
pub(super) fn parse(text: &str) -> Result<Grammar, GbnfError> {
    let chars = text.chars().collect::<Vec<_>>();
    let mut parser = Parser {
        chars: &chars,
        at: 0,
        depth: 0,
        parts: Vec::new(),
        names: HashMap::new(),
        rules: Vec::new(),
    };
    parser.space(true);
    while parser.peek().is_some() {
        parser.rule()?;
    }
    parser.finish()
}

/// A rule as far as it is known: where its name was met first, and its body.
struct Known {
    name: String,
    met: usize,
    body: Option<PartId>,
}

struct Parser<'a> {
    chars: &'a [char],
    at: usize,
    depth: usize,
    parts: Vec<Part>,
    names: HashMap<String, usize>,
    rules: Vec<Known>,
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn eat(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        self.at += usize::from(found);
        found
    }

    fn fault_at(&self, at: usize, reason: &str) -> GbnfError {
        let before = &self.chars[..at.min(self.chars.len())];
        let line = before.iter().filter(|&&c| c == '\n').count() + 1;
        let column = before.iter().rev().take_while(|&&c| c != '\n').count() + 1;
        GbnfError::Syntax {
            reason: reason.to_owned(),
            line,
            column,
        }
    }

    fn fault(&self, reason: &str) -> GbnfError {
        self.fault_at(self.at, reason)
    }

    fn part(&mut self, part: Part) -> Result<PartId, GbnfError> {
        if self.parts.len() >= PARTS_MAX {
            return Err(GbnfError::TooComplex {
                reason: format!("it has more than {PARTS_MAX} parts"),
            });
        }
        self.parts.push(part);
        Ok(self.parts.len() - 1)
    }

    /// Skips blanks and comments, and newlines where they do not end a rule.
    fn space(&mut self, newlines: bool) {
        while let Some(c) = self.peek() {
            match c {
                ' ' | '\t' => self.at += 1,
                '\r' | '\n' if newlines => self.at += 1,
                '#' => {
                    while self.peek().is_some_and(|c| c != '\n' && c != '\r') {
                        self.at += 1;
                    }
                }
                _ => return,
            }
        }
    }

    fn name(&mut self) -> Result<String, GbnfError> {
        let start = self.at;
        while self.peek().is_some_and(is_word) {
            self.at += 1;
        }
        if start == self.at {
            return Err(self.fault("no rule's name"));
        }
        Ok(self.chars[start..self.at].iter().collect())
    }

    fn known(&mut self, name: &str, met: usize) -> usize {
        if let Some(&index) = self.names.get(name) {
            return index;
        }
        self.rules.push(Known {
            name: name.to_owned(),
            met,
            body: None,
        });
        self.names.insert(name.to_owned(), self.rules.len() - 1);
        self.rules.len() - 1
    }

    fn rule(&mut self) -> Result<(), GbnfError> {
        let start = self.at;
        let name = self.name()?;
        let index = self.known(&name, start);
        self.space(false);
        for c in "::=".chars() {
            if !self.eat(c) {
                return Err(self.fault("no '::=' after a rule's name"));
            }
        }
        self.space(true);
        let body = self.choice(false)?;
        if self.peek().is_some_and(|c| c != '\n' && c != '\r') {
            return Err(self.fault("a character that no rule can go on with"));
        }
        if self.rules[index].body.is_some() {
            return Err(self.fault_at(start, &format!("the rule '{name}' a second time")));
        }
        self.rules[index].body = Some(body);
        self.space(true);
        Ok(())
    }

    fn choice(&mut self, nested: bool) -> Result<PartId, GbnfError> {
        if self.depth > DEPTH_MAX {
            return Err(self.fault(&format!("groups more than {DEPTH_MAX} deep")));
        }
        let mut branches = vec![self.sequence(nested)?];
        while self.eat('|') {
            self.space(true);
            branches.push(self.sequence(nested)?);
        }
        if branches.len() == 1 {
            return Ok(branches[0]);
        }
        self.part(Part::Choice(branches))
    }

    fn sequence(&mut self, nested: bool) -> Result<PartId, GbnfError> {
        let mut parts: Vec<PartId> = Vec::new();
        loop {
            let start = self.at;
            let Some(c) = self.peek() else { break };
            let part = match c {
                '"' => self.literal()?,
                '[' => self.class()?,
                '.' => {
                    self.at += 1;
                    self.part(Part::Class(any()))?
                }
                '<' | '!' => self.token()?,
                '(' => self.group()?,
                _ if is_word(c) => {
                    let name = self.name()?;
                    let index = self.known(&name, start);
                    self.part(Part::Rule(index))?
                }
                '*' | '+' | '?' | '{' => {
                    let (min, max) = self.quantifier(nested)?;
                    let Some(last) = parts.pop() else {
                        return Err(self.fault_at(start, "a quantifier with nothing to repeat"));
                    };
                    self.part(Part::Repeat(last, min, max))?
                }
                _ => break,
            };
            self.space(nested);
            parts.push(part);
        }
        if parts.len() == 1 {
            return Ok(parts[0]);
        }
        self.part(Part::Sequence(parts))
    }

    fn group(&mut self) -> Result<PartId, GbnfError> {
        let start = self.at;
        self.at += 1;
        self.space(true);
        self.depth += 1;
        let part = self.choice(true)?;
        self.depth -= 1;
        if !self.eat(')') {
            return Err(self.fault_at(start, "a '(' without its ')'"));
        }
        Ok(part)
    }

    fn literal(&mut self) -> Result<PartId, GbnfError> {
        let start = self.at;
        self.at += 1;
        let mut parts = Vec::new();
        while !self.eat('"') {
            if self.peek().is_none() {
                return Err(self.fault_at(start, "a '\"' without its end"));
            }
            let c = self.character()?;
            parts.push(self.part(Part::Class(single(c)))?);
        }
        if parts.len() == 1 {
            return Ok(parts[0]);
        }
        self.part(Part::Sequence(parts))
    }

    fn class(&mut self) -> Result<PartId, GbnfError> {
        let start = self.at;
        self.at += 1;
        let negated = self.eat('^');
        let mut class = ClassUnicode::empty();
        while !self.eat(']') {
            if self.peek().is_none() {
                return Err(self.fault_at(start, "a '[' without its ']'"));
            }
            let from = self.at;
            let low = self.character()?;
            let ranged = self.peek() == Some('-') && self.chars.get(self.at + 1) != Some(&']');
            let high = if ranged {
                self.at += 1;
                self.character()?
            } else {
                low
            };
            if low > high {
                return Err(self.fault_at(from, "a range whose ends are the wrong way round"));
            }
            class.push(ClassUnicodeRange::new(low, high));
        }
        if class.ranges().is_empty() {
            return Err(self.fault_at(start, "a set without characters"));
        }
        if negated {
            class.negate();
        }
        self.part(Part::Class(class))
    }

    fn character(&mut self) -> Result<char, GbnfError> {
        let start = self.at;
        let Some(c) = self.peek() else {
            return Err(self.fault("no character where one is due"));
        };
        self.at += 1;
        if c != '\\' {
            return Ok(c);
        }
        let escape = self.peek();
        self.at += 1;
        let digits = match escape {
            Some('t') => return Ok('\t'),
            Some('r') => return Ok('\r'),
            Some('n') => return Ok('\n'),
            Some(c @ ('\\' | '"' | '[' | ']')) => return Ok(c),
            Some('x') => 2,
            Some('u') => 4,
            Some('U') => 8,
            _ => return Err(self.fault_at(start, "an unknown escape")),
        };
        let text = self.chars.get(self.at..self.at + digits).unwrap_or(&[]);
        let text = text.iter().collect::<String>();
        self.at += digits;
        let hexadecimal = text.chars().all(|c| c.is_ascii_hexdigit());
        let code = u32::from_str_radix(&text, 16).ok().filter(|_| hexadecimal);
        code.and_then(char::from_u32)
            .ok_or_else(|| self.fault_at(start, "an escape that names no character"))
    }

    /// Reads `<name>`, `<[id]>` or `!<[id]>`.
    fn token(&mut self) -> Result<PartId, GbnfError> {
        let start = self.at;
        let negated = self.eat('!');
        let rest = &self.chars[self.at..];
        let end = rest.iter().position(|&c| c == '>').unwrap_or(0);
        if end == 0 || rest[0] != '<' {
            return Err(self.fault_at(start, "a token without its '<…>'"));
        }
        let name = rest[1..end].iter().collect::<String>();
        self.at += end + 1;
        let id = name
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'));
        let id = id.filter(|id| !id.is_empty() && id.chars().all(|c| c.is_ascii_digit()));
        let token = match id {
            Some(id) if negated => format!("<[^{id}]>"),
            Some(id) => format!("<[{id}]>"),
            None if negated => {
                let reason = format!("'!<{name}>', which needs the token's id ('!<[id]>')");
                return Err(self.fault_at(start, &reason));
            }
            None if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '<') => {
                return Err(self.fault_at(start, "a token's name that is empty or has blanks"));
            }
            None => format!("<{name}>"),
        };
        self.part(Part::Token(token))
    }

    fn quantifier(&mut self, nested: bool) -> Result<(u32, Option<u32>), GbnfError> {
        let start = self.at;
        let c = self.peek();
        self.at += 1;
        match c {
            Some('*') => return Ok((0, None)),
            Some('+') => return Ok((1, None)),
            Some('?') => return Ok((0, Some(1))),
            _ => {}
        }
        self.space(nested);
        let min = self.number()?;
        self.space(nested);
        let mut max = Some(min);
        if self.eat(',') {
            self.space(nested);
            max = None;
            if self.peek().is_some_and(|c| c.is_ascii_digit()) {
                max = Some(self.number()?);
                self.space(nested);
            }
        }
        if !self.eat('}') {
            return Err(self.fault("no '}' where one is due"));
        }
        if max.is_some_and(|max| max < min) {
            return Err(self.fault_at(start, "a quantifier whose bounds are the wrong way round"));
        }
        Ok((min, max))
    }

    fn number(&mut self) -> Result<u32, GbnfError> {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        let text = self.chars[start..self.at].iter().collect::<String>();
        match text.parse() {
            Ok(number) if number <= REPEAT_MAX => Ok(number),
            Ok(_) => Err(self.fault_at(start, &format!("more than {REPEAT_MAX} repetitions"))),
            Err(_) => Err(self.fault_at(start, "no number of repetitions up to 10000")),
        }
    }

    /// Puts the root first and drops the rules that it does not lead to.
    fn finish(self) -> Result<Grammar, GbnfError> {
        let Some(&root) = self.names.get("root") else {
            return Err(GbnfError::NoRoot);
        };
        let mut order = vec![root];
        let mut numbers = HashMap::from([(root, 0)]);
        let mut at = 0;
        while let Some(&index) = order.get(at) {
            at += 1;
            let rule = &self.rules[index];
            let Some(body) = rule.body else {
                let reason = format!("the rule '{}', which is nowhere defined,", rule.name);
                return Err(self.fault_at(rule.met, &reason));
            };
            let mut open = vec![body];
            while let Some(part) = open.pop() {
                match &self.parts[part] {
                    Part::Rule(other) => {
                        numbers.entry(*other).or_insert_with(|| {
                            order.push(*other);
                            order.len() - 1
                        });
                    }
                    Part::Sequence(parts) | Part::Choice(parts) => open.extend(parts),
                    Part::Repeat(inner, ..) => open.push(*inner),
                    Part::Class(_) | Part::Token(_) => {}
                }
            }
        }
        let mut parts = self.parts;
        for part in &mut parts {
            if let Part::Rule(rule) = part {
                *rule = numbers.get(rule).copied().unwrap_or(0);
            }
        }
        let rules = order.into_iter().filter_map(|index| {
            let rule = &self.rules[index];
            Some(Rule {
                name: rule.name.clone(),
                body: rule.body?,
            })
        });
        Ok(Grammar {
            rules: rules.collect(),
            parts,
        })
    }
}

//! A text that begins with a call → the call.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::literal::{Literal, Match, spaces};
use crate::offered::{Offered, Takes};
use crate::syntax::{Fields, Form, Part, Tagged, first_mark};
use crate::{ToolCall, elements, gemma, harmony, python, pythonic, recipients};

/// What may stand around a text that holds marks.
const CDATA: [&str; 2] = ["<![CDATA[", "]]>"];

/// How the reading of a part of a text has ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step<T> {
    /// With this, before this byte.
    Done(T, usize),
    /// The text ends before that is certain.
    Open,
    /// It is none, for this reason.
    Bad(String),
}

/// What a text is read by.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'r> {
    pub(crate) text: &'r str,
    pub(crate) offered: &'r Offered,
    /// Whether nothing follows, so that marks at the end may be missing.
    pub(crate) is_over: bool,
}

/// Goes on where a step is done, and else ends with what it is.
macro_rules! done {
    ($step:expr) => {
        match $step {
            $crate::parse::Step::Done(value, end) => (value, end),
            $crate::parse::Step::Open => return $crate::parse::Step::Open,
            $crate::parse::Step::Bad(reason) => return $crate::parse::Step::Bad(reason),
        }
    };
}
pub(crate) use done;

impl Form {
    /// Reads the call, or the list of calls, that begins at a byte.
    pub(crate) fn read(&self, reading: Reading<'_>, at: usize) -> Step<Vec<ToolCall>> {
        match self {
            Self::Json {
                before,
                fields,
                after,
            } => {
                let ((), at) = done!(reading.expect(before, at));
                // Nothing but the names tells such calls from an answer that is JSON.
                let (calls, at) = if before.is_blank() {
                    done!(fields.read_unmarked(reading, at))
                } else {
                    done!(fields.read(reading, at, false))
                };
                Step::Done(calls, done!(reading.pass(after, at)).1)
            }
            Self::Parts(parts) => reading.parts(parts, at),
            Self::Python { before, after } => {
                let ((), at) = done!(reading.expect(before, at));
                let (calls, at) = done!(pythonic::read(reading, at));
                Step::Done(calls, done!(reading.pass(after, at)).1)
            }
            Self::Gemma => gemma::read(reading, at),
            Self::Elements => elements::read(reading, at),
            Self::Harmony => harmony::read(reading, at),
            Self::Recipients => recipients::read(reading, at),
        }
    }
}

impl<'r> Reading<'r> {
    fn is_unknown(&self, call: &ToolCall) -> bool {
        self.offered.schema(&call.name).is_none() && self.offered.names().next().is_some()
    }

    pub(crate) fn rest(&self, at: usize) -> &'r str {
        &self.text[at..]
    }

    /// Ends with what a text that has ended early is.
    pub(crate) fn cut<T>(self, wanted: &str) -> Step<T> {
        if self.is_over {
            Step::Bad(format!("it ends before its {wanted}"))
        } else {
            Step::Open
        }
    }

    /// Reads a literal.
    pub(crate) fn expect(self, literal: &Literal, at: usize) -> Step<()> {
        match literal.at(self.text, at) {
            Match::Yes(end) => Step::Done((), end),
            Match::Open => self.cut(&format!("'{}'", literal.core())),
            Match::No => Step::Bad(format!("'{}' does not stand there", literal.core())),
        }
    }

    /// Returns what follows a literal, where it is there. With the text its beginning may end.
    pub(crate) fn pass(self, literal: &Literal, at: usize) -> Step<()> {
        match literal.at(self.text, at) {
            Match::Yes(end) => Step::Done((), end),
            Match::Open if self.is_over => Step::Done((), self.text.len()),
            Match::Open => Step::Open,
            Match::No => Step::Done((), at),
        }
    }

    /// Reads the longest run of such characters.
    pub(crate) fn run(
        self,
        at: usize,
        what: &str,
        belongs: impl Fn(char) -> bool,
    ) -> Step<&'r str> {
        let start = at + spaces(self.rest(at));
        let rest = self.rest(start);
        let length = rest.find(|next| !belongs(next)).unwrap_or(rest.len());
        match &rest[..length] {
            _ if length == rest.len() && !self.is_over => Step::Open,
            "" => Step::Bad(format!("it has no {what}")),
            run => Step::Done(run, start + length),
        }
    }

    pub(crate) fn name(self, at: usize) -> Step<&'r str> {
        self.run(at, "name", |next| {
            next.is_alphanumeric() || "_-./".contains(next)
        })
    }

    /// Reads a JSON value, and returns it as it is written.
    pub(crate) fn json(self, at: usize) -> Step<&'r str> {
        let start = at + spaces(self.rest(at));
        let mut values = serde_json::Deserializer::from_str(self.rest(start)).into_iter();
        match values.next() {
            None => self.cut("arguments"),
            Some(Ok(value)) => {
                let value: &RawValue = value;
                Step::Done(value.get(), start + values.byte_offset())
            }
            Some(Err(error)) if is_open(self.rest(start), &error) => self.cut("end"),
            Some(Err(error)) => Step::Bad(format!("its JSON cannot be read: {error}")),
        }
    }

    /// Reads a JSON object, and returns it as it is written.
    pub(crate) fn object(self, at: usize) -> Step<&'r str> {
        let start = at + spaces(self.rest(at));
        match self.rest(start).chars().next() {
            Some('{') => self.json(start),
            Some(_) => Step::Bad("its arguments are no JSON object".to_owned()),
            None => self.cut("arguments"),
        }
    }

    fn parts(self, parts: &[Part], at: usize) -> Step<Vec<ToolCall>> {
        let mut call = ToolCall::default();
        let mut end = at;
        for (place, part) in parts.iter().enumerate() {
            end = match part {
                Part::Literal(literal) => {
                    let is_last = place > 0 && place + 1 == parts.len();
                    match literal.at(self.text, end) {
                        // All is said before it.
                        _ if is_last => done!(self.pass(literal, end)).1,
                        // The first of two marks may be missing, and what stands before an id or JSON.
                        Match::No if place == 0 => done!(self.expect(&last_word(literal), end)).1,
                        Match::No if parts.get(place + 1) == Some(&Part::Id) => end,
                        Match::No
                            if parts.get(place + 1) == Some(&Part::Json)
                                && self.rest(end).trim_start().starts_with('{') =>
                        {
                            end
                        }
                        _ => done!(self.expect(literal, end)).1,
                    }
                }
                Part::Name => {
                    let (name, end) = done!(self.name(end));
                    call.name = name.to_owned();
                    end
                }
                // Its mark is missing.
                Part::Id if self.rest(end).trim_start().starts_with(['{', '[']) => end,
                Part::Id => {
                    let (id, end) = done!(self.id(end));
                    call.id = Some(id.to_owned());
                    end
                }
                Part::NamedId => {
                    let (id, end) = done!(self.id(end));
                    call.name = name_in(id).to_owned();
                    call.id = Some(id.to_owned());
                    end
                }
                Part::Json => {
                    let (arguments, end) = done!(self.object(end));
                    call.arguments = arguments.to_owned();
                    end
                }
                Part::Tagged(tagged) => {
                    let (arguments, end) = done!(self.tagged(tagged, &call.name, end));
                    call.arguments = Value::from(arguments).to_string();
                    end
                }
            };
        }
        Step::Done(vec![call], end)
    }

    fn id(self, at: usize) -> Step<&'r str> {
        self.run(at, "id", |next| {
            next.is_alphanumeric() || "_-.:".contains(next)
        })
    }

    fn tagged(self, tagged: &Tagged, tool: &str, at: usize) -> Step<Map<String, Value>> {
        let mut arguments = Map::new();
        let mut end = done!(self.expect(&tagged.open, at)).1;
        let mut before = tagged.before_key.clone();
        loop {
            let key = before.at(self.text, end);
            let close = tagged.close.at(self.text, end);
            end = match (key, close) {
                (Match::Yes(end), _) if !tagged.before_key.is_blank() => end,
                (_, Match::Yes(end)) if !tagged.close.is_blank() => {
                    return Step::Done(arguments, end);
                }
                (Match::Open, _) | (_, Match::Open) if !self.is_over => return Step::Open,
                // All is said before the mark that is missing.
                (_, Match::Open) if !arguments.is_empty() => {
                    return Step::Done(arguments, self.text.len());
                }
                _ => match self.first_close(tagged, end) {
                    Some(end) => return Step::Done(arguments, end),
                    None if self.rest(end).trim().is_empty() && !arguments.is_empty() => {
                        return Step::Done(arguments, self.text.len());
                    }
                    None => {
                        let reason = "an argument or its end is not marked as such";
                        return Step::Bad(reason.to_owned());
                    }
                },
            };
            let ((key, value), after) = done!(self.argument(tagged, tool, end));
            arguments.insert(key, value);
            end = after;
            before = tagged.between.then(&tagged.before_key);
        }
    }

    /// Reads a key and its value.
    fn argument(self, tagged: &Tagged, tool: &str, at: usize) -> Step<(String, Value)> {
        let marks = tagged.after_key.iter().filter_map(|(mark, is_text)| {
            let place = mark.find(self.text, at)?;
            Some((place, mark, *is_text))
        });
        let Some(((place, mut start), mark, is_text)) =
            marks.min_by_key(|((place, _), mark, _)| {
                // Of two at one place the longer one is there.
                (*place, usize::MAX - mark.core().len())
            })
        else {
            return self.cut("argument");
        };
        let key = self.text[at..place].trim().to_owned();
        if self.rest(start).starts_with(mark.trailing()) {
            start += mark.trailing().len();
        }
        let Some((written, end)) = self.value(tagged, start) else {
            return self.cut("value");
        };
        let takes = match (self.offered.takes(tool, &key), is_text) {
            (Takes::Anything, Some(true)) => Takes::Text,
            (Takes::Anything, Some(false)) => Takes::Others,
            (takes, _) => takes,
        };
        Step::Done((key, value(written, takes)), end)
    }

    /// Returns where the first mark of several that close a call ends; models leave out the others.
    fn first_close(self, tagged: &Tagged, at: usize) -> Option<usize> {
        let first = tagged
            .close
            .core()
            .split_whitespace()
            .next()
            .map(first_mark)?;
        match Literal::new(first).at(self.text, at) {
            Match::Yes(end) => Some(end),
            Match::Open | Match::No => None,
        }
    }

    /// Finds the end of a value: the first mark of one behind which the call can go on.
    fn value(self, tagged: &Tagged, start: usize) -> Option<(&'r str, usize)> {
        let mut from = start;
        if self.rest(start).starts_with(CDATA[0]) {
            from += self.rest(start).find(CDATA[1])?;
        }
        loop {
            let (place, end) = tagged.after_value.find(self.text, from)?;
            let next = tagged.between.then(&tagged.before_key);
            let follows = [&next, &tagged.close].map(|literal| literal.at(self.text, end));
            let goes_on = follows.iter().any(|follow| matches!(follow, Match::Yes(_)))
                || (self.is_over && self.first_close(tagged, end).is_some());
            let is_open = follows.contains(&Match::Open);
            if goes_on || (is_open && self.is_over) {
                let written = &self.text[start..place];
                let leading = tagged.after_value.leading();
                return Some((written.strip_suffix(leading).unwrap_or(written), end));
            }
            if is_open {
                return None;
            }
            from = end;
        }
    }
}

/// Whether JSON is wrong only where the text ends: in the midst of a number, too.
fn is_open(text: &str, error: &serde_json::Error) -> bool {
    let lines = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1));
    let before: usize = lines.map(str::len).sum();
    error.is_eof() || before + error.column() >= text.len()
}

/// The last mark of several.
fn last_word(literal: &Literal) -> Literal {
    let words = literal.core().split_whitespace();
    Literal::new(words.last().unwrap_or_default())
}

/// Returns the name in an id like `functions.name:0`.
fn name_in(id: &str) -> &str {
    let name = id.strip_prefix("functions.").unwrap_or(id);
    name.rsplit_once(':').map_or(name, |(name, _)| name)
}

/// Returns a value that is written without quotes.
fn value(written: &str, takes: Takes) -> Value {
    let text = || Value::from(written);
    let whole = written.trim();
    if let Some(text) = whole.strip_prefix(CDATA[0])
        && let Some(text) = text.strip_suffix(CDATA[1])
    {
        return text.into();
    }
    if takes == Takes::Text {
        return text();
    }
    let parsed = serde_json::from_str(whole).ok();
    let parsed = parsed.or_else(|| python::parse(written));
    match parsed {
        // Quotes are part of what may be a text.
        Some(Value::String(_)) if takes == Takes::Anything => text(),
        Some(value) => value,
        None => text(),
    }
}

impl Fields {
    /// Reads one call or a list that no mark tells from other JSON: each names a tool that was offered, and has
    /// arguments.
    pub(crate) fn read_unmarked(&self, reading: Reading<'_>, at: usize) -> Step<Vec<ToolCall>> {
        let (calls, end) = done!(self.read(reading, at, true));
        if calls.iter().any(|call| reading.is_unknown(call)) {
            return Step::Bad("it names no tool that was offered".to_owned());
        }
        Step::Done(calls, end)
    }

    /// Reads one call or a list, whose arguments may be missing unless the reading `is_strict`.
    fn read(&self, reading: Reading<'_>, at: usize, is_strict: bool) -> Step<Vec<ToolCall>> {
        let start = at + spaces(reading.rest(at));
        match reading.rest(start).chars().next() {
            Some('{' | '[') => {}
            Some(_) => return Step::Bad("no JSON object stands there".to_owned()),
            None => return reading.cut("object"),
        }
        let (written, end) = done!(reading.json(start));
        let items: Vec<&RawValue> = if written.starts_with('[') {
            match serde_json::from_str(written) {
                Ok(items) => items,
                Err(error) => return Step::Bad(format!("its list cannot be read: {error}")),
            }
        } else {
            match serde_json::from_str(written) {
                Ok(item) => vec![item],
                Err(error) => return Step::Bad(format!("its JSON cannot be read: {error}")),
            }
        };
        let calls = items
            .into_iter()
            .map(|item| self.call(item.get(), is_strict));
        match calls.collect::<Result<Vec<_>, _>>() {
            Ok(calls) if calls.is_empty() => Step::Bad("its list is empty".to_owned()),
            Ok(calls) => Step::Done(calls, end),
            Err(reason) => Step::Bad(reason),
        }
    }

    /// Reads the object of one call.
    fn call(&self, written: &str, is_strict: bool) -> Result<ToolCall, String> {
        let Some(keys) = &self.name else {
            let object: Map<String, Value> =
                serde_json::from_str(written).map_err(|_| "it is no JSON object".to_owned())?;
            let mut items = object.into_iter();
            return match (items.next(), items.next()) {
                (Some((name, arguments)), None) => Ok(ToolCall {
                    id: None,
                    name,
                    arguments: object_text(&arguments.to_string())?,
                }),
                _ => Err("it does not have one key, its name".to_owned()),
            };
        };
        let name = lead(written, keys)
            .and_then(|name| serde_json::from_str::<String>(name).ok())
            .ok_or_else(|| format!("it has no text under '{}'", keys.join(".")))?;
        let (last, above) = match self.arguments.split_last() {
            Some((last, above)) => (last.as_str(), above),
            None => ("arguments", &[][..]),
        };
        // Models take one word for the other.
        let names = [last, "arguments", "parameters"];
        let mut found = names.iter().filter_map(|name| {
            let keys: Vec<_> = above.iter().cloned().chain([(*name).to_owned()]).collect();
            lead(written, &keys)
        });
        let arguments = match found.next() {
            Some(arguments) => object_text(arguments)?,
            None if is_strict => return Err("it has no arguments".to_owned()),
            None => "{}".to_owned(),
        };
        let id = self.id.as_ref().and_then(|keys| lead(written, keys));
        Ok(ToolCall {
            id: id.and_then(|id| serde_json::from_str(id).ok()),
            name,
            arguments,
        })
    }
}

/// Returns what stands under keys in an object, as it is written.
fn lead<'t>(written: &'t str, keys: &[String]) -> Option<&'t str> {
    let Some((first, rest)) = keys.split_first() else {
        return Some(written);
    };
    let object: std::collections::BTreeMap<String, &'t RawValue> =
        serde_json::from_str(written).ok()?;
    lead(object.get(first)?.get(), rest)
}

/// Returns the text of a JSON object, which may be written as a text itself.
fn object_text(written: &str) -> Result<String, String> {
    if written.starts_with('{') {
        return Ok(written.to_owned());
    }
    if written == "null" {
        return Ok("{}".to_owned());
    }
    let inner = serde_json::from_str::<String>(written).ok();
    inner
        .filter(|inner| serde_json::from_str::<Map<String, Value>>(inner).is_ok())
        .ok_or_else(|| "its arguments are no JSON object".to_owned())
}

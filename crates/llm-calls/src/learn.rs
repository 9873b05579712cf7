//! How a template prints calls, read off renderings that differ in one thing. The way is that of llama.cpp's
//! parsers (`docs/autoparser.md` there): what two renderings have in common is the format's, the rest is the call's.

use llm_prompt::reasoning::Markers;
use llm_prompt::{ChatTemplate, MarkupTexts};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::literal::{COUNTER, Literal};
use crate::samples::{SAID, Sample, Samples, common_prefix, common_suffix};
use crate::syntax::{Fields, Form, Part, Syntax, Tagged};
use crate::{Offered, Piece, Reader, table};

const KEY: &str = "kappa_key";
const OTHER_KEY: &str = "lambda_key";
const TEXT: &str = "omegaval";
const OTHER_TEXT: &str = "sigmaval";

impl Syntax {
    /// Learns how a model writes its calls from how its template prints them; `None` where it prints none and
    /// says nothing of a format that is known.
    #[must_use]
    pub fn of(template: &ChatTemplate, markup: MarkupTexts<'_>) -> Option<Self> {
        let source = template.source();
        if !source.contains("tool") && !source.contains("function") {
            return None;
        }
        let samples = Samples { template, markup };
        let learned = || {
            let learner = Learner::new(&samples, template.markers())?;
            let syntax = learner.learn()?;
            learner.is_right(&syntax).then_some(syntax)
        };
        table::dedicated(source)
            .or_else(learned)
            .or_else(|| table::told(source))
    }
}

/// What a template prints of calls.
struct Learner<'s> {
    samples: &'s Samples<'s>,
    /// What ends the assistant's turn.
    end: String,
    /// A turn with one call, and where that stands in it.
    one: Turn,
    /// What stands before it, and what behind.
    before: String,
    after: String,
}

/// A turn, and where its calls stand.
struct Turn {
    text: String,
    /// From the first word of each call to the last, or the JSON that holds it.
    calls: Vec<(usize, usize)>,
}

fn one_text() -> Sample {
    Sample::first(&[(KEY, TEXT.into())])
}

fn two_texts() -> Sample {
    Sample::first(&[(KEY, TEXT.into()), (OTHER_KEY, OTHER_TEXT.into())])
}

fn other() -> Sample {
    Sample::second(&[(KEY, OTHER_TEXT.into())])
}

impl<'s> Learner<'s> {
    fn new(samples: &'s Samples<'s>, markers: Option<&Markers>) -> Option<Self> {
        let said = samples.turn(SAID, &[]);
        let said = said.as_deref().and_then(|text| text.split_once(SAID));
        let end = said.map_or("", |(_, end)| end).to_owned();
        let one = Turn::find(samples.turn("", &[one_text()])?, &[one_text()])?;
        let (start, stop) = one.calls[0];
        let mut before = one.text[..start].to_owned();
        // What stands there with a text, too.
        let with_text = samples.turn(SAID, &[one_text()]);
        if let Some(turn) = with_text.and_then(|text| Turn::find(text, &[one_text()]))
            && let Some((_, other)) = turn.text[..turn.calls[0].0].split_once(SAID)
        {
            let shared = common_suffix(&before, other);
            before = from_mark(&before, before.len() - shared).to_owned();
        }
        let before = without_reasoning(&before, markers).to_owned();
        let after = without_end(&one.text[stop..], &end).to_owned();
        Some(Self {
            samples,
            end,
            one,
            before,
            after,
        })
    }

    fn learn(&self) -> Option<Syntax> {
        let two = self.samples.turn("", &[one_text(), other()]);
        let two = two.and_then(|text| Turn::find(text, &[one_text(), other()]));
        let is_list = two.as_ref().is_some_and(|two| two.calls.len() == 1);
        let mid = two.as_ref().filter(|_| !is_list).map(|two| {
            let (_, from) = two.calls[0];
            &two.text[from..two.calls[1].0]
        });
        let around = Around::of(&self.before, mid, &self.after);
        let (start, stop) = self.one.calls[0];
        let call = &self.one.text[start..stop];
        if call.starts_with(['{', '[']) {
            let fields = Fields::find(call)?;
            return Some(around.syntax(|before, after| Form::Json {
                before,
                fields,
                after,
            }));
        }
        let mut parts = self.parts(&self.one.text, start, stop, &one_text())?;
        if let (Some(two), false) = (&two, is_list) {
            let (start, stop) = two.calls[1];
            count(&mut parts, &self.parts(&two.text, start, stop, &other())?);
        }
        let mut suffix = around.suffix.clone();
        if let Some(Part::Tagged(tagged)) = parts.last_mut() {
            let close = suffix
                .strip_prefix(tagged.after_value_text())
                .unwrap_or(&suffix);
            tagged.close = Literal::new(close);
            suffix.clear();
        }
        Some(around.syntax(|before, _| {
            let mut all = vec![Part::Literal(before)];
            all.append(&mut parts);
            all.push(Part::Literal(Literal::new(suffix)));
            Form::Parts(all)
        }))
    }

    /// Reads the parts of a call whose name or id stands alone.
    fn parts(&self, text: &str, start: usize, stop: usize, sample: &Sample) -> Option<Vec<Part>> {
        let call = &text[start..stop];
        let name = call.find(sample.name);
        let id = call.find(sample.id);
        let arguments = arguments_at(call, sample);
        let mut parts = Vec::new();
        let mut from = 0;
        let limit = arguments.map_or_else(|| call.find(KEY), |(at, _)| Some(at))?;
        let named = if name.is_some() {
            Part::Id
        } else {
            Part::NamedId
        };
        let mut places = vec![(name, sample.name, Part::Name), (id, sample.id, named)];
        places.retain(|(place, ..)| place.is_some_and(|place| place < limit));
        places.sort_by_key(|(place, ..)| *place);
        for (place, word, part) in places {
            let place = place?;
            if place > from {
                parts.push(Part::Literal(Literal::new(&call[from..place])));
            }
            parts.push(part);
            from = place + word.len();
        }
        match arguments {
            Some((at, end)) => {
                parts.push(Part::Literal(Literal::new(&call[from..at])));
                parts.push(Part::Json);
                if end < call.len() {
                    parts.push(Part::Literal(Literal::new(&call[end..])));
                }
            }
            None => parts.push(Part::Tagged(self.tagged(&call[from..limit])?)),
        }
        Some(parts)
    }

    /// Learns how arguments stand one by one; `before` is what stands before the first key.
    fn tagged(&self, before: &str) -> Option<Tagged> {
        let two = self.samples.turn("", &[two_texts()])?;
        let key = self.one.text.rfind(KEY)? + KEY.len();
        let value = key + self.one.text[key..].find(TEXT)?;
        let from = two.rfind(TEXT)? + TEXT.len();
        let mid = &two[from..from + two[from..].find(OTHER_KEY)?];
        let around = Around::of(before, Some(mid), &self.after);
        if around.suffix.trim().is_empty() {
            return None;
        }
        let after_text = &self.one.text[key..value];
        let mut after_key = vec![(Literal::new(after_text), None)];
        for value in self.others() {
            let mark = self.mark_of(&value);
            let Some(mark) = mark.filter(|mark| mark != after_text) else {
                continue;
            };
            after_key[0].1 = Some(true);
            let mark = (Literal::new(mark), Some(false));
            if !after_key.contains(&mark) {
                after_key.push(mark);
            }
        }
        Some(Tagged {
            open: Literal::new(around.open),
            before_key: Literal::new(around.prefix),
            after_key,
            after_value: Literal::new(around.suffix),
            between: Literal::new(around.between),
            close: Literal::default(),
        })
    }

    fn others(&self) -> [Value; 5] {
        [
            json!(907_155),
            json!(true),
            Value::Null,
            json!(["omegaval"]),
            json!({"inner": "omegaval"}),
        ]
    }

    /// Returns what stands between a key and a value that is no text.
    fn mark_of(&self, value: &Value) -> Option<String> {
        let turn = self
            .samples
            .turn("", &[Sample::first(&[(KEY, value.clone())])])?;
        let key = turn.rfind(KEY)? + KEY.len();
        let rest = &turn[key..];
        let rest = rest.strip_suffix(self.end.as_str()).unwrap_or(rest);
        let rest = rest.strip_suffix(self.after.as_str())?;
        let written = [value.to_string(), spaced(value), python(value)];
        let written = written
            .iter()
            .find(|written| rest.ends_with(written.as_str()))?;
        Some(rest[..rest.len() - written.len()].to_owned())
    }

    /// Reads back what was rendered.
    fn is_right(&self, syntax: &Syntax) -> bool {
        let many = [one_text(), other()];
        let cases = [
            (vec![one_text()], true),
            (vec![two_texts()], true),
            (many.to_vec(), false),
        ];
        cases.iter().all(|(calls, is_needed)| {
            let text = self.samples.turn("", calls);
            // Some templates print one call alone.
            let text = text.filter(|text| calls.iter().all(|call| text.contains(call.name)));
            let Some(text) = text else {
                return !is_needed;
            };
            let text = without_end(&text, &self.end);
            let mut reader = Reader::new(syntax.clone().into(), Offered::default().into());
            let mut pieces = reader.push(text, false);
            pieces.extend(reader.finish(false));
            let found = pieces.iter().filter_map(|piece| match piece {
                Piece::Call(call) => Some(call),
                Piece::Text(_) => None,
            });
            let found: Vec<_> = found.collect();
            found.len() == calls.len()
                && found.iter().zip(calls).all(|(found, call)| {
                    let arguments = serde_json::from_str::<Map<String, Value>>(&found.arguments);
                    let name = found.name == call.name || found.id.as_deref() == Some(call.id);
                    name && arguments.is_ok_and(|arguments| arguments == call.arguments)
                })
        })
    }
}

impl Tagged {
    fn after_value_text(&self) -> &str {
        self.after_value.text()
    }
}

impl Turn {
    /// Finds calls in a turn: the JSON that holds all of them, or each of them, or else their words.
    fn find(text: String, calls: &[Sample]) -> Option<Self> {
        let mut places = Vec::new();
        let mut from = 0;
        for call in calls {
            let key = from + text[from..].find(call.arguments.keys().next()?)?;
            // A name that stands there twice is that of the last place.
            let words = [call.name, call.id].map(|word| text[from..key].rfind(word));
            let first = words.into_iter().flatten().min();
            // Some write the name behind the arguments.
            let first = first.map_or(key, |first| from + first);
            let holder = json_around(&text, from, first.min(key), call);
            let (start, end) = match holder {
                Some(place) => place,
                None => (first, end_of(&text, key, call)?),
            };
            places.push((start, end));
            if calls
                .iter()
                .all(|call| text[start..end].contains(call.name))
            {
                break;
            }
            from = end;
        }
        Some(Self {
            text,
            calls: places,
        })
    }
}

/// Returns where a call whose name stands alone ends: behind its last value, or the JSON of its arguments.
fn end_of(text: &str, key: usize, call: &Sample) -> Option<usize> {
    let last = call.arguments.values().next_back()?.as_str()?;
    let end = key + text[key..].find(last)? + last.len();
    let start = text[..key].rfind('{');
    let json = start.and_then(|start| Some((start, json_end(text, start)?)));
    let json = json.filter(|(start, end)| is_arguments(&text[*start..*end], call));
    Some(json.map_or(end, |(_, end)| end))
}

/// Finds the JSON that holds the name and the arguments of a call, the outermost.
fn json_around(text: &str, from: usize, first: usize, call: &Sample) -> Option<(usize, usize)> {
    let mut starts = text[from..first].match_indices(['{', '[']);
    starts.find_map(|(at, _)| {
        let start = from + at;
        let end = json_end(text, start)?;
        let holds = |word: &str| text[start..end].contains(word);
        let key = call.arguments.keys().next()?;
        (holds(call.name) && holds(key)).then_some((start, end))
    })
}

/// Returns where the JSON that begins at a byte ends.
fn json_end(text: &str, start: usize) -> Option<usize> {
    let mut values = serde_json::Deserializer::from_str(&text[start..]).into_iter::<&RawValue>();
    values.next()?.ok()?;
    Some(start + values.byte_offset())
}

fn is_arguments(written: &str, call: &Sample) -> bool {
    serde_json::from_str::<Map<String, Value>>(written)
        .is_ok_and(|arguments| arguments == call.arguments)
}

/// Returns where the JSON of the arguments stands in a call.
fn arguments_at(call: &str, sample: &Sample) -> Option<(usize, usize)> {
    let mut starts = call.match_indices('{');
    starts.find_map(|(start, _)| {
        let end = json_end(call, start)?;
        is_arguments(&call[start..end], sample).then_some((start, end))
    })
}

impl Fields {
    /// Finds the parts of the first sample in its JSON.
    fn find(written: &str) -> Option<Self> {
        let mut value: Value = serde_json::from_str(written).ok()?;
        if let Value::Array(items) = &mut value {
            value = items.first_mut()?.take();
        }
        let sample = one_text();
        let arguments = Value::from(sample.arguments.clone());
        let as_text = |value: &Value| {
            let text = value.as_str();
            text.and_then(|text| serde_json::from_str::<Value>(text).ok())
        };
        let is_it =
            |value: &Value| *value == arguments || as_text(value) == Some(arguments.clone());
        if value.get(sample.name).is_some_and(is_it) {
            return Some(Self {
                name: None,
                arguments: Vec::new(),
                id: None,
            });
        }
        Some(Self {
            name: Some(path(&value, &|value| *value == sample.name)?),
            arguments: path(&value, &is_it)?,
            // One that counts its calls does not write their ids.
            id: path(&value, &|value| *value == sample.id).or_else(|| {
                let mut names = ["id", "tool_call_id"].into_iter();
                let name = names.find(|name| value.get(name).is_some_and(Value::is_string));
                name.map(|name| vec![name.to_owned()])
            }),
        })
    }
}

/// Returns the keys that lead to a value.
fn path(value: &Value, is_it: &dyn Fn(&Value) -> bool) -> Option<Vec<String>> {
    let mut items = value.as_object()?.iter();
    items.find_map(|(key, value)| {
        if is_it(value) {
            return Some(vec![key.clone()]);
        }
        let rest = path(value, is_it)?;
        Some([vec![key.clone()], rest].concat())
    })
}

/// What stands around things that may come more than once: `open`, `prefix` a thing `suffix`, `between`, `prefix` a
/// thing `suffix`, `close`.
#[derive(Debug)]
struct Around {
    open: String,
    prefix: String,
    suffix: String,
    between: String,
    close: String,
}

impl Around {
    /// Takes apart what stands before the first thing, between two of them, and after the last.
    fn of(before: &str, mid: Option<&str>, after: &str) -> Self {
        let Some(mid) = mid else {
            return Self {
                open: String::new(),
                prefix: before.to_owned(),
                suffix: after.to_owned(),
                between: String::new(),
                close: String::new(),
            };
        };
        let shared = common_suffix(before, mid);
        let whole = [before, mid].map(|text| from_mark(text, text.len() - shared).len());
        let prefix = &before[before.len() - whole[0].min(whole[1])..];
        let rest = &mid[..mid.len() - prefix.len()];
        let shared = common_prefix(after, rest);
        let whole = [after, rest].map(|text| up_to_mark(text, shared).len());
        let suffix = &after[..whole[0].min(whole[1])];
        Self {
            open: before[..before.len() - prefix.len()].to_owned(),
            prefix: prefix.to_owned(),
            suffix: suffix.to_owned(),
            between: rest[suffix.len()..].to_owned(),
            close: after[suffix.len()..].to_owned(),
        }
    }

    fn syntax(&self, call: impl FnOnce(Literal, Literal) -> Form) -> Syntax {
        Syntax {
            open: Literal::new(&self.open),
            between: Literal::new(&self.between),
            close: Literal::new(&self.close),
            call: call(Literal::new(&self.prefix), Literal::new(&self.suffix)),
        }
    }
}

/// Returns a text from a byte on, or from behind the mark that the byte is in.
fn from_mark(text: &str, at: usize) -> &str {
    let end = mark_around(text, at).map_or(at, |(_, end)| end);
    &text[end..]
}

/// Returns a text up to a byte, or up to the mark that the byte is in.
pub(crate) fn up_to_mark(text: &str, at: usize) -> &str {
    let end = mark_around(text, at).map_or(at, |(start, _)| start);
    &text[..end]
}

/// Finds the mark, `<…>` or `[…]`, that a place is inside of.
fn mark_around(text: &str, at: usize) -> Option<(usize, usize)> {
    [('<', '>'), ('[', ']')].iter().find_map(|&(open, close)| {
        let start = text[..at].rfind(open)?;
        let inner = &text[start + 1..];
        let end = start + 1 + inner.find(close)? + 1;
        let is_mark = !inner[..end - start - 2].contains(['\n', '{', '"', ' ']);
        (end > at && is_mark).then_some((start, end))
    })
}

/// Returns what stands behind the last mark of reasoning, or of what stands around an answer.
fn without_reasoning<'t>(before: &'t str, markers: Option<&Markers>) -> &'t str {
    let marks: Vec<&str> = match markers {
        None => return before,
        Some(Markers::Fence(fence)) => {
            let around = fence.around_answer.iter().flatten();
            let marks = [&fence.open, &fence.close].into_iter().chain(around);
            marks.map(String::as_str).collect()
        }
        // Headers are told apart before.
        Some(Markers::Channels(channels)) => channels.contents.to_vec(),
    };
    let marks = marks.into_iter().filter(|mark| !mark.is_empty());
    let ends = marks.filter_map(|mark| Some(before.rfind(mark)? + mark.len()));
    &before[ends.max().unwrap_or(0)..]
}

/// Returns what stands before the end of a turn; all, where that ends otherwise than a turn without calls.
fn without_end<'t>(text: &'t str, end: &str) -> &'t str {
    text.strip_suffix(end).unwrap_or(text)
}

/// Marks the numbers that count calls: those in which two calls differ.
fn count(parts: &mut [Part], others: &[Part]) {
    for (part, other) in parts.iter_mut().zip(others) {
        if let (Part::Literal(one), Part::Literal(other)) = (&mut *part, other)
            && one != other
        {
            let counted = counted(one.text());
            if counted == self::counted(other.text()) {
                *one = Literal::new(counted);
            }
        }
        if let (Part::Tagged(one), Part::Tagged(other)) = (part, other)
            && one.open != other.open
        {
            let counted = counted(one.open.text());
            if counted == self::counted(other.open.text()) {
                one.open = Literal::new(counted);
            }
        }
    }
}

fn counted(text: &str) -> String {
    let mut counted = String::new();
    for next in text.chars() {
        match next.is_ascii_digit() {
            true if counted.ends_with(COUNTER) => {}
            true => counted.push(COUNTER),
            false => counted.push(next),
        }
    }
    counted
}

/// Returns JSON as Python's `json.dumps` writes it.
fn spaced(value: &Value) -> String {
    let text = value.to_string();
    text.replace("\":", "\": ").replace(",\"", ", \"")
}

/// Returns a value as Python prints it.
fn python(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        other => spaced(other).replace('"', "'"),
    }
}

//! A request → a job: what the flags add to each line. Where lines come from is `input`'s business.

use std::collections::VecDeque;
use std::ops::Range;

use llm_record::{
    ErrorCode, ErrorRecord, LineError, LineFault, Message, Prompt, Request, Template,
    template::lookup,
};

use super::{InputError, Item, Job, PROMPT_LIMIT, TextPlace, bare, read_whole};
use crate::args::{IfEmpty, InputArgs};
use crate::stdio::Source;

/// Makes jobs of requests: what the flags add to each.
#[derive(Debug)]
pub(super) struct Maker {
    instruction: Option<String>,
    system: Option<String>,
    template: Option<Template>,
    template_text: Option<String>,
    keep: Vec<String>,
    if_empty: IfEmpty,
}

impl Maker {
    pub(super) fn new(args: &InputArgs, system: Option<&str>) -> Result<Self, InputError> {
        let template = args.template.as_deref().map(Template::parse).transpose();
        Ok(Self {
            instruction: args.instruction.clone(),
            system: system.map(str::to_owned),
            template: template.map_err(InputError::Template)?,
            template_text: args.template.clone(),
            keep: args.keep.clone(),
            if_empty: args.if_empty,
        })
    }

    /// Returns what is added to every line, as one text.
    pub(super) fn salt(&self) -> String {
        serde_json::json!([self.instruction, self.system, self.template_text]).to_string()
    }

    /// Makes the one request of a run that is not by lines; nothing where empty input is skipped.
    pub(super) fn whole(
        &self,
        prompt: Option<&str>,
        sources: VecDeque<Source>,
    ) -> Result<Option<Item>, InputError> {
        // A terminal and an instruction: the instruction is the whole prompt.
        if prompt.is_none() && sources.is_empty() && self.instruction.is_some() {
            let nothing = Prompt::Text(String::new());
            return Ok(Some(self.run(&Request::default(), nothing, 0..0)));
        }
        Ok(match self.text(prompt, sources, PROMPT_LIMIT)? {
            None => None,
            Some(Err(record)) => Some(Item::Failed(Box::new(record))),
            Some(Ok(text)) => {
                let text = match prompt {
                    Some(_) => text,
                    None => bare(&text).to_owned(),
                };
                self.job(Request::from_text(1, text))
            }
        })
    }

    /// Returns the whole input, or the record of one that is no text; nothing where empty input is
    /// skipped.
    pub(super) fn text(
        &self,
        prompt: Option<&str>,
        sources: VecDeque<Source>,
        limit: u64,
    ) -> Result<Option<Result<String, ErrorRecord>>, InputError> {
        let name = match (prompt, sources.front()) {
            (Some(_), _) => "the text of -p".to_owned(),
            (None, Some(source)) => source.name().to_owned(),
            (None, None) => return Err(InputError::Nothing),
        };
        let text = match prompt {
            Some(text) => text.to_owned(),
            None => match read_whole(sources, limit)? {
                Ok(text) => text,
                Err(record) => return Ok(Some(Err(record))),
            },
        };
        if bare(&text).trim().is_empty() {
            match self.if_empty {
                IfEmpty::Skip => return Ok(None),
                IfEmpty::Run if self.instruction.is_some() || self.template.is_some() => {}
                IfEmpty::Run | IfEmpty::Error => return Err(InputError::Empty { name }),
            }
        }
        Ok(Some(Ok(text)))
    }

    /// Makes a request ready; nothing where an empty one is skipped.
    pub(super) fn job(&self, mut request: Request) -> Option<Item> {
        for name in &self.keep {
            if let Some(value) = lookup(&request.fields, name) {
                request.input.insert(name.clone(), value.clone());
            }
        }
        let blank = |text: &str| text.trim().is_empty();
        let (prompt, place, empty) = match (&self.template, request.prompt.take()) {
            (Some(template), _) => match template.render_places(&request.fields) {
                Ok((text, places)) => {
                    let empty = blank(&text) || template.is_blank(&request.fields);
                    // The template's own words say what is asked.
                    let place = places.into_iter().max_by_key(Range::len);
                    (Prompt::Text(text), place.unwrap_or_default(), empty)
                }
                Err(error) => {
                    return Some(failed(
                        &request,
                        ErrorCode::MissingField,
                        &error.to_string(),
                    ));
                }
            },
            (None, Some(Prompt::Text(text))) => {
                let (empty, whole) = (blank(&text), 0..text.len());
                (Prompt::Text(text), whole, empty)
            }
            // Whichever of the two was meant, the answer would be to half of the line.
            (None, Some(Prompt::Messages(_))) if is_set(&request, "prompt") => {
                return Some(failed(
                    &request,
                    ErrorCode::BadRequest,
                    &reason(&request, TWO),
                ));
            }
            (None, Some(Prompt::Messages(messages))) => {
                let last = messages.iter().rfind(|message| message.role == "user");
                let content = last.and_then(|message| message.content.as_deref());
                let whole = 0..content.unwrap_or_default().len();
                (Prompt::Messages(messages), whole, false)
            }
            (None, None) => {
                return Some(failed(
                    &request,
                    ErrorCode::BadRequest,
                    &reason(&request, NONE),
                ));
            }
        };
        match self.if_empty {
            IfEmpty::Skip if empty => return None,
            // With a template there is always something to run; else only an instruction is.
            IfEmpty::Run if self.instruction.is_some() || self.template.is_some() => {}
            _ if empty => {
                let sentence = format!("line {} has an empty prompt", request.line);
                return Some(failed(&request, ErrorCode::EmptyInput, &sentence));
            }
            _ => {}
        }
        Some(self.run(&request, prompt, place))
    }

    /// Adds instruction and system text. `place` is the text that was asked about: bytes of the last user
    /// turn.
    fn run(&self, request: &Request, prompt: Prompt, place: Range<usize>) -> Item {
        let mut messages = match prompt {
            Prompt::Text(text) => vec![Message::new("user", text)],
            Prompt::Messages(messages) => messages,
        };
        let is_user = |message: &Message| message.role == "user";
        let mut text = messages.iter().rposition(is_user);
        let mut place = place;
        if let Some(instruction) = &self.instruction {
            match messages.iter().position(is_user) {
                Some(first) => {
                    let content = messages[first].content.as_deref().unwrap_or_default();
                    if text == Some(first) {
                        // Over a blank text it stands alone.
                        text = text.filter(|_| !content.trim().is_empty());
                        let before = instruction.len() + BETWEEN.len();
                        place = place.start + before..place.end + before;
                    }
                    messages[first].content = Some(joined(instruction, content));
                }
                None => messages.push(Message::new("user", instruction)),
            }
        }
        // A line that brings its own system text keeps it: the line wins over the flag.
        if let Some(system) = &self.system
            && messages.iter().all(|message| message.role != "system")
        {
            messages.insert(0, Message::new("system", system));
            text = text.map(|message| message + 1);
        }
        let text = text.map(|message| TextPlace {
            message,
            bytes: place,
        });
        Item::Run(Box::new(Job {
            line: request.line.max(1),
            id: request.id.clone(),
            messages,
            text: text.filter(|text| !text.bytes.is_empty()),
            tools: request.tools.clone(),
            overrides: request.overrides.clone(),
            input: request.input.clone(),
            source_digest: String::new(),
        }))
    }
}

/// What stands between an instruction and a text.
const BETWEEN: &str = "\n\n";

fn joined(instruction: &str, text: &str) -> String {
    if text.trim().is_empty() {
        return instruction.to_owned();
    }
    format!("{instruction}{BETWEEN}{text}")
}

fn failed(request: &Request, code: ErrorCode, sentence: &str) -> Item {
    let mut record = ErrorRecord::new(request.line, request.id.clone(), code, sentence);
    record.input = request.input.clone();
    Item::Failed(Box::new(record))
}

const NONE: &str = "it has no 'messages', 'prompt', 'text' or 'input' to answer; --template makes a \
                    prompt of other fields";

const TWO: &str =
    "it has both 'prompt' and 'messages'; leave one out, or make the prompt with --template";

/// Returns the sentence for a line that no prompt can be made of.
fn reason(request: &Request, reason: &str) -> String {
    let reason = reason.to_owned();
    LineError::new(request.line, None, LineFault::Request { reason }).to_string()
}

fn is_set(request: &Request, field: &str) -> bool {
    request
        .fields
        .get(field)
        .is_some_and(|value| !value.is_null())
}

/// Fields that other programs read and this one does not, with what is done instead.
const UNUSED: &[(&str, &str)] = &[
    (
        "system",
        "write it as a message of the role 'system', or give --system",
    ),
    ("model", "one run has one model, which -m names"),
];

/// Fields of lines that are not used, each told once a run.
#[derive(Debug, Default)]
pub(super) struct Unused {
    told: Vec<&'static str>,
}

impl Unused {
    /// Returns the sentences for the fields that no line before this one had.
    pub(super) fn of(&mut self, request: &Request, maker: &Maker) -> Vec<String> {
        // A template, and a record of an earlier stage, have fields for ends of their own.
        if maker.template.is_some() || request.fields.contains_key("schema_version") {
            return Vec::new();
        }
        let mut sentences = Vec::new();
        for &(field, instead) in UNUSED {
            let kept = maker.keep.iter().any(|name| name == field);
            if !kept && !self.told.contains(&field) && is_set(request, field) {
                self.told.push(field);
                let line = request.line;
                sentences.push(format!(
                    "line {line}: the field '{field}' is not used; {instead}"
                ));
            }
        }
        sentences
    }
}

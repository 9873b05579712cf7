//! A request → a job: what the flags add to each line. Where lines come from is `input`'s business.

use std::collections::{HashSet, VecDeque};
use std::ops::Range;

use llm_record::known::INERT;
use llm_record::template::{is_path_of, lookup};
use llm_record::{
    ErrorCode, ErrorRecord, Fields, Json, LineError, LineFault, Message, Prompt, Purpose, Reply,
    Request, Routed, Template, Unsupported,
};

use serde_json::Value;

use super::schema_texts::{SCHEMA, SchemaTexts};
use super::whole::{bare, into_bare, read_whole};
use super::{InputError, PROMPT_LIMIT, Told};
use crate::args::{IfEmpty, InputArgs};
use crate::stdio::Source;
use llm_record::{Item, Job, TextPlace};

/// Makes jobs of requests: what the flags add to each.
#[derive(Debug)]
pub(super) struct RequestBuilder {
    instruction: Option<String>,
    system: Option<String>,
    schemas: SchemaTexts,
    tools: Option<Value>,
    template: Option<Template>,
    template_text: Option<String>,
    keep: Vec<String>,
    /// Lines are rows of a table.
    is_table: bool,
    keep_text: bool,
    /// What a line asks for and does not get is ignored.
    ignores: bool,
    /// All fields of a line are kept.
    keeps_all: bool,
    if_empty: IfEmpty,
    /// Vectors are wanted, not answers.
    is_for_vectors: bool,
}

impl RequestBuilder {
    pub(super) fn new(args: &InputArgs, told: Told<'_>) -> Result<Self, InputError> {
        let template = args
            .template()
            .map(|text| Template::parse(text))
            .transpose();
        let template = template.map_err(InputError::Template)?;
        if template
            .as_ref()
            .is_some_and(|template| !template.has_places())
        {
            return Err(InputError::NoField);
        }
        let template = if args.csv {
            template.map(Template::of_columns)
        } else {
            template
        };
        Ok(Self {
            instruction: args.instruction.clone(),
            system: told.system.map(str::to_owned),
            schemas: SchemaTexts::new(told.structured),
            tools: told.tools.cloned(),
            template,
            template_text: args.template().map(|text| text.to_string()),
            keep: args.keep.clone(),
            is_table: args.csv,
            keep_text: args.keep_text,
            ignores: args.ignore_unsupported,
            keeps_all: false,
            if_empty: args.if_empty,
            is_for_vectors: false,
        })
    }

    /// Makes jobs whose texts are to become vectors.
    pub(super) fn for_vectors(self) -> Self {
        Self {
            is_for_vectors: true,
            ..self
        }
    }

    /// Makes jobs whose records keep all fields of their lines.
    pub(super) fn keeping_all(self) -> Self {
        Self {
            keeps_all: true,
            ..self
        }
    }

    /// Returns what is added to every line, as one text.
    pub(super) fn salt(&self) -> String {
        let mut parts = vec![&self.instruction, &self.system, &self.template_text];
        let told = self.schemas.told();
        if told.is_some() {
            parts.push(&told);
        }
        let tools = self.tools.as_ref().map(Value::to_string);
        if tools.is_some() {
            parts.push(&tools);
        }
        serde_json::json!(parts).to_string()
    }

    /// Makes the request of a run whose whole input is one prompt; `None` if empty input is skipped.
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
            Some(Err(record)) => Some(Item::Failed(Box::new(Routed::own(record)))),
            Some(Ok(text)) => {
                let text = match prompt {
                    Some(_) => text,
                    None => into_bare(text),
                };
                self.job(self.request(1, text))
            }
        })
    }

    /// Returns the request for a text, which is held once where nobody asks for it by name.
    pub(super) fn request(&self, line: u64, text: String) -> Request {
        if self.template.is_some() || !self.keep.is_empty() {
            return Request::from_text(line, text);
        }
        Request {
            line,
            prompt: Some(Prompt::Text(text)),
            ..Request::default()
        }
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

    /// Makes a request ready to run; `None` if it is empty and skipped.
    pub(super) fn job(&self, mut request: Request) -> Option<Item> {
        match self.prompt(&mut request) {
            Ok((prompt, place)) => Some(self.run(&request, prompt, place)),
            Err(closed) => closed,
        }
    }

    /// Makes the one request of many lines, whose texts the template has seen already; nothing where there
    /// is none and that is passed over.
    pub(super) fn slurped(&self, text: String) -> Option<Item> {
        let request = Request {
            line: 1,
            ..Request::default()
        };
        match self.if_empty {
            IfEmpty::Skip if text.is_empty() => return None,
            IfEmpty::Run if self.instruction.is_some() => {}
            _ if text.is_empty() => {
                let sentence = "there are no lines to join into one request; --if-empty skip then writes \
                                nothing";
                return Some(failed(&request, ErrorCode::EmptyInput, sentence));
            }
            _ => {}
        }
        let whole = 0..text.len();
        Some(self.run(&request, Prompt::Text(text), whole))
    }

    /// Returns what a line has under a name of --keep.
    fn field<'a>(&self, fields: &'a Fields, name: &str) -> Option<&'a Json> {
        if self.is_table {
            fields.get_any_case(name)
        } else {
            lookup(fields, name)
        }
    }

    /// Notes what of a request is kept in its record.
    fn keep(&self, request: &mut Request) {
        if self.keeps_all {
            for (name, value) in request.fields.iter() {
                request.input.insert(name.clone(), value.clone());
            }
        }
        for name in &self.keep {
            if let Some(value) = self.field(&request.fields, name) {
                request.input.insert(name.clone(), value.clone());
            }
        }
        if let (true, Some(Prompt::Text(text))) = (self.keep_text, &request.prompt) {
            request.input.insert("text".into(), text.as_str().into());
        }
    }

    /// Makes a request's prompt, with the bytes of it that may be cut, and what is kept of it. The error
    /// closes the request; it is nothing where an empty one is skipped.
    pub(super) fn prompt(
        &self,
        request: &mut Request,
    ) -> Result<(Prompt, Range<usize>), Option<Item>> {
        let bad = |request: &Request, code, sentence: &str| Some(failed(request, code, sentence));
        self.keep(request);
        if let Some(template) = &self.template
            && template.names(SCHEMA)
            && let Some(schema) = self.schemas.of(request)
        {
            request.fields.insert(SCHEMA.into(), schema.into());
        }
        let is_ignored =
            |one: &&Unsupported| self.ignores && one.code == ErrorCode::UnsupportedField;
        if let Some(unsupported) = self.unsupported(request).find(|one| !is_ignored(one)) {
            let sentence = reason(request, &unsupported.reason);
            return Err(bad(request, unsupported.code, &sentence));
        }
        let ignored = self.unsupported(request).map(|one| one.field.clone());
        let ignored: Vec<_> = ignored.collect();
        request.ignored = ignored;
        let blank = |text: &str| text.trim().is_empty();
        let (prompt, place, empty) = match (&self.template, request.prompt.take()) {
            (_, Some(Prompt::Inputs(inputs))) if self.is_for_vectors => {
                (Prompt::Inputs(inputs), 0..0, false)
            }
            (_, Some(Prompt::Inputs(_))) => {
                let sentence = reason(request, VECTORS);
                return Err(bad(request, ErrorCode::UnsupportedField, &sentence));
            }
            (Some(template), _) => match template.render_places(&request.fields) {
                Ok((text, places)) => {
                    let empty = blank(&text) || template.is_blank(&request.fields);
                    // The template's own words say what is asked.
                    let place = places.into_iter().max_by_key(Range::len);
                    (Prompt::Text(text), place.unwrap_or_default(), empty)
                }
                Err(error) => {
                    return Err(bad(request, ErrorCode::MissingField, &error.to_string()));
                }
            },
            (None, Some(Prompt::Text(text))) => {
                let (empty, whole) = (blank(&text), 0..text.len());
                (Prompt::Text(text), whole, empty)
            }
            (None, Some(Prompt::Messages(messages))) => {
                let last = messages.iter().rfind(|message| message.role == "user");
                let content = last.and_then(|message| message.content.as_deref());
                let whole = 0..content.unwrap_or_default().len();
                (Prompt::Messages(messages), whole, false)
            }
            (None, None) => {
                return Err(bad(request, ErrorCode::BadRequest, &reason(request, NONE)));
            }
        };
        self.unless_empty(request, empty).map(|()| (prompt, place))
    }

    /// Returns what a line asks for and does not get. A field that the template or --keep names is the
    /// user's own data, whatever others call so; a body of OpenAI's has none.
    fn unsupported<'a>(&'a self, request: &'a Request) -> impl Iterator<Item = &'a Unsupported> {
        let wanted = if self.is_for_vectors {
            Purpose::Vectors
        } else {
            Purpose::Answers
        };
        let matters = move |purpose: Purpose| {
            purpose == wanted || purpose == Purpose::Prompt && self.template.is_none()
        };
        let is_data = move |field: &str| {
            let is_kept = self.keep.iter().any(|path| is_path_of(path, field));
            is_kept
                || self
                    .template
                    .as_ref()
                    .is_some_and(|template| template.names(field))
        };
        let is_own = request.reply == Reply::Own;
        let all = request.unsupported.iter();
        all.filter(move |field| matters(field.purpose) && !(is_own && is_data(&field.field)))
    }

    /// Says what becomes of a request that is empty.
    fn unless_empty(&self, request: &Request, empty: bool) -> Result<(), Option<Item>> {
        match self.if_empty {
            IfEmpty::Skip if empty => Err(None),
            // With a template there is always something to run; else only an instruction is.
            IfEmpty::Run if self.instruction.is_some() || self.template.is_some() => Ok(()),
            // No words have a vector, too.
            _ if empty && !self.is_for_vectors => {
                let sentence = format!("line {} has an empty prompt", request.line);
                Err(Some(failed(request, ErrorCode::EmptyInput, &sentence)))
            }
            _ => Ok(()),
        }
    }

    /// Returns what stands before the first user turn: the instruction, and what is told of the answer.
    fn before(&self, request: &Request) -> Option<String> {
        let is_placed = self
            .template
            .as_ref()
            .is_some_and(|template| template.names(SCHEMA));
        let told = self.schemas.sentence(request).filter(|_| !is_placed);
        match (&self.instruction, told) {
            (Some(instruction), Some(told)) => Some(format!("{instruction}{BETWEEN}{told}")),
            (instruction, told) => instruction.clone().or(told),
        }
    }

    /// Adds instruction and system text. `place` is the text that was asked about: bytes of the last user
    /// turn.
    fn run(&self, request: &Request, prompt: Prompt, place: Range<usize>) -> Item {
        let (mut messages, vectors) = match prompt {
            Prompt::Text(text) => (vec![Message::new("user", text)], None),
            Prompt::Messages(messages) => (messages, None),
            Prompt::Inputs(inputs) => (Vec::new(), Some(inputs)),
        };
        let is_user = |message: &Message| message.role == "user";
        let mut text = messages.iter().rposition(is_user);
        let mut place = place;
        if let Some(instruction) = &self.before(request) {
            match messages.iter().position(is_user) {
                Some(first) => {
                    let content = messages[first].content.take().unwrap_or_default();
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
            tools: self.offered(request),
            overrides: request.overrides.clone(),
            lora: request.lora.clone(),
            input: request.input.clone(),
            source_digest: String::new(),
            reply: request.reply,
            is_raw: request.reply == Reply::TextCompletion,
            requested_model: request.requested_model.clone(),
            ignored: request.ignored.clone(),
            vectors,
        }))
    }
}

impl RequestBuilder {
    /// Returns the tools that a request offers: its own, or those of the flag. One that forbids calls is not
    /// told of any.
    fn offered(&self, request: &Request) -> Option<Value> {
        let forbids = request.fields.get("tool_choice").and_then(Json::as_str) == Some("none");
        let flag = self
            .tools
            .as_ref()
            .filter(|_| !forbids && request.reply != Reply::TextCompletion);
        request.tools.clone().or_else(|| flag.cloned())
    }
}

/// What stands between an instruction and a text.
const BETWEEN: &str = "\n\n";

/// Puts an instruction before a text, which may be too long to be held twice.
fn joined(instruction: &str, mut text: String) -> String {
    if text.trim().is_empty() {
        return instruction.to_owned();
    }
    let before = format!("{instruction}{BETWEEN}");
    text.reserve_exact(before.len());
    text.insert_str(0, &before);
    text
}

pub(super) fn failed(request: &Request, code: ErrorCode, sentence: &str) -> Item {
    let mut record = ErrorRecord::new(request.line, request.id.clone(), code, sentence);
    record.input = request.input.clone();
    Item::Failed(Box::new(Routed::new(record, request.reply)))
}

const NONE: &str = "it has no 'messages', 'prompt', 'text' or 'input' to answer; --template makes a \
                    prompt from other fields";

const VECTORS: &str = "'url' is /v1/embeddings, which llm-embed answers; llm-run answers \
                       /v1/chat/completions and /v1/completions";

/// Returns the sentence for a line that no prompt can be made of.
pub(super) fn reason(request: &Request, reason: &str) -> String {
    let reason = reason.to_owned();
    LineError::new(request.line, None, LineFault::Request { reason }).to_string()
}

fn is_set(fields: &Fields, field: &str) -> bool {
    fields.get(field).is_some_and(|value| !value.is_null())
}

/// Fields that other programs read and this one does not, with what is done instead.
const UNUSED: &[(&str, &str)] = &[("model", MODEL)];

const MODEL: &str = "a run has one model, the one that -m names";

/// Said of a key of a batch file that is of no use on one's own machine.
const CHANGES_NOTHING: &str = "it does not change the answer";

/// Fields of lines that are not used, each told once a run.
#[derive(Debug, Default)]
pub(super) struct Unused {
    told: HashSet<String>,
    /// Fields of --keep that some line has had.
    kept: HashSet<String>,
    /// Whether there was a line.
    has_lines: bool,
}

impl Unused {
    /// Returns the sentences for the fields that no line before this one had.
    pub(super) fn of(&mut self, request: &Request, builder: &RequestBuilder) -> Vec<String> {
        self.has_lines = true;
        for name in &builder.keep {
            if !self.kept.contains(name) && builder.field(&request.fields, name).is_some() {
                self.kept.insert(name.clone());
            }
        }
        if let (true, Some(Json::Object(body))) =
            (request.reply != Reply::Own, request.fields.get("body"))
        {
            return self.of_body(request.line, body);
        }
        // A template, and a record of an earlier stage, have fields for ends of their own.
        if builder.template.is_some() || request.fields.contains_key("schema_version") {
            return Vec::new();
        }
        let is_there = |field| {
            is_set(&request.fields, field) && !builder.keep.iter().any(|name| name == field)
        };
        let rows = UNUSED.iter().filter(|(field, _)| is_there(field));
        rows.filter_map(|(field, instead)| self.sentence(request.line, field, instead))
            .collect()
    }

    /// Returns, at the end of the lines, the sentences for fields of --keep that no line has had; once.
    pub(super) fn absent(&mut self, builder: &RequestBuilder) -> Vec<String> {
        if !std::mem::take(&mut self.has_lines) {
            return Vec::new();
        }
        let absent = builder
            .keep
            .iter()
            .filter(|name| !self.kept.contains(*name));
        absent
            .map(|name| format!("no line has the field '{name}' that --keep names"))
            .collect()
    }

    /// The same for a line of a batch file.
    fn of_body(&mut self, line: u64, body: &Fields) -> Vec<String> {
        let inert = INERT.iter().map(|field| (*field, CHANGES_NOTHING));
        let rows = std::iter::once(("model", MODEL)).chain(inert);
        rows.filter(|(field, _)| is_set(body, field))
            .filter_map(|(field, instead)| self.sentence(line, &format!("body.{field}"), instead))
            .collect()
    }

    fn sentence(&mut self, line: u64, field: &str, instead: &str) -> Option<String> {
        self.told
            .insert(field.to_owned())
            .then(|| format!("line {line}: the field '{field}' is not used; {instead}"))
    }
}

//! Arguments and standard input → requests that are ready to run. The rules are those of the flags in
//! `args::InputArgs`; what a request is answered with is the engine's business.
//!
//! The instruction comes first, so that all requests of a run share the start of their prompt.

mod count;
mod maker;

use std::collections::VecDeque;
use std::io::{BufReader, Read};

use llm_record::{
    ErrorCode, ErrorRecord, Fields, Id, Incoming, LineError, Lines, Message, Overrides, Request,
    TemplateError,
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use thiserror::Error;

use self::maker::{Maker, Unused};
use crate::args::InputArgs;
use crate::message::Messages;
use crate::stdio::{FileIdentity, Source, StdioError, Watch};

/// The largest input that is taken as one prompt: 64 MiB is ten times what any context holds, and
/// `cat /dev/zero |` must not take all memory.
const PROMPT_LIMIT: u64 = 64 << 20;

/// A request that is ready to run.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Line in the input, from 1.
    pub line: u64,
    /// The line's own name.
    pub id: Option<Id>,
    /// The conversation, never empty: system text and instruction are in it.
    pub messages: Vec<Message>,
    /// The tools that the model may call, a list as OpenAI's API takes it.
    pub tools: Option<Value>,
    /// What this line sets; `overrides.or(&flags.settings())` adds the flags.
    pub overrides: Overrides,
    /// What goes into the record's `input`.
    pub input: Fields,
    /// SHA-256, in hexadecimal, of the line and of what the flags add to it: what tells the request
    /// from others before there is a prompt. Empty where the request is no line.
    pub source_digest: String,
}

impl Job {
    /// Returns the conversation as one text, for a model without a chat template.
    #[must_use]
    pub fn text(&self) -> String {
        let contents: Vec<_> = self
            .messages
            .iter()
            .filter_map(|message| message.content.as_deref())
            .collect();
        contents.join("\n\n")
    }

    /// Returns the record that closes the request as failed.
    pub fn failed(&self, code: ErrorCode, message: impl Into<String>) -> ErrorRecord {
        let mut record = ErrorRecord::new(self.line, self.id.clone(), code, message);
        record.input = self.input.clone();
        record.request_digest = digest(&self.source_digest);
        record
    }
}

fn digest(digest: &str) -> Option<String> {
    (!digest.is_empty()).then(|| digest.to_owned())
}

/// What the input holds next.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A request to run.
    Run(Box<Job>),
    /// A request that cannot be run; its closing record.
    Failed(Box<ErrorRecord>),
    /// An `error` record of an earlier stage, which goes on as it came; this stage failed at it too.
    Passed(String),
}

impl Item {
    fn set_digest(&mut self, digest: &str) {
        match self {
            Self::Run(job) => digest.clone_into(&mut job.source_digest),
            Self::Failed(record) => record.request_digest = Some(digest.to_owned()),
            Self::Passed(_) => {}
        }
    }
}

/// An input that no request can be made of.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InputError {
    /// A file or standard input cannot be read.
    #[error(transparent)]
    Stdio(#[from] StdioError),
    /// The template cannot be read.
    #[error("--template: {0}")]
    Template(TemplateError),
    /// The input is there, and blank.
    #[error(
        "{name} is empty; --if-empty skip ends quietly then, --if-empty run runs the instruction alone"
    )]
    Empty {
        /// The input.
        name: String,
    },
    /// There is no input at all.
    #[error("nothing to run; give an instruction, -p TEXT or -f FILE, or pipe a text in")]
    Nothing,
}

/// The requests of a run, in input order.
#[derive(Debug)]
pub struct Jobs {
    maker: Maker,
    origin: Origin,
    inputs: Vec<FileIdentity>,
    unused: Unused,
    messages: Option<Messages>,
}

#[derive(Debug)]
enum Origin {
    /// At most one request, read already.
    Whole(Option<Item>),
    /// A request a line, read as they are wanted.
    Lines(LineOrigin),
}

impl Jobs {
    /// Opens what the arguments name. A whole prompt is read here, so that an empty or unreadable one
    /// stops the program before a model is loaded; lines are read as they are wanted.
    ///
    /// # Errors
    /// [`InputError`].
    pub fn open(args: &InputArgs, system: Option<&str>, watch: &Watch) -> Result<Self, InputError> {
        let maker = Maker::new(args, system)?;
        let by_line = args.lines || args.jsonl;
        let mut sources = VecDeque::new();
        for path in &args.file {
            sources.push_back(Source::open(path, watch.clone())?);
        }
        if args.prompt.is_none() && args.file.is_empty() {
            let stdin = Source::stdin(watch.clone())?;
            // Nobody types a prompt into a program that does not ask for one.
            if by_line || !stdin.is_terminal() {
                sources.push_back(stdin);
            }
        }
        let inputs = sources.iter().filter_map(FileIdentity::of_source).collect();
        let origin = if by_line {
            Origin::Lines(LineOrigin {
                jsonl: args.jsonl,
                limit: args.max_line_bytes,
                waiting: sources,
                current: None,
                passed: 0,
                salt: maker.salt(),
                digest: String::new(),
            })
        } else {
            Origin::Whole(maker.whole(args.prompt.as_deref(), sources)?)
        };
        Ok(Self {
            maker,
            origin,
            inputs,
            unused: Unused::default(),
            messages: None,
        })
    }

    /// Warns of what is in the lines and not used; without messages it goes unsaid.
    #[must_use]
    pub fn warning(self, messages: Messages) -> Self {
        Self {
            messages: Some(messages),
            ..self
        }
    }

    /// Whether the arguments ask for one request (and not for one a line).
    #[must_use]
    pub fn is_single(&self) -> bool {
        matches!(self.origin, Origin::Whole(_))
    }

    /// Returns how many lines there will be, where that can be told beforehand and cheaply: where every
    /// input is a regular file, and nothing of it was read.
    #[must_use]
    pub fn count_lines(&self) -> Option<u64> {
        let Origin::Lines(lines) = &self.origin else {
            return None;
        };
        let counts = lines
            .waiting
            .iter()
            .map(|source| count::lines(source.file()));
        lines.current.is_none().then(|| counts.sum()).flatten()
    }

    /// Returns the files that are read, which the output must not be.
    #[must_use]
    pub fn inputs(&self) -> &[FileIdentity] {
        &self.inputs
    }
}

impl Iterator for Jobs {
    type Item = Result<Item, StdioError>;

    fn next(&mut self) -> Option<Self::Item> {
        let lines = match &mut self.origin {
            Origin::Whole(item) => return item.take().map(Ok),
            Origin::Lines(lines) => lines,
        };
        loop {
            let item = match lines.next_line() {
                Ok(None) => return None,
                Err(error) => return Some(Err(error)),
                Ok(Some(Err(error))) => Some(Item::Failed(Box::new(error.record()))),
                Ok(Some(Ok(Incoming::Delta))) => None,
                Ok(Some(Ok(Incoming::Failed(line)))) => Some(Item::Passed(line.text)),
                Ok(Some(Ok(Incoming::Request(request)))) => {
                    for sentence in self.unused.of(&request, &self.maker) {
                        self.messages.iter().for_each(|to| to.warning(&sentence));
                    }
                    self.maker.job(*request)
                }
            };
            if let Some(mut item) = item {
                item.set_digest(&lines.digest);
                return Some(Ok(item));
            }
        }
    }
}

/// Lines of several sources, numbered through.
#[derive(Debug)]
struct LineOrigin {
    jsonl: bool,
    limit: usize,
    waiting: VecDeque<Source>,
    current: Option<(Lines<BufReader<Source>>, String)>,
    /// Lines of the sources before the current one.
    passed: u64,
    /// What the flags add to every line.
    salt: String,
    /// The digest of the last line, see [`Job::source_digest`].
    digest: String,
}

/// Returns the SHA-256 of texts, in hexadecimal.
fn sha256(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let bytes = hash.finalize();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl LineOrigin {
    fn next_line(&mut self) -> Result<Option<Result<Incoming, LineError>>, StdioError> {
        loop {
            if self.current.is_none() {
                let Some(source) = self.waiting.pop_front() else {
                    return Ok(None);
                };
                let name = source.name().to_owned();
                self.current = Some((Lines::new(BufReader::new(source), self.limit), name));
            }
            let Some((lines, name)) = &mut self.current else {
                continue;
            };
            match lines.next() {
                None => {
                    self.passed += lines.count_read();
                    self.current = None;
                }
                Some(Err(error)) => {
                    let error = StdioError::read(name, error);
                    // After an input that cannot be read to its end, no other is begun.
                    self.waiting.clear();
                    self.current = None;
                    return Err(error);
                }
                Some(Ok(Err(error))) => {
                    let line = error.line + self.passed;
                    // The line itself is not at hand: equal faults count as equal lines.
                    let id = serde_json::to_string(&error.id).unwrap_or_default();
                    self.digest = sha256(&[&self.salt, &id, &error.fault.to_string()]);
                    return Ok(Some(Err(LineError { line, ..error })));
                }
                Some(Ok(Ok(mut line))) => {
                    line.number += self.passed;
                    self.digest = sha256(&[&self.salt, &line.text]);
                    return Ok(Some(match self.jsonl {
                        true => Incoming::parse(line),
                        false => {
                            let request = Request::from_text(line.number, line.text);
                            Ok(Incoming::Request(Box::new(request)))
                        }
                    }));
                }
            }
        }
    }
}

/// Reads all sources, one after another, as one text without its last line end (which `echo` adds, and
/// which a model without a chat template would have to go on from). Text that cannot be a prompt is a
/// failed request.
fn read_whole(sources: VecDeque<Source>) -> Result<Result<String, ErrorRecord>, StdioError> {
    let mut bytes = Vec::new();
    let mut last = String::new();
    for source in sources {
        last = source.name().to_owned();
        let room = (PROMPT_LIMIT + 1).saturating_sub(bytes.len() as u64);
        let read = source.take(room).read_to_end(&mut bytes);
        read.map_err(|error| StdioError::read(&last, error))?;
    }
    let refused = |code, sentence| Ok(Err(ErrorRecord::new(1, None, code, sentence)));
    if bytes.len() as u64 > PROMPT_LIMIT {
        let sentence = format!(
            "{last} is longer than {PROMPT_LIMIT} bytes, too long for one prompt; --lines takes each \
             line as a prompt of its own"
        );
        return refused(ErrorCode::InputTooLong, sentence);
    }
    match String::from_utf8(bytes) {
        Ok(text) => {
            let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
            let end = ["\r\n", "\n"].iter().find_map(|end| text.strip_suffix(end));
            Ok(Ok(end.unwrap_or(text).to_owned()))
        }
        Err(error) => {
            let byte = error.utf8_error().valid_up_to() + 1;
            let sentence = format!(
                "{last} is not valid UTF-8 (byte {byte}); convert it first, with iconv say"
            );
            refused(ErrorCode::BadUtf8, sentence)
        }
    }
}

#[cfg(test)]
mod tests;

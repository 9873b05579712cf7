//! Arguments and standard input → requests that are ready to run. The rules are those of the flags in
//! `args::InputArgs`; what a request is answered with is the engine's business.
//!
//! The instruction comes first, so that all requests of a run share the start of their prompt.

mod chunker;
mod count;
mod digest;
mod files;
mod lines;
mod request_builder;
mod schema_texts;
mod slurp;
mod walk;
mod whole;

use std::collections::VecDeque;
use std::path::Path;

use llm_record::{Incoming, StructuredOutput, TemplateError};
use serde_json::Value;
use thiserror::Error;

use self::chunker::{ChunkOrigin, Counter};
use self::files::FileOrigin;
use self::lines::LineOrigin;
use self::request_builder::{RequestBuilder, Unused};
use self::slurp::Slurp;
use crate::args::InputArgs;
use crate::file_identity::FileIdentity;
use crate::message::Messages;
use crate::output_format::Requests;
use crate::stdio::{InputWatch, Source, StdioError};

/// The largest input that is taken as one prompt: 64 MiB is ten times what any context holds, and
/// `cat /dev/zero |` must not take all memory.
const PROMPT_LIMIT: u64 = 64 << 20;

/// The largest input that is cut into pieces, which lies in memory as a whole.
const CHUNKED_LIMIT: u64 = 1 << 30;

pub use self::chunker::CountTokens;
pub use self::files::Texts;
pub use self::lines::Columns;
pub use llm_record::{Item, Job, TextPlace};

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
    /// The template asks the same of every line.
    #[error(
        "--template has no field, so that every line would get the same prompt; name one, {{{{text}}}} say, \
         or give the text as the instruction"
    )]
    NoField,
    /// The input is there, and blank.
    #[error(
        "{name} is empty; --if-empty skip then writes nothing, --if-empty run runs the instruction alone, and -p \
         TEXT reads no input"
    )]
    Empty {
        /// The input.
        name: String,
    },
    /// There is no input at all.
    #[error("nothing to run; give an instruction, -p TEXT or -f FILE, or pipe text in")]
    Nothing,
}

/// What a run tells its model beside instruction and text.
#[derive(Clone, Debug, Default)]
pub struct Told<'a> {
    /// The system text.
    pub system: Option<&'a str>,
    /// What answers must look like.
    pub structured: Option<StructuredOutput>,
    /// Tools that it may call, where a line offers none itself.
    pub tools: Option<&'a Value>,
}

/// The requests of a run, in input order.
#[derive(Debug)]
pub struct Jobs {
    builder: RequestBuilder,
    /// What the flags add to every line.
    salt: String,
    origin: Origin,
    /// Present where all lines become one request, until it is made.
    slurp: Option<Slurp>,
    inputs: Vec<FileIdentity>,
    unused: Unused,
    messages: Option<Messages>,
    count: Option<Counter>,
}

#[derive(Debug)]
enum Origin {
    /// At most one request, read already.
    Whole(Option<Item>),
    /// A request a line, read as they are wanted.
    Lines(Box<LineOrigin>),
    /// A request for each piece of one text.
    Chunks(Box<ChunkOrigin>),
    /// A request for each file, or for each chunk of it.
    Files(Box<FileOrigin>),
}

impl Jobs {
    /// Opens what the arguments name. A whole prompt is read here, so that an empty or unreadable one stops
    /// the program before a model is loaded; lines are read as they are wanted.
    ///
    /// # Errors
    /// [`InputError`].
    pub fn open(args: &InputArgs, told: Told<'_>, watch: &InputWatch) -> Result<Self, InputError> {
        let builder = RequestBuilder::new(args, told)?;
        let texts = args.texts();
        if texts.is_none() {
            return Self::of(args, builder, watch, 0);
        }
        Self::of_files(args, &texts, builder, watch)
    }

    /// Opens an input of texts whose vectors are wanted.
    ///
    /// # Errors
    /// [`InputError`].
    pub fn texts(args: &InputArgs, texts: &Texts, watch: &InputWatch) -> Result<Self, InputError> {
        let builder = RequestBuilder::new(args, Told::default())?.for_vectors();
        if texts.is_none() {
            return Self::of(args, builder, watch, texts.overlap);
        }
        Self::of_files(args, texts, builder, watch)
    }

    fn of_files(
        args: &InputArgs,
        texts: &Texts,
        builder: RequestBuilder,
        watch: &InputWatch,
    ) -> Result<Self, InputError> {
        let origin = FileOrigin::open(texts, args.chunk, watch, builder.salt())?;
        let inputs = origin.inputs();
        Ok(Self::new(builder, Origin::Files(Box::new(origin)), inputs))
    }

    fn of(
        args: &InputArgs,
        builder: RequestBuilder,
        watch: &InputWatch,
        overlap: usize,
    ) -> Result<Self, InputError> {
        let by_line = args.lines || args.jsonl || args.csv;
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
        let inputs = sources.iter().filter_map(Source::identity).collect();
        let origin = if by_line {
            Origin::Lines(Box::new(LineOrigin::new(args, sources)))
        } else if let Some(limit) = args.chunk {
            let text = builder.text(args.prompt.as_deref(), sources, CHUNKED_LIMIT)?;
            Origin::Chunks(Box::new(ChunkOrigin::new(
                text,
                limit,
                overlap,
                builder.salt(),
            )))
        } else {
            Origin::Whole(builder.whole(args.prompt.as_deref(), sources)?)
        };
        Ok(Self {
            slurp: (by_line && args.slurp).then(Slurp::default),
            ..Self::new(builder, origin, inputs)
        })
    }

    fn new(builder: RequestBuilder, origin: Origin, inputs: Vec<FileIdentity>) -> Self {
        Self {
            salt: builder.salt(),
            builder,
            origin,
            slurp: None,
            inputs,
            unused: Unused::default(),
            messages: None,
            count: None,
        }
    }

    /// Whether the input is cut by tokens, so that it has no request before [`Jobs::counting`].
    #[must_use]
    pub fn wants_tokens(&self) -> bool {
        match &self.origin {
            Origin::Chunks(chunker) => chunker.has_text(),
            Origin::Files(files) => files.wants_tokens(),
            Origin::Whole(_) | Origin::Lines(_) => false,
        }
    }

    /// Takes what counts the tokens of a text.
    #[must_use]
    pub fn counting(self, count: CountTokens) -> Self {
        Self {
            count: Some(Counter(count)),
            ..self
        }
    }

    /// Lets the records keep all fields of their lines.
    #[must_use]
    pub fn keeping_all(self) -> Self {
        Self {
            builder: self.builder.keeping_all(),
            ..self
        }
    }

    /// Takes the files that are written to, so that a file of a list or a folder that is one of them, or
    /// standard output, is not read.
    #[must_use]
    pub fn apart_from<'p>(mut self, outputs: impl IntoIterator<Item = &'p Path>) -> Self {
        if let Origin::Files(files) = &mut self.origin {
            let outputs = outputs.into_iter().filter_map(FileIdentity::of_path);
            files.set_outputs(outputs.chain(FileIdentity::of_stdout()).collect());
        }
        self
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
        self.slurp.is_some() || matches!(self.origin, Origin::Whole(_))
    }

    /// Returns what the requests are.
    #[must_use]
    pub fn requests(&self) -> Requests {
        match &self.origin {
            _ if self.is_single() => Requests::One,
            Origin::Lines(lines) if lines.has_fields() => Requests::Objects,
            _ => Requests::Texts,
        }
    }

    /// Returns the columns of a table, which are there once its first row is.
    #[must_use]
    pub fn columns(&self) -> Columns {
        match &self.origin {
            Origin::Lines(lines) => lines.columns(),
            _ => Columns::default(),
        }
    }

    /// Returns how many lines there will be, where that can be told beforehand and cheaply: where every
    /// input is a regular file, and nothing of it was read.
    #[must_use]
    pub fn count_lines(&self) -> Option<u64> {
        let Origin::Lines(lines) = &self.origin else {
            return None;
        };
        let mut counts = lines.unread()?.map(|source| count::lines(source.file()));
        counts.try_fold(0_u64, |sum, count| Some(sum.saturating_add(count?)))
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
            Origin::Chunks(chunker) => {
                let count = self.count.as_ref();
                return chunker.next(&self.builder, count).map(Ok);
            }
            Origin::Files(files) => {
                return files.next(&self.builder, self.count.as_ref(), self.messages);
            }
            Origin::Lines(lines) => lines,
        };
        loop {
            let line = lines.next_line();
            let digest = match &line {
                Ok(Some(Ok(Incoming::Request(request)))) => digest::of_request(&self.salt, request),
                Ok(Some(Err(error))) => digest::of_error(&self.salt, error),
                _ => String::new(),
            };
            let item = match line {
                Ok(None) => {
                    for sentence in self.unused.absent(&self.builder) {
                        self.messages.iter().for_each(|to| to.warning(&sentence));
                    }
                    let slurp = self.slurp.take()?;
                    return slurp.finish(&self.builder).map(Ok);
                }
                Err(error) => return Some(Err(error)),
                Ok(Some(Err(error))) => Some(Item::Failed(error.failed())),
                Ok(Some(Ok(Incoming::Delta))) => None,
                Ok(Some(Ok(Incoming::Failed(line)))) => Some(Item::Passed(line.text)),
                Ok(Some(Ok(Incoming::Request(request)))) => {
                    for sentence in self.unused.of(&request, &self.builder) {
                        self.messages.iter().for_each(|to| to.warning(&sentence));
                    }
                    match &mut self.slurp {
                        Some(slurp) => slurp.add(&self.builder, *request),
                        None => self.builder.job(*request),
                    }
                }
            };
            if let (Some(slurp), Some(_)) = (&mut self.slurp, &item) {
                slurp.failed();
            }
            if let Some(mut item) = item {
                item.set_digest(&digest);
                return Some(Ok(item));
            }
        }
    }
}

#[cfg(test)]
mod tests;

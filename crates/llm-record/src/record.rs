//! What goes out: one JSON object a line, told apart by its `type`. How a record gets onto a stream
//! is `write`'s business, how long something took is `usage`'s.
//!
//! Names are whole words or the field's own (OpenAI's, vLLM's). Sizes are in bytes, times in
//! milliseconds where the name says so, `created` in Unix seconds. A field that is not known is left
//! out. New fields may come with the same [`SCHEMA_VERSION`]; a change of meaning raises it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Bench, Choice, Embedding, Estimate, Fields, Hit, Id, Metrics, Pair, Perplexity,
    RecordedRequest, Replay, Reply, Sampling, Usage,
};

/// The version that stands in each record as `schema_version`.
pub const SCHEMA_VERSION: u32 = 1;

/// The version of a record's shape; a new record has [`SCHEMA_VERSION`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct SchemaVersion(pub u32);

impl Default for SchemaVersion {
    fn default() -> Self {
        Self(SCHEMA_VERSION)
    }
}

/// One line of output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Record {
    /// What a model is and where its files lie.
    Model(Box<ModelRecord>),
    /// A piece of an answer that is still growing; a closing record follows.
    Delta(Delta),
    /// A whole answer; closes a request.
    Completion(Box<Completion>),
    /// How many tokens a prompt has; closes a request.
    Count(Box<Count>),
    /// A prompt as the model would get it; closes a request.
    Prompt(Box<RenderedPrompt>),
    /// The tokens of a text.
    Tokens(Box<Tokens>),
    /// What a benchmark measured.
    Bench(Box<Bench>),
    /// How well a model predicts a text.
    Perplexity(Box<Perplexity>),
    /// Whether the same answer came again; closes a request.
    Replay(Box<Replay>),
    /// The vector of a text; closes a request.
    Embedding(Box<Embedding>),
    /// A text that was found for a query.
    Hit(Box<Hit>),
    /// Two texts that are near to each other.
    Pair(Box<Pair>),
    /// What a run would take.
    Estimate(Box<Estimate>),
    /// Why there is no answer; closes a request.
    Error(ErrorRecord),
}

impl Record {
    /// Reads a record. An id and what was kept of a line are those that were written, whatever numbers
    /// they hold.
    ///
    /// # Errors
    /// What `serde_json` says of a text that is no record.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        crate::json::record(text, |record: &mut Self, id, input| {
            if let Self::Completion(completion) = record {
                (completion.id, completion.input) = (id, input);
            }
        })
    }
}

impl From<ModelRecord> for Record {
    fn from(record: ModelRecord) -> Self {
        Self::Model(Box::new(record))
    }
}

impl From<Delta> for Record {
    fn from(record: Delta) -> Self {
        Self::Delta(record)
    }
}

impl From<Completion> for Record {
    fn from(record: Completion) -> Self {
        Self::Completion(Box::new(record))
    }
}

impl From<Count> for Record {
    fn from(record: Count) -> Self {
        Self::Count(Box::new(record))
    }
}

impl From<RenderedPrompt> for Record {
    fn from(record: RenderedPrompt) -> Self {
        Self::Prompt(Box::new(record))
    }
}

impl From<Tokens> for Record {
    fn from(record: Tokens) -> Self {
        Self::Tokens(Box::new(record))
    }
}

impl From<Bench> for Record {
    fn from(record: Bench) -> Self {
        Self::Bench(Box::new(record))
    }
}

impl From<Perplexity> for Record {
    fn from(record: Perplexity) -> Self {
        Self::Perplexity(Box::new(record))
    }
}

impl From<Replay> for Record {
    fn from(record: Replay) -> Self {
        Self::Replay(Box::new(record))
    }
}

impl From<Embedding> for Record {
    fn from(record: Embedding) -> Self {
        Self::Embedding(Box::new(record))
    }
}

impl From<Hit> for Record {
    fn from(record: Hit) -> Self {
        Self::Hit(Box::new(record))
    }
}

impl From<Pair> for Record {
    fn from(record: Pair) -> Self {
        Self::Pair(Box::new(record))
    }
}

impl From<Estimate> for Record {
    fn from(record: Estimate) -> Self {
        Self::Estimate(Box::new(record))
    }
}

impl From<ErrorRecord> for Record {
    fn from(record: ErrorRecord) -> Self {
        Self::Error(record)
    }
}

/// A model in the store. Only `name` is always known; the header's facts come with `llm-pull show`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelRecord {
    /// The record's version.
    pub schema_version: SchemaVersion,
    /// The name that `-m` takes.
    pub name: String,
    /// Repository on the hub, as `organization/name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo: Option<String>,
    /// Commit of the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Where the model (its first file) lies on this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Size of all files in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// SHA-256 of the weights in hexadecimal (of the list of digests, for several files).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The files, in the order in which they are read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<ModelFile>,
    /// Architecture as the file names it, `llama` or `gemma3` say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// Number of weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<u64>,
    /// Quantization, `Q4_K_M` say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantization: Option<String>,
    /// Longest context that the model was trained for, in tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_length: Option<u64>,
    /// Whether the model brings a chat template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_template: Option<bool>,
    /// Kind of tokenizer, with its pre-tokenizer where it has one (`gpt2/smollm`, `llama`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokenizer: Option<String>,
    /// Number of tokens that the tokenizer knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vocabulary: Option<u64>,
    /// Licence, as an SPDX identifier where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Whether `llm-run` can run the model, by its header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runnable: Option<bool>,
    /// What stands in the way, in one sentence, where it cannot be run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obstacle: Option<String>,
    /// What was done with the model (`pulled`, `present`, `imported`, `removed`, `planned`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
}

/// One file of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelFile {
    /// Path inside the repository, or the file's name.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 in hexadecimal, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// A piece of an answer: the pieces of one request, in order, make its whole text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Delta {
    /// The record's version.
    pub schema_version: SchemaVersion,
    /// The request's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    /// The request's line in the input, from 1.
    pub line: u64,
    /// The piece of the answer, empty in a piece of reasoning; never a cut character.
    pub text: String,
    /// A piece of what the model thinks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<String>,
    /// In whose format the request is answered; no part of the record.
    #[serde(skip)]
    pub reply: Reply,
}

/// A whole answer and all that is needed to audit it and to make it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Completion {
    /// The record's version.
    #[serde(default)]
    pub schema_version: SchemaVersion,
    /// The request's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    /// The request's line in the input, from 1.
    pub line: u64,
    /// The answer, without the token or text that ended it and without any reasoning.
    pub text: String,
    /// What the model thought before it, where it thinks in a way that its chat template shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<String>,
    /// The labels that were to choose from, in the order given; `text` is the likeliest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Choice>,
    /// Why it ended.
    pub finish_reason: FinishReason,
    /// What was cut from the text so that prompt and answer fit the context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncated: Option<Truncated>,
    /// How many tokens it took.
    pub usage: Usage,
    /// How long it took.
    pub metrics: Metrics,
    /// When it ended, in Unix seconds.
    pub created: i64,
    /// Fields of the input that were asked to be kept.
    #[serde(default, skip_serializing_if = "Fields::is_empty")]
    pub input: Fields,
    /// The whole request, where it was asked to be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Box<RecordedRequest>>,
    /// The model that answered.
    pub model: ModelIdentity,
    /// How each token was chosen.
    pub sampling: Sampling,
    /// SHA-256 in hexadecimal of model digest, rendered prompt, its tokens, sampling and seed.
    pub request_digest: String,
    /// Which of several equal requests without an id this is, from 2 on; the first has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurrence: Option<u64>,
    /// The model that the request asked for, where it named one in the format of another API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_model: Option<String>,
    /// The program that answered.
    pub build: Build,
    /// In whose format the record is written; no part of it.
    #[serde(skip)]
    pub reply: Reply,
}

/// What was cut from the text of a request (`--on-overflow`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Truncated {
    /// Tokens of the prompt that the cut has taken away.
    pub tokens: u64,
    /// The part of the text that was cut.
    #[serde(rename = "where")]
    pub place: Place,
}

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Its beginning.
    Head,
    /// Its middle.
    Middle,
    /// Its end.
    Tail,
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Head => "beginning",
            Self::Middle => "middle",
            Self::Tail => "end",
        })
    }
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FinishReason {
    /// The model, or a stop text, ended it; or it is a label.
    Stop,
    /// The limit of tokens, or the context's end, was reached.
    Length,
}

/// Which weights answered, and in what words they were asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelIdentity {
    /// The name that the user gave.
    pub name: String,
    /// SHA-256 of the weights in hexadecimal (of the list of digests, for several files).
    pub digest: String,
    /// Quantization, `Q4_K_M` say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantization: Option<String>,
    /// Architecture as the file names it.
    pub architecture: String,
    /// Name of the (first) file.
    pub file: String,
    /// How the prompt became the model's text.
    pub template: TemplateUse,
    /// Whether markup in what was asked counted as markup (`--parse-special`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub parse_special: bool,
}

/// How a prompt became the model's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TemplateUse {
    /// By the chat template that the model brings.
    Chat,
    /// By a chat template from a file of the user's.
    File,
    /// Not at all: the text as it is.
    Raw,
}

/// The program and machine level that answered; the same bytes come again within one of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Build {
    /// Version of the toolkit.
    pub version: String,
    /// Level of the kernels (`scalar`, `avx2`, …).
    pub simd: String,
    /// Device (`cpu`, `cuda`, …).
    pub device: String,
    /// Number of threads; does not change the answer.
    pub threads: u64,
}

/// How many tokens a prompt has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Count {
    /// The record's version.
    #[serde(default)]
    pub schema_version: SchemaVersion,
    /// The request's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    /// The request's line in the input, from 1.
    pub line: u64,
    /// The count, as `prompt_tokens`; nothing was generated.
    pub usage: Usage,
    /// Fields of the input that were asked to be kept.
    #[serde(default, skip_serializing_if = "Fields::is_empty")]
    pub input: Fields,
    /// The model whose tokenizer and template counted.
    pub model: ModelIdentity,
}

/// The tokens of a text as it stands: without template, BOS or EOS, markup in it taken as plain text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tokens {
    /// The record's version.
    #[serde(default)]
    pub schema_version: SchemaVersion,
    /// Their ids, in order.
    pub tokens: Vec<u32>,
    /// The model whose tokenizer made them.
    pub model: TokenizerIdentity,
}

/// Which tokenizer made tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenizerIdentity {
    /// The name that the user gave.
    pub name: String,
    /// SHA-256 of the model in hexadecimal (of the list of digests, for several files).
    pub digest: String,
    /// Name of the (first) file.
    pub file: String,
    /// Kind of tokenizer, with its pre-tokenizer where it has one (`gpt2/smollm`, `llama`).
    pub tokenizer: String,
    /// Number of tokens that it knows.
    pub vocabulary: u64,
}

/// A prompt as the model would get it; nothing was generated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RenderedPrompt {
    /// The record's version.
    #[serde(default)]
    pub schema_version: SchemaVersion,
    /// The request's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    /// The request's line in the input, from 1.
    pub line: u64,
    /// The prompt's text, as the chat template makes it.
    pub text: String,
    /// The ids of its tokens. Markup in what the caller said is text here.
    pub tokens: Vec<u32>,
    /// The count, as `prompt_tokens`.
    pub usage: Usage,
    /// Fields of the input that were asked to be kept.
    #[serde(default, skip_serializing_if = "Fields::is_empty")]
    pub input: Fields,
    /// The model whose template and tokenizer made it.
    pub model: ModelIdentity,
}

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorRecord {
    /// The record's version.
    #[serde(default)]
    pub schema_version: SchemaVersion,
    /// The request's id, where it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    /// The request's line in the input, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// What went wrong.
    pub error: ErrorDetail,
    /// Fields of the input that were asked to be kept.
    #[serde(default, skip_serializing_if = "Fields::is_empty")]
    pub input: Fields,
    /// The request's digest as in [`Completion`], where the request got so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_digest: Option<String>,
    /// Which of several equal requests without an id this is, from 2 on; the first has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurrence: Option<u64>,
    /// In whose format the record is written; no part of it.
    #[serde(skip)]
    pub reply: Reply,
}

impl ErrorRecord {
    /// Returns the record for a request that failed.
    pub fn new(line: u64, id: Option<Id>, code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            schema_version: SchemaVersion::default(),
            id,
            line: Some(line),
            error: ErrorDetail {
                code,
                message: message.into(),
            },
            input: Fields::new(),
            request_digest: None,
            occurrence: None,
            reply: Reply::Own,
        }
    }
}

/// What went wrong, for programs and for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorDetail {
    /// For programs; the words never change.
    pub code: ErrorCode,
    /// For people: one sentence that names the thing and the way out.
    pub message: String,
}

/// The kinds of failure, stable across versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorCode {
    /// The line is not UTF-8.
    BadUtf8,
    /// The line is not a JSON object.
    BadJson,
    /// The line, or the whole input, is longer than the limit.
    InputTooLong,
    /// A field is absent, of the wrong kind or out of range.
    BadRequest,
    /// A `{{field}}` of the template is not in the line.
    MissingField,
    /// A file that holds a text cannot be read.
    UnreadableFile,
    /// There is nothing to work on.
    EmptyInput,
    /// Prompt and answer do not fit into the context.
    ContextExceeded,
    /// The chat template refused the messages.
    TemplateFailed,
    /// The cache for prompt and answer does not fit into the memory that is left.
    OutOfMemory,
    /// The model failed at the request.
    GenerationFailed,
    /// The model could not be found or opened.
    ModelFailed,
    /// The row is not one of the CSV file's columns.
    BadCsv,
    /// A field would change the answer and is not supported.
    UnsupportedField,
    /// An earlier line of the input has the same id.
    DuplicateId,
    /// The output holds an answer to another request under the same id.
    IdConflict,
    /// The answer took longer than it was given.
    Timeout,
    /// A code of a later version.
    #[serde(other)]
    Unknown,
}

//! What goes out: one JSON object a line, told apart by its `type`. How a record gets onto a stream
//! is `write`'s business, how long something took is `usage`'s.
//!
//! Names are whole words or the field's own (OpenAI's, vLLM's). Sizes are in bytes, times in
//! milliseconds where the name says so, `created` in Unix seconds. A field that is not known is left
//! out. New fields may come with the same [`SCHEMA_VERSION`]; a change of meaning raises it.

mod bench;
mod completion;
mod count;
mod delta;
mod embedding;
mod error;
mod estimate;
mod hit;
mod identity;
mod model;
mod pair;
mod perplexity;
mod prompt;
mod replay;
mod tokens;
mod tool_call;

pub use bench::{Bench, BenchModel, Limits};
pub use completion::{Completion, FinishReason, Place, Truncated};
pub use count::Count;
pub use delta::Delta;
pub use embedding::{Embedding, EmbeddingUsage, Encoder};
pub use error::{ErrorCode, ErrorDetail, ErrorRecord};
pub use estimate::{CloudPrice, Estimate, MeasuredSpeed, MemoryEstimate, gib};
pub use hit::{Found, Hit};
pub use identity::{Build, ModelIdentity, TemplateUse, TokenizerIdentity};
pub use model::{LoraSummary, ModelFile, ModelRecord};
pub use pair::Pair;
pub use perplexity::Perplexity;
pub use prompt::RenderedPrompt;
pub use replay::{Circumstance, Part, RecordedRequest, Replay};
pub use tokens::Tokens;
pub use tool_call::{FunctionCall, ToolCall, ToolKind};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

    /// Says when the record of a request was closed, in Unix seconds, where that is not known: who makes
    /// an answer knows when it ended.
    pub fn close_at(&mut self, seconds: i64) {
        let created = match self {
            Self::Count(count) => &mut count.created,
            Self::Prompt(prompt) => &mut prompt.created,
            Self::Replay(replay) => &mut replay.created,
            Self::Embedding(embedding) => &mut embedding.created,
            Self::Hit(hit) => &mut hit.created,
            Self::Error(error) => &mut error.created,
            // An answer always knows it; the others close no request.
            Self::Completion(_)
            | Self::Model(_)
            | Self::Delta(_)
            | Self::Tokens(_)
            | Self::Bench(_)
            | Self::Perplexity(_)
            | Self::Pair(_)
            | Self::Estimate(_) => return,
        };
        created.get_or_insert(seconds);
    }
}

/// Makes a record of each kind; those that are large stand in a box.
macro_rules! into_record {
    ($($kind:ident($record:ty) $(in $boxed:ident)?),* $(,)?) => {
        $(
            impl From<$record> for Record {
                fn from(record: $record) -> Self {
                    Self::$kind($($boxed::new)?(record))
                }
            }
        )*
    };
}

into_record! {
    Model(ModelRecord) in Box,
    Delta(Delta),
    Completion(Completion) in Box,
    Count(Count) in Box,
    Prompt(RenderedPrompt) in Box,
    Tokens(Tokens) in Box,
    Bench(Bench) in Box,
    Perplexity(Perplexity) in Box,
    Replay(Replay) in Box,
    Embedding(Embedding) in Box,
    Hit(Hit) in Box,
    Pair(Pair) in Box,
    Estimate(Estimate) in Box,
    Error(ErrorRecord),
}

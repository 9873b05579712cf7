//! The JSON lines that the toolkit reads and writes.
//!
//! This is the order in which a line travels: bytes → [`read`] or [`csv`] → [`request`], its prompt
//! possibly made by a [`template`] → [`record`] with its [`usage`] → [`mod@write`]. A request of
//! [`openai`]'s is answered in their form. A run that goes on where another ended reads what is
//! [`mod@closed`]. Vectors stand in records or, together, in a [`matrix`]. A request in:
//!
//! ```json
//! {"id": 7, "prompt": "Name the capital of France.", "max_tokens": 20}
//! ```
//!
//! and the record that closes it (shortened):
//!
//! ```json
//! {"type":"completion","schema_version":1,"id":7,"line":1,"text":"Paris.","finish_reason":"stop"}
//! ```
//!
//! The shapes are public as JSON Schema in `schema/`, generated from the types here. This crate
//! knows no tensors, no flags and no policy: what to do with a failed line is the caller's choice.
#![forbid(unsafe_code)]

pub mod bench;
pub mod choice;
pub mod closed;
pub mod csv;
pub mod embedding;
pub mod estimate;
pub mod hit;
mod id;
pub mod job;
pub mod json;
pub mod known;
mod number;
pub mod matrix;
pub mod openai;
pub mod overrides;
pub mod read;
pub mod record;
pub mod replay;
pub mod comparison;
pub mod request;
mod seed;
pub mod template;
pub mod usage;
pub mod vector;
pub mod write;

pub use bench::{Bench, BenchModel, Limits, Perplexity};
pub use choice::Choice;
pub use closed::{Closed, closed};
pub use embedding::{Embedding, EmbeddingUsage, Encoder};
pub use estimate::{CloudPrice, Estimate, MeasuredSpeed, MemoryEstimate};
pub use hit::{Found, Hit, Pair};
pub use id::Id;
pub use job::{Item, Job, TextPlace};
pub use json::{Fields, Json, Values};
pub use known::{Purpose, Unsupported};
pub use number::Number;
pub use openai::{BatchOutput, Input, Inputs, Reply};
pub use overrides::Overrides;
pub use read::{Line, LineError, LineFault, Lines};
pub use record::{
    Build, Completion, Count, Delta, ErrorCode, ErrorDetail, ErrorRecord, FinishReason, ModelFile,
    ModelIdentity, ModelRecord, Place, Record, RenderedPrompt, SCHEMA_VERSION, Sampling,
    SchemaVersion, TemplateUse, TokenizerIdentity, Tokens, Truncated,
};
pub use replay::{Circumstance, Part, RecordedRequest, Replay};
pub use request::{Incoming, Message, Prompt, Request};
pub use seed::Seed;
pub use template::{Template, TemplateError};
pub use usage::{CompletionTokensDetails, Metrics, PromptTokensDetails, Usage};
pub use vector::{Encoding, Vector};
pub use write::LineWriter;

//! The JSON lines that the toolkit reads and writes.
//!
//! This is the order in which a line travels: bytes → [`read`] or [`csv`] → [`request`], its prompt
//! possibly made by a [`template`] → [`record`] with its [`usage`] → [`mod@write`]. A request of
//! [`openai`]'s is answered in their form; which form that is stands beside a record ([`routed`]). A run
//! that continues an earlier one reads which requests are [`mod@closed`]. Vectors stand in records or,
//! together, in a [`matrix`]. A request in:
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
//! knows no tensors and no policy: what to do with a failed line is the caller's choice. Of flags it knows
//! those of the [`settings`] that a line may bring, since a setting is one row of one table.
#![forbid(unsafe_code)]

pub mod choice;
pub mod closed;
mod counted;
pub mod array;
pub mod csv;
mod id;
pub mod job;
pub mod json;
mod logprobs;
mod lora;
pub mod known;
pub mod matrix;
mod number;
pub mod openai;
pub mod read;
pub mod record;
pub mod comparison;
pub mod request;
pub mod routed;
mod seed;
mod short_schema;
pub mod settings;
pub mod structured;
pub mod template;
mod tools;
pub mod usage;
pub mod vector;
mod whole;
pub mod write;

pub use choice::Choice;
pub use closed::{Closed, closed};
pub use counted::counted;
pub use id::Id;
pub use job::{Item, Job, TextPlace};
pub use json::{Fields, Json, Values};
pub use known::{Purpose, Unsupported};
pub use logprobs::{ChatLogprobs, Logprobs, RankedToken, TextLogprobs, TokenLogprob};
pub use lora::{LoraChoice, LoraIdentity, LoraName};
pub use number::Number;
pub use openai::{BatchOutput, Input, Inputs, ListRest, Reply};
pub use read::{Line, LineError, LineFault, Lines};
pub use record::{
    Bench, BenchModel, Build, Circumstance, CloudPrice, Completion, Count, Delta, Embedding,
    EmbeddingUsage, Encoder, ErrorCode, ErrorDetail, ErrorRecord, Estimate, FinishReason, Found,
    FunctionCall, Hit, Limits, LoraSummary, MeasuredSpeed, MemoryEstimate, ModelFile,
    ModelIdentity, ModelRecord, Pair, Part, Perplexity, Place, Record, RecordedRequest,
    RenderedPrompt, Replay, SCHEMA_VERSION, SchemaVersion, TemplateUse, TokenizerIdentity, Tokens,
    ToolCall, ToolKind, Truncated, gib,
};
pub use request::{Incoming, Message, Prompt, Request};
pub use routed::{Failed, Routed};
pub use seed::Seed;
pub use settings::{Overrides, Sampling};
pub use short_schema::short_schema;
pub use structured::{OutputRule, StructuredOutput};
pub use template::{Template, TemplateError};
pub use tools::tool_list;
pub use usage::{CompletionTokensDetails, Metrics, PromptTokensDetails, Usage};
pub use vector::{Encoding, Vector};
pub use write::LineWriter;

//! Groups of flags that several programs share, each flag defined once: it has one name, one meaning
//! and one help text everywhere. Which program takes which group is said in the program's own parser;
//! what a value leads to is left to those who read it.

mod device;
mod filter;
mod input;
mod lora;
mod model;
mod output;
mod progress;
mod replay;
mod sampling;
mod structured;
mod tools;
mod text;

pub(crate) use device::threads;
pub use device::{Device, DeviceArgs};
pub use filter::{Conflict, ConflictArgs, FilterArgs};
pub use input::{IfEmpty, InputArgs, OnOverflow};
pub(crate) use input::{chunk, line_limit};
pub use lora::{LoraArg, LoraArgs};
pub(crate) use model::ctx_size;
pub use model::{
    DEFAULT_EMBEDDER, DEFAULT_MODEL, ForceArgs, ModelArgs, Quantize, QuantizeArgs, TemplateArgs,
    Think, default_model,
};
pub use output::{AnswerFormat, Format, FormatArgs, OutputArgs, QuietArgs, Reasoning};
pub use progress::ProgressArgs;
pub use replay::{EstimateArgs, ReplayArgs};
pub(crate) use sampling::generation_flags;
pub use sampling::{DEFAULT_PREDICT, SamplingArgs};
pub use structured::{SchemaPrompt, StructuredArgs};
pub use text::{TextArg, unescaped};
pub(crate) use text::{text_of_file, text_or_file};
pub use tools::ToolArgs;

//! Requests in, answers out, many at a time.
//!
//! This is what stands between the engine, which knows tokens, and a program, which knows flags and
//! streams. An [`Answerer`] makes a request's prompt, cut where it is too long, and the record of its
//! answer; a [`Worker`] begins requests while there is room, goes on with all of them together, and
//! closes them as they end. A [`Replayer`] does so with the requests of an earlier run and compares
//! the answers; [`estimate`] tells what a run would take. [`text_encoder`] makes vectors
//! of texts, in windows where they are too long. The program opens the model and the device
//! ([`Opener`]) and hears what people should be told ([`Host`]); the loop around a worker is
//! [`llm_filter::run`].
//!
//! What a request is known by, and what its random draws depend on, can be computed without a model:
//!
//! ```
//! use llm_batch::digest;
//! use llm_record::{Id, Sampling};
//!
//! let settings = Sampling::default();
//! let request = digest::request("model's digest", "Hello", &[15_496], &settings);
//! assert_eq!(request.len(), 64);
//!
//! // The draws of a request with an id depend on neither its digest nor on how often it has come.
//! let id = Id::Text("a".to_owned());
//! let key = digest::key(Some(&id), &request, 1, &settings);
//! assert_eq!(key, digest::key(Some(&id), "another", 2, &settings));
//! ```
#![forbid(unsafe_code)]

mod adapters;
mod grammars;
mod host;
pub mod settings;
mod biases;
mod calls;
pub mod digest;
mod prompt;
mod prompt_length;
mod overflow;
mod answerer;
mod task;
mod memory;
mod prefix_folder;
mod running;
mod worker;
mod replay;
pub mod estimate;
pub mod text_encoder;

pub use adapters::{Adapters, Chosen, NamedAdapter};
pub use answerer::Answerer;
pub use host::{Device, Host, MemoryOptions, OpenedModel, Opener, Options, Purpose, ReasoningTo};
pub use prefix_folder::PrefixFolder;
pub use prompt::{Prompt, PromptOptions, Prompts};
pub use replay::{ReplaySource, Replayer};
pub use task::Task;
pub use worker::Worker;

//! Prompt to text: a decoder's whole way from opened weights to generated text,
//! on the CPU.
//!
//! [`Model::open`] reads a model's [`spec`] and [`weights`]; [`CpuForward`] runs
//! them over a [`cache`] of keys and values; a [`Batch`] generates many answers
//! at a time, each of which is what it would be alone. A new model family is a
//! row of [`family`]. The crate knows no records, no flags and no standard
//! streams.
//!
//! ```
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/smollm2-135m-instruct-q4_1.gguf");
//! # let path = std::path::Path::new(path);
//! use std::{ops::ControlFlow, sync::Arc};
//! use llm_engine::{Batch, CpuForward, Generate, Model, TemplateChoice};
//! use llm_kernels::{pool::Pool, simd::Level};
//!
//! let model = Model::open(&[path.to_path_buf()], None, &TemplateChoice::None)?;
//! let (spec, weights) = (Arc::clone(&model.spec), Arc::clone(&model.weights));
//! let level = Level::detect()?;
//! let forward = CpuForward::<half::f16>::new(spec, weights, Pool::new(2)?, level);
//! let mut batch = Batch::new(Box::new(forward), &model.tokenizer, 256);
//! let prompt = model.tokenizer.encode("The capital of France is", true, false);
//! let answer = batch.answer(Generate::greedy(prompt, 4), &mut |_| ControlFlow::Continue(()))?;
//! assert!(answer.text.contains("Paris"), "{}", answer.text);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

pub mod cache;
pub mod defaults;
pub mod family;
pub mod forward;
pub mod generate;
pub mod lora;
pub mod model;
pub mod perplexity;
pub mod sampler;
pub mod spec;
pub mod synthetic;
pub mod token_set;
pub mod weights;

pub use cache::{SequenceId, Sequences};
pub use forward::{CpuForward, Forward};
pub use generate::{Batch, Generate, Generated};
pub use model::{Model, TemplateChoice};
pub use sampler::{Sampler, Sampling};
pub use spec::Spec;
pub use weights::Weights;

//! How fast a model runs here: loads, the times that they take, and what share of the machine's limits those
//! times are.
//!
//! Modules stand in the order of the work: a [`load`] is put on [`sequences`] of a forward pass, each
//! repetition is a [`run`], a run of a few layers is scaled to the whole model ([`extrapolate`]), several
//! runs are one measurement ([`repeat`]) and have [`statistics`], their [`work`] is compared with the
//! [`limits`] of the machine, and a [`row`] of records or of llama-bench's [`table`] tells it all. What a
//! model is opened from, and where rows go, is the program's business.
//!
//! ```
//! use std::sync::Arc;
//!
//! use llm_engine::forward::CpuForward;
//! use llm_engine::{spec::Spec, synthetic::Synthetic, weights::Weights};
//! use llm_kernels::{pool::Pool, simd::Level};
//! use llm_measure::{Load, Passes, Repetitions, Test};
//!
//! let gguf = Synthetic::parse("tiny-llama:q8_0")?.gguf(&Pool::new(1)?)?;
//! let spec = Arc::new(Spec::from_gguf(&gguf, None)?);
//! let weights = Arc::new(Weights::from_gguf(&gguf, &spec)?);
//! let mut forward = CpuForward::new(spec, weights, Pool::new(1)?, Level::detect()?);
//!
//! let load = Load {
//!     test: Test { prompt: 8, generated: 2 },
//!     depth: 0,
//!     parallel: 1,
//!     best: true,
//! };
//! let passes = Passes { whole: &mut forward, half: None };
//! let repetitions = Repetitions { count: 3, warm_up: false };
//! let measured = passes.measure(&load, repetitions, &|| true)?;
//! assert_eq!(measured.runs.len(), 3);
//! assert!(measured.runs.iter().all(|run| run.steps.len() == 2));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

pub mod load;
pub mod run;
pub mod sequences;

pub mod extrapolate;
pub mod repeat;

pub mod limits;
pub mod process;
pub mod statistics;
pub mod work;

pub mod row;
pub mod table;

pub use extrapolate::Extrapolation;
pub use load::{Load, Test};
pub use repeat::{Measured, Passes, Repetitions};
pub use run::Run;
pub use sequences::Stopped;
pub use work::Work;

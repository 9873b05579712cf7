//! What a batch needs of the program around it: how it is to run, who opens the model and the
//! device, and who tells people.

use std::fmt::Display;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use llm_engine::forward::Forward;
use llm_engine::model::Model;
use llm_prompt::RenderProcess;
use llm_record::{Build, ModelIdentity, Overrides, Place, RecordedRequest};

use crate::adapters::Adapters;
use crate::prompt::PromptOptions;

/// The program around a batch.
pub trait Host: Send + Sync {
    /// Tells people what they may not have meant.
    fn warn(&self, sentence: &dyn Display);

    /// Shows people a piece of a model's reasoning, as it comes.
    fn show_reasoning(&self, text: &str);

    /// Returns whether the user wants the run to end.
    fn is_interrupted(&self) -> bool;

    /// Returns the error that ends a run which was broken off: by a signal, or since nobody reads
    /// its output.
    fn broken_off(&self) -> anyhow::Error;
}

/// Opens what a run needs, when it is first needed: an empty input costs nothing.
pub trait Opener {
    /// Opens the model.
    ///
    /// # Errors
    /// No such model, or one that is damaged.
    fn model(&self) -> Result<OpenedModel>;

    /// Makes a model's forward pass, with adapters, on the device that was asked for.
    ///
    /// # Errors
    /// There is no such device, or the model does not fit it.
    fn device(&self, model: &Model, adapters: &Adapters) -> Result<Device>;
}

/// A model that is open, and how records name it.
pub struct OpenedModel {
    /// The model, which lives as long as the process: when it ends, the system takes back weights
    /// and vocabulary at once, and nobody waits while they are put away in order.
    pub model: &'static Model,
    /// The adapters that requests may have.
    pub adapters: Adapters,
    /// How records name it.
    pub identity: ModelIdentity,
    /// The process that renders its chat templates.
    pub renderer: Arc<RenderProcess>,
    /// What each request is kept with, where records hold their whole request.
    pub kept_with: Option<RecordedRequest>,
}

/// A forward pass and how records name what computes it.
pub struct Device {
    /// The forward pass.
    pub forward: Box<dyn Forward>,
    /// The program, the device and its threads.
    pub build: Build,
}

/// What is done with a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Purpose {
    /// It is answered.
    #[default]
    Answer,
    /// The tokens of its prompt are counted.
    Count,
    /// Its prompt is shown.
    ShowPrompt,
}

/// Where a model's reasoning goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ReasoningTo {
    /// Into the records.
    #[default]
    Records,
    /// To people, as it comes.
    People,
    /// Nowhere.
    Nobody,
}

/// How a batch runs.
#[derive(Debug, Clone)]
pub struct Options {
    /// Settings of all requests; a request's own go before them.
    pub settings: Overrides,
    /// Tokens of an answer where nobody sets a limit.
    pub default_max_tokens: i64,
    /// Positions that a request may use; `None` for as many as the model was trained for.
    pub context: Option<usize>,
    /// How prompts are made.
    pub prompts: PromptOptions,
    /// What is cut out of a text that is too long; `None` where it is refused.
    pub overflow: Option<Place>,
    /// Seconds that a request may take.
    pub timeout: Option<f64>,
    /// An answer that a limit cuts is an error.
    pub requires_complete: bool,
    /// Records hold the whole conversation.
    pub keeps_conversation: bool,
    /// What is done with requests.
    pub purpose: Purpose,
    /// Where reasoning goes.
    pub reasoning: ReasoningTo,
    /// Requests that are answered together; `None` leaves it to the machine.
    pub parallel: Option<usize>,
    /// The folder that keeps the state after a shared beginning of the prompts.
    pub prefix_folder: Option<PathBuf>,
    /// What of the memory may be taken.
    pub memory: MemoryOptions,
}

/// A program that hears and tells nothing.
#[cfg(test)]
pub(crate) struct Silent;

#[cfg(test)]
impl Host for Silent {
    fn warn(&self, _: &dyn Display) {}

    fn show_reasoning(&self, _: &str) {}

    fn is_interrupted(&self) -> bool {
        false
    }

    fn broken_off(&self) -> anyhow::Error {
        anyhow::Error::msg("broken off")
    }
}

/// What of the memory a run may take, and how it computes.
#[derive(Debug, Clone, Copy)]
pub struct MemoryOptions {
    /// Returns the bytes that this process may still take; `None` where the system does not tell.
    pub available: fn() -> Option<u64>,
    /// The reference pass computes, in dense floats.
    pub is_dense: bool,
    /// A run that does not fit is tried nevertheless, with a warning.
    pub is_forced: bool,
}

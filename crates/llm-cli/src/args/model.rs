//! Flags that choose a model and the words in which it is asked. How a name becomes files is the
//! store's business.

use std::path::PathBuf;
use std::sync::OnceLock;

use clap::{Args, ValueEnum};
use llm_kernels::quantize::QuantType;

use super::{TextArg, text_of_file, text_or_file};

/// The model that is used where none is named.
pub const DEFAULT_MODEL: &str = "qwen2.5-coder-0.5b";

/// Returns the model that is used where none is named: what `LLM_MODEL` says, read once, or else
/// [`DEFAULT_MODEL`].
#[must_use]
pub fn default_model() -> &'static str {
    static NAMED: OnceLock<String> = OnceLock::new();
    NAMED.get_or_init(|| {
        let named = std::env::var("LLM_MODEL").unwrap_or_default();
        match named.trim() {
            "" => DEFAULT_MODEL.to_owned(),
            name => name.to_owned(),
        }
    })
}

/// The model that makes vectors where none is named.
pub const DEFAULT_EMBEDDER: &str = "minilm";

/// Which model.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Model")]
pub struct ModelArgs {
    /// Use this model: a name from `llm-pull ls`, ORG/REPO:QUANT, a .gguf file or a folder of
    /// safetensors [default: `LLM_MODEL` of the environment, else qwen2.5-coder-0.5b]
    #[arg(short, long, value_name = "NAME")]
    pub model: Option<String>,

    /// Use a context of N tokens (0: what the request needs, up to the model's limit)
    #[arg(short, long, value_name = "N", default_value_t = 0, allow_negative_numbers = true,
        value_parser = ctx_size)]
    pub ctx_size: u64,
}

impl ModelArgs {
    /// Returns the model's name, the default one where none was given.
    pub fn name(&self) -> &str {
        self.model.as_deref().unwrap_or_else(|| default_model())
    }
}

/// How the weights of a folder are quantized.
#[derive(Args, Clone, Copy, Debug, Default)]
#[command(next_help_heading = "Model")]
pub struct QuantizeArgs {
    /// Quantize the weights of a safetensors folder as they are loaded, to save memory
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub quantize: Option<Quantize>,
}

/// What weights are quantized to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Quantize {
    /// 8.5 bits per weight
    #[value(name = "q8_0")]
    Q8_0,
    /// 4.5 bits per weight, 8.5 for the output matrix and where rows do not fit
    #[value(name = "q4_k")]
    Q4K,
}

impl Quantize {
    /// Returns the format that matrices are packed in.
    #[must_use]
    pub fn packing(self) -> QuantType {
        match self {
            Self::Q8_0 => QuantType::Q8_0,
            Self::Q4K => QuantType::Q4K,
        }
    }
}

pub(crate) fn ctx_size(text: &str) -> Result<u64, String> {
    /// A hundred times the largest context that a model has; a typing error must not ask for more
    /// memory than there are addresses.
    const MOST: u64 = 1 << 31;
    match text.parse() {
        Ok(tokens) if tokens <= MOST => Ok(tokens),
        _ => Err(format!("must be a number of tokens from 0 to {MOST}")),
    }
}

/// Whether the model thinks before it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Think {
    /// Think before answering
    On,
    /// Answer at once
    Off,
}

/// How a prompt is rendered for the model.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Model")]
pub struct TemplateArgs {
    /// Put this system message before the conversation; \n stands for a newline, \t for a tab, \\ for a
    /// backslash
    #[arg(long, value_name = "TEXT|@FILE", allow_hyphen_values = true, value_parser = text_or_file)]
    pub system: Option<TextArg>,

    /// Put the system message in this file, as it stands, before the conversation
    #[arg(long, value_name = "FILE", conflicts_with = "system", value_parser = text_of_file)]
    pub system_file: Option<TextArg>,

    /// Use the chat template (Jinja) in this file instead of the model's own
    #[arg(long, value_name = "FILE", conflicts_with = "no_template")]
    pub chat_template: Option<PathBuf>,

    /// The template itself, where it is known from a record.
    #[arg(skip)]
    pub template_source: Option<String>,

    /// Give the model the text as is, without a chat template
    #[arg(long)]
    pub no_template: bool,

    /// Turn thinking before the answer on or off, if the model's chat template has a switch for it
    #[arg(
        long,
        value_name = "WHETHER",
        value_enum,
        conflicts_with = "no_template"
    )]
    pub think: Option<Think>,

    /// Parse control tokens that are written out in prompts, instead of taking them as text
    #[arg(long)]
    pub parse_special: bool,
}

impl TemplateArgs {
    /// Returns the system message, from wherever it comes.
    #[must_use]
    pub fn system(&self) -> Option<&TextArg> {
        self.system.as_ref().or(self.system_file.as_ref())
    }
}

/// Whether a failed check stops the program.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct ForceArgs {
    /// Continue even if a check of memory, disk space or existing files fails
    #[arg(long)]
    pub force: bool,
}

//! The parser of `llm-run`. What its flags mean together is `output_format`'s and `input`'s business.

use clap::Parser;

use crate::app::{Program, file_of};
use crate::args::{
    DeviceArgs, EstimateArgs, FilterArgs, ForceArgs, InputArgs, LoraArgs, ModelArgs, OutputArgs,
    QuantizeArgs,
};
use crate::args::{QuietArgs, ReplayArgs, SamplingArgs, StructuredArgs, TemplateArgs, ToolArgs};

const EXAMPLES: &str = "\
Examples:
  cat report.txt | llm-run \"Summarize this in one sentence.\"
  git diff --cached | llm-run -T \"Write a commit message\" | git commit -F -
  llm-run --lines \"Translate to French\" < phrases.txt > phrases.jsonl
  llm-run --lines --schema 'name, age int' < people.txt | jq .json.age
  llm-run --jsonl --choices bug,wish --keep title 'Sort this' < issues.jsonl
  llm-run --jsonl < openai_batch.jsonl > openai_batch_output.jsonl
  llm-run --csv --format csv --template 'In French: {{title}}' < table.csv
  llm-run -p \"Why is the sky blue?\" --temp 0.7 -s 42
  llm-run -m llama-3.gguf --lora sql=adapter.gguf:0.5 -p \"List all users\"
  cat report.txt | llm-run --count
  llm-run -p \"Hi\" --show-prompt -T

Exit status:
  0  all well, or the reader of the output has enough
  1  some request failed (its error record is on standard output), or an answer could not be written
  2  could not start: usage, no such model, unreadable file, empty input
  129, 130, 143  hung up, interrupted, terminated; records already written are whole";

/// Answers prompts with a local model
///
/// Reads the prompt from standard input, from files or from -p, puts the instruction before it and
/// writes the model's answer: text on a terminal, one JSON record per request everywhere else.
#[derive(Parser, Clone, Debug)]
#[command(name = "llm-run", version, max_term_width = crate::HELP_WIDTH, after_help = EXAMPLES,
    args_override_self = true)]
pub struct RunArgs {
    /// Where prompts come from.
    #[command(flatten)]
    pub input: InputArgs,
    /// Which model.
    #[command(flatten)]
    pub model: ModelArgs,
    /// How its weights are quantized.
    #[command(flatten)]
    pub quantize: QuantizeArgs,
    /// What is added to its weights.
    #[command(flatten)]
    pub lora: LoraArgs,
    /// How a prompt is rendered for the model.
    #[command(flatten)]
    pub template: TemplateArgs,
    /// What an answer must look like.
    #[command(flatten)]
    pub structured: StructuredArgs,
    /// What the model may call.
    #[command(flatten)]
    pub tools: ToolArgs,
    /// How each token is chosen.
    #[command(flatten)]
    pub sampling: SamplingArgs,
    /// The output, and where it goes.
    #[command(flatten)]
    pub output: OutputArgs,
    /// How a run over many lines goes.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// Whether a run gives the same answers again.
    #[command(flatten)]
    pub replay: ReplayArgs,
    /// What a run would take.
    #[command(flatten)]
    pub estimate: EstimateArgs,
    /// How much is said on standard error.
    #[command(flatten)]
    pub quiet: QuietArgs,
    /// The device that computes.
    #[command(flatten)]
    pub device: DeviceArgs,
    /// Whether a failed check stops the run.
    #[command(flatten)]
    pub force: ForceArgs,
}

impl Program for RunArgs {
    fn settled(mut self) -> Self {
        self.output.output = file_of(self.output.output);
        self
    }
}

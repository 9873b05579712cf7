//! The parser of `llm-bench`. Its lists are llama-bench's; what is measured is the program's business.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, Parser, ValueEnum};

use crate::app::{Program, file_of};
use crate::args::{ForceArgs, LoraArgs, QuantizeArgs, QuietArgs, ctx_size, default_model, threads};

const EXAMPLES: &str = "\
Examples:
  llm-bench                                prefill 512, decode 128
  llm-bench -p 512 -n 128 -d 0,4096 --parallel 1,32 -t 2 --format jsonl
  llm-bench -m smollm2 -p 0 -n 0 --pg 256,64 --parallel 32
  llm-bench --shape llama-3.2-1b:q4_k_m  a model that is not downloaded
  llm-bench --shape llama-3.3-70b:q4_k_m --layers 4   one that does not fit
  llm-bench --shape llama-3.2-1b:q4_0 --write 1b.gguf   for other programs
  llm-bench --perplexity report.txt -m smollm2 -c 512

Exit status:
  0  all well, or the reader of the output has enough
  1  some row failed (it has the error), or the output could not be written
  2  could not start: usage, unreadable file
  129, 130, 143  hung up, interrupted, terminated; records already written are whole";

/// Measures how fast a model runs here
///
/// Times every combination of models, threads, depths, numbers of sequences and tests, measures the
/// limits of the machine in the same run, and writes a 'bench' record for each. Tokens are random;
/// tokenizing and sampling are not timed.
#[derive(Parser, Clone, Debug)]
#[command(name = "llm-bench", version, max_term_width = crate::HELP_WIDTH, after_help = EXAMPLES,
    args_override_self = true)]
pub struct BenchArgs {
    /// What is measured.
    #[command(flatten)]
    pub subject: SubjectArgs,
    /// How its weights are quantized.
    #[command(flatten)]
    pub quantize: QuantizeArgs,
    /// What is added to them, with --perplexity.
    #[command(flatten)]
    pub lora: LoraArgs,
    /// The loads that are timed.
    #[command(flatten)]
    pub tests: TestArgs,
    /// Perplexity instead of speed.
    #[command(flatten)]
    pub perplexity: PerplexityArgs,
    /// The output, and where it goes.
    #[command(flatten)]
    pub output: BenchOutputArgs,
    /// How much is said on standard error.
    #[command(flatten)]
    pub quiet: QuietArgs,
    /// Whether a check may refuse a load.
    #[command(flatten)]
    pub force: ForceArgs,
}

impl Program for BenchArgs {
    fn settled(mut self) -> Self {
        self.output.output = file_of(self.output.output);
        if self.subject.model.is_empty() && self.subject.shape.is_empty() {
            self.subject.model = vec![default_model().to_owned()];
        }
        self
    }
}

/// What is measured.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Model")]
pub struct SubjectArgs {
    /// Measure these models: names of `llm-pull ls`, ORG/REPO:QUANT, .gguf files or folders [default:
    /// `LLM_MODEL` of the environment, else qwen2.5-coder-0.5b, unless there is a --shape]
    #[arg(short, long, value_name = "NAME", value_delimiter = ',')]
    pub model: Vec<String>,

    /// Measure random weights of these shapes, NAME:QUANT as in llama-3.2-1b:q4_k_m
    #[arg(long, value_name = "SHAPE", value_delimiter = ',')]
    pub shape: Vec<String>,

    /// Time N layers of the shapes, and half of them, and scale the times to the whole model
    #[arg(long, value_name = "N", requires = "shape", conflicts_with = "perplexity",
        value_parser = layers)]
    pub layers: Option<usize>,

    /// Write the shape to this GGUF file instead of measuring it
    #[arg(
        long,
        value_name = "FILE",
        requires = "shape",
        conflicts_with = "perplexity"
    )]
    pub write: Option<PathBuf>,
}

/// What is done instead of timing loads.
const SINGLE: [&str; 2] = ["perplexity", "write"];

/// The loads that are timed.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Tests")]
pub struct TestArgs {
    /// Process prompts of N tokens (0: none)
    #[arg(short = 'p', long, value_name = "N", value_delimiter = ',', default_value = "512",
        allow_negative_numbers = true, value_parser = count, conflicts_with_all = SINGLE)]
    pub n_prompt: Vec<usize>,

    /// Generate N tokens (0: none)
    #[arg(short = 'n', long, value_name = "N", value_delimiter = ',', default_value = "128",
        allow_negative_numbers = true, value_parser = count, conflicts_with_all = SINGLE)]
    pub n_gen: Vec<usize>,

    /// Process a prompt of P tokens and generate G after it, timed as one; may be given several times
    #[arg(long, value_name = "P,G", value_parser = pair, conflicts_with_all = SINGLE)]
    pub pg: Vec<(usize, usize)>,

    /// Start with N tokens in the cache
    #[arg(short = 'd', long, value_name = "N", value_delimiter = ',', default_value = "0",
        allow_negative_numbers = true, value_parser = count, conflicts_with_all = SINGLE)]
    pub n_depth: Vec<usize>,

    /// Run N sequences together: N prompts, and N tokens a step
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "1", value_parser = sequences,
        conflicts_with_all = SINGLE)]
    pub parallel: Vec<usize>,

    /// Use N threads (-1, the default: one a core)
    #[arg(short, long, value_name = "N", value_delimiter = ',', allow_negative_numbers = true,
        value_parser = threads)]
    pub threads: Vec<NonZeroUsize>,

    /// Time each test N times
    #[arg(short, long, value_name = "N", default_value_t = 5, value_parser = repetitions,
        conflicts_with_all = SINGLE)]
    pub repetitions: usize,

    /// Do not run each test once before it is timed
    #[arg(long, conflicts_with_all = SINGLE)]
    pub no_warmup: bool,

    /// Which logits to compute for a generated token
    #[arg(
        long,
        value_name = "WHICH",
        value_enum,
        default_value_t,
        conflicts_with_all = SINGLE
    )]
    pub logits: BenchLogits,
}

/// What a generated token costs at the end of the pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum BenchLogits {
    /// Those that picking the best token needs, as llm-run does at temperature 0
    #[default]
    Best,
    /// Those of the whole vocabulary, as llama-bench does
    All,
}

/// Perplexity instead of speed.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Quality")]
pub struct PerplexityArgs {
    /// Measure the perplexity of this text instead, as llama-perplexity does
    #[arg(long, value_name = "FILE", conflicts_with = "shape")]
    pub perplexity: Option<PathBuf>,

    /// Cut the text into windows of N tokens [default: 512]
    #[arg(short, long, value_name = "N", value_parser = ctx_size)]
    pub ctx_size: Option<u64>,
}

impl PerplexityArgs {
    /// Returns the tokens of a window.
    #[must_use]
    pub fn window(&self) -> u64 {
        self.ctx_size.unwrap_or(512)
    }
}

/// The output, and where it goes.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Output")]
pub struct BenchOutputArgs {
    /// Write records or a table
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: BenchFormat,

    /// Write to this file instead of standard output ('-')
    #[arg(short, long, value_name = "FILE",
        value_parser = OsStringValueParser::new().try_map(file))]
    pub output: Option<PathBuf>,

    /// Replace the file that is written to, whatever it holds
    #[arg(long)]
    pub overwrite: bool,
}

/// What standard output holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum BenchFormat {
    /// A table on a terminal, else JSON lines
    #[default]
    Auto,
    /// One JSON record a line
    Jsonl,
    /// A table in Markdown, as llama-bench writes it
    Md,
}

/// llama-bench's `-o` names a format, and a file of that name is not what its users want.
fn file(path: OsString) -> Result<PathBuf, String> {
    let formats = ["csv", "json", "jsonl", "md", "sql"];
    match formats.iter().find(|format| path == **format) {
        Some(format) => Err(format!(
            "write --format jsonl or --format md; -o ./{format} writes a file of that name"
        )),
        None => Ok(path.into()),
    }
}

/// More tokens than any context, and more sequences or repetitions than anybody waits for.
const MOST: usize = 1 << 31;

fn number(text: &str, what: &str, least: usize, most: usize) -> Result<usize, String> {
    let number = text.parse().ok();
    number
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| format!("must be a number of {what} from {least} to {most}"))
}

fn count(text: &str) -> Result<usize, String> {
    number(text, "tokens", 0, MOST)
}

fn sequences(text: &str) -> Result<usize, String> {
    number(text, "sequences", 1, 65_536)
}

fn repetitions(text: &str) -> Result<usize, String> {
    number(text, "repetitions", 1, 1_000_000)
}

/// Half of the layers are timed too, so two are the least.
fn layers(text: &str) -> Result<usize, String> {
    number(text, "layers", 2, 10_000)
}

fn pair(text: &str) -> Result<(usize, usize), String> {
    let parts = text
        .split_once(',')
        .and_then(|(a, b)| Some((count(a).ok()?, count(b).ok()?)));
    parts
        .filter(|&(prompt, generated)| prompt + generated > 0)
        .ok_or_else(|| "must be two numbers of tokens, as in 256,64".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::DEFAULT_MODEL;

    fn parsed(arguments: &[&str]) -> BenchArgs {
        BenchArgs::try_parse_from([&["llm-bench"], arguments].concat()).unwrap()
    }

    #[test]
    fn defaults_are_those_of_llama_bench() {
        let args = parsed(&[]);
        let tests = &args.tests;
        assert_eq!((&*tests.n_prompt, &*tests.n_gen), (&[512][..], &[128][..]));
        assert_eq!((&*tests.n_depth, tests.repetitions), (&[0][..], 5));
        assert!(tests.pg.is_empty() && tests.threads.is_empty());
        assert_eq!(args.settled().subject.model, [DEFAULT_MODEL]);
    }

    #[test]
    fn lists_come_with_commas_or_by_repeating() {
        let args = parsed(&[
            "-m",
            "a,b",
            "-m",
            "c",
            "-p",
            "1,2",
            "-d0,4096",
            "--parallel",
            "1,32",
            "-t",
            "1,2",
            "--pg",
            "256,64",
            "--pg",
            "1,0",
        ]);
        assert_eq!(args.subject.model, ["a", "b", "c"]);
        assert_eq!(
            (args.tests.n_prompt, args.tests.n_depth),
            (vec![1, 2], vec![0, 4096])
        );
        assert_eq!(args.tests.parallel, [1, 32]);
        assert_eq!(args.tests.threads.len(), 2);
        assert_eq!(args.tests.pg, [(256, 64), (1, 0)]);
    }

    #[test]
    fn a_shape_comes_alone_or_beside_models() {
        assert!(parsed(&["--shape", "a:b"]).subject.model.is_empty());
        assert_eq!(parsed(&["--shape", "a:b", "-m", "c"]).subject.model, ["c"]);
    }

    #[test]
    fn numbers_out_of_range_are_answered_with_the_range() {
        let told = |arguments: &[&str]| {
            let all = [&["llm-bench"], arguments].concat();
            BenchArgs::try_parse_from(all).unwrap_err().to_string()
        };
        assert!(told(&["-p", "-1"]).contains("tokens from 0 to"));
        assert!(told(&["--parallel", "0"]).contains("sequences from 1 to"));
        assert!(told(&["-r", "0"]).contains("repetitions from 1"));
        assert!(told(&["--pg", "3"]).contains("as in 256,64"));
        assert!(told(&["--pg", "0,0"]).contains("as in 256,64"));
        assert!(told(&["--shape", "a:b", "--layers", "1"]).contains("layers from 2"));
        assert!(told(&["--layers", "4"]).contains("--shape"));
        assert!(told(&["-o", "jsonl"]).contains("--format jsonl"));
        assert!(told(&["-omd"]).contains("-o ./md"));
        for flags in [
            &["--perplexity", "x", "--shape", "a:b"][..],
            &["--perplexity", "x", "-p", "8"],
            &["--perplexity", "x", "-n", "8"],
            &["--perplexity", "x", "--parallel", "8"],
            &["--shape", "a:b", "--write", "x", "-r", "2"],
        ] {
            assert!(told(flags).contains("cannot be used with '"), "{flags:?}");
        }
    }
}

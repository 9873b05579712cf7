//! The parser of `llm-embed`: without a command it makes vectors, its commands compare them. What
//! becomes of a text is the program's and the engine's business.

mod compare;
mod program;
mod values;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser};
use llm_record::read::DEFAULT_LINE_LIMIT;

use crate::args::{
    ConflictArgs, DEFAULT_EMBEDDER, InputArgs, OutputArgs, ProgressArgs, QuietArgs, TextArg,
};
use crate::args::{chunk, line_limit, text_or_file, threads};
use crate::input::Texts;

pub use self::compare::{EmbedCommand, EmbedMachineArgs, RerankArgs, SearchArgs, SimilarArgs};
pub use self::program::EmbedProgram;
pub use self::values::{EmbedFormat, EmbedQuantize, Encoding, PoolingChoice, TooLong};

const EXAMPLES: &str = "\
Examples:
  llm-embed < lines.txt > vectors.jsonl
  llm-embed --jsonl --keep title -o vectors.jsonl < documents.jsonl
  llm-embed -m ./bge-small-en-v1.5 --query < questions.txt
  llm-embed --on-overflow truncate < lines.txt
  echo hello | llm-embed | jq -c .embedding
  llm-embed --chunk 200 --overlap 20 --keep-text notes/ > vectors.jsonl
  find notes -name '*.txt' -print0 | llm-embed --files0-from - --chunk 200
  llm-embed --jsonl < openai_batch.jsonl > openai_batch_output.jsonl
  llm-embed --keep-text --format npy -o vectors.npy < lines.txt
  llm-embed search vectors.jsonl 'unified memory'

Exit status:
  0  all well, or the reader of the output has enough
  1  some text failed (its error record is on standard output), or a record could not be written
  2  could not start: usage, no such model, unreadable file
  129, 130, 143  hung up, interrupted, terminated; records already written are whole";

/// Turns texts into vectors with a local model
///
/// Reads one text per line from standard input, or whole files, and writes an 'embedding' record for
/// each. A file with the name of a command is given as ./NAME. Pooling, prompts, the maximum length and
/// whether vectors are normalized to unit length are read from the model's own files and stated in the
/// record.
#[derive(Parser, Clone, Debug, Default)]
#[command(name = "llm-embed", version, max_term_width = crate::HELP_WIDTH, after_help = EXAMPLES,
    args_override_self = true)]
pub struct EmbedArgs {
    /// Where texts come from.
    #[command(flatten)]
    pub input: EmbedInputArgs,
    /// Which model, and how it is used.
    #[command(flatten)]
    pub model: EmbedModelArgs,
    /// The output, and where it goes.
    #[command(flatten)]
    pub output: EmbedOutputArgs,
    /// How much is said on standard error.
    #[command(flatten)]
    pub quiet: QuietArgs,
    /// Use N threads (-1, the default: one per core); vectors do not depend on it
    #[arg(short, long, value_name = "N", allow_negative_numbers = true, value_parser = threads,
        help_heading = "Machine")]
    pub threads: Option<NonZeroUsize>,
}

/// Where texts come from.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Input")]
pub struct EmbedInputArgs {
    /// Embed each of these files, as one text or, with --chunk, in chunks; of a folder all text files in
    /// it, in the order of their names, hidden ones left out
    #[arg(value_name = "FILE", conflicts_with_all = ["file", "files0_from", "jsonl"])]
    pub files: Vec<PathBuf>,

    /// Embed the files that are named in FILE ('-': standard input), each name ended by NUL
    #[arg(long, value_name = "FILE", conflicts_with_all = ["file", "jsonl"])]
    pub files0_from: Option<PathBuf>,

    /// Split each file, or the whole input, into chunks of at most TOKENS tokens, special tokens
    /// included: between paragraphs, else lines, sentences, words or characters
    #[arg(long, value_name = "TOKENS", conflicts_with = "jsonl", value_parser = chunk)]
    pub chunk: Option<usize>,

    /// Start each chunk with up to TOKENS tokens of the previous one, at most half of --chunk
    #[arg(long, value_name = "TOKENS", requires = "chunk", default_value_t = 0)]
    pub overlap: usize,

    /// Read the lines of this file ('-': standard input); several are read one after another
    #[arg(short, long, value_name = "FILE")]
    pub file: Vec<PathBuf>,

    /// Treat each line as a JSON object with 'text' and optionally 'id', as a record of this toolkit,
    /// or as a request for /v1/embeddings of an OpenAI batch file, which is answered in that format
    #[arg(long)]
    pub jsonl: bool,

    /// Make each text from this one; {{field}} stands for a field of the line, \n for a newline, \t for a
    /// tab, \\ for a backslash
    #[arg(
        long,
        value_name = "TEXT|@FILE",
        allow_hyphen_values = true,
        value_parser = text_or_file,
        requires = "jsonl"
    )]
    pub template: Option<TextArg>,

    /// Keep this field of the line under 'input' in its record; may be given several times
    #[arg(long, value_name = "FIELD", requires = "jsonl")]
    pub keep: Vec<String>,

    /// Keep each text in its record
    #[arg(long)]
    pub keep_text: bool,

    /// Choose what to do with a text that is too long for the model
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    pub on_overflow: TooLong,

    /// Reject lines longer than N bytes
    #[arg(long, value_name = "N", default_value_t = DEFAULT_LINE_LIMIT, value_parser = line_limit)]
    pub max_line_bytes: usize,
}

/// Which model, and how it is used.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Model")]
pub struct EmbedModelArgs {
    /// Use this model: a folder of safetensors, a GGUF file, or a name or ORG/REPO of the store
    /// [default: minilm]
    #[arg(short, long, value_name = "NAME")]
    pub model: Option<String>,

    /// Put the model's own query prompt before each text
    #[arg(long, group = "put_before")]
    pub query: bool,

    /// Put the model's own document prompt before each text, if it has one
    #[arg(long, group = "put_before")]
    pub document: bool,

    /// Put this before each text; \n stands for a newline, \t for a tab, \\ for a backslash
    #[arg(
        long,
        value_name = "TEXT|@FILE",
        allow_hyphen_values = true,
        value_parser = text_or_file,
        group = "put_before"
    )]
    pub prompt: Option<TextArg>,

    /// Pool the vectors of the tokens in this way instead of the model's own
    #[arg(long, value_name = "HOW", value_enum)]
    pub pooling: Option<PoolingChoice>,

    /// Keep the first N dimensions of each vector and normalize it to unit length again
    #[arg(long, value_name = "N")]
    pub dimensions: Option<NonZeroUsize>,

    /// Quantize the weights of a safetensors folder as they are loaded: faster, and vectors differ
    /// slightly
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub quantize: Option<EmbedQuantize>,
}

/// The output, and where it goes.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Output")]
pub struct EmbedOutputArgs {
    /// Write vectors in this encoding
    #[arg(long, value_name = "FORM", value_enum, default_value_t)]
    pub encoding: Encoding,

    /// Write records with their vectors, or all vectors as one matrix to -o FILE and the records
    /// without vectors to FILE.jsonl
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: EmbedFormat,

    /// Write to this file instead of standard output ('-'); existing records are continued, a matrix is
    /// replaced once the new one is complete
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Replace the file that is written to, whatever it holds
    #[arg(long, requires = "output")]
    pub overwrite: bool,

    /// Skip lines whose record is already in FILE; for use with '>> FILE', since -o FILE does it by
    /// itself
    #[arg(long, value_name = "FILE", conflicts_with = "output")]
    pub resume: Option<PathBuf>,

    /// Skip texts whose vector, made by the same model in the same way, is already in FILE, whatever
    /// their id
    #[arg(long, value_name = "FILE")]
    pub skip_seen: Option<PathBuf>,

    /// Embed again the lines whose record in the file to be continued is an error
    #[arg(long, conflicts_with = "overwrite")]
    pub retry_errors: bool,

    /// Move lines torn by a crash from the -o file to FILE.torn, and continue
    #[arg(long, requires = "output", conflicts_with = "overwrite")]
    pub repair: bool,

    /// What becomes of lines that the output answers otherwise.
    #[command(flatten)]
    pub conflict: ConflictArgs,

    /// How often the run tells how far it is.
    #[command(flatten)]
    pub progress: ProgressArgs,

    /// Drop from the -o file the records of texts that their FILEs no longer have, and of files that are
    /// no longer there, once the run is complete
    #[arg(long, requires = "output", conflicts_with = "overwrite")]
    pub prune: bool,

    /// Start no more lines after N have failed
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_errors: Option<u64>,
}

impl EmbedModelArgs {
    /// Returns the model's name, the default one where none was given.
    #[must_use]
    pub fn name(&self) -> &str {
        self.model.as_deref().unwrap_or(DEFAULT_EMBEDDER)
    }
}

impl EmbedArgs {
    /// Returns the flags as those of the input that the programs share.
    #[must_use]
    pub fn shared_input(&self) -> InputArgs {
        InputArgs {
            file: self.input.file.clone(),
            lines: !self.input.jsonl && self.input.chunk.is_none(),
            jsonl: self.input.jsonl,
            chunk: self.input.chunk,
            template: self.input.template.clone(),
            keep: self.input.keep.clone(),
            max_line_bytes: self.input.max_line_bytes,
            ..InputArgs::default()
        }
    }

    /// Returns the files that are texts.
    #[must_use]
    pub fn texts(&self) -> Texts {
        Texts {
            files: self.input.files.clone(),
            files0_from: self.input.files0_from.clone(),
            overlap: self.input.overlap,
        }
    }

    /// Returns the flags as those of the output that the programs share.
    #[must_use]
    pub fn shared_output(&self) -> OutputArgs {
        OutputArgs {
            output: self.output.output.clone(),
            overwrite: self.output.overwrite,
            ..OutputArgs::default()
        }
    }
}

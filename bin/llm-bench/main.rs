//! `llm-bench`: models and loads in, one record each out.
//!
//! Parse, open each model, time each combination, write, end. What a model is
//! opened from is `subject`'s business, the order of the rows `sweep`'s; how a
//! load is timed and what its row says is that of `llm-measure`.

mod machine;
mod output;
mod perplexity;
mod progress;
mod subject;
mod sweep;
mod write_shape;

use std::process::ExitCode;

use anyhow::{Result, bail};
use llm_cli::{BenchArgs, Context, Status};
use llm_kernels::mmap::tell_lost_files;

fn main() -> ExitCode {
    llm_cli::main("llm-bench", |args, context| run(&args, context))
}

fn run(args: &BenchArgs, context: &Context) -> Result<Status> {
    tell_lost_files("llm-bench")?;
    let context = &context.quiet(args.quiet.quiet);
    if args.perplexity.perplexity.is_none() && args.perplexity.ctx_size.is_some() {
        bail!(
            "-c is the window of --perplexity; a test has the context that it needs, and -d N starts with N \
             tokens in the cache"
        );
    }
    match (&args.subject.write, &args.perplexity.perplexity) {
        (Some(path), _) => write_shape::run(args, path),
        (None, Some(path)) => perplexity::run(args, path, context),
        (None, None) if !args.lora.lora.is_empty() => {
            bail!("--lora is used with --perplexity alone")
        }
        (None, None) => sweep::run(args, context),
    }
}

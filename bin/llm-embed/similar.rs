//! `llm-embed similar`: the pairs of a file's texts whose vectors are near to each
//! other. No model is opened.

use anyhow::Result;
use llm_cli::embed::SimilarArgs;
use llm_cli::stdio::{FileIdentity, stdout_is_terminal};
use llm_cli::{Context, Form, Output, Status};
use llm_kernels::simd::Level;
use llm_record::{Pair, Record, SchemaVersion};

use crate::ask;
use crate::index::Index;

/// Writes the pairs.
pub(crate) fn run(args: &SimilarArgs, context: &Context) -> Result<Status> {
    let shared = ask::output(args.format);
    let form = Form::choose(&shared, true, stdout_is_terminal())?;
    let messages = context.messages.quiet(args.quiet.quiet);
    let pool = crate::open::pool(&ask::machine(args.machine))?;
    let level = Level::detect()?;
    let mut index = Index::open(&args.vectors, &pool, context)?;
    let inputs: Vec<_> = FileIdentity::of_path(&args.vectors).into_iter().collect();
    let mut output = Output::open(&shared, form, &inputs, messages)?;
    for tile in 0..index.tiles() {
        if let Some(status) = context.interrupt.status() {
            return Ok(status);
        }
        for (a, b, score) in index.near(&pool, level, tile, args.threshold) {
            output.close(&Record::from(Pair {
                schema_version: SchemaVersion::default(),
                score,
                a: index.found(a)?,
                b: index.found(b)?,
            }))?;
        }
        if output.reader_gone() {
            return Ok(Status::Done);
        }
    }
    output.finish()?;
    Ok(Status::Done)
}

//! `llm-embed similar`: the pairs of a file's texts whose vectors are near to each
//! other. No model is opened.

use anyhow::Result;
use llm_cli::parser::embed::SimilarArgs;
use llm_cli::stdio::stdout_is_terminal;
use llm_cli::{Context, Output, OutputFormat, Reads, Requests, Status};
use llm_record::{Pair, Record, Routed, SchemaVersion};

use crate::{ask, index, reads};

/// Writes the pairs.
pub(crate) fn run(args: &SimilarArgs, context: &Context) -> Result<Status> {
    let shared = ask::output(args.format);
    let form = OutputFormat::choose(&shared, Requests::One, stdout_is_terminal())?;
    let context = &context.quiet(args.quiet.quiet);
    let messages = context.messages;
    let pool = crate::open::pool(&ask::machine(args.machine))?;
    let mut index = index::open(&args.vectors, &pool, context)?;
    let reads = reads::vectors(Reads::default(), &args.vectors);
    let mut output = Output::open(&shared, form, "pair", &reads, messages)?;
    for tile in 0..index.tiles() {
        if let Some(status) = context.interrupt.status() {
            return Ok(status);
        }
        for found in index.similar(&pool, tile, args.threshold) {
            let pair = Pair {
                schema_version: SchemaVersion::default(),
                score: found.score,
                a: index.record(found.first)?,
                b: index.record(found.second)?,
            };
            output.close(&mut Routed::own(Record::from(pair)))?;
        }
        if output.reader_gone() {
            return Ok(Status::Done);
        }
    }
    output.finish()?;
    Ok(Status::Done)
}

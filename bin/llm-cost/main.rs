//! `llm-cost`: a volume, a model or records of use in, `cost` records out.
//!
//! Parse, gather the rows and records that the question needs, compute, write. The formulas, the answers
//! and how people see them are the cost model's business; here are its input and its output.

mod data;
mod list;
mod model_shape;
mod payback_flags;
mod picture;
mod reads;
mod record_files;
mod requirements;
mod scenarios;
mod show;
mod this_machine;
mod usage;

use std::process::ExitCode;

use anyhow::Result;
use llm_cli::{Context, CostArgs, CostCommand, Status};
use llm_kernels::mmap::tell_lost_files;

use data::Data;
use show::Writer;

fn main() -> ExitCode {
    llm_cli::main("llm-cost", |args, context| run(&args, context))
}

fn run(args: &CostArgs, context: &Context) -> Result<Status> {
    tell_lost_files("llm-cost")?;
    let context = context.quiet(args.quiet.quiet);
    let reads = reads::of(args);
    let mut writer = Writer::open(args.format, &reads)?;
    let data = Data::load(&args.data, context.messages)?;
    match &args.command {
        CostCommand::Payback(args) => {
            scenarios::payback(args, &data, &reads, &context, &mut writer)?;
        }
        CostCommand::Compare(args) => scenarios::compare(args, &data, &context, &mut writer)?,
        CostCommand::Floor(args) => requirements::run(args, &data, &reads, &context, &mut writer)?,
        CostCommand::Usage(args) => usage::run(args, &data, &context, &mut writer)?,
        CostCommand::Catalogue { table } => list::run(*table, &data, &mut writer)?,
    }
    Ok(Status::Done)
}

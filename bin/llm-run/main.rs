//! `llm-run`: requests in, one closing record each out.
//!
//! Parse, open the model, answer, end. What the input means and how the output
//! looks is `llm-cli`'s business, how text comes about `llm-engine`'s.

mod answer;
mod digest;
mod memory;
mod open;
mod prompt;
mod settings;

use std::mem::ManuallyDrop;
use std::process::ExitCode;

use anyhow::Result;
use llm_cli::stdio::{Watch, stdout_is_terminal};
use llm_cli::{Context, Form, Item, Jobs, Output, RunArgs, Status};

use answer::Answerer;

fn main() -> ExitCode {
    llm_cli::main("llm-run", |args, context| run(&args, context))
}

fn run(args: &RunArgs, context: &Context) -> Result<Status> {
    let watch = Watch {
        interrupt: context.interrupt.clone(),
        reader: args.output.output.is_none(),
    };
    let jobs = Jobs::open(&args.input, args.template.system.as_deref(), &watch)?;
    let form = Form::choose(&args.output, jobs.is_single(), stdout_is_terminal())?;
    let messages = context.messages.quiet(args.quiet.quiet);
    let mut output = Output::open(&args.output, form, jobs.inputs(), messages)?;
    // Never dropped: when the process ends, the system takes back weights, cache
    // and threads at once, and nobody waits while they are put away in order.
    let mut answerer: ManuallyDrop<Option<Answerer>> = ManuallyDrop::new(None);
    let mut status = Status::Done;
    for item in jobs.warning(messages) {
        let ended = match item? {
            Item::Run(job) => {
                // Opened by the first request that needs it, so that an empty
                // input costs nothing.
                let answerer = match &mut *answerer {
                    Some(answerer) => answerer,
                    None => answerer.insert(Answerer::open(args, context)?),
                };
                answerer.answer(&job, &mut output)?
            }
            Item::Failed(record) => {
                output.fail(*record)?;
                Status::SomeFailed
            }
            Item::Passed(line) => {
                output.pass(&line)?;
                Status::SomeFailed
            }
        };
        status = status.and(ended);
        if let Some(ended) = context.interrupt.status() {
            return Ok(ended);
        }
    }
    output.finish()?;
    Ok(status)
}

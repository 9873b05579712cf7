//! Where the flags send the records, and what stands there already.

use anyhow::Result;
use llm_batch::Purpose;
use llm_cli::filter::Target;
use llm_cli::{Context, Jobs, Output, OutputFormat, Reads, RunArgs};
use llm_filter::Journal;
use llm_filter::durable::Existing;

use crate::{options, reads};

/// Returns the type of the records that are written.
fn record_type(args: &RunArgs) -> &'static str {
    match options::purpose(args) {
        Purpose::Count => "count",
        Purpose::ShowPrompt => "prompt",
        Purpose::Answer => "completion",
    }
}

/// Where records go, and what is there already.
pub(crate) struct Opened {
    pub(crate) output: Output,
    pub(crate) journal: Journal,
    /// Holds the locks on what is gone on with.
    pub(crate) _locked: Target,
}

/// Opens where records go; nothing that the run reads is written to.
pub(crate) fn open(
    args: &RunArgs,
    form: OutputFormat,
    jobs: &Jobs,
    context: &Context,
) -> Result<Opened> {
    let reads = reads::besides_requests(args).inputs(jobs.inputs());
    let mut target = target(args, form, jobs, &reads, context)?;
    let messages = context.messages;
    let output = match target.sink.take() {
        Some(sink) => Output::onto(sink, &args.output, form, messages),
        None => Output::open(&args.output, form, record_type(args), &reads, messages)?,
    };
    let output = output.with_columns(jobs.columns());
    Ok(Opened {
        output: if jobs.is_single() {
            output
        } else {
            output.of_many()
        },
        journal: std::mem::take(&mut target.journal),
        _locked: target,
    })
}

/// Opens the file that is gone on with, and reads what is there already.
fn target(
    args: &RunArgs,
    form: OutputFormat,
    jobs: &Jobs,
    reads: &Reads,
    context: &Context,
) -> Result<Target> {
    // Texts tell nobody which line they answer, and a count is soon made again.
    let is_durable =
        !jobs.is_single() && !form.is_text() && options::purpose(args) == Purpose::Answer;
    let (output, resume) = (&args.output.output, &args.filter.resume);
    if !is_durable {
        if output.is_none() && resume.is_some() {
            anyhow::bail!(
                "--resume goes on with records of many lines; add --lines or --jsonl, and leave out -T, --count and --show-prompt"
            );
        }
        if args.filter.repair {
            anyhow::bail!(
                "--repair mends the records of many lines; add --lines or --jsonl, and leave out -T, --count and --show-prompt"
            );
        }
        if args.filter.conflict.on_conflict.is_some() {
            anyhow::bail!(
                "--on-conflict is about records of many lines; add --lines or --jsonl, and leave out -T, --count and --show-prompt"
            );
        }
        return Ok(Target::default());
    }
    Target::open(
        output.as_deref(),
        resume.as_deref(),
        Existing::choose(args.output.overwrite, args.filter.repair),
        reads,
        options::rules(args),
        context.messages,
    )
}

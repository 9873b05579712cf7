//! What a run over all lines would take: the flags → what is counted and measured, and the
//! record that tells it.

use std::sync::Arc;

use anyhow::Result;
use llm_batch::estimate::{Counts, Machine};
use llm_batch::{Answerer, Opener as _};
use llm_cli::stdio::{InputWatch, StdioError, stdout_is_terminal};
use llm_cli::{Context, Jobs, Messages, Output, OutputFormat, Requests, RunArgs, Status};
use llm_filter::Journal;
use llm_record::{Estimate, Record, Routed, SchemaVersion};

use crate::open::{Host, Opener};
use crate::price::Price;
use crate::{options, reads};

/// Tells what a run would take.
pub(crate) fn run(args: &RunArgs, context: &Context) -> Result<Status> {
    let watch = InputWatch {
        interrupt: context.interrupt.clone(),
        reader: args.output.output.is_none(),
    };
    let jobs = Jobs::open(&args.input, options::told(args), &watch)?;
    let form = OutputFormat::choose(&args.output, Requests::One, stdout_is_terminal())?;
    let messages = context.messages;
    let reads = reads::besides_requests(args)
        .inputs(jobs.inputs())
        .files(&args.filter.resume);
    let mut output = Output::open(&args.output, form, "estimate", &reads, messages)?;
    // Before the lines are read: a name that is not known should not cost their
    // time.
    let mut price = Price::find(args.estimate.cloud.as_deref())?;
    let batch = options::batch(args, args.filter.parallel.map(usize::from))?;
    let (batch, opener, host) = (
        Arc::new(batch),
        Opener { args, context },
        Host::shared(context),
    );
    let answerer = Answerer::new(opener.model()?, Arc::clone(&batch), Arc::clone(&host))?;
    let mut counts = Counts::new(answerer.positions(), closed(args)?);
    for item in jobs.warning(messages) {
        if let Some(status) = context.interrupt.status() {
            return Err(StdioError::Ended(status).into());
        }
        if let Some(usage) = counts.take(item?, &answerer) {
            price.add(&usage);
        }
    }
    let machine = Machine::measure(&opener, &batch, &answerer, &counts, &*host)?;
    let hours = machine.speed.as_ref().map(|speed| counts.hours(speed));
    tell(args, &machine, hours, messages);
    let estimate = Estimate {
        schema_version: SchemaVersion::default(),
        lines: counts.lines,
        failed: counts.failed,
        skipped: counts.skipped,
        prompt_tokens: counts.prompt_tokens,
        shared_prefix_tokens: counts.shared(),
        max_completion_tokens: counts.completion_tokens,
        parallel: machine.parallel as u64,
        memory: machine.memory,
        speed: machine.speed,
        hours,
        kwh: hours
            .zip(args.estimate.watts)
            .map(|(hours, watts)| hours * watts / 1000.0),
        cloud: Some(price.bill()),
        model: answerer.model_identity().clone(),
        build: machine.build,
    };
    output.close(&mut Routed::own(Record::from(estimate)))?;
    output.finish()?;
    Ok(match counts.failed {
        0 => Status::Done,
        _ => Status::SomeFailed,
    })
}

/// Returns what the file of `--resume` has closed already.
fn closed(args: &RunArgs) -> Result<Journal> {
    Ok(match &args.filter.resume {
        Some(path) => {
            llm_cli::filter::resume(path, options::rules(args))?
                .1
                .journal
        }
        None => Journal::default(),
    })
}

/// Says what the numbers are, and which of them are not there.
fn tell(args: &RunArgs, machine: &Machine, hours: Option<f64>, messages: Messages) {
    messages.note(
        "prompt tokens are exact; answers are counted as long as -n and the lines let them be, and hours, \
         energy and price are those of such answers",
    );
    match &machine.speed {
        Some(speed) => messages.note(format_args!(
            "the hours follow from a speed that was measured here just now, in {:.1} s: {:.1} prompt \
             tokens/s, and {:.1} tokens/s with {} answers together",
            speed.measured_ms / 1000.0,
            speed.prompt_tokens_per_second,
            speed.tokens_per_second,
            speed.parallel,
        )),
        None => messages.note("no speed was measured, so there are no hours"),
    }
    if hours.is_some() && args.estimate.watts.is_none() {
        messages.note(
            "there is no energy, since it is not known what this machine draws under load; --watts N \
             says it",
        );
    }
}

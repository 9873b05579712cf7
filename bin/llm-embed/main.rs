//! `llm-embed`: texts in, one `embedding` record each out.
//!
//! Parse, open, filter, end. What the input means is `llm-cli`'s business, in what
//! order lines are read, resumed and written `llm-filter`'s, how a text becomes a
//! vector `llm-engine`'s.

mod open;
mod work;

use std::fs::File;
use std::process::ExitCode;

use anyhow::Result;
use llm_cli::stdio::{Sink, Watch};
use llm_cli::{Context, EmbedArgs, Form, Jobs, Output, Status};
use llm_filter::durable::{self, Found};
use llm_filter::{Journal, Options, Pump};

use work::Worker;

/// Texts that may wait in order behind the oldest open one.
const WINDOW: usize = 1024;

fn main() -> ExitCode {
    llm_cli::main("llm-embed", |args, context| run(&args, context))
}

fn run(args: &EmbedArgs, context: &Context) -> Result<Status> {
    let watch = Watch {
        interrupt: context.interrupt.clone(),
        reader: args.output.output.is_none(),
    };
    let jobs = Jobs::open(&args.shared_input(), None, &watch)?;
    let messages = context.messages.quiet(args.quiet.quiet);
    let form = Form::Records { deltas: false };
    let target = Target::open(args, &jobs, context)?;
    let shared = args.shared_output();
    let mut output = match target.sink {
        Some(sink) => Output::onto(sink, &shared, form, messages),
        None => Output::open(&shared, form, jobs.inputs(), messages)?,
    };
    let mut worker = Worker::new(args);
    let input = Pump::start(jobs.warning(messages))?;
    let options = Options {
        window: WINDOW,
        is_ordered: true,
        max_errors: args.output.max_errors,
    };
    let ended = llm_filter::run(
        &input,
        target.journal,
        &mut worker,
        &mut output,
        options,
        context,
        &mut |_| {},
    );
    let finished = output.finish();
    if ended.is_stopped {
        context.messages.error(format_args!(
            "stopped after {} failed lines, as --max-errors asks; the same command goes on",
            ended.summary.failed
        ));
    }
    ended.tell(finished, messages)
}

/// Where records go, and what is there already.
struct Target {
    /// The file of `-o`, or standard output where it is gone on with.
    sink: Option<Sink>,
    journal: Journal,
    /// Holds the lock on the file of `--resume`.
    _resumed: Option<File>,
}

impl Target {
    fn open(args: &EmbedArgs, jobs: &Jobs, context: &Context) -> Result<Self> {
        let retry = args.output.retry_errors;
        let mut target = Self {
            sink: None,
            journal: Journal::default(),
            _resumed: None,
        };
        let found = match (&args.output.output, &args.output.resume) {
            (Some(path), _) => {
                let (sink, found) = durable::open(path, jobs.inputs(), retry)?;
                target.sink = Some(sink);
                found
            }
            (None, Some(path)) => {
                let (file, found) = durable::resume(path, retry)?;
                target._resumed = Some(file);
                target.sink = Some(Sink::stdout()?.durable());
                found
            }
            (None, None) => return Ok(target),
        };
        tell(&found, context);
        target.journal = found.journal;
        Ok(target)
    }
}

fn tell(found: &Found, context: &Context) {
    if found.torn > 0 {
        context.messages.warning(format_args!(
            "the output ended in {} bytes that are no whole record, which an earlier run has left; they are cut off",
            found.torn
        ));
    }
}

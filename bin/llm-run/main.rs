//! `llm-run`: requests in, one closing record each out.
//!
//! Parse, open, filter, end. What the input means and how the output looks is
//! `llm-cli`'s business, in what order lines are read, resumed and written
//! `llm-filter`'s, how text comes about `llm-engine`'s.

mod answer;
mod digest;
mod estimate;
mod long;
mod memory;
mod open;
mod overflow;
mod prefix;
mod progress;
mod prompt;
mod reads;
mod renderer;
mod replay;
mod settings;
mod task;
mod work;

use std::mem::ManuallyDrop;
use std::process::ExitCode;

use anyhow::Result;
use llm_cli::stdio::{InputWatch, stdout_is_terminal};
use llm_cli::{Context, Jobs, Output, OutputFormat, Reads, RunArgs, Status};
use llm_filter::durable::There;
use llm_filter::{Options, Outcome, Pump, Rules, Target};
use llm_kernels::mmap::tell_lost_files;

use progress::Progress;
use work::Worker;

/// Requests that may wait in order behind the oldest open one, for each that is
/// answered at the same time.
const WINDOW: usize = 4;

fn main() -> ExitCode {
    if renderer::is_asked_for() {
        return renderer::run();
    }
    llm_cli::main("llm-run", |args, context| run(&args, context))
}

fn run(args: &RunArgs, context: &Context) -> Result<Status> {
    tell_lost_files("llm-run")?;
    let context = &context.quiet(args.quiet.quiet);
    if let Some(path) = &args.replay.replay {
        return replay::run(args, path, context);
    }
    if args.estimate.estimate {
        return estimate::run(args, context);
    }
    let watch = InputWatch {
        interrupt: context.interrupt.clone(),
        reader: args.output.output.is_none(),
    };
    if args.filter.retry_errors && args.output.output.is_none() && args.filter.resume.is_none() {
        anyhow::bail!(
            "--retry-errors answers failed lines of a file again; name it with -o, or with --resume"
        );
    }
    let jobs = Jobs::open(&args.input, args.template.system.as_deref(), &watch)?;
    let is_single = jobs.is_single();
    let form = OutputFormat::choose(&args.output, is_single, stdout_is_terminal())?;
    let messages = context.messages;
    let reads = reads::of(args).inputs(jobs.inputs());
    let target = target(args, form, &jobs, &reads, context)?;
    let mut output = match target.sink {
        Some(sink) => Output::onto(sink, &args.output, form, messages),
        None => Output::open(&args.output, form, kind(args), &reads, messages)?,
    };
    // What is shown as it comes is shown one answer after another.
    let one_by_one = form.is_text() && form.wants_pieces();
    let parallel = match args.filter.parallel {
        _ if one_by_one => Some(1),
        parallel => parallel.map(usize::from),
    };
    // Never dropped: when the process ends, the system takes back weights, cache
    // and threads at once, and nobody waits while they are put away in order.
    let mut worker = ManuallyDrop::new(Worker::new(args, context, parallel));
    let jobs = match jobs.wants_tokens() {
        true => {
            let tokenizer = worker.tokenizer()?;
            let count = move |text: &str| tokenizer.encode(text, false, false).len();
            jobs.counting(Box::new(count))
        }
        false => jobs,
    };
    let mut progress = Progress::start(args, is_single, || jobs.count_lines());
    let input = Pump::start(jobs.warning(messages))?;
    let ended = llm_filter::run(
        &input,
        target.journal,
        &mut *worker,
        &mut output,
        Options {
            last_words: (!is_single).then_some(messages),
            ..options(args, parallel)
        },
        context,
        &mut |summary| progress.show(summary),
    );
    drop(progress);
    let finished = ended.finish(output);
    tell_stop(&ended, context);
    match is_single {
        true => ended.close(finished),
        false => ended.tell(finished, messages),
    }
}

/// Returns how a run over lines goes, of which `parallel` are answered together.
fn options(args: &RunArgs, parallel: Option<usize>) -> Options {
    Options {
        window: WINDOW * parallel.unwrap_or(64),
        is_ordered: !args.filter.unordered,
        max_errors: args.filter.max_errors,
        last_words: None,
    }
}

/// Returns the type of the records that are written.
fn kind(args: &RunArgs) -> &'static str {
    match (args.output.count, args.output.show_prompt) {
        (true, _) => "count",
        (_, true) => "prompt",
        _ => "completion",
    }
}

/// Returns what counts for a journal of answers.
fn rules(args: &RunArgs) -> Rules {
    Rules {
        retries_errors: args.filter.retry_errors,
        // An answer depends on what is asked, wherever it stands.
        tells_files: false,
        kind: Some("completion"),
    }
}

fn tell_stop(ended: &Outcome, context: &Context) {
    if ended.is_stopped {
        context.messages.error(format_args!(
            "stopped after {} failed lines, as --max-errors asks; the same command goes on",
            ended.summary.failed
        ));
    }
}

/// Opens where records go, and reads what is there already.
fn target(
    args: &RunArgs,
    form: OutputFormat,
    jobs: &Jobs,
    reads: &Reads,
    context: &Context,
) -> Result<Target> {
    // Texts tell nobody which line they answer, and a count is soon made again.
    let answers = !args.output.count && !args.output.show_prompt;
    let is_durable = !jobs.is_single() && !form.is_text() && answers;
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
        return Ok(Target::default());
    }
    Target::open(
        output.as_deref(),
        resume.as_deref(),
        There::choose(args.output.overwrite, args.filter.repair),
        reads,
        rules(args),
        context.messages,
    )
}

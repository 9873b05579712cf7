//! `llm-run`: requests in, one closing record each out.
//!
//! Parse, open, filter, end. What the input means and how the output looks is
//! `llm-cli`'s business, in what order lines are read, resumed and written
//! `llm-filter`'s, how requests are answered together `llm-batch`'s, and how text
//! comes about `llm-engine`'s.

mod open;
mod options;
mod mistaken;
mod reads;
mod output;
mod progress;
mod renderer;
mod replay;
mod estimate;
mod price;

use std::mem::ManuallyDrop;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use llm_batch::Worker;
use llm_cli::filter::Run;
use llm_cli::stdio::{InputWatch, stdout_is_terminal};
use llm_cli::{Context, Jobs, OutputFormat, RunArgs, Status};
use llm_kernels::mmap::tell_lost_files;

use open::{Host, Opener};
use output::Opened;

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
    mistaken::check(args)?;
    let watch = InputWatch {
        interrupt: context.interrupt.clone(),
        reader: args.output.output.is_none(),
    };
    let jobs = Jobs::open(&args.input, options::told(args), &watch)?;
    let jobs = if args.output.format.is_table() {
        jobs.keeping_all()
    } else {
        jobs
    };
    let is_single = jobs.is_single();
    let form = OutputFormat::choose(&args.output, jobs.requests(), stdout_is_terminal())?;
    let messages = context.messages;
    for sentence in mistaken::idle(args, is_single, form) {
        messages.warning(sentence);
    }
    let Opened {
        output,
        journal,
        _locked,
    } = output::open(args, form, &jobs, context)?;
    // What is shown as it comes is shown one answer after another.
    let one_by_one = form.is_text() && form.wants_pieces();
    let parallel = if one_by_one {
        Some(1)
    } else {
        args.filter.parallel.map(usize::from)
    };
    let opener = Opener { args, context };
    let options = Arc::new(options::batch(args, parallel)?);
    // Never dropped: when the process ends, the system takes back weights, cache
    // and threads at once, and nobody waits while they are put away in order.
    let mut worker = ManuallyDrop::new(Worker::new(&opener, options, Host::shared(context)));
    let jobs = if jobs.wants_tokens() {
        let tokenizer = worker.tokenizer()?;
        let count = move |text: &str| tokenizer.encode(text, false, false).len();
        jobs.counting(Box::new(count))
    } else {
        jobs
    };
    let mut progress = progress::start(args, is_single, || jobs.count_lines());
    let every = args.filter.progress.every(args.quiet.quiet);
    let file = args.output.output.as_deref();
    let run = Run {
        journal,
        output,
        options: options::filter(args, parallel),
        file: file.or(args.filter.resume.as_deref()),
        every: every.filter(|_| !is_single),
        read_ahead: 1,
        tells_last_words: !is_single,
        progress: Box::new(move |summary| progress.show(summary)),
    };
    let ended = llm_cli::filter::run(jobs.warning(messages), &mut *worker, run, context)?;
    ended.tell_stop("the same command goes on", messages);
    if let Some(sentence) = mistaken::unread(args) {
        messages.note(sentence);
    }
    if is_single {
        ended.close()
    } else {
        ended.tell(messages)
    }
}

//! Requests of an earlier run, answered again: where they come from, the records
//! themselves or rows that are given again, and how the comparison ends.

use std::mem::ManuallyDrop;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use llm_batch::{ReplaySource, Replayer, Worker};
use llm_cli::args::Think;
use llm_cli::filter::Run;
use llm_cli::reads::FileIdentity;
use llm_cli::stdio::{InputWatch, StdioError, stdout_is_terminal};
use llm_cli::{
    Context, Item, Job, Jobs, Messages, Output, OutputFormat, Requests, RunArgs, Status,
};
use llm_filter::{Journal, RunLog, RunLogError};
use llm_record::{Completion, RecordedRequest, counted};

use crate::open::{Host, Opener};
use crate::progress;
use crate::{options, reads};

type Items = Box<dyn Iterator<Item = Result<Item, StdioError>> + Send>;

/// Runs the requests of a file again.
pub(crate) fn run(args: &RunArgs, path: &Path, context: &Context) -> Result<Status> {
    let messages = context.messages;
    let mut log = RunLog::open(path)?;
    let source = Source::open(args, path, &log, context, messages)?;
    let args = &source.args(args);
    let form = OutputFormat::choose(&args.output, Requests::Objects, stdout_is_terminal())?;
    let reads = reads::besides_requests(args).inputs(&source.inputs);
    let output = Output::open(&args.output, form, "replay", &reads, messages)?;
    // Rows that an error has closed are passed over; without rows nothing is.
    let journal = match source.kind {
        ReplaySource::Rows => log.take_errors(),
        ReplaySource::Answers => Journal::default(),
    };
    let parallel = args.filter.parallel.map(usize::from);
    let batch = Arc::new(options::batch(args, parallel)?);
    let mut progress = progress::start(args, false, || source.total);
    let (opener, host, reasoning) = (
        Opener { args, context },
        Host::shared(context),
        batch.reasoning,
    );
    let worker = Worker::new(&opener, batch, Arc::clone(&host));
    // Never dropped, as in an ordinary run.
    let mut replayer = ManuallyDrop::new(Replayer::new(worker, log, source.kind, reasoning, host));
    let run = Run {
        journal,
        output,
        options: options::filter(args, parallel),
        file: None,
        every: args.filter.progress.every(args.quiet.quiet),
        read_ahead: 1,
        tells_last_words: false,
        progress: Box::new(move |summary| progress.show(summary)),
    };
    let mut ended = llm_cli::filter::run(source.items, &mut *replayer, run, context)?;
    let tally = replayer.tally();
    if ended.failure.is_none() {
        messages.note(format_args!("{tally}{}", replayer.passed_over()));
    }
    ended.tell_stop("the same command goes on", messages);
    // Lines that had failed then are no difference.
    ended.summary.skipped_failed = 0;
    let status = ended.close()?;
    if tally.is_empty() && !context.interrupt.is_set() {
        context.messages.error(format_args!(
            "no request was run again: not every answer of '{}' holds its request, and no row has come; give \
             the rows on standard input",
            path.display()
        ));
        return Ok(Status::SomeFailed);
    }
    Ok(if tally.all_same() {
        status
    } else {
        status.and(Status::SomeFailed)
    })
}

/// Where the requests come from.
struct Source {
    items: Items,
    kind: ReplaySource,
    total: Option<u64>,
    /// What the output must not be.
    inputs: Vec<FileIdentity>,
    /// The first answer, where there are no rows.
    first: Option<Box<Completion>>,
}

impl Source {
    fn open(
        args: &RunArgs,
        path: &Path,
        log: &RunLog,
        context: &Context,
        messages: Messages,
    ) -> Result<Self> {
        let mut inputs: Vec<_> = FileIdentity::of_path(path).into_iter().collect();
        if log.others() > 0 {
            messages.warning(format_args!(
                "passed over in '{}': {} of llm-run",
                path.display(),
                counted(
                    log.others(),
                    "line that is no record",
                    "lines that are no records"
                )
            ));
        }
        if log.are_whole() && args.input.file.is_empty() {
            let first = log.answers()?.next().transpose()?;
            let conditions = first.as_deref().map(conditions).unwrap_or_default();
            let mut check = Check::new(conditions, messages);
            let items = log.answers()?.map(move |answer| {
                let answer = *answer.map_err(unread)?;
                check.compare(&answer);
                Ok(Item::Run(Box::new(Job::recorded(answer))))
            });
            return Ok(Self {
                items: Box::new(items),
                first,
                kind: ReplaySource::Answers,
                total: Some(log.offsets().len() as u64),
                inputs,
            });
        }
        let watch = InputWatch {
            interrupt: context.interrupt.clone(),
            reader: args.output.output.is_none(),
        };
        let mut rows = args.input.clone();
        rows.jsonl |= !rows.lines;
        let jobs = Jobs::open(&rows, options::told(args), &watch)?;
        inputs.extend_from_slice(jobs.inputs());
        Ok(Self {
            kind: ReplaySource::Rows,
            total: jobs.count_lines(),
            items: Box::new(jobs.warning(messages)),
            inputs,
            first: None,
        })
    }

    /// Returns the arguments with what the first record says of its model and its
    /// prompt, where they say nothing themselves.
    fn args(&self, args: &RunArgs) -> RunArgs {
        let mut args = args.clone();
        let Some(first) = &self.first else {
            return args;
        };
        let conditions = conditions(first);
        let template = &mut args.template;
        template.parse_special |= first.model.parse_special;
        if template.chat_template.is_none() && !template.no_template {
            template.template_source = conditions.chat_template;
            let think = conditions
                .think
                .map(|think| if think { Think::On } else { Think::Off });
            template.think = template.think.or(think);
        }
        if args.model.ctx_size == 0 {
            args.model.ctx_size = conditions.ctx_size.unwrap_or(0);
        }
        let name = || first.model.name.clone();
        args.model.model = args.model.model.or_else(|| Some(name()));
        args
    }
}

/// Returns what is the same for all requests of a run.
fn conditions(answer: &Completion) -> RecordedRequest {
    let request = answer.request.as_deref();
    RecordedRequest {
        chat_template: request.and_then(|request| request.chat_template.clone()),
        think: request.and_then(|request| request.think),
        ctx_size: request.and_then(|request| request.ctx_size),
        ..RecordedRequest::default()
    }
}

/// Tells once that a file holds requests of runs that made prompts in different
/// ways, of which the first counts.
struct Check {
    first: RecordedRequest,
    is_told: bool,
    messages: Messages,
}

impl Check {
    fn new(first: RecordedRequest, messages: Messages) -> Self {
        Self {
            first,
            is_told: false,
            messages,
        }
    }

    fn compare(&mut self, answer: &Completion) {
        let request = answer.request.as_deref();
        let is_same = request.is_none_or(|request| {
            request.chat_template == self.first.chat_template
                && request.think == self.first.think
                && request.ctx_size == self.first.ctx_size
        });
        if !is_same && !self.is_told {
            self.messages.warning(format_args!(
                "from line {} on the requests had another --chat-template, --think or --ctx-size; those of \
                 the first record are used for all",
                answer.line
            ));
            self.is_told = true;
        }
    }
}

/// Names an answer that cannot be read as the errors of other inputs do.
fn unread(error: RunLogError) -> StdioError {
    match error {
        RunLogError::Read { name, reason } => StdioError::Read { name, reason },
        error => StdioError::read("the answers", std::io::Error::other(error)),
    }
}

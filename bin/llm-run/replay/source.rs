//! Where the requests of a replay come from: the records themselves, or rows
//! that are given again.

use std::path::Path;

use anyhow::Result;
use llm_cli::args::Think;
use llm_cli::reads::FileIdentity;
use llm_cli::stdio::{InputWatch, StdioError};
use llm_cli::{Context, Item, Job, Jobs, Messages, RunArgs};
use llm_filter::Past;
use llm_record::{Completion, Message, RecordedRequest, Reply, TemplateUse};

type Items = Box<dyn Iterator<Item = Result<Item, StdioError>> + Send>;

/// Where the requests come from.
pub(super) struct Source {
    pub(super) items: Items,
    /// They are rows of an input, and not in the file itself.
    pub(super) has_rows: bool,
    pub(super) total: Option<u64>,
    /// What the output must not be.
    pub(super) inputs: Vec<FileIdentity>,
    /// The first answer, where there are no rows.
    first: Option<Box<Completion>>,
}

impl Source {
    pub(super) fn open(
        args: &RunArgs,
        path: &Path,
        past: &Past,
        context: &Context,
        messages: Messages,
    ) -> Result<Self> {
        let mut inputs: Vec<_> = FileIdentity::of_path(path).into_iter().collect();
        if past.others() > 0 {
            messages.warning(format_args!(
                "{} lines of '{}' are no records of llm-run and are passed over",
                past.others(),
                path.display()
            ));
        }
        if past.are_whole() && args.input.file.is_empty() {
            let first = past.answers()?.next().transpose()?;
            let conditions = first.as_deref().map(conditions).unwrap_or_default();
            let mut check = Check::new(conditions, messages);
            let items = past.answers()?.map(move |answer| {
                let answer = *answer?;
                check.compare(&answer);
                Ok(recorded(answer))
            });
            return Ok(Self {
                items: Box::new(items),
                first,
                has_rows: false,
                total: Some(past.places().len() as u64),
                inputs,
            });
        }
        let watch = InputWatch {
            interrupt: context.interrupt.clone(),
            reader: args.output.output.is_none(),
        };
        let mut rows = args.input.clone();
        rows.jsonl |= !rows.lines;
        let jobs = Jobs::open(&rows, args.template.system.as_deref(), &watch)?;
        inputs.extend_from_slice(jobs.inputs());
        Ok(Self {
            has_rows: true,
            total: jobs.count_lines(),
            items: Box::new(jobs.warning(messages)),
            inputs,
            first: None,
        })
    }

    /// Returns the arguments with what the first record says of its model and its
    /// prompt, where they say nothing themselves.
    pub(super) fn args(&self, args: &RunArgs) -> RunArgs {
        let mut args = args.clone();
        let Some(first) = &self.first else {
            return args;
        };
        let conditions = conditions(first);
        let template = &mut args.template;
        template.parse_special |= first.model.parse_special;
        if template.chat_template.is_none() && !template.no_template {
            template.template_source = conditions.chat_template;
            let think = conditions.think.map(|think| match think {
                true => Think::On,
                false => Think::Off,
            });
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

/// Returns the request that a record holds.
fn recorded(answer: Completion) -> Item {
    let request = answer.request.map(|request| *request).unwrap_or_default();
    let messages = match request.prompt {
        Some(text) => vec![Message::new("user", text)],
        None => request.messages,
    };
    Item::Run(Box::new(Job {
        line: answer.line,
        id: answer.id,
        messages,
        tools: request.tools,
        overrides: request.settings,
        input: answer.input,
        source_digest: answer.request_digest,
        reply: Reply::Own,
        is_raw: answer.model.template == TemplateUse::Raw,
        requested_model: None,
        vectors: None,
        text: None,
    }))
}

//! What the commands have in common: how queries and texts come in, what is written.

use llm_cli::args::{FormatArgs, InputArgs, OutputArgs, TextArg};
use llm_cli::parser::embed::EmbedMachineArgs;
use llm_cli::{EmbedArgs, Job};
use llm_record::read::DEFAULT_LINE_LIMIT;
use llm_record::{ErrorCode, Failed, Reply};

/// Returns an input of one text that is given, or else of lines.
pub(crate) fn input(text: Option<&str>, jsonl: bool, template: Option<&TextArg>) -> InputArgs {
    InputArgs {
        prompt: text.map(str::to_owned),
        lines: text.is_none() && !jsonl,
        jsonl,
        template: template.cloned(),
        max_line_bytes: DEFAULT_LINE_LIMIT,
        ..InputArgs::default()
    }
}

/// Returns an output to standard output.
pub(crate) fn output(format: FormatArgs) -> OutputArgs {
    OutputArgs {
        format: format.asked().into(),
        ..OutputArgs::default()
    }
}

/// Returns the flags of a run that makes vectors with so many threads.
pub(crate) fn machine(machine: EmbedMachineArgs) -> EmbedArgs {
    EmbedArgs {
        threads: machine.threads,
        ..EmbedArgs::default()
    }
}

/// Returns the one text of a line, or the record of one that has another form.
pub(crate) fn text(job: &Job) -> Result<String, Failed> {
    if job.reply == Reply::Own && job.messages.len() == 1 && job.tools.is_none() {
        return Ok(job.text());
    }
    let sentence = format!(
        "line {} is a conversation or a request of a batch file, but a single text is needed; give it as 'text'",
        job.line
    );
    Err(job.failed(ErrorCode::BadRequest, sentence))
}

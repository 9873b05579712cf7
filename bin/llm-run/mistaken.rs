//! Arguments that most likely mean something else than they say, and flags that would have no effect
//! beside others. A word that is taken for an instruction, and a flag that does nothing, answer a question
//! that nobody has asked.

use std::path::Path;

use anyhow::{Result, bail};
use llm_cli::output_format::FormatError;
use llm_cli::stdio::stdin_holds_unread;
use llm_cli::{OutputFormat, RunArgs};

/// Refuses what most likely means something else, and flags that need another.
pub(crate) fn check(args: &RunArgs) -> Result<()> {
    check_instruction(args)?;
    if args.output.format.is_table() && !args.input.csv {
        return Err(FormatError::TableWithoutRows.into());
    }
    if args.output.output.is_some() || args.filter.resume.is_some() {
        return Ok(());
    }
    if args.filter.retry_errors {
        bail!(
            "--retry-errors answers failed lines of a file again; name it with -o, or with --resume"
        );
    }
    if args.filter.conflict.on_conflict.is_some() {
        bail!(
            "--on-conflict is about answers that a file holds already; name it with -o, or with --resume"
        );
    }
    Ok(())
}

/// Says of text that was piped in that nobody has read it, since the arguments say what is read.
pub(crate) fn unread(args: &RunArgs) -> Option<&'static str> {
    let input = &args.input;
    let names_input = input.prompt.is_some() || !input.file.is_empty() || !input.texts().is_none();
    (names_input && stdin_holds_unread()).then_some(
        "standard input holds text that nobody read: -p, -f and --each take its place, and -f - adds it",
    )
}

/// Refuses an instruction that is the name of a file or of a model.
fn check_instruction(args: &RunArgs) -> Result<()> {
    let Some(instruction) = args.input.instruction.as_deref() else {
        return Ok(());
    };
    if instruction.contains(char::is_whitespace) {
        return Ok(());
    }
    let is_file = Path::new(instruction).is_file();
    if is_file && !args.input.file.is_empty() {
        bail!(
            "'{instruction}' is a file, and would be taken for the instruction: -f takes one file, so repeat \
             it before each, or write --each and all of them; cat FILE… | llm-run reads them as one text"
        );
    }
    if is_file && instruction.contains(['.', '/']) {
        bail!(
            "'{instruction}' is a file, and would be taken for the instruction; write -f {instruction}"
        );
    }
    let is_listed = llm_store::catalogue().is_ok_and(|entries| {
        entries
            .iter()
            .any(|entry| entry.name.eq_ignore_ascii_case(instruction))
    });
    if args.model.model.is_none() && (is_listed || instruction.ends_with(".gguf")) {
        bail!(
            "'{instruction}' is the name of a model, and would be taken for the instruction; write -m {instruction}"
        );
    }
    Ok(())
}

/// Returns the flags that do nothing in this run, each with the reason.
pub(crate) fn idle(args: &RunArgs, is_single: bool, form: OutputFormat) -> Vec<String> {
    let RunArgs {
        filter,
        input,
        output,
        replay,
        sampling,
        ..
    } = args;
    let settings = sampling.settings();
    let is_generated = settings.choices.is_none() && !output.count && !output.show_prompt;
    let rows = [
        (
            is_single && filter.parallel.is_some(),
            "--parallel",
            "there is one request",
        ),
        (
            is_single && filter.unordered,
            "--unordered",
            "there is one request",
        ),
        (
            is_single && filter.max_errors.is_some(),
            "--max-errors",
            "there is one request",
        ),
        (
            is_single && filter.progress.progress_every.is_some(),
            "--progress-every",
            "there is one request",
        ),
        (
            form.is_text() && !input.keep.is_empty(),
            "--keep",
            "text has no place for the field; leave -T out, and records have",
        ),
        (
            form.is_text() && settings.logprobs.is_some(),
            "--logprobs",
            "text has no place for them; leave -T out, and records have",
        ),
        (
            (output.count || output.show_prompt) && settings.logprobs.is_some(),
            "--logprobs",
            "nothing is generated",
        ),
        (
            form.is_text() && replay.record_request,
            "--record-request",
            "text has no place for the request; leave -T out, and records have",
        ),
        (
            !is_generated && settings.stop.is_some(),
            "--stop",
            "nothing is generated",
        ),
        (
            !is_generated && output.stream,
            "--stream",
            "nothing is generated",
        ),
        (
            (output.count || output.show_prompt) && filter.prefix_cache.is_some(),
            "--prefix-cache",
            "nothing is computed",
        ),
    ];
    let idle = rows.into_iter().filter(|(is_idle, ..)| *is_idle);
    idle.map(|(_, flag, reason)| format!("{flag} has no effect: {reason}"))
        .collect()
}

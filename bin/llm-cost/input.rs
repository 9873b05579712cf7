//! Files and standard input → records of use. Standard input is read only where it is needed, and never
//! waited for at a terminal unless nothing else can answer.

use std::io::Read;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use llm_cli::Context;
use llm_cli::stdio::{InputWatch, Source, StdioError};
use llm_cost::used::Used;

/// More than any log of a month; a typing error must not fill the memory.
const LIMIT: u64 = 4 << 30;

/// Reads a file's records, `-` for standard input.
pub(crate) fn file(path: &Path, context: &Context) -> Result<Used> {
    let used = Used::read(&text(path, context)?);
    report(&used, context);
    Ok(used)
}

/// Reads a whole text, `-` for standard input.
pub(crate) fn text(path: &Path, context: &Context) -> Result<String> {
    let watch = InputWatch {
        interrupt: context.interrupt.clone(),
        reader: true,
    };
    let source = Source::open(path, watch)?;
    if source.is_terminal() {
        bail!("no records come from standard input; name a file, or send them through a pipe");
    }
    let name = source.name().to_owned();
    let mut bytes = Vec::new();
    let read = source.take(LIMIT + 1).read_to_end(&mut bytes);
    read.map_err(|error| StdioError::read(&name, error))?;
    if bytes.len() as u64 > LIMIT {
        bail!(
            "{name} is longer than {} GiB; cut it in parts, with split say",
            LIMIT >> 30
        );
    }
    // A line that is not UTF-8 is then no JSON, and is counted as such.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Reads several files as one; standard input where none is named.
pub(crate) fn files(paths: &[PathBuf], context: &Context) -> Result<Used> {
    let all = read(paths, context)?;
    report(&all, context);
    Ok(all)
}

/// The same where speeds are of no use: `bench` records are passed over as others are.
pub(crate) fn usage(paths: &[PathBuf], context: &Context) -> Result<Used> {
    let mut all = read(paths, context)?;
    let benches = std::mem::take(&mut all.benches).len() as u64;
    if benches > 0 {
        *all.others.entry("bench".to_owned()).or_default() += benches;
    }
    report(&all, context);
    Ok(all)
}

fn read(paths: &[PathBuf], context: &Context) -> Result<Used> {
    let stdin = [PathBuf::from("-")];
    let paths = if paths.is_empty() { &stdin } else { paths };
    let mut all = Used::default();
    for path in paths {
        all.add(Used::read(&text(path, context)?));
    }
    Ok(all)
}

/// Reads standard input unless a person sits at it.
pub(crate) fn waiting(context: &Context) -> Result<Option<Used>> {
    let is_terminal = Source::stdin(InputWatch::default())?.is_terminal();
    if is_terminal {
        return Ok(None);
    }
    Ok(Some(file(Path::new("-"), context)?))
}

/// Returns whether somebody has piped or redirected something in.
pub(crate) fn is_fed() -> bool {
    let Ok(data) = std::fs::metadata("/dev/stdin") else {
        return false;
    };
    data.file_type().is_fifo() || (data.is_file() && data.len() > 0)
}

/// Says what was passed over.
fn report(used: &Used, context: &Context) {
    let mut parts: Vec<String> = used
        .others
        .iter()
        .map(|(kind, count)| format!("{count} '{kind}' records"))
        .collect();
    if used.broken > 0 {
        parts.push(format!("{} lines that are no JSON", used.broken));
    }
    if used.unsound > 0 {
        parts.push(format!(
            "{} records whose numbers make no sense (below zero, beyond counting, no numbers, or more \
             cached than the prompt has)",
            used.unsound
        ));
    }
    if used.failed > 0 {
        parts.push(format!("{} failed requests", used.failed));
    }
    if !parts.is_empty() {
        context
            .messages
            .note(format_args!("passed over: {}", parts.join(", ")));
    }
}

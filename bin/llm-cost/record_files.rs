//! Files and standard input → records, most often a log of usage. Standard input is read only where it is
//! asked for or nothing else can answer, and never waited for at a terminal.

use std::io::Read;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use llm_cli::Context;
use llm_cli::reads::FileIdentity;
use llm_cli::stdio::{InputWatch, Source, StdioError};
use llm_cost::UsageLog;

/// More than any log of a month; a typing error must not fill the memory.
const LIMIT: u64 = 4 << 30;

/// Reads a file's records, `-` for standard input.
pub(crate) fn file(path: &Path, context: &Context) -> Result<UsageLog> {
    let log = UsageLog::read(&text(path, context)?);
    report(&log, context);
    Ok(log)
}

/// Reads a whole text, `-` for standard input.
pub(crate) fn text(path: &Path, context: &Context) -> Result<String> {
    let watch = InputWatch {
        interrupt: context.interrupt.clone(),
        reader: true,
    };
    let source = Source::open(path, watch)?;
    if source.is_terminal() {
        bail!(
            "standard input is a terminal and holds no records; name a file, or pipe the records in"
        );
    }
    let name = source.name().to_owned();
    let mut bytes = Vec::new();
    let read = source.take(LIMIT + 1).read_to_end(&mut bytes);
    read.map_err(|error| StdioError::read(&name, error))?;
    if bytes.len() as u64 > LIMIT {
        bail!(
            "{name} is longer than {} GiB; cut it into parts, for example with split",
            LIMIT >> 30
        );
    }
    // A line that is not UTF-8 is then no JSON, and is counted as such.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Reads several files as one; standard input where none is named.
pub(crate) fn files(paths: &[PathBuf], context: &Context) -> Result<UsageLog> {
    let log = read(paths, context)?;
    report(&log, context);
    Ok(log)
}

/// The same where speeds are of no use: `bench` records are passed over as others are.
pub(crate) fn usage(paths: &[PathBuf], context: &Context) -> Result<UsageLog> {
    let mut log = read(paths, context)?;
    log.pass_over_benches();
    report(&log, context);
    Ok(log)
}

fn read(paths: &[PathBuf], context: &Context) -> Result<UsageLog> {
    let stdin = [PathBuf::from("-")];
    let paths = if paths.is_empty() { &stdin } else { paths };
    let mut log = UsageLog::default();
    let mut seen: Vec<FileIdentity> = Vec::new();
    for path in paths {
        let file = FileIdentity::of_path(path);
        if file
            .as_ref()
            .is_some_and(|file| seen.iter().any(|other| other.is(file)))
        {
            bail!(
                "'{}' is named twice, and its requests would count twice; leave it out once",
                path.display()
            );
        }
        seen.extend(file);
        log.add(UsageLog::read(&text(path, context)?));
    }
    Ok(log)
}

/// Returns whether somebody has piped or redirected something in.
pub(crate) fn is_fed() -> bool {
    let Ok(data) = std::fs::metadata("/dev/stdin") else {
        return false;
    };
    data.file_type().is_fifo() || (data.is_file() && data.len() > 0)
}

/// Says what was passed over.
fn report(log: &UsageLog, context: &Context) {
    if let Some(sentence) = log.passed_over() {
        context.messages.note(sentence);
    }
}

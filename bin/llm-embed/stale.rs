//! Vectors of texts that their files no longer have: told at the end of a run, or dropped with --prune.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::Result;
use llm_cli::{EmbedArgs, Messages};
use llm_filter::{Journal, Stale};

/// Tells or drops what of the output is of texts that are no more, after a run that has met all.
pub(crate) fn settle(args: &EmbedArgs, journal: &Journal, messages: Messages) -> Result<()> {
    let has_files = !args.input.files.is_empty() || args.input.files0_from.is_some();
    let output = args.output.output.as_deref();
    let Some(path) = output.filter(|path| has_files && path.is_file()) else {
        return Ok(());
    };
    if args.output.prune {
        let stale = llm_filter::prune(path, journal, &is_gone)?;
        if stale.records > 0 {
            messages.note(format_args!("{} dropped", told(stale, path)));
        }
        return Ok(());
    }
    let stale = journal.stale(&is_gone);
    if stale.records > 0 {
        messages.warning(format_args!(
            "{} still there, and a search finds them; --prune drops them",
            told(stale, path)
        ));
    }
    Ok(())
}

fn told(stale: Stale, path: &Path) -> String {
    let Stale { records, files } = stale;
    let (records, are) = match records {
        1 => ("1 record".to_owned(), "is"),
        _ => (format!("{records} records"), "are"),
    };
    let files = match files {
        1 => "1 file that no longer has its text".to_owned(),
        _ => format!("{files} files that no longer have their texts"),
    };
    format!("{records} in '{}' of {files} {are}", path.display())
}

/// Whether a file is no more, or nothing is left in it. A name that was not whole in its record says
/// nothing.
fn is_gone(path: &str) -> bool {
    if path.contains('\u{fffd}') {
        return false;
    }
    match Path::new(path).metadata() {
        Ok(data) => data.is_file() && data.len() == 0,
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

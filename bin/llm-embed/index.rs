//! The vectors that the flags name → an index, with what the user may not have meant said.

use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use anyhow::Result;
use llm_cli::stdio::{InputWatch, StdioError};
use llm_cli::{Context, Status};
use llm_kernels::pool::Pool;
use llm_kernels::simd::Level;
use llm_search::{Index, SearchError, SkippedLines, VectorFile};

use crate::spool;

/// Reads the vectors of a file and makes them ready to be compared.
pub(crate) fn open(path: &Path, pool: &Pool, context: &Context) -> Result<Index> {
    let level = Level::detect()?;
    let is_interrupted = || context.interrupt.is_set();
    let read = if is_stream(path) {
        let watch = InputWatch {
            interrupt: context.interrupt.clone(),
            reader: true,
        };
        let (file, name) = spool::open(path, watch)?;
        VectorFile::of_lines(file, name, &is_interrupted)
    } else {
        VectorFile::read(path, &is_interrupted)
    };
    let file = read.map_err(|error| match error {
        SearchError::Interrupted => {
            StdioError::Ended(context.interrupt.status().unwrap_or(Status::Done)).into()
        }
        error => anyhow::Error::from(error),
    })?;
    if let Some(skipped) = file.skipped() {
        context.messages.warning(told(skipped, file.name()));
    }
    Ok(file.into_index(pool, level)?)
}

/// Whether vectors come from standard input, or from a pipe that has a name.
fn is_stream(path: &Path) -> bool {
    let is_pipe = |path: &Path| path.metadata().is_ok_and(|data| data.file_type().is_fifo());
    path == Path::new("-") || is_pipe(path)
}

fn told(skipped: SkippedLines, name: &str) -> String {
    let SkippedLines { count, first } = skipped;
    if count == 1 {
        format!("line {first} of {name} is not a record of llm-embed and is skipped")
    } else {
        format!(
            "{count} lines of {name} are not records of llm-embed and are skipped; the first is line {first}"
        )
    }
}

//! The vectors that the flags name → an index, with what the user may not have meant said.

use std::path::Path;

use anyhow::Result;
use llm_cli::stdio::StdioError;
use llm_cli::{Context, Status};
use llm_kernels::pool::Pool;
use llm_kernels::simd::Level;
use llm_search::{Index, SearchError, SkippedLines, VectorFile};

/// Reads the vectors of a file and makes them ready to be compared.
pub(crate) fn open(path: &Path, pool: &Pool, context: &Context) -> Result<Index> {
    let level = Level::detect()?;
    let is_interrupted = || context.interrupt.is_set();
    let file = VectorFile::read(path, &is_interrupted).map_err(|error| match error {
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

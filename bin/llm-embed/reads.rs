//! Which files a run reads beside its texts, so that no output is one of them.

use std::path::Path;

use llm_cli::{EmbedArgs, Reads};
use llm_store::Store;

use llm_search::records_path;

use crate::matrix;

/// Returns the files of the model of that name.
pub(crate) fn model(name: &str) -> Reads {
    let model = Store::from_env().places(name);
    Reads::default().model(&model.files, model.folder.as_deref())
}

/// Adds a file of vectors, and that of its records.
pub(crate) fn vectors(reads: Reads, path: &Path) -> Reads {
    reads.file(path).file(&records_path(path))
}

/// Returns everything that a run over texts reads beside them.
pub(crate) fn texts(args: &EmbedArgs) -> Reads {
    let reads = model(args.model.name());
    let output = args.output.output.as_deref();
    match &args.output.skip_seen {
        // A run may go on with the file whose vectors it need not make again.
        Some(seen) if output.is_some_and(|output| matrix::is_same(seen, output)) => reads,
        Some(seen) => vectors(reads, seen),
        None => reads,
    }
}

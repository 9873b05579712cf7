//! Which files a run reads, so that neither its answer nor its picture is one of them.

use std::path::{Path, PathBuf};

use llm_cli::parser::cost::ScenarioArgs;
use llm_cli::{CostArgs, CostCommand, Reads};
use llm_gguf::shard_paths;

use crate::{data, scenarios};

/// Returns all files that the flags name, the user's own rows, and standard input where it is read.
pub(crate) fn of(args: &CostArgs) -> Reads {
    let reads = Reads::default()
        .files(&args.data.prices)
        .files(&args.data.machines);
    let reads = match data::folder() {
        Some(folder) => reads.folder(&folder, "the folder of your own rows"),
        None => reads,
    };
    match &args.command {
        CostCommand::Payback(args) => combined(reads, &args.scenario),
        CostCommand::Compare(args) => combined(reads, &args.scenario),
        CostCommand::Floor(args) => {
            let reads = models(reads, &args.models);
            if args.models.iter().any(|name| name != "-") {
                reads
            } else {
                reads.file(Path::new("-"))
            }
        }
        CostCommand::Usage(args) => listed(reads, &args.files),
        CostCommand::Catalogue { .. } => reads,
    }
}

fn combined(reads: Reads, scenario: &ScenarioArgs) -> Reads {
    let reads = reads
        .files(&scenario.volume.usage)
        .files(&scenario.local.bench);
    let reads = if scenarios::takes_stdin(&scenario.volume) {
        reads.file(Path::new("-"))
    } else {
        reads
    };
    models(reads, &scenario.local.local)
}

/// Adds files of records, for which standard input stands where none is named.
fn listed(reads: Reads, files: &[PathBuf]) -> Reads {
    match files {
        [] => reads.file(Path::new("-")),
        files => reads.files(files),
    }
}

/// Adds models, as far as they are files.
fn models(reads: Reads, names: &[String]) -> Reads {
    let files = names.iter().map(Path::new).filter(|path| path.is_file());
    files.fold(reads, |reads, path| reads.model(&shard_paths(path), None))
}

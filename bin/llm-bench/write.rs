//! A shape → a GGUF file of random weights, for other programs.

use std::fs::File;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use llm_cli::{BenchArgs, Status, computer};
use llm_engine::synthetic::Synthetic;
use llm_store::Pieces;

use crate::machine;

/// Writes the one shape that is asked for. A file that could not be written
/// whole is removed.
pub(crate) fn run(args: &BenchArgs, path: &Path) -> Result<Status> {
    let [name] = args.subject.shape.as_slice() else {
        bail!("--write takes one --shape; call it once for each");
    };
    let mut synthetic = Synthetic::parse(name)?;
    if let Some(layers) = args.subject.layers {
        synthetic = synthetic.with_layers(layers)?;
    }
    if path.exists() && !args.force.force {
        bail!(
            "'{}' exists; name another file, or --force replaces it",
            path.display()
        );
    }
    let pool = machine::pool(computer::cores())?;
    let file = File::create(path).with_context(|| format!("cannot write '{}'", path.display()))?;
    synthetic
        .write(&pool, &mut Pieces::new(file))
        .map_err(|reason| {
            drop(std::fs::remove_file(path));
            anyhow::Error::from(reason).context(format!("cannot write '{}'", path.display()))
        })?;
    Ok(Status::Done)
}

//! A shape → a GGUF file of random weights, for other programs.

use std::path::Path;

use anyhow::{Result, bail};
use llm_cli::stdio::Sink;
use llm_cli::{BenchArgs, Reads, Replaces, Status, host};
use llm_engine::synthetic::Synthetic;
use llm_store::AlignedWriter;

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
    if path == Path::new("-") {
        bail!("--write needs a file, which is written in pieces; '-' is not one");
    }
    let replaces = if args.force.force || args.output.overwrite {
        Replaces::Anything
    } else {
        Replaces::Nothing
    };
    let is_file = !path.exists() || path.is_file();
    let sink = Sink::create(path, &Reads::default(), replaces)?;
    let pool = machine::pool(host::cores())?;
    let written = synthetic.write(&pool, &mut AlignedWriter::new(sink));
    written.map_err(|reason| {
        // A part of a model is none; a device stays.
        if is_file {
            drop(std::fs::remove_file(path));
        }
        anyhow::Error::from(reason).context(format!("cannot write '{}'", path.display()))
    })?;
    Ok(Status::Done)
}

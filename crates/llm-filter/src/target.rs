//! Where the closing records of a run go, and what stands there already.

use std::fs::File;
use std::path::Path;

use anyhow::Result;
use llm_cli::Messages;
use llm_cli::reads::Reads;
use llm_cli::stdio::Sink;

use crate::durable::{self, Found, There};
use crate::{Journal, Rules};

/// An output, and what earlier runs have closed in it.
#[derive(Debug, Default)]
pub struct Target {
    /// The file of `-o`, or standard output where it is gone on with; `None` where nothing is.
    pub sink: Option<Sink>,
    /// What is closed.
    pub journal: Journal,
    /// Hold the locks on the file of `--resume`, and on what lines were moved out of.
    _locked: [Option<File>; 2],
}

impl Target {
    /// Opens the file of `-o` to go on with it, or else reads that of `--resume`. What is cut off or
    /// torn is told.
    ///
    /// # Errors
    /// [`durable::DurableError`], and standard output that cannot be opened.
    pub fn open(
        output: Option<&Path>,
        resume: Option<&Path>,
        there: There,
        reads: &Reads,
        rules: Rules,
        messages: Messages,
    ) -> Result<Self> {
        let (sink, resumed, found) = match (output, resume) {
            (Some(path), _) => {
                let (sink, found) = durable::open(path, reads, rules, there)?;
                (sink, None, found)
            }
            (None, Some(path)) => {
                reads.refuse_stdout()?;
                let (file, found) = durable::resume(path, rules)?;
                (Sink::stdout()?.durable(), Some(file), found)
            }
            (None, None) => {
                return Ok(Self {
                    journal: Journal::new(rules),
                    ..Self::default()
                });
            }
        };
        let name = output.or(resume).unwrap_or(Path::new("-"));
        tell(&found, name, messages);
        Ok(Self {
            sink: Some(sink),
            journal: found.journal,
            _locked: [resumed, found.before],
        })
    }
}

fn tell(found: &Found, name: &Path, messages: Messages) {
    if !found.tears.is_empty() {
        let name = format!("'{}'", name.display());
        messages.warning(found.tears.sentence(&name));
    }
    if found.torn > 0 {
        messages.warning(format_args!(
            "the output ended in {} bytes that are no whole record, which an earlier run has left; they are cut off",
            found.torn
        ));
    }
}

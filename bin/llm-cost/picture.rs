//! An answer's picture → the file that it is asked to be drawn to.

use std::io::Write;
use std::path::Path;

use anyhow::{Result, bail};
use llm_cli::parser::cost::PlotArgs;
use llm_cli::reads::FileIdentity;
use llm_cli::stdio::{Sink, StdioError};
use llm_cli::{Reads, Replaces};

/// What tells a picture of ours, which the next one may replace, from others.
const MARK: &str = "<!-- drawn by llm-cost -->";

/// Where a picture goes.
pub(crate) struct Picture<'a> {
    pub(crate) path: &'a Path,
    reads: &'a Reads,
    replaces: Replaces<'static>,
}

impl<'a> Picture<'a> {
    /// Returns the file that is asked for, if one is, before anything is computed: not one that is read,
    /// nor, unless that is asked for, one of somebody else.
    pub(crate) fn check(args: &'a PlotArgs, reads: &'a Reads) -> Result<Option<Self>> {
        let Some(path) = &args.plot else {
            return Ok(None);
        };
        if path == Path::new("-") {
            bail!("--plot needs a file, since standard output holds the answer; '-' is not one");
        }
        let replaces = if args.overwrite {
            Replaces::Anything
        } else {
            Replaces::Marked(MARK)
        };
        // Two outputs are not one file, either.
        let written = FileIdentity::of_stdout();
        if let (Some(written), Some(file)) = (written, FileIdentity::of_path(path))
            && file.is(&written)
        {
            bail!(
                "'{}' is standard output, which holds the answer; give --plot another file",
                path.display()
            );
        }
        reads.refuse(path)?;
        replaces.check(path)?;
        Ok(Some(Self {
            path,
            reads,
            replaces,
        }))
    }

    /// Writes a picture.
    pub(crate) fn write(&self, svg: &str) -> Result<()> {
        let mut sink = Sink::create(self.path, self.reads, self.replaces)?;
        let (head, rest) = svg.split_once('>').unwrap_or((svg, ""));
        let marked = format!("{head}>\n{MARK}{rest}");
        let written = sink.write_all(marked.as_bytes());
        Ok(written.map_err(|error| StdioError::write(sink.name(), error))?)
    }
}

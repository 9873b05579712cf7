//! Answers as pictures in SVG, made without any font of the system: cumulative cost over the months, and
//! speed against memory.

mod floor;
mod names;
mod payback;

use std::io::Write;
use std::path::Path;

use anyhow::{Result, anyhow, bail};
use llm_cli::cost::PlotArgs;
use llm_cli::reads::FileIdentity;
use llm_cli::stdio::{Sink, StdioError};
use llm_cli::{Reads, Replaces};
use plotters::coord::Shift;
use plotters::prelude::*;

pub(crate) use floor::floor;
pub(crate) use payback::payback;

const SIZE: (u32, u32) = (960, 600);
const FONT: &str = "sans-serif";
const LOCAL: RGBColor = RGBColor(30, 100, 180);

/// What tells a picture of ours, which the next one may replace, from others.
const MARK: &str = "<!-- drawn by llm-cost -->";

/// Where a picture goes.
pub(crate) struct Target<'a> {
    pub(crate) path: &'a Path,
    reads: &'a Reads,
    replaces: Replaces<'static>,
}

impl<'a> Target<'a> {
    /// Returns the file that is asked for, if one is, before anything is computed: not one that is read,
    /// nor, unless that is asked for, one of somebody else.
    pub(crate) fn check(args: &'a PlotArgs, reads: &'a Reads) -> Result<Option<Self>> {
        let Some(path) = &args.plot else {
            return Ok(None);
        };
        if path == Path::new("-") {
            bail!("--plot takes a file, since standard output holds the answer; '-' is none");
        }
        let replaces = match args.overwrite {
            true => Replaces::Anything,
            false => Replaces::Marked(MARK),
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

/// Draws on a white ground.
fn draw(picture: impl FnOnce(&DrawingArea<SVGBackend<'_>, Shift>) -> Result<()>) -> Result<String> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&WHITE).map_err(failed)?;
        picture(&root)?;
        root.present().map_err(failed)?;
    }
    Ok(svg)
}

fn failed(reason: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("cannot draw: {reason}")
}

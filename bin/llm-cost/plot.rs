//! Answers as pictures in SVG, made without any font of the system: cumulative cost over the months, and
//! speed against memory.

mod floor;
mod names;
mod payback;

use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;

pub(crate) use floor::floor;
pub(crate) use payback::payback;

const SIZE: (u32, u32) = (960, 600);
const FONT: &str = "sans-serif";
const LOCAL: RGBColor = RGBColor(30, 100, 180);

/// Writes a picture to a file.
pub(crate) fn write(path: &Path, svg: &str) -> Result<()> {
    std::fs::write(path, svg).with_context(|| format!("cannot write '{}'", path.display()))
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

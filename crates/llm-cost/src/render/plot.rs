//! Answers as pictures in SVG, made without any font of the system: cumulative cost over the months, and
//! speed against memory.

mod labels;
mod payback;
mod requirements;

use plotters::coord::Shift;
use plotters::prelude::*;
use thiserror::Error;

pub use payback::payback;
pub use requirements::requirements;

const SIZE: (u32, u32) = (960, 600);
const FONT: &str = "sans-serif";
const LOCAL: RGBColor = RGBColor(30, 100, 180);

/// A picture that could not be drawn.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("cannot draw: {0}")]
pub struct DrawError(String);

/// Draws on a white ground.
fn draw(
    picture: impl FnOnce(&DrawingArea<SVGBackend<'_>, Shift>) -> Result<(), DrawError>,
) -> Result<String, DrawError> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&WHITE).map_err(failed)?;
        picture(&root)?;
        root.present().map_err(failed)?;
    }
    Ok(svg)
}

fn failed(reason: impl std::fmt::Display) -> DrawError {
    DrawError(reason.to_string())
}

//! The divisors of a rotation's frequencies, which are tensors in GGUF files.

use super::config::Config;
use super::rope::Rotation;
use super::{FolderError, two_lengths};

/// A tensor of one row.
pub(super) type Row = (&'static str, Vec<f32>);

/// More pairs than any head has; a hostile number must not take all memory.
const MOST: u64 = 1 << 15;

/// Returns the divisors of a config's rotation, none for one without.
pub(super) fn tensors(config: &Config) -> Result<Vec<Row>, FolderError> {
    let rotation = Rotation::of(config)?;
    let rows = rows(config, &rotation)?;
    let mut divisors = rows.iter().flat_map(|(_, row)| row);
    if divisors.any(|divisor| !(divisor.is_finite() && *divisor > 0.0)) {
        let reason = "its rotation divides by numbers that are not above 0 and finite";
        return Err(FolderError::malformed(&config.path, reason));
    }
    Ok(rows)
}

fn rows(config: &Config, rotation: &Rotation<'_>) -> Result<Vec<Row>, FolderError> {
    Ok(match rotation.kind()? {
        "llama3" => vec![("rope_freqs.weight", llama3(config, rotation)?)],
        "longrope" => vec![
            (
                "rope_factors_long.weight",
                listed(config, rotation, "long_factor")?,
            ),
            (
                "rope_factors_short.weight",
                listed(config, rotation, "short_factor")?,
            ),
        ],
        "proportional" => vec![("rope_freqs.weight", proportional(config, rotation)?)],
        _ => Vec::new(),
    })
}

/// Llama 3's: short waves are kept, long ones stretched.
fn llama3(config: &Config, rotation: &Rotation<'_>) -> Result<Vec<f32>, FolderError> {
    let head_dim = config.head_dim()?;
    let or = |name: &str, default: f64| {
        let stated = rotation.number(name)?;
        Ok::<f64, FolderError>(stated.unwrap_or(default))
    };
    let base = rotation.base()?;
    let factor = or("factor", 8.0)?;
    let (low, high) = (or("low_freq_factor", 1.0)?, or("high_freq_factor", 4.0)?);
    let original = or("original_max_position_embeddings", 8192.0)?;
    let divisor = |pair: u64| {
        let frequency = base.powf(-2.0 * pair as f64 / head_dim as f64);
        let length = std::f64::consts::TAU / frequency;
        if length < original / high {
            1.0
        } else if length > original / low {
            factor
        } else {
            let smooth = (original / length - low) / (high - low);
            1.0 / ((1.0 - smooth) / factor + smooth)
        }
    };
    let pairs = 0..(head_dim / 2).min(MOST);
    Ok(pairs.map(|pair| divisor(pair) as f32).collect())
}

fn listed(config: &Config, rotation: &Rotation<'_>, name: &str) -> Result<Vec<f32>, FolderError> {
    let lacks = || FolderError::malformed(&config.path, format!("its rotation lacks '{name}'"));
    let list = rotation.list(name)?.ok_or_else(lacks)?;
    let number = |value: &serde_json::Value| value.as_f64().map(|number| number as f32);
    let reason = || format!("its '{name}' holds something else than numbers");
    let factors: Option<Vec<f32>> = list.iter().map(number).collect();
    factors.ok_or_else(|| FolderError::malformed(&config.path, reason()))
}

/// The first pairs of a head turn, the others stand still: they are divided by more than
/// any position.
fn proportional(config: &Config, rotation: &Rotation<'_>) -> Result<Vec<f32>, FolderError> {
    const STILL: f32 = 1e30;
    if rotation
        .number("factor")?
        .is_some_and(|factor| factor != 1.0)
    {
        return Err(config.refuse("its 'proportional' rotation is stretched by a 'factor'"));
    }
    let head_dim = two_lengths::long_head(config)?;
    let pairs = (head_dim / 2).min(MOST);
    let turning = (head_dim as f64 * rotation.rotated()? / 2.0) as u64;
    let divisor = |pair: u64| if pair < turning { 1.0 } else { STILL };
    Ok((0..pairs).map(divisor).collect())
}

//! The rotation's numbers: bases, stretched positions, and Llama 3's divisors.

use super::FolderError;
use super::json::Fields;
use llm_gguf::Value;

/// Where a config describes the rotation: `rope_parameters`, whole or by the
/// kind of layer, or, in older files, `rope_scaling`.
fn parameters<'a>(fields: &Fields<'a>) -> Result<Fields<'a>, FolderError> {
    let name = match fields.get("rope_parameters") {
        Some(_) => "rope_parameters",
        None => "rope_scaling",
    };
    let stated = fields.object(name)?;
    match stated.get("full_attention") {
        Some(_) => stated.object("full_attention"),
        None => Ok(stated),
    }
}

fn kind<'a>(parameters: &Fields<'a>) -> Result<&'a str, FolderError> {
    let kind = parameters.text("rope_type")?.or(parameters.text("type")?);
    Ok(kind.unwrap_or("default"))
}

/// Returns the rotation of a config as GGUF's keys, without the architecture
/// before them; `theta` is its base where nothing else says so.
pub(super) fn pairs(
    fields: &Fields<'_>,
    theta: f64,
) -> Result<Vec<(&'static str, Value)>, FolderError> {
    let parameters = parameters(fields)?;
    let base = parameters.number("rope_theta")?.unwrap_or(theta);
    let mut pairs = vec![("rope.freq_base", Value::Float(base))];
    let local = fields
        .object("rope_parameters")?
        .object("sliding_attention")?
        .number("rope_theta")?;
    if let Some(local) = local.or(fields.number("rope_local_base_freq")?) {
        pairs.push(("rope.freq_base_swa", Value::Float(local)));
    }
    let kind = match kind(&parameters)? {
        // Llama 3's is in a tensor, see `divisors`.
        "default" | "llama3" => return Ok(pairs),
        "su" => "longrope",
        kind => kind,
    };
    pairs.push(("rope.scaling.type", Value::String(kind.to_owned())));
    for (name, key) in [
        ("factor", "rope.scaling.factor"),
        ("extrapolation_factor", "rope.scaling.yarn_ext_factor"),
        ("attention_factor", "rope.scaling.yarn_attn_factor"),
        ("beta_fast", "rope.scaling.yarn_beta_fast"),
        ("beta_slow", "rope.scaling.yarn_beta_slow"),
    ] {
        if let Some(number) = parameters.number(name)? {
            pairs.push((key, Value::Float(number)));
        }
    }
    if let Some(original) = parameters.size("original_max_position_embeddings")? {
        let key = "rope.scaling.original_context_length";
        pairs.push((key, Value::Unsigned(original)));
    }
    Ok(pairs)
}

/// Returns the divisors of Llama 3's frequencies, the tensor
/// `rope_freqs.weight` of GGUF files, (half of `head_dim`); `None` where the
/// rotation is of another kind.
pub(super) fn divisors(
    fields: &Fields<'_>,
    theta: f64,
    head_dim: u64,
) -> Result<Option<Vec<f32>>, FolderError> {
    /// More than any head has; a hostile number must not take all memory.
    const MOST: u64 = 1 << 16;
    let parameters = parameters(fields)?;
    if kind(&parameters)? != "llama3" {
        return Ok(None);
    }
    let or = |name: &str, default: f64| {
        let stated = parameters.number(name)?;
        Ok::<f64, FolderError>(stated.unwrap_or(default))
    };
    let base = or("rope_theta", theta)?;
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
    let pairs = 0..head_dim.min(MOST) / 2;
    Ok(Some(pairs.map(|pair| divisor(pair) as f32).collect()))
}

//! The rotation's numbers: bases, stretched positions, and Llama 3's divisors.

use serde_json::{Map, Value as Json};

use super::config::Config;
use crate::gguf::Value;

/// Where a config describes the rotation: `rope_parameters`, whole or by the
/// kind of layer, or, in older files, `rope_scaling`.
fn parameters(config: &Config) -> Option<&Map<String, Json>> {
    let stated = config
        .get("rope_parameters")
        .or_else(|| config.get("rope_scaling"))?;
    let global = stated.get("full_attention").unwrap_or(stated);
    global.as_object()
}

fn number(parameters: Option<&Map<String, Json>>, name: &str) -> Option<f64> {
    parameters?.get(name)?.as_f64()
}

fn kind(parameters: &Map<String, Json>) -> &str {
    let kind = parameters.get("rope_type").or(parameters.get("type"));
    kind.and_then(Json::as_str).unwrap_or("default")
}

/// Returns the rotation as GGUF's keys, without the architecture before them.
pub(super) fn pairs(config: &Config) -> Vec<(&'static str, Value)> {
    let parameters = parameters(config);
    let base = number(parameters, "rope_theta").unwrap_or(config.rope_theta());
    let mut pairs = vec![("rope.freq_base", Value::Float(base))];
    let local = config
        .get("rope_parameters")
        .and_then(|stated| stated.get("sliding_attention")?.get("rope_theta")?.as_f64());
    if let Some(local) = local.or(config.number("rope_local_base_freq")) {
        pairs.push(("rope.freq_base_swa", Value::Float(local)));
    }
    let Some(parameters) = parameters else {
        return pairs;
    };
    let kind = match kind(parameters) {
        // Llama 3's is in a tensor, see `divisors`.
        "default" | "llama3" => return pairs,
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
        if let Some(number) = number(Some(parameters), name) {
            pairs.push((key, Value::Float(number)));
        }
    }
    let original = parameters.get("original_max_position_embeddings");
    if let Some(original) = original.and_then(Json::as_u64) {
        let key = "rope.scaling.original_context_length";
        pairs.push((key, Value::Unsigned(original)));
    }
    pairs
}

/// Returns the divisors of Llama 3's frequencies, the tensor
/// `rope_freqs.weight` of GGUF files, (half of `head_dim`); `None` where the
/// rotation is of another kind.
pub(super) fn divisors(config: &Config, head_dim: u64) -> Option<Vec<f32>> {
    /// More than any head has; a hostile number must not take all memory.
    const MOST: u64 = 1 << 16;
    let parameters = parameters(config).filter(|parameters| kind(parameters) == "llama3")?;
    let or = |name: &str, default: f64| number(Some(parameters), name).unwrap_or(default);
    let base = or("rope_theta", config.rope_theta());
    let factor = or("factor", 8.0);
    let (low, high) = (or("low_freq_factor", 1.0), or("high_freq_factor", 4.0));
    let original = or("original_max_position_embeddings", 8192.0);
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
    Some(
        (0..head_dim.min(MOST) / 2)
            .map(|pair| divisor(pair) as f32)
            .collect(),
    )
}

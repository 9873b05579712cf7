//! Models whose stream has copies (Gemma 3n): the numbers of those, of layers that share
//! keys, and of gates of which little is kept.

use std::f64::consts::PI;

use super::FolderError;
use super::config::Config;
use super::numbers::Pairs;
use super::refusals::shown;
use llm_gguf::Value;
use serde_json::Value as Json;

/// Returns the numbers of the copies and of the layers' own inputs.
pub(super) fn pairs(config: &Config) -> Result<Pairs, FolderError> {
    let mut pairs = Vec::new();
    for (name, key) in [
        ("altup_num_inputs", "altup.num_inputs"),
        ("altup_active_idx", "altup.active_idx"),
        ("num_kv_shared_layers", "attention.shared_kv_layers"),
        (
            "hidden_size_per_layer_input",
            "embedding_length_per_layer_input",
        ),
    ] {
        pairs.push((key, Value::Unsigned(config.needed(name)?)));
    }
    pairs.extend(sparsity(config)?);
    Ok(pairs)
}

/// Returns how many deviations above its mean a gate of each layer is to be. GGUF files
/// count the deviation of a sample, and this model that of all, which is a little less.
fn sparsity(config: &Config) -> Result<Option<(&'static str, Value)>, FolderError> {
    let name = "activation_sparsity_pattern";
    let count = config.needed("intermediate_size")? as f64;
    let of_all = ((count - 1.0).max(0.0) / count.max(1.0)).sqrt();
    let scale = |share: &Json| match share.as_f64() {
        Some(0.0) => Ok(f32::NEG_INFINITY),
        Some(share) if share > 0.0 && share < 1.0 => Ok((above(share) * of_all) as f32),
        _ => Err(config.refuse(format!("its '{name}' has {share}"))),
    };
    let listed = match config.get(name) {
        None => return Ok(None),
        Some(Json::Array(listed)) => listed.clone(),
        // One for all layers.
        Some(share @ Json::Number(_)) => vec![share.clone(); config.layers()? as usize],
        Some(other) => {
            return Err(config.refuse(format!("its '{name}' is {}", shown(other))));
        }
    };
    let scales: Result<Vec<f32>, _> = listed.iter().map(scale).collect();
    let scales = Value::Floats(scales?.into_iter().collect());
    Ok(Some(("activation_sparsity_scale", scales)))
}

/// Returns how many deviations from the mean this share of a bell curve lies below.
fn above(share: f64) -> f64 {
    // All that 64 bits can tell lies within these.
    let (mut low, mut high) = (-9.0, 9.0);
    for _ in 0..64 {
        let middle = (low + high) / 2.0;
        if below(middle) < share {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low + high) / 2.0
}

/// Returns the share of a bell curve below so many deviations (the series of Marsaglia
/// 2004, Journal of Statistical Software 11).
fn below(deviations: f64) -> f64 {
    let (mut term, mut sum) = (deviations, deviations);
    for odd in (3..400).step_by(2) {
        term *= deviations * deviations / f64::from(odd);
        sum += term;
    }
    0.5 + sum * (-deviations * deviations / 2.0).exp() / (2.0 * PI).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Quantiles of the table in NIST's handbook of statistical methods, 1.3.6.7.1, to more
    /// digits.
    #[test]
    fn shares_of_a_bell_curve_are_those_of_tables() {
        for (share, deviations) in [
            (0.5, 0.0),
            (0.95, 1.644_853_626_951),
            (0.975, 1.959_963_984_540),
            (0.99, 2.326_347_874_041),
            (0.05, -1.644_853_626_951),
        ] {
            assert!((above(share) - deviations).abs() < 1e-9, "{share}");
        }
    }
}

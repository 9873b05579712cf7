//! Layers that keep a state by state-space duality: their shape, and what stands around
//! them.

use serde_json::Value as Json;

use super::FolderError;
use super::config::Config;
use super::numbers::Pairs;
use llm_gguf::Value;

/// Returns the number under the first of its names that is there.
fn first(config: &Config, names: &[&str]) -> Result<u64, FolderError> {
    for name in names {
        if let Some(size) = config.size(name)? {
            return Ok(size);
        }
    }
    config.needed(names.last().unwrap_or(&""))
}

/// Returns the elements of all heads.
fn inner(config: &Config) -> Result<u64, FolderError> {
    if let Some(stated) = config.size("mamba_d_ssm")? {
        return Ok(stated);
    }
    let heads = config.size("mamba_num_heads")?;
    if let (Some(heads), Some(length)) = (heads, config.size("mamba_head_dim")?) {
        return Ok(heads.saturating_mul(length));
    }
    let expand = first(config, &["mamba_expand", "expand"])?;
    Ok(expand.saturating_mul(config.needed("hidden_size")?))
}

/// The names of the number of heads.
const HEADS: &[&str] = &["mamba_n_heads", "mamba_num_heads", "num_heads"];

/// Returns the numbers of the state.
pub(super) fn pairs(config: &Config) -> Result<Pairs, FolderError> {
    check_steps(config)?;
    let mut pairs = vec![("ssm.inner_size", Value::Unsigned(inner(config)?))];
    for (names, ours) in [
        (HEADS, "ssm.time_step_rank"),
        (&["mamba_d_conv", "conv_kernel"], "ssm.conv_kernel"),
        (
            &["mamba_d_state", "ssm_state_size", "state_size"],
            "ssm.state_size",
        ),
        (&["mamba_n_groups", "n_groups"], "ssm.group_count"),
    ] {
        pairs.push((ours, Value::Unsigned(first(config, names)?)));
    }
    Ok(pairs)
}

/// Refuses time steps that are held within bounds.
fn check_steps(config: &Config) -> Result<(), FolderError> {
    let name = "time_step_limit";
    match config.get(name) {
        Some(Json::Array(bounds)) => match &bounds[..] {
            // Infinity is no number of JSON's, and stands there in one form or another.
            [least, most] if least.as_f64() == Some(0.0) && !most.is_number() => Ok(()),
            _ => Err(config.refuse(format!("its '{name}' is {}", Json::from(bounds.clone())))),
        },
        _ => Ok(()),
    }
}

/// Returns whether layers that attend rotate.
pub(super) fn rotation(config: &Config) -> Result<Pairs, FolderError> {
    let kind = config.fields().text("position_embedding_type")?;
    let rotates = kind == Some("rope");
    Ok(vec![("rope.scaling.finetuned", Value::Bool(rotates))])
}

/// Returns whether a config counts experts and has none: the step that all tokens share
/// is the only one then.
pub(super) fn is_dense(config: &Config) -> Result<bool, FolderError> {
    Ok(config.size("num_local_experts")? == Some(0))
}

/// Returns the length of the feed-forward step of a model without experts.
pub(super) fn shared_alone(config: &Config) -> Result<Pairs, FolderError> {
    if !is_dense(config)? {
        return Ok(Vec::new());
    }
    let length = config.needed("shared_intermediate_size")?;
    Ok(vec![("feed_forward_length", Value::Unsigned(length))])
}

/// Refuses a norm of what comes out that stands before its gate.
pub(super) fn gated_before_norm(config: &Config) -> Result<Pairs, FolderError> {
    let flag = |name| config.flag(name);
    if flag("mamba_rms_norm")? == Some(true) && flag("mamba_norm_before_gate")? != Some(false) {
        return Err(config.refuse("its 'mamba_norm_before_gate' is not false"));
    }
    Ok(Vec::new())
}

//! Llama 4's numbers: attention in chunks, queries that grow with the position where
//! nothing rotates, and experts in every n-th layer.

use serde_json::Value as Json;

use super::FolderError;
use super::config::Config;
use super::numbers::Pairs;
use super::refusals::shown;
use llm_gguf::{Integers, Value};

/// Returns them as GGUF's keys.
pub(super) fn pairs(config: &Config) -> Result<Pairs, FolderError> {
    let tuned = match config.get("attn_temperature_tuning") {
        None => true,
        // The first files have 4 for true.
        Some(flag) => flag.as_bool().or(flag.as_u64().map(|it| it != 0)) == Some(true),
    };
    let scale = config.number("attn_scale")?.filter(|_| tuned);
    let every = config.needed("interleave_moe_layer_step")?;
    check_experts(config, every)?;
    Ok(vec![
        (
            "feed_forward_length",
            needed(config, "intermediate_size_mlp")?,
        ),
        (
            "expert_feed_forward_length",
            needed(config, "intermediate_size")?,
        ),
        ("interleave_moe_layer_step", Value::Unsigned(every)),
        (
            "attention.sliding_window",
            needed(config, "attention_chunk_size")?,
        ),
        ("attention.sliding_window_pattern", chunked(config)?),
        (
            "attention.temperature_scale",
            Value::Float(scale.unwrap_or(0.0)),
        ),
        (
            "attention.temperature_length",
            needed(config, "floor_scale")?,
        ),
    ])
}

fn needed(config: &Config, name: &str) -> Result<Value, FolderError> {
    config.needed(name).map(Value::Unsigned)
}

/// Returns which layers see their chunk alone. They are those that rotate, by one list or
/// the other, every fourth not where there is none.
fn chunked(config: &Config) -> Result<Value, FolderError> {
    let layers = config.layers()? as usize;
    let types = config.fields().list("layer_types")?;
    let rotated = config.fields().list("no_rope_layers")?;
    let of =
        |list: &[Json], is: &dyn Fn(&Json) -> bool| -> Vec<bool> { list.iter().map(is).collect() };
    let types = types.map(|list| of(list, &|kind| kind == "chunked_attention"));
    let rotated = rotated.filter(|list| !list.is_empty());
    let rotated = rotated.map(|list| of(list, &|flag| flag.as_u64() == Some(1)));
    let usual = (1..=layers).map(|nth| !nth.is_multiple_of(4)).collect();
    let rotated: Vec<bool> = rotated.unwrap_or(usual);
    if types.is_some_and(|types| types != rotated) || rotated.len() != layers {
        let what = "its 'no_rope_layers' and 'layer_types' tell of other layers than each other";
        return Err(config.refuse(what));
    }
    let flags: Integers = rotated.iter().map(|&flag| i64::from(flag)).collect();
    Ok(Value::Integers(flags))
}

/// Refuses layers with experts that are not every n-th, and a model that norms its queries
/// where the one of its size does not, or the other way round.
fn check_experts(config: &Config, every: u64) -> Result<(), FolderError> {
    /// What Maverick has, whose queries are not normed.
    const UNNORMED: u64 = 128;
    let layers = config.layers()?;
    let usual: Vec<Json> = (0..layers)
        .filter(|layer| (layer + 1).is_multiple_of(every.max(1)))
        .map(Json::from)
        .collect();
    match config.fields().list("moe_layers")? {
        Some(listed) if *listed != usual => {
            let listed = shown(&Json::from(listed.clone()));
            return Err(config.refuse(format!("its 'moe_layers' is {listed}")));
        }
        _ => {}
    }
    let normed = config.flag("use_qk_norm")?.unwrap_or(true);
    if normed == (config.size("num_local_experts")? == Some(UNNORMED)) {
        return Err(config.refuse(format!("its 'use_qk_norm' is {normed}")));
    }
    Ok(())
}

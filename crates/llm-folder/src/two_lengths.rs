//! Models whose heads are longer in the layers that see everything, and whose layers may
//! take inputs of their own, share keys, or have experts beside the dense step.

use super::FolderError;
use super::config::Config;
use super::json::Fields;
use super::numbers::Pairs;
use super::windows::layer_types;
use llm_gguf::{Integers, Value};

/// Returns what differs from layer to layer.
pub(super) fn pairs(config: &Config) -> Result<Pairs, FolderError> {
    let short = config.head_dim()?;
    let long = long_head(config)?;
    let shared = config.size("num_kv_shared_layers")?.unwrap_or(0);
    let inputs = config.size("hidden_size_per_layer_input")?.unwrap_or(0);
    let mut pairs = Vec::new();
    for (name, size) in [
        ("attention.key_length", long),
        ("attention.value_length", long),
        ("attention.key_length_swa", short),
        ("attention.value_length_swa", short),
        ("rope.dimension_count", long),
        ("rope.dimension_count_swa", short),
        ("attention.shared_kv_layers", shared),
        ("embedding_length_per_layer_input", inputs),
    ] {
        pairs.push((name, Value::Unsigned(size)));
    }
    if let (Some(own), Some(types)) = (heads_of_long(config)?, layer_types(config)?) {
        let windowed = config.needed("num_key_value_heads")?;
        let heads = |kind: &&str| match *kind {
            "sliding_attention" => windowed as i64,
            _ => own as i64,
        };
        let heads: Integers = types.iter().map(heads).collect();
        pairs.push(("attention.head_count_kv", Value::Integers(heads)));
    }
    if config.flag("use_double_wide_mlp")? == Some(true) {
        pairs.push(("feed_forward_length", doubled(config, shared)?));
    }
    if config.flag("enable_moe_block")? == Some(true) {
        for (name, key) in [
            ("num_experts", "expert_count"),
            ("top_k_experts", "expert_used_count"),
            ("moe_intermediate_size", "expert_feed_forward_length"),
        ] {
            pairs.push((key, Value::Unsigned(config.needed(name)?)));
        }
    }
    Ok(pairs)
}

/// Returns the length of a head in layers that see everything.
pub(super) fn long_head(config: &Config) -> Result<u64, FolderError> {
    let stated = config.size("global_head_dim")?;
    let own = config.fields().object("per_layer_config")?;
    let stated = stated.or(of_long(config, own, "head_dim")?);
    Ok(stated.unwrap_or(512))
}

/// Returns how many heads of keys those layers have, where it is another number.
fn heads_of_long(config: &Config) -> Result<Option<u64>, FolderError> {
    let own = config.fields().object("per_layer_config")?;
    if let Some(stated) = of_long(config, own, "num_key_value_heads")? {
        return Ok(Some(stated));
    }
    if config.flag("attention_k_eq_v")? == Some(true) {
        return config.size("num_global_key_value_heads");
    }
    Ok(None)
}

/// Returns a number of the layers that see everything, where they are listed by layer.
fn of_long(config: &Config, own: Fields<'_>, name: &str) -> Result<Option<u64>, FolderError> {
    let types = layer_types(config)?.unwrap_or_default();
    let mut long = types
        .iter()
        .zip(0..)
        .filter(|(kind, _)| **kind == "full_attention");
    let found = long.find_map(|(_, layer)| {
        let layer = own.object(&layer.to_string());
        layer.and_then(|layer| layer.size(name)).transpose()
    });
    found.transpose()
}

/// The inner lengths of all layers: twice as many in those that share keys.
fn doubled(config: &Config, shared: u64) -> Result<Value, FolderError> {
    /// More layers than any model has; a hostile number must not take all memory.
    const MOST: u64 = 10_000;
    let inner = config.needed("intermediate_size")? as i64;
    let layers = config.layers()?;
    let own = layers.saturating_sub(shared);
    let length = |layer: u64| {
        if layer < own {
            inner
        } else {
            inner.saturating_mul(2)
        }
    };
    let lengths: Integers = (0..layers.min(MOST)).map(length).collect();
    Ok(Value::Integers(lengths))
}

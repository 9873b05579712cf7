//! Layers that keep a state by the gated delta rule: their shape, and which they are.

use super::FolderError;
use super::config::Config;
use super::numbers::Pairs;
use super::windows::layer_types;
use llm_gguf::{Integers, Value};

/// The heads of a state.
pub(super) struct Heads {
    pub(super) keys: u64,
    pub(super) key_length: u64,
    pub(super) values: u64,
    pub(super) value_length: u64,
}

impl Heads {
    pub(super) fn of(config: &Config) -> Result<Self, FolderError> {
        Ok(Self {
            keys: config.needed("linear_num_key_heads")?,
            key_length: config.needed("linear_key_head_dim")?,
            values: config.needed("linear_num_value_heads")?,
            value_length: config.needed("linear_value_head_dim")?,
        })
    }
}

/// Returns the numbers of the state, and which pairs follow time, height and width.
pub(super) fn seeing(config: &Config) -> Result<Pairs, FolderError> {
    /// Qwen 3.5's, where the file says nothing.
    const SECTIONS: [i64; 4] = [11, 11, 10, 0];
    let mut pairs = pairs(config)?;
    if !super::rope::has_sections(config)? {
        let sections: Integers = SECTIONS.into_iter().collect();
        pairs.push(("rope.dimension_sections", Value::Integers(sections)));
    }
    Ok(pairs)
}

/// Returns the numbers of the state.
pub(super) fn pairs(config: &Config) -> Result<Pairs, FolderError> {
    let heads = Heads::of(config)?;
    let inner = heads.values.saturating_mul(heads.value_length);
    let taps = config.needed("linear_conv_kernel_dim")?;
    let mut pairs = vec![
        ("ssm.conv_kernel", Value::Unsigned(taps)),
        ("ssm.state_size", Value::Unsigned(heads.key_length)),
        ("ssm.group_count", Value::Unsigned(heads.keys)),
        ("ssm.time_step_rank", Value::Unsigned(heads.values)),
        ("ssm.inner_size", Value::Unsigned(inner)),
    ];
    let interval = config.size("full_attention_interval")?.unwrap_or(4);
    pairs.push(("full_attention_interval", Value::Unsigned(interval)));
    if let Some(types) = layer_types(config)? {
        let keeps = |kind: &&str| i64::from(*kind == "linear_attention");
        let layers: Integers = types.iter().map(keeps).collect();
        pairs.push(("attention.recurrent_layers", Value::Integers(layers)));
    }
    Ok(pairs)
}

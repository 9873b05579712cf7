//! Layers that keep a state: which they are, and their shape by the gated delta rule.

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

/// Returns the heads of keys of each layer, none in those that keep a state: which they
/// are is in the list of all, or the others are counted, or all attend.
pub(super) fn without_keys(config: &Config) -> Result<Pairs, FolderError> {
    heads_of_keys(config, true)
}

/// The same where all keep a state if the config does not say.
pub(super) fn without_keys_unless_listed(config: &Config) -> Result<Pairs, FolderError> {
    heads_of_keys(config, false)
}

fn heads_of_keys(config: &Config, usual: bool) -> Result<Pairs, FolderError> {
    /// More layers than any model has; a hostile number must not take all memory.
    const MOST: u64 = 10_000;
    let heads = config.needed("num_attention_heads")?;
    let heads = config.size("num_key_value_heads")?.unwrap_or(heads);
    let attending = config.ids("full_attn_idxs")?;
    let attends: Vec<bool> = match layer_types(config)? {
        Some(types) => {
            let stateful = config.kind.stateful;
            types.iter().map(|kind| !stateful.contains(kind)).collect()
        }
        None => {
            let layers = 0..config.layers()?.min(MOST);
            let attends = |layer| attending.contains(&layer) || attending.is_empty() && usual;
            layers.map(attends).collect()
        }
    };
    let heads = i64::try_from(heads).unwrap_or(i64::MAX);
    let heads = attends
        .into_iter()
        .map(|attends| if attends { heads } else { 0 });
    let heads: Integers = heads.collect();
    Ok(vec![("attention.head_count_kv", Value::Integers(heads))])
}

/// Returns the length of the feed-forward step, which a config may give as that of a
/// step without a gate, to be cut by a third and rounded up.
pub(super) fn cut_by_a_third(config: &Config) -> Result<Pairs, FolderError> {
    let stated = config.size("block_ff_dim")?;
    let mut length = match stated {
        Some(length) => length,
        None => config.needed("intermediate_size")?,
    };
    if config.flag("block_auto_adjust_ff_dim")? == Some(true) {
        let factor = config.number("block_ffn_dim_multiplier")?.unwrap_or(1.0);
        let multiple = config.size("block_multiple_of")?.unwrap_or(256).max(1);
        let cut = length.saturating_mul(2) / 3;
        let scaled = (cut as f64 * factor) as u64;
        length = scaled.div_ceil(multiple).saturating_mul(multiple);
    }
    Ok(vec![("feed_forward_length", Value::Unsigned(length))])
}

//! Multi-head latent attention and the routing of models that have it: the numbers as
//! the converter writes them, for attention on the short vector itself.

use super::FolderError;
use super::config::Config;
use super::numbers::Pairs;
use super::refusals::shown;
use llm_gguf::Value;
use serde_json::Value as Json;

/// The lengths of a head.
pub(super) struct Lengths {
    pub(super) heads: u64,
    /// Of a key, without the rotated part.
    pub(super) unrotated: u64,
    pub(super) rotated: u64,
    pub(super) value: u64,
}

impl Lengths {
    pub(super) fn of(config: &Config) -> Result<Self, FolderError> {
        Ok(Self {
            heads: config.needed("num_attention_heads")?,
            unrotated: config.needed("qk_nope_head_dim")?,
            rotated: config.needed("qk_rope_head_dim")?,
            value: config.needed("v_head_dim")?,
        })
    }
}

/// Returns the lengths of keys and values.
pub(super) fn heads(config: &Config) -> Result<Pairs, FolderError> {
    let lengths = Lengths::of(config)?;
    let rank = config.needed("kv_lora_rank")?;
    let whole = rank.saturating_add(lengths.rotated);
    let key = lengths.unrotated.saturating_add(lengths.rotated);
    let mut pairs = vec![
        ("attention.head_count_kv", Value::Unsigned(1)),
        ("attention.kv_lora_rank", Value::Unsigned(rank)),
        ("attention.key_length", Value::Unsigned(whole)),
        ("attention.value_length", Value::Unsigned(rank)),
        ("attention.key_length_mla", Value::Unsigned(key)),
        ("attention.value_length_mla", Value::Unsigned(lengths.value)),
        ("rope.dimension_count", Value::Unsigned(lengths.rotated)),
    ];
    let query_rank = config.size("q_lora_rank")?;
    pairs.extend(query_rank.map(|rank| ("attention.q_lora_rank", Value::Unsigned(rank))));
    Ok(pairs)
}

/// GGUF's number for a scoring.
fn scoring(config: &Config, usual: u64) -> Result<Pairs, FolderError> {
    let kind = match config.fields().text("scoring_func")? {
        None => usual,
        Some("softmax") => 1,
        // As dots.llm1 calls it, for what it has beside: a bias of the router.
        Some("sigmoid" | "noaux_tc") => 2,
        Some(other) => return Err(config.refuse(format!("its 'scoring_func' is '{other}'"))),
    };
    Ok(vec![("expert_gating_func", Value::Unsigned(kind))])
}

fn groups(config: &Config) -> Result<Pairs, FolderError> {
    let mut pairs = Vec::new();
    for (name, key) in [
        ("n_group", "expert_group_count"),
        ("topk_group", "expert_group_used_count"),
    ] {
        pairs.extend(config.size(name)?.map(|size| (key, Value::Unsigned(size))));
    }
    Ok(pairs)
}

/// Returns the routing by a softmax: of all experts, or of those in the groups whose
/// best are best.
pub(super) fn routing(config: &Config) -> Result<Pairs, FolderError> {
    let mut pairs = scoring(config, 1)?;
    match config.fields().text("topk_method")? {
        None | Some("greedy") => {}
        Some("noaux_tc") => pairs.extend(groups(config)?),
        Some("group_limited_greedy") => {
            pairs.extend(groups(config)?);
            pairs.push(("expert_group_best", Value::Unsigned(1)));
        }
        Some(other) => return Err(config.refuse(format!("its 'topk_method' is '{other}'"))),
    }
    Ok(pairs)
}

/// Checks that experts run up to the last layer, as ERNIE's configs may not have it.
pub(super) fn up_to_the_last(config: &Config) -> Result<Pairs, FolderError> {
    let name = "moe_layer_end_index";
    let last = config.layers()?.saturating_sub(1);
    match config.get(name) {
        Some(end) if end.as_i64() != Some(-1) && end.as_u64() != Some(last) => {
            Err(config.refuse(format!("its '{name}' is {end}")))
        }
        _ => Ok(Vec::new()),
    }
}

/// Checks that each layer behind the leading dense ones has experts, as lists of the layers
/// may not have it.
pub(super) fn behind_the_dense(config: &Config) -> Result<Pairs, FolderError> {
    let first = config.size("first_k_dense_replace")?.unwrap_or(0);
    for (name, sparse) in [
        ("is_moe_layer", Json::Bool(true)),
        ("mlp_layer_types", Json::String("sparse".to_owned())),
    ] {
        let Some(listed) = config.fields().list(name)? else {
            continue;
        };
        let mut numbered = listed.iter().zip(0_u64..);
        if !numbered.all(|(kind, layer)| (*kind == sparse) == (layer >= first)) {
            let list = shown(&Json::from(listed.as_slice()));
            return Err(config.refuse(format!(
                "its '{name}' is {list}, and 'first_k_dense_replace' is {first}"
            )));
        }
    }
    Ok(Vec::new())
}

/// Returns the routing by the logistic function, with a bias that chooses alone.
pub(super) fn routing_by_bias(config: &Config) -> Result<Pairs, FolderError> {
    let mut pairs = scoring(config, 2)?;
    pairs.extend(groups(config)?);
    Ok(pairs)
}

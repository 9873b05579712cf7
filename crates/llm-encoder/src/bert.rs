//! `config.json` of BERT and of those that differ from it in nothing but where
//! positions begin (`RoBERTa`: Liu et al. 2019, arXiv:1907.11692; XLM-RoBERTa).

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::settings::Shape;
use llm_folder::FolderError;

/// The values of `model_type`.
pub(super) const KINDS: [&str; 4] = ["bert", "roberta", "xlm-roberta", "camembert"];

#[derive(Deserialize)]
struct Config {
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    max_position_embeddings: usize,
    vocab_size: usize,
    #[serde(default = "usual_epsilon")]
    layer_norm_eps: f32,
    hidden_act: Option<String>,
    position_embedding_type: Option<String>,
    pad_token_id: Option<usize>,
}

fn usual_epsilon() -> f32 {
    1e-12
}

/// More than any network has, so that no product of extents can overflow.
pub(super) const MOST: usize = 1 << 20;

/// Reads the extents of a network of kind `kind` from `config`, which stands at
/// `path`.
pub(super) fn shape(path: &Path, kind: &str, config: &Value) -> Result<Shape, FolderError> {
    let config = Config::deserialize(config)
        .map_err(|error| FolderError::malformed(path, error.to_string()))?;
    let act = config.hidden_act.as_deref().unwrap_or("gelu");
    if act != "gelu" {
        return Err(FolderError::unsupported(
            path,
            format!("its hidden_act is '{act}'"),
        ));
    }
    let positions = config.position_embedding_type.as_deref();
    if positions.is_some_and(|kind| kind != "absolute") {
        return Err(FolderError::unsupported(
            path,
            "its positions are not absolute",
        ));
    }
    // As in fairseq, they are counted from the one behind that of padding.
    let first_position = match kind {
        "bert" => 0,
        _ => config.pad_token_id.unwrap_or(1).saturating_add(1),
    };
    let shape = Shape {
        layers: config.num_hidden_layers,
        hidden_size: config.hidden_size,
        inner: config.intermediate_size,
        heads: config.num_attention_heads,
        positions: config
            .max_position_embeddings
            .saturating_sub(first_position),
        first_position,
        vocabulary: config.vocab_size,
        epsilon: config.layer_norm_eps,
    };
    if !fits(&shape) {
        return Err(FolderError::malformed(
            path,
            "its sizes do not fit together",
        ));
    }
    Ok(shape)
}

/// Returns whether a network can have these extents.
pub(super) fn fits(shape: &Shape) -> bool {
    let extents = [
        shape.layers,
        shape.hidden_size,
        shape.heads,
        shape.inner,
        shape.vocabulary,
    ];
    extents.iter().all(|extent| (1..=MOST).contains(extent))
        && (3..=MOST).contains(&shape.positions)
        && shape.first_position <= MOST
        && shape.hidden_size.is_multiple_of(shape.heads)
}

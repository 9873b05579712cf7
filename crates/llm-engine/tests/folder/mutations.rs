//! Folders with one tensor more, or with one layer less in their numbers: the opening
//! refuses them by the folder's own name, or the logits are others.

use std::path::Path;

use llm_engine::spec::Spec;
use llm_engine::weights::Weights;
use llm_gguf::Gguf;
use serde_json::{Value, json};

use crate::tiny::{self, Plan};

/// Parts of a layer in transformers' models.
const OF_LAYER: [&str; 14] = [
    "input_layernorm",
    "post_attention_layernorm",
    "pre_feedforward_layernorm",
    "post_feedforward_layernorm",
    "self_attn.q_proj",
    "self_attn.k_proj",
    "self_attn.v_proj",
    "self_attn.o_proj",
    "self_attn.q_norm",
    "self_attn.k_norm",
    "mlp.gate_proj",
    "mlp.up_proj",
    "mlp.down_proj",
    "self_attn.sinks",
];

const WHOLE: [&str; 4] = [
    "model.embed_tokens",
    "model.norm",
    "lm_head",
    "model.embed_norm",
];

/// Opens a folder as the programs do.
fn opened(place: &Path) -> Result<Gguf, String> {
    let gguf =
        llm_folder::open(&tiny::weight_files(place), None).map_err(|error| error.to_string())?;
    let spec = Spec::from_gguf(&gguf, None).map_err(|error| error.to_string())?;
    let weights = Weights::from_gguf(&gguf, &spec);
    weights.map(|_| gguf).map_err(|error| error.to_string())
}

fn bits(gguf: &Gguf) -> Vec<u32> {
    let logits = crate::logits(gguf, &[1, 5, 3, 7, 2]);
    logits.iter().map(|logit| logit.to_bits()).collect()
}

/// Adds a tensor of numbers that no norm takes for ones; of the tensor `twin` where
/// one is named.
fn add(file: &[u8], name: &str, shape: &[usize], twin: Option<&str>) -> Vec<u8> {
    let length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let (header, data) = file[8..].split_at(length);
    let mut header: Value = serde_json::from_slice(header).unwrap();
    let number = |at: usize| ((at * 37 % 101) as f32 - 40.0) / 30.0;
    let count = shape.iter().product();
    let mut more: Vec<u8> = (0..count).flat_map(|at| number(at).to_le_bytes()).collect();
    if let Some(twin) = twin {
        let offset = |at: usize| header[twin]["data_offsets"][at].as_u64().unwrap() as usize;
        more = data[offset(0)..offset(1)].to_vec();
    }
    let offsets = [data.len(), data.len() + more.len()];
    header[name] = json!({"dtype": "F32", "shape": shape, "data_offsets": offsets});
    let header = header.to_string();
    let length = (header.len() as u64).to_le_bytes();
    [&length[..], header.as_bytes(), data, &more].concat()
}

#[test]
fn one_tensor_more_is_refused_by_name_or_changes_the_logits() {
    for (kind, plan) in tiny::PLANS {
        let place = tempfile::tempdir().unwrap();
        plan.write(place.path(), 3);
        let expected = bits(&opened(place.path()).unwrap());
        let path = place.path().join("model.safetensors");
        let file = std::fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&file).into_owned();
        let layers = [0, plan.layers - 1, plan.layers];
        let of_layer = layers
            .into_iter()
            .flat_map(|layer| OF_LAYER.map(|part| format!("model.layers.{layer}.{part}")));
        for stem in WHOLE.map(String::from).into_iter().chain(of_layer) {
            for ending in ["weight", "bias"] {
                let name = format!("{stem}.{ending}");
                if text.contains(&format!("\"{name}\"")) {
                    continue;
                }
                for rows in [
                    plan.hidden_size,
                    plan.heads * plan.head_dim,
                    plan.intermediate_size,
                    plan.head_dim,
                ] {
                    std::fs::write(&path, add(&file, &name, &[rows], None)).unwrap();
                    let what = format!("{kind}: '{name}' of {rows}");
                    match opened(place.path()) {
                        Ok(gguf) => assert_ne!(bits(&gguf), expected, "{what}: nothing changes"),
                        Err(told) => {
                            // One whose shape does not fit is told by its name in GGUF.
                            let is_named = told.contains(&name) || told.contains("has the shape");
                            assert!(is_named, "{what}: {told}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn one_layer_less_in_the_numbers_is_refused() {
    for (kind, plan) in tiny::PLANS {
        let place = tempfile::tempdir().unwrap();
        plan.write(place.path(), 3);
        let path = place.path().join("config.json");
        let mut config: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        config[plan.spelled("num_hidden_layers")] = json!(plan.layers - 1);
        std::fs::write(path, config.to_string()).unwrap();
        let told = opened(place.path()).map(|_| ()).unwrap_err();
        let last = plan.spelled(&format!("'model.layers.{}.", plan.layers - 1));
        assert!(
            told.contains(&last) && told.contains("num_hidden_layers"),
            "{kind}: {told}"
        );
    }
}

/// Some files hold the embedding once more where it is the output; another matrix
/// there contradicts the config.
#[test]
fn a_second_output_must_be_the_embedding() {
    let plan = Plan {
        tied: true,
        ..tiny::LLAMA
    };
    let place = tempfile::tempdir().unwrap();
    plan.write(place.path(), 3);
    let expected = bits(&opened(place.path()).unwrap());
    let path = place.path().join("model.safetensors");
    let file = std::fs::read(&path).unwrap();
    let shape = [plan.vocabulary, plan.hidden_size];
    let twin = Some("model.embed_tokens.weight");
    std::fs::write(&path, add(&file, "lm_head.weight", &shape, twin)).unwrap();
    assert_eq!(bits(&opened(place.path()).unwrap()), expected);
    std::fs::write(&path, add(&file, "lm_head.weight", &shape, None)).unwrap();
    let told = opened(place.path()).map(|_| ()).unwrap_err();
    assert!(
        told.contains("'lm_head.weight'") && told.contains("tie_word_embeddings"),
        "{told}"
    );
}

//! Configs of all kinds: what becomes of their numbers, and what is refused.

mod heads;
mod states;

use serde_json::{Value as Json, json};

use super::FolderError;
use super::changes::Piece;
use super::config::Config;
use super::kinds::KINDS;
use super::rope_factors;
use llm_gguf::{Metadata, TensorInfo, TensorType, Value};

/// What any kind could ask for.
fn whole(model_type: &str) -> Json {
    let mut values = json!({
        "model_type": model_type, "hidden_size": 64, "intermediate_size": 96,
        "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2,
        "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "vocab_size": 100,
        "rope_theta": 20_000.0, "sliding_window": 24,
        "num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 16,
        "shared_expert_intermediate_size": 16,
        "q_lora_rank": 16, "kv_lora_rank": 16, "qk_nope_head_dim": 8, "qk_rope_head_dim": 8,
        "v_head_dim": 8, "n_group": 1, "topk_group": 1,
        "linear_num_key_heads": 2, "linear_key_head_dim": 8, "linear_num_value_heads": 4,
        "linear_value_head_dim": 8, "linear_conv_kernel_dim": 4,
        "hybrid_override_pattern": "M-*M", "mamba_num_heads": 4, "mamba_head_dim": 8,
    });
    if model_type.starts_with("llama4") {
        values["intermediate_size_mlp"] = json!(96);
        values["attention_chunk_size"] = json!(24);
        values["floor_scale"] = json!(24);
    }
    values
}

fn read(values: &Json) -> Result<Config, FolderError> {
    Config::of("config.json".into(), values.as_object().unwrap().clone())
}

fn metadata(model_type: &str, more: &Json) -> Result<Metadata, FolderError> {
    let mut values = whole(model_type);
    values
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    read(&values)?.metadata()
}

fn told(model_type: &str, more: &Json) -> String {
    metadata(model_type, more).unwrap_err().to_string()
}

fn float(metadata: &Metadata, key: &str) -> Option<f64> {
    match metadata.get(key) {
        Some(Value::Float(number)) => Some(*number),
        None => None,
        other => panic!("{key} is {other:?}"),
    }
}

fn integers(metadata: &Metadata, key: &str) -> Option<Vec<i64>> {
    let found = metadata.integers(key).unwrap()?;
    Some(found.iter().collect())
}

#[test]
fn every_kind_has_its_family_and_what_all_have() {
    // One of them is refused where it does not say how it rotates.
    let plain = json!({"rope_parameters": {"rope_type": "default", "rope_theta": 20_000.0}});
    for kind in KINDS {
        for model_type in kind.model_types {
            let found = metadata(model_type, &plain).unwrap();
            let architecture = found.string("general.architecture").unwrap();
            assert_eq!(architecture, Some(kind.architecture));
            let size = |name: &str| found.u64(&format!("{}.{name}", kind.architecture)).unwrap();
            assert_eq!(size("block_count"), Some(4), "{model_type}");
            assert_eq!(size("context_length"), Some(512), "{model_type}");
        }
    }
}

#[test]
fn no_model_type_belongs_to_two_kinds() {
    let mut all: Vec<_> = super::kinds().collect();
    all.sort_unstable();
    let count = all.len();
    all.dedup();
    assert_eq!(all.len(), count);
}

#[test]
fn what_is_not_computed_is_refused_by_name() {
    for (kind, key, value) in [
        ("qwen3_moe", "decoder_sparse_step", json!(2)),
        ("qwen3_moe", "mlp_only_layers", json!([0])),
        ("qwen3_5", "attn_output_gate", json!(false)),
        ("deepseek_v2", "moe_layer_freq", json!(2)),
        ("deepseek_v2", "topk_method", json!("random")),
        ("deepseek_v3", "rope_interleave", json!(false)),
        ("deepseek_v3", "scoring_func", json!("tanh")),
        ("gpt_oss", "swiglu_limit", json!(5.0)),
        ("smollm3", "no_rope_layers", json!([1, 1, 0, 1])),
        ("smollm3", "use_sliding_window", json!(true)),
        ("phi3", "full_attn_mod", json!(2)),
        ("llama", "clip_qkv", json!(8.0)),
        ("granite", "use_qk_norm", json!(true)),
    ] {
        let told = told(kind, &json!({key: value}));
        assert!(told.contains(&format!("'{key}'")), "{kind}: {told}");
        assert!(told.contains("not supported"), "{kind}: {told}");
    }
    for rotation in ["dynamic", "ntk", "proportional-ish"] {
        let told = told(
            "llama",
            &json!({"rope_scaling": {"type": rotation, "factor": 2.0}}),
        );
        assert!(
            told.contains(rotation) && told.contains("not supported"),
            "{told}"
        );
    }
    let types = json!([
        "full_attention",
        "chunked_attention",
        "full_attention",
        "full_attention"
    ]);
    assert!(told("gemma3", &json!({"layer_types": types})).contains("chunked_attention"));
    let short = told("gemma3", &json!({"layer_types": ["full_attention"]}));
    assert!(short.contains("1 entries for 4 layers"), "{short}");
    let mxfp4 = json!({"quantization_config": {"quant_method": "mxfp4"}});
    assert!(metadata("gpt_oss", &mxfp4).is_ok());
    assert!(told("llama", &mxfp4).contains("'mxfp4'"));
    let inner = json!({"text_config": {"model_type": "mistral4"}});
    assert!(told("mistral3", &inner).contains("'mistral4'"));
    assert!(
        metadata(
            "mistral3",
            &json!({"text_config": {"model_type": "mistral"}})
        )
        .is_ok()
    );
}

/// DeepSeek V3.2 and GLM 5, whose other parts are those of kinds that run.
#[test]
fn a_kind_that_lacks_a_part_is_told_which() {
    for kind in ["deepseek_v32", "glm_moe_dsa"] {
        let told = told(kind, &json!({"index_topk": 2048, "index_n_heads": 64}));
        assert!(told.contains(&format!("of the kind '{kind}'")), "{told}");
        assert!(
            told.contains("an indexer chooses; choose a model"),
            "{told}"
        );
        assert!(!told.contains("known are"), "{told}");
    }
    assert!(told("deepseek_v33", &json!({})).contains("known are llama"));
}

#[test]
fn what_a_rotation_says_is_computed_or_refused() {
    let rotation = |kind: &str, said: Json| told(kind, &json!({"rope_parameters": said}));
    // Phi-3.5-MoE's, which its own code multiplies cosines and sines by.
    let magnitude = rotation(
        "llama",
        json!({"rope_type": "yarn", "factor": 2.0, "short_mscale": 1.2}),
    );
    assert!(magnitude.contains("'short_mscale'"), "{magnitude}");
    let part = json!({"sliding_attention": {"partial_rotary_factor": 0.5}, "full_attention": {}});
    let part = rotation("gemma3", part);
    assert!(part.contains("'sliding_attention' rotates 0.5"), "{part}");
}

#[test]
fn divisors_are_numbers_above_zero() {
    let divisors = |values: Json| {
        let mut config = whole("phi3");
        let rotation = json!({"type": "longrope", "short_factor": values, "long_factor": [1.0]});
        config["rope_scaling"] = rotation;
        rope_factors::tensors(&read(&config).unwrap())
    };
    assert!(divisors(json!([1.0, 2.5])).is_ok());
    for bad in [json!([1.0, 0.0]), json!([-1.0]), json!([1e60])] {
        let told = divisors(bad).unwrap_err().to_string();
        assert!(told.contains("not above 0 and finite"), "{told}");
    }
    let mut config = whole("llama");
    config["rope_scaling"] = json!({"rope_type": "llama3", "factor": 0.0});
    assert!(rope_factors::tensors(&read(&config).unwrap()).is_err());
}

#[test]
fn numbers_that_are_left_out_are_transformers_own_and_null_is_none() {
    let caps = |more: Json| {
        let found = metadata("gemma2", &more).unwrap();
        let cap = |name: &str| float(&found, &format!("gemma2.{name}_logit_softcapping"));
        (cap("attn"), cap("final"))
    };
    // Gemma2Config of transformers.
    assert_eq!(caps(json!({})), (Some(50.0), Some(30.0)));
    let none = json!({"attn_logit_softcapping": null, "final_logit_softcapping": 20.0});
    assert_eq!(caps(none), (None, Some(20.0)));
    let without_window = told("cohere2", &json!({"sliding_window": null}));
    assert!(
        without_window.contains("'sliding_window'"),
        "{without_window}"
    );
}

#[test]
fn layers_that_are_listed_count_before_a_pattern() {
    let types: Vec<&str> = ["full_attention", "sliding_attention"].repeat(2);
    let more = json!({"layer_types": types, "sliding_window_pattern": 1});
    let found = metadata("gemma3", &more).unwrap();
    let windows = integers(&found, "gemma3.attention.sliding_window_pattern");
    assert_eq!(windows, Some(vec![0, 1, 0, 1]));
}

#[test]
fn keys_that_are_off_or_are_no_part_of_the_computation_are_taken() {
    let more = json!({
        "rope_interleaved": false, "attention_dropout": 0.1, "clip_qkv": null,
        "router_aux_loss_coef": 0.001, "_attn_implementation": "eager", "use_cache": true,
    });
    assert!(metadata("llama", &more).is_ok());
}

#[test]
fn a_temperature_is_what_transformers_makes_of_it() {
    let key = "qwen2.rope.scaling.attn_factor";
    let yarn = |more: Json| {
        let mut values = json!({"rope_type": "yarn", "factor": 4.0});
        values
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        metadata("qwen2", &json!({"rope_parameters": values})).unwrap()
    };
    // 1 + 0.1 ln 4 follows from the factor.
    assert_eq!(float(&yarn(json!({})), key), None);
    let stated = yarn(json!({"attention_factor": 1.5}));
    assert!((float(&stated, key).unwrap() - 1.5 / (1.0 + 0.1 * 4_f64.ln())).abs() < 1e-9);
    let none = yarn(json!({"mscale": 1.0, "mscale_all_dim": 1.0}));
    assert!((float(&none, key).unwrap() * (1.0 + 0.1 * 4_f64.ln()) - 1.0).abs() < 1e-9);
    let original = none
        .u64("qwen2.rope.scaling.original_context_length")
        .unwrap();
    assert_eq!(original, Some(512));
    // DeepSeek's is in the scores, by the multiplier.
    let scaling = json!({"type": "yarn", "factor": 40, "mscale": 0.707, "mscale_all_dim": 0.707});
    let deepseek = metadata("deepseek_v2", &json!({"rope_scaling": scaling})).unwrap();
    assert_eq!(float(&deepseek, "deepseek2.rope.scaling.attn_factor"), None);
    let multiplier = float(&deepseek, "deepseek2.rope.scaling.yarn_log_multiplier").unwrap();
    assert!((multiplier - 0.0707).abs() < 1e-9);
}

#[test]
fn windows_are_listed_where_the_config_has_them() {
    let (window, pattern) = (
        "attention.sliding_window",
        "attention.sliding_window_pattern",
    );
    let found = |kind: &str, architecture: &str, more: Json| {
        let metadata = metadata(kind, &more).unwrap();
        let window = metadata.u64(&format!("{architecture}.{window}")).unwrap();
        (
            window,
            integers(&metadata, &format!("{architecture}.{pattern}")),
        )
    };
    let none = (None, None);
    assert_eq!(
        found("mistral", "llama", json!({})),
        (Some(24), Some(vec![1; 4]))
    );
    assert_eq!(
        found("mistral", "llama", json!({"sliding_window": 512})),
        none
    );
    assert_eq!(
        found("mistral", "llama", json!({"sliding_window": null})),
        none
    );
    assert_eq!(found("llama", "llama", json!({})), none);
    assert_eq!(found("qwen2", "qwen2", json!({})), none);
    let behind = json!({"use_sliding_window": true, "max_window_layers": 2});
    assert_eq!(
        found("qwen2", "qwen2", behind),
        (Some(24), Some(vec![0, 0, 1, 1]))
    );
    let types = json!([
        "sliding_attention",
        "full_attention",
        "sliding_attention",
        "full_attention"
    ]);
    let listed = (Some(24), Some(vec![1, 0, 1, 0]));
    assert_eq!(
        found("gpt_oss", "gpt-oss", json!({"layer_types": types})),
        listed
    );
}

#[test]
fn divisors_are_those_of_the_config() {
    let tensors = |model_type: &str, more: Json| {
        let mut values = whole(model_type);
        values
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        rope_factors::tensors(&read(&values).unwrap())
    };
    let longrope =
        json!({"rope_scaling": {"type": "su", "long_factor": [2, 3.5], "short_factor": [1, 1.5]}});
    let found = tensors("phi3", longrope).unwrap();
    assert_eq!(found[0], ("rope_factors_long.weight", vec![2.0, 3.5]));
    assert_eq!(found[1], ("rope_factors_short.weight", vec![1.0, 1.5]));
    for wrong in [
        json!({"type": "longrope"}),
        json!({"type": "longrope", "long_factor": ["x"]}),
    ] {
        let told = tensors("phi3", json!({"rope_scaling": wrong}))
            .unwrap_err()
            .to_string();
        assert!(told.contains("'long_factor'"), "{told}");
    }
    let half = json!({"global_head_dim": 8, "rope_parameters": {"full_attention": {"rope_type": "proportional", "partial_rotary_factor": 0.5}}});
    let found = tensors("gemma4", half).unwrap();
    assert_eq!(found, [("rope_freqs.weight", vec![1.0, 1.0, 1e30, 1e30])]);
}

/// Numbers that no model has take neither all memory nor the program's life.
#[test]
fn hostile_numbers_are_survived() {
    let keys: Vec<String> = whole("llama")
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    for kind in KINDS {
        for key in keys.iter().filter(|key| *key != "model_type") {
            for number in [
                json!(0),
                json!(u64::MAX),
                json!(1e300),
                json!(-1),
                json!(null),
            ] {
                let mut values = whole(kind.model_types[0]);
                values["use_sliding_window"] = json!(kind.architecture != "smollm3");
                values["use_double_wide_mlp"] = json!(true);
                values[key.as_str()] = number;
                if let Ok(config) = read(&values) {
                    drop(config.metadata());
                    drop(rope_factors::tensors(&config));
                }
            }
        }
    }
}

/// A tensor of any shape is changed within its bytes, or does not fit.
#[test]
fn shapes_that_do_not_fit_are_told_and_never_walked_out_of() {
    const EXTENTS: [u64; 9] = [1, 2, 3, 4, 8, 32, 64, 65, 96];
    let of = |length: u32, mut at: usize| -> Vec<u64> {
        let mut shape = Vec::new();
        for _ in 0..length {
            shape.push(EXTENTS[at % EXTENTS.len()]);
            at /= EXTENTS.len();
        }
        shape
    };
    for kind in KINDS {
        let config = read(&whole(kind.model_types[0])).unwrap();
        for (ending, change) in kind.changes {
            let mut fitting = 0;
            for length in 1..=3 {
                for at in 0..EXTENTS.len().pow(length) {
                    let shape = of(length, at);
                    let elements: u64 = shape.iter().product();
                    let tensor = TensorInfo {
                        name: format!("blk.0.{ending}"),
                        shape,
                        dtype: TensorType(0),
                        shard: 0,
                        offset: 0,
                        size: Some(4 * elements),
                    };
                    let Ok(pieces) = change.pieces(&tensor, &config) else {
                        continue;
                    };
                    fitting += 1;
                    let bytes = vec![0; elements as usize];
                    let all = |piece: &Piece| piece.shape.iter().product::<u64>();
                    assert!(pieces.iter().map(all).sum::<u64>() <= elements);
                    for piece in &pieces {
                        let mut out = vec![1; all(piece) as usize];
                        if let Some(order) = &piece.order {
                            order.copy(&bytes, 1, 0, &mut out);
                            assert!(!out.contains(&1), "{ending}: {:?}", tensor.shape);
                        }
                    }
                }
            }
            assert!(fitting > 0, "{ending}");
        }
    }
}

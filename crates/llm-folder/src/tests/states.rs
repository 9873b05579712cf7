//! Configs of models whose layers keep a state.

use serde_json::json;

use super::{float, integers, metadata, read, told, whole};
use crate::multipliers;
use llm_gguf::Metadata;

fn size(metadata: &Metadata, key: &str) -> Option<u64> {
    metadata.u64(key).unwrap()
}

#[test]
fn layers_that_attend_are_listed_or_counted() {
    let heads = |kind: &str, more| {
        let metadata = metadata(kind, &more).unwrap();
        let architecture = metadata.string("general.architecture").unwrap().unwrap();
        integers(
            &metadata,
            &format!("{architecture}.attention.head_count_kv"),
        )
        .unwrap()
    };
    let listed = json!({ "layer_types": ["conv", "full_attention", "conv", "conv"] });
    assert_eq!(heads("lfm2", listed), [0, 2, 0, 0]);
    let counted = json!({ "full_attn_idxs": [2, 3] });
    assert_eq!(heads("lfm2", counted), [0, 0, 2, 2]);
    assert_eq!(heads("lfm2", json!({})), [2; 4]);
    assert_eq!(heads("granitemoehybrid", json!({})), [0; 4]);
    for name in ["mamba", "linear_attention"] {
        let listed = json!({ "layer_types": [name, name, "attention", name] });
        assert_eq!(heads("granitemoehybrid", listed), [0, 0, 2, 0]);
    }
    let foreign = json!({ "layer_types": ["conv", "mamba", "conv", "conv"] });
    let told_foreign = told("lfm2", &foreign);
    assert!(
        told_foreign.contains("'layer_types' has \"mamba\""),
        "{told_foreign}"
    );
    let told_llama = told(
        "mistral",
        &json!({ "layer_types": ["conv", "conv", "conv", "conv"] }),
    );
    assert!(
        told_llama.contains("'layer_types' has \"conv\""),
        "{told_llama}"
    );
}

/// LFM2-1.2B: 12,288 are cut by a third to 8,192; LFM2-350M: 6,656 become 4,608.
#[test]
fn the_length_of_a_step_is_cut_where_the_config_says_so() {
    let length = |more| {
        size(
            &metadata("lfm2", &more).unwrap(),
            "lfm2.feed_forward_length",
        )
    };
    for (stated, cut) in [(12_288, 8192), (6656, 4608)] {
        let more = json!({
            "block_ff_dim": stated, "block_auto_adjust_ff_dim": true,
            "block_ffn_dim_multiplier": 1.0, "block_multiple_of": 256,
        });
        assert_eq!(length(more), Some(cut));
        let as_it_is = json!({ "block_ff_dim": stated, "block_auto_adjust_ff_dim": false });
        assert_eq!(length(as_it_is), Some(stated));
    }
}

#[test]
fn time_steps_within_bounds_are_refused() {
    for free in [
        json!([0.0, null]),
        json!([0.0, { "__float__": "Infinity" }]),
    ] {
        assert!(metadata("mamba2", &json!({ "time_step_limit": free })).is_ok());
    }
    let held = json!({ "time_step_limit": [0.001, 0.1] });
    for kind in ["mamba2", "granitemoehybrid", "falcon_h1"] {
        let told = told(kind, &held);
        assert!(told.contains("'time_step_limit' is [0.001,0.1]"), "{told}");
    }
}

#[test]
fn a_model_without_experts_has_the_shared_step_alone() {
    let dense = json!({ "num_local_experts": 0, "shared_intermediate_size": 40 });
    let metadata = metadata("granitemoehybrid", &dense).unwrap();
    assert_eq!(
        size(&metadata, "granitehybrid.feed_forward_length"),
        Some(40)
    );
    assert_eq!(size(&metadata, "granitehybrid.expert_count"), Some(0));
}

/// Falcon-H1's multipliers become one factor a matrix, and one a row of its input.
#[test]
fn multipliers_are_factors_of_what_matrices_give() {
    let mut values = whole("falcon_h1");
    let more = json!({
        "num_hidden_layers": 1, "mamba_d_ssm": 4, "mamba_n_heads": 2, "mamba_d_state": 1,
        "key_multiplier": 0.5, "attention_in_multiplier": 2.0, "ssm_in_multiplier": 10.0,
        "ssm_multipliers": [1, 2, 3, 4, 5], "mlp_multipliers": [1.0, 0.25],
        "embedding_multiplier": 3.0, "lm_head_multiplier": 0.125,
    });
    values
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let config = read(&values).unwrap();
    let tensors = multipliers::tensors(&config).unwrap();
    let of = |part: &str| {
        let name = format!("blk.0.{part}.scale");
        let mut found = tensors.iter().filter(|(own, _)| *own == name);
        found.next().map(|(_, numbers)| numbers.clone())
    };
    assert_eq!(of("attn_q"), Some(vec![2.0]));
    assert_eq!(of("attn_k"), None, "1");
    assert_eq!(of("ffn_down"), Some(vec![0.25]));
    let rows = [
        10.0, 10.0, 10.0, 10.0, 20.0, 20.0, 20.0, 20.0, 30.0, 40.0, 50.0, 50.0,
    ];
    assert_eq!(of("ssm_in").unwrap(), rows);
    let metadata = config.metadata().unwrap();
    assert_eq!(float(&metadata, "falcon-h1.embedding_scale"), Some(3.0));
    assert_eq!(float(&metadata, "falcon-h1.logit_scale"), Some(0.125));
    let short = json!({ "mlp_multipliers": [1.0] });
    let mut values = whole("falcon_h1");
    values
        .as_object_mut()
        .unwrap()
        .extend(short.as_object().unwrap().clone());
    let error = multipliers::tensors(&read(&values).unwrap()).unwrap_err();
    assert!(
        error.to_string().contains("no list of 2 numbers"),
        "{error}"
    );
    for flag in [
        "attention_bias",
        "mamba_proj_bias",
        "mlp_bias",
        "projectors_bias",
    ] {
        let told = told("falcon_h1", &json!({ flag: true }));
        assert!(told.contains(&format!("'{flag}' is true")), "{told}");
    }
    let before = json!({ "mamba_rms_norm": true });
    assert!(told("falcon_h1", &before).contains("'mamba_norm_before_gate' is not false"));
}

#[test]
fn layers_of_one_step_are_told_by_letters_or_words() {
    let lists = |more| {
        let metadata = metadata("nemotron_h", &more).unwrap();
        ["attention.head_count_kv", "feed_forward_length"]
            .map(|name| integers(&metadata, &format!("nemotron_h.{name}")).unwrap())
    };
    let words = json!({
        "hybrid_override_pattern": null,
        "layers_block_type": ["mamba", "mlp", "attention", "mamba"],
    });
    for more in [json!({ "hybrid_override_pattern": "M-*M" }), words] {
        assert_eq!(lists(more), [[0, 0, 2, 0], [0, 96, 0, 0]]);
    }
    let experts = json!({ "hybrid_override_pattern": "ME*E" });
    assert_eq!(lists(experts), [[0, 0, 2, 0], [0, 16, 0, 16]]);
    for (letters, part) in [
        ("M-*X", "'hybrid_override_pattern' has X"),
        ("M-*", "3 entries for 4 layers"),
        ("M-*E", "layers with experts"),
    ] {
        let told = told("nemotron_h", &json!({ "hybrid_override_pattern": letters }));
        assert!(told.contains(part), "{told}");
    }
}

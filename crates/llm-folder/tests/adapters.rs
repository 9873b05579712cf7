//! What of an adapter is not applied is refused by its name, and hostile files are survived.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::path::{Path, PathBuf};

use llm_folder::adapter;
use serde_json::{Value, json};

/// An adapter that PEFT has written, see `llm-engine/tests/adapters/README.md`.
fn published() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../llm-engine/tests/adapters/llama")
}

/// Writes the adapter with other values in its config, and opens it.
fn with(changes: &[(&str, Value)]) -> Result<adapter::Adapter, String> {
    let folder = tempfile::tempdir().unwrap();
    let weights = "adapter_model.safetensors";
    std::fs::copy(published().join(weights), folder.path().join(weights)).unwrap();
    let text = std::fs::read_to_string(published().join("adapter_config.json")).unwrap();
    let mut config: Value = serde_json::from_str(&text).unwrap();
    for (key, value) in changes {
        config[*key] = value.clone();
    }
    let path = folder.path().join("adapter_config.json");
    std::fs::write(path, config.to_string()).unwrap();
    adapter::open(folder.path(), "llama").map_err(|error| error.to_string())
}

#[test]
fn what_is_not_applied_is_refused_by_its_name() {
    assert!(with(&[]).is_ok());
    for (key, value) in [
        ("peft_type", json!("IA3")),
        ("use_dora", json!(true)),
        ("bias", json!("all")),
        ("lora_bias", json!(true)),
        ("fan_in_fan_out", json!(true)),
        ("modules_to_save", json!(["lm_head"])),
        ("trainable_token_indices", json!([5])),
        ("target_parameters", json!(["mlp.experts.down_proj"])),
        ("alora_invocation_tokens", json!([1, 2])),
        ("init_lora_weights", json!("pissa")),
        ("layer_replication", json!([[0, 1]])),
        ("use_qalora", json!(true)),
        ("rank_pattern", json!({"q_.*": 4})),
        ("a_key_of_tomorrow", json!(1)),
        ("lora_alpha", json!("much")),
        ("lora_alpha", json!(null)),
        ("r", json!(0)),
        ("r", json!(1e300)),
        ("r", json!(8)),
    ] {
        let told = with(&[(key, value.clone())]).map(|_| ()).unwrap_err();
        let named = if key == "peft_type" { "IA3" } else { key };
        let of_rank = key == "r" && told.contains("rank");
        assert!(told.contains(named) || of_rank, "{key} {value}: {told}");
    }
}

#[test]
fn scales_are_those_of_the_config() {
    let scales = |changes: &[(&str, Value)]| {
        let adapter = with(changes).unwrap();
        let of = |name: &str| {
            let pair = adapter.pairs.iter().find(|pair| pair.tensor == name);
            pair.unwrap().scale
        };
        [of("blk.0.attn_q"), of("blk.1.attn_q"), of("output")]
    };
    assert_eq!(scales(&[]), [1.5; 3]);
    assert_eq!(scales(&[("use_rslora", json!(true))]), [3.0; 3]);
    let pattern = json!({"layers.1.self_attn.q_proj": 2, "lm_head": -4});
    assert_eq!(scales(&[("alpha_pattern", pattern)]), [1.5, 0.5, -1.0]);
    assert_eq!(scales(&[("lora_alpha", json!(0))]), [0.0; 3]);
}

#[test]
fn adapters_of_other_architectures_are_refused() {
    let file = published().with_extension("gguf");
    let told = |path: &Path, architecture: &str| {
        let opened = adapter::open(path, architecture);
        opened.map(|_| ()).unwrap_err().to_string()
    };
    assert!(told(&file, "qwen2").contains("'llama' on one of 'qwen2'"));
    assert!(told(&published(), "nemotron_h_moe").contains("convert_lora_to_gguf.py"));
    assert!(told(&published().join("nothing"), "llama").contains("nothing"));
}

/// Each byte of the header of a GGUF adapter and of the head of a safetensors file, wrong once:
/// none ends in a panic.
#[test]
fn wrong_bytes_are_survived() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.gguf");
    let whole = std::fs::read(published().with_extension("gguf")).unwrap();
    let header = whole.len().min(6000);
    for at in (0..header).step_by(7) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        std::fs::write(&path, &bytes).unwrap();
        drop(adapter::open(&path, "llama"));
    }
    for length in (0..whole.len()).step_by(997) {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert!(adapter::open(&path, "llama").is_err(), "{length} bytes");
    }
}

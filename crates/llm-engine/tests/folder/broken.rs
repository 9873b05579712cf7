//! Folders that are incomplete, damaged, or of another kind.

use std::path::Path;

use llm_folder::Loading;
use llm_kernels::pool::Pool;
use llm_kernels::quantize::QuantType;
use llm_kernels::simd::Level;
use serde_json::{Value, json};

use crate::tiny::{self, Plan};

/// Changes a good folder and returns what opening it says.
fn told(plan: Plan, change: impl FnOnce(&Path)) -> String {
    refusal(plan, change).expect("a folder that cannot be read")
}

/// Does the same; `None` where it opens.
fn refusal(plan: Plan, change: impl FnOnce(&Path)) -> Option<String> {
    let place = tempfile::tempdir().unwrap();
    plan.write(place.path(), 1);
    change(place.path());
    let opened = llm_folder::open(&tiny::weight_files(place.path()), None);
    opened.err().map(|error| error.to_string())
}

/// Changes one of a folder's JSON files.
fn with(name: &'static str, change: impl FnOnce(&mut Value)) -> impl FnOnce(&Path) {
    move |folder| {
        let path = folder.join(name);
        let mut tree = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        change(&mut tree);
        std::fs::write(path, tree.to_string()).unwrap();
    }
}

fn config(change: impl FnOnce(&mut Value)) -> String {
    told(tiny::QWEN3, with("config.json", change))
}

fn tokenizer(change: impl FnOnce(&mut Value)) -> String {
    told(tiny::QWEN3, with("tokenizer.json", change))
}

fn says(told: &str, wanted: &str) {
    assert!(told.contains(wanted), "{told}");
}

#[test]
fn missing_files_are_named() {
    for name in ["config.json", "tokenizer.json"] {
        let told = told(tiny::QWEN3, |folder| {
            std::fs::remove_file(folder.join(name)).unwrap();
        });
        says(&told, &format!("lacks {name}"));
    }
    let shards = Plan {
        shards: 3,
        ..tiny::QWEN3
    };
    let second = "model-00002-of-00003.safetensors";
    let told = told(shards, |folder| {
        std::fs::remove_file(folder.join(second)).unwrap();
    });
    says(&told, &format!("lacks {second}"));
}

#[test]
fn other_kinds_are_named_with_those_that_are_known() {
    let told = config(|it| it["model_type"] = json!("mamba"));
    says(&told, "the kind 'mamba', which is not supported");
    says(
        &told,
        "known are llama, mistral, mixtral, mistral3, ministral3, llama4, llama4_text, qwen2, ",
    );
    says(&config(|it| it["model_type"] = Value::Null), "'model_type'");
    says(&config(|it| it["hidden_act"] = json!("relu")), "'relu'");
    let method = json!({"quant_method": "hqq", "bits": 4});
    says(&config(|it| it["quantization_config"] = method), "'hqq'");
    says(
        &config(|it| it["hidden_size"] = json!("many")),
        "'hidden_size'",
    );
    says(
        &config(|it| it["num_hidden_layers"] = json!(-1)),
        "'num_hidden_layers'",
    );
}

#[test]
fn other_tokenizers_are_named() {
    let unreadable = tokenizer(|it| {
        it["pre_tokenizer"] = json!({"type": "Whitespace"});
        it["decoder"] = json!({"type": "CTC"});
    });
    says(&unreadable, "write bytes");
    says(&unreadable, "become text by {\"type\":\"CTC\"}");
    says(
        &tokenizer(|it| it["model"]["vocab"]["x"] = json!(1_u64 << 50)),
        "the id 1125899906842624",
    );
    says(
        &tokenizer(|it| it["model"]["vocab"] = json!({})),
        "no tokens",
    );
    says(
        &tokenizer(|it| it["model"]["vocab"]["x"] = json!(-1)),
        "not usable",
    );
}

#[test]
fn other_tensors_are_named() {
    let renamed = |from: &'static str, to: &'static str| {
        told(tiny::QWEN3, move |folder| {
            let path = folder.join("model.safetensors");
            let bytes = std::fs::read(&path).unwrap();
            let text: Vec<u8> = bytes[8..].to_vec();
            let at = text
                .windows(from.len())
                .position(|it| it == from.as_bytes())
                .unwrap();
            let mut changed = bytes;
            assert_eq!(from.len(), to.len());
            changed[8 + at..8 + at + to.len()].copy_from_slice(to.as_bytes());
            std::fs::write(path, changed).unwrap();
        })
    };
    says(
        &renamed("model.layers.0.mlp.up_proj", "model.layers.0.mlp.UP_proj"),
        "mlp.UP_proj",
    );
    let zeros = "layers.0000000.mlp.up_proj";
    says(
        &renamed("model.layers.1.mlp.up_proj", zeros),
        "is there twice",
    );
    says(
        &renamed("layers.1.mlp.up_proj", "layers.0.mlp.up_proj"),
        "cannot be read",
    );
    says(&renamed("\"F32\"", "\"I32\""), "stored as I32");
    says(
        &config(|it| it["tie_word_embeddings"] = json!(false)),
        "lm_head",
    );
    let cut = told(tiny::QWEN3, |folder| {
        let path = folder.join("model.safetensors");
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(path, &bytes[..bytes.len() - 1]).unwrap();
    });
    says(&cut, "cut short");
}

#[test]
fn gguf_files_are_not_quantized() {
    let loading = Loading {
        packing: Some(QuantType::Q8_0),
        level: Level::SCALAR,
        pool: &Pool::new(1).unwrap(),
        room: None,
        interrupted: &|| false,
    };
    let opened = llm_folder::open(&["x.gguf".into()], Some(&loading));
    says(
        &opened.unwrap_err().to_string(),
        "--quantize is for folders",
    );
}

/// A number as text or a flag as a number is named, and is never as good as absent.
#[test]
fn a_value_of_another_type_is_refused_by_name() {
    for (name, plan) in tiny::PLANS {
        let place = tempfile::tempdir().unwrap();
        plan.write(place.path(), 1);
        let path = place.path().join("config.json");
        let whole: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        for (key, right) in whole.as_object().unwrap() {
            for other in [
                json!("x"),
                json!(2.5),
                json!(true),
                json!([1]),
                json!({"a": 1}),
            ] {
                let same = std::mem::discriminant(&other) == std::mem::discriminant(right);
                // Kinds and activations are refused for what they are.
                if same && !right.is_u64() || right.is_string() && other.is_string() {
                    continue;
                }
                if same && right.is_f64() || right.is_u64() && key.contains("scalar") && same {
                    continue;
                }
                let is_base = key.contains("base_freq") || key.contains("scalar");
                if is_base && other.is_number() {
                    continue;
                }
                let told = refusal(plan, with("config.json", |it| it[key] = other.clone()))
                    .unwrap_or_else(|| panic!("{name}: {key} = {other} is taken"));
                let what = format!("{name}: {key} = {other}: {told}");
                assert!(told.contains(&format!("'{key}'")), "{what}");
            }
        }
    }
    for key in [
        "rope_theta",
        "rms_norm_eps",
        "eos_token_id",
        "use_bidirectional_attention",
    ] {
        let told = config(|it| it[key] = json!("x"));
        says(&told, &format!("'{key}' is \"x\", and"));
    }
    let factor = config(|it| it["rope_scaling"] = json!({"rope_type": "yarn", "factor": "4"}));
    says(&factor, "'factor' is \"4\", and a number is needed");
    for (file, key) in [
        ("generation_config.json", "eos_token_id"),
        ("tokenizer_config.json", "add_bos_token"),
        ("tokenizer_config.json", "eos_token"),
    ] {
        let told = told(tiny::QWEN3, |folder| {
            std::fs::write(folder.join(file), json!({key: [{"a": 1}]}).to_string()).unwrap();
        });
        says(&told, &format!("'{key}' is ["));
        says(&told, file);
    }
}

#[test]
fn what_is_no_model_is_told_what_it_is() {
    let pointer =
        "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab\nsize 12345\n";
    for file in ["model.safetensors", "tokenizer.json", "config.json"] {
        let told = told(tiny::QWEN3, |folder| {
            std::fs::write(folder.join(file), pointer).unwrap();
        });
        says(&told, file);
        says(&told, "git-lfs pointer");
    }
    let told = told(tiny::QWEN3, |folder| {
        std::fs::remove_file(folder.join("config.json")).unwrap();
        std::fs::write(folder.join("adapter_config.json"), "{}").unwrap();
    });
    says(&told, "LoRA adapter");
}

#[test]
fn a_tokenizer_without_merges_is_refused() {
    let told = tokenizer(|it| drop(it["model"].as_object_mut().unwrap().remove("merges")));
    says(&told, "'merges'");
}

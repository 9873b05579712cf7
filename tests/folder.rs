//! Hugging Face folders in the real programs: a tiny one that is written here. That its numbers and
//! tokens are right is tested in llm-engine.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::harness::Sandbox;
use crate::support::gguf::header;
use crate::support::hub::sha256;
use crate::support::records::record;

const WIDTH: usize = 32;
const VOCABULARY: usize = 94;

/// Writes a Llama of one layer, all of whose weights are small.
fn write(sandbox: &Sandbox, folder: &str) -> Vec<u8> {
    let config = json!({
        "model_type": "llama", "hidden_size": WIDTH, "intermediate_size": WIDTH, "num_hidden_layers": 1,
        "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 256,
        "rms_norm_eps": 1e-5, "tie_word_embeddings": true, "hidden_act": "silu",
    });
    let texts = (b'!'..b'!' + VOCABULARY as u8).map(|byte| char::from(byte).to_string());
    let vocab: Map<String, Value> = texts.zip(0..).map(|(text, id)| (text, json!(id))).collect();
    let tokenizer = json!({
        "added_tokens": [],
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
        "model": {"type": "BPE", "vocab": vocab, "merges": []},
    });
    let (mut names, mut data) = (Map::new(), Vec::new());
    let mut put = |name: &str, shape: &[usize]| {
        let start = data.len();
        for at in 0..shape.iter().product::<usize>() {
            // A bfloat16 is the upper half of a float.
            let weight = ((at * 37 % 101) as f32 - 50.0) / 200.0;
            data.extend_from_slice(&weight.to_le_bytes()[2..]);
        }
        let end = data.len();
        let entry = json!({"dtype": "BF16", "shape": shape, "data_offsets": [start, end]});
        names.insert(name.to_owned(), entry);
    };
    put("model.embed_tokens.weight", &[VOCABULARY, WIDTH]);
    put("model.norm.weight", &[WIDTH]);
    for (name, rows) in [
        ("self_attn.q_proj", WIDTH),
        ("self_attn.k_proj", WIDTH / 2),
        ("self_attn.v_proj", WIDTH / 2),
        ("self_attn.o_proj", WIDTH),
        ("mlp.gate_proj", WIDTH),
        ("mlp.up_proj", WIDTH),
        ("mlp.down_proj", WIDTH),
    ] {
        put(&format!("model.layers.0.{name}.weight"), &[rows, WIDTH]);
    }
    put("model.layers.0.input_layernorm.weight", &[WIDTH]);
    put("model.layers.0.post_attention_layernorm.weight", &[WIDTH]);
    let text = Value::Object(names).to_string();
    let weights = [&(text.len() as u64).to_le_bytes(), text.as_bytes(), &data].concat();
    sandbox.file(&format!("{folder}/config.json"), config.to_string());
    sandbox.file(&format!("{folder}/tokenizer.json"), tokenizer.to_string());
    sandbox.file(&format!("{folder}/model.safetensors"), &weights);
    weights
}

#[test]
fn a_folder_runs_as_it_is_and_quantized() {
    let sandbox = Sandbox::new();
    let weights = write(&sandbox, "folder");
    for (flags, quantization) in [
        ("", "BF16"),
        ("--quantize q8_0", "Q8_0"),
        // The rows are no whole blocks of 256.
        ("--quantize q4_k", "Q8_0"),
    ] {
        let run = format!("llm-run -m ./folder -p Hi --no-template -n 4 {flags}");
        let ran = record(&sandbox.pipe(&run).run().exits(0));
        assert_eq!(ran["model"]["quantization"], quantization, "{ran}");
        assert_eq!(ran["model"]["digest"], sha256(&weights));
        assert_eq!(ran["model"]["architecture"], "llama");
        assert_eq!(ran["model"]["file"], "model.safetensors");
        assert_eq!(ran["usage"]["completion_tokens"], 4);
        let bench = format!("llm-bench -m ./folder -p 8 -n 2 -r 1 -t 1 --format jsonl {flags}");
        sandbox.pipe(&bench).run().exits(0);
    }
}

#[test]
fn a_folder_is_shown_like_a_file() {
    let sandbox = Sandbox::new();
    write(&sandbox, "folder");
    let shown = record(&sandbox.pipe("llm-pull show ./folder").run().exits(0));
    assert_eq!(shown["architecture"], "llama");
    assert_eq!(shown["quantization"], "BF16");
    assert_eq!(shown["context_length"], 256);
    assert_eq!(shown["tokenizer"], "gpt2/gpt-2");
    assert_eq!(shown["vocabulary"], VOCABULARY);
    let line = "llm-pull show ./folder --tokenize ABA";
    let tokens = record(&sandbox.pipe(line).run().exits(0));
    assert_eq!(tokens["tokens"], json!([32, 33, 32]));
}

#[test]
fn only_folders_are_quantized() {
    let sandbox = Sandbox::new();
    sandbox.file("m.gguf", header(0, &[("general.architecture", "llama")]));
    let ran = sandbox
        .pipe("llm-run -p Hi -m m.gguf --quantize q4_k")
        .run();
    ran.exits(2).says("--quantize is for folders");
    let shape = "llm-bench --shape smollm2-135m:q4_0 --layers 2 --quantize q8_0 -p 1 -n 0 -r 1";
    let ran = sandbox.pipe(shape).run().exits(1);
    assert!(
        ran.stdout().contains("--quantize is for folders"),
        "{}",
        ran.stdout()
    );
}

/// GPT-2 and `StarCoder` 1, as a folder and as a GGUF file, have a vector for each of 512 positions.
#[test]
fn a_context_beyond_the_learned_positions_is_refused() {
    let published = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/llm-engine/tests/published");
    for name in ["gpt-2", "starcoderbase"] {
        let sandbox = Sandbox::new();
        let there = published.join(name);
        sandbox.file(
            "m.gguf",
            fs::read(there.join(format!("{name}.gguf"))).unwrap(),
        );
        for file in ["config.json", "tokenizer.json", "model.safetensors"] {
            sandbox.file(
                &format!("folder/{file}"),
                fs::read(there.join(file)).unwrap(),
            );
        }
        for model in ["m.gguf", "./folder"] {
            let run = |context: &str| {
                let line = format!("llm-run -m {model} -p Hi --no-template -n 2 -c {context}");
                sandbox.pipe(&line).run()
            };
            let ran = record(&run("512").exits(0));
            assert_eq!(ran["usage"]["completion_tokens"], 2, "{name}");
            for context in ["513", "4096"] {
                let ran = run(context).exits(2).writes("");
                ran.says("has vectors for 512 positions")
                    .says("(-c 512)")
                    .says(context);
            }
        }
    }
}

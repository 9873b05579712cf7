//! `llm-pull show` on the headers of published models, as GGUF files and as folders: names, shapes and
//! metadata in files whose weights are holes. What each model is was written down before it was asked
//! (scripts/lib/headers_table.py, from config.json texts as published), and llama.cpp was asked to load
//! what is said to run.

use std::fs::{self, File};
use std::ops::Range;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

use llm_gguf::TensorType;
use serde_json::{Map, Value, json};

use crate::harness::Sandbox;
use crate::support::gguf::{self, Vocabulary};

/// A line a model, as scripts/lib/headers.py writes it.
const LINES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/headers.jsonl");
/// A tokenizer.json that is known; its vocabulary is made as large as the model's.
const TOKENIZER: &str = include_str!("../crates/llm-engine/tests/published/qwen3/tokenizer.json");

fn models() -> Vec<Value> {
    let lines = fs::read_to_string(LINES).unwrap();
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn show_says_of_each_published_model_whether_it_runs() {
    let sandbox = Sandbox::new();
    let models = models();
    assert!(models.len() >= 100, "{} models", models.len());
    let mut failures = Vec::new();
    for model in &models {
        for (form, write) in [
            ("gguf", write_gguf as fn(&Path, &Value)),
            ("folder", write_folder),
        ] {
            let Some(header) = model.get(form) else {
                continue;
            };
            let place = sandbox.path().join(form);
            fs::create_dir_all(&place).unwrap();
            write(&place, header);
            let said = said(&sandbox, &place);
            fs::remove_dir_all(&place).unwrap();
            let expected = header["says"].as_str().unwrap();
            let is_right = match expected {
                "runs" => said == "runs",
                part => said != "runs" && said.contains(part),
            };
            if !is_right {
                let name = model["name"].as_str().unwrap();
                failures.push(format!("{name} ({form}), which {expected:?}: {said}"));
            }
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// What is said to run is known to llama.cpp, too, but for tokens that it looks for by their
/// texts, which a made-up vocabulary does not have.
#[test]
fn what_runs_is_loaded_by_llama_cpp() {
    for model in models() {
        let file = &model["gguf"];
        let word = file["llama_cpp"].as_str().unwrap_or_default();
        assert!(
            file["says"] != "runs" || word == "loads" || word.contains("model vocabulary"),
            "{}: {}",
            model["name"],
            file["llama_cpp"]
        );
    }
}

/// A state takes what llama.cpp allots for it (`n_embd_r` and `n_embd_s` of its hparams, in 32-bit floats): in
/// each layer that does not attend the tail of the convolution and a matrix for each head.
#[test]
fn what_a_model_needs_counts_its_recurrent_state() {
    let sandbox = Sandbox::new();
    let mut found = 0;
    for model in models() {
        let header = &model["gguf"];
        let number = |end: &str| {
            let pairs = header["metadata"].as_array()?.iter();
            let pair = { pairs }.find(|pair| pair[0].as_str().unwrap().ends_with(end))?;
            pair[2].as_u64()
        };
        let (Some(every), "runs") = (
            number(".full_attention_interval"),
            header["says"].as_str().unwrap_or_default(),
        ) else {
            continue;
        };
        write_gguf(sandbox.path(), header);
        let cache = |tokens: u32| {
            let mut floor = sandbox.tool("llm-cost");
            floor = floor
                .args(["floor", "model.gguf", "--context"])
                .arg(tokens.to_string());
            floor.run().exits(0).records()[0]["cache_bytes"]
                .as_f64()
                .unwrap()
        };
        let state = 2.0 * cache(1) - cache(2);
        let of = |end: &str| number(end).unwrap();
        let (inner, groups, size) = (
            of(".ssm.inner_size"),
            of(".ssm.group_count"),
            of(".ssm.state_size"),
        );
        let tail = (of(".ssm.conv_kernel") - 1) * (inner + 2 * groups * size);
        let layers = of(".block_count") - of(".block_count") / every;
        let wanted = layers * (tail + size * inner) * 4;
        assert_eq!(state, wanted as f64, "{}", model["name"]);
        found += 1;
    }
    assert_eq!(found, 3);
}

/// A mixture's decode is slower than its bytes say, and that of no other model: not of one whose embedding is read
/// a row at a time beside a matrix of its own for the output.
#[test]
fn what_has_experts_is_predicted_as_a_mixture() {
    let sandbox = Sandbox::new();
    let mut found = [0, 0];
    for model in models() {
        let header = &model["gguf"];
        if header["says"] != "runs" {
            continue;
        }
        let pairs = header["metadata"].as_array().unwrap();
        let experts = pairs.iter().any(|pair| {
            let key = pair[0].as_str().unwrap();
            key.ends_with(".expert_count") && pair[2].as_u64() > Some(0)
        });
        write_gguf(sandbox.path(), header);
        let mut floor = sandbox.tool("llm-cost");
        floor = floor.args([
            "floor",
            "model.gguf",
            "--machine",
            "mac-studio-m3-ultra-512",
        ]);
        let explained = floor.arg("--explain").run().exits(0).stdout();
        let line = explained.lines().find(|line| line.starts_with("  decode "));
        let Some(line) = line else {
            continue;
        };
        // bandwidth x eta, with a factor more for a mixture, and tau x layers.
        let factors = line
            .split(';')
            .next()
            .unwrap()
            .rsplit(" / (")
            .next()
            .unwrap();
        let factors = factors.matches(" x ").count();
        assert_eq!(
            factors,
            2 + usize::from(experts),
            "{}: {line}",
            model["name"]
        );
        found[usize::from(experts)] += 1;
    }
    assert!(found[0] > 20 && found[1] > 5, "{found:?}");
}

/// Returns `runs`, or the obstacle.
fn said(sandbox: &Sandbox, place: &Path) -> String {
    let shown = sandbox.tool("llm-pull").arg("show").arg(place).run();
    if shown.status().code() != Some(0) {
        return format!("no record: {}", shown.stderr());
    }
    let record = &shown.records()[0];
    match &record["obstacle"] {
        Value::Null if record["runnable"] == true => "runs".to_owned(),
        Value::String(obstacle) => obstacle.clone(),
        _ => format!("neither: {record}"),
    }
}

/// Makes a file as long as its header says, and notes a digest of it, so that nobody reads its holes.
/// `ones` are the ranges of the data that are numbers and not holes.
fn end(file: &Path, header: &[u8], data: u64, ones: &[Range<u64>]) {
    fs::write(file, header).unwrap();
    let length = header.len() as u64 + data;
    let open = File::options().write(true).open(file).unwrap();
    open.set_len(length).unwrap();
    for range in ones {
        let count = (range.end - range.start) as usize / 4;
        let bytes = 1.0_f32.to_le_bytes().repeat(count);
        let start = header.len() as u64 + range.start;
        open.write_all_at(&bytes, start).unwrap();
    }
    let stamp = fs::metadata(file).unwrap();
    let modified = i128::from(stamp.mtime()) * 1_000_000_000 + i128::from(stamp.mtime_nsec());
    let digests = file
        .ancestors()
        .nth(2)
        .unwrap()
        .join("cache/llm-tools/digests");
    fs::create_dir_all(&digests).unwrap();
    let note = digests.join(format!("{:x}-{:x}", stamp.dev(), stamp.ino()));
    let digest = "0".repeat(64);
    fs::write(note, format!("{length} {modified} {digest}\n")).unwrap();
}

/// The rows of a header, each (name, type, extents), one for every number in the name's braces.
fn tensors(header: &Value) -> Vec<(String, &Value, Vec<u64>)> {
    let rows = header["tensors"].as_array().unwrap().iter();
    rows.flat_map(|row| {
        let extents: Vec<u64> = row[2]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it.as_u64().unwrap())
            .collect();
        let names = expanded(row[0].as_str().unwrap());
        names
            .into_iter()
            .map(move |name| (name, &row[1], extents.clone()))
    })
    .collect()
}

/// `a.{0-1,3}.b` → `a.0.b`, `a.1.b`, `a.3.b`.
fn expanded(name: &str) -> Vec<String> {
    let Some((before, rest)) = name.split_once('{') else {
        return vec![name.to_owned()];
    };
    let (spans, after) = rest.split_once('}').unwrap();
    let numbers = spans.split(',').flat_map(|span| {
        let (first, last) = span.split_once('-').unwrap_or((span, span));
        first.parse::<u32>().unwrap()..=last.parse().unwrap()
    });
    let after = expanded(after);
    numbers
        .flat_map(|number| {
            after
                .iter()
                .map(move |after| format!("{before}{number}{after}"))
        })
        .collect()
}

fn write_gguf(place: &Path, header: &Value) {
    let pairs = header["metadata"].as_array().unwrap();
    let of = |name: &str| {
        let found = pairs.iter().find(|pair| pair[0] == name);
        found.map(|pair| &pair[2])
    };
    let mut metadata = Vec::new();
    for pair in pairs {
        let [key, kind, value] = [0, 1, 2].map(|at| &pair[at]);
        let kind = kind.as_str().unwrap();
        if kind == "vocabulary" {
            let model = of("tokenizer.ggml.model").and_then(Value::as_str).unwrap();
            metadata.extend(Vocabulary::made_up(model, value.as_u64().unwrap() as usize).pairs());
        } else {
            metadata.push((
                key.as_str().unwrap().to_owned(),
                kind.to_owned(),
                value.clone(),
            ));
        }
    }
    let tensors = tensors(header);
    let mut bytes = gguf::header(tensors.len() as u64, &[]);
    bytes[16..24].copy_from_slice(&(metadata.len() as u64).to_le_bytes());
    for (key, kind, value) in &metadata {
        gguf::pair(&mut bytes, key, kind, value);
    }
    let (mut offset, mut ones) = (0_u64, Vec::new());
    for (name, type_id, extents) in &tensors {
        let type_id = type_id.as_u64().unwrap() as u32;
        gguf::tensor(&mut bytes, name, extents, type_id, offset as usize);
        let size = TensorType(type_id).size(extents.iter().product()).unwrap();
        if name.starts_with("rope_f") {
            // No rotation is divided by 0.
            ones.push(offset..offset + size);
        }
        offset += size.next_multiple_of(32);
    }
    gguf::pad(&mut bytes);
    end(&place.join("model.gguf"), &bytes, offset, &ones);
}

fn write_folder(place: &Path, header: &Value) {
    fs::write(place.join("config.json"), header["config"].to_string()).unwrap();
    let config = &header["config"];
    let text = config.get("text_config").unwrap_or(config);
    let count = config.get("vocab_size").or(text.get("vocab_size"));
    let count = count.and_then(Value::as_u64).unwrap_or(0);
    let mut tokenizer: Value = serde_json::from_str(TOKENIZER).unwrap();
    let vocabulary = tokenizer["model"]["vocab"].as_object_mut().unwrap();
    // The cut-off vocabulary has markup behind its tokens.
    for id in 300..count {
        vocabulary.insert(format!("t{id}"), json!(id));
    }
    fs::write(place.join("tokenizer.json"), tokenizer.to_string()).unwrap();
    let (mut names, mut offset) = (Map::new(), 0_u64);
    for (name, dtype, extents) in tensors(header) {
        let bytes = match dtype.as_str().unwrap() {
            "F8_E4M3" | "U8" | "I8" | "BOOL" => 1,
            "F16" | "BF16" => 2,
            "I64" => 8,
            _ => 4,
        };
        let end = offset + bytes * extents.iter().product::<u64>();
        let entry = json!({"dtype": dtype, "shape": extents, "data_offsets": [offset, end]});
        names.insert(name, entry);
        offset = end;
    }
    let text = Value::Object(names).to_string();
    let bytes = [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat();
    end(&place.join("model.safetensors"), &bytes, offset, &[]);
}

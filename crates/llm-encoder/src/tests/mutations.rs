//! A folder or file of each kind with one tensor more, or with one layer less in its
//! numbers: it is refused by name, or the vectors are others. `llm-candle`'s tests
//! do the same with decoders.

use serde_json::json;

use super::tiny::{MODELS, tiny};
use super::*;
use llm_gguf::Gguf;

/// The embedding of a few tokens, in bits.
fn bits(encoder: &Encoder) -> Vec<u32> {
    let texts = [(5..13).collect::<Vec<u32>>(), vec![7, 9]];
    let vectors = vectors(encoder, &texts).concat();
    vectors.iter().map(|x| x.to_bits()).collect()
}

/// Expects that what was changed is refused by a name, or makes other vectors.
fn refused_or_changed(what: &str, path: &Path, added: &[&str], expected: &[u32]) -> bool {
    match Encoder::open(path, None, Level::SCALAR) {
        Ok(encoder) => {
            assert_ne!(bits(&encoder), expected, "{what}: nothing changes");
            false
        }
        Err(error) => {
            let told = error.to_string();
            let is_named = added.iter().any(|name| told.contains(name));
            assert!(is_named && !told.contains('\n'), "{what}: {told}");
            true
        }
    }
}

/// Random numbers that no norm takes for ones.
fn numbers(count: usize) -> Vec<u8> {
    let number = |index: usize| ((index * 37 % 101) as f32 - 40.0) / 30.0;
    (0..count)
        .flat_map(|index| number(index).to_le_bytes())
        .collect()
}

/// Adds a tensor to a safetensors file.
fn add_to_folder(file: &[u8], name: &str, shape: &[usize]) -> Vec<u8> {
    let length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let (header, data) = file[8..].split_at(length);
    let mut header: serde_json::Value = serde_json::from_slice(header).unwrap();
    let more = numbers(shape.iter().product());
    let offsets = [data.len(), data.len() + more.len()];
    header[name] = json!({"dtype": "F32", "shape": shape, "data_offsets": offsets});
    let header = header.to_string();
    let length = (header.len() as u64).to_le_bytes();
    [&length[..], header.as_bytes(), data, &more].concat()
}

/// A copy of a folder with one file changed.
fn copy_of(folder: &Path, changed: &str, bytes: &[u8]) -> tempfile::TempDir {
    fn copy(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let target = to.join(entry.file_name());
            if entry.path().is_dir() {
                copy(&entry.path(), &target);
            } else {
                std::fs::copy(entry.path(), target).unwrap();
            }
        }
    }
    let place = tempfile::tempdir().unwrap();
    copy(folder, place.path());
    let target = place.path().join(changed);
    // Fixtures may be read-only.
    drop(std::fs::remove_file(&target));
    std::fs::write(target, bytes).unwrap();
    place
}

/// Names beside those that a folder has: each of its tensors with another ending, in
/// other layers, and what networks of this kind may have.
fn other_names(own: &[String]) -> Vec<String> {
    let mut names = Vec::new();
    for name in own {
        let stem = name.trim_end_matches(".weight").trim_end_matches(".bias");
        names.extend([".bias", ".scale", "_norm.weight"].map(|ending| format!("{stem}{ending}")));
        names.push(name.replace(".0.", ".7."));
    }
    names.extend(["embeddings.norm_2.weight", "ln_f.weight", "adapter.weight"].map(String::from));
    names.retain(|name| !own.contains(name));
    names.sort();
    names.dedup();
    names
}

#[test]
fn one_tensor_more_in_a_folder_is_refused_by_name_or_changes_the_vectors() {
    let mut refused = 0;
    for (name, _) in MODELS {
        let folder = tiny(name);
        let expected = bits(&Encoder::open(&folder, None, Level::SCALAR).unwrap());
        let file = std::fs::read(folder.join("model.safetensors")).unwrap();
        let stored = llm_folder::header::read(&file).unwrap();
        let own: Vec<String> = stored.iter().map(|tensor| tensor.name.clone()).collect();
        for added in other_names(&own) {
            let stem = added.rsplit_once('.').map_or("", |(stem, _)| stem);
            let beside = stored
                .iter()
                .find(|tensor| tensor.name == format!("{stem}.weight"));
            let rows = beside.map_or(32, |tensor| tensor.shape[0] as usize);
            let changed = add_to_folder(&file, &added, &[rows]);
            let place = copy_of(&folder, "model.safetensors", &changed);
            let what = format!("{name}: '{added}'");
            refused += usize::from(refused_or_changed(
                &what,
                place.path(),
                &[&added],
                &expected,
            ));
        }
    }
    assert!(refused > 500, "{refused}");
}

/// Adds a tensor to a GGUF file: its entry stands behind the others.
fn add_to_gguf(file: &[u8], gguf: &Gguf, name: &str, length: usize) -> Vec<u8> {
    let entry = |name: &str| [&(name.len() as u64).to_le_bytes()[..], name.as_bytes()].concat();
    let first = entry(&gguf.tensors()[0].name);
    let infos = file
        .windows(first.len())
        .position(|bytes| bytes == first)
        .unwrap();
    let size =
        |tensor: &llm_gguf::TensorInfo| 8 + tensor.name.len() + 4 + 8 * tensor.shape.len() + 4 + 8;
    let end = infos + gguf.tensors().iter().map(size).sum::<usize>();
    let start = gguf
        .tensors()
        .iter()
        .map(|tensor| tensor.offset)
        .min()
        .unwrap() as usize;
    let mut data = file[start..].to_vec();
    data.resize(data.len().next_multiple_of(32), 0);
    let mut out = file[..end].to_vec();
    let count = gguf.tensors().len() as u64 + 1;
    out[8..16].copy_from_slice(&count.to_le_bytes());
    out.extend(entry(name));
    out.extend(1_u32.to_le_bytes());
    out.extend((length as u64).to_le_bytes());
    out.extend(0_u32.to_le_bytes());
    out.extend((data.len() as u64).to_le_bytes());
    out.resize(out.len().next_multiple_of(32), 0);
    [out, data, numbers(length)].concat()
}

#[test]
fn one_tensor_more_in_a_gguf_file_is_refused_by_name_or_changes_the_vectors() {
    let place = tempfile::tempdir().unwrap();
    let mut refused = 0;
    for (name, _) in MODELS.into_iter().filter(|(_, has_twin)| *has_twin) {
        let whole = tiny(&format!("gguf/{name}.gguf"));
        let expected = bits(&Encoder::open(&whole, None, Level::SCALAR).unwrap());
        let file = std::fs::read(&whole).unwrap();
        let gguf = Gguf::open(&[whole]).unwrap();
        let own: Vec<String> = gguf
            .tensors()
            .iter()
            .map(|tensor| tensor.name.clone())
            .collect();
        let mut names = other_names(&own);
        let more = ["cls.weight", "cls.output.bias", "blk.0.attn_norm_2.weight"];
        names.extend(more.map(String::from));
        for added in names {
            let stem = added.rsplit_once('.').map_or("", |(stem, _)| stem);
            let beside = gguf.tensor(&format!("{stem}.weight"));
            let rows = beside
                .and_then(|tensor| tensor.shape.last())
                .map_or(32, |&rows| rows as usize);
            let path = place.path().join("mutated.gguf");
            std::fs::write(&path, add_to_gguf(&file, &gguf, &added, rows)).unwrap();
            let what = format!("{name}.gguf: '{added}'");
            refused += usize::from(refused_or_changed(&what, &path, &[&added], &expected));
        }
    }
    assert!(refused > 300, "{refused}");
}

#[test]
fn one_layer_less_in_the_numbers_is_refused() {
    for (name, _) in MODELS {
        let folder = tiny(name);
        let text = std::fs::read_to_string(folder.join("config.json")).unwrap();
        let mut config: serde_json::Value = serde_json::from_str(&text).unwrap();
        let key = ["num_hidden_layers", "n_layer"]
            .into_iter()
            .find(|key| config[*key].is_u64())
            .unwrap();
        let layers = config[key].as_u64().unwrap();
        config[key] = json!(layers - 1);
        let place = copy_of(&folder, "config.json", config.to_string().as_bytes());
        let last = format!(".{}.", layers - 1);
        refused_or_changed(name, place.path(), &[&last], &[]);
        let told = Encoder::open(place.path(), None, Level::SCALAR).unwrap_err();
        assert!(told.to_string().contains(&last), "{name}: {told}");
    }
}

/// What folders hold beside the network on purpose.
#[test]
fn heads_for_other_tasks_are_no_obstacle() {
    let folder = tiny("bert");
    let expected = bits(&Encoder::open(&folder, None, Level::SCALAR).unwrap());
    let file = std::fs::read(folder.join("model.safetensors")).unwrap();
    for head in [
        "bert.pooler.dense.weight",
        "cls.predictions.bias",
        "embeddings.position_ids",
    ] {
        let changed = add_to_folder(&file, head, &[4]);
        let place = copy_of(&folder, "model.safetensors", &changed);
        let encoder = Encoder::open(place.path(), None, Level::SCALAR);
        let own = format!("'{head}'");
        match encoder {
            Ok(encoder) => assert_eq!(bits(&encoder), expected, "{head}"),
            // The fixture may have it already, with or without the prefix.
            Err(error) => {
                let told = error.to_string();
                assert!(told.contains(&own) && told.contains("twice"), "{told}");
            }
        }
    }
}

/// A number of another type is not as good as absent.
#[test]
fn a_value_of_another_type_is_refused_by_name() {
    for (model, file, key) in [
        ("nomic-bert", "config.json", "rotary_emb_base"),
        ("modernbert", "config.json", "norm_eps"),
        ("modernbert", "config.json", "local_attention"),
        ("modernbert", "config.json", "layer_types"),
        ("bert", "sentence_bert_config.json", "max_seq_length"),
        ("bert", "sentence_bert_config.json", "do_lower_case"),
        ("bert", "tokenizer_config.json", "model_max_length"),
        (
            "bert",
            "config_sentence_transformers.json",
            "default_prompt_name",
        ),
        ("qwen3", "config.json", "rms_norm_eps"),
        ("qwen3", "config.json", "eos_token_id"),
    ] {
        let path = tiny(model).join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        for value in [
            json!("x"),
            json!({"a": 1}),
            json!(["x"]),
            json!(true),
            json!(7),
        ] {
            let is_right = match key {
                "layer_types" => value.is_array(),
                "do_lower_case" => value.is_boolean(),
                "default_prompt_name" => value.is_string(),
                _ => value.is_number(),
            };
            if is_right {
                continue;
            }
            let mut tree: serde_json::Value = serde_json::from_str(&text).unwrap();
            tree[key] = value.clone();
            let place = copy_of(&tiny(model), file, tree.to_string().as_bytes());
            let told = Encoder::open(place.path(), None, Level::SCALAR)
                .map(|_| ())
                .unwrap_err()
                .to_string();
            let named = told.contains(&format!("'{key}'")) && told.contains(file);
            assert!(
                named && told.contains("is needed"),
                "{model}: {key} = {value}: {told}"
            );
        }
    }
}

//! Folders in a few bits that are damaged or of a format that is not read: each is refused
//! in one sentence that names the thing.

use std::collections::BTreeMap;
use std::path::Path;

use llm_folder::FolderError;
use llm_gguf::Gguf;
use serde_json::{Map, Value, json};

use super::{files, folder};

/// A tensor: its type, its extents and its bytes.
type Tensor = (String, Vec<usize>, Vec<u8>);

/// A folder that can be changed.
struct Folder {
    name: &'static str,
    config: Value,
    tensors: BTreeMap<String, Tensor>,
}

impl Folder {
    fn read(name: &'static str) -> Self {
        let place = folder(name);
        let config = std::fs::read(place.join("config.json")).unwrap();
        let file = std::fs::read(place.join("model.safetensors")).unwrap();
        let (length, rest) = file.split_first_chunk::<8>().unwrap();
        let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
        let header: Map<String, Value> = serde_json::from_slice(header).unwrap();
        let tensors = header
            .into_iter()
            .filter(|(name, _)| name != "__metadata__");
        let number = |value: &Value| value.as_u64().unwrap() as usize;
        let tensor = |(name, info): (String, Value)| {
            let ends = [0, 1].map(|end| number(&info["data_offsets"][end]));
            let shape = info["shape"].as_array().unwrap().iter().map(number);
            let dtype = info["dtype"].as_str().unwrap().to_owned();
            (
                name,
                (dtype, shape.collect(), data[ends[0]..ends[1]].to_vec()),
            )
        };
        Self {
            name,
            config: serde_json::from_slice(&config).unwrap(),
            tensors: tensors.map(tensor).collect(),
        }
    }

    fn write(&self, place: &Path) {
        let (mut header, mut data) = (Map::new(), Vec::new());
        for (name, (dtype, shape, bytes)) in &self.tensors {
            let start = data.len();
            data.extend_from_slice(bytes);
            let ends = [start, data.len()];
            let info = json!({"dtype": dtype, "shape": shape, "data_offsets": ends});
            header.insert(name.clone(), info);
        }
        let header = Value::from(header).to_string();
        let length = (header.len() as u64).to_le_bytes();
        let file = [&length, header.as_bytes(), &data].concat();
        std::fs::write(place.join("model.safetensors"), file).unwrap();
        std::fs::write(place.join("config.json"), self.config.to_string()).unwrap();
        for name in ["tokenizer.json", "tokenizer_config.json"] {
            std::fs::copy(folder(self.name).join(name), place.join(name)).unwrap();
        }
    }

    /// Returns what is said of it.
    fn refused(&self) -> String {
        let place = tempfile::tempdir().unwrap();
        self.write(place.path());
        let paths = files(place.path(), "safetensors");
        let said = |opened: Result<Gguf, FolderError>| match opened {
            Ok(_) => panic!("{} is not refused", self.name),
            Err(error) => error.to_string(),
        };
        let opened = said(llm_folder::open(&paths, None));
        assert_eq!(said(llm_folder::look(&paths)), opened);
        assert!(!opened.contains('\n'), "{opened}");
        opened
    }

    fn tensor(&mut self, name: &str) -> &mut Tensor {
        self.tensors.get_mut(name).unwrap()
    }
}

/// Checks what is said of a folder that `change` has changed.
fn says(name: &'static str, part: &str, change: impl Fn(&mut Folder)) {
    let mut folder = Folder::read(name);
    change(&mut folder);
    let said = folder.refused();
    assert!(said.contains(part), "{name}: {said}");
}

/// What is said of parts that contradict each other or the settings.
const MISFIT: &str = "does not fit the rest of its matrix";
const QUERY: &str = "model.layers.0.self_attn.q_proj";

/// Gives a tensor another size: half of it, or twice as much where that is odd.
fn resize(tensor: &mut Tensor) {
    let (_, shape, bytes) = tensor;
    if let Some(even) = shape.iter_mut().find(|extent| **extent % 2 == 0) {
        *even /= 2;
        bytes.truncate(bytes.len() / 2);
    } else {
        shape[0] *= 2;
        bytes.extend_from_within(..);
    }
}

#[test]
fn an_unchanged_folder_is_read() {
    let place = tempfile::tempdir().unwrap();
    Folder::read("gptq-4").write(place.path());
    llm_folder::open(&files(place.path(), "safetensors"), None).unwrap();
}

#[test]
fn parts_that_are_missing_or_cut_are_named() {
    for (name, parts) in [
        ("gptq-4", &["qweight", "qzeros", "scales"][..]),
        ("awq", &["qweight", "qzeros", "scales"]),
        ("mlx-4", &["weight", "scales", "biases"]),
        // Half of its rows are as many blocks.
        ("fp8-blocks", &["weight_scale_inv"]),
        ("compressed-fp8", &["weight", "weight_scale"]),
        ("compressed-int4", &["weight_packed", "weight_scale"]),
        ("compressed-int8", &["weight", "weight_scale"]),
        ("nf4", &["weight", "weight.absmax", "weight.quant_map"]),
        (
            "nf4-double",
            &["weight.nested_absmax", "weight.nested_quant_map"],
        ),
        ("int8", &["weight", "SCB"]),
    ] {
        for part in parts {
            let part = format!("{QUERY}.{part}");
            says(name, QUERY, |folder| resize(folder.tensor(&part)));
            says(name, QUERY, |folder| {
                folder.tensors.remove(&part).unwrap();
            });
        }
    }
}

#[test]
fn scales_that_are_no_numbers_are_refused() {
    for (name, part, nan) in [
        ("gptq-4", "scales", &[0x00, 0x7e][..]),
        ("awq", "scales", &[0x00, 0x7c]),
        ("mlx-4", "biases", &[0xc0, 0x7f]),
        ("mlx-mxfp4", "scales", &[0xff]),
        ("fp8-blocks", "weight_scale_inv", &[0, 0, 0x80, 0x7f]),
        ("compressed-int4", "weight_scale", &[0xc0, 0x7f]),
        ("nf4", "weight.absmax", &[0, 0, 0xc0, 0x7f]),
        ("int8", "SCB", &[0, 0, 0xc0, 0x7f]),
    ] {
        says(name, "infinite or no numbers", |folder| {
            let bytes = &mut folder.tensor(&format!("{QUERY}.{part}")).2;
            bytes[..nan.len()].copy_from_slice(nan);
        });
    }
}

#[test]
fn groups_that_are_not_there_are_refused() {
    for (group, shown) in [(1000_i32, "1000"), (-1, "-1"), (2, "2")] {
        let part = format!("names the group {shown}, and there are");
        says("gptq-4-act-order", &part, |folder| {
            let names = &mut folder.tensor(&format!("{QUERY}.g_idx")).2;
            names[4..8].copy_from_slice(&group.to_le_bytes());
        });
    }
}

#[test]
fn settings_that_are_not_computed_are_named() {
    for (name, key, value, part) in [
        ("gptq-4", "bits", json!(3), "GPTQ to 3 bits"),
        (
            "gptq-4",
            "bits",
            json!(1_u64 << 40),
            "'bits' is 1099511627776",
        ),
        ("gptq-4", "bits", json!("4"), "'bits' is \"4\""),
        ("gptq-4", "group_size", json!(0), "'group_size' is 0"),
        ("gptq-4", "group_size", json!(-2), "'group_size' is -2"),
        ("gptq-4", "checkpoint_format", json!("marlin"), "'marlin'"),
        ("gptq-4", "quant_method", json!("hqq"), "quantized by 'hqq'"),
        ("gptq-4", "quant_method", json!(null), "an unnamed method"),
        ("awq", "bits", json!(8), "AWQ to 8 bits"),
        ("awq", "version", json!("gemv"), "stored by AWQ as 'gemv'"),
        ("awq", "group_size", json!(1 << 24), MISFIT),
        (
            "fp8-blocks",
            "weight_block_size",
            json!([0, 128]),
            "[0,128]",
        ),
        ("fp8-blocks", "weight_block_size", json!([64, 64]), MISFIT),
        (
            "compressed-int4",
            "format",
            json!("marlin-24"),
            "compressed-tensors as 'marlin-24'",
        ),
        (
            "nf4",
            "bnb_4bit_quant_type",
            json!("int3"),
            "bitsandbytes as 'int3'",
        ),
    ] {
        says(name, part, |folder| {
            folder.config["quantization_config"][key] = value.clone();
        });
    }
    for (key, value, part) in [
        ("bits", json!(7), "MLX to 7 bits"),
        ("bits", json!(8), MISFIT),
        ("group_size", json!(0), "'group_size' is 0"),
        ("group_size", json!(32), MISFIT),
        ("mode", json!("other"), "MLX as 'other'"),
        (QUERY, json!({"bits": 2}), MISFIT),
    ] {
        says("mlx-4", part, |folder| {
            folder.config["quantization"][key] = value.clone();
        });
    }
}

#[test]
fn a_state_of_bitsandbytes_is_foreign_text() {
    let part = format!("{QUERY}.weight.quant_state.bitsandbytes__nf4");
    let state = json!({"blocksize": 64, "shape": [64, 64]});
    for (key, value) in [
        ("blocksize", json!(0)),
        ("blocksize", json!(128)),
        ("shape", json!([1_u64 << 63, 1_u64 << 63])),
        ("shape", json!([64, 65])),
        ("shape", json!([0, 0])),
        ("shape", json!(null)),
    ] {
        says("nf4", "", |folder| {
            let mut state = state.clone();
            state[key] = value.clone();
            let text = state.to_string().into_bytes();
            *folder.tensor(&part) = ("U8".to_owned(), vec![text.len()], text);
        });
    }
    says("nf4", "cannot be read", |folder| {
        *folder.tensor(&part) = ("U8".to_owned(), vec![1], b"[".to_vec());
    });
}

#[test]
fn too_little_memory_is_told_before_anything_is_made() {
    use llm_folder::Loading;
    use llm_kernels::pool::Pool;
    use llm_kernels::simd::Level;

    let loading = Loading {
        packing: None,
        level: Level::SCALAR,
        pool: &Pool::new(1).unwrap(),
        room: Some(1000),
        interrupted: &|| false,
    };
    let paths = files(&folder("nf4"), "safetensors");
    let said = llm_folder::open(&paths, Some(&loading)).unwrap_err();
    assert!(said.to_string().contains("GiB are available"), "{said}");
}

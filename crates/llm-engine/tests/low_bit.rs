//! Folders whose matrices are stored in a few bits, as each format's own library wrote
//! them, and the logits of what that library makes of them again
//! (`low_bit/README.md`; `scripts/make-tiny-low-bit` makes them).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking, and prints what it measured"
)]

#[path = "support/judged.rs"]
mod judged;

/// What is wrong.
#[path = "low_bit/broken.rs"]
mod broken;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use llm_engine::model::Summary;
use llm_folder::Loading;
use llm_gguf::{Gguf, TensorInfo, TensorType};
use llm_kernels::block::Format;
use llm_kernels::dequantize::dequantize_row;
use llm_kernels::mmap::Mapping;
use llm_kernels::pool::Pool;
use llm_kernels::quantize::QuantType;
use llm_kernels::simd::Level;

use judged::{POSITIONS, apart, files, floats, logits, tokens};

/// The largest difference of logits, as a part of their root mean square, where all
/// weights are the library's own, in f16 where the table says so: both sum in f32, in another order.
const EXACT: f32 = 2e-4;
/// The same where scales are rounded to f16: 0.0019 was measured.
const ROUNDED: f32 = 4e-3;
/// The same where products are with activations of 8 bits: 0.18 was measured, and
/// 0.21 with experts, of which others may be chosen.
const QUANTIZED: f32 = 0.3;

/// A folder, the name of its format, what its first layer's last matrix becomes, and
/// whether all weights stay the library's own.
const CASES: &[(&str, &str, Format, bool)] = &[
    ("gptq-4", "GPTQ, 4 bits, groups of 128", Format::Q4_0, true),
    (
        "gptq-4-asym",
        "GPTQ, 4 bits, groups of 32",
        Format::Q5_0,
        true,
    ),
    (
        "gptq-4-act-order",
        "GPTQ, 4 bits, groups of 32, act-order",
        Format::F16,
        true,
    ),
    (
        "gptq-4-rows",
        "GPTQ, 4 bits, a group a row",
        Format::Q4_0,
        true,
    ),
    ("gptq-8", "GPTQ, 8 bits, groups of 64", Format::Q8_0, true),
    (
        "gptq-8-asym",
        "GPTQ, 8 bits, groups of 32",
        Format::F16,
        true,
    ),
    ("gptq-v2", "GPTQ, 4 bits, groups of 64", Format::Q5_0, true),
    ("awq", "AWQ, 4 bits, groups of 64", Format::Q5_0, true),
    ("awq-128", "AWQ, 4 bits, groups of 128", Format::Q5_0, true),
    ("mlx-4", "MLX, 4 bits, groups of 64", Format::Q4_1, true),
    ("mlx-8", "MLX, 8 bits, groups of 64", Format::F16, true),
    ("mlx-3", "MLX, 3 bits, groups of 32", Format::Q4_1, true),
    ("mlx-5", "MLX, 5 bits, groups of 64", Format::Q5_1, true),
    ("mlx-6", "MLX, 6 bits, groups of 64", Format::F16, true),
    (
        "mlx-mixed",
        "MLX, 4 bits, groups of 64, some matrices otherwise",
        Format::Q4_1,
        true,
    ),
    (
        "mlx-moe",
        "MLX, 4 bits, groups of 32, some matrices otherwise",
        Format::Q4_1,
        true,
    ),
    ("mlx-mxfp4", "MLX, MXFP4", Format::Mxfp4, true),
    ("mlx-mxfp8", "MLX, MXFP8", Format::F16, true),
    ("mlx-nvfp4", "MLX, NVFP4", Format::F16, true),
    ("fp8-blocks", "FP8, blocks of 128 x 128", Format::F16, true),
    ("fp8", "FP8", Format::F16, true),
    ("fp8-e8m0", "FP8, blocks of 128 x 128", Format::F16, true),
    ("fp8-latent", "FP8, blocks of 128 x 128", Format::F16, true),
    (
        "compressed-int4",
        "compressed-tensors, 4 bits, groups of 32",
        Format::Q4_0,
        true,
    ),
    (
        "compressed-int4-asym",
        "compressed-tensors, 4 bits, groups of 64",
        Format::Q5_0,
        true,
    ),
    (
        "compressed-int8",
        "compressed-tensors, 8 bits",
        Format::Q8_0,
        true,
    ),
    (
        "compressed-fp8",
        "compressed-tensors, FP8",
        Format::F16,
        true,
    ),
    (
        "compressed-fp8-tensor",
        "compressed-tensors, FP8",
        Format::F16,
        true,
    ),
    (
        "compressed-mxfp4",
        "compressed-tensors, FP4, groups of 32",
        Format::Mxfp4,
        true,
    ),
    ("nf4", "bitsandbytes, nf4", Format::F16, true),
    (
        "nf4-double",
        "bitsandbytes, nf4, scales quantized as well",
        Format::F16,
        true,
    ),
    ("fp4", "bitsandbytes, fp4", Format::F16, true),
    ("int8", "bitsandbytes, int8", Format::Q8_0, false),
];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/low_bit")
        .join(name)
}

fn open(name: &str, packing: Option<QuantType>) -> Gguf {
    let loading = Loading {
        packing,
        level: Level::detect().unwrap(),
        pool: &Pool::new(2).unwrap(),
        room: None,
        interrupted: &|| false,
    };
    llm_folder::open(&files(&folder(name), "safetensors"), Some(&loading))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Returns the same weights as floats, whose products are with activations as floats.
fn dense(gguf: &Gguf) -> Gguf {
    let mut bytes = Vec::new();
    let dense = |tensor: &TensorInfo| {
        let mut numbers = vec![0.0; tensor.elements() as usize];
        let format = tensor.dtype.format().unwrap();
        dequantize_row(format, gguf.bytes(tensor), &mut numbers);
        let offset = bytes.len() as u64;
        bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        TensorInfo {
            dtype: TensorType::from(Format::F32),
            shard: 0,
            offset,
            size: Some(4 * tensor.elements()),
            ..tensor.clone()
        }
    };
    let tensors = gguf.tensors().iter().map(dense).collect();
    let mapping = Mapping::anonymous(bytes.len(), |image| image.copy_from_slice(&bytes)).unwrap();
    let metadata = gguf.metadata().clone();
    Gguf::from_parts(metadata, tensors, vec![Arc::new(mapping)], gguf.paths()).unwrap()
}

fn difference(name: &str, gguf: &Gguf) -> f32 {
    let folder = folder(name);
    let found = logits(gguf, &tokens(&folder.join("tokens.txt")), &POSITIONS);
    let found = found.unwrap_or_else(|error| panic!("{name}: {error}"));
    apart(&found, &floats(&folder.join("transformers.f32")))
}

#[test]
fn logits_are_those_of_the_weights_that_the_library_dequantizes() {
    let mut failures = Vec::new();
    for (name, _, format, is_exact) in CASES {
        let gguf = open(name, None);
        let down = gguf.tensor("blk.0.ffn_down.weight");
        let stands = gguf.tensor("blk.0.ffn_down_exps.weight").or(down).unwrap();
        assert_eq!(stands.dtype.format(), Some(*format), "{name}");
        let apart = [difference(name, &dense(&gguf)), difference(name, &gguf)];
        println!("{name}: {:e}, and {:e} as it is run", apart[0], apart[1]);
        let bounds = [if *is_exact { EXACT } else { ROUNDED }, QUANTIZED];
        let is_near = |(apart, bound): (f32, f32)| apart < bound;
        if !apart.into_iter().zip(bounds).all(is_near) {
            failures.push(format!("{name}: {apart:?}"));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn a_format_is_named_and_described_without_making_its_matrices() {
    for (name, format, _, _) in CASES {
        let looked = llm_folder::look(&files(&folder(name), "safetensors")).unwrap();
        let opened = open(name, None);
        assert_eq!(&Summary::of(&looked).quantization, format);
        let all = |gguf: &Gguf| -> BTreeMap<String, (TensorType, Vec<u64>)> {
            let of = |it: &TensorInfo| (it.name.clone(), (it.dtype, it.shape.clone()));
            gguf.tensors().iter().map(of).collect()
        };
        assert_eq!(all(&looked), all(&opened), "{name}");
        let output = looked.tensor("blk.0.attn_output.weight").unwrap();
        assert!(looked.bytes(output).iter().all(|byte| *byte == 0), "{name}");
    }
}

#[test]
fn quantized_once_more_they_are_near() {
    for (name, format, _, _) in CASES {
        let gguf = open(name, Some(QuantType::Q8_0));
        let apart = difference(name, &gguf);
        println!("{name}: {apart:e}");
        assert!(apart < QUANTIZED, "{name}: {apart}");
        let quantization = Summary::of(&gguf).quantization;
        // Fewer bits than eight stay what they are.
        let types = ["Q8_0", "Q5_0", "Q5_1", "Q4_0", "Q4_1", "MXFP4"];
        let known = types.map(|name| format!("{name} of {format}"));
        assert!(known.contains(&quantization), "{quantization}");
    }
}

#[test]
fn every_folder_is_compared() {
    let entries = std::fs::read_dir(folder("")).unwrap().map(Result::unwrap);
    let folders = entries.filter(|entry| entry.path().is_dir());
    let mut names: Vec<_> = folders
        .map(|it| it.file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mut compared: Vec<_> = CASES.iter().map(|case| case.0).collect();
    compared.sort_unstable();
    assert_eq!(names, compared);
}

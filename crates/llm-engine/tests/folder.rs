//! Hugging Face folders that are written here: their logits are those of the
//! same weights in a GGUF file, their tokens those of the `tokenizers` crate,
//! and what is wrong with them is said.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic")]

#[path = "../../llm-candle/tests/support/gguf.rs"]
#[allow(dead_code, reason = "other test programs use the rest")]
mod gguf;
#[path = "../../llm-candle/tests/support/random.rs"]
#[allow(dead_code, reason = "other test programs use the rest")]
mod random;

#[path = "../../llm-tokenizer/benches/tokens/peer.rs"]
mod peer;

/// Tiny models, as a folder and as a GGUF file.
#[path = "folder/tiny.rs"]
mod tiny;
/// Tokenizers that were trained here.
#[path = "folder/tokenizers.rs"]
mod tokenizers;
/// One tensor more, or one layer less.
#[path = "folder/mutations.rs"]
mod mutations;
/// What is wrong.
#[path = "folder/broken.rs"]
mod broken;

use std::path::Path;
use std::sync::Arc;

use llm_engine::forward::{CpuForward, Forward, Input, Outputs};
use llm_engine::spec::Spec;
use llm_engine::weights::Weights;
use llm_folder::Loading;
use llm_gguf::Gguf;
use llm_kernels::block::Format;
use llm_kernels::pool::Pool;
use llm_kernels::quantize::QuantType;
use llm_kernels::simd::Level;

use random::Random;
use tiny::{Dtype, Plan};

fn logits(gguf: &Gguf, tokens: &[u32]) -> Vec<f32> {
    let spec = Spec::from_gguf(gguf, None).unwrap();
    let weights = Weights::from_gguf(gguf, &spec).unwrap();
    let pool = Pool::new(1).unwrap();
    let mut pass = CpuForward::<f32>::new(Arc::new(spec), Arc::new(weights), pool, Level::SCALAR);
    let sequence = pass.sequences_mut().start();
    let mut logits = Vec::new();
    let input = Input {
        sequence,
        tokens,
        outputs: Outputs::All,
        adapters: &[],
    };
    pass.forward(&[input], &mut logits).unwrap();
    logits
}

fn rms(logits: &[f32]) -> f32 {
    (logits.iter().map(|x| x * x).sum::<f32>() / logits.len() as f32).sqrt()
}

fn worst(one: &[f32], other: &[f32]) -> f32 {
    assert_eq!(one.len(), other.len());
    let differences = one
        .iter()
        .zip(other)
        .map(|(one, other)| (one - other).abs());
    differences.fold(
        0.0,
        |worst, it| if it > worst || it.is_nan() { it } else { worst },
    )
}

/// Opens the folder with its weights quantized.
fn quantized(folder: &Path, packing: QuantType) -> Gguf {
    let loading = Loading {
        packing: Some(packing),
        level: Level::detect().unwrap(),
        pool: &Pool::new(2).unwrap(),
        room: Some(1 << 30),
        interrupted: &|| false,
    };
    llm_folder::open(&tiny::weight_files(folder), Some(&loading)).unwrap()
}

#[test]
fn logits_are_those_of_the_same_weights_in_a_gguf_file() {
    for (name, plan) in tiny::PLANS {
        for dtype in [Dtype::F32, Dtype::F16, Dtype::Bf16] {
            for shards in [1, 3] {
                let plan = Plan {
                    dtype,
                    shards,
                    ..plan
                };
                let place = tempfile::tempdir().unwrap();
                let twin = plan.write(place.path(), 5);
                let opened = llm_folder::open(&tiny::weight_files(place.path()), None).unwrap();
                let tokens = Random(6).tokens(70, plan.vocabulary);
                let expected = logits(&twin, &tokens);
                let found = logits(&opened, &tokens);
                let size = rms(&expected);
                assert!((0.5..20.0).contains(&size), "{name}: logits of size {size}");
                let difference = worst(&expected, &found);
                println!("{name}, {dtype:?}, {shards}: {difference:e} of {size}");
                assert!(
                    difference < 2e-4,
                    "{name}, {dtype:?}, {shards}: {difference}"
                );
            }
        }
    }
}

/// Families that are run from GGUF files alone.
const WITHOUT_FOLDERS: &[&str] = &[
    // Its folders are of one kind with those without experts.
    "nemotron_h_moe",
];

#[test]
fn every_family_runs_from_a_folder() {
    for family in llm_engine::family::FAMILIES {
        let mut known = llm_folder::architectures();
        let name = family.architecture;
        assert_ne!(
            known.any(|known| known == name),
            WITHOUT_FOLDERS.contains(&name),
            "{name}: a kind of folder, or one of those without"
        );
    }
    for name in llm_folder::architectures() {
        assert!(llm_engine::family::find(name).is_some(), "{name}");
    }
}

#[test]
fn matrices_stay_in_the_files_map_and_in_their_format() {
    let place = tempfile::tempdir().unwrap();
    Plan {
        dtype: Dtype::Bf16,
        ..tiny::QWEN3
    }
    .write(place.path(), 7);
    let opened = llm_folder::open(&tiny::weight_files(place.path()), None).unwrap();
    assert_eq!(opened.made_bytes(), 0);
    let query = opened.tensor("blk.0.attn_q.weight").unwrap();
    assert_eq!((query.dtype.format(), query.shard), (Some(Format::Bf16), 0));
}

#[test]
fn quantized_weights_are_near_the_folders_own() {
    let place = tempfile::tempdir().unwrap();
    let plan = Plan {
        hidden_size: 256,
        intermediate_size: 288,
        dtype: Dtype::Bf16,
        ..tiny::QWEN3
    };
    plan.write(place.path(), 8);
    let exact = llm_folder::open(&tiny::weight_files(place.path()), None).unwrap();
    let tokens = Random(9).tokens(40, plan.vocabulary);
    let expected = logits(&exact, &tokens);
    for (packing, bound) in [(QuantType::Q8_0, 0.05), (QuantType::Q4K, 0.5)] {
        let opened = quantized(place.path(), packing);
        let format = |name: &str| opened.tensor(name).unwrap().dtype.format().unwrap();
        assert_eq!(format("blk.0.attn_q.weight"), packing.format());
        // 288 columns are no whole blocks of 256.
        assert_eq!(format("blk.0.ffn_down.weight"), Format::Q8_0);
        assert_eq!(format("token_embd.weight"), Format::Q8_0);
        assert_eq!(format("blk.0.attn_norm.weight"), Format::Bf16);
        let found = logits(&opened, &tokens);
        let difference: Vec<f32> = found.iter().zip(&expected).map(|(a, b)| a - b).collect();
        let error = rms(&difference) / rms(&expected);
        println!("{packing:?}: {error}");
        assert!(error < bound, "{packing:?}: {error}");
        assert!(opened.made_bytes() < exact.weight_bytes());
    }
}

#[test]
fn quantizing_stops_for_want_of_memory_and_on_request() {
    let place = tempfile::tempdir().unwrap();
    tiny::QWEN3.write(place.path(), 10);
    let files = tiny::weight_files(place.path());
    let pool = Pool::new(1).unwrap();
    let tried = |room, stop: bool| {
        let loading = Loading {
            packing: Some(QuantType::Q8_0),
            level: Level::SCALAR,
            pool: &pool,
            room,
            interrupted: &|| stop,
        };
        llm_folder::open(&files, Some(&loading))
            .unwrap_err()
            .to_string()
    };
    assert!(tried(Some(1000), false).contains("GiB are available"));
    assert!(tried(None, true).contains("interrupted"));
}

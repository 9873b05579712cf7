//! Every storage format: what its blocks mean, the engine's product with it
//! against the judge, candle's own product, and repetition to the bit.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking, and prints what it measured"
)]

mod support;

use candle_core::quantized::{GgmlDType, QStorage, QTensor};
use half::f16;
use llm_candle::{Device, Precision};
use llm_engine::forward::Forward;
use llm_engine::weights::{FeedForward, Linear};
use llm_kernels::block::Format;

use support::measure::{identical, rms, worst};
use support::random::Random;
use support::tiny::plans::LLAMA;
use support::tiny::{Matrices, Plan};
use support::ways::{WAYS, extend, ways_and_threads};
use support::{Model, levels};

/// Positions: a block of the cache and a part of a second.
const LENGTH: usize = 80;

/// Rows of 256 weights, as the K formats need them.
const PLAN: Plan = Plan {
    layers: 2,
    hidden_size: 256,
    intermediate_size: 256,
    heads: 4,
    kv_heads: 2,
    head_dim: 64,
    rope_dim: 64,
    ..LLAMA
};

/// candle's name of each format.
const FORMATS: [(Format, GgmlDType); 13] = [
    (Format::F32, GgmlDType::F32),
    (Format::F16, GgmlDType::F16),
    (Format::Bf16, GgmlDType::BF16),
    (Format::Q4_0, GgmlDType::Q4_0),
    (Format::Q4_1, GgmlDType::Q4_1),
    (Format::Q5_0, GgmlDType::Q5_0),
    (Format::Q5_1, GgmlDType::Q5_1),
    (Format::Q8_0, GgmlDType::Q8_0),
    (Format::Q2K, GgmlDType::Q2K),
    (Format::Q3K, GgmlDType::Q3K),
    (Format::Q4K, GgmlDType::Q4K),
    (Format::Q5K, GgmlDType::Q5K),
    (Format::Q6K, GgmlDType::Q6K),
];

/// The root mean square of the difference over that of the logits: what 8-bit
/// activations cost over two layers. Measured: 0.018 at most.
const ENGINE_NOISE: f32 = 0.04;
/// The same for candle's own products, which round activations of the K formats
/// and `Q8_0` more coarsely. Measured: 0.026 at most.
const CANDLE_NOISE: f32 = 0.06;
/// The same for weights that are floats. Measured: 9.3e-7 at most.
const FLOAT_NOISE: f32 = 4e-6;

/// Formats that candle does not know.
const UNKNOWN: [Format; 8] = [
    Format::Iq2Xxs,
    Format::Iq2Xs,
    Format::Iq2S,
    Format::Iq3Xxs,
    Format::Iq3S,
    Format::Iq4Nl,
    Format::Iq4Xs,
    Format::Mxfp4,
];

/// Every format, and how its matrices are made.
fn all() -> impl Iterator<Item = (Format, Matrices)> {
    let known = FORMATS.map(|(format, dtype)| (format, Matrices::Quantized(dtype)));
    let unknown = UNKNOWN.map(|format| (format, Matrices::Random(format)));
    known.into_iter().chain(unknown)
}

fn model(matrices: Matrices) -> (Model, Vec<u32>) {
    let model = Plan { matrices, ..PLAN }.build(11);
    let tokens = Random(12).tokens(LENGTH, model.weights.vocabulary());
    (model, tokens)
}

fn noise(logits: &[f32], expected: &[f32]) -> f32 {
    let differences: Vec<f32> = logits.iter().zip(expected).map(|(a, b)| a - b).collect();
    rms(&differences) / rms(expected)
}

#[test]
fn all_formats_are_here() {
    assert_eq!(all().count(), Format::ALL.len());
    assert!(
        Format::ALL
            .iter()
            .all(|wanted| all().any(|(format, _)| format == *wanted))
    );
}

#[test]
fn blocks_mean_what_candle_takes_them_for() {
    for (format, dtype) in FORMATS {
        let (model, _) = model(Matrices::Quantized(dtype));
        let Some(FeedForward::Dense(mlp)) = &model.weights.layers[1].feed_forward else {
            panic!("the tiny model has no experts");
        };
        let linear: &Linear = &mlp.down;
        assert_eq!(linear.format(), format);
        let matrix = linear.matrix();
        let bytes: Vec<u8> = (0..linear.rows())
            .flat_map(|row| matrix.row(row).to_vec())
            .collect();
        let storage = QStorage::from_data(bytes.into(), &Device::Cpu, dtype).unwrap();
        let tensor = QTensor::new(storage, (linear.rows(), linear.columns())).unwrap();
        let theirs = tensor
            .dequantize(&Device::Cpu)
            .unwrap()
            .flatten_all()
            .unwrap();
        let ours = linear.dequantize();
        // A weight is a product and a sum; only their rounding may differ.
        let difference = worst(&ours, &theirs.to_vec1().unwrap()) / rms(&ours);
        println!("{format}: {difference:e}");
        assert!(difference < 1e-6, "{format}: {difference}");
    }
}

#[test]
fn the_engine_agrees_with_the_judge_in_every_format() {
    for (format, matrices) in all() {
        let (model, tokens) = model(matrices);
        let expected = WAYS[0].1(&mut model.judge(), &tokens);
        let run = |pass: &mut dyn Forward| {
            let sequence = pass.sequences_mut().start();
            noise(&extend(pass, sequence, &tokens), &expected)
        };
        for level in levels() {
            let noise = run(&mut model.cpu::<f32>(1, level));
            println!("{format}, engine at {level:?}: {noise:e}");
            let quantized = format.is_quantized();
            let bound = if quantized { ENGINE_NOISE } else { FLOAT_NOISE };
            assert!(noise < bound, "{format}, {level:?}: {noise}");
        }
        let noise = run(&mut model.candle(Precision::Quantized));
        println!("{format}, candle's product: {noise:e}");
        assert!(noise < CANDLE_NOISE, "{format}, candle's product: {noise}");
    }
}

#[test]
fn the_engine_repeats_itself_to_the_bit_in_every_format() {
    for (format, matrices) in all() {
        let (model, tokens) = model(matrices);
        for level in levels() {
            let expected = WAYS[0].1(&mut model.cpu::<f16>(1, level), &tokens);
            for (way, threads, compute) in ways_and_threads() {
                let logits = compute(&mut model.cpu::<f16>(threads, level), &tokens);
                let same = identical(&logits, &expected);
                assert!(same, "{format}, {way}, {threads} threads, {level:?}");
            }
        }
    }
}

//! The engine's quantizers against candle's, which follow ggml's.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, and prints what it measured"
)]

#[path = "support/random.rs"]
#[allow(dead_code, reason = "other test programs use the rest")]
mod random;

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use llm_kernels::dequantize::dequantize_row;
use llm_kernels::quantize::QuantType;
use llm_kernels::simd::Level;

use random::Random;

/// Weights as models have them, and with means of either sign.
fn weights() -> Vec<Vec<f32>> {
    let cases = [(0.0, 0.02), (0.0, 1.0), (0.05, 0.03), (-3.0, 1.0)];
    let rows = cases.into_iter().zip(1..);
    rows.map(|((mean, deviation), seed)| Random(seed).normals(256 * 64, mean, deviation))
        .collect()
}

fn candles(weights: &[f32], dtype: GgmlDType) -> Vec<u8> {
    let tensor = Tensor::from_slice(weights, weights.len(), &Device::Cpu).unwrap();
    QTensor::quantize(&tensor, dtype)
        .unwrap()
        .data()
        .unwrap()
        .to_vec()
}

fn packed(packing: QuantType, weights: &[f32]) -> Vec<u8> {
    let mut row = vec![0; packing.format().row_bytes(weights.len())];
    packing.quantize(Level::detect().unwrap(), weights, &mut row);
    row
}

fn error(packing: QuantType, row: &[u8], weights: &[f32]) -> f64 {
    let mut back = vec![0.0; weights.len()];
    dequantize_row(packing.format(), row, &mut back);
    let squares = weights
        .iter()
        .zip(&back)
        .map(|(a, b)| f64::from(a - b).powi(2));
    (squares.sum::<f64>() / weights.len() as f64).sqrt()
}

#[test]
fn q8_0_has_candles_bytes() {
    for weights in weights() {
        assert_eq!(
            packed(QuantType::Q8_0, &weights),
            candles(&weights, GgmlDType::Q8_0)
        );
    }
}

#[test]
fn q4_k_errs_no_more_than_candles() {
    for weights in weights() {
        let ours = error(QuantType::Q4K, &packed(QuantType::Q4K, &weights), &weights);
        let theirs = error(QuantType::Q4K, &candles(&weights, GgmlDType::Q4K), &weights);
        println!("ours {ours:e}, candle's {theirs:e}");
        assert!(ours <= theirs * 1.01, "{ours} {theirs}");
    }
}

//! Activations times weights, quantization and dequantization.

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use llm_kernels::activations::Activations;
use llm_kernels::block::Format;
use llm_kernels::dequantize::dequantize_row;
use llm_kernels::matmul::{Input, Matrix, multiply};
use llm_kernels::quantize::QuantType;
use llm_kernels::simd::Level;

use crate::{Case, cases, floats, levels, one_thread, weights};

/// Columns of every matrix: the hidden size of a model with a billion weights.
const COLUMNS: usize = 2048;

/// 64 activation rows.
#[divan::bench(args = cases(Format::ALL), max_time = 0.5)]
fn prefill(bencher: Bencher<'_, '_>, case: &Case<Format>) {
    product(bencher, case, 512, 64);
}

/// Few activation rows: much of the time goes into dequantizing the weights.
#[divan::bench(args = cases(Format::ALL), max_time = 0.5)]
fn small_batch(bencher: Bencher<'_, '_>, case: &Case<Format>) {
    product(bencher, case, 512, 4);
}

/// One activation row and more weights than a core's own caches hold.
#[divan::bench(args = cases(Format::ALL), max_time = 0.5)]
fn decode(bencher: Bencher<'_, '_>, case: &Case<Format>) {
    product(bencher, case, 8192, 1);
}

/// Multiplies `batch` activation rows with `rows` weight rows.
fn product(bencher: Bencher<'_, '_>, case: &Case<Format>, rows: usize, batch: usize) {
    let pool = one_thread();
    let bytes = weights(case.subject, rows * COLUMNS);
    let matrix = Matrix::new(case.subject, &bytes, rows, COLUMNS).expect("whole blocks");
    let input = floats(batch * COLUMNS);
    let mut quantized = Activations::default();
    quantized.quantize(case.level, &pool, &input, COLUMNS);
    let input = Input {
        floats: &input,
        quantized: &quantized,
    };
    let mut out = vec![0.0; batch * rows];
    bencher
        .counter(ItemsCount::new(batch * rows * COLUMNS))
        .counter(BytesCount::new(bytes.len()))
        .bench_local(|| multiply(case.level, &pool, input, &mut [(matrix, &mut out)], &[]));
}

/// 64 rows of activations to 8-bit integers.
#[divan::bench(args = levels(), max_time = 0.5)]
fn quantize(bencher: Bencher<'_, '_>, level: Level) {
    let pool = one_thread();
    let input = floats(64 * COLUMNS);
    let mut quantized = Activations::default();
    bencher
        .counter(ItemsCount::new(input.len()))
        .bench_local(|| quantized.quantize(level, &pool, &input, COLUMNS));
}

/// One row of a folder's weights to blocks, at the best level.
#[divan::bench(args = [QuantType::Q8_0, QuantType::Q4K], max_time = 0.5)]
fn quantize_weights(bencher: Bencher<'_, '_>, quant_type: QuantType) {
    let level = levels().max().expect("the scalar level at least");
    let row = floats(COLUMNS);
    let mut out = vec![0; quant_type.format().row_bytes(COLUMNS)];
    bencher
        .counter(ItemsCount::new(COLUMNS))
        .bench_local(|| quant_type.quantize(level, &row, &mut out));
}

/// One row of an embedding table. It has no level of its own.
#[divan::bench(args = Format::ALL, max_time = 0.5)]
fn dequantize(bencher: Bencher<'_, '_>, format: Format) {
    let bytes = weights(format, COLUMNS);
    let mut out = vec![0.0; COLUMNS];
    bencher
        .counter(ItemsCount::new(COLUMNS))
        .counter(BytesCount::new(bytes.len()))
        .bench_local(|| dequantize_row(format, &bytes, &mut out));
}

//! Every level against the scalar reference, and that against plain floats,
//! over awkward shapes.

use super::*;
use crate::activations::Take;
use crate::block::NONE;
use crate::dequantize::dequantize_row;

/// A xorshift generator: tests must not depend on a crate's stream.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn float(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}

/// Where the half-precision scales of a block stand.
fn scale_positions(format: Format) -> impl Iterator<Item = usize> {
    let layout = format.layout();
    [layout.scale, layout.minimum]
        .into_iter()
        .filter(move |&at| at != NONE && format != Format::Mxfp4)
}

fn random_matrix(format: Format, rows: usize, columns: usize, random: &mut Random) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..rows * format.row_bytes(columns))
        .map(|_| random.next() as u8)
        .collect();
    for block in bytes.chunks_exact_mut(format.block_bytes()) {
        for at in scale_positions(format) {
            let scale = half::f16::from_f32(random.float() / 64.0);
            block[at..at + 2].copy_from_slice(&scale.to_le_bytes());
        }
        let value = random.float();
        match format {
            Format::F32 => block.copy_from_slice(&value.to_le_bytes()),
            Format::F16 => block.copy_from_slice(&half::f16::from_f32(value).to_le_bytes()),
            // Powers of two around 2^-6.
            Format::Mxfp4 => block[0] = 118 + (random.next() % 8) as u8,
            Format::Bf16 => block.copy_from_slice(&half::bf16::from_f32(value).to_le_bytes()),
            _ => {}
        }
    }
    bytes
}

fn product(level: Level, threads: usize, matrix: Matrix<'_>, input: &[f32]) -> Vec<f32> {
    let pool = Pool::new(threads).unwrap();
    let mut quantized = Activations::default();
    quantized.quantize(level, &pool, input, matrix.columns());
    let mut out = vec![f32::NAN; quantized.rows() * matrix.rows()];
    let input = Input {
        floats: input,
        quantized: &quantized,
    };
    multiply(level, &pool, input, &mut [(matrix, &mut out)], &[]);
    out
}

#[test]
fn all_levels_threads_and_batches_agree_to_the_bit() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for format in Format::ALL {
        // One block, and numbers of them that leave something over; floats have
        // blocks of one.
        let widths: &[usize] = if format.is_quantized() {
            &[1, 2, 3, 5]
        } else {
            &[1, 7, 8, 13, 16, 29, 65]
        };
        for rows in [1, 7, 8, 9, 15, 16, 17, 33, 70] {
            for blocks in widths {
                let columns = blocks * format.block_elements();
                let bytes = random_matrix(format, rows, columns, &mut random);
                let matrix = Matrix::new(format, &bytes, rows, columns).unwrap();
                let input: Vec<f32> = (0..26 * columns).map(|_| random.float()).collect();
                let judge = product(Level::SCALAR, 1, matrix, &input);
                for level in Level::available() {
                    for batch in [1, 2, 3, 5, 7, 12, 26] {
                        let got = product(level, 1 + batch % 3, matrix, &input[..batch * columns]);
                        let same = got
                            .iter()
                            .zip(&judge)
                            .all(|(a, b)| a.to_bits() == b.to_bits());
                        assert!(same, "{format} {rows}x{columns}, batch {batch}, {level:?}");
                    }
                }
            }
        }
    }
}

/// Matrices of one call are cut into panels together.
#[test]
fn a_matrix_has_the_same_products_alone_and_among_others() {
    let mut random = Random(7);
    let columns = 256;
    let input: Vec<f32> = (0..3 * columns).map(|_| random.float()).collect();
    let sizes = [
        (Format::Q4K, 1),
        (Format::F16, 33),
        (Format::Iq4Nl, 70),
        (Format::Q8_0, 31),
    ];
    let bytes = sizes.map(|(format, rows)| random_matrix(format, rows, columns, &mut random));
    let matrix = |index: usize| {
        let (format, rows) = sizes[index];
        Matrix::new(format, &bytes[index], rows, columns).unwrap()
    };
    for level in Level::available() {
        for batch in [1, 3] {
            let input = &input[..batch * columns];
            let pool = Pool::new(3).unwrap();
            let mut quantized = Activations::default();
            quantized.quantize(level, &pool, input, columns);
            let mut outs = sizes.map(|(_, rows)| vec![f32::NAN; batch * rows]);
            let outs_of_all = outs.iter_mut().map(Vec::as_mut_slice);
            let mut products: Vec<_> = (0..sizes.len()).map(matrix).zip(outs_of_all).collect();
            let both = Input {
                floats: input,
                quantized: &quantized,
            };
            multiply(level, &pool, both, &mut products, &[matrix(2)]);
            for (index, out) in outs.iter().enumerate() {
                let alone = product(level, 1, matrix(index), input);
                let same = out
                    .iter()
                    .zip(&alone)
                    .all(|(a, b)| a.to_bits() == b.to_bits());
                assert!(same, "{:?}, batch {batch}, {level:?}", sizes[index]);
            }
        }
    }
}

/// Where a level chains products in narrow integers, the largest must fit.
#[test]
fn levels_agree_on_the_largest_quants() {
    let quantized = Format::ALL
        .into_iter()
        .filter(|format| format.is_quantized());
    for format in quantized {
        let (rows, columns) = (9, 512);
        for byte in [0x00, 0x7f, 0x80, 0xff] {
            let mut bytes = vec![byte; rows * format.row_bytes(columns)];
            for block in bytes.chunks_exact_mut(format.block_bytes()) {
                for at in scale_positions(format) {
                    block[at..at + 2].copy_from_slice(&half::f16::ONE.to_le_bytes());
                }
                if format == Format::Mxfp4 {
                    block[0] = 128;
                }
            }
            let matrix = Matrix::new(format, &bytes, rows, columns).unwrap();
            for batch in [1, 4] {
                let input: Vec<f32> = (0..batch * columns)
                    .map(|i| if i / columns % 2 == 0 { -1.0 } else { 1.0 })
                    .collect();
                let judge = product(Level::SCALAR, 1, matrix, &input);
                assert!(judge.iter().all(|x| x.is_finite()));
                for level in Level::available() {
                    let got = product(level, 1, matrix, &input);
                    assert!(
                        got == judge,
                        "{format}, bytes {byte:#x}, batch {batch}, {level:?}"
                    );
                }
            }
        }
    }
}

/// A product differs from the exact one by the rounding of the activations:
/// at most half a step of `largest / 127` for each column.
#[test]
fn the_reference_is_within_the_activations_rounding_of_exact() {
    let mut random = Random(42);
    for format in Format::ALL {
        let (rows, columns) = (9, 512);
        let bytes = random_matrix(format, rows, columns, &mut random);
        let matrix = Matrix::new(format, &bytes, rows, columns).unwrap();
        let input: Vec<f32> = (0..columns).map(|_| random.float()).collect();
        let got = product(Level::SCALAR, 1, matrix, &input);
        for (row, got) in got.iter().enumerate() {
            let mut weights = vec![0.0; columns];
            dequantize_row(format, matrix.row(row), &mut weights);
            let terms = weights
                .iter()
                .zip(&input)
                .map(|(w, x)| f64::from(*w) * f64::from(*x));
            let exact: f64 = terms.sum();
            let magnitude: f64 = weights.iter().map(|w| f64::from(w.abs())).sum();
            let step = if format.is_quantized() {
                0.5 / 127.0
            } else {
                0.0
            };
            let bound = magnitude * (step + 1e-5);
            assert!(
                (f64::from(*got) - exact).abs() <= bound,
                "{format}: {got} for {exact}"
            );
        }
    }
}

#[test]
fn a_matrix_of_another_size_than_its_bytes_is_refused() {
    assert!(Matrix::new(Format::Q8_0, &[0; 34], 1, 32).is_some());
    assert!(Matrix::new(Format::Q8_0, &[0; 33], 1, 32).is_none());
    assert!(Matrix::new(Format::Q8_0, &[0; 34], 1, 31).is_none());
    assert!(Matrix::new(Format::F32, &[], usize::MAX, 4).is_none());
    assert!(Matrix::new(Format::F32, &[], 1, 1 << (usize::BITS - 2)).is_none());
}

/// Rows that were taken as floats alone have no quants that a kernel could read.
#[test]
fn quantized_weights_refuse_activations_without_quants() {
    let pool = Pool::new(1).unwrap();
    let how = Take {
        as_floats: true,
        ..Take::default()
    };
    for level in Level::available() {
        for batch in [1, 4] {
            let mut floats = vec![1.0; batch * 64];
            let mut taken = Activations::default();
            taken.take(level, &pool, &mut floats, 64, how, |_, _| {});
            let (bytes, mut out) = ([0; 16 * 36], vec![0.0; batch * 16]);
            let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let matrix = Matrix::new(Format::Q4_0, &bytes, 16, 64).unwrap();
                let input = Input {
                    floats: &floats,
                    quantized: &taken,
                };
                multiply(level, &pool, input, &mut [(matrix, &mut out)], &[]);
            }));
            assert!(caught.is_err(), "{level:?}, batch {batch}");
        }
    }
}

/// More rows than an epilogue is applied to at a time, and matrix rows that leave something over.
#[test]
fn an_epilogue_is_bias_outliers_and_gelu() {
    const BATCH: usize = CHUNK + 5;
    const COLUMNS: usize = 64;
    let outliers = [3, 40];
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for (format, rows) in [(Format::Q8_0, 70), (Format::Q8_0, 32), (Format::F32, 33)] {
        let bytes = random_matrix(format, rows, COLUMNS, &mut random);
        let matrix = Matrix::new(format, &bytes, rows, COLUMNS).unwrap();
        let mut floats = |count| (0..count).map(|_| random.float()).collect::<Vec<f32>>();
        let (original, bias, weights) = (
            floats(BATCH * COLUMNS),
            floats(rows),
            floats(outliers.len() * rows),
        );
        for level in Level::available() {
            for batch in [1, 5, BATCH] {
                let pool = Pool::new(2).unwrap();
                let mut input = original[..batch * COLUMNS].to_vec();
                let mut taken = Activations::default();
                let how = Take {
                    outliers: &outliers,
                    as_floats: false,
                };
                taken.take(level, &pool, &mut input, COLUMNS, how, |index, row| {
                    row[0] = index as f32;
                });
                let epilogue = Epilogue {
                    bias: &bias,
                    outliers: &weights,
                    gelu: true,
                };
                let mut out = vec![f32::NAN; batch * rows];
                let both = Input {
                    floats: &input,
                    quantized: &taken,
                };
                multiply_with_epilogue(level, &pool, both, &mut [(matrix, epilogue, &mut out)]);
                // The same in steps: zeros where the columns stood, unless the
                // weights are floats, which take the rows as they are.
                let mut zeroed = original[..batch * COLUMNS].to_vec();
                for (index, row) in zeroed.chunks_exact_mut(COLUMNS).enumerate() {
                    row[0] = index as f32;
                }
                assert_eq!(input, zeroed);
                if format.is_quantized() {
                    for row in zeroed.chunks_exact_mut(COLUMNS) {
                        outliers.iter().for_each(|&column| row[column] = 0.0);
                    }
                }
                let mut wanted = product(Level::SCALAR, 1, matrix, &zeroed);
                for (index, row) in wanted.chunks_exact_mut(rows).enumerate() {
                    for (at, x) in row.iter_mut().enumerate() {
                        *x += bias[at];
                        for (number, &column) in outliers.iter().enumerate() {
                            let kept = input[index * COLUMNS + column];
                            *x = weights[number * rows + at].mul_add(kept, *x);
                        }
                    }
                    crate::vector::gelu(Level::SCALAR, row);
                }
                let bits = |all: &[f32]| all.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                assert!(bits(&out) == bits(&wanted), "{format}, {level:?}, {batch}");
            }
        }
    }
}

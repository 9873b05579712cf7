//! The products that a screen leaves out, against the whole product.

use super::*;
use crate::dequantize::dequantize_row;
use crate::quantize::QuantType;

/// A xorshift generator: tests must not depend on a crate's stream.
struct Random(u64);

impl Random {
    /// About normal, of variance 1.
    fn normal(&mut self) -> f32 {
        let uniform = |random: &mut Self| {
            random.0 ^= random.0 << 13;
            random.0 ^= random.0 >> 7;
            random.0 ^= random.0 << 17;
            (random.0 >> 40) as f32 / (1 << 24) as f32
        };
        (0..12).map(|_| uniform(self)).sum::<f32>() - 6.0
    }
}

const ROWS: usize = 5000;
const COLUMNS: usize = 224;

/// Rows whose columns are of different sizes, one far above the others, and a
/// row of zeros.
fn weights(random: &mut Random) -> Vec<u8> {
    let mut bytes = vec![0; ROWS * Format::Q8_0.row_bytes(COLUMNS)];
    for (row, bytes) in bytes
        .chunks_exact_mut(Format::Q8_0.row_bytes(COLUMNS))
        .enumerate()
    {
        let size = if row == 77 { 0.0 } else { 1.0 };
        let mut floats: Vec<f32> = (0..COLUMNS)
            .map(|column| random.normal() * size * (1.0 + (column / GROUP) as f32))
            .collect();
        floats[40] *= 6.0;
        QuantType::Q8_0.quantize(Level::SCALAR, &floats, bytes);
    }
    bytes
}

struct Case<'a> {
    level: Level,
    pool: &'a Pool,
    matrix: Matrix<'a>,
}

impl Case<'_> {
    fn quantized(&self, floats: &[f32]) -> Activations {
        let mut made = Activations::default();
        made.quantize(self.level, self.pool, floats, COLUMNS);
        made
    }

    fn all(&self, input: Input<'_>) -> Vec<f32> {
        let mut out = vec![0.0; ROWS];
        let mut products = [(self.matrix, out.as_mut_slice())];
        matmul::multiply(self.level, self.pool, input, &mut products, &[]);
        out
    }
}

fn all(count: usize) -> Wanted<'static> {
    Wanted { count, among: None }
}

/// Rows of which a share is wanted, whole words and chunks without any among them; the last word of the
/// set is missing, so that its rows are not wanted.
fn wanted_rows(random: &mut Random, share: f32) -> Vec<u32> {
    let mut words = vec![0_u32; ROWS / 32 - 1];
    for (at, word) in words.iter_mut().enumerate() {
        for bit in 0..32 {
            let is_wanted = random.normal().abs() < share && at % 8 < 6;
            *word |= u32::from(is_wanted || at % 8 == 6) << bit;
        }
    }
    words
}

#[test]
fn the_largest_of_some_rows_are_those_of_the_whole_to_the_bit() {
    let mut random = Random(17);
    let bytes = weights(&mut random);
    let matrix = Matrix::new(Format::Q8_0, &bytes, ROWS, COLUMNS).unwrap();
    let pool = Pool::new(2).unwrap();
    for level in Level::available() {
        let case = Case {
            level,
            pool: &pool,
            matrix,
        };
        let mut screen = TopkScreen::new(level, &pool, &matrix).unwrap();
        for (count, share) in [(1, 1.0), (1, 0.001), (8, 0.1), (20, 3.0)] {
            let wanted = wanted_rows(&mut random, share);
            let is_wanted = |row: usize| {
                let word = wanted.get(row / 32).copied().unwrap_or(0);
                word >> (row % 32) & 1 == 1
            };
            let floats: Vec<f32> = (0..COLUMNS).map(|_| random.normal()).collect();
            let quantized = case.quantized(&floats);
            let input = Input {
                floats: &floats,
                quantized: &quantized,
            };
            let whole = case.all(input);
            let mut largest: Vec<usize> = (0..ROWS).filter(|&row| is_wanted(row)).collect();
            largest.sort_by(|&a, &b| whole[b].total_cmp(&whole[a]));
            let mut out = vec![0.0; ROWS];
            let among = Some(wanted.as_slice());
            let wanted = Wanted { count, among };
            match screen.largest(level, &pool, matrix, input, wanted, &mut out) {
                Computed::All => assert_eq!(out, whole),
                Computed::Some(rows) => {
                    assert!(largest[..count].iter().all(|row| rows.contains(row)));
                    assert!(rows.iter().all(|&row| is_wanted(row)));
                    for (row, found) in out.iter().enumerate() {
                        let known = rows.contains(&row);
                        let expected = if known { whole[row] } else { f32::NEG_INFINITY };
                        assert_eq!(found.to_bits(), expected.to_bits(), "{level:?}, {row}");
                    }
                }
            }
        }
        let nothing = Wanted {
            count: 1,
            among: Some(&[]),
        };
        let floats = vec![1.0; COLUMNS];
        let quantized = case.quantized(&floats);
        let input = Input {
            floats: &floats,
            quantized: &quantized,
        };
        let mut out = vec![0.0; ROWS];
        let computed = screen.largest(level, &pool, matrix, input, nothing, &mut out);
        assert!(matches!(computed, Computed::Some([])));
        assert!(out.iter().all(|product| *product == f32::NEG_INFINITY));
    }
}

#[test]
fn the_largest_products_are_those_of_the_whole_to_the_bit() {
    let mut random = Random(7);
    let bytes = weights(&mut random);
    let matrix = Matrix::new(Format::Q8_0, &bytes, ROWS, COLUMNS).unwrap();
    let pool = Pool::new(2).unwrap();
    for level in Level::available() {
        let case = Case {
            level,
            pool: &pool,
            matrix,
        };
        let mut screen = TopkScreen::new(level, &pool, &matrix).unwrap();
        for (look, count) in [1, 1, 20, 1, 8].into_iter().enumerate() {
            // Along a row of weights, whose product is then far the largest, or
            // along none.
            let mut floats = vec![0.0; COLUMNS];
            if look % 2 == 0 {
                dequantize_row(Format::Q8_0, matrix.row(31 * look + 5), &mut floats);
            }
            floats.iter_mut().for_each(|x| *x += random.normal());
            let quantized = case.quantized(&floats);
            let input = Input {
                floats: &floats,
                quantized: &quantized,
            };
            let whole = case.all(input);
            let mut out = vec![0.0; ROWS];
            let computed = screen.largest(level, &pool, matrix, input, all(count), &mut out);
            let Computed::Some(rows) = computed else {
                panic!("{level:?}, {count}: nothing was left out");
            };
            let mut largest: Vec<usize> = (0..ROWS).collect();
            largest.sort_by(|&a, &b| whole[b].total_cmp(&whole[a]));
            for row in &largest[..count] {
                assert!(rows.contains(row), "{level:?}, {count}: {row} is missing");
            }
            for (row, (&found, whole)) in out.iter().zip(&whole).enumerate() {
                let expected = if rows.contains(&row) {
                    *whole
                } else {
                    f32::NEG_INFINITY
                };
                assert_eq!(found.to_bits(), expected.to_bits(), "{level:?}, {row}");
            }
        }
    }
}

/// The errors of all rows for many inputs, in deviations: never as many as are
/// allowed for, and with the variance that the bound is made of at the most.
#[test]
fn no_product_exceeds_its_bound_and_the_bounds_are_close() {
    let mut random = Random(11);
    let bytes = weights(&mut random);
    let matrix = Matrix::new(Format::Q8_0, &bytes, ROWS, COLUMNS).unwrap();
    let pool = Pool::new(2).unwrap();
    let level = Level::detect().unwrap();
    let case = Case {
        level,
        pool: &pool,
        matrix,
    };
    let mut screen = TopkScreen::new(level, &pool, &matrix).unwrap();
    let (mut squares, mut count) = (0.0, 0.0);
    for look in 0..40 {
        let floats: Vec<f32> = (0..COLUMNS)
            .map(|column| random.normal() * if column == look { 30.0 } else { 1.0 })
            .collect();
        let quantized = case.quantized(&floats);
        let input = Input {
            floats: &floats,
            quantized: &quantized,
        };
        assert!(screen.bound(level, &pool, input));
        let scales = &screen.scratch.scaled.scales;
        let groups = quantized.quants.chunks_exact(GROUP).zip(scales);
        let variance = groups.map(|(quants, scale)| {
            let squares = quants.iter().map(|&quant| f64::from(quant).powi(2));
            squares.sum::<f64>() * f64::from(*scale).powi(2) / 12.0
        });
        let deviation = variance.sum::<f64>().sqrt();
        for (row, product) in case.all(input).into_iter().enumerate() {
            let (bound, size) = (screen.scratch.bounds[row], screen.sizes[row]);
            assert!(product <= bound, "{look}, {row}: {product}, {bound}");
            if size > 0.0 {
                let slack = f64::from(bound - product) / (deviation * f64::from(size));
                squares += (slack - f64::from(DEVIATIONS)).powi(2);
                count += 1.0;
            }
        }
    }
    let variance: f64 = squares / count;
    assert!((0.9..1.1).contains(&variance), "{variance}");
}

#[test]
fn what_is_no_number_bounds_nothing() {
    let mut bytes = weights(&mut Random(13));
    let pool = Pool::new(1).unwrap();
    let level = Level::detect().unwrap();
    let matrix = Matrix::new(Format::Q8_0, &bytes, ROWS, COLUMNS).unwrap();
    let mut screen = TopkScreen::new(level, &pool, &matrix).unwrap();
    let case = Case {
        level,
        pool: &pool,
        matrix,
    };
    let floats = vec![f32::NAN; COLUMNS];
    let quantized = case.quantized(&floats);
    let input = Input {
        floats: &floats,
        quantized: &quantized,
    };
    let mut out = vec![0.0; ROWS];
    let computed = screen.largest(level, &pool, matrix, input, all(1), &mut out);
    assert!(matches!(computed, Computed::All));
    assert!(out.iter().all(|product| product.is_nan()));
    bytes[..2].copy_from_slice(&half::f16::INFINITY.to_le_bytes());
    let matrix = Matrix::new(Format::Q8_0, &bytes, ROWS, COLUMNS).unwrap();
    assert!(TopkScreen::new(level, &pool, &matrix).is_none());
}

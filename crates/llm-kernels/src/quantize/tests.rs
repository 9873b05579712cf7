//! Bounds on what quantizing loses, and blocks that were computed by hand.

use super::*;
use crate::dequantize::dequantize_row;

/// Numbers near a normal distribution, by splitmix64.
fn normals(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed;
    let mut uniform = move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1 << 24) as f32
    };
    let normal = |_| (0..12).map(|_| uniform()).sum::<f32>() - 6.0;
    (0..count).map(normal).collect()
}

fn quantized(quant_type: QuantType, weights: &[f32]) -> Vec<u8> {
    let mut rows = Level::available().map(|level| {
        let mut row = vec![0xAA; quant_type.format().row_bytes(weights.len())];
        quant_type.quantize(level, weights, &mut row);
        row
    });
    let row = rows.next().unwrap();
    assert!(rows.all(|other| other == row), "levels differ");
    row
}

fn round_trip(quant_type: QuantType, weights: &[f32]) -> Vec<f32> {
    let mut out = vec![f32::NAN; weights.len()];
    dequantize_row(
        quant_type.format(),
        &quantized(quant_type, weights),
        &mut out,
    );
    out
}

#[test]
fn q8_0_has_the_bytes_of_its_definition() {
    // 127 at the top makes the scale 1, which is 0x3c00 as f16; halves are
    // rounded away from zero.
    let mut weights = vec![0.0; 32];
    weights[..6].copy_from_slice(&[127.0, -127.0, 0.5, -0.5, 2.4, -1.6]);
    let row = quantized(QuantType::Q8_0, &weights);
    assert_eq!(row[..8], [0x00, 0x3c, 127, 129, 1, 255, 2, 254]);
    assert!(row[8..].iter().all(|&byte| byte == 0));
    assert_eq!(quantized(QuantType::Q8_0, &[0.0; 32]), [0; 34]);
}

#[test]
fn q8_0_errs_by_half_a_step_at_most() {
    let weights = normals(1, 32 * 64);
    let back = round_trip(QuantType::Q8_0, &weights);
    for (weights, back) in weights.chunks(32).zip(back.chunks(32)) {
        let most = weights.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
        // Half a step, and the rounding of the scale to 11 bits.
        let bound = most / 127.0 * 0.5 + most * f32::powi(2.0, -11);
        for (weight, back) in weights.iter().zip(back) {
            assert!((weight - back).abs() <= bound, "{weight} {back}");
        }
    }
}

#[test]
fn q4_k_errs_little() {
    for (seed, size, shift) in [(2, 1.0, 0.0), (3, 0.02, 0.0), (4, 1.0, 3.0), (5, 1.0, -3.0)] {
        let normals = normals(seed, 256 * 16).into_iter();
        let weights: Vec<f32> = normals.map(|x| size * (x + shift)).collect();
        let back = round_trip(QuantType::Q4K, &weights);
        let (mut square, mut worst) = (0.0_f32, 0.0_f32);
        for (group, back) in weights.chunks(32).zip(back.chunks(32)) {
            let most = group.iter().copied().fold(0.0, f32::max);
            let least = group.iter().copied().fold(0.0, f32::min);
            let step = (most - least) / 15.0;
            for (weight, back) in group.iter().zip(back) {
                let error = (weight - back).abs() / step;
                square += error * error;
                worst = worst.max(error);
            }
        }
        let mean = (square / weights.len() as f32).sqrt();
        // Uniform rounding errs by 0.289 steps; scales and minima of six bits
        // add to it. At the edges, the search gives up some for the rest.
        assert!(mean < 0.36, "{seed}: {mean}");
        assert!(worst < 2.0, "{seed}: {worst}");
    }
}

#[test]
fn what_q4_k_can_hold_comes_back() {
    // Scales of 63, 62, … 56 and minima of 63, … 7 in units of 1 / 64.
    let quants = (0..256).map(|at: u16| f32::from(at * 7 % 16));
    let weights: Vec<f32> = quants
        .enumerate()
        .map(|(at, quant)| {
            let group = (at / 32) as f32;
            quant * (63.0 - group) / 64.0 - (63.0 - 8.0 * group) / 64.0
        })
        .collect();
    let back = round_trip(QuantType::Q4K, &weights);
    for (weight, back) in weights.iter().zip(back) {
        assert!((weight - back).abs() < 2e-2, "{weight} {back}");
    }
}

#[test]
fn odd_numbers_are_survived() {
    let mut constant = vec![-0.25; 256];
    assert!(
        round_trip(QuantType::Q4K, &constant)
            .iter()
            .all(|x| (x + 0.25).abs() < 1e-3)
    );
    assert_eq!(round_trip(QuantType::Q4K, &[0.0; 256]), [0.0; 256]);
    for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, 1e-45] {
        constant[7] = odd;
        quantized(QuantType::Q4K, &constant);
        quantized(QuantType::Q8_0, &constant);
    }
}

#[test]
fn scales_and_minima_are_read_as_they_were_written() {
    let steps = [0, 1, 2, 3, 4, 5, 6, 7].map(|group: u8| (63 - 9 * group, 5 + 8 * group));
    let mut block = vec![0; 144];
    block[1] = 0x3c; // the factor 1
    block[3] = 0x3c;
    block[4..16].copy_from_slice(&six_bits(&steps));
    let mut out = [0.0; 256];
    block[16..].fill(0x11);
    dequantize_row(Format::Q4K, &block, &mut out);
    for (group, (scale, minimum)) in steps.into_iter().enumerate() {
        let expected = f32::from(scale) - f32::from(minimum);
        assert!(out[32 * group..][..32].iter().all(|&x| x == expected));
    }
}

#[test]
#[should_panic(expected = "bytes of the blocks")]
fn a_row_without_room_is_refused() {
    QuantType::Q8_0.quantize(Level::SCALAR, &[0.0; 64], &mut [0; 34]);
}

#[test]
fn rows_must_be_whole_blocks() {
    assert!(QuantType::Q8_0.fits(32) && !QuantType::Q8_0.fits(48) && !QuantType::Q8_0.fits(0));
    assert!(QuantType::Q4K.fits(512) && !QuantType::Q4K.fits(128));
}

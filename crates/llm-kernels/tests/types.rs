//! Every quantized format against the Python package `gguf`: the golden file
//! and the script that made it tell the rest.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use llm_kernels::block::Format;
use llm_kernels::dequantize::dequantize_row;

const GOLDEN: &str = include_str!("golden/types.txt");

fn bytes(hex: &str) -> Vec<u8> {
    let pairs = (0..hex.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

#[test]
fn weights_are_those_of_the_python_package_to_the_bit() {
    for format in Format::ALL.into_iter().filter(|f| f.is_quantized()) {
        let mut lines = GOLDEN.lines().map(|line| line.split(' '));
        let mut line = lines
            .find(|line| line.clone().next() == Some(&format.to_string()))
            .unwrap();
        let (blocks, bits) = (line.nth(1).unwrap(), line.next().unwrap());
        let (blocks, bits) = (bytes(blocks), bytes(bits));
        let mut weights = vec![f32::NAN; bits.len() / 4];
        assert_eq!(blocks.len(), format.row_bytes(weights.len()), "{format}");
        dequantize_row(format, &blocks, &mut weights);
        for (at, (weight, bits)) in weights.iter().zip(bits.chunks_exact(4)).enumerate() {
            let expected = f32::from_le_bytes(bits.try_into().unwrap());
            assert_eq!(
                weight.to_bits(),
                expected.to_bits(),
                "{format}, weight {at}: {weight} for {expected}"
            );
        }
    }
}

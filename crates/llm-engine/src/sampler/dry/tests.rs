//! Tests of DRY against what it is in words.

use super::*;

/// The definition, without any haste.
fn common_length(tokens: &[u32], at: usize) -> usize {
    let pairs = tokens.iter().zip(&tokens[at..]);
    pairs.take_while(|(a, b)| a == b).count()
}

/// All texts of up to seven tokens, three of which there are.
#[test]
fn common_lengths_are_those_that_are_counted_one_by_one() {
    for length in 0..=7_u32 {
        for number in 0..3_u32.pow(length) {
            let tokens: Vec<u32> = (0..length).map(|at| number / 3_u32.pow(at) % 3).collect();
            let counted = (1..tokens.len()).map(|at| common_length(&tokens, at));
            let found = common_lengths(&tokens);
            assert!(found.into_iter().skip(1).eq(counted), "{tokens:?}");
        }
    }
}

/// The example of llama.cpp's `llama_sampler_dry_apply`: after `a b c c b c y a
/// b c` a `c` would continue three tokens, a `b` one, a `y` two.
#[test]
fn the_longest_repetition_of_each_token_is_found() {
    let [a, b, c, y] = [0, 1, 2, 3];
    let dry = Dry {
        multiplier: 1.0,
        allowed_length: 1,
        ..Dry::OFF
    };
    let recent = [c, b, a, y, c, b, c, c, b, a];
    let wanted = HashMap::from([(c, 3), (b, 1), (y, 2)]);
    assert_eq!(dry.repeated(&recent), wanted);
}

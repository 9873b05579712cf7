//! A head whose state is a matrix: its tokens, one after the other, fade it, write to it
//! and read from it.
//!
//! A row of the state meets the tokens in their order and no other row, so that
//! its chain of roundings is the same however tokens are cut into calls.

use crate::simd::dispatch;
use crate::vector::{LANES, sum_of_lanes};

/// Rows of the state that meet all tokens of a call before the next ones do:
/// they stay in the first-level cache.
const ROWS: usize = 16;

/// Rows that meet a token together: they share what is loaded of it, and their
/// chains of additions overlap.
const GROUP: usize = 2;

/// The tokens of one head.
#[derive(Debug, Clone, Copy)]
pub struct Tokens<'a> {
    /// Elements of a query and of a key.
    pub key_dim: usize,
    /// Elements of a value.
    pub value_dim: usize,
    /// Elements from one token's query, key or value to the next one's.
    pub stride: usize,
    /// From the first token's query on.
    pub queries: &'a [f32],
    /// From the first token's key on.
    pub keys: &'a [f32],
    /// From the first token's value on.
    pub values: &'a [f32],
    /// Elements from one token's gates to the next one's.
    pub gate_stride: usize,
    /// How much of the state is kept, 0 to 1.
    pub kept: &'a [f32],
    /// How much of a token is written.
    pub strengths: &'a [f32],
}

dispatch! {
    /// Updates `state`, (`value_dim`, `key_dim`), with all tokens by the gated delta rule
    /// and writes what each one reads from it to `out`, (tokens, `value_dim`) (Yang et
    /// al. 2024, arXiv:2412.06464, equation 10). Keys have unit length.
    ///
    /// A token decays `S = kept S`, writes `S += strength (v - S k) kᵀ` and reads
    /// `S q`.
    ///
    /// # Panics
    /// If a slice lacks elements of a token, or a length is 0.
    pub fn delta_rule(tokens: &Tokens<'_>, state: &mut [f32], out: &mut [f32]) = delta_rule_body
}

dispatch! {
    /// The same with the recurrence of state-space duality: a token writes
    /// `S += strength v kᵀ`, whatever is there (Dao and Gu 2024, arXiv:2405.21060,
    /// where a key is B, a query C and a strength Δ).
    ///
    /// # Panics
    /// If a slice lacks elements of a token, or a length is 0.
    pub fn decayed_sum(tokens: &Tokens<'_>, state: &mut [f32], out: &mut [f32]) = decayed_sum_body
}

#[inline(always)]
fn delta_rule_body(tokens: &Tokens<'_>, state: &mut [f32], out: &mut [f32]) {
    run::<true>(tokens, state, out);
}

#[inline(always)]
fn decayed_sum_body(tokens: &Tokens<'_>, state: &mut [f32], out: &mut [f32]) {
    run::<false>(tokens, state, out);
}

/// One token of one head.
struct Token<'a> {
    query: &'a [f32],
    key: &'a [f32],
    kept: f32,
    strength: f32,
}

/// `DELTA` is whether what is there for a key is taken off its value.
#[inline(always)]
fn run<const DELTA: bool>(tokens: &Tokens<'_>, state: &mut [f32], out: &mut [f32]) {
    let (dim, values) = (tokens.key_dim, tokens.value_dim);
    for (block, rows) in state.chunks_mut(ROWS * dim).enumerate() {
        let first = block * ROWS;
        for (token, out) in out.chunks_exact_mut(values).enumerate() {
            let at = token * tokens.stride;
            let gate = token * tokens.gate_stride;
            let token = Token {
                query: &tokens.queries[at..at + dim],
                key: &tokens.keys[at..at + dim],
                kept: tokens.kept[gate],
                strength: tokens.strengths[gate],
            };
            let values = &tokens.values[at..at + values][first..];
            let targets = out[first..].chunks_mut(GROUP).zip(values.chunks(GROUP));
            for (rows, (out, values)) in rows.chunks_mut(GROUP * dim).zip(targets) {
                if rows.len() == GROUP * dim {
                    step::<GROUP, DELTA>(&token, rows, values, out);
                    continue;
                }
                let targets = out.chunks_mut(1).zip(values.chunks(1));
                for (row, (out, value)) in rows.chunks_exact_mut(dim).zip(targets) {
                    step::<1, DELTA>(&token, row, value, out);
                }
            }
        }
    }
}

/// Updates `R` rows with one token; `values` and `out` have one element a row.
#[inline(always)]
fn step<const R: usize, const DELTA: bool>(
    token: &Token<'_>,
    rows: &mut [f32],
    values: &[f32],
    out: &mut [f32],
) {
    let mut slices = rows.chunks_exact_mut(token.key.len());
    let rows: [_; R] = std::array::from_fn(|_| {
        let row = slices.next().unwrap_or_default();
        row.as_chunks_mut::<LANES>()
    });
    let (keys, last_key) = token.key.as_chunks::<LANES>();
    let (queries, last_query) = token.query.as_chunks::<LANES>();
    let kept = token.kept;
    let mut changes: [f32; R] = std::array::from_fn(|row| values[row] * token.strength);
    if DELTA {
        // What the rows hold for the key.
        let mut lanes = [[0.0_f32; LANES]; R];
        for (chunk, key) in keys.iter().enumerate() {
            for row in 0..R {
                let (sums, x) = (lanes[row], &rows[row].0[chunk]);
                lanes[row] = std::array::from_fn(|lane| sums[lane] + x[lane] * key[lane]);
            }
        }
        for row in 0..R {
            let known = sum_of_lanes(lanes[row]) + rest_of_dot(rows[row].1, last_key);
            changes[row] = (values[row] - kept * known) * token.strength;
        }
    }
    // Written and read at once, while a part of a row is in registers.
    let mut lanes = [[0.0_f32; LANES]; R];
    for (chunk, (key, query)) in keys.iter().zip(queries).enumerate() {
        for row in 0..R {
            let (sums, x) = (lanes[row], &mut rows[row].0[chunk]);
            *x = std::array::from_fn(|lane| kept * x[lane] + changes[row] * key[lane]);
            lanes[row] = std::array::from_fn(|lane| sums[lane] + x[lane] * query[lane]);
        }
    }
    for row in 0..R {
        let rest = &mut *rows[row].1;
        for (x, key) in rest.iter_mut().zip(last_key) {
            *x = kept * *x + changes[row] * key;
        }
        out[row] = sum_of_lanes(lanes[row]) + rest_of_dot(rest, last_query);
    }
}

/// The products of what is left of a row behind its whole lanes.
#[inline(always)]
fn rest_of_dot(x: &[f32], y: &[f32]) -> f32 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Level;

    const COUNT: usize = 7;
    /// Elements of a key and of a value.
    const DIMS: [(usize, usize); 8] = [
        (3, 3),
        (4, 4),
        (16, 16),
        (24, 24),
        (41, 41),
        (128, 128),
        (16, 5),
        (9, 64),
    ];

    /// (tokens, query, key, value) and two gates a token.
    fn input((dim, values): (usize, usize)) -> (Vec<f32>, Vec<f32>) {
        let wave = |i: usize| (i as f32 * 0.73).sin();
        let mixed = (0..COUNT * (2 * dim + values)).map(|i| wave(i) / (dim as f32).sqrt());
        let gates = (0..COUNT * 2).map(|i| 0.5 + 0.4 * wave(i * 5));
        (mixed.collect(), gates.collect())
    }

    fn tokens<'a>((dim, values): (usize, usize), mixed: &'a [f32], gates: &'a [f32]) -> Tokens<'a> {
        Tokens {
            key_dim: dim,
            value_dim: values,
            stride: 2 * dim + values,
            queries: mixed,
            keys: &mixed[dim..],
            values: &mixed[2 * dim..],
            gate_stride: 2,
            kept: gates,
            strengths: &gates[1..],
        }
    }

    /// The definitions, step by step in double precision.
    fn plain(
        (dim, values): (usize, usize),
        mixed: &[f32],
        gates: &[f32],
        is_delta: bool,
    ) -> Vec<f64> {
        let mut state = vec![0.0; dim * values];
        let mut out = Vec::new();
        let tokens = mixed.chunks_exact(2 * dim + values);
        for (mixed, gates) in tokens.zip(gates.chunks_exact(2)) {
            let mixed: Vec<f64> = mixed.iter().map(|&x| f64::from(x)).collect();
            let (query, rest) = mixed.split_at(dim);
            let (key, value) = rest.split_at(dim);
            for (row, value) in state.chunks_exact_mut(dim).zip(value) {
                for x in row.iter_mut() {
                    *x *= f64::from(gates[0]);
                }
                let known: f64 = row.iter().zip(key).map(|(x, k)| x * k).sum();
                let known = if is_delta { known } else { 0.0 };
                for (x, key) in row.iter_mut().zip(key) {
                    *x += f64::from(gates[1]) * (value - known) * key;
                }
                out.push(row.iter().zip(query).map(|(x, q)| x * q).sum());
            }
        }
        out
    }

    type Rule = fn(Level, &Tokens<'_>, &mut [f32], &mut [f32]);
    const RULES: [(Rule, bool); 2] = [(delta_rule, true), (decayed_sum, false)];

    #[test]
    fn the_result_is_that_of_the_definition() {
        for (dims, (rule, is_delta)) in DIMS.into_iter().flat_map(|it| RULES.map(|rule| (it, rule)))
        {
            let (mixed, gates) = input(dims);
            let expected = plain(dims, &mixed, &gates, is_delta);
            let (mut state, mut out) = (vec![0.0; dims.0 * dims.1], vec![0.0; COUNT * dims.1]);
            let all = tokens(dims, &mixed, &gates);
            rule(Level::SCALAR, &all, &mut state, &mut out);
            let size = expected.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
            for (got, expected) in out.iter().zip(&expected) {
                assert!((f64::from(*got) - expected).abs() < 1e-5 * size, "{dims:?}");
            }
        }
    }

    #[test]
    fn levels_and_cuts_agree_to_the_bit() {
        for (dims, (rule, _)) in DIMS.into_iter().flat_map(|it| RULES.map(|rule| (it, rule))) {
            let (mixed, gates) = input(dims);
            let stride = 2 * dims.0 + dims.1;
            let mut expected = None;
            for level in Level::available() {
                for cut in [COUNT, 1, 3] {
                    let mut state = vec![0.0; dims.0 * dims.1];
                    let mut out = vec![0.0; COUNT * dims.1];
                    for (part, out) in out.chunks_mut(cut * dims.1).enumerate() {
                        let (mixed, gates) =
                            (&mixed[part * cut * stride..], &gates[part * cut * 2..]);
                        rule(level, &tokens(dims, mixed, gates), &mut state, out);
                    }
                    let bits: Vec<u32> = out.iter().chain(&state).map(|x| x.to_bits()).collect();
                    let expected = expected.get_or_insert_with(|| bits.clone());
                    assert_eq!(&bits, expected, "{dims:?}, {level:?}, {cut}");
                }
            }
        }
    }
}

//! Softmax attention over full sequences, as encoders have it: every position sees
//! all of its text, and nothing is kept for later.
//!
//! A text's steps depend on its own length only, so that its rows are the same
//! to the bit alone and among others. Keys are transposed into a scratch, so
//! that the scores of neighbouring positions fill a register; values are read
//! where they lie.

use std::cell::RefCell;
use std::ops::Range;

use super::{LANES, SHARED};
use crate::pool::{DisjointRows, Pool};
use crate::prefetch::IdlePrefetch;
use crate::simd::{Level, dispatch};
use crate::vector::{exp, sum_of_lanes};

/// Full-sequence attention over a batch of texts.
#[derive(Debug, Clone, Copy)]
pub struct FullSequence<'a> {
    /// Query heads, and as many key and value heads.
    pub heads: usize,
    /// Elements of a head.
    pub head_dim: usize,
    /// Factor of the scores.
    pub scale: f32,
    /// The rows of each text, one behind the other.
    pub texts: &'a [Range<usize>],
}

/// With this many texts a thread, a text is one piece of work; with fewer, each of its
/// heads is, so that every thread has something to do.
const MANY: usize = 4;

impl FullSequence<'_> {
    /// Computes attention; all slices are (rows, `heads` * `head_dim`).
    ///
    /// # Panics
    /// If a text has rows that a slice lacks, or that the one before it has, or a head
    /// has no elements.
    pub fn run(
        &self,
        level: Level,
        pool: &Pool,
        [queries, keys, values]: [&[f32]; 3],
        out: &mut [f32],
    ) {
        let width = self.heads * self.head_dim;
        let mut pairs = self.texts.windows(2);
        assert!(pairs.all(|pair| pair[0].end <= pair[1].start));
        let rows = DisjointRows::new(out, width);
        let parts = if self.texts.len() >= MANY * pool.threads() {
            1
        } else {
            self.heads
        };
        let run = |item: usize| {
            let text = &self.texts[item / parts];
            let elements = text.start * width..text.end * width;
            let [queries, keys, values] =
                [queries, keys, values].map(|rows| &rows[elements.clone()]);
            let share = self.heads / parts;
            for index in item % parts * share..(item % parts + 1) * share {
                let head = Head {
                    dim: self.head_dim,
                    first: index * self.head_dim,
                    width,
                    scale: self.scale,
                    queries,
                    keys,
                    values,
                };
                SCRATCH.with_borrow_mut(|scratch| {
                    scratch.transpose(&head);
                    // SAFETY: items are handed out once, and so each pair of a
                    // text and a head.
                    let mut out =
                        |row| unsafe { rows.part(text.start + row, head.first, head.dim) };
                    attend(level, &head, scratch, &mut out);
                });
            }
        };
        pool.for_each_in_runs(self.texts.len() * parts, run, |_| IdlePrefetch::NONE);
    }
}

/// One head of one text.
struct Head<'a> {
    dim: usize,
    /// The head's first column.
    first: usize,
    /// Columns of a row.
    width: usize,
    scale: f32,
    /// (positions, `width`)
    queries: &'a [f32],
    keys: &'a [f32],
    values: &'a [f32],
}

impl Head<'_> {
    fn positions(&self) -> usize {
        self.keys.len() / self.width
    }

    fn row<'a>(&self, all: &'a [f32], row: usize) -> &'a [f32] {
        &all[row * self.width + self.first..][..self.dim]
    }
}

#[derive(Default)]
struct Scratch {
    /// (`head_dim`, positions, rounded up to whole registers)
    keys: Vec<f32>,
    /// (`SHARED`, positions, rounded up)
    scores: Vec<f32>,
}

thread_local! {
    /// Each thread's scratch space, kept from one text to the next.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Scratch {
    fn transpose(&mut self, head: &Head<'_>) {
        let padded = head.positions().next_multiple_of(LANES);
        self.keys.clear();
        self.keys.resize(head.dim * padded, 0.0);
        self.scores.resize(SHARED * padded, 0.0);
        for position in 0..head.positions() {
            let key = head.row(head.keys, position);
            for (column, x) in self.keys[position..].iter_mut().step_by(padded).zip(key) {
                *column = *x;
            }
        }
    }
}

/// A row of the results, by its position.
type Out<'a, 'b> = dyn FnMut(usize) -> &'a mut [f32] + 'b;

dispatch! {
    fn attend(head: &Head<'_>, scratch: &mut Scratch, out: &mut Out<'_, '_>) = attend_body
}

#[inline(always)]
fn attend_body(head: &Head<'_>, scratch: &mut Scratch, out: &mut Out<'_, '_>) {
    let count = head.positions();
    for first in (0..count).step_by(SHARED) {
        match count - first {
            1 => queries::<1>(head, scratch, first, out),
            2 => queries::<2>(head, scratch, first, out),
            3 => queries::<3>(head, scratch, first, out),
            4 => queries::<4>(head, scratch, first, out),
            5 => queries::<5>(head, scratch, first, out),
            _ => queries::<SHARED>(head, scratch, first, out),
        }
    }
}

/// Computes the results of `N` queries from `first` on.
#[inline(always)]
fn queries<const N: usize>(
    head: &Head<'_>,
    scratch: &mut Scratch,
    first: usize,
    out: &mut Out<'_, '_>,
) {
    let count = head.positions();
    let padded = count.next_multiple_of(LANES);
    let rows: [&[f32]; N] = std::array::from_fn(|lane| head.row(head.queries, first + lane));
    let Scratch { keys, scores } = scratch;
    for part in (0..padded).step_by(LANES) {
        let mut sums = [[0.0_f32; LANES]; N];
        for (element, column) in keys.chunks_exact(padded).enumerate() {
            let mut key = [0.0; LANES];
            key.copy_from_slice(&column[part..part + LANES]);
            for (sums, query) in sums.iter_mut().zip(rows) {
                let x = query[element];
                for (sum, key) in sums.iter_mut().zip(&key) {
                    *sum = x.mul_add(*key, *sum);
                }
            }
        }
        for (scores, sums) in scores.chunks_exact_mut(padded).zip(&sums) {
            scores[part..part + LANES].copy_from_slice(sums);
        }
    }
    let mut inverse = [0.0; N];
    for (scores, inverse) in scores.chunks_exact_mut(padded).zip(&mut inverse) {
        *inverse = 1.0 / weigh(scores, count, head.scale);
    }
    let weights: [&[f32]; N] = std::array::from_fn(|lane| &scores[lane * padded..][..count]);
    let whole = head.dim / LANES * LANES;
    for part in (0..whole).step_by(LANES) {
        let mut sums = [[0.0_f32; LANES]; N];
        for position in 0..count {
            let mut value = [0.0; LANES];
            value.copy_from_slice(&head.row(head.values, position)[part..part + LANES]);
            for (sums, weights) in sums.iter_mut().zip(weights) {
                let weight = weights[position];
                for (sum, value) in sums.iter_mut().zip(&value) {
                    *sum = weight.mul_add(*value, *sum);
                }
            }
        }
        for (lane, (sums, inverse)) in sums.iter_mut().zip(inverse).enumerate() {
            sums.iter_mut().for_each(|sum| *sum *= inverse);
            out(first + lane)[part..part + LANES].copy_from_slice(sums);
        }
    }
    for element in whole..head.dim {
        for (lane, (weights, inverse)) in weights.into_iter().zip(inverse).enumerate() {
            let mut sum = 0.0_f32;
            for (position, weight) in weights.iter().enumerate() {
                sum = weight.mul_add(head.row(head.values, position)[element], sum);
            }
            out(first + lane)[element] = sum * inverse;
        }
    }
}

/// Turns the first `count` scores into weights relative to the largest, the
/// others into 0, and returns the sum of the weights.
#[inline(always)]
fn weigh(scores: &mut [f32], count: usize, scale: f32) -> f32 {
    for score in scores.iter_mut() {
        *score *= scale;
    }
    scores[count..].fill(f32::NEG_INFINITY);
    let mut largest = [f32::NEG_INFINITY; LANES];
    for part in scores.chunks_exact(LANES) {
        for (largest, &score) in largest.iter_mut().zip(part) {
            *largest = if score > *largest { score } else { *largest };
        }
    }
    let most = largest.into_iter().fold(f32::NEG_INFINITY, f32::max);
    let mut sums = [0.0_f32; LANES];
    for part in scores.chunks_exact_mut(LANES) {
        for (sum, score) in sums.iter_mut().zip(part) {
            *score = exp(*score - most);
            *sum += *score;
        }
    }
    sum_of_lanes(sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, step: f32) -> Vec<f32> {
        (0..count).map(|at| (at as f32 * step).sin()).collect()
    }

    /// Attention as it is defined, in double precision, (positions, dim).
    fn defined(head: &Head<'_>, row: usize) -> Vec<f64> {
        let product = |a: &[f32], b: &[f32]| -> f64 {
            let pairs = a.iter().zip(b);
            pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        };
        let query = head.row(head.queries, row);
        let weights: Vec<f64> = (0..head.positions())
            .map(|at| (product(query, head.row(head.keys, at)) * f64::from(head.scale)).exp())
            .collect();
        let total: f64 = weights.iter().sum();
        let value = |element: usize| {
            let all = weights.iter().enumerate();
            let sum: f64 = all
                .map(|(at, weight)| weight * f64::from(head.row(head.values, at)[element]))
                .sum();
            sum / total
        };
        (0..head.dim).map(value).collect()
    }

    #[test]
    fn every_level_computes_softmax_attention() {
        let pool = Pool::new(2).unwrap();
        for (heads, dim) in [(1, 16), (3, 32), (2, 20), (2, 7)] {
            let width = heads * dim;
            let texts = [0..1, 1..18, 18..34, 34..100];
            let [queries, keys, values] = [0.37, 0.11, 0.23].map(|step| numbers(100 * width, step));
            let run = |level, texts: &[Range<usize>]| {
                let attention = FullSequence {
                    heads,
                    head_dim: dim,
                    scale: 0.4,
                    texts,
                };
                let mut out = vec![0.0; 100 * width];
                attention.run(level, &pool, [&queries, &keys, &values], &mut out);
                out
            };
            let judge = run(Level::SCALAR, &texts);
            for text in &texts {
                let elements = text.start * width..text.end * width;
                for head in 0..heads {
                    let head = Head {
                        dim,
                        first: head * dim,
                        width,
                        scale: 0.4,
                        queries: &queries[elements.clone()],
                        keys: &keys[elements.clone()],
                        values: &values[elements.clone()],
                    };
                    for row in 0..text.len() {
                        let got = head.row(&judge[elements.clone()], row);
                        for (x, wanted) in got.iter().zip(defined(&head, row)) {
                            assert!((f64::from(*x) - wanted).abs() < 1e-5, "{x}, {wanted}");
                        }
                    }
                }
            }
            for level in Level::available() {
                let bits = |all: &[f32]| all.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&run(level, &texts)), bits(&judge), "{level:?}");
                let alone = run(level, &texts[3..]);
                assert_eq!(bits(&alone[34 * width..]), bits(&judge[34 * width..]));
            }
        }
    }
}

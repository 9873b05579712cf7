//! Rotary position embedding (Su et al. 2021, arXiv:2104.09864).

use crate::simd::dispatch;

/// Which elements of a head form a rotated pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RopeLayout {
    /// Elements `2 i` and `2 i + 1` (ggml's "normal" kind).
    Adjacent,
    /// Elements `i` and `i + n / 2` of `n` rotated ones (ggml's "neox" kind).
    Halves,
}

dispatch! {
    /// Rotates the first `2 * cos.len()` elements of each head of one position.
    ///
    /// `x` is (heads, `head_dim`); `cos` and `sin` hold one angle a pair.
    ///
    /// # Panics
    /// If `head_dim` is 0, or with [`RopeLayout::Halves`] a head has fewer elements.
    pub fn rotate(x: &mut [f32], head_dim: usize, layout: RopeLayout, cos: &[f32], sin: &[f32]) = rotate_body
}

#[inline(always)]
fn rotate_body(x: &mut [f32], head_dim: usize, layout: RopeLayout, cos: &[f32], sin: &[f32]) {
    let pairs = cos.len();
    for head in x.chunks_exact_mut(head_dim) {
        match layout {
            RopeLayout::Adjacent => {
                for (pair, (cos, sin)) in head.chunks_exact_mut(2).zip(cos.iter().zip(sin)) {
                    let (a, b) = (pair[0], pair[1]);
                    pair[0] = a * cos - b * sin;
                    pair[1] = a * sin + b * cos;
                }
            }
            RopeLayout::Halves => {
                let (low, high) = head[..2 * pairs].split_at_mut(pairs);
                for ((a, b), (cos, sin)) in low.iter_mut().zip(high).zip(cos.iter().zip(sin)) {
                    let (x, y) = (*a, *b);
                    *a = x * cos - y * sin;
                    *b = x * sin + y * cos;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Level;

    #[test]
    fn a_quarter_turn_swaps_the_pair() {
        let mut adjacent = [1.0, 2.0, 3.0, 4.0, 9.0];
        rotate(
            Level::SCALAR,
            &mut adjacent,
            5,
            RopeLayout::Adjacent,
            &[0.0, 1.0],
            &[1.0, 0.0],
        );
        assert_eq!(adjacent, [-2.0, 1.0, 3.0, 4.0, 9.0]);
        let mut halves = [1.0, 2.0, 3.0, 4.0, 9.0];
        rotate(
            Level::SCALAR,
            &mut halves,
            5,
            RopeLayout::Halves,
            &[0.0, 1.0],
            &[1.0, 0.0],
        );
        assert_eq!(halves, [-3.0, 2.0, 1.0, 4.0, 9.0]);
    }

    #[test]
    fn levels_agree_to_the_bit() {
        let angle = |i: usize| i as f32 * 0.71;
        for (dim, pairs) in [(2, 1), (5, 2), (16, 8), (34, 17), (80, 24), (128, 64)] {
            let (cos, sin): (Vec<f32>, Vec<f32>) =
                (0..pairs).map(|i| (angle(i).cos(), angle(i).sin())).unzip();
            for layout in [RopeLayout::Adjacent, RopeLayout::Halves] {
                let run = |level| {
                    let mut x: Vec<f32> = (0..3 * dim).map(|i| angle(i).sin()).collect();
                    rotate(level, &mut x, dim, layout, &cos, &sin);
                    x.iter().map(|x| x.to_bits()).collect::<Vec<_>>()
                };
                for level in Level::available() {
                    assert_eq!(
                        run(level),
                        run(Level::SCALAR),
                        "{level:?}, {dim}, {layout:?}"
                    );
                }
            }
        }
    }
}

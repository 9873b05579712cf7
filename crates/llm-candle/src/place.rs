//! What a chunk's positions mean to a layer: how far its queries and keys are
//! turned, and which positions a query sees. Layers that agree share it.

use candle_core::{Device, Result, Tensor};
use llm_engine::spec::{LayerSpec, Rope, Spec};

/// The angles and the mask of one chunk for one kind of layer.
#[derive(Debug)]
pub(crate) struct Place {
    /// (rows, 1, `rope_dim` / 2)
    pub(crate) cos: Tensor,
    /// (rows, 1, `rope_dim` / 2)
    pub(crate) sin: Tensor,
    /// (rows, positions): 0 where a row sees a position, else minus infinity.
    pub(crate) mask: Tensor,
}

/// The kinds of layers of a model.
#[derive(Debug)]
pub(crate) struct Kinds {
    distinct: Vec<LayerSpec>,
    /// The kind of each layer.
    of_layer: Vec<usize>,
    /// Radians a position, (`rope_dim` / 2), one entry a kind.
    frequencies: Vec<Vec<f64>>,
}

impl Kinds {
    pub(crate) fn new(spec: &Spec, divisors: Option<&[f32]>) -> Self {
        let mut distinct: Vec<LayerSpec> = Vec::new();
        let mut of_layer = Vec::new();
        for layer in &spec.layers {
            let known = distinct.iter().position(|kind| kind == layer);
            of_layer.push(known.unwrap_or(distinct.len()));
            if known.is_none() {
                distinct.push(*layer);
            }
        }
        let series = |kind: &LayerSpec| frequencies(kind.rope, spec.rope_dim, divisors);
        Self {
            frequencies: distinct.iter().map(series).collect(),
            distinct,
            of_layer,
        }
    }

    /// Returns which of the places belongs to a layer.
    pub(crate) fn of_layer(&self, layer: usize) -> usize {
        self.of_layer[layer]
    }

    /// Computes the places of `rows` positions from `start` on, one a kind.
    pub(crate) fn places(&self, start: usize, rows: usize, device: &Device) -> Result<Vec<Place>> {
        let kinds = self.distinct.iter().zip(&self.frequencies);
        kinds
            .map(|(kind, frequencies)| Place::new(kind.window, frequencies, start, rows, device))
            .collect()
    }
}

/// Returns `factor * base^(-2 i / dim) / divisor[i]` for each pair `i` (Su et
/// al. 2021, arXiv:2104.09864; the divisors stretch the slow ones, as Llama 3.1
/// does). Computed here once more, and not taken from the engine, since this
/// pass is the engine's judge.
fn frequencies(rope: Rope, dim: usize, divisors: Option<&[f32]>) -> Vec<f64> {
    let frequency = |pair: usize| {
        let divisor = divisors.map_or(1.0, |divisors| f64::from(divisors[pair]));
        let base = f64::from(rope.base).powf(2.0 * pair as f64 / dim as f64);
        f64::from(rope.factor) / (base * divisor)
    };
    (0..dim / 2).map(frequency).collect()
}

impl Place {
    fn new(
        window: Option<usize>,
        frequencies: &[f64],
        start: usize,
        rows: usize,
        device: &Device,
    ) -> Result<Self> {
        let positions = start + rows;
        let angles: Vec<f64> = (start..positions)
            .flat_map(|position| frequencies.iter().map(move |f| f * position as f64))
            .collect();
        let cos: Vec<f32> = angles.iter().map(|angle| angle.cos() as f32).collect();
        let sin: Vec<f32> = angles.iter().map(|angle| angle.sin() as f32).collect();
        let sees = |query: usize, key: usize| {
            key <= query && window.is_none_or(|window| query - key < window)
        };
        let mask: Vec<f32> = (start..positions)
            .flat_map(|query| (0..positions).map(move |key| (query, key)))
            .map(|(query, key)| {
                if sees(query, key) {
                    0.0
                } else {
                    f32::NEG_INFINITY
                }
            })
            .collect();
        let shape = (rows, 1, frequencies.len());
        Ok(Self {
            cos: Tensor::from_vec(cos, shape, device)?,
            sin: Tensor::from_vec(sin, shape, device)?,
            mask: Tensor::from_vec(mask, (rows, positions), device)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_counts_the_query_itself() {
        let place = Place::new(Some(2), &[0.5], 1, 2, &Device::Cpu).unwrap();
        let hidden = f32::NEG_INFINITY;
        assert_eq!(
            place.mask.to_vec2::<f32>().unwrap(),
            [[0.0, 0.0, hidden], [hidden, 0.0, 0.0]]
        );
        let cos = place.cos.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(cos, [0.5_f64.cos() as f32, 1.0_f64.cos() as f32]);
    }

    #[test]
    fn frequencies_fall_from_one_to_near_the_base() {
        let rope = Rope {
            base: 10_000.0,
            factor: 0.5,
        };
        let plain = frequencies(rope, 4, None);
        assert!((plain[0] - 0.5).abs() < 1e-12 && (plain[1] - 0.005).abs() < 1e-12);
        let divided = frequencies(rope, 4, Some(&[1.0, 8.0]));
        assert!((divided[1] - 0.000_625).abs() < 1e-12);
    }
}

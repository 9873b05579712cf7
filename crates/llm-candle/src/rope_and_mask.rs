//! What a chunk's positions mean to a layer: how far its queries and keys are
//! turned, and which positions a query sees. Layers that agree share it.

use candle_core::{Device, Result, Tensor};
use llm_engine::spec::{Ramp, Rope, Spec, Temperature};

/// The angles and the mask of one chunk for one kind of layer.
#[derive(Debug)]
pub(crate) struct RopeAndMask {
    /// (rows, 1, rotated pairs)
    pub(crate) cos: Tensor,
    /// (rows, 1, rotated pairs)
    pub(crate) sin: Tensor,
    /// What queries are multiplied by, (rows, 1, 1), where that depends on the
    /// position.
    pub(crate) temperature: Option<Tensor>,
    /// (rows, positions): 0 where a row sees a position, else minus infinity.
    pub(crate) mask: Tensor,
}

/// The kinds of layers of a model.
#[derive(Debug)]
pub(crate) struct LayerKinds {
    /// The window of each kind.
    windows: Vec<Option<usize>>,
    /// The kind of each layer.
    of_layer: Vec<usize>,
    turns: Vec<Turn>,
    temperature: Option<Temperature>,
    /// Windows stand beside each other.
    chunked: bool,
}

/// How one kind of layer rotates.
#[derive(Debug, Default)]
struct Turn {
    /// Radians a position, (rotated pairs).
    frequencies: Vec<f64>,
    /// What cosines and sines are multiplied by.
    magnitude: f64,
}

impl LayerKinds {
    pub(crate) fn new(spec: &Spec, divisors: Option<&[f32]>) -> Self {
        let mut distinct: Vec<(Option<usize>, Option<Rope>)> = Vec::new();
        let mut of_layer = Vec::new();
        for layer in &spec.layers {
            let kind = (layer.window, layer.rope);
            let known = distinct.iter().position(|other| *other == kind);
            of_layer.push(known.unwrap_or(distinct.len()));
            if known.is_none() {
                distinct.push(kind);
            }
        }
        let turn = |rope: Option<Rope>| {
            rope.map_or_else(Turn::default, |rope| Turn {
                frequencies: frequencies(rope, divisors.filter(|_| rope.divided)),
                magnitude: f64::from(rope.magnitude),
            })
        };
        Self {
            turns: distinct.iter().map(|kind| turn(kind.1)).collect(),
            windows: distinct.iter().map(|kind| kind.0).collect(),
            of_layer,
            temperature: spec.temperature,
            chunked: spec.family.chunked,
        }
    }

    /// Returns the kind of a layer.
    pub(crate) fn of_layer(&self, layer: usize) -> usize {
        self.of_layer[layer]
    }

    /// Computes what `rows` positions from `start` on mean to each kind.
    pub(crate) fn for_positions(
        &self,
        start: usize,
        rows: usize,
        device: &Device,
    ) -> Result<Vec<RopeAndMask>> {
        let scale = |temperature: Temperature| {
            let factor = |position: usize| {
                let steps = (position + temperature.offset) as f64 / temperature.every as f64;
                (1.0 + f64::from(temperature.scale) * (1.0 + steps.floor()).ln()) as f32
            };
            let factors: Vec<f32> = (start..start + rows).map(factor).collect();
            Tensor::from_vec(factors, (rows, 1, 1), device)
        };
        let temperature = self.temperature.map(scale).transpose()?;
        let kinds = self.windows.iter().zip(&self.turns);
        kinds
            .map(|(window, turn)| {
                let sees = |query: usize, key: usize| {
                    key <= query
                        && window.is_none_or(|window| match self.chunked {
                            true => query / window == key / window,
                            false => query - key < window,
                        })
                };
                let rope_and_mask = RopeAndMask::new(&sees, turn, start, rows, device)?;
                let rotates = !turn.frequencies.is_empty();
                let is_for = |it: Temperature| !(it.unrotated && rotates);
                let temperature = temperature.clone();
                Ok(RopeAndMask {
                    temperature: temperature.filter(|_| self.temperature.is_some_and(is_for)),
                    ..rope_and_mask
                })
            })
            .collect()
    }
}

/// Returns `pace[i] * base^(-2 i / dim) / divisor[i]` for each pair `i` (Su et
/// al. 2021, arXiv:2104.09864; the divisors stretch the slow ones, as Llama 3.1
/// does; without a ramp every pace is the rope's factor, with one that of the
/// fast pairs is 1, as YaRN has it). Computed here once more, and not taken from
/// the engine, since this pass is the engine's judge.
fn frequencies(rope: Rope, divisors: Option<&[f32]>) -> Vec<f64> {
    let dim = rope.dim;
    let frequency = |pair: usize| {
        let divisor = divisors.map_or(1.0, |divisors| f64::from(divisors[pair]));
        let base = f64::from(rope.base).powf(2.0 * pair as f64 / dim as f64);
        let stretched = rope.ramp.map_or(1.0, |ramp| stretched(ramp, pair));
        let pace = 1.0 - stretched + stretched * f64::from(rope.factor);
        pace / (base * divisor)
    };
    (0..dim / 2).map(frequency).collect()
}

/// Returns how far a pair is from keeping its pace, 0 to 1.
fn stretched(ramp: Ramp, pair: usize) -> f64 {
    let (low, high) = (f64::from(ramp.low), f64::from(ramp.high));
    ((pair as f64 - low) / (high - low).max(1e-3)).clamp(0.0, 1.0)
}

impl RopeAndMask {
    fn new(
        sees: &dyn Fn(usize, usize) -> bool,
        turn: &Turn,
        start: usize,
        rows: usize,
        device: &Device,
    ) -> Result<Self> {
        let positions = start + rows;
        let angles: Vec<f64> = (start..positions)
            .flat_map(|position| turn.frequencies.iter().map(move |f| f * position as f64))
            .collect();
        let scaled = |x: f64| (x * turn.magnitude) as f32;
        let cos: Vec<f32> = angles.iter().map(|angle| scaled(angle.cos())).collect();
        let sin: Vec<f32> = angles.iter().map(|angle| scaled(angle.sin())).collect();
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
        let shape = (rows, 1, turn.frequencies.len());
        Ok(Self {
            temperature: None,
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
        let turn = Turn {
            frequencies: vec![0.5],
            magnitude: 1.0,
        };
        let rope_and_mask = RopeAndMask::new(
            &|query, key| key <= query && query - key < 2,
            &turn,
            1,
            2,
            &Device::Cpu,
        )
        .unwrap();
        let hidden = f32::NEG_INFINITY;
        assert_eq!(
            rope_and_mask.mask.to_vec2::<f32>().unwrap(),
            [[0.0, 0.0, hidden], [hidden, 0.0, 0.0]]
        );
        let cos = rope_and_mask
            .cos
            .flatten_all()
            .unwrap()
            .to_vec1::<f32>()
            .unwrap();
        assert_eq!(cos, [0.5_f64.cos() as f32, 1.0_f64.cos() as f32]);
    }

    #[test]
    fn frequencies_fall_from_one_to_near_the_base() {
        let rope = Rope {
            dim: 4,
            divided: true,
            base: 10_000.0,
            factor: 0.5,
            ramp: None,
            magnitude: 1.0,
        };
        let plain = frequencies(rope, None);
        assert!((plain[0] - 0.5).abs() < 1e-12 && (plain[1] - 0.005).abs() < 1e-12);
        let divided = frequencies(rope, Some(&[1.0, 8.0]));
        assert!((divided[1] - 0.000_625).abs() < 1e-12);
    }
}

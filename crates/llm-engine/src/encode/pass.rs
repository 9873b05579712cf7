//! The network (Devlin et al. 2018, arXiv:1810.04805): rows of all texts stand
//! one after another, without padding, and share each product; only attention
//! looks at one text at a time. A row's steps are the same whatever stands beside
//! it, so that a text's rows are the same to the bit alone and among others.

use llm_kernels::activations::Activations;
use llm_kernels::attention::{self, Attention, BLOCK, Span};
use llm_kernels::matmul::{Input, Matrix, multiply};
use llm_kernels::pool::Pool;
use llm_kernels::simd::Level;
use llm_kernels::vector;

use super::settings::Shape;
use super::weights::{Layer, Linear, Norm, Weights};

/// Returns the last layer's rows of all texts, (tokens, width).
pub(super) fn run(
    shape: &Shape,
    weights: &Weights,
    pool: &Pool,
    level: Level,
    texts: &[&[u32]],
) -> Vec<f32> {
    let mut pass = Pass::new(shape, pool, level, texts);
    pass.embed(weights, texts);
    for layer in &weights.layers {
        pass.attend(layer);
        pass.feed_forward(layer);
    }
    pass.x
}

/// Rows whose keys and values fill one block.
struct Place {
    /// First of at most [`BLOCK`] rows.
    row: usize,
    count: usize,
}

struct Pass<'a> {
    shape: &'a Shape,
    pool: &'a Pool,
    level: Level,
    rows: usize,
    spans: Vec<Span>,
    /// For each text the number of its blocks.
    lengths: Vec<usize>,
    places: Vec<Place>,
    attention: attention::Shape,
    activations: Activations,
    /// (rows, width)
    x: Vec<f32>,
    queries: Vec<f32>,
    keys: Vec<f32>,
    values: Vec<f32>,
    attended: Vec<f32>,
    projected: Vec<f32>,
    /// (rows, inner)
    inner: Vec<f32>,
    blocks: Vec<f32>,
}

impl<'a> Pass<'a> {
    fn new(shape: &'a Shape, pool: &'a Pool, level: Level, texts: &[&[u32]]) -> Self {
        let head = shape.width / shape.heads;
        let attention = attention::Shape {
            heads: shape.heads,
            kv_heads: shape.heads,
            head_dim: head,
            value_dim: head,
            scale: 1.0 / (head as f32).sqrt(),
            soft_cap: None,
        };
        let (mut spans, mut lengths, mut places, mut row) = (vec![], vec![], vec![], 0);
        for text in texts.iter().filter(|text| !text.is_empty()) {
            spans.push(Span {
                sequence: spans.len(),
                row,
                count: text.len(),
                position: 0,
            });
            lengths.push(text.len().div_ceil(BLOCK));
            for start in (0..text.len()).step_by(BLOCK) {
                let count = BLOCK.min(text.len() - start);
                places.push(Place {
                    row: row + start,
                    count,
                });
            }
            row += text.len();
        }
        let of = |width: usize| vec![0.0; row * width];
        Self {
            shape,
            pool,
            level,
            rows: row,
            spans,
            lengths,
            blocks: vec![0.0; places.len() * attention.block_elements()],
            places,
            attention,
            activations: Activations::default(),
            x: of(shape.width),
            queries: of(shape.width),
            keys: of(shape.width),
            values: of(shape.width),
            attended: of(shape.width),
            projected: of(shape.width),
            inner: of(shape.inner),
        }
    }

    fn embed(&mut self, weights: &Weights, texts: &[&[u32]]) {
        let width = self.shape.width;
        let all = texts
            .iter()
            .flat_map(|text| text.iter().zip(weights.positions.chunks_exact(width)));
        for (row, (&token, position)) in self.x.chunks_exact_mut(width).zip(all) {
            weights.word(token, row);
            vector::add(self.level, row, position);
        }
        let (level, norm, epsilon) = (self.level, &weights.norm, self.shape.epsilon);
        self.pool.for_each_row(&mut self.x, width, |_, row| {
            vector::layer_norm(level, row, &norm.weight, &norm.bias, epsilon);
        });
    }

    /// x = norm(x + output(attention(x)))
    fn attend(&mut self, layer: &Layer) {
        let (level, width) = (self.level, self.shape.width);
        let activations = &mut self.activations;
        activations.quantize(level, self.pool, &self.x, width);
        let input = Input {
            floats: &self.x,
            quantized: activations,
        };
        let outs = [&mut self.queries, &mut self.keys, &mut self.values];
        product(
            level,
            self.pool,
            input,
            [&layer.query, &layer.key, &layer.value],
            outs,
        );
        let shape = self.attention;
        let (keys, values, places) = (&self.keys, &self.values, &self.places);
        let size = shape.block_elements();
        self.pool
            .for_each_row(&mut self.blocks, size, |index, block| {
                let place = &places[index];
                let rows = place.row * width..(place.row + place.count) * width;
                let keys = keys[rows.clone()].chunks_exact(width);
                for (slot, (key, value)) in keys.zip(values[rows].chunks_exact(width)).enumerate() {
                    shape.store(block, slot, key, value);
                }
            });
        let mut all = self.blocks.chunks_exact(size);
        let blocks: Vec<Vec<&[f32]>> = self
            .lengths
            .iter()
            .map(|&count| all.by_ref().take(count).collect())
            .collect();
        let attention = Attention {
            shape,
            window: None,
            sees_ahead: true,
            sinks: None,
            blocks: &blocks,
            spans: &self.spans,
        };
        attention.run(level, self.pool, &self.queries, &mut self.attended);
        self.activations
            .quantize(level, self.pool, &self.attended, width);
        let input = Input {
            floats: &self.attended,
            quantized: &self.activations,
        };
        product(
            level,
            self.pool,
            input,
            [&layer.output],
            [&mut self.projected],
        );
        self.add_and_norm(&layer.attention_norm);
    }

    /// x = norm(x + down(gelu(up(x))))
    fn feed_forward(&mut self, layer: &Layer) {
        let (level, width, inner) = (self.level, self.shape.width, self.shape.inner);
        self.activations.quantize(level, self.pool, &self.x, width);
        let input = Input {
            floats: &self.x,
            quantized: &self.activations,
        };
        product(level, self.pool, input, [&layer.up], [&mut self.inner]);
        self.pool.for_each_row(&mut self.inner, inner, |_, row| {
            vector::gelu(level, row);
        });
        self.activations
            .quantize(level, self.pool, &self.inner, inner);
        let input = Input {
            floats: &self.inner,
            quantized: &self.activations,
        };
        product(
            level,
            self.pool,
            input,
            [&layer.down],
            [&mut self.projected],
        );
        self.add_and_norm(&layer.norm);
    }

    /// x = norm(x + projected)
    fn add_and_norm(&mut self, norm: &Norm) {
        let (level, epsilon, width) = (self.level, self.shape.epsilon, self.shape.width);
        debug_assert_eq!(self.x.len(), self.rows * width);
        let projected = &self.projected;
        self.pool.for_each_row(&mut self.x, width, |index, row| {
            vector::add(level, row, &projected[index * width..][..width]);
            vector::layer_norm(level, row, &norm.weight, &norm.bias, epsilon);
        });
    }
}

/// out = matrix * input + bias, for several matrices of one input.
fn product<const N: usize>(
    level: Level,
    pool: &Pool,
    input: Input<'_>,
    linears: [&Linear; N],
    mut outs: [&mut Vec<f32>; N],
) {
    let both = linears.iter().zip(&mut outs);
    let mut products: Vec<(Matrix<'_>, &mut [f32])> = both
        .filter_map(|(linear, out)| Some((linear.matrix()?, out.as_mut_slice())))
        .collect();
    multiply(level, pool, input, &mut products, &[]);
    for (linear, out) in linears.iter().zip(outs) {
        pool.for_each_row(out, linear.bias.len(), |_, row| {
            vector::add(level, row, &linear.bias);
        });
    }
}

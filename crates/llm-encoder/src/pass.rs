//! The network (Devlin et al. 2018, arXiv:1810.04805): rows of all texts stand
//! one after another, without padding, and share each product; only attention
//! looks at one text at a time. A row's steps are the same whatever stands beside
//! it, so that a text's rows are the same to the bit alone and among others.

use std::ops::Range;

use llm_kernels::activations::{Activations, Take};
use llm_kernels::attention::full_sequence::FullSequence;
use llm_kernels::matmul::{Epilogue, Input, multiply_with_epilogue};
use llm_kernels::pool::Pool;
use llm_kernels::simd::Level;
use llm_kernels::vector;

use super::settings::Shape;
use super::weights::{Apart, Layer, Linear, Norm, Weights};

/// Tokens whose rows go through the layers together: enough to share the weights,
/// few enough that a layer's rows stay in the cache.
const TOGETHER: usize = 512;

/// Tokens that are read together, in one segment or two.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segments<'a> {
    pub(super) tokens: &'a [u32],
    /// How many of them are of the first segment.
    pub(super) first: usize,
}

impl<'a> Segments<'a> {
    /// Takes texts, each of one segment.
    pub(super) fn single(texts: &[&'a [u32]]) -> Vec<Self> {
        let whole = |tokens: &&'a [u32]| Self {
            tokens,
            first: tokens.len(),
        };
        texts.iter().map(whole).collect()
    }
}

/// Returns the last layer's rows of all texts, (tokens, hidden_size).
pub(super) fn run(
    shape: &Shape,
    weights: &Weights,
    pool: &Pool,
    level: Level,
    texts: &[Segments<'_>],
) -> Vec<f32> {
    run_seeing(shape, weights, pool, level, texts, &mut |_, _, _| {})
}

/// Like [`run`]; `see` gets the inputs of each layer's attention and of its
/// feed-forward step: the layer's number, 0 or 1, and the rows.
pub(super) fn run_seeing(
    shape: &Shape,
    weights: &Weights,
    pool: &Pool,
    level: Level,
    texts: &[Segments<'_>],
    see: &mut dyn FnMut(usize, usize, &[f32]),
) -> Vec<f32> {
    let tokens = texts.iter().map(|text| text.tokens.len()).sum::<usize>();
    let mut rows = Vec::with_capacity(tokens);
    let mut pass = Pass::new(shape, pool, level);
    let mut rest = texts;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(fitting(rest));
        pass.run(weights, now, see);
        rows.extend_from_slice(&pass.x);
        rest = later;
    }
    rows
}

/// Returns how many of the texts, at least one, have `TOGETHER` tokens at most.
fn fitting(texts: &[Segments<'_>]) -> usize {
    let sums = texts.iter().scan(0, |sum, text| {
        *sum += text.tokens.len();
        Some(*sum)
    });
    sums.take_while(|&sum| sum <= TOGETHER).count().max(1)
}

struct Pass<'a> {
    shape: &'a Shape,
    pool: &'a Pool,
    level: Level,
    /// The rows of each text.
    texts: Vec<Range<usize>>,
    activations: Activations,
    /// (rows, hidden_size)
    x: Vec<f32>,
    queries: Vec<f32>,
    keys: Vec<f32>,
    values: Vec<f32>,
    attended: Vec<f32>,
    projected: Vec<f32>,
    /// (rows, inner)
    inner: Vec<f32>,
}

impl<'a> Pass<'a> {
    fn new(shape: &'a Shape, pool: &'a Pool, level: Level) -> Self {
        Self {
            shape,
            pool,
            level,
            texts: Vec::new(),
            activations: Activations::default(),
            x: Vec::new(),
            queries: Vec::new(),
            keys: Vec::new(),
            values: Vec::new(),
            attended: Vec::new(),
            projected: Vec::new(),
            inner: Vec::new(),
        }
    }

    /// Leaves the last layer's rows in `x`.
    fn run(
        &mut self,
        weights: &Weights,
        texts: &[Segments<'_>],
        see: &mut dyn FnMut(usize, usize, &[f32]),
    ) {
        self.resize(texts);
        self.embed(weights, texts);
        for (index, layer) in weights.layers.iter().enumerate() {
            see(index, 0, &self.x);
            self.attend(layer);
            see(index, 1, &self.x);
            let next = weights.layers.get(index + 1);
            self.feed_forward(layer, next.map(take));
        }
    }

    fn resize(&mut self, texts: &[Segments<'_>]) {
        self.texts.clear();
        let mut rows = 0;
        for text in texts {
            self.texts.push(rows..rows + text.tokens.len());
            rows += text.tokens.len();
        }
        for buffer in [
            &mut self.x,
            &mut self.queries,
            &mut self.keys,
            &mut self.values,
            &mut self.attended,
            &mut self.projected,
        ] {
            buffer.resize(rows * self.shape.hidden_size, 0.0);
        }
        self.inner.resize(rows * self.shape.inner, 0.0);
    }

    /// x = norm(word + position and segment), as the first layer's attention takes
    /// it.
    fn embed(&mut self, weights: &Weights, texts: &[Segments<'_>]) {
        let hidden_size = self.shape.hidden_size;
        let all = texts.iter().flat_map(|text| {
            let first = text.first.min(text.tokens.len());
            let (before, behind) = text.tokens.split_at(first);
            let positions = weights.positions.chunks_exact(hidden_size);
            let second = weights.second().chunks_exact(hidden_size).skip(first);
            before
                .iter()
                .zip(positions)
                .chain(behind.iter().zip(second))
        });
        for (row, (&token, position)) in self.x.chunks_exact_mut(hidden_size).zip(all) {
            weights.word(token, row);
            vector::add(self.level, row, position);
        }
        let (level, norm, epsilon) = (self.level, &weights.norm, self.shape.epsilon);
        let how = weights.layers.first().map(take).unwrap_or_default();
        self.activations
            .take(level, self.pool, &mut self.x, hidden_size, how, |_, row| {
                vector::layer_norm(level, row, &norm.weight, &norm.bias, epsilon);
            });
    }

    /// x = norm(x + output(attention(x))), as the feed-forward step takes it.
    fn attend(&mut self, layer: &Layer) {
        let linears = [&layer.query, &layer.key, &layer.value];
        let outs = [&mut self.queries, &mut self.keys, &mut self.values];
        let input = Input {
            floats: &self.x,
            quantized: &self.activations,
        };
        product(
            self.level,
            self.pool,
            input,
            linears,
            outs,
            &layer.apart[0],
            false,
        );
        let head = self.shape.hidden_size / self.shape.heads;
        let attention = FullSequence {
            heads: self.shape.heads,
            head_dim: head,
            scale: 1.0 / (head as f32).sqrt(),
            texts: &self.texts,
        };
        let of = [&*self.queries, &*self.keys, &*self.values];
        attention.run(self.level, self.pool, of, &mut self.attended);
        self.project(&layer.output, Which::Attended);
        let how = Take {
            outliers: &layer.apart[1].columns,
            as_floats: !layer.up.is_quantized(),
        };
        self.add_and_norm(&layer.attention_norm, how);
    }

    /// x = norm(x + down(gelu(up(x)))), as the layer behind takes it, if there is
    /// one.
    fn feed_forward(&mut self, layer: &Layer, next: Option<Take<'_>>) {
        let input = Input {
            floats: &self.x,
            quantized: &self.activations,
        };
        let (linears, outs) = ([&layer.up], [&mut self.inner]);
        product(
            self.level,
            self.pool,
            input,
            linears,
            outs,
            &layer.apart[1],
            true,
        );
        self.project(&layer.down, Which::Inner);
        let last = Take {
            as_floats: true,
            ..Take::default()
        };
        self.add_and_norm(&layer.norm, next.unwrap_or(last));
    }

    /// projected = linear(attended) or linear(inner)
    fn project(&mut self, linear: &Linear, which: Which) {
        let (rows, hidden_size) = match which {
            Which::Attended => (&mut self.attended, self.shape.hidden_size),
            Which::Inner => (&mut self.inner, self.shape.inner),
        };
        let how = Take {
            outliers: &[],
            as_floats: !linear.is_quantized(),
        };
        self.activations
            .take(self.level, self.pool, rows, hidden_size, how, |_, _| {});
        let input = Input {
            floats: rows,
            quantized: &self.activations,
        };
        let (out, none) = (&mut self.projected, Apart::default());
        product(self.level, self.pool, input, [linear], [out], &none, false);
    }

    /// x = norm(x + projected)
    fn add_and_norm(&mut self, norm: &Norm, how: Take<'_>) {
        let (level, epsilon, hidden_size) =
            (self.level, self.shape.epsilon, self.shape.hidden_size);
        let projected = &self.projected;
        let prepare = |index: usize, row: &mut [f32]| {
            vector::add(level, row, &projected[index * hidden_size..][..hidden_size]);
            vector::layer_norm(level, row, &norm.weight, &norm.bias, epsilon);
        };
        self.activations
            .take(level, self.pool, &mut self.x, hidden_size, how, prepare);
    }
}

/// What `projected` is made of.
#[derive(Clone, Copy)]
enum Which {
    Attended,
    Inner,
}

/// Returns how a layer's attention takes its input.
fn take(layer: &Layer) -> Take<'_> {
    Take {
        outliers: &layer.apart[0].columns,
        as_floats: !layer.query.is_quantized(),
    }
}

/// out = matrix * input + bias, through GELU where it is wanted, for several
/// matrices of one input.
fn product<const N: usize>(
    level: Level,
    pool: &Pool,
    input: Input<'_>,
    linears: [&Linear; N],
    outs: [&mut Vec<f32>; N],
    apart: &Apart,
    gelu: bool,
) {
    let both = linears.iter().zip(outs).enumerate();
    let mut products: Vec<_> = both
        .filter_map(|(index, (linear, out))| {
            let epilogue = Epilogue {
                bias: &linear.bias,
                outliers: apart.weights.get(index).map_or(&[], Vec::as_slice),
                gelu,
            };
            Some((linear.matrix()?, epilogue, out.as_mut_slice()))
        })
        .collect();
    multiply_with_epilogue(level, pool, input, &mut products);
}

//! The one pass of all encoders: rows of all texts stand one after another, without
//! padding, and share each product; only attention looks at one text at a time. A
//! row's steps are the same whatever stands beside it, so that a text's rows are the
//! same to the bit alone and among others.

use llm_kernels::activations::{Activations, Take};
use llm_kernels::matmul::{Input, multiply_with_epilogue};
use llm_kernels::pool::Pool;
use llm_kernels::simd::Level;
use llm_kernels::vector;

use crate::attention::Attention;
use crate::batch::{Batch, Segments, fitting};
use crate::family::{Activation, Positions};
use crate::linear::{Linear, Product};
use crate::relative_bias::BiasTable;
use crate::rotation::Angles;
use crate::weights::{Layer, Norm, Weights};

/// Tokens whose rows go through the layers together: enough to share the weights,
/// few enough that a layer's rows stay in the cache.
const CHUNK_TOKENS: usize = 512;

/// The two halves of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Attention,
    FeedForward,
}

/// Gets the input of each step: the layer's number, the step and the rows, (tokens,
/// `hidden_size`).
pub(crate) type Observer<'a> = dyn FnMut(usize, Step, &[f32]) + 'a;

/// What is not quantized, since only float weights follow, or something else than a
/// product.
const AS_FLOATS: Take<'_> = Take {
    outliers: &[],
    as_floats: true,
};

/// Returns the last layer's rows of all texts, (tokens, `hidden_size`).
pub(crate) fn run(
    weights: &Weights,
    pool: &Pool,
    level: Level,
    texts: &[Segments<'_>],
) -> Vec<f32> {
    run_observed(weights, pool, level, texts, &mut |_, _, _| {})
}

/// Like [`run`], and shows `observer` what goes into the steps.
pub(crate) fn run_observed(
    weights: &Weights,
    pool: &Pool,
    level: Level,
    texts: &[Segments<'_>],
    observer: &mut Observer<'_>,
) -> Vec<f32> {
    let lengths = texts.iter().map(|text| text.tokens.len());
    let tokens: usize = lengths.clone().sum();
    let mut rows = Vec::with_capacity(tokens * weights.config.hidden_size);
    let mut pass = Pass::new(weights, pool, level, lengths.max().unwrap_or(0));
    let mut rest = texts;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(fitting(rest, CHUNK_TOKENS));
        pass.run(now, observer);
        rows.extend_from_slice(&pass.x);
        rest = later;
    }
    rows
}

struct Pass<'a> {
    weights: &'a Weights,
    pool: &'a Pool,
    level: Level,
    /// One a rotation, for the longest of all texts, as the bias is.
    angles: Vec<Angles>,
    bias: Option<BiasTable>,
    batch: Batch,
    activations: Activations,
    /// The stream, (rows, `hidden_size`).
    x: Vec<f32>,
    /// What goes into a step where norms stand before them, else nothing.
    normed: Vec<f32>,
    queries: Vec<f32>,
    keys: Vec<f32>,
    values: Vec<f32>,
    attended: Vec<f32>,
    projected: Vec<f32>,
    /// (rows, `intermediate_size`), as `up` is.
    inner: Vec<f32>,
    /// What a gate opens; else nothing.
    up: Vec<f32>,
}

impl<'a> Pass<'a> {
    fn new(weights: &'a Weights, pool: &'a Pool, level: Level, longest: usize) -> Self {
        let angles = weights.rotations.iter();
        let heads = weights.config.heads;
        let bias = weights.bias.as_ref();
        Self {
            weights,
            pool,
            level,
            angles: angles
                .map(|rotation| Angles::new(rotation, longest))
                .collect(),
            bias: bias.map(|bias| bias.table(heads, longest.max(1))),
            batch: Batch::default(),
            activations: Activations::default(),
            x: Vec::new(),
            normed: Vec::new(),
            queries: Vec::new(),
            keys: Vec::new(),
            values: Vec::new(),
            attended: Vec::new(),
            projected: Vec::new(),
            inner: Vec::new(),
            up: Vec::new(),
        }
    }

    /// Leaves the last layer's rows in `x`.
    fn run(&mut self, texts: &[Segments<'_>], observer: &mut Observer<'_>) {
        let weights = self.weights;
        self.batch.fill(texts);
        self.resize();
        let first = weights.layers.first();
        self.embed(first.map_or(AS_FLOATS, Layer::attention_input));
        for (index, layer) in weights.layers.iter().enumerate() {
            self.enter(layer.attention_norm.as_ref(), layer.attention_input());
            observer(
                index,
                Step::Attention,
                entered(weights, &self.x, &self.normed),
            );
            self.attend(layer);
            let next = layer.feed_forward_input();
            self.leave(layer.attention_norm.as_ref(), next);
            self.enter(Some(&layer.feed_forward_norm), next);
            observer(
                index,
                Step::FeedForward,
                entered(weights, &self.x, &self.normed),
            );
            self.feed_forward(layer);
            let next = weights
                .layers
                .get(index + 1)
                .map_or(AS_FLOATS, Layer::attention_input);
            self.leave(Some(&layer.feed_forward_norm), next);
        }
        if let Some(norm) = &weights.last_norm {
            let (level, epsilon) = (self.level, weights.config.norm_epsilon);
            let hidden_size = weights.config.hidden_size;
            self.pool.for_each_row(&mut self.x, hidden_size, |_, x| {
                vector::layer_norm(level, x, &norm.weight, &norm.bias, epsilon);
            });
        }
    }

    fn resize(&mut self) {
        let (rows, config) = (self.batch.rows.len(), &self.weights.config);
        for buffer in [
            &mut self.x,
            &mut self.queries,
            &mut self.keys,
            &mut self.values,
            &mut self.attended,
            &mut self.projected,
        ] {
            buffer.resize(rows * config.hidden_size, 0.0);
        }
        self.inner.resize(rows * config.intermediate_size, 0.0);
        if self.weights.family.norms_before {
            self.normed.resize(rows * config.hidden_size, 0.0);
        }
        if self.weights.family.gated {
            self.up.resize(rows * config.intermediate_size, 0.0);
        }
    }

    /// x = norm(word + position and segment), quantized as `next` wants it where no
    /// norm follows before the first step.
    fn embed(&mut self, next: Take<'_>) {
        let (level, rows, embedding) = (self.level, &self.batch.rows, &self.weights.embedding);
        let (hidden_size, epsilon) = (
            self.weights.config.hidden_size,
            self.weights.config.norm_epsilon,
        );
        let how = if self.weights.family.norms_before {
            AS_FLOATS
        } else {
            next
        };
        let prepare = |index: usize, x: &mut [f32]| {
            let row = rows[index];
            embedding.words.row(row.token as usize, x);
            let added = embedding
                .segment(row.segment)
                .row(row.position, hidden_size);
            if !added.is_empty() {
                vector::add(level, x, added);
            }
            let norm = &embedding.norm;
            vector::layer_norm(level, x, &norm.weight, &norm.bias, epsilon);
        };
        self.activations
            .take(level, self.pool, &mut self.x, hidden_size, how, prepare);
    }

    /// normed = norm(x), quantized as the step wants it, where norms stand before the
    /// steps; else what was left before is what goes in.
    fn enter(&mut self, norm: Option<&Norm>, how: Take<'_>) {
        if !self.weights.family.norms_before {
            return;
        }
        let (level, x, config) = (self.level, &self.x, &self.weights.config);
        let (hidden_size, epsilon) = (config.hidden_size, config.norm_epsilon);
        let prepare = |row: usize, out: &mut [f32]| {
            out.copy_from_slice(&x[row * hidden_size..][..hidden_size]);
            if let Some(norm) = norm {
                vector::layer_norm(level, out, &norm.weight, &norm.bias, epsilon);
            }
        };
        let normed = &mut self.normed;
        self.activations
            .take(level, self.pool, normed, hidden_size, how, prepare);
    }

    /// x = x + projected; where norms stand behind the steps, normed and quantized as
    /// the next step wants it.
    fn leave(&mut self, norm: Option<&Norm>, next: Take<'_>) {
        let (level, config) = (self.level, &self.weights.config);
        let (hidden_size, epsilon) = (config.hidden_size, config.norm_epsilon);
        let (norm, how) = if self.weights.family.norms_before {
            (None, AS_FLOATS)
        } else {
            (norm, next)
        };
        let projected = &self.projected;
        let prepare = |index: usize, row: &mut [f32]| {
            vector::add(level, row, &projected[index * hidden_size..][..hidden_size]);
            if let Some(norm) = norm {
                vector::layer_norm(level, row, &norm.weight, &norm.bias, epsilon);
            }
        };
        self.activations
            .take(level, self.pool, &mut self.x, hidden_size, how, prepare);
    }

    /// projected = output(attention(input))
    fn attend(&mut self, layer: &Layer) {
        let (level, pool, config) = (self.level, self.pool, &self.weights.config);
        let outliers = &layer.attention_outliers;
        let input = Input {
            floats: entered(self.weights, &self.x, &self.normed),
            quantized: &self.activations,
        };
        let [query, key, value] = [0, 1, 2].map(|index| outliers.of_matrix(index));
        multiply(
            level,
            pool,
            input,
            [
                layer.query.product(query, false, &mut self.queries),
                layer.key.product(key, false, &mut self.keys),
                layer.value.product(value, false, &mut self.values),
            ],
        );
        if let Some(angles) = layer.rotation.and_then(|index| self.angles.get(index)) {
            let extents = (config.hidden_size, config.head_dim());
            for x in [&mut self.queries, &mut self.keys] {
                angles.rotate(level, pool, &self.batch.rows, x, extents);
            }
        }
        let attention = Attention {
            level,
            pool,
            config,
            batch: &self.batch,
            queries: &self.queries,
            keys: &self.keys,
            values: &self.values,
        };
        match (&self.bias, self.weights.family.positions) {
            (Some(bias), _) => attention.biased(bias, &mut self.attended),
            (None, Positions::Learned) => attention.full_sequence(&mut self.attended),
            (None, _) => attention.blocks(layer.window, &mut self.attended),
        }
        let (rows, out) = (&mut self.attended, &mut self.projected);
        let activations = &mut self.activations;
        project(
            level,
            pool,
            activations,
            &layer.output,
            rows,
            out,
            |_, _| {},
        );
    }

    /// projected = down(act(up(input))), or down(act(gate(input)) * up(input))
    fn feed_forward(&mut self, layer: &Layer) {
        let (level, pool, config) = (self.level, self.pool, &self.weights.config);
        let is_gelu = config.activation == Activation::Gelu;
        let outliers = &layer.feed_forward_outliers;
        let input = Input {
            floats: entered(self.weights, &self.x, &self.normed),
            quantized: &self.activations,
        };
        let [first, second] = [0, 1].map(|index| outliers.of_matrix(index));
        let products = match &layer.gate {
            Some(gate) => [
                gate.product(first, is_gelu, &mut self.inner),
                layer.up.product(second, false, &mut self.up),
            ],
            None => [layer.up.product(first, is_gelu, &mut self.inner), None],
        };
        multiply(level, pool, input, products);
        let (up, size) = (&self.up, config.intermediate_size);
        let finish = |row: usize, x: &mut [f32]| {
            if !is_gelu {
                vector::silu(level, x);
            }
            if !up.is_empty() {
                let up = &up[row * size..][..size];
                x.iter_mut().zip(up).for_each(|(gate, up)| *gate *= up);
            }
        };
        let (rows, out) = (&mut self.inner, &mut self.projected);
        let activations = &mut self.activations;
        project(level, pool, activations, &layer.down, rows, out, finish);
    }
}

/// Returns what goes into a step, (rows, `hidden_size`).
fn entered<'a>(weights: &Weights, x: &'a [f32], normed: &'a [f32]) -> &'a [f32] {
    if weights.family.norms_before {
        normed
    } else {
        x
    }
}

/// Computes several products of one input.
fn multiply<const N: usize>(
    level: Level,
    pool: &Pool,
    input: Input<'_>,
    products: [Option<Product<'_>>; N],
) {
    let mut products: Vec<_> = products.into_iter().flatten().collect();
    multiply_with_epilogue(level, pool, input, &mut products);
}

/// out = linear(finish(rows))
fn project(
    level: Level,
    pool: &Pool,
    activations: &mut Activations,
    linear: &Linear,
    rows: &mut [f32],
    out: &mut [f32],
    finish: impl Fn(usize, &mut [f32]) + Sync,
) {
    let how = Take {
        outliers: &[],
        as_floats: !linear.is_quantized(),
    };
    let columns = linear.columns();
    activations.take(level, pool, rows, columns, how, finish);
    let input = Input {
        floats: rows,
        quantized: activations,
    };
    multiply(level, pool, input, [linear.product(&[], false, out)]);
}

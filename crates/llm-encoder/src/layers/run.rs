//! The pass: rows of all texts stand one after another, without padding, and
//! share each product; only attention looks at one text at a time. A row's steps
//! are the same whatever stands beside it.

use llm_kernels::activations::Activations;
use llm_kernels::attention::{self, Attention, BLOCK, Block, Span};
use llm_kernels::matmul::{self, Matrix, multiply};
use llm_kernels::pool::Pool;
use llm_kernels::rope::{self, RopeLayout};
use llm_kernels::simd::Level;
use llm_kernels::vector;

use super::biased::{Bias, Text};
use super::{Activation, Layer, Layers};
use crate::weights::{Linear, Norm};

/// Returns the last layer's rows of all texts, (tokens, hidden_size).
pub(super) fn run(net: &Layers, pool: &Pool, level: Level, texts: &[&[u32]]) -> Vec<f32> {
    let mut run = Run::new(net, pool, level, texts);
    run.embed(texts);
    for layer in &net.layers {
        run.attend(layer);
        run.feed_forward(layer);
    }
    if let Some(norm) = &net.last_norm {
        run.norm_stream(norm);
    }
    run.x
}

/// Cosines and sines of one rotation, (positions, pairs) each.
struct Angles {
    pairs: usize,
    cos: Vec<f32>,
    sin: Vec<f32>,
}

struct Run<'a> {
    net: &'a Layers,
    pool: &'a Pool,
    level: Level,
    /// One a text.
    spans: Vec<Span>,
    /// For each row its text and its position.
    places: Vec<(usize, usize)>,
    angles: Vec<Angles>,
    /// See [`Bias::of_length`], for the longest text here.
    bias: Vec<f32>,
    longest: usize,
    activations: Activations,
    /// (rows, hidden_size)
    x: Vec<f32>,
    normed: Vec<f32>,
    queries: Vec<f32>,
    keys: Vec<f32>,
    values: Vec<f32>,
    attended: Vec<f32>,
    projected: Vec<f32>,
    /// (rows, inner)
    gate: Vec<f32>,
    up: Vec<f32>,
}

impl<'a> Run<'a> {
    fn new(net: &'a Layers, pool: &'a Pool, level: Level, texts: &[&[u32]]) -> Self {
        let (mut spans, mut places) = (vec![], vec![]);
        for text in texts.iter().filter(|text| !text.is_empty()) {
            places.extend((0..text.len()).map(|position| (spans.len(), position)));
            spans.push(Span {
                sequence: spans.len(),
                row: places.len() - text.len(),
                count: text.len(),
                position: 0,
            });
        }
        let longest = spans.iter().map(|span| span.count).max().unwrap_or(1);
        let angles = net.rotations.iter().map(|rotation| {
            let (mut cos, mut sin) = (vec![], vec![]);
            (0..longest).for_each(|position| rotation.append(position, &mut cos, &mut sin));
            let pairs = rotation.pairs();
            Angles { pairs, cos, sin }
        });
        let of = |hidden_size: usize| vec![0.0; places.len() * hidden_size];
        let (hidden_size, inner) = (net.shape.hidden_size, net.shape.inner);
        let bias = |bias: &Bias| bias.of_length(net.shape.heads, longest);
        Self {
            angles: angles.collect(),
            bias: net.bias.as_ref().map(bias).unwrap_or_default(),
            longest,
            activations: Activations::default(),
            x: of(hidden_size),
            normed: of(hidden_size),
            queries: of(hidden_size),
            keys: of(hidden_size),
            values: of(hidden_size),
            attended: of(hidden_size),
            projected: of(hidden_size),
            gate: of(inner),
            up: of(inner),
            spans,
            places,
            net,
            pool,
            level,
        }
    }

    fn embed(&mut self, texts: &[&[u32]]) {
        let (net, level, hidden_size) = (self.net, self.level, self.net.shape.hidden_size);
        let tokens: Vec<u32> = texts.concat();
        let places = &self.places;
        self.pool.for_each_row(&mut self.x, hidden_size, |row, x| {
            net.words.row(tokens[row] as usize, x);
            if let Some(positions) = &net.positions {
                let start = places[row].1 * hidden_size;
                vector::add(level, x, &positions[start..start + hidden_size]);
            }
            if let Some(token_type) = &net.token_type {
                vector::add(level, x, token_type);
            }
        });
        self.norm_stream(&net.norm);
    }

    /// x = norm(x)
    fn norm_stream(&mut self, norm: &Norm) {
        let (level, epsilon) = (self.level, self.net.shape.epsilon);
        self.pool
            .for_each_row(&mut self.x, self.net.shape.hidden_size, |_, x| {
                vector::layer_norm(level, x, &norm.weight, &norm.bias, epsilon);
            });
    }

    /// normed = norm(x) where norms stand before the steps, else x, and the same
    /// quantized.
    fn enter(&mut self, norm: Option<&Norm>) {
        let (level, epsilon, hidden_size) = (
            self.level,
            self.net.shape.epsilon,
            self.net.shape.hidden_size,
        );
        let norm = norm.filter(|_| self.net.norms_before);
        let x = &self.x;
        self.pool
            .for_each_row(&mut self.normed, hidden_size, |row, out| {
                out.copy_from_slice(&x[row * hidden_size..(row + 1) * hidden_size]);
                if let Some(norm) = norm {
                    vector::layer_norm(level, out, &norm.weight, &norm.bias, epsilon);
                }
            });
        self.activations
            .quantize(level, self.pool, &self.normed, hidden_size);
    }

    /// x = x + projected, normed where norms stand behind the steps.
    fn leave(&mut self, norm: Option<&Norm>) {
        let (level, epsilon, hidden_size) = (
            self.level,
            self.net.shape.epsilon,
            self.net.shape.hidden_size,
        );
        let norm = norm.filter(|_| !self.net.norms_before);
        let projected = &self.projected;
        self.pool.for_each_row(&mut self.x, hidden_size, |row, x| {
            vector::add(
                level,
                x,
                &projected[row * hidden_size..(row + 1) * hidden_size],
            );
            if let Some(norm) = norm {
                vector::layer_norm(level, x, &norm.weight, &norm.bias, epsilon);
            }
        });
    }

    fn attend(&mut self, layer: &Layer) {
        let (level, pool, hidden_size) = (self.level, self.pool, self.net.shape.hidden_size);
        self.enter(layer.attention_norm.as_ref());
        let input = matmul::Input {
            floats: &self.normed,
            quantized: &self.activations,
        };
        let outs = [&mut self.queries, &mut self.keys, &mut self.values];
        product(
            level,
            pool,
            input,
            [&layer.query, &layer.key, &layer.value],
            outs,
        );
        if let Some(rotation) = layer.rotation {
            self.rotate(rotation);
        }
        match self.net.bias {
            Some(_) => self.attend_biased(),
            None => self.attend_plain(layer.window),
        }
        self.activations
            .quantize(level, pool, &self.attended, hidden_size);
        let input = matmul::Input {
            floats: &self.attended,
            quantized: &self.activations,
        };
        product(level, pool, input, [&layer.output], [&mut self.projected]);
        self.leave(layer.attention_norm.as_ref());
    }

    fn rotate(&mut self, rotation: usize) {
        let (level, head) = (self.level, self.head());
        let (angles, places) = (&self.angles[rotation], &self.places);
        for x in [&mut self.queries, &mut self.keys] {
            self.pool
                .for_each_row(x, self.net.shape.hidden_size, |row, x| {
                    let start = places[row].1 * angles.pairs;
                    let range = start..start + angles.pairs;
                    let (cos, sin) = (&angles.cos[range.clone()], &angles.sin[range]);
                    rope::rotate(level, x, head, RopeLayout::Halves, cos, sin);
                });
        }
    }

    /// Elements of a head.
    fn head(&self) -> usize {
        self.net.shape.hidden_size / self.net.shape.heads
    }

    fn scale(&self) -> f32 {
        1.0 / (self.head() as f32).sqrt()
    }

    fn attend_plain(&mut self, window: Option<usize>) {
        let (heads, hidden_size) = (self.net.shape.heads, self.net.shape.hidden_size);
        let shape = attention::Shape {
            heads,
            kv_heads: heads,
            head_dim: self.head(),
            value_dim: self.head(),
            scale: self.scale(),
            soft_cap: None,
        };
        let starts = self.spans.iter().flat_map(|span| {
            let starts = (0..span.count).step_by(BLOCK);
            starts.map(|start| (span.row + start, BLOCK.min(span.count - start)))
        });
        let starts: Vec<(usize, usize)> = starts.collect();
        let (size, stride) = (shape.block_elements(), shape.head_elements());
        let mut stored = vec![0.0; starts.len() * size];
        let (keys, values) = (&self.keys, &self.values);
        self.pool.for_each_row(&mut stored, size, |block, out| {
            let (first, count) = starts[block];
            for slot in 0..count {
                let row = (first + slot) * hidden_size..(first + slot + 1) * hidden_size;
                shape.store(out, stride, slot, &keys[row.clone()], &values[row]);
            }
        });
        let block = |elements| Block { elements, stride };
        let mut all = stored.chunks_exact(size).map(block);
        let lengths = self.spans.iter().map(|span| span.count.div_ceil(BLOCK));
        let blocks: Vec<Vec<Block<'_, f32>>> = lengths
            .map(|count| all.by_ref().take(count).collect())
            .collect();
        let attention = Attention {
            shape,
            window,
            bidirectional: true,
            sinks: None,
            blocks: &blocks,
            spans: &self.spans,
        };
        attention.run(self.level, self.pool, &self.queries, &mut self.attended);
    }

    fn attend_biased(&mut self) {
        let (level, hidden_size, scale) = (self.level, self.net.shape.hidden_size, self.scale());
        let (head, heads, longest) = (self.head(), self.net.shape.heads, self.longest);
        let (queries, keys, values) = (&self.queries, &self.keys, &self.values);
        let (spans, places, bias) = (&self.spans, &self.places, &self.bias);
        self.pool
            .for_each_row(&mut self.attended, hidden_size, |row, out| {
                let (text, position) = places[row];
                let span = &spans[text];
                let rows = span.row * hidden_size..(span.row + span.count) * hidden_size;
                let text = Text {
                    heads,
                    head,
                    scale,
                    keys: &keys[rows.clone()],
                    values: &values[rows],
                    bias,
                    longest,
                };
                text.attend(
                    level,
                    position,
                    &queries[row * hidden_size..(row + 1) * hidden_size],
                    out,
                );
            });
    }

    fn feed_forward(&mut self, layer: &Layer) {
        let (level, pool, inner) = (self.level, self.pool, self.net.shape.inner);
        self.enter(Some(&layer.feed_forward_norm));
        let input = matmul::Input {
            floats: &self.normed,
            quantized: &self.activations,
        };
        let act = self.net.activation;
        match &layer.gate {
            Some(gate) => {
                product(
                    level,
                    pool,
                    input,
                    [gate, &layer.up],
                    [&mut self.gate, &mut self.up],
                );
                let up = &self.up;
                pool.for_each_row(&mut self.gate, inner, |row, gate| {
                    activate(level, act, gate);
                    let up = &up[row * inner..(row + 1) * inner];
                    gate.iter_mut().zip(up).for_each(|(gate, up)| *gate *= up);
                });
            }
            None => {
                product(level, pool, input, [&layer.up], [&mut self.gate]);
                pool.for_each_row(&mut self.gate, inner, |_, row| activate(level, act, row));
            }
        }
        self.activations.quantize(level, pool, &self.gate, inner);
        let input = matmul::Input {
            floats: &self.gate,
            quantized: &self.activations,
        };
        product(level, pool, input, [&layer.down], [&mut self.projected]);
        self.leave(Some(&layer.feed_forward_norm));
    }
}

fn activate(level: Level, activation: Activation, x: &mut [f32]) {
    match activation {
        Activation::Gelu => vector::gelu(level, x),
        Activation::Silu => vector::silu(level, x),
    }
}

/// out = matrix * input + bias, for several matrices of one input.
fn product<const N: usize>(
    level: Level,
    pool: &Pool,
    input: matmul::Input<'_>,
    linears: [&Linear; N],
    mut outs: [&mut Vec<f32>; N],
) {
    let both = linears.iter().zip(&mut outs);
    let mut products: Vec<(Matrix<'_>, &mut [f32])> = both
        .filter_map(|(linear, out)| Some((linear.matrix()?, out.as_mut_slice())))
        .collect();
    multiply(level, pool, input, &mut products, &[]);
    for (linear, out) in linears.iter().zip(outs) {
        if !linear.bias.is_empty() {
            pool.for_each_row(out, linear.bias.len(), |_, row| {
                vector::add(level, row, &linear.bias);
            });
        }
    }
}

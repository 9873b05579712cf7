//! Softmax attention of whole texts, in the three ways that encoders have it: every
//! position sees its text, or a window of it, or scores depend on the distance too.

use llm_kernels::attention::full_sequence::FullSequence;
use llm_kernels::attention::{self, BLOCK, Block, Shape};
use llm_kernels::pool::Pool;
use llm_kernels::simd::Level;
use llm_kernels::vector;

use crate::batch::Batch;
use crate::config::EncoderConfig;
use crate::relative_bias::BiasTable;

/// The attention of one layer.
pub(crate) struct Attention<'a> {
    pub(crate) level: Level,
    pub(crate) pool: &'a Pool,
    pub(crate) config: &'a EncoderConfig,
    pub(crate) batch: &'a Batch,
    /// (rows, `hidden_size`), as keys and values are.
    pub(crate) queries: &'a [f32],
    pub(crate) keys: &'a [f32],
    pub(crate) values: &'a [f32],
}

impl Attention<'_> {
    /// Every position sees all of its text. The fastest way for texts of some hundred
    /// tokens, as networks with an embedding of each position have them.
    pub(crate) fn full_sequence(&self, out: &mut [f32]) {
        let attention = FullSequence {
            heads: self.config.heads,
            head_dim: self.config.head_dim(),
            scale: self.config.scale(),
            texts: &self.batch.texts,
        };
        let inputs = [self.queries, self.keys, self.values];
        attention.run(self.level, self.pool, inputs, out);
    }

    /// Every position sees all of its text, or what lies within `window`, by blocks of
    /// keys, of which one fits the cache however long a text is.
    pub(crate) fn blocks(&self, window: Option<usize>, out: &mut [f32]) {
        let (hidden_size, heads) = (self.config.hidden_size, self.config.heads);
        let head_dim = self.config.head_dim();
        let shape = Shape {
            heads,
            kv_heads: heads,
            head_dim,
            value_dim: head_dim,
            scale: self.config.scale(),
            soft_cap: None,
        };
        let spans = &self.batch.spans;
        let starts = spans.iter().flat_map(|span| {
            let starts = (0..span.count).step_by(BLOCK);
            starts.map(|start| (span.row + start, BLOCK.min(span.count - start)))
        });
        let starts: Vec<(usize, usize)> = starts.collect();
        let (size, stride) = (shape.block_elements(), shape.head_elements());
        let mut stored = vec![0.0; starts.len() * size];
        self.pool.for_each_row(&mut stored, size, |block, out| {
            let (first, count) = starts[block];
            for slot in 0..count {
                let row = (first + slot) * hidden_size..(first + slot + 1) * hidden_size;
                let (key, value) = (&self.keys[row.clone()], &self.values[row]);
                shape.store(out, stride, slot, key, value);
            }
        });
        let block = |elements| Block { elements, stride };
        let mut all = stored.chunks_exact(size).map(block);
        let lengths = spans.iter().map(|span| span.count.div_ceil(BLOCK));
        let blocks: Vec<Vec<Block<'_, f32>>> = lengths
            .map(|count| all.by_ref().take(count).collect())
            .collect();
        let attention = attention::Attention {
            shape,
            window,
            chunked: false,
            bidirectional: true,
            sinks: None,
            blocks: &blocks,
            spans,
        };
        attention.run(self.level, self.pool, self.queries, out);
    }

    /// Every position sees all of its text, and `bias` is added to the scores. Plain
    /// loops: a text's queries one after another, each head on its own.
    pub(crate) fn biased(&self, bias: &BiasTable, out: &mut [f32]) {
        let hidden_size = self.config.hidden_size;
        self.pool.for_each_row(out, hidden_size, |row, out| {
            self.attend_biased(bias, row, out);
        });
    }

    /// Writes what the query of one row, (`hidden_size`), sees to `out`, (`hidden_size`).
    fn attend_biased(&self, bias: &BiasTable, row: usize, out: &mut [f32]) {
        let (hidden_size, head_dim) = (self.config.hidden_size, self.config.head_dim());
        let (level, scale) = (self.level, self.config.scale());
        let place = self.batch.rows[row];
        let text = &self.batch.texts[place.text];
        let text = text.start * hidden_size..text.end * hidden_size;
        let (keys, values) = (&self.keys[text.clone()], &self.values[text]);
        let query = &self.queries[row * hidden_size..(row + 1) * hidden_size];
        let mut weights = vec![0.0; keys.len() / hidden_size];
        out.fill(0.0);
        for head in 0..self.config.heads {
            let part = head * head_dim..(head + 1) * head_dim;
            let query = &query[part.clone()];
            let rows = keys.chunks_exact(hidden_size);
            let biases = bias.row(head, place.position);
            for ((weight, key), bias) in weights.iter_mut().zip(rows).zip(biases) {
                *weight = vector::dot(level, query, &key[part.clone()]) * scale + bias;
            }
            softmax(&mut weights);
            let out = &mut out[part.clone()];
            for (weight, value) in weights.iter().zip(values.chunks_exact(hidden_size)) {
                vector::add_weighted(level, out, *weight, &value[part.clone()]);
            }
        }
    }
}

fn softmax(scores: &mut [f32]) {
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut total = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - largest).exp();
        total += *score;
    }
    scores.iter_mut().for_each(|score| *score /= total);
}

//! The buffers of a chunk, grown once and used by every layer.

use llm_kernels::activations::Activations;

use crate::cache::SequenceId;
use crate::forward::Rotation;
use crate::spec::Spec;

/// One token of one sequence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) sequence: SequenceId,
    pub(super) position: usize,
    pub(super) token: u32,
    /// Whether its logits are wanted.
    pub(super) output: bool,
}

/// Cosines and sines of one rotation, (rows, `rope_dim` / 2) each.
#[derive(Debug, Default)]
pub(super) struct Angles {
    pub(super) cos: Vec<f32>,
    pub(super) sin: Vec<f32>,
}

/// All intermediate values of a chunk of rows.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// (rows, width): the stream that every layer adds to.
    pub(super) x: Vec<f32>,
    /// (rows, width)
    pub(super) normed: Vec<f32>,
    /// (rows, heads * `head_dim`)
    pub(super) queries: Vec<f32>,
    /// (rows, `kv_heads` * `head_dim`)
    pub(super) keys: Vec<f32>,
    /// (rows, `kv_heads` * `head_dim`)
    pub(super) values: Vec<f32>,
    /// (rows, heads * `head_dim`)
    pub(super) attended: Vec<f32>,
    /// (rows, width)
    pub(super) projected: Vec<f32>,
    /// (rows, `feed_forward`)
    pub(super) gate: Vec<f32>,
    /// (rows, `feed_forward`)
    pub(super) up: Vec<f32>,
    /// The input of the next product, quantized.
    pub(super) activations: Activations,
    /// One entry a rotation.
    pub(super) angles: Vec<Angles>,
}

impl Buffers {
    /// Sets all buffers to `rows` rows; what they hold is of no meaning.
    pub(super) fn resize(&mut self, spec: &Spec, rows: usize) {
        let widths = [
            (&mut self.x, spec.width),
            (&mut self.normed, spec.width),
            (&mut self.queries, spec.query_width()),
            (&mut self.keys, spec.kv_width()),
            (&mut self.values, spec.kv_width()),
            (&mut self.attended, spec.query_width()),
            (&mut self.projected, spec.width),
            (&mut self.gate, spec.feed_forward),
            (&mut self.up, spec.feed_forward),
        ];
        for (buffer, width) in widths {
            buffer.resize(rows * width, 0.0);
        }
    }

    /// Computes the angles of all rows for each rotation.
    pub(super) fn turn(&mut self, rows: &[Row], rotations: &[Rotation]) {
        self.angles.resize_with(rotations.len(), Angles::default);
        for (angles, rotation) in self.angles.iter_mut().zip(rotations) {
            angles.cos.clear();
            angles.sin.clear();
            for row in rows {
                rotation.append(row.position, &mut angles.cos, &mut angles.sin);
            }
        }
    }
}

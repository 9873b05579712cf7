//! The buffers of a chunk, grown once and used by every layer.

use llm_kernels::activations::Activations;

use crate::cache::SequenceId;
use crate::forward::Rotation;
use crate::spec::{MixerSpec, Spec};

/// One token of one sequence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) sequence: SequenceId,
    pub(super) position: usize,
    pub(super) token: u32,
    /// Whether the state is copied after it.
    pub(super) checkpoint: bool,
    /// Whether its logits are wanted.
    pub(super) output: bool,
    /// How many of the largest are enough; `None` where all are wanted.
    pub(super) best: Option<usize>,
    /// Which of the sets in the head's `allowed` holds the tokens that matter; `None` where all do.
    pub(super) allowed: Option<usize>,
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
    /// (rows, `hidden_size)`: the stream that every layer adds to.
    pub(super) x: Vec<f32>,
    /// (rows, `hidden_size`)
    pub(super) normed: Vec<f32>,
    /// (rows, heads * `head_dim`)
    pub(super) queries: Vec<f32>,
    /// (rows, `kv_heads` * `head_dim`)
    pub(super) keys: Vec<f32>,
    /// (rows, `kv_heads` * `value_dim`)
    pub(super) values: Vec<f32>,
    /// (rows, heads * `value_dim`)
    pub(super) attended: Vec<f32>,
    /// (rows, `hidden_size`)
    pub(super) projected: Vec<f32>,
    /// (rows, layers * `per_layer_embedding`): the layers' own inputs
    pub(super) per_layer_embeddings: Vec<f32>,
    /// The same size: the part of them that comes from the embedding
    pub(super) projected_inputs: Vec<f32>,
    /// (rows, copies, `hidden_size`): the copies of the stream, as they are predicted
    /// while a layer computes one of them
    pub(super) copies: Vec<f32>,
    /// (rows, `hidden_size`): what the step of low rank gives
    pub(super) laurel: Vec<f32>,
    /// (rows, `hidden_size)`: the dense step beside experts
    pub(super) beside: Vec<f32>,
    /// (rows, inner), of the feed-forward step or of one expert
    pub(super) gate: Vec<f32>,
    /// (rows, inner)
    pub(super) up: Vec<f32>,
    /// (rows, experts)
    pub(super) router: Vec<f32>,
    /// (rows of one expert, `hidden_size`)
    pub(super) gathered: Vec<f32>,
    /// (rows, `q_lora_rank`), of latent attention as all that follow
    pub(super) short_queries: Vec<f32>,
    /// (rows, heads * `key_dim`)
    pub(super) head_queries: Vec<f32>,
    /// (rows, rank + `rope_dim`): short vectors and rotated keys
    pub(super) joint: Vec<f32>,
    /// (rows, rank): the short vectors alone
    pub(super) short: Vec<f32>,
    /// (rows, heads * (`key_dim` - `rope_dim` + `value_dim`)): keys and values
    pub(super) expanded: Vec<f32>,
    /// (rows, elements): one head's part of an input
    pub(super) head_in: Vec<f32>,
    /// (rows, elements): one head's part of a result
    pub(super) head_out: Vec<f32>,
    /// (rows, heads * `value_dim`): attention's results, brought back to heads
    pub(super) results: Vec<f32>,
    /// (rows, heads * 2 * `head_dim`): queries and gates, where attention has
    /// gates
    pub(super) gated_queries: Vec<f32>,
    /// (rows, heads * `head_dim`): the gates alone
    pub(super) query_gates: Vec<f32>,
    /// (rows, channels): what a convolution starts from, of layers with a state as
    /// all that follow
    pub(super) mixed: Vec<f32>,
    /// (rows, channels): what it gives
    pub(super) convolved: Vec<f32>,
    /// (rows, width): gates of what comes out, and then that
    pub(super) mixer_gates: Vec<f32>,
    /// (rows, heads): how much is written
    pub(super) strengths: Vec<f32>,
    /// (rows, heads): how much is kept
    pub(super) kept: Vec<f32>,
    /// For each sequence, (heads, its rows, elements of a head): what is read
    pub(super) readings: Vec<f32>,
    /// The input of the next product, quantized.
    pub(super) activations: Activations,
    /// One entry a rotation.
    pub(super) angles: Vec<Angles>,
}

impl Buffers {
    /// Sets the buffers that are the same in every layer to `rows` rows; what
    /// they hold is of no meaning.
    pub(super) fn resize(&mut self, spec: &Spec, rows: usize) {
        let widths = [
            (&mut self.x, spec.hidden_size),
            (&mut self.normed, spec.hidden_size),
            (&mut self.projected, spec.hidden_size),
        ];
        for (buffer, width) in widths {
            buffer.resize(rows * width, 0.0);
        }
        if let Some(mixer) = &spec.mixer {
            self.resize_mixer(mixer, rows);
        }
        let Some(mla) = spec.mla else {
            return;
        };
        let widths = [
            (&mut self.short_queries, mla.q_lora_rank.unwrap_or(0)),
            (&mut self.head_queries, spec.heads * mla.key_dim),
            (&mut self.joint, mla.kv_lora_rank + spec.rope_dim),
            (&mut self.short, mla.kv_lora_rank),
            (&mut self.results, spec.heads * mla.value_dim),
        ];
        for (buffer, width) in widths {
            buffer.resize(rows * width, 0.0);
        }
        if !mla.absorbed {
            let head = mla.key_dim - spec.rope_dim + mla.value_dim;
            self.expanded.resize(rows * spec.heads * head, 0.0);
        }
    }

    /// Sets the buffers of attention to the widths of a layer.
    pub(super) fn resize_heads(&mut self, spec: &Spec, layer: usize, rows: usize) {
        let gates = if spec.family.gated_attention {
            spec.query_width(layer)
        } else {
            0
        };
        let widths = [
            (&mut self.queries, spec.query_width(layer)),
            (&mut self.gated_queries, 2 * gates),
            (&mut self.query_gates, gates),
            (&mut self.keys, spec.key_width(layer)),
            (&mut self.values, spec.value_width(layer)),
            (&mut self.attended, spec.attended_width(layer)),
        ];
        for (buffer, width) in widths {
            buffer.resize(rows * width, 0.0);
        }
    }

    fn resize_mixer(&mut self, mixer: &MixerSpec, rows: usize) {
        let channels = mixer.convolution().channels;
        let widths = [
            (&mut self.mixed, channels),
            (&mut self.convolved, channels),
            (&mut self.mixer_gates, mixer.width()),
            (&mut self.strengths, mixer.heads()),
            (&mut self.kept, mixer.heads()),
            (&mut self.readings, mixer.width()),
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

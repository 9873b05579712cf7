//! A network's numbers and tensors → its weights.

use llm_engine::forward::Rotation;
use llm_folder::FolderError;

use crate::config::EncoderConfig;
use crate::family::{EncoderFamily, Positions};
use crate::linear::Linear;
use crate::masked_lm::MaskedLm;
use crate::relative_bias::RelativeBias;
use crate::tensors::{LeftOut, Tensors};
use crate::weights::{Added, Embedding, Layer, Norm, Outliers, Weights};

/// What folders hold beside the network, whatever it is used for.
pub(crate) const TRAINING: &[LeftOut] = &[
    ("embeddings.position_ids", "counts up, as old files do"),
    ("pooler.", "for the next sentence; a vector is made of rows"),
    ("cls.", "guesses words and the next sentence"),
    ("lm_head.", "guesses words"),
    ("decoder.", "guesses words"),
    ("head.", "guesses words"),
];

/// And what they hold where no head is used.
pub(crate) const HEADS: &[LeftOut] = &[
    ("classifier.", "gives labels"),
    ("qa_outputs.", "marks answers"),
];

/// Reads the weights of a network, with the embeddings of so many segments as texts
/// are read in.
pub(crate) fn load(
    family: &'static EncoderFamily,
    config: EncoderConfig,
    tensors: &Tensors,
    segments: usize,
) -> Result<Weights, FolderError> {
    let loader = Loader {
        family,
        config: &config,
        tensors,
    };
    let embedding = loader.embedding(segments)?;
    let layers = (0..config.layers)
        .map(|index| loader.layer(index))
        .collect::<Result<_, _>>()?;
    let last_norm = family
        .norms_before
        .then(|| loader.norm("output_norm"))
        .transpose()?;
    let bias = match family.positions {
        Positions::Learned | Positions::Rotated => None,
        Positions::Alibi => Some(RelativeBias::slopes(config.heads)),
        Positions::LearnedAndRelative => Some(RelativeBias::read(tensors, config.heads)?),
    };
    let masked_lm = match &family.masked_lm {
        Some(names) => MaskedLm::find(names, &config, tensors)?,
        None => None,
    };
    let ropes = config.ropes.iter();
    Ok(Weights {
        masked_lm,
        family,
        embedding,
        layers,
        last_norm,
        rotations: ropes.map(|rope| Rotation::new(Some(*rope), None)).collect(),
        bias,
        config,
    })
}

struct Loader<'a> {
    family: &'static EncoderFamily,
    config: &'a EncoderConfig,
    tensors: &'a Tensors,
}

impl Loader<'_> {
    fn embedding(&self, segments: usize) -> Result<Embedding, FolderError> {
        let (config, hidden_size) = (self.config, self.config.hidden_size);
        let rows = Some(config.vocabulary_size);
        let words = self
            .tensors
            .matrix("token_embd.weight", rows, hidden_size)?;
        let types = "token_types.weight";
        let types = if self.tensors.has(types) {
            let table = self.tensors.matrix(types, None, hidden_size)?;
            let rows = 0..segments.min(table.rows());
            rows.map(|index| {
                let mut row = vec![0.0; hidden_size];
                table.row(index, &mut row);
                Some(row)
            })
            .collect()
        } else {
            vec![None]
        };
        let types = types.into_iter();
        let segments = if self.family.positions.are_embedded() {
            let rows = Some(config.first_position + config.positions);
            let name = "position_embd.weight";
            let positions = self.tensors.matrix(name, rows, hidden_size)?;
            types
                .map(|own| Added::ByPosition(self.positions(&positions, own.as_deref())))
                .collect()
        } else {
            types
                .map(|own| own.map_or(Added::Nothing, Added::Same))
                .collect()
        };
        Ok(Embedding {
            words,
            segments,
            norm: self.norm("token_embd_norm")?,
        })
    }

    /// Returns the embedding of each position, (positions, `hidden_size`), with that of
    /// a segment added.
    fn positions(&self, all: &Linear, segment: Option<&[f32]>) -> Vec<f32> {
        let (first, hidden_size) = (self.config.first_position, self.config.hidden_size);
        let mut table = vec![0.0; self.config.positions * hidden_size];
        for (row, out) in table.chunks_exact_mut(hidden_size).enumerate() {
            all.row(first + row, out);
            let segment = segment.unwrap_or_default();
            out.iter_mut().zip(segment).for_each(|(x, y)| *x += y);
        }
        table
    }

    /// Returns whether a bias of that name is to be read.
    fn has_bias(&self, name: &str) -> bool {
        self.family.needs_biases || self.tensors.has(name)
    }

    /// Returns a norm; one without a bias has one of zeros.
    fn norm(&self, name: &str) -> Result<Norm, FolderError> {
        let (size, bias) = (self.config.hidden_size, format!("{name}.bias"));
        Ok(Norm {
            weight: self.tensors.numbers(&format!("{name}.weight"), size)?,
            bias: if self.has_bias(&bias) {
                self.tensors.numbers(&bias, size)?
            } else {
                vec![0.0; size]
            },
        })
    }

    /// Returns a matrix with its bias, if it has one.
    fn linear(&self, name: &str, rows: usize, columns: usize) -> Result<Linear, FolderError> {
        if self.has_bias(&format!("{name}.bias")) {
            return self.tensors.linear(name, rows, columns);
        }
        let weight = format!("{name}.weight");
        self.tensors.matrix(&weight, Some(rows), columns)
    }

    fn layer(&self, index: usize) -> Result<Layer, FolderError> {
        let name = |part: &str| format!("blk.{index}.{part}");
        let (hidden_size, size) = (self.config.hidden_size, self.config.intermediate_size);
        let query_norm = name("attn_q_norm.weight");
        if self.tensors.has(&query_norm) {
            let own = self.tensors.own_name(&query_norm);
            let what = format!("it norms queries and keys ('{own}')");
            return Err(FolderError::unsupported(&self.tensors.path, what));
        }
        let window = self.config.windows.get(index).copied().flatten();
        let [query, key, value] = self.query_key_value(&name)?;
        let (gate, up) = self.gate_and_up(&name)?;
        let (attention_norm, feed_forward_norm) = if self.family.norms_before {
            (name("attn_norm"), name("ffn_norm"))
        } else {
            (name("attn_output_norm"), name("layer_output_norm"))
        };
        // ModernBERT's first layer takes what the embedding's norm gives.
        let is_plain = self.family.norms_before
            && index == 0
            && !self.tensors.has(&format!("{attention_norm}.weight"));
        let rotates = self.family.positions == Positions::Rotated;
        Ok(Layer {
            rotation: rotates.then_some(usize::from(window.is_some())),
            window,
            attention_norm: if is_plain {
                None
            } else {
                Some(self.norm(&attention_norm)?)
            },
            query,
            key,
            value,
            output: self.linear(&name("attn_output"), hidden_size, hidden_size)?,
            feed_forward_norm: self.norm(&feed_forward_norm)?,
            gate,
            up,
            down: self.linear(&name("ffn_down"), hidden_size, size)?,
            attention_outliers: Outliers::default(),
            feed_forward_outliers: Outliers::default(),
        })
    }

    /// Reads the matrices of queries, keys and values: three, or one that holds them
    /// one below the other.
    fn query_key_value(&self, name: &dyn Fn(&str) -> String) -> Result<[Linear; 3], FolderError> {
        let size = self.config.hidden_size;
        if self.tensors.has(&name("attn_qkv.weight")) {
            let fused = self.linear(&name("attn_qkv"), 3 * size, size)?;
            return Ok([0, 1, 2].map(|part| fused.part(part * size, size)));
        }
        let linear = |part: &str| self.linear(&name(part), size, size);
        Ok([linear("attn_q")?, linear("attn_k")?, linear("attn_v")?])
    }

    /// Reads the feed-forward step's gate, if it has one, and what the gate opens: two
    /// matrices, or one with the gate above it.
    fn gate_and_up(
        &self,
        name: &dyn Fn(&str) -> String,
    ) -> Result<(Option<Linear>, Linear), FolderError> {
        let (rows, columns) = (self.config.intermediate_size, self.config.hidden_size);
        if !self.family.gated {
            return Ok((None, self.linear(&name("ffn_up"), rows, columns)?));
        }
        if self.tensors.has(&name("ffn_gate.weight")) {
            let gate = self.linear(&name("ffn_gate"), rows, columns)?;
            let up = self.linear(&name("ffn_up"), rows, columns)?;
            return Ok((Some(gate), up));
        }
        let fused = self.linear(&name("ffn_up"), 2 * rows, columns)?;
        Ok((Some(fused.part(0, rows)), fused.part(rows, rows)))
    }
}

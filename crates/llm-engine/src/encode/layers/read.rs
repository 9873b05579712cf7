//! The tensors of a network by GGUF's names, matrices that stand in one file
//! row apart.

use std::path::Path;

use llm_kernels::quantize::QuantType;
use llm_kernels::simd::Level;

use super::biased::Bias;
use super::numbers::Outline;
use super::plan::{Plan, Positions};
use super::{Layer, Layers};
use crate::encode::gguf::Numbers;
use crate::encode::weights::{File, HEADS, Linear, Norm, TRAINING};
use crate::folder::FolderError;
use crate::forward::Rotation;
use crate::gguf::Metadata;

impl Layers {
    /// Reads a folder's network, whose numbers `config.json` has given.
    pub(crate) fn read(
        plan: &'static Plan,
        outline: Outline,
        file: File,
        packing: Option<(QuantType, Level)>,
    ) -> Result<Self, FolderError> {
        let file = file.renamed(|name| plan.translate(name))?;
        let layers = Self::of(plan, outline, &file, packing)?;
        file.refuse_rest(&[TRAINING, HEADS])?;
        Ok(layers)
    }

    /// Reads the network of the GGUF file at `path`.
    pub(crate) fn from_gguf(
        path: &Path,
        (kind, plan): (&str, &'static Plan),
        metadata: &Metadata,
        file: &File,
        packing: Option<(QuantType, Level)>,
    ) -> Result<Self, FolderError> {
        let numbers = Numbers {
            path,
            metadata,
            kind,
        };
        Self::of(plan, plan.outline_of(&numbers)?, file, packing)
    }

    fn of(
        plan: &'static Plan,
        outline: Outline,
        file: &File,
        packing: Option<(QuantType, Level)>,
    ) -> Result<Self, FolderError> {
        let Outline {
            shape,
            activation,
            ropes,
            windows,
        } = outline;
        let width = shape.width;
        let reader = Reader {
            plan,
            file,
            width,
            inner: shape.inner,
            packing,
        };
        let token_type = file.has("token_types.weight").then(|| {
            let mut first = vec![0.0; width];
            let types = file.matrix("token_types.weight", None, width)?;
            types.row(0, &mut first);
            Ok::<_, FolderError>(first)
        });
        let positions = (plan.positions == Positions::LearnedAndRelative).then(|| {
            let rows = shape.first_position + shape.positions;
            let all = file.matrix("position_embd.weight", Some(rows), width)?;
            let mut table = vec![0.0; shape.positions * width];
            for (row, out) in table.chunks_exact_mut(width).enumerate() {
                all.row(shape.first_position + row, out);
            }
            Ok::<_, FolderError>(table)
        });
        let layers = windows.into_iter().enumerate();
        let layers = layers.map(|(index, window)| reader.layer(index, window));
        let last = plan.norms_before.then(|| reader.norm("output_norm"));
        Ok(Self {
            norms_before: plan.norms_before,
            activation,
            words: file.matrix("token_embd.weight", Some(shape.vocabulary), width)?,
            positions: positions.transpose()?,
            token_type: token_type.transpose()?,
            norm: reader.norm("token_embd_norm")?,
            layers: layers.collect::<Result<_, _>>()?,
            last_norm: last.transpose()?,
            rotations: ropes.map(|rope| Rotation::new(Some(rope), None)).to_vec(),
            bias: match plan.positions {
                Positions::Rotated => None,
                Positions::Alibi => Some(Bias::slopes(shape.heads)),
                Positions::LearnedAndRelative => Some(Bias::read(&file.path, file, shape.heads)?),
            },
            shape,
        })
    }
}

struct Reader<'a> {
    plan: &'static Plan,
    file: &'a File,
    width: usize,
    inner: usize,
    packing: Option<(QuantType, Level)>,
}

impl Reader<'_> {
    /// Returns a norm; one without a bias has one of zeros.
    fn norm(&self, name: &str) -> Result<Norm, FolderError> {
        let bias = format!("{name}.bias");
        Ok(Norm {
            weight: self.file.numbers(&format!("{name}.weight"), self.width)?,
            bias: match self.file.has(&bias) {
                true => self.file.numbers(&bias, self.width)?,
                false => vec![0.0; self.width],
            },
        })
    }

    /// Returns a matrix with its bias, if it has one.
    fn linear(&self, name: &str, rows: usize, columns: usize) -> Result<Linear, FolderError> {
        let weight = format!("{name}.weight");
        let mut linear = self.file.matrix(&weight, Some(rows), columns)?;
        let bias = format!("{name}.bias");
        if self.file.has(&bias) {
            linear.bias = self.file.numbers(&bias, rows)?;
        }
        Ok(linear)
    }

    fn layer(&self, index: usize, window: Option<usize>) -> Result<Layer, FolderError> {
        let at = |part: &str| format!("blk.{index}.{part}");
        let (width, inner) = (self.width, self.inner);
        let norm = at("attn_q_norm.weight");
        if self.file.has(&norm) {
            let what = format!(
                "it norms queries and keys ('{}')",
                self.file.own_name(&norm)
            );
            return Err(FolderError::unsupported(&self.file.path, what));
        }
        let [query, key, value] = self.heads(&at)?;
        let (gate, up) = self.up(&at)?;
        let (before, after) = match self.plan.norms_before {
            true => (at("attn_norm"), at("ffn_norm")),
            false => (at("attn_output_norm"), at("layer_output_norm")),
        };
        // ModernBERT's first layer takes what the embedding's norm gives.
        let is_plain =
            self.plan.norms_before && index == 0 && !self.file.has(&format!("{before}.weight"));
        let packed = |linear: Linear| {
            let packed = self.packing.and_then(|packing| linear.packed(packing, &[]));
            packed.unwrap_or(linear)
        };
        let rotates = self.plan.positions == Positions::Rotated;
        Ok(Layer {
            rotation: rotates.then_some(usize::from(window.is_some())),
            window,
            attention_norm: match is_plain {
                true => None,
                false => Some(self.norm(&before)?),
            },
            query: packed(query),
            key: packed(key),
            value: packed(value),
            output: packed(self.linear(&at("attn_output"), width, width)?),
            feed_forward_norm: self.norm(&after)?,
            gate: gate.map(packed),
            up: packed(up),
            down: packed(self.linear(&at("ffn_down"), width, inner)?),
        })
    }

    /// Queries, keys and values: one matrix or three.
    fn heads(&self, at: &dyn Fn(&str) -> String) -> Result<[Linear; 3], FolderError> {
        let width = self.width;
        if self.file.has(&at("attn_qkv.weight")) {
            let all = self.linear(&at("attn_qkv"), 3 * width, width)?;
            return Ok([0, 1, 2].map(|part| all.part(part * width, width)));
        }
        let one = |name: &str| self.linear(&at(name), width, width);
        Ok([one("attn_q")?, one("attn_k")?, one("attn_v")?])
    }

    /// The feed-forward step's gate, if it has one, and what the gate opens: two
    /// matrices, or one with the gate before it.
    fn up(&self, at: &dyn Fn(&str) -> String) -> Result<(Option<Linear>, Linear), FolderError> {
        let (inner, width) = (self.inner, self.width);
        if self.file.has(&at("ffn_gate.weight")) {
            let gate = self.linear(&at("ffn_gate"), inner, width)?;
            return Ok((Some(gate), self.linear(&at("ffn_up"), inner, width)?));
        }
        if self.plan.positions == Positions::LearnedAndRelative {
            return Ok((None, self.linear(&at("ffn_up"), inner, width)?));
        }
        let both = self.linear(&at("ffn_up"), 2 * inner, width)?;
        Ok((Some(both.part(0, inner)), both.part(inner, inner)))
    }
}

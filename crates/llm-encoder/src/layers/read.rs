//! The tensors of a network by GGUF's names, matrices that stand in one file
//! row apart.

use std::path::Path;

use llm_kernels::quantize::QuantType;
use llm_kernels::simd::Level;

use super::biased::Bias;
use super::config::EncoderConfig;
use super::family::{EncoderFamily, Positions};
use super::{Layer, Layers};
use crate::gguf::Numbers;
use crate::weights::{File, HEADS, Linear, Norm, TRAINING};
use llm_engine::forward::Rotation;
use llm_folder::FolderError;
use llm_gguf::Metadata;

impl Layers {
    /// Reads a folder's network, whose numbers `config.json` has given.
    pub(crate) fn read(
        family: &'static EncoderFamily,
        config: EncoderConfig,
        file: File,
        packing: Option<(QuantType, Level)>,
    ) -> Result<Self, FolderError> {
        let file = file.renamed(|name| family.translate(name))?;
        let layers = Self::of(family, config, &file, packing)?;
        file.refuse_rest(&[TRAINING, HEADS])?;
        Ok(layers)
    }

    /// Reads the network of the GGUF file at `path`.
    pub(crate) fn from_gguf(
        path: &Path,
        (kind, family): (&str, &'static EncoderFamily),
        metadata: &Metadata,
        file: &File,
        packing: Option<(QuantType, Level)>,
    ) -> Result<Self, FolderError> {
        let numbers = Numbers {
            path,
            metadata,
            kind,
        };
        Self::of(family, family.config_of(&numbers)?, file, packing)
    }

    fn of(
        family: &'static EncoderFamily,
        config: EncoderConfig,
        file: &File,
        packing: Option<(QuantType, Level)>,
    ) -> Result<Self, FolderError> {
        let EncoderConfig {
            shape,
            activation,
            ropes,
            windows,
        } = config;
        let hidden_size = shape.hidden_size;
        let reader = Reader {
            family,
            file,
            hidden_size,
            inner: shape.inner,
            packing,
        };
        let token_type = file.has("token_types.weight").then(|| {
            let mut first = vec![0.0; hidden_size];
            let types = file.matrix("token_types.weight", None, hidden_size)?;
            types.row(0, &mut first);
            Ok::<_, FolderError>(first)
        });
        let positions = (family.positions == Positions::LearnedAndRelative).then(|| {
            let rows = shape.first_position + shape.positions;
            let all = file.matrix("position_embd.weight", Some(rows), hidden_size)?;
            let mut table = vec![0.0; shape.positions * hidden_size];
            for (row, out) in table.chunks_exact_mut(hidden_size).enumerate() {
                all.row(shape.first_position + row, out);
            }
            Ok::<_, FolderError>(table)
        });
        let layers = windows.into_iter().enumerate();
        let layers = layers.map(|(index, window)| reader.layer(index, window));
        let last = family.norms_before.then(|| reader.norm("output_norm"));
        Ok(Self {
            norms_before: family.norms_before,
            activation,
            words: file.matrix("token_embd.weight", Some(shape.vocabulary), hidden_size)?,
            positions: positions.transpose()?,
            token_type: token_type.transpose()?,
            norm: reader.norm("token_embd_norm")?,
            layers: layers.collect::<Result<_, _>>()?,
            last_norm: last.transpose()?,
            rotations: ropes.map(|rope| Rotation::new(Some(rope), None)).to_vec(),
            bias: match family.positions {
                Positions::Rotated => None,
                Positions::Alibi => Some(Bias::slopes(shape.heads)),
                Positions::LearnedAndRelative => Some(Bias::read(&file.path, file, shape.heads)?),
            },
            shape,
        })
    }
}

struct Reader<'a> {
    family: &'static EncoderFamily,
    file: &'a File,
    hidden_size: usize,
    inner: usize,
    packing: Option<(QuantType, Level)>,
}

impl Reader<'_> {
    /// Returns a norm; one without a bias has one of zeros.
    fn norm(&self, name: &str) -> Result<Norm, FolderError> {
        let bias = format!("{name}.bias");
        Ok(Norm {
            weight: self
                .file
                .numbers(&format!("{name}.weight"), self.hidden_size)?,
            bias: match self.file.has(&bias) {
                true => self.file.numbers(&bias, self.hidden_size)?,
                false => vec![0.0; self.hidden_size],
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
        let (hidden_size, inner) = (self.hidden_size, self.inner);
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
        let (before, after) = match self.family.norms_before {
            true => (at("attn_norm"), at("ffn_norm")),
            false => (at("attn_output_norm"), at("layer_output_norm")),
        };
        // ModernBERT's first layer takes what the embedding's norm gives.
        let is_plain =
            self.family.norms_before && index == 0 && !self.file.has(&format!("{before}.weight"));
        let packed = |linear: Linear| {
            let packed = self.packing.and_then(|packing| linear.packed(packing, &[]));
            packed.unwrap_or(linear)
        };
        let rotates = self.family.positions == Positions::Rotated;
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
            output: packed(self.linear(&at("attn_output"), hidden_size, hidden_size)?),
            feed_forward_norm: self.norm(&after)?,
            gate: gate.map(packed),
            up: packed(up),
            down: packed(self.linear(&at("ffn_down"), hidden_size, inner)?),
        })
    }

    /// Queries, keys and values: one matrix or three.
    fn heads(&self, at: &dyn Fn(&str) -> String) -> Result<[Linear; 3], FolderError> {
        let hidden_size = self.hidden_size;
        if self.file.has(&at("attn_qkv.weight")) {
            let all = self.linear(&at("attn_qkv"), 3 * hidden_size, hidden_size)?;
            return Ok([0, 1, 2].map(|part| all.part(part * hidden_size, hidden_size)));
        }
        let one = |name: &str| self.linear(&at(name), hidden_size, hidden_size);
        Ok([one("attn_q")?, one("attn_k")?, one("attn_v")?])
    }

    /// The feed-forward step's gate, if it has one, and what the gate opens: two
    /// matrices, or one with the gate before it.
    fn up(&self, at: &dyn Fn(&str) -> String) -> Result<(Option<Linear>, Linear), FolderError> {
        let (inner, hidden_size) = (self.inner, self.hidden_size);
        if self.file.has(&at("ffn_gate.weight")) {
            let gate = self.linear(&at("ffn_gate"), inner, hidden_size)?;
            return Ok((Some(gate), self.linear(&at("ffn_up"), inner, hidden_size)?));
        }
        if self.family.positions == Positions::LearnedAndRelative {
            return Ok((None, self.linear(&at("ffn_up"), inner, hidden_size)?));
        }
        let both = self.linear(&at("ffn_up"), 2 * inner, hidden_size)?;
        Ok((Some(both.part(0, inner)), both.part(inner, inner)))
    }
}

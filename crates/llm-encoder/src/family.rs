//! How the families of encoders differ, as data: `table` has a row for each, `config`
//! reads its numbers and `loader` its tensors.

mod table;

use std::path::Path;

use llm_folder::FolderError;
use serde_json::Value;

use table::FAMILIES;

/// How a family differs from others.
#[derive(Debug)]
pub(crate) struct EncoderFamily {
    /// The values of `model_type`.
    model_types: &'static [&'static str],
    /// The value of `position_embedding_type`, where only that tells the family.
    position_type: Option<&'static str>,
    /// `general.architecture` in GGUF, where such files are read.
    architecture: Option<&'static str>,
    /// Norms stand before the steps, else behind them.
    pub(crate) norms_before: bool,
    pub(crate) positions: Positions,
    /// Positions are counted from the one behind that of padding, as in fairseq.
    pub(crate) counts_from_padding: bool,
    /// Some layers see only their surroundings.
    pub(crate) has_windows: bool,
    /// The feed-forward step has a gate.
    pub(crate) gated: bool,
    /// A matrix or norm without a bias is damaged; else it may have one.
    pub(crate) needs_biases: bool,
    /// Cross-encoders of this family are read.
    reads_pairs: bool,
    /// Columns of each input that stay floats where matrices are quantized as the
    /// encoder is opened.
    pub(crate) outlier_columns: usize,
    /// What the names of a layer's tensors begin with, before its number.
    layer_prefixes: &'static [&'static str],
    /// (Hugging Face's name, GGUF's) of a layer's tensors.
    layer_names: &'static [(&'static str, &'static str)],
    /// The same of the others.
    other_names: &'static [(&'static str, &'static str)],
    /// The names of the head that guesses words, where such heads are read.
    pub(crate) masked_lm: Option<HeadNames>,
    /// Values of `config.json` that would change what is computed, and what they
    /// must be where they are there.
    pub(crate) required: &'static [(&'static str, Required)],
    /// The non-linearity where the files name none.
    pub(crate) activation: Activation,
    /// Added to the variance in every norm where `config.json` says nothing.
    pub(crate) norm_epsilon: f32,
    /// The rotation's bases where the files say nothing: in layers that see
    /// everything, and in those with a window.
    pub(crate) rope_bases: [f32; 2],
}

/// What a folder calls the parts of the head that guesses words, without `.weight`.
#[derive(Debug)]
pub(crate) struct HeadNames {
    pub(crate) dense: &'static str,
    pub(crate) norm: &'static str,
    /// The matrix that gives logits, where it is not the embedding.
    pub(crate) decoder: &'static str,
    /// Of the logits; the first that is there counts.
    pub(crate) biases: [&'static str; 2],
    /// How the names of its tensors begin.
    pub(crate) prefixes: &'static [&'static str],
}

/// What a value must be.
#[derive(Debug)]
pub(crate) enum Required {
    False,
    One,
    Zero,
    Text(&'static str),
}

/// The non-linearity of the feed-forward step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activation {
    Gelu,
    Silu,
}

/// How a network knows positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Positions {
    /// By an embedding (Devlin et al. 2018, arXiv:1810.04805).
    Learned,
    /// By rotating queries and keys (Su et al. 2021, arXiv:2104.09864).
    Rotated,
    /// By what is taken from scores, in proportion to the distance (Press et al.
    /// 2021, arXiv:2108.12409), on both sides.
    Alibi,
    /// By an embedding, and by what is added to the scores of distances (Raffel
    /// et al. 2019, arXiv:1910.10683, section 2.1).
    LearnedAndRelative,
}

impl Positions {
    /// Returns whether there is an embedding of each position.
    pub(crate) fn are_embedded(self) -> bool {
        matches!(self, Self::Learned | Self::LearnedAndRelative)
    }
}

/// What may stand before the names of a network that was saved with a head.
const NETWORK_PREFIXES: [&str; 6] = [
    "bert.",
    "roberta.",
    "mpnet.",
    "nomic_bert.",
    "new.",
    "model.",
];

/// Returns what a folder's `config.json` says that the model is.
pub(crate) fn model_type<'a>(path: &Path, config: &'a Value) -> Result<&'a str, FolderError> {
    let stated = config.get("model_type").and_then(Value::as_str);
    stated.ok_or_else(|| FolderError::malformed(path, "it has no 'model_type'"))
}

/// Returns the family of a folder by its `config.json`.
pub(crate) fn find(config: &Value) -> Option<&'static EncoderFamily> {
    let text = |name: &str| config.get(name).and_then(Value::as_str);
    let (model_type, position_type) = (text("model_type")?, text("position_embedding_type"));
    let families = FAMILIES.into_iter().filter(|family| {
        let wanted = family.position_type;
        family.model_types.contains(&model_type)
            && wanted.is_none_or(|wanted| position_type == Some(wanted))
    });
    // One that is told by its positions too is meant more than one that is not.
    families.max_by_key(|family| family.position_type.is_some())
}

/// Returns the family of a cross-encoder by its `model_type`.
pub(crate) fn find_for_pairs(model_type: &str) -> Option<&'static EncoderFamily> {
    let mut families = FAMILIES.into_iter().filter(|family| family.reads_pairs);
    families.find(|family| family.model_types.contains(&model_type))
}

/// Returns the family of a GGUF file.
pub(crate) fn of_architecture(name: &str) -> Option<&'static EncoderFamily> {
    FAMILIES
        .into_iter()
        .find(|family| family.architecture == Some(name))
}

/// Returns the values of `model_type`.
pub(crate) fn model_types() -> impl Iterator<Item = &'static str> {
    let own = FAMILIES
        .into_iter()
        .filter(|family| family.position_type.is_none());
    own.flat_map(|family| family.model_types).copied()
}

/// Returns those of which cross-encoders are read.
pub(crate) fn model_types_for_pairs() -> impl Iterator<Item = &'static str> {
    let own = FAMILIES.into_iter().filter(|family| family.reads_pairs);
    own.flat_map(|family| family.model_types).copied()
}

/// Returns the names of GGUF's architectures.
pub(crate) fn architectures() -> impl Iterator<Item = &'static str> {
    FAMILIES
        .into_iter()
        .filter_map(|family| family.architecture)
}

/// The columns of the tables of names.
type Names = (&'static str, &'static str);

impl EncoderFamily {
    /// Returns what GGUF calls the tensor that a folder calls `name`; one that no
    /// table has keeps its name, without that of the network before it.
    pub(crate) fn gguf_name(&self, name: &str) -> String {
        let mut prefixes = NETWORK_PREFIXES.iter();
        let bare = prefixes
            .find_map(|prefix| name.strip_prefix(prefix))
            .unwrap_or(name);
        // As the first checkpoints of BERT name the parts of a norm.
        let (stem, ending) = match bare.rsplit_once('.') {
            None => return bare.to_owned(),
            Some((stem, "gamma")) => (stem, "weight"),
            Some((stem, "beta")) => (stem, "bias"),
            Some(parts) => parts,
        };
        let translated = || {
            let translated = |table: &[Names], stem: &str| {
                let found = table.iter().find(|(theirs, _)| *theirs == stem);
                found.map(|(_, gguf)| *gguf)
            };
            if let Some(gguf) = translated(self.other_names, stem) {
                return Some(format!("{gguf}.{ending}"));
            }
            let mut prefixes = self.layer_prefixes.iter();
            let rest = prefixes.find_map(|prefix| stem.strip_prefix(prefix))?;
            let (number, part) = rest.split_once('.')?;
            let gguf = translated(self.layer_names, part)?;
            Some(format!("blk.{number}.{gguf}.{ending}"))
        };
        translated().unwrap_or_else(|| format!("{stem}.{ending}"))
    }

    /// Returns what a folder calls the tensor that GGUF calls `name`, by the first
    /// of several spellings.
    pub(crate) fn folder_name(&self, name: &str) -> Option<String> {
        let (stem, ending) = name.rsplit_once('.')?;
        let translated = |table: &[Names], stem: &str| {
            let found = table.iter().find(|(_, gguf)| *gguf == stem);
            found.map(|(theirs, _)| *theirs)
        };
        if let Some(theirs) = translated(self.other_names, stem) {
            return Some(format!("{theirs}.{ending}"));
        }
        let (number, part) = stem.strip_prefix("blk.")?.split_once('.')?;
        let (prefix, theirs) = (
            self.layer_prefixes.first()?,
            translated(self.layer_names, part)?,
        );
        Some(format!("{prefix}{number}.{theirs}.{ending}"))
    }
}

#[cfg(test)]
mod tests {
    use super::table::{BERT, MODERN, NOMIC};
    use super::*;

    #[test]
    fn names_are_translated_there_and_back() {
        for (family, folder, gguf) in [
            (&BERT, "embeddings.LayerNorm.bias", "token_embd_norm.bias"),
            (
                &BERT,
                "encoder.layer.11.attention.self.query.weight",
                "blk.11.attn_q.weight",
            ),
            (
                &NOMIC,
                "encoder.layers.0.norm1.bias",
                "blk.0.attn_output_norm.bias",
            ),
            (&MODERN, "layers.3.mlp.Wi.weight", "blk.3.ffn_up.weight"),
        ] {
            assert_eq!(family.gguf_name(folder), gguf);
            assert_eq!(family.gguf_name(&format!("bert.{folder}")), gguf);
            assert_eq!(family.folder_name(gguf).as_deref(), Some(folder));
        }
        for (old, gguf) in [
            ("embeddings.LayerNorm.gamma", "token_embd_norm.weight"),
            (
                "encoder.layer.1.output.LayerNorm.beta",
                "blk.1.layer_output_norm.bias",
            ),
        ] {
            assert_eq!(BERT.gguf_name(&format!("bert.{old}")), gguf);
        }
        assert_eq!(
            BERT.gguf_name("bert.pooler.dense.bias"),
            "pooler.dense.bias"
        );
        assert_eq!(BERT.folder_name("output_norm.weight"), None);
    }

    #[test]
    fn the_engine_knows_which_files_are_for_here() {
        let mut ours: Vec<&str> = architectures().collect();
        ours.sort_unstable();
        assert_eq!(ours, llm_engine::family::ENCODERS);
    }

    #[test]
    fn positions_tell_families_of_one_model_type_apart() {
        let found = |kind: &str| {
            let config = serde_json::json!({"model_type": "bert", "position_embedding_type": kind});
            find(&config).map(|family| family.positions)
        };
        assert_eq!(found("alibi"), Some(Positions::Alibi));
        assert_eq!(found("absolute"), Some(Positions::Learned));
        let pairs = find_for_pairs("bert").map(|family| family.positions);
        assert_eq!(pairs, Some(Positions::Learned));
    }
}

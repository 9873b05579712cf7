//! The kinds of folders: what a row of the table says. A new kind is a new row of
//! `kinds/table.rs`, the only place that knows the kinds' names.

use super::FolderError;
use super::changes::Change;
use super::config::Config;
use super::numbers::{Number, Pairs};
use super::refusals::Allowed;
use super::windows::Windows;

mod table;

pub(super) use table::KINDS;

/// Names that differ from kind to kind: (Hugging Face's, GGUF's).
pub(super) type Names = &'static [(&'static str, &'static str)];

/// Numbers that are made of others.
type More = fn(&Config) -> Result<Pairs, FolderError>;

/// How the folders of a family differ from its GGUF files.
#[derive(Debug)]
pub(super) struct Kind {
    /// The values of `model_type`.
    pub(super) model_types: &'static [&'static str],
    /// The values of `model_type` in `text_config`, where that is the text model of one
    /// that also sees, beside those above.
    pub(super) text_types: &'static [&'static str],
    /// `general.architecture` in GGUF.
    pub(super) architecture: &'static str,
    /// Keys of its configs by another name than nearly all have: (theirs, the usual one).
    pub(super) renamed: Names,
    /// The non-linearity of the feed-forward step.
    pub(super) gates: &'static [&'static str],
    /// The norms of a layer, whose names mean one thing here and another there.
    pub(super) norms: Names,
    /// What becomes of tensors whose name in GGUF ends so; the first row counts.
    pub(super) changes: &'static [(&'static str, Change)],
    /// GGUF files have the rows of queries and keys in another order.
    pub(super) permuted: bool,
    /// The embedding is the output where the file does not say.
    pub(super) tied: bool,
    /// The base of the rotation where the file names none.
    pub(super) rope_theta: f64,
    /// The rotated part of a head where the file names none.
    pub(super) rotated: f64,
    /// What YaRN's `mscale_all_dim` is multiplied by in GGUF files, 0 for kinds without.
    pub(super) log_multiplier: f64,
    /// YaRN's temperature is in the scores and not in the rotation.
    pub(super) yarn_scales_scores: bool,
    /// What is added to the mean square of a norm where the file does not say.
    pub(super) epsilon: f64,
    /// Other numbers that files leave out.
    pub(super) defaults: &'static [(&'static str, f64)],
    /// The numbers beside those that all kinds have.
    pub(super) numbers: &'static [&'static [Number]],
    /// Keys whose values are a part of what the engine computes, with those that it does.
    pub(super) fixed: &'static [(&'static str, Allowed)],
    /// Further keys of its configs that are read, or whose meaning lies in its tensors.
    pub(super) known: &'static [&'static str],
    /// A factor alpha may stretch the base of the rotation.
    pub(super) stretched_base: bool,
    /// The rotation may be one that changes beyond the length of training alone.
    pub(super) stretched_beyond: bool,
    /// The numbers of the activation are tensors.
    pub(super) xielu: bool,
    /// What `layer_types` calls a layer that keeps a state, in old configs and in new ones.
    pub(super) stateful: &'static [&'static str],
    /// What matrices give is multiplied by numbers of the config.
    pub(super) multipliers: bool,
    /// Which layers have a window.
    pub(super) windows: Windows,
    /// Experts may be stored in MXFP4.
    pub(super) mxfp4: bool,
    /// What needs more than a name: put behind the other numbers, in their place.
    pub(super) more: &'static [More],
}

/// Returns the values of `model_type` that are known.
pub(super) fn kinds() -> impl Iterator<Item = &'static str> {
    KINDS.iter().flat_map(|kind| kind.model_types).copied()
}

/// Kinds that are like others but for one part: (`model_type`, that part).
pub(super) const LACKING: &[(&str, &str)] = &[("deepseek_v32", INDEXER), ("glm_moe_dsa", INDEXER)];

/// DeepSeek-AI 2025, DeepSeek-V3.2.
const INDEXER: &str = "sparse attention to the positions that an indexer chooses";

/// Kinds that make vectors and no text.
pub(super) const ENCODERS: [&str; 7] = [
    "bert",
    "camembert",
    "modernbert",
    "mpnet",
    "nomic_bert",
    "roberta",
    "xlm-roberta",
];

//! The tensors of a file that nothing has looked up. A model without one of its
//! tensors answers otherwise than it was made to and nobody sees it, so each is an
//! obstacle, unless a row here says why it is none.

use super::WeightsError;
use super::loader::Loader;
use crate::spec::{ROPE_FACTORS_LONG, ROPE_FACTORS_SHORT, Spec};

/// What a model is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Everything.
    Logits,
    /// Rows, of which others make vectors.
    Rows,
}

/// Which tensors are left out knowingly (of which model, opened for what, and of
/// which name), and why.
type LeftOut = (fn(&Spec, Wanted, Name<'_>) -> bool, &'static str);

/// A tensor's name.
#[derive(Clone, Copy)]
struct Name<'a> {
    /// Its layer, if it is one's.
    layer: Option<usize>,
    /// The rest of the name, or all of it.
    part: &'a str,
}

impl<'a> Name<'a> {
    fn of(name: &'a str) -> Self {
        let rest = name.strip_prefix("blk.");
        let split = rest.and_then(|rest| rest.split_once('.'));
        let parsed = split.and_then(|(number, part)| Some((number.parse().ok()?, part)));
        match parsed {
            Some((layer, part)) => Self {
                layer: Some(layer),
                part,
            },
            None => Self {
                layer: None,
                part: name,
            },
        }
    }
}

const LEFT_OUT: &[LeftOut] = &[
    (
        |spec, _, name| {
            let layers = spec.layers.len();
            let guessing = layers..layers + spec.mtp_layers;
            name.layer.is_some_and(|layer| guessing.contains(&layer))
        },
        "layers that guess further tokens, which nobody asks for",
    ),
    (
        |spec, _, name| {
            let sets = [ROPE_FACTORS_LONG, ROPE_FACTORS_SHORT];
            sets.contains(&spec.rope_factors) && sets.contains(&name.part)
        },
        "one of two sets of divisors, for texts of the other length",
    ),
    (
        |spec, _, name| {
            let keys = ["attn_k.weight", "attn_v.weight", "attn_k_norm.weight"];
            let layer = name.layer.and_then(|layer| spec.layers.get(layer));
            layer.is_some_and(|layer| layer.kv_source_layer.is_some()) && keys.contains(&name.part)
        },
        "Gemma's checkpoints have keys of layers that use those of others",
    ),
    (
        |_, _, name| {
            let sees_or_hears = ["v.", "a.", "mm."];
            sees_or_hears.iter().any(|part| name.part.starts_with(part))
        },
        "Ollama's files hold the part for pictures and sounds beside the text model",
    ),
    (
        |_, wanted, name| {
            let behind_pooling = ["dense_2.weight", "dense_3.weight"];
            wanted == Wanted::Rows && behind_pooling.contains(&name.part)
        },
        "what follows pooling is read with it",
    ),
];

impl Loader<'_> {
    /// Refuses the tensors that were not looked up.
    pub(super) fn refuse_rest(&self, wanted: Wanted) -> Result<(), WeightsError> {
        let taken = self.taken.borrow();
        let all = self
            .gguf
            .tensors()
            .iter()
            .map(|tensor| tensor.name.as_str());
        let rest: Vec<&str> = all
            .filter(|name| !taken.contains(name))
            .filter(|name| {
                let name = Name::of(name);
                !LEFT_OUT.iter().any(|(is, _)| is(self.spec, wanted, name))
            })
            .collect();
        let (spec, layers) = (self.spec, self.spec.layers.len());
        let architecture = spec.family.architecture;
        let is_beyond = |name: &&str| Name::of(name).layer.is_some_and(|at| at >= layers);
        if rest.iter().any(is_beyond) {
            let beyond: Vec<&str> = rest.into_iter().filter(is_beyond).collect();
            return Err(WeightsError::SurplusLayer {
                tensors: self.named(&beyond),
                layers: layers + spec.mtp_layers,
            });
        }
        if rest.is_empty() {
            Ok(())
        } else {
            Err(WeightsError::Surplus {
                tensors: self.named(&rest),
                architecture,
            })
        }
    }

    /// Names tensors as their file does, the first few of many.
    fn named(&self, names: &[&str]) -> String {
        let own: Vec<&str> = names.iter().map(|name| self.gguf.own_name(name)).collect();
        named(&own)
    }
}

/// Names tensors, the first few of many.
pub fn named(names: &[&str]) -> String {
    /// More names than these nobody reads.
    const SHOWN: usize = 3;
    let shown: Vec<String> = names
        .iter()
        .take(SHOWN)
        .map(|name| format!("'{name}'"))
        .collect();
    let shown = shown.join(", ");
    match names.len() {
        0 | 1 => format!("the tensor {shown}"),
        count if count <= SHOWN => format!("the tensors {shown}"),
        count => format!("the tensors {shown} and {} more", count - SHOWN),
    }
}

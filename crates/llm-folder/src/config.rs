//! `config.json` as GGUF metadata: which family a folder is, and its numbers.
//!
//! Whether the numbers fit together is left to `spec`.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};

use super::json::Fields;
use super::rope;
use super::{FolderError, json};
use llm_gguf::{Integers, Metadata, Value};

/// How the folders of a family differ from its GGUF files.
#[derive(Debug)]
pub(super) struct Kind {
    /// The values of `model_type`.
    pub(super) model_types: &'static [&'static str],
    /// `general.architecture` in GGUF.
    pub(super) architecture: &'static str,
    /// The non-linearity of the feed-forward step.
    gates: &'static [&'static str],
    /// Norms are stored as `w` and used as `1 + w`, and there are norms of what
    /// comes out of a step.
    pub(super) is_gemma: bool,
    /// GGUF files have the rows of queries and keys in another order.
    permuted: bool,
    /// The base of the rotation where the file names none.
    rope_theta: f64,
}

const SILU: &[&str] = &["silu", "swish"];

const LLAMA: Kind = Kind {
    model_types: &["llama", "mistral"],
    architecture: "llama",
    gates: SILU,
    is_gemma: false,
    permuted: true,
    rope_theta: 10_000.0,
};

const KINDS: &[Kind] = &[
    LLAMA,
    Kind {
        model_types: &["qwen2"],
        architecture: "qwen2",
        permuted: false,
        ..LLAMA
    },
    Kind {
        model_types: &["qwen3"],
        architecture: "qwen3",
        permuted: false,
        ..LLAMA
    },
    Kind {
        model_types: &["gemma3", "gemma3_text"],
        architecture: "gemma3",
        gates: &["gelu_pytorch_tanh"],
        is_gemma: true,
        permuted: false,
        rope_theta: 1_000_000.0,
    },
];

/// A folder's `config.json`.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) path: PathBuf,
    pub(super) kind: &'static Kind,
    /// The numbers of the text model, also where it is a part of a larger one.
    values: Json,
    /// Whether anybody wants logits.
    needs_output: bool,
}

impl Config {
    /// Reads the file of `folder`.
    pub(super) fn read(folder: &Path) -> Result<Self, FolderError> {
        let path = folder.join("config.json");
        let mut values: Map<String, Json> = json::read(folder, "config.json")?;
        let model_type = values.get("model_type").and_then(Json::as_str);
        let model_type = model_type
            .ok_or_else(|| FolderError::malformed(&path, "it has no 'model_type'"))?
            .to_owned();
        let mut kinds = KINDS.iter();
        let kind = kinds
            .find(|kind| kind.model_types.contains(&model_type.as_str()))
            .ok_or_else(|| unknown(&path, &model_type))?;
        if let Some(Json::Object(text)) = values.remove("text_config") {
            values.extend(text);
        }
        let config = Self {
            path,
            kind,
            values: Json::Object(values),
            needs_output: true,
        };
        config.refuse_unsupported()?;
        Ok(config)
    }

    fn refuse_unsupported(&self) -> Result<(), FolderError> {
        let refuse = |what: String| Err(FolderError::unsupported(&self.path, what));
        if let Some(Json::Object(quantization)) = self.get("quantization_config") {
            let method = quantization.get("quant_method").and_then(Json::as_str);
            return refuse(format!(
                "its weights are quantized by '{}'",
                method.unwrap_or("an unnamed method")
            ));
        }
        // Gemma's files name both, and the second is the one that counts.
        let gates = [
            self.fields().text("hidden_activation")?,
            self.fields().text("hidden_act")?,
        ];
        match gates.into_iter().flatten().next() {
            Some(gate) if !self.kind.gates.contains(&gate) => {
                refuse(format!("the activation is '{gate}'"))
            }
            _ => Ok(()),
        }
    }

    /// Returns all values by their names.
    pub(super) fn fields(&self) -> Fields<'_> {
        Fields::new(&self.path, &self.values)
    }

    /// Returns a value that is not null.
    pub(super) fn get(&self, name: &str) -> Option<&Json> {
        self.fields().get(name)
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<f64>, FolderError> {
        self.fields().number(name)
    }

    pub(super) fn size(&self, name: &str) -> Result<Option<u64>, FolderError> {
        self.fields().size(name)
    }

    /// Returns the ids that `name` holds, one or a list.
    pub(super) fn ids(&self, name: &str) -> Result<Vec<u64>, FolderError> {
        self.fields().ids(name)
    }

    /// Takes it for a model that nobody wants logits of.
    pub(super) fn without_output(mut self) -> Self {
        self.needs_output = false;
        self
    }

    /// Returns whether anybody wants logits.
    pub(super) fn needs_output(&self) -> bool {
        self.needs_output
    }

    /// Returns whether the folder says that there is no output matrix of its
    /// own (`true`) or that there is one (`false`).
    pub(super) fn is_tied(&self) -> Result<Option<bool>, FolderError> {
        let said = self.fields().flag("tie_word_embeddings")?;
        if !self.needs_output {
            return Ok(Some(true));
        }
        Ok(said.or(self.kind.is_gemma.then_some(true)))
    }

    fn needed(&self, name: &str) -> Result<u64, FolderError> {
        self.size(name)?.ok_or_else(|| {
            FolderError::malformed(&self.path, format!("it lacks the number '{name}'"))
        })
    }

    /// Like `needed`, with the number that Google's files leave out.
    fn needed_or(&self, name: &str, of_gemma: u64) -> Result<u64, FolderError> {
        match self.get(name) {
            None if self.kind.is_gemma => Ok(of_gemma),
            _ => self.needed(name),
        }
    }

    /// Returns the elements of a head.
    pub(super) fn head_dim(&self) -> Result<u64, FolderError> {
        if self.get("head_dim").is_some() {
            return self.needed("head_dim");
        }
        if self.kind.is_gemma {
            return Ok(256);
        }
        let (width, heads) = (
            self.needed("hidden_size")?,
            self.needed("num_attention_heads")?,
        );
        width
            .checked_div(heads)
            .ok_or_else(|| FolderError::malformed(&self.path, "its 'num_attention_heads' is 0"))
    }

    /// Returns the base of the rotation where no other place names one.
    pub(super) fn rope_theta(&self) -> Result<f64, FolderError> {
        Ok(self.number("rope_theta")?.unwrap_or(self.kind.rope_theta))
    }

    /// Translates the numbers to GGUF's keys.
    pub(super) fn metadata(&self) -> Result<Metadata, FolderError> {
        let mut metadata = Metadata::default();
        let architecture = self.kind.architecture;
        let text = |text: &str| Value::String(text.to_owned());
        metadata.insert("general.architecture", text(architecture));
        let mut set = |name: &str, value: Value| {
            metadata.insert(format!("{architecture}.{name}"), value);
        };
        let head_dim = self.head_dim()?;
        let heads = self.needed_or("num_attention_heads", 8)?;
        let default_kv_heads = if self.kind.is_gemma { 4 } else { heads };
        let kv_heads = self
            .size("num_key_value_heads")?
            .unwrap_or(default_kv_heads);
        for (name, size) in [
            ("block_count", self.needed("num_hidden_layers")?),
            ("embedding_length", self.needed("hidden_size")?),
            ("feed_forward_length", self.needed("intermediate_size")?),
            ("attention.head_count", heads),
            ("attention.head_count_kv", kv_heads),
            ("attention.key_length", head_dim),
            ("attention.value_length", head_dim),
            ("rope.dimension_count", head_dim),
            (
                "context_length",
                self.needed_or("max_position_embeddings", 131_072)?,
            ),
        ] {
            set(name, Value::Unsigned(size));
        }
        let epsilon = self.number("rms_norm_eps")?.unwrap_or(1e-6);
        set("attention.layer_norm_rms_epsilon", Value::Float(epsilon));
        for (name, value) in rope::pairs(&self.fields(), self.rope_theta()?)? {
            set(name, value);
        }
        if self.kind.permuted {
            set("rope.pairing", text("halves"));
        }
        if self.fields().flag("use_bidirectional_attention")? == Some(true) {
            set("attention.causal", Value::Bool(false));
        }
        if self.kind.is_gemma {
            for (name, value) in self.gemma_pairs()? {
                set(name, value);
            }
        }
        Ok(metadata)
    }

    fn gemma_pairs(&self) -> Result<Vec<(&'static str, Value)>, FolderError> {
        let mut pairs = Vec::new();
        if let Some(cap) = self.number("final_logit_softcapping")? {
            pairs.push(("final_logit_softcapping", Value::Float(cap)));
        }
        if let Some(square) = self.number("query_pre_attn_scalar")? {
            pairs.push(("attention.scale", Value::Float(square.sqrt().recip())));
        }
        if self.get("attn_logit_softcapping").is_some() {
            let what = "it has 'attn_logit_softcapping'";
            return Err(FolderError::unsupported(&self.path, what));
        }
        let pattern = self
            .size("sliding_window_pattern")?
            .or(self.size("_sliding_window_pattern")?);
        // Every layer sees everything.
        if pattern == Some(1) {
            return Ok(pairs);
        }
        let window = self.needed("sliding_window")?;
        pairs.push(("attention.sliding_window", Value::Unsigned(window)));
        let key = "attention.sliding_window_pattern";
        if let Some(types) = self.fields().list("layer_types")? {
            let has_window = |kind: &Json| i64::from(kind.as_str() == Some("sliding_attention"));
            let layers: Integers = types.iter().map(has_window).collect();
            pairs.push((key, Value::Integers(layers)));
        } else if let Some(pattern) = pattern {
            pairs.push((key, Value::Unsigned(pattern)));
        }
        Ok(pairs)
    }
}

/// Returns the values of `model_type` that are known.
pub(super) fn kinds() -> impl Iterator<Item = &'static str> {
    KINDS.iter().flat_map(|kind| kind.model_types).copied()
}

/// Kinds that make vectors and no text.
const ENCODERS: [&str; 7] = [
    "bert",
    "camembert",
    "modernbert",
    "mpnet",
    "nomic_bert",
    "roberta",
    "xlm-roberta",
];

fn unknown(path: &Path, model_type: &str) -> FolderError {
    let known: Vec<_> = kinds().collect();
    FolderError::Unsupported {
        path: path.to_path_buf(),
        what: format!("the model is of the kind '{model_type}'"),
        way_out: if ENCODERS.contains(&model_type) {
            " for text; llm-embed makes vectors with it".to_owned()
        } else {
            format!(
                " as a folder (known are {}); a GGUF file of it may be",
                known.join(", ")
            )
        },
    }
}

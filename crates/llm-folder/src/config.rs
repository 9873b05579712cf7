//! A folder's `config.json`: of which kind it is, and look-ups of its numbers.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};

use super::json::Fields;
use super::kinds::{ENCODERS, KINDS, Kind, LACKING, kinds};
use super::low_bit::Method;
use super::{FolderError, json, known_keys, refusals};

/// A folder's `config.json`.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) path: PathBuf,
    pub(super) kind: &'static Kind,
    /// The numbers of the text model, also where it is a part of a larger one.
    values: Json,
    /// Keys that the file has by another name: (its own, the usual one).
    renamed: Vec<(&'static str, &'static str)>,
    /// Whether anybody wants logits.
    needs_output: bool,
    /// How its matrices are stored, if that is no float.
    pub(super) low_bit: Option<Method>,
}

/// Files beside the config that say how matrices are quantized, as the first folders have
/// them, and the method that each stands for.
const BESIDE: [(&str, &str); 2] = [
    ("quantize_config.json", "gptq"),
    ("quant_config.json", "awq"),
];

impl Config {
    /// Reads the file of `folder`.
    pub(super) fn read(folder: &Path) -> Result<Self, FolderError> {
        let mut values: Map<String, Json> = json::read(folder, "config.json")?;
        for (name, method) in BESIDE {
            if !values.contains_key("quantization_config")
                && let Some(Json::Object(mut beside)) = json::read_if_there(&folder.join(name))?
            {
                beside.insert("quant_method".to_owned(), method.into());
                values.insert("quantization_config".to_owned(), beside.into());
            }
        }
        Self::of(folder.join("config.json"), values)
    }

    /// Takes the values of the file at `path`.
    pub(super) fn of(path: PathBuf, mut values: Map<String, Json>) -> Result<Self, FolderError> {
        let model_type = values.get("model_type").and_then(Json::as_str);
        let model_type = model_type
            .ok_or_else(|| FolderError::malformed(&path, "it has no 'model_type'"))?
            .to_owned();
        let mut kinds = KINDS.iter();
        let kind = kinds
            .find(|kind| kind.model_types.contains(&model_type.as_str()))
            .ok_or_else(|| unknown(&path, &model_type))?;
        if let Some(Json::Object(mut text)) = values.remove("text_config") {
            let inner = text.get("model_type").and_then(Json::as_str);
            if let Some(inner) = inner.filter(|inner| !kind.holds(inner)) {
                return Err(unknown(&path, inner));
            }
            // What the larger model says counts, and a text model's "no" says nothing: the
            // larger one is tied where it says nothing itself.
            let tied = "tie_word_embeddings";
            if values.contains_key(tied) || text.get(tied) == Some(&Json::Bool(false)) {
                text.remove(tied);
            }
            values.extend(text);
        }
        let mut renamed = kind.renamed.to_vec();
        renamed.retain(|(theirs, usual)| {
            let value = values.remove(*theirs);
            let is_taken = value.is_some() && !values.contains_key(*usual);
            if let Some(value) = value.filter(|_| is_taken) {
                values.insert((*usual).to_owned(), value);
            }
            is_taken
        });
        let mut config = Self {
            path,
            kind,
            values: Json::Object(values),
            renamed,
            needs_output: true,
            low_bit: None,
        };
        config.low_bit = refusals::low_bit(&config)?;
        refusals::check(&config)?;
        known_keys::check(&config)?;
        Ok(config)
    }

    /// Returns all values by their names.
    pub(super) fn fields(&self) -> Fields<'_> {
        Fields::new(&self.path, &self.values).renamed(&self.renamed)
    }

    /// Returns a value that is not null.
    pub(super) fn get(&self, name: &str) -> Option<&Json> {
        self.fields().get(name)
    }

    /// Returns all keys and their values.
    pub(super) fn keys(&self) -> impl Iterator<Item = (&str, &Json)> {
        let pairs = self.values.as_object().into_iter().flatten();
        pairs.map(|(name, value)| (name.as_str(), value))
    }

    /// Returns what the kind has where the file leaves a number out; one that says
    /// "null" wants none.
    fn default(&self, name: &str) -> Option<f64> {
        if self.values.get(name).is_some() {
            return None;
        }
        let found = self.kind.defaults.iter().find(|(known, _)| *known == name);
        found.map(|(_, number)| *number)
    }

    /// Returns a number, or what the kind has where the file leaves it out.
    pub(super) fn number(&self, name: &str) -> Result<Option<f64>, FolderError> {
        Ok(self.fields().number(name)?.or(self.default(name)))
    }

    /// Returns a whole number, in the same way; where it is one of a layer, a list that says it
    /// for each is the number as well.
    pub(super) fn size(&self, name: &str) -> Result<Option<u64>, FolderError> {
        /// What is published as such a list.
        const OF_A_LAYER: [&str; 4] = [
            "intermediate_size",
            "moe_intermediate_size",
            "moe_topk",
            "num_shared_expert",
        ];
        if let Some(Json::Array(listed)) = self.get(name).filter(|_| OF_A_LAYER.contains(&name)) {
            return self.same(name, listed);
        }
        let default = self.default(name).map(|number| number as u64);
        Ok(self.fields().size(name)?.or(default))
    }

    /// Returns a number that is listed for each layer, and is the same in all.
    fn same(&self, name: &str, listed: &[Json]) -> Result<Option<u64>, FolderError> {
        let first = listed.first().and_then(Json::as_u64);
        let is_same = listed.iter().all(|it| it.as_u64() == first);
        if first.is_some() && is_same && listed.len() as u64 == self.layers()? {
            return Ok(first);
        }
        let shown = refusals::shown(&Json::from(listed));
        Err(self.refuse(format!("its '{name}' is {shown}")))
    }

    /// Returns a boolean, in the same way.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, FolderError> {
        let default = self.default(name).map(|number| number != 0.0);
        Ok(self.fields().flag(name)?.or(default))
    }

    /// Returns a whole number that has to be there.
    pub(super) fn needed(&self, name: &str) -> Result<u64, FolderError> {
        self.size(name)?.ok_or_else(|| {
            FolderError::malformed(&self.path, format!("it lacks the number '{name}'"))
        })
    }

    /// Returns the ids that `name` holds, one or a list.
    pub(super) fn ids(&self, name: &str) -> Result<Vec<u64>, FolderError> {
        self.fields().ids(name)
    }

    /// Returns the error for a value that cannot be computed.
    pub(super) fn refuse(&self, what: impl Into<String>) -> FolderError {
        FolderError::unsupported(&self.path, what)
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
        Ok(said.or(self.kind.tied.then_some(true)))
    }

    /// Returns the layers that make logits.
    pub(super) fn layers(&self) -> Result<u64, FolderError> {
        /// More than any model has; a hostile number must not take all memory.
        const MOST: u64 = 10_000;
        match self.needed("num_hidden_layers")? {
            layers @ ..=MOST => Ok(layers),
            layers => {
                let reason = format!("its 'num_hidden_layers' is {layers}");
                Err(FolderError::malformed(&self.path, reason))
            }
        }
    }

    /// Returns the heads of keys, by any of the ways to say so.
    pub(super) fn kv_heads(&self) -> Result<u64, FolderError> {
        if let Some(stated) = self.size("num_key_value_heads")? {
            return Ok(stated);
        }
        let is_grouped = self.flag("new_decoder_architecture")? == Some(true);
        if is_grouped && let Some(stated) = self.size("num_kv_heads")? {
            return Ok(stated);
        }
        match self.flag("multi_query")? {
            Some(true) if !is_grouped => Ok(1),
            _ => self.needed("num_attention_heads"),
        }
    }

    /// Returns the elements of a head.
    pub(super) fn head_dim(&self) -> Result<u64, FolderError> {
        let stated = self.size("head_dim")?.or(self.size("attention_head_dim")?);
        if let Some(stated) = stated {
            return Ok(stated);
        }
        let (width, heads) = (
            self.needed("hidden_size")?,
            self.needed("num_attention_heads")?,
        );
        width
            .checked_div(heads)
            .ok_or_else(|| FolderError::malformed(&self.path, "its 'num_attention_heads' is 0"))
    }
}

impl Kind {
    /// Returns whether a larger model of this kind may hold a text model of another.
    fn holds(&self, text_type: &str) -> bool {
        self.text_types.contains(&text_type) || self.model_types.contains(&text_type)
    }
}

fn unknown(path: &Path, model_type: &str) -> FolderError {
    let known: Vec<_> = kinds().collect();
    let mut lacking = LACKING.iter().filter(|(name, _)| *name == model_type);
    FolderError::Unsupported {
        path: path.to_path_buf(),
        what: format!("the model is of the kind '{model_type}'"),
        way_out: if let Some((_, what)) = lacking.next() {
            format!(": it needs {what}; choose a model of another kind")
        } else if ENCODERS.contains(&model_type) {
            " for text; llm-embed makes vectors with it".to_owned()
        } else {
            format!(
                " as a folder (known are {}); a GGUF file of it may be",
                known.join(", ")
            )
        },
    }
}

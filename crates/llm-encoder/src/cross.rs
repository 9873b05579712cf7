//! Cross-encoders (Nogueira and Cho 2019, arXiv:1901.04085): BERT reads a query and a
//! text together, and a head makes one score of the first row. Their folders are those
//! of transformers' `...ForSequenceClassification` with one label; what follows the
//! head is read as sentence-transformers' `CrossEncoder` does it.

use std::path::Path;

use llm_folder::json::Fields;
use llm_folder::{FolderError, json};
use llm_kernels::pool::Pool;
use llm_kernels::simd::Level;
use llm_tokenizer::TokenizerWarning;
use serde_json::Value;

use crate::batch::Segments;
use crate::dense::{Activation, Dense};
use crate::family::{self, EncoderFamily};
use crate::loader::{self, TRAINING};
use crate::pass;
use crate::post_processor::Pair;
use crate::settings::Settings;
use crate::tensors::Tensors;
use crate::vocabulary::Tokens;
use crate::weights::Weights;

/// A model that says how well a text fits a query.
#[derive(Debug)]
pub struct CrossEncoder {
    weights: Weights,
    tokens: Tokens,
    pair: Pair,
    /// What makes a logit of the first row.
    head: [Dense; 2],
    /// What makes a score of it.
    activation: Activation,
    /// The longest pair in tokens.
    longest: usize,
    level: Level,
}

/// How well a text fits a query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairScore {
    /// What the head makes of the two.
    pub logit: f32,
    /// The same through the activation that the model's files name, by which logits that differ may
    /// become one: a sigmoid is 1 in 32-bit floats from a logit of about 17 on.
    pub score: f32,
}

/// How the names of transformers' classes with a head for labels end.
const CLASSIFIER: &str = "ForSequenceClassification";

/// Returns the class of a folder that is a classifier.
pub(crate) fn classifier(config: &Value) -> Option<&str> {
    let names = config.get("architectures")?.as_array()?;
    let mut names = names.iter().filter_map(Value::as_str);
    names.find(|name| name.ends_with(CLASSIFIER))
}

impl CrossEncoder {
    /// Returns whether the folder holds a classifier, which [`open`](Self::open) may
    /// take, and sentence-transformers' files make no encoder of it.
    ///
    /// # Errors
    /// A `config.json` or `modules.json` that is damaged or cannot be read.
    pub fn is_in(folder: &Path) -> Result<bool, FolderError> {
        if !folder.is_dir() {
            // A GGUF file.
            return Ok(false);
        }
        let config = json::read_if_there(&folder.join("config.json"))?;
        if config.is_none_or(|config| classifier(&config).is_none()) {
            return Ok(false);
        }
        let modules = json::read_if_there(&folder.join("modules.json"))?;
        let pools = |module: &Value| {
            let kind = module.get("type").and_then(Value::as_str);
            kind.is_some_and(|kind| kind.ends_with("Pooling"))
        };
        let modules = modules.as_ref().and_then(Value::as_array);
        Ok(!modules.is_some_and(|modules| modules.iter().any(pools)))
    }

    /// Opens the cross-encoder in `folder`.
    ///
    /// # Errors
    /// Files that are incomplete, damaged, or of a kind that cannot be run: another
    /// network than BERT's, more labels than one, a tokenizer that does not say what
    /// stands around two texts.
    pub fn open(folder: &Path, level: Level) -> Result<Self, FolderError> {
        let config: Value = json::read(folder, "config.json")?;
        let path = folder.join("config.json");
        let family = family(&path, &config)?;
        let numbers = family.config(&path, &config)?;
        let (hidden_size, positions) = (numbers.hidden_size, numbers.positions);
        let settings = Settings::read(folder, hidden_size)?;
        if settings.prompts.usual().is_some() {
            let path = folder.join("config_sentence_transformers.json");
            let what = "it puts a prompt before what a cross-encoder reads";
            return Err(FolderError::unsupported(&path, what));
        }
        let mut tokens = Tokens::read(folder, &|name| Fields::new(&path, &config).ids(name))?;
        tokens.lowercases = settings.lowercases;
        let path = folder.join("tokenizer.json");
        let Some(mut pair) = tokens.pair().cloned() else {
            let what = "it does not say what stands around two texts of two segments";
            return Err(FolderError::unsupported(&path, what));
        };
        if !tells_segments(folder)? {
            pair = pair.in_one_segment();
        }
        tokens.check_vocabulary(folder, numbers.vocabulary_size)?;
        let tensors = Tensors::open(folder, Some(family))?;
        let weights = loader::load(family, numbers, &tensors, 2)?;
        let most = settings.longest.unwrap_or(positions);
        let head = head(&tensors, hidden_size)?;
        tensors.refuse_rest(&[TRAINING])?;
        Ok(Self {
            head,
            activation: activation(folder, &config)?,
            longest: most.min(positions),
            weights,
            tokens,
            pair,
            level,
        })
    }

    /// Returns what about its tokenizer may not be what the user meant.
    pub fn warnings(&self) -> &[TokenizerWarning] {
        self.tokens.warnings()
    }

    /// Returns the longest pair in tokens, those around the texts included.
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// Returns the tokens of one text of a pair, without those around it.
    pub fn tokens(&self, text: &str) -> Vec<u32> {
        self.tokens.bare(text)
    }

    /// Returns how many tokens a text may have beside a query of so many.
    pub fn room(&self, query: usize) -> usize {
        let taken = self.pair.len().saturating_add(query);
        self.longest.saturating_sub(taken)
    }

    /// Returns the tokens of each pair, and how many of them are of the first segment.
    fn pairs(&self, query: &[u32], texts: &[&[u32]]) -> Vec<(Vec<u32>, usize)> {
        let query = &query[..query.len().min(self.room(0))];
        let room = self.room(query.len());
        let pair = |text: &&[u32]| self.pair.join(query, &text[..text.len().min(room)]);
        texts.iter().map(pair).collect()
    }

    /// Returns how well each text fits the query, by their tokens without those around
    /// them; the range is the model's own, and more is better. A text's numbers do not
    /// depend on the others.
    ///
    /// Texts are cut at the [`room`](Self::room), and a query at the longest pair.
    pub fn score(&self, pool: &Pool, query: &[u32], texts: &[&[u32]]) -> Vec<PairScore> {
        let pairs = self.pairs(query, texts);
        let segments: Vec<Segments<'_>> = pairs
            .iter()
            .map(|(tokens, first)| Segments {
                tokens: &tokens[..tokens.len().min(self.longest)],
                first: *first,
            })
            .collect();
        let rows = pass::run(&self.weights, pool, self.level, &segments);
        let hidden_size = self.weights.config.hidden_size;
        let mut rest = rows.as_slice();
        let mut firsts = Vec::with_capacity(segments.len());
        for pair in &segments {
            let (own, later) = rest.split_at(pair.tokens.len() * hidden_size);
            let mut first = own[..own.len().min(hidden_size)].to_vec();
            // A pair without a token has no row.
            first.resize(hidden_size, 0.0);
            firsts.push(first);
            rest = later;
        }
        let [dense, last] = &self.head;
        let hidden = dense.apply(self.level, pool, &firsts);
        let logits = last.apply(self.level, pool, &hidden).concat();
        let scores = logits.into_iter().map(|logit| PairScore {
            logit,
            score: self.activation.of(self.level, logit),
        });
        scores.collect()
    }
}

/// Returns the network's family, where it is one that can be run.
fn family(path: &Path, config: &Value) -> Result<&'static EncoderFamily, FolderError> {
    let model_type = family::model_type(path, config)?;
    let Some(family) = family::find_for_pairs(model_type) else {
        let known: Vec<&str> = family::model_types_for_pairs().collect();
        let what = format!(
            "its model_type is '{model_type}', and of cross-encoders {} are known",
            known.join(", ")
        );
        return Err(FolderError::unsupported(path, what));
    };
    let named = config.get("id2label").and_then(Value::as_object);
    let named = named.map(|labels| labels.len() as u64);
    let labels = named.or(Fields::new(path, config).size("num_labels")?);
    // Without either transformers makes two.
    let labels = labels.unwrap_or(2);
    if labels != 1 {
        let what = format!("its head has {labels} labels, and a cross-encoder's has one");
        return Err(FolderError::unsupported(path, what));
    }
    Ok(family)
}

/// Returns whether the network is told which segment a token is of: not where the
/// tokenizer's settings list what it is told, and leave that out.
fn tells_segments(folder: &Path) -> Result<bool, FolderError> {
    let settings = json::read_if_there(&folder.join("tokenizer_config.json"))?;
    let named = settings
        .as_ref()
        .and_then(|settings| settings.get("model_input_names"));
    let named = named.and_then(Value::as_array);
    Ok(named.is_none_or(|names| names.iter().any(|name| name == "token_type_ids")))
}

/// Reads what follows the head; sentence-transformers' own file comes first, and a
/// score is from 0 to 1 where none says anything.
fn activation(folder: &Path, config: &Value) -> Result<Activation, FolderError> {
    let own = json::read_if_there(&folder.join("config_sentence_transformers.json"))?;
    let own = own.as_ref().and_then(|file| file.get("activation_fn"));
    let newer = config
        .get("sentence_transformers")
        .and_then(|own| own.get("activation_fn"));
    let older = config.get("sbert_ce_default_activation_function");
    let mut stated = [own, newer, older].into_iter().flatten();
    let Some(name) = stated.find_map(Value::as_str) else {
        return Ok(Activation::Sigmoid);
    };
    Activation::named(name).ok_or_else(|| {
        let what = format!("the activation of its score is '{name}'");
        FolderError::unsupported(folder, what)
    })
}

/// Reads the head: BERT has a pooler below its classifier, `RoBERTa` two layers in it.
fn head(tensors: &Tensors, hidden_size: usize) -> Result<[Dense; 2], FolderError> {
    let [dense, out] = if tensors.has("classifier.out_proj.weight") {
        ["classifier.dense", "classifier.out_proj"]
    } else {
        ["pooler.dense", "classifier"]
    };
    let dense = tensors.linear(dense, hidden_size, hidden_size)?;
    let out = tensors.linear(out, 1, hidden_size)?;
    Ok([
        Dense::new(dense, Activation::Tanh),
        Dense::new(out, Activation::Identity),
    ])
}

#[cfg(test)]
mod tests;

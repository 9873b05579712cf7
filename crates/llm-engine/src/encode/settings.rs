//! What a folder says about its encoder: `config.json`, and sentence-transformers'
//! `modules.json`, `1_Pooling/config.json`, `sentence_bert_config.json` and
//! `config_sentence_transformers.json`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::Pooling;
use crate::folder::{FolderError, json};

/// The extents of the network.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) layers: usize,
    pub(super) width: usize,
    pub(super) inner: usize,
    pub(super) heads: usize,
    pub(super) positions: usize,
    pub(super) vocabulary: usize,
    pub(super) epsilon: f32,
}

/// Texts that a model wants before what it embeds, by name.
#[derive(Debug, Clone, Default)]
pub struct Prompts {
    named: BTreeMap<String, String>,
    default: Option<String>,
}

impl Prompts {
    /// Returns what stands before a query, `None` where the model names none.
    pub fn query(&self) -> Option<&str> {
        self.named.get("query").map(String::as_str)
    }

    /// Returns what stands before a document, `None` where the model names none.
    pub fn document(&self) -> Option<&str> {
        let names = ["document", "passage", "corpus"];
        let mut found = names.iter().filter_map(|name| self.named.get(*name));
        found.next().map(String::as_str)
    }

    /// Returns what stands before a text where nobody says what it is.
    pub fn usual(&self) -> Option<&str> {
        let name = self.default.as_ref()?;
        self.named.get(name).map(String::as_str)
    }
}

#[derive(Debug)]
pub(super) struct Settings {
    pub(super) shape: Shape,
    pub(super) pooling: Pooling,
    pub(super) normalizes: bool,
    pub(super) prompts: Prompts,
    pub(super) longest: usize,
}

#[derive(Deserialize)]
struct Config {
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    max_position_embeddings: usize,
    vocab_size: usize,
    #[serde(default = "usual_epsilon")]
    layer_norm_eps: f32,
    hidden_act: Option<String>,
    position_embedding_type: Option<String>,
}

fn usual_epsilon() -> f32 {
    1e-12
}

#[derive(Deserialize)]
struct Module {
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

/// More than any network has, so that no product of extents can overflow.
const MOST: usize = 1 << 20;

impl Settings {
    pub(super) fn read(folder: &Path) -> Result<Self, FolderError> {
        let shape = shape(folder)?;
        let (pooling, normalizes) = modules(folder)?;
        let longest = json::read_if_there(&folder.join("sentence_bert_config.json"))?;
        let longest = longest
            .and_then(|it| it.get("max_seq_length")?.as_u64())
            .and_then(|most| usize::try_from(most).ok())
            .filter(|&most| most > 2)
            .map_or(shape.positions, |most| most.min(shape.positions));
        Ok(Self {
            shape,
            pooling,
            normalizes,
            prompts: prompts(folder)?,
            longest,
        })
    }
}

fn shape(folder: &Path) -> Result<Shape, FolderError> {
    let path = folder.join("config.json");
    // The kind first: another kind of model has other fields.
    let json: Value = json::read(folder, "config.json")?;
    let kind = json.get("model_type").and_then(Value::as_str);
    if kind != Some("bert") {
        let kind = kind.unwrap_or("none");
        return Err(FolderError::unsupported(
            &path,
            format!("its model_type is '{kind}', and of encoders 'bert' is known"),
        ));
    }
    let config: Config = serde_json::from_value(json)
        .map_err(|error| FolderError::malformed(&path, error.to_string()))?;
    let act = config.hidden_act.as_deref().unwrap_or("gelu");
    if act != "gelu" {
        return Err(FolderError::unsupported(
            &path,
            format!("its hidden_act is '{act}'"),
        ));
    }
    let positions = config.position_embedding_type.as_deref();
    if positions.is_some_and(|kind| kind != "absolute") {
        return Err(FolderError::unsupported(
            &path,
            "its positions are not absolute",
        ));
    }
    let extents = [
        config.hidden_size,
        config.num_hidden_layers,
        config.num_attention_heads,
        config.intermediate_size,
        config.vocab_size,
    ];
    if extents.iter().any(|extent| !(1..=MOST).contains(extent))
        || !(3..=MOST).contains(&config.max_position_embeddings)
        || !config
            .hidden_size
            .is_multiple_of(config.num_attention_heads)
    {
        return Err(FolderError::malformed(
            &path,
            "its sizes do not fit together",
        ));
    }
    Ok(Shape {
        layers: config.num_hidden_layers,
        width: config.hidden_size,
        inner: config.intermediate_size,
        heads: config.num_attention_heads,
        positions: config.max_position_embeddings,
        vocabulary: config.vocab_size,
        epsilon: config.layer_norm_eps,
    })
}

/// Returns how the modules pool, and whether they normalize. Without modules it
/// is sentence-transformers' own default, the mean.
fn modules(folder: &Path) -> Result<(Pooling, bool), FolderError> {
    let path = folder.join("modules.json");
    let Some(list) = json::read_if_there(&path)? else {
        return Ok((Pooling::Mean, false));
    };
    let modules: Vec<Module> = serde_json::from_value(list)
        .map_err(|error| FolderError::malformed(&path, error.to_string()))?;
    let (mut pooling, mut normalizes) = (None, false);
    for module in &modules {
        let name = module.kind.rsplit('.').next().unwrap_or_default();
        match (name, normalizes) {
            ("Transformer", false) if pooling.is_none() && module.path.is_empty() => {}
            ("Pooling", false) if pooling.is_none() => {
                pooling = Some(read_pooling(folder, &module.path)?);
            }
            ("Normalize", false) => normalizes = true,
            _ => {
                let what = format!("it has the module '{name}' at '{}'", module.path);
                return Err(FolderError::unsupported(&path, what));
            }
        }
    }
    let pooling = pooling.ok_or_else(|| FolderError::malformed(&path, "it names no Pooling"))?;
    Ok((pooling, normalizes))
}

fn read_pooling(folder: &Path, name: &str) -> Result<Pooling, FolderError> {
    let file = format!("{name}/config.json");
    // A path out of the folder is no part of the model.
    if name.split(['/', '\\']).any(|part| part == "..") || Path::new(name).is_absolute() {
        let reason = format!("it names the module '{name}'");
        return Err(FolderError::malformed(&folder.join("modules.json"), reason));
    }
    let config: Value = json::read(folder, &file)?;
    let path = folder.join(&file);
    let is = |name: &str| config.get(name).and_then(Value::as_bool);
    if is("include_prompt") == Some(false) {
        return Err(FolderError::unsupported(
            &path,
            "its prompt is left out of the mean",
        ));
    }
    let old = |mode: &str| is(&format!("pooling_mode_{mode}")) == Some(true);
    let new = config.get("pooling_mode").and_then(Value::as_str);
    let known = [
        ("cls_token", "cls", Pooling::Cls),
        ("mean_tokens", "mean", Pooling::Mean),
        ("max_tokens", "max", Pooling::Max),
        ("lasttoken", "lasttoken", Pooling::Last),
    ];
    let mut found = known
        .iter()
        .filter(|(mode, name, _)| old(mode) || new == Some(name));
    let others = ["mean_sqrt_len_tokens", "weightedmean_tokens"];
    match (found.next(), found.next()) {
        (Some((_, _, pooling)), None) if !others.iter().any(|mode| old(mode)) => Ok(*pooling),
        _ => Err(FolderError::unsupported(
            &path,
            "it pools in another way than by one of cls, mean, max and lasttoken",
        )),
    }
}

fn prompts(folder: &Path) -> Result<Prompts, FolderError> {
    let path = folder.join("config_sentence_transformers.json");
    let Some(config) = json::read_if_there(&path)? else {
        return Ok(Prompts::default());
    };
    let named = match config.get("prompts") {
        None | Some(Value::Null) => BTreeMap::new(),
        Some(prompts) => serde_json::from_value(prompts.clone())
            .map_err(|error| FolderError::malformed(&path, error.to_string()))?,
    };
    let default = config.get("default_prompt_name").and_then(Value::as_str);
    Ok(Prompts {
        named,
        default: default.map(str::to_owned),
    })
}

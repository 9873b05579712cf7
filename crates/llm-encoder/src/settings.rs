//! What sentence-transformers' files say of a folder: `modules.json` and the
//! modules' own files, `sentence_bert_config.json` and
//! `config_sentence_transformers.json`. The network's own numbers are left to
//! the networks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use llm_folder::json::Fields;
use llm_folder::{FolderError, json};

use crate::assumed::Assumed;
use crate::dense::{Dense, Step};
use crate::masked_lm::Splade;
use crate::pooling::Pooling;

/// The prompts that a model wants in front of what it embeds, by name.
#[derive(Debug, Clone, Default)]
pub struct Prompts {
    named: BTreeMap<String, String>,
    default: Option<String>,
}

impl Prompts {
    /// Returns the prompt for a query, `None` where the model names none.
    pub fn query(&self) -> Option<&str> {
        self.named.get("query").map(String::as_str)
    }

    /// Returns the prompt for a document, `None` where the model names none.
    pub fn document(&self) -> Option<&str> {
        let names = ["document", "passage", "corpus"];
        let mut found = names.iter().filter_map(|name| self.named.get(*name));
        found.next().map(String::as_str)
    }

    /// Returns the prompt for a text that is said to be neither.
    pub fn usual(&self) -> Option<&str> {
        let name = self.default.as_ref()?;
        self.named.get(name).map(String::as_str)
    }
}

/// What sentence-transformers does before and behind the network.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    /// `None` where no file says it.
    pub(crate) pooling: Option<Pooling>,
    /// What was taken, where no file says it.
    pub(crate) assumed: Option<Assumed>,
    /// How [`Pooling::Splade`] weighs.
    pub(crate) splade: Splade,
    /// What follows pooling, except a last step that normalizes.
    pub(crate) steps: Vec<Step>,
    pub(crate) normalizes: bool,
    pub(crate) prompts: Prompts,
    /// The longest text in tokens, where a file says it.
    pub(crate) longest: Option<usize>,
    /// Texts are lowercased before anything else.
    pub(crate) lowercases: bool,
}

#[derive(Deserialize)]
struct Module {
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

/// The names that sentence-transformers has for the settings of its first module: one
/// a family, of which most models use the first.
const TRANSFORMER_CONFIGS: [&str; 7] = [
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_albert_config.json",
    "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
];

/// The usual folder of the module that pools.
const POOLING: &str = "1_Pooling";

impl Settings {
    /// Takes what is known otherwise, where no file says how to pool.
    pub(crate) fn assume(&mut self, known: Option<Assumed>) {
        if self.pooling.is_none() {
            self.assumed = known;
            self.pooling = known.map(|known| known.pooling);
            self.normalizes = known.is_some_and(|known| known.normalizes);
        }
    }

    /// Reads the files of `folder`, whose network gives rows of `hidden_size`.
    pub(crate) fn read(folder: &Path, hidden_size: usize) -> Result<Self, FolderError> {
        let mut settings = Self {
            prompts: prompts(folder)?,
            ..Self::default()
        };
        settings.read_transformer(folder)?;
        settings.read_modules(folder, hidden_size)?;
        Ok(settings)
    }

    fn read_transformer(&mut self, folder: &Path) -> Result<(), FolderError> {
        let (mut path, mut found) = (folder.to_path_buf(), None);
        for name in TRANSFORMER_CONFIGS {
            path = folder.join(name);
            found = json::read_if_there(&path)?;
            if found.is_some() {
                break;
            }
        }
        let found = found.unwrap_or(Value::Null);
        let found = Fields::new(&path, &found);
        let path = folder.join("tokenizer_config.json");
        let tokenizer = json::read_if_there(&path)?.unwrap_or(Value::Null);
        let tokenizer = Fields::new(&path, &tokenizer);
        // A length of 1e30 stands for no limit.
        let length = |file: &Fields<'_>, name: &str| {
            let length = file.number(name)?.map(|length| length as usize);
            Ok::<_, FolderError>(length.filter(|length| (3..1 << 40).contains(length)))
        };
        let stated = length(&found, "max_seq_length")?;
        self.longest = stated.or(length(&tokenizer, "model_max_length")?);
        self.lowercases = found.flag("do_lower_case")? == Some(true);
        Ok(())
    }

    fn read_modules(&mut self, folder: &Path, hidden_size: usize) -> Result<(), FolderError> {
        let path = folder.join("modules.json");
        let Some(list) = json::read_if_there(&path)? else {
            // Some conversions have kept this file alone.
            if folder.join(POOLING).join("config.json").is_file() {
                self.pooling = Some(read_pooling(folder, POOLING)?);
            }
            return Ok(());
        };
        let modules: Vec<Module> = serde_json::from_value(list)
            .map_err(|error| FolderError::malformed(&path, error.to_string()))?;
        let mut hidden_size = hidden_size;
        for (index, module) in modules.iter().enumerate() {
            let name = module.kind.rsplit('.').next().unwrap_or_default();
            match (name, self.pooling) {
                ("Transformer" | "MLMTransformer", None)
                    if index == 0 && module.path.is_empty() => {}
                ("StaticEmbedding", None) if index == 0 => self.pooling = Some(Pooling::Mean),
                ("Pooling", None) => self.pooling = Some(read_pooling(folder, &module.path)?),
                ("SpladePooling", None) => {
                    self.splade = read_splade(folder, &module.path)?;
                    self.pooling = Some(Pooling::Splade);
                }
                ("Normalize", Some(_)) => self.steps.push(Step::Normalize),
                ("Dropout", Some(_)) => {}
                ("Dense", Some(_)) => {
                    let dense = Dense::read(&inside(folder, &module.path)?, hidden_size)?;
                    hidden_size = dense.out_features();
                    self.steps.push(Step::Dense(dense));
                }
                _ => {
                    let what = format!(
                        "it has the module '{name}' at '{}', and a Transformer at '', a Pooling and then Dense, Dropout and Normalize are known",
                        module.path
                    );
                    return Err(FolderError::unsupported(&path, what));
                }
            }
        }
        if self.pooling.is_none() {
            return Err(FolderError::malformed(&path, "it names no Pooling"));
        }
        self.normalizes = matches!(self.steps.last(), Some(Step::Normalize));
        if self.normalizes {
            self.steps.pop();
        }
        Ok(())
    }
}

/// Returns the folder of a module. A path out of the model's folder is no part
/// of the model.
pub(crate) fn inside(folder: &Path, name: &str) -> Result<PathBuf, FolderError> {
    if name.split(['/', '\\']).any(|part| part == "..") || Path::new(name).is_absolute() {
        let reason = format!("it names the module '{name}'");
        return Err(FolderError::malformed(&folder.join("modules.json"), reason));
    }
    Ok(folder.join(name))
}

/// (old files' flag, new files' name, what it is)
const POOLINGS: [(&str, &str, Pooling); 6] = [
    ("cls_token", "cls", Pooling::Cls),
    ("mean_tokens", "mean", Pooling::Mean),
    ("max_tokens", "max", Pooling::Max),
    (
        "mean_sqrt_len_tokens",
        "mean_sqrt_len_tokens",
        Pooling::MeanSqrtLen,
    ),
    ("weightedmean_tokens", "weightedmean", Pooling::WeightedMean),
    ("lasttoken", "lasttoken", Pooling::Last),
];

fn read_pooling(folder: &Path, name: &str) -> Result<Pooling, FolderError> {
    let folder = inside(folder, name)?;
    let config: Value = json::read(&folder, "config.json")?;
    let path = folder.join("config.json");
    let fields = Fields::new(&path, &config);
    if fields.flag("include_prompt")? == Some(false) {
        return Err(FolderError::unsupported(
            &path,
            "its prompt is left out of the mean",
        ));
    }
    let new: Vec<&str> = match config.get("pooling_mode") {
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        Some(name) => name.as_str().into_iter().collect(),
        None => Vec::new(),
    };
    let mut found = Vec::new();
    for (mode, name, pooling) in POOLINGS {
        let old = fields.flag(&format!("pooling_mode_{mode}"))? == Some(true);
        if old && new.is_empty() || new.contains(&name) {
            found.push(pooling);
        }
    }
    // A known mode beside an unknown one is not all of it.
    match found.as_slice() {
        [pooling] if new.len() <= 1 => Ok(*pooling),
        _ => Err(FolderError::unsupported(
            &path,
            "it pools in another way than by one of cls, mean, max, mean_sqrt_len_tokens, weightedmean and lasttoken",
        )),
    }
}

fn read_splade(folder: &Path, name: &str) -> Result<Splade, FolderError> {
    let folder = inside(folder, name)?;
    let config: Value = json::read(&folder, "config.json")?;
    let path = folder.join("config.json");
    let fields = Fields::new(&path, &config);
    let one_of = |key: &str, usual: &str, other: &str| match fields.text(key)? {
        None => Ok(false),
        Some(value) if value == usual => Ok(false),
        Some(value) if value == other => Ok(true),
        Some(value) => {
            let what = format!("its {key} is '{value}'");
            Err(FolderError::unsupported(&path, what))
        }
    };
    Ok(Splade {
        sums: one_of("pooling_strategy", "max", "sum")?,
        log_twice: one_of("activation_function", "relu", "log1p_relu")?,
    })
}

fn prompts(folder: &Path) -> Result<Prompts, FolderError> {
    let path = folder.join("config_sentence_transformers.json");
    let Some(config) = json::read_if_there(&path)? else {
        return Ok(Prompts::default());
    };
    let named: BTreeMap<String, String> = match config.get("prompts") {
        None | Some(Value::Null) => BTreeMap::new(),
        Some(prompts) => serde_json::from_value(prompts.clone())
            .map_err(|error| FolderError::malformed(&path, error.to_string()))?,
    };
    let default = Fields::new(&path, &config).text("default_prompt_name")?;
    if let Some(name) = default.filter(|name| !named.contains_key(*name)) {
        let reason = format!("its default_prompt_name '{name}' is none of its prompts");
        return Err(FolderError::malformed(&path, reason));
    }
    Ok(Prompts {
        named,
        default: default.map(str::to_owned),
    })
}

//! What tokens are for (which begin and end a sequence, which end an answer),
//! and the chat template: `tokenizer_config.json`, `generation_config.json` and
//! their neighbours.

use std::path::Path;

use serde_json::Value as Json;

use super::json::Fields;
use super::tokenizer_json::{TokenizerJson, kind, sequence};
use super::{FolderError, json, templates};
use llm_gguf::{Metadata, Value};
use llm_prompt::{DEFAULT_TEMPLATE, TEMPLATE_KEY};

/// Returns the ids of tokens that `config.json` gives a name.
pub type Stated<'a> = &'a dyn Fn(&str) -> Result<Vec<u64>, FolderError>;

/// Reads all of it into `metadata`; `stated` are the ids that `config.json` gives
/// a name.
pub(super) fn read(
    folder: &Path,
    stated: Stated<'_>,
    tokenizer: &TokenizerJson,
    metadata: &mut Metadata,
) -> Result<(), FolderError> {
    let path = folder.join("tokenizer_config.json");
    let settings = json::read_if_there(&path)?.unwrap_or(Json::Null);
    // It only recommends, and so a damaged one counts as absent.
    let generation_path = folder.join("generation_config.json");
    let generation = json::read_if_there(&generation_path)
        .ok()
        .flatten()
        .unwrap_or(Json::Null);
    let roles = Roles {
        settings: Fields::new(&path, &settings),
        tokenizer,
    };
    let mut set = |name: &str, value: Value| {
        metadata.insert(format!("tokenizer.ggml.{name}"), value);
    };
    let around = roles.around();
    let first = |name: &str| stated(name).map(|ids| ids.first().copied());
    let bos = roles.named("bos_token")?.or(around.first);
    let eos = roles.named("eos_token")?;
    for (name, id) in [
        ("bos", bos.or(first("bos_token_id")?)),
        ("eos", eos.or(first("eos_token_id")?)),
        ("unknown", roles.id(tokenizer.model.unk_token.as_deref())),
        (
            "padding",
            roles.named("pad_token")?.or(first("pad_token_id")?),
        ),
    ] {
        if let Some(id) = id {
            set(&format!("{name}_token_id"), Value::Unsigned(id));
        }
    }
    for (name, does) in [
        (
            "add_bos_token",
            around.first.is_some() && around.first == bos,
        ),
        ("add_eos_token", around.last.is_some() && around.last == eos),
    ] {
        let said = roles.settings.flag(name)?;
        set(name, Value::Bool(said.unwrap_or(does)));
    }
    let endings = Fields::new(&generation_path, &generation)
        .ids("eos_token_id")?
        .into_iter()
        .chain(stated("eos_token_id")?)
        .filter_map(|id| i64::try_from(id).ok());
    set("eos_token_ids", Value::Integers(endings.collect()));
    for (name, template) in templates::read(folder, &settings)? {
        let key = match name.as_str() {
            DEFAULT_TEMPLATE => TEMPLATE_KEY.to_owned(),
            _ => format!("{TEMPLATE_KEY}.{name}"),
        };
        metadata.insert(key, Value::String(template));
    }
    Ok(())
}

struct Roles<'a> {
    /// `tokenizer_config.json`
    settings: Fields<'a>,
    tokenizer: &'a TokenizerJson,
}

/// The ids that are put around a text.
#[derive(Default)]
struct Around {
    first: Option<u64>,
    last: Option<u64>,
}

impl Roles<'_> {
    /// Returns the id of the token that the settings give a name to.
    fn named(&self, name: &str) -> Result<Option<u64>, FolderError> {
        let text = match self.settings.get(name) {
            Some(Json::Object(_)) => self.settings.object(name)?.text("content")?,
            _ => self.settings.text(name)?,
        };
        Ok(self.id(text))
    }

    fn id(&self, text: Option<&str>) -> Option<u64> {
        let text = text?;
        let mut added = self
            .tokenizer
            .added_tokens
            .iter()
            .filter(|token| token.content == text);
        let found = added.next().map(|token| token.id);
        found.or_else(|| {
            let mut entries = self.tokenizer.model.vocab.0.iter();
            entries.find(|(known, _)| known == text).map(|(_, id)| *id)
        })
    }

    /// Reads what the post-processor puts around a single text.
    fn around(&self) -> Around {
        let mut around = Around::default();
        for step in sequence(self.tokenizer.post_processor.as_ref(), "processors") {
            let special = |part: Option<&Json>| {
                let id = part.and_then(|part| part.get("SpecialToken")?.get("id")?.as_str());
                self.id(id)
            };
            let of_pair = |name: &str| step.get(name).and_then(|pair| pair.get(1)?.as_u64());
            let single = step.get("single").and_then(Json::as_array);
            match (kind(step), single) {
                ("TemplateProcessing", Some(single)) if single.len() > 1 => {
                    around.first = special(single.first());
                    around.last = special(single.last());
                }
                ("RobertaProcessing" | "BertProcessing", _) => {
                    around = Around {
                        first: of_pair("cls"),
                        last: of_pair("sep"),
                    };
                }
                _ => {}
            }
        }
        around
    }
}

//! The chat templates of a folder, where transformers looks for them.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value as Json;

use super::{FolderError, json};
use llm_prompt::DEFAULT_TEMPLATE;

/// Returns the templates by their names. Files of their own go before what
/// `tokenizer_config.json` (`settings`) holds, and that before
/// `chat_template.json`.
///
/// # Errors
/// A file that cannot be read, and what should be a template and is no text.
pub(super) fn read(
    folder: &Path,
    settings: &Json,
) -> Result<BTreeMap<String, String>, FolderError> {
    let mut found = files(folder)?;
    if !found.is_empty() {
        return Ok(found);
    }
    let alone = folder.join("chat_template.json");
    let file = json::read_if_there(&alone)?.unwrap_or(Json::Null);
    let stated = (settings, folder.join("tokenizer_config.json"));
    for (file, path) in [stated, (&file, alone)] {
        let template = file.get("chat_template").unwrap_or(&Json::Null);
        let is_template = add(template, &mut found);
        if !is_template {
            return Err(FolderError::malformed(
                &path,
                "its chat_template is neither a text nor a list of templates with names",
            ));
        }
        if !found.is_empty() {
            break;
        }
    }
    Ok(found)
}

/// Reads `chat_template.jinja` and the files of `additional_chat_templates`,
/// which have the names of their templates.
fn files(folder: &Path) -> Result<BTreeMap<String, String>, FolderError> {
    let mut found = BTreeMap::new();
    let own = json::text_if_there(&folder.join("chat_template.jinja"))?;
    found.extend(own.map(|text| (DEFAULT_TEMPLATE.to_owned(), text)));
    let entries = std::fs::read_dir(folder.join("additional_chat_templates"));
    for entry in entries.into_iter().flatten().flatten() {
        let path = entry.path();
        let name = path.file_stem().and_then(|name| name.to_str());
        if let (Some(name), Some("jinja")) = (name, path.extension().and_then(|end| end.to_str()))
            && let Some(text) = json::text_if_there(&path)?
        {
            found.insert(name.to_owned(), text);
        }
    }
    Ok(found)
}

/// Adds a template, or a list of templates with names; returns whether it is
/// that, or nothing at all.
fn add(stated: &Json, found: &mut BTreeMap<String, String>) -> bool {
    match stated {
        Json::Null => true,
        Json::String(text) => {
            found.insert(DEFAULT_TEMPLATE.to_owned(), text.clone());
            true
        }
        Json::Array(list) => list.iter().all(|entry| {
            let text = |key| entry.get(key).and_then(Json::as_str).map(str::to_owned);
            let (Some(name), Some(text)) = (text("name"), text("template")) else {
                return false;
            };
            found.insert(name, text);
            true
        }),
        _ => false,
    }
}

//! Settings that are lists.

use std::collections::HashSet;

use serde_json::Value;

use super::{SettingValue, UsedAs};
use crate::settings::{Domain, SamplerName, Setting, USUAL_BREAKERS};
use crate::whole::whole;

/// The most breakers: each is looked for in all tokens.
const MOST_BREAKERS: usize = 64;

/// The most bytes of a breaker, as in llama.cpp, which cuts it.
const LONGEST_BREAKER: usize = 40;

impl SettingValue for Vec<String> {
    fn from_json(name: &str, value: &Value, setting: &Setting) -> Result<Self, String> {
        let texts = match (value, setting.domain) {
            (Value::String(text), Domain::Texts) => Some(vec![text.clone()]),
            (Value::Array(items), _) => items
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect(),
            _ => None,
        };
        texts.ok_or_else(|| match setting.domain {
            Domain::Texts => format!("'{name}' must be a string or a list of strings"),
            _ => format!("'{name}' must be a list of strings"),
        })
    }

    /// Cuts a list of labels at its commas. The tokens of a word differ with the space before it, so one
    /// can be given; but who writes `spam, ham` means two words.
    fn from_text(text: &str, setting: &Setting) -> Result<Self, String> {
        match setting.domain {
            Domain::Labels => {}
            Domain::Breakers if text == "none" => return Ok(Vec::new()),
            _ => return Ok(vec![text.to_owned()]),
        }
        let space = if text.starts_with(' ') { " " } else { "" };
        let labels = text.split(',').map(str::trim).map(|label| match label {
            "" => String::new(),
            label => format!("{space}{label}"),
        });
        Ok(labels.collect())
    }

    fn check(&self, setting: &Setting) -> Result<(), String> {
        let name = setting.name;
        match setting.domain {
            Domain::Labels => check_labels(self, name),
            Domain::Breakers => check_breakers(self, name),
            _ if self.iter().any(String::is_empty) => Err(format!(
                "'{name}' holds an empty text, which would end every answer at once"
            )),
            _ => Ok(()),
        }
    }

    /// No breakers are another wish than those of llama.cpp.
    fn is_neutral(&self, setting: &Setting) -> bool {
        setting.domain == Domain::Breakers && *self == USUAL_BREAKERS
    }

    fn extend(&mut self, mut later: Self) {
        self.append(&mut later);
    }
}

impl UsedAs<Vec<String>> for Vec<String> {
    fn over(&self, _: &Vec<String>, _: &Setting) -> Vec<String> {
        self.clone()
    }

    fn asked(used: &Vec<String>) -> Option<Self> {
        (!used.is_empty()).then(|| used.clone())
    }
}

/// Checks labels: each must be told from the others by its text.
fn check_labels(labels: &[String], name: &str) -> Result<(), String> {
    if labels.is_empty() {
        return Err(format!("'{name}' is empty; name at least one label"));
    }
    let mut seen = HashSet::new();
    for label in labels {
        if label.is_empty() {
            return Err(format!("'{name}' holds an empty label; leave it out"));
        }
        if !seen.insert(label) {
            return Err(format!(
                "'{name}' holds {} twice; name each label once",
                Value::from(label.as_str())
            ));
        }
    }
    Ok(())
}

fn check_breakers(breakers: &[String], name: &str) -> Result<(), String> {
    if breakers.len() > MOST_BREAKERS {
        return Err(format!(
            "'{name}' holds {} texts, and at most {MOST_BREAKERS} are looked for; leave some out",
            breakers.len()
        ));
    }
    let wrong = |text: &&String| text.is_empty() || text.len() > LONGEST_BREAKER;
    match breakers.iter().find(wrong) {
        None => Ok(()),
        Some(text) if text.is_empty() => Err(format!("'{name}' holds an empty text; leave it out")),
        Some(text) => Err(format!(
            "'{name}' holds a text of {} bytes, and a breaker has at most {LONGEST_BREAKER}; shorten it",
            text.len()
        )),
    }
}

impl SettingValue for Vec<SamplerName> {
    /// Reads a list of names, or llama.cpp's letters in one string.
    fn from_json(name: &str, value: &Value, _: &Setting) -> Result<Self, String> {
        let names = match value {
            Value::String(text) => SamplerName::sequence(text),
            Value::Array(items) => {
                let texts = items.iter().map(|item| match item.as_str() {
                    Some(text) => SamplerName::named(text),
                    None => Err(format!("{item} is no name")),
                });
                texts.collect()
            }
            _ => Err("must be a list of names".to_owned()),
        };
        names.map_err(|reason| format!("'{name}': {reason}"))
    }

    fn from_text(text: &str, _: &Setting) -> Result<Self, String> {
        SamplerName::sequence(text)
    }

    fn check(&self, setting: &Setting) -> Result<(), String> {
        /// Enough for each of them several times over.
        const MOST: usize = 64;
        if self.len() > MOST {
            let (name, count) = (setting.name, self.len());
            return Err(format!(
                "'{name}' holds {count} names, and at most {MOST} are taken; leave some out"
            ));
        }
        Ok(())
    }

    fn is_neutral(&self, _: &Setting) -> bool {
        self.is_empty() || *self == SamplerName::USUAL
    }
}

impl SettingValue for Vec<u32> {
    fn from_json(name: &str, value: &Value, _: &Setting) -> Result<Self, String> {
        let id = |item: &Value| whole(item).and_then(|id| u32::try_from(id).ok());
        let ids = value
            .as_array()
            .and_then(|items| items.iter().map(id).collect());
        ids.ok_or_else(|| format!("'{name}' must be a list of token ids, whole numbers from 0 on"))
    }

    fn from_text(text: &str, _: &Setting) -> Result<Self, String> {
        let ids = text.split(',').map(|id| id.trim().parse().ok());
        let ids: Option<Self> = ids.collect();
        ids.ok_or_else(|| {
            "must be token ids, whole numbers from 0 on, separated by commas".to_owned()
        })
    }

    fn check(&self, _: &Setting) -> Result<(), String> {
        Ok(())
    }

    fn is_neutral(&self, _: &Setting) -> bool {
        self.is_empty()
    }

    fn extend(&mut self, mut later: Self) {
        self.append(&mut later);
    }
}

//! What to say of a model that is not here: the nearest names and the way to
//! get them.

use std::path::Path;

use crate::Store;
use crate::catalogue::{self, Entry};
use crate::error::StoreError;
use crate::resolve::Target;
use crate::select;

impl Store {
    /// Returns the error for a model that is known but not on this disk.
    pub(crate) fn not_here(&self, name: &str, target: &Target) -> StoreError {
        let size = target
            .entry
            .and_then(Entry::about_bytes)
            .map(|bytes| format!(", {}", select::in_words(bytes)))
            .unwrap_or_default();
        let hint = if Path::new(name).exists() {
            format!("a file or folder of that name is here: write ./{name}")
        } else {
            format!("llm-pull {name} fetches it{size}")
        };
        StoreError::NotHere {
            name: name.to_owned(),
            hint,
        }
    }

    /// Returns the error for a name that nobody knows, with the nearest ones.
    pub(crate) fn unknown(&self, name: &str) -> Result<StoreError, StoreError> {
        let mut known: Vec<(String, bool)> = Vec::new();
        for entry in catalogue::catalogue()? {
            known.push((entry.name.clone(), false));
        }
        for repo in self.layout()?.repos()? {
            if let Some(local) = repo.repo.strip_prefix("local/") {
                known.push((local.to_owned(), true));
            }
        }
        let near = nearest(name, &known);
        let hint = if Path::new(name).exists() {
            format!("a file or folder of that name is here: write ./{name}")
        } else {
            did_you_mean(&near)
        };
        Ok(StoreError::UnknownName {
            name: name.to_owned(),
            hint,
        })
    }
}

/// More names would be a list to search in, not a hint.
const SUGGESTIONS_MAX: usize = 3;

/// Below this, suggestions are guesses: 'llama' still finds 'llama-3.2-1b',
/// 'r1' does not find 'r1-distill-qwen-7b'.
const LIKENESS_MIN: f64 = 0.8;

/// Returns the known names that are most like `name`, the likest first.
fn nearest<'a>(name: &str, known: &'a [(String, bool)]) -> Vec<&'a (String, bool)> {
    let lower = name.to_ascii_lowercase();
    let mut near: Vec<_> = known
        .iter()
        .map(|entry| {
            let likeness = strsim::jaro_winkler(&lower, &entry.0.to_ascii_lowercase());
            (likeness, entry)
        })
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .collect();
    // Stable: of equally near names the catalogue's earlier one comes first.
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    near.truncate(SUGGESTIONS_MAX);
    near.into_iter().map(|(_, entry)| entry).collect()
}

/// Words the suggestions; each says whether it is here already.
fn did_you_mean(near: &[&(String, bool)]) -> String {
    let quoted: Vec<String> = near.iter().map(|(known, _)| format!("'{known}'")).collect();
    let asked = match quoted.as_slice() {
        [] => {
            return "a name is one of the catalogue such as 'smollm2', org/repo:QUANT, or the path \
                    of a .gguf file"
                .to_owned();
        }
        [only] => format!("did you mean {only}?"),
        [first @ .., last] => format!("did you mean {} or {last}?", first.join(", ")),
    };
    match near {
        near if near.iter().all(|(_, here)| *here) => asked,
        [(only, _)] => format!("{asked} llm-pull {only} fetches it"),
        _ => format!("{asked} llm-pull NAME fetches one"),
    }
}

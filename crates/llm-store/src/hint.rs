//! What to say of a model that is not here: the nearest name and the way to
//! get it.

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

    /// Returns the error for a name that nobody knows, with the nearest one.
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
        let lower = name.to_ascii_lowercase();
        let nearest = known
            .iter()
            .map(|(known, here)| {
                (
                    strsim::jaro_winkler(&lower, &known.to_ascii_lowercase()),
                    known,
                    here,
                )
            })
            .max_by(|one, other| one.0.total_cmp(&other.0))
            // Below this, suggestions are guesses: 'llama' still finds
            // 'llama-3.2-1b', 'gpt-4' finds nothing.
            .filter(|(likeness, _, _)| *likeness >= 0.8);
        let hint = if Path::new(name).exists() {
            format!("a file or folder of that name is here: write ./{name}")
        } else {
            match nearest {
                Some((_, known, true)) => format!("did you mean '{known}'?"),
                Some((_, known, false)) => {
                    format!("did you mean '{known}'? llm-pull {known} fetches it")
                }
                None => "a name is one of the catalogue such as 'smollm2', org/repo:QUANT, \
                         or the path of a .gguf file"
                    .to_owned(),
            }
        };
        Ok(StoreError::UnknownName {
            name: name.to_owned(),
            hint,
        })
    }
}

//! Answers to requests without an id. A run that goes on in their output with other settings or another
//! model knows none of them by its digest; by the digest that the same prompt had under the settings of
//! those answers it knows them all.

use std::collections::HashSet;

use llm_record::{ModelIdentity, Sampling};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::Conditions;

/// Conditions that are kept: more have lines with settings of their own, for which the first do.
const MOST_CONDITIONS: usize = 8;

/// The conditions of the answers in an output that have no id, each once.
#[derive(Debug, Default)]
pub(crate) struct Nameless {
    known: HashSet<String>,
    conditions: Vec<Conditions>,
}

/// What a record says about how an answer was made; the rest of it is passed over.
#[derive(Deserialize)]
struct Made<'a> {
    #[serde(borrow)]
    model: &'a RawValue,
    #[serde(borrow)]
    sampling: &'a RawValue,
}

impl Nameless {
    /// Takes in the record of an answer. One that does not say how it was made counts for nothing.
    pub(crate) fn add(&mut self, line: &str) {
        if self.conditions.len() >= MOST_CONDITIONS {
            return;
        }
        let Ok(made) = serde_json::from_str::<Made<'_>>(line) else {
            return;
        };
        if !self
            .known
            .insert(format!("{}{}", made.model, made.sampling))
        {
            return;
        }
        let model = serde_json::from_str::<ModelIdentity>(made.model.get());
        let sampling = serde_json::from_str::<Sampling>(made.sampling.get());
        if let (Ok(model), Ok(sampling)) = (model, sampling) {
            self.conditions.push(Conditions::new(&model, sampling));
        }
    }

    pub(crate) fn conditions(&self) -> &[Conditions] {
        &self.conditions
    }
}

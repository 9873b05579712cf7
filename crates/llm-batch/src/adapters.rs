//! The LoRA adapters of a run: those that the command line names, and which of them a
//! request gets.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use llm_digest::sha256_hex;
use llm_engine::lora::{Applied, Lora, default_name};
use llm_engine::spec::Spec;
use llm_engine::weights::Weights;
use llm_folder::adapter::{self, Adapter};
use llm_kernels::mmap::Mapping;
use llm_record::{LoraChoice, LoraIdentity, LoraName};

/// An adapter as the command line names it: the name that it was given, a GGUF file or a
/// folder of PEFT, and what it adds is multiplied by where a request does not say.
pub type NamedAdapter<'a> = (Option<&'a str>, &'a Path, f32);

/// The adapters that a run has loaded.
#[derive(Debug, Default)]
pub struct Adapters {
    loras: Vec<Arc<Lora>>,
    /// How records name them, with the scale of the command line.
    identities: Vec<LoraIdentity>,
}

/// The adapters of one request: as the engine takes them, and as its record names them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Chosen {
    /// For a forward pass.
    pub applied: Vec<Applied>,
    /// For a record.
    pub identities: Vec<LoraIdentity>,
}

impl Adapters {
    /// Opens adapters for a model.
    ///
    /// # Errors
    /// One that cannot be read or does not fit the model, and two of the same name.
    pub fn open<'a>(
        named: impl IntoIterator<Item = NamedAdapter<'a>>,
        weights: &Weights,
        spec: &Spec,
    ) -> Result<Self> {
        let mut opened = Self::default();
        for (name, path, scale) in named {
            let name = name.map_or_else(|| default_name(path), str::to_owned);
            if opened.identities.iter().any(|other| other.name == name) {
                bail!(
                    "two adapters of --lora have the name '{name}'; --lora NAME={} gives another",
                    path.display()
                );
            }
            let adapter = adapter::open(path, spec.family.architecture)?;
            let lora = Lora::new(&adapter, weights, spec)?;
            opened.identities.push(LoraIdentity {
                name,
                digest: digest(&adapter)?,
                scale,
            });
            opened.loras.push(Arc::new(lora));
        }
        Ok(opened)
    }

    /// Returns them for a forward pass.
    #[must_use]
    pub fn loras(&self) -> &[Arc<Lora>] {
        &self.loras
    }

    /// Returns how records name them where no request chooses.
    #[must_use]
    pub fn identities(&self) -> &[LoraIdentity] {
        &self.identities
    }

    /// Returns the bytes of all their matrices, and how many of these were made in memory.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        let all = self.loras.iter().map(|lora| lora.bytes()).sum();
        (all, self.loras.iter().map(|lora| lora.made_bytes()).sum())
    }

    /// Returns what a request gets: all with the scales of the command line, or what it
    /// chooses. One with the scale 0 adds nothing and is none.
    ///
    /// # Errors
    /// A sentence on an adapter that is not loaded, or named twice.
    pub(crate) fn choose(&self, choices: Option<&[LoraChoice]>) -> Result<Chosen, String> {
        let Some(choices) = choices else {
            return Ok(self.of_command_line());
        };
        let mut scales = vec![None; self.identities.len()];
        for choice in choices {
            let at = self.find(&choice.adapter)?;
            let scale = choice.scale.unwrap_or(self.identities[at].scale);
            if scales[at].replace(scale).is_some() {
                let name = &self.identities[at].name;
                return Err(format!("'lora' names the adapter '{name}' twice"));
            }
        }
        Ok(self.chosen(scales))
    }

    /// Returns all with the scales of the command line.
    #[must_use]
    pub fn of_command_line(&self) -> Chosen {
        self.chosen(self.identities.iter().map(|one| Some(one.scale)))
    }

    fn chosen(&self, scales: impl IntoIterator<Item = Option<f32>>) -> Chosen {
        let mut chosen = Chosen::default();
        for (adapter, scale) in scales.into_iter().enumerate() {
            let Some(scale) = scale.filter(|scale| *scale != 0.0) else {
                continue;
            };
            chosen.applied.push(Applied { adapter, scale });
            chosen.identities.push(LoraIdentity {
                scale,
                ..self.identities[adapter].clone()
            });
        }
        chosen
    }

    fn find(&self, name: &LoraName) -> Result<usize, String> {
        let found = match name {
            LoraName::Name(name) => self.identities.iter().position(|one| one.name == *name),
            LoraName::Id(id) => {
                let id = usize::try_from(*id).ok();
                id.filter(|id| *id < self.identities.len())
            }
        };
        found.ok_or_else(|| {
            let wanted = match name {
                LoraName::Name(name) => format!("no adapter has the name '{name}'"),
                LoraName::Id(id) => format!("no adapter has the number {id}"),
            };
            let names = self.identities.iter().map(|one| format!("'{}'", one.name));
            let names = names.collect::<Vec<_>>().join(", ");
            if names.is_empty() {
                format!("{wanted}, for none is loaded; --lora NAME=FILE loads one")
            } else {
                format!("{wanted}; those of --lora are {names}")
            }
        })
    }
}

impl Chosen {
    /// Returns them as a record of a request keeps them, to be chosen again.
    pub(crate) fn choices(&self) -> Vec<LoraChoice> {
        let choice = |one: &LoraIdentity| LoraChoice {
            adapter: LoraName::Name(one.name.clone()),
            scale: Some(one.scale),
        };
        self.identities.iter().map(choice).collect()
    }
}

/// Returns the digest of an adapter's file, or that of the list of its files' digests, as
/// for a model of several files.
fn digest(adapter: &Adapter) -> Result<String> {
    let of = |path: &Path| -> Result<String> {
        let mapping = Mapping::open(path);
        let mapping = mapping.with_context(|| format!("cannot read '{}'", path.display()))?;
        Ok(sha256_hex(mapping.bytes()))
    };
    if let [path] = adapter.files.as_slice() {
        return of(path);
    }
    let mut list = String::new();
    for path in &adapter.files {
        list.push_str(&of(path)?);
        list.push('\n');
    }
    Ok(sha256_hex(list))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapters() -> Adapters {
        let identity = |name: &str, scale| LoraIdentity {
            name: name.to_owned(),
            digest: format!("digest of {name}"),
            scale,
        };
        Adapters {
            loras: Vec::new(),
            identities: vec![identity("sql", 1.0), identity("de", 0.5)],
        }
    }

    fn by_name(name: &str, scale: Option<f32>) -> LoraChoice {
        LoraChoice {
            adapter: LoraName::Name(name.to_owned()),
            scale,
        }
    }

    #[test]
    fn a_line_chooses_and_else_all_are_added() {
        let adapters = adapters();
        let applied = |choices: Option<&[LoraChoice]>| {
            let chosen = adapters.choose(choices).unwrap();
            let scales = chosen.identities.iter().map(|one| one.scale);
            assert!(scales.eq(chosen.applied.iter().map(|one| one.scale)));
            let pairs = chosen.applied.iter().map(|one| (one.adapter, one.scale));
            pairs.collect::<Vec<_>>()
        };
        assert_eq!(applied(None), [(0, 1.0), (1, 0.5)]);
        assert_eq!(applied(Some(&[])), []);
        assert_eq!(applied(Some(&[by_name("de", None)])), [(1, 0.5)]);
        let second = LoraChoice {
            adapter: LoraName::Id(1),
            scale: Some(2.0),
        };
        let both = [second, by_name("sql", Some(0.0))];
        assert_eq!(applied(Some(&both)), [(1, 2.0)]);
        let chosen = adapters.choose(None).unwrap();
        assert_eq!(adapters.choose(Some(&chosen.choices())), Ok(chosen));
    }

    #[test]
    fn what_is_not_loaded_is_told_with_what_is() {
        let told = adapters().choose(Some(&[by_name("fr", None)])).unwrap_err();
        assert!(
            told.contains("'fr'") && told.contains("'sql', 'de'"),
            "{told}"
        );
        let none = Adapters::default();
        let told = none.choose(Some(&[by_name("fr", None)])).unwrap_err();
        assert!(told.contains("--lora NAME=FILE"), "{told}");
        let twice = [by_name("de", None), by_name("de", Some(1.0))];
        assert!(
            adapters()
                .choose(Some(&twice))
                .unwrap_err()
                .contains("twice")
        );
    }
}

//! Typed look-ups of a model's own keys, `ARCHITECTURE.NAME`.

use llm_gguf::{Metadata, Value, ValueError};

use super::SpecError;
use crate::family::Family;

/// More than any published model has; keeps products of sizes within 64 bits.
const LARGEST: u64 = 1 << 24;

pub(super) struct Reader<'a> {
    pub(super) metadata: &'a Metadata,
    pub(super) family: &'static Family,
    /// Whether the file has divisors of the rotation for long texts.
    pub(super) long_and_short: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.family.architecture)
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, ValueError> {
        self.metadata.string(&self.key(name))
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, ValueError> {
        self.metadata.bool(&self.key(name))
    }

    /// A list of truth values, one for each of `count` layers; those of layers behind
    /// them are left out.
    pub(super) fn flags(&self, name: &str, count: usize) -> Result<Option<Vec<bool>>, SpecError> {
        let key = self.key(name);
        let Some(flags) = self.metadata.integers(&key)? else {
            return Ok(None);
        };
        if flags.len() < count {
            return Err(too_short(&key, flags.len(), count));
        }
        let flags = flags.iter().take(count).map(|flag| flag != 0);
        Ok(Some(flags.collect()))
    }

    pub(super) fn unsigned(&self, name: &str) -> Result<Option<u64>, ValueError> {
        self.metadata.u64(&self.key(name))
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<f32>, SpecError> {
        let key = self.key(name);
        match self.metadata.f32(&key)? {
            Some(number) if !number.is_finite() => {
                Err(SpecError::Contradiction(format!("{key} is {number}")))
            }
            number => Ok(number),
        }
    }

    /// A number above zero; 0 stands for what is not used.
    pub(super) fn positive(&self, name: &str) -> Result<Option<f32>, SpecError> {
        match self.nonzero(name)? {
            Some(number) if number < 0.0 => Err(SpecError::Contradiction(format!(
                "{} is {number}",
                self.key(name)
            ))),
            number => Ok(number),
        }
    }

    /// A number that is not zero; 0 stands for what is not used.
    pub(super) fn nonzero(&self, name: &str) -> Result<Option<f32>, SpecError> {
        Ok(self.number(name)?.filter(|number| *number != 0.0))
    }

    /// The base of a rotation, `default` where the file has none.
    pub(super) fn rope_base(&self, name: &str, default: f32) -> Result<f32, SpecError> {
        let base = self.number(name)?.unwrap_or(default);
        if base > 0.0 {
            return Ok(base);
        }
        Err(SpecError::Contradiction(format!(
            "{} is {base}",
            self.key(name)
        )))
    }

    pub(super) fn size(&self, name: &str) -> Result<usize, SpecError> {
        self.optional_size(name)?
            .ok_or_else(|| SpecError::Missing(self.key(name)))
    }

    /// A size that is there and above 0, or not there at all.
    pub(super) fn optional_size(&self, name: &str) -> Result<Option<usize>, SpecError> {
        let key = self.key(name);
        let size = match self.metadata.get(&key) {
            None => return Ok(None),
            Some(Value::Integers(sizes)) => {
                // One a layer; only models whose layers agree can be run.
                let first = sizes.iter().next();
                if sizes.iter().any(|size| Some(size) != first) {
                    return Err(SpecError::Unsupported(format!(
                        "a {name} that changes from layer to layer"
                    )));
                }
                first.and_then(|size| u64::try_from(size).ok())
            }
            Some(_) => self.metadata.u64(&key)?,
        };
        match size {
            Some(size) if (1..=LARGEST).contains(&size) => Ok(Some(size as usize)),
            Some(size) => Err(SpecError::Contradiction(format!("{key} is {size}"))),
            None => Err(SpecError::Missing(key)),
        }
    }

    /// A size for each of `count` layers, which the file may give as one number
    /// or as a list.
    pub(super) fn sizes(&self, name: &str, count: usize) -> Result<Option<Vec<usize>>, SpecError> {
        self.sizes_from(1, name, count)
    }

    /// The same where 0 means that a layer has none.
    pub(super) fn sizes_or_none(
        &self,
        name: &str,
        count: usize,
    ) -> Result<Option<Vec<usize>>, SpecError> {
        self.sizes_from(0, name, count)
    }

    fn sizes_from(
        &self,
        least: u64,
        name: &str,
        count: usize,
    ) -> Result<Option<Vec<usize>>, SpecError> {
        let key = self.key(name);
        let Some(Value::Integers(sizes)) = self.metadata.get(&key) else {
            let size = match least {
                0 => self.size_or_none(name)?,
                _ => self.optional_size(name)?,
            };
            return Ok(size.map(|size| vec![size; count]));
        };
        if sizes.len() < count {
            return Err(too_short(&key, sizes.len(), count));
        }
        let size = |size: i64| match u64::try_from(size) {
            Ok(number) if (least..=LARGEST).contains(&number) => Ok(number as usize),
            _ => Err(SpecError::Contradiction(format!("{key} is {size}"))),
        };
        sizes
            .iter()
            .take(count)
            .map(size)
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// A size where 0 means that there is none.
    pub(super) fn size_or_none(&self, name: &str) -> Result<Option<usize>, SpecError> {
        match self.metadata.get(&self.key(name)) {
            Some(Value::Unsigned(0) | Value::Signed(0)) => Ok(None),
            _ => self.optional_size(name),
        }
    }
}

/// The error for a list that has no entry for each layer.
fn too_short(key: &str, length: usize, layers: usize) -> SpecError {
    SpecError::Contradiction(format!("{key} has {length} numbers for {layers} layers"))
}

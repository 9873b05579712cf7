//! How the value of a setting is read from a line or a flag, judged, and used.

use std::collections::HashSet;

use serde_json::Value;

use super::{Domain, Setting};
use crate::Seed;
use crate::whole::whole;

/// A value that a setting may have.
pub(super) trait SettingValue: Clone {
    /// What a record says that was used.
    type Used: Clone;

    /// Reads the value of a field, which stands under this name.
    fn from_json(name: &str, value: &Value, setting: &Setting) -> Result<Self, String>;

    /// Reads the value of a flag.
    fn from_text(text: &str, setting: &Setting) -> Result<Self, String>;

    /// Says what is wrong with it.
    fn check(&self, setting: &Setting) -> Result<(), String>;

    /// Returns what is used where this is asked for; nothing where that is not up to whoever asks.
    fn used(&self) -> Option<Self::Used>;

    /// Returns what is used where nothing smaller may be.
    fn raised(used: Self::Used, _domain: Domain) -> Self::Used {
        used
    }

    /// Returns what to ask for so that this is used.
    fn asked(used: &Self::Used) -> Option<Self>;

    /// Adds what a later flag says.
    fn extend(&mut self, later: Self) {
        *self = later;
    }
}

/// Judges a setting that is set.
pub(super) fn check<T: SettingValue>(value: Option<&T>, setting: &Setting) -> Result<(), String> {
    value.map_or(Ok(()), |value| value.check(setting))
}

/// Returns the first of two that is set.
pub(super) fn either<T: Clone>(first: Option<&T>, second: Option<&T>) -> Option<T> {
    first.or(second).cloned()
}

/// Returns what is used where this is asked for, and `base` where nothing is.
pub(super) fn over<T: SettingValue>(
    asked: Option<&T>,
    base: &T::Used,
    setting: &Setting,
) -> T::Used {
    let used = asked.and_then(T::used).unwrap_or_else(|| base.clone());
    T::raised(used, setting.domain)
}

/// Adds what a later flag says to what is set.
pub(super) fn extend<T: SettingValue>(set: &mut Option<T>, later: T) {
    match set {
        Some(value) => value.extend(later),
        None => *set = Some(later),
    }
}

impl SettingValue for i64 {
    type Used = Self;

    fn from_json(name: &str, value: &Value, _: &Setting) -> Result<Self, String> {
        let number = whole(value).and_then(|number| i64::try_from(number).ok());
        number.ok_or_else(|| format!("'{name}' is {value} but must be a whole number"))
    }

    fn from_text(text: &str, _: &Setting) -> Result<Self, String> {
        text.parse()
            .map_err(|_| "must be a whole number".to_owned())
    }

    fn check(&self, setting: &Setting) -> Result<(), String> {
        match setting.domain {
            Domain::AtLeast(least) if *self < least => Err(format!(
                "'{}' is {self} but must be at least {least}",
                setting.name
            )),
            _ => Ok(()),
        }
    }

    fn used(&self) -> Option<Self> {
        Some(*self)
    }

    fn raised(used: Self, domain: Domain) -> Self {
        match domain {
            Domain::RaisedTo(least) => used.max(least),
            _ => used,
        }
    }

    fn asked(used: &Self) -> Option<Self> {
        Some(*used)
    }
}

impl SettingValue for f32 {
    type Used = Self;

    fn from_json(name: &str, value: &Value, _: &Setting) -> Result<Self, String> {
        #[expect(clippy::cast_possible_truncation, reason = "samplers compute in f32")]
        match value.as_f64() {
            Some(number) => Ok(number as Self),
            None => Err(format!("'{name}' is {value} but must be a number")),
        }
    }

    fn from_text(text: &str, _: &Setting) -> Result<Self, String> {
        text.parse().map_err(|_| "must be a number".to_owned())
    }

    fn check(&self, setting: &Setting) -> Result<(), String> {
        let name = setting.name;
        match setting.domain {
            Domain::Number(interval) if !self.is_finite() => Err(format!(
                "'{name}' is {self} but must be a finite number, {interval}"
            )),
            Domain::Number(interval) if !interval.contains(*self) => {
                Err(format!("'{name}' is {self} but must be {interval}"))
            }
            _ => Ok(()),
        }
    }

    fn used(&self) -> Option<Self> {
        Some(*self)
    }

    fn asked(used: &Self) -> Option<Self> {
        Some(*used)
    }
}

impl SettingValue for Seed {
    type Used = u64;

    fn from_json(name: &str, value: &Value, _: &Setting) -> Result<Self, String> {
        let wrong = || format!("'{name}' is {value} but must be {}", Self::RANGE);
        whole(value).and_then(Self::of).ok_or_else(wrong)
    }

    fn from_text(text: &str, _: &Setting) -> Result<Self, String> {
        text.parse()
    }

    fn check(&self, _: &Setting) -> Result<(), String> {
        Ok(())
    }

    fn used(&self) -> Option<u64> {
        match self {
            Self::Drawn => None,
            Self::Fixed(seed) => Some(*seed),
        }
    }

    fn asked(used: &u64) -> Option<Self> {
        Some(Self::Fixed(*used))
    }
}

impl SettingValue for bool {
    type Used = Option<Self>;

    fn from_json(name: &str, value: &Value, _: &Setting) -> Result<Self, String> {
        let switch = value.as_bool();
        switch.ok_or_else(|| format!("'{name}' is {value} but must be true or false"))
    }

    fn from_text(text: &str, _: &Setting) -> Result<Self, String> {
        match text {
            "on" | "true" | "1" => Ok(true),
            "off" | "false" | "0" => Ok(false),
            _ => Err("must be on or off".to_owned()),
        }
    }

    fn check(&self, _: &Setting) -> Result<(), String> {
        Ok(())
    }

    fn used(&self) -> Option<Option<Self>> {
        Some(Some(*self))
    }

    fn asked(used: &Option<Self>) -> Option<Self> {
        *used
    }
}

impl SettingValue for Vec<String> {
    type Used = Self;

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
        if setting.domain != Domain::Labels {
            return Ok(vec![text.to_owned()]);
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
        if setting.domain == Domain::Labels {
            return check_labels(self, name);
        }
        if self.iter().any(String::is_empty) {
            return Err(format!(
                "'{name}' holds an empty text, which would end every answer at once"
            ));
        }
        Ok(())
    }

    fn used(&self) -> Option<Self> {
        Some(self.clone())
    }

    fn asked(used: &Self) -> Option<Self> {
        (!used.is_empty()).then(|| used.clone())
    }

    fn extend(&mut self, mut later: Self) {
        self.append(&mut later);
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

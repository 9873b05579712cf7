//! How the value of a setting is read from a line or a flag, judged, and used.

mod lists;

use serde_json::Value;

use super::field::find_any;
use super::{Domain, Interval, Setting};
use crate::whole::whole;
use crate::{Seed, Values};

/// A value that a setting may have.
pub(super) trait SettingValue: Clone {
    /// Reads it from an object, under whichever of its names it stands; nothing where no field sets it.
    ///
    /// # Errors
    /// A sentence, where the value is of the wrong kind or another name says otherwise.
    fn from_fields(fields: &Values, setting: &Setting) -> Result<Option<Self>, String> {
        match find_any(fields, setting.is_shared, setting.names())? {
            Some((name, value)) => Self::from_json(&name, value, setting).map(Some),
            None => Ok(None),
        }
    }

    /// Reads the value of a field, which stands under this name.
    fn from_json(name: &str, value: &Value, setting: &Setting) -> Result<Self, String>;

    /// Reads the value of a flag.
    fn from_text(text: &str, setting: &Setting) -> Result<Self, String>;

    /// Says what is wrong with it.
    fn check(&self, setting: &Setting) -> Result<(), String>;

    /// Whether it asks for nothing.
    fn is_neutral(&self, _setting: &Setting) -> bool {
        false
    }

    /// Adds what a later flag says.
    fn extend(&mut self, later: Self) {
        *self = later;
    }
}

/// A value of which a record says as `Used` what came of it.
pub(super) trait UsedAs<Used>: SettingValue {
    /// Returns what is used where this is asked for, and `base` would be where nothing is.
    fn over(&self, base: &Used, setting: &Setting) -> Used;

    /// Returns what to ask for so that this is used.
    fn asked(used: &Used) -> Option<Self>;

    /// Returns what is used where nothing smaller may be.
    fn raised(used: Used, _domain: Domain) -> Used {
        used
    }
}

/// Of most settings a record tells only where something was asked for.
impl<T: SettingValue> UsedAs<Option<T>> for T {
    fn over(&self, base: &Option<T>, setting: &Setting) -> Option<T> {
        let is_needless = base.is_none() && self.is_neutral(setting);
        (!is_needless).then(|| self.clone())
    }

    fn asked(used: &Option<T>) -> Option<T> {
        used.clone()
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
pub(super) fn over<T: UsedAs<Used>, Used: Clone>(
    asked: Option<&T>,
    base: &Used,
    setting: &Setting,
) -> Used {
    let used = asked.map_or_else(|| base.clone(), |asked| asked.over(base, setting));
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
    fn from_json(name: &str, value: &Value, _: &Setting) -> Result<Self, String> {
        let number = whole(value).and_then(|number| i64::try_from(number).ok());
        number.ok_or_else(|| format!("'{name}' is {value} but must be a whole number"))
    }

    fn from_text(text: &str, _: &Setting) -> Result<Self, String> {
        text.parse()
            .map_err(|_| "must be a whole number".to_owned())
    }

    fn check(&self, setting: &Setting) -> Result<(), String> {
        let name = setting.name;
        match setting.domain {
            Domain::AtLeast(least) if *self < least => {
                Err(format!("'{name}' is {self} but must be at least {least}"))
            }
            Domain::UpTo(most) if !(0..=most).contains(self) => {
                Err(format!("'{name}' is {self} but must be from 0 to {most}"))
            }
            _ => Ok(()),
        }
    }

    fn is_neutral(&self, setting: &Setting) -> bool {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a neutral number is a small one"
        )]
        setting.neutral.is(*self as f32)
    }
}

impl UsedAs<i64> for i64 {
    fn over(&self, _: &i64, _: &Setting) -> i64 {
        *self
    }

    fn asked(used: &i64) -> Option<Self> {
        Some(*used)
    }

    fn raised(used: i64, domain: Domain) -> i64 {
        match domain {
            Domain::RaisedTo(least) => used.max(least),
            _ => used,
        }
    }
}

impl SettingValue for f32 {
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
            Domain::Number(Interval::ANY) if !self.is_finite() => {
                Err(format!("'{name}' is {self} but must be a finite number"))
            }
            Domain::Number(interval) if !self.is_finite() => Err(format!(
                "'{name}' is {self} but must be a finite number, {interval}"
            )),
            Domain::Number(interval) if !interval.contains(*self) => {
                Err(format!("'{name}' is {self} but must be {interval}"))
            }
            _ => Ok(()),
        }
    }

    fn is_neutral(&self, setting: &Setting) -> bool {
        setting.neutral.is(*self)
    }
}

impl UsedAs<f32> for f32 {
    fn over(&self, _: &f32, _: &Setting) -> f32 {
        *self
    }

    fn asked(used: &f32) -> Option<Self> {
        Some(*used)
    }
}

impl SettingValue for Seed {
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
}

impl UsedAs<u64> for Seed {
    /// Which seed is drawn is not up to whoever asks.
    fn over(&self, base: &u64, _: &Setting) -> u64 {
        match self {
            Self::Drawn => *base,
            Self::Fixed(seed) => *seed,
        }
    }

    fn asked(used: &u64) -> Option<Self> {
        Some(Self::Fixed(*used))
    }
}

impl SettingValue for bool {
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

    fn is_neutral(&self, setting: &Setting) -> bool {
        setting.neutral.is(f32::from(u8::from(*self)))
    }
}

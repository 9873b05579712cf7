//! Fields of a line → the value of a setting, under whichever of its names it stands.

use serde_json::Value;

use super::Setting;
use super::value::SettingValue;
use crate::Values;

/// Reads a setting; nothing where no field sets it.
///
/// # Errors
/// A sentence, where the value is of the wrong kind or another name says otherwise.
pub(super) fn read<T: SettingValue>(
    fields: &Values,
    setting: &Setting,
) -> Result<Option<T>, String> {
    T::from_fields(fields, setting)
}

/// Returns what one name of a setting says, with the place that it stands in.
///
/// # Errors
/// A sentence, where Ollama's `options` say otherwise.
pub(super) fn find<'a>(
    fields: &'a Values,
    setting: &Setting,
    name: &'static str,
) -> Result<Option<(String, &'a Value)>, String> {
    find_any(fields, setting.is_shared, std::iter::once(name))
}

/// Returns the value of a setting, with the name that it stands under. Of several names that say one thing
/// the first counts.
///
/// # Errors
/// A sentence, where another name says otherwise.
pub(super) fn find_any(
    fields: &Values,
    is_shared: bool,
    names: impl Iterator<Item = &'static str> + Clone,
) -> Result<Option<(String, &Value)>, String> {
    let options = fields
        .get("options")
        .and_then(Value::as_object)
        .filter(|_| is_shared);
    let own = names
        .clone()
        .map(|name| (String::new(), name, fields.get(name)));
    let theirs = names.map(|name| {
        let value = options.and_then(|options| options.get(name));
        ("options.".to_owned(), name, value)
    });
    let mut set = own.chain(theirs).filter_map(|(place, name, value)| {
        let value = value.filter(|value| !value.is_null())?;
        Some((format!("{place}{name}"), value))
    });
    let Some((name, value)) = set.next() else {
        return Ok(None);
    };
    let is_other = |other: &Value| match (value.as_f64(), other.as_f64()) {
        (Some(value), Some(other)) => value != other,
        _ => value != other,
    };
    match set.find(|(_, other)| is_other(other)) {
        None => Ok(Some((name, value))),
        Some((twin, other)) => Err(format!(
            "'{name}' is {value} and '{twin}' is {other}, which are the same setting; leave one out"
        )),
    }
}

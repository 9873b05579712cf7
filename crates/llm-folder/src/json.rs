//! JSON files of a folder, and typed look-ups of what stands in them: what is there
//! with another type than its meaning has is an error, and never as good as absent.

use std::io::ErrorKind;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::FolderError;
use llm_gguf::{ValueError, describe_bytes};

/// Reads a file that has to be there.
///
/// # Errors
/// A file that is missing, unreadable or malformed.
pub fn read<T: DeserializeOwned>(folder: &Path, name: &str) -> Result<T, FolderError> {
    let path = folder.join(name);
    if let Some(found) = parsed(&path)? {
        return Ok(found);
    }
    if name == "config.json" && folder.join("adapter_config.json").is_file() {
        let what = "it is a LoRA adapter and not a model (name its model with -m and the adapter with --lora)";
        return Err(FolderError::unsupported(folder, what));
    }
    Err(FolderError::Missing {
        folder: folder.to_path_buf(),
        file: name.to_owned(),
    })
}

/// Reads a file, `None` if there is none.
///
/// # Errors
/// A file that is unreadable or malformed.
pub fn read_if_there(path: &Path) -> Result<Option<Value>, FolderError> {
    parsed(path)
}

fn parsed<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, FolderError> {
    let Some(bytes) = bytes_if_there(path)? else {
        return Ok(None);
    };
    if let Some(other) = describe_bytes(&bytes) {
        return Err(FolderError::malformed(path, other));
    }
    let bytes = without_mark(&bytes);
    let parsed = serde_json::from_slice(bytes)
        .or_else(|error| serde_json::from_slice(&without_infinities(bytes)).map_err(|_| error));
    parsed
        .map(Some)
        .map_err(|error| FolderError::malformed(path, error.to_string()))
}

/// Returns JSON with null in the place of what Python writes for numbers that JSON does
/// not have, as in `"time_step_limit": [0.0, Infinity]`.
fn without_infinities(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let (mut rest, mut in_text) = (bytes, false);
    while let Some((&first, later)) = rest.split_first() {
        let word = ["-Infinity", "Infinity", "NaN"]
            .into_iter()
            .find(|word| !in_text && rest.starts_with(word.as_bytes()));
        if let Some(word) = word {
            out.extend(b"null");
            rest = &rest[word.len()..];
            continue;
        }
        out.push(first);
        rest = later;
        match first {
            b'"' => in_text = !in_text,
            b'\\' if in_text => {
                if let Some((&escaped, later)) = rest.split_first() {
                    out.push(escaped);
                    rest = later;
                }
            }
            _ => {}
        }
    }
    out
}

/// Reads a text, `None` if there is none.
///
/// # Errors
/// A file that is unreadable or not UTF-8.
pub fn text_if_there(path: &Path) -> Result<Option<String>, FolderError> {
    let Some(bytes) = bytes_if_there(path)? else {
        return Ok(None);
    };
    let text = String::from_utf8(bytes);
    text.map(Some)
        .map_err(|_| FolderError::malformed(path, "it is not UTF-8"))
}

/// Returns the bytes of a file without the byte order mark that some editors put before them.
pub fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// Bytes of a file that is read whole: ten times the longest vocabulary that is
/// published.
const LONGEST: u64 = 512 << 20;

/// Reads a file, `None` if there is none. What is no regular file may have no end, or wait for its writer.
fn bytes_if_there(path: &Path) -> Result<Option<Vec<u8>>, FolderError> {
    if let Ok(data) = path.metadata() {
        if !data.is_file() {
            return Err(FolderError::malformed(path, "it is not a regular file"));
        }
        if data.len() > LONGEST {
            let reason = format!("it has more than {} MiB", LONGEST >> 20);
            return Err(FolderError::malformed(path, reason));
        }
    }
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(FolderError::Read {
            path: path.to_path_buf(),
            source,
        }),
    }
}

/// The values of a JSON object by their names. What is null is as good as absent,
/// and so is all of what is no object.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a> {
    path: &'a Path,
    values: &'a Value,
    /// (the file's own name, the one that is looked up)
    renamed: &'a [(&'static str, &'static str)],
}

/// What a look-up gives: nothing where the name is not there.
type Found<T> = Result<Option<T>, FolderError>;

impl<'a> Fields<'a> {
    /// Takes the values of the file at `path`.
    pub fn new(path: &'a Path, values: &'a Value) -> Self {
        Self {
            path,
            values,
            renamed: &[],
        }
    }

    /// Tells of values by the names that the file has for them: (its own, the one that is looked up).
    #[must_use]
    pub(crate) fn renamed(self, renamed: &'a [(&'static str, &'static str)]) -> Self {
        Self { renamed, ..self }
    }

    /// Returns the names of the values that are not null.
    pub fn names(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let all = self.values.as_object().into_iter().flatten();
        let said = all.filter(|(_, value)| !value.is_null());
        said.map(|(name, _)| name.as_str())
    }

    /// Returns a value of any type.
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.values.get(name).filter(|value| !value.is_null())
    }

    fn typed<T>(
        &self,
        name: &str,
        wanted: &'static str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Found<T> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let mistaken = || self.mistaken(name, value, wanted);
        read(value).map(Some).ok_or_else(mistaken)
    }

    fn mistaken(&self, name: &str, value: &Value, wanted: &'static str) -> FolderError {
        let own = self.renamed.iter().find(|(_, usual)| *usual == name);
        let name = own.map_or(name, |(own, _)| own);
        FolderError::value(self.path)(mistaken(name, value, wanted))
    }

    /// Returns an object's values; none where it is not there.
    ///
    /// # Errors
    /// A value of another type, as with all look-ups here.
    pub fn object(&self, name: &str) -> Result<Fields<'a>, FolderError> {
        let is_object = |value: &'a Value| value.is_object().then_some(value);
        let found = self.typed(name, "an object", is_object)?;
        Ok(Fields::new(self.path, found.unwrap_or(&Value::Null)))
    }

    /// Returns a list.
    ///
    /// # Errors
    /// A value of another type.
    pub fn list(&self, name: &str) -> Found<&'a Vec<Value>> {
        self.typed(name, "a list", Value::as_array)
    }

    /// Returns a text.
    ///
    /// # Errors
    /// A value of another type.
    pub fn text(&self, name: &str) -> Found<&'a str> {
        self.typed(name, "a text", Value::as_str)
    }

    /// Returns a number.
    ///
    /// # Errors
    /// A value of another type.
    pub fn number(&self, name: &str) -> Found<f64> {
        self.typed(name, "a number", Value::as_f64)
    }

    /// Returns a whole number from 0 on.
    ///
    /// # Errors
    /// A value of another type.
    pub fn size(&self, name: &str) -> Found<u64> {
        self.typed(name, "a whole number from 0 on", size)
    }

    /// Returns a boolean.
    ///
    /// # Errors
    /// A value of another type.
    pub fn flag(&self, name: &str) -> Found<bool> {
        self.typed(name, "true or false", Value::as_bool)
    }

    /// Returns the ids of tokens, one or a list; -1 stands for none.
    ///
    /// # Errors
    /// A value of another type.
    pub fn ids(&self, name: &str) -> Result<Vec<u64>, FolderError> {
        let wanted = "the number of a token or a list of such";
        let is_one = |value: &&Value| value.as_i64() != Some(-1);
        let ids = self.typed(name, wanted, |value| match value {
            Value::Array(list) => list.iter().filter(is_one).map(size).collect(),
            one => Some(one).into_iter().filter(is_one).map(size).collect(),
        });
        Ok(ids?.unwrap_or_default())
    }
}

/// Returns what is wrong with a value.
pub fn mistaken(name: &str, value: &Value, wanted: &'static str) -> ValueError {
    /// Characters of a value that are shown.
    const SHOWN: usize = 40;
    let text = value.to_string();
    let mut found: String = text.chars().take(SHOWN).collect();
    if found.len() < text.len() {
        found.push('…');
    }
    ValueError {
        key: name.to_owned(),
        found,
        wanted,
    }
}

/// Returns a whole number, also where it is written with a point.
fn size(value: &Value) -> Option<u64> {
    /// Whole numbers up to here are exact in 64 bits with a point.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    value.as_u64().or_else(|| {
        let number = value.as_f64()?;
        let is_whole = number.fract() == 0.0 && (0.0..=EXACT).contains(&number);
        is_whole.then_some(number as u64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_json_does_not_have_are_null() {
        let python = br#"{"a": [0.0, Infinity], "b": "\"Infinity", "c": -Infinity, "d": NaN}"#;
        let read: Value = serde_json::from_slice(&without_infinities(python)).unwrap();
        let expected = serde_json::json!({
            "a": [0.0, null], "b": "\"Infinity", "c": null, "d": null
        });
        assert_eq!(read, expected);
        // What is no JSON stays none.
        assert_eq!(without_infinities(b"\"Inf\\"), b"\"Inf\\");
    }
}

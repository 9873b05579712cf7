//! JSON files of a folder.

use std::io::ErrorKind;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::FolderError;

/// Reads a file that has to be there.
pub(crate) fn read<T: DeserializeOwned>(folder: &Path, name: &str) -> Result<T, FolderError> {
    let path = folder.join(name);
    parsed(&path)?.ok_or_else(|| FolderError::Missing {
        folder: folder.to_path_buf(),
        file: name.to_owned(),
    })
}

/// Reads a file, `None` if there is none.
pub(crate) fn read_if_there(path: &Path) -> Result<Option<Value>, FolderError> {
    parsed(path)
}

fn parsed<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, FolderError> {
    let Some(bytes) = bytes_if_there(path)? else {
        return Ok(None);
    };
    let parsed = serde_json::from_slice(without_mark(&bytes));
    parsed
        .map(Some)
        .map_err(|error| FolderError::malformed(path, error.to_string()))
}

/// Reads a text, `None` if there is none.
pub(crate) fn text_if_there(path: &Path) -> Result<Option<String>, FolderError> {
    let Some(bytes) = bytes_if_there(path)? else {
        return Ok(None);
    };
    let text = String::from_utf8(bytes);
    text.map(Some)
        .map_err(|_| FolderError::malformed(path, "it is not UTF-8"))
}

/// Returns the bytes of a file without the byte order mark that some editors put before them.
pub(crate) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// Reads a file, `None` if there is none. What is no regular file may have no end, or wait for its writer.
fn bytes_if_there(path: &Path) -> Result<Option<Vec<u8>>, FolderError> {
    if path.metadata().is_ok_and(|data| !data.is_file()) {
        return Err(FolderError::malformed(path, "it is no regular file"));
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

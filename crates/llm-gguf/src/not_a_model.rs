//! Files that people take for models: what they are is told by their first bytes, or
//! by what a header says of itself.

use super::{Metadata, ValueError};

/// (How a file begins, after how many bytes, what it is.)
const BEGINNINGS: &[(&[u8], usize, &str)] = &[
    // After the length of a header, which may be any number.
    (
        b"{\"",
        8,
        "it is a safetensors file, which is run by the name of its folder",
    ),
    (
        b"version https://git-lfs",
        0,
        "it is a git-lfs pointer, which stands for the file ('git lfs pull' in its folder fetches the file itself)",
    ),
    (
        b"PK\x03\x04",
        0,
        "it is an archive as PyTorch writes its checkpoints, and the same model as safetensors or GGUF is needed",
    ),
    (
        b"\x80\x02",
        0,
        "it is a pickle as PyTorch writes its old checkpoints, and the same model as safetensors or GGUF is needed",
    ),
    (
        b"algg",
        0,
        "it is a LoRA adapter of the time before GGUF, which no program reads any more",
    ),
    (
        b"tjgg",
        0,
        "it is in the form that GGUF replaced in 2023, and a newer conversion is needed",
    ),
    (
        b"lmgg",
        0,
        "it is in the form that GGUF replaced in 2023, and a newer conversion is needed",
    ),
    (
        b"fmgg",
        0,
        "it is in the form that GGUF replaced in 2023, and a newer conversion is needed",
    ),
    // The number of entries, the length of a name, the name.
    (
        b"blk.",
        8,
        "it is an importance matrix (imatrix), which helps to quantize a model and is none",
    ),
    (
        b"<!doctype html",
        0,
        "it is a web page, perhaps the answer to a download that was refused",
    ),
    (
        b"<html",
        0,
        "it is a web page, perhaps the answer to a download that was refused",
    ),
];

/// Returns what a file is that begins with these bytes, where it is something known
/// and no model.
pub fn describe_bytes(bytes: &[u8]) -> Option<&'static str> {
    let begins = |beginning: &[u8], after: usize| {
        let start = bytes.get(after..after + beginning.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(beginning))
    };
    let found = BEGINNINGS
        .iter()
        .find(|(beginning, after, _)| begins(beginning, *after));
    found.map(|(_, _, what)| *what)
}

/// A GGUF file that is something else than a model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAModel {
    /// The header says so.
    #[error("the file is {0}")]
    Named(&'static str),
    /// The header says something of another type.
    #[error(transparent)]
    Metadata(#[from] ValueError),
}

/// (Values of `general.type` or `general.architecture`, what the file is.)
const KINDS: [(&str, &str); 5] = [
    (
        "adapter",
        "a LoRA adapter and not a model; name its model with -m and the adapter with --lora",
    ),
    (
        "controlvector",
        "a control vector and not a model; name the model itself",
    ),
    (
        "imatrix",
        "an importance matrix (imatrix), which helps to quantize a model and is none; name the model itself",
    ),
    (
        "mmproj",
        "the part of a model that sees or hears (mmproj) and no text model; name the text model that lies beside it",
    ),
    (
        "clip",
        "the part of a model that sees or hears (mmproj) and no text model; name the text model that lies beside it",
    ),
];

impl Metadata {
    /// Refuses the header of a file that holds no model.
    ///
    /// # Errors
    /// An adapter, an importance matrix or another part of a model.
    pub fn refuse_non_models(&self) -> Result<(), NotAModel> {
        for key in ["general.type", "general.architecture"] {
            let said = self.string(key)?;
            let kind = KINDS.iter().find(|(kind, _)| said == Some(kind));
            if let Some((_, what)) = kind {
                return Err(NotAModel::Named(what));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Value;

    #[test]
    fn files_are_known_by_how_they_begin() {
        let told = |bytes: &[u8]| describe_bytes(bytes).unwrap_or("a model");
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
        assert!(told(pointer).contains("git-lfs pointer"));
        assert!(told(b"PK\x03\x04rest").contains("PyTorch"));
        assert!(told(b"\x80\x02}q").contains("PyTorch"));
        assert!(told(b"<!DOCTYPE html><html>").contains("web page"));
        assert!(told(b"\x40\0\0\0\0\0\0\0{\"__metadata__\"").contains("safetensors"));
        assert!(told(b"\x02\0\0\0\x13\0\0\0blk.0.attn_q.weight").contains("imatrix"));
        for model in [&b"GGUF\x03\0\0\0"[..], b"", b"blk", b"{\"a\": 1}"] {
            assert_eq!(told(model), "a model");
        }
    }

    #[test]
    fn headers_say_what_they_are() {
        let told = |key: &str, value: &str| {
            let mut metadata = Metadata::default();
            metadata.insert(key, Value::String(value.to_owned()));
            metadata
                .refuse_non_models()
                .map_err(|error| error.to_string())
        };
        assert!(
            told("general.type", "adapter")
                .unwrap_err()
                .contains("LoRA")
        );
        assert!(
            told("general.type", "imatrix")
                .unwrap_err()
                .contains("imatrix")
        );
        assert!(
            told("general.architecture", "clip")
                .unwrap_err()
                .contains("mmproj")
        );
        assert_eq!(told("general.type", "model"), Ok(()));
        assert_eq!(told("general.architecture", "llama"), Ok(()));
    }
}

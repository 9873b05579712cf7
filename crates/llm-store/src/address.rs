//! Addresses of the hub → names: what stands in a browser's line, or what other programs call a model.

use std::borrow::Cow;

/// Where the hub answers.
const HOSTS: [&str; 4] = ["huggingface.co", "www.huggingface.co", "hf.co", "www.hf.co"];

/// Returns the name of the model that an address of the hub leads to; any other text stays as it is.
#[must_use]
pub fn plain_name(text: &str) -> Cow<'_, str> {
    match name(text) {
        Ok(Some(name)) => Cow::Owned(name),
        _ => Cow::Borrowed(text),
    }
}

/// Returns the name that an address stands for, nothing for a text that is no address.
///
/// | address, with or without `https://` | name |
/// |---|---|
/// | `huggingface.co/ORG/REPO`, `hf.co/ORG/REPO:QUANT` | `ORG/REPO`, `ORG/REPO:QUANT` |
/// | `…/ORG/REPO/tree/REVISION` | `ORG/REPO@REVISION` |
/// | `…/ORG/REPO/blob/REVISION/FILE.gguf` (`resolve`, `raw`) | `ORG/REPO@REVISION:FILE.gguf` |
///
/// # Errors
/// Why it is the address of no model.
pub(crate) fn name(text: &str) -> Result<Option<String>, &'static str> {
    let scheme = ["https://", "http://"].iter().find(|scheme| {
        let start = text.get(..scheme.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    });
    let rest = scheme.map_or(text, |scheme| &text[scheme.len()..]);
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    if !HOSTS.iter().any(|known| known.eq_ignore_ascii_case(host)) {
        return match scheme {
            None => Ok(None),
            Some(_) => Err(
                "of addresses those of huggingface.co are read; fetch another with curl, say, and llm-pull import takes the file",
            ),
        };
    }
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let steps: Vec<&str> = path.split('/').filter(|step| !step.is_empty()).collect();
    match steps.as_slice() {
        [
            "datasets" | "spaces" | "docs" | "papers" | "collections",
            ..,
        ] => Err(
            "it is the address of something else than a model; a model's is huggingface.co/ORG/REPO",
        ),
        [] | [_] => Err("it names no repository; a model's address is huggingface.co/ORG/REPO"),
        [org, repo, "blob" | "resolve" | "raw", revision, file @ ..] if !file.is_empty() => {
            let file = file.join("/");
            let is_gguf = file.to_ascii_lowercase().ends_with(".gguf");
            // Any other file stands for the repository that it is a part of.
            let file = if is_gguf {
                format!(":{file}")
            } else {
                String::new()
            };
            Ok(Some(format!("{org}/{repo}{}{file}", at(revision))))
        }
        [org, repo, "tree", revision] => Ok(Some(format!("{org}/{repo}{}", at(revision)))),
        [_, _, "tree", _, ..] => Err(
            "it is the address of a folder inside a repository; name the file, as ORG/REPO:FILE",
        ),
        [org, repo, ..] => Ok(Some(format!("{org}/{repo}"))),
    }
}

/// The branch that is meant where none is named needs no word.
fn at(revision: &str) -> String {
    match revision {
        "main" => String::new(),
        revision => format!("@{revision}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_names() {
        for (address, wanted) in [
            ("https://huggingface.co/org/repo", "org/repo"),
            ("http://www.huggingface.co/org/repo/", "org/repo"),
            ("HTTPS://HuggingFace.co/org/repo?library=gguf#x", "org/repo"),
            ("hf.co/org/repo:Q4_K_M", "org/repo:Q4_K_M"),
            ("huggingface.co/org/repo@v1:Q8_0", "org/repo@v1:Q8_0"),
            ("https://huggingface.co/org/repo/tree/main", "org/repo"),
            ("https://huggingface.co/org/repo/tree/v2", "org/repo@v2"),
            ("https://huggingface.co/org/repo/discussions/3", "org/repo"),
            (
                "https://huggingface.co/org/repo/blob/main/m-Q8_0.gguf",
                "org/repo:m-Q8_0.gguf",
            ),
            (
                "https://huggingface.co/org/repo/resolve/v1/a/b.gguf?download=true",
                "org/repo@v1:a/b.gguf",
            ),
            (
                "https://huggingface.co/org/repo/blob/main/model.safetensors",
                "org/repo",
            ),
        ] {
            assert_eq!(name(address).unwrap().as_deref(), Some(wanted), "{address}");
            assert_eq!(plain_name(address), wanted);
        }
        for plain in [
            "smollm2",
            "org/repo:Q4_0",
            "./hf.co/x",
            "/a/b.gguf",
            "hf.company/x",
            "",
        ] {
            assert_eq!((name(plain), plain_name(plain).as_ref()), (Ok(None), plain));
        }
    }

    #[test]
    fn what_is_no_model_is_said() {
        for (address, wanted) in [
            ("https://example.com/org/repo", "huggingface.co are read"),
            ("https://huggingface.co/datasets/org/repo", "something else"),
            ("hf.co", "names no repository"),
            ("https://huggingface.co/org", "names no repository"),
            ("hf.co/org/repo/tree/main/onnx", "a folder inside"),
            ("https://é", "huggingface.co are read"),
        ] {
            let told = name(address).unwrap_err();
            assert!(told.contains(wanted), "{address}: {told}");
        }
    }
}

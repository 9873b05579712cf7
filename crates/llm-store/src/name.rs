//! What a model's name can look like, told from its text alone. Whether such
//! a model exists is left to `resolve`.

use std::fmt;
use std::path::PathBuf;

use crate::address;
use crate::error::StoreError;

/// A model's name, read but not yet looked up.
///
/// | text | meaning |
/// |---|---|
/// | `smollm2` | a name of the catalogue, or of an import |
/// | `org/repo` | the one model of a repository |
/// | `org/repo:Q4_K_M` | the model of that quantization |
/// | `org/repo@revision:file.gguf` | a file at a branch, tag or commit |
/// | `https://huggingface.co/org/repo`, `hf.co/org/repo:Q4_K_M` | the same, by an address of the hub |
/// | `./folder`, `/a/b.gguf`, `b.gguf` | a path |
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelName {
    /// A file or folder outside the store.
    Path(PathBuf),
    /// A name without a slash.
    Short(String),
    /// A repository of the hub, or `local/NAME` for an import.
    Repo {
        /// `org/repo`.
        repo: String,
        /// Branch, tag or commit, where one is given.
        revision: Option<String>,
        /// Which of the repository's models, where it is given.
        part: Option<Part>,
    },
}

/// Which model of a repository is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The one of this quantization, in any case of letters.
    Quantization(String),
    /// The one that this file belongs to.
    File(String),
    /// The folder of safetensors, whatever else is there.
    Folder,
}

impl ModelName {
    /// Reads a name.
    ///
    /// A text is a path if it begins with `/`, `./`, `../` or `~/`, ends in a
    /// slash, is `.` or `..`, or ends in `.gguf` without a colon. So no file
    /// that happens to lie in the working folder can change what a
    /// repository's name means.
    ///
    /// # Errors
    /// [`StoreError::BadName`] for an empty text and for a repository,
    /// revision or file with characters that the hub does not allow.
    pub fn parse(text: &str) -> Result<Self, StoreError> {
        let bad = |reason: &str| StoreError::BadName {
            name: text.to_owned(),
            reason: reason.to_owned(),
        };
        if text.trim().is_empty() {
            return Err(bad("it is empty; name one such as 'smollm2'"));
        }
        match address::name(text) {
            Ok(None) => {}
            Ok(Some(name)) => return Self::parse_name(&name, &bad),
            Err(reason) => return Err(bad(reason)),
        }
        if is_path(text) {
            return Ok(Self::Path(PathBuf::from(text)));
        }
        Self::parse_name(text, &bad)
    }

    /// Reads what is no path; `bad` makes the error of a reason.
    fn parse_name(text: &str, bad: &dyn Fn(&str) -> StoreError) -> Result<Self, StoreError> {
        if !text.contains('/') {
            return Ok(Self::Short(text.to_owned()));
        }
        let (address, part) = match text.split_once(':') {
            Some((address, part)) => (address, Some(part)),
            None => (text, None),
        };
        let (repo, revision) = match address.split_once('@') {
            Some((repo, revision)) => (repo, Some(revision)),
            None => (address, None),
        };
        if !is_repo(repo) {
            return Err(bad(
                "write org/repo, org/repo:QUANT or org/repo@revision:file, and ./ before a path",
            ));
        }
        if revision.is_some_and(|revision| !is_revision(revision)) {
            return Err(bad("what follows '@' is no branch, tag or commit"));
        }
        let part = match part {
            None => None,
            Some(part) if part.to_ascii_lowercase().ends_with(".gguf") || part.contains('/') => {
                Some(Part::File(part.to_owned()))
            }
            Some(part) => Some(Part::Quantization(part.to_owned())),
        };
        match &part {
            Some(Part::File(file)) if !is_inner_path(file) => {
                Err(bad("what follows ':' is not a file of a repository"))
            }
            Some(Part::Quantization(label)) if !is_word(label) => {
                Err(bad("what follows ':' is neither a quantization nor a file"))
            }
            _ => Ok(Self::Repo {
                repo: repo.to_owned(),
                revision: revision.map(str::to_owned),
                part,
            }),
        }
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(formatter, "{}", path.display()),
            Self::Short(name) => write!(formatter, "{name}"),
            Self::Repo {
                repo,
                revision,
                part,
            } => {
                write!(formatter, "{repo}")?;
                if let Some(revision) = revision {
                    write!(formatter, "@{revision}")?;
                }
                match part {
                    Some(Part::Quantization(part) | Part::File(part)) => {
                        write!(formatter, ":{part}")
                    }
                    // A repository of one kind of weights alone needs no word for it.
                    Some(Part::Folder) | None => Ok(()),
                }
            }
        }
    }
}

fn is_path(text: &str) -> bool {
    ["/", "./", "../", "~/"]
        .iter()
        .any(|start| text.starts_with(start))
        || text.ends_with('/')
        || text == "."
        || text == ".."
        || (!text.contains(':') && text.to_ascii_lowercase().ends_with(".gguf"))
}

/// Whether a text can be the name of an import: a word that no command takes for a path.
pub(crate) fn is_import_name(text: &str) -> bool {
    is_word(text) && !is_path(text)
}

/// Whether a text can be one folder's name: letters, digits, `-`, `_`, `.`.
pub(crate) fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 96 // the hub's own limit
        && !text.starts_with(['.', '-'])
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

fn is_repo(text: &str) -> bool {
    text.split_once('/')
        .is_some_and(|(owner, name)| is_word(owner) && is_word(name))
}

/// Whether a text can be a git reference that is safe as a path below `refs/`.
pub(crate) fn is_revision(text: &str) -> bool {
    text.split('/').all(is_word)
}

/// Whether a text is a relative path that stays inside its folder. Names from
/// the hub pass through here before they become paths on this disk.
pub(crate) fn is_inner_path(text: &str) -> bool {
    !text.is_empty()
        && !text.contains(['\\', '\0'])
        && text
            .split('/')
            .all(|step| !step.is_empty() && step != "." && step != "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repo(repo: &str, revision: Option<&str>, part: Option<Part>) -> ModelName {
        ModelName::Repo {
            repo: repo.to_owned(),
            revision: revision.map(str::to_owned),
            part,
        }
    }

    #[test]
    fn reads_every_documented_form() {
        let quantization = |label: &str| Some(Part::Quantization(label.to_owned()));
        let file = |name: &str| Some(Part::File(name.to_owned()));
        let cases = [
            ("smollm2", ModelName::Short("smollm2".to_owned())),
            ("llama3.2:1b", ModelName::Short("llama3.2:1b".to_owned())),
            ("org/repo", repo("org/repo", None, None)),
            (
                "org/repo:Q4_K_M",
                repo("org/repo", None, quantization("Q4_K_M")),
            ),
            ("org/repo@v1.2", repo("org/repo", Some("v1.2"), None)),
            (
                "org/repo@refs/pr/3:Q8_0",
                repo("org/repo", Some("refs/pr/3"), quantization("Q8_0")),
            ),
            (
                "org/repo@main:a/b.gguf",
                repo("org/repo", Some("main"), file("a/b.gguf")),
            ),
            ("a.gguf", ModelName::Path("a.gguf".into())),
            ("org/A.GGUF", ModelName::Path("org/A.GGUF".into())),
            ("./org/repo", ModelName::Path("./org/repo".into())),
            ("models/", ModelName::Path("models/".into())),
        ];
        for (text, expected) in cases {
            assert_eq!(ModelName::parse(text).unwrap(), expected, "{text}");
            if !matches!(expected, ModelName::Path(_)) {
                assert_eq!(expected.to_string(), text);
            }
        }
    }

    #[test]
    fn refuses_names_that_would_leave_the_cache() {
        for text in [
            "",
            " ",
            "org/../x",
            "a/b/c",
            "org/",
            "-org/repo@",
            "org/repo@",
            "org/repo@../../x",
            "org/repo:",
            "org/repo:../../etc/x.gguf",
            "org/repo:/etc/x.gguf",
            "org/repo:a b",
        ] {
            let parsed = ModelName::parse(text);
            assert!(
                matches!(
                    parsed,
                    Err(StoreError::BadName { .. }) | Ok(ModelName::Path(_))
                ),
                "{text}: {parsed:?}"
            );
            assert!(text == "org/" || parsed.is_err(), "{text}");
        }
    }
}

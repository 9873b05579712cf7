//! Where the cache is and how the hub is reached, from the environment.
//! Only the variables that `huggingface_hub` documents and the XDG folders
//! are read; nothing is opened here except, when a pull asks for it, the
//! token's file.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The hub that is asked when `HF_ENDPOINT` is not set.
const DEFAULT_ENDPOINT: &str = "https://huggingface.co";

/// How long a server may send nothing before a pull gives up. Three times
/// `huggingface_hub`'s 10 s, because this pull does not yet resume.
const DEFAULT_STALL: Duration = Duration::from_secs(30);

/// What the store needs to know about its surroundings.
#[derive(Clone)]
pub struct Settings {
    /// Folder of the Hugging Face cache, `…/huggingface/hub`; none where
    /// nothing says where it is. Only files named by their path are found then.
    pub hub_cache: Option<PathBuf>,
    /// Folder of the remembered digests; none if they are not remembered.
    pub digest_folder: Option<PathBuf>,
    /// Address of the hub, without a slash at the end.
    pub endpoint: String,
    /// Access token given outright (`HF_TOKEN`).
    pub token: Option<String>,
    /// File that holds the access token where none is given outright.
    pub token_path: Option<PathBuf>,
    /// Whether the network is switched off (`HF_HUB_OFFLINE`).
    pub offline: bool,
    /// How long a server may send nothing.
    pub stall: Duration,
    /// Whether the proxy variables (`HTTPS_PROXY`, `NO_PROXY`, …) count.
    pub proxy_from_env: bool,
}

impl fmt::Debug for Settings {
    // By hand, so that a token never reaches a log.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Settings")
            .field("hub_cache", &self.hub_cache)
            .field("digest_folder", &self.digest_folder)
            .field("endpoint", &self.endpoint)
            .field("has_token", &self.token.is_some())
            .field("offline", &self.offline)
            .field("stall", &self.stall)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// Reads `HF_HUB_CACHE`, `HF_HOME`, `HF_ENDPOINT`, `HF_TOKEN`,
    /// `HF_TOKEN_PATH`, `HF_HUB_DISABLE_IMPLICIT_TOKEN`, `HF_HUB_OFFLINE`,
    /// `HF_HUB_DOWNLOAD_TIMEOUT` (seconds), `XDG_CACHE_HOME` and `HOME`.
    #[must_use]
    pub fn from_env() -> Self {
        Self::from_variables(|name| std::env::var_os(name))
    }

    /// The same from any source of variables; an empty one counts as unset.
    fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let text = |name: &str| variable(name).and_then(|value| value.into_string().ok());
        let home = variable("HOME").map(PathBuf::from);
        let folder =
            |name: &str| variable(name).map(|value| with_home(value.into(), home.as_deref()));

        let caches = folder("XDG_CACHE_HOME")
            .filter(|path| path.is_absolute()) // the XDG specification says to ignore others
            .or_else(|| home.as_ref().map(|home| home.join(".cache")));
        let hugging_face =
            folder("HF_HOME").or_else(|| caches.as_ref().map(|path| path.join("huggingface")));
        let hub_cache =
            folder("HF_HUB_CACHE").or_else(|| hugging_face.as_ref().map(|path| path.join("hub")));
        let digest_folder = caches
            .or_else(|| hub_cache.clone())
            .map(|path| path.join("llm-tools").join("digests"));
        let implicit_token = !is_true(text("HF_HUB_DISABLE_IMPLICIT_TOKEN"));
        Self {
            digest_folder,
            hub_cache,
            endpoint: text("HF_ENDPOINT")
                .unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned())
                .trim_end_matches('/')
                .to_owned(),
            token: text("HF_TOKEN").filter(|_| implicit_token),
            token_path: folder("HF_TOKEN_PATH")
                .or_else(|| hugging_face.map(|path| path.join("token")))
                .filter(|_| implicit_token),
            offline: is_true(text("HF_HUB_OFFLINE")),
            stall: text("HF_HUB_DOWNLOAD_TIMEOUT")
                .and_then(|seconds| seconds.trim().parse().ok())
                .filter(|seconds| *seconds > 0)
                .map_or(DEFAULT_STALL, Duration::from_secs),
            proxy_from_env: true,
        }
    }

    /// Returns the access token, from the variable or from its file.
    pub(crate) fn access_token(&self) -> Option<String> {
        let from_file = || {
            let path = self.token_path.as_ref()?;
            std::fs::read_to_string(path).ok()
        };
        self.token
            .clone()
            .or_else(from_file)
            .map(|token| token.trim().to_owned())
            .filter(|token| !token.is_empty())
    }
}

/// Replaces a leading `~`, which a shell leaves alone inside quotes.
fn with_home(path: PathBuf, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path,
    }
}

/// The truth values of `huggingface_hub`: 1, ON, YES, TRUE in any case.
fn is_true(value: Option<String>) -> bool {
    value.is_some_and(|value| {
        ["1", "ON", "YES", "TRUE"]
            .iter()
            .any(|word| value.eq_ignore_ascii_case(word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        Settings::from_variables(|name| {
            pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn the_cache_folder_follows_the_documented_order() {
        let at = |pairs: &[(&str, &str)]| settings(pairs).hub_cache.unwrap();
        let home = ("HOME", "/home/ada");
        assert_eq!(at(&[home]), Path::new("/home/ada/.cache/huggingface/hub"));
        let xdg = ("XDG_CACHE_HOME", "/xdg");
        assert_eq!(at(&[home, xdg]), Path::new("/xdg/huggingface/hub"));
        let hugging_face = ("HF_HOME", "~/hf");
        assert_eq!(
            at(&[home, xdg, hugging_face]),
            Path::new("/home/ada/hf/hub")
        );
        let hub = ("HF_HUB_CACHE", "/models");
        assert_eq!(at(&[home, xdg, hugging_face, hub]), Path::new("/models"));
        let nowhere = settings(&[]);
        assert_eq!((nowhere.hub_cache, nowhere.digest_folder), (None, None));
    }

    #[test]
    fn empty_variables_count_as_unset() {
        let settings = settings(&[("HOME", "/h"), ("HF_ENDPOINT", ""), ("HF_TOKEN", "")]);
        assert_eq!(settings.endpoint, DEFAULT_ENDPOINT);
        assert_eq!(settings.token, None);
    }

    #[test]
    fn switches_understand_the_documented_words() {
        for word in ["1", "on", "Yes", "TRUE"] {
            assert!(settings(&[("HOME", "/h"), ("HF_HUB_OFFLINE", word)]).offline);
        }
        assert!(!settings(&[("HOME", "/h"), ("HF_HUB_OFFLINE", "0")]).offline);
    }

    #[test]
    fn the_token_comes_from_the_variable_then_the_file_and_is_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "hf_file\n").unwrap();
        let path = ("HF_TOKEN_PATH", file.to_str().unwrap());
        let home = ("HOME", "/h");
        assert_eq!(
            settings(&[home, path]).access_token().as_deref(),
            Some("hf_file")
        );
        let both = settings(&[home, path, ("HF_TOKEN", "hf_given")]);
        assert_eq!(both.access_token().as_deref(), Some("hf_given"));
        assert!(!format!("{both:?}").contains("hf_given"));
        let refused = settings(&[home, path, ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")]);
        assert_eq!(refused.access_token(), None);
    }
}

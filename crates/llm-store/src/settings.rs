//! Where the cache is and how the hub is reached, from the environment.
//! Only the variables that `huggingface_hub` documents and the XDG folders
//! are read; nothing is opened here except, when a pull asks for it, the
//! token's file.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::StoreError;

/// The hub that is asked when `HF_ENDPOINT` is not set.
const DEFAULT_ENDPOINT: &str = "https://huggingface.co";

/// How long a server may send nothing before a pull gives up. Three times
/// `huggingface_hub`'s 10 s, because this pull does not yet resume.
const DEFAULT_STALL: Duration = Duration::from_secs(30);

/// Bytes of a token's file: far more than any token has, of a file without end.
const LONGEST_TOKEN: u64 = 64 << 10;

/// A year. Clocks add such times to the present, which has an end.
const MOST_STALL_SECONDS: f64 = 31_536_000.0;

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
        // What is not text must not pass for unset.
        let lossy = |name: &str| variable(name).map(|value| value.to_string_lossy().into_owned());
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
            endpoint: lossy("HF_ENDPOINT")
                .unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned())
                .trim_end_matches('/')
                .to_owned(),
            token: lossy("HF_TOKEN").filter(|_| implicit_token),
            token_path: folder("HF_TOKEN_PATH")
                .or_else(|| hugging_face.map(|path| path.join("token")))
                .filter(|_| implicit_token),
            offline: is_true(text("HF_HUB_OFFLINE")),
            stall: text("HF_HUB_DOWNLOAD_TIMEOUT")
                .and_then(|seconds| seconds.trim().parse::<f64>().ok())
                .filter(|seconds| *seconds > 0.0)
                .map_or(DEFAULT_STALL, |seconds| {
                    Duration::from_secs_f64(seconds.min(MOST_STALL_SECONDS))
                }),
            proxy_from_env: true,
        }
    }

    /// Returns the access token, from the variable or from its file. Line ends do not count, as
    /// `huggingface_hub` has it.
    ///
    /// # Errors
    /// [`StoreError::BadToken`] for a text that no request can carry.
    pub(crate) fn access_token(&self) -> Result<Option<String>, StoreError> {
        let from_file = || {
            let path = self.token_path.as_ref()?;
            let mut bytes = Vec::new();
            let file = File::open(path).ok()?;
            file.take(LONGEST_TOKEN).read_to_end(&mut bytes).ok()?;
            let text = String::from_utf8_lossy(&bytes).into_owned();
            Some((text, format!("'{}'", path.display())))
        };
        let given = self
            .token
            .clone()
            .map(|token| (token, "HF_TOKEN".to_owned()));
        let Some((text, place)) = given.or_else(from_file) else {
            return Ok(None);
        };
        let token = text.replace(['\r', '\n'], "");
        let token = token.trim();
        match token.chars().find(|letter| !letter.is_ascii_graphic()) {
            Some(letter) => Err(StoreError::BadToken {
                place,
                letter: letter.escape_debug().to_string(),
            }),
            None => Ok((!token.is_empty()).then(|| token.to_owned())),
        }
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
        let cache = |pairs: &[(&str, &str)]| settings(pairs).hub_cache.unwrap();
        let home = ("HOME", "/home/ada");
        assert_eq!(
            cache(&[home]),
            Path::new("/home/ada/.cache/huggingface/hub")
        );
        let xdg = ("XDG_CACHE_HOME", "/xdg");
        assert_eq!(cache(&[home, xdg]), Path::new("/xdg/huggingface/hub"));
        let hugging_face = ("HF_HOME", "~/hf");
        assert_eq!(
            cache(&[home, xdg, hugging_face]),
            Path::new("/home/ada/hf/hub")
        );
        let hub = ("HF_HUB_CACHE", "/models");
        assert_eq!(cache(&[home, xdg, hugging_face, hub]), Path::new("/models"));
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
            settings(&[home, path]).access_token().unwrap().as_deref(),
            Some("hf_file")
        );
        let both = settings(&[home, path, ("HF_TOKEN", "hf_given")]);
        assert_eq!(both.access_token().unwrap().as_deref(), Some("hf_given"));
        assert!(!format!("{both:?}").contains("hf_given"));
        let refused = settings(&[home, path, ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")]);
        assert_eq!(refused.access_token().unwrap(), None);
    }

    #[test]
    fn a_token_of_other_letters_is_called_so_and_not_shown() {
        let told = |token: &str| settings(&[("HF_TOKEN", token)]).access_token();
        // As `huggingface_hub` cleans it.
        assert_eq!(told(" hf_a\r\nb\n").unwrap().as_deref(), Some("hf_ab"));
        for (token, letter) in [("hf_ü", "'ü'"), ("hf_a b", "' '"), ("hf_\u{1}", "u{1}")] {
            let sentence = told(token).unwrap_err().to_string();
            assert!(
                sentence.starts_with("HF_TOKEN holds") && sentence.contains(letter),
                "{sentence}"
            );
            assert!(!sentence.contains("hf_"), "{sentence}");
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, b"hf_\xff").unwrap();
        let path = ("HF_TOKEN_PATH", file.to_str().unwrap());
        let sentence = settings(&[path]).access_token().unwrap_err().to_string();
        assert!(sentence.contains(file.to_str().unwrap()), "{sentence}");
    }

    /// The numbers are those at which `Instant + Duration` overflows, and beyond what 64 bits hold.
    #[test]
    fn a_time_without_end_is_a_year() {
        let year = Duration::from_secs(365 * 24 * 60 * 60);
        let stall = |text: &str| settings(&[("HF_HUB_DOWNLOAD_TIMEOUT", text)]).stall;
        for text in [
            "9223372036854775807",
            "18446744073709551615",
            "1e300",
            "inf",
        ] {
            assert_eq!(stall(text), year, "{text}");
        }
        assert_eq!(
            (stall("7"), stall(" 0.5 ")),
            (Duration::from_secs(7), Duration::from_millis(500))
        );
        for text in ["0", "-1", "NaN", "soon", ""] {
            assert_eq!(stall(text), DEFAULT_STALL, "{text}");
        }
    }
}

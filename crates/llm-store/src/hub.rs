//! The two questions that a pull asks the hub: which files a revision has,
//! and what the digest of one of them is. Bytes are left to `fetch`.

use serde::Deserialize;

use crate::error::StoreError;
use crate::http::{Answer, Client};
use crate::layout::{is_commit, is_sha256};
use crate::name::is_inner_path;

/// No repository's list of files is longer; a longer answer is not one.
const LISTING_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A revision of a repository, as the hub sees it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Listing {
    /// The commit that the revision stands at.
    pub(crate) commit: String,
    pub(crate) files: Vec<RemoteFile>,
}

/// A file of a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RemoteFile {
    pub(crate) name: String,
    pub(crate) size_bytes: Option<u64>,
}

/// What a blob is called and how large it is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BlobInfo {
    /// SHA-256 of a large file, git SHA-1 of a small one.
    pub(crate) etag: String,
    pub(crate) size_bytes: u64,
}

#[derive(Deserialize)]
struct ModelInfo {
    sha: String,
    #[serde(default)]
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
    #[serde(default)]
    size: Option<u64>,
}

impl Client {
    /// Asks which commit a revision stands at and which files it has.
    ///
    /// Source: `GET /api/models/{repo}/revision/{revision}?blobs=true` of the
    /// hub's API.
    pub(crate) fn listing(&self, repo: &str, revision: &str) -> Result<Listing, StoreError> {
        let url = format!(
            "{}/api/models/{repo}/revision/{}?blobs=true",
            self.endpoint(),
            encoded(revision)
        );
        let what = format!("repository '{repo}' at '{revision}'");
        let mut answer = self.get(&url)?.accepted(&what, self.has_token())?;
        let bad = |reason: String| StoreError::BadAnswer {
            url: answer.url.clone(),
            reason,
        };
        let text = answer
            .body
            .with_config()
            .limit(LISTING_BYTES_MAX)
            .read_to_vec()
            .map_err(|error| bad(error.to_string()))?;
        let info: ModelInfo =
            serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))?;
        // Both become paths on this disk, so neither is taken on trust.
        if !is_commit(&info.sha) {
            return Err(bad("a commit that is not 40 hexadecimal digits".to_owned()));
        }
        let files = info
            .siblings
            .into_iter()
            .filter(|file| is_inner_path(&file.rfilename))
            .map(|file| RemoteFile {
                name: file.rfilename,
                size_bytes: file.size,
            })
            .collect();
        Ok(Listing {
            commit: info.sha,
            files,
        })
    }

    /// Returns the address of a file's bytes.
    pub(crate) fn file_url(&self, repo: &str, commit: &str, file: &str) -> String {
        let file: Vec<String> = file.split('/').map(encoded).collect();
        format!(
            "{}/{repo}/resolve/{commit}/{}",
            self.endpoint(),
            file.join("/")
        )
    }

    /// Asks for the digest and the size of a file.
    ///
    /// Source: the headers `X-Linked-Etag`, `X-Linked-Size` and
    /// `X-Repo-Commit` of `HEAD /{repo}/resolve/{commit}/{file}`; a file that
    /// is not large answers with `ETag` and `Content-Length` instead.
    pub(crate) fn blob_info(
        &self,
        repo: &str,
        commit: &str,
        file: &str,
    ) -> Result<BlobInfo, StoreError> {
        let url = self.file_url(repo, commit, file);
        let what = format!("file '{file}' in '{repo}'");
        let answer = self
            .head(&url, &|headers| headers.contains_key("x-linked-etag"))?
            .accepted(&what, self.has_token())?;
        let bad = |reason: &str| StoreError::BadAnswer {
            url: answer.url.clone(),
            reason: reason.to_owned(),
        };
        if let Some(there) = answer.header("x-repo-commit")
            && there != commit
        {
            return Err(bad("a file of another commit than was asked for"));
        }
        let etag = answer
            .header("x-linked-etag")
            .or_else(|| answer.header("etag"))
            .map(bare_etag)
            .filter(|etag| is_sha256(etag) || is_commit(etag))
            .ok_or_else(|| bad("a file without a digest"))?
            .to_owned();
        let size_bytes = size_of(&answer).ok_or_else(|| bad("a file without a size"))?;
        Ok(BlobInfo { etag, size_bytes })
    }
}

fn size_of(answer: &Answer) -> Option<u64> {
    answer
        .header("x-linked-size")
        .or_else(|| answer.header("content-length"))
        .and_then(|text| text.trim().parse().ok())
}

/// `W/"abc"` → `abc`.
fn bare_etag(text: &str) -> &str {
    text.trim().trim_start_matches("W/").trim_matches('"')
}

/// Encodes one step of a path (RFC 3986: all but the unreserved characters).
fn encoded(step: &str) -> String {
    let mut text = String::with_capacity(step.len());
    for byte in step.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etags_lose_their_wrapping() {
        for text in ["abc", "\"abc\"", "W/\"abc\"", " \"abc\" "] {
            assert_eq!(bare_etag(text), "abc");
        }
    }

    #[test]
    fn path_steps_are_encoded() {
        assert_eq!(encoded("refs/pr/1"), "refs%2Fpr%2F1");
        assert_eq!(encoded("a b+ü.gguf"), "a%20b%2B%C3%BC.gguf");
    }
}

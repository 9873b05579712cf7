//! A hub on this machine with one repository, which answers as the Hugging Face hub does, or worse.
//! Hostile answers and tokens are tested in llm-store, from whose tests the server comes.

#[path = "../../crates/llm-store/tests/hub/server.rs"]
#[allow(dead_code, reason = "those tests need more of it")]
mod server;

use std::sync::Arc;
use std::time::Duration;

pub use llm_digest::sha256_hex as sha256;
use serde_json::json;

use server::{Host, Reply, Request};

/// The repository that the hub has.
pub const REPO: &str = "org/repo";
/// Its only commit.
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Longer than any test waits, shorter than a forgotten run may stay.
const SILENCE: Duration = Duration::from_secs(120);

/// What the hub does with the bytes of a file.
#[derive(Clone, Copy, Debug)]
pub enum Manner {
    /// Sends them.
    Honest,
    /// Sends others of the same length.
    Wrong,
    /// Breaks off before the end.
    Short,
    /// Sends half of them and falls silent.
    Silent,
}

/// A running hub.
pub struct Hub {
    host: Host,
}

impl Hub {
    /// Starts a hub whose repository holds these files.
    pub fn start(files: &[(&'static str, Vec<u8>)], manner: Manner) -> Self {
        let files = Arc::new(files.to_vec());
        let host = Host::start(move |request| {
            answer(request, &files, manner).unwrap_or_else(|| Reply::new(404, &[], b""))
        });
        Self { host }
    }

    /// Returns what `HF_ENDPOINT` has to be.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.host.port)
    }

    /// Returns how often the bytes of a file were asked for.
    pub fn fetches(&self, name: &str) -> usize {
        self.host.count("GET", name)
    }
}

/// The answer to a request; `None` for an address that is not known.
fn answer(request: &Request, files: &[(&str, Vec<u8>)], manner: Manner) -> Option<Reply> {
    let path = request.path.split('?').next().unwrap_or_default();
    if path.starts_with(&format!("/api/models/{REPO}")) {
        let siblings: Vec<_> = files
            .iter()
            .map(|(name, bytes)| json!({"rfilename": name, "size": bytes.len()}))
            .collect();
        let body = json!({"sha": COMMIT, "siblings": siblings}).to_string();
        return Some(Reply::new(200, &[], body.as_bytes()));
    }
    let name = path.strip_prefix(&format!("/{REPO}/resolve/{COMMIT}/"))?;
    let (_, bytes) = files.iter().find(|(known, _)| *known == name)?;
    let etag = format!("\"{}\"", sha256(bytes));
    let headers = [("X-Repo-Commit", COMMIT), ("ETag", etag.as_str())];
    let body = match (request.method.as_str(), manner) {
        ("HEAD", _) => Vec::new(),
        (_, Manner::Honest) => bytes.clone(),
        (_, Manner::Wrong) => bytes.iter().map(|byte| byte ^ 1).collect(),
        (_, Manner::Short | Manner::Silent) => bytes[..bytes.len() / 2].to_vec(),
    };
    let mut reply = Reply::claiming(200, &headers, bytes.len(), &body);
    if matches!(manner, Manner::Silent) && request.method == "GET" {
        reply.hold = SILENCE;
    }
    Some(reply)
}

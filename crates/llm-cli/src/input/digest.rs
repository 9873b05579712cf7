//! What tells a line from others before there is a prompt of it: a digest of the line and of what the
//! flags add to it.

use llm_digest::Sha256Hex;
use llm_record::{LineError, Request};

/// Returns the digest of a line that is understood; `salt` is what the flags add.
pub(super) fn of_request(salt: &str, request: &Request) -> String {
    sha256(&[salt, &request.fields.key()])
}

/// Returns the digest of a line that is not. The line itself is not at hand (it may be longer than
/// memory), so equal faults under equal ids count as equal lines.
pub(super) fn of_error(salt: &str, error: &LineError) -> String {
    let id = serde_json::to_string(&error.id).unwrap_or_default();
    sha256(&[salt, &id, &error.fault.to_string()])
}

/// Returns the SHA-256 of texts and their lengths, in hexadecimal.
pub(super) fn sha256(parts: &[&str]) -> String {
    let mut hash = Sha256Hex::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finish()
}

//! A kept beginning of a prompt as the bytes of a file: the state that
//! [`Sequences::save`](super::Sequences::save) gives, behind the tokens that it belongs
//! to and a digest of both. Where such files lie is left to others.

use sha2::{Digest, Sha256};

/// The first bytes of a file; the number changes with the layout.
const MAGIC: &[u8; 8] = b"LLMKV\x00\x00\x02";

/// Bytes of a digest.
const DIGEST: usize = 32;

/// Bytes that are no state for the tokens that are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsealed {
    /// They do not begin as such a file does, or end too soon.
    #[error("it is cut short, or no file of this kind")]
    Foreign,
    /// Digest, tokens and state do not belong together.
    #[error("it is damaged")]
    Damaged,
}

/// Returns what stands before a state in its file.
pub fn head(tokens: &[u32], state: &[u8]) -> Vec<u8> {
    let ids = bytes_of(tokens);
    let mut hash = Sha256::new();
    hash.update(&ids);
    hash.update(state);
    let mut head = Vec::with_capacity(MAGIC.len() + DIGEST + ids.len());
    head.extend_from_slice(MAGIC);
    head.extend_from_slice(&hash.finalize());
    head.extend_from_slice(&ids);
    head
}

/// Takes the state for `tokens` out of the bytes of its file.
///
/// # Errors
/// Bytes that are no such file, damaged, or of other tokens.
pub fn state(mut bytes: Vec<u8>, tokens: &[u32]) -> Result<Vec<u8>, Unsealed> {
    let ids = bytes_of(tokens);
    let start = MAGIC.len() + DIGEST;
    let end = start + ids.len();
    if bytes.len() < end || !bytes.starts_with(MAGIC) {
        return Err(Unsealed::Foreign);
    }
    let digest = Sha256::digest(&bytes[start..]);
    if bytes[MAGIC.len()..start] != digest[..] || bytes[start..end] != ids {
        return Err(Unsealed::Damaged);
    }
    bytes.drain(..end);
    Ok(bytes)
}

/// Returns the tokens as they stand in a file, and as its name is made of them.
pub fn bytes_of(tokens: &[u32]) -> Vec<u8> {
    let bytes = tokens.iter().flat_map(|token| token.to_le_bytes());
    bytes.collect()
}

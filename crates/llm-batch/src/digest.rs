//! What identifies a request, and the key of its random draws.

use std::io::BufWriter;

use llm_digest::Sha256Hex;
use llm_record::{Id, Sampling};
use sha2::{Digest, Sha256};

/// Returns the SHA-256, in hexadecimal, of the model's digest, the rendered
/// prompt, its tokens and the settings: of a JSON array of the four in this
/// order, without spaces, so that any language can compute it from the records
/// of `--show-prompt` and of the answer.
///
/// The tokens are what decides: one text has several ways to become tokens,
/// since markup in it is text or not (`--parse-special`, `--no-template`).
///
/// # Panics
/// Never: texts and numbers are always JSON.
#[must_use]
pub fn request(model: &str, text: &str, tokens: &[u32], settings: &Sampling) -> String {
    // Not by way of a `Value`, which would write the nearest double of each
    // float (0.800000011920929) where the record says 0.8.
    let mut hash = BufWriter::new(Sha256Hex::new());
    let written = serde_json::to_writer(&mut hash, &(model, text, tokens, settings));
    written.expect("texts and numbers are always JSON");
    hash.into_inner().expect("hashing never fails").finish()
}

/// Returns the digest that a request has without what decides no token of its answer: who asks how likely
/// tokens were gets those that would have come anyway. Nothing where that is its own digest.
#[must_use]
pub fn of_draws(model: &str, text: &str, tokens: &[u32], settings: &Sampling) -> Option<String> {
    settings.logprobs?;
    let silent = Sampling {
        logprobs: None,
        ..settings.clone()
    };
    Some(request(model, text, tokens, &silent))
}

/// Returns the key of a request's random draws: by seed and id, so that neither
/// order nor neighbours matter; without an id by its digest ([`of_draws`] where there is one) and which of
/// several equal requests it is.
#[must_use]
pub fn key(id: Option<&Id>, digest: &str, occurrence: u64, settings: &Sampling) -> [u8; 32] {
    let name = match id {
        // Nothing is drawn, so nothing needs to be told apart.
        None if settings.greedy => serde_json::json!(["digest", digest]),
        None => serde_json::json!(["digest", digest, occurrence]),
        Some(id) => {
            return Sha256::digest(format!(r#"[{},["id",{}]]"#, settings.seed, id.key())).into();
        }
    };
    Sha256::digest(serde_json::json!([settings.seed, name]).to_string()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_request_counts() {
        let settings = Sampling::default();
        let other = Sampling {
            seed: 1,
            ..Sampling::default()
        };
        let digests = [
            request("m", "p", &[1], &settings),
            request("n", "p", &[1], &settings),
            request("m", "q", &[1], &settings),
            request("m", "p", &[1, 2], &settings),
            request("m", "p", &[1], &other),
        ];
        for (index, digest) in digests.iter().enumerate() {
            assert_eq!(digest.len(), 64);
            assert!(!digests[..index].contains(digest));
        }
    }

    #[test]
    fn repeated_lines_draw_anew_and_named_ones_do_not_depend_on_order() {
        let settings = Sampling::default();
        assert_ne!(key(None, "d", 1, &settings), key(None, "d", 2, &settings));
        let id = Id::Text("a".into());
        let first = key(Some(&id), "d", 1, &settings);
        assert_eq!(first, key(Some(&id), "e", 2, &settings));
    }
}

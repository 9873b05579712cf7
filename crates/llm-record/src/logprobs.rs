//! How likely the model held each token of an answer for, as `OpenAI`'s two APIs tell it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The least that is told: what has no probability at all gets this, as with `OpenAI`.
const LEAST: f64 = -9999.0;

/// How likely each token of an answer was by the model's own distribution, before any penalty, bias, sampler or
/// grammar.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Logprobs {
    /// The tokens in their order: those of the answer, without the reasoning before it and without the token
    /// that ended it.
    pub content: Vec<TokenLogprob>,
}

/// A token of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TokenLogprob {
    /// The token, and how likely it was.
    #[serde(flatten)]
    pub token: RankedToken,
    /// The likeliest tokens at its place, the likeliest first, as many as were asked for.
    pub top_logprobs: Vec<RankedToken>,
}

/// A token, and how likely it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RankedToken {
    /// Its text; what of it is no whole character stands there as U+FFFD.
    pub token: String,
    /// The natural logarithm of its probability; -9999 where it has none.
    pub logprob: f32,
    /// Its bytes, which may be parts of a character.
    pub bytes: Vec<u8>,
    /// Its id in the model's vocabulary.
    pub id: u32,
}

impl RankedToken {
    /// Returns a token with its natural log-probability.
    #[must_use]
    pub fn new(id: u32, bytes: Vec<u8>, logprob: f64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "logits are computed in f32"
        )]
        Self {
            token: String::from_utf8_lossy(&bytes).into_owned(),
            logprob: logprob.max(LEAST) as f32,
            bytes,
            id,
        }
    }

    /// Returns the text that tells it apart from all other tokens, `OpenAI`'s `bytes:\\xe2\\x80` where it is
    /// not whole characters.
    fn name(&self) -> String {
        if std::str::from_utf8(&self.bytes).is_ok() {
            return self.token.clone();
        }
        let bytes = self.bytes.iter().map(|byte| format!("\\x{byte:02x}"));
        format!("bytes:{}", bytes.collect::<String>())
    }
}

/// What a choice of `OpenAI`'s chat API says of its tokens.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ChatLogprobs {
    /// The tokens of the message.
    #[serde(flatten)]
    pub logprobs: Logprobs,
    /// Always null.
    pub refusal: (),
}

/// What a choice of `OpenAI`'s older API says of its tokens: lists of equal length.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct TextLogprobs {
    /// Where each token begins in the text, in characters.
    pub text_offset: Vec<u64>,
    /// The natural logarithm of each token's probability.
    pub token_logprobs: Vec<f32>,
    /// The tokens.
    pub tokens: Vec<String>,
    /// The likeliest tokens at each place with theirs, and the token itself.
    pub top_logprobs: Vec<BTreeMap<String, f32>>,
}

impl From<&Logprobs> for TextLogprobs {
    fn from(logprobs: &Logprobs) -> Self {
        let mut all = Self {
            text_offset: Vec::new(),
            token_logprobs: Vec::new(),
            tokens: Vec::new(),
            top_logprobs: Vec::new(),
        };
        let mut bytes = Vec::new();
        for one in &logprobs.content {
            let before = String::from_utf8_lossy(&bytes);
            all.text_offset.push(before.chars().count() as u64);
            bytes.extend_from_slice(&one.token.bytes);
            all.token_logprobs.push(one.token.logprob);
            all.tokens.push(one.token.name());
            let there = one.top_logprobs.iter().chain([&one.token]);
            let there = there.map(|ranked| (ranked.name(), ranked.logprob));
            all.top_logprobs.push(there.collect());
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_form_has_offsets_in_characters_and_names_of_bytes() {
        let ranked = |id: u32, bytes: &[u8], logprob| RankedToken::new(id, bytes.to_vec(), logprob);
        let (first, second) = "\u{e9}".as_bytes().split_at(1);
        let token = |token: RankedToken| TokenLogprob {
            top_logprobs: vec![ranked(9, b" x", -0.5)],
            token,
        };
        let logprobs = Logprobs {
            content: vec![
                token(ranked(1, "\u{fc}ber".as_bytes(), -1.0)),
                token(ranked(2, first, -2.0)),
                token(ranked(3, second, f64::NEG_INFINITY)),
                token(ranked(4, b"!", -0.25)),
            ],
        };
        let text = TextLogprobs::from(&logprobs);
        assert_eq!(
            text.tokens,
            ["\u{fc}ber", "bytes:\\xc3", "bytes:\\xa9", "!"]
        );
        assert_eq!(text.token_logprobs, [-1.0, -2.0, -9999.0, -0.25]);
        // A part of a character counts as one until the rest of it is there.
        assert_eq!(text.text_offset, [0, 4, 5, 5]);
        let wanted: BTreeMap<_, _> = [(" x".to_owned(), -0.5), ("!".to_owned(), -0.25)].into();
        assert_eq!(text.top_logprobs[3], wanted);
    }
}

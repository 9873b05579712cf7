//! What the tests share: texts run through llguidance, byte by byte, and random schemas.
#![allow(dead_code, reason = "each test uses its part")]

pub(crate) mod random;

use llguidance::api::TopLevelGrammar;
use llguidance::toktrie::{ApproximateTokEnv, InferenceCapabilities, TokEnv};
use llguidance::{Matcher, ParserFactory};

/// A grammar over single bytes.
pub(crate) struct Grammar {
    env: TokEnv,
    matcher: Matcher,
}

impl Grammar {
    /// Compiles a grammar.
    pub(crate) fn new(grammar: TopLevelGrammar) -> Result<Self, String> {
        let env = ApproximateTokEnv::single_byte_env();
        let capabilities = InferenceCapabilities::default();
        let mut factory =
            ParserFactory::new(&env, capabilities, &[]).map_err(|error| error.to_string())?;
        factory.quiet();
        let matcher = Matcher::new(factory.create_parser(grammar));
        match matcher.get_error() {
            None => Ok(Self { env, matcher }),
            Some(error) => Err(error),
        }
    }

    /// Returns whether a text is a whole one of the grammar.
    pub(crate) fn accepts(&self, text: &str) -> bool {
        let tokens = self.env.tok_trie().greedy_tokenize(text.as_bytes());
        let mut matcher = self.matcher.deep_clone();
        let valid = matcher.validate_tokens(&tokens).unwrap_or(0);
        valid == tokens.len()
            && matcher.consume_tokens(&tokens).is_ok()
            && matcher.is_accepting().unwrap_or(false)
    }
}

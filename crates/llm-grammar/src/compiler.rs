//! Rules → grammars, for one vocabulary.

use std::sync::Arc;

use llguidance::api::{ParserLimits, TopLevelGrammar};
use llguidance::{Matcher, ParserFactory};
use llm_tokenizer::Tokenizer;
use serde_json::Value;
use toktrie::{InferenceCapabilities, TokEnv};

use crate::gbnf::{GbnfError, lark_of_gbnf};
use crate::grammar::Grammar;
use crate::masks::Masks;
use crate::schema::{SchemaError, SchemaOptions, prepare};
use crate::token_env::TokenEnv;

/// The longest pattern or grammar, in bytes.
const LONGEST: usize = 1 << 20;

/// The deepest nesting of brackets in one.
const DEEPEST: usize = 200;

/// What an answer must look like.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// A JSON document that a schema describes.
    Schema {
        /// The schema.
        schema: Value,
        /// No white space outside of texts.
        is_compact: bool,
        /// What cannot be enforced is left out.
        is_loose: bool,
    },
    /// A text that a regular expression describes as a whole.
    Regex(String),
    /// A text of a grammar in Lark's syntax, as llguidance reads it.
    Lark(String),
    /// A text of a grammar in llama.cpp's syntax (GBNF).
    Gbnf(String),
}

/// Why there is no grammar.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GrammarError {
    /// The model has no tokens.
    #[error("the model's vocabulary is empty")]
    NoTokens,
    /// A schema that is wrong or cannot be enforced.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A grammar of llama.cpp's that is wrong.
    #[error(transparent)]
    Gbnf(#[from] GbnfError),
    /// A pattern or a grammar that cannot be read, or takes too much.
    #[error("the pattern or grammar cannot be used: {0}")]
    Unreadable(String),
}

impl GrammarError {
    /// Whether the rule is sound, and cannot be enforced to the letter.
    #[must_use]
    pub fn is_unsupported(&self) -> bool {
        matches!(self, Self::Schema(SchemaError::Unsupported { .. }))
    }
}

/// Compiles grammars for one vocabulary.
pub struct Compiler {
    factory: ParserFactory,
    pub(crate) masks: Arc<Masks>,
    token_env: TokEnv,
}

impl std::fmt::Debug for Compiler {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Compiler")
    }
}

impl Compiler {
    /// Reads a vocabulary: some forty milliseconds for 50,000 tokens.
    ///
    /// # Errors
    /// A vocabulary without tokens.
    pub fn new(tokenizer: &'static Tokenizer) -> Result<Self, GrammarError> {
        let vocabulary = TokenEnv::new(tokenizer).ok_or(GrammarError::NoTokens)?;
        let vocabulary = Arc::new(vocabulary);
        let token_env: TokEnv = vocabulary.clone();
        let capabilities = InferenceCapabilities {
            ff_tokens: true,
            ..InferenceCapabilities::default()
        };
        // Its own slices are not used: `masks` finds them where they are worth it.
        let factory = vocabulary
            .while_empty(|| ParserFactory::new(&token_env, capabilities, &Masks::slices()));
        let mut factory = factory.map_err(|error| unreadable(&error))?;
        factory.quiet();
        *factory.limits_mut() = ParserLimits {
            verbose_errors: false,
            ..ParserLimits::default()
        };
        Ok(Self {
            factory,
            masks: Arc::new(Masks::new(token_env.clone())),
            token_env,
        })
    }

    /// Compiles a rule; the same one need be compiled once for any number of answers.
    ///
    /// # Errors
    /// A rule that cannot be read, that cannot be enforced to the letter, or that takes too much time
    /// or memory.
    pub fn compile(&self, rule: &Rule) -> Result<Grammar, GrammarError> {
        let grammar = top_level(rule)?;
        let parser = self.factory.create_parser(grammar);
        let mut parser = parser.map_err(|error| unreadable(&error))?;
        parser.bias_computer = self.masks.clone();
        Ok(Grammar::new(
            Matcher::new(Ok(parser)),
            self.token_env.clone(),
        ))
    }
}

/// Refuses what takes the parsers, which go into each level by a call, too much stack or time.
fn bounded(text: &str) -> Result<(), GrammarError> {
    if text.len() > LONGEST {
        let told = format!("it is longer than {LONGEST} bytes; a shorter one does");
        return Err(GrammarError::Unreadable(told));
    }
    let mut depth = 0_usize;
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            let told = format!("its brackets nest deeper than {DEEPEST} levels");
            return Err(GrammarError::Unreadable(told));
        }
    }
    Ok(())
}

fn top_level(rule: &Rule) -> Result<TopLevelGrammar, GrammarError> {
    Ok(match rule {
        Rule::Schema {
            schema,
            is_compact,
            is_loose,
        } => {
            let options = SchemaOptions {
                compact: *is_compact,
                loose: *is_loose,
            };
            TopLevelGrammar::from_json_schema(prepare(schema, options)?)
        }
        Rule::Regex(pattern) => {
            bounded(pattern)?;
            TopLevelGrammar::from_regex(pattern)
        }
        Rule::Lark(grammar) => {
            bounded(grammar)?;
            TopLevelGrammar::from_lark(grammar.clone())
        }
        Rule::Gbnf(grammar) => TopLevelGrammar::from_lark(lark_of_gbnf(grammar)?),
    })
}

/// Takes the sentence of the parser's error: its first line or, where that only announces it, the last.
fn unreadable(error: &anyhow::Error) -> GrammarError {
    let told = error.to_string();
    let first = told.lines().next().unwrap_or_default().trim();
    let last = told.lines().last().unwrap_or_default().trim();
    let sentence = match first.strip_suffix(':') {
        Some(announced) => format!("{announced}: {last}"),
        None => first.to_owned(),
    };
    GrammarError::Unreadable(sentence)
}

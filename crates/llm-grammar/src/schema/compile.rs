//! The proof that llguidance takes a schema: it is compiled once, for a vocabulary of single bytes.

use llguidance::api::TopLevelGrammar;
use llguidance::toktrie::{ApproximateTokEnv, InferenceCapabilities};
use llguidance::{ParserFactory, TokenParser};
use serde_json::Value;

use super::SchemaError;

/// Fails where llguidance refuses a schema or says that it enforces less than it asks for.
pub(super) fn compile(schema: &Value) -> Result<(), SchemaError> {
    let unsupported = |reason: String| SchemaError::Unsupported {
        pointer: String::new(),
        keyword: String::new(),
        reason,
    };
    let mut parser = parser(schema).map_err(|reason| {
        if reason.contains("Unsatisfiable schema") {
            SchemaError::Unsatisfiable {
                pointer: String::new(),
            }
        } else if reason.contains("too large") || reason.contains("limit") {
            SchemaError::TooComplex { reason }
        } else {
            unsupported(reason)
        }
    })?;
    match parser.grammar_warnings().into_iter().next() {
        None => Ok(()),
        Some(warning) => Err(unsupported(warning)),
    }
}

/// Returns whether llguidance takes a schema whatever it ignores of it.
pub(super) fn compile_loose(schema: &Value) -> bool {
    parser(schema).is_ok()
}

fn parser(schema: &Value) -> Result<TokenParser, String> {
    let env = ApproximateTokEnv::single_byte_env();
    let sentence = |error: &dyn std::fmt::Display| {
        let text = error.to_string();
        text.lines().next().unwrap_or("").trim().to_owned()
    };
    let mut factory = ParserFactory::new(&env, InferenceCapabilities::default(), &[])
        .map_err(|error| sentence(&error))?;
    factory.quiet();
    factory.limits_mut().verbose_errors = false;
    factory.limits_mut().precompute_large_lexemes = false;
    factory
        .create_parser(TopLevelGrammar::from_json_schema(schema.clone()))
        .map_err(|error| sentence(&format!("{error:#}")))
}

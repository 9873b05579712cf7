//! The proof that llguidance takes a schema: it is compiled once, for a vocabulary of single bytes.

use llguidance::api::TopLevelGrammar;
use llguidance::toktrie::{ApproximateTokEnv, InferenceCapabilities};
use llguidance::{ParserFactory, TokenParser};
use serde_json::Value;

use super::SchemaError;
use super::expr::ExprId;

/// Fails where llguidance refuses a schema or says that it enforces less than it asks for. `pointer` tells
/// where a schema came from that stands in `$defs` under a number.
pub(super) fn compile(
    schema: &Value,
    pointer: impl Fn(ExprId) -> String,
) -> Result<(), SchemaError> {
    let mut parser = parser(schema).map_err(|message| {
        let place = place(&message).map_or(String::new(), pointer);
        let first = message.lines().next().unwrap_or("").trim();
        let limits = [
            "too large",
            "limit",
            "Unable to determine",
            "can't determine",
            "fuel",
        ];
        if message.contains("Unsatisfiable schema") {
            SchemaError::Unsatisfiable { pointer: place }
        } else if limits.iter().any(|limit| message.contains(limit)) {
            SchemaError::TooComplex {
                reason: format!("at '#{place}', llguidance says: {first}"),
            }
        } else {
            refused(place, first)
        }
    })?;
    match parser.grammar_warnings().into_iter().next() {
        None => Ok(()),
        Some(warning) => Err(refused(String::new(), &warning)),
    }
}

fn refused(pointer: String, message: &str) -> SchemaError {
    SchemaError::Unsupported {
        pointer,
        keyword: String::new(),
        reason: format!("llguidance says: {message}"),
    }
}

/// Returns the number of the schema that a message is about, if it names one.
fn place(message: &str) -> Option<ExprId> {
    let (_, rest) = message.split_once("while processing #/$defs/s")?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// Returns whether llguidance takes a schema whatever it ignores of it.
pub(super) fn compile_loose(schema: &Value) -> bool {
    parser(schema).is_ok()
}

fn parser(schema: &Value) -> Result<TokenParser, String> {
    let env = ApproximateTokEnv::single_byte_env();
    let mut factory = ParserFactory::new(&env, InferenceCapabilities::default(), &[])
        .map_err(|error| error.to_string())?;
    factory.quiet();
    factory.limits_mut().verbose_errors = false;
    factory.limits_mut().precompute_large_lexemes = false;
    factory
        .create_parser(TopLevelGrammar::from_json_schema(schema.clone()))
        .map_err(|error| format!("{error:#}"))
}

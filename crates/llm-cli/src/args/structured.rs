//! Flags that say what an answer must look like. What can be enforced is `llm-grammar`'s business.

use std::path::Path;

use clap::{ArgGroup, Args, ValueEnum};

use llm_record::{OutputRule, StructuredOutput, short_schema};
use serde_json::Value;

use super::text::text_of_file;

/// Whether the model is told of the schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SchemaPrompt {
    /// The schema stands before the text, or where {{schema}} does in --template
    #[default]
    On,
    /// The prompt says nothing of it
    Off,
}

/// What an answer must look like.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Structured answers (a field of a JSON line overrides the flag)",
    group = ArgGroup::new("structured"))]
pub struct StructuredArgs {
    /// Answer with JSON that this JSON Schema describes: a file, the schema itself, or fields in short
    /// ('name, age int, tags [str]'). The value stands under 'json' in the record
    #[arg(long, value_name = "FILE|JSON|FIELDS", group = "structured", alias = "json-schema",
        conflicts_with = "choices", allow_hyphen_values = true, value_parser = schema)]
    pub schema: Option<OutputRule>,

    /// Answer with JSON, whatever it holds
    #[arg(long, group = "structured", conflicts_with = "choices")]
    pub json: bool,

    /// Answer with a text that this regular expression describes from beginning to end
    #[arg(
        long,
        value_name = "PATTERN",
        group = "structured",
        conflicts_with = "choices",
        allow_hyphen_values = true
    )]
    pub regex: Option<String>,

    /// Answer with a text of the grammar in this file: Lark's syntax as llguidance reads it, or llama.cpp's
    /// (GBNF)
    #[arg(long, value_name = "FILE", group = "structured", alias = "grammar-file",
        conflicts_with = "choices", value_parser = grammar)]
    pub grammar: Option<OutputRule>,

    /// Write JSON without white space outside of its texts
    #[arg(long)]
    pub compact: bool,

    /// Leave out what of a schema cannot be enforced to the letter, instead of refusing it
    #[arg(long)]
    pub schema_loose: bool,

    /// Choose whether the model is told of the schema
    #[arg(long, value_name = "WHETHER", value_enum, default_value_t)]
    pub schema_prompt: SchemaPrompt,

    /// Close a line with an error (code 'incomplete') where its answer is cut at the limit of tokens; an
    /// answer that must be JSON, or of a grammar, always is
    #[arg(long)]
    pub require_complete: bool,
}

impl StructuredArgs {
    /// Returns what every answer must look like.
    #[must_use]
    pub fn output(&self) -> Option<StructuredOutput> {
        let pattern = self.regex.clone();
        let rule = (self.schema.clone())
            .or_else(|| self.grammar.clone())
            .or_else(|| pattern.map(|pattern| OutputRule::Regex { pattern }))
            .or_else(|| self.json.then_some(OutputRule::Json))?;
        Some(StructuredOutput {
            rule,
            compact: self.compact,
            loose: self.schema_loose,
        })
    }

    /// Returns what the model is told of it.
    #[must_use]
    pub fn told(&self) -> Option<StructuredOutput> {
        let is_told = self.schema_prompt == SchemaPrompt::On;
        self.output().filter(|output| is_told && output.is_json())
    }
}

/// Reads the value of `--schema`.
fn schema(value: &str) -> Result<OutputRule, String> {
    let parse = |text: &str, name: &str| {
        let schema = serde_json::from_str(text).map_err(|error| format!("{name}: {error}"))?;
        match schema {
            Value::Object(_) | Value::Bool(_) => Ok(schema),
            _ => Err(format!("{name} is no JSON Schema, which is an object")),
        }
    };
    let path = value.strip_prefix('@').unwrap_or(value);
    let is_path = path.len() < value.len()
        || Path::new(path).is_file()
        || path.ends_with(".json")
        || path.contains('/');
    let schema = if value.trim_start().starts_with('{') || ["true", "false"].contains(&value) {
        parse(value, "the schema")?
    } else if is_path {
        parse(&text_of_file(path)?, &format!("'{path}'"))?
    } else {
        short_schema(value)?
    };
    Ok(OutputRule::JsonSchema { schema })
}

/// Reads the file of `--grammar`.
fn grammar(path: &str) -> Result<OutputRule, String> {
    let grammar = text_of_file(path)?.to_string();
    let is_gbnf = path.ends_with(".gbnf") || grammar.contains("::=");
    Ok(if is_gbnf {
        OutputRule::Gbnf { grammar }
    } else {
        OutputRule::Lark { grammar }
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;
    use crate::RunArgs;

    fn output(flags: &[&str]) -> Result<Option<OutputRule>, String> {
        let all = std::iter::once(&"llm-run").chain(flags);
        let args = RunArgs::try_parse_from(all).map_err(|error| error.to_string())?;
        Ok(args.structured.output().map(|output| output.rule))
    }

    #[test]
    fn a_schema_is_a_file_or_stands_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        std::fs::write(&path, r#"{"type": "string"}"#).unwrap();
        let path = path.display().to_string();
        let schema = json!({"type": "string"});
        let wanted = Ok(Some(OutputRule::JsonSchema { schema }));
        for value in [&path, &format!("@{path}"), r#"{"type":"string"}"#] {
            assert_eq!(output(&["--schema", value]), wanted, "{value}");
        }
        for (value, told) in [
            ("no/such.json", "cannot read 'no/such.json'"),
            ("{", "the schema: EOF"),
            ("@nosuch", "cannot read 'nosuch'"),
        ] {
            let error = output(&["--schema", value]).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn a_grammar_is_known_by_its_syntax() {
        let folder = tempfile::tempdir().unwrap();
        for (name, grammar, is_gbnf) in [
            ("a.lark", "start: \"a\"", false),
            ("a.gbnf", "root ::= \"a\"", true),
            ("b", "root ::= \"b\"", true),
        ] {
            let path = folder.path().join(name);
            std::fs::write(&path, grammar).unwrap();
            let path = path.display().to_string();
            let rule = output(&["--grammar", &path]).unwrap().unwrap();
            assert_eq!(matches!(rule, OutputRule::Gbnf { .. }), is_gbnf, "{name}");
        }
    }

    #[test]
    fn one_thing_is_asked_for() {
        let error = output(&["--json", "--regex", "a"]).unwrap_err();
        assert!(error.contains("cannot be used with"), "{error}");
        let error = output(&["--json", "--choices", "a,b"]).unwrap_err();
        assert!(error.contains("cannot be used with"), "{error}");
        assert_eq!(output(&[]), Ok(None));
    }
}

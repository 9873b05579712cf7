//! The tool calls in what a model writes.
//!
//! Each family of models writes its calls in a format of its own, and its chat template shows that format: it
//! prints the calls of earlier turns. [`Syntax::of`] learns it from there, by rendering calls that differ in one
//! thing (llama.cpp does the same, `docs/autoparser.md` there); what cannot be seen that way is a row of a table.
//! [`Reader`] takes an answer apart by it as it comes.
//!
//! ```
//! use std::sync::Arc;
//! use llm_prompt::{ChatTemplate, MarkupTexts};
//! use llm_calls::{Offered, Piece, Reader, Syntax};
//! use serde_json::json;
//!
//! let template = ChatTemplate::new(
//!     "{% for m in messages %}<|{{ m.role }}|>{{ m.content or '' }}{% for c in m.tool_calls or [] %}\
//!      <call>{{ c.function | tojson }}</call>{% endfor %}<|end|>{% endfor %}\
//!      {% if add_generation_prompt %}<|assistant|>{% endif %}",
//! )?;
//! let syntax = Syntax::of(&template, MarkupTexts::default()).unwrap();
//! let offered = Offered::new(&[json!({"name": "add", "parameters": {}})]);
//! let mut reader = Reader::new(Arc::new(syntax), Arc::new(offered));
//! let mut pieces = reader.push("Sure. <call>{\"name\": \"add\", \"arguments\": {\"a\": 1}}</ca", false);
//! pieces.extend(reader.push("ll>", false));
//! assert_eq!(pieces[0], Piece::Text("Sure.".into()));
//! let Piece::Call(call) = &pieces[1] else { panic!() };
//! assert_eq!((call.name.as_str(), call.arguments.as_str()), ("add", "{\"a\": 1}"));
//! # Ok::<(), llm_prompt::TemplateError>(())
//! ```

#![forbid(unsafe_code)]

mod literal;
mod syntax;
mod learn;
mod samples;
mod table;
mod offered;
mod parse;
mod python;
mod pythonic;
mod gemma;
mod elements;
mod harmony;
mod recipients;
mod reader;

pub use offered::Offered;
pub use reader::Reader;
pub use syntax::Syntax;

/// A call of a tool.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToolCall {
    /// Its id, where the model writes one.
    pub id: Option<String>,
    /// The tool.
    pub name: String,
    /// What it is called with: the text of a JSON object.
    pub arguments: String,
}

/// More of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// What it says.
    Text(String),
    /// What it calls.
    Call(ToolCall),
}

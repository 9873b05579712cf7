//! A short way to write a JSON Schema: `name, age int, tags [str]`.
//!
//! The syntax is that of Simon Willison's `llm` ("Concise LLM schema syntax"), with lists and nested
//! objects beside its plain types:
//!
//! ```text
//! fields      = field { ("," | newline) field }
//! field       = name [ type ] [ ":" description ]
//! type        = "str" | "int" | "float" | "bool" | "[" [ type ] "]" | "{" fields "}"
//! ```
//!
//! A name without a type is text, and so are the items of `[]`. A description reaches to the end of its
//! line, so that it may hold commas; where all fields stand on one line or in braces, it ends at the next
//! comma.

use serde_json::{Map, Value, json};

/// How deeply braces and brackets may nest.
const DEPTH_MAX: usize = 20;

/// Returns the JSON Schema that a short form stands for: an object with all of its properties, in their
/// order, and no others.
///
/// # Errors
///
/// Says what is wrong, and at which character.
pub fn short_schema(text: &str) -> Result<Value, String> {
    let text = text.trim();
    let chars = text.chars().collect::<Vec<_>>();
    let mut parser = Parser {
        chars: &chars,
        at: 0,
        depth: 0,
        by_line: is_by_line(text),
    };
    let schema = parser.fields()?;
    match parser.peek() {
        None => Ok(schema),
        Some(c) => Err(parser.fault(&format!("a '{c}' that closes nothing"))),
    }
}

/// Returns whether fields stand on lines of their own: a newline outside of braces.
fn is_by_line(text: &str) -> bool {
    let mut depth = 0_usize;
    text.chars().any(|c| {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == '\n' && depth == 0
    })
}

struct Parser<'a> {
    chars: &'a [char],
    at: usize,
    depth: usize,
    by_line: bool,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn fault(&self, what: &str) -> String {
        format!(
            "the short schema has {what} at character {}: write fields as 'name, age int, tags [str]'",
            self.at + 1
        )
    }

    fn skip(&mut self, skipped: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&skipped) {
            self.at += 1;
        }
    }

    fn fields(&mut self) -> Result<Value, String> {
        let mut properties = Map::new();
        loop {
            self.skip(char::is_whitespace);
            let start = self.at;
            let name = self.name()?;
            let schema = self.typed_and_described()?;
            if properties.insert(name.clone(), schema).is_some() {
                self.at = start;
                return Err(self.fault(&format!("the name '{name}' a second time")));
            }
            let end = self.at;
            self.skip(char::is_whitespace);
            match self.peek() {
                Some(',') => self.at += 1,
                None | Some('}') => break,
                Some(_) if self.chars[end..self.at].contains(&'\n') => {}
                Some(c) => return Err(self.fault(&format!("an unexpected '{c}'"))),
            }
            self.skip(char::is_whitespace);
            // A comma may end the last field, too.
            if matches!(self.peek(), None | Some('}')) {
                break;
            }
        }
        let required = properties.keys().map(|name| json!(name)).collect::<Value>();
        Ok(json!({
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        }))
    }

    fn name(&mut self) -> Result<String, String> {
        let start = self.at;
        self.skip(|c| !c.is_whitespace() && !",:[]{}".contains(c));
        if start == self.at {
            return Err(self.fault("no name"));
        }
        Ok(self.chars[start..self.at].iter().collect())
    }

    fn typed_and_described(&mut self) -> Result<Value, String> {
        self.skip(|c| c == ' ' || c == '\t');
        let mut schema = match self.peek() {
            None | Some(',' | ':' | '\n' | '\r' | '}') => json!({"type": "string"}),
            Some(_) => self.kind()?,
        };
        self.skip(|c| c == ' ' || c == '\t');
        if self.peek() == Some(':') {
            self.at += 1;
            let start = self.at;
            let (by_line, nested) = (self.by_line, self.depth > 0);
            self.skip(|c| c != '\n' && (c != ',' || (by_line && !nested)) && (c != '}' || !nested));
            let description = self.chars[start..self.at].iter().collect::<String>();
            if !description.trim().is_empty() {
                schema["description"] = json!(description.trim());
            }
        }
        Ok(schema)
    }

    fn kind(&mut self) -> Result<Value, String> {
        if self.depth >= DEPTH_MAX {
            return Err(self.fault(&format!("more than {DEPTH_MAX} types in each other")));
        }
        match self.peek() {
            Some('[') => self.list(),
            Some('{') => {
                self.at += 1;
                self.depth += 1;
                let schema = self.fields()?;
                self.depth -= 1;
                self.close('}')?;
                Ok(schema)
            }
            _ => self.plain(),
        }
    }

    fn list(&mut self) -> Result<Value, String> {
        self.at += 1;
        self.depth += 1;
        self.skip(char::is_whitespace);
        let items = if self.peek() == Some(']') {
            json!({"type": "string"})
        } else {
            self.kind()?
        };
        self.skip(char::is_whitespace);
        self.depth -= 1;
        self.close(']')?;
        Ok(json!({"type": "array", "items": items}))
    }

    fn close(&mut self, closing: char) -> Result<(), String> {
        if self.peek() != Some(closing) {
            return Err(self.fault(&format!("no '{closing}' where one is due")));
        }
        self.at += 1;
        Ok(())
    }

    fn plain(&mut self) -> Result<Value, String> {
        let start = self.at;
        let word = self.name()?;
        let kind = match word.as_str() {
            "str" => "string",
            "int" => "integer",
            "float" => "number",
            "bool" => "boolean",
            _ => {
                self.at = start;
                return Err(self.fault(&format!(
                    "the unknown type '{word}' (known are str, int, float, bool, [type] and {{fields}})"
                )));
            }
        };
        Ok(json!({ "type": kind }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(names: &[&str]) -> Value {
        let properties = names
            .iter()
            .map(|name| ((*name).to_owned(), json!({"type": "string"})));
        json!({
            "type": "object",
            "properties": properties.collect::<Map<_, _>>(),
            "required": names,
            "additionalProperties": false,
        })
    }

    // The examples of https://llm.datasette.io/en/stable/schemas.html
    #[test]
    fn the_examples_of_llms_documentation_are_read() {
        assert_eq!(
            short_schema("name, bio").unwrap(),
            strings(&["name", "bio"])
        );
        let schema = short_schema("name, age int, one_sentence_bio").unwrap();
        assert_eq!(schema["properties"]["age"], json!({"type": "integer"}));
        assert_eq!(
            schema["required"],
            json!(["name", "age", "one_sentence_bio"])
        );
        let schema = short_schema("name: the person's name, age int: their age, bio: a short bio");
        let schema = schema.unwrap();
        assert_eq!(
            schema["properties"]["age"],
            json!({"type": "integer", "description": "their age"})
        );
        let lines = "\n  name: the person's name\n  age int: their age\n  bio: a short bio, no more than three sentences\n";
        let schema = short_schema(lines).unwrap();
        assert_eq!(
            schema["properties"]["bio"]["description"],
            "a short bio, no more than three sentences"
        );
    }

    #[test]
    fn lists_and_objects_nest() {
        let schema =
            short_schema("tags [str], points [{x float, y float: up, z}], ok bool, m [[int]]");
        let schema = schema.unwrap();
        let properties = &schema["properties"];
        assert_eq!(
            properties["tags"],
            json!({"type": "array", "items": {"type": "string"}})
        );
        assert_eq!(
            properties["m"]["items"]["items"],
            json!({"type": "integer"})
        );
        let point = &properties["points"]["items"];
        assert_eq!(point["required"], json!(["x", "y", "z"]));
        assert_eq!(point["properties"]["y"]["description"], "up");
        assert_eq!(point["additionalProperties"], false);
        let schema = short_schema("a {\n  b int,\n  c: one\n}\nd: e, f").unwrap();
        assert_eq!(
            schema["properties"]["a"]["properties"]["c"]["description"],
            "one"
        );
        assert_eq!(schema["properties"]["d"]["description"], "e, f");
    }

    #[test]
    fn a_fault_names_its_place() {
        for (text, fault) in [
            ("", "no name at character 1"),
            ("a,,b", "no name at character 3"),
            ("a integer", "the unknown type 'integer'"),
            ("a, b, a", "the name 'a' a second time at character 7"),
            ("a [int", "no ']' where one is due at character 7"),
            ("a {b", "no '}' where one is due at character 5"),
            ("a}", "a '}' that closes nothing at character 2"),
            ("a int int", "an unexpected 'i' at character 7"),
            (": b", "no name at character 1"),
        ] {
            let error = short_schema(text).unwrap_err();
            assert!(error.contains(fault), "{text}: {error}");
        }
        assert!(
            short_schema(&"a {".repeat(30))
                .unwrap_err()
                .contains("more than 20")
        );
    }
}

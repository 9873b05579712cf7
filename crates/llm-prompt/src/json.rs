//! Values as JSON, in the layout of Python's `json.dumps`: a space after each
//! comma and colon, no escapes for HTML.

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};

/// The options of `json.dumps` that templates use.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// Spaces for each level; `None` puts all on one line.
    pub(super) indent: Option<usize>,
    /// Maps in the order of their keys.
    pub(super) sort_keys: bool,
    /// Escape all that is not ASCII.
    pub(super) ascii: bool,
    /// What stands after an item and after a key.
    pub(super) separators: Option<Vec<String>>,
}

impl Layout {
    fn after_item(&self) -> &str {
        let default = if self.indent.is_some() { "," } else { ", " };
        self.separators
            .as_ref()
            .and_then(|list| list.first())
            .map_or(default, String::as_str)
    }

    fn after_key(&self) -> &str {
        self.separators
            .as_ref()
            .and_then(|list| list.get(1))
            .map_or(": ", String::as_str)
    }
}

/// Returns `value` as JSON.
///
/// # Errors
/// A value that JSON cannot write, such as an undefined one.
pub(super) fn dump(value: &Value, layout: &Layout) -> Result<String, Error> {
    let mut text = String::new();
    write(value, layout, 1, &mut text)?;
    Ok(text)
}

/// Levels of lists and maps; Python stops at about as many.
const DEEPEST: usize = 1000;

fn write(value: &Value, layout: &Layout, level: usize, text: &mut String) -> Result<(), Error> {
    if level > DEEPEST {
        let reason = format!("tojson cannot write more than {DEEPEST} levels");
        return Err(Error::new(ErrorKind::BadSerialization, reason));
    }
    match value.kind() {
        ValueKind::None => text.push_str("null"),
        ValueKind::Bool => text.push_str(if value.is_true() { "true" } else { "false" }),
        ValueKind::Number => text.push_str(&number(value)),
        ValueKind::String => string(&value.to_string(), layout.ascii, text),
        ValueKind::Map => {
            let mut keys: Vec<Value> = value.try_iter()?.collect();
            if layout.sort_keys {
                keys.sort();
            }
            let items = keys.into_iter().map(|key| {
                let item = value.get_item(&key)?;
                Ok((Some(key), item))
            });
            group(['{', '}'], items, layout, level, text)?;
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let items = value.try_iter()?.map(|item| Ok((None, item)));
            group(['[', ']'], items, layout, level, text)?;
        }
        kind => {
            let reason = format!("tojson cannot write a value that is {kind}");
            return Err(Error::new(ErrorKind::BadSerialization, reason));
        }
    }
    Ok(())
}

/// Writes a list, or a map if its items have keys.
fn group(
    [open, close]: [char; 2],
    items: impl Iterator<Item = Result<(Option<Value>, Value), Error>>,
    layout: &Layout,
    level: usize,
    text: &mut String,
) -> Result<(), Error> {
    text.push(open);
    let mut is_empty = true;
    for item in items {
        let (key, item) = item?;
        if !is_empty {
            text.push_str(layout.after_item());
        }
        is_empty = false;
        line_break(layout, level, text);
        if let Some(key) = key {
            string(&key.to_string(), layout.ascii, text);
            text.push_str(layout.after_key());
        }
        write(&item, layout, level + 1, text)?;
    }
    if !is_empty {
        line_break(layout, level - 1, text);
    }
    text.push(close);
    Ok(())
}

fn line_break(layout: &Layout, level: usize, text: &mut String) {
    if let Some(indent) = layout.indent {
        text.push('\n');
        text.extend(std::iter::repeat_n(' ', indent * level));
    }
}

/// Python's `repr` of a number. Rust and Python agree on when a float needs an
/// exponent; Python writes its sign and at least two digits.
fn number(value: &Value) -> String {
    let (true, Ok(float)) = (!value.is_integer(), f64::try_from(value.clone())) else {
        return value.to_string();
    };
    if !float.is_finite() {
        return if float.is_nan() {
            "NaN".into()
        } else if float > 0.0 {
            "Infinity".into()
        } else {
            "-Infinity".into()
        };
    }
    let text = format!("{float:?}");
    match text.split_once('e') {
        None => text,
        Some((digits, exponent)) => match exponent.strip_prefix('-') {
            Some(size) => format!("{digits}e-{size:0>2}"),
            None => format!("{digits}e+{exponent:0>2}"),
        },
    }
}

fn string(content: &str, ascii: bool, text: &mut String) {
    text.push('"');
    for character in content.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            _ if character < ' ' || (ascii && !character.is_ascii()) => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    text.push_str(&format!("\\u{unit:04x}"));
                }
            }
            _ => text.push(character),
        }
    }
    text.push('"');
}

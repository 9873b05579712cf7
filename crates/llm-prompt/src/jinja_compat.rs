//! What chat templates expect of Python and of Hugging Face's set-up of
//! Jinja2: methods of strings and maps, `raise_exception`, `strftime_now`,
//! `tojson`, the spelling of `True` and `None`, `{% generation %}`.

use std::error::Error as _;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, StringInput, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, Value};

use super::{iteration, json, strftime};

/// Adds all of it to `environment`.
///
/// # Errors
/// None that can happen with this syntax; the builder checks delimiters.
pub(super) fn set_up(environment: &mut Environment<'static>) -> Result<(), Error> {
    // What transformers' `_compile_jinja_template` sets.
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()?;
    environment.set_syntax(syntax);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.set_formatter(format_value);
    environment.add_function("raise_exception", raise_exception);
    set_time(environment, None);
    iteration::set_up(environment);
    environment.add_filter("tojson", to_json);
    environment.add_filter("indent", indent);
    environment.add_test("iterable", is_iterable);
    environment.add_test("sequence", is_sequence);
    Ok(())
}

/// Returns a source as Python and Jinja2 read it: without a byte order mark, and
/// with a line feed for each line end of another system.
pub(super) fn with_line_feeds(source: &str) -> String {
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    source.replace("\r\n", "\n").replace('\r', "\n")
}

/// Rewrites the tags that minijinja does not take as Jinja2 does: `for` (see
/// `iteration`), and `{% generation %}` and its end, which only mark the answer
/// for training and become statements without effect. Tags stay tags, so that
/// white space around them is trimmed as before.
pub(super) fn with_own_tags(source: &str) -> String {
    let mut result = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find("{%") {
        // The end is sought behind the start: "{%}" shares no percent sign.
        let inside = start + "{%".len();
        let Some(end) = rest[inside..].find("%}").map(|length| inside + length + 2) else {
            break;
        };
        let tag = &rest[start..end];
        let word = tag[2..tag.len() - 2].trim_matches(['-', '+']).trim();
        result.push_str(&rest[..start]);
        result.push_str(&match word {
            "generation" => tag.replacen(word, "if true", 1),
            "endgeneration" => tag.replacen(word, "endif", 1),
            _ => match iteration::checked(word) {
                Some(checked) => tag.replacen(word, &checked, 1),
                None => tag.to_string(),
            },
        });
        rest = &rest[end..];
    }
    result + rest
}

/// What a template has said to `raise_exception`.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refusal(String);

/// Returns the words of the template if `error` comes from `raise_exception`.
pub(super) fn refusal(error: &Error) -> Option<String> {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(Refusal(message)) = cause.downcast_ref() {
            return Some(message.clone());
        }
        source = cause.source();
    }
    None
}

fn raise_exception(message: String) -> Result<Value, Error> {
    let error = Error::new(ErrorKind::InvalidOperation, message.clone());
    Err(error.with_source(Refusal(message)))
}

/// Adds `strftime_now`: a time that was set, else the local time of the call,
/// as in transformers.
pub(super) fn set_time(environment: &mut Environment<'static>, time: Option<jiff::Zoned>) {
    environment.add_function("strftime_now", move |format: &str| {
        let now = time.clone().unwrap_or_else(jiff::Zoned::now);
        strftime::format(format, &now)
    });
}

/// An indentation that a person could want; a template must not ask for all
/// memory.
fn bounded(indent: usize) -> Result<usize, Error> {
    const WIDEST: usize = 256;
    if indent > WIDEST {
        let reason = format!("an indentation of {indent} is too wide, {WIDEST} is the most");
        return Err(Error::new(ErrorKind::InvalidOperation, reason));
    }
    Ok(indent)
}

/// `indent` as in Jinja2, where a line end at the end of the text stays; with a
/// bounded width.
#[expect(
    clippy::needless_pass_by_value,
    reason = "minijinja hands over arguments by value"
)]
fn indent(
    text: StringInput<'_>,
    width: Option<usize>,
    first: Option<bool>,
    blank: Option<bool>,
    options: Kwargs,
) -> Result<String, Error> {
    let width = width.or(options.get("width")?).unwrap_or(4);
    let first = first.or(options.get("first")?).unwrap_or(false);
    let blank = blank.or(options.get("blank")?).unwrap_or(false);
    options.assert_all_used()?;
    let indentation = " ".repeat(bounded(width)?);
    let mut indented = String::new();
    for (number, line) in lines(text.as_str()).enumerate() {
        if number > 0 {
            indented.push('\n');
        }
        if (number == 0 && first) || (number > 0 && (blank || !line.is_empty())) {
            indented.push_str(&indentation);
        }
        indented.push_str(line);
    }
    Ok(indented)
}

/// Python's `splitlines` of a text and one line end more.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let is_end = |one: char| matches!(one, '\n'..='\r' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}');
        let Some(at) = text.find(is_end) else {
            rest = None;
            return Some(text);
        };
        let (line, end) = text.split_at(at);
        let end = end.strip_prefix("\r\n").or_else(|| {
            let mut characters = end.chars();
            characters.next();
            Some(characters.as_str())
        });
        rest = end;
        Some(line)
    })
}

/// `tojson` as transformers defines it: Python's `json.dumps`.
#[expect(
    clippy::needless_pass_by_value,
    reason = "minijinja hands over keyword arguments by value"
)]
fn to_json(value: &Value, options: Kwargs) -> Result<Value, Error> {
    let layout = json::Layout {
        indent: options
            .get::<Option<usize>>("indent")?
            .map(bounded)
            .transpose()?,
        sort_keys: options.get::<Option<bool>>("sort_keys")?.unwrap_or(false),
        ascii: options
            .get::<Option<bool>>("ensure_ascii")?
            .unwrap_or(false),
        separators: options.get::<Option<Vec<String>>>("separators")?,
    };
    options.assert_all_used()?;
    json::dump(value, &layout).map(Value::from_safe_string)
}

/// Python cannot iterate over `None`, which minijinja takes for an empty list;
/// templates ask it of `tools`.
fn is_iterable(value: &Value) -> bool {
    !value.is_none() && value.try_iter().is_ok()
}

/// What has a length and items: in Python strings and maps as well as lists.
fn is_sequence(value: &Value) -> bool {
    matches!(
        value.kind(),
        ValueKind::String | ValueKind::Seq | ValueKind::Map
    )
}

/// Prints `True`, `False` and `None` as Python does.
fn format_value(output: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    let text = match value.kind() {
        ValueKind::None => "None",
        ValueKind::Bool if value.is_true() => "True",
        ValueKind::Bool => "False",
        _ => return minijinja::escape_formatter(output, state, value),
    };
    output.write_str(text).map_err(Error::from)
}

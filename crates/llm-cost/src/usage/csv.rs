//! CSV with a header → rows with named columns.

use csv_core::{ReadFieldResult, Reader, ReaderBuilder};
use serde_json::{Map, Value};

use super::UsageLog;
use super::flat::{has_input, plain_name};

/// What may stand between fields.
const MARKS: [char; 3] = [',', ';', '\t'];

/// Fields of a row, more than any table has; a row with more is none.
const MOST: usize = 4096;

impl UsageLog {
    /// Takes a whole text whose first line names a column that counts input; `false` where it does not.
    pub(super) fn take_csv(&mut self, text: &str) -> bool {
        let line = text.lines().next().unwrap_or_default();
        let names_in = |mark: char| -> Vec<String> {
            line.split(mark)
                .map(|name| plain_name(name.trim().trim_matches('"')))
                .collect()
        };
        let is_header = |mark: &char| has_input(names_in(*mark).iter().map(String::as_str));
        let Some(mark) = { MARKS }.into_iter().find(is_header) else {
            return false;
        };
        let mut rows = Rows::new(text, mark);
        let names: Vec<String> = rows
            .next()
            .unwrap_or_default()
            .iter()
            .map(|name| plain_name(name))
            .collect();
        for row in rows {
            if row.iter().all(|field| field.trim().is_empty()) {
                continue;
            }
            if row.len() != names.len() {
                self.broken += 1;
                continue;
            }
            let fields = names
                .iter()
                .cloned()
                .zip(row.iter().map(|field| value(field)));
            if !self.take_flat(&Value::Object(fields.collect::<Map<_, _>>())) {
                self.unsound += 1;
            }
        }
        true
    }
}

/// A field as JSON would have it: a number, a text, or nothing.
fn value(field: &str) -> Value {
    let field = field.trim();
    if field.is_empty() {
        return Value::Null;
    }
    let digits = field.strip_prefix('$').unwrap_or(field);
    let number = digits
        .parse::<f64>()
        .ok()
        .and_then(serde_json::Number::from_f64);
    number.map_or_else(|| Value::String(field.to_owned()), Value::Number)
}

/// The rows of a text, quotes taken off.
struct Rows<'a> {
    reader: Reader,
    rest: &'a [u8],
}

impl<'a> Rows<'a> {
    fn new(text: &'a str, mark: char) -> Self {
        let reader = ReaderBuilder::new().delimiter(mark as u8).build();
        Self {
            reader,
            rest: text.as_bytes(),
        }
    }
}

impl Iterator for Rows<'_> {
    type Item = Vec<String>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut row = Vec::new();
        let mut field = Vec::new();
        let mut piece = [0; 1024];
        loop {
            let (result, read, written) = self.reader.read_field(self.rest, &mut piece);
            self.rest = self.rest.get(read..).unwrap_or_default();
            field.extend_from_slice(piece.get(..written).unwrap_or_default());
            match result {
                ReadFieldResult::InputEmpty | ReadFieldResult::OutputFull => {}
                ReadFieldResult::Field { record_end } => {
                    if row.len() < MOST {
                        row.push(String::from_utf8_lossy(&field).into_owned());
                    }
                    field.clear();
                    if record_end {
                        return Some(row);
                    }
                }
                ReadFieldResult::End => return None,
            }
        }
    }
}

//! Closing records → rows of a table: the columns of the input, then the answer and what went wrong.

use llm_record::csv::write::row;
use llm_record::{Fields, Json, Record};

use crate::input::Columns;

/// A table that answers are written to.
#[derive(Debug)]
pub(super) struct Table {
    columns: Columns,
    delimiter: u8,
    has_header: bool,
}

impl Table {
    /// Begins a table; the columns of the input are known when its first row is.
    pub(super) fn new(columns: Columns, delimiter: u8) -> Self {
        Self {
            columns,
            delimiter,
            has_header: false,
        }
    }

    /// Returns the row for a record, behind the header where it is the first.
    pub(super) fn row(&mut self, record: &Record) -> Vec<u8> {
        let mut text = self.header();
        let (input, answer, error) = match record {
            Record::Completion(completion) => (&completion.input, completion.text.as_str(), ""),
            Record::Error(failed) => (&failed.input, "", failed.error.message.as_str()),
            _ => return text,
        };
        self.add(input, answer, error, &mut text);
        text
    }

    /// Returns the row for a request that an earlier program has failed at.
    pub(super) fn failed(&mut self, sentence: &str) -> Vec<u8> {
        let mut text = self.header();
        self.add(&Fields::new(), "", sentence, &mut text);
        text
    }

    /// Returns what is still to be written at the end: the header of a table without rows.
    pub(super) fn end(&mut self) -> Vec<u8> {
        match self.columns.get() {
            Some(_) => self.header(),
            None => Vec::new(),
        }
    }

    /// Returns the header where it is not written yet.
    fn header(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        let names = self.columns.get().map(Vec::as_slice).unwrap_or_default();
        if std::mem::replace(&mut self.has_header, true) {
            return text;
        }
        let own = ["answer", "error"].map(|name| free(name, names));
        let all = names.iter().chain(&own).map(String::as_str);
        row(all, self.delimiter, &mut text);
        text
    }

    fn add(&self, input: &Fields, answer: &str, error: &str, text: &mut Vec<u8>) {
        let names = self.columns.get().map(Vec::as_slice).unwrap_or_default();
        let value = |name: &String| input.get(name).and_then(Json::as_str).unwrap_or_default();
        let fields = names.iter().map(value).chain([answer, error]);
        row(fields, self.delimiter, text);
    }
}

/// Returns a name for a column that no other has.
fn free(name: &str, taken: &[String]) -> String {
    let mut free = name.to_owned();
    while taken.contains(&free) {
        free.insert_str(0, "llm_");
    }
    free
}

#[cfg(test)]
mod tests {
    use llm_record::{ErrorCode, ErrorRecord};

    use super::*;

    #[test]
    fn a_failed_row_keeps_its_fields() {
        let columns = Columns::default();
        columns
            .set(["id", "answer"].map(str::to_owned).to_vec())
            .unwrap();
        let mut table = Table::new(columns, b',');
        let mut record = ErrorRecord::new(2, None, ErrorCode::Timeout, "late, too late");
        record.input.insert("answer".into(), "x".into());
        let text = table.row(&Record::from(record));
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "id,answer,llm_answer,error\n,x,,\"late, too late\"\n"
        );
        assert_eq!(table.failed("no"), b",,,no\n");
    }
}

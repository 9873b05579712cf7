//! Fields → a row of a table, quoted where they must be.

use csv_core::{WriteResult, Writer, WriterBuilder};

/// Adds a row with its line end to what is written.
pub fn row<'f>(fields: impl IntoIterator<Item = &'f str>, delimiter: u8, row: &mut Vec<u8>) {
    let mut writer = WriterBuilder::new().delimiter(delimiter).build();
    for (index, field) in fields.into_iter().enumerate() {
        if index > 0 {
            all(row, |out| {
                let (result, written) = writer.delimiter(out);
                (result, 0, written)
            });
        }
        add(&mut writer, field.as_bytes(), row);
    }
    all(row, |out| {
        let (result, written) = writer.terminator(out);
        (result, 0, written)
    });
}

fn add(writer: &mut Writer, mut field: &[u8], row: &mut Vec<u8>) {
    all(row, |out| {
        let (result, read, written) = writer.field(field, out);
        field = &field[read..];
        (result, read, written)
    });
}

/// Calls a step of the writer until all of it is written.
fn all(row: &mut Vec<u8>, mut step: impl FnMut(&mut [u8]) -> (WriteResult, usize, usize)) {
    loop {
        let mut out = [0; 1024];
        let (result, _, written) = step(&mut out);
        row.extend_from_slice(&out[..written]);
        if result == WriteResult::InputEmpty {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::csv::CsvRows;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        let mut written = Vec::new();
        row(["a", "b;c", "d\"e", "f\ng", ""], b';', &mut written);
        row([""], b'\t', &mut written);
        let text = String::from_utf8(written).unwrap();
        assert_eq!(text, "a;\"b;c\";\"d\"\"e\";\"f\ng\";\n\"\"\n");
    }

    /// What is written is read as it was, however long.
    #[test]
    fn what_is_written_is_read_again() {
        let long = "x, \"y\"\n".repeat(1000);
        let mut table = Vec::new();
        row(["a", "b"], b',', &mut table);
        row([long.as_str(), " z "], b',', &mut table);
        let mut rows = CsvRows::new(&*table, 1 << 20, None);
        let read = rows.next().unwrap().unwrap().unwrap();
        assert_eq!(read.fields["a"], *long.as_str());
        assert_eq!(read.fields["b"], *" z ");
        assert!(rows.next().is_none());
    }
}

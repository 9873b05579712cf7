//! Tests of CSV.

use std::io::BufReader;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::ErrorCode;

/// Reads with a buffer of a few bytes, so that every row crosses its edges.
fn rows(bytes: &[u8], limit: usize) -> Vec<Result<CsvRow, LineError>> {
    CsvRows::new(BufReader::with_capacity(3, bytes), limit, None)
        .map(Result::unwrap)
        .collect()
}

fn row(number: u64, fields: &serde_json::Value) -> Result<CsvRow, LineError> {
    let fields = fields.as_object().unwrap().clone().into();
    Ok(CsvRow { number, fields })
}

#[test]
fn quotes_line_ends_and_numbers() {
    let wanted = [
        row(2, &json!({"id": "1", "text": "a, \"b\"\nc"})),
        row(5, &json!({"id": "2", "text": ""})),
        row(6, &json!({"id": "", "text": " x "})),
    ];
    for end in ["\n", "\r\n"] {
        let lines = ["id,text", "1,\"a, \"\"b\"\"\nc\"", "", "2,", ", x ", "  "];
        let table = lines.join(end);
        assert_eq!(rows(table.as_bytes(), 100), wanted, "{end:?}");
        let marked = format!("\u{feff}{table}{end}{end}");
        assert_eq!(rows(marked.as_bytes(), 100), wanted, "{end:?}");
    }
    assert_eq!(rows(b"id,text\n", 100), []);
    assert_eq!(rows(b"", 100), []);
    assert_eq!(
        rows(b"\n\"text\",\n\"a\",b", 100),
        [row(3, &json!({"text": "a", "column_2": "b"}))]
    );
    // In a table of one column an empty field must be quoted, and is a row.
    assert_eq!(rows(b"text\n\"\"\n", 100), [row(2, &json!({"text": ""}))]);
}

#[test]
fn every_line_is_counted() {
    for (table, wanted) in [("", 0), ("a\n", 1), ("a\nb", 2), ("a\r\n\"x\ny\"\r\n\n", 4)] {
        let mut rows = CsvRows::new(table.as_bytes(), 100, None);
        while rows.next().is_some() {}
        assert_eq!(rows.count_read(), wanted, "{table:?}");
    }
}

#[test]
fn a_bad_row_between_two_good_ones() {
    let table = b"id,a,b\n1,x,y\n2,x\n3,x,y,z,z,z\n4,\xff,y\n5,x,y\n";
    let read = rows(table, 100);
    assert_eq!(read.len(), 5);
    assert_eq!(read[4], row(6, &json!({"id": "5", "a": "x", "b": "y"})));
    let record = |at: usize| read[at].clone().unwrap_err().failed().record;
    let short = record(1);
    assert_eq!(short.error.code, ErrorCode::BadCsv);
    assert_eq!(
        (short.line, short.id),
        (Some(3), Some(Id::Text("2".into())))
    );
    assert_eq!(
        short.error.message,
        "line 3 is not a row of the CSV file: it has 2 fields, and the header has 3"
    );
    assert!(record(2).error.message.contains("it has 6 fields"));
    let broken = record(3);
    assert_eq!(broken.error.code, ErrorCode::BadUtf8);
    assert_eq!(broken.id, Some(Id::Text("4".into())));
    assert!(broken.error.message.contains("in column 'a'"), "{broken:?}");
}

#[test]
fn a_header_that_names_no_columns_ends_the_table() {
    for (table, wanted) in [
        (&b"a,a\n1,2\n"[..], "two columns named 'a'"),
        (b"a,\xff\n1,2\n", "in column 2"),
        (b"\"a,b\n1,2\n", "does not end"),
    ] {
        let read = rows(table, 100);
        assert_eq!(read.len(), 1, "{wanted}");
        let error = read[0].clone().unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    }
}

#[test]
fn a_quote_that_does_not_end_is_no_row() {
    let read = rows(b"a,b\n1,2\n3,\"4\n5,6\n", 100);
    assert_eq!(read[0], row(2, &json!({"a": "1", "b": "2"})));
    let error = read[1].clone().unwrap_err();
    assert_eq!(error.line, 3);
    assert_eq!(error.failed().record.error.code, ErrorCode::BadCsv);
    assert_eq!(read.len(), 2);
}

#[test]
fn a_row_that_is_too_long_is_passed_over_in_bounded_memory() {
    let table = format!(
        "a,b\n{},y\nabcde,ghijk\nabcde,ghijkl\n1,2\n",
        "x".repeat(5000)
    );
    let read = rows(table.as_bytes(), 10);
    let long = LineFault::TooLong { limit: 10 };
    assert_eq!(read[0].clone().unwrap_err().fault, long);
    assert_eq!(read[1], row(3, &json!({"a": "abcde", "b": "ghijk"})));
    assert_eq!(read[2].clone().unwrap_err().fault, long);
    assert_eq!(read[3], row(5, &json!({"a": "1", "b": "2"})));
    // 64 MiB of one field, and of commas.
    for byte in [b'a', b','] {
        let endless = io::Read::take(io::repeat(byte), 64 << 20);
        let table = io::Read::chain(&b"a,b\n"[..], endless);
        let mut rows = CsvRows::new(BufReader::new(table), 1024, None);
        assert!(rows.next().unwrap().unwrap().is_err());
        assert!(rows.bytes.capacity() < 16 << 10 && rows.ends.capacity() < 16 << 10);
    }
    let endless = io::Read::take(io::repeat(b','), 16 << 20);
    let mut rows = CsvRows::new(BufReader::new(endless), 1024, None);
    let error = rows.next().unwrap().unwrap().unwrap_err();
    assert!(error.to_string().contains("columns"), "{error}");
    assert!(rows.next().is_none() && rows.ends.capacity() <= 2 * MOST_COLUMNS);
}

proptest! {
    #[test]
    fn texts_come_back_as_they_went(
        texts in prop::collection::vec(("[^\u{feff}]*", any::<String>()), 0..6)
    ) {
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let mut table = "a,b\n".to_owned();
        let mut wanted = Vec::new();
        for (a, b) in &texts {
            let number = 1 + table.matches('\n').count() as u64;
            wanted.push(row(number, &json!({"a": a, "b": b})));
            table.push_str(&format!("{},{}\n", quoted(a), quoted(b)));
        }
        prop_assert_eq!(rows(table.as_bytes(), 1 << 20), wanted);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'"'), Just(b','), Just(b'\n')], 0..200),
        limit in 0_usize..20,
    ) {
        for row in rows(&bytes, limit) {
            let _ = row.and_then(crate::Request::from_row);
        }
    }
}

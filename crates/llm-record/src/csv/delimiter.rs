//! What separates the fields of a table, found in its header line: spreadsheets of many countries write
//! semicolons, databases tabs.

use std::io::{self, BufRead};

/// Reads a table up to the end of its first line that is not blank, or so many bytes of it.
pub(super) fn header(reader: &mut impl BufRead, limit: usize) -> io::Result<Vec<u8>> {
    let mut header = Vec::new();
    let (mut is_quoted, mut has_text) = (false, false);
    while header.len() <= limit {
        let chunk = super::fill(reader)?;
        let mut used = 0;
        let mut has_ended = chunk.is_empty();
        for byte in chunk {
            used += 1;
            match byte {
                b'"' => is_quoted = !is_quoted,
                b'\n' | b'\r' if !is_quoted => {
                    has_ended = has_text;
                    if has_ended {
                        break;
                    }
                }
                _ => has_text = true,
            }
        }
        header.extend_from_slice(&chunk[..used]);
        reader.consume(used);
        if has_ended {
            break;
        }
    }
    Ok(header)
}

/// Returns what separates the fields of a header: a comma where there is one, else what it has most of,
/// semicolons or tabs.
pub(super) fn of(header: &[u8]) -> u8 {
    let (mut commas, mut semicolons, mut tabs) = (0, 0, 0);
    let mut is_quoted = false;
    for byte in header {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b',' if !is_quoted => commas += 1,
            b';' if !is_quoted => semicolons += 1,
            b'\t' if !is_quoted => tabs += 1,
            _ => {}
        }
    }
    match (commas, semicolons, tabs) {
        (0, semicolons @ 1.., tabs) if semicolons >= tabs => b';',
        (0, _, 1..) => b'\t',
        _ => b',',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_tells_the_delimiter() {
        for (line, delimiter) in [
            ("id,text", b','),
            ("id;text", b';'),
            ("id\ttext", b'\t'),
            ("id;a,b", b','),
            ("\"a,b\";c", b';'),
            ("a;b\tc\td", b'\t'),
            ("text", b','),
            ("a|b", b','),
            ("", b','),
        ] {
            assert_eq!(of(line.as_bytes()), delimiter, "{line:?}");
        }
    }

    #[test]
    fn the_header_is_the_first_line_with_text() {
        for (table, wanted) in [
            ("a;b\n1;2\n", "a;b\n"),
            ("\n\r\na\r1", "\n\r\na\r"),
            ("\"a\nb\";c\nd", "\"a\nb\";c\n"),
            ("a", "a"),
        ] {
            let mut reader = io::BufReader::with_capacity(2, table.as_bytes());
            let read = header(&mut reader, 100).unwrap();
            assert_eq!(String::from_utf8(read).unwrap(), wanted);
        }
        let mut endless = io::BufReader::new(io::repeat(b'a'));
        assert!(header(&mut endless, 100).unwrap().len() < 100_000);
    }
}

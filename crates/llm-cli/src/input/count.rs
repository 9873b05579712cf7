//! How many lines an input has, where that can be told without taking anything from it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// More is not read to be counted: a bar without an end costs less than a minute of reading.
const MOST_BYTES: u64 = 1 << 30;

/// Returns how many lines that are not blank a regular file has from its position on, which stays where
/// it is. `None` for anything else, a file that is too long and one that cannot be read.
pub(super) fn lines(file: &File) -> Option<u64> {
    let data = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    let start = rustix::fs::seek(file, rustix::fs::SeekFrom::Current(0)).ok()?;
    if data.len().saturating_sub(start) > MOST_BYTES {
        return None;
    }
    count(|buffer, at| file.read_at(buffer, start + at)).ok()
}

fn count(read: impl Fn(&mut [u8], u64) -> io::Result<usize>) -> io::Result<u64> {
    let mut buffer = vec![0; 64 << 10];
    let (mut at, mut lines, mut is_blank) = (0, 0, true);
    loop {
        match read(&mut buffer, at) {
            Ok(0) => return Ok(lines + u64::from(!is_blank)),
            Ok(length) => {
                for byte in &buffer[..length] {
                    if *byte == b'\n' {
                        lines += u64::from(!is_blank);
                        is_blank = true;
                    } else {
                        is_blank &= byte.is_ascii_whitespace();
                    }
                }
                at += length as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek, SeekFrom, Write};

    use super::*;

    #[test]
    fn lines_that_are_not_blank_count_from_where_the_file_stands() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"one\n\ntwo\r\n \t\r\nthree").unwrap();
        file.rewind().unwrap();
        assert_eq!(lines(&file), Some(3));
        let mut all = String::new();
        file.read_to_string(&mut all).unwrap();
        assert!(all.starts_with("one"), "counting has moved the file");
        file.seek(SeekFrom::Start(4)).unwrap();
        assert_eq!(lines(&file), Some(2));
    }

    #[test]
    fn a_line_over_two_reads_counts_once() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&b"a".repeat(100 << 10)).unwrap();
        file.write_all(b"\nb\n").unwrap();
        file.rewind().unwrap();
        assert_eq!(lines(&file), Some(2));
    }

    #[test]
    fn a_device_is_not_counted() {
        assert_eq!(lines(&File::open("/dev/zero").unwrap()), None);
    }
}

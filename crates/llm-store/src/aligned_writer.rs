//! Writing a file of weights so that it is read well: in pieces of 2 MiB that begin
//! at multiples of it. Linux keeps what is written so in memory in pages of that
//! size (ext4 since 6.16, XFS and others before), and whoever maps the file has a
//! five-hundredth of the pages to look up.

use std::io::{self, Write};

/// Bytes of a large page of x86-64, and of aarch64 with pages of 4 KiB.
const PIECE_BYTES: usize = 2 << 20;

/// Gathers what is written to the beginning of a file in pieces.
#[derive(Debug)]
pub struct AlignedWriter<W> {
    inner: W,
    gathered: Vec<u8>,
}

impl<W> AlignedWriter<W> {
    /// Takes a file that is empty.
    pub fn new(inner: W) -> Self {
        Self {
            inner,
            gathered: Vec::new(),
        }
    }

    /// Returns the file, which has no more than the whole pieces until the others
    /// are flushed.
    pub fn get_ref(&self) -> &W {
        &self.inner
    }
}

impl<W: Write> AlignedWriter<W> {
    fn pass_on(&mut self) -> io::Result<()> {
        self.inner.write_all(&self.gathered)?;
        self.gathered.clear();
        Ok(())
    }
}

impl<W: Write> Write for AlignedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = PIECE_BYTES - self.gathered.len();
        let taken = bytes.get(..room).unwrap_or(bytes);
        self.gathered.extend_from_slice(taken);
        if self.gathered.len() == PIECE_BYTES {
            self.pass_on()?;
        }
        Ok(taken.len())
    }

    /// Writes the last piece; what comes after it would no longer begin where a piece
    /// does.
    fn flush(&mut self) -> io::Result<()> {
        self.pass_on()?;
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps the writes apart.
    #[derive(Default)]
    struct Writes(Vec<Vec<u8>>);

    impl Write for Writes {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.push(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_write_but_the_last_is_a_whole_piece() {
        let bytes: Vec<u8> = (0..5_000_000_u32).map(|at| (at % 251) as u8).collect();
        for step in [100_000, PIECE_BYTES, 3_000_001] {
            let mut pieces = AlignedWriter::new(Writes::default());
            for part in bytes.chunks(step) {
                pieces.write_all(part).unwrap();
            }
            pieces.flush().unwrap();
            let writes = &pieces.get_ref().0;
            let lengths: Vec<_> = writes.iter().map(Vec::len).collect();
            let last = bytes.len() - 2 * PIECE_BYTES;
            assert_eq!(lengths, [PIECE_BYTES, PIECE_BYTES, last], "{step}");
            assert!(writes.concat() == bytes, "{step}");
        }
    }
}

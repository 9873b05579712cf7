//! All vectors of a run in one file, the rows of a matrix, and beside it the records
//! without them, in `FILE.jsonl`. Both are written under other names and take their
//! own when they are whole, so that no reader sees a part.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use llm_record::Encoding;
use llm_record::matrix::Layout;
use thiserror::Error;

/// Returns the file of the records that belong to a file of vectors: `FILE.jsonl` beside a
/// matrix, and the file itself where it is none.
#[must_use]
pub fn records_path(path: &Path) -> PathBuf {
    match Layout::of_name(path) {
        Some(_) => with_suffix(path, ".jsonl"),
        None => path.to_owned(),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// A file that a matrix must not replace, since something else has made it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("'{}' is not replaced: {reason}", path.display())]
pub struct Occupied {
    /// The matrix's file, or that of its records.
    pub path: PathBuf,
    /// How it is known to be none of ours.
    pub reason: &'static str,
}

/// Refuses to replace a file that is no matrix of ours, or one beside it that holds more than
/// its records. What is not there, or empty, may be replaced.
///
/// # Errors
/// [`Occupied`].
pub fn check_replaceable(path: &Path, layout: Layout) -> Result<(), Occupied> {
    let records = records_path(path);
    let is_filled = |path: &Path| path.metadata().is_ok_and(|data| data.len() > 0);
    if is_filled(path) && !(llm_record::matrix::is_ours(path, layout) && records.exists()) {
        return Err(Occupied {
            path: path.to_owned(),
            reason: "it is not a matrix with its records beside it",
        });
    }
    if is_filled(&records) && !holds_row_records(&records) {
        return Err(Occupied {
            path: records,
            reason: "it holds more than the records of a matrix",
        });
    }
    Ok(())
}

/// Whether a file holds records of the rows of a matrix, beside errors, and nothing else.
fn holds_row_records(path: &Path) -> bool {
    #[derive(serde::Deserialize)]
    struct Probe<'a> {
        #[serde(rename = "type", borrow)]
        kind: std::borrow::Cow<'a, str>,
        schema_version: u64,
        row: Option<u64>,
        embedding: Option<serde::de::IgnoredAny>,
    }
    let is_row_record = |line: io::Result<Vec<u8>>| {
        let line = line.unwrap_or_default();
        let probe = serde_json::from_slice::<Probe<'_>>(&line);
        probe.is_ok_and(|probe| match (probe.kind.as_ref(), probe.schema_version) {
            ("embedding", 1) => probe.row.is_some() && probe.embedding.is_none(),
            ("error", 1) => true,
            _ => false,
        })
    };
    File::open(path).is_ok_and(|file| BufReader::new(file).split(b'\n').all(is_row_record))
}

/// A matrix that cannot be written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MatrixError {
    /// A file cannot be made.
    #[error("cannot write '{}': {reason}", path.display())]
    Create {
        /// The matrix's file, or that of its records.
        path: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
    /// A file cannot be written, or cannot take its name.
    #[error("cannot write '{}': {reason}", path.display())]
    Write {
        /// The matrix's file, or that of its records.
        path: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
}

/// A vector's place in a matrix.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MatrixRow {
    /// The row, from 0.
    pub row: u64,
    /// What its bytes are multiplied by, where they are [`Encoding::Int8`].
    pub scale: Option<f32>,
}

/// A matrix that grows by a row at a time, with a file for the records beside it.
#[derive(Debug)]
pub struct MatrixWriter {
    layout: Layout,
    encoding: Encoding,
    file: BufWriter<File>,
    rows: u64,
    matrix: PartFile,
    records: PartFile,
}

impl MatrixWriter {
    /// Makes both files under other names, with the permissions of those that they are to
    /// replace. They are removed when the writer is dropped before [`finish`](Self::finish).
    ///
    /// # Errors
    /// [`MatrixError`].
    pub fn create(path: &Path, layout: Layout, encoding: Encoding) -> Result<Self, MatrixError> {
        let (matrix, records) = (PartFile::new(path), PartFile::new(&records_path(path)));
        let file = matrix.create()?;
        records.create()?;
        let mut writer = Self {
            layout,
            encoding,
            file: BufWriter::new(file),
            rows: 0,
            matrix,
            records,
        };
        let blank = vec![b' '; layout.header_size()];
        writer.write(|file| file.write_all(&blank))?;
        Ok(writer)
    }

    /// Returns where the records are to be written until the matrix is whole.
    #[must_use]
    pub fn records_part(&self) -> &Path {
        &self.records.temporary
    }

    /// Returns what the bytes of a row are.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Adds a vector as the next row. All must have the length that [`finish`](Self::finish) is
    /// told.
    ///
    /// # Errors
    /// [`MatrixError::Write`].
    pub fn push(&mut self, numbers: &[f32]) -> Result<MatrixRow, MatrixError> {
        let (bytes, scale) = self.encoding.bytes(numbers);
        let row = self.rows;
        self.rows += 1;
        self.write(|file| file.write_all(&bytes))?;
        Ok(MatrixRow { row, scale })
    }

    /// Writes the header, now that the number of vectors of `dimensions` numbers is known, and
    /// gives both files their names. A matrix without a row replaces none: then nothing is
    /// renamed, and `false` is returned.
    ///
    /// # Errors
    /// [`MatrixError::Write`].
    pub fn finish(&mut self, dimensions: usize) -> Result<bool, MatrixError> {
        if self.rows == 0 && self.matrix.path.exists() {
            return Ok(false);
        }
        let header = self
            .layout
            .header(self.encoding, self.rows, dimensions as u64);
        self.write(|file| {
            file.seek(SeekFrom::Start(0))?;
            file.write_all(&header)?;
            file.flush()?;
            file.get_ref().sync_all()
        })?;
        // The records first: a matrix without them tells nothing.
        self.records.rename()?;
        self.matrix.rename()?;
        Ok(true)
    }

    fn write(
        &mut self,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> Result<(), MatrixError> {
        write(&mut self.file).map_err(|reason| self.matrix.unwritten(reason))
    }
}

/// A file that is written under another name, which is removed unless it is whole.
#[derive(Debug)]
struct PartFile {
    /// Where it belongs: what a link leads to.
    path: PathBuf,
    /// What messages call it.
    shown: PathBuf,
    temporary: PathBuf,
}

impl PartFile {
    fn new(path: &Path) -> Self {
        let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let temporary = with_suffix(&target, &format!(".{}.part", std::process::id()));
        Self {
            path: target,
            shown: path.to_owned(),
            temporary,
        }
    }

    /// Makes the file, with the permissions of the one that it is to replace.
    fn create(&self) -> Result<File, MatrixError> {
        let file = File::create(&self.temporary).map_err(|reason| MatrixError::Create {
            path: self.shown.clone(),
            reason,
        })?;
        if let Ok(old) = self.path.metadata() {
            std::fs::set_permissions(&self.temporary, old.permissions())
                .map_err(|reason| self.unwritten(reason))?;
        }
        Ok(file)
    }

    fn rename(&self) -> Result<(), MatrixError> {
        std::fs::rename(&self.temporary, &self.path).map_err(|reason| self.unwritten(reason))
    }

    fn unwritten(&self, reason: io::Error) -> MatrixError {
        MatrixError::Write {
            path: self.shown.clone(),
            reason,
        }
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        // After `rename` there is none.
        let _ = std::fs::remove_file(&self.temporary);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(path: &Path, rows: &[[f32; 2]]) -> bool {
        let mut writer = MatrixWriter::create(path, Layout::Npy, Encoding::Float).unwrap();
        for (number, numbers) in rows.iter().enumerate() {
            let row = writer.push(numbers).unwrap();
            assert_eq!((row.row, row.scale), (number as u64, None));
        }
        let record = "{\"type\":\"embedding\",\"schema_version\":1,\"row\":0}\n";
        std::fs::write(writer.records_part(), record.repeat(rows.len())).unwrap();
        writer.finish(2).unwrap()
    }

    #[test]
    fn a_matrix_takes_its_name_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v.npy");
        assert!(written(&path, &[[1.0, 2.0], [3.0, 4.0]]));
        let bytes = std::fs::read(&path).unwrap();
        let shape = Layout::Npy.read(&bytes).unwrap();
        assert_eq!((shape.rows, shape.columns), (2, 2));
        assert_eq!(bytes[shape.start..][..4], 1.0_f32.to_le_bytes());
        assert_eq!(check_replaceable(&path, Layout::Npy), Ok(()));
        // One without a row leaves what is there, and one that is given up leaves nothing.
        assert!(!written(&path, &[]));
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        drop(MatrixWriter::create(&path, Layout::Npy, Encoding::Float).unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_is_no_matrix_with_its_records_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v.npy");
        assert_eq!(check_replaceable(&path, Layout::Npy), Ok(()));
        std::fs::write(&path, "notes").unwrap();
        let occupied = check_replaceable(&path, Layout::Npy).unwrap_err();
        assert_eq!(occupied.path, path);
        std::fs::remove_file(&path).unwrap();
        std::fs::write(records_path(&path), "{\"id\":1}\n").unwrap();
        let occupied = check_replaceable(&path, Layout::Npy).unwrap_err();
        assert_eq!(occupied.path, folder.path().join("v.npy.jsonl"));
    }
}

//! All vectors of a run in one file, the rows of a matrix, and beside it the records
//! without them, in `FILE.jsonl`. Both are written under other names and take their
//! own when they are whole, so that no reader sees a part.

use std::cell::RefCell;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Result, bail};
use llm_cli::args::OutputArgs;
use llm_cli::embed::EmbedFormat;
use llm_cli::reads::FileIdentity;
use llm_cli::stdio::{Sink, StdioError};
use llm_cli::{EmbedArgs, Messages, Output, OutputFormat, Reads, Replaces};
use llm_record::matrix::Layout;
use llm_record::{Encoding, Record, Vector};

/// Returns the file with the records that belong to a file of vectors: its own where it
/// is no matrix.
pub(crate) fn records_of(path: &Path) -> PathBuf {
    match Layout::of_name(path) {
        Some(_) => with_end(path, ".jsonl"),
        None => path.to_owned(),
    }
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    name.into()
}

/// Returns whether two paths lead to one file of vectors, or to that of its records.
pub(crate) fn is_same(a: &Path, b: &Path) -> bool {
    let is_one = |a: &Path, b: &Path| match (FileIdentity::of_path(a), FileIdentity::of_path(b)) {
        (Some(a), Some(b)) => a.refuse(&[b]).is_err(),
        _ => false,
    };
    is_one(a, b) || is_one(&records_of(a), &records_of(b))
}

/// Refuses to replace what is no matrix of ours, or what stands in the place of its records and tells of
/// something else.
pub(crate) fn check_ours(path: &Path, layout: Layout) -> Result<(), StdioError> {
    let occupied = |path: &Path, what: &str| StdioError::Occupied {
        name: format!("'{}'", path.display()),
        what: what.to_owned(),
    };
    let records = records_of(path);
    let is_filled = |path: &Path| path.metadata().is_ok_and(|data| data.len() > 0);
    if is_filled(path) && !(llm_record::matrix::is_ours(path, layout) && records.exists()) {
        return Err(occupied(path, "it is no matrix with its records beside it"));
    }
    if is_filled(&records) && !are_of_a_matrix(&records) {
        return Err(occupied(
            &records,
            "it holds more than the records of a matrix",
        ));
    }
    Ok(())
}

/// Whether a file holds records of the rows of a matrix, beside errors, and nothing else.
fn are_of_a_matrix(path: &Path) -> bool {
    #[derive(serde::Deserialize)]
    struct Probe<'a> {
        #[serde(rename = "type", borrow)]
        kind: std::borrow::Cow<'a, str>,
        schema_version: u64,
        row: Option<u64>,
        embedding: Option<serde::de::IgnoredAny>,
    }
    let is_one = |line: io::Result<Vec<u8>>| {
        let line = line.unwrap_or_default();
        let probe = serde_json::from_slice::<Probe<'_>>(&line);
        probe.is_ok_and(|probe| match (probe.kind.as_ref(), probe.schema_version) {
            ("embedding", 1) => probe.row.is_some() && probe.embedding.is_none(),
            ("error", 1) => true,
            _ => false,
        })
    };
    File::open(path).is_ok_and(|file| BufReader::new(file).split(b'\n').all(is_one))
}

/// A matrix that grows.
pub(crate) struct Matrix {
    layout: Layout,
    rows: Rc<RefCell<Rows>>,
    /// The matrix, then its records.
    files: [Growing; 2],
}

/// A file that is written under another name, which is removed unless it is whole.
struct Growing {
    /// Where it belongs: what a link leads to.
    path: PathBuf,
    temporary: PathBuf,
}

impl Growing {
    fn new(path: &Path) -> Self {
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let temporary = with_end(&path, &format!(".{}.part", std::process::id()));
        Self { path, temporary }
    }

    /// Gives what was made under the other name the permissions of the file that it
    /// replaces.
    fn permit(&self) -> Result<(), StdioError> {
        let Ok(old) = self.path.metadata() else {
            return Ok(());
        };
        std::fs::set_permissions(&self.temporary, old.permissions())
            .map_err(|error| StdioError::write(&self.name(), error))
    }

    fn replace(&self) -> Result<(), StdioError> {
        std::fs::rename(&self.temporary, &self.path)
            .map_err(|error| StdioError::write(&self.name(), error))
    }

    fn name(&self) -> String {
        format!("'{}'", self.path.display())
    }
}

impl Drop for Growing {
    fn drop(&mut self) {
        // After `replace` there is none.
        let _ = std::fs::remove_file(&self.temporary);
    }
}

struct Rows {
    file: BufWriter<File>,
    name: String,
    encoding: Encoding,
    count: u64,
}

impl Matrix {
    /// Opens the matrix that the flags ask for, if they do.
    pub(crate) fn open(args: &EmbedArgs, reads: &Reads) -> Result<Option<Self>> {
        let layout = match (args.output.format, &args.output.output) {
            (EmbedFormat::Npy, Some(path)) => (Layout::Npy, path),
            (EmbedFormat::Safetensors, Some(path)) => (Layout::Safetensors, path),
            _ => return Ok(None),
        };
        let (layout, path) = layout;
        if Layout::of_name(path) != Some(layout) {
            bail!(
                "'{}' does not end in .{}, by which a matrix is known when it is read; give another -o",
                path.display(),
                layout.end()
            );
        }
        let encoding = args.output.encoding.written();
        if encoding == Encoding::Base64 {
            bail!("a matrix holds numbers and no text; leave --encoding base64 out");
        }
        for path in [path.clone(), records_of(path)] {
            reads.refuse(&path)?;
            if path.metadata().is_ok_and(|data| !data.is_file()) {
                bail!(
                    "'{}' is no file, and a matrix is written to one",
                    path.display()
                );
            }
        }
        if !args.output.overwrite {
            check_ours(path, layout)?;
        }
        let files = [Growing::new(path), Growing::new(&records_of(path))];
        let name = format!("'{}'", path.display());
        let file = File::create(&files[0].temporary).map_err(|reason| StdioError::Open {
            name: name.clone(),
            reason,
        })?;
        files[0].permit()?;
        let mut rows = Rows {
            file: BufWriter::new(file),
            name,
            encoding,
            count: 0,
        };
        rows.written(|file| file.write_all(&vec![b' '; layout.header_size()]))?;
        Ok(Some(Self {
            layout,
            rows: Rc::new(RefCell::new(rows)),
            files,
        }))
    }

    /// Returns the output of the records, which hands their vectors to the matrix.
    pub(crate) fn output(&mut self, args: &OutputArgs, messages: Messages) -> Result<Output> {
        let [_, records] = &self.files;
        let sink = Sink::create(&records.temporary, &Reads::default(), Replaces::Anything)?;
        records.permit()?;
        let form = OutputFormat::Records { deltas: false };
        let rows = Rc::clone(&self.rows);
        let output = Output::onto(sink, args, form, messages);
        Ok(output.through(Box::new(move |record| rows.borrow_mut().take(record))))
    }

    /// Writes what is known at the end, of vectors of so many numbers, and gives both
    /// files their names. A run without a vector replaces no matrix; then its records, which
    /// tell why, go to standard output, and `false` is returned.
    pub(crate) fn finish(self, dimensions: usize) -> Result<bool> {
        let mut rows = self.rows.borrow_mut();
        let [matrix, records] = &self.files;
        if rows.count == 0 && matrix.path.exists() {
            show(records)?;
            return Ok(false);
        }
        let header = self
            .layout
            .header(rows.encoding, rows.count, dimensions as u64);
        rows.written(|file| {
            file.seek(SeekFrom::Start(0))?;
            file.write_all(&header)?;
            file.flush()?;
            file.get_ref().sync_all()
        })?;
        // The records first: a matrix without them tells nothing.
        records.replace()?;
        matrix.replace()?;
        Ok(true)
    }
}

/// Writes records that have found no file to standard output.
fn show(records: &Growing) -> Result<(), StdioError> {
    let mut file =
        File::open(&records.temporary).map_err(|error| StdioError::read(&records.name(), error))?;
    io::copy(&mut file, &mut io::stdout().lock())
        .map(drop)
        .map_err(|error| StdioError::write("standard output", error))
}

impl Rows {
    /// Takes the vector out of a record.
    fn take(&mut self, record: &mut Record) -> Result<(), StdioError> {
        let Record::Embedding(embedding) = record else {
            return Ok(());
        };
        let Some(Vector::Floats(numbers)) = embedding.embedding.take() else {
            return Ok(());
        };
        let (bytes, scale) = self.encoding.bytes(&numbers);
        embedding.scale = scale;
        embedding.encoding = (self.encoding != Encoding::Float).then_some(self.encoding);
        embedding.row = Some(self.count);
        self.count += 1;
        self.written(|file| file.write_all(&bytes))
    }

    fn written(
        &mut self,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> Result<(), StdioError> {
        write(&mut self.file).map_err(|error| StdioError::write(&self.name, error))
    }
}

//! Where the flags ask for a matrix: what it may be called, what it may replace, and the output
//! that hands the vectors of records to it. How it is written is `llm-search`'s business.

use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::path::Path;
use std::rc::Rc;

use anyhow::{Result, bail};
use llm_cli::args::OutputArgs;
use llm_cli::parser::embed::EmbedFormat;
use llm_cli::reads::FileIdentity;
use llm_cli::stdio::{Sink, StdioError};
use llm_cli::{EmbedArgs, Messages, Output, OutputFormat, Reads, Replaces};
use llm_record::matrix::Layout;
use llm_record::{Encoding, Record, Vector};
use llm_search::{MatrixError, MatrixWriter, records_path};

/// Returns whether two paths lead to one file of vectors, or to that of its records.
pub(crate) fn is_same(a: &Path, b: &Path) -> bool {
    let is_one_file =
        |a: &Path, b: &Path| match (FileIdentity::of_path(a), FileIdentity::of_path(b)) {
            (Some(a), Some(b)) => a.refuse(&[b]).is_err(),
            _ => false,
        };
    is_one_file(a, b) || is_one_file(&records_path(a), &records_path(b))
}

/// Refuses to replace what is no matrix of ours, or what stands in the place of its records and
/// tells of something else.
pub(crate) fn check_replaceable(path: &Path, layout: Layout) -> Result<(), StdioError> {
    llm_search::check_replaceable(path, layout).map_err(|occupied| StdioError::Occupied {
        name: format!("'{}'", occupied.path.display()),
        what: occupied.reason.to_owned(),
    })
}

/// Names a failed write as the other outputs do: a closed pipe is an ordinary end.
fn unwritten(error: MatrixError) -> StdioError {
    match error {
        MatrixError::Create { path, reason } => StdioError::Open {
            name: format!("'{}'", path.display()),
            reason,
        },
        MatrixError::Write { path, reason } => {
            StdioError::write(&format!("'{}'", path.display()), reason)
        }
        error => StdioError::write("the matrix", io::Error::other(error)),
    }
}

/// The matrix of a run.
pub(crate) struct Matrix {
    writer: Rc<RefCell<MatrixWriter>>,
}

impl Matrix {
    /// Opens the matrix that the flags ask for, if they do.
    pub(crate) fn open(args: &EmbedArgs, reads: &Reads) -> Result<Option<Self>> {
        let (layout, path) = match (args.output.format, &args.output.output) {
            (EmbedFormat::Npy, Some(path)) => (Layout::Npy, path),
            (EmbedFormat::Safetensors, Some(path)) => (Layout::Safetensors, path),
            _ => return Ok(None),
        };
        if Layout::of_name(path) != Some(layout) {
            bail!(
                "'{}' does not end in .{}, by which a matrix is recognized when it is read; give another -o",
                path.display(),
                layout.end()
            );
        }
        let encoding = args.output.encoding.written();
        if encoding == Encoding::Base64 {
            bail!("a matrix holds numbers and no text; leave --encoding base64 out");
        }
        for path in [path.clone(), records_path(path)] {
            reads.refuse(&path)?;
            if path.metadata().is_ok_and(|data| !data.is_file()) {
                bail!(
                    "'{}' is not a regular file, and a matrix is written to one",
                    path.display()
                );
            }
        }
        if !args.output.overwrite {
            check_replaceable(path, layout)?;
        }
        let writer = MatrixWriter::create(path, layout, encoding).map_err(unwritten)?;
        Ok(Some(Self {
            writer: Rc::new(RefCell::new(writer)),
        }))
    }

    /// Returns the output of the records, which hands their vectors to the matrix.
    pub(crate) fn output(&self, args: &OutputArgs, messages: Messages) -> Result<Output> {
        let sink = Sink::create(
            self.writer.borrow().records_part(),
            &Reads::default(),
            Replaces::Anything,
        )?;
        let form = OutputFormat::Records { deltas: false };
        let writer = Rc::clone(&self.writer);
        let output = Output::onto(sink, args, form, messages);
        Ok(output.through(Box::new(move |record| {
            take_vector(&mut writer.borrow_mut(), record).map_err(unwritten)
        })))
    }

    /// Writes what is known at the end, of vectors of so many numbers, and gives both
    /// files their names. A run without a vector replaces no matrix; then its records, which
    /// tell why, go to standard output, and `false` is returned.
    pub(crate) fn finish(self, dimensions: usize) -> Result<bool> {
        let mut writer = self.writer.borrow_mut();
        let is_written = writer.finish(dimensions).map_err(unwritten)?;
        if !is_written {
            show(writer.records_part())?;
        }
        Ok(is_written)
    }
}

/// Writes records that have found no file to standard output.
fn show(records: &Path) -> Result<(), StdioError> {
    let name = format!("'{}'", records.display());
    let mut file = File::open(records).map_err(|error| StdioError::read(&name, error))?;
    io::copy(&mut file, &mut io::stdout().lock())
        .map(drop)
        .map_err(|error| StdioError::write("standard output", error))
}

/// Moves the vector of a record into the matrix; the record keeps its row.
fn take_vector(matrix: &mut MatrixWriter, record: &mut Record) -> Result<(), MatrixError> {
    let Record::Embedding(embedding) = record else {
        return Ok(());
    };
    let Some(Vector::Floats(numbers)) = embedding.embedding.take() else {
        return Ok(());
    };
    let encoding = matrix.encoding();
    let row = matrix.push(&numbers)?;
    embedding.scale = row.scale;
    embedding.encoding = (encoding != Encoding::Float).then_some(encoding);
    embedding.row = Some(row.row);
    Ok(())
}

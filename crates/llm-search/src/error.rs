//! Why vectors cannot be read or compared, in sentences that name the file and the way out.

use std::error::Error;
use std::io;

use llm_record::matrix::Layout;
use thiserror::Error;

/// A file of vectors that cannot be searched. Files are named as messages quote them.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SearchError {
    /// A file cannot be opened or read.
    #[error("cannot read {name}: {reason}")]
    Read {
        /// The file.
        name: String,
        /// What the system says.
        reason: io::Error,
    },
    /// A matrix has no records beside it.
    #[error(
        "a matrix needs the records of its rows, which llm-embed --format {} writes beside it",
        layout.end()
    )]
    NoRecords {
        /// The matrix's layout.
        layout: Layout,
        /// Why the records cannot be read.
        source: Box<SearchError>,
    },
    /// The records come from a pipe or a device.
    #[error(
        "{name} is not a regular file, and its records are read more than once; write them to a file first"
    )]
    NotAFile {
        /// What it is called.
        name: String,
    },
    /// The file holds no vector, and nothing else either.
    #[error(
        "{name} holds no embedding record, so there is nothing to compare; the run that wrote it embedded no text"
    )]
    Empty {
        /// The file.
        name: String,
    },
    /// The file holds something, but no vector.
    #[error("{name} holds no embedding record; it must be what llm-embed wrote in its own format")]
    Foreign {
        /// The file.
        name: String,
    },
    /// A line is damaged, or its vector cannot be compared with the first.
    #[error("line {line} of {name} {fault}")]
    Line {
        /// The file.
        name: String,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        fault: LineFault,
    },
    /// A matrix's header cannot be read, or names a number format that is not supported.
    #[error("{name} {reason}")]
    Header {
        /// The matrix.
        name: String,
        /// What is wrong with it, to follow its name.
        reason: String,
    },
    /// A matrix and the records beside it have different shapes, (rows, numbers).
    #[error(
        "{name} has {} rows of {}, and the records beside it describe {} of {}; the two do not belong together",
        shape.0, shape.1, wanted.0, wanted.1
    )]
    Shape {
        /// The matrix.
        name: String,
        /// What the matrix has.
        shape: (usize, usize),
        /// What the records tell of.
        wanted: (usize, usize),
    },
    /// There are fewer numbers than rows times dimensions.
    #[error("{name} is damaged: some of the vectors' values are missing")]
    Short {
        /// The file of the records.
        name: String,
    },
    /// A vector's length is infinite or NaN.
    #[error(
        "the vector of row {row} of {name} has values that are not finite, or are too large; it is damaged"
    )]
    NotFinite {
        /// The file of the records.
        name: String,
        /// The row, from 1.
        row: usize,
    },
    /// A record is not where it was when the file was opened.
    #[error("{name} has changed while it was read")]
    Changed {
        /// The file of the records.
        name: String,
        /// What its line is now.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The caller asked to stop.
    #[error("interrupted")]
    Interrupted,
}

impl SearchError {
    pub(crate) fn read(name: &str, reason: io::Error) -> Self {
        Self::Read {
            name: name.to_owned(),
            reason,
        }
    }
}

/// What is wrong with a line of vectors, to follow the line and its file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LineFault {
    /// The record lacks a field.
    #[error("is an embedding record with fields missing; it is damaged")]
    LacksFields,
    /// A record beside a matrix holds a vector of its own.
    #[error("holds a vector itself, but the vectors are read from the matrix")]
    HasVector,
    /// A record holds a sparse vector.
    #[error(
        "holds a sparse vector, which is ranked by dot products over an inverted index; load the records into a search engine that has one"
    )]
    Sparse,
    /// A record holds no vector, and no matrix is read.
    #[error(
        "holds no vector; to search a matrix, give the matrix's own name and not that of its records"
    )]
    NoVector,
    /// A record names another row than the matrix's next one.
    #[error("does not describe the matrix's next row; the two do not belong together")]
    WrongRow,
    /// A vector has other numbers than its record says.
    #[error("holds a vector that does not have {dimensions} values; it is damaged")]
    WrongLength {
        /// Numbers that the record tells of.
        dimensions: usize,
    },
    /// A vector has another length than the first.
    #[error(
        "holds a vector of {here} values, and the first has {first}; vectors of different lengths cannot be compared"
    )]
    OtherLength {
        /// Numbers of this vector.
        here: String,
        /// Numbers of the first.
        first: String,
    },
    /// A vector was made in another way than the first.
    #[error(
        "was made with another {what} ('{here}') than the first ('{first}'); vectors made in different ways cannot be compared"
    )]
    OtherKind {
        /// What differs.
        what: &'static str,
        /// What it is here.
        here: String,
        /// What it was for the first vector.
        first: String,
    },
}

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
    /// The records are a pipe or a device.
    #[error(
        "{name} is no file, and its records are read more than once; write them to a file first"
    )]
    NotAFile {
        /// What it is called.
        name: String,
    },
    /// There is no vector, and nothing else either.
    #[error(
        "{name} holds no embedding record, so there is nothing to compare; the run that wrote it embedded no text"
    )]
    Empty {
        /// The file.
        name: String,
    },
    /// There is no vector, but something else.
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
    /// A matrix's header is none, or names numbers that are not read.
    #[error("{name} {reason}")]
    Header {
        /// The matrix.
        name: String,
        /// What is wrong with it, to follow its name.
        reason: String,
    },
    /// A matrix and the records beside it have different shapes, (rows, numbers).
    #[error(
        "{name} has {} rows of {}, and the records beside it tell of {} of {}; the two do not belong together",
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
    #[error("{name} is damaged: it lacks numbers of its vectors")]
    Short {
        /// The file of the records.
        name: String,
    },
    /// A vector's length is infinite or no number.
    #[error(
        "the vector of row {row} of {name} holds what is no number, or one too large; it is damaged"
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
    /// The caller wanted no more.
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
    #[error("is an embedding record that lacks fields; it is damaged")]
    LacksFields,
    /// A record beside a matrix holds a vector of its own.
    #[error("holds a vector itself, and the matrix is to hold it")]
    HasVector,
    /// A record holds no vector, and no matrix is read.
    #[error("holds no vector; the records of a matrix are read with it, by the matrix's name")]
    NoVector,
    /// A record names another row than the matrix's next one.
    #[error("is not of the matrix's next row; the two do not belong together")]
    WrongRow,
    /// A vector has other numbers than its record says.
    #[error("holds a vector that is not of {dimensions} numbers; it is damaged")]
    WrongLength {
        /// Numbers that the record tells of.
        dimensions: usize,
    },
    /// A vector has another length than the first.
    #[error(
        "holds a vector of {here} numbers, and the first has {first}; vectors of two lengths cannot be compared"
    )]
    OtherLength {
        /// Numbers of this vector.
        here: String,
        /// Numbers of the first.
        first: String,
    },
    /// A vector was made in another way than the first.
    #[error(
        "was made with another {what} ('{here}') than the first ('{first}'); vectors of two kinds cannot be compared"
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

//! Exact nearest neighbours over files of vectors.
//!
//! A file of vectors is what `llm-embed` writes: JSON lines, each an `embedding` record with its
//! vector in it, or a matrix (`.npy`, `.safetensors`) whose records stand beside it in
//! `FILE.jsonl`. [`VectorFile`] reads one and refuses vectors that cannot be compared with each
//! other; the [`Index`] made of it compares every row with a query, or with every other row, by
//! the cosine. Nothing is approximated, and no score depends on the number of threads.
//! [`MatrixWriter`] writes a matrix and the records beside it so that no reader sees a part of
//! either. How a text becomes a vector is left to the encoder.
//!
//! ```
//! use llm_kernels::{pool::Pool, simd::Level};
//! use llm_search::Index;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let record = |line: u64, numbers: &str| format!(
//!     r#"{{"type":"embedding","schema_version":1,"line":{line},"dim":2,"embedding":{numbers},
//!         "pooling":"mean","model":{{"name":"m","digest":"d"}}}}"#).replace('\n', "");
//! let file = tempfile::NamedTempFile::new()?;
//! std::fs::write(file.path(), [record(1, "[1, 0]"), record(2, "[3, 4]")].join("\n"))?;
//!
//! let pool = Pool::new(2)?;
//! let mut index = Index::open(file.path(), &pool, Level::detect()?)?;
//! let best = index.nearest(&pool, &[0.0, 1.0], 1);
//! assert_eq!((best[0].row, best[0].score), (1, 0.8));
//! assert_eq!(index.record(best[0].row)?.line, 2);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod vectors;
mod index;
mod matrix;
mod error;

pub use error::{LineFault, SearchError};
pub use index::{Index, Neighbour, SimilarPair, VectorFile, best_first, cosine};
pub use matrix::{MatrixError, MatrixRow, MatrixWriter, Occupied, check_replaceable, records_path};
pub use vectors::{Provenance, SkippedLines, VectorLines, first_provenance};

//! Vectors that were made before, ready to be compared: read from JSON lines, or mapped from a
//! matrix whose records stand beside it. The comparisons themselves are in `scan`.

mod scan;

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use llm_kernels::mmap::Mapping;
use llm_kernels::pool::Pool;
use llm_kernels::simd::Level;
use llm_kernels::vector;
use llm_record::closed::LONGEST_RECORD;
use llm_record::matrix::{Layout, Shape};
use llm_record::{Encoding, Found};

use crate::error::SearchError;
use crate::matrix::records_path;
use crate::vectors::{Provenance, SkippedLines, VectorLines};

pub use scan::{Neighbour, SimilarPair, best_first, cosine};

/// Rows that are looked at together: enough that handing them out costs nothing.
const BLOCK: usize = 1024;

/// A file of vectors whose records are read and can be compared. The numbers of a matrix are not
/// looked at before an [`Index`] is made.
#[derive(Debug)]
pub struct VectorFile {
    path: PathBuf,
    layout: Option<Layout>,
    file: BufReader<File>,
    name: String,
    lines: VectorLines,
}

impl VectorFile {
    /// Reads the records of the file at `path`: a matrix's name leads to the records beside it.
    /// `is_interrupted` is asked before each line.
    ///
    /// # Errors
    /// [`SearchError`]: no such file, a file that is none, an interruption, and records that are
    /// damaged or of vectors that cannot be compared.
    pub fn read(path: &Path, is_interrupted: &dyn Fn() -> bool) -> Result<Self, SearchError> {
        let layout = Layout::of_name(path);
        let records = records_path(path);
        let name = format!("'{}'", records.display());
        let file = File::open(&records).map_err(|reason| {
            let unread = SearchError::read(&name, reason);
            match layout {
                Some(layout) => SearchError::NoRecords {
                    layout,
                    source: Box::new(unread),
                },
                None => unread,
            }
        })?;
        if !file.metadata().is_ok_and(|data| data.is_file()) {
            return Err(SearchError::NotAFile { name });
        }
        Self::records(path, layout, file, name, is_interrupted)
    }

    /// Reads JSON lines that are open already, in a file that messages call `name`.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn of_lines(
        file: File,
        name: String,
        is_interrupted: &dyn Fn() -> bool,
    ) -> Result<Self, SearchError> {
        Self::records(Path::new(""), None, file, name, is_interrupted)
    }

    fn records(
        path: &Path,
        layout: Option<Layout>,
        file: File,
        name: String,
        is_interrupted: &dyn Fn() -> bool,
    ) -> Result<Self, SearchError> {
        let mut file = BufReader::with_capacity(1 << 20, file);
        let mut lines = VectorLines::new(name.clone(), layout.is_some());
        lines.read(&mut file, is_interrupted)?;
        Ok(Self {
            path: path.to_owned(),
            layout,
            file,
            name,
            lines,
        })
    }

    /// Returns what messages call the file of the records: its path, quoted.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns which lines are no records of ours, if any.
    #[must_use]
    pub fn skipped(&self) -> Option<SkippedLines> {
        self.lines.skipped
    }

    /// Makes the vectors ready to be compared: maps a matrix, and computes the length of every
    /// row on the threads of `pool`.
    ///
    /// # Errors
    /// [`SearchError`]: no vector at all, and a matrix that is damaged or does not belong to its
    /// records.
    pub fn into_index(self, pool: &Pool, level: Level) -> Result<Index, SearchError> {
        let Self {
            path,
            layout,
            file,
            name,
            lines,
        } = self;
        let Some(provenance) = lines.provenance else {
            return Err(match lines.skipped {
                None => SearchError::Empty { name },
                Some(_) => SearchError::Foreign { name },
            });
        };
        let numbers = match layout {
            None => Numbers::Owned(lines.numbers),
            Some(layout) => map_matrix(&path, layout, &provenance, lines.offsets.len())?,
        };
        let mut index = Index {
            numbers,
            level,
            inverse_lengths: vec![0.0; lines.offsets.len()],
            provenance,
            other_prompt: lines.other_prompt,
            records: Records {
                file,
                name,
                offsets: lines.offsets,
            },
        };
        index.measure(pool)?;
        Ok(index)
    }
}

/// Vectors, and the records that they belong to.
#[derive(Debug)]
pub struct Index {
    numbers: Numbers,
    level: Level,
    /// One divided by the length of each row; 0 for a row of zeros.
    inverse_lengths: Vec<f32>,
    provenance: Provenance,
    other_prompt: Option<u64>,
    records: Records,
}

/// Where the numbers of all rows lie.
#[derive(Debug)]
enum Numbers {
    Owned(Vec<f32>),
    /// From this byte on.
    Mapped(Mapping, usize),
}

impl Numbers {
    /// Returns all of them, (rows, dimensions).
    fn as_slice(&self) -> &[f32] {
        match self {
            Self::Owned(numbers) => numbers,
            // `map_matrix` has made sure that this is aligned.
            Self::Mapped(mapping, start) => mapping
                .bytes()
                .get(*start..)
                .and_then(|bytes| bytemuck::try_cast_slice(bytes).ok())
                .unwrap_or_default(),
        }
    }
}

/// Records of a file, read where they stand.
#[derive(Debug)]
struct Records {
    file: BufReader<File>,
    name: String,
    /// Where the record of each row begins, in bytes.
    offsets: Vec<u64>,
}

impl Index {
    /// Reads the vectors of the file at `path` and makes them ready to be compared.
    ///
    /// # Errors
    /// As [`VectorFile::read`] and [`VectorFile::into_index`].
    pub fn open(path: &Path, pool: &Pool, level: Level) -> Result<Self, SearchError> {
        VectorFile::read(path, &|| false)?.into_index(pool, level)
    }

    /// Returns how many vectors there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inverse_lengths.len()
    }

    /// Returns whether there is no vector.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inverse_lengths.is_empty()
    }

    /// Returns how all vectors were made.
    #[must_use]
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// Returns the first line, from 1, whose text had another prompt before it than the first
    /// line's.
    #[must_use]
    pub fn other_prompt(&self) -> Option<u64> {
        self.other_prompt
    }

    /// Returns a row's numbers.
    fn row(&self, row: usize) -> &[f32] {
        let dimensions = self.provenance.dimensions;
        &self.numbers.as_slice()[row * dimensions..][..dimensions]
    }

    /// Computes the lengths of all rows.
    fn measure(&mut self, pool: &Pool) -> Result<(), SearchError> {
        let (level, dimensions) = (self.level, self.provenance.dimensions);
        let numbers = self.numbers.as_slice();
        let inverse = &mut self.inverse_lengths;
        if numbers.len() != inverse.len() * dimensions {
            return Err(SearchError::Short {
                name: self.records.name.clone(),
            });
        }
        let invert = |rows: &[f32], inverse: &mut [f32]| {
            for (row, inverse) in rows.chunks_exact(dimensions).zip(inverse) {
                let length = vector::dot(level, row, row).sqrt();
                *inverse = match length {
                    0.0 => 0.0,
                    // Infinite, or with a square beyond what is computed with: not
                    // the same as a vector of zeros.
                    f32::INFINITY => f32::NAN,
                    length => 1.0 / length,
                };
            }
        };
        let in_blocks = inverse.len() / BLOCK * BLOCK;
        let (blocks, rest) = inverse.split_at_mut(in_blocks);
        let block_numbers = BLOCK * dimensions;
        pool.for_each_row(blocks, BLOCK, |index, inverse| {
            invert(&numbers[index * block_numbers..][..block_numbers], inverse);
        });
        invert(&numbers[in_blocks * dimensions..], rest);
        match inverse.iter().position(|inverse| !inverse.is_finite()) {
            None => Ok(()),
            Some(row) => Err(SearchError::NotFinite {
                name: self.records.name.clone(),
                row: row + 1,
            }),
        }
    }

    /// Reads what the record of a row tells of its text.
    ///
    /// # Errors
    /// [`SearchError::Read`] and [`SearchError::Changed`].
    pub fn record(&mut self, row: usize) -> Result<Found, SearchError> {
        let Records {
            file,
            name,
            offsets,
        } = &mut self.records;
        let offset = offsets.get(row).copied().unwrap_or_default();
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(offset))
            .and_then(|_| file.take(LONGEST_RECORD).read_until(b'\n', &mut bytes))
            .map_err(|reason| SearchError::read(name, reason))?;
        let changed = |source| SearchError::Changed {
            name: name.clone(),
            source,
        };
        let text = std::str::from_utf8(&bytes).map_err(|error| changed(error.into()))?;
        Found::parse(text.trim_start_matches('\u{feff}')).map_err(|error| changed(error.into()))
    }
}

/// Maps a matrix; numbers of another form than 32-bit floats are read.
fn map_matrix(
    path: &Path,
    layout: Layout,
    provenance: &Provenance,
    records: usize,
) -> Result<Numbers, SearchError> {
    let name = format!("'{}'", path.display());
    let mapping = Mapping::open(path).map_err(|reason| SearchError::read(&name, reason))?;
    let Shape {
        encoding,
        rows,
        columns,
        start,
    } = match layout.read(mapping.bytes()) {
        Ok(shape) => shape,
        Err(reason) => return Err(SearchError::Header { name, reason }),
    };
    let dimensions = provenance.dimensions;
    let wanted = match encoding {
        Encoding::Binary => dimensions.div_ceil(8),
        _ => dimensions,
    };
    if rows != records || columns != wanted {
        return Err(SearchError::Shape {
            name,
            shape: (rows, columns),
            wanted: (records, wanted),
        });
    }
    let bytes = &mapping.bytes()[start..];
    if encoding == Encoding::Float && bytemuck::try_cast_slice::<u8, f32>(bytes).is_ok() {
        return Ok(Numbers::Mapped(mapping, start));
    }
    let mut numbers = Vec::with_capacity(rows * dimensions);
    for row in bytes.chunks_exact(encoding.size(dimensions)) {
        // The scale of a row changes no cosine.
        encoding.decode(row, dimensions, 1.0, &mut numbers);
    }
    Ok(Numbers::Owned(numbers))
}

//! Vectors that were made before, to compare with: read from JSON lines, or mapped from
//! a matrix whose records stand beside it. What is compared is `scan`'s business.

pub(crate) mod scan;

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use llm_cli::Context;
use llm_cli::stdio::StdioError;
use llm_filter::vectors::{LINE_LIMIT, Made, Vectors};
use llm_kernels::mmap::Mapping;
use llm_kernels::pool::Pool;
use llm_kernels::simd::Level;
use llm_kernels::vector;
use llm_record::matrix::{Layout, Shape};
use llm_record::{Encoding, Found};

use crate::matrix::records_of;

/// Rows that are looked at together: enough that handing them out costs nothing.
const BLOCK: usize = 1024;

/// Vectors, and the records that they belong to.
#[derive(Debug)]
pub(crate) struct Index {
    rows: Rows,
    /// Numbers of a vector.
    pub(crate) dimensions: usize,
    /// One divided by the length of each row; 0 for a row of zeros.
    inverse: Vec<f32>,
    /// What the records say of all vectors alike.
    pub(crate) made: Made,
    /// The first line whose text had another prompt before it than the first text.
    pub(crate) other_prompt: Option<u64>,
    records: Records,
}

/// Where numbers lie.
#[derive(Debug)]
enum Rows {
    Own(Vec<f32>),
    /// From this byte on.
    Mapped(Mapping, usize),
}

/// Records of a file, read where they stand.
#[derive(Debug)]
struct Records {
    file: BufReader<File>,
    name: String,
    /// Where the record of each row begins, in bytes.
    places: Vec<u64>,
}

impl Index {
    /// Reads the vectors of a file.
    pub(crate) fn open(path: &Path, pool: &Pool, context: &Context) -> Result<Self> {
        let level = Level::detect()?;
        let layout = Layout::of_name(path);
        let records = records_of(path);
        let name = format!("'{}'", records.display());
        let file = File::open(&records).map_err(|error| StdioError::read(&name, error));
        let file = match layout {
            Some(_) => file.with_context(|| {
                format!(
                    "a matrix needs the records of its rows, which llm-embed --format {} writes beside it",
                    layout.map_or("npy", Layout::end)
                )
            })?,
            None => file?,
        };
        if !file.metadata().is_ok_and(|data| data.is_file()) {
            bail!(
                "{name} is no file, and its records are read more than once; write them to a file first"
            );
        }
        let mut file = BufReader::with_capacity(1 << 20, file);
        let mut lines = Vectors::new(name.clone(), layout.is_some());
        lines.read(&mut file, &context.interrupt)?;
        if lines.others > 0 {
            context.messages.warning(match (lines.others, lines.first_other) {
                (1, line) => format!(
                    "line {line} of {name} is no record of llm-embed and is passed over"
                ),
                (others, first) => format!(
                    "{others} lines of {name} are no records of llm-embed and are passed over, the first is line {first}"
                ),
            });
        }
        let Some(made) = lines.made else {
            if lines.others == 0 {
                bail!(
                    "{name} holds no embedding record, so there is nothing to compare; the run that wrote it embedded no text"
                );
            }
            bail!(
                "{name} holds no embedding record; it must be what llm-embed wrote in its own format"
            );
        };
        let dimensions = made.dimensions;
        let rows = match layout {
            None => Rows::Own(lines.numbers),
            Some(layout) => rows(path, layout, &made, lines.places.len())?,
        };
        let mut index = Self {
            rows,
            dimensions,
            inverse: vec![0.0; lines.places.len()],
            made,
            other_prompt: lines.other_prompt,
            records: Records {
                file,
                name,
                places: lines.places,
            },
        };
        index.measure(pool, level)?;
        Ok(index)
    }

    /// Returns how many vectors there are.
    pub(crate) fn len(&self) -> usize {
        self.inverse.len()
    }

    /// Returns all numbers, (rows, dimensions).
    fn numbers(&self) -> &[f32] {
        match &self.rows {
            Rows::Own(numbers) => numbers,
            // `rows` has made sure of it.
            Rows::Mapped(mapping, start) => mapping
                .bytes()
                .get(*start..)
                .and_then(|bytes| bytemuck::try_cast_slice(bytes).ok())
                .unwrap_or_default(),
        }
    }

    fn row(&self, row: usize) -> &[f32] {
        &self.numbers()[row * self.dimensions..][..self.dimensions]
    }

    /// Computes the lengths of all rows.
    fn measure(&mut self, pool: &Pool, level: Level) -> Result<()> {
        let mut inverse = std::mem::take(&mut self.inverse);
        let rows = &*self;
        let numbers = rows.numbers();
        if numbers.len() != inverse.len() * rows.dimensions {
            bail!(
                "{} is damaged: it lacks numbers of its vectors",
                rows.records.name
            );
        }
        let block = BLOCK * rows.dimensions;
        let of_block = |block: &[f32], inverse: &mut [f32]| {
            for (row, inverse) in block.chunks_exact(rows.dimensions).zip(inverse) {
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
        let whole = inverse.len() / BLOCK * BLOCK;
        let (first, rest) = inverse.split_at_mut(whole);
        pool.for_each_row(first, BLOCK, |index, inverse| {
            of_block(&numbers[index * block..][..block], inverse);
        });
        of_block(&numbers[whole * rows.dimensions..], rest);
        if let Some(row) = inverse.iter().position(|inverse| !inverse.is_finite()) {
            bail!(
                "the vector of row {} of {} holds what is no number, or one too large; it is damaged",
                row + 1,
                rows.records.name
            );
        }
        self.inverse = inverse;
        Ok(())
    }

    /// Reads what the record of a row tells of its text.
    pub(crate) fn found(&mut self, row: usize) -> Result<Found> {
        let records = &mut self.records;
        let place = records.places.get(row).copied().unwrap_or_default();
        let mut bytes = Vec::new();
        let read = records.file.seek(SeekFrom::Start(place));
        let read = read.and_then(|_| {
            let file = records.file.by_ref();
            file.take(LINE_LIMIT).read_until(b'\n', &mut bytes)
        });
        read.map_err(|error| StdioError::read(&records.name, error))?;
        let text = std::str::from_utf8(&bytes)?;
        Found::parse(text.trim_start_matches('\u{feff}'))
            .with_context(|| format!("{} has changed while it was read", records.name))
    }
}

/// Maps a matrix; numbers of another form are read.
fn rows(path: &Path, layout: Layout, made: &Made, records: usize) -> Result<Rows> {
    let name = format!("'{}'", path.display());
    let mapping = Mapping::open(path).map_err(|error| StdioError::read(&name, error))?;
    let shape = match layout.read(mapping.bytes()) {
        Ok(shape) => shape,
        Err(reason) => bail!("{name} {reason}"),
    };
    let Shape {
        encoding,
        rows,
        columns,
        start,
    } = shape;
    let dimensions = made.dimensions;
    let wanted = match encoding {
        Encoding::Binary => dimensions.div_ceil(8),
        _ => dimensions,
    };
    if rows != records || columns != wanted {
        bail!(
            "{name} has {rows} rows of {columns}, and the records beside it tell of {records} of {wanted}; the two do not belong together"
        );
    }
    let bytes = &mapping.bytes()[start..];
    if encoding == Encoding::Float && bytemuck::try_cast_slice::<u8, f32>(bytes).is_ok() {
        return Ok(Rows::Mapped(mapping, start));
    }
    let mut numbers = Vec::with_capacity(rows * dimensions);
    for row in bytes.chunks_exact(encoding.size(dimensions)) {
        // The scale of a row changes no cosine.
        encoding.decode(row, dimensions, 1.0, &mut numbers);
    }
    Ok(Rows::Own(numbers))
}

//! The lines of a file of vectors → numbers, and what all of them have in common.
//! Vectors that cannot be compared with each other are refused.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use llm_record::closed::LONGEST_RECORD;
use llm_record::{Encoder, Encoding, Vector};
use serde::Deserialize;

use crate::error::{LineFault, SearchError};

/// Returns a line without the byte order mark that some editors put before a file.
fn without_mark(line: &[u8]) -> &[u8] {
    line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
}

/// How vectors were made: what decides whether two of them can be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// The encoder.
    pub model: Encoder,
    /// How the hidden states of a text's tokens became one vector.
    pub pooling: String,
    /// Numbers of a vector, at least one.
    pub dimensions: usize,
    /// What was put before each text; it does not keep vectors from being compared.
    pub prompt: Option<String>,
    /// Whether they are normalized to unit length.
    pub normalized: Option<bool>,
}

impl Provenance {
    /// Returns the first thing that keeps vectors of this provenance from being compared with
    /// others, what it is here, and what it is there.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<(&'static str, String, String)> {
        let weights = |made: &Self| made.model.quantization.clone().unwrap_or("none".to_owned());
        let normalized = |made: &Self| made.normalized.unwrap_or_default().to_string();
        if self.model.digest != other.model.digest {
            let (own, others) = (self.model.name.clone(), other.model.name.clone());
            return Some(("model", own, others));
        }
        let all = [
            ("quantization", weights(self), weights(other)),
            ("pooling", self.pooling.clone(), other.pooling.clone()),
            (
                DIMENSIONS,
                self.dimensions.to_string(),
                other.dimensions.to_string(),
            ),
            ("normalization", normalized(self), normalized(other)),
        ];
        all.into_iter().find(|(_, own, others)| own != others)
    }
}

const DIMENSIONS: &str = "number of dimensions";

/// Returns how the first vector of a file was made; `None` for a file that cannot be read or
/// holds no vector of ours.
#[must_use]
pub fn first_provenance(path: &Path) -> Option<Provenance> {
    let is_file = path.metadata().is_ok_and(|data| data.is_file());
    let mut file = BufReader::new(is_file.then(|| File::open(path).ok()).flatten()?);
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let limited = file.by_ref().take(LONGEST_RECORD);
        if read_line(limited, &mut bytes).ok()? == 0 {
            return None;
        }
        let probe = serde_json::from_slice::<Probe>(without_mark(&bytes)).ok();
        let provenance = probe
            .filter(Probe::is_ours)
            .and_then(|mut probe| probe.provenance());
        if provenance.is_some() {
            return provenance;
        }
    }
}

fn read_line(mut file: impl BufRead, bytes: &mut Vec<u8>) -> std::io::Result<usize> {
    file.read_until(b'\n', bytes)
}

/// The fields of a record that matter here; the rest is passed over.
#[derive(Deserialize)]
struct Probe {
    #[serde(rename = "type")]
    kind: String,
    schema_version: u64,
    line: Option<u64>,
    embedding: Option<Vector>,
    row: Option<u64>,
    encoding: Option<Encoding>,
    scale: Option<f32>,
    dim: Option<usize>,
    pooling: Option<String>,
    prompt: Option<String>,
    normalized: Option<bool>,
    model: Option<Encoder>,
}

impl Probe {
    fn is_ours(&self) -> bool {
        (self.kind.as_str(), self.schema_version) == ("embedding", 1)
    }

    /// Takes out how the vector was made, where the record tells it whole.
    fn provenance(&mut self) -> Option<Provenance> {
        Some(Provenance {
            model: self.model.take()?,
            pooling: self.pooling.take()?,
            dimensions: self.dim.filter(|count| *count > 0)?,
            prompt: self.prompt.take(),
            normalized: self.normalized,
        })
    }
}

/// Lines of a file that are no records of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SkippedLines {
    /// How many there are, at least one.
    pub count: u64,
    /// The first of them, from 1.
    pub first: u64,
}

/// What the lines of a file of vectors hold, as far as they have been read.
#[derive(Debug)]
pub struct VectorLines {
    name: String,
    /// The vectors stand in a matrix of their own.
    is_beside: bool,
    /// What the vectors have in common, once there is one.
    pub provenance: Option<Provenance>,
    /// The first line with another prompt than the first vector's.
    pub other_prompt: Option<u64>,
    /// All of them, (rows, dimensions); empty where a matrix holds them.
    pub numbers: Vec<f32>,
    /// Where the record of each row begins, in bytes.
    pub offsets: Vec<u64>,
    /// Lines that are no records.
    pub skipped: Option<SkippedLines>,
}

impl VectorLines {
    /// Begins with a file that messages call `name`; `is_beside` where its vectors stand in a
    /// matrix of their own.
    #[must_use]
    pub fn new(name: String, is_beside: bool) -> Self {
        Self {
            name,
            is_beside,
            provenance: None,
            other_prompt: None,
            numbers: Vec::new(),
            offsets: Vec::new(),
            skipped: None,
        }
    }

    /// Reads all lines; before each, `is_interrupted` tells whether the caller wants no more.
    /// Those that are no records of ours are counted.
    ///
    /// # Errors
    /// [`SearchError`]: a file that cannot be read, an interruption, and vectors that are damaged
    /// or cannot be compared with the first.
    pub fn read(
        &mut self,
        file: &mut impl BufRead,
        is_interrupted: &dyn Fn() -> bool,
    ) -> Result<(), SearchError> {
        let (mut offset, mut line, mut bytes) = (0, 0, Vec::new());
        loop {
            if is_interrupted() {
                return Err(SearchError::Interrupted);
            }
            bytes.clear();
            let length = read_line(file.take(LONGEST_RECORD), &mut bytes)
                .map_err(|reason| SearchError::read(&self.name, reason))?;
            if length == 0 {
                return Ok(());
            }
            line += 1;
            if !bytes.trim_ascii().is_empty() {
                self.take(&bytes, line, offset)
                    .map_err(|fault| SearchError::Line {
                        name: self.name.clone(),
                        line,
                        fault,
                    })?;
            }
            offset += length as u64;
        }
    }

    fn take(&mut self, bytes: &[u8], line: u64, offset: u64) -> Result<(), LineFault> {
        let Ok(mut probe) = serde_json::from_slice::<Probe>(without_mark(bytes)) else {
            self.skip(line);
            return Ok(());
        };
        match (probe.kind.as_str(), probe.schema_version) {
            ("embedding", 1) => {}
            ("error", 1) => return Ok(()),
            _ => {
                self.skip(line);
                return Ok(());
            }
        }
        let (Some(provenance), Some(_)) = (probe.provenance(), probe.line) else {
            return Err(LineFault::LacksFields);
        };
        match (self.is_beside, &probe.embedding) {
            (true, Some(_)) => return Err(LineFault::HasVector),
            (false, None) => return Err(LineFault::NoVector),
            _ => {}
        }
        let dimensions = provenance.dimensions;
        match &self.provenance {
            None => self.provenance = Some(provenance),
            Some(first) => {
                check(first, &provenance)?;
                if first.prompt != provenance.prompt {
                    self.other_prompt.get_or_insert(line);
                }
            }
        }
        match probe.embedding {
            None if probe.row != Some(self.offsets.len() as u64) => {
                return Err(LineFault::WrongRow);
            }
            None => {}
            Some(Vector::Sparse { .. }) => return Err(LineFault::Sparse),
            Some(vector) => {
                let encoding = probe.encoding.unwrap_or_default();
                let scale = probe.scale.unwrap_or(1.0);
                if !vector.decode(encoding, dimensions, scale, &mut self.numbers) {
                    return Err(LineFault::WrongLength { dimensions });
                }
            }
        }
        self.offsets.push(offset);
        Ok(())
    }

    fn skip(&mut self, line: u64) {
        let skipped = self.skipped.get_or_insert(SkippedLines {
            count: 0,
            first: line,
        });
        skipped.count += 1;
    }
}

/// Refuses a vector that cannot be compared with the first.
fn check(first: &Provenance, here: &Provenance) -> Result<(), LineFault> {
    match first.difference(here) {
        None => Ok(()),
        Some((DIMENSIONS, first, here)) => Err(LineFault::OtherLength { here, first }),
        Some((what, first, here)) => Err(LineFault::OtherKind { what, here, first }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn record(line: u64, numbers: &[f32]) -> Value {
        json!({"type": "embedding", "schema_version": 1, "line": line, "dim": numbers.len(),
            "embedding": numbers, "pooling": "mean", "model": {"name": "m", "digest": "d"}})
    }

    fn read(lines: &[Value]) -> Result<VectorLines, String> {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let mut vectors = VectorLines::new("'f'".to_owned(), false);
        let read = vectors.read(&mut text.as_bytes(), &|| false);
        read.map(|()| vectors).map_err(|error| error.to_string())
    }

    #[test]
    fn numbers_and_offsets_are_those_of_the_records() {
        let lines = [
            record(1, &[1.0, 2.0]),
            json!({"note": 1}),
            record(2, &[3.0, 4.0]),
        ];
        let read = read(&lines).unwrap();
        assert_eq!(read.numbers, [1.0, 2.0, 3.0, 4.0]);
        let third = lines[..2]
            .iter()
            .map(|line| line.to_string().len() as u64 + 1)
            .sum();
        assert_eq!(read.offsets, [0, third]);
        assert_eq!(read.skipped, Some(SkippedLines { count: 1, first: 2 }));
        assert_eq!(read.provenance.unwrap().dimensions, 2);
    }

    #[test]
    fn vectors_that_cannot_be_compared_are_refused() {
        let told = read(&[record(1, &[1.0, 2.0]), record(2, &[3.0])]).unwrap_err();
        assert_eq!(
            told,
            "line 2 of 'f' holds a vector of 1 values, and the first has 2; vectors of different lengths cannot be compared"
        );
        let mut other = record(2, &[3.0, 4.0]);
        other["pooling"] = "cls".into();
        let told = read(&[record(1, &[1.0, 2.0]), other]).unwrap_err();
        assert!(
            told.contains("another pooling ('cls') than the first ('mean')"),
            "{told}"
        );
        let mut short = record(1, &[3.0, 4.0]);
        short["dim"] = 3.into();
        let told = read(&[short]).unwrap_err();
        assert!(told.contains("does not have 3 values"), "{told}");
    }

    #[test]
    fn reading_ends_where_the_caller_wants_no_more() {
        let text = record(1, &[1.0]).to_string();
        let mut vectors = VectorLines::new("'f'".to_owned(), false);
        let read = vectors.read(&mut text.as_bytes(), &|| true);
        assert!(matches!(read, Err(SearchError::Interrupted)));
        assert!(vectors.provenance.is_none());
    }
}

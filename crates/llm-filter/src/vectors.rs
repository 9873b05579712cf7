//! The lines of a file of vectors → numbers, and what all of them have in common.
//! Vectors that cannot be compared with each other are refused.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Result, bail};
use llm_cli::Interrupt;
use llm_cli::stdio::StdioError;
use llm_record::{Encoder, Encoding, Vector};
use serde::Deserialize;

pub use crate::durable::LINE_LIMIT;

/// Returns a line without the byte order mark that some editors put before a file.
fn without_mark(line: &[u8]) -> &[u8] {
    line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
}

/// How vectors were made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Whose they are.
    pub model: Encoder,
    /// How a text's rows became one.
    pub pooling: String,
    /// Numbers of a vector, at least one.
    pub dimensions: usize,
    /// What was put before each text.
    pub prompt: Option<String>,
    /// Whether they are one long.
    pub normalized: Option<bool>,
}

impl Made {
    /// Returns the first thing that keeps vectors that were made so from being compared with
    /// others, and what it is here and there.
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

/// Returns how the first vector of a file was made. One that cannot be read, or holds no
/// vector of ours, tells nothing.
#[must_use]
pub fn first(path: &Path) -> Option<Made> {
    let is_file = path.metadata().is_ok_and(|data| data.is_file());
    let mut file = BufReader::new(is_file.then(|| File::open(path).ok()).flatten()?);
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let read = file.by_ref().take(LINE_LIMIT).read_until(b'\n', &mut bytes);
        if read.ok()? == 0 {
            return None;
        }
        let probe = serde_json::from_slice::<Probe>(without_mark(&bytes)).ok();
        let made = probe
            .filter(Probe::is_ours)
            .and_then(|mut probe| probe.made());
        if made.is_some() {
            return made;
        }
    }
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
    fn made(&mut self) -> Option<Made> {
        Some(Made {
            model: self.model.take()?,
            pooling: self.pooling.take()?,
            dimensions: self.dim.filter(|count| *count > 0)?,
            prompt: self.prompt.take(),
            normalized: self.normalized,
        })
    }
}

/// What the lines hold so far.
#[derive(Debug)]
pub struct Vectors {
    name: String,
    /// The vectors stand in a matrix of their own.
    is_beside: bool,
    /// What the vectors have in common, once there is one.
    pub made: Option<Made>,
    /// The first line with another prompt than the first vector's.
    pub other_prompt: Option<u64>,
    /// All of them, (rows, dimensions); empty where a matrix holds them.
    pub numbers: Vec<f32>,
    /// Where the record of each row begins, in bytes.
    pub places: Vec<u64>,
    /// Lines that are no records.
    pub others: u64,
    /// The first of them, from 1.
    pub first_other: u64,
}

impl Vectors {
    /// Begins with a file that messages call `name`; `is_beside` where its vectors stand in a
    /// matrix of their own.
    #[must_use]
    pub fn new(name: String, is_beside: bool) -> Self {
        Self {
            name,
            is_beside,
            made: None,
            other_prompt: None,
            numbers: Vec::new(),
            places: Vec::new(),
            others: 0,
            first_other: 0,
        }
    }

    /// Reads all lines, unless the user wants an end. Those that are no records of ours
    /// are counted.
    ///
    /// # Errors
    /// A file that cannot be read, an interruption, and vectors that are damaged or cannot be
    /// compared with the first.
    pub fn read(&mut self, file: &mut impl BufRead, interrupt: &Interrupt) -> Result<()> {
        let (mut at, mut line, mut bytes) = (0, 0, Vec::new());
        loop {
            if let Some(status) = interrupt.status() {
                return Err(StdioError::Ended(status).into());
            }
            bytes.clear();
            let read = file.take(LINE_LIMIT).read_until(b'\n', &mut bytes);
            let read = read.map_err(|error| StdioError::read(&self.name, error))?;
            if read == 0 {
                return Ok(());
            }
            line += 1;
            if !bytes.trim_ascii().is_empty() {
                self.take(&bytes, line, at)?;
            }
            at += read as u64;
        }
    }

    fn take(&mut self, bytes: &[u8], line: u64, place: u64) -> Result<()> {
        let Ok(mut probe) = serde_json::from_slice::<Probe>(without_mark(bytes)) else {
            self.pass(line);
            return Ok(());
        };
        match (probe.kind.as_str(), probe.schema_version) {
            ("embedding", 1) => {}
            ("error", 1) => return Ok(()),
            _ => {
                self.pass(line);
                return Ok(());
            }
        }
        let name = &self.name;
        let (Some(made), Some(_)) = (probe.made(), probe.line) else {
            bail!("line {line} of {name} is an embedding record that lacks fields; it is damaged");
        };
        if self.is_beside != probe.embedding.is_none() {
            bail!(match self.is_beside {
                true => format!(
                    "line {line} of {name} holds a vector itself, and the matrix is to hold it"
                ),
                false => format!(
                    "line {line} of {name} holds no vector; the records of a matrix are read with it, by the matrix's name"
                ),
            });
        }
        let dimensions = made.dimensions;
        match &self.made {
            None => self.made = Some(made),
            Some(first) => {
                check(first, &made, line, name)?;
                if first.prompt != made.prompt {
                    self.other_prompt.get_or_insert(line);
                }
            }
        }
        match probe.embedding {
            None if probe.row != Some(self.places.len() as u64) => {
                bail!(
                    "line {line} of {name} is not of the matrix's next row; the two do not belong together"
                );
            }
            None => {}
            Some(vector) => {
                let encoding = probe.encoding.unwrap_or_default();
                let scale = probe.scale.unwrap_or(1.0);
                let is_whole = vector.decode(encoding, dimensions, scale, &mut self.numbers);
                if !is_whole {
                    bail!(
                        "line {line} of {name} holds a vector that is not of {dimensions} numbers; it is damaged"
                    );
                }
            }
        }
        self.places.push(place);
        Ok(())
    }

    fn pass(&mut self, line: u64) {
        if self.others == 0 {
            self.first_other = line;
        }
        self.others += 1;
    }
}

/// Refuses a vector that cannot be compared with the first.
fn check(first: &Made, made: &Made, line: u64, name: &str) -> Result<()> {
    match first.difference(made) {
        None => Ok(()),
        Some((DIMENSIONS, was, is)) => bail!(
            "line {line} of {name} holds a vector of {is} numbers, and the first has {was}; vectors of two lengths cannot be compared"
        ),
        Some((what, was, is)) => bail!(
            "line {line} of {name} was made with another {what} ('{is}') than the first ('{was}'); vectors of two kinds cannot be compared"
        ),
    }
}

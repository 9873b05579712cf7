//! The golden files of `tests/fixtures/golden/`: their reader, and the
//! measures by which a forward pass is held against them.
//!
//! It knows nothing of the engine, so that the tests of other crates include
//! this file too (`#[path = "…/golden.rs"] mod golden;`). The format, and how
//! the files are made, stand in `tests/fixtures/golden/README.md`.

#![allow(
    dead_code,
    reason = "each test program that includes this file uses a part of it"
)]

use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Bit 0 of the flags: values are raw logits of an f32 run.
const FLAG_EXACT: u32 = 1;

/// The least probability that is told apart from none: f32 sums over a
/// vocabulary of 262,144 do not hold less.
const LEAST: f64 = 1e-12;

/// One model's next-token distributions over a fixed text.
pub(crate) struct Golden {
    /// The program and version that made it.
    pub(crate) made_by: String,
    /// SHA-256 of the quantized model file, in hexadecimal.
    pub(crate) model_sha256: String,
    /// Whether the weights were dequantized to f32 and the KV cache was f32;
    /// then each position has [`Position::logits`].
    pub(crate) exact: bool,
    /// The token at each position; its distribution predicts the one after it.
    pub(crate) tokens: Vec<u32>,
    /// What llama.cpp said at each position; as many as `tokens`.
    pub(crate) positions: Vec<Position>,
}

/// What llama.cpp expects after one position.
pub(crate) struct Position {
    /// The best ids with their log-probabilities in nats, best first.
    pub(crate) best: Vec<(u32, f64)>,
    /// The log-probability of all other ids together.
    pub(crate) rest: f64,
    /// The log-probability of the token that does come next; none at the end.
    pub(crate) next: Option<f64>,
    /// The raw logits of `best`, where the file is exact.
    pub(crate) logits: Option<Vec<f32>>,
}

/// The folder that holds the golden files.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/golden")
}

/// Tells what a test has measured, also where it passes: `println!` would be
/// kept back by the test program, and the numbers belong into the gate's log.
pub(crate) fn measured(text: &str) {
    // In one piece, since other tests tell theirs at the same time. Where
    // nobody listens the test goes on.
    let _ = std::io::stderr().write_all(format!("\n{text}\n").as_bytes());
}

impl Golden {
    /// Reads `NAME.golden` of [`folder`]: `smollm2`, `gemma`, `smollm2.f32`,
    /// `gemma.f32`.
    pub(crate) fn named(name: &str) -> Result<Self, String> {
        let path = folder().join(format!("{name}.golden"));
        let bytes = std::fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        Self::parse(&bytes).map_err(|e| format!("{}: {e}", path.display()))
    }

    /// Parses a whole file; anything missing or left over is an error.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut rest = Bytes(bytes);
        if rest.take(8)? != b"LLMGOLD1" {
            return Err("not a golden file of version 1".into());
        }
        let exact = rest.u32()? & FLAG_EXACT != 0;
        let length = rest.u32()? as usize;
        let made_by = String::from_utf8(rest.take(length)?.to_vec()).map_err(|e| e.to_string())?;
        let digest = rest.take(32)?;
        let model_sha256 = digest.iter().map(|b| format!("{b:02x}")).collect();
        let count = rest.u32()?;
        let kept = rest.u32()?;
        let tokens = (0..count).map(|_| rest.u32()).collect::<Result<_, _>>()?;
        let positions = (0..count)
            .map(|_| rest.position(kept, exact))
            .collect::<Result<_, _>>()?;
        if !rest.0.is_empty() {
            return Err(format!("{} bytes too many", rest.0.len()));
        }
        Ok(Self {
            made_by,
            model_sha256,
            exact,
            tokens,
            positions,
        })
    }

    /// llama.cpp's own perplexity on the text.
    pub(crate) fn perplexity(&self) -> f64 {
        let known: Vec<f64> = self.positions.iter().filter_map(|p| p.next).collect();
        (-known.iter().sum::<f64>() / known.len() as f64).exp()
    }
}

/// What is left of a file.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let (head, tail) = self
            .0
            .split_at_checked(count)
            .ok_or_else(|| format!("ends {} bytes early", count - self.0.len()))?;
        self.0 = tail;
        Ok(head)
    }

    fn four(&mut self) -> Result<[u8; 4], String> {
        let mut four = [0; 4];
        four.copy_from_slice(self.take(4)?);
        Ok(four)
    }

    fn u32(&mut self) -> Result<u32, String> {
        self.four().map(u32::from_le_bytes)
    }

    fn f32(&mut self) -> Result<f32, String> {
        self.four().map(f32::from_le_bytes)
    }

    fn position(&mut self, kept: u32, exact: bool) -> Result<Position, String> {
        let values = (0..kept)
            .map(|_| Ok((self.u32()?, self.f32()?)))
            .collect::<Result<Vec<(u32, f32)>, String>>()?;
        let tail = f64::from(self.f32()?);
        let next = f64::from(self.f32()?);
        // In an exact file the tail is the logarithm of the sum of all
        // exponentials, which turns logits into log-probabilities.
        let norm = if exact { tail } else { 0.0 };
        let best: Vec<(u32, f64)> = values
            .iter()
            .map(|&(id, value)| (id, f64::from(value) - norm))
            .collect();
        let held: f64 = best.iter().map(|b| b.1.exp()).sum();
        Ok(Position {
            rest: if exact {
                (1.0 - held).max(LEAST).ln()
            } else {
                tail
            },
            next: (!next.is_nan()).then_some(next - norm),
            logits: exact.then(|| values.iter().map(|v| v.1).collect()),
            best,
        })
    }
}

/// How far a forward pass is from a golden file, gathered position by position
/// (so that nobody holds 2,000 rows of a vocabulary).
pub(crate) struct Comparison<'a> {
    golden: &'a Golden,
    kl: Vec<f64>,
    disagreements: Vec<(usize, f64)>,
    next_log_probs: Vec<f64>,
    golden_log_probs: Vec<f64>,
    squares: f64,
    compared: usize,
    worst_logit: f64,
}

impl<'a> Comparison<'a> {
    /// Nothing compared yet.
    pub(crate) fn new(golden: &'a Golden) -> Self {
        Self {
            golden,
            kl: Vec::new(),
            disagreements: Vec::new(),
            next_log_probs: Vec::new(),
            golden_log_probs: Vec::new(),
            squares: 0.0,
            compared: 0,
            worst_logit: 0.0,
        }
    }

    /// Compares the logits after position `at`; one per id of the vocabulary.
    pub(crate) fn add(&mut self, at: usize, logits: &[f32]) {
        let position = &self.golden.positions[at];
        let norm = log_sum_exp(logits);
        let log_prob = |id: u32| f64::from(logits[id as usize]) - norm;
        self.kl.push(divergence(position, log_prob));
        let best = argmax(logits);
        if best != position.best[0].0 {
            let margin = position.best[0].1 - position.best[1].1;
            self.disagreements.push((at, margin));
        }
        if let Some(next) = position.next {
            self.next_log_probs
                .push(log_prob(self.golden.tokens[at + 1]));
            self.golden_log_probs.push(next);
        }
        for (value, (id, _)) in position.logits.iter().flatten().zip(&position.best) {
            let difference = f64::from(logits[*id as usize] - value).abs();
            // Not f64::max, which would drop a NaN.
            if difference.is_nan() || difference > self.worst_logit {
                self.worst_logit = difference;
            }
            self.squares += difference * difference;
            self.compared += 1;
        }
    }

    /// How many positions were compared.
    pub(crate) fn positions(&self) -> usize {
        self.kl.len()
    }

    /// Mean Kullback-Leibler divergence of ours from llama.cpp's distribution,
    /// in nats, over the best ids and one bucket for the rest. Joining ids in
    /// a bucket never raises a divergence, so this is a lower bound of the
    /// whole, and close to it where the bucket is light.
    pub(crate) fn mean_kl(&self) -> f64 {
        self.kl.iter().sum::<f64>() / self.kl.len() as f64
    }

    /// The position that diverges most, and by how much.
    pub(crate) fn worst_kl(&self) -> (usize, f64) {
        let worst = self.kl.iter().enumerate();
        worst
            .max_by(|a, b| a.1.total_cmp(b.1))
            .map_or((0, f64::NAN), |(at, kl)| (at, *kl))
    }

    /// The share of positions whose best token is llama.cpp's.
    pub(crate) fn agreement(&self) -> f64 {
        1.0 - self.disagreements.len() as f64 / self.kl.len() as f64
    }

    /// Where the best tokens differ though llama.cpp's two best are furthest
    /// apart: the position, and that margin in nats. (0, 0) where none differ.
    pub(crate) fn worst_disagreement(&self) -> (usize, f64) {
        let all = self.disagreements.iter().copied();
        all.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0))
    }

    /// Our perplexity over llama.cpp's, both over the positions compared.
    pub(crate) fn perplexity_ratio(&self) -> f64 {
        let ours: f64 = self.next_log_probs.iter().sum();
        let golden: f64 = self.golden_log_probs.iter().sum();
        ((golden - ours) / self.next_log_probs.len() as f64).exp()
    }

    /// The largest absolute difference of a logit (exact files only).
    pub(crate) fn worst_logit(&self) -> f64 {
        self.worst_logit
    }

    /// The root of the mean squared difference of logits (exact files only).
    pub(crate) fn rms_logit(&self) -> f64 {
        (self.squares / self.compared as f64).sqrt()
    }
}

impl fmt::Display for Comparison<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kl_at, kl) = self.worst_kl();
        let (margin_at, margin) = self.worst_disagreement();
        write!(
            out,
            "{} positions against {}: KL mean {:.6}, worst {kl:.6} (at {kl_at}); \
             best token equal {:.2} %, widest margin where not {margin:.3} (at {margin_at}); \
             perplexity ratio {:.5}",
            self.positions(),
            self.golden.made_by,
            self.mean_kl(),
            100.0 * self.agreement(),
            self.perplexity_ratio(),
        )?;
        if self.compared > 0 {
            let (worst, rms) = (self.worst_logit(), self.rms_logit());
            write!(out, "; logits differ by at most {worst:.6}, rms {rms:.6}")?;
        }
        Ok(())
    }
}

/// KL(golden || ours) over the partition {best ids…, the rest}.
fn divergence(golden: &Position, log_prob: impl Fn(u32) -> f64) -> f64 {
    let mut sum = 0.0;
    let mut held = 0.0;
    for &(id, expected) in &golden.best {
        let ours = log_prob(id);
        sum += expected.exp() * (expected - ours);
        held += ours.exp();
    }
    // Not f64::max, which would turn a NaN into an innocent number.
    let rest = if 1.0 - held < LEAST {
        LEAST
    } else {
        1.0 - held
    };
    sum + golden.rest.exp() * (golden.rest - rest.ln())
}

/// The logarithm of the sum of exponentials.
fn log_sum_exp(logits: &[f32]) -> f64 {
    let top = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let sum: f64 = logits.iter().map(|&x| (f64::from(x) - top).exp()).sum();
    top + sum.ln()
}

/// The id of the largest logit; the lowest of equals, as the goldens have it.
fn argmax(logits: &[f32]) -> u32 {
    let mut best = 0;
    for (id, value) in logits.iter().enumerate() {
        if *value > logits[best] {
            best = id;
        }
    }
    u32::try_from(best).unwrap_or(u32::MAX)
}

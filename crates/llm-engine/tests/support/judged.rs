//! Folders whose logits somebody else has computed: their files, our logits, and how far
//! they are apart.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use llm_engine::forward::{CpuForward, Forward, Input, Outputs};
use llm_engine::spec::Spec;
use llm_engine::weights::Weights;
use llm_gguf::Gguf;
use llm_kernels::pool::Pool;
use llm_kernels::simd::Level;

/// Positions whose logits are kept, as in `scripts/lib/tiny_families_table.py`.
pub(crate) const POSITIONS: [usize; 12] = [0, 1, 2, 15, 16, 20, 41, 63, 64, 100, 128, 149];

pub(crate) fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the ids of a file that has one a line.
pub(crate) fn tokens(path: &Path) -> Vec<u32> {
    let text = read(path);
    text.lines().map(|line| line.parse().unwrap()).collect()
}

/// Returns the files of a folder that end in `extension`, in order.
pub(crate) fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|it| it == extension));
    paths.sort();
    paths
}

pub(crate) fn floats(path: &Path) -> Vec<f32> {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let fours = bytes.chunks_exact(4);
    fours
        .map(|four| f32::from_le_bytes(four.try_into().unwrap()))
        .collect()
}

pub(crate) fn logits(gguf: &Gguf, tokens: &[u32], positions: &[usize]) -> Result<Vec<f32>, String> {
    let spec = Spec::from_gguf(gguf, Some(tokens.len())).map_err(|it| it.to_string())?;
    let weights = Weights::from_gguf(gguf, &spec).map_err(|it| it.to_string())?;
    let pool = Pool::new(1).unwrap();
    let level = Level::detect().unwrap();
    let mut pass = CpuForward::<f32>::new(Arc::new(spec), Arc::new(weights), pool, level);
    let vocabulary = pass.vocabulary();
    let sequence = pass.sequences_mut().start();
    let mut logits = Vec::new();
    let input = Input {
        sequence,
        tokens,
        outputs: Outputs::All,
        adapters: &[],
    };
    let done = pass.forward(&[input], &mut logits);
    done.map_err(|it| it.to_string())?;
    let row = |position: &usize| &logits[position * vocabulary..(position + 1) * vocabulary];
    Ok(positions.iter().flat_map(row).copied().collect())
}

/// Returns the largest difference as a part of the root mean square of `expected`.
pub(crate) fn apart(found: &[f32], expected: &[f32]) -> f32 {
    if found.len() != expected.len() {
        return f32::INFINITY;
    }
    let size = (expected.iter().map(|x| x * x).sum::<f32>() / expected.len() as f32).sqrt();
    let differences = found
        .iter()
        .zip(expected)
        .map(|(one, other)| (one - other).abs());
    let worst = differences.fold(
        0.0,
        |worst, it| if it > worst || it.is_nan() { it } else { worst },
    );
    worst / size
}

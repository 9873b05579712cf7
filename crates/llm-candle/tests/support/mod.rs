//! What the test programs share: tiny models from a seed, ways to run a pass,
//! measures of difference.

#![allow(
    dead_code,
    reason = "each test program that includes this module uses a part of it"
)]

pub(crate) mod families;
pub(crate) mod gguf;
pub(crate) mod measure;
pub(crate) mod random;
pub(crate) mod tiny;
pub(crate) mod ways;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use llm_candle::{CandleForward, Device, Precision};
use llm_engine::forward::CpuForward;
use llm_engine::spec::Spec;
use llm_engine::weights::Weights;
use llm_gguf::Gguf;
use llm_kernels::attention::Element;
use llm_kernels::pool::Pool;
use llm_kernels::simd::Level;

/// A model, ready for any pass.
pub(crate) struct Model {
    pub(crate) spec: Arc<Spec>,
    pub(crate) weights: Arc<Weights>,
}

impl Model {
    /// Opens a file.
    pub(crate) fn open(path: &Path) -> Self {
        let gguf = Gguf::open(&[path.to_path_buf()]).unwrap();
        // What the tests run at most, which is more than the first training of
        // one of the tiny models.
        let spec = Spec::from_gguf(&gguf, Some(256)).unwrap();
        let weights = Weights::from_gguf(&gguf, &spec).unwrap();
        Self {
            spec: Arc::new(spec),
            weights: Arc::new(weights),
        }
    }

    /// Opens one of the test models that are fetched, not committed.
    pub(crate) fn fetched(name: &str) -> Self {
        Self::open(&fetched(name))
    }

    /// The candle pass in dense f32: the judge.
    pub(crate) fn judge(&self) -> CandleForward {
        self.candle(Precision::Dense)
    }

    /// The candle pass on the CPU.
    pub(crate) fn candle(&self, precision: Precision) -> CandleForward {
        let (spec, weights) = (Arc::clone(&self.spec), Arc::clone(&self.weights));
        CandleForward::new(spec, weights, Device::Cpu, precision).unwrap()
    }

    /// The engine's pass with keys and values stored as `T`.
    pub(crate) fn cpu<T: Element>(&self, threads: usize, level: Level) -> CpuForward<T> {
        let pool = Pool::new(threads).unwrap();
        CpuForward::new(
            Arc::clone(&self.spec),
            Arc::clone(&self.weights),
            pool,
            level,
        )
    }
}

/// Returns the path of one of the test models that are fetched.
pub(crate) fn fetched(name: &str) -> PathBuf {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", "..", "models", name]
        .iter()
        .collect();
    let there = path.exists();
    assert!(
        there,
        "models/{name} is missing: scripts/fetch-test-models fetches it"
    );
    path
}

/// The SIMD levels of this machine.
pub(crate) fn levels() -> impl Iterator<Item = Level> {
    Level::available()
}

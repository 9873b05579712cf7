//! Decoders as encoders: the engine's own forward pass, whose rows after the
//! last norm are pooled. Most see only what came before, some see ahead.

use std::sync::{Arc, Mutex, PoisonError};

use llm_kernels::pool::Pool;
use llm_kernels::simd::Level;

use llm_engine::forward::{CpuForward, Forward as _, Input, Outputs};
use llm_engine::model::ModelError;
use llm_engine::spec::Spec;
use llm_engine::weights::Weights;
use llm_gguf::Gguf;

use crate::error::EncoderError;

/// A decoder whose hidden states are wanted, not its logits.
pub(crate) struct Decoder {
    pub(crate) spec: Arc<Spec>,
    weights: Arc<Weights>,
    /// Made for the first text, since it depends on the number of threads.
    pass: Mutex<Option<CpuForward<f32>>>,
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Decoder({})", self.spec.family.architecture)
    }
}

impl Decoder {
    pub(crate) fn read(gguf: &Gguf) -> Result<Self, EncoderError> {
        let path = || gguf.paths().first().cloned().unwrap_or_default();
        let spec = Spec::for_rows(gguf, None)
            .map_err(|source| ModelError::Spec {
                path: path(),
                source,
            })
            .map_err(Box::new)?;
        let weights = Weights::for_rows(gguf, &spec).map_err(|source| ModelError::Weights {
            path: path(),
            source,
        });
        Ok(Self {
            spec: Arc::new(spec),
            weights: Arc::new(weights.map_err(Box::new)?),
            pass: Mutex::new(None),
        })
    }

    pub(crate) fn vocabulary_size(&self) -> usize {
        self.weights.vocabulary()
    }

    /// Returns the rows of all texts, (tokens, `hidden_size`). They are NaN where a text
    /// has a token that the model lacks, or the system gives no threads.
    pub(crate) fn run(&self, pool: &Pool, level: Level, texts: &[&[u32]]) -> Vec<f32> {
        let mut held = self.pass.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_none() {
            *held = self.pass(pool.threads(), level);
        }
        let count: usize = texts.iter().map(|text| text.len()).sum();
        let nothing = || vec![f32::NAN; count * self.spec.hidden_size];
        let Some(pass) = held.as_mut() else {
            return nothing();
        };
        let sequences: Vec<_> = texts.iter().map(|_| pass.sequences_mut().start()).collect();
        let batch: Vec<Input<'_>> = texts
            .iter()
            .zip(&sequences)
            .filter(|(text, _)| !text.is_empty())
            .map(|(text, sequence)| Input {
                sequence: *sequence,
                tokens: text,
                outputs: Outputs::All,
                adapters: &[],
            })
            .collect();
        let mut rows = Vec::new();
        if pass.forward(&batch, &mut rows).is_err() {
            rows = nothing();
        }
        for sequence in sequences {
            pass.sequences_mut().end(sequence);
        }
        rows
    }

    /// Its threads are its own, as many as the caller has.
    fn pass(&self, threads: usize, level: Level) -> Option<CpuForward<f32>> {
        let pool = Pool::new(threads).ok()?;
        let (spec, weights) = (Arc::clone(&self.spec), Arc::clone(&self.weights));
        Some(CpuForward::new(spec, weights, pool, level).giving_rows())
    }
}

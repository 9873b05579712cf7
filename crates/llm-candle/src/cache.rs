//! Keys and values of all sequences, as tensors.
//!
//! Tensors are never changed in place, so that a fork is a copy of references
//! and a batch that fails leaves nothing behind. Appending copies the whole
//! sequence: plain, and fine for judging, but the first thing to change for
//! long texts on a GPU.

use std::collections::HashMap;

use candle_core::{Result, Tensor};
use llm_engine::cache::{Cache as Ledger, SequenceId};

/// Keys and values of one layer of one sequence, (`kv_heads`, positions, elements); `None` before the first position.
#[derive(Debug, Clone, Default)]
pub(crate) struct LayerCache(Option<(Tensor, Tensor)>);

impl LayerCache {
    /// Returns the whole.
    pub(crate) fn get(&self) -> Option<(Tensor, Tensor)> {
        self.0.clone()
    }

    /// Drops all but the first `length` positions, appends new ones and returns
    /// the whole.
    pub(crate) fn append(
        &mut self,
        length: usize,
        keys: Tensor,
        values: Tensor,
    ) -> Result<(Tensor, Tensor)> {
        let joined = match self.0.take() {
            Some((old_keys, old_values)) if length > 0 => (
                Tensor::cat(&[&old_keys.narrow(1, 0, length)?, &keys], 1)?,
                Tensor::cat(&[&old_values.narrow(1, 0, length)?, &values], 1)?,
            ),
            _ => (keys, values),
        };
        self.0 = Some(joined.clone());
        Ok(joined)
    }
}

/// The sequences, each with one [`LayerCache`] a layer.
#[derive(Debug)]
pub(crate) struct Cache {
    /// Ids and lengths: the engine's own cache with nothing in its blocks. The
    /// tensors may still hold positions beyond a length; the next append drops
    /// them.
    ledger: Ledger<f32>,
    layers: usize,
    tensors: HashMap<SequenceId, Vec<LayerCache>>,
}

impl Cache {
    pub(crate) fn new(layers: usize) -> Self {
        Self {
            ledger: Ledger::new(&[]),
            layers,
            tensors: HashMap::new(),
        }
    }

    pub(crate) fn start(&mut self) -> SequenceId {
        let id = self.ledger.start();
        let layers = vec![LayerCache::default(); self.layers];
        self.tensors.insert(id, layers);
        id
    }

    pub(crate) fn fork(&mut self, id: SequenceId, length: usize) -> Option<SequenceId> {
        let layers = self.tensors.get(&id)?.clone();
        let fork = self.ledger.fork(id, length)?;
        self.tensors.insert(fork, layers);
        Some(fork)
    }

    pub(crate) fn truncate(&mut self, id: SequenceId, length: usize) {
        self.ledger.truncate(id, length);
    }

    pub(crate) fn end(&mut self, id: SequenceId) {
        self.ledger.end(id);
        self.tensors.remove(&id);
    }

    pub(crate) fn length(&self, id: SequenceId) -> Option<usize> {
        self.ledger.length(id)
    }

    /// Returns a copy of a sequence's references, to be appended to.
    pub(crate) fn get(&self, id: SequenceId) -> Option<(usize, Vec<LayerCache>)> {
        Some((self.length(id)?, self.tensors.get(&id)?.clone()))
    }

    /// Stores what [`Cache::get`] returned, with `count` positions more.
    pub(crate) fn put(&mut self, id: SequenceId, count: usize, layers: Vec<LayerCache>) {
        self.ledger.extend(id, count);
        self.tensors.insert(id, layers);
    }
}

//! Keys and values of all sequences, and the states of layers that have those, as
//! tensors.
//!
//! Tensors are never changed in place, so that a fork is a copy of references
//! and a batch that fails leaves nothing behind. Appending copies the whole
//! sequence: plain, and fine for judging, but the first thing to change for
//! long texts on a GPU.

use std::collections::HashMap;

use candle_core::{Result, Tensor};
use llm_engine::cache::{Cache as Ledger, Recurrent, SequenceId, Sequences};

/// What one layer of one sequence keeps; nothing before the first position.
#[derive(Debug, Clone, Default)]
pub(crate) struct LayerCache {
    /// Keys and values, (`kv_heads`, positions, elements).
    keys_and_values: Option<(Tensor, Tensor)>,
    /// The last inputs of a convolution, see `mixer`.
    tail: Option<Tensor>,
    /// The heads' matrices.
    states: Option<Tensor>,
}

impl LayerCache {
    /// Returns all keys and values.
    pub(crate) fn get(&self) -> Option<(Tensor, Tensor)> {
        self.keys_and_values.clone()
    }

    /// Drops all but the first `length` positions, appends new ones and returns
    /// the whole.
    pub(crate) fn append(
        &mut self,
        length: usize,
        keys: Tensor,
        values: Tensor,
    ) -> Result<(Tensor, Tensor)> {
        let joined = match self.keys_and_values.take() {
            Some((old_keys, old_values)) if length > 0 => (
                Tensor::cat(&[&old_keys.narrow(1, 0, length)?, &keys], 1)?,
                Tensor::cat(&[&old_values.narrow(1, 0, length)?, &values], 1)?,
            ),
            _ => (keys, values),
        };
        self.keys_and_values = Some(joined.clone());
        Ok(joined)
    }

    /// Returns the last inputs of the convolution.
    pub(crate) fn tail(&self) -> Option<Tensor> {
        self.tail.clone()
    }

    /// Replaces them.
    pub(crate) fn put_tail(&mut self, tail: Tensor) {
        self.tail = Some(tail);
    }

    /// Returns the heads' matrices.
    pub(crate) fn states(&self) -> Option<Tensor> {
        self.states.clone()
    }

    /// Replaces them.
    pub(crate) fn put_states(&mut self, states: Tensor) {
        self.states = Some(states);
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
    /// Whether there are states, so that a sequence can only go back to where
    /// all was kept: where the engine's cache would, see [`Recurrent`].
    has_states: bool,
    tensors: HashMap<SequenceId, Recurrent<Vec<LayerCache>>>,
}

impl Cache {
    pub(crate) fn new(layers: usize, has_states: bool) -> Self {
        Self {
            ledger: Ledger::new(&[]),
            layers,
            has_states,
            tensors: HashMap::new(),
        }
    }

    fn blank(&self) -> Vec<LayerCache> {
        vec![LayerCache::default(); self.layers]
    }

    /// Returns the first length above `length` at which all is to be kept;
    /// `None` without states.
    pub(crate) fn next_checkpoint(&self, id: SequenceId, length: usize) -> Option<usize> {
        let tensors = self.tensors.get(&id).filter(|_| self.has_states);
        tensors.map(|tensors| tensors.next_checkpoint(length))
    }

    /// Returns a copy of a sequence's references, to be appended to.
    pub(crate) fn get(&self, id: SequenceId) -> Option<(usize, Vec<LayerCache>)> {
        Some((self.length(id)?, self.tensors.get(&id)?.state.clone()))
    }

    /// Stores what [`Cache::get`] returned, with `count` positions more, and what
    /// it was at lengths on the way.
    pub(crate) fn put(
        &mut self,
        id: SequenceId,
        count: usize,
        layers: Vec<LayerCache>,
        copies: Vec<(usize, Vec<LayerCache>)>,
    ) {
        self.ledger.extend(id, count);
        let length = self.ledger.length(id).unwrap_or(0);
        if let Some(tensors) = self.tensors.get_mut(&id) {
            for (length, layers) in copies {
                tensors.state = layers;
                tensors.checkpoint(length);
            }
            tensors.state = layers;
            if self.has_states && count > 1 {
                tensors.checkpoint(length);
            }
        }
    }
}

impl Sequences for Cache {
    fn start(&mut self) -> SequenceId {
        let id = self.ledger.start();
        self.tensors.insert(id, Recurrent::new(self.blank()));
        id
    }

    fn fork(&mut self, id: SequenceId, length: usize) -> Option<(SequenceId, usize)> {
        let (from, whole) = (self.tensors.get(&id)?, self.ledger.length(id)?);
        let wanted = length.min(whole);
        let (tensors, length) = if self.has_states {
            from.fork(whole, wanted, || self.blank())
        } else {
            (Recurrent::new(from.state.clone()), wanted)
        };
        let (fork, length) = self.ledger.fork(id, length)?;
        self.tensors.insert(fork, tensors);
        Some((fork, length))
    }

    fn forkable_len(&self, id: SequenceId, length: usize) -> Option<usize> {
        let (from, whole) = (self.tensors.get(&id)?, self.ledger.length(id)?);
        let wanted = length.min(whole);
        Some(if self.has_states {
            from.forkable_len(whole, wanted)
        } else {
            wanted
        })
    }

    fn request_checkpoint(&mut self, id: SequenceId, length: usize) {
        let is_ahead = self.length(id).is_some_and(|whole| length > whole);
        if let Some(tensors) = self.tensors.get_mut(&id)
            && self.has_states
            && is_ahead
        {
            tensors.request_checkpoint(length);
        }
    }

    fn truncate(&mut self, id: SequenceId, length: usize) -> usize {
        let blank = self.blank();
        let kept = match (self.ledger.length(id), self.tensors.get_mut(&id)) {
            (Some(whole), Some(tensors)) if self.has_states && length < whole => {
                tensors.go_back(length, || blank)
            }
            _ => length,
        };
        self.ledger.truncate(id, kept)
    }

    fn end(&mut self, id: SequenceId) {
        self.ledger.end(id);
        self.tensors.remove(&id);
    }

    fn length(&self, id: SequenceId) -> Option<usize> {
        self.ledger.length(id)
    }
}

//! Keys and values of all sequences, in a pool of blocks of 64 positions.
//!
//! A sequence is a list of block numbers. A shared prefix is a reference count,
//! truncation drops the tail, and memory follows use. A block holds all layers.

use llm_kernels::attention::{BLOCK, Element, Shape};

/// A sequence of positions in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SequenceId(pub(crate) usize);

#[derive(Debug)]
struct Block<T> {
    /// (layers, block elements of a layer)
    data: Box<[T]>,
    /// Sequences that list the block; 0 means that it can be used again.
    references: usize,
}

#[derive(Debug, Default)]
struct Sequence {
    blocks: Vec<usize>,
    /// Positions that are filled.
    length: usize,
}

/// The pool and its sequences.
#[derive(Debug)]
pub struct Cache<T> {
    shape: Shape,
    layers: usize,
    blocks: Vec<Block<T>>,
    free: Vec<usize>,
    sequences: Vec<Option<Sequence>>,
}

impl<T: Element> Cache<T> {
    /// Makes an empty cache for `layers` layers of the same shape.
    pub fn new(shape: Shape, layers: usize) -> Self {
        Self {
            shape,
            layers,
            blocks: Vec::new(),
            free: Vec::new(),
            sequences: Vec::new(),
        }
    }

    /// Returns the bytes that `positions` positions take.
    pub fn bytes_for(shape: &Shape, layers: usize, positions: usize) -> u64 {
        let blocks = positions.div_ceil(BLOCK) as u64;
        blocks.saturating_mul((shape.block_elements() * layers * size_of::<T>()) as u64)
    }

    /// Returns the bytes of all blocks, in use or free.
    pub fn allocated_bytes(&self) -> u64 {
        Self::bytes_for(&self.shape, self.layers, self.blocks.len() * BLOCK)
    }

    /// Adds an empty sequence.
    pub fn start(&mut self) -> SequenceId {
        self.insert(Sequence::default())
    }

    fn insert(&mut self, sequence: Sequence) -> SequenceId {
        let free = self.sequences.iter().position(Option::is_none);
        let index = free.unwrap_or_else(|| {
            self.sequences.push(None);
            self.sequences.len() - 1
        });
        self.sequences[index] = Some(sequence);
        SequenceId(index)
    }

    fn sequence(&self, id: SequenceId) -> Option<&Sequence> {
        self.sequences.get(id.0)?.as_ref()
    }

    /// Adds a sequence that shares the first `length` positions of `id`, or
    /// `None` if there is no such sequence. Blocks are shared until one of the
    /// two writes into them.
    pub fn fork(&mut self, id: SequenceId, length: usize) -> Option<SequenceId> {
        let from = self.sequence(id)?;
        let length = length.min(from.length);
        let blocks = from.blocks[..length.div_ceil(BLOCK)].to_vec();
        for &block in &blocks {
            self.blocks[block].references += 1;
        }
        Some(self.insert(Sequence { blocks, length }))
    }

    /// Drops all positions of `id` from `length` on.
    pub fn truncate(&mut self, id: SequenceId, length: usize) {
        let Some(Some(sequence)) = self.sequences.get_mut(id.0) else {
            return;
        };
        sequence.length = sequence.length.min(length);
        let dropped = sequence.blocks.split_off(sequence.length.div_ceil(BLOCK));
        for block in dropped {
            self.release(block);
        }
    }

    /// Removes a sequence.
    pub fn end(&mut self, id: SequenceId) {
        self.truncate(id, 0);
        if let Some(slot) = self.sequences.get_mut(id.0) {
            *slot = None;
        }
    }

    /// Returns the filled positions of a sequence, `None` for an unknown one.
    pub fn length(&self, id: SequenceId) -> Option<usize> {
        self.sequence(id).map(|sequence| sequence.length)
    }

    /// Makes room for `count` more positions, which count as filled from now
    /// on; the caller stores them layer by layer.
    pub fn extend(&mut self, id: SequenceId, count: usize) {
        let Some(Some(sequence)) = self.sequences.get_mut(id.0) else {
            return;
        };
        let mut sequence = std::mem::take(sequence);
        if !sequence.length.is_multiple_of(BLOCK)
            && let Some(last) = sequence.blocks.last_mut()
            && self.blocks[*last].references > 1
        {
            let own = self.take();
            let shared = std::mem::take(&mut self.blocks[*last].data);
            self.blocks[own].data.copy_from_slice(&shared);
            self.blocks[*last].data = shared;
            self.blocks[*last].references -= 1;
            *last = own;
        }
        sequence.length += count;
        while sequence.blocks.len() * BLOCK < sequence.length {
            let block = self.take();
            sequence.blocks.push(block);
        }
        self.sequences[id.0] = Some(sequence);
    }

    /// Stores the key and value of one position of one layer, (`kv_heads`,
    /// elements) each. The position lies in what `extend` has added.
    pub fn store(
        &mut self,
        id: SequenceId,
        layer: usize,
        position: usize,
        key: &[f32],
        value: &[f32],
    ) {
        let Some(Some(sequence)) = self.sequences.get(id.0) else {
            return;
        };
        let block = &mut self.blocks[sequence.blocks[position / BLOCK]];
        let size = self.shape.block_elements();
        let data = &mut block.data[layer * size..(layer + 1) * size];
        self.shape.store(data, position % BLOCK, key, value);
    }

    /// Returns the blocks of one layer of a sequence, in order.
    pub fn layer_blocks(&self, id: SequenceId, layer: usize) -> Vec<&[T]> {
        let size = self.shape.block_elements();
        let part = |&block: &usize| &self.blocks[block].data[layer * size..(layer + 1) * size];
        let sequence = self.sequence(id);
        sequence.map_or_else(Vec::new, |sequence| {
            sequence.blocks.iter().map(part).collect()
        })
    }

    fn take(&mut self) -> usize {
        let block = self.free.pop().unwrap_or_else(|| {
            // Fresh zeroed memory is only touched, and so only counted, once
            // it is written.
            let data = vec![T::default(); self.shape.block_elements() * self.layers];
            self.blocks.push(Block {
                data: data.into_boxed_slice(),
                references: 0,
            });
            self.blocks.len() - 1
        });
        self.blocks[block].references = 1;
        block
    }

    fn release(&mut self, block: usize) {
        self.blocks[block].references -= 1;
        if self.blocks[block].references == 0 {
            self.free.push(block);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape {
        heads: 1,
        kv_heads: 1,
        head_dim: 1,
        value_dim: 1,
        scale: 1.0,
        soft_cap: None,
    };

    fn fill(cache: &mut Cache<f32>, id: SequenceId, values: impl Iterator<Item = f32>) {
        for value in values {
            let position = cache.length(id).unwrap();
            cache.extend(id, 1);
            cache.store(id, 1, position, &[value], &[-value]);
        }
    }

    fn read(cache: &Cache<f32>, id: SequenceId) -> Vec<f32> {
        let blocks = cache.layer_blocks(id, 1);
        let keys = blocks.iter().flat_map(|block| block[..BLOCK].to_vec());
        keys.take(cache.length(id).unwrap()).collect()
    }

    #[test]
    fn a_fork_shares_until_it_writes() {
        let mut cache = Cache::<f32>::new(SHAPE, 2);
        let first = cache.start();
        fill(&mut cache, first, (0..100).map(|i| i as f32));
        let second = cache.fork(first, 80).unwrap();
        assert_eq!(cache.blocks.len(), 2);
        fill(&mut cache, second, (0..5).map(|i| 1000.0 + i as f32));
        assert_eq!(
            cache.blocks.len(),
            3,
            "the half-filled block is copied, the full one shared"
        );
        let expected: Vec<f32> = (0..80)
            .map(|i| i as f32)
            .chain((0..5).map(|i| 1000.0 + i as f32))
            .collect();
        assert_eq!(read(&cache, second), expected);
        assert_eq!(
            read(&cache, first),
            (0..100).map(|i| i as f32).collect::<Vec<_>>()
        );
    }

    #[test]
    fn dropped_blocks_are_used_again() {
        let mut cache = Cache::<f32>::new(SHAPE, 2);
        let first = cache.start();
        fill(&mut cache, first, (0..200).map(|i| i as f32));
        let used = cache.allocated_bytes();
        cache.truncate(first, 10);
        let second = cache.start();
        fill(&mut cache, second, (0..150).map(|i| i as f32));
        assert_eq!(cache.allocated_bytes(), used);
        cache.end(first);
        assert_eq!(cache.length(first), None);
        assert_eq!(cache.fork(first, 3), None);
    }
}

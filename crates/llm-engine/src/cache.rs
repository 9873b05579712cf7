//! Keys and values of all sequences, in a pool of blocks of 64 positions.
//!
//! A sequence is a list of block numbers. A shared prefix is a reference count,
//! truncation drops the tail, and memory follows use. A block holds all layers,
//! each in its own shape, one behind the other.

use std::ops::Range;

use llm_kernels::attention::{BLOCK, Element, Shape};

/// A sequence of positions in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SequenceId(pub(crate) usize);

#[derive(Debug)]
struct Block<T> {
    /// The layers' parts, see [`Part`].
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

/// One layer's part of a block; `None` for a layer that stores nothing.
#[derive(Debug)]
struct Part {
    shape: Option<Shape>,
    range: Range<usize>,
}

/// The pool and its sequences.
#[derive(Debug)]
pub struct Cache<T> {
    /// One entry a layer.
    parts: Vec<Part>,
    blocks: Vec<Block<T>>,
    free: Vec<usize>,
    sequences: Vec<Option<Sequence>>,
}

impl<T: Element> Cache<T> {
    /// Makes an empty cache for layers of these shapes; `None` is a layer that
    /// stores nothing.
    pub fn new(shapes: &[Option<Shape>]) -> Self {
        let mut end = 0;
        let part = |&shape: &Option<Shape>| {
            let start = end;
            end += part_elements(shape);
            let range = start..end;
            Part { shape, range }
        };
        Self {
            parts: shapes.iter().map(part).collect(),
            blocks: Vec::new(),
            free: Vec::new(),
            sequences: Vec::new(),
        }
    }

    /// Returns the bytes that `positions` positions take.
    pub fn bytes_for(shapes: &[Option<Shape>], positions: usize) -> u64 {
        let blocks = positions.div_ceil(BLOCK) as u64;
        let bytes = |&shape| (part_elements(shape) as u64).saturating_mul(size_of::<T>() as u64);
        let block = shapes.iter().map(bytes).fold(0, u64::saturating_add);
        blocks.saturating_mul(block)
    }

    /// Returns the bytes of all blocks, in use or free.
    pub fn allocated_bytes(&self) -> u64 {
        (self.blocks.len() as u64).saturating_mul((self.block_elements() * size_of::<T>()) as u64)
    }

    /// Returns the elements of a block, those of all layers.
    fn block_elements(&self) -> usize {
        self.parts.last().map_or(0, |part| part.range.end)
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
        let part = &self.parts[layer];
        let (Some(Some(sequence)), Some(shape)) = (self.sequences.get(id.0), part.shape) else {
            return;
        };
        let block = &mut self.blocks[sequence.blocks[position / BLOCK]];
        let data = &mut block.data[part.range.clone()];
        shape.store(data, position % BLOCK, key, value);
    }

    /// Returns the blocks of one layer of a sequence, in order.
    pub fn layer_blocks(&self, id: SequenceId, layer: usize) -> Vec<&[T]> {
        let range = &self.parts[layer].range;
        let part = |&block: &usize| &self.blocks[block].data[range.clone()];
        let sequence = self.sequence(id);
        sequence.map_or_else(Vec::new, |sequence| {
            sequence.blocks.iter().map(part).collect()
        })
    }

    fn take(&mut self) -> usize {
        let block = self.free.pop().unwrap_or_else(|| {
            // Fresh zeroed memory is only touched, and so only counted, once
            // it is written.
            let data = vec![T::default(); self.block_elements()];
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

fn part_elements(shape: Option<Shape>) -> usize {
    shape.map_or(0, |shape| shape.block_elements())
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
        let mut cache = Cache::<f32>::new(&[Some(SHAPE); 2]);
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

    /// Layers of different shapes, and one that stores nothing, do not touch
    /// each other's elements.
    #[test]
    fn each_layer_has_its_own_shape() {
        let wide = Shape {
            head_dim: 2,
            ..SHAPE
        };
        let shapes = [Some(wide), None, Some(SHAPE)];
        let mut cache = Cache::<f32>::new(&shapes);
        let id = cache.start();
        cache.extend(id, 1);
        cache.store(id, 0, 0, &[1.0, 2.0], &[3.0]);
        cache.store(id, 1, 0, &[9.0], &[9.0]);
        cache.store(id, 2, 0, &[4.0], &[5.0]);
        let filled = |layer: usize| -> Vec<f32> {
            let blocks = cache.layer_blocks(id, layer).concat();
            blocks.into_iter().filter(|x| *x != 0.0).collect()
        };
        assert_eq!(filled(0), [1.0, 2.0, 3.0]);
        assert_eq!(filled(1), [0.0; 0]);
        assert_eq!(filled(2), [4.0, 5.0]);
        // Three elements a position in the first layer, two in the last.
        assert_eq!(cache.allocated_bytes(), 5 * 4 * BLOCK as u64);
        assert_eq!(
            Cache::<f32>::bytes_for(&shapes, 65),
            2 * 5 * 4 * BLOCK as u64
        );
    }

    #[test]
    fn dropped_blocks_are_used_again() {
        let mut cache = Cache::<f32>::new(&[Some(SHAPE); 2]);
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

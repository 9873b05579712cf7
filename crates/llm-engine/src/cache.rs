//! Keys and values of all sequences, in a pool of blocks of 64 positions.
//!
//! A sequence is a list of block numbers. A shared prefix is a reference count,
//! truncation drops the tail, and memory follows use. A block holds all layers,
//! each in its own shape; where, see `slabs`.
//!
//! Layers that do not attend keep a state a sequence beside it, see `recurrent`:
//! then a sequence can only go back to a checkpoint.

mod recurrent;
mod saved;
pub mod sealed;
mod sequences;
mod block_arena;

pub use recurrent::Recurrent;
pub use sequences::{SequenceId, Sequences};

use block_arena::{BlockArena, part_elements};
use llm_kernels::attention::{BLOCK, Block, Element, Shape};

#[derive(Debug, Default)]
struct Sequence {
    blocks: Vec<usize>,
    /// Positions that are filled.
    length: usize,
    /// The state of its layers that do not attend, where there are such.
    recurrent: Option<Recurrent<Box<[f32]>>>,
}

/// The pool and its sequences.
#[derive(Debug)]
pub struct Cache<T> {
    blocks: BlockArena<T>,
    /// For each block the sequences that list it; 0 means that it can be used again.
    references: Vec<usize>,
    free: Vec<usize>,
    sequences: Vec<Option<Sequence>>,
    /// Elements of the state of a sequence; 0 where every layer attends.
    state_elements: usize,
}

impl<T: Element> Cache<T> {
    /// Makes an empty cache for layers of these shapes; `None` is a layer that
    /// stores nothing.
    pub fn new(shapes: &[Option<Shape>]) -> Self {
        Self {
            blocks: BlockArena::new(shapes),
            references: Vec::new(),
            free: Vec::new(),
            sequences: Vec::new(),
            state_elements: 0,
        }
    }

    /// The same, where each sequence has a state of so many elements as well.
    pub fn with_states(self, state_elements: usize) -> Self {
        Self {
            state_elements,
            ..self
        }
    }

    /// Returns the most bytes that the state of a sequence takes, its
    /// checkpoints included.
    pub fn state_bytes(state_elements: usize) -> u64 {
        let copies = (1 + recurrent::MOST) * size_of::<f32>();
        (state_elements as u64).saturating_mul(copies as u64)
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
        (self.blocks.len() as u64).saturating_mul(self.block_bytes() as u64)
    }

    fn block_bytes(&self) -> usize {
        self.blocks.block_elements() * size_of::<T>()
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

    /// Makes room for `count` more positions, which count as filled from now
    /// on; the caller stores them layer by layer.
    pub fn extend(&mut self, id: SequenceId, count: usize) {
        let Some(Some(sequence)) = self.sequences.get_mut(id.0) else {
            return;
        };
        let mut sequence = std::mem::take(sequence);
        if !sequence.length.is_multiple_of(BLOCK)
            && let Some(last) = sequence.blocks.last_mut()
            && self.references[*last] > 1
        {
            let own = self.take();
            self.blocks.copy(*last, own);
            self.references[*last] -= 1;
            *last = own;
        }
        sequence.length += count;
        while sequence.blocks.len() * BLOCK < sequence.length {
            let block = self.take();
            sequence.blocks.push(block);
        }
        self.sequences[id.0] = Some(sequence);
    }

    /// Returns the first length above `length` at which the state of `id` is to
    /// be copied, see [`Self::checkpoint`]; `None` without a state.
    pub fn next_checkpoint(&self, id: SequenceId, length: usize) -> Option<usize> {
        let state = self.sequence(id)?.recurrent.as_ref()?;
        Some(state.next_checkpoint(length))
    }

    /// Copies the state of `id`, which is that after `length` positions, so that
    /// the sequence can go back to it; some such copies are dropped again.
    pub fn checkpoint(&mut self, id: SequenceId, length: usize) {
        if let Some(Some(sequence)) = self.sequences.get_mut(id.0)
            && let Some(state) = &mut sequence.recurrent
        {
            state.checkpoint(length);
        }
    }

    /// Returns the states of different sequences, in the order of `ids`.
    pub fn states(&mut self, ids: &[SequenceId]) -> Vec<&mut [f32]> {
        let sequences = self.sequences.iter_mut().enumerate();
        let found = sequences.filter_map(|(index, sequence)| {
            let at = ids.iter().position(|id| id.0 == index)?;
            let state = sequence.as_mut()?.recurrent.as_mut()?;
            Some((at, &mut state.state[..]))
        });
        let mut found: Vec<_> = found.collect();
        found.sort_by_key(|(at, _)| *at);
        found.into_iter().map(|(_, state)| state).collect()
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
        let block = sequence.blocks[position / BLOCK];
        self.blocks
            .store(layer, block, position % BLOCK, key, value);
    }

    /// Returns the blocks of one layer of a sequence, in order; none where the layer
    /// stores nothing.
    pub fn layer_blocks(&self, id: SequenceId, layer: usize) -> Vec<Block<'_, T>> {
        let block = |&block: &usize| self.blocks.block(layer, block);
        let sequence = self.sequence(id);
        sequence.map_or_else(Vec::new, |sequence| {
            sequence.blocks.iter().filter_map(block).collect()
        })
    }

    fn take(&mut self) -> usize {
        let block = self.free.pop().unwrap_or_else(|| {
            self.references.push(0);
            self.blocks.add()
        });
        self.references[block] = 1;
        block
    }

    fn release(&mut self, block: usize) {
        self.references[block] -= 1;
        if self.references[block] == 0 {
            self.free.push(block);
        }
    }
}

impl<T: Element> Sequences for Cache<T> {
    fn start(&mut self) -> SequenceId {
        let state = (self.state_elements > 0).then(|| Recurrent::new(blank(self.state_elements)));
        self.insert(Sequence {
            recurrent: state,
            ..Sequence::default()
        })
    }

    fn fork(&mut self, id: SequenceId, length: usize) -> Option<(SequenceId, usize)> {
        let from = self.sequence(id)?;
        let wanted = length.min(from.length);
        let fresh = || blank(self.state_elements);
        let state = from
            .recurrent
            .as_ref()
            .map(|state| state.fork(from.length, wanted, fresh));
        let length = state.as_ref().map_or(wanted, |(_, length)| *length);
        let blocks = from.blocks[..length.div_ceil(BLOCK)].to_vec();
        for &block in &blocks {
            self.references[block] += 1;
        }
        let fork = self.insert(Sequence {
            blocks,
            length,
            recurrent: state.map(|(state, _)| state),
        });
        Some((fork, length))
    }

    fn forkable_len(&self, id: SequenceId, length: usize) -> Option<usize> {
        let from = self.sequence(id)?;
        let wanted = length.min(from.length);
        let state = from.recurrent.as_ref();
        Some(state.map_or(wanted, |state| state.forkable_len(from.length, wanted)))
    }

    fn request_checkpoint(&mut self, id: SequenceId, length: usize) {
        if let Some(Some(sequence)) = self.sequences.get_mut(id.0)
            && let Some(state) = &mut sequence.recurrent
            && length > sequence.length
        {
            state.request_checkpoint(length);
        }
    }

    fn truncate(&mut self, id: SequenceId, length: usize) -> usize {
        let Some(Some(sequence)) = self.sequences.get_mut(id.0) else {
            return 0;
        };
        if length >= sequence.length {
            return sequence.length;
        }
        let state = sequence.recurrent.as_mut();
        sequence.length = state.map_or(length, |state| {
            state.go_back(length, || blank(self.state_elements))
        });
        let left = sequence.length;
        let dropped = sequence.blocks.split_off(sequence.length.div_ceil(BLOCK));
        for block in dropped {
            self.release(block);
        }
        left
    }

    fn end(&mut self, id: SequenceId) {
        self.truncate(id, 0);
        if let Some(slot) = self.sequences.get_mut(id.0) {
            *slot = None;
        }
    }

    fn length(&self, id: SequenceId) -> Option<usize> {
        self.sequence(id).map(|sequence| sequence.length)
    }

    fn save(&self, id: SequenceId, positions: usize) -> Option<Vec<u8>> {
        self.blocks_as_bytes(id, positions)
    }

    fn load(&mut self, bytes: &[u8]) -> Option<SequenceId> {
        self.start_from_bytes(bytes)
    }
}

/// The state before the first position. Its memory is only touched, and so only
/// counted, once it is written.
fn blank(elements: usize) -> Box<[f32]> {
    vec![0.0; elements].into_boxed_slice()
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
        let keys = blocks.iter().flat_map(|block| &block.elements[..BLOCK]);
        keys.copied().take(cache.length(id).unwrap()).collect()
    }

    #[test]
    fn a_fork_shares_until_it_writes() {
        let mut cache = Cache::<f32>::new(&[Some(SHAPE); 2]);
        let first = cache.start();
        fill(&mut cache, first, (0..100).map(|i| i as f32));
        let (second, shared) = cache.fork(first, 80).unwrap();
        assert_eq!(shared, 80);
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
            let blocks = cache.layer_blocks(id, layer).into_iter();
            let elements = blocks.flat_map(|block| block.elements);
            elements.copied().filter(|x| *x != 0.0).collect()
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
    fn states_go_back_with_their_positions() {
        let mut cache = Cache::<f32>::new(&[Some(SHAPE); 2]).with_states(3);
        let [first, second] = [(); 2].map(|()| cache.start());
        fill(&mut cache, first, (0..100).map(|i| i as f32));
        cache.states(&[first])[0].fill(100.0);
        cache.checkpoint(first, 100);
        fill(&mut cache, first, (100..130).map(|i| i as f32));
        cache.states(&[first])[0].fill(130.0);
        let (whole, length) = cache.fork(first, 200).unwrap();
        assert_eq!((length, cache.length(whole)), (130, Some(130)));
        assert_eq!(cache.forkable_len(first, 200), Some(130));
        assert_eq!(cache.forkable_len(first, 129), Some(100));
        let (part, length) = cache.fork(first, 129).unwrap();
        assert_eq!((length, cache.length(part)), (100, Some(100)));
        assert_eq!(cache.truncate(first, 99), 0);
        let ids = [part, second, whole, first];
        let states: Vec<f32> = cache.states(&ids).iter().map(|state| state[2]).collect();
        assert_eq!(states, [100.0, 0.0, 130.0, 0.0]);
        assert_eq!(read(&cache, part), read(&cache, whole)[..100]);
        assert_eq!(cache.next_checkpoint(part, 100), Some(129));
        assert_eq!(cache.truncate(whole, 130), 130);
        cache.end(whole);
        assert_eq!(cache.length(whole), None);
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

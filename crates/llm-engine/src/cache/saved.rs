//! Keys and values as bytes: what one run keeps for the next. Only whole blocks
//! are, and only of models whose every layer attends.

use half::f16;
use llm_kernels::attention::{BLOCK, Element};

use super::{Cache, SequenceId, Sequences};

impl<T: Element> Cache<T> {
    /// Returns the first `positions` positions of a sequence, a multiple of
    /// [`BLOCK`], as bytes: block after block, each element little-endian in its
    /// own size. `None` where there is no such prefix, or a state beside it.
    pub(super) fn blocks_as_bytes(&self, id: SequenceId, positions: usize) -> Option<Vec<u8>> {
        let sequence = self.sequence(id)?;
        let is_whole = positions.is_multiple_of(BLOCK) && positions <= sequence.length;
        if self.state_elements > 0 || !is_whole {
            return None;
        }
        let blocks = &sequence.blocks[..positions / BLOCK];
        let mut bytes = Vec::with_capacity(blocks.len() * self.block_bytes());
        for &block in blocks {
            for element in self.blocks.elements(block) {
                match size_of::<T>() {
                    2 => bytes.extend(f16::from_f32(element.widen()).to_le_bytes()),
                    _ => bytes.extend(element.widen().to_le_bytes()),
                }
            }
        }
        Some(bytes)
    }

    /// Adds a sequence that holds what [`Sequences::save`] has returned; `None` where
    /// the bytes are no such thing.
    pub(super) fn start_from_bytes(&mut self, bytes: &[u8]) -> Option<SequenceId> {
        let size = self.block_bytes();
        if self.state_elements > 0 || size == 0 || !bytes.len().is_multiple_of(size) {
            return None;
        }
        let id = self.start();
        self.extend(id, bytes.len() / size * BLOCK);
        let blocks = self.sequence(id)?.blocks.clone();
        for (block, bytes) in blocks.into_iter().zip(bytes.chunks_exact(size)) {
            let values = bytes.chunks_exact(size_of::<T>()).map(|bytes| {
                T::narrow(match *bytes {
                    [a, b] => f16::from_le_bytes([a, b]).to_f32(),
                    [a, b, c, d] => f32::from_le_bytes([a, b, c, d]),
                    _ => 0.0,
                })
            });
            self.blocks.fill(block, values);
        }
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use llm_kernels::attention::{Block, Shape};

    use super::*;

    const SHAPE: Shape = Shape {
        heads: 1,
        kv_heads: 1,
        head_dim: 2,
        value_dim: 1,
        scale: 1.0,
        soft_cap: None,
    };

    /// The elements of a layer's blocks.
    fn layer<T: Element>(cache: &Cache<T>, id: SequenceId, layer: usize) -> Vec<Vec<f32>> {
        let blocks = cache.layer_blocks(id, layer).into_iter();
        let elements = |block: Block<'_, T>| block.elements.iter().map(|x| x.widen()).collect();
        blocks.map(elements).collect()
    }

    fn filled<T: Element>(positions: usize) -> (Cache<T>, SequenceId) {
        let mut cache = Cache::new(&[Some(SHAPE), None, Some(SHAPE)]);
        let id = cache.start();
        cache.extend(id, positions);
        for position in 0..positions {
            let value = position as f32 / 8.0 - 5.0;
            cache.store(id, 0, position, &[value, -value], &[1.0]);
            cache.store(id, 2, position, &[0.5, value], &[value]);
        }
        (cache, id)
    }

    fn blocks_come_back<T: Element + PartialEq + std::fmt::Debug>() {
        let (mut cache, id) = filled::<T>(150);
        let bytes = cache.save(id, 128).unwrap();
        let other = cache.load(&bytes).unwrap();
        assert_eq!(cache.length(other), Some(128));
        for layer in [0, 2] {
            let found = self::layer(&cache, other, layer);
            assert_eq!(found, self::layer(&cache, id, layer)[..2]);
        }
        assert_eq!(cache.save(other, 128), Some(bytes));
    }

    #[test]
    fn what_is_saved_comes_back_to_the_bit() {
        blocks_come_back::<f16>();
        blocks_come_back::<f32>();
    }

    #[test]
    fn what_is_no_prefix_is_refused() {
        let (mut cache, id) = filled::<f16>(150);
        assert_eq!(cache.save(id, 100), None);
        assert_eq!(cache.save(id, 192), None);
        let bytes = cache.save(id, 64).unwrap();
        assert_eq!(cache.load(&bytes[1..]), None);
        let mut recurrent = Cache::<f16>::new(&[Some(SHAPE)]).with_states(3);
        let sequence = recurrent.start();
        assert_eq!(recurrent.save(sequence, 0), None);
        assert_eq!(recurrent.load(&[]), None);
    }
}

//! The memory of blocks, in slabs of up to 16.
//!
//! In a slab the parts of one layer and one key-value head lie one behind the other,
//! block after block, each at the beginning of a cache line: attention goes through
//! one head of all blocks, which is then as straight a way as memory can offer.

use std::ops::Range;

use llm_kernels::attention::{Block, Element, Shape};

/// Blocks of a slab at the most.
const SLAB: usize = 16;
/// Bytes of a slab at the most, where a block is not more. Where the system gives
/// memory in pages of 2 MiB, a slab's first position takes all of it.
const SLAB_BYTES: usize = 32 << 20;
/// Bytes of a cache line.
const LINE: usize = 64;

/// Blocks, numbered from 0 on, of all layers each.
#[derive(Debug)]
pub(super) struct BlockArena<T> {
    /// One entry a layer; `None` for one that stores nothing.
    layers: Vec<Option<Layer>>,
    slabs: Vec<Slab<T>>,
    /// Blocks of a slab.
    each: usize,
    blocks: usize,
}

/// Where a layer's parts are.
#[derive(Debug, Clone, Copy)]
struct Layer {
    shape: Shape,
    /// Elements before them in a slab.
    first: usize,
    /// Elements from one head's part of a block to the next head's.
    stride: usize,
}

#[derive(Debug)]
struct Slab<T> {
    memory: Vec<T>,
    /// Elements up to the first cache line's beginning.
    start: usize,
}

impl Layer {
    /// Returns where a block of the slab has its parts: from the beginning of the
    /// first head's to the end of the last one's.
    fn range(&self, at: usize) -> Range<usize> {
        let part = self.shape.head_elements();
        let start = self.first + at * part;
        start..start + (self.shape.kv_heads - 1) * self.stride + part
    }
}

impl<T: Element> Slab<T> {
    fn new(elements: usize) -> Self {
        let spare = LINE / size_of::<T>();
        let memory = T::zeros(elements + spare);
        let start = memory.as_ptr().align_offset(LINE);
        // An offset beyond what is spare would mean that none is possible.
        let start = if start <= spare { start } else { 0 };
        Self { memory, start }
    }

    fn elements(&self) -> &[T] {
        &self.memory[self.start..]
    }

    fn elements_mut(&mut self) -> &mut [T] {
        &mut self.memory[self.start..]
    }
}

impl<T: Element> BlockArena<T> {
    pub(super) fn new(shapes: &[Option<Shape>]) -> Self {
        let block: usize = shapes.iter().map(|&shape| part_elements(shape)).sum();
        let bytes = (block * size_of::<T>()).max(1);
        let each = (SLAB_BYTES / bytes).clamp(1, SLAB);
        let mut end = 0;
        let layer = |&shape: &Option<Shape>| {
            let first = end;
            end += each * part_elements(shape);
            let shape = shape.filter(|shape| shape.kv_heads > 0)?;
            let stride = each * shape.head_elements();
            Some(Layer {
                shape,
                first,
                stride,
            })
        };
        Self {
            layers: shapes.iter().map(layer).collect(),
            slabs: Vec::new(),
            each,
            blocks: 0,
        }
    }

    /// Returns the number of blocks.
    pub(super) fn len(&self) -> usize {
        self.blocks
    }

    /// Returns the elements of a block, those of all layers.
    pub(super) fn block_elements(&self) -> usize {
        let shapes = self.layers.iter().flatten();
        shapes.map(|layer| layer.shape.block_elements()).sum()
    }

    /// Adds a block and returns its number. Its pages are only taken once they are
    /// written.
    pub(super) fn add(&mut self) -> usize {
        if self.blocks == self.slabs.len() * self.each {
            self.slabs
                .push(Slab::new(self.each * self.block_elements()));
        }
        self.blocks += 1;
        self.blocks - 1
    }

    /// Returns one layer of a block; `None` where the layer stores nothing.
    pub(super) fn block(&self, layer: usize, block: usize) -> Option<Block<'_, T>> {
        let layer = self.layers[layer]?;
        Some(Block {
            elements: &self.slabs[block / self.each].elements()[layer.range(block % self.each)],
            stride: layer.stride,
        })
    }

    /// Stores the key and value of one position, (`kv_heads`, elements) each, where
    /// the layer stores any.
    pub(super) fn store(
        &mut self,
        layer: usize,
        block: usize,
        slot: usize,
        key: &[f32],
        value: &[f32],
    ) {
        if let Some(layer) = self.layers[layer] {
            let elements = self.slabs[block / self.each].elements_mut();
            let elements = &mut elements[layer.range(block % self.each)];
            let stride = layer.stride;
            layer.shape.store(elements, stride, slot, key, value);
        }
    }

    /// Copies all of a block into another.
    pub(super) fn copy(&mut self, from: usize, to: usize) {
        let memory = std::mem::take(&mut self.slabs[from / self.each].memory);
        let start = self.slabs[from / self.each].start;
        if from / self.each == to / self.each {
            let mut memory = memory;
            for (from, to) in self.parts(from).zip(self.parts(to)) {
                memory.copy_within(start + from.start..start + from.end, start + to.start);
            }
            self.slabs[from / self.each].memory = memory;
            return;
        }
        let parts: Vec<_> = self.parts(from).zip(self.parts(to)).collect();
        let target = self.slabs[to / self.each].elements_mut();
        for (from, to) in parts {
            target[to].copy_from_slice(&memory[start + from.start..start + from.end]);
        }
        self.slabs[from / self.each].memory = memory;
    }

    /// Returns the elements of a block, layer after layer and head after head.
    pub(super) fn elements(&self, block: usize) -> impl Iterator<Item = &T> {
        let elements = self.slabs[block / self.each].elements();
        self.parts(block).flat_map(|part| &elements[part])
    }

    /// Writes the elements of a block, in the order of [`Self::elements`].
    pub(super) fn fill(&mut self, block: usize, mut values: impl Iterator<Item = T>) {
        let parts: Vec<_> = self.parts(block).collect();
        let elements = self.slabs[block / self.each].elements_mut();
        for part in parts {
            for (element, value) in elements[part].iter_mut().zip(&mut values) {
                *element = value;
            }
        }
    }

    /// Returns where a block has its parts in its slab.
    fn parts(&self, block: usize) -> impl Iterator<Item = Range<usize>> {
        let at = block % self.each;
        self.layers.iter().flatten().flat_map(move |layer| {
            let (part, stride) = (layer.shape.head_elements(), layer.stride);
            let first = layer.range(at).start;
            (0..layer.shape.kv_heads).map(move |head| {
                let start = first + head * stride;
                start..start + part
            })
        })
    }
}

/// Returns the elements of a block in a layer of this shape.
pub(super) fn part_elements(shape: Option<Shape>) -> usize {
    shape.map_or(0, |shape| shape.block_elements())
}

#[cfg(test)]
mod tests {
    use half::f16;
    use llm_kernels::attention::BLOCK;

    use super::*;

    const SHAPE: Shape = Shape {
        heads: 4,
        kv_heads: 2,
        head_dim: 2,
        value_dim: 1,
        scale: 1.0,
        soft_cap: None,
    };

    /// Three slabs of two layers with keys and values and one without; each number
    /// occurs once in a block.
    fn filled() -> BlockArena<f32> {
        let wide = Shape {
            kv_heads: 3,
            ..SHAPE
        };
        let mut slabs = BlockArena::new(&[Some(SHAPE), None, Some(wide)]);
        for block in 0..2 * SLAB + 3 {
            assert_eq!(slabs.add(), block);
            for slot in 0..BLOCK {
                let number = |at: usize| (block * 10_000 + slot * 100 + at) as f32;
                let numbers = |from: usize, count: usize| -> Vec<f32> {
                    (from..from + count).map(number).collect()
                };
                slabs.store(0, block, slot, &numbers(1, 4), &numbers(5, 2));
                slabs.store(1, block, slot, &numbers(90, 4), &numbers(90, 2));
                slabs.store(2, block, slot, &numbers(7, 6), &numbers(13, 3));
            }
        }
        slabs
    }

    #[test]
    fn blocks_layers_and_heads_do_not_touch_each_other() {
        let slabs = filled();
        for block in 0..slabs.len() {
            let mut found: Vec<f32> = slabs.elements(block).copied().collect();
            found.sort_by(f32::total_cmp);
            let slot = |slot| (1..=15).map(move |at| (block * 10_000 + slot * 100 + at) as f32);
            assert_eq!(found, (0..BLOCK).flat_map(slot).collect::<Vec<_>>());
            assert_eq!(slabs.block(1, block).map(|block| block.stride), None);
            // Head 2 of the last layer, position 3: keys 11 and 12, value 15.
            let wide = slabs.block(2, block).unwrap();
            let part = &wide.elements[2 * wide.stride..];
            let number = |at| (block * 10_000 + 300 + at) as f32;
            let found = [part[3], part[BLOCK + 3], part[2 * BLOCK + 3]];
            assert_eq!(found, [11, 12, 15].map(number));
        }
    }

    #[test]
    fn a_copy_holds_the_same_in_any_slab() {
        // In the same slab, and in others.
        for (from, to) in [(0, 5), (3, SLAB + 1), (2 * SLAB, 1)] {
            let mut slabs = filled();
            let numbers = |slabs: &BlockArena<f32>, block| -> Vec<f32> {
                slabs.elements(block).copied().collect()
            };
            let before = numbers(&slabs, from);
            let beside = numbers(&slabs, to + 1);
            slabs.copy(from, to);
            assert_eq!(numbers(&slabs, to), before);
            assert_eq!(numbers(&slabs, from), before);
            assert_eq!(numbers(&slabs, to + 1), beside);
            slabs.fill(to, beside.iter().copied());
            assert_eq!(numbers(&slabs, to), beside);
        }
    }

    #[test]
    fn every_part_begins_a_cache_line() {
        let mut slabs = BlockArena::<f16>::new(&[Some(SHAPE); 3]);
        for _ in 0..SLAB + 2 {
            slabs.add();
        }
        for (layer, block) in [(0, 0), (1, 3), (2, SLAB + 1)] {
            let block = slabs.block(layer, block).unwrap();
            for head in 0..SHAPE.kv_heads {
                let part = block.elements[head * block.stride..].as_ptr();
                assert_eq!(part.addr() % LINE, 0);
            }
        }
    }

    #[test]
    fn a_slab_of_large_blocks_holds_few() {
        let each = |layers: usize| BlockArena::<f16>::new(&vec![Some(SHAPE); layers]).each;
        // 768 bytes a layer.
        assert_eq!(
            [each(1), each(2_730), each(10_000), each(50_000)],
            [16, 16, 4, 1]
        );
    }
}

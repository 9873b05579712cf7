//! Whether weights, cache and the rest fit this machine: before the model is loaded, and again where a
//! request needs more cache than any before it.

use std::sync::Arc;

use half::f16;
use llm_engine::forward::{cache_bytes, screen_bytes};
use llm_engine::model::Model;
use llm_engine::spec::Spec;
use llm_record::MemoryEstimate;
use llm_record::gib;

use crate::adapters::Adapters;
use crate::host::{Host, MemoryOptions};

/// Memory that the program needs beside weights and cache: the vocabulary, the
/// buffers of a chunk and the program itself, generously.
const OVERHEAD: u64 = 128 << 20;

/// A cache that the overhead has room for: no request with a smaller one has to
/// wait for a look at the system's tables.
const SMALL_CACHE: u64 = 16 << 20;

/// What requests need of the cache.
#[derive(Clone, Copy)]
pub(crate) struct CacheNeed {
    /// Of all sequences together.
    pub(crate) positions: usize,
    /// Each may have a state.
    pub(crate) sequences: usize,
}

impl CacheNeed {
    /// Returns that of one sequence; with no positions nothing is known of it.
    pub(crate) fn of_sequence(positions: usize) -> Self {
        Self {
            positions,
            sequences: usize::from(positions > 0),
        }
    }
}

/// What a run needs of the memory, and what of it is granted and taken.
pub(crate) struct Memory {
    spec: Arc<Spec>,
    options: MemoryOptions,
    /// Bytes of the weights: those of the file, or as many floats, and the adapters'.
    weights: u64,
    /// Bytes beside weights and cache.
    overhead: u64,
    /// Bytes that this run has taken of what was available at its start. Mapped
    /// weights are never among them: they are page cache, which the system
    /// counts as available before and after. Those that were made are.
    held: Held,
    /// The largest cache that fitted, in bytes.
    granted: u64,
    is_warned: bool,
}

#[derive(Default)]
struct Held {
    weights: u64,
    overhead: u64,
    cache: u64,
}

impl Memory {
    /// Looks up what a model with adapters needs; nothing is taken yet.
    pub(crate) fn new(model: &Model, adapters: &Adapters, options: MemoryOptions) -> Self {
        let (adapter_bytes, made_bytes) = adapters.bytes();
        let (weights, overhead) = if options.is_dense {
            (model.summary.parameters.saturating_mul(4), OVERHEAD)
        } else {
            let screen = screen_bytes(&model.weights);
            (model.summary.weight_bytes, OVERHEAD + screen)
        };
        Self {
            spec: Arc::clone(&model.spec),
            options,
            weights: weights.saturating_add(adapter_bytes),
            overhead,
            // What was made while loading is no page cache.
            held: Held {
                weights: model.summary.made_bytes + made_bytes,
                ..Held::default()
            },
            granted: 0,
            is_warned: false,
        }
    }

    /// Compares weights, the cache and the rest with the memory that there is.
    ///
    /// # Errors
    /// A sentence with both numbers and the way out; where a run is forced it is a
    /// warning, told once.
    pub(crate) fn check(&mut self, need: CacheNeed, host: &dyn Host) -> Result<(), String> {
        let need = Need {
            weights: self.weights,
            cache: self.cache(need),
            overhead: self.overhead,
            positions: need.positions,
        };
        let held = self.held.weights + self.held.overhead + self.held.cache;
        let available = (self.options.available)();
        match need.shortage(available.map(|left| left.saturating_add(held))) {
            None => self.granted = self.granted.max(need.cache),
            Some(sentence) if !self.options.is_forced => {
                return Err(format!("{sentence}, and --force tries nevertheless"));
            }
            Some(sentence) if !self.is_warned => {
                host.warn(&sentence);
                self.is_warned = true;
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// Does the same for a request, unless as much has been granted before.
    ///
    /// # Errors
    /// As [`Memory::check`].
    pub(crate) fn check_request(&mut self, need: CacheNeed, host: &dyn Host) -> Result<(), String> {
        if self.cache(need) <= self.granted.max(SMALL_CACHE) {
            return Ok(());
        }
        self.check(need, host)
    }

    /// Notes that the model is loaded: floats are then memory that is gone.
    pub(crate) fn loaded(&mut self) {
        if self.options.is_dense {
            self.held.weights += self.weights;
        }
    }

    /// Notes that a request has filled so many positions. Their memory stays
    /// with the pool of blocks, and so do the buffers.
    pub(crate) fn took(&mut self, positions: usize) {
        self.held.overhead = self.overhead;
        self.held.cache = self
            .held
            .cache
            .max(self.cache(CacheNeed::of_sequence(positions)));
    }

    /// Returns how many requests of so many positions fit together, at most
    /// `most` and at least one, and what they need.
    pub(crate) fn most_together(&self, most: usize, positions: usize) -> (usize, MemoryEstimate) {
        let available = (self.options.available)();
        let need = |count: usize| MemoryEstimate {
            weights_bytes: self.weights,
            cache_bytes: self.cache(CacheNeed {
                positions: positions.saturating_mul(count),
                sequences: count,
            }),
            overhead_bytes: self.overhead,
            available_bytes: available,
        };
        let fits = |count: &usize| available.is_none_or(|room| need(*count).total() <= room);
        let count = (1..=most).rev().find(fits).unwrap_or(1);
        (count, need(count))
    }

    fn cache(&self, need: CacheNeed) -> u64 {
        if self.options.is_dense {
            cache_bytes::<f32>(&self.spec, need.positions, need.sequences)
        } else {
            cache_bytes::<f16>(&self.spec, need.positions, need.sequences)
        }
    }
}

/// What is needed for one cache length, in bytes.
struct Need {
    weights: u64,
    cache: u64,
    overhead: u64,
    positions: usize,
}

impl Need {
    /// Returns a sentence with both numbers if that much is not there. A system
    /// that does not tell what is there is believed to have enough.
    fn shortage(&self, available: Option<u64>) -> Option<String> {
        let needed = self
            .weights
            .saturating_add(self.cache)
            .saturating_add(self.overhead);
        let available = available.filter(|available| needed > *available)?;
        let cache = match self.positions {
            0 => String::new(),
            positions => format!(", a cache of {} for {positions} tokens", gib(self.cache)),
        };
        Some(format!(
            "weights of {}{cache} and the program need {} of memory, and {} are available; a \
             smaller model, quantization, --ctx-size or -n needs less",
            gib(self.weights),
            gib(needed),
            gib(available),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn weights_and_cache_count_together() {
        let need = Need {
            weights: 5 * GIB,
            cache: 4 * GIB,
            overhead: OVERHEAD,
            positions: 32_768,
        };
        let enough = 9 * GIB + OVERHEAD;
        assert_eq!(need.shortage(Some(enough)), None);
        assert_eq!(need.shortage(None), None);
        // Each fits alone.
        let told = need.shortage(Some(8 * GIB)).unwrap();
        for part in [
            "weights of 5.00 GiB",
            "cache of 4.00 GiB for 32768 tokens",
            "need 9.12 GiB",
            "8.00 GiB are available",
            "--ctx-size",
        ] {
            assert!(told.contains(part), "{told}");
        }
        assert!(need.shortage(Some(enough - 1)).is_some());
    }

    #[test]
    fn before_a_request_is_known_only_the_weights_count() {
        let need = Need {
            weights: 5 * GIB,
            cache: 0,
            overhead: OVERHEAD,
            positions: 0,
        };
        assert_eq!(need.shortage(Some(6 * GIB)), None);
        let told = need.shortage(Some(5 * GIB)).unwrap();
        assert!(!told.contains("cache"), "{told}");
    }

    #[test]
    fn numbers_beyond_all_memory_do_not_wrap() {
        let need = Need {
            weights: u64::MAX,
            cache: u64::MAX,
            overhead: OVERHEAD,
            positions: usize::MAX,
        };
        assert!(need.shortage(Some(u64::MAX - 1)).is_some());
    }
}

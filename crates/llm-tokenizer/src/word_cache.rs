//! Pieces that have come before and their tokens: most words of a text come
//! again, in it or in the next one.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

/// The pieces of all texts of one tokenizer.
#[derive(Debug, Default)]
pub(super) struct WordCache(Mutex<Pieces>);

type Pieces = HashMap<Box<str>, Box<[u32]>, foldhash::fast::RandomState>;

/// Pieces that are kept, some 6 MiB; then all are forgotten.
const MOST: usize = 1 << 16;
/// Longer pieces, in bytes, do not come again.
const LONGEST: usize = 32;

impl WordCache {
    /// Opens them for one text. While another thread has them, this one starts
    /// afresh.
    pub(super) fn open(&self) -> OpenWordCache<'_> {
        OpenWordCache {
            shared: self.0.try_lock().ok(),
            own: Pieces::default(),
        }
    }
}

/// The known pieces while one text is encoded.
#[derive(Debug)]
pub(super) struct OpenWordCache<'k> {
    shared: Option<MutexGuard<'k, Pieces>>,
    own: Pieces,
}

impl OpenWordCache<'_> {
    /// Appends the tokens of `piece`: those known, or those that `encode`
    /// appends.
    pub(super) fn tokens(
        &mut self,
        piece: &str,
        ids: &mut Vec<u32>,
        encode: impl FnOnce(&mut Vec<u32>),
    ) {
        if piece.len() > LONGEST {
            return encode(ids);
        }
        let pieces = self.shared.as_deref_mut().unwrap_or(&mut self.own);
        if let Some(tokens) = pieces.get(piece) {
            return ids.extend_from_slice(tokens);
        }
        let before = ids.len();
        encode(ids);
        if pieces.len() == MOST {
            pieces.clear();
        }
        pieces.insert(piece.into(), ids[before..].into());
    }
}

//! Which records of an output a run has not met again although it has read their files, or their files
//! are no more: pieces of a text that was edited or removed. What is dropped is `prune`'s business.

use std::collections::{HashMap, HashSet};

use llm_record::Closed;

use crate::journal::Key;

/// Says whether a file is no more.
pub type IsGone<'g> = &'g dyn Fn(&str) -> bool;

/// Records of texts that their files no longer have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stale {
    /// How many records.
    pub records: u64,
    /// Of how many files.
    pub files: u64,
}

/// A record of a file's text: the name of its request, and which of equal ones it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) name: Key,
    pub(crate) occurrence: u64,
}

/// The texts of files that an output holds, and the files that a run has read.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    /// The answered ones of the output by file.
    there: HashMap<String, Vec<Piece>>,
    /// Files that were read to their end, as far as this run came.
    read: HashSet<String>,
    /// Files that could not be read, whose texts may be there as before.
    unread: HashSet<String>,
}

impl Pieces {
    /// Takes in a record of the output.
    pub(crate) fn hold(&mut self, closed: &Closed, name: Key) {
        let (Some(path), false) = (&closed.path, closed.is_error) else {
            return;
        };
        let occurrence = closed.occurrence;
        let pieces = self.there.entry(path.clone()).or_default();
        pieces.push(Piece { name, occurrence });
    }

    /// Takes in that a text of a file was met.
    pub(crate) fn meet(&mut self, path: &str) {
        if !self.read.contains(path) {
            self.read.insert(path.to_owned());
        }
    }

    /// Takes in that a file could not be read.
    pub(crate) fn miss(&mut self, path: &str) {
        self.unread.insert(path.to_owned());
    }

    /// Whether what the run has not met of a file is not there any more.
    pub(crate) fn is_settled(&self, path: &str, is_gone: IsGone<'_>) -> bool {
        (self.read.contains(path) && !self.unread.contains(path)) || is_gone(path)
    }

    /// Counts the records that are of no text any more; `is_met` says which the run has met.
    pub(crate) fn stale(&self, is_met: &dyn Fn(Piece) -> bool, is_gone: IsGone<'_>) -> Stale {
        let mut stale = Stale::default();
        for (path, pieces) in &self.there {
            let left = pieces.iter().filter(|piece| !is_met(**piece)).count();
            if left > 0 && self.is_settled(path, is_gone) {
                stale.records += left as u64;
                stale.files += 1;
            }
        }
        stale
    }
}

//! Whether files that were found by their names are the shards of one model.

use super::{Metadata, ValueError};

/// What a file says of its place in a split model.
pub(super) struct Shard {
    /// Counted from 0.
    number: Option<u64>,
    /// Files of the model.
    pub(super) count: Option<u64>,
    /// Tensors of all files together.
    pub(super) tensors: Option<u64>,
    /// Only the first file has to say it.
    architecture: Option<String>,
}

impl Shard {
    pub(super) fn of(metadata: &Metadata) -> Result<Self, ValueError> {
        let architecture = metadata.string("general.architecture")?;
        Ok(Self {
            number: metadata.u64("split.no")?,
            count: metadata.u64("split.count")?,
            tensors: metadata.u64("split.tensors.count")?,
            architecture: architecture.map(str::to_owned),
        })
    }

    /// Returns why this is not the shard at `index` of the model that `first`
    /// begins.
    pub(super) fn fault(&self, index: usize, first: &Self) -> Option<String> {
        let said = |number: Option<u64>| number.map_or("missing".to_owned(), |n| n.to_string());
        let is_split = first.count.is_some_and(|count| count > 1);
        let architecture = self.architecture.as_ref();
        if is_split && self.number != Some(index as u64) {
            return Some(format!("its split.no is {}", said(self.number)));
        }
        if self.count != first.count {
            return Some(format!("its split.count is {}", said(self.count)));
        }
        if let Some(architecture) = architecture.filter(|_| self.architecture != first.architecture)
        {
            return Some(format!("its architecture is '{architecture}'"));
        }
        let stated = self.tensors?;
        let beside = first.tensors.filter(|beside| stated != *beside)?;
        Some(format!(
            "it belongs to {stated} tensors, and the first one to {beside}"
        ))
    }
}

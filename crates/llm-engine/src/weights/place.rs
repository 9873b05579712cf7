//! Which tensor of the file, and which part of it, a matrix of the pass is: by this
//! an adapter finds what it adds to.

/// The part of a tensor that a matrix is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The tensor's name without `.weight`.
    pub tensor: String,
    /// Which matrix of a stack it is, and how many those are.
    pub stacked: Option<(usize, usize)>,
    /// Its first row in the tensor, or in its matrix of the stack.
    pub first: usize,
    /// Its rows.
    pub rows: usize,
    /// All rows of the tensor, or of its matrix of the stack.
    pub all: usize,
    /// Columns.
    pub columns: usize,
}

/// The number of a [`Place`] among those of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaceId(pub(super) usize);

impl PlaceId {
    /// Returns the index in [`super::Weights::places`].
    pub fn index(self) -> usize {
        self.0
    }
}

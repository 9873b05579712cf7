//! The few operations that a level has its own instructions for and that the
//! compiler does not find by itself. Each gives the same bits at every level.

/// Halves that are widened together.
pub(crate) const HALVES: usize = 16;

/// The operations of one level.
pub(crate) trait Primitives {
    /// Widens neighbouring halves.
    fn widen_all(halves: &[u16; HALVES]) -> [f32; HALVES];
}

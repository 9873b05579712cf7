//! What a file says of layers that are a short convolution between two gates.

use super::reader::Reader;
use super::{ShortConvSpec, SpecError};

impl Reader<'_> {
    /// Reads the convolution.
    pub(super) fn short_conv(&self, hidden_size: usize) -> Result<ShortConvSpec, SpecError> {
        Ok(ShortConvSpec {
            kernel: self.kernel("shortconv.l_cache")?,
            channels: hidden_size,
        })
    }
}

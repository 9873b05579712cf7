//! What a file says of a stream with copies, and of gates of which little is kept (Gemma
//! 3n).

use llm_gguf::Value;

use super::SpecError;
use super::reader::Reader;

/// A stream with copies (alternating updates, Baykal et al. 2023, arXiv:2301.13310): a
/// layer predicts all of them, computes one, and corrects all by what came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AltUpSpec {
    /// The copies, the one that is computed included.
    pub copies: usize,
    /// The one that is computed.
    pub active: usize,
}

impl Reader<'_> {
    /// Reads the copies, of a family that has some.
    pub(super) fn altup(&self) -> Result<Option<AltUpSpec>, SpecError> {
        /// More copies than this are a broken header, not a model.
        const MOST_COPIES: usize = 64;
        if !self.family.alternating_updates {
            return Ok(None);
        }
        let copies = self.size("altup.num_inputs")?;
        let active = self.size_or_none("altup.active_idx")?.unwrap_or(0);
        if (2..=MOST_COPIES).contains(&copies) && active < copies {
            return Ok(Some(AltUpSpec { copies, active }));
        }
        Err(SpecError::Contradiction(format!(
            "{copies} copies of the stream, of which the one after {active} others is computed"
        )))
    }

    /// Reads for each layer how many deviations above its mean a gate is to be.
    pub(super) fn gate_sparsity(&self, count: usize) -> Result<Vec<Option<f32>>, SpecError> {
        let key = self.key("activation_sparsity_scale");
        let Some(Value::Floats(scales)) = self.metadata.get(&key) else {
            return Ok(vec![None; count]);
        };
        // Minus infinity, the end of the bell curve, is everything.
        let scale = |layer| Some(scales.get(layer)?).map(|it| Some(it).filter(|it| it.is_finite()));
        let scales: Vec<_> = (0..count).map_while(scale).collect();
        if scales.len() == count {
            return Ok(scales);
        }
        Err(SpecError::Contradiction(format!(
            "{key} has {} numbers for {count} layers",
            scales.len()
        )))
    }
}

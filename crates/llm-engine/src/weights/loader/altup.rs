//! The tensors of a stream with copies.

use super::Loader;
use crate::weights::{AltUp, Copies, Linear, WeightsError};

impl Loader<'_> {
    pub(in crate::weights) fn copies(&self) -> Result<Option<Copies>, WeightsError> {
        let Some(altup) = self.spec.altup else {
            return Ok(None);
        };
        let made = altup.copies - 1;
        Ok(Some(Copies {
            projections: self.squares("altup_proj", made)?,
            unprojections: self.squares("altup_unembd_proj", made)?,
        }))
    }

    /// Returns matrices that GGUF files hold in one tensor, and folders in one each.
    fn squares(&self, name: &str, count: usize) -> Result<Vec<Linear>, WeightsError> {
        let hidden_size = self.spec.hidden_size;
        if self.has(&format!("{name}.0")) {
            let one = |at: usize| self.linear(&format!("{name}.{at}"), hidden_size, hidden_size);
            return (0..count).map(one).collect();
        }
        self.stack(name, count, hidden_size, hidden_size)
    }

    pub(super) fn altup(&self, index: usize) -> Result<Option<Box<AltUp>>, WeightsError> {
        let Some(altup) = self.spec.altup else {
            return Ok(None);
        };
        let (hidden_size, copies) = (self.spec.hidden_size, altup.copies);
        let name = |part: &str| format!("blk.{index}.{part}");
        let numbers = |part: &str, shape: &[usize]| {
            self.floats(self.tensor(&name(&format!("{part}.weight")))?, shape)
        };
        let rank = self.matrix_rows(&name("laurel_l"))?;
        Ok(Some(Box::new(AltUp {
            router_norm: self.norm(&name("altup_router_norm"), &[hidden_size])?,
            router: numbers("altup_router", &[hidden_size, copies])?,
            prediction: numbers("altup_predict_coef", &[copies, copies * copies])?,
            correction: numbers("altup_correct_coef", &[copies, copies])?,
            scale: numbers("altup_correct_scale", &[hidden_size])?,
            laurel_down: self.linear(&name("laurel_l"), rank, hidden_size)?,
            laurel_up: self.linear(&name("laurel_r"), hidden_size, rank)?,
            laurel_norm: self.norm(&name("laurel_post_norm"), &[hidden_size])?,
        })))
    }
}

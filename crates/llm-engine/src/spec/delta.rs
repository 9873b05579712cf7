//! What a file says of layers that keep a state: which they are, and its shape.

use super::reader::Reader;
use super::{DeltaSpec, SpecError};
use crate::family::Family;
use crate::gguf::Value;

impl Reader<'_> {
    /// Reads the shape of the state; `None` for a family without one.
    pub(super) fn delta(
        &self,
        family: &Family,
        rope_dim: usize,
    ) -> Result<Option<DeltaSpec>, SpecError> {
        /// More tokens in a convolution are a broken header, not a model.
        const MOST_TAPS: usize = 64;
        if family.attends_every.is_none() {
            return Ok(None);
        }
        self.check_sections(rope_dim)?;
        let delta = DeltaSpec {
            kernel: self.size("ssm.conv_kernel")?,
            key_heads: self.size("ssm.group_count")?,
            value_heads: self.size("ssm.time_step_rank")?,
            head_dim: self.size("ssm.state_size")?,
        };
        let inner = self.size("ssm.inner_size")?;
        let possible = (2..=MOST_TAPS).contains(&delta.kernel)
            && delta.value_heads.is_multiple_of(delta.key_heads)
            && delta.value_width() == inner;
        if possible {
            return Ok(Some(delta));
        }
        Err(SpecError::Contradiction(format!(
            "a state of {inner} elements in {} heads of {}, {} heads of keys, a convolution of {}",
            delta.value_heads, delta.head_dim, delta.key_heads, delta.kernel
        )))
    }

    /// Reads which layers keep a state.
    pub(super) fn recurrent(&self, family: &Family, count: usize) -> Result<Vec<bool>, SpecError> {
        let Some(every) = family.attends_every else {
            return Ok(vec![false; count]);
        };
        // One truth value a layer.
        let key = self.key("attention.recurrent_layers");
        if let Some(Value::Integers(layers)) = self.metadata.get(&key) {
            let mut layers: Vec<_> = layers.iter().map(|recurrent| recurrent != 0).collect();
            layers.resize(count, false);
            return Ok(layers);
        }
        let own = self.optional_size("full_attention_interval")?;
        let every = own.unwrap_or(every);
        Ok((1..=count).map(|nth| !nth.is_multiple_of(every)).collect())
    }

    /// Checks that every rotated pair follows the text. Pairs take turns
    /// between a picture's time, height and width, which are all the position
    /// where there is only text, as far as these sections reach; a pair behind
    /// them would stand still.
    fn check_sections(&self, rope_dim: usize) -> Result<(), SpecError> {
        let key = self.key("rope.dimension_sections");
        let Some(Value::Integers(sections)) = self.metadata.get(&key) else {
            return Ok(());
        };
        let sections: Vec<i128> = sections.iter().take(4).map(i128::from).collect();
        let whole: i128 = sections.iter().sum();
        let follows = |pair: usize| {
            let (axis, turn) = (pair % 3, (pair / 3) as i128);
            sections.get(axis).is_some_and(|length| turn < *length)
        };
        if whole >= (rope_dim / 2) as i128 && (0..rope_dim / 2).all(follows) {
            return Ok(());
        }
        Err(SpecError::Unsupported(format!(
            "a rotation in the sections {sections:?} of {} pairs",
            rope_dim / 2
        )))
    }
}

//! What a file says of layers that keep a state by state-space duality.

use super::reader::Reader;
use super::{SpecError, SsdSpec};

impl Reader<'_> {
    /// Reads the shape of the state.
    pub(super) fn ssd(&self) -> Result<SsdSpec, SpecError> {
        let inner = self.size("ssm.inner_size")?;
        let spec = SsdSpec {
            kernel: self.kernel("ssm.conv_kernel")?,
            heads: self.size("ssm.time_step_rank")?,
            head_dim: 0,
            state_dim: self.size("ssm.state_size")?,
            groups: self.size("ssm.group_count")?,
        };
        if inner.is_multiple_of(spec.heads) && spec.heads.is_multiple_of(spec.groups) {
            let head_dim = inner / spec.heads;
            return Ok(SsdSpec { head_dim, ..spec });
        }
        Err(SpecError::Contradiction(format!(
            "a state of {inner} elements in {} heads and {} groups",
            spec.heads, spec.groups
        )))
    }
}

#[cfg(test)]
mod tests {
    use crate::spec::{MixerSpec, Spec, SpecError};
    use llm_gguf::{Metadata, Value};

    /// Mamba-2 with 2.7B, with some numbers replaced.
    fn spec(replaced: &[(&str, u64)]) -> Result<Spec, SpecError> {
        let mut metadata = Metadata::default();
        let text = Value::String("mamba2".to_owned());
        metadata.insert("general.architecture", text);
        let epsilon = "mamba2.attention.layer_norm_rms_epsilon";
        metadata.insert(epsilon, Value::Float(1e-5));
        let published = [
            ("block_count", 64),
            ("context_length", 1 << 20),
            ("embedding_length", 2560),
            ("feed_forward_length", 0),
            ("attention.head_count", 0),
            ("ssm.conv_kernel", 4),
            ("ssm.group_count", 1),
            ("ssm.time_step_rank", 80),
            ("ssm.state_size", 128),
            ("ssm.inner_size", 5120),
        ];
        for (name, number) in published.iter().chain(replaced) {
            metadata.insert(format!("mamba2.{name}"), Value::Unsigned(*number));
        }
        Spec::from_metadata(&metadata)
    }

    #[test]
    fn a_model_that_never_attends_is_read() {
        let spec = spec(&[]).unwrap();
        let Some(MixerSpec::Ssd(ssd)) = spec.mixer else {
            panic!("it keeps states");
        };
        assert_eq!((ssd.head_dim, ssd.mixed_width()), (64, 5120 + 2 * 128));
        let is_alone = spec.layers.iter().all(|it| it.recurrent && !it.attends);
        assert!(is_alone && spec.layers.iter().all(|it| it.intermediate_size == 0));
        assert_eq!(spec.state_elements(), 64 * (3 * 5376 + 5120 * 128));
    }

    #[test]
    fn numbers_that_cannot_be_are_refused() {
        for (name, number) in [
            ("ssm.group_count", 3),
            ("ssm.inner_size", 5121),
            ("ssm.time_step_rank", 0),
            ("ssm.conv_kernel", 1),
        ] {
            let told = spec(&[(name, number)]).unwrap_err().to_string();
            assert!(told.contains("contradict"), "{told}");
        }
    }
}

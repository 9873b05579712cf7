//! What a file says of layers that keep a state by the gated delta rule.

use super::reader::Reader;
use super::{GatedDeltaNetSpec, SpecError};

impl Reader<'_> {
    /// Reads the shape of the state.
    pub(super) fn gated_delta_net(&self, rope_dim: usize) -> Result<GatedDeltaNetSpec, SpecError> {
        self.check_sections(rope_dim)?;
        let delta = GatedDeltaNetSpec {
            kernel: self.kernel("ssm.conv_kernel")?,
            key_heads: self.size("ssm.group_count")?,
            value_heads: self.size("ssm.time_step_rank")?,
            grouped: self.family.grouped_value_heads,
            head_dim: self.size("ssm.state_size")?,
        };
        let inner = self.size("ssm.inner_size")?;
        if delta.value_heads.is_multiple_of(delta.key_heads) && delta.value_width() == inner {
            return Ok(delta);
        }
        Err(SpecError::Contradiction(format!(
            "a state of {inner} elements in {} heads of {}, {} heads of keys",
            delta.value_heads, delta.head_dim, delta.key_heads
        )))
    }

    /// Checks that the sections of a picture's time, height and width, which are all the
    /// position where there is only text, are as many pairs as are rotated.
    pub(super) fn check_reach(&self, rope_dim: usize) -> Result<(), SpecError> {
        let key = self.key("rope.dimension_sections");
        let sections = self.metadata.integers(&key)?;
        let sections: Vec<i64> = sections.map_or_else(Vec::new, |it| it.iter().collect());
        let whole: i128 = sections.iter().map(|&section| i128::from(section)).sum();
        if sections.is_empty() || whole >= (rope_dim / 2) as i128 {
            return Ok(());
        }
        Err(SpecError::Unsupported(format!(
            "a rotation in the sections {sections:?} of {} pairs",
            rope_dim / 2
        )))
    }

    /// Checks that every rotated pair follows the text. Pairs take turns
    /// between a picture's time, height and width, which are all the position
    /// where there is only text, as far as these sections reach; a pair behind
    /// them would stand still.
    fn check_sections(&self, rope_dim: usize) -> Result<(), SpecError> {
        let key = self.key("rope.dimension_sections");
        let Some(sections) = self.metadata.integers(&key)? else {
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

#[cfg(test)]
mod tests {
    use crate::spec::{Spec, SpecError};
    use llm_gguf::{Metadata, Value};

    /// Qwen 3.5 4B, with some numbers replaced.
    fn spec(replaced: &[(&str, Value)]) -> Result<Spec, SpecError> {
        let mut metadata = Metadata::default();
        let text = Value::String("qwen35".to_owned());
        metadata.insert("general.architecture", text);
        metadata.insert(
            "qwen35.attention.layer_norm_rms_epsilon",
            Value::Float(1e-6),
        );
        for (name, number) in [
            ("block_count", 32),
            ("context_length", 262_144),
            ("embedding_length", 2560),
            ("feed_forward_length", 9216),
            ("attention.head_count", 16),
            ("attention.head_count_kv", 4),
            ("attention.key_length", 256),
            ("attention.value_length", 256),
            ("rope.dimension_count", 64),
            ("ssm.conv_kernel", 4),
            ("ssm.group_count", 16),
            ("ssm.time_step_rank", 32),
            ("ssm.state_size", 128),
            ("ssm.inner_size", 4096),
            ("full_attention_interval", 4),
        ] {
            metadata.insert(format!("qwen35.{name}"), Value::Unsigned(number));
        }
        let sections = [11, 11, 10, 0].into_iter().collect();
        metadata.insert("qwen35.rope.dimension_sections", Value::Integers(sections));
        for (name, value) in replaced {
            metadata.insert(format!("qwen35.{name}"), value.clone());
        }
        Spec::from_metadata(&metadata)
    }

    fn attending(spec: &Spec) -> Vec<usize> {
        let layers = spec.layers.iter().enumerate();
        let attending = layers.filter(|(_, layer)| !layer.recurrent);
        attending.map(|(index, _)| index).collect()
    }

    fn integers(numbers: &[i64]) -> Value {
        Value::Integers(numbers.iter().copied().collect())
    }

    #[test]
    fn every_fourth_layer_attends_where_the_file_says_nothing_else() {
        let whole = spec(&[]).unwrap();
        assert_eq!(attending(&whole), [3, 7, 11, 15, 19, 23, 27, 31]);
        // Of 24 layers 32 states of 128 x 128 and three tokens of 8192 channels.
        assert_eq!(whole.state_elements(), 24 * (32 * 128 * 128 + 3 * 8192));
        let own = spec(&[
            ("block_count", Value::Unsigned(3)),
            ("attention.recurrent_layers", integers(&[0, 1, 0])),
        ]);
        assert_eq!(attending(&own.unwrap()), [0, 2]);
        let guessing = spec(&[
            ("block_count", Value::Unsigned(33)),
            ("nextn_predict_layers", Value::Unsigned(1)),
        ])
        .unwrap();
        assert_eq!(guessing.mtp_layers, 1);
        assert_eq!(guessing.layers, whole.layers);
    }

    #[test]
    fn numbers_that_cannot_be_are_refused() {
        let told = |name, value| spec(&[(name, value)]).unwrap_err().to_string();
        for (name, number) in [
            ("ssm.group_count", 12),
            ("ssm.inner_size", 4095),
            ("ssm.conv_kernel", 65),
            ("ssm.conv_kernel", 1),
        ] {
            let told = told(name, Value::Unsigned(number));
            assert!(
                told.contains("contradict") && told.contains("heads"),
                "{told}"
            );
        }
        let told_ahead = told("nextn_predict_layers", Value::Unsigned(32));
        assert!(
            told_ahead.contains("32 of them to guess ahead"),
            "{told_ahead}"
        );
        for sections in [
            &[11, 11, 9, 0][..],
            &[12, 10, 10, 0],
            &[24, 20, 20, 0][..2],
            &[],
        ] {
            let told = told("rope.dimension_sections", integers(sections));
            assert!(
                told.contains("sections") && told.contains("not supported"),
                "{told}"
            );
        }
        assert!(spec(&[("rope.dimension_sections", integers(&[16, 12, 12, 0]))]).is_ok());
    }
}

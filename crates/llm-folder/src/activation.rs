//! The numbers of xIELU, which are tensors of one element in a folder and, in GGUF files,
//! metadata: a list of the layers' numbers each.

use std::collections::BTreeMap;

use llm_gguf::Value;
use llm_kernels::dequantize::dequantize_row;

use super::header::Stored;

/// (what a layer's tensor is called, GGUF's key)
const NAMES: [(&str, &str); 4] = [
    ("mlp.act_fn.alpha_p", "xielu.alpha_p"),
    ("mlp.act_fn.alpha_n", "xielu.alpha_n"),
    ("mlp.act_fn.beta", "xielu.beta"),
    ("mlp.act_fn.eps", "xielu.eps"),
];

/// The numbers that were found, by their keys and layers.
#[derive(Debug, Default)]
pub(super) struct Activations(BTreeMap<(&'static str, u64), f32>);

impl Activations {
    /// Takes a tensor of the file of `bytes`, if it is such a number.
    ///
    /// # Errors
    /// What is wrong with it, as the rest of a sentence that begins with the file.
    pub(super) fn take(&mut self, tensor: &Stored, bytes: &[u8]) -> Result<bool, String> {
        let part = tensor.name.strip_prefix("model.layers.");
        let part = part.and_then(|part| part.split_once('.'));
        let found = part.and_then(|(layer, name)| {
            let (_, key) = NAMES.iter().find(|(known, _)| *known == name)?;
            Some((*key, layer.parse().ok()?))
        });
        let Some(place) = found else {
            return Ok(false);
        };
        let mut number = [0.0];
        let stored = tensor.dtype.and_then(|dtype| {
            let size = dtype.size(1)? as usize;
            let start = tensor.offset as usize;
            Some((dtype.format()?, bytes.get(start..start + size)?))
        });
        match stored {
            Some((format, stored)) if tensor.shape.iter().product::<u64>() == 1 => {
                dequantize_row(format, stored, &mut number);
            }
            _ => return Err(format!("the tensor '{}' is not one number", tensor.name)),
        }
        self.0.insert(place, number[0]);
        Ok(true)
    }

    /// Returns the lists of a model with so many layers, those that have all of them.
    pub(super) fn lists(&self, layers: u64) -> Vec<(&'static str, Value)> {
        let list = |(_, key): (&str, &'static str)| {
            let of_key = self.0.range((key, 0)..(key, layers));
            let numbers: Vec<f32> = of_key.map(|(_, number)| *number).collect();
            let all = !numbers.is_empty() && numbers.len() as u64 == layers;
            all.then(|| (key, Value::Floats(numbers.into_iter().collect())))
        };
        NAMES.into_iter().filter_map(list).collect()
    }
}

//! What stands between the matrices of a feed-forward step without a gate.

use llm_gguf::Value;
use llm_kernels::vector::{Activation, Xielu};

use super::SpecError;
use super::reader::Reader;
use crate::family::Ungated;

impl Reader<'_> {
    /// Reads the activation of each layer, `None` where the step has a gate.
    pub(super) fn activations(&self, count: usize) -> Result<Vec<Option<Activation>>, SpecError> {
        Ok(match self.family.ungated {
            None => vec![None; count],
            Some(Ungated::GeluTanh) => vec![Some(self.gelu()?); count],
            Some(Ungated::ReluSquared) => vec![Some(Activation::ReluSquared); count],
            Some(Ungated::Xielu) => {
                let [positive, negative, slope, least] = [
                    self.xielu("alpha_p", count)?,
                    self.xielu("alpha_n", count)?,
                    self.xielu("beta", count)?,
                    self.xielu("eps", count)?,
                ];
                let of_layer = |at: usize| Xielu {
                    positive: softplus(positive[at]),
                    negative: slope[at] + softplus(negative[at]),
                    slope: slope[at],
                    least: least[at],
                };
                let layers = (0..count).map(|at| Some(Activation::Xielu(of_layer(at))));
                layers.collect()
            }
        })
    }

    /// GELU, in its tanh form where the file does not say.
    fn gelu(&self) -> Result<Activation, SpecError> {
        match self.text("feed_forward_activation")? {
            None => Ok(Activation::GeluTanh),
            Some("gelu") => Ok(Activation::Gelu),
            Some(other) => Err(SpecError::Unsupported(format!(
                "the feed_forward_activation '{other}'"
            ))),
        }
    }

    /// A number of xIELU for each layer, which the file may give once for all. Its
    /// key does not begin with the architecture.
    fn xielu(&self, name: &str, count: usize) -> Result<Vec<f32>, SpecError> {
        let key = format!("xielu.{name}");
        let numbers: Vec<f32> = match self.metadata.get(&key) {
            Some(Value::Floats(numbers)) => {
                (0..count).map_while(|layer| numbers.get(layer)).collect()
            }
            _ => vec![
                self.metadata
                    .f32(&key)?
                    .ok_or_else(|| SpecError::Missing(key.clone()))?;
                count
            ],
        };
        if numbers.len() < count || numbers.iter().any(|number| !number.is_finite()) {
            return Err(SpecError::Contradiction(format!(
                "{key} does not have a finite number for each of {count} layers"
            )));
        }
        Ok(numbers)
    }
}

/// `ln(1 + e^x)`
fn softplus(x: f32) -> f32 {
    if x > 20.0 { x } else { x.exp().ln_1p() }
}

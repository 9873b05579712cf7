//! The weights of a norm, and what it does with them.

use llm_kernels::simd::Level;
use llm_kernels::vector;

/// The weights of a norm.
#[derive(Debug, Clone, PartialEq)]
pub struct Norm {
    /// What the elements are multiplied by.
    pub weight: Vec<f32>,
    /// What is added then, where the norm takes the mean away: zeros where the file
    /// has none. `None` where it divides by the root mean square.
    pub bias: Option<Vec<f32>>,
}

impl Norm {
    /// Norms `x` in place.
    pub fn apply(&self, level: Level, x: &mut [f32], epsilon: f32) {
        self.apply_part(level, x, epsilon, 0);
    }

    /// Norms `x` in place with the weights from `first` on.
    pub fn apply_part(&self, level: Level, x: &mut [f32], epsilon: f32, first: usize) {
        let part = first..first + x.len();
        let weight = &self.weight[part.clone()];
        match &self.bias {
            None => vector::rms_norm_in_place(level, x, weight, epsilon),
            Some(bias) => vector::layer_norm(level, x, weight, &bias[part], epsilon),
        }
    }

    /// Writes the normed `x` to `out`.
    pub fn write(&self, level: Level, x: &[f32], epsilon: f32, out: &mut [f32]) {
        if self.bias.is_none() {
            vector::rms_norm(level, x, &self.weight, epsilon, out);
        } else {
            out.copy_from_slice(x);
            self.apply(level, out, epsilon);
        }
    }
}

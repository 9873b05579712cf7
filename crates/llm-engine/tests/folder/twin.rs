//! The same weights as a GGUF file with F32 weights, by rules that are written
//! down here once more.

use llm_gguf::Gguf;
use llm_kernels::mmap::Mapping;

use super::{Plan, Tensor};
use crate::gguf::Writer;

impl Plan {
    pub(super) fn twin(&self, tensors: &[Tensor]) -> Gguf {
        let mut file = Writer::default();
        let key = |name: &str| format!("{}.{name}", self.architecture);
        file.text("general.architecture", self.architecture);
        for (name, size) in [
            ("block_count", self.layers),
            ("embedding_length", self.hidden_size),
            ("feed_forward_length", self.intermediate_size),
            ("attention.head_count", self.heads),
            ("attention.head_count_kv", self.kv_heads),
            ("attention.key_length", self.head_dim),
            ("attention.value_length", self.head_dim),
            ("context_length", 4096),
        ] {
            file.size(&key(name), size);
        }
        file.float(&key("attention.layer_norm_rms_epsilon"), 1e-5);
        file.float(&key("rope.freq_base"), 50_000.0);
        if self.experts > 0 {
            file.size(&key("expert_count"), self.experts);
            file.size(&key("expert_used_count"), 2);
        }
        if self.shared_experts > 0 {
            file.size(&key("expert_shared_count"), self.shared_experts);
            file.size(&key("leading_dense_block_count"), self.dense_layers);
            file.float(&key("expert_weights_scale"), 1.0);
        }
        if let Some(size) = self.expert_size {
            file.size(&key("expert_feed_forward_length"), size);
        }
        if self.is_gemma() {
            file.size(&key("attention.sliding_window"), 16);
            file.text(&key("rope.scaling.type"), "linear");
            file.float(&key("rope.scaling.factor"), 8.0);
            file.float(&key("attention.scale"), 32_f32.sqrt().recip());
        }
        let mut put = |name: &str, shape: &[usize], numbers: &[f32]| {
            let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
            let shape: Vec<usize> = shape.iter().rev().copied().collect();
            file.tensor(name, &shape, 0, &bytes);
        };
        if self.divisors {
            put("rope_freqs.weight", &[self.head_dim / 2], &self.divisors());
        }
        for tensor in tensors {
            let numbers = self.of_twin(tensor);
            put(&tensor.ours, &tensor.shape, &numbers);
        }
        let bytes = file.finish();
        let mapping = Mapping::anonymous(bytes.len(), |image| image.copy_from_slice(&bytes));
        Gguf::from_mapping("twin", mapping.unwrap()).unwrap()
    }

    /// Llama 3's, as transformers' `_compute_llama3_parameters` has them, with
    /// wavelengths compared to 256 and 64.
    fn divisors(&self) -> Vec<f32> {
        let pairs = (0..self.head_dim).step_by(2);
        let frequencies = pairs.map(|at| 50_000_f32.powf(-(at as f32) / self.head_dim as f32));
        let divisor = |frequency: f32| {
            let length = 2.0 * std::f32::consts::PI / frequency;
            if length < 64.0 {
                return 1.0;
            }
            if length > 256.0 {
                return 8.0;
            }
            let smooth = (256.0 / length - 1.0) / 3.0;
            frequency / ((1.0 - smooth) * frequency / 8.0 + smooth * frequency)
        };
        frequencies.map(divisor).collect()
    }

    fn of_twin(&self, tensor: &Tensor) -> Vec<f32> {
        let numbers = tensor.numbers.iter().map(|&x| self.dtype.rounded(x));
        if self.is_gemma() && tensor.ours.ends_with("norm.weight") {
            return numbers.map(|x| 1.0 + x).collect();
        }
        let numbers: Vec<f32> = numbers.collect();
        let is_rotated = tensor.ours.contains("attn_q.") || tensor.ours.contains("attn_k.");
        // llama.cpp's converter permutes them for these.
        if !["llama", "deepseek"].contains(&self.architecture) || !is_rotated {
            return numbers;
        }
        // Element j of the halves' pair (j, j + d / 2) goes to 2 j and 2 j + 1.
        let columns = numbers.len() / tensor.shape[0];
        let half = self.head_dim / 2;
        let mut out = Vec::new();
        for head in numbers.chunks(self.head_dim * columns) {
            for pair in 0..half {
                for row in [pair, pair + half] {
                    out.extend_from_slice(&head[row * columns..][..columns]);
                }
            }
        }
        out
    }
}

//! Tiny models with random weights, written as GGUF and read back.
//!
//! Weights are scaled so that a wrong step shows: scores of attention spread
//! over some units, so that it is far from an average, and so do logits.

use std::io::Write;

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};

use super::Model;
use super::gguf::Writer;
use super::random::Random;

/// What a tiny model has.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) family: &'static str,
    pub(crate) layers: usize,
    pub(crate) vocabulary: usize,
    pub(crate) width: usize,
    pub(crate) feed_forward: usize,
    pub(crate) heads: usize,
    pub(crate) kv_heads: usize,
    pub(crate) head_dim: usize,
    pub(crate) rope_dim: usize,
    pub(crate) window: Option<usize>,
    pub(crate) tied: bool,
    pub(crate) biases: bool,
    pub(crate) rope_divisors: bool,
    pub(crate) soft_caps: bool,
    pub(crate) linear_scaling: Option<f32>,
    /// How matrices are stored; vectors are F32.
    pub(crate) matrices: GgmlDType,
}

/// Grouped queries, an output of its own, biases, divisors of the rotation.
pub(crate) const LLAMA: Plan = Plan {
    family: "llama",
    layers: 3,
    vocabulary: 97,
    width: 96,
    feed_forward: 112,
    heads: 6,
    kv_heads: 2,
    head_dim: 16,
    rope_dim: 16,
    window: None,
    tied: false,
    biases: true,
    rope_divisors: true,
    soft_caps: false,
    linear_scaling: None,
    matrices: GgmlDType::F32,
};

/// A key head for each query head, a tied output, half of a head rotated.
pub(crate) const LLAMA_TIED: Plan = Plan {
    kv_heads: 6,
    rope_dim: 8,
    tied: true,
    biases: false,
    rope_divisors: false,
    ..LLAMA
};

/// Windows shorter than a block of the cache, all norms, heads that are longer
/// than their share of the width.
pub(crate) const GEMMA3: Plan = Plan {
    family: "gemma3",
    layers: 7,
    width: 80,
    heads: 4,
    kv_heads: 1,
    head_dim: 24,
    rope_dim: 24,
    window: Some(16),
    ..LLAMA_TIED
};

/// Windows over more than one block, soft caps, stretched positions.
pub(crate) const GEMMA3_CAPPED: Plan = Plan {
    kv_heads: 2,
    window: Some(100),
    soft_caps: true,
    linear_scaling: Some(8.0),
    ..GEMMA3
};

pub(crate) const PLANS: [(&str, Plan); 4] = [
    ("llama", LLAMA),
    ("llama, tied", LLAMA_TIED),
    ("gemma3", GEMMA3),
    ("gemma3, capped", GEMMA3_CAPPED),
];

impl Plan {
    /// Makes the model. The file is gone when this returns; the map stays.
    pub(crate) fn build(&self, seed: u64) -> Model {
        let mut maker = Maker {
            plan: self,
            random: Random(seed),
            file: Writer::default(),
        };
        maker.metadata();
        maker.tensors();
        let mut file = tempfile::NamedTempFile::with_suffix(".gguf").unwrap();
        file.write_all(&maker.file.finish()).unwrap();
        file.flush().unwrap();
        Model::open(file.path())
    }
}

struct Maker<'a> {
    plan: &'a Plan,
    random: Random,
    file: Writer,
}

impl Maker<'_> {
    fn metadata(&mut self) {
        let (plan, file) = (self.plan, &mut self.file);
        let key = |name: &str| format!("{}.{name}", plan.family);
        file.text("general.architecture", plan.family);
        file.size(&key("block_count"), plan.layers);
        file.size(&key("embedding_length"), plan.width);
        file.size(&key("feed_forward_length"), plan.feed_forward);
        file.size(&key("attention.head_count"), plan.heads);
        file.size(&key("attention.head_count_kv"), plan.kv_heads);
        file.size(&key("attention.key_length"), plan.head_dim);
        file.size(&key("rope.dimension_count"), plan.rope_dim);
        file.size(&key("context_length"), 4096);
        file.float(&key("attention.layer_norm_rms_epsilon"), 1e-5);
        file.float(&key("rope.freq_base"), 50_000.0);
        if let Some(window) = plan.window {
            file.size(&key("attention.sliding_window"), window);
        }
        if plan.soft_caps {
            file.float(&key("attn_logit_softcapping"), 4.0);
            file.float(&key("final_logit_softcapping"), 10.0);
        }
        if let Some(factor) = plan.linear_scaling {
            file.text(&key("rope.scaling.type"), "linear");
            file.float(&key("rope.scaling.factor"), factor);
        }
    }

    fn tensors(&mut self) {
        let plan = self.plan;
        let queries = plan.heads * plan.head_dim;
        let keys = plan.kv_heads * plan.head_dim;
        // Rows of a tied embedding are also what logits are taken from, and
        // those shall spread over some units.
        let rows = 3.0 / (plan.width as f32).sqrt();
        self.matrix_of("token_embd", plan.vocabulary, plan.width, rows);
        if !plan.tied {
            self.matrix("output", plan.vocabulary, plan.width, 3.0);
        }
        self.norm("output_norm", plan.width);
        if plan.rope_divisors {
            // As Llama 3.1 has them: 1 for the fast pairs, 8 for the slow.
            let pairs = plan.rope_dim / 2;
            let divisors: Vec<f32> = (0..pairs)
                .map(|i| 1.0 + 7.0 * i as f32 / pairs as f32)
                .collect();
            self.vector("rope_freqs.weight", &divisors);
        }
        for layer in 0..plan.layers {
            let name = |part: &str| format!("blk.{layer}.{part}");
            self.norm(&name("attn_norm"), plan.width);
            self.matrix(&name("attn_q"), queries, plan.width, 1.5);
            self.matrix(&name("attn_k"), keys, plan.width, 1.5);
            self.matrix(&name("attn_v"), keys, plan.width, 1.0);
            self.matrix(&name("attn_output"), plan.width, queries, 1.0);
            self.norm(&name("ffn_norm"), plan.width);
            self.matrix(&name("ffn_gate"), plan.feed_forward, plan.width, 1.0);
            self.matrix(&name("ffn_up"), plan.feed_forward, plan.width, 1.0);
            self.matrix(&name("ffn_down"), plan.width, plan.feed_forward, 1.0);
            if plan.family == "gemma3" {
                self.norm(&name("attn_q_norm"), plan.head_dim);
                self.norm(&name("attn_k_norm"), plan.head_dim);
                self.norm(&name("post_attention_norm"), plan.width);
                self.norm(&name("post_ffw_norm"), plan.width);
            }
        }
    }

    /// A matrix whose products have `gain` times the size of their input, and
    /// its bias where the plan has them.
    fn matrix(&mut self, name: &str, rows: usize, columns: usize, gain: f32) {
        self.matrix_of(name, rows, columns, gain / (columns as f32).sqrt());
        if self.plan.biases {
            let bias = self.random.normals(rows, 0.0, 0.3);
            self.vector(&format!("{name}.bias"), &bias);
        }
    }

    fn matrix_of(&mut self, name: &str, rows: usize, columns: usize, deviation: f32) {
        let weights = self.random.normals(rows * columns, 0.0, deviation);
        let tensor = Tensor::from_vec(weights, (rows, columns), &Device::Cpu).unwrap();
        let blocks = QTensor::quantize(&tensor, self.plan.matrices).unwrap();
        let bytes = blocks.data().unwrap();
        let id = type_id(self.plan.matrices);
        self.file
            .tensor(&format!("{name}.weight"), &[columns, rows], id, &bytes);
    }

    fn norm(&mut self, name: &str, length: usize) {
        let weights = self.random.normals(length, 1.0, 0.2);
        self.vector(&format!("{name}.weight"), &weights);
    }

    fn vector(&mut self, name: &str, vector: &[f32]) {
        let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.file
            .tensor(name, &[vector.len()], type_id(GgmlDType::F32), &bytes);
    }
}

/// ggml's number of a type.
fn type_id(dtype: GgmlDType) -> u32 {
    match dtype {
        GgmlDType::F32 => 0,
        GgmlDType::F16 => 1,
        GgmlDType::Q4_0 => 2,
        GgmlDType::Q4_1 => 3,
        GgmlDType::Q5_0 => 6,
        GgmlDType::Q5_1 => 7,
        GgmlDType::Q8_0 => 8,
        GgmlDType::Q2K => 10,
        GgmlDType::Q3K => 11,
        GgmlDType::Q4K => 12,
        GgmlDType::Q5K => 13,
        GgmlDType::Q6K => 14,
        GgmlDType::BF16 => 30,
        GgmlDType::Q8_1 | GgmlDType::Q8K => panic!("{dtype:?} is for activations"),
    }
}

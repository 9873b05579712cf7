//! A plan and a seed → the bytes of a GGUF file.

mod copies;
mod mixers;

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use half::f16;
use llm_engine::family::{self, Family, NormKind, Norms, QueryKeyNorm, Residual, Ungated};
use llm_gguf::TensorType;
use llm_kernels::block::Format;
use llm_kernels::dequantize::dequantize_row;

use super::{ExpertPlan, Extra, Joined, Matrices, MlaPlan, Plan, VariedPlan};
use crate::support::gguf::Writer;
use crate::support::measure::rms;
use crate::support::random::Random;

pub(super) fn make(plan: &Plan, seed: u64) -> Writer {
    let mut maker = Maker {
        plan,
        family: family::find(plan.family).unwrap(),
        random: Random(seed),
        file: Writer::default(),
    };
    maker.metadata();
    maker.tensors();
    maker.file
}

struct Maker<'a> {
    plan: &'a Plan,
    family: &'a Family,
    random: Random,
    file: Writer,
}

impl Maker<'_> {
    fn metadata(&mut self) {
        let (plan, file) = (self.plan, &mut self.file);
        let key = |name: &str| format!("{}.{name}", plan.family);
        file.text("general.architecture", plan.family);
        // llama.cpp wants to know that there is no vocabulary.
        file.text("tokenizer.ggml.model", "none");
        file.size(&key("vocab_size"), plan.vocabulary);
        file.size(&key("block_count"), plan.layers);
        file.size(&key("embedding_length"), plan.hidden_size);
        file.size(&key("attention.head_count"), plan.heads);
        match plan.varied {
            Some(varied) => plan.describe(&varied, file),
            None => {
                let gates = if self.family.gate_in_length { 2 } else { 1 };
                if !mixers::lists_lengths(plan) {
                    file.size(&key("feed_forward_length"), gates * plan.intermediate_size);
                }
                if !mixers::lists_heads(plan) {
                    file.size(&key("attention.head_count_kv"), plan.kv_heads);
                }
                file.size(&key("rope.dimension_count"), plan.rope_dim);
            }
        }
        let (keys, values) = match plan.mla {
            Some(mla) if mla.absorbed => (mla.kv_lora_rank + plan.rope_dim, mla.kv_lora_rank),
            Some(mla) => (plan.head_dim, mla.value_dim),
            None => {
                let length = plan.varied.map_or(plan.head_dim, |varied| varied.head_dim);
                (length, length)
            }
        };
        file.size(&key("attention.key_length"), keys);
        file.size(&key("attention.value_length"), values);
        file.size(&key("context_length"), context(self.family));
        let epsilon = match self.family.norm {
            NormKind::Rms => "attention.layer_norm_rms_epsilon",
            NormKind::Layer => "attention.layer_norm_epsilon",
        };
        file.float(&key(epsilon), 1e-5);
        if self.family.ungated == Some(Ungated::Xielu) {
            let of_layers = |first: f32| -> Vec<f32> {
                let layers = 0..plan.layers;
                layers.map(|layer| first + 0.1 * layer as f32).collect()
            };
            file.floats("xielu.alpha_p", &of_layers(0.3));
            file.floats("xielu.alpha_n", &of_layers(0.6));
            file.floats("xielu.beta", &of_layers(0.4));
            file.floats("xielu.eps", &vec![-1e-6; plan.layers]);
        }
        file.float(&key("rope.freq_base"), 50_000.0);
        if let Some(experts) = plan.experts {
            file.size(&key("expert_count"), experts.count);
            file.size(&key("expert_used_count"), experts.used);
        }
        if let Some(mixer) = plan.mixer {
            mixers::describe(plan, mixer, file);
        }
        for (name, value) in plan.extra {
            match *value {
                Extra::Size(size) => file.size(&key(name), size),
                Extra::Sizes(sizes) => file.sizes(&key(name), sizes),
                Extra::Float(number) => file.float(&key(name), number),
                Extra::Text(text) => file.text(&key(name), text),
                Extra::Bool(truth) => file.bool(&key(name), truth),
            }
        }
    }

    fn tensors(&mut self) {
        let plan = self.plan;
        // Rows of a tied embedding are also what logits are taken from, and
        // those shall spread over some units.
        let rows = 3.0 / (plan.hidden_size as f32).sqrt();
        self.matrix_of("token_embd", &[plan.vocabulary], plan.hidden_size, rows);
        if !plan.tied {
            self.matrix("output", plan.vocabulary, plan.hidden_size, 3.0);
        }
        if self.family.learned_positions {
            self.matrix_of(
                "position_embd",
                &[context(self.family)],
                plan.hidden_size,
                rows,
            );
        }
        self.norm(self.family.output_norm, plan.hidden_size);
        for (name, most) in plan.rope_factors {
            // As Llama 3.1 has them: 1 for the fast pairs, more for the slow.
            let pairs = plan.varied.map_or(plan.rope_dim, |varied| varied.head_dim) / 2;
            let divisor = |i| 1.0 + (most - 1.0) * i as f32 / pairs as f32;
            let divisors: Vec<f32> = (0..pairs).map(divisor).collect();
            self.vector(&format!("{name}.weight"), &divisors);
        }
        if let Some(varied) = plan.varied.filter(|varied| varied.per_layer > 0) {
            let all = plan.layers * varied.per_layer;
            let size = 1.0 / (varied.per_layer as f32).sqrt();
            self.matrix_of("per_layer_token_embd", &[plan.vocabulary], all, size);
            self.matrix("per_layer_model_proj", all, plan.hidden_size, 1.0);
            self.norm("per_layer_proj_norm", varied.per_layer);
        }
        if plan.copies() > 0 {
            self.copies(plan.copies());
        }
        for layer in 0..plan.layers {
            if self.family.norms != Norms::After {
                self.norm(&format!("blk.{layer}.attn_norm"), plan.hidden_size);
            }
            let mixer = plan.mixer.as_ref();
            if mixer.is_none_or(|mixer| mixer.attends(layer)) {
                self.attention(layer);
            }
            if let Some(mixer) = mixer.filter(|mixer| mixer.keeps_a_state(layer)) {
                self.mixer(layer, mixer.step);
            }
            let has_mlp = mixer.is_none_or(|mixer| mixer.has_mlp(layer));
            if plan.intermediate_size > 0 && has_mlp {
                self.intermediate_size(layer);
            }
            if let Some(varied) = plan.varied {
                self.layer_end(layer, varied.per_layer);
            }
            if plan.copies() > 0 {
                self.altup(layer, plan.copies());
            }
        }
    }

    /// What comes behind the feed-forward step.
    fn layer_end(&mut self, layer: usize, inputs: usize) {
        let plan = self.plan;
        let name = |part: &str| format!("blk.{layer}.{part}");
        if inputs > 0 {
            self.matrix(&name("inp_gate"), inputs, plan.hidden_size, 1.0);
            self.matrix(&name("proj"), plan.hidden_size, inputs, plan.step);
            self.norm(&name("post_norm"), plan.hidden_size);
        }
        if plan.copies() > 0 {
            return;
        }
        let scale = self.random.normals(1, 0.8, 0.1);
        self.vector(&name("layer_output_scale.weight"), &scale);
    }

    fn attention(&mut self, layer: usize) {
        let plan = self.plan;
        let name = |part: &str| format!("blk.{layer}.{part}");
        let (kv_heads, head_dim) = plan.heads_of(layer);
        let (queries, keys) = (plan.heads * head_dim, kv_heads * head_dim);
        let own_keys = layer + plan.varied.map_or(0, |varied| varied.sharing) < plan.layers;
        // Gemma 3n's files have keys of all layers, whoever uses them.
        let has_keys = own_keys || plan.copies() > 0;
        let has_values = !plan.is_global(layer) || !plan.varied.is_some_and(|it| it.keys_as_values);
        if self.family.residual == Residual::Parallel && plan.two_norms {
            self.norm(&name("attn_norm_2"), plan.hidden_size);
        }
        let mut attended = queries;
        if let Some(mla) = plan.mla {
            attended = plan.heads * mla.value_dim;
            self.mla(layer, mla);
        } else if matches!(plan.joined, Joined::Heads | Joined::Everything) {
            self.matrix(&name("attn_qkv"), queries + 2 * keys, plan.hidden_size, 1.5);
        } else {
            let gates = if self.family.gated_attention {
                queries
            } else {
                0
            };
            self.matrix(&name("attn_q"), queries + gates, plan.hidden_size, 1.5);
            if has_keys {
                self.matrix(&name("attn_k"), keys, plan.hidden_size, 1.5);
            }
            if has_keys && has_values {
                self.matrix(&name("attn_v"), keys, plan.hidden_size, 1.0);
            }
        }
        match self.family.query_key_norm.filter(|_| plan.query_key_norm) {
            None | Some(QueryKeyNorm::Unweighted) => {}
            Some(QueryKeyNorm::EachHead) => {
                for (part, heads) in [("attn_q_norm", plan.heads), ("attn_k_norm", kv_heads)] {
                    let weights = self.random.normals(heads * head_dim, 1.0, 0.2);
                    let name = format!("{}.weight", name(part));
                    self.numbers(&name, &[head_dim, heads], &weights);
                }
            }
            Some(QueryKeyNorm::Head) => {
                // Scores that nothing divides shall spread as far as others.
                let size = if self.family.unscaled_scores {
                    1.5 / (head_dim as f32).powf(0.25)
                } else {
                    1.0
                };
                self.norm_of(&name("attn_q_norm"), head_dim, size);
                if has_keys {
                    self.norm_of(&name("attn_k_norm"), head_dim, size);
                }
            }
            Some(QueryKeyNorm::All) => {
                self.norm(&name("attn_q_norm"), queries);
                self.norm(&name("attn_k_norm"), keys);
            }
        }
        if self.family.sinks {
            let sinks = self.random.normals(plan.heads, 1.0, 1.0);
            self.vector(&name("attn_sinks.weight"), &sinks);
        }
        self.matrix(&name("attn_output"), plan.hidden_size, attended, plan.step);
        if self.family.norms != Norms::Before {
            self.norm_of(&name("post_attention_norm"), plan.hidden_size, plan.step);
        }
    }

    fn mla(&mut self, layer: usize, mla: MlaPlan) {
        let plan = self.plan;
        let name = |part: &str| format!("blk.{layer}.{part}");
        let queries = plan.heads * plan.head_dim;
        let unrotated = plan.head_dim - plan.rope_dim;
        match mla.q_lora_rank {
            Some(rank) => {
                self.matrix(&name("attn_q_a"), rank, plan.hidden_size, 1.0);
                self.norm(&name("attn_q_a_norm"), rank);
                self.matrix(&name("attn_q_b"), queries, rank, 1.5);
            }
            None => self.matrix(&name("attn_q"), queries, plan.hidden_size, 1.5),
        }
        self.matrix(
            &name("attn_kv_a_mqa"),
            mla.kv_lora_rank + plan.rope_dim,
            plan.hidden_size,
            1.5,
        );
        self.norm(&name("attn_kv_a_norm"), mla.kv_lora_rank);
        if mla.absorbed {
            let keys = [plan.heads, mla.kv_lora_rank];
            let values = [plan.heads, mla.value_dim];
            let gain = 1.5 / (mla.kv_lora_rank as f32).sqrt();
            self.matrix_of(&name("attn_k_b"), &keys, unrotated, gain);
            self.matrix_of(&name("attn_v_b"), &values, mla.kv_lora_rank, gain);
        } else {
            let rows = plan.heads * (unrotated + mla.value_dim);
            self.matrix(&name("attn_kv_b"), rows, mla.kv_lora_rank, 1.5);
        }
    }

    fn intermediate_size(&mut self, layer: usize) {
        let plan = self.plan;
        let name = |part: &str| format!("blk.{layer}.{part}");
        let normed = match self.family.residual {
            Residual::Sequential => self.family.norms != Norms::After,
            Residual::OfFile => true,
            Residual::Parallel => false,
            Residual::ParallelUnlessNormed => plan.two_norms,
        };
        // Which a layer of one step has already.
        if self.family.feed_forward_norm == "attn_norm" {
        } else if normed && plan.bare_norm {
            let weights = self.random.normals(plan.hidden_size, 1.0, 0.2);
            self.vector(&name(self.family.feed_forward_norm), &weights);
        } else if normed {
            self.norm(&name(self.family.feed_forward_norm), plan.hidden_size);
        }
        match plan.experts {
            Some(experts) if self.family.parallel_dense_mlp => {
                self.mlp(layer, "", plan.intermediate_size);
                self.experts(layer, experts);
                self.beside(layer, experts);
            }
            Some(experts) if experts.are_in(layer) => self.experts(layer, experts),
            _ => self.mlp(layer, "", plan.feed_forward_of(layer)),
        }
        if self.family.norms != Norms::Before {
            self.norm_of(&name("post_ffw_norm"), plan.hidden_size, plan.step);
        }
    }

    /// What experts beside a dense step have more.
    fn beside(&mut self, layer: usize, plan: ExpertPlan) {
        let name = |part: &str| format!("blk.{layer}.{part}");
        let hidden_size = self.plan.hidden_size;
        for part in ["pre_ffw_norm_2", "post_ffw_norm_1", "post_ffw_norm_2"] {
            self.norm(&name(part), hidden_size);
        }
        // The router's input is divided by the root of the hidden_size.
        let size = (hidden_size as f32).sqrt();
        let scale = self.random.normals(hidden_size, size, 0.2 * size);
        self.vector(&name("ffn_gate_inp.scale"), &scale);
        let scale = self.random.normals(plan.count, 1.0, 0.2);
        self.vector(&name("ffn_down_exps.scale"), &scale);
    }

    fn mlp(&mut self, layer: usize, kind: &str, inner: usize) {
        let hidden_size = self.plan.hidden_size;
        let name = |part: &str| format!("blk.{layer}.ffn_{part}{kind}");
        if self.family.ungated.is_some() {
            self.matrix(&name("up"), inner, hidden_size, 1.0);
        } else if matches!(self.plan.joined, Joined::Nothing | Joined::Heads) {
            self.matrix(&name("gate"), inner, hidden_size, 1.0);
            self.matrix(&name("up"), inner, hidden_size, 1.0);
        } else {
            self.matrix(&name("up"), 2 * inner, hidden_size, 1.0);
        }
        self.matrix(&name("down"), hidden_size, inner, self.plan.step);
    }

    fn experts(&mut self, layer: usize, plan: ExpertPlan) {
        let name = |part: &str| format!("blk.{layer}.{part}");
        let hidden_size = self.plan.hidden_size;
        self.matrix(&name("ffn_gate_inp"), plan.count, hidden_size, 2.0);
        let mut width = hidden_size;
        if plan.latent > 0 {
            width = plan.latent;
            self.matrix(&name("ffn_latent_down"), width, hidden_size, 1.0);
            self.matrix(&name("ffn_latent_up"), hidden_size, width, 1.0);
        }
        if plan.router_bias {
            let bias = self.random.normals(plan.count, 0.0, 0.2);
            self.vector(&name("exp_probs_b.bias"), &bias);
        }
        if plan.separate {
            for expert in 0..plan.count {
                self.mlp(layer, &format!(".{expert}"), plan.inner);
            }
        } else {
            if plan.joined {
                self.stack(&name("ffn_gate_up_exps"), plan.count, 2 * plan.inner, width);
            } else {
                if self.family.ungated.is_none() {
                    self.stack(&name("ffn_gate_exps"), plan.count, plan.inner, width);
                }
                self.stack(&name("ffn_up_exps"), plan.count, plan.inner, width);
            }
            self.stack(&name("ffn_down_exps"), plan.count, width, plan.inner);
        }
        if plan.shared > 0 {
            self.mlp(layer, "_shexp", plan.shared * plan.inner);
            if plan.shared_gate {
                let gate = self
                    .random
                    .normals(hidden_size, 0.0, 1.0 / (hidden_size as f32).sqrt());
                self.vector(&name("ffn_gate_inp_shexp.weight"), &gate);
            }
        }
    }

    /// A matrix whose products have `gain` times the size of their input, and
    /// its bias where the plan has one.
    fn matrix(&mut self, name: &str, rows: usize, columns: usize, gain: f32) {
        self.matrix_of(name, &[rows], columns, gain / (columns as f32).sqrt());
        if self.has_bias(name) {
            let bias = self.random.normals(rows, 0.0, 0.3);
            self.vector(&format!("{name}.bias"), &bias);
        }
    }

    /// `count` matrices in one tensor, and their biases.
    fn stack(&mut self, name: &str, count: usize, rows: usize, columns: usize) {
        let deviation = 1.0 / (columns as f32).sqrt();
        self.matrix_of(name, &[count, rows], columns, deviation);
        if self.has_bias(name) {
            let biases = self.random.normals(count * rows, 0.0, 0.3);
            let bytes: Vec<u8> = biases.iter().flat_map(|x| x.to_le_bytes()).collect();
            let name = format!("{name}.bias");
            let id = type_id(GgmlDType::F32);
            self.file.tensor(&name, &[rows, count], id, &bytes);
        }
    }

    fn has_bias(&self, name: &str) -> bool {
        let part = name.rsplit('.').next().unwrap();
        self.plan.biases.contains(&part)
    }

    /// A tensor of shape (`outer`, columns); the outermost extent first.
    fn matrix_of(&mut self, name: &str, outer: &[usize], columns: usize, deviation: f32) {
        let rows: usize = outer.iter().product();
        let (id, bytes) = match self.plan.matrices {
            Matrices::Quantized(dtype) => {
                let weights = self.random.normals(rows * columns, 0.0, deviation);
                let tensor = Tensor::from_vec(weights, (rows, columns), &Device::Cpu).unwrap();
                let blocks = QTensor::quantize(&tensor, dtype).unwrap();
                (type_id(dtype), blocks.data().unwrap().to_vec())
            }
            Matrices::Random(format) => {
                let bytes = self.random_blocks(format, rows * columns, deviation);
                (TensorType::from(format).0, bytes)
            }
        };
        let shape: Vec<usize> = [columns]
            .into_iter()
            .chain(outer.iter().rev().copied())
            .collect();
        self.file
            .tensor(&format!("{name}.weight"), &shape, id, &bytes);
    }

    /// Blocks of random bits, with the scale that gives weights the deviation.
    fn random_blocks(&mut self, format: Format, weights: usize, deviation: f32) -> Vec<u8> {
        let mut bytes = self.random.bytes(format.row_bytes(weights));
        let scale = |bytes: &mut [u8], scale: f32| {
            for block in bytes.chunks_exact_mut(format.block_bytes()) {
                match format {
                    // An exponent of two.
                    Format::Mxfp4 => block[0] = (127.0 + scale.log2().round()) as u8,
                    _ => block[..2].copy_from_slice(&f16::from_f32(scale).to_le_bytes()),
                }
            }
        };
        scale(&mut bytes, 1.0);
        let mut floats = vec![0.0; weights];
        dequantize_row(format, &bytes, &mut floats);
        scale(&mut bytes, deviation / rms(&floats));
        bytes
    }

    fn norm(&mut self, name: &str, length: usize) {
        self.norm_of(name, length, 1.0);
    }

    fn norm_of(&mut self, name: &str, length: usize, size: f32) {
        let weights = self.random.normals(length, size, 0.2 * size);
        self.vector(&format!("{name}.weight"), &weights);
        if self.family.norm == NormKind::Layer && self.has_bias(name) {
            let bias = self.random.normals(length, 0.0, 0.3);
            self.vector(&format!("{name}.bias"), &bias);
        }
    }

    fn vector(&mut self, name: &str, vector: &[f32]) {
        self.numbers(name, &[vector.len()], vector);
    }

    /// A tensor that is F32 whatever the plan, the innermost extent first.
    fn numbers(&mut self, name: &str, shape: &[usize], numbers: &[f32]) {
        let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.file
            .tensor(name, shape, type_id(GgmlDType::F32), &bytes);
    }
}

/// Positions that a model was trained for.
fn context(family: &Family) -> usize {
    if family.learned_positions { 512 } else { 4096 }
}

impl Plan {
    fn is_global(&self, layer: usize) -> bool {
        let varied = self.varied.as_ref();
        varied.is_some_and(|varied| (layer + 1).is_multiple_of(varied.global_every))
    }

    /// Key heads of a layer and the elements of each.
    fn heads_of(&self, layer: usize) -> (usize, usize) {
        match &self.varied {
            Some(varied) if self.is_global(layer) => (varied.kv_heads, varied.head_dim),
            _ => (self.kv_heads, self.head_dim),
        }
    }

    fn feed_forward_of(&self, layer: usize) -> usize {
        let sharing = self.varied.map_or(0, |varied| varied.sharing);
        let wide = layer + sharing >= self.layers && self.copies() == 0;
        self.intermediate_size * if wide { 2 } else { 1 }
    }

    /// Writes the numbers that differ from layer to layer.
    fn describe(&self, varied: &VariedPlan, file: &mut Writer) {
        let key = |name: &str| format!("{}.{name}", self.family);
        let layers = 0..self.layers;
        let inner: Vec<_> = layers.clone().map(|at| self.feed_forward_of(at)).collect();
        file.sizes(&key("feed_forward_length"), &inner);
        let heads: Vec<_> = layers.clone().map(|at| self.heads_of(at).0).collect();
        file.sizes(&key("attention.head_count_kv"), &heads);
        let windows: Vec<_> = layers.map(|at| !self.is_global(at)).collect();
        file.bools(&key("attention.sliding_window_pattern"), &windows);
        file.size(&key("attention.key_length_swa"), self.head_dim);
        file.size(&key("attention.value_length_swa"), self.head_dim);
        file.size(&key("rope.dimension_count"), varied.head_dim);
        file.size(&key("rope.dimension_count_swa"), self.rope_dim);
        file.size(&key("attention.shared_kv_layers"), varied.sharing);
        file.size(&key("embedding_length_per_layer_input"), varied.per_layer);
        if varied.copies > 0 {
            let scale = |layer| {
                if layer < 10 {
                    1.644_853_6
                } else {
                    f32::NEG_INFINITY
                }
            };
            let scales: Vec<_> = (0..self.layers).map(scale).collect();
            file.floats(&key("activation_sparsity_scale"), &scales);
        }
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

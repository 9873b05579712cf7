//! The tensors of a tiny model, with random numbers, by both their names.

use super::{Plan, Tensor};
use crate::random::Random;

impl Plan {
    #[allow(
        clippy::too_many_lines,
        reason = "a list of tensors, one after another"
    )]
    pub(super) fn tensors(&self, seed: u64) -> Vec<Tensor> {
        let mut maker = Maker {
            plan: self,
            random: Random(seed),
            tensors: Vec::new(),
        };
        let (hidden_size, inner) = (self.hidden_size, self.intermediate_size);
        let (queries, keys) = (self.heads * self.head_dim, self.kv_heads * self.head_dim);
        maker.matrix(
            "model.embed_tokens",
            "token_embd",
            [self.vocabulary, hidden_size],
            3.0,
        );
        if !self.tied {
            maker.matrix("lm_head", "output", [self.vocabulary, hidden_size], 3.0);
        }
        maker.norm("model.norm", "output_norm", hidden_size);
        for layer in 0..self.layers {
            let theirs = |name: &str| format!("model.layers.{layer}.{name}");
            let ours = |name: &str| format!("blk.{layer}.{name}");
            let split = [
                ("q_proj", "attn_q", [queries, hidden_size], 1.5),
                ("k_proj", "attn_k", [keys, hidden_size], 1.5),
                ("v_proj", "attn_v", [keys, hidden_size], 1.0),
                ("o_proj", "attn_output", [hidden_size, queries], 1.0),
            ];
            let joined = [
                (
                    "qkv_proj",
                    "attn_qkv",
                    [queries + 2 * keys, hidden_size],
                    1.5,
                ),
                split[3],
            ];
            let projections = if self.fused { &joined[..] } else { &split };
            for &(name, our_name, shape, gain) in projections {
                let theirs = theirs(&format!("self_attn.{name}"));
                maker.matrix(&theirs, &ours(our_name), shape, gain);
                if self.biases && name != "o_proj" {
                    maker.bias(&theirs, &ours(our_name), shape[0]);
                }
            }
            let (wide, narrow) = ([inner, hidden_size], [hidden_size, inner]);
            if self.experts > 0 && layer >= self.dense_layers {
                let inner = self.expert_size.unwrap_or(inner);
                let (wide, narrow) = ([inner, hidden_size], [hidden_size, inner]);
                let router = [self.experts, hidden_size];
                let theirs = theirs("block_sparse_moe");
                maker.matrix(
                    &format!("{theirs}.gate"),
                    &ours("ffn_gate_inp"),
                    router,
                    2.0,
                );
                for expert in 0..self.experts {
                    for (name, our_name, shape) in [
                        ("w1", "ffn_gate", wide),
                        ("w3", "ffn_up", wide),
                        ("w2", "ffn_down", narrow),
                    ] {
                        let theirs = format!("{theirs}.experts.{expert}.{name}");
                        maker.matrix(&theirs, &ours(&format!("{our_name}.{expert}")), shape, 1.0);
                    }
                }
                let inner = self.shared_experts * inner;
                for (name, our_name, shape) in [
                    ("gate_proj", "ffn_gate_shexp", [inner, hidden_size]),
                    ("up_proj", "ffn_up_shexp", [inner, hidden_size]),
                    ("down_proj", "ffn_down_shexp", [hidden_size, inner]),
                ] {
                    if self.shared_experts > 0 {
                        let theirs = format!("{theirs}.shared_experts.{name}");
                        maker.matrix(&theirs, &ours(our_name), shape, 1.0);
                    }
                }
            } else {
                let split = [
                    ("gate_proj", "ffn_gate", wide),
                    ("up_proj", "ffn_up", wide),
                    ("down_proj", "ffn_down", narrow),
                ];
                let joined = [
                    ("gate_up_proj", "ffn_up", [2 * inner, hidden_size]),
                    split[2],
                ];
                for &(name, our_name, shape) in if self.fused { &joined[..] } else { &split } {
                    maker.matrix(&theirs(&format!("mlp.{name}")), &ours(our_name), shape, 1.0);
                }
            }
            maker.norm(&theirs("input_layernorm"), &ours("attn_norm"), hidden_size);
            let after = theirs("post_attention_layernorm");
            if self.is_gemma() {
                maker.norm(&after, &ours("post_attention_norm"), hidden_size);
                maker.norm(
                    &theirs("pre_feedforward_layernorm"),
                    &ours("ffn_norm"),
                    hidden_size,
                );
                maker.norm(
                    &theirs("post_feedforward_layernorm"),
                    &ours("post_ffw_norm"),
                    hidden_size,
                );
            } else {
                maker.norm(&after, &ours("ffn_norm"), hidden_size);
            }
            if self.head_norms {
                maker.norm(
                    &theirs("self_attn.q_norm"),
                    &ours("attn_q_norm"),
                    self.head_dim,
                );
                maker.norm(
                    &theirs("self_attn.k_norm"),
                    &ours("attn_k_norm"),
                    self.head_dim,
                );
            }
        }
        maker.tensors
    }
}

struct Maker<'a> {
    plan: &'a Plan,
    random: Random,
    tensors: Vec<Tensor>,
}

impl Maker<'_> {
    fn put(&mut self, theirs: &str, ours: String, shape: &[usize], mean: f32, deviation: f32) {
        let numbers = self.random.normals(shape.iter().product(), mean, deviation);
        let shape = shape.to_vec();
        self.tensors.push(Tensor {
            theirs: self.plan.spelled(theirs),
            ours,
            shape,
            numbers,
        });
    }

    fn matrix(&mut self, theirs: &str, ours: &str, shape: [usize; 2], gain: f32) {
        let deviation = gain / (shape[1] as f32).sqrt();
        let name = |name: &str| format!("{name}.weight");
        self.put(&name(theirs), name(ours), &shape, 0.0, deviation);
    }

    fn bias(&mut self, theirs: &str, ours: &str, length: usize) {
        let name = |name: &str| format!("{name}.bias");
        self.put(&name(theirs), name(ours), &[length], 0.0, 0.3);
    }

    fn norm(&mut self, theirs: &str, ours: &str, length: usize) {
        let name = |name: &str| format!("{name}.weight");
        let mean = if self.plan.is_gemma() { 0.0 } else { 1.0 };
        self.put(&name(theirs), name(ours), &[length], mean, 0.2);
    }
}

//! Tiny models with random weights, written as a folder and, see `twin`, as a
//! GGUF file.

mod tensors;
mod twin;

use std::path::{Path, PathBuf};

use half::{bf16, f16};
use llm_gguf::Gguf;
use serde_json::{Map, Value, json};

/// How the folder stores weights.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Dtype {
    F32,
    F16,
    Bf16,
}

impl Dtype {
    fn name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::Bf16 => "BF16",
        }
    }

    fn bytes(self, number: f32) -> Vec<u8> {
        match self {
            Self::F32 => number.to_le_bytes().to_vec(),
            Self::F16 => f16::from_f32(number).to_le_bytes().to_vec(),
            Self::Bf16 => bf16::from_f32(number).to_le_bytes().to_vec(),
        }
    }

    fn rounded(self, number: f32) -> f32 {
        match self {
            Self::F32 => number,
            Self::F16 => f16::from_f32(number).to_f32(),
            Self::Bf16 => bf16::from_f32(number).to_f32(),
        }
    }
}

/// What a tiny model has.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) model_type: &'static str,
    pub(crate) architecture: &'static str,
    pub(crate) layers: usize,
    pub(crate) vocabulary: usize,
    pub(crate) hidden_size: usize,
    pub(crate) intermediate_size: usize,
    pub(crate) heads: usize,
    pub(crate) kv_heads: usize,
    pub(crate) head_dim: usize,
    pub(crate) tied: bool,
    pub(crate) biases: bool,
    pub(crate) head_norms: bool,
    pub(crate) divisors: bool,
    /// Experts of a layer, a tensor each; 0 for one step without.
    pub(crate) experts: usize,
    /// Experts that every token goes through, in one step.
    pub(crate) shared_experts: usize,
    /// First layers, which have no experts.
    pub(crate) dense_layers: usize,
    /// Length of an expert, where it is not that of a step without.
    pub(crate) expert_size: Option<usize>,
    /// What its folders call differently: (Llama's or Mixtral's name, theirs).
    pub(crate) spelling: &'static [(&'static str, &'static str)],
    /// Queries, keys and values are one matrix, and gate and up another.
    pub(crate) fused: bool,
    pub(crate) dtype: Dtype,
    pub(crate) shards: usize,
}

pub(crate) const LLAMA: Plan = Plan {
    model_type: "llama",
    architecture: "llama",
    layers: 3,
    vocabulary: 97,
    hidden_size: 96,
    intermediate_size: 128,
    heads: 6,
    kv_heads: 2,
    head_dim: 16,
    tied: false,
    biases: false,
    head_norms: false,
    divisors: true,
    experts: 0,
    shared_experts: 0,
    dense_layers: 0,
    expert_size: None,
    spelling: &[],
    fused: false,
    dtype: Dtype::F32,
    shards: 1,
};

pub(crate) const QWEN3: Plan = Plan {
    model_type: "qwen3",
    architecture: "qwen3",
    head_dim: 24,
    tied: true,
    head_norms: true,
    divisors: false,
    ..LLAMA
};

pub(crate) const GEMMA3: Plan = Plan {
    model_type: "gemma3_text",
    architecture: "gemma3",
    layers: 7,
    ..QWEN3
};

/// EXAONE 3's names, which llama.cpp's `tensor_mapping.py` has beside Llama's; `tests/published/exaone-3.5` is such a
/// folder that its converter has read.
const EXAONE: &[(&str, &str)] = &[
    ("hidden_act", "activation_function"),
    ("num_hidden_layers", "num_layers"),
    ("rms_norm_eps", "layer_norm_epsilon"),
    ("model.embed_tokens", "transformer.wte"),
    ("model.norm", "transformer.ln_f"),
    ("model.layers", "transformer.h"),
    ("input_layernorm", "ln_1"),
    ("post_attention_layernorm", "ln_2"),
    ("self_attn.o_proj", "attn.attention.out_proj"),
    ("self_attn", "attn.attention"),
    ("mlp.gate_proj", "mlp.c_fc_0"),
    ("mlp.up_proj", "mlp.c_fc_1"),
    ("mlp.down_proj", "mlp.c_proj"),
];

/// The names of DeepSeek's first mixture, as its converter in llama.cpp reads them, also in
/// `tests/published/deepseek-moe`.
const DEEPSEEK: &[(&str, &str)] = &[
    ("num_local_experts", "n_routed_experts"),
    ("block_sparse_moe", "mlp"),
    (".w1", ".gate_proj"),
    (".w2", ".down_proj"),
    (".w3", ".up_proj"),
];

pub(crate) const PLANS: [(&str, Plan); 9] = [
    ("llama", LLAMA),
    (
        "mistral",
        Plan {
            model_type: "mistral",
            divisors: false,
            ..LLAMA
        },
    ),
    (
        "qwen2",
        Plan {
            model_type: "qwen2",
            architecture: "qwen2",
            biases: true,
            divisors: false,
            ..LLAMA
        },
    ),
    ("qwen3", QWEN3),
    ("gemma3", GEMMA3),
    (
        "mixtral",
        Plan {
            model_type: "mixtral",
            layers: 2,
            intermediate_size: 64,
            divisors: false,
            experts: 4,
            ..LLAMA
        },
    ),
    (
        "exaone",
        Plan {
            model_type: "exaone",
            architecture: "exaone",
            spelling: EXAONE,
            ..LLAMA
        },
    ),
    (
        "deepseek",
        Plan {
            model_type: "deepseek",
            architecture: "deepseek",
            divisors: false,
            experts: 6,
            shared_experts: 2,
            dense_layers: 1,
            expert_size: Some(32),
            spelling: DEEPSEEK,
            ..LLAMA
        },
    ),
    (
        "phi3",
        Plan {
            model_type: "phi3",
            architecture: "phi3",
            layers: 2,
            divisors: false,
            fused: true,
            ..LLAMA
        },
    ),
];

/// One tensor under both its names; rows and columns, or a vector's length.
struct Tensor {
    theirs: String,
    ours: String,
    shape: Vec<usize>,
    numbers: Vec<f32>,
}

/// Returns the safetensors files of a folder, in order.
pub(crate) fn weight_files(folder: &Path) -> Vec<PathBuf> {
    let listing = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = listing.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|it| it == "safetensors"));
    files.sort();
    files
}

impl Plan {
    fn is_gemma(&self) -> bool {
        self.architecture == "gemma3"
    }

    /// Returns a name as its folders have it.
    pub(crate) fn spelled(&self, name: &str) -> String {
        let mut name = name.to_owned();
        for (usual, theirs) in self.spelling {
            name = name.replace(usual, theirs);
        }
        name
    }

    /// Writes the folder and returns its twin.
    pub(crate) fn write(&self, folder: &Path, seed: u64) -> Gguf {
        let tensors = self.tensors(seed);
        let write = |name: &str, text: &Value| {
            std::fs::write(folder.join(name), text.to_string()).unwrap();
        };
        write("config.json", &self.config());
        write("tokenizer.json", &self.tokenizer());
        let size = tensors.len().div_ceil(self.shards);
        let mut map = Map::new();
        for (shard, tensors) in tensors.chunks(size).enumerate() {
            let name = match self.shards {
                1 => "model.safetensors".to_owned(),
                count => format!("model-{:05}-of-{count:05}.safetensors", shard + 1),
            };
            for tensor in tensors {
                map.insert(tensor.theirs.clone(), json!(name));
            }
            std::fs::write(folder.join(name), self.safetensors(tensors)).unwrap();
        }
        if self.shards > 1 {
            write(
                "model.safetensors.index.json",
                &json!({"metadata": {}, "weight_map": map}),
            );
        }
        self.twin(&tensors)
    }

    fn config(&self) -> Value {
        let mut config = json!({
            "model_type": self.model_type,
            "hidden_size": self.hidden_size,
            "intermediate_size": self.intermediate_size,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "head_dim": self.head_dim,
            "max_position_embeddings": 4096,
            "rms_norm_eps": 1e-5,
            "rope_theta": 50_000.0,
            "tie_word_embeddings": self.tied,
            "hidden_act": "silu",
        });
        let mut set = |name: &str, value: Value| config[name] = value;
        if self.shared_experts > 0 {
            set("n_shared_experts", json!(self.shared_experts));
            set("first_k_dense_replace", json!(self.dense_layers));
            set("moe_intermediate_size", json!(self.expert_size));
            set("moe_layer_freq", json!(1));
            set("norm_topk_prob", json!(false));
            set("scoring_func", json!("softmax"));
        }
        if self.divisors {
            let scaling = json!({
                "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                "high_freq_factor": 4.0, "original_max_position_embeddings": 256,
            });
            set("rope_scaling", scaling);
        }
        if self.experts > 0 {
            set("num_local_experts", json!(self.experts));
            set("num_experts_per_tok", json!(2));
        }
        if self.is_gemma() {
            set("hidden_act", json!("gelu"));
            set("hidden_activation", json!("gelu_pytorch_tanh"));
            set(
                "rope_scaling",
                json!({"rope_type": "linear", "factor": 8.0}),
            );
            set("rope_local_base_freq", json!(10_000.0));
            set("sliding_window", json!(16));
            set("query_pre_attn_scalar", json!(32));
        }
        let fields = config.as_object().unwrap().iter();
        let spelled = fields.map(|(name, value)| (self.spelled(name), value.clone()));
        spelled.collect::<Map<_, _>>().into()
    }

    /// As many tokens as the model needs to be opened, with no merges.
    fn tokenizer(&self) -> Value {
        let tokens = 33..33 + self.vocabulary as u8 - 10;
        let texts = tokens.map(|byte| char::from(byte).to_string());
        let vocab: Map<String, Value> =
            texts.zip(0..).map(|(text, id)| (text, json!(id))).collect();
        json!({
            "added_tokens": [],
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
            "model": {"type": "BPE", "vocab": vocab, "merges": []},
        })
    }

    fn safetensors(&self, tensors: &[Tensor]) -> Vec<u8> {
        let (mut header, mut data) = (Map::new(), Vec::new());
        header.insert("__metadata__".to_owned(), json!({"format": "pt"}));
        for tensor in tensors {
            let start = data.len();
            data.extend(tensor.numbers.iter().flat_map(|&x| self.dtype.bytes(x)));
            let entry = json!({
                "dtype": self.dtype.name(),
                "shape": tensor.shape,
                "data_offsets": [start, data.len()],
            });
            header.insert(tensor.theirs.clone(), entry);
        }
        let header = Value::Object(header).to_string();
        let length = (header.len() as u64).to_le_bytes();
        [&length, header.as_bytes(), &data].concat()
    }
}

//! A shape and a quantization → the metadata and the tensors of a GGUF file,
//! and the bytes before the first tensor.

use std::f64::consts::TAU;

use llm_kernels::block::Format;

use super::mixture::{Role, has_more_bits};
use super::shapes::{RopeScaling, Shape};
use super::{Quantization, Synthetic};
use crate::family::{self, Norms};
use llm_gguf::{Metadata, TensorType, Value};

/// GGUF's default alignment, in bytes.
const ALIGNMENT: u64 = 32;

/// One tensor to come.
#[derive(Debug)]
pub(super) struct Tensor {
    pub(super) name: String,
    /// The fastest-running extent first.
    pub(super) shape: Vec<usize>,
    pub(super) format: Format,
    pub(super) content: Content,
}

/// What stands in a tensor.
#[derive(Debug)]
pub(super) enum Content {
    /// Random weights of this root mean square.
    Random(f32),
    /// These numbers, as `F32`.
    Numbers(Vec<f32>),
}

impl Tensor {
    pub(super) fn bytes(&self) -> u64 {
        let columns = self.shape.first().copied().unwrap_or(0);
        let rows: usize = self.shape.iter().skip(1).product();
        self.format.row_bytes(columns) as u64 * rows as u64
    }

    fn numbers(name: &str, numbers: Vec<f32>) -> Self {
        Self {
            name: format!("{name}.weight"),
            shape: vec![numbers.len()],
            format: Format::F32,
            content: Content::Numbers(numbers),
        }
    }
}

/// Returns the tensors, in the order of the file.
pub(super) fn tensors(synthetic: &Synthetic) -> Vec<Tensor> {
    let shape = synthetic.shape();
    let quantization = synthetic.quantization();
    let matrix = |name: &str, role, rows: usize, columns: usize| Tensor {
        name: format!("{name}.weight"),
        shape: vec![columns, rows],
        format: quantization.format(shape, role, columns),
        // Keeps the size of a vector from step to step.
        content: Content::Random(1.0 / (columns as f32).sqrt()),
    };
    let (hidden_size, vocabulary) = (shape.hidden_size, shape.vocabulary);
    let embedding = if shape.tied {
        Role::Output
    } else {
        Role::Embedding
    };
    let mut tensors = vec![matrix("token_embd", embedding, vocabulary, hidden_size)];
    for (index, layer) in sampled_layers(shape, quantization, synthetic.layers())
        .into_iter()
        .enumerate()
    {
        tensors.extend(layer_tensors(shape, index, layer, &matrix));
    }
    tensors.push(Tensor::numbers("output_norm", vec![1.0; hidden_size]));
    if !shape.tied {
        tensors.push(matrix("output", Role::Output, vocabulary, hidden_size));
    }
    if let RopeScaling::Llama3(factor) = shape.rope {
        tensors.push(Tensor::numbers(
            "rope_freqs",
            llama3_divisors(shape, factor),
        ));
    }
    tensors
}

/// Returns the tensors of layer `index` of the file, which stands for layer
/// `layer` of the whole model.
fn layer_tensors(
    shape: &Shape,
    index: usize,
    layer: usize,
    matrix: &dyn Fn(&str, Role, usize, usize) -> Tensor,
) -> Vec<Tensor> {
    let (hidden_size, inner) = (shape.hidden_size, shape.intermediate_size);
    let queries = shape.heads * shape.head_dim;
    let keys = shape.kv_heads * shape.head_dim;
    let name = |part: &str| format!("blk.{index}.{part}");
    let norm = |part: &str, length| Tensor::numbers(&name(part), vec![1.0; length]);
    let matrix = |part: &str, role, rows, columns| matrix(&name(part), role, rows, columns);
    let mut tensors = vec![
        norm("attn_norm", hidden_size),
        matrix("attn_q", Role::Other, queries, hidden_size),
        matrix("attn_k", Role::Other, keys, hidden_size),
        matrix("attn_v", Role::Value(layer), keys, hidden_size),
        matrix("attn_output", Role::Other, hidden_size, queries),
        norm("ffn_norm", hidden_size),
        matrix("ffn_gate", Role::Other, inner, hidden_size),
        matrix("ffn_up", Role::Other, inner, hidden_size),
        matrix("ffn_down", Role::Down(layer), hidden_size, inner),
    ];
    let family = family::find(shape.architecture);
    if family.is_some_and(|family| family.query_key_norm.is_some()) {
        tensors.push(norm("attn_q_norm", shape.head_dim));
        tensors.push(norm("attn_k_norm", shape.head_dim));
    }
    if family.is_some_and(|family| family.norms == Norms::Around) {
        tensors.push(norm("post_attention_norm", hidden_size));
        tensors.push(norm("post_ffw_norm", hidden_size));
    }
    tensors
}

/// Chooses `count` layers of the whole model so that they, and as far as
/// possible their first half, have the whole's share of layers with more bits.
fn sampled_layers(shape: &Shape, quantization: &Quantization, count: usize) -> Vec<usize> {
    let layers = shape.layers;
    if count == layers {
        return (0..layers).collect();
    }
    let more_bits = |layer: usize| {
        let down = quantization.format(shape, Role::Down(layer), shape.intermediate_size);
        down != quantization.base || has_more_bits(layer, layers)
    };
    let (more, rest): (Vec<usize>, Vec<usize>) = (0..layers).partition(|&layer| more_bits(layer));
    // The n-th of `count` steps takes from the first list whenever its share
    // has grown by one.
    let share = |step: usize| (step * more.len() + layers / 2) / layers;
    let pick = |step: usize| {
        let list = if share(step + 1) > share(step) {
            &more
        } else {
            &rest
        };
        let other = if list.is_empty() { &more } else { list };
        other[step * other.len() / count]
    };
    (0..count).map(pick).collect()
}

/// Returns the divisors of the rotation frequencies of Llama 3.1 and later:
/// one for waves that fit the first training often, `factor` for those that
/// hardly fit it once (`rope_type: llama3` in the models' `config.json`).
fn llama3_divisors(shape: &Shape, factor: f32) -> Vec<f32> {
    const TRAINED: f64 = 8192.0;
    const LOW: f64 = 1.0;
    const HIGH: f64 = 4.0;
    let factor = f64::from(factor);
    let divisor = |pair: usize| {
        let exponent = 2.0 * pair as f64 / shape.head_dim as f64;
        let wave = TAU * f64::from(shape.rope_base).powf(exponent);
        let times = TRAINED / wave;
        let smooth = ((times - LOW) / (HIGH - LOW)).clamp(0.0, 1.0);
        (1.0 / ((1.0 - smooth) / factor + smooth)) as f32
    };
    (0..shape.head_dim / 2).map(divisor).collect()
}

/// Returns the metadata.
pub(super) fn metadata(synthetic: &Synthetic) -> Metadata {
    let shape = synthetic.shape();
    let mut metadata = Metadata::default();
    let mut set = |key: &str, value| drop(metadata.insert(key, value));
    let number = |number: usize| Value::Unsigned(number as u64);
    let text = |text: &str| Value::String(text.to_owned());
    let own = |key: &str| format!("{}.{key}", shape.architecture);
    set("general.architecture", text(shape.architecture));
    set("general.type", text("model"));
    set(
        "general.name",
        text(&format!("{} (random weights)", shape.name)),
    );
    set("general.quantization_version", number(2));
    let file_type = synthetic.quantization().file_type;
    set("general.file_type", number(file_type as usize));
    // No text is ever made of random weights, so there is no vocabulary.
    set("tokenizer.ggml.model", text("none"));
    for (key, value) in [
        ("vocab_size", shape.vocabulary),
        ("context_length", shape.context),
        ("embedding_length", shape.hidden_size),
        ("block_count", synthetic.layers()),
        ("feed_forward_length", shape.intermediate_size),
        ("attention.head_count", shape.heads),
        ("attention.head_count_kv", shape.kv_heads),
        ("attention.key_length", shape.head_dim),
        ("attention.value_length", shape.head_dim),
        ("rope.dimension_count", shape.head_dim),
    ] {
        set(&own(key), number(value));
    }
    if let Some(window) = shape.window {
        set(&own("attention.sliding_window"), number(window));
    }
    set(
        &own("attention.layer_norm_rms_epsilon"),
        Value::Float(shape.norm_epsilon),
    );
    set(&own("rope.freq_base"), Value::Float(shape.rope_base.into()));
    if let RopeScaling::Linear(factor) = shape.rope {
        set(&own("rope.scaling.type"), text("linear"));
        set(&own("rope.scaling.factor"), Value::Float(factor.into()));
    }
    metadata
}

/// Returns the bytes of the file before the first tensor, padded, and the
/// tensors' offsets from there.
pub(super) fn header(metadata: &Metadata, tensors: &[Tensor]) -> (Vec<u8>, Vec<u64>) {
    let mut out = b"GGUF".to_vec();
    out.extend(3_u32.to_le_bytes());
    out.extend((tensors.len() as u64).to_le_bytes());
    out.extend((metadata.iter().count() as u64).to_le_bytes());
    for (key, value) in metadata.iter() {
        put_text(&mut out, key);
        put_value(&mut out, value);
    }
    let mut offsets = Vec::with_capacity(tensors.len());
    let mut offset = 0_u64;
    for tensor in tensors {
        put_text(&mut out, &tensor.name);
        out.extend((tensor.shape.len() as u32).to_le_bytes());
        for &extent in &tensor.shape {
            out.extend((extent as u64).to_le_bytes());
        }
        out.extend(TensorType::from(tensor.format).0.to_le_bytes());
        out.extend(offset.to_le_bytes());
        offsets.push(offset);
        offset = (offset + tensor.bytes()).next_multiple_of(ALIGNMENT);
    }
    out.resize(out.len().next_multiple_of(ALIGNMENT as usize), 0);
    (out, offsets)
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

/// Writes a value with its type id; numbers as 32 bits, which llama.cpp asks
/// for.
fn put_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Unsigned(number) => {
            out.extend(4_u32.to_le_bytes());
            out.extend((*number as u32).to_le_bytes());
        }
        Value::Float(number) => {
            out.extend(6_u32.to_le_bytes());
            out.extend((*number as f32).to_le_bytes());
        }
        other => {
            let text = match other {
                Value::String(text) => text.as_str(),
                _ => "",
            };
            out.extend(8_u32.to_le_bytes());
            put_text(out, text);
        }
    }
}

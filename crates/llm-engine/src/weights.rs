//! Named tensors in the order in which the forward pass uses them, checked
//! against the model's numbers. Matrices stay in the file's memory map.

use std::ops::Range;
use std::sync::Arc;

use llm_kernels::block::Format;
use llm_kernels::matmul::Matrix;
use llm_kernels::mmap::Mapping;
use llm_kernels::unpack::dequantize_row;

use crate::gguf::{Gguf, TensorInfo};
use crate::spec::Spec;

/// The weights of a decoder.
#[derive(Debug)]
pub struct Weights {
    /// (vocabulary, width)
    pub embedding: Linear,
    /// One entry a layer.
    pub layers: Vec<Layer>,
    /// (width)
    pub output_norm: Vec<f32>,
    /// (vocabulary, width); the embedding where the file has no other.
    pub output: Linear,
    /// Divisors of the rotation frequencies, (`rope_dim` / 2).
    pub rope_divisors: Option<Vec<f32>>,
}

/// The weights of one layer.
#[derive(Debug)]
pub struct Layer {
    /// (width)
    pub attention_norm: Vec<f32>,
    /// (heads * `head_dim`, width)
    pub query: Linear,
    /// (`kv_heads` * `head_dim`, width)
    pub key: Linear,
    /// (`kv_heads` * `head_dim`, width)
    pub value: Linear,
    /// (`head_dim`), where the family has it.
    pub query_norm: Option<Vec<f32>>,
    /// (`head_dim`), where the family has it.
    pub key_norm: Option<Vec<f32>>,
    /// (width, heads * `head_dim`)
    pub attention_output: Linear,
    /// (width), where the family has it.
    pub post_attention_norm: Option<Vec<f32>>,
    /// (width)
    pub feed_forward_norm: Vec<f32>,
    /// (`feed_forward`, width)
    pub gate: Linear,
    /// (`feed_forward`, width)
    pub up: Linear,
    /// (width, `feed_forward`)
    pub down: Linear,
    /// (width), where the family has it.
    pub post_feed_forward_norm: Option<Vec<f32>>,
}

impl Layer {
    /// Returns what makes queries, keys and values.
    pub fn attention_inputs(&self) -> [Matrix<'_>; 3] {
        [self.query.matrix(), self.key.matrix(), self.value.matrix()]
    }
}

/// A matrix in the memory map, with its bias.
#[derive(Debug, Clone)]
pub struct Linear {
    mapping: Arc<Mapping>,
    range: Range<usize>,
    format: Format,
    rows: usize,
    columns: usize,
    /// (rows)
    pub bias: Option<Vec<f32>>,
}

impl Linear {
    /// Returns the matrix, (rows, columns).
    pub fn matrix(&self) -> Matrix<'_> {
        let bytes = &self.mapping.bytes()[self.range.clone()];
        Matrix::new(self.format, bytes, self.rows, self.columns)
            .expect("the sizes were checked when the tensor was found")
    }

    /// Returns the number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Returns the number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Returns the storage format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Writes row `row` as floats.
    pub fn dequantize_row(&self, row: usize, out: &mut [f32]) {
        dequantize_row(self.format, self.matrix().row(row), out);
    }

    /// Returns all weights as floats, (rows, columns).
    pub fn dequantize(&self) -> Vec<f32> {
        let mut out = vec![0.0; self.rows * self.columns];
        for (row, out) in out.chunks_exact_mut(self.columns).enumerate() {
            self.dequantize_row(row, out);
        }
        out
    }
}

/// Why the tensors of a file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// A tensor that the architecture needs is not there.
    #[error("the file lacks the tensor '{0}'; it may hold a part of a model only")]
    Missing(String),
    /// A tensor of another shape than the model's numbers say.
    #[error("the tensor '{name}' has the shape {found}, and {expected} is needed")]
    Shape {
        /// The tensor.
        name: String,
        /// Its shape.
        found: String,
        /// The shape that follows from the model's numbers.
        expected: String,
    },
    /// A tensor type that cannot be run.
    #[error(
        "the tensor '{name}' is stored as {dtype}, which cannot be run yet; choose a file in Q4_K_M or Q8_0"
    )]
    Type {
        /// The tensor.
        name: String,
        /// Its type.
        dtype: String,
    },
}

impl Weights {
    /// Finds and checks all tensors of a model.
    ///
    /// # Errors
    /// A missing tensor, one of a wrong shape, or one that cannot be run.
    pub fn from_gguf(gguf: &Gguf, spec: &Spec) -> Result<Self, WeightsError> {
        let finder = Finder { gguf };
        let vocabulary = finder.tensor("token_embd.weight")?.shape.get(1).copied();
        let vocabulary = vocabulary.unwrap_or(0) as usize;
        let embedding = finder.linear("token_embd", vocabulary, spec.width)?;
        let output = match gguf.tensor("output.weight") {
            Some(_) => finder.linear("output", vocabulary, spec.width)?,
            None => embedding.clone(),
        };
        let layers = (0..spec.layers.len()).map(|index| finder.layer(index, spec));
        Ok(Self {
            embedding,
            layers: layers.collect::<Result<_, _>>()?,
            output_norm: finder.vector("output_norm.weight", spec.width)?,
            output,
            rope_divisors: finder.optional_vector("rope_freqs.weight", spec.rope_dim / 2)?,
        })
    }

    /// Returns the number of tokens that the embedding has rows for.
    pub fn vocabulary(&self) -> usize {
        self.embedding.rows()
    }
}

struct Finder<'a> {
    gguf: &'a Gguf,
}

impl Finder<'_> {
    fn layer(&self, index: usize, spec: &Spec) -> Result<Layer, WeightsError> {
        let (width, inner) = (spec.width, spec.feed_forward);
        let (queries, keys) = (spec.query_width(), spec.kv_width());
        let linear =
            |name: &str, rows, columns| self.linear(&format!("blk.{index}.{name}"), rows, columns);
        let vector =
            |name: &str, length| self.vector(&format!("blk.{index}.{name}.weight"), length);
        let vector_if =
            |needed: bool, name: &str, length| needed.then(|| vector(name, length)).transpose();
        let (qk_norm, post_norms) = (spec.family.query_key_norm, spec.family.post_norms);
        Ok(Layer {
            attention_norm: vector("attn_norm", width)?,
            query: linear("attn_q", queries, width)?,
            key: linear("attn_k", keys, width)?,
            value: linear("attn_v", keys, width)?,
            query_norm: vector_if(qk_norm, "attn_q_norm", spec.head_dim)?,
            key_norm: vector_if(qk_norm, "attn_k_norm", spec.head_dim)?,
            attention_output: linear("attn_output", width, queries)?,
            post_attention_norm: vector_if(post_norms, "post_attention_norm", width)?,
            feed_forward_norm: vector("ffn_norm", width)?,
            gate: linear("ffn_gate", inner, width)?,
            up: linear("ffn_up", inner, width)?,
            down: linear("ffn_down", width, inner)?,
            post_feed_forward_norm: vector_if(post_norms, "post_ffw_norm", width)?,
        })
    }

    fn tensor(&self, name: &str) -> Result<&TensorInfo, WeightsError> {
        self.gguf
            .tensor(name)
            .ok_or_else(|| WeightsError::Missing(name.to_owned()))
    }

    fn linear(&self, name: &str, rows: usize, columns: usize) -> Result<Linear, WeightsError> {
        let tensor = self.tensor(&format!("{name}.weight"))?;
        check_shape(tensor, &[columns, rows])?;
        let bytes = self.gguf.bytes(tensor);
        let start = tensor.offset as usize;
        Ok(Linear {
            mapping: Arc::clone(self.gguf.mapping(tensor)),
            range: start..start + bytes.len(),
            format: runnable(tensor)?,
            rows,
            columns,
            bias: self.optional_vector(&format!("{name}.bias"), rows)?,
        })
    }

    fn vector(&self, name: &str, length: usize) -> Result<Vec<f32>, WeightsError> {
        let tensor = self.tensor(name)?;
        check_shape(tensor, &[length])?;
        let mut out = vec![0.0; length];
        dequantize_row(runnable(tensor)?, self.gguf.bytes(tensor), &mut out);
        Ok(out)
    }

    fn optional_vector(&self, name: &str, length: usize) -> Result<Option<Vec<f32>>, WeightsError> {
        let found = self.gguf.tensor(name);
        found.map(|_| self.vector(name, length)).transpose()
    }
}

fn runnable(tensor: &TensorInfo) -> Result<Format, WeightsError> {
    tensor.dtype.format().ok_or_else(|| WeightsError::Type {
        name: tensor.name.clone(),
        dtype: tensor.dtype.to_string(),
    })
}

fn check_shape(tensor: &TensorInfo, expected: &[usize]) -> Result<(), WeightsError> {
    let text = |shape: &[u64]| {
        shape
            .iter()
            .map(u64::to_string)
            .collect::<Vec<_>>()
            .join(" x ")
    };
    let expected: Vec<u64> = expected.iter().map(|&extent| extent as u64).collect();
    if tensor.shape == expected && !expected.contains(&0) {
        return Ok(());
    }
    Err(WeightsError::Shape {
        name: tensor.name.clone(),
        found: text(&tensor.shape),
        expected: text(&expected),
    })
}

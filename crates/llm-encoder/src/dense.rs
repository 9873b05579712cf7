//! What sentence-transformers puts behind pooling: linear layers (`2_Dense/`), and
//! normalizing between them.

use std::path::Path;

use llm_kernels::activations::Activations;
use llm_kernels::matmul::{Input, multiply_with_epilogue};
use llm_kernels::pool::Pool;
use llm_kernels::simd::Level;
use llm_kernels::vector;
use serde::Deserialize;

use llm_folder::{FolderError, json};

use crate::config::MAX_EXTENT;
use crate::linear::Linear;
use crate::pooling;
use crate::tensors::Tensors;

/// A step behind pooling.
#[derive(Debug)]
pub(crate) enum Step {
    Normalize,
    Dense(Dense),
}

impl Step {
    /// Returns the vectors after the step.
    pub(crate) fn apply(
        &self,
        level: Level,
        pool: &Pool,
        mut vectors: Vec<Vec<f32>>,
    ) -> Vec<Vec<f32>> {
        match self {
            Self::Normalize => {
                for vector in &mut vectors {
                    pooling::normalize(level, vector);
                }
                vectors
            }
            Self::Dense(dense) => dense.apply(level, pool, &vectors),
        }
    }
}

/// `activation(matrix * x + bias)`
#[derive(Debug)]
pub(crate) struct Dense {
    linear: Linear,
    activation: Activation,
}

/// The activation of a linear layer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Activation {
    Identity,
    Tanh,
    Relu,
    Gelu,
    Sigmoid,
}

/// The names in `torch.nn`, without the module that they stand in.
const ACTIVATIONS: [(&str, Activation); 5] = [
    ("Identity", Activation::Identity),
    ("Tanh", Activation::Tanh),
    ("ReLU", Activation::Relu),
    ("GELU", Activation::Gelu),
    ("Sigmoid", Activation::Sigmoid),
];

impl Activation {
    /// Returns what `torch.nn` calls `name`, `None` for what is not known.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let short = name.rsplit('.').next().unwrap_or_default();
        let known = ACTIVATIONS.iter().find(|(known, _)| *known == short);
        known.map(|(_, activation)| *activation)
    }

    /// Returns what is made of a number.
    pub(crate) fn of(self, level: Level, number: f32) -> f32 {
        let mut numbers = [number];
        match self {
            Self::Gelu => vector::gelu(level, &mut numbers),
            _ => self.follow(&mut numbers),
        }
        numbers[0]
    }

    /// Replaces each number by what is made of it; GELU came with the product.
    fn follow(self, numbers: &mut [f32]) {
        match self {
            Self::Identity | Self::Gelu => {}
            Self::Tanh => numbers.iter_mut().for_each(|x| *x = x.tanh()),
            Self::Relu => numbers.iter_mut().for_each(|x| *x = x.max(0.0)),
            Self::Sigmoid => numbers
                .iter_mut()
                .for_each(|x| *x = 1.0 / (1.0 + (-*x).exp())),
        }
    }
}

/// `2_Dense/config.json`, with the defaults of sentence-transformers.
#[derive(Deserialize)]
struct Config {
    in_features: usize,
    out_features: usize,
    #[serde(default = "yes")]
    bias: bool,
    #[serde(default = "tanh")]
    activation_function: String,
    #[serde(default)]
    use_residual: bool,
    module_input_name: Option<String>,
    module_output_name: Option<String>,
}

fn yes() -> bool {
    true
}

fn tanh() -> String {
    "Tanh".to_owned()
}

impl Dense {
    /// Reads the layer in `folder`, whose inputs have `in_features` numbers.
    pub(crate) fn read(folder: &Path, in_features: usize) -> Result<Self, FolderError> {
        let config: Config = json::read(folder, "config.json")?;
        let path = folder.join("config.json");
        let unsupported = |what: String| Err(FolderError::unsupported(&path, what));
        let name = config.activation_function.as_str();
        let Some(activation) = Activation::named(name) else {
            return unsupported(format!("its activation is '{name}'"));
        };
        if config.use_residual {
            return unsupported("it adds its input to its output".to_owned());
        }
        for name in [config.module_input_name, config.module_output_name] {
            if let Some(name) = name.filter(|name| name != "sentence_embedding") {
                return unsupported(format!("it works on '{name}'"));
            }
        }
        let (columns, rows) = (config.in_features, config.out_features);
        if columns != in_features || !(1..=MAX_EXTENT).contains(&rows) {
            let reason = format!(
                "it makes {rows} numbers of {columns}, and what goes into it has {in_features}"
            );
            return Err(FolderError::malformed(&path, reason));
        }
        let tensors = Tensors::open(folder, None)?;
        let linear = if config.bias {
            tensors.linear("linear", rows, columns)?
        } else {
            tensors.matrix("linear.weight", Some(rows), columns)?
        };
        tensors.refuse_rest(&[])?;
        Ok(Self { linear, activation })
    }

    /// Takes a matrix with its bias, and what follows its product.
    pub(crate) fn new(linear: Linear, activation: Activation) -> Self {
        Self { linear, activation }
    }

    /// Returns the length of its outputs.
    pub(crate) fn out_features(&self) -> usize {
        self.linear.rows()
    }

    /// Returns the outputs for `vectors`.
    pub(crate) fn apply(&self, level: Level, pool: &Pool, vectors: &[Vec<f32>]) -> Vec<Vec<f32>> {
        let rows = vectors.concat();
        let mut activations = Activations::default();
        let mut out = vec![0.0; vectors.len() * self.out_features()];
        if !vectors.is_empty() {
            activations.quantize(level, pool, &rows, self.linear.columns());
            let input = Input {
                floats: &rows,
                quantized: &activations,
            };
            let is_gelu = matches!(self.activation, Activation::Gelu);
            let product = self.linear.product(&[], is_gelu, &mut out);
            let mut products: Vec<_> = product.into_iter().collect();
            multiply_with_epilogue(level, pool, input, &mut products);
        }
        self.activation.follow(&mut out);
        let vectors = out.chunks_exact(self.out_features());
        vectors.map(<[f32]>::to_vec).collect()
    }
}

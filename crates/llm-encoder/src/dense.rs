//! What sentence-transformers puts behind pooling: linear layers (`2_Dense/`)
//! and the norm between them.

use std::path::Path;

use llm_kernels::activations::Activations;
use llm_kernels::matmul::{Input, multiply};
use llm_kernels::pool::Pool;
use llm_kernels::simd::Level;
use llm_kernels::vector;
use serde::Deserialize;

use super::LEAST_LENGTH;
use super::weights::{File, Linear};
use llm_folder::{FolderError, json};

/// A step behind pooling.
#[derive(Debug)]
pub(super) enum Step {
    Normalize,
    Dense(Dense),
}

impl Step {
    /// Returns the vectors after the step.
    pub(super) fn apply(
        &self,
        level: Level,
        pool: &Pool,
        mut vectors: Vec<Vec<f32>>,
    ) -> Vec<Vec<f32>> {
        match self {
            Self::Normalize => {
                for vector in &mut vectors {
                    vector::normalize(level, vector, LEAST_LENGTH);
                }
                vectors
            }
            Self::Dense(dense) => dense.apply(level, pool, &vectors),
        }
    }
}

/// `activation(matrix * x + bias)`
#[derive(Debug)]
pub(super) struct Dense {
    linear: Linear,
    activation: Activation,
}

/// What a linear layer ends with.
#[derive(Debug, Clone, Copy)]
pub(super) enum Activation {
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
    /// Returns what `torch.nn` calls so, `None` for what is not known.
    pub(super) fn named(name: &str) -> Option<Self> {
        let short = name.rsplit('.').next().unwrap_or_default();
        let known = ACTIVATIONS.iter().find(|(known, _)| *known == short);
        known.map(|(_, activation)| *activation)
    }
}

/// `2_Dense/config.json`; what is left out is as in sentence-transformers.
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

/// More than any layer has, so that no product of extents can overflow.
const MOST: usize = 1 << 20;

impl Dense {
    /// Reads the layer in `folder`, which gets vectors of `out_features`.
    pub(super) fn read(folder: &Path, out_features: usize) -> Result<Self, FolderError> {
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
        if columns != out_features || !(1..=MOST).contains(&rows) {
            let reason = format!(
                "it makes {rows} numbers of {columns}, and what goes into it has {out_features}"
            );
            return Err(FolderError::malformed(&path, reason));
        }
        let file = File::open(folder)?;
        let mut linear = file.matrix("linear.weight", Some(rows), columns)?;
        if config.bias {
            linear.bias = file.numbers("linear.bias", rows)?;
        }
        file.refuse_rest(&[])?;
        Ok(Self { linear, activation })
    }

    /// Takes a matrix and what follows its product.
    pub(super) fn new(linear: Linear, activation: Activation) -> Self {
        Self { linear, activation }
    }

    /// Returns the length of its vectors.
    pub(super) fn out_features(&self) -> usize {
        self.linear.rows()
    }

    /// Returns the vectors behind the layer.
    pub(super) fn apply(&self, level: Level, pool: &Pool, vectors: &[Vec<f32>]) -> Vec<Vec<f32>> {
        let rows = vectors.concat();
        let mut activations = Activations::default();
        let mut out = vec![0.0; vectors.len() * self.out_features()];
        if let (Some(matrix), false) = (self.linear.matrix(), vectors.is_empty()) {
            activations.quantize(level, pool, &rows, matrix.columns());
            let input = Input {
                floats: &rows,
                quantized: &activations,
            };
            multiply(level, pool, input, &mut [(matrix, &mut out)], &[]);
        }
        let vectors = out.chunks_exact_mut(self.out_features()).map(|vector| {
            if !self.linear.bias.is_empty() {
                vector::add(level, vector, &self.linear.bias);
            }
            match self.activation {
                Activation::Identity => {}
                Activation::Tanh => vector.iter_mut().for_each(|x| *x = x.tanh()),
                Activation::Relu => vector.iter_mut().for_each(|x| *x = x.max(0.0)),
                Activation::Gelu => vector::gelu(level, vector),
                Activation::Sigmoid => vector
                    .iter_mut()
                    .for_each(|x| *x = 1.0 / (1.0 + (-*x).exp())),
            }
            vector.to_vec()
        });
        vectors.collect()
    }
}

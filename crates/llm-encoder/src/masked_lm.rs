//! The head of a masked language model, and what SPLADE makes of it: a weight for each
//! token of the vocabulary, most of them zero (Formal et al. 2021, arXiv:2109.10086).

use llm_folder::FolderError;
use llm_kernels::activations::Activations;
use llm_kernels::matmul::{Input, multiply_with_epilogue};
use llm_kernels::pool::Pool;
use llm_kernels::simd::Level;
use llm_kernels::vector;

use crate::config::EncoderConfig;
use crate::family::HeadNames;
use crate::linear::Linear;
use crate::tensors::Tensors;
use crate::weights::Norm;

/// Rows whose logits are held at a time: some megabytes of a vocabulary of 30,000.
const ROWS: usize = 64;

/// How weights follow from logits, as sentence-transformers' `SpladePooling` has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Splade {
    /// A token's weights are summed over the positions, as in the first SPLADE; else
    /// the largest counts.
    pub(crate) sums: bool,
    /// The logarithm is taken twice, as in models for `OpenSearch`.
    pub(crate) log_twice: bool,
}

impl Splade {
    /// log(1 + relu(logit)), once or twice.
    fn weight(self, logit: f32) -> f32 {
        let once = logit.max(0.0).ln_1p();
        if self.log_twice { once.ln_1p() } else { once }
    }
}

/// logits = words * norm(gelu(dense * row + bias)) + bias
#[derive(Debug)]
pub(crate) struct MaskedLm {
    dense: Linear,
    norm: Norm,
    norm_epsilon: f32,
    /// (vocabulary, `hidden_size`); the embedding where the two are tied.
    words: Linear,
}

impl MaskedLm {
    /// Reads the head; `None` where the folder has none, or one with more than these
    /// parts.
    pub(crate) fn find(
        names: &HeadNames,
        config: &EncoderConfig,
        tensors: &Tensors,
    ) -> Result<Option<Self>, FolderError> {
        let weight = |name: &str| format!("{name}.weight");
        let bias = |name: &str| format!("{name}.bias");
        if !tensors.has(&weight(names.dense)) || !rest(names, tensors).is_empty() {
            return Ok(None);
        }
        let (size, vocabulary) = (config.hidden_size, config.vocabulary_size);
        let numbers_or_zeros = |name: &str, count: usize| {
            if tensors.has(name) {
                tensors.numbers(name, count)
            } else {
                Ok(vec![0.0; count])
            }
        };
        let mut dense = tensors.matrix(&weight(names.dense), Some(size), size)?;
        dense.bias = numbers_or_zeros(&bias(names.dense), size)?;
        let norm = Norm {
            weight: tensors.numbers(&weight(names.norm), size)?,
            bias: numbers_or_zeros(&bias(names.norm), size)?,
        };
        let own = weight(names.decoder);
        let words = if tensors.has(&own) {
            own
        } else {
            "token_embd.weight".to_owned()
        };
        let mut words = tensors.matrix(&words, Some(vocabulary), size)?;
        // Folders hold one of these, or the same numbers twice.
        let mut biases = names.biases.iter();
        let found = biases.find(|name| tensors.has(name));
        words.bias = numbers_or_zeros(found.unwrap_or(&names.biases[0]), vocabulary)?;
        Ok(Some(Self {
            dense,
            norm,
            norm_epsilon: config.norm_epsilon,
            words,
        }))
    }

    /// Returns the number of weights that it makes.
    pub(crate) fn vocabulary_size(&self) -> usize {
        self.words.rows()
    }

    /// Returns the weight of each token of the vocabulary in a text of the given rows,
    /// (tokens, `hidden_size`).
    pub(crate) fn weights(
        &self,
        level: Level,
        pool: &Pool,
        rows: &[f32],
        splade: Splade,
    ) -> Vec<f32> {
        let (size, vocabulary) = (self.dense.columns(), self.vocabulary_size());
        let mut all = vec![0.0_f32; vocabulary];
        for rows in rows.chunks(ROWS * size) {
            let mut inner = product(level, pool, &self.dense, rows, true);
            pool.for_each_row(&mut inner, size, |_, x| {
                let Norm { weight, bias } = &self.norm;
                vector::layer_norm(level, x, weight, bias, self.norm_epsilon);
            });
            let logits = product(level, pool, &self.words, &inner, false);
            for row in logits.chunks_exact(vocabulary) {
                for (all, logit) in all.iter_mut().zip(row) {
                    let weight = splade.weight(*logit);
                    *all = if splade.sums {
                        *all + weight
                    } else {
                        all.max(weight)
                    };
                }
            }
        }
        all
    }
}

/// Returns what the head has beside the parts that are computed, in order.
pub(crate) fn rest<'t>(names: &HeadNames, tensors: &'t Tensors) -> Vec<&'t str> {
    let parts = [names.dense, names.norm, names.decoder];
    let is_part = |name: &str| {
        let stem = name
            .strip_suffix(".weight")
            .or_else(|| name.strip_suffix(".bias"));
        names.biases.contains(&name) || stem.is_some_and(|stem| parts.contains(&stem))
    };
    let mut rest: Vec<&str> = tensors
        .beginning(names.prefixes)
        .filter(|name| !is_part(name))
        .collect();
    rest.sort_unstable();
    rest
}

/// Returns linear(rows), through GELU where that follows.
fn product(level: Level, pool: &Pool, linear: &Linear, rows: &[f32], gelu: bool) -> Vec<f32> {
    let mut activations = Activations::default();
    activations.quantize(level, pool, rows, linear.columns());
    let input = Input {
        floats: rows,
        quantized: &activations,
    };
    let mut out = vec![0.0; rows.len() / linear.columns() * linear.rows()];
    let product = linear.product(&[], gelu, &mut out);
    multiply_with_epilogue(
        level,
        pool,
        input,
        &mut product.into_iter().collect::<Vec<_>>(),
    );
    out
}

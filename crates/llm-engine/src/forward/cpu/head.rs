//! The end of a pass: from the stream to logits.

use llm_kernels::attention::Element;
use llm_kernels::matmul;
use llm_kernels::row_gather::RowGather;
use llm_kernels::simd::Level;
use llm_kernels::topk_screen::{Computed, TopkScreen, Wanted};
use llm_kernels::vector;

use super::buffers::Row;
use super::{Cpu, CpuForward, add_rest};
use crate::forward::Outputs;
use crate::spec::Spec;
use crate::token_set::TokenSet;
use crate::weights::{Layer, Weights};

/// Tokens of a sequence on its own that are computed before the output matrix is
/// copied: the copy takes as long as it saves in some of them, in fresh memory in
/// many, so that a short answer goes without.
pub const TOKENS_BEFORE_SCREEN: usize = 32;

/// Where a screen leaves more than one token of so many, it costs what it saves.
const FEW: usize = 32;

/// Tokens that go without a screen after one for which it did not pay, at the least
/// and at the most.
const REST: std::ops::RangeInclusive<usize> = 4..=64;

/// Logits of so many soft caps: beyond, the cap makes logits equal that are apart, so
/// that of the best ones some could be missed.
const SATURATED: f32 = 4.0;

/// Where no more than one token of so many may come next, the logits of those alone are computed.
const FEW_ALLOWED: usize = 16;

/// Finds the largest logits without reading all of the output matrix.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// The tokens that matter to the rows of a batch, where not all do.
    pub(super) allowed: Vec<TokenSet>,
    gather: RowGather,
    /// Times that it could have.
    asked: usize,
    screen: Option<TopkScreen>,
    /// Tokens that still go without.
    resting: usize,
    /// How many the last time; 0 where the last screen paid.
    rest: usize,
    /// Bytes of the output matrix and of its copy that have been read to multiply.
    bytes_read: u64,
}

impl Head {
    /// Keeps the tokens that matter to an input, and returns which set they are.
    pub(super) fn allow(&mut self, outputs: Outputs<'_>) -> Option<usize> {
        let Outputs::BestOf(_, allowed) = outputs else {
            return None;
        };
        self.allowed.push(allowed.clone());
        Some(self.allowed.len() - 1)
    }

    /// Notes how many of `all` logits have been computed.
    fn note(&mut self, computed: usize, all: usize) {
        self.rest = if computed > all / FEW {
            (2 * self.rest).clamp(*REST.start(), *REST.end())
        } else {
            0
        };
        self.resting = self.rest;
    }
}

/// Returns the bytes of the copy of the output matrix that a pass makes where it is
/// asked for [`Outputs::Best`](crate::forward::Outputs::Best), at the most.
pub fn screen_bytes(weights: &Weights) -> u64 {
    let output = &weights.output;
    if TopkScreen::suits(output.format(), output.rows()) {
        TopkScreen::bytes_for(output.rows(), output.columns())
    } else {
        0
    }
}

impl<T: Element> CpuForward<T> {
    /// Returns the bytes of the output matrix and of its copy that this pass has
    /// read so far to compute logits.
    pub fn output_bytes_read(&self) -> u64 {
        self.head.bytes_read
    }

    /// Returns the bytes of the copy of the output matrix that this pass makes once
    /// it has been asked for [`Outputs::Best`](crate::forward::Outputs::Best) often
    /// enough, made or not.
    pub fn screen_bytes(&self) -> u64 {
        if self.can_screen() {
            screen_bytes(&self.weights)
        } else {
            0
        }
    }

    /// Returns how many of [`CpuForward::screen_bytes`] this pass may still take.
    pub fn unmade_bytes(&self) -> u64 {
        // Made, or tried in vain.
        if self.head.asked < TOKENS_BEFORE_SCREEN {
            self.screen_bytes()
        } else {
            0
        }
    }

    /// Appends the logits of the wanted rows: output(norm(x)).
    pub(super) fn logits(&mut self, rows: &[Row], weights: &Weights, logits: &mut Vec<f32>) {
        let hidden_size = self.spec.hidden_size;
        let buffers = &mut self.buffers;
        let mut wanted = 0;
        let (mut best, mut allowed) = (None, None);
        for (at, row) in rows.iter().enumerate().filter(|(_, row)| row.output) {
            // Rows only move to the front, so none is overwritten before it is
            // read.
            buffers.x.copy_within(
                at * hidden_size..(at + 1) * hidden_size,
                wanted * hidden_size,
            );
            wanted += 1;
            (best, allowed) = (row.best, row.allowed);
        }
        if wanted == 0 {
            return;
        }
        let outputs = rows.iter().enumerate().filter(|(_, row)| row.output);
        self.loras.take(&outputs.map(|(at, _)| at));
        buffers.x.truncate(wanted * hidden_size);
        buffers.normed.truncate(wanted * hidden_size);
        self.normalize(Some(&weights.output_norm));
        if self.gives_rows {
            logits.extend_from_slice(&self.buffers.normed);
            return;
        }
        let start = logits.len();
        logits.resize(start + wanted * weights.output.rows(), 0.0);
        let out = &mut logits[start..];
        // A screen knows the model's own products alone.
        let is_own = !self.loras.add_to(&weights.output);
        let is_alone = wanted == 1 && is_own;
        let allowed = allowed.filter(|_| is_alone);
        let allowed = allowed.map(|index| std::mem::take(&mut self.head.allowed[index]));
        if let Some(few) = allowed.as_ref().and_then(|allowed| self.few(allowed)) {
            return self.few_logits(&few, weights, out);
        }
        match best.filter(|_| is_alone && self.is_screened()) {
            Some(count) => self.best_logits(count, allowed.as_ref(), weights, out),
            None => self.all_logits(weights, out),
        }
    }

    /// Returns the tokens that matter, where they are few and nothing but their products is needed.
    fn few(&self, allowed: &TokenSet) -> Option<Vec<usize>> {
        let output = &self.weights.output;
        let is_plain = output.bias.is_none() && output.scales.is_none();
        let rows = output.rows();
        if !is_plain || allowed.len() > rows / FEW_ALLOWED {
            return None;
        }
        Some(allowed.iter().take_while(|&token| token < rows).collect())
    }

    /// normed → the logits of these tokens, and -∞.
    fn few_logits(&mut self, tokens: &[usize], weights: &Weights, out: &mut [f32]) {
        let matrix = weights.output.matrix();
        self.head.bytes_read += (tokens.len() * matrix.format().row_bytes(matrix.columns())) as u64;
        let input = matmul::Input {
            floats: &self.buffers.normed,
            quantized: &self.buffers.activations,
        };
        let gather = &mut self.head.gather;
        let products = gather.multiply(self.level, &self.pool, &matrix, input, tokens);
        let mut logits = products.to_vec();
        finish(self.level, &self.spec, &mut logits);
        out.fill(f32::NEG_INFINITY);
        for (&token, logit) in tokens.iter().zip(logits) {
            out[token] = logit;
        }
    }

    /// normed → the logits of all tokens.
    fn all_logits(&mut self, weights: &Weights, out: &mut [f32]) {
        self.head.bytes_read += weights.output.matrix().size() as u64;
        let first = weights.layers.first().map(Layer::first_matrices);
        matmul::multiply(
            self.level,
            &self.pool,
            self.normed(),
            &mut [(weights.output.matrix(), &mut *out)],
            first.as_deref().unwrap_or_default(),
        );
        let cpu = Cpu::new(self.level, &self.pool);
        let normed = &self.buffers.normed;
        add_rest(cpu, &mut self.loras, &weights.output, normed, out);
        finish(self.level, &self.spec, out);
    }

    /// normed → the logits of at least the `count` best tokens, of those that matter, and -∞.
    fn best_logits(
        &mut self,
        count: usize,
        allowed: Option<&TokenSet>,
        weights: &Weights,
        out: &mut [f32],
    ) {
        let Some(mut screen) = self.head.screen.take() else {
            return self.all_logits(weights, out);
        };
        let (level, matrix) = (self.level, weights.output.matrix());
        self.head.bytes_read += screen.bytes();
        let wanted = Wanted {
            count,
            among: allowed.map(TokenSet::words),
        };
        match screen.largest(level, &self.pool, matrix, self.normed(), wanted, out) {
            Computed::All => {
                self.head.bytes_read += matrix.size() as u64;
                self.head.note(out.len(), out.len());
                finish(level, &self.spec, out);
            }
            Computed::Some(tokens) => {
                let row_bytes = matrix.format().row_bytes(matrix.columns());
                self.head.bytes_read += (tokens.len() * row_bytes) as u64;
                self.head.note(tokens.len(), out.len());
                let mut logits: Vec<f32> = tokens.iter().map(|&token| out[token]).collect();
                if is_saturated(&self.spec, &logits, count) {
                    self.head.note(out.len(), out.len());
                    self.head.screen = Some(screen);
                    return self.all_logits(weights, out);
                }
                finish(level, &self.spec, &mut logits);
                for (&token, logit) in tokens.iter().zip(logits) {
                    out[token] = logit;
                }
            }
        }
        self.head.screen = Some(screen);
    }

    /// Returns whether the largest logits can be told from a copy of the output
    /// matrix, and faster: a larger product has the larger logit, which a bias could
    /// change.
    fn can_screen(&self) -> bool {
        let output = &self.weights.output;
        TopkScreen::suits(output.format(), output.rows())
            && output.bias.is_none()
            && output.scales.is_none()
            && self.spec.logit_scale > 0.0
            && self.level != Level::SCALAR
    }

    /// Returns whether there is a screen of the output matrix; makes it where it
    /// has been missed for a while.
    fn is_screened(&mut self) -> bool {
        if !self.can_screen() {
            return false;
        }
        if self.head.screen.is_none() {
            self.head.asked += 1;
            if self.head.asked == TOKENS_BEFORE_SCREEN {
                let matrix = self.weights.output.matrix();
                self.head.screen = TopkScreen::new(self.level, &self.pool, &matrix);
            }
        }
        if self.head.resting > 0 {
            self.head.resting -= 1;
            return false;
        }
        self.head.screen.is_some()
    }

    /// Returns the normed rows as an input.
    fn normed(&self) -> matmul::Input<'_> {
        matmul::Input {
            floats: &self.buffers.normed,
            quantized: &self.buffers.activations,
        }
    }
}

/// Returns whether the soft cap can make one of the `count` largest products the same
/// as one that is clearly less.
fn is_saturated(spec: &Spec, products: &[f32], count: usize) -> bool {
    let Some(cap) = spec.logit_soft_cap else {
        return false;
    };
    let mut best = products.to_vec();
    best.sort_unstable_by(|a, b| b.total_cmp(a));
    best.truncate(count);
    let limit = SATURATED * cap / spec.logit_scale;
    best.iter().any(|product| product.abs() > limit)
}

/// Scales and caps logits as the family does: of two the larger stays the larger.
fn finish(level: Level, spec: &Spec, logits: &mut [f32]) {
    if spec.logit_scale != 1.0 {
        let scale = spec.logit_scale;
        logits.iter_mut().for_each(|logit| *logit *= scale);
    }
    if let Some(cap) = spec.logit_soft_cap {
        vector::soft_cap(level, logits, cap);
    }
}

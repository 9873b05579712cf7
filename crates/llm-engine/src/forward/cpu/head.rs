//! The end of a pass: from the stream to logits.

use llm_kernels::attention::Element;
use llm_kernels::matmul;
use llm_kernels::screen::{Computed, Screen};
use llm_kernels::simd::Level;
use llm_kernels::vector;

use super::buffers::Row;
use super::{CpuForward, add_bias};
use crate::spec::Spec;
use crate::weights::{Layer, Linear, Weights};

/// Tokens of a sequence on its own that are computed before the output matrix is
/// copied: the copy takes as long as it saves in some of them, in fresh memory in
/// many, so that a short answer goes without.
pub const TOKENS_BEFORE_SCREEN: usize = 32;

/// Where a screen leaves more than one token of so many, it costs what it saves.
const FEW: usize = 32;

/// Tokens that go without a screen after one for which it did not pay, at the least
/// and at the most.
const REST: std::ops::RangeInclusive<usize> = 4..=64;

/// Finds the largest logits without reading all of the output matrix.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// Times that it could have.
    asked: usize,
    screen: Option<Screen>,
    /// Tokens that still go without.
    resting: usize,
    /// How many the last time; 0 where the last screen paid.
    rest: usize,
}

impl Head {
    /// Notes how many of `all` logits have been computed.
    fn note(&mut self, computed: usize, all: usize) {
        self.rest = match computed > all / FEW {
            true => (2 * self.rest).clamp(*REST.start(), *REST.end()),
            false => 0,
        };
        self.resting = self.rest;
    }
}

/// Returns the bytes of the copy of the output matrix that a pass makes where it is
/// asked for [`Outputs::Best`](crate::forward::Outputs::Best).
pub fn screen_bytes(weights: &Weights) -> u64 {
    let output = &weights.output;
    match Screen::suits(output.format(), output.rows()) {
        true => Screen::bytes_for(output.rows(), output.columns()),
        false => 0,
    }
}

impl<T: Element> CpuForward<T> {
    /// Appends the logits of the wanted rows: output(norm(x)).
    pub(super) fn logits(&mut self, rows: &[Row], weights: &Weights, logits: &mut Vec<f32>) {
        let width = self.spec.width;
        let buffers = &mut self.buffers;
        let mut wanted = 0;
        let mut best = None;
        for (at, row) in rows.iter().enumerate().filter(|(_, row)| row.output) {
            // Rows only move to the front, so none is overwritten before it is
            // read.
            buffers
                .x
                .copy_within(at * width..(at + 1) * width, wanted * width);
            wanted += 1;
            best = row.best;
        }
        if wanted == 0 {
            return;
        }
        buffers.x.truncate(wanted * width);
        buffers.normed.truncate(wanted * width);
        self.normalize(Some(&weights.output_norm));
        if self.gives_rows {
            logits.extend_from_slice(&self.buffers.normed);
            return;
        }
        let start = logits.len();
        logits.resize(start + wanted * weights.output.rows(), 0.0);
        let out = &mut logits[start..];
        match best.filter(|_| wanted == 1 && self.is_screened(&weights.output)) {
            Some(count) => self.best_logits(count, weights, out),
            None => self.all_logits(weights, out),
        }
    }

    /// normed → the logits of all tokens.
    fn all_logits(&self, weights: &Weights, out: &mut [f32]) {
        let first = weights.layers.first().map(Layer::first_matrices);
        matmul::multiply(
            self.level,
            &self.pool,
            self.normed(),
            &mut [(weights.output.matrix(), &mut *out)],
            first.as_deref().unwrap_or_default(),
        );
        add_bias(&weights.output, out);
        finish(self.level, &self.spec, out);
    }

    /// normed → the logits of at least the `count` best tokens, and -∞.
    fn best_logits(&mut self, count: usize, weights: &Weights, out: &mut [f32]) {
        let Some(mut screen) = self.head.screen.take() else {
            return self.all_logits(weights, out);
        };
        let (level, matrix) = (self.level, weights.output.matrix());
        match screen.largest(level, &self.pool, matrix, self.normed(), count, out) {
            Computed::All => {
                self.head.note(out.len(), out.len());
                finish(level, &self.spec, out);
            }
            Computed::Some(tokens) => {
                self.head.note(tokens.len(), out.len());
                let mut logits: Vec<f32> = tokens.iter().map(|&token| out[token]).collect();
                finish(level, &self.spec, &mut logits);
                for (&token, logit) in tokens.iter().zip(logits) {
                    out[token] = logit;
                }
            }
        }
        self.head.screen = Some(screen);
    }

    /// Returns whether there is a screen of the output matrix; makes it where it
    /// has been missed for a while.
    fn is_screened(&mut self, output: &Linear) -> bool {
        // A larger product has the larger logit, which a bias could change.
        let suits = Screen::suits(output.format(), output.rows())
            && output.bias.is_none()
            && self.spec.logit_scale > 0.0
            && self.level != Level::Scalar;
        if suits && self.head.screen.is_none() {
            self.head.asked += 1;
            if self.head.asked == TOKENS_BEFORE_SCREEN {
                self.head.screen = Screen::new(self.level, &self.pool, &output.matrix());
            }
        }
        if self.head.resting > 0 {
            self.head.resting -= 1;
            return false;
        }
        suits && self.head.screen.is_some()
    }

    /// Returns the normed rows as an input.
    fn normed(&self) -> matmul::Input<'_> {
        matmul::Input {
            floats: &self.buffers.normed,
            quantized: &self.buffers.activations,
        }
    }
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

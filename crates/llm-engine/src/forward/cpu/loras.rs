//! What adapters add to the products of a chunk: each row by the adapters of its own
//! request. Nothing is done where no request of a chunk has one.

use std::sync::Arc;

use llm_kernels::activations::Activations;
use llm_kernels::matmul;
use llm_kernels::pool::Pool;
use llm_kernels::simd::Level;
use llm_kernels::vector;

use super::buffers::Row;
use crate::cache::SequenceId;
use crate::forward::Input;
use crate::lora::{Applied, Lora};
use crate::weights::Linear;

/// What products are computed with.
#[derive(Clone, Copy)]
pub(super) struct Cpu<'a> {
    pub(super) level: Level,
    pub(super) pool: &'a Pool,
}

impl<'a> Cpu<'a> {
    pub(super) fn new(level: Level, pool: &'a Pool) -> Self {
        Self { level, pool }
    }
}

/// The adapters of a pass, and whose rows they add to.
#[derive(Debug, Default)]
pub(super) struct Loras {
    loras: Vec<Arc<Lora>>,
    /// What each request of the batch has.
    requests: Vec<(SequenceId, Vec<Applied>)>,
    /// The adapters of the chunk.
    users: Vec<User>,
    /// (rows of one adapter, columns)
    gathered: Vec<f32>,
    /// (rows of one adapter, rank)
    low: Vec<f32>,
    /// (rows of one adapter, rows of the matrix)
    delta: Vec<f32>,
    activations: Activations,
}

/// One adapter in a chunk.
#[derive(Debug)]
struct User {
    adapter: usize,
    /// What it adds to each row of the chunk is multiplied by; 0 for other requests' rows.
    all: Vec<f32>,
    /// The same for the rows of the next products.
    scales: Vec<f32>,
}

impl Loras {
    pub(super) fn new(loras: Vec<Arc<Lora>>) -> Self {
        Self {
            loras,
            ..Self::default()
        }
    }

    /// Returns how many there are.
    pub(super) fn len(&self) -> usize {
        self.loras.len()
    }

    /// Takes note of a batch.
    pub(super) fn begin_batch(&mut self, batch: &[Input<'_>]) {
        self.requests.clear();
        let adapted = batch.iter().filter(|input| !input.adapters.is_empty());
        self.requests
            .extend(adapted.map(|input| (input.sequence, input.adapters.to_vec())));
    }

    /// Takes note of a chunk.
    pub(super) fn begin_chunk(&mut self, rows: &[Row]) {
        self.users.clear();
        for (sequence, applied) in &self.requests {
            for one in applied.iter().filter(|one| one.scale != 0.0) {
                let known = self.users.iter().position(|it| it.adapter == one.adapter);
                let at = known.unwrap_or(self.users.len());
                if known.is_none() {
                    self.users.push(User {
                        adapter: one.adapter,
                        all: vec![0.0; rows.len()],
                        scales: Vec::new(),
                    });
                }
                let own = rows.iter().zip(&mut self.users[at].all);
                for (_, scale) in own.filter(|(row, _)| row.sequence == *sequence) {
                    *scale += one.scale;
                }
            }
        }
        // In one order, whoever is beside whom.
        self.users.sort_by_key(|user| user.adapter);
        self.take_all();
    }

    /// Has the next products be those of all rows of the chunk.
    pub(super) fn take_all(&mut self) {
        for user in &mut self.users {
            user.scales.clone_from(&user.all);
        }
    }

    /// Has the next products be those of some rows of the chunk.
    pub(super) fn take(&mut self, rows: &(impl Iterator<Item = usize> + Clone)) {
        for user in &mut self.users {
            user.scales.clear();
            user.scales.extend(rows.clone().map(|row| user.all[row]));
        }
    }

    /// Returns whether something is added to a matrix in this chunk.
    pub(super) fn add_to(&self, linear: &Linear) -> bool {
        let mut users = self.users.iter();
        users.any(|user| self.loras[user.adapter].part(linear.place).is_some())
    }

    /// out += scale * B(A(input)), (rows, the linear's rows), for the rows of each adapter.
    pub(super) fn add(&mut self, cpu: Cpu<'_>, linear: &Linear, input: &[f32], out: &mut [f32]) {
        for at in 0..self.users.len() {
            let lora = Arc::clone(&self.loras[self.users[at].adapter]);
            let Some(part) = lora.part(linear.place) else {
                continue;
            };
            let columns = linear.columns();
            self.gathered.clear();
            for (scale, row) in self.users[at]
                .scales
                .iter()
                .zip(input.chunks_exact(columns))
            {
                if *scale != 0.0 {
                    self.gathered.extend_from_slice(row);
                }
            }
            if self.gathered.is_empty() {
                continue;
            }
            let (gathered, low) = (&self.gathered, &mut self.low);
            multiply(cpu, &mut self.activations, gathered, &part.down, low);
            self.add_up(cpu, at, part.scale, &part.up, out);
        }
    }

    /// The same for the token embedding, whose rows are looked up; `scale` is the model's own.
    pub(super) fn embed(
        &mut self,
        cpu: Cpu<'_>,
        rows: &[Row],
        embedding: &Linear,
        scale: f32,
        out: &mut [f32],
    ) {
        for at in 0..self.users.len() {
            let lora = Arc::clone(&self.loras[self.users[at].adapter]);
            let Some(part) = lora.part(embedding.place) else {
                continue;
            };
            let rank = part.down.columns();
            self.low.clear();
            for (row, scale) in rows.iter().zip(&self.users[at].scales) {
                if *scale != 0.0 {
                    let start = self.low.len();
                    self.low.resize(start + rank, 0.0);
                    let low = &mut self.low[start..];
                    part.down.dequantize_row(row.token as usize, low);
                }
            }
            if !self.low.is_empty() {
                self.add_up(cpu, at, part.scale * scale, &part.up, out);
            }
        }
    }

    /// out += scale * up(low), for the rows of one adapter.
    fn add_up(&mut self, cpu: Cpu<'_>, user: usize, scale: f32, up: &Linear, out: &mut [f32]) {
        let (low, delta) = (&self.low, &mut self.delta);
        multiply(cpu, &mut self.activations, low, up, delta);
        let rows = self.users[user].scales.iter();
        let rows = rows.zip(out.chunks_exact_mut(up.rows()));
        let rows = rows.filter(|(scale, _)| **scale != 0.0);
        for ((own, out), delta) in rows.zip(delta.chunks_exact(up.rows())) {
            vector::add_weighted(cpu.level, out, own * scale, delta);
        }
    }
}

/// out = matrix(input), (rows, the matrix's rows).
fn multiply(
    cpu: Cpu<'_>,
    activations: &mut Activations,
    input: &[f32],
    matrix: &Linear,
    out: &mut Vec<f32>,
) {
    let Cpu { level, pool } = cpu;
    activations.quantize(level, pool, input, matrix.columns());
    out.resize(activations.rows() * matrix.rows(), 0.0);
    let input = matmul::Input {
        floats: input,
        quantized: activations,
    };
    matmul::multiply(level, pool, input, &mut [(matrix.matrix(), out)], &[]);
}

//! The second half of a layer: x += down(activation(gate(norm(x))) *
//! up(norm(x))), or without a gate, for all tokens the same or with experts for each.

use llm_kernels::attention::Element;
use llm_kernels::matmul::{self, Matrix};
use llm_kernels::vector::{self, Gate};

use super::loras::{Cpu, Loras};
use super::router::choose;
use super::{CpuForward, add_rest, apply};
use crate::weights::{BesideNorms, Experts, FeedForward, Inner, Latent, Layer, Mlp};

/// Rows that go through one expert, with the weights of its results.
type Visits = Vec<(usize, f32)>;

impl<T: Element> CpuForward<T> {
    /// x += step(norm(x)); `next` are the matrices of the step after.
    pub(super) fn feed_forward(&mut self, layer: &Layer, step: &FeedForward, next: &[Matrix<'_>]) {
        if !layer.parallel {
            self.start_feed_forward(layer);
        }
        match step {
            FeedForward::Dense(mlp) => self.dense(mlp, next),
            FeedForward::Experts(experts) => match &experts.beside {
                None => self.experts(experts),
                Some(norms) => self.parallel_dense_mlp(experts, norms),
            },
        }
        self.add_residual(layer.post_feed_forward_norm.as_ref());
    }

    /// x → normed, which the step takes. In a parallel layer x is the stream before
    /// attention, whose normed rows are there.
    pub(super) fn start_feed_forward(&mut self, layer: &Layer) {
        match &layer.feed_forward_norm {
            None if layer.parallel => self.quantize_normed(),
            norm => self.normalize(norm.as_ref()),
        }
    }

    /// projected = mlp(normed), which is quantized.
    fn dense(&mut self, mlp: &Mlp, next: &[Matrix<'_>]) {
        let (level, inner, kind) = (self.level, mlp.up.rows(), self.spec.family.gate);
        let cpu = Cpu::new(self.level, &self.pool);
        let (buffers, loras) = (&mut self.buffers, &mut self.loras);
        let input = matmul::Input {
            floats: &buffers.normed,
            quantized: &buffers.activations,
        };
        let down = mlp.down.matrix();
        let (gate, up) = (&mut buffers.gate, &mut buffers.up);
        inner_vectors(cpu, loras, mlp, kind, input, gate, up);
        buffers
            .activations
            .quantize(level, &self.pool, &buffers.gate, inner);
        let input = matmul::Input {
            floats: &buffers.gate,
            quantized: &buffers.activations,
        };
        matmul::multiply(
            level,
            &self.pool,
            input,
            &mut [(down, &mut buffers.projected)],
            next,
        );
        let (gate, projected) = (&buffers.gate, &mut buffers.projected);
        add_rest(cpu, loras, &mlp.down, gate, projected);
    }

    /// projected = the weighted sum of each token's experts, and the one that
    /// every token goes through.
    fn experts(&mut self, experts: &Experts) {
        let visits = self.route(experts);
        match &experts.shared {
            Some(shared) => {
                self.dense(shared, &[]);
                self.gate_shared(experts.shared_gate.as_deref());
            }
            None => self.buffers.projected.fill(0.0),
        }
        match &experts.latent {
            Some(latent) => self.visit_latent(experts, latent, &visits),
            None => self.visit(experts, &visits),
        }
    }

    /// The same where experts work on shorter vectors, which stand in the place of normed
    /// and projected meanwhile.
    fn visit_latent(&mut self, experts: &Experts, latent: &Latent, visits: &[Visits]) {
        let cpu = Cpu::new(self.level, &self.pool);
        let (buffers, loras) = (&mut self.buffers, &mut self.loras);
        let rows = buffers.normed.len() / self.spec.hidden_size;
        let length = rows * latent.down.rows();
        let mut short = vec![0.0; length];
        let activations = &mut buffers.activations;
        apply(
            cpu,
            loras,
            activations,
            &buffers.normed,
            &latent.down,
            &mut short,
        );
        let normed = std::mem::replace(&mut buffers.normed, short);
        let shared = std::mem::replace(&mut buffers.projected, vec![0.0; length]);
        self.visit(experts, visits);
        let cpu = Cpu::new(self.level, &self.pool);
        let (buffers, loras) = (&mut self.buffers, &mut self.loras);
        let summed = std::mem::replace(&mut buffers.projected, vec![0.0; normed.len()]);
        buffers.normed = normed;
        let (activations, made) = (&mut buffers.activations, &mut buffers.projected);
        apply(cpu, loras, activations, &summed, &latent.up, made);
        vector::add(self.level, made, &shared);
    }

    /// The same where the two are normed on their own, and router and experts
    /// norm the stream in their own ways.
    fn parallel_dense_mlp(&mut self, experts: &Experts, norms: &BesideNorms) {
        match &experts.shared {
            Some(dense) => self.dense(dense, &[]),
            None => self.buffers.projected.fill(0.0),
        }
        self.norm_projected(&norms.after_dense);
        self.buffers.beside.clone_from(&self.buffers.projected);
        self.normalize(Some(&norms.router));
        let visits = self.route(experts);
        self.normalize(Some(&norms.experts));
        self.buffers.projected.fill(0.0);
        self.visit(experts, &visits);
        self.norm_projected(&norms.after_experts);
        let buffers = &mut self.buffers;
        vector::add(self.level, &mut buffers.projected, &buffers.beside);
    }

    /// normed → for each expert the rows that go through it, and the weights of
    /// its results.
    fn route(&mut self, experts: &Experts) -> Vec<Visits> {
        let Some(spec) = self.spec.experts else {
            return Vec::new();
        };
        let hidden_size = self.spec.hidden_size;
        let rows = self.buffers.normed.len() / hidden_size;
        self.buffers.router.resize(rows * spec.count, 0.0);
        let input = matmul::Input {
            floats: &self.buffers.normed,
            quantized: &self.buffers.activations,
        };
        let router = (experts.router.matrix(), self.buffers.router.as_mut_slice());
        matmul::multiply(self.level, &self.pool, input, &mut [router], &[]);
        let cpu = Cpu::new(self.level, &self.pool);
        let (normed, router) = (&self.buffers.normed, &mut self.buffers.router);
        add_rest(cpu, &mut self.loras, &experts.router, normed, router);
        let bias = experts.router_bias.as_deref();
        let scales = experts.scales.as_deref();
        let mut visits = vec![Vec::new(); spec.count];
        for (row, scores) in self.buffers.router.chunks_exact_mut(spec.count).enumerate() {
            for (expert, weight) in choose(&spec, scores, bias) {
                let weight = scales.map_or(weight, |scales| weight * scales[expert]);
                visits[expert].push((row, weight));
            }
        }
        visits
    }

    /// projected += the results of all experts.
    fn visit(&mut self, experts: &Experts, visits: &[Visits]) {
        // In the order of the experts, whoever visits them: a row's results are
        // always added in the same order.
        for (expert, visits) in experts.experts.iter().zip(visits) {
            if !visits.is_empty() {
                self.expert(expert, visits);
            }
        }
    }

    /// projected *= sigmoid(gate · normed), where the shared expert has a gate.
    fn gate_shared(&mut self, gate: Option<&[f32]>) {
        let Some(gate) = gate else {
            return;
        };
        let (level, hidden_size) = (self.level, self.spec.hidden_size);
        let normed = &self.buffers.normed;
        let projected = &mut self.buffers.projected;
        self.pool.for_each_row(projected, hidden_size, |row, x| {
            let opening = vector::dot(
                level,
                gate,
                &normed[row * hidden_size..(row + 1) * hidden_size],
            );
            let opening = 1.0 / (1.0 + (-opening).exp());
            x.iter_mut().for_each(|x| *x *= opening);
        });
    }

    /// projected += weight * expert(normed), for the rows of `visits`.
    fn expert(&mut self, expert: &Mlp, visits: &[(usize, f32)]) {
        let (level, width, kind) = (self.level, expert.up.columns(), self.spec.family.gate);
        let cpu = Cpu::new(self.level, &self.pool);
        let (buffers, loras) = (&mut self.buffers, &mut self.loras);
        loras.take(&visits.iter().map(|(row, _)| *row));
        buffers.gathered.clear();
        let weighs_inputs = self.spec.family.weighs_expert_inputs;
        for &(row, weight) in visits {
            let row = &buffers.normed[row * width..(row + 1) * width];
            let weight = if weighs_inputs { weight } else { 1.0 };
            buffers.gathered.extend(row.iter().map(|x| x * weight));
        }
        let activations = &mut buffers.activations;
        activations.quantize(level, &self.pool, &buffers.gathered, width);
        let input = matmul::Input {
            floats: &buffers.gathered,
            quantized: activations,
        };
        let (gate, up) = (&mut buffers.gate, &mut buffers.up);
        inner_vectors(cpu, loras, expert, kind, input, gate, up);
        let out = &mut buffers.gathered;
        apply(cpu, loras, activations, &buffers.gate, &expert.down, out);
        loras.take_all();
        for (&(row, weight), out) in visits.iter().zip(out.chunks_exact(width)) {
            let sum = &mut buffers.projected[row * width..(row + 1) * width];
            let weight = if weighs_inputs { 1.0 } else { weight };
            vector::add_weighted(level, sum, weight, out);
        }
    }
}

/// `gate` = activation(gate(input)) * up(input), or activation(up(input)), (rows, inner).
fn inner_vectors(
    cpu: Cpu<'_>,
    loras: &mut Loras,
    mlp: &Mlp,
    kind: Gate,
    input: matmul::Input<'_>,
    gate: &mut Vec<f32>,
    up: &mut Vec<f32>,
) {
    let (inner, rows) = (mlp.up.rows(), input.floats.len() / mlp.up.columns());
    let Cpu { level, pool } = cpu;
    gate.resize(rows * inner, 0.0);
    let down = [mlp.down.matrix()];
    match &mlp.inner {
        Inner::Gate(linear) => {
            up.resize(rows * inner, 0.0);
            let mut products = [
                (linear.matrix(), gate.as_mut_slice()),
                (mlp.up.matrix(), up.as_mut_slice()),
            ];
            matmul::multiply(level, pool, input, &mut products, &down);
            add_rest(cpu, loras, linear, input.floats, gate);
            add_rest(cpu, loras, &mlp.up, input.floats, up);
            pool.for_each_row(gate, inner, |row, gate| {
                if let Some(deviations) = mlp.sparsity {
                    vector::far_above(level, gate, deviations);
                }
                vector::gated(level, kind, gate, &up[row * inner..(row + 1) * inner]);
            });
        }
        Inner::Activation(activation) => {
            let mut products = [(mlp.up.matrix(), gate.as_mut_slice())];
            matmul::multiply(level, pool, input, &mut products, &down);
            add_rest(cpu, loras, &mlp.up, input.floats, gate);
            pool.for_each_row(gate, inner, |_, x| vector::activate(level, *activation, x));
        }
    }
}

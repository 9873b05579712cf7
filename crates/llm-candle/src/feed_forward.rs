//! The second half of a layer: norm(x) → down(activation(gate(norm(x))) *
//! up(norm(x))), or without a gate, for all tokens the same or with experts for each.

use candle_core::{Device, Result, Tensor};
use llm_engine::family::Scoring;
use llm_engine::spec::{ExpertSpec, Spec};
use llm_engine::weights;
use llm_kernels::vector::{Activation, Gate};

use crate::projection::{Loader, Projection};
use crate::steps::{Norm, activate, activate_alone, far_above, lift, norm_if, sigmoid};

/// The step on the device; shapes as in [`weights::Layer`].
#[derive(Debug)]
pub(crate) struct FeedForward {
    norm: Option<Norm>,
    step: Step,
    post_norm: Option<Norm>,
}

#[derive(Debug)]
enum Step {
    Dense(Mlp),
    Experts(Box<Experts>),
}

#[derive(Debug)]
struct Mlp {
    inner: Inner,
    up: Projection,
    down: Projection,
    sparsity: Option<f32>,
}

/// See [`weights::Inner`].
#[derive(Debug)]
enum Inner {
    Gate(Projection),
    Activation(Activation),
}

#[derive(Debug)]
struct Experts {
    router: Projection,
    router_bias: Option<Vec<f32>>,
    experts: Vec<Mlp>,
    latent: Option<(Projection, Projection)>,
    scales: Option<Vec<f32>>,
    shared: Option<Mlp>,
    shared_gate: Option<Tensor>,
    beside: Option<BesideNorms>,
}

/// See [`weights::BesideNorms`].
#[derive(Debug)]
struct BesideNorms {
    router: Norm,
    experts: Norm,
    after_experts: Norm,
    after_dense: Norm,
}

impl FeedForward {
    pub(crate) fn load(
        loader: &Loader<'_>,
        layer: &weights::Layer,
        step: &weights::FeedForward,
    ) -> Result<Self> {
        Ok(Self {
            norm: loader.optional_norm(layer.feed_forward_norm.as_ref())?,
            step: match step {
                weights::FeedForward::Dense(mlp) => Step::Dense(Mlp::load(loader, mlp)?),
                weights::FeedForward::Experts(experts) => {
                    Step::Experts(Box::new(Experts::load(loader, experts)?))
                }
            },
            post_norm: loader.optional_norm(layer.post_feed_forward_norm.as_ref())?,
        })
    }

    /// x, (rows, `hidden_size`) → norm(x), if there is one.
    pub(crate) fn normed(&self, spec: &Spec, x: &Tensor) -> Result<Option<Tensor>> {
        let norm = self.norm.as_ref();
        norm.map(|norm| norm.forward(x, spec.norm_epsilon))
            .transpose()
    }

    /// The stream, (rows, `hidden_size`), and x, that normed → the step of x, the same
    /// shape.
    pub(crate) fn forward(&self, spec: &Spec, stream: &Tensor, x: &Tensor) -> Result<Tensor> {
        let gate = spec.family.gate;
        let out = match &self.step {
            Step::Dense(mlp) => mlp.forward(x, gate)?,
            Step::Experts(experts) => experts.step(spec, stream, x)?,
        };
        norm_if(out, self.post_norm.as_ref(), spec.norm_epsilon)
    }
}

impl Mlp {
    fn load(loader: &Loader<'_>, mlp: &weights::Mlp) -> Result<Self> {
        Ok(Self {
            inner: match &mlp.inner {
                weights::Inner::Gate(gate) => Inner::Gate(loader.projection(gate)?),
                weights::Inner::Activation(activation) => Inner::Activation(*activation),
            },
            up: loader.projection(&mlp.up)?,
            down: loader.projection(&mlp.down)?,
            sparsity: mlp.sparsity,
        })
    }

    fn forward(&self, x: &Tensor, gate: Gate) -> Result<Tensor> {
        let up = self.up.forward(x)?;
        let inner = match &self.inner {
            Inner::Gate(of) => {
                let opening = match self.sparsity {
                    Some(deviations) => far_above(&of.forward(x)?, deviations)?,
                    None => of.forward(x)?,
                };
                (activate(&opening, gate)? * lift(up, gate)?)?
            }
            Inner::Activation(activation) => activate_alone(&up, *activation)?,
        };
        self.down.forward(&inner)
    }
}

impl Experts {
    fn load(loader: &Loader<'_>, experts: &weights::Experts) -> Result<Self> {
        let all = experts.experts.iter();
        let shared = experts.shared.as_ref();
        let beside = experts.beside.as_ref();
        let latent = experts.latent.as_ref();
        let latent = latent.map(|latent| -> Result<_> {
            let down = loader.projection(&latent.down)?;
            Ok((down, loader.projection(&latent.up)?))
        });
        Ok(Self {
            router: loader.projection(&experts.router)?,
            router_bias: experts.router_bias.clone(),
            experts: all
                .map(|mlp| Mlp::load(loader, mlp))
                .collect::<Result<_>>()?,
            latent: latent.transpose()?,
            scales: experts.scales.clone(),
            shared: shared.map(|mlp| Mlp::load(loader, mlp)).transpose()?,
            shared_gate: loader.optional_vector(experts.shared_gate.as_deref())?,
            beside: beside
                .map(|norms| BesideNorms::load(loader, norms))
                .transpose()?,
        })
    }

    /// The stream, (rows, `hidden_size`), and the same normed → the sum of what the
    /// experts and the shared one give.
    fn step(&self, spec: &Spec, stream: &Tensor, x: &Tensor) -> Result<Tensor> {
        let Some(experts) = &spec.experts else {
            candle_core::bail!("the model has no experts");
        };
        let gate = spec.family.gate;
        let shared = match &self.shared {
            Some(shared) => self.gated(shared.forward(x, gate)?, x)?,
            None => x.zeros_like()?,
        };
        let Some(norms) = &self.beside else {
            return match &self.latent {
                Some((down, up)) => {
                    let short = down.forward(x)?;
                    shared + up.forward(&self.forward(spec, experts, x, &short)?)?
                }
                None => shared + self.forward(spec, experts, x, x)?,
            };
        };
        let norm = |x: &Tensor, norm: &Norm| norm.forward(x, spec.norm_epsilon);
        let (routed, x) = (norm(stream, &norms.router)?, norm(stream, &norms.experts)?);
        let chosen = self.forward(spec, experts, &routed, &x)?;
        norm(&shared, &norms.after_dense)? + norm(&chosen, &norms.after_experts)?
    }

    /// What the router sees and what the experts see, (rows, `hidden_size`) each → the
    /// weighted sum of the experts. Every expert computes all rows, weighted
    /// with 0 where it is not wanted: plain, and far too much for a large model.
    fn forward(
        &self,
        spec: &Spec,
        experts: &ExpertSpec,
        routed: &Tensor,
        x: &Tensor,
    ) -> Result<Tensor> {
        let (rows, gate) = (x.dim(0)?, spec.family.gate);
        let scores = self.router.forward(routed)?.to_device(&Device::Cpu)?;
        let weights: Vec<Vec<f32>> = scores
            .to_vec2::<f32>()?
            .iter()
            .map(|scores| weigh(experts, scores, self.router_bias.as_deref()))
            .collect();
        let mut sum = x.zeros_like()?;
        for (index, expert) in self.experts.iter().enumerate() {
            let scale = self.scales.as_ref().map_or(1.0, |scales| scales[index]);
            let of_expert = |weights: &Vec<f32>| weights[index] * scale;
            let column: Vec<f32> = weights.iter().map(of_expert).collect();
            if column.iter().any(|weight| *weight != 0.0) {
                let chosen = column.iter().map(|weight| f32::from(*weight != 0.0));
                let chosen = Tensor::from_iter(chosen, x.device())?.reshape((rows, 1))?;
                let column = Tensor::from_vec(column, (rows, 1), x.device())?;
                let weighted = if spec.family.weighs_expert_inputs {
                    // Of zeros an expert makes its biases, which other rows must not get.
                    let made = expert.forward(&x.broadcast_mul(&column)?, gate)?;
                    made.broadcast_mul(&chosen)?
                } else {
                    expert.forward(x, gate)?.broadcast_mul(&column)?
                };
                sum = (sum + weighted)?;
            }
        }
        Ok(sum)
    }
}

impl BesideNorms {
    fn load(loader: &Loader<'_>, norms: &weights::BesideNorms) -> Result<Self> {
        Ok(Self {
            router: loader.norm(&norms.router)?,
            experts: loader.norm(&norms.experts)?,
            after_experts: loader.norm(&norms.after_experts)?,
            after_dense: loader.norm(&norms.after_dense)?,
        })
    }
}

impl Experts {
    /// What the shared expert gave for x, behind its gate where it has one.
    fn gated(&self, out: Tensor, x: &Tensor) -> Result<Tensor> {
        let Some(gate) = &self.shared_gate else {
            return Ok(out);
        };
        let opening = x.broadcast_mul(gate)?.sum_keepdim(1)?;
        out.broadcast_mul(&sigmoid(&opening)?)
    }
}

/// Returns the weight of every expert for a token, most of them 0. Written once
/// more, and not taken from the engine, since this pass is the engine's judge.
fn weigh(spec: &ExpertSpec, scores: &[f32], bias: Option<&[f32]>) -> Vec<f32> {
    let exp = |x: &f32| f64::from(*x).exp();
    let total: f64 = scores.iter().map(exp).sum();
    let score = |x: &f32| match spec.routing.scoring {
        Scoring::Softmax => exp(x) / total,
        Scoring::Sigmoid => 1.0 / (1.0 + f64::from(-x).exp()),
        Scoring::SoftmaxOfChosen => f64::from(*x),
    };
    let scores: Vec<f64> = scores.iter().map(score).collect();
    let wish = |expert: usize| scores[expert] + bias.map_or(0.0, |bias| f64::from(bias[expert]));
    let size = spec.count / spec.groups;
    let group_wish = |group: usize| {
        let mut wishes: Vec<f64> = (group * size..(group + 1) * size).map(wish).collect();
        wishes.sort_by(|a, b| b.total_cmp(a));
        wishes.iter().take(spec.group_best).sum::<f64>()
    };
    let mut groups: Vec<usize> = (0..spec.groups).collect();
    groups.sort_by(|&a, &b| group_wish(b).total_cmp(&group_wish(a)));
    let mut chosen: Vec<usize> = groups[..spec.groups_used]
        .iter()
        .flat_map(|group| group * size..(group + 1) * size)
        .collect();
    chosen.sort_by(|&a, &b| wish(b).total_cmp(&wish(a)).then(a.cmp(&b)));
    chosen.truncate(spec.used);
    let of_chosen = spec.routing.scoring == Scoring::SoftmaxOfChosen;
    let share = |expert: usize| {
        if of_chosen {
            scores[expert].exp()
        } else {
            scores[expert]
        }
    };
    let sum: f64 = chosen.iter().map(|&expert| share(expert)).sum();
    let divisor = if of_chosen || spec.routing.normalized {
        sum
    } else {
        1.0
    };
    let mut weights = vec![0.0; spec.count];
    for expert in chosen {
        weights[expert] = (share(expert) / divisor * f64::from(spec.weight_scale)) as f32;
    }
    weights
}

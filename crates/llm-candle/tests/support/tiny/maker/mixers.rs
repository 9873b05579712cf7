//! What layers that keep a state have: their numbers and tensors.

use super::Maker;
use crate::support::gguf::Writer;
use crate::support::tiny::{Attending, MixerPlan, Plan, StepPlan};

/// Returns whether the file says by heads of keys which layers attend.
pub(super) fn lists_heads(plan: &Plan) -> bool {
    let attending = plan.mixer.map(|mixer| mixer.attending);
    matches!(attending, Some(Attending::These(_) | Attending::OneStep(_)))
}

/// Returns whether the file says by the length of their feed-forward step which layers
/// have one.
pub(super) fn lists_lengths(plan: &Plan) -> bool {
    let attending = plan.mixer.map(|mixer| mixer.attending);
    matches!(attending, Some(Attending::OneStep(_)))
}

/// Writes the numbers.
pub(super) fn describe(plan: &Plan, mixer: MixerPlan, file: &mut Writer) {
    let key = |name: &str| format!("{}.{name}", plan.family);
    match mixer.step {
        StepPlan::GatedDeltaNet {
            kernel,
            key_heads,
            value_heads,
            head_dim,
        } => {
            file.size(&key("ssm.conv_kernel"), kernel);
            file.size(&key("ssm.group_count"), key_heads);
            file.size(&key("ssm.time_step_rank"), value_heads);
            file.size(&key("ssm.state_size"), head_dim);
            file.size(&key("ssm.inner_size"), value_heads * head_dim);
        }
        StepPlan::ShortConv { kernel } => file.size(&key("shortconv.l_cache"), kernel),
        StepPlan::Ssd {
            kernel,
            heads,
            head_dim,
            state_dim,
            groups,
            ..
        } => {
            file.size(&key("ssm.conv_kernel"), kernel);
            file.size(&key("ssm.group_count"), groups);
            file.size(&key("ssm.time_step_rank"), heads);
            file.size(&key("ssm.state_size"), state_dim);
            file.size(&key("ssm.inner_size"), heads * head_dim);
        }
    }
    match mixer.attending {
        Attending::Every(every) => file.size(&key("full_attention_interval"), every),
        Attending::These(_) | Attending::OneStep(_) => {
            let heads = |layer| {
                if mixer.attends(layer) {
                    plan.kv_heads
                } else {
                    0
                }
            };
            let heads: Vec<_> = (0..plan.layers).map(heads).collect();
            file.sizes(&key("attention.head_count_kv"), &heads);
            let inner = |layer| plan.intermediate_size * usize::from(mixer.has_mlp(layer));
            if let Attending::OneStep(_) = mixer.attending {
                let inner: Vec<_> = (0..plan.layers).map(inner).collect();
                file.sizes(&key("feed_forward_length"), &inner);
            }
        }
        Attending::None | Attending::All => {}
    }
}

impl MixerPlan {
    pub(super) fn attends(&self, layer: usize) -> bool {
        match self.attending {
            Attending::Every(every) => (layer + 1).is_multiple_of(every),
            Attending::These(layers) => layers.contains(&layer),
            Attending::None => false,
            Attending::All => true,
            Attending::OneStep(layers) => layers.as_bytes()[layer] == b'*',
        }
    }

    /// Returns whether a layer has a feed-forward step, in a model that has such.
    pub(super) fn has_mlp(&self, layer: usize) -> bool {
        match self.attending {
            Attending::OneStep(layers) => !b"M*".contains(&layers.as_bytes()[layer]),
            _ => true,
        }
    }

    pub(super) fn keeps_a_state(&self, layer: usize) -> bool {
        match self.attending {
            Attending::All => true,
            Attending::OneStep(layers) => layers.as_bytes()[layer] == b'M',
            _ => !self.attends(layer),
        }
    }
}

impl Maker<'_> {
    pub(super) fn mixer(&mut self, layer: usize, step: StepPlan) {
        match step {
            StepPlan::GatedDeltaNet {
                kernel,
                key_heads,
                value_heads,
                head_dim,
            } => {
                let widths = [key_heads * head_dim, value_heads * head_dim];
                self.gated_delta_net(layer, kernel, widths, value_heads);
            }
            StepPlan::ShortConv { kernel } => self.short_conv(layer, kernel),
            StepPlan::Ssd { .. } => self.ssd(layer, step),
        }
    }

    fn gated_delta_net(
        &mut self,
        layer: usize,
        kernel: usize,
        [keys, values]: [usize; 2],
        heads: usize,
    ) {
        let hidden_size = self.plan.hidden_size;
        let name = |part: &str| format!("blk.{layer}.{part}");
        let mixed = 2 * keys + values;
        self.matrix(&name("attn_qkv"), mixed, hidden_size, 1.0);
        self.matrix(&name("attn_gate"), values, hidden_size, 1.0);
        if self.family.grouped_value_heads {
            self.matrix(&name("ssm_ba"), 2 * heads, hidden_size, 1.0);
        } else {
            self.matrix(&name("ssm_beta"), heads, hidden_size, 1.0);
            self.matrix(&name("ssm_alpha"), heads, hidden_size, 1.0);
        }
        self.filters(&name("ssm_conv1d.weight"), kernel, mixed);
        let bias = self.random.normals(heads, 0.0, 1.0);
        self.vector(&name("ssm_dt.bias"), &bias);
        // States that fade within a few tokens, and some that stay.
        let rates = self.random.normals(heads, -2.5, 1.0);
        let rates: Vec<f32> = rates.iter().map(|rate| -rate.exp()).collect();
        self.vector(&name("ssm_a"), &rates);
        self.norm(&name("ssm_norm"), values / heads);
        self.matrix(&name("ssm_out"), hidden_size, values, self.plan.step);
    }

    fn short_conv(&mut self, layer: usize, kernel: usize) {
        let hidden_size = self.plan.hidden_size;
        let name = |part: &str| format!("blk.{layer}.shortconv.{part}");
        self.matrix(&name("in_proj"), 3 * hidden_size, hidden_size, 1.0);
        self.filters(&name("conv.weight"), kernel, hidden_size);
        self.matrix(&name("out_proj"), hidden_size, hidden_size, self.plan.step);
    }

    fn ssd(&mut self, layer: usize, step: StepPlan) {
        let StepPlan::Ssd {
            kernel,
            heads,
            head_dim,
            state_dim,
            groups,
            normed,
        } = step
        else {
            return;
        };
        let hidden_size = self.plan.hidden_size;
        let name = |part: &str| format!("blk.{layer}.{part}");
        let inner = heads * head_dim;
        let mixed = inner + 2 * groups * state_dim;
        self.matrix(&name("ssm_in"), inner + mixed + heads, hidden_size, 1.0);
        self.filters(&name("ssm_conv1d.weight"), kernel, mixed);
        let bias = self.random.normals(mixed, 0.0, 0.3);
        self.vector(&name("ssm_conv1d.bias"), &bias);
        let bias = self.random.normals(heads, -1.0, 1.0);
        self.vector(&name("ssm_dt.bias"), &bias);
        // States that fade within a few tokens, and some that stay.
        let rates = self.random.normals(heads, -1.5, 1.0);
        let rates: Vec<f32> = rates.iter().map(|rate| -rate.exp()).collect();
        self.numbers(&name("ssm_a"), &[1, heads], &rates);
        let skips = self.random.normals(heads, 1.0, 0.3);
        self.numbers(&name("ssm_d"), &[1, heads], &skips);
        if normed {
            let weights = self.random.normals(inner, 1.0, 0.2);
            let shape = [inner / groups, groups];
            self.numbers(&name("ssm_norm.weight"), &shape, &weights);
        }
        self.matrix(&name("ssm_out"), hidden_size, inner, self.plan.step);
    }

    fn filters(&mut self, name: &str, kernel: usize, channels: usize) {
        let taps = self.random.normals(channels * kernel, 0.0, 0.7);
        self.numbers(name, &[kernel, channels], &taps);
    }
}

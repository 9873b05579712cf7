//! The weights of layers that keep a state, see [`crate::spec::MixerSpec`].

use llm_kernels::matmul::Matrix;

use super::Linear;

/// The step of a layer that keeps a state.
#[derive(Debug)]
pub struct Mixer {
    /// What a token brings.
    pub inputs: MixerInputs,
    /// (kernel, channels): the convolution's weights, oldest token first.
    pub filters: Vec<f32>,
    /// (channels): what the convolution's sums begin with, where the file has it.
    pub filter_bias: Option<Vec<f32>>,
    /// (`hidden_size`, what a token gets)
    pub output: Linear,
}

/// What makes all that a token brings.
#[derive(Debug)]
pub enum MixerInputs {
    /// See [`crate::spec::GatedDeltaNetSpec`].
    GatedDeltaNet(Box<GatedDeltaNet>),
    /// See [`crate::spec::ShortConvSpec`].
    ShortConv(Box<ShortConv>),
    /// See [`crate::spec::SsdSpec`].
    Ssd(Box<Ssd>),
}

/// What the gated delta rule needs.
#[derive(Debug)]
pub struct GatedDeltaNet {
    /// (`mixed_width`, `hidden_size)`: queries, keys and values before the convolution.
    pub mixed: Linear,
    /// (`value_width`, `hidden_size)`: the gate of what comes out.
    pub gate: Linear,
    /// (`value_heads`, `hidden_size)`: how much of a token is written.
    pub strength: Linear,
    /// (`value_heads`, `hidden_size)`: how much of the state is forgotten.
    pub decay: Linear,
    /// Added to what `decay` gives, (`value_heads`).
    pub decay_bias: Vec<f32>,
    /// The logarithm of what is kept, per unit of decay; below 0, (`value_heads`).
    pub decay_rate: Vec<f32>,
    /// The norm of a head of what comes out, (`head_dim`).
    pub norm: Vec<f32>,
}

/// The convolution's input and the gates before and behind it, (channels,
/// `hidden_size`) each.
#[derive(Debug)]
pub struct ShortConv {
    /// What the input is multiplied by.
    pub before: Linear,
    /// What comes out is multiplied by.
    pub behind: Linear,
    /// The input.
    pub input: Linear,
}

/// What state-space duality needs.
#[derive(Debug)]
pub struct Ssd {
    /// (`value_width`, `hidden_size)`: the gate of what comes out.
    pub gate: Linear,
    /// (`mixed_width`, `hidden_size)`: values, keys and queries before the convolution.
    pub mixed: Linear,
    /// (heads, `hidden_size)`: the length of a token's time step.
    pub step: Linear,
    /// Added to that, (heads).
    pub step_bias: Vec<f32>,
    /// The logarithm of what is kept, per unit of time; below 0, (heads).
    pub decay_rate: Vec<f32>,
    /// How much of a value comes out as it is, (heads).
    pub skip: Vec<f32>,
    /// The norm of what comes out, each group's heads together, (`value_width`); `None`
    /// where there is none.
    pub norm: Option<Vec<f32>>,
}

impl MixerInputs {
    /// Returns the matrices that a token's normed row meets.
    pub fn matrices(&self) -> Vec<Matrix<'_>> {
        match self {
            Self::GatedDeltaNet(net) => [&net.mixed, &net.gate, &net.strength, &net.decay]
                .map(Linear::matrix)
                .to_vec(),
            Self::ShortConv(conv) => [&conv.before, &conv.behind, &conv.input]
                .map(Linear::matrix)
                .to_vec(),
            Self::Ssd(ssd) => [&ssd.gate, &ssd.mixed, &ssd.step]
                .map(Linear::matrix)
                .to_vec(),
        }
    }
}

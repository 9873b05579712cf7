//! Layers that keep a state, instead of keys and values or beside them, see
//! [`llm_engine::spec::MixerSpec`]: x → output(step(x)).

mod gated_delta_net;
mod short_conv;
mod ssd;

use candle_core::{Result, Shape, Tensor};
use llm_engine::spec::{self, MixerSpec, Spec};
use llm_engine::weights::{self, MixerInputs};

use crate::cache::LayerCache;
use crate::projection::{Loader, Projection};
use gated_delta_net::GatedDeltaNet;
use short_conv::ShortConv;
use ssd::Ssd;

/// The step on the device; shapes as in [`weights::Mixer`].
#[derive(Debug)]
pub(crate) struct Mixer {
    inputs: Inputs,
    filters: Tensor,
    filter_bias: Option<Tensor>,
    output: Projection,
}

/// See [`MixerInputs`].
#[derive(Debug)]
enum Inputs {
    GatedDeltaNet(Box<GatedDeltaNet>),
    ShortConv(Box<ShortConv>),
    Ssd(Box<Ssd>),
}

/// A convolution of each channel over the last tokens.
struct Convolution<'a> {
    spec: spec::Convolution,
    filters: &'a Tensor,
    bias: Option<&'a Tensor>,
}

impl Mixer {
    pub(crate) fn load(loader: &Loader<'_>, mixer: &weights::Mixer) -> Result<Self> {
        Ok(Self {
            inputs: match &mixer.inputs {
                MixerInputs::GatedDeltaNet(net) => {
                    Inputs::GatedDeltaNet(Box::new(GatedDeltaNet::load(loader, net)?))
                }
                MixerInputs::ShortConv(conv) => {
                    Inputs::ShortConv(Box::new(ShortConv::load(loader, conv)?))
                }
                MixerInputs::Ssd(ssd) => Inputs::Ssd(Box::new(Ssd::load(loader, ssd)?)),
            },
            filters: loader.vector(&mixer.filters)?,
            filter_bias: loader.optional_vector(mixer.filter_bias.as_deref())?,
            output: loader.projection(&mixer.output)?,
        })
    }

    /// x, (rows, `hidden_size`), normed → the same shape.
    pub(crate) fn forward(
        &self,
        spec: &Spec,
        cached: &mut LayerCache,
        x: &Tensor,
    ) -> Result<Tensor> {
        let Some(mixer) = &spec.mixer else {
            candle_core::bail!("the model has no states");
        };
        let convolution = Convolution {
            spec: mixer.convolution(),
            filters: &self.filters,
            bias: self.filter_bias.as_ref(),
        };
        let got = match (&self.inputs, mixer) {
            (Inputs::GatedDeltaNet(net), MixerSpec::GatedDeltaNet(of)) => {
                net.forward(of, spec.norm_epsilon, &convolution, cached, x)?
            }
            (Inputs::ShortConv(conv), MixerSpec::ShortConv(_)) => {
                conv.forward(&convolution, cached, x)?
            }
            (Inputs::Ssd(ssd), MixerSpec::Ssd(of)) => {
                ssd.forward(of, spec.norm_epsilon, &convolution, cached, x)?
            }
            _ => candle_core::bail!("the weights are those of another step"),
        };
        self.output.forward(&got)
    }
}

impl Convolution<'_> {
    /// x, (rows, channels) → each channel over its last tokens; the end becomes the
    /// new tail.
    fn run(&self, cached: &mut LayerCache, x: &Tensor) -> Result<Tensor> {
        let spec::Convolution { kernel, channels } = self.spec;
        let rows = x.dim(0)?;
        let tail = match cached.tail() {
            Some(tail) => tail,
            None => blank((kernel - 1, channels), x)?,
        };
        let joined = Tensor::cat(&[&tail, x], 0)?;
        let filters = self.filters.reshape((kernel, channels))?;
        let mut sum = x.zeros_like()?;
        for tap in 0..kernel {
            let product = joined
                .narrow(0, tap, rows)?
                .broadcast_mul(&filters.get(tap)?)?;
            sum = (sum + product)?;
        }
        cached.put_tail(joined.narrow(0, rows, kernel - 1)?.contiguous()?);
        match self.bias {
            Some(bias) => sum.broadcast_add(bias),
            None => Ok(sum),
        }
    }
}

/// What is kept before the first token.
fn blank(shape: impl Into<Shape>, like: &Tensor) -> Result<Tensor> {
    Tensor::zeros(shape, like.dtype(), like.device())
}

/// ln(1 + e^x)
fn softplus(x: &Tensor) -> Result<Tensor> {
    x.relu()? + (x.abs()?.neg()?.exp()? + 1.0)?.log()?
}

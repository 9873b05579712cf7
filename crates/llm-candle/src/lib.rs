//! The same model in candle tensors: GPUs, and the judge of the CPU pass.
//!
//! The pass reads the engine's description of a model (`spec`, `family`,
//! `weights`) and nothing else, so that a family that is known there is known
//! here. It is written to be checked by eye: whole tensors, no fused steps, and
//! a cache that is copied when it grows. Dense and in f32 it is free of the
//! noise of 8-bit activations, which is why the tests of the CPU pass are held
//! against it.
//!
//! The features `cuda` and `metal` add candle's GPU backends. Only the CPU has
//! been run so far.

#![forbid(unsafe_code)]

// In reading order; the empty lines keep rustfmt from sorting.

mod device;

mod projection;

mod rope_and_mask;

mod steps;

mod cache;

mod mixer;

mod altup;
mod attention;

mod feed_forward;

mod per_layer_embeddings;

mod forward;

pub use candle_core::Device;
pub use device::{DeviceError, device};
pub use forward::CandleForward;
pub use projection::Precision;

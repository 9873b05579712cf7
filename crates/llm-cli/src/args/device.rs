//! Flags that say what computes. Finding and judging devices is the engine's business.

use std::num::NonZeroUsize;

use clap::{Args, ValueEnum};

/// The device that computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Device {
    /// A GPU if support for one is compiled in, one is present and the model fits; otherwise the CPU
    #[default]
    Auto,
    /// The CPU, with the kernels of this toolkit
    Cpu,
    /// An NVIDIA GPU
    Cuda,
    /// An Apple GPU
    Metal,
    /// The reference implementation on the CPU: slow and exact, for comparison
    Candle,
}

/// The device that computes, and its threads.
#[derive(Args, Clone, Copy, Debug, Default)]
#[command(next_help_heading = "Machine")]
pub struct DeviceArgs {
    /// Compute on this device
    #[arg(long, value_name = "DEVICE", value_enum, default_value_t)]
    pub device: Device,

    /// Use N threads (-1, the default: one per core); answers do not depend on it
    #[arg(short, long, value_name = "N", allow_negative_numbers = true, value_parser = threads)]
    pub threads: Option<NonZeroUsize>,
}

pub(crate) fn threads(text: &str) -> Result<NonZeroUsize, String> {
    if text == "-1" {
        return Ok(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN));
    }
    text.parse()
        .map_err(|_| "must be a number of threads from 1, or -1 for one per core".to_owned())
}

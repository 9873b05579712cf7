//! Whether a model and its cache fit this machine, before they are loaded.

use anyhow::{Result, bail};
use half::f16;
use llm_cli::args::Device;
use llm_cli::memory::{available, gib};
use llm_cli::{Context, RunArgs};
use llm_engine::forward::cache_bytes;
use llm_engine::model::Model;

/// Memory that the program needs beside weights and cache: the vocabulary, the
/// buffers of a chunk and the program itself, generously.
const OVERHEAD: u64 = 128 << 20;

/// A cache that the overhead has room for: no request with a smaller one has to
/// wait for a look at the system's tables.
const SMALL_CACHE: u64 = 16 << 20;

/// Returns the bytes that the weights will take: those of the file, and for the
/// reference pass as many floats. What was made while loading is taken already.
fn weight_bytes(model: &Model, device: Device) -> u64 {
    match device {
        Device::Candle => model.summary.parameters.saturating_mul(4),
        _ => {
            let summary = &model.summary;
            summary.weight_bytes.saturating_sub(summary.made_bytes)
        }
    }
}

/// Compares weights and cache with the memory that is there.
///
/// # Errors
/// A sentence with both numbers, unless `force`; then it is a warning.
pub(crate) fn check(
    model: &Model,
    positions: usize,
    args: &RunArgs,
    context: &Context,
) -> Result<()> {
    let cache = cache_bytes::<f16>(&model.spec, positions);
    let weights = weight_bytes(model, args.device.device);
    let needed = weights.saturating_add(cache).saturating_add(OVERHEAD);
    let Some(available) = available().filter(|available| needed > *available) else {
        return Ok(());
    };
    let sentence = format!(
        "weights of {} and a cache of {} for {positions} tokens need {} of memory, and {} are \
         available; a smaller model, quantization or --ctx-size needs less",
        gib(weights),
        gib(cache),
        gib(needed),
        gib(available),
    );
    if args.force.force {
        context.messages.warning(sentence);
        return Ok(());
    }
    bail!("{sentence}, and --force tries nevertheless")
}

/// Compares the cache of one request with the memory that is left; returns a
/// sentence with both numbers if it is not enough. The system may count the
/// blocks of earlier requests as taken, so this errs to the safe side.
pub(crate) fn shortage(model: &Model, positions: usize) -> Option<String> {
    let cache = cache_bytes::<f16>(&model.spec, positions);
    if cache <= SMALL_CACHE {
        return None;
    }
    let left = available().filter(|left| cache > *left)?;
    Some(format!(
        "the cache for {positions} tokens needs {} of memory, and {} are left; a smaller -n needs \
         less, and --force tries nevertheless",
        gib(cache),
        gib(left),
    ))
}

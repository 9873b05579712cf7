//! Where to compute, chosen by name. What is computed there is in `model`.

use candle_core::Device;

/// Why a device cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// No such device.
    #[error("no device is named '{0}'; there are auto, cpu, cuda, metal and candle")]
    Unknown(String),
    /// The program was built without it.
    #[error(
        "this program was built without {0} (build it with --features {0}, or choose the device cpu)"
    )]
    NotBuilt(&'static str),
    /// The program could use it, and the machine has none that works.
    #[error("the device {name} cannot be used: {reason}; choose the device cpu")]
    Unavailable {
        /// Its name.
        name: &'static str,
        /// What the driver said.
        reason: String,
    },
}

/// Returns where `auto`, `cpu`, `cuda`, `metal` or `candle` computes; `None`
/// is the engine's own CPU pass, for which nothing of this crate is needed.
///
/// `candle` is the CPU, computed by candle. `auto` is the first GPU that is
/// built in and answers, else `None`. Whether a model fits is seen when it is
/// loaded.
///
/// # Errors
/// A name that is not known, a GPU that is not built in or does not answer.
pub fn device(name: &str) -> Result<Option<Device>, DeviceError> {
    match name {
        "cpu" => Ok(None),
        "candle" => Ok(Some(Device::Cpu)),
        "cuda" => cuda().map(Some),
        "metal" => metal().map(Some),
        "auto" => Ok(cuda().or_else(|_| metal()).ok()),
        _ => Err(DeviceError::Unknown(name.to_owned())),
    }
}

fn cuda() -> Result<Device, DeviceError> {
    if !cfg!(feature = "cuda") {
        return Err(DeviceError::NotBuilt("cuda"));
    }
    Device::new_cuda(0).map_err(|error| unavailable("cuda", &error))
}

fn metal() -> Result<Device, DeviceError> {
    if !cfg!(feature = "metal") {
        return Err(DeviceError::NotBuilt("metal"));
    }
    Device::new_metal(0).map_err(|error| unavailable("metal", &error))
}

fn unavailable(name: &'static str, error: &candle_core::Error) -> DeviceError {
    DeviceError::Unavailable {
        name,
        reason: first_line(error),
    }
}

/// Returns candle's message without the backtrace that may follow it.
pub(crate) fn first_line(error: &candle_core::Error) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_or_refused_in_a_sentence() {
        assert!(
            device("candle")
                .unwrap()
                .is_some_and(|device| device.is_cpu())
        );
        assert!(device("cpu").unwrap().is_none());
        assert!(device("auto").is_ok());
        let message = device("tpu").unwrap_err().to_string();
        assert!(
            message.contains("'tpu'") && message.contains("metal"),
            "{message}"
        );
    }

    #[test]
    #[cfg(not(any(feature = "cuda", feature = "metal")))]
    fn a_gpu_that_is_not_built_in_is_named() {
        assert!(device("auto").unwrap().is_none());
        for name in ["cuda", "metal"] {
            let message = device(name).unwrap_err().to_string();
            assert!(message.contains(&format!("--features {name}")), "{message}");
        }
    }
}

//! What a config may say that is not computed here: refused with its name and value,
//! for a model without one of its parts answers otherwise than it was made to.

use serde_json::Value as Json;

use super::FolderError;
use super::config::Config;
use super::low_bit::Method;

/// The values of a key that are computed; it may also be absent.
#[derive(Debug, Clone, Copy)]
pub(super) enum Allowed {
    /// This number.
    Number(f64),
    /// This.
    Flag(bool),
    /// This word.
    Text(&'static str),
    /// An empty list.
    Nothing,
    /// A list of ones, with a zero as every n-th.
    Every(usize),
}

impl Allowed {
    fn is(self, value: &Json) -> bool {
        match self {
            Self::Number(number) => value.as_f64() == Some(number),
            Self::Text(text) => value.as_str() == Some(text),
            Self::Flag(flag) => value.as_bool() == Some(flag),
            Self::Nothing => value.as_array().is_some_and(Vec::is_empty),
            Self::Every(every) => value.as_array().is_some_and(|list| {
                let mut numbered = list.iter().zip(1_usize..);
                numbered.all(|(flag, nth)| {
                    let is_set = flag.as_u64().map(|flag| flag != 0).or(flag.as_bool());
                    is_set == Some(!nth.is_multiple_of(every))
                })
            }),
        }
    }
}

/// Returns how the matrices are stored, if that is no float.
///
/// # Errors
/// A format that is not read.
pub(super) fn low_bit(config: &Config) -> Result<Option<Method>, FolderError> {
    let quantization = config.get("quantization_config");
    let method = quantization.and_then(|it| it.get("quant_method")?.as_str());
    if config.kind.mxfp4 && method == Some("mxfp4") {
        return Ok(None);
    }
    Method::of(|name| config.get(name)).map_err(|what| FolderError::Unsupported {
        path: config.path.clone(),
        what,
        way_out: "; a GGUF file of the model runs, or its unquantized folder with --quantize"
            .to_owned(),
    })
}

/// Refuses what is not computed.
pub(super) fn check(config: &Config) -> Result<(), FolderError> {
    // Gemma's files name both, and the second is the one that counts.
    let gates = [
        config.fields().text("hidden_activation")?,
        config.fields().text("hidden_act")?,
    ];
    match gates.into_iter().flatten().next() {
        Some(gate) if !config.kind.gates.contains(&gate) => {
            return Err(config.refuse(format!("the activation is '{gate}'")));
        }
        _ => {}
    }
    for (name, allowed) in config.kind.fixed {
        match config.get(name) {
            Some(value) if !allowed.is(value) => {
                return Err(config.refuse(format!("its '{name}' is {}", shown(value))));
            }
            _ => {}
        }
    }
    Ok(())
}

/// A value for a message, the beginning of a long one.
pub(super) fn shown(value: &Json) -> String {
    /// Characters that are shown.
    const SHOWN: usize = 60;
    let text = value.to_string();
    if text.chars().count() <= SHOWN {
        return text;
    }
    let start: String = text.chars().take(SHOWN).collect();
    format!("{start}…")
}

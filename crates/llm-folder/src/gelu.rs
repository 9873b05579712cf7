//! Feed-forward steps without a gate whose GELU is the one by the error function, which
//! GGUF files do not say, or its tanh form; and their length.

use super::FolderError;
use super::config::Config;
use super::numbers::Pairs;
use llm_gguf::Value;

/// Returns which GELU it is.
pub(super) fn kind(config: &Config) -> Result<Pairs, FolderError> {
    let fields = config.fields();
    let said = fields.text("activation")?.or(fields.text("hidden_act")?);
    let said = said.or(fields.text("activation_function")?);
    match said.unwrap_or("gelu") {
        "gelu" => Ok(vec![(
            "feed_forward_activation",
            Value::String("gelu".to_owned()),
        )]),
        "gelu_fast" | "gelu_new" | "gelu_pytorch_tanh" => Ok(Vec::new()),
        other => Err(config.refuse(format!("the activation is '{other}'"))),
    }
}

/// Returns the length of the step, four times the stream's where the config does not say.
pub(super) fn length(config: &Config) -> Result<Pairs, FolderError> {
    let length = match config.size("ffn_hidden_size")? {
        Some(length) => length,
        None => config.needed("hidden_size")?.saturating_mul(4),
    };
    Ok(vec![("feed_forward_length", Value::Unsigned(length))])
}

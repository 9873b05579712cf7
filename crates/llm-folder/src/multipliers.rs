//! What the products of matrices are multiplied by: numbers of Falcon-H1's configs, which
//! the converter multiplies the matrices with, and which are tensors here, so that the
//! matrices stay as they are.

use super::FolderError;
use super::config::Config;
use super::ssd;
use llm_gguf::Value;

/// A matrix of every layer, and its factors: one, or one a row.
type Factors = (&'static str, Vec<f32>);

/// Returns the tensors of all layers.
pub(super) fn tensors(config: &Config) -> Result<Vec<(String, Vec<f32>)>, FolderError> {
    /// More than any model has; hostile numbers must not take all memory.
    const MOST: u64 = 1 << 25;
    if !config.kind.multipliers {
        return Ok(Vec::new());
    }
    let (factors, layers) = (of_layer(config)?, config.layers()?);
    let each: usize = factors.iter().map(|(_, numbers)| numbers.len()).sum();
    if layers.saturating_mul(each as u64) > MOST {
        let reason = format!("its {layers} layers have {each} multipliers each");
        return Err(FolderError::malformed(&config.path, reason));
    }
    let tensors = (0..layers).flat_map(|layer| {
        let tensor =
            move |(part, numbers): &Factors| (format!("blk.{layer}.{part}.scale"), numbers.clone());
        factors.iter().map(tensor)
    });
    Ok(tensors.collect())
}

fn of_layer(config: &Config) -> Result<Vec<Factors>, FolderError> {
    let number = |name: &str| Ok::<f32, FolderError>(config.number(name)?.unwrap_or(1.0) as f32);
    let into = number("attention_in_multiplier")?;
    let steps = list(config, "mlp_multipliers", 2)?;
    let mut factors = vec![
        ("attn_q", vec![into]),
        ("attn_k", vec![into * number("key_multiplier")?]),
        ("attn_v", vec![into]),
        ("attn_output", vec![number("attention_out_multiplier")?]),
        ("ssm_in", input(config, number("ssm_in_multiplier")?)?),
        ("ssm_out", vec![number("ssm_out_multiplier")?]),
        ("ffn_gate", vec![steps[0]]),
        ("ffn_down", vec![steps[1]]),
    ];
    factors.retain(|(_, numbers)| numbers.iter().any(|number| *number != 1.0));
    Ok(factors)
}

/// The factors of gate, values, keys, queries and time steps, a row each.
fn input(config: &Config, whole: f32) -> Result<Vec<f32>, FolderError> {
    /// More rows than any matrix of a layer has.
    const MOST: u64 = 1 << 20;
    let parts = list(config, "ssm_multipliers", 5)?;
    let pairs = ssd::pairs(config)?;
    let size = |wanted: &str| {
        let mut pairs = pairs.iter();
        let found = pairs.find(|(name, _)| *name == wanted);
        match found {
            Some((_, Value::Unsigned(size))) => *size,
            _ => 0,
        }
    };
    let (inner, heads) = (size("ssm.inner_size"), size("ssm.time_step_rank"));
    let keys = size("ssm.group_count").saturating_mul(size("ssm.state_size"));
    let rows = [inner, inner, keys, keys, heads];
    let of_part = |(rows, part): (u64, f32)| (0..rows.min(MOST)).map(move |_| whole * part);
    Ok(rows.into_iter().zip(parts).flat_map(of_part).collect())
}

/// Returns a list of numbers, ones where it is not there.
fn list(config: &Config, name: &str, length: usize) -> Result<Vec<f32>, FolderError> {
    let Some(values) = config.fields().list(name)? else {
        return Ok(vec![1.0; length]);
    };
    let numbers: Option<Vec<f32>> = values
        .iter()
        .map(|value| value.as_f64().map(|it| it as f32))
        .collect();
    numbers
        .filter(|numbers| numbers.len() == length)
        .ok_or_else(|| {
            let reason = format!("its '{name}' is no list of {length} numbers");
            FolderError::malformed(&config.path, reason)
        })
}

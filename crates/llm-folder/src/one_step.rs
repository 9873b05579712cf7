//! Models whose layers are one step each: a state, attention, or a feed-forward step,
//! with experts or without. The config has a letter or a word for each layer.

use serde_json::Value as Json;

use super::config::Config;
use super::numbers::Pairs;
use super::{FolderError, latent};
use llm_gguf::{Integers, Value};

/// What a layer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    State,
    Attention,
    Mlp,
    Experts,
}

/// (letter, word, step)
const STEPS: [(char, &str, Step); 4] = [
    ('M', "mamba", Step::State),
    ('*', "attention", Step::Attention),
    ('-', "mlp", Step::Mlp),
    ('E', "moe", Step::Experts),
];

/// Returns the heads of keys and the length of the feed-forward step of each layer, 0 in
/// those without.
pub(super) fn pairs(config: &Config) -> Result<Pairs, FolderError> {
    let steps = steps(config)?;
    let heads = config.kv_heads()?;
    let length = |step: Step, name: &str| match steps.contains(&step) {
        true => config.needed(name),
        false => Ok(0),
    };
    let dense = length(Step::Mlp, "intermediate_size")?;
    let of_experts = length(Step::Experts, "moe_intermediate_size")?;
    if dense > 0 && of_experts > 0 {
        return Err(config.refuse("it has layers with experts and feed-forward steps without"));
    }
    let list = |number: &dyn Fn(Step) -> u64| {
        let number = |step: &Step| i64::try_from(number(*step)).unwrap_or(i64::MAX);
        let list: Integers = steps.iter().map(number).collect();
        Value::Integers(list)
    };
    let kv_heads = list(&|step| if step == Step::Attention { heads } else { 0 });
    let inner = list(&|step| match step {
        Step::Mlp => dense,
        Step::Experts => of_experts,
        _ => 0,
    });
    Ok(vec![
        ("attention.head_count_kv", kv_heads),
        ("feed_forward_length", inner),
    ])
}

/// Returns how experts are weighed, where there are some.
pub(super) fn routing(config: &Config) -> Result<Pairs, FolderError> {
    match config.size("n_routed_experts")? {
        Some(_) => latent::routing_by_bias(config),
        None => Ok(Vec::new()),
    }
}

fn steps(config: &Config) -> Result<Vec<Step>, FolderError> {
    let (name, steps) = match config.get("hybrid_override_pattern") {
        Some(Json::String(letters)) => {
            let step = |letter: char| {
                let mut known = STEPS.iter().filter(|(known, ..)| *known == letter);
                let step = known.next().map(|(.., step)| *step);
                step.ok_or_else(|| unknown(config, "hybrid_override_pattern", letter))
            };
            let steps: Result<Vec<_>, _> = letters.chars().map(step).collect();
            ("hybrid_override_pattern", steps?)
        }
        _ => ("layers_block_type", named(config)?),
    };
    let layers = config.layers()?;
    if steps.len() as u64 == layers {
        return Ok(steps);
    }
    let count = steps.len();
    let reason = format!("its '{name}' has {count} entries for {layers} layers");
    Err(FolderError::malformed(&config.path, reason))
}

fn named(config: &Config) -> Result<Vec<Step>, FolderError> {
    let listed = config.fields().list("layers_block_type")?;
    let step = |word: &Json| {
        let mut known = STEPS
            .iter()
            .filter(|(_, known, _)| word.as_str() == Some(known));
        let step = known.next().map(|(.., step)| *step);
        step.ok_or_else(|| unknown(config, "layers_block_type", word))
    };
    listed.into_iter().flatten().map(step).collect()
}

fn unknown(config: &Config, name: &str, entry: impl std::fmt::Display) -> FolderError {
    config.refuse(format!("its '{name}' has {entry}"))
}

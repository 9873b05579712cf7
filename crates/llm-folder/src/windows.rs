//! Which layers see only a window of the text before them.

use serde_json::Value as Json;

use super::FolderError;
use super::config::Config;
use super::numbers::Pairs;
use llm_gguf::{Integers, Value};

/// Which layers of a kind have a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Windows {
    /// None.
    Never,
    /// All, where the config names a window.
    All,
    /// Those from `max_window_layers` on, where the config says that windows are used.
    Behind,
    /// Those that the family alternates, or that the config lists.
    Family,
    /// The same, where the config does not say that there is no window.
    FamilyIfAny,
    /// Those that see a chunk, which are told otherwise.
    Chunks,
}

const WINDOW: &str = "attention.sliding_window";
const PATTERN: &str = "attention.sliding_window_pattern";

/// Returns the windows as GGUF's keys.
pub(super) fn pairs(config: &Config) -> Result<Pairs, FolderError> {
    if config.kind.windows == Windows::Chunks {
        return Ok(Vec::new());
    }
    let listed = listed(config)?;
    let layers = config.layers()?;
    let windowed: Vec<bool> = match config.kind.windows {
        Windows::Never | Windows::Chunks => return Ok(Vec::new()),
        Windows::Family => return family(config, listed),
        Windows::FamilyIfAny => {
            let mut keys = config.keys();
            if keys.any(|(name, value)| name == "sliding_window" && value.is_null()) {
                return Ok(Vec::new());
            }
            let listed = listed.or(lettered(config, layers));
            return family(config, listed);
        }
        Windows::All => listed.unwrap_or_else(|| every(layers, |_| true)),
        Windows::Behind => {
            if config.flag("use_sliding_window")? != Some(true) {
                return Ok(Vec::new());
            }
            let first = config.size("max_window_layers")?.unwrap_or(28);
            listed.unwrap_or_else(|| every(layers, |layer| layer >= first))
        }
    };
    let window = config.size("sliding_window")?.filter(|window| *window > 0);
    let context = config.needed("max_position_embeddings")?;
    Ok(match window {
        Some(window) if window < context && windowed.contains(&true) => vec![
            (WINDOW, Value::Unsigned(window)),
            (PATTERN, flags(&windowed)),
        ],
        // What sees all of the longest text sees everything.
        _ => Vec::new(),
    })
}

/// Windows of a family that alternates them.
fn family(config: &Config, listed: Option<Vec<bool>>) -> Result<Pairs, FolderError> {
    let name = "sliding_window_pattern";
    let pattern = match config.get(name) {
        // Letters are in the list.
        Some(Json::String(_)) if listed.is_some() => None,
        _ => config.size(name)?,
    };
    let pattern = pattern.or(config.size("_sliding_window_pattern")?);
    // Every layer sees everything, where the list does not say otherwise.
    if pattern == Some(1) && listed.is_none() {
        return Ok(Vec::new());
    }
    let window = config.needed("sliding_window")?;
    let mut pairs = vec![(WINDOW, Value::Unsigned(window))];
    if let Some(listed) = listed {
        pairs.push((PATTERN, flags(&listed)));
    } else if let Some(pattern) = pattern {
        pairs.push((PATTERN, Value::Unsigned(pattern)));
    }
    Ok(pairs)
}

/// Returns which layers have a window by letters that are repeated, `L` for those.
fn lettered(config: &Config, layers: u64) -> Option<Vec<bool>> {
    let letters = config.get("sliding_window_pattern")?.as_str()?.as_bytes();
    let last = letters.len().checked_sub(1)?;
    let letter = |layer: u64| letters[layer as usize % (last + 1)];
    Some(every(layers, |layer| letter(layer) == b'L'))
}

fn every(layers: u64, has_window: impl Fn(u64) -> bool) -> Vec<bool> {
    (0..layers).map(has_window).collect()
}

fn flags(layers: &[bool]) -> Value {
    let layers: Integers = layers.iter().map(|&layer| i64::from(layer)).collect();
    Value::Integers(layers)
}

/// Returns which layers the config says to have a window, if it lists its layers.
fn listed(config: &Config) -> Result<Option<Vec<bool>>, FolderError> {
    let kinds = layer_types(config)?;
    let is_sliding = |kind: &&str| *kind == "sliding_attention";
    Ok(kinds.map(|kinds| kinds.iter().map(is_sliding).collect()))
}

/// Returns what the config says of each layer, if it does.
pub(super) fn layer_types(config: &Config) -> Result<Option<Vec<&str>>, FolderError> {
    const KNOWN: [&str; 3] = ["full_attention", "attention", "sliding_attention"];
    let Some(types) = config.fields().list("layer_types")? else {
        return Ok(None);
    };
    let known = |kind: &'_ Json| {
        let mut known = KNOWN.iter().chain(config.kind.stateful).copied();
        known.find(|known| kind.as_str() == Some(known))
    };
    let kinds: Result<Vec<&str>, FolderError> = types
        .iter()
        .map(|kind| {
            known(kind).ok_or_else(|| config.refuse(format!("its 'layer_types' has {kind}")))
        })
        .collect();
    let (kinds, layers) = (kinds?, config.layers()?);
    if (kinds.len() as u64) < layers {
        let reason = format!(
            "its 'layer_types' has {} entries for {layers} layers",
            kinds.len()
        );
        return Err(FolderError::malformed(&config.path, reason));
    }
    Ok(Some(kinds))
}

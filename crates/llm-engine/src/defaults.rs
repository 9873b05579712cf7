//! Sampling settings that the model's own files recommend.
//!
//! Tokens that are suppressed are so whatever else the files say of sampling.

use std::path::Path;

use serde_json::Value;

use crate::sampler::{MirostatVersion, Sampling, Step};
use llm_folder::json::{self, mistaken};
use llm_gguf::{Metadata, Value as Entry, ValueError};

/// Returns the recommended settings: those of `generation_config.json` in the
/// model's folder, else of the GGUF metadata (`general.sampling.*`), else
/// greedy. A bare file has no folder: its neighbours may belong to others.
///
/// A damaged `generation_config.json` counts as absent: it only recommends.
///
/// # Errors
/// A recommendation of the metadata that is no number.
pub fn recommended(folder: Option<&Path>, metadata: &Metadata) -> Result<Sampling, ValueError> {
    let file = folder.map(|folder| folder.join("generation_config.json"));
    let config = file.and_then(|file| json::read_if_there(&file).ok().flatten());
    let stated = from_metadata(metadata)?;
    let own = config.as_ref().map(from_generation_config).transpose()?;
    let recommended = own.flatten().or(stated).unwrap_or(Sampling::GREEDY);
    let [mut suppress_tokens, begin_suppress_tokens] = match &config {
        Some(config) => [
            ids(config, "suppress_tokens")?,
            ids(config, "begin_suppress_tokens")?,
        ],
        None => Default::default(),
    };
    let of_file = metadata.ids("tokenizer.ggml.suppress_tokens")?;
    suppress_tokens.extend(of_file.unwrap_or_default());
    suppress_tokens.sort_unstable();
    suppress_tokens.dedup();
    Ok(sound(Sampling {
        suppress_tokens,
        begin_suppress_tokens,
        ..recommended
    }))
}

/// Replaces numbers that cannot be meant by those that change nothing.
fn sound(sampling: Sampling) -> Sampling {
    let or = |number: f32, good: bool, other: f32| {
        if number.is_finite() && good {
            number
        } else {
            other
        }
    };
    let share = |number: f32, other| or(number, (0.0..=1.0).contains(&number), other);
    let at_least_0 = |number: f32, other| or(number, number >= 0.0, other);
    let Sampling {
        temperature,
        top_p,
        min_p,
        typical_p,
        xtc_probability,
        xtc_threshold,
        mirostat_tau,
        mirostat_eta,
        repeat_penalty,
        ..
    } = sampling;
    Sampling {
        temperature: at_least_0(temperature, 0.0),
        top_p: or(top_p, top_p > 0.0 && top_p <= 1.0, 1.0),
        min_p: share(min_p, 0.0),
        typical_p: share(typical_p, 1.0),
        xtc_probability: share(xtc_probability, 0.0),
        xtc_threshold: share(xtc_threshold, Sampling::GREEDY.xtc_threshold),
        mirostat_tau: at_least_0(mirostat_tau, Sampling::GREEDY.mirostat_tau),
        mirostat_eta: at_least_0(mirostat_eta, Sampling::GREEDY.mirostat_eta),
        repeat_penalty: or(repeat_penalty, repeat_penalty > 0.0, 1.0),
        ..sampling
    }
}

/// Reads a `generation_config.json` with transformers' defaults for what it
/// leaves out. `None` if it says nothing on sampling.
fn from_generation_config(config: &Value) -> Result<Option<Sampling>, ValueError> {
    let number = |name: &str| {
        let number = typed(config, name, "a number", Value::as_f64)?;
        Ok(number.map(|number| number as f32))
    };
    let repeat_penalty = number("repetition_penalty")?;
    let samples = typed(config, "do_sample", "true or false", Value::as_bool)?;
    let sampling = Sampling {
        temperature: number("temperature")?.unwrap_or(1.0),
        top_k: typed(config, "top_k", "a whole number from 0 on", Value::as_u64)?.unwrap_or(50)
            as usize,
        top_p: number("top_p")?.unwrap_or(1.0),
        min_p: number("min_p")?.unwrap_or(0.0),
        typical_p: number("typical_p")?.unwrap_or(1.0),
        repeat_penalty: repeat_penalty.unwrap_or(1.0),
        ..Sampling::GREEDY
    };
    if samples == Some(true) {
        return Ok(Some(sampling));
    }
    let said = samples.is_some() || repeat_penalty.is_some();
    Ok(said.then_some(Sampling {
        repeat_penalty: sampling.repeat_penalty,
        ..Sampling::GREEDY
    }))
}

/// Reads a list of token ids, empty where there is none.
fn ids(config: &Value, name: &str) -> Result<Vec<u32>, ValueError> {
    let read = |value: &Value| {
        let items = value.as_array()?.iter();
        // transformers wrote -1 for "those that are no speech" of Whisper.
        let ids = items.filter(|id| **id != -1);
        ids.map(|id| u32::try_from(id.as_u64()?).ok()).collect()
    };
    let found = typed(config, name, "a list of token ids", read)?;
    Ok(found.unwrap_or_default())
}

/// Returns what stands at a name that is there and not null.
fn typed<T>(
    config: &Value,
    name: &str,
    wanted: &'static str,
    read: fn(&Value) -> Option<T>,
) -> Result<Option<T>, ValueError> {
    let value = config.get(name).filter(|value| !value.is_null());
    let read = |value| {
        let named = format!("{name} of generation_config.json");
        read(value).ok_or_else(|| mistaken(&named, value, wanted))
    };
    value.map(read).transpose()
}

/// Reads llama.cpp's keys. `None` if there is no temperature: without one the
/// others change nothing.
fn from_metadata(metadata: &Metadata) -> Result<Option<Sampling>, ValueError> {
    let number = |name: &str| metadata.f32(&format!("general.sampling.{name}"));
    let count = |name: &str| metadata.u64(&format!("general.sampling.{name}"));
    let usual = Sampling::GREEDY;
    let sampling = Sampling {
        top_k: count("top_k")?.unwrap_or(0) as usize,
        top_p: number("top_p")?.unwrap_or(usual.top_p),
        min_p: number("min_p")?.unwrap_or(usual.min_p),
        xtc_probability: number("xtc_probability")?.unwrap_or(usual.xtc_probability),
        xtc_threshold: number("xtc_threshold")?.unwrap_or(usual.xtc_threshold),
        repeat_penalty: number("penalty_repeat")?.unwrap_or(usual.repeat_penalty),
        repeat_last_n: match metadata.get("general.sampling.penalty_last_n") {
            // llama.cpp's word for the whole context.
            Some(Entry::Signed(-1)) => usize::MAX,
            _ => count("penalty_last_n")?.unwrap_or(64) as usize,
        },
        mirostat: match count("mirostat")? {
            Some(1) => Some(MirostatVersion::V1),
            Some(2) => Some(MirostatVersion::V2),
            _ => None,
        },
        mirostat_tau: number("mirostat_tau")?.unwrap_or(usual.mirostat_tau),
        mirostat_eta: number("mirostat_eta")?.unwrap_or(usual.mirostat_eta),
        samplers: match metadata.string("general.sampling.sequence")? {
            Some(names) => names.split(';').filter_map(Step::from_name).collect(),
            None => Vec::new(),
        },
        ..usual
    };
    Ok(number("temp")?.map(|temperature| Sampling {
        temperature,
        ..sampling
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_comes_before_the_metadata_and_both_before_greedy() {
        let recommended =
            |folder, metadata: &Metadata| super::recommended(folder, metadata).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let model = Some(folder.path());
        let mut metadata = Metadata::default();
        assert_eq!(recommended(model, &metadata), Sampling::GREEDY);
        metadata.insert("general.sampling.temp", Entry::Float(0.7));
        metadata.insert("general.sampling.top_k", Entry::Signed(20));
        let found = recommended(model, &metadata);
        assert_eq!((found.temperature, found.top_k), (0.7, 20));
        let config = folder.path().join("generation_config.json");
        std::fs::write(
            &config,
            r#"{"do_sample": true, "temperature": 0.5, "top_p": 0.9}"#,
        )
        .unwrap();
        let found = recommended(model, &metadata);
        assert_eq!(
            (found.temperature, found.top_k, found.top_p),
            (0.5, 50, 0.9)
        );
        let marked = "\u{feff}{\"do_sample\": true,\r\n\"temperature\": 0.25}\r\n";
        std::fs::write(&config, marked).unwrap();
        assert_eq!(recommended(model, &metadata).temperature, 0.25);
        std::fs::write(&config, r#"{"do_sample": false, "temperature": 0.5}"#).unwrap();
        assert_eq!(recommended(model, &metadata), Sampling::GREEDY);
        std::fs::write(&config, "{broken").unwrap();
        assert_eq!(recommended(model, &metadata).temperature, 0.7);
        std::fs::write(&config, r#"{"do_sample": true, "temperature": 0.5}"#).unwrap();
        assert_eq!(recommended(None, &metadata).temperature, 0.7);
    }

    #[test]
    fn numbers_that_cannot_be_meant_change_nothing() {
        let recommended =
            |folder, metadata: &Metadata| super::recommended(folder, metadata).unwrap();
        let mut metadata = Metadata::default();
        metadata.insert("general.sampling.temp", Entry::Float(f64::NAN));
        metadata.insert("general.sampling.top_p", Entry::Float(-5.0));
        metadata.insert("general.sampling.min_p", Entry::Float(5.0));
        metadata.insert("general.sampling.penalty_repeat", Entry::Float(0.0));
        assert_eq!(recommended(None, &metadata), Sampling::GREEDY);
        metadata.insert("general.sampling.penalty_last_n", Entry::Signed(-1));
        assert_eq!(recommended(None, &metadata).repeat_last_n, usize::MAX);
    }
}

//! The names of samplers, as `samplers` lists them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A sampler by llama.cpp's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SamplerName {
    /// Repeat, frequency and presence penalty.
    Penalties,
    /// DRY.
    Dry,
    /// Top-nσ.
    TopNSigma,
    /// Top-k.
    TopK,
    /// Locally typical sampling.
    TypP,
    /// Top-p.
    TopP,
    /// Min-p.
    MinP,
    /// XTC.
    Xtc,
    /// Temperature, which may be dynamic.
    Temperature,
    /// Adaptive-p, the last one wherever it stands.
    AdaptiveP,
}

use SamplerName::{AdaptiveP, Dry, MinP, Penalties, Temperature, TopK, TopNSigma, TopP, TypP, Xtc};

/// Each sampler with its name and llama.cpp's letter for it.
const NAMES: [(SamplerName, &str, char); 10] = [
    (Penalties, "penalties", 'e'),
    (Dry, "dry", 'd'),
    (TopNSigma, "top_n_sigma", 's'),
    (TopK, "top_k", 'k'),
    (TypP, "typ_p", 'y'),
    (TopP, "top_p", 'p'),
    (MinP, "min_p", 'm'),
    (Xtc, "xtc", 'x'),
    (Temperature, "temperature", 't'),
    (AdaptiveP, "adaptive_p", 'a'),
];

impl SamplerName {
    /// llama.cpp's order, in which they stand where none is named. Adaptive-p is not among them: where its
    /// target is set, it is the last.
    pub const USUAL: [Self; 9] = [
        Penalties,
        Dry,
        TopNSigma,
        TopK,
        TypP,
        TopP,
        MinP,
        Xtc,
        Temperature,
    ];

    /// Reads a name as llama.cpp does: in letters of any size, with hyphens or without the low lines, by a
    /// few short names.
    pub(super) fn named(text: &str) -> Result<Self, String> {
        let plain = |text: &str| text.trim().to_ascii_lowercase().replace(['_', '-'], "");
        let wanted = match &plain(text)[..] {
            "nucleus" => "topp".to_owned(),
            "temp" => "temperature".to_owned(),
            "typ" => "typp".to_owned(),
            wanted => wanted.to_owned(),
        };
        let found = NAMES.iter().find(|(_, name, _)| plain(name) == wanted);
        found.map(|(sampler, ..)| *sampler).ok_or_else(|| {
            let names = NAMES.map(|(_, name, _)| name).join(", ");
            format!("{text:?} is no sampler; the names are {names}")
        })
    }

    /// Reads names that semicolons separate, or llama.cpp's letters (`edskypmxt`).
    pub(super) fn sequence(text: &str) -> Result<Vec<Self>, String> {
        let letter = |letter: char| {
            let found = NAMES.iter().find(|(.., known)| *known == letter);
            found.map(|(sampler, ..)| *sampler)
        };
        let names: Result<Vec<_>, _> = match text.trim() {
            "" => return Ok(Vec::new()),
            text => text.split(';').map(Self::named).collect(),
        };
        // `temp` and `typ` are names, though they consist of letters that have a meaning.
        names.or_else(|sentence| {
            text.chars()
                .map(letter)
                .collect::<Option<_>>()
                .ok_or(sentence)
        })
    }
}

//! The rotation's numbers: bases, the rotated part of a head, stretched positions.
//! Divisors of frequencies are tensors, see `rope_factors`.

use super::FolderError;
use super::config::Config;
use super::json::Fields;
use super::numbers::Pairs;
use llm_gguf::{Integers, Value};

/// What a rotation may say of itself; anything else may be a part of what it computes.
const KNOWN: [&str; 24] = [
    "alpha",
    "attention_factor",
    "beta_fast",
    "beta_slow",
    "extrapolation_factor",
    "factor",
    "finetuned",
    "full_attention",
    "high_freq_factor",
    "llama_4_scaling_beta",
    "long_factor",
    "low_freq_factor",
    "max_position_embeddings",
    "mrope_interleaved",
    "mrope_section",
    "mscale",
    "mscale_all_dim",
    "original_max_position_embeddings",
    "partial_rotary_factor",
    "rope_theta",
    "rope_type",
    "short_factor",
    "sliding_attention",
    "truncate",
];

/// How a config rotates, wherever it says so.
pub(super) struct Rotation<'a> {
    config: &'a Config,
    /// `rope_parameters`, whole or those of layers that see everything, or, in older
    /// files, `rope_scaling`.
    stated: Fields<'a>,
    /// Those of layers with a window.
    windowed: Fields<'a>,
}

impl<'a> Rotation<'a> {
    pub(super) fn of(config: &'a Config) -> Result<Self, FolderError> {
        let fields = config.fields();
        let name = match (fields.get("rope_parameters"), fields.get("rope_scaling")) {
            (Some(new), Some(old)) if new != old => {
                let what = "it has both 'rope_parameters' and 'rope_scaling', which differ";
                return Err(config.refuse(what.to_owned()));
            }
            (Some(_), _) => "rope_parameters",
            (None, _) => "rope_scaling",
        };
        let whole = fields.object(name)?;
        let stated = match whole.get("full_attention") {
            Some(_) => whole.object("full_attention")?,
            None => whole,
        };
        Ok(Self {
            config,
            stated,
            windowed: whole.object("sliding_attention")?,
        })
    }

    /// Returns what stretches it, by transformers' name.
    pub(super) fn kind(&self) -> Result<&'a str, FolderError> {
        let kind = self.stated.text("rope_type")?.or(self.stated.text("type")?);
        Ok(match kind {
            None => "default",
            Some("su") => "longrope",
            Some(kind) => kind,
        })
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<f64>, FolderError> {
        self.stated.number(name)
    }

    pub(super) fn list(
        &self,
        name: &str,
    ) -> Result<Option<&'a Vec<serde_json::Value>>, FolderError> {
        self.stated.list(name)
    }

    /// Returns the base.
    pub(super) fn base(&self) -> Result<f64, FolderError> {
        let stated = self.number("rope_theta")?;
        let stated = stated.or(self.config.number("rope_theta")?);
        let stated = stated.or(self.config.number("rotary_emb_base")?);
        let base = stated.unwrap_or(self.config.kind.rope_theta);
        Ok(match self.alpha()? {
            // It is the same for every length of text.
            Some(alpha) => {
                let head = self.config.head_dim()? as f64;
                base * alpha.powf(head / (head - 2.0))
            }
            None => base,
        })
    }

    /// Returns what stretches the base, as Hunyuan has it.
    fn alpha(&self) -> Result<Option<f64>, FolderError> {
        let kind = self.kind()?;
        let has = self.config.kind.stretched_base && matches!(kind, "dynamic" | "ntk_alpha");
        let alpha = if has { self.number("alpha")? } else { None };
        Ok(alpha.filter(|alpha| *alpha != 0.0))
    }

    /// Returns the part of a head that is rotated.
    pub(super) fn rotated(&self) -> Result<f64, FolderError> {
        let stated = self.number("partial_rotary_factor")?;
        let stated = stated.or(self.config.number("partial_rotary_factor")?);
        let stated = stated.or(self.config.number("rotary_pct")?);
        Ok(stated.unwrap_or(self.config.kind.rotated))
    }

    /// Returns the positions of the first training.
    pub(super) fn original(&self) -> Result<u64, FolderError> {
        let name = "original_max_position_embeddings";
        match self.stated.size(name)?.or(self.config.size(name)?) {
            Some(original) => Ok(original),
            None => self.config.needed("max_position_embeddings"),
        }
    }

    /// Returns by how much positions are stretched.
    fn factor(&self) -> Result<f64, FolderError> {
        match self.number("factor")? {
            Some(factor) => Ok(factor),
            None => {
                let longest = self.config.needed("max_position_embeddings")?;
                Ok(longest as f64 / self.original()?.max(1) as f64)
            }
        }
    }

    fn yarn(&self) -> Result<Pairs, FolderError> {
        let factor = self.factor()?;
        let all_dim = self.number("mscale_all_dim")?.filter(|scale| *scale != 0.0);
        let multiplier = self.config.kind.log_multiplier;
        let written = all_dim.map(|scale| multiplier * scale);
        let written = written.filter(|multiplier| *multiplier != 0.0);
        let mut pairs = vec![
            ("rope.scaling.factor", Value::Float(factor)),
            (
                "rope.scaling.original_context_length",
                Value::Unsigned(self.original()?),
            ),
        ];
        for (name, key) in [
            ("extrapolation_factor", "rope.scaling.yarn_ext_factor"),
            ("beta_fast", "rope.scaling.yarn_beta_fast"),
            ("beta_slow", "rope.scaling.yarn_beta_slow"),
        ] {
            pairs.extend(self.number(name)?.map(|number| (key, Value::Float(number))));
        }
        if self.stated.flag("truncate")? == Some(false) {
            pairs.push(("rope.scaling.yarn_truncate", Value::Bool(false)));
        }
        let key = "rope.scaling.yarn_log_multiplier";
        pairs.extend(written.map(|multiplier| (key, Value::Float(multiplier))));
        // transformers' temperature (`_compute_yarn_parameters`), divided by the one that
        // follows from the numbers above.
        let temperature = |scale: f64| 1.0 + 0.1 * scale * factor.max(1.0).ln();
        let wanted = match (
            self.number("attention_factor")?,
            self.number("mscale")?.filter(|scale| *scale != 0.0),
            all_dim,
        ) {
            (Some(stated), _, _) => stated,
            (None, Some(scale), Some(all)) => temperature(scale) / temperature(all),
            _ => temperature(1.0),
        };
        let follows = match written {
            None => temperature(1.0),
            Some(_) if self.config.kind.yarn_scales_scores => 1.0,
            Some(multiplier) => temperature(1.0) / temperature(multiplier),
        };
        let rest = wanted / follows;
        if (rest - 1.0).abs() > 1e-6 {
            pairs.push(("rope.scaling.attn_factor", Value::Float(rest)));
        }
        Ok(pairs)
    }

    /// As in `LongRoPE`: Ding et al. 2024, arXiv:2402.13753.
    fn longrope(&self) -> Result<Pairs, FolderError> {
        let original = self.original()?;
        let factor = self.factor()?;
        let root = |factor: f64| (1.0 + factor.ln() / (original as f64).ln()).sqrt();
        let usual = if factor > 1.0 { root(factor) } else { 1.0 };
        let attention = self.number("attention_factor")?.unwrap_or(usual);
        Ok(vec![
            ("rope.scaling.attn_factor", Value::Float(attention)),
            (
                "rope.scaling.original_context_length",
                Value::Unsigned(original),
            ),
        ])
    }

    /// Refuses what nobody here computes.
    fn check_known(&self) -> Result<(), FolderError> {
        let mut said = self.stated.names().chain(self.windowed.names());
        match said.find(|name| !KNOWN.contains(name) && *name != "type") {
            None => Ok(()),
            Some(name) => Err(self.config.refuse(format!(
                "its rotation has a '{name}', of which nothing is known"
            ))),
        }
    }

    /// Layers with a window rotate as they are, and as much of a head as the others.
    fn check_windowed(&self) -> Result<(), FolderError> {
        if let Some(part) = self.windowed.number("partial_rotary_factor")? {
            let usual = match self.kind()? {
                "proportional" => 1.0,
                _ => self.rotated()?,
            };
            if part != usual {
                return Err(self
                    .config
                    .refuse(format!("its 'sliding_attention' rotates {part} of a head")));
            }
        }
        let kind = self.windowed.text("rope_type")?;
        match kind.or(self.windowed.text("type")?) {
            None | Some("default") => Ok(()),
            Some(kind) => Err(self.config.refuse(format!(
                "the rotation of its 'sliding_attention' is '{kind}'"
            ))),
        }
    }
}

/// Returns the rotation of a config as GGUF's keys.
pub(super) fn pairs(config: &Config) -> Result<Pairs, FolderError> {
    let rotation = Rotation::of(config)?;
    let rotated = config.head_dim()? as f64 * rotation.rotated()?;
    let mut pairs = vec![
        ("rope.freq_base", Value::Float(rotation.base()?)),
        ("rope.dimension_count", Value::Unsigned(rotated as u64)),
    ];
    rotation.check_known()?;
    rotation.check_windowed()?;
    let local = rotation.windowed.number("rope_theta")?;
    if let Some(local) = local.or(config.number("rope_local_base_freq")?) {
        pairs.push(("rope.freq_base_swa", Value::Float(local)));
    }
    if let Some(sections) = rotation.list("mrope_section")? {
        let number = |section: &serde_json::Value| section.as_i64();
        let sections = sections.iter().map(number).chain([Some(0); 4]).take(4);
        let sections: Option<Integers> = sections.collect();
        let reason = "its 'mrope_section' holds something else than whole numbers";
        let sections = sections.ok_or_else(|| FolderError::malformed(&config.path, reason))?;
        pairs.push(("rope.dimension_sections", Value::Integers(sections)));
    }
    let kind = rotation.kind()?;
    match kind {
        // The last two are in a tensor.
        "default" | "llama3" | "proportional" => return Ok(pairs),
        // The base has it.
        "dynamic" | "ntk_alpha" if rotation.alpha()?.is_some() => return Ok(pairs),
        // It stretches what is longer than the model was trained for.
        "dynamic" if config.kind.stretched_beyond => return Ok(pairs),
        "linear" => {
            let factor = rotation.number("factor")?.unwrap_or(1.0);
            pairs.push(("rope.scaling.factor", Value::Float(factor)));
        }
        "yarn" => pairs.extend(rotation.yarn()?),
        "longrope" => pairs.extend(rotation.longrope()?),
        kind => return Err(config.refuse(format!("the rotation is '{kind}'"))),
    }
    pairs.push(("rope.scaling.type", Value::String(kind.to_owned())));
    Ok(pairs)
}

/// Checks that a config says how it rotates: where it does not, transformers stretches the
/// positions of its kind by numbers of its own.
pub(super) fn stated(config: &Config) -> Result<Pairs, FolderError> {
    if config.get("rope_parameters").is_none() && config.get("rope_scaling").is_none() {
        return Err(config.refuse("it has no 'rope_parameters' and no 'rope_scaling'"));
    }
    Ok(Vec::new())
}

/// Returns the rotated elements of a head, where a config counts them.
pub(super) fn counted(config: &Config) -> Result<Pairs, FolderError> {
    let rotation = Rotation::of(config)?;
    let part = rotation.number("partial_rotary_factor")?;
    if part.or(config.number("partial_rotary_factor")?).is_some() {
        return Ok(Vec::new());
    }
    let stated = config.size("rotary_dim")?;
    let pair = stated.map(|size| ("rope.dimension_count", Value::Unsigned(size)));
    Ok(pair.into_iter().collect())
}

/// Returns the context of a config whose largest position is one that it stretches to.
pub(super) fn length_of_training(config: &Config) -> Result<Pairs, FolderError> {
    let length = config.size("seq_length")?;
    let pair = length.map(|length| ("context_length", Value::Unsigned(length)));
    Ok(pair.into_iter().collect())
}

/// Returns the temperature of far positions, as Llama 4 has it.
pub(super) fn temperature(config: &Config) -> Result<Pairs, FolderError> {
    let stated = Rotation::of(config)?.number("llama_4_scaling_beta")?;
    let pair = stated.map(|scale| ("attention.temperature_scale", Value::Float(scale)));
    Ok(pair.into_iter().collect())
}

/// Returns whether a config says which pairs of a head follow which axis of a picture.
pub(super) fn has_sections(config: &Config) -> Result<bool, FolderError> {
    Ok(Rotation::of(config)?.list("mrope_section")?.is_some())
}

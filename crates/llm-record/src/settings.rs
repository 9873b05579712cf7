//! The settings of a request: one table, from which all else follows. A row says what a setting is
//! called here and by other servers, what it may be, its flag, and how it is told in a request and in a
//! record. A new setting is a row of `table`, and its use in the sampler.
//!
//! Whoever asks first is heard: the line, then the flag ([`Overrides::or`]), then the model's own
//! files ([`Overrides::over`]).

#[macro_use]
mod define;
mod domain;
mod field;
mod logit_bias;
mod sampler_name;
mod table;
mod top_logprobs;
mod value;

pub use domain::{Domain, Interval, Neutral};
pub use logit_bias::{Bias, BiasedToken, LogitBias};
pub use sampler_name::SamplerName;
pub use table::{Overrides, SETTINGS, Sampling};
pub use top_logprobs::TopLogprobs;

use std::fmt;

/// A row of the table.
#[derive(Debug)]
pub struct Setting {
    /// Its name in requests and records.
    pub name: &'static str,
    /// Its names elsewhere.
    pub aliases: &'static [&'static str],
    /// Whether other servers have it, too: then it is read from Ollama's `options` and from the lines of
    /// batch files.
    pub is_shared: bool,
    /// What it may be.
    pub domain: Domain,
    /// What of that asks for nothing.
    pub neutral: Neutral,
    /// What it is, for the schema of a request.
    pub description: &'static str,
    /// Whether it has no effect where the best token is always taken.
    pub is_idle_when_greedy: bool,
    /// Its flag.
    pub flag: Flag,
    /// Whether it is set.
    pub is_set: fn(&Overrides) -> bool,
    /// Reads the value of its flag.
    parse: fn(&Self, &str) -> Result<Overrides, String>,
}

/// The texts that end a repetition for DRY where none is named, llama.cpp's.
const USUAL_BREAKERS: [&str; 4] = ["\n", ":", "\"", "*"];

/// The flag of a setting.
#[derive(Debug)]
pub struct Flag {
    /// Its long name, without hyphens.
    pub long: &'static str,
    /// What other programs call it.
    pub also: &'static [&'static str],
    /// Its letter.
    pub short: Option<char>,
    /// What stands for its value in help.
    pub value: &'static str,
    /// Its value where it is not given.
    pub default: Option<&'static str>,
    /// Its value where it is given without one.
    pub alone: Option<&'static str>,
    /// Its help: what it does, in the imperative.
    pub help: &'static str,
}

impl Flag {
    /// Returns a flag without a letter, other names or defaults.
    const fn new(long: &'static str, value: &'static str, help: &'static str) -> Self {
        Self {
            long,
            also: &[],
            short: None,
            value,
            default: None,
            alone: None,
            help,
        }
    }
}

/// Writes it as it is typed.
impl fmt::Display for Flag {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "--{}", self.long)
    }
}

impl Setting {
    /// What most settings are: shared, under one name, of effect on what is drawn. The rest is a row's own.
    const USUAL: Self = Self {
        name: "",
        aliases: &[],
        is_shared: true,
        domain: Domain::Switch,
        neutral: Neutral::Never,
        description: "",
        is_idle_when_greedy: true,
        flag: Flag::new("", "", ""),
        is_set: |_| false,
        parse: |_, _| Ok(Overrides::default()),
    };

    /// Returns the settings that the value of the flag makes: this one alone.
    ///
    /// # Errors
    /// A sentence, where it is not what the setting may be.
    pub fn parse(&self, text: &str) -> Result<Overrides, String> {
        let settings = (self.parse)(self, text)?;
        settings.check()?;
        Ok(settings)
    }

    /// Returns all its names, its own first.
    fn names(&self) -> impl Iterator<Item = &'static str> + Clone {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }
}

impl Sampling {
    /// Leaves out what belongs to a sampler that is off: it changes nothing.
    fn leave_out_idle(&mut self) {
        if self.dry_multiplier.is_none() {
            self.dry_base = None;
            self.dry_allowed_length = None;
            self.dry_penalty_last_n = None;
            self.dry_sequence_breakers = None;
        }
        if self.xtc_probability.is_none() {
            self.xtc_threshold = None;
        }
        if self.dynatemp_range.is_none() {
            self.dynatemp_exponent = None;
        }
        if self.adaptive_target.is_none() {
            self.adaptive_decay = None;
        }
        if self.mirostat.is_none() {
            self.mirostat_tau = None;
            self.mirostat_eta = None;
        }
    }
}

/// Whether a name is that of a setting which other servers have, too.
pub(crate) fn reads(name: &str) -> bool {
    let mut shared = SETTINGS.iter().filter(|setting| setting.is_shared);
    shared.any(|setting| setting.names().any(|known| known == name))
}

#[cfg(test)]
mod tests;

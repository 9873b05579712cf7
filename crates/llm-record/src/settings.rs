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
mod table;
mod value;

pub use domain::{Domain, Interval};
pub use table::{Overrides, SETTINGS, Sampling};

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
    /// Its help: what it does, in the imperative.
    pub help: &'static str,
}

/// Writes it as it is typed.
impl fmt::Display for Flag {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "--{}", self.long)
    }
}

impl Setting {
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

/// Whether a name is that of a setting which other servers have, too.
pub(crate) fn reads(name: &str) -> bool {
    let mut shared = SETTINGS.iter().filter(|setting| setting.is_shared);
    shared.any(|setting| setting.names().any(|known| known == name))
}

#[cfg(test)]
mod tests;

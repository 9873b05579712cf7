//! The dated data: prices, machines, models, quantizations, electricity and profiles, as they stand in
//! `data/`, and whatever a user adds. Rows are found by name; what they lead to is computed elsewhere.

mod check;
mod family;
mod find;
mod import;
mod price;
mod rows;
mod rows_json;

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::path::Path;
use std::sync::OnceLock;

use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

use check::Check;
pub use family::{Family, HeldOut};
use find::{Named, find};
pub use import::Imported;
pub use price::{LongPrompt, LongPrompts, NextPrice, Price};
pub use rows::{CacheLayers, Electricity, File, Host, Machine, Model, Observation, Profile, Quant};

/// All rows of all tables.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// Cloud models.
    pub prices: Vec<Price>,
    /// Machines.
    pub machines: Vec<Machine>,
    /// Open-weight models.
    pub models: Vec<Model>,
    /// Quantizations.
    pub quants: Vec<Quant>,
    /// Prices of power.
    pub electricity: Vec<Electricity>,
    /// Typical users.
    pub profiles: Vec<Profile>,
    /// The predictor's parameters.
    pub families: Vec<Family>,
    /// Measurements that others have published.
    pub observed: Vec<Observation>,
}

/// A name that no row has, or data that cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CatalogueError {
    /// No row has this name.
    #[error("no {kind} named '{name}'{hint}")]
    Unknown {
        /// What was looked for.
        kind: &'static str,
        /// The name.
        name: String,
        /// Names that are like it, as a sentence's end; may be empty.
        hint: String,
    },
    /// Several rows go by this name.
    #[error("'{name}' means several {kind}s: {among}; write one of them")]
    Ambiguous {
        /// What was looked for.
        kind: &'static str,
        /// The name.
        name: String,
        /// Their full names.
        among: String,
    },
    /// A file cannot be read.
    #[error("cannot read '{path}': {reason}")]
    Read {
        /// The file.
        path: String,
        /// The system's reason.
        reason: std::io::Error,
    },
    /// A row makes no sense.
    #[error("'{path}': {fault}")]
    Row {
        /// The file.
        path: String,
        /// The row, its field, and what is wrong with it.
        fault: String,
    },
    /// A file's rows cannot be understood.
    #[error("'{path}' holds no {kind}: {reason}")]
    Data {
        /// The file.
        path: String,
        /// What was looked for.
        kind: &'static str,
        /// What is wrong.
        reason: String,
    },
}

impl Catalogue {
    /// Returns the rows that the program was built with.
    #[must_use]
    pub fn builtin() -> &'static Self {
        static BUILTIN: OnceLock<Catalogue> = OnceLock::new();
        BUILTIN.get_or_init(|| Self {
            // Tests read every file, so none of them is empty by a fault.
            prices: rows(include_str!("../../data/prices.json")),
            machines: rows(include_str!("../../data/machines.json")),
            models: rows(include_str!("../../data/models.json")),
            quants: rows(include_str!("../../data/quants.json")),
            electricity: rows(include_str!("../../data/electricity.json")),
            profiles: rows(include_str!("../../data/profiles.json")),
            families: rows(include_str!("../../data/predictor.json")),
            observed: rows(include_str!("../../data/observed.json")),
        })
    }

    /// Finds a cloud model by its id, `provider/model`, or by the part after the slash.
    ///
    /// # Errors
    /// [`CatalogueError::Unknown`] with the likest names, [`CatalogueError::Ambiguous`].
    pub fn price(&self, name: &str) -> Result<&Price, CatalogueError> {
        find(&self.prices, name)
    }

    /// Finds a machine.
    ///
    /// # Errors
    /// As [`Catalogue::price`].
    pub fn machine(&self, name: &str) -> Result<&Machine, CatalogueError> {
        find(&self.machines, name)
    }

    /// Finds a model by its short name, its name for people or its repository.
    ///
    /// # Errors
    /// As [`Catalogue::price`].
    pub fn model(&self, name: &str) -> Result<&Model, CatalogueError> {
        find(&self.models, name)
    }

    /// Finds a quantization.
    ///
    /// # Errors
    /// As [`Catalogue::price`].
    pub fn quant(&self, name: &str) -> Result<&Quant, CatalogueError> {
        find(&self.quants, name)
    }

    /// Finds a region.
    ///
    /// # Errors
    /// As [`Catalogue::price`].
    pub fn region(&self, name: &str) -> Result<&Electricity, CatalogueError> {
        find(&self.electricity, name)
    }

    /// Finds a kind of user.
    ///
    /// # Errors
    /// As [`Catalogue::price`].
    pub fn profile(&self, name: &str) -> Result<&Profile, CatalogueError> {
        find(&self.profiles, name)
    }

    /// Returns the predictor's parameters for a family.
    #[must_use]
    pub fn family(&self, name: &str) -> Option<&Family> {
        self.families.iter().find(|family| family.family == name)
    }

    /// Returns the newest measurement of a model in a quantization on a machine: of one sequence with a
    /// short context, that nothing speaks against.
    #[must_use]
    pub fn observation(&self, machine: &str, model: &str, quant: &str) -> Option<&Observation> {
        /// A context that costs a decoded token next to nothing.
        const SHORT: f64 = 1024.0;
        let rows = self.observed.iter().filter(|row| {
            row.machine.as_deref() == Some(machine)
                && row.model.as_deref() == Some(model)
                && row.quant.eq_ignore_ascii_case(quant)
                && row.suspect.is_none()
                && row.batch == 1
                && row.depth <= SHORT
                && row.decode.is_some()
        });
        rows.max_by(|a, b| a.as_of.cmp(&b.as_of))
    }

    /// Takes rows of the same name out and puts new ones in. Lists of others have no place for some of what
    /// a row says, such as the discount of batches; a row that replaces one keeps that. Returns how many
    /// rows did.
    pub fn add_prices(&mut self, imported: Imported) -> usize {
        let mut kept = 0;
        let mut prices = imported.prices;
        if !imported.is_own {
            let old: HashMap<String, &Price> = self
                .prices
                .iter()
                .map(|price| (price.id.to_ascii_lowercase(), price))
                .collect();
            for price in &mut prices {
                let before = old.get(&price.id.to_ascii_lowercase());
                kept += usize::from(before.is_some_and(|before| keep(price, before)));
            }
        }
        merge(&mut self.prices, prices);
        kept
    }

    /// Takes machines of the same name out and puts new ones in.
    pub fn add_machines(&mut self, machines: Vec<Machine>) {
        merge(&mut self.machines, machines);
    }

    /// Adds the rows of a folder's `prices.json`, `machines.json`, `models.json`, `electricity.json` and
    /// `profiles.json`, in the form of this crate's own; a file that is not there adds nothing.
    ///
    /// # Errors
    /// [`CatalogueError::Read`], [`CatalogueError::Data`], [`CatalogueError::Row`].
    pub fn add_folder(&mut self, folder: &Path) -> Result<(), CatalogueError> {
        let prices = folder.join("prices.json");
        if prices.exists() {
            let read = Self::read_prices(&prices)?;
            if let Some(fault) = read.unsound.first() {
                return Err(row_error(&prices, fault.clone()));
            }
            self.add_prices(read);
        }
        merge(&mut self.machines, file(&folder.join("machines.json"))?);
        merge(&mut self.models, file(&folder.join("models.json"))?);
        merge(
            &mut self.electricity,
            file(&folder.join("electricity.json"))?,
        );
        merge(&mut self.profiles, file(&folder.join("profiles.json"))?);
        Ok(())
    }

    /// Reads prices of a file: rows of this crate, `LiteLLM`'s `model_prices_and_context_window.json`,
    /// models.dev's `api.json`, `OpenRouter`'s `models` or llm-prices' `current-v1.json`.
    ///
    /// # Errors
    /// [`CatalogueError::Read`], [`CatalogueError::Data`], [`CatalogueError::Row`].
    pub fn read_prices(path: &Path) -> Result<Imported, CatalogueError> {
        let day = modified(path);
        import::prices(&text(path)?, &day).map_err(|fault| match fault {
            import::Fault::Row(fault) => row_error(path, fault),
            import::Fault::Data(reason) => data_error::<Price>(path, reason),
        })
    }

    /// Reads machines of a file.
    ///
    /// # Errors
    /// [`CatalogueError::Read`], [`CatalogueError::Data`], [`CatalogueError::Row`].
    pub fn read_machines(path: &Path) -> Result<Vec<Machine>, CatalogueError> {
        parsed(path, &text(path)?)
    }
}

/// Gives a row what the one before it says and other lists cannot; whether there was anything.
fn keep(price: &mut Price, before: &Price) -> bool {
    let is_silent = price.batch_discount.is_none() && price.batch_discount_output.is_none();
    let is_kept = is_silent && before.has_batch_discount();
    if is_kept {
        price.batch_discount = before.batch_discount;
        price.batch_discount_output = before.batch_discount_output;
    }
    is_kept
}

/// Returns the rows of a file of our own.
fn rows<R: DeserializeOwned>(text: &str) -> Vec<R> {
    serde_json::from_str(text).unwrap_or_default()
}

/// Reads a file, without the byte order mark that some editors put before it.
fn text(path: &Path) -> Result<String, CatalogueError> {
    /// A hundred times the longest list of prices; a device has no end.
    const LIMIT: u64 = 256 << 20;
    let read = || {
        let mut text = String::new();
        std::fs::File::open(path)?
            .take(LIMIT + 1)
            .read_to_string(&mut text)?;
        if text.len() as u64 > LIMIT {
            return Err(std::io::Error::other("it is longer than 256 MiB"));
        }
        Ok(text)
    };
    let text = read().map_err(|reason| CatalogueError::Read {
        path: path.display().to_string(),
        reason,
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

/// Returns the day on which a file was written, for rows that have none of their own.
fn modified(path: &Path) -> String {
    let time = path
        .metadata()
        .and_then(|data| data.modified())
        .ok()
        .and_then(|time| jiff::Timestamp::try_from(time).ok());
    time.map_or_else(String::new, |time| time.strftime("%Y-%m-%d").to_string())
}

fn parsed<R: Check + DeserializeOwned>(path: &Path, text: &str) -> Result<Vec<R>, CatalogueError> {
    let fault = |reason| data_error::<R>(path, reason);
    let value = match rows_json::whole(text).map_err(fault)? {
        Value::Array(entries) => rows_json::rows(entries, R::TABLE).map_err(fault)?.into(),
        other => other,
    };
    let rows: Vec<R> = serde_json::from_value(value).map_err(|error| fault(error.to_string()))?;
    match check::rows(&rows) {
        Some(fault) => Err(row_error(path, fault)),
        None => Ok(rows),
    }
}

fn row_error(path: &Path, fault: String) -> CatalogueError {
    CatalogueError::Row {
        path: path.display().to_string(),
        fault,
    }
}

fn data_error<R: Named>(path: &Path, reason: String) -> CatalogueError {
    CatalogueError::Data {
        path: path.display().to_string(),
        kind: R::KIND,
        reason,
    }
}

fn file<R: Check + DeserializeOwned>(path: &Path) -> Result<Vec<R>, CatalogueError> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    parsed(path, &text(path)?)
}

fn merge<R: Named>(rows: &mut Vec<R>, new: Vec<R>) {
    let names: HashSet<_> = new
        .iter()
        .map(|row| row.id().to_ascii_lowercase())
        .collect();
    rows.retain(|row| !names.contains(&row.id().to_ascii_lowercase()));
    rows.extend(new);
}

#[cfg(test)]
mod tests;

//! The catalogue that a run computes with: the built-in rows, the user's folder, files named by flags.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Result, anyhow};
use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use llm_cli::Messages;
use llm_cli::cost::DataArgs;
use llm_cost::catalogue::{Catalogue, Electricity, Machine, Price};
use llm_cost::dates;
use llm_cost::record::UsedRow;

/// The rows, and the day on which they are used.
pub(crate) struct Data {
    pub(crate) catalogue: Catalogue,
    pub(crate) today: Date,
    messages: Messages,
}

impl Data {
    /// Loads all rows: a file named by a flag counts before the folder, the folder before the program.
    pub(crate) fn load(args: &DataArgs, messages: Messages) -> Result<Self> {
        let mut catalogue = Catalogue::builtin().clone();
        if let Some(folder) = folder() {
            catalogue.add_folder(&folder)?;
        }
        for path in &args.prices {
            let imported = Catalogue::read_prices(path)?;
            if imported.passed_over > 0 {
                messages.note(format_args!(
                    "'{}': {} prices, {} entries without a price per token passed over",
                    path.display(),
                    imported.prices.len(),
                    imported.passed_over
                ));
            }
            if let Some(first) = imported.unsound.first() {
                messages.warning(format_args!(
                    "'{}': {} rows without sense passed over; the first: {first}",
                    path.display(),
                    imported.unsound.len()
                ));
            }
            catalogue.add_prices(imported.prices);
        }
        for path in &args.machines {
            catalogue.add_machines(Catalogue::read_machines(path)?);
        }
        Ok(Self {
            catalogue,
            today: today(args.on.as_deref())?,
            messages,
        })
    }

    /// Says where rows are of a later day than the one that is asked for.
    fn note_later(&self, rows: &[UsedRow]) {
        let is_later =
            |row: &&UsedRow| dates::parse(&row.as_of).is_some_and(|first| first > self.today);
        let later: BTreeSet<(&str, &str)> = rows
            .iter()
            .filter(is_later)
            .map(|row| (row.as_of.as_str(), row.row.as_str()))
            .collect();
        let Some((as_of, row)) = later.last() else {
            return;
        };
        let others = match later.len() - 1 {
            0 => String::new(),
            1 => ", and one more is of a later day too".to_owned(),
            more => format!(", and {more} more are of a later day too"),
        };
        self.messages.note(format_args!(
            "{row} is as of {as_of}, after {}{others}: what held on that day may have been another",
            self.today
        ));
    }

    /// Warns of rows that are old, in one sentence, and notes those of a later day.
    pub(crate) fn warn_of_age(&self, rows: &[UsedRow]) {
        self.note_later(rows);
        let old: BTreeSet<(i32, &str, &str)> = rows
            .iter()
            .filter(|row| dates::is_stale(&row.as_of, self.today))
            .map(|row| {
                let age = dates::age_days(&row.as_of, self.today).unwrap_or(i32::MAX);
                (age, row.row.as_str(), row.as_of.as_str())
            })
            .collect();
        let Some((age, row, as_of)) = old.last() else {
            return;
        };
        let age = match *age {
            i32::MAX => "of an unknown day".to_owned(),
            days => format!("as of {as_of}, {days} days old"),
        };
        let others = match old.len() - 1 {
            0 => String::new(),
            1 => ", and one more is older than 90".to_owned(),
            more => format!(", and {more} more are older than 90"),
        };
        self.messages.warning(format_args!(
            "{row} is {age}{others}; --prices and --machines bring newer rows, \
             --usd-per-kwh your price of power, and other flags your own numbers"
        ));
    }
}

/// The user's folder: `$XDG_CONFIG_HOME/llm-tools/cost`, else `~/.config/llm-tools/cost`.
pub(crate) fn folder() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let config = set("XDG_CONFIG_HOME").map(PathBuf::from);
    let config = config.or_else(|| Some(PathBuf::from(set("HOME")?).join(".config")))?;
    Some(config.join("llm-tools").join("cost"))
}

fn today(on: Option<&str>) -> Result<Date> {
    match on {
        None => Ok(Timestamp::now().to_zoned(TimeZone::UTC).date()),
        Some(text) => text
            .parse()
            .map_err(|_| anyhow!("--on '{text}' is no day; write it as 2026-11-24")),
    }
}

/// Notes a price as a row that was used.
pub(crate) fn price_row(price: &Price) -> UsedRow {
    UsedRow {
        row: format!("the price of '{}'", price.id),
        as_of: price.as_of.clone(),
        source: price.source.clone(),
    }
}

/// Notes a machine as a row that was used.
pub(crate) fn machine_row(machine: &Machine) -> UsedRow {
    UsedRow {
        row: format!("the machine '{}'", machine.id),
        as_of: machine.as_of.clone(),
        source: machine.source.clone(),
    }
}

/// Notes a price of power as a row that was used.
pub(crate) fn power_row(region: &Electricity) -> UsedRow {
    UsedRow {
        row: format!("the price of power in '{}'", region.region),
        as_of: region.as_of.clone(),
        source: region.source.clone(),
    }
}

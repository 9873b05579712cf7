//! The catalogue that a run computes with: the built-in rows, the user's folder, files named by flags.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use llm_cli::Messages;
use llm_cli::parser::cost::DataArgs;
use llm_cost::record::UsedRow;
use llm_cost::{Catalogue, counted, freshness};

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
                    "'{}': {}; skipped {} without a price per token",
                    path.display(),
                    counted(imported.prices.len(), "price", "prices"),
                    counted(imported.passed_over, "entry", "entries")
                ));
            }
            if let Some(first) = imported.unsound.first() {
                messages.warning(format_args!(
                    "'{}': rows that make no sense, skipped: {}; the first: {first}",
                    path.display(),
                    imported.unsound.len()
                ));
            }
            let kept = catalogue.add_prices(imported);
            if kept > 0 {
                messages.note(format_args!(
                    "'{}': {} of batches; the discount of what is replaced stays",
                    path.display(),
                    counted(kept, "row says nothing", "rows say nothing")
                ));
            }
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

    /// Says which rows are old, and which of a day later than the one that is asked about.
    pub(crate) fn warn_of_age(&self, rows: &[UsedRow]) {
        if let Some(sentence) = freshness::later(rows, self.today) {
            self.messages.note(sentence);
        }
        if let Some(sentence) = freshness::stale(rows, self.today) {
            self.messages.warning(sentence);
        }
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
            .map_err(|_| anyhow!("--on '{text}' is not a day; write it as 2026-11-24")),
    }
}

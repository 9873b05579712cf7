//! What was used and what it costs, by logs and files of several makers.

use llm_cost::Catalogue;
use llm_cost::usage::{UsageLog, UsageTotals, day};

use crate::scratch;

/// Reads a log of usage.
pub fn usage(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let log = UsageLog::read(&text);
    for entry in &log.entries {
        let numbers = [
            entry.input,
            entry.output,
            entry.cached,
            entry.written,
            entry.seconds,
        ];
        assert!(
            numbers
                .iter()
                .all(|number| number.is_finite() && *number >= 0.0)
        );
        assert!(entry.cached <= entry.input);
        if let Some(timestamp) = entry.timestamp {
            let _ = day(timestamp);
        }
    }
    let totals = UsageTotals::of(&log.entries);
    let _ = (totals.span(), totals.volume(), totals.per_month(30.0));
    let entries = log.entries.len();
    let mut both = log.clone();
    both.add(log);
    assert_eq!(both.entries.len(), 2 * entries);
}

/// Reads a file of prices, and the same bytes as every other file of a catalogue.
pub fn prices(data: &[u8]) {
    scratch::file("prices.json", data, |path| {
        if let Ok(read) = Catalogue::read_prices(path) {
            for price in &read.prices {
                let rates = price.rates(None, Some(1e6));
                let numbers = [rates.input.0, rates.output.0];
                assert!(
                    numbers
                        .iter()
                        .all(|number| number.is_finite() && *number >= 0.0)
                );
            }
            Catalogue::builtin().clone().add_prices(read.prices);
        }
    });
    for name in ["prices", "machines", "models", "electricity", "profiles"] {
        scratch::file(&format!("{name}.json"), data, |path| {
            if let Ok(machines) = Catalogue::read_machines(path) {
                Catalogue::builtin().clone().add_machines(machines);
            }
            let folder = path.parent().unwrap_or(path);
            let _ = Catalogue::builtin().clone().add_folder(folder);
        });
    }
}

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
        assert!(entry.cached + entry.written <= entry.input);
        assert!(entry.written_1h <= entry.written);
        if let Some(timestamp) = entry.timestamp {
            let _ = day(timestamp);
        }
    }
    let totals = UsageTotals::of(&log.entries);
    let _ = (totals.span(), totals.volume(), totals.per_month(30.0));
    let _ = (log.month(None), log.month(Some(30.0)), log.unbilled());
    // An answer with a key of its own counts once, however often it was written.
    let keyed = log
        .entries
        .iter()
        .filter(|entry| !entry.key.is_empty())
        .count();
    let entries = log.entries.len();
    let mut both = log.clone();
    both.add(log);
    assert_eq!(both.entries.len(), 2 * entries - keyed);
}

/// Reads a file of prices, and the same bytes as every other file of a catalogue.
pub fn prices(data: &[u8]) {
    scratch::file("prices.json", data, |path| {
        if let Ok(read) = Catalogue::read_prices(path) {
            for price in &read.prices {
                for tier in 0..=price.long_prompt.tiers().len() {
                    let rates = price.tier_rates(llm_cost::dates::parse("9999-12-31"), tier);
                    let numbers = [
                        rates.input.0,
                        rates.output.0,
                        rates.cache_read.0,
                        rates.cache_write.0,
                        rates.cache_write_1h.0,
                    ];
                    assert!(
                        numbers
                            .iter()
                            .all(|number| number.is_finite() && *number >= 0.0)
                    );
                }
            }
            Catalogue::builtin().clone().add_prices(read);
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

//! What was used and what it costs, by logs and files of several makers.

use llm_cost::Catalogue;
use llm_cost::used::{Sums, Used, day};

use crate::scratch;

/// Reads a log of usage.
pub fn usage(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let used = Used::read(&text);
    for one in &used.uses {
        let numbers = [one.input, one.output, one.cached, one.written, one.seconds];
        assert!(
            numbers
                .iter()
                .all(|number| number.is_finite() && *number >= 0.0)
        );
        assert!(one.cached <= one.input);
        if let Some(at) = one.at {
            let _ = day(at);
        }
    }
    let sums = Sums::of(&used.uses);
    let _ = (sums.span(), sums.volume(), sums.a_month(30.0));
    let uses = used.uses.len();
    let mut both = used.clone();
    both.add(used);
    assert_eq!(both.uses.len(), 2 * uses);
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

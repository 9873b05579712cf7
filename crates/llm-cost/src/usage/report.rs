//! A log of usage → its sums, by day or model, with what power costs and what clouds would ask.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::{UsageEntry, UsageLog, UsageTotals, day};
use crate::catalogue::{Catalogue, Price};
use crate::record::{CloudSum, UsageRecord};
use crate::units::{Joules, KilowattHours, Usd, UsdPerKwh, UsdPerMtok, Watts};

/// Providers whose current models are held against usage where none is named.
const PROVIDERS: &[&str] = &["anthropic/", "openai/", "google/", "deepseek/"];

/// What usage is added up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// Days, in UTC.
    Day,
    /// Models.
    Model,
}

/// Entries that are added up together: a day's, a model's, or all without a key.
#[derive(Clone, Debug, PartialEq)]
pub struct Group<'a> {
    /// The day or the model.
    pub key: Option<String>,
    /// The entries.
    pub entries: Vec<&'a UsageEntry>,
}

/// What energy costs, and what the machine takes where no record says how much energy it was.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Power {
    /// Power at work, where it is known.
    pub watts: Option<Watts>,
    /// Price of electricity.
    pub usd_per_kwh: UsdPerKwh,
}

impl UsageLog {
    /// Returns the entries in groups, in the order of their keys.
    #[must_use]
    pub fn groups(&self, by: Option<GroupBy>) -> Vec<Group<'_>> {
        let unknown = || "unknown".to_owned();
        let mut groups: BTreeMap<Option<String>, Vec<&UsageEntry>> = BTreeMap::new();
        for entry in &self.entries {
            let key = by.map(|by| match by {
                GroupBy::Day => entry.timestamp.and_then(day).unwrap_or_else(unknown),
                GroupBy::Model if entry.model.is_empty() => unknown(),
                GroupBy::Model => entry.model.clone(),
            });
            groups.entry(key).or_default().push(entry);
        }
        let groups = groups.into_iter();
        groups
            .map(|(key, entries)| Group { key, entries })
            .collect()
    }
}

impl Group<'_> {
    /// Adds the group up, with its power and what `clouds` would ask for it. `failed` is how many requests
    /// have no usage.
    #[must_use]
    pub fn record(&self, power: Power, clouds: &[&Price], today: Date, failed: u64) -> UsageRecord {
        let sums = UsageTotals::of(self.entries.iter().copied());
        let (watts, usd_per_kwh) = (power.watts, power.usd_per_kwh);
        let estimated = watts
            .filter(|_| sums.seconds > 0.0)
            .map(|watts| watts.0 * sums.seconds);
        let joules = sums.joules.or(estimated);
        let local = joules.map(|joules| usd_per_kwh * KilowattHours::from(Joules(joules)));
        let total = sums.input + sums.output;
        // What a cloud worked through used no power here.
        let per_mtok =
            |usd: Usd| (sums.local > 0.0).then(|| UsdPerMtok(usd.0 / (sums.local / 1e6)));
        UsageRecord {
            key: self.key.clone(),
            from: sums.from_to.and_then(|(from, _)| day(from)),
            // The last second that is in it: a day's end is the next day's start.
            to: sums
                .from_to
                .and_then(|(from, to)| day(to.saturating_sub(1).max(from))),
            requests: sums.requests,
            input_tokens: sums.input,
            cached_tokens: sums.cached,
            cache_write_tokens: sums.written,
            output_tokens: sums.output,
            total_tokens: total,
            seconds: sums.seconds,
            joules,
            joules_measured: sums.joules.is_some(),
            load_watts: watts,
            usd_per_kwh,
            local_usd: local,
            local_usd_per_mtok: local.and_then(per_mtok),
            paid_usd: sums.paid,
            clouds: self.cloud_sums(clouds, today),
            failed,
        }
    }

    /// Returns what clouds would ask for the entries, the least first.
    fn cloud_sums(&self, clouds: &[&Price], today: Date) -> Vec<CloudSum> {
        let sum = |price: &&Price| CloudSum {
            cloud: price.id.clone(),
            usd: self.entries.iter().fold(Usd(0.0), |sum, entry| {
                sum + entry.cost_at(price, Some(today))
            }),
        };
        let mut sums: Vec<CloudSum> = clouds.iter().map(sum).collect();
        sums.sort_by(|a, b| a.usd.0.total_cmp(&b.usd.0));
        sums
    }
}

/// Returns the cloud models that usage is held against where none is named: the current ones of the
/// largest providers.
#[must_use]
pub fn current_clouds(catalogue: &Catalogue) -> Vec<&Price> {
    let is_large = |price: &Price| PROVIDERS.iter().any(|name| price.id.starts_with(name));
    let prices = catalogue.prices.iter();
    prices
        .filter(|price| price.status.is_none() && is_large(price))
        .collect()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn log() -> UsageLog {
        let entry = |timestamp, model: &str, seconds| UsageEntry {
            timestamp,
            model: model.to_owned(),
            requests: 1,
            input: 1e6,
            seconds,
            is_local: true,
            ..UsageEntry::default()
        };
        UsageLog {
            entries: vec![
                entry(Some(0), "b", 1800.0),
                entry(Some(90_000), "a", 1800.0),
                entry(None, "", 0.0),
            ],
            ..UsageLog::default()
        }
    }

    #[test]
    fn entries_are_grouped_by_day_or_model_or_not_at_all() {
        let log = log();
        let keys = |by| -> Vec<Option<String>> {
            log.groups(by).into_iter().map(|group| group.key).collect()
        };
        let some = |keys: [&str; 3]| keys.map(|key| Some(key.to_owned())).to_vec();
        assert_eq!(keys(None), [None]);
        assert_eq!(
            keys(Some(GroupBy::Day)),
            some(["1970-01-01", "1970-01-02", "unknown"])
        );
        assert_eq!(keys(Some(GroupBy::Model)), some(["a", "b", "unknown"]));
    }

    #[test]
    fn power_is_estimated_from_watts_and_clouds_from_the_cheapest_on() {
        let log = log();
        let catalogue = Catalogue::builtin();
        let names = ["anthropic/claude-sonnet-4.6", "openai/gpt-6-luna"];
        let clouds = names.map(|name| catalogue.price(name).unwrap());
        let power = Power {
            watts: Some(Watts(100.0)),
            usd_per_kwh: UsdPerKwh(0.2),
        };
        let groups = log.groups(None);
        let record = groups[0].record(power, &clouds, date(2026, 11, 24), 2);
        assert_eq!((record.requests, record.failed), (3, 2));
        assert!(!record.joules_measured);
        // An hour at 100 W; what says no time is not in it.
        assert!((record.local_usd.unwrap().0 - 0.02).abs() < 1e-12);
        assert!((record.local_usd_per_mtok.unwrap().0 - 0.01).abs() < 1e-12);
        assert!(record.clouds[0].usd <= record.clouds[1].usd);
        assert_eq!(
            (record.from.as_deref(), record.to.as_deref()),
            (Some("1970-01-01"), Some("1970-01-02"))
        );
    }

    #[test]
    fn the_clouds_that_usage_is_held_against_are_current() {
        let clouds = current_clouds(Catalogue::builtin());
        assert!(!clouds.is_empty());
        assert!(clouds.iter().all(|price| price.status.is_none()));
    }
}

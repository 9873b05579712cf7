//! A log of usage → its sums, by day or model, with what power costs and what clouds would ask.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::{UsageEntry, UsageLog, UsageTotals, day};
use crate::catalogue::{Catalogue, Price};
use crate::record::{CloudSum, UsageRecord};
use crate::units::{Joules, KilowattHours, Usd, UsdPerKwh, UsdPerMtok, Watts};

/// The clouds that usage is held against where none is named: of each large provider the model that most
/// work would go to.
const CLOUDS: [&str; 4] = [
    "anthropic/claude-sonnet-5.5",
    "openai/gpt-6.1-terra",
    "google/gemini-3.8-flash",
    "deepseek/deepseek-flash-peak",
];

/// Of the log's own models at most so many are added.
const OWN: usize = 4;

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
            cache_write_1h_tokens: sums.written_1h,
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
            unpaid_records: sums.unpaid,
            undated_records: sums.undated,
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

impl UsageLog {
    /// Returns the cloud models that the log is held against where none is named: those that it used, as
    /// far as they have a row, and one of each large provider.
    #[must_use]
    pub fn usual_clouds<'a>(&self, catalogue: &'a Catalogue) -> Vec<&'a Price> {
        let mut tokens: BTreeMap<&str, f64> = BTreeMap::new();
        for entry in self.entries.iter().filter(|entry| !entry.is_local) {
            *tokens.entry(&entry.model).or_default() += entry.input + entry.output;
        }
        let mut used: Vec<(&str, f64)> = tokens.into_iter().collect();
        used.sort_by(|a, b| b.1.total_cmp(&a.1));
        let own = used
            .iter()
            .filter_map(|(name, _)| priced(catalogue, name))
            .take(OWN);
        let mut clouds: Vec<&Price> = Vec::new();
        for price in own.chain(CLOUDS.iter().filter_map(|name| catalogue.price(name).ok())) {
            if !clouds.iter().any(|other| other.id == price.id) {
                clouds.push(price);
            }
        }
        clouds
    }
}

/// Finds the row of a model as records name it: with a day behind it, or with `-` where a version has a
/// point.
fn priced<'a>(catalogue: &'a Catalogue, name: &str) -> Option<&'a Price> {
    let is_day = |part: &str| part.len() == 8 && part.bytes().all(|byte| byte.is_ascii_digit());
    let undated = match name.rsplit_once('-') {
        Some((rest, day)) if is_day(day) => rest,
        _ => name,
    };
    let undated = match undated.char_indices().rev().nth(10) {
        // `-2026-10-24`
        Some((at, '-')) if crate::dates::parse(&undated[at + 1..]).is_some() => &undated[..at],
        _ => undated,
    };
    let last = undated.rsplit('/').next().unwrap_or(undated);
    let pointed = match last.rsplit_once('-') {
        Some((rest, minor))
            if minor.parse::<u8>().is_ok() && rest.ends_with(|c: char| c.is_ascii_digit()) =>
        {
            format!("{rest}.{minor}")
        }
        _ => last.to_owned(),
    };
    let names = [name, undated, last, &pointed];
    names
        .into_iter()
        .filter(|name| !name.is_empty())
        .find_map(|name| catalogue.price(name).ok())
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
    fn the_clouds_that_usage_is_held_against_are_few_and_current() {
        let clouds = log().usual_clouds(Catalogue::builtin());
        assert_eq!(clouds.len(), CLOUDS.len());
        assert!(clouds.iter().all(|price| price.status.is_none()));
    }

    #[test]
    fn what_a_log_used_is_among_its_clouds() {
        for (name, wanted) in [
            ("claude-sonnet-4-6", "anthropic/claude-sonnet-4.6"),
            ("claude-haiku-4-5-20251001", "anthropic/claude-haiku-4.5"),
            ("gpt-5-2025-08-07", "openai/gpt-5"),
            ("openai/gpt-4o", "openai/gpt-4o"),
            ("gpt-5.4", "openai/gpt-5.4"),
        ] {
            let log = UsageLog {
                entries: vec![UsageEntry {
                    model: name.to_owned(),
                    ..UsageEntry::default()
                }],
                ..UsageLog::default()
            };
            let clouds = log.usual_clouds(Catalogue::builtin());
            assert_eq!(clouds[0].id, wanted, "{name}");
        }
        assert!(priced(Catalogue::builtin(), "").is_none());
        assert!(priced(Catalogue::builtin(), "häßliches-modell-1234567890").is_none());
    }
}

//! Sums of what was used.

use super::super::format::{short, usd};
use super::table;
use crate::record::{Body, CloudSum, UsageRecord};
use crate::units::Usd;

/// Returns the sums, and what clouds would ask.
#[must_use]
pub fn usage(bodies: &[Body]) -> String {
    let records: Vec<&UsageRecord> = bodies
        .iter()
        .filter_map(|body| match body {
            Body::Usage(record) => Some(record.as_ref()),
            _ => None,
        })
        .collect();
    let head = [
        "",
        "requests",
        "input",
        "cached",
        "output",
        "hours",
        "kWh",
        "USD power",
        "USD paid",
    ];
    let sum = |sum: Option<Usd>| sum.map_or_else(String::new, usd);
    let mut text = table(
        &head,
        records.iter().map(|record| {
            vec![
                record.key.clone().unwrap_or_else(|| "all".to_owned()),
                record.requests.to_string(),
                short(record.input_tokens),
                short(record.cached_tokens),
                short(record.output_tokens),
                short(record.seconds / 3600.0),
                record
                    .joules
                    .map_or_else(String::new, |joules| short(joules / 3.6e6)),
                sum(record.local_usd),
                sum(record.paid_usd),
            ]
        }),
    );
    // What ran elsewhere took no power here.
    let ran_here = records.iter().any(|record| record.seconds > 0.0);
    if ran_here && records.iter().all(|record| record.joules.is_none()) {
        text.push_str(
            "No record has joules; with --load-watts N or --machine the cost of power is estimated.\n",
        );
    }
    text.push_str(&clouds(&records));
    text
}

/// What clouds would ask, a column a sum; of many sums only all together.
fn clouds(records: &[&UsageRecord]) -> String {
    /// As many as stand side by side on a screen.
    const MOST: usize = 4;
    let Some(first) = records.first() else {
        return String::new();
    };
    let asked = |record: &UsageRecord, cloud: &str| {
        let same = record.clouds.iter().find(|other| other.cloud == cloud);
        same.map_or(Usd(0.0), |same| same.usd)
    };
    let key = |record: &&UsageRecord| record.key.clone().unwrap_or_else(|| "USD".to_owned());
    let keys: Vec<String> = match records.len() {
        0..=MOST => records.iter().map(key).collect(),
        _ => vec!["USD, all".to_owned()],
    };
    let mut head = vec!["the same at"];
    head.extend(keys.iter().map(String::as_str));
    let rows = first.clouds.iter().map(|CloudSum { cloud, .. }| {
        let sums = records.iter().map(|record| asked(record, cloud));
        let mut row = vec![cloud.clone()];
        if records.len() <= MOST {
            row.extend(sums.map(usd));
        } else {
            row.push(usd(sums.fold(Usd(0.0), |all, sum| all + sum)));
        }
        row
    });
    table(&head, rows)
}

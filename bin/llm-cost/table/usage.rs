//! Sums of what was used.

use llm_cost::Usd;
use llm_cost::record::{Body, UsageRecord};

use super::{short, table, usd};

/// Sums, and what clouds would ask.
pub(crate) fn usage(bodies: &[Body]) -> String {
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
    let mut head = vec!["the same at"];
    let keys: Vec<String> = records
        .iter()
        .map(|record| record.key.clone().unwrap_or_else(|| "USD".to_owned()))
        .collect();
    head.extend(keys.iter().map(String::as_str));
    let Some(first) = records.first() else {
        return text;
    };
    let rows = first.clouds.iter().map(|cloud| {
        let asked = |record: &&UsageRecord| {
            let same = record
                .clouds
                .iter()
                .find(|other| other.cloud == cloud.cloud);
            same.map_or_else(String::new, |same| usd(same.usd))
        };
        let mut row = vec![cloud.cloud.clone()];
        row.extend(records.iter().map(asked));
        row
    });
    text.push_str(&table(&head, rows));
    text
}

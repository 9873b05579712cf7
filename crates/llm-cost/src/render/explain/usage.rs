//! What was used, what its power cost and what clouds would have asked, as sums.

use jiff::civil::Date;

use super::bill::bill;
use crate::bill::Volume;
use crate::catalogue::Price;
use crate::counted::counted;
use crate::record::UsageRecord;
use crate::usage::{BlendedRates, Group, UsageTotals};

/// Returns the lines: of each group and its record the tokens, the power, and each cloud's bill.
#[must_use]
pub fn usage(groups: &[(Group<'_>, UsageRecord)], clouds: &[&Price], today: Date) -> String {
    let mut lines = Vec::new();
    for (group, record) in groups {
        lines.push(format!(
            "sum       {}: {}, {} tokens in ({} from a cache, {} into one{}) and {} out",
            record.key.as_deref().unwrap_or("all"),
            counted(record.requests, "request", "requests"),
            record.input_tokens,
            record.cached_tokens,
            record.cache_write_tokens,
            for_an_hour(record),
            record.output_tokens
        ));
        lines.extend(power(record));
        lines.extend(clouds.iter().flat_map(|price| cloud(group, price, today)));
        lines.push(String::new());
    }
    lines.join("\n")
}

/// Says how many of the tokens into a cache were for an hour, where any were.
fn for_an_hour(record: &UsageRecord) -> String {
    match record.cache_write_1h_tokens {
        hour if hour > 0.0 => format!(", {hour} of them for an hour"),
        _ => String::new(),
    }
}

/// Energy and its price.
fn power(record: &UsageRecord) -> Vec<String> {
    let Some((joules, usd)) = record.joules.zip(record.local_usd) else {
        return vec![
            "power     not known: no record has joules, and neither --load-watts nor --machine was given, \
             or nothing ran here"
                .to_owned(),
        ];
    };
    let joules = match (record.joules_measured, record.load_watts) {
        (false, Some(watts)) => format!("{} W x {:.3} s = {joules:.1} J", watts.0, record.seconds),
        _ => format!("{joules:.1} J, measured"),
    };
    let mut lines = vec![
        "power     E = J / 3.6e6 x price".to_owned(),
        format!(
            "          = ({joules}) / 3.6e6 x {} = {:.8} USD",
            record.usd_per_kwh.0, usd.0
        ),
    ];
    if let Some(per) = record.local_usd_per_mtok {
        lines.push(format!(
            "          = {:.6} USD for a million tokens of those that ran here",
            per.0
        ));
    }
    lines
}

/// One cloud's bill: the mean rates of these requests, each at the price of its own prompt's length.
fn cloud(group: &Group<'_>, price: &Price, today: Date) -> Vec<String> {
    let entries = || group.entries.iter().copied();
    let blended = BlendedRates::new(entries(), price, Some(today));
    let volume = UsageTotals::of(entries()).volume();
    let volume = Volume {
        batch: blended.batch,
        ..volume
    };
    let sum = blended.rates.bill(&volume);
    let tokens = |mtok: f64| mtok.to_string();
    let [letters, numbers] = bill(&volume, &blended.rates, tokens, |share| {
        format!("{share:.4}")
    });
    let long = match blended.long {
        0 => String::new(),
        count => format!("; {count} long prompts in the mean"),
    };
    vec![
        format!("cloud     '{}', {}{long}", price.id, price.as_of),
        format!("          C = {letters} = {numbers} = {:.6} USD", sum.0),
    ]
}

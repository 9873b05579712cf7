//! What was used, what its power cost and what clouds would have asked, as sums.

use llm_cost::catalogue::Price;
use llm_cost::record::UsageRecord;
use llm_cost::used::{Billed, Sums, Use};

use crate::data::Data;

/// The records of one sum.
pub(crate) struct Group<'a> {
    pub(crate) uses: &'a [&'a Use],
    pub(crate) record: &'a UsageRecord,
}

/// Returns the lines: of each sum its tokens, its power, and each cloud's bill.
pub(crate) fn usage(groups: &[Group<'_>], clouds: &[&Price], data: &Data) -> String {
    let mut lines = Vec::new();
    for group in groups {
        let record = group.record;
        lines.push(format!(
            "sum       {}: {} requests, {} tokens in ({} from a cache, {} into one) and {} out",
            record.key.as_deref().unwrap_or("all"),
            record.requests,
            record.input_tokens,
            record.cached_tokens,
            record.cache_write_tokens,
            record.output_tokens
        ));
        lines.extend(power(record));
        lines.extend(clouds.iter().flat_map(|price| cloud(group, price, data)));
        lines.push(String::new());
    }
    lines.join("\n")
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
fn cloud(group: &Group<'_>, price: &Price, data: &Data) -> Vec<String> {
    let uses = || group.uses.iter().copied();
    let billed = Billed::new(uses(), price, Some(data.today));
    let volume = Sums::of(uses()).volume();
    let rates = &billed.rates;
    let (hit, write) = (volume.cache_hit, volume.cache_write);
    let sum = rates.bill(&llm_cost::Volume {
        batch: billed.batch,
        ..volume
    });
    let long = match billed.long {
        0 => String::new(),
        count => format!("; {count} long prompts in the mean"),
    };
    vec![
        format!("cloud     '{}', {}{long}", price.id, price.as_of),
        format!(
            "          C = [I ((1-h-w) pi + h pr + w pw) + O po] (1 - b d) = [{} ({:.4} x {} + {hit:.4} x {} \
             + {write:.4} x {}) + {} x {}] (1 - {:.4} x {}) = {:.6} USD",
            volume.input.0,
            1.0 - hit - write,
            rates.input.0,
            rates.cache_read.0,
            rates.cache_write.0,
            volume.output.0,
            rates.output.0,
            billed.batch,
            rates.batch_discount,
            sum.0
        ),
    ]
}

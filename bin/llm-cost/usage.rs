//! `usage`: records → sums, by day or model, with what power costs and what clouds would ask.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use llm_cli::Context;
use llm_cli::cost::{By, UsageArgs};
use llm_cost::catalogue::Price;
use llm_cost::record::{Body, CloudSum, UsageRecord, UsedRow};
use llm_cost::used::{Sums, Use, day};
use llm_cost::{Joules, KilowattHours, Usd, UsdPerKwh, UsdPerMtok, Watts};

use crate::data::{Data, machine_row, power_row, price_row};
use crate::explain::{self, Group};
use crate::show::Writer;
use crate::{input, table};

/// Providers whose current models are held against usage where none is named.
const PROVIDERS: &[&str] = &["anthropic/", "openai/", "google/", "deepseek/"];

pub(crate) fn run(
    args: &UsageArgs,
    data: &Data,
    context: &Context,
    writer: &mut Writer,
) -> Result<()> {
    let used = input::usage(&args.files, context)?;
    if used.uses.is_empty() {
        bail!(
            "there are no records of usage: completions, embeddings, OpenAI's batch output or ccusage's \
             JSON"
        );
    }
    let mut groups: BTreeMap<Option<String>, Vec<&Use>> = BTreeMap::new();
    for one in &used.uses {
        let unknown = || "unknown".to_owned();
        let key = args.by.map(|by| match by {
            By::Day => one.at.and_then(day).unwrap_or_else(unknown),
            By::Model => Some(one.model.clone())
                .filter(|it| !it.is_empty())
                .unwrap_or_else(unknown),
        });
        groups.entry(key).or_default().push(one);
    }
    let clouds = clouds(args, data)?;
    let mut rows: Vec<_> = clouds.iter().map(|price| price_row(price)).collect();
    let power = power(args, data, &mut rows)?;
    data.warn_of_age(&rows);
    let batches = used.uses.iter().filter(|one| one.by_batch).count();
    if batches > 0 {
        context.messages.note(format_args!(
            "{batches} requests came by batch and are billed with the discount of each cloud that has one"
        ));
    }
    let untimed = used.uses.iter().filter(|one| one.is_untimed()).count();
    if untimed > 0 {
        context.messages.note(format_args!(
            "{untimed} records say no time, as those of embeddings; hours, power and its cost are those \
             of the others"
        ));
    }
    let one = |(key, uses): (&Option<String>, &Vec<&Use>)| {
        let failed = if args.by.is_none() { used.failed } else { 0 };
        let sums = Sums::of(uses.iter().copied());
        let asked = asked(uses, &clouds, data);
        record(key.clone(), &sums, power, asked, failed)
    };
    let records: Vec<UsageRecord> = groups.iter().map(one).collect();
    if args.explain.explain {
        let group = |(uses, record)| Group { uses, record };
        let groups = groups.values().map(Vec::as_slice).zip(&records).map(group);
        let groups: Vec<Group<'_>> = groups.collect();
        return Ok(writer.text(&explain::usage(&groups, &clouds, data))?);
    }
    let bodies = records
        .into_iter()
        .map(|record| Body::Usage(Box::new(record)));
    Ok(writer.answer(bodies.collect(), table::usage)?)
}

/// Returns the watts, where they are known, and the price of power, and adds the rows that they are of.
fn power(
    args: &UsageArgs,
    data: &Data,
    rows: &mut Vec<UsedRow>,
) -> Result<(Option<Watts>, UsdPerKwh)> {
    let machine = match args.machine.as_slice() {
        [] => None,
        [name] => Some(data.catalogue.machine(name)?),
        _ => bail!("records come from one machine; name one"),
    };
    let watts = args.load_watts.map(Watts).or_else(|| machine?.whole_load());
    rows.extend(
        machine
            .filter(|_| args.load_watts.is_none())
            .map(machine_row),
    );
    let usd = match args.usd_per_kwh {
        Some(usd) => UsdPerKwh(usd),
        None => {
            let region = data.catalogue.region(&args.region)?;
            rows.push(power_row(region));
            region.usd_per_kwh
        }
    };
    Ok((watts, usd))
}

fn clouds<'a>(args: &UsageArgs, data: &'a Data) -> Result<Vec<&'a Price>> {
    if args.cloud.is_empty() {
        let current = |price: &&Price| {
            price.status.is_none()
                && PROVIDERS
                    .iter()
                    .any(|provider| price.id.starts_with(provider))
        };
        return Ok(data.catalogue.prices.iter().filter(current).collect());
    }
    let found = args.cloud.iter().map(|name| data.catalogue.price(name));
    Ok(found.collect::<Result<_, _>>()?)
}

/// Returns what clouds would ask for the uses, the least first.
fn asked(uses: &[&Use], clouds: &[&Price], data: &Data) -> Vec<CloudSum> {
    let one = |price: &&Price| CloudSum {
        cloud: price.id.clone(),
        usd: uses
            .iter()
            .fold(Usd(0.0), |sum, one| sum + one.at(price, Some(data.today))),
    };
    let mut asked: Vec<CloudSum> = clouds.iter().map(one).collect();
    asked.sort_by(|a, b| a.usd.0.total_cmp(&b.usd.0));
    asked
}

fn record(
    key: Option<String>,
    sums: &Sums,
    (watts, usd_per_kwh): (Option<Watts>, UsdPerKwh),
    clouds: Vec<CloudSum>,
    failed: u64,
) -> UsageRecord {
    let reckoned = watts
        .filter(|_| sums.seconds > 0.0)
        .map(|watts| watts.0 * sums.seconds);
    let joules = sums.joules.or(reckoned);
    let local = joules.map(|joules| usd_per_kwh * KilowattHours::from(Joules(joules)));
    let total = sums.input + sums.output;
    // What a cloud worked through used no power here.
    let per_mtok = |usd: Usd| (sums.local > 0.0).then(|| UsdPerMtok(usd.0 / (sums.local / 1e6)));
    UsageRecord {
        key,
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
        clouds,
        failed,
    }
}

//! `usage`: records → sums, by day or model, with what power costs and what clouds would ask.

use anyhow::{Result, bail};
use llm_cli::Context;
use llm_cli::parser::cost::{By, UsageArgs};
use llm_cost::catalogue::Price;
use llm_cost::record::{Body, UsageRecord, UsedRow};
use llm_cost::render::{explain, table};
use llm_cost::usage::{Group, GroupBy, Power};
use llm_cost::usage::{UsageEntry, UsageTotals};
use llm_cost::{UsageLog, UsdPerKwh, Watts, counted};

use crate::data::Data;
use crate::record_files;
use crate::show::Writer;

pub(crate) fn run(
    args: &UsageArgs,
    data: &Data,
    context: &Context,
    writer: &mut Writer,
) -> Result<()> {
    let log = record_files::usage(&args.files, context)?;
    if log.entries.is_empty() {
        bail!(
            "there are no records of usage: completions, embeddings, answers, batches and exports of \
             providers, ccusage's JSON, or CSV with named columns"
        );
    }
    let clouds = clouds(args, &log, data)?;
    let mut rows: Vec<UsedRow> = clouds.iter().map(|&price| UsedRow::from(price)).collect();
    let is_measured = log.entries.iter().any(|entry| entry.joules.is_some());
    let power = power(args, data, is_measured, &mut rows)?;
    data.warn_of_age(&rows);
    note(&log, &clouds, power.watts.is_some(), context);
    let by = args.by.map(|by| match by {
        By::Day => GroupBy::Day,
        By::Model => GroupBy::Model,
    });
    let failed = if by.is_none() { log.failed } else { 0 };
    let groups = log.groups(by).into_iter().map(|group| {
        let record = group.record(power, &clouds, data.today, failed);
        (group, record)
    });
    let groups: Vec<(Group<'_>, UsageRecord)> = groups.collect();
    if args.explain.explain {
        return Ok(writer.text(&explain::usage(&groups, &clouds, data.today))?);
    }
    let records = groups.into_iter().map(|(_, record)| record);
    let bodies = records.map(|record| Body::Usage(Box::new(record)));
    Ok(writer.answer(bodies.collect(), table::usage)?)
}

/// Says what the sums count otherwise than a reader may think.
fn note(log: &UsageLog, clouds: &[&Price], has_watts: bool, context: &Context) {
    note_batches(log, clouds, context);
    if let Some(sentence) = log.unbilled() {
        context.messages.note(sentence);
    }
    if log.more_pages {
        context
            .messages
            .warning("the export says that more pages follow; what they hold is not in the sums");
    }
    let sums = UsageTotals::of(&log.entries);
    if sums.paid.is_some() && sums.unpaid > 0 {
        context.messages.note(format_args!(
            "{} what was paid; paid_usd is the sum of the others",
            counted(sums.unpaid, "record does not say", "records do not say")
        ));
    }
    if sums.undated > 0 && sums.from_to.is_some() {
        context.messages.note(format_args!(
            "{} no time; the first and the last day are those of the others",
            counted(sums.undated, "record has", "records have")
        ));
    }
    // Without a measure or a number of watts there is no power to be wrong about.
    if !has_watts && sums.joules.is_none() {
        return;
    }
    let untimed = log
        .entries
        .iter()
        .filter(|entry| entry.is_untimed())
        .count();
    if untimed > 0 {
        context.messages.note(format_args!(
            "{} no time of work, as those of embeddings; hours, power and its cost are those of the others",
            counted(untimed, "record has", "records have")
        ));
    }
    let is_foreign = |entry: &&UsageEntry| !entry.is_local && entry.seconds <= 0.0;
    let foreign = log.entries.iter().filter(is_foreign).count();
    if has_watts && foreign > 0 {
        context.messages.note(format_args!(
            "{} in the form of a provider, which has no place for the time of work; if that was here, hours, power and \
             its cost lack it (llm-run --jsonl tells it of lines that are not of a batch file)",
            counted(foreign, "record is", "records are")
        ));
    }
}

/// Says how requests of batch APIs are billed.
fn note_batches(log: &UsageLog, clouds: &[&Price], context: &Context) {
    let batches = log.entries.iter().filter(|entry| entry.by_batch).count();
    if batches == 0 {
        return;
    }
    let without = clouds.iter().filter(|price| !price.has_batch_discount());
    let without: Vec<String> = without.map(|price| format!("'{}'", price.id)).collect();
    let but = if without.is_empty() {
        String::new()
    } else {
        format!("; none is known of {}", without.join(", "))
    };
    context.messages.note(format_args!(
        "{} through a batch API, billed with each cloud's batch discount{but}",
        counted(batches, "request came", "requests came")
    ));
}

/// Returns the watts, where they are known, and the price of power, and adds the rows that they are of.
fn power(
    args: &UsageArgs,
    data: &Data,
    is_measured: bool,
    rows: &mut Vec<UsedRow>,
) -> Result<Power> {
    let machine = match args.machine.as_slice() {
        [] => None,
        [name] => Some(data.catalogue.machine(name)?),
        _ => bail!("records come from one machine; name one"),
    };
    let watts = args.load_watts.map(Watts).or_else(|| machine?.whole_load());
    let by_machine = machine.filter(|_| args.load_watts.is_none());
    rows.extend(by_machine.map(UsedRow::from));
    let usd_per_kwh = match args.usd_per_kwh {
        Some(usd) => UsdPerKwh(usd),
        None => {
            let region = data.catalogue.region(&args.region)?;
            if watts.is_some() || is_measured {
                rows.push(UsedRow::from(region));
            }
            region.usd_per_kwh
        }
    };
    Ok(Power { watts, usd_per_kwh })
}

fn clouds<'a>(args: &UsageArgs, log: &UsageLog, data: &'a Data) -> Result<Vec<&'a Price>> {
    if args.cloud.is_empty() {
        return Ok(log.usual_clouds(&data.catalogue));
    }
    let found = args.cloud.iter().map(|name| data.catalogue.price(name));
    Ok(found.collect::<Result<_, _>>()?)
}

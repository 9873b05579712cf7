//! One combination of volume, cloud, machine and model → the terms of an answer, and its record. Each
//! number is the flag's, else that of a record or row, else an assumption that the record names.

use anyhow::{Result, bail};
use llm_cli::cost::{CloudArgs, LocalArgs, MoneyArgs, VolumeArgs};
use llm_cost::cash::resale_share;
use llm_cost::catalogue::{Machine, Model, Price};
use llm_cost::record::{HostedAnswer, PaybackRecord, Rate, Seat, UsedRow};
use llm_cost::used::Billed;
use llm_cost::{
    Answer, Hours, Months, Shape, Terms, TokensPerSecond, Usd, UsdPerHour, UsdPerKwh, UsdPerMonth,
    Verdict, Volume, Watts,
};

use crate::data::{Data, machine_row, power_row, price_row};
use crate::notes;
use crate::speeds::{Records, rates};

/// What the upper end of a range reckons with: Sonnet-class prices fell by a third between February and
/// June 2026, and had stood still for a year before.
const RANGE_FALL: f64 = 0.02;

/// All flags that terms are made of.
#[derive(Clone, Copy)]
pub(crate) struct Flags<'a> {
    pub(crate) volume: &'a VolumeArgs,
    pub(crate) cloud: &'a CloudArgs,
    pub(crate) local: &'a LocalArgs,
    pub(crate) money: &'a MoneyArgs,
}

/// A month of tokens, and where it comes from.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) source: String,
    pub(crate) volume: Volume,
    /// Whether it is that of the records that were read, whose requests are billed one by one.
    pub(crate) is_recorded: bool,
}

impl Asked {
    pub(crate) fn new(source: &str, volume: Volume) -> Self {
        Self {
            source: source.to_owned(),
            volume,
            is_recorded: false,
        }
    }
}

/// One of each.
#[derive(Clone, Copy)]
pub(crate) struct Combination<'a> {
    pub(crate) asked: &'a Asked,
    pub(crate) cloud: &'a Price,
    pub(crate) machine: Option<&'a Machine>,
    pub(crate) local: Option<&'a (Shape, Option<Model>)>,
    /// Records that may hold its speeds.
    pub(crate) records: &'a Records,
}

/// Answers one combination.
pub(crate) fn record(flags: Flags<'_>, of: Combination<'_>, data: &Data) -> Result<PaybackRecord> {
    let mut notes = Vec::new();
    let volume = volume(flags, of)?;
    let speeds = rates(flags, of, &volume, data, &mut notes)?;
    let (decode, prefill) = (speeds.decode, speeds.prefill);
    let billed = billed(of.cloud, flags, of, data);
    notes.extend(notes::of_price(of.cloud));
    notes.extend(notes::of_lengths(flags, of, &billed));
    let terms = Terms {
        volume,
        team: f64::from(flags.volume.team),
        decode_tps: decode.tps,
        prefill_tps: prefill.tps,
        ..machine_terms(flags, of, data)?
    };
    let terms = at(&money_terms(&terms, flags), &billed, flags);
    let answer = terms.answer()?;
    let (low, high, high_verdict) = range(&terms, &answer, &decode, &prefill);
    let hosts = of.local.and_then(|(_, model)| model.as_ref());
    let hosts = hosts
        .map(|model| model.hosted.as_slice())
        .unwrap_or_default();
    let same_model = hosts.contains(&of.cloud.id);
    let hosted = if same_model {
        None
    } else {
        hosted(hosts, &terms, flags, of, data)?
    };
    let local = of
        .local
        .map(|(shape, _)| format!("{}:{}", shape.model, shape.quant));
    if hosted.is_none() && !same_model {
        notes.push(notes::unhosted(of));
    }
    if terms.volume.batch > 0.0 && flags.volume.batch.is_none() {
        notes.push(notes::batched(&terms.volume, of.cloud));
    }
    notes.extend(notes::caution(
        of,
        flags.local.context,
        &answer,
        &terms,
        same_model,
        local.as_deref(),
    ));
    Ok(PaybackRecord {
        cloud: of.cloud.id.clone(),
        local,
        machine: of.machine.map(|machine| machine.id.clone()),
        volume_source: of.asked.source.clone(),
        same_model,
        payback_months_low: low,
        payback_months_high: high,
        payback_high_verdict: high_verdict,
        range_cloud_fall_per_month: terms.cloud_fall_per_month.max(RANGE_FALL),
        per_seat: (terms.team > 1.0).then(|| seat(&terms, &answer)),
        rows: rows(flags, of, hosted.as_ref(), data),
        answer,
        hosted,
        decode,
        prefill,
        measured_on: speeds.measured_on,
        assumptions: terms,
        notes,
    })
}

/// Returns the tokens of a month with the shares that flags give.
fn volume(flags: Flags<'_>, of: Combination<'_>) -> Result<Volume> {
    let volume = shares(of.asked.volume, flags.volume);
    if volume.cache_hit + volume.cache_write > 1.0 && flags.volume.cache_write.is_none() {
        bail!(
            "--cache-hit {} and the cache writes of '{}', {}, are more than all input; give --cache-write \
             too",
            volume.cache_hit,
            of.asked.source,
            volume.cache_write
        );
    }
    Ok(volume)
}

fn shares(volume: Volume, args: &VolumeArgs) -> Volume {
    Volume {
        cache_hit: args.cache_hit.unwrap_or(volume.cache_hit),
        cache_write: args.cache_write.unwrap_or(volume.cache_write),
        batch: args.batch.unwrap_or(volume.batch),
        ..volume
    }
}

/// Returns a price's rates for the prompts that are asked about: of `--prompt-tokens`, else of each request
/// of the records, else short ones.
fn billed(price: &Price, flags: Flags<'_>, of: Combination<'_>, data: &Data) -> Billed {
    let uses = of.records.used.as_ref().filter(|_| of.asked.is_recorded);
    let today = Some(data.today);
    match (flags.cloud.prompt_tokens, uses) {
        (None, Some(used)) => Billed::new(&used.uses, price, today),
        (prompt, _) => Billed {
            rates: price.rates(today, prompt),
            batch: of.asked.volume.batch,
            ..Billed::default()
        },
    }
}

/// Returns the terms at these rates.
fn at(terms: &Terms, billed: &Billed, flags: Flags<'_>) -> Terms {
    Terms {
        volume: Volume {
            batch: flags.volume.batch.unwrap_or(billed.batch),
            ..terms.volume
        },
        rates: billed.rates,
        ..terms.clone()
    }
}

fn machine_terms(flags: Flags<'_>, of: Combination<'_>, data: &Data) -> Result<Terms> {
    let args = flags.local;
    let machine = of.machine;
    let price = args
        .machine_price
        .map(Usd)
        .or_else(|| machine?.whole_price());
    let load = args.load_watts.map(Watts).or_else(|| machine?.whole_load());
    let idle = args.idle_watts.map(Watts).or_else(|| machine?.whole_idle());
    let Some(price) = price else {
        bail!("what the machine costs is not known; give --machine-price, or --machine");
    };
    let Some(load) = load else {
        bail!("the machine's power at work is not known; give --load-watts, or --machine");
    };
    let usd_per_kwh = match args.usd_per_kwh {
        Some(usd) => UsdPerKwh(usd),
        None => data.catalogue.region(&args.region)?.usd_per_kwh,
    };
    let team = flags.volume.team;
    Ok(Terms {
        local_cache_hit: args
            .local_cache_hit
            .unwrap_or(shares(of.asked.volume, flags.volume).cache_hit),
        batching: args.batching,
        available_hours: Hours(args.available_hours),
        // Of a team, requests wait for each other.
        duty_cap: args.duty_cap.unwrap_or(if team > 1 { 0.5 } else { 0.9 }),
        machine_price_usd: price,
        load_watts: load,
        idle_watts: idle.unwrap_or_default(),
        idle_share: args.idle_share,
        on_hours: Hours(args.on_hours.unwrap_or_default()),
        usd_per_kwh,
        ..Terms::default()
    })
}

fn money_terms(terms: &Terms, flags: Flags<'_>) -> Terms {
    let money = flags.money;
    let life = money.lifetime_months;
    Terms {
        cloud_fall_per_month: flags.cloud.cloud_fall,
        escalated: flags.cloud.escalated,
        alternative_price_usd: Usd(money.alternative_price),
        setup_hours: Hours(money.setup_hours),
        setup_usd_per_hour: UsdPerHour(money.setup_rate),
        upkeep_usd_per_month: UsdPerMonth(money.upkeep),
        discount_rate: money.discount_rate,
        lifetime_months: Months(life),
        resale_share: money.resale_share.unwrap_or_else(|| resale_share(life)),
        ..terms.clone()
    }
}

/// The fast end of the speeds' bands, and the slow end with falling prices.
fn range(
    terms: &Terms,
    answer: &Answer,
    decode: &Rate,
    prefill: &Rate,
) -> (Option<Months>, Option<Months>, Option<Verdict>) {
    if answer.verdict != Verdict::Pays {
        return (None, None, None);
    }
    let at = |decode_tps, prefill_tps, fall| {
        let terms = Terms {
            decode_tps,
            prefill_tps,
            cloud_fall_per_month: fall,
            ..terms.clone()
        };
        terms.answer().ok()
    };
    let fall = terms.cloud_fall_per_month;
    let end = |rate: &Rate, end: Option<TokensPerSecond>| end.unwrap_or(rate.tps);
    let fast = at(end(decode, decode.high), end(prefill, prefill.high), fall);
    let slow = at(
        end(decode, decode.low),
        end(prefill, prefill.low),
        fall.max(RANGE_FALL),
    );
    (
        fast.and_then(|answer| answer.payback_months),
        slow.as_ref().and_then(|answer| answer.payback_months),
        slow.map(|answer| answer.verdict),
    )
}

/// Answers against the host that asks least for this volume.
fn hosted(
    hosts: &[String],
    terms: &Terms,
    flags: Flags<'_>,
    of: Combination<'_>,
    data: &Data,
) -> Result<Option<HostedAnswer>> {
    let prices = hosts.iter().filter_map(|id| data.catalogue.price(id).ok());
    let priced = prices.map(|price| (price, at(terms, &billed(price, flags, of, data), flags)));
    let bill = |terms: &Terms| terms.rates.bill(&terms.whole_volume()).0;
    let least = priced.min_by(|a, b| bill(&a.1).total_cmp(&bill(&b.1)));
    let Some((price, terms)) = least else {
        return Ok(None);
    };
    Ok(Some(HostedAnswer {
        cloud: price.id.clone(),
        input_usd_per_mtok: terms.rates.input,
        output_usd_per_mtok: terms.rates.output,
        answer: terms.answer()?,
    }))
}

fn seat(terms: &Terms, answer: &Answer) -> Seat {
    let share = 1.0 / terms.team;
    Seat {
        marginal_price_usd: answer.marginal_price_usd * share,
        cloud_usd_per_month: answer.cloud_usd_per_month * share,
        local_usd_per_month: answer.local_usd_per_month.map(|local| local * share),
        saving_usd_per_month: answer.saving_usd_per_month.map(|saving| saving * share),
        queue_risk: answer.duty.min(1.0),
    }
}

fn rows(
    flags: Flags<'_>,
    of: Combination<'_>,
    hosted: Option<&HostedAnswer>,
    data: &Data,
) -> Vec<UsedRow> {
    let mut rows = vec![price_row(of.cloud)];
    let host = hosted.and_then(|hosted| data.catalogue.price(&hosted.cloud).ok());
    rows.extend(host.map(price_row));
    rows.extend(of.machine.map(machine_row));
    if let Some((_, Some(model))) = of.local {
        rows.push(UsedRow {
            row: format!("the model '{}'", model.id),
            as_of: model.as_of.clone(),
            source: model.source.clone(),
        });
    }
    let region = data.catalogue.region(&flags.local.region).ok();
    rows.extend(
        region
            .filter(|_| flags.local.usd_per_kwh.is_none())
            .map(power_row),
    );
    rows
}

//! Paybacks: one in sentences, several a line each.

use std::collections::BTreeSet;

use super::super::format::{rate, short, source, verdict};
use super::table;
use crate::payback::Verdict;
use crate::record::{Body, PaybackRecord, Rate, SpeedSource};

/// Notes below a table.
const MOST: usize = 6;

/// Notes below an answer: those that change most.
const FEW: usize = 4;

/// Returns the answer in a few lines: both verdicts first, then why.
#[must_use]
pub fn payback(body: &Body) -> String {
    let (Body::Payback(record) | Body::Compare(record)) = body else {
        return String::new();
    };
    let answer = &record.answer;
    let mut text = headline(record);
    text.push_str(&format!("{}: {}\n", record.cloud, answer.reason));
    match answer.verdict {
        Verdict::Pays | Verdict::BeyondLifetime => text.push_str(&span(record)),
        Verdict::Never => text.push_str(&premium(record)),
        Verdict::Infeasible => {}
    }
    if let Some(hosted) = &record.hosted {
        text.push_str(&format!("{}: {}\n", hosted.cloud, hosted.answer.reason));
    }
    text.push_str(&facts(record));
    let notes = record.notes.iter();
    text.extend(notes.take(FEW).map(|note| format!("  note: {note}\n")));
    if record.notes.len() > FEW {
        text.push_str(&format!(
            "  {} more notes; --explain has them\n",
            record.notes.len() - FEW
        ));
    }
    text
}

/// The verdict against the cloud and that against the same model hosted, side by side.
fn headline(record: &PaybackRecord) -> String {
    let own = verdict(&record.answer);
    if record.same_model {
        return format!("{own} against the same model hosted ({})\n", record.cloud);
    }
    let hosted = match &record.hosted {
        Some(hosted) => format!(
            "{} against the same model hosted ({})",
            verdict(&hosted.answer),
            hosted.cloud
        ),
        None => "no price of the same model hosted is known".to_owned(),
    };
    format!("{own} against {}; {hosted}\n", record.cloud)
}

/// What privacy costs.
fn premium(record: &PaybackRecord) -> String {
    let premium = record
        .answer
        .local_premium_usd_per_month
        .unwrap_or_default()
        .0;
    let than = if premium < 0.0 { "less" } else { "more" };
    format!(
        "owning costs {:.2} USD a month {than} than the cloud over {:.0} months, with interest and resale\n",
        premium.abs(),
        record.assumptions.lifetime_months.0
    )
}

/// One line a number.
fn facts(record: &PaybackRecord) -> String {
    let answer = &record.answer;
    let mut text = String::new();
    // What was given or measured is what it is, whatever the context.
    let with_context = |rate: &Rate| match rate.source {
        SpeedSource::Predicted => {
            format!(
                "{} with {} tokens of context",
                source(rate),
                short(record.context_tokens)
            )
        }
        _ => source(rate).to_owned(),
    };
    let lines = [
        (
            "cloud",
            format!(
                "{:.2} USD a month, {}",
                answer.cloud_usd_per_month.0, record.cloud
            ),
        ),
        (
            "local",
            answer.local_usd_per_month.map_or_else(
                || "none: the machine cannot do it".to_owned(),
                |local| format!("{:.2} USD a month", local.0),
            ),
        ),
        (
            "busy",
            format!(
                "{:.0} h a month, {:.0} %",
                answer.busy_hours_per_month.0,
                answer.duty * 100.0
            ),
        ),
        (
            "decode",
            format!(
                "{} tokens/s, {}",
                rate(&record.decode),
                with_context(&record.decode)
            ),
        ),
        (
            "prefill",
            format!(
                "{} tokens/s, {}",
                rate(&record.prefill),
                with_context(&record.prefill)
            ),
        ),
    ];
    text.extend(lines.map(|(name, value)| format!("  {name:8} {value}\n")));
    let computers = record.measured_on.iter();
    text.extend(computers.map(|computer| format!("  {:8} {computer}\n", "on")));
    if let Some(seat) = &record.per_seat {
        text.push_str(&format!(
            "  a seat   {:.0} USD once{}; {:.0} % of requests wait\n",
            seat.marginal_price_usd.0,
            seat.saving_usd_per_month
                .map_or_else(String::new, |saving| format!(
                    ", saves {:.2} a month",
                    saving.0
                )),
            seat.queue_risk * 100.0
        ));
    }
    text
}

/// Names the upper end of a range that has no months.
fn slow_end(record: &PaybackRecord) -> &'static str {
    match record.payback_high_verdict {
        Some(Verdict::Infeasible) => "infeasible",
        Some(Verdict::BeyondLifetime) => "beyond its life",
        _ => "never",
    }
}

fn span(record: &PaybackRecord) -> String {
    let discounted = record
        .answer
        .payback_months_discounted
        .map_or(0.0, |months| months.0);
    let low = record
        .payback_months_low
        .map_or_else(|| "?".to_owned(), |months| format!("{:.1}", months.0));
    let high = record.payback_months_high.map_or_else(
        || slow_end(record).to_owned(),
        |months| format!("{:.1}", months.0),
    );
    format!(
        "{discounted:.1} with interest at {:.0} %; from {low} to {high} with the speeds' band and prices \
         that fall by {:.0} % a month\n",
        record.assumptions.discount_rate * 100.0,
        record.range_cloud_fall_per_month * 100.0
    )
}

/// Returns a line for each scenario.
#[must_use]
pub fn compare(bodies: &[Body]) -> String {
    let head = [
        "Mtok",
        "cloud",
        "machine",
        "local",
        "USD cloud",
        "USD local",
        "duty %",
        "payback",
        "crossover Mtok",
        "same model hosted",
    ];
    let rows = bodies.iter().filter_map(|body| match body {
        Body::Compare(record) => Some(record.as_ref()),
        _ => None,
    });
    let row = |record: &PaybackRecord| {
        let answer = &record.answer;
        let name = |name: &Option<String>| name.clone().unwrap_or_default();
        vec![
            short(record.assumptions.whole_volume().total().0),
            record.cloud.clone(),
            name(&record.machine),
            name(&record.local),
            format!("{:.2}", answer.cloud_usd_per_month.0),
            answer
                .local_usd_per_month
                .map_or_else(|| "none".to_owned(), |local| format!("{:.2}", local.0)),
            format!("{:.0}", answer.duty * 100.0),
            verdict(answer),
            answer
                .break_even_mtok_per_month
                .map_or_else(|| "none".to_owned(), |mtok| short(mtok.0)),
            match &record.hosted {
                Some(hosted) => verdict(&hosted.answer),
                None if record.same_model => "is the cloud's".to_owned(),
                None => "no price".to_owned(),
            },
        ]
    };
    let mut text = table(&head, rows.clone().map(row));
    let contexts: BTreeSet<String> = rows
        .clone()
        .filter(|record| record.decode.source == SpeedSource::Predicted)
        .map(|record| short(record.context_tokens))
        .collect();
    text.extend(
        contexts
            .iter()
            .map(|tokens| format!("Predicted speeds are with {tokens} tokens of context.\n")),
    );
    let notes = ranked(&rows);
    text.extend(
        notes
            .iter()
            .take(MOST)
            .map(|note| format!("note: {note}\n")),
    );
    if notes.len() > MOST {
        text.push_str(&format!(
            "{} more notes; --explain has them\n",
            notes.len() - MOST
        ));
    }
    text
}

/// The notes of all rows, each once, those that change most first.
fn ranked<'a>(rows: &(impl Iterator<Item = &'a PaybackRecord> + Clone)) -> Vec<&'a String> {
    let longest = rows.clone().map(|record| record.notes.len()).max();
    let mut seen = BTreeSet::new();
    let of_rank = |rank: usize| {
        rows.clone()
            .filter_map(move |record| record.notes.get(rank))
    };
    let notes = (0..longest.unwrap_or(0)).flat_map(of_rank);
    notes.filter(|note| seen.insert(*note)).collect()
}

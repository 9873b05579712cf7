//! What models need, and which machines run them how fast.

use std::collections::BTreeSet;

use super::super::format::{gib, rate, short};
use super::table;
use crate::record::{Body, FloorRecord, NeedRecord};

/// Rows of a terminal's screen.
const MOST: usize = 20;

/// Returns what models need, and how machines run them.
#[must_use]
pub fn requirements(bodies: &[Body]) -> String {
    let mut text = String::new();
    for body in bodies {
        if let Body::Need(need) = body {
            text.push_str(&needs(need));
        }
    }
    let rows: Vec<&FloorRecord> = bodies
        .iter()
        .filter_map(|body| match body {
            Body::Floor(row) => Some(row.as_ref()),
            _ => None,
        })
        .collect();
    let head = [
        "model",
        "machine",
        "need GiB",
        "of GiB",
        "decode t/s",
        "prefill t/s",
        "measured",
        "USD",
        "W",
    ];
    if let Some(first) = rows.first() {
        text.push_str(&format!("With {} tokens of context:\n", first.context));
        text.push_str(&table(
            &head,
            rows.iter().take(MOST).map(|row| floor_line(row)),
        ));
        if rows.iter().take(MOST).any(|row| has_band(row)) {
            text.push_str("In brackets: four of five held-out measurements lay there.\n");
        }
        let notes: BTreeSet<&String> = rows.iter().take(MOST).flat_map(|row| &row.notes).collect();
        text.extend(notes.iter().map(|note| format!("note: {note}\n")));
        if rows.iter().take(MOST).any(|row| row.price_assumed) {
            text.push_str("A price with ~ is an assumption.\n");
        }
    }
    if rows.len() > MOST {
        text.push_str(&format!(
            "{} more; --format jsonl lists them\n",
            rows.len() - MOST
        ));
    }
    text
}

fn has_band(row: &FloorRecord) -> bool {
    let rates = [row.decode, row.prefill];
    rates.iter().flatten().any(|rate| rate.low.is_some())
}

fn needs(need: &NeedRecord) -> String {
    let head = [
        "quant",
        "weights GiB",
        "need GiB",
        "cheapest machine",
        "USD",
    ];
    let rows = need.quants.iter().map(|quant| {
        vec![
            quant.quant.clone(),
            gib(quant.weights_bytes),
            gib(quant.need_bytes),
            quant
                .cheapest_machine
                .clone()
                .unwrap_or_else(|| "none".to_owned()),
            quant
                .price_usd
                .map_or_else(String::new, |price| format!("{:.0}", price.0)),
        ]
    });
    format!(
        "{}: {} B weights, {} B active; {} tokens of context take {} GiB ({})\n{}",
        need.model,
        short(need.params_b),
        short(need.active_b),
        need.context,
        gib(need.cache_bytes),
        need.cache_type,
        table(&head, rows)
    )
}

fn floor_line(row: &FloorRecord) -> Vec<String> {
    let decode = match (&row.decode, row.offload_slowdown) {
        (Some(decode), Some(slowdown)) => {
            let share = row.offloaded_share.unwrap_or_default() * 100.0;
            format!(
                "{} ({share:.0} % offloaded, {slowdown:.1} times slower)",
                short(decode.tps.0)
            )
        }
        (Some(decode), None) => rate(decode),
        (None, _) if row.fits => "unknown".to_owned(),
        (None, _) => "does not fit".to_owned(),
    };
    let measured = row
        .observed
        .as_ref()
        .and_then(|observed| observed.decode_tps);
    let about = if row.price_assumed { "~" } else { "" };
    vec![
        format!("{}:{}", row.model, row.quant),
        row.machine.clone(),
        gib(row.need_bytes),
        gib(row.usable_bytes),
        decode,
        row.prefill.as_ref().map_or_else(String::new, rate),
        measured.map_or_else(String::new, |rate| short(rate.0)),
        row.price_usd
            .map_or_else(String::new, |price| format!("{:.0}{about}", price.0)),
        row.load_watts
            .map_or_else(String::new, |watts| short(watts.0)),
    ]
}

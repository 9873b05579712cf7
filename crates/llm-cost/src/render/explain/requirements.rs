//! What a model needs and how fast it would be, as sums and quotients.

use super::super::format::short;
use crate::catalogue::{Catalogue, Family, Machine};
use crate::memory::{CacheType, OVERHEAD, Shape};
use crate::predict::Arithmetic;
use crate::record::{Body, FloorRecord};
use crate::requirements::Requirements;
use crate::units::{Bytes, Gib};

/// Returns the lines of an answer for these models: of each what it needs, of each machine how fast.
#[must_use]
pub fn requirements(bodies: &[Body], shapes: &[Shape], question: &Requirements<'_>) -> String {
    let (tokens, kind) = (question.context_tokens, question.cache_type);
    let rows = bodies.iter().filter_map(|body| match body {
        Body::Floor(row) => Some(row.as_ref()),
        _ => None,
    });
    let rows: Vec<&FloorRecord> = rows.collect();
    let is_asked = bodies.iter().any(|body| matches!(body, Body::Need(_)));
    let mut lines = Vec::new();
    for shape in shapes {
        let is_its = |row: &&&FloorRecord| row.model == shape.model && row.quant == shape.quant;
        let its: Vec<&&FloorRecord> = rows.iter().filter(is_its).collect();
        // Of all that a machine might run, only what it does run.
        if its.is_empty() && !is_asked {
            continue;
        }
        lines.extend(need(shape, tokens, kind));
        for row in its {
            lines.extend(machine(row, shape, question.catalogue, kind));
        }
        lines.push(String::new());
    }
    lines.join("\n")
}

fn gib(bytes: Bytes) -> f64 {
    Gib::from(bytes).0
}

/// What has to fit.
fn need(shape: &Shape, tokens: f64, kind: CacheType) -> Vec<String> {
    let parts = shape.cache.iter().map(|part| {
        let window = part.window.map(|window| window as f64);
        let kept = window.map_or(tokens, |window| tokens.min(window));
        format!("{} x {} x {kept}", part.layers, part.elements)
    });
    let parts: Vec<String> = parts.collect();
    let state = match shape.state.0 {
        0.0 => String::new(),
        bytes => format!(" + {bytes} of states"),
    };
    vec![
        format!("model     {}:{}", shape.model, shape.quant),
        "cache     = sum of layers x numbers a token x tokens kept, x bytes of a number".to_owned(),
        format!(
            "          = ({}) x {}{state} = {:.0} bytes",
            if parts.is_empty() {
                "0".to_owned()
            } else {
                parts.join(" + ")
            },
            kind.bytes(),
            shape.cache(tokens, kind).0
        ),
        "need      = weights + cache + overhead".to_owned(),
        format!(
            "          = {:.2} + {:.2} + {:.2} = {:.2} GiB",
            gib(shape.weights),
            gib(shape.cache(tokens, kind)),
            OVERHEAD.0,
            gib(shape.need(tokens, kind))
        ),
    ]
}

/// How fast one machine runs it.
fn machine(
    row: &FloorRecord,
    shape: &Shape,
    catalogue: &Catalogue,
    kind: CacheType,
) -> Vec<String> {
    let (need, room) = (gib(row.need_bytes), gib(row.usable_bytes));
    let sign = if row.fits { "<=" } else { ">" };
    let mut lines = vec![format!("{}: {need:.2} {sign} {room:.2} GiB", row.machine)];
    let machine = catalogue.machine(&row.machine).ok();
    let family = machine.map_or("cpu", |machine| machine.family.as_str());
    if let Some(family) = catalogue.family(family) {
        lines.extend(decode(row, shape, family, kind));
        lines.extend(match row.arithmetic {
            Some(arithmetic) => by_limits(row, shape, arithmetic),
            None => {
                let formula = machine.and_then(|machine| effective(machine, family));
                formula.and_then(|formula| prefill(row, shape, family, &formula))
            }
        });
    }
    lines.extend(row.notes.iter().map(|note| format!("  note      {note}")));
    lines
}

fn decode(row: &FloorRecord, shape: &Shape, family: &Family, kind: CacheType) -> Option<String> {
    let rate = row.decode?;
    if let (Some(share), Some(slowdown)) = (row.offloaded_share, row.offload_slowdown) {
        return Some(format!(
            "  decode    {:.0} % of the weights beside the card make it {slowdown:.2} times slower: {} \
             tokens/s",
            share * 100.0,
            short(rate.tps.0)
        ));
    }
    let moe = if shape.is_moe {
        format!(" x {}", family.moe)
    } else {
        String::new()
    };
    let band = row.decode_error.map_or_else(String::new, |error| {
        format!(
            "; {} to {} times that in four of five of {} held-out rows of {} sources",
            error.low, error.high, error.rows, error.sources
        )
    });
    Some(format!(
        "  decode    1 / (bytes / (bandwidth x eta) + tau x layers) = 1 / ({:.3}e9 / ({:.2}e9 x {}{moe}) + \
         {}e-6 x {}) = {:.2} tokens/s{band}",
        shape.bytes_per_token(row.context, kind).0 / 1e9,
        row.bandwidth_gbs.0,
        family.eta,
        family.tau_us,
        shape.layers,
        rate.tps.0
    ))
}

/// The arithmetic of prompts, in 10^12 operations a second, as a formula.
fn effective(machine: &Machine, family: &Family) -> Option<String> {
    if let Some(measured) = machine.prefill_tflops {
        return Some(format!("{} measured", measured.0));
    }
    if let (Some(listed), Some(share)) = (machine.tflops, family.prefill_per_tflops) {
        return Some(format!("{} listed x {share}", listed.0));
    }
    let per_byte = family.prefill_per_byte?;
    let read = machine.bandwidth_gbs.0 / 1e3;
    Some(format!("{read} TB/s x {per_byte}"))
}

fn prefill(row: &FloorRecord, shape: &Shape, family: &Family, formula: &str) -> Option<String> {
    let rate = row.prefill?;
    let moe = if shape.is_moe {
        format!(" x {}", family.prefill_moe)
    } else {
        String::new()
    };
    let band = row.prefill_error.map_or_else(String::new, |error| {
        format!(
            "; {} to {} times that in four of five of {} held-out rows of {} sources",
            error.low, error.high, error.rows, error.sources
        )
    });
    Some(format!(
        "  prefill   T / (2 x active weights) = ({formula}{moe})e12 / (2 x {}e9) = {:.1} tokens/s{band}",
        shape.active_b, rate.tps.0
    ))
}

/// Prefill by the arithmetic that was measured here.
fn by_limits(row: &FloorRecord, shape: &Shape, arithmetic: Arithmetic) -> Option<String> {
    let rate = row.prefill?;
    let (name, most) = if shape.is_float() {
        ("float", arithmetic.float_macs_per_second)
    } else {
        ("integer", arithmetic.integer_macs_per_second)
    };
    Some(format!(
        "  prefill   multiply-adds ({name}, measured) x share that prompts reach / active weights = \
         {:.2}e9 x {} / {:.4}e9 = {:.1} tokens/s",
        most.0 / 1e9,
        Arithmetic::REACHED,
        shape.active_b,
        rate.tps.0
    ))
}

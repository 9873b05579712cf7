//! Rows of a user's own → what is wrong with them, in a sentence that names the row and the field.

use super::{Catalogue, Electricity, Machine};

/// Returns what is wrong with a machine.
pub(super) fn machine(machine: &Machine) -> Option<String> {
    let sizes = [
        ("memory_gib", machine.memory_gib.0),
        ("usable_gib", machine.usable_gib.0),
        ("bandwidth_gbs", machine.bandwidth_gbs.0),
    ];
    let host = machine.host;
    let rest = [
        ("tflops", machine.tflops.map(|it| it.0)),
        ("prefill_tflops", machine.prefill_tflops.map(|it| it.0)),
        ("price", machine.price.map(|it| it.0)),
        ("load_w", machine.load_w.map(|it| it.0)),
        ("idle_w", machine.idle_w.map(|it| it.0)),
        ("host.price", host.map(|it| it.price.0)),
        ("host.load_w", host.map(|it| it.load_w.0)),
        ("host.idle_w", host.map(|it| it.idle_w.0)),
    ];
    if let Some((field, size)) = sizes.into_iter().find(|(_, size)| *size <= 0.0) {
        return Some(format!(
            "'{}' has {field} {size}; it must be more than zero",
            machine.id
        ));
    }
    let below = rest
        .into_iter()
        .find_map(|(field, number)| Some((field, number.filter(|number| *number < 0.0)?)));
    if let Some((field, number)) = below {
        return Some(format!(
            "'{}' has {field} {number}; it must be zero or more",
            machine.id
        ));
    }
    let families = &Catalogue::builtin().families;
    if families
        .iter()
        .any(|family| family.family == machine.family)
    {
        return None;
    }
    let known: Vec<&str> = families.iter().map(|it| it.family.as_str()).collect();
    Some(format!(
        "'{}' has the family '{}', which the predictor does not know; it knows {}",
        machine.id,
        machine.family,
        known.join(", ")
    ))
}

/// Returns what is wrong with a price of power.
pub(super) fn region(region: &Electricity) -> Option<String> {
    (region.usd_per_kwh.0 < 0.0).then(|| {
        format!(
            "'{}' has usd_per_kwh {}; it must be zero or more",
            region.region, region.usd_per_kwh.0
        )
    })
}

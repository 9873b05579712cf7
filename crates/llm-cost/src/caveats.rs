//! What a reader of a payback should know beside its numbers: what it might be taken for, what was
//! assumed, what is missing.

use jiff::civil::Date;

use crate::bill::Volume;
use crate::catalogue::{Machine, Price, Profile};
use crate::counted::counted;
use crate::inputs::Inputs;
use crate::memory::CacheType;
use crate::scenario::{LocalModel, Scenario};
use crate::terms::Terms;
use crate::units::{Gib, UsdPerMtok};
use crate::usage::BlendedRates;

/// Says what a price's row has beside its numbers.
pub(crate) fn price(price: &Price) -> Vec<String> {
    let id = &price.id;
    let derived = format!("the price of '{id}' was derived, not read");
    let next = price.next.as_ref().map(|next| {
        format!(
            "from {} on, '{id}' charges {} for input and {} for output",
            next.from, next.input.0, next.output.0
        )
    });
    let note = price.note.as_ref().map(|note| format!("'{id}': {note}"));
    let derived = price.derived.then_some(derived);
    derived.into_iter().chain(next).chain(note).collect()
}

/// Says how prompts are billed where long ones have another price.
pub(crate) fn prompt_lengths(
    inputs: &Inputs,
    scenario: Scenario<'_>,
    blended: &BlendedRates,
) -> Vec<String> {
    let (Some(above), None) = (scenario.cloud.long_prompt.above(), inputs.prompt_tokens) else {
        return Vec::new();
    };
    let id = &scenario.cloud.id;
    if !scenario.volume.is_recorded {
        return vec![format!(
            "'{id}' has another price for prompts above {above} tokens; these are taken to be shorter; \
             --prompt-tokens sets another length"
        )];
    }
    let mut caveats = Vec::new();
    if blended.long > 0 {
        caveats.push(format!(
            "of the records' requests {} above {above} tokens, billed at what '{id}' charges for those; the \
             rates are the mean of both prices",
            counted(blended.long, "has a prompt", "have prompts")
        ));
    }
    if blended.unknown > 0 {
        caveats.push(format!(
            "{} of requests without the lengths of their prompts, billed as prompts of up to {above} \
             tokens; --prompt-tokens sets another length",
            counted(blended.unknown, "record is a sum", "records are sums")
        ));
    }
    caveats
}

/// Says why there is no answer against the same model hosted.
pub(crate) fn unhosted(scenario: Scenario<'_>) -> String {
    match scenario.local {
        Some(local) => format!(
            "no price of '{}' at a host is known, so there is no answer against the same model hosted",
            local.shape.model
        ),
        None => "no --local names the model on the machine, so there is no answer against the same model \
                 hosted"
            .to_owned(),
    }
}

/// Says how batches are billed: those of the records, and those that `given` says there are.
pub(crate) fn batched(volume: &Volume, cloud: &Price, given: bool) -> Option<String> {
    let share = volume.batch * 100.0;
    let whose = if given { "the" } else { "the records'" };
    if volume.batch <= 0.0 {
        return None;
    }
    if !cloud.has_batch_discount() {
        return Some(format!(
            "{share:.0} % of {whose} bill is for batches, and no discount of '{}' for them is known, so they \
             cost as much as other requests",
            cloud.id
        ));
    }
    let discount = cloud.batch_discount.unwrap_or(0.0);
    let output = cloud.batch_discount_output.unwrap_or(discount);
    let of_output = if (output - discount).abs() > 1e-9 {
        format!(" ({:.0} % of output)", output * 100.0)
    } else {
        String::new()
    };
    (!given).then(|| {
        format!(
            "{share:.0} % of the records' bill is for batches, at the discount of {:.0} %{of_output} that \
             '{}' gives; --batch 0 removes it",
            discount * 100.0,
            cloud.id
        )
    })
}

/// Says which prices were derived by proportion, since a row does not hold them.
pub(crate) fn proportions(price: &Price, on: Date, is_long: bool) -> Option<String> {
    let is_next = price.next.as_ref().filter(|next| next.holds(Some(on)));
    let tiers = price.long_prompt.tiers();
    let tiers = if is_long { tiers } else { &[] };
    let lacks =
        |own: Option<UsdPerMtok>, before: Option<UsdPerMtok>| own.is_none() && before.is_some();
    let cached = tiers
        .iter()
        .any(|tier| lacks(tier.cache_read, price.cache_read));
    let next_cached = is_next.is_some_and(|next| lacks(next.cache_read, price.cache_read));
    let long = is_next.is_some() && !tiers.is_empty();
    let part = match (long, cached || next_cached) {
        (true, _) => "long prompts under the announced price",
        (false, true) => "cached input under another price of input",
        (false, false) => return None,
    };
    Some(format!(
        "what '{}' charges for {part} is not known; it is taken to change as the price of input does",
        price.id
    ))
}

/// Says that the machine does not hold the model, whose speeds somebody else knows.
pub(crate) fn too_large(scenario: Scenario<'_>, context: f64) -> Option<String> {
    let (machine, local) = (scenario.machine?, scenario.local?);
    let need = Gib::from(local.shape.need(context, CacheType::F16));
    (need > machine.usable_gib).then(|| {
        format!(
            "'{}' needs {:.1} GiB and '{}' has {:.1} for it, so the speeds must be those of a part that \
             lies elsewhere",
            local.name(),
            need.0,
            machine.id,
            machine.usable_gib.0
        )
    })
}

/// Says what a reader might take the answer for.
pub(crate) fn misreadings(scenario: Scenario<'_>, terms: &Terms, same_model: bool) -> Vec<String> {
    let mut caveats = Vec::new();
    if !same_model {
        let local = scenario.local.map(LocalModel::name);
        caveats.push(format!(
            "{} is not '{}': the months compare bills, not answers",
            local.as_deref().unwrap_or("the local model"),
            scenario.cloud.id
        ));
    }
    let machine = scenario.machine;
    let is_priced = |machine: &&Machine| machine.whole_price() == Some(terms.machine_price_usd);
    if machine
        .filter(is_priced)
        .is_some_and(|machine| machine.price_assumed)
    {
        caveats.push("the machine's price is an assumption; --machine-price sets yours".to_owned());
    }
    if terms.local_cache_hit > 0.0 {
        caveats.push(format!(
            "the machine is taken to keep {:.0} % of the input in a prefix cache of its own",
            terms.local_cache_hit * 100.0
        ));
    }
    let is_loaded = |machine: &&Machine| machine.whole_load() == Some(terms.load_watts);
    let noted = machine
        .filter(is_loaded)
        .filter(|machine| !machine.watts_note.is_empty());
    caveats.extend(noted.map(|machine| format!("the machine's watts: {}", machine.watts_note)));
    caveats
}

/// Says what kind of user a volume is of, and where that comes from.
pub(crate) fn profile(profile: Option<&Profile>) -> Option<String> {
    let Profile {
        id, note, source, ..
    } = profile?;
    Some(format!(
        "the volume is the profile '{id}': {note} ({source})"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{Catalogue, LongPrompt, LongPrompts};
    use crate::scenario::{MonthlyVolume, SpeedLogs};

    fn told(volume: &MonthlyVolume, inputs: &Inputs, blended: &BlendedRates) -> Vec<String> {
        let cloud = Price {
            id: "a/x".to_owned(),
            long_prompt: LongPrompts::new(vec![LongPrompt {
                above_tokens: 200,
                ..LongPrompt::default()
            }]),
            ..Price::default()
        };
        let scenario = Scenario {
            volume,
            cloud: &cloud,
            machine: None,
            local: None,
            logs: &SpeedLogs::default(),
        };
        prompt_lengths(inputs, scenario, blended)
    }

    #[test]
    fn the_length_of_prompts_is_told_where_it_changes_the_price() {
        let given = MonthlyVolume::new("given", Volume::default());
        let blended = BlendedRates {
            long: 3,
            unknown: 2,
            ..BlendedRates::default()
        };
        let inputs = Inputs::default();
        assert!(told(&given, &inputs, &blended)[0].contains("taken to be shorter"));
        let recorded = MonthlyVolume {
            is_recorded: true,
            ..given.clone()
        };
        let caveats = told(&recorded, &inputs, &blended);
        assert!(
            caveats[0].starts_with("of the records' requests 3 have prompts above"),
            "{caveats:?}"
        );
        assert!(
            caveats[1].starts_with("2 records are sums of requests"),
            "{caveats:?}"
        );
        let said = Inputs {
            prompt_tokens: Some(100.0),
            ..inputs
        };
        assert!(told(&recorded, &said, &blended).is_empty());
    }

    #[test]
    fn a_row_tells_what_is_announced_and_what_was_derived() {
        let price_row = Price {
            derived: true,
            note: Some("a note".to_owned()),
            ..Price::default()
        };
        assert_eq!(price(&price_row).len(), 2);
        let row = Catalogue::builtin()
            .prices
            .iter()
            .find(|row| row.next.is_some());
        assert!(price(row.unwrap())[0].starts_with("from 20"));
    }
}

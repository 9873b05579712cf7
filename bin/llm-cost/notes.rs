//! What a reader of a payback should know beside its numbers: what it might be taken for, what was
//! assumed, what is missing.

use llm_cost::catalogue::{Machine, Price};
use llm_cost::used::Billed;
use llm_cost::{Answer, CacheType, Gib, Terms, Volume};

use crate::terms::{Combination, Flags};

/// Says what a price's row has beside its numbers.
pub(crate) fn of_price(price: &Price) -> Vec<String> {
    let id = &price.id;
    let derived = format!("the price of '{id}' is derived and was not read");
    let next = price.next.as_ref().map(|next| {
        format!(
            "from {} on '{id}' asks {} in and {} out",
            next.from, next.input.0, next.output.0
        )
    });
    let note = price.note.as_ref().map(|note| format!("'{id}': {note}"));
    let derived = price.derived.then_some(derived);
    derived.into_iter().chain(next).chain(note).collect()
}

/// Says how prompts are billed where long ones have another price.
pub(crate) fn of_lengths(flags: Flags<'_>, of: Combination<'_>, billed: &Billed) -> Vec<String> {
    let (Some(long), None) = (&of.cloud.long_prompt, flags.cloud.prompt_tokens) else {
        return Vec::new();
    };
    let (id, above) = (&of.cloud.id, long.above_tokens);
    if !of.asked.is_recorded {
        return vec![format!(
            "'{id}' has another price for prompts above {above} tokens; these are taken to be shorter, \
             --prompt-tokens says otherwise"
        )];
    }
    let mut notes = Vec::new();
    if billed.long > 0 {
        notes.push(format!(
            "{} of the records' requests have prompts above {above} tokens and are billed at what '{id}' \
             asks for those; the rates are the mean of both prices",
            billed.long
        ));
    }
    if billed.unknown > 0 {
        notes.push(format!(
            "{} of the records are sums of requests and do not say how long prompts were; they are billed \
             as prompts of up to {above} tokens, --prompt-tokens says otherwise",
            billed.unknown
        ));
    }
    notes
}

/// Says why there is no answer against the same model hosted.
pub(crate) fn unhosted(of: Combination<'_>) -> String {
    match of.local {
        Some((shape, _)) => format!(
            "no price of '{}' at a host is known, so there is no answer against the same model hosted",
            shape.model
        ),
        None => "no --local names the model on the machine, so there is no answer against the same model \
                 hosted"
            .to_owned(),
    }
}

/// Says how batches of the records are billed.
pub(crate) fn batched(volume: &Volume, cloud: &Price) -> String {
    let share = volume.batch * 100.0;
    match cloud.batch_discount {
        Some(discount) => format!(
            "{share:.0} % of the records' bill is for batches, with the discount of {:.0} % that '{}' \
             gives; --batch 0 takes it away",
            discount * 100.0,
            cloud.id
        ),
        None => format!(
            "{share:.0} % of the records' bill is for batches, and no discount of '{}' for them is known",
            cloud.id
        ),
    }
}

/// Says that the machine does not hold the model, whose speeds somebody else knows.
fn too_large(of: Combination<'_>, machine: &Machine, context: f64) -> Option<String> {
    let (shape, _) = of.local?;
    let need = Gib::from(shape.need(context, CacheType::F16));
    (need > machine.usable_gib).then(|| {
        format!(
            "'{}:{}' needs {:.1} GiB and '{}' has {:.1} for it, so the speeds must be those of a part \
             that lies elsewhere",
            shape.model, shape.quant, need.0, machine.id, machine.usable_gib.0
        )
    })
}

/// Says what a reader might take the answer for.
pub(crate) fn caution(
    of: Combination<'_>,
    context: f64,
    answer: &Answer,
    terms: &Terms,
    same_model: bool,
    local: Option<&str>,
) -> Vec<String> {
    let mut notes = Vec::new();
    if !same_model {
        let local = local.unwrap_or("the local model");
        notes.push(format!(
            "{local} is not '{}': the months compare bills, not answers",
            of.cloud.id
        ));
    }
    if of
        .machine
        .is_some_and(|it| it.price_assumed && it.whole_price() == Some(terms.machine_price_usd))
    {
        notes.push("the machine's price is an assumption; --machine-price takes yours".to_owned());
    }
    let of_row = of
        .machine
        .filter(|it| it.whole_load() == Some(terms.load_watts));
    if let Some(machine) = of_row.filter(|it| !it.watts_note.is_empty()) {
        notes.push(format!("the machine's watts: {}", machine.watts_note));
    }
    notes.extend(
        of.machine
            .and_then(|machine| too_large(of, machine, context)),
    );
    if terms.local_cache_hit > 0.0 {
        notes.push(format!(
            "the machine is taken to keep {:.0} % of the input in a prefix cache of its own",
            terms.local_cache_hit * 100.0
        ));
    }
    let longer = answer
        .payback_months
        .filter(|months| *months > terms.lifetime_months);
    if let Some(months) = longer {
        notes.push(format!(
            "{:.1} months are more than the {:.0} that the machine is kept",
            months.0, terms.lifetime_months.0
        ));
    }
    notes
}

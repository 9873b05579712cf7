//! Formulas with the numbers in them, for a reader with a pocket calculator: here those of a verdict.

mod bill;
mod requirements;
mod usage;

use super::format::{rate, source, verdict};
use crate::cash::monthly;
use crate::payback::Verdict;
use crate::record::PaybackRecord;
use crate::units::{Months, Mtok};

pub use requirements::requirements;
pub use usage::usage;

/// Returns the lines, each a formula of the payback model.
#[must_use]
pub fn payback(record: &PaybackRecord) -> String {
    let answer = &record.answer;
    let mut lines = cloud(record);
    lines.push(format!(
        "speeds  decode {} tokens/s, {}; prefill {} tokens/s, {}; predictions are with {} tokens of context",
        rate(&record.decode),
        source(&record.decode),
        rate(&record.prefill),
        source(&record.prefill),
        record.context_tokens
    ));
    lines.extend(costs(record));
    lines.extend(months(record));
    lines.extend(crossover(record));
    lines.push(format!("verdict   {}: {}", verdict(answer), answer.reason));
    if let Some(hosted) = &record.hosted {
        lines.push(format!(
            "hosted    {} against '{}' ({} in, {} out): {}",
            verdict(&hosted.answer),
            hosted.cloud,
            hosted.input_usd_per_mtok.0,
            hosted.output_usd_per_mtok.0,
            hosted.answer.reason
        ));
    }
    lines.extend(
        record
            .rows
            .iter()
            .map(|row| format!("source    {}, {}: {}", row.row, row.as_of, row.source)),
    );
    lines.extend(record.notes.iter().map(|note| format!("note      {note}")));
    lines.push(String::new());
    lines.join("\n")
}

/// The cloud's bill.
fn cloud(record: &PaybackRecord) -> Vec<String> {
    let terms = &record.assumptions;
    let answer = &record.answer;
    let volume = terms.whole_volume();
    let tokens = |mtok: f64| format!("{mtok:.4}");
    let [letters, numbers] = bill::bill(&volume, &terms.rates, tokens, |share| share.to_string());
    vec![
        format!("cloud   C = {letters}"),
        format!("          = {numbers}"),
        format!(
            "          = {:.2} USD a month ('{}')",
            answer.cloud_usd_per_month.0, record.cloud
        ),
    ]
}

/// What is paid here, and what is saved.
fn costs(record: &PaybackRecord) -> Vec<String> {
    let terms = &record.assumptions;
    let answer = &record.answer;
    let volume = terms.whole_volume();
    let (input, output) = (volume.input.0, volume.output.0);
    let (busy, price) = (answer.busy_hours_per_month.0, answer.marginal_price_usd.0);
    let saving = terms.flow(&volume).saving().0;
    vec![
        "busy    T = [I (1-hL) / prefill + O / decode] / batching".to_owned(),
        format!(
            "          = [{input:.4} x 10^6 (1 - {}) / {:.2} + {output:.4} x 10^6 / {:.2}] / {} s",
            terms.local_cache_hit, terms.prefill_tps.0, terms.decode_tps.0, terms.batching
        ),
        format!(
            "          = {busy:.1} h a month, {:.1} % of {:.0} h (at most {:.0} %)",
            answer.duty * 100.0,
            terms.available_hours.0,
            terms.duty_cap * 100.0
        ),
        "power   E = e [T load + max(on - T, 0) idle a]".to_owned(),
        format!(
            "          = {} [{busy:.1} x {} + {:.1} x {} x {}] / 1000",
            terms.usd_per_kwh.0,
            terms.load_watts.0,
            (terms.on_hours.0 - busy).max(0.0),
            terms.idle_watts.0,
            terms.idle_share
        ),
        format!(
            "          = {:.2} USD a month ({:.2} kWh)",
            answer.power_usd_per_month.0, answer.kwh_per_month.0
        ),
        format!(
            "price   K = {:.2} - {:.2} + {} h x {} = {price:.2} USD",
            terms.machine_price_usd.0,
            terms.alternative_price_usd.0,
            terms.setup_hours.0,
            terms.setup_usd_per_hour.0
        ),
        format!(
            "saving  s = (1-q) C - E - M = (1 - {}) {:.2} - {:.2} - {:.2} = {saving:.2} USD a month",
            terms.escalated,
            answer.cloud_usd_per_month.0,
            answer.power_usd_per_month.0,
            terms.upkeep_usd_per_month.0
        ),
    ]
}

/// The volume at which both cost the same.
fn crossover(record: &PaybackRecord) -> Vec<String> {
    let terms = &record.assumptions;
    let found = match terms.crossover() {
        Ok(found) => found,
        Err(reason) => return vec![format!("crossover none: {reason}")],
    };
    let (price, resale) = (terms.marginal_price().0, terms.resale().0);
    let (life, upkeep) = (terms.lifetime_months.0, terms.upkeep_usd_per_month.0);
    let idle = found.fixed.0 - (price - resale) / life - upkeep;
    vec![
        "crossover N = F / (c - p), F = (K - R) / L + M + idle power".to_owned(),
        format!(
            "          F = ({price:.2} - {resale:.2}) / {life} + {upkeep:.2} + {idle:.2} = {:.2} USD a month",
            found.fixed.0
        ),
        format!(
            "          N = {:.4} / ({:.4} - {:.4}) = {:.2} Mtok a month",
            found.fixed.0, found.cloud.0, found.power.0, found.volume.0
        ),
        "          (c: a million tokens in the cloud, without those that go there all the same; p: their \
         power here beyond the idle)"
            .to_owned(),
    ]
}

/// The lines on time, as far as they have a meaning.
fn months(record: &PaybackRecord) -> Vec<String> {
    let terms = &record.assumptions;
    let answer = &record.answer;
    let rate = monthly(terms.discount_rate);
    let price = answer.marginal_price_usd.0;
    let saving = answer.saving_usd_per_month.map_or(0.0, |saving| saving.0);
    let mut lines = Vec::new();
    if answer.verdict == Verdict::Infeasible {
        let mtok = |most: Option<Mtok>| most.map_or(0.0, |most| most.0);
        let time = |months: Option<Months>| {
            months.map_or_else(
                || "never".to_owned(),
                |months| format!("{:.1} months", months.0),
            )
        };
        lines.push(format!(
            "most      {:.2} Mtok a month, always busy; fastest possible payback {}",
            mtok(answer.max_mtok_per_month),
            time(answer.fastest_possible_months)
        ));
        lines.push(format!(
            "          {:.2} Mtok a month, busy {:.0} %; payback {}",
            mtok(answer.capped_mtok_per_month),
            terms.duty_cap * 100.0,
            time(answer.capped_months)
        ));
        return lines;
    }
    if terms.cloud_fall_per_month > 0.0 {
        let found = |months: Option<Months>| {
            months.map_or_else(|| "none".to_owned(), |months| format!("{:.1}", months.0))
        };
        lines.push(format!(
            "months  n = first with the sum over t < n of (1-q) C (1 - {})^t - E - M above K = {price:.2}: \
             {}; with interest m = {rate:.6} a month: {}",
            terms.cloud_fall_per_month,
            found(answer.payback_months),
            found(answer.payback_months_discounted)
        ));
        return lines;
    }
    if saving > 0.0 {
        lines.push(format!(
            "simple  n = K / s = {price:.2} / {saving:.2} = {:.1} months",
            price / saving
        ));
        let left = 1.0 - price * rate / saving;
        let end = if left > 0.0 {
            format!("{:.1} months", -left.ln() / rate.ln_1p())
        } else {
            format!("none: K m = {:.2} is no less than s", price * rate)
        };
        lines.push(format!(
            "interest  n = -ln(1 - K m / s) / ln(1 + m), m = {}^(1/12) - 1 = {rate:.6}: {end}",
            1.0 + terms.discount_rate
        ));
    }
    lines
}

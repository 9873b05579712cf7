//! Answers for people: tables, and sentences where a table would say less.

use comfy_table::{CellAlignment, Table, presets};
use llm_cost::record::{
    Body, FloorRecord, NeedRecord, PaybackRecord, Rate, SpeedSource, UsageRecord,
};
use llm_cost::{Answer, Bytes, Gib, Months, Usd, Verdict};

/// Rows of a terminal's screen.
const MOST: usize = 20;

/// Returns a table, numbers at the right.
pub(crate) fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_header(head);
    let rows: Vec<Vec<String>> = rows.collect();
    let is_number = |cell: &String| {
        cell.is_empty() || cell.starts_with(|c: char| c.is_ascii_digit() || c == '-')
    };
    for (index, column) in table.column_iter_mut().enumerate() {
        let cells = rows.iter().filter_map(|row| row.get(index));
        if cells.clone().all(is_number) && cells.clone().any(|cell| !cell.is_empty()) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.add_rows(rows);
    format!("{table}\n")
}

/// Writes a number with as many digits as say something.
pub(crate) fn short(number: f64) -> String {
    match number.abs() {
        0.0 => "0".to_owned(),
        size if size >= 1e6 => format!("{:.1}M", number / 1e6),
        size if size >= 100.0 => format!("{number:.0}"),
        size if size >= 10.0 => format!("{number:.1}").trim_end_matches(".0").to_owned(),
        size => {
            let digits = if size >= 1.0 { 2 } else { 3 };
            let text = format!("{number:.digits$}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    }
}

fn usd(sum: Usd) -> String {
    if sum.0 != 0.0 && sum.0.abs() < 0.1 {
        format!("{:.4}", sum.0)
    } else {
        format!("{:.2}", sum.0)
    }
}

fn gib(bytes: Bytes) -> String {
    format!("{:.1}", Gib::from(bytes).0)
}

fn rate(rate: &Rate) -> String {
    let number = short(rate.tps.0);
    match (rate.low, rate.high) {
        (Some(low), Some(high)) => format!("{number} ({}-{})", short(low.0), short(high.0)),
        _ => number,
    }
}

/// Names a verdict with its number.
pub(crate) fn verdict(answer: &Answer) -> String {
    match (answer.verdict, answer.payback_months) {
        (Verdict::Pays, Some(Months(months))) => format!("{months:.1} months"),
        (Verdict::Pays | Verdict::Never, _) => "never".to_owned(),
        (Verdict::Infeasible, _) => "infeasible".to_owned(),
    }
}

/// The answer in a few lines.
pub(crate) fn payback(body: &Body) -> String {
    let (Body::Payback(record) | Body::Compare(record)) = body else {
        return String::new();
    };
    let answer = &record.answer;
    let mut text = format!("{}: {}\n", verdict(answer), answer.reason);
    match answer.verdict {
        Verdict::Pays => text.push_str(&span(record)),
        Verdict::Never => text.push_str(&format!(
            "owning costs {:.2} USD a month more than the cloud over {:.0} months\n",
            answer.local_premium_usd_per_month.unwrap_or_default().0,
            record.assumptions.lifetime_months.0
        )),
        Verdict::Infeasible => {}
    }
    if let Some(hosted) = &record.hosted {
        text.push_str(&format!(
            "against the same model hosted ('{}'), {}: {}\n",
            hosted.cloud,
            verdict(&hosted.answer),
            hosted.answer.reason
        ));
    }
    text.push_str(&facts(record));
    text.extend(record.notes.iter().map(|note| format!("  note: {note}\n")));
    text
}

/// One line a number.
fn facts(record: &PaybackRecord) -> String {
    let answer = &record.answer;
    let mut text = String::new();
    let source = |rate: &Rate| match rate.source {
        SpeedSource::Given => "given",
        SpeedSource::Measured => "measured",
        SpeedSource::Predicted => "predicted",
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
            format!("{:.2} USD a month", answer.local_usd_per_month.0),
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
                source(&record.decode)
            ),
        ),
        (
            "prefill",
            format!(
                "{} tokens/s, {}",
                rate(&record.prefill),
                source(&record.prefill)
            ),
        ),
    ];
    text.extend(lines.map(|(name, value)| format!("  {name:8} {value}\n")));
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
        .map_or_else(|| "?".to_owned(), |it| format!("{:.1}", it.0));
    let high = record
        .payback_months_high
        .map_or_else(|| slow_end(record).to_owned(), |it| format!("{:.1}", it.0));
    format!(
        "{discounted:.1} with interest at {:.0} %; from {low} to {high} with the speeds' band and prices \
         that fall by {:.0} % a month\n",
        record.assumptions.discount_rate * 100.0,
        record.range_cloud_fall_per_month * 100.0
    )
}

/// One line a combination.
pub(crate) fn compare(bodies: &[Body]) -> String {
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
            format!("{:.2}", answer.local_usd_per_month.0),
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
    table(&head, rows.map(row))
}

/// What models need, and the machines.
pub(crate) fn floor(bodies: &[Body]) -> String {
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
    if !rows.is_empty() {
        text.push_str(&table(
            &head,
            rows.iter().take(MOST).map(|row| floor_line(row)),
        ));
        text.push_str("In brackets: four of five held-out measurements lay there.\n");
        if rows.iter().any(|row| row.price_assumed) {
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

/// Sums, and what clouds would ask.
pub(crate) fn usage(bodies: &[Body]) -> String {
    let records: Vec<&UsageRecord> = bodies
        .iter()
        .filter_map(|body| match body {
            Body::Usage(record) => Some(record.as_ref()),
            _ => None,
        })
        .collect();
    let head = [
        "",
        "requests",
        "input",
        "cached",
        "output",
        "hours",
        "kWh",
        "USD power",
        "USD paid",
    ];
    let sum = |sum: Option<Usd>| sum.map_or_else(String::new, usd);
    let mut text = table(
        &head,
        records.iter().map(|record| {
            vec![
                record.key.clone().unwrap_or_else(|| "all".to_owned()),
                record.requests.to_string(),
                short(record.input_tokens),
                short(record.cached_tokens),
                short(record.output_tokens),
                short(record.seconds / 3600.0),
                record
                    .joules
                    .map_or_else(String::new, |joules| short(joules / 3.6e6)),
                sum(record.local_usd),
                sum(record.paid_usd),
            ]
        }),
    );
    let mut head = vec!["the same at"];
    let keys: Vec<String> = records
        .iter()
        .map(|record| record.key.clone().unwrap_or_else(|| "USD".to_owned()))
        .collect();
    head.extend(keys.iter().map(String::as_str));
    let Some(first) = records.first() else {
        return text;
    };
    let rows = first.clouds.iter().map(|cloud| {
        let asked = |record: &&UsageRecord| {
            let same = record
                .clouds
                .iter()
                .find(|other| other.cloud == cloud.cloud);
            same.map_or_else(String::new, |same| usd(same.usd))
        };
        let mut row = vec![cloud.cloud.clone()];
        row.extend(records.iter().map(asked));
        row
    });
    text.push_str(&table(&head, rows));
    text
}

//! What people see: sentences, tables, formulas, and errors with the way out.

use super::{BY_HAND, cost, fed, records, tool};
use crate::harness::Sandbox;

#[test]
fn nonsense_is_answered_with_the_way_out() {
    for (line, part) in [
        ("payback --profile lihgt", "did you mean 'light'"),
        (
            "payback --profile light --cloud claude-sonet-4.6",
            "'anthropic/claude-sonnet-4.6'",
        ),
        (
            "payback --profile light --machine dgx-sprak-128",
            "did you mean 'dgx-spark-128'",
        ),
        ("floor lama-3.3-70b", "'llama-3.3-70b'"),
        ("floor llama-3.3-70b:Q9_9", "no quantization named 'Q9_9'"),
        ("payback --profile light", "--decode-tps"),
        (
            "payback --profile light --decode-tps 10 --prefill-tps 10",
            "--machine-price",
        ),
        (
            "payback --profile light --decode-tps 10 --prefill-tps 10 --machine-price 1",
            "--load-watts",
        ),
        (
            "payback --profile light --machine mac-mini-m4-16 --local llama-3.3-70b",
            "needs 43.1 GiB",
        ),
        ("payback --input-mtok -1", "zero or more"),
        ("payback --input-mtok 1e308", "up to 1e15"),
        (
            "payback --profile agent --cache-hit 0.95 --decode-tps 1 --prefill-tps 1 --machine-price 1 --load-watts 1",
            "the cache writes of 'agent'",
        ),
        (
            "payback --profile light --decode-tps 0 --prefill-tps 1 --machine-price 1 --load-watts 1",
            "more than zero",
        ),
        (
            "payback --profile light --cache-hit 0.9 --cache-write 0.9 --decode-tps 1 --prefill-tps 1 --machine-price 1 --load-watts 1",
            "from 0 to 1",
        ),
        (
            "payback --profile light,heavy --decode-tps 1 --prefill-tps 1 --machine-price 1 --load-watts 1",
            "llm-cost compare",
        ),
        ("payback", "no records of usage"),
        ("payback --profile light --days 3", "cannot be used with"),
        ("usage", "no records of usage"),
        ("floor", "no model is named"),
        ("floor no-such.gguf", "no-such.gguf"),
        ("payback --prices no-such.json", "no-such.json"),
    ] {
        let ran = cost(line).exits(2).writes("").says(part);
        assert!(ran.stderr().contains("llm-cost: error: "), "{ran}");
    }
    let sandbox = Sandbox::new();
    let ran = sandbox
        .tool("llm-cost")
        .args(["catalogue", "quants", "--on", "yesterday"])
        .run();
    ran.exits(2).says("write it as 2026-11-24");
}

#[test]
fn people_get_sentences_formulas_and_tables() {
    let text = cost(&format!("{BY_HAND} -T")).exits(0).stdout();
    assert!(
        text.starts_with(
            "22.1 months against anthropic/claude-sonnet-4.6; no price of the same model"
        ),
        "{text}"
    );
    assert!(
        text.contains("anthropic/claude-sonnet-4.6: 181.40 USD saved a month"),
        "{text}"
    );
    assert!(
        text.contains("the months compare bills, not answers"),
        "{text}"
    );
    let slow = BY_HAND.replace("--decode-tps 11", "--decode-tps 1");
    let text = cost(&format!("{slow} -T")).exits(0).stdout();
    assert!(
        text.starts_with("infeasible against") && text.contains(": the volume would keep"),
        "{text}"
    );
    let text = cost(&format!("{BY_HAND} --explain")).exits(0).stdout();
    for part in [
        "187.20 USD a month",
        "310.1 h a month, 42.5 %",
        "K / s = 4000.00 / 181.40 = 22.1 months",
        "(34.11 kWh)",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let text = cost("catalogue profiles -T").exits(0).stdout();
    assert!(text.starts_with("| id"), "{text}");
    let text = cost("floor gpt-oss-20b -T").exits(0).stdout();
    assert!(
        text.contains("| model") && text.contains("cheapest machine"),
        "{text}"
    );
    let steered = r#"{"type":"completion","usage":{"prompt_tokens":1,"completion_tokens":1},"model":{"name":"\u001b[31m"}}"#;
    let text = fed("usage --by model -T", steered).exits(0).stdout();
    assert!(
        !text.contains('\u{1b}') && text.contains("\\u{1b}[31m"),
        "{text}"
    );
}

#[test]
fn a_reader_that_has_enough_ends_it_quietly() {
    let sandbox = Sandbox::new();
    sandbox
        .pipe("llm-cost catalogue prices | head -n 1")
        .run()
        .exits(0)
        .says_nothing();
    let rows = records(&cost("catalogue predictor").exits(0));
    assert_eq!(rows.len(), 9);
    assert!(
        rows.iter()
            .all(|row| row["kind"] == "row" && row["table"] == "predictor")
    );
}

/// Returns the numbers that follow a text, to the end of its line.
#[track_caller]
fn numbers(text: &str, after: &str) -> Vec<f64> {
    let (_, rest) = text
        .split_once(after)
        .unwrap_or_else(|| panic!("no '{after}' in {text}"));
    let line = rest.lines().next().unwrap_or_default();
    let words = line.split([' ', '(', ')', ';']);
    words.filter_map(|word| word.parse().ok()).collect()
}

/// A pocket calculator gets the same as the record: 80 layers keep 2,048 numbers of 8,192 tokens, 39.6 GiB
/// of weights.
#[test]
fn a_floor_is_explained_with_its_numbers() {
    let line = "floor llama-3.3-70b --machine mac-studio-m3-ultra-512,rtx-4090-24";
    let text = cost(&format!("{line} --explain")).exits(0).stdout();
    for part in [
        "= (80 x 2048 x 8192) x 2 = 2684354560 bytes",
        "= 39.60 + 2.50 + 1.00 = 43.10 GiB",
        "rtx-4090-24: 43.10 > 22.80 GiB",
        "held-out rows of 4 sources",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let formula = numbers(&text, "tau x layers) = 1 /");
    let [bytes, bandwidth, eta, tau, layers, said, ..] = formula[..] else {
        panic!("{formula:?}");
    };
    assert_eq!(layers, 80.0);
    let decode = 1.0 / (bytes / (bandwidth * eta) + tau * layers);
    assert!(
        (decode / said - 1.0).abs() < 2e-3,
        "{decode} {said}: {text}"
    );
    let rows = records(&cost(line).exits(0));
    let studio = rows
        .iter()
        .find(|row| row["machine"] == "mac-studio-m3-ultra-512")
        .unwrap();
    let wanted = studio["decode"]["tps"].as_f64().unwrap();
    assert!((said - wanted).abs() < 0.006, "{said} {wanted}");
}

/// What no machine holds is explained all the same.
#[test]
fn a_need_is_explained_where_nothing_holds_it() {
    let text = cost("floor llama-3.3-70b --budget 1 --explain")
        .exits(0)
        .stdout();
    assert!(text.contains("= 39.60 + 2.50 + 1.00 = 43.10 GiB"), "{text}");
    let text = cost("floor --machine mac-mini-m4-16 --explain")
        .exits(0)
        .stdout();
    assert!(
        text.contains("model     llama-3.2-1b:") && !text.contains("llama-3.3-70b"),
        "{text}"
    );
}

/// By hand: 1 and 0.2 million tokens at 1.25 and 10 are 3.25; an hour at 60 W and 0.5 USD is 0.03.
#[test]
fn a_usage_is_explained_with_its_numbers() {
    let input = r#"{"type":"completion","usage":{"prompt_tokens":1000000,"completion_tokens":200000},"metrics":{"generation_time_ms":3600000},"model":{"name":"a"}}"#;
    let line = "usage --cloud gpt-5 --load-watts 60 --usd-per-kwh 0.5 --explain";
    let text = fed(line, input).exits(0).stdout();
    for part in [
        "all: 1 request, 1000000 tokens in (0 from a cache, 0 into one) and 200000 out",
        "= (60 W x 3600.000 s = 216000.0 J) / 3.6e6 x 0.5 = 0.03000000 USD",
        "= 0.025000 USD for a million tokens",
        "= [1 (1.0000 x 1.25 +",
        "+ 0.2 x 10] (1 - 0.0000 x 0.5) = 3.250000 USD",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let unknown = input.replace(r#""metrics":{"generation_time_ms":3600000},"#, "");
    let text = fed("usage --cloud gpt-5 --explain", &unknown)
        .exits(0)
        .stdout();
    assert!(text.contains("power     not known"), "{text}");
}

#[test]
fn a_comparison_is_explained_one_combination_after_the_other() {
    let line = "compare --profile medium,heavy --machine dgx-spark-128 --local gpt-oss-120b";
    let text = cost(&format!("{line} --explain")).exits(0).stdout();
    assert_eq!(text.matches("cloud   C = ").count(), 2, "{text}");
    assert_eq!(
        text.matches("crossover N = F / (c - p)").count(),
        2,
        "{text}"
    );
    let row = &records(&cost(line).exits(0))[0];
    let formula = numbers(&text, "    N = ");
    let [fixed, cloud, power, said] = formula[..] else {
        panic!("{formula:?}");
    };
    let crossover = row["break_even_mtok_per_month"].as_f64().unwrap();
    assert!(
        (fixed / (cloud - power) / crossover - 1.0).abs() < 1e-3,
        "{text}"
    );
    assert!((said - crossover).abs() < 0.006, "{text}");
    let never = line.replace(
        "medium,heavy",
        "heavy --cloud gpt-6-luna --machine-price 1e9",
    );
    let text = cost(&format!("{never} --explain")).exits(0).stdout();
    assert!(text.contains("crossover none: it would take"), "{text}");
}

/// Of ten days no ten columns: what clouds ask for all of them together, 10 x 0.0001 Mtok at 1.25 and 10.
#[test]
fn a_usage_of_many_days_stays_on_the_screen() {
    let day = |day: u64| {
        format!(
            r#"{{"type":"completion","created":{},"usage":{{"prompt_tokens":1000,"completion_tokens":100}},"metrics":{{"generation_time_ms":1000}},"model":{{"name":"m"}}}}"#,
            1_790_000_000 + 86_400 * day
        )
    };
    let input: Vec<String> = (0..10).map(day).collect();
    let text = fed("usage --by day --cloud gpt-5 -T", &input.join("\n"))
        .exits(0)
        .stdout();
    let wide = text.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(wide < 100, "{wide}: {text}");
    assert!(text.contains("| openai/gpt-5 |   0.0225 |"), "{text}");
    assert!(
        text.contains("0.00028") && text.contains("--load-watts N or --machine"),
        "{text}"
    );
    let known = fed(
        "usage --by day --cloud gpt-5 -T --load-watts 60",
        &input.join("\n"),
    );
    assert!(!known.exits(0).stdout().contains("No record has joules"));
}

#[test]
fn a_row_of_a_later_day_than_the_one_asked_for_is_noted() {
    let sandbox = Sandbox::new();
    let on = |day: &str| {
        let words = BY_HAND.split_whitespace();
        let ran = sandbox.tool("llm-cost").args(words).args(["--on", day]);
        ran.run().exits(0).stderr().to_owned()
    };
    let told = on("2024-01-01");
    assert!(told.contains("after 2024-01-01"), "{told}");
    assert!(!on(super::DAY).contains("what held on that day"));
}

#[test]
fn what_the_catalogue_writes_is_taken_as_machines() {
    let sandbox = Sandbox::new();
    let lines = tool(&sandbox, "catalogue machines").run().exits(0).stdout();
    let own = lines.lines().find(|line| line.contains("dgx-spark-128"));
    let own = own.unwrap().replace("dgx-spark-128", "my-own");
    sandbox.file("m.json", format!("{own}\n"));
    let floor = |machine: &str, more: &str| {
        let line = format!("floor llama-3.1-8b --machine {machine} {more}");
        super::records(&tool(&sandbox, &line).run().exits(0))
    };
    let (known, mine) = (
        floor("dgx-spark-128", ""),
        floor("my-own", "--machines m.json"),
    );
    let speed = |rows: &[serde_json::Value]| rows.last().unwrap()["decode"].clone();
    assert!(
        speed(&known).is_object() || speed(&known).is_number(),
        "{known:?}"
    );
    assert_eq!(speed(&mine), speed(&known));
    let prices = tool(&sandbox, "catalogue prices").run().exits(0).stdout();
    sandbox.file("p.json", prices);
    let ran = tool(&sandbox, "catalogue machines --machines p.json").run();
    ran.exits(2)
        .says("a row of 'prices' where 'machines' are wanted");
}

#[test]
fn what_the_catalogue_writes_is_taken_as_prices() {
    let sandbox = Sandbox::new();
    let lines = tool(&sandbox, "catalogue prices").run().exits(0).stdout();
    let list = format!("[{}]", lines.trim_end().replace('\n', ","));
    let marked = format!("\u{feff}{}", list.replace("},{", "},\r\n{"));
    for written in [lines, list, marked] {
        sandbox.file("p.json", written);
        let ran = tool(&sandbox, &format!("{BY_HAND} --prices p.json")).run();
        super::near(&super::record(&ran.exits(0))["cloud_usd_per_month"], 187.20);
    }
}

//! `llm-cost`: verdicts with all that they rest on, records of use from several makers, names and
//! numbers without sense, rows of the user's own, pictures. The formulas are tested in the library.

use std::sync::OnceLock;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::harness::{Ran, Sandbox, Tool};
use crate::support::model::Bench;

const SCHEMA: &str = include_str!("../crates/llm-cost/schema/cost.json");

/// The day of the tests; no row of the cloud's current models is old on it.
const DAY: &str = "2026-11-24";

/// The example of the contract, all by hand.
const BY_HAND: &str = "payback --cloud anthropic/claude-sonnet-4.6 --input-mtok 2.4 --output-mtok 12 \
    --machine-price 4000 --load-watts 110 --usd-per-kwh 0.17 --decode-tps 11 --prefill-tps 94";

fn tool(sandbox: &Sandbox, line: &str) -> Tool {
    let words = line.split_whitespace();
    sandbox.tool("llm-cost").args(words).args(["--on", DAY])
}

fn cost(line: &str) -> Ran {
    tool(&Sandbox::new(), line).run()
}

fn fed(line: &str, input: &str) -> Ran {
    tool(&Sandbox::new(), line).input(input).run()
}

/// Returns the records, each of which has passed the schema.
#[track_caller]
fn records(ran: &Ran) -> Vec<Value> {
    static VALIDATOR: OnceLock<Validator> = OnceLock::new();
    let validator = VALIDATOR.get_or_init(|| {
        let schema = serde_json::from_str(SCHEMA).unwrap();
        jsonschema::validator_for(&schema).unwrap()
    });
    let records = ran.records();
    for record in &records {
        assert_eq!(record["type"], "cost", "{record}");
        if let Err(fault) = validator.validate(record) {
            ran.fail(&format!("{fault}: {record}"));
        }
    }
    records
}

#[track_caller]
fn record(ran: &Ran) -> Value {
    match records(ran).as_slice() {
        [record] => record.clone(),
        _ => ran.fail("expected one record"),
    }
}

#[track_caller]
fn near(value: &Value, wanted: f64) {
    let number = value.as_f64().unwrap_or(f64::NAN);
    assert!(
        (number - wanted).abs() <= 0.005 + wanted.abs() * 1e-3,
        "{value} is not {wanted}"
    );
}

#[test]
fn the_example_by_hand_has_every_field_of_the_contract() {
    let ran = cost(BY_HAND).exits(0).says_nothing();
    let said = record(&ran);
    assert_eq!(
        (&said["kind"], &said["verdict"]),
        (&json!("payback"), &json!("pays"))
    );
    near(&said["payback_months"], 22.05);
    near(&said["payback_months_discounted"], 23.86);
    near(&said["cloud_usd_per_month"], 187.20);
    near(&said["local_usd_per_month"], 5.80);
    near(&said["busy_hours_per_month"], 310.12);
    near(&said["duty"], 0.4248);
    near(&said["fastest_possible_months"], 9.37);
    assert_eq!(said["same_model"], false);
    assert_eq!(said["decode"]["source"], "given");
    assert_eq!(said["assumptions"]["discount_rate"], 0.08);
    assert_eq!(said["assumptions"]["rates"]["output"], 15.0);
    assert_eq!(said["rows"][0]["as_of"], "2026-10-24");
}

/// A sceptic recomputes the verdict from the record alone.
#[test]
fn a_verdict_can_be_recomputed_with_jq() {
    let sandbox = Sandbox::new();
    let formula = ".assumptions as $a | ($a.input * $a.rates.input + $a.output * $a.rates.output) as $c \
        | (1e6 * ($a.input / $a.prefill_tps + $a.output / $a.decode_tps)) as $t \
        | ($a.usd_per_kwh / 3.6e6 * $t * $a.load_watts) as $e \
        | ($a.machine_price_usd / ($c - $e) - .payback_months) | fabs < 1e-9";
    let line = format!("llm-cost {BY_HAND} | jq -e '{formula}'");
    sandbox.pipe(&line).run().exits(0).writes("true\n");
}

#[test]
fn standard_input_is_left_alone_where_flags_say_all() {
    let sandbox = Sandbox::new();
    let line =
        format!("while read -r n; do llm-cost {BY_HAND} --team $n | jq .assumptions.team; done");
    sandbox
        .pipe(&line)
        .input("1\n2\n3\n")
        .run()
        .exits(0)
        .writes("1\n2\n3\n");
}

#[test]
fn every_verdict_ends_well_and_months_are_null_without_one() {
    let cheap = BY_HAND.replace("anthropic/claude-sonnet-4.6", "openai/gpt-6-luna");
    let never = record(&cost(&cheap).exits(0));
    assert_eq!(
        (&never["verdict"], &never["payback_months"]),
        (&json!("never"), &Value::Null)
    );
    assert!(
        never["reason"]
            .as_str()
            .unwrap()
            .contains("under the interest")
    );
    assert!(never["local_premium_usd_per_month"].as_f64().unwrap() > 0.0);
    let heavy = BY_HAND.replace("2.4", "16.67").replace(" 12 ", " 83.33 ");
    let heavy = record(&cost(&heavy).exits(0));
    assert_eq!(heavy["verdict"], "infeasible");
    assert_eq!(heavy["payback_months_discounted"], Value::Null);
    near(&heavy["fastest_possible_months"], 9.37);
    near(&heavy["max_mtok_per_month"], 33.9);
}

#[test]
fn against_the_frontier_and_against_itself_hosted() {
    let said = record(
        &cost("payback --profile heavy --machine macbook-pro-m4-max-64 --local qwen3.6-35b-a3b")
            .exits(0),
    );
    assert_eq!(
        (&said["verdict"], &said["same_model"]),
        (&json!("pays"), &json!(false))
    );
    assert_eq!(said["hosted"]["cloud"], "openrouter/qwen/qwen3.6-35b-a3b");
    let months = |value: &Value| value["payback_months"].as_f64().unwrap();
    assert!(months(&said["hosted"]) > 10.0 * months(&said));
    assert_eq!(said["decode"]["source"], "predicted");
    let (low, high) = (&said["decode"]["low"], &said["decode"]["high"]);
    assert!(low.as_f64().unwrap() < high.as_f64().unwrap());
    let itself = record(&cost(
        "payback --profile heavy --machine macbook-pro-m4-max-64 --local qwen3.6-35b-a3b \
         --cloud openrouter/qwen/qwen3.6-35b-a3b",
    ));
    assert_eq!(
        (&itself["same_model"], &itself["hosted"]),
        (&json!(true), &Value::Null)
    );
}

#[test]
fn a_team_shares_the_machine_and_waits() {
    let one = record(&cost(BY_HAND));
    let team = record(&cost(&format!("{BY_HAND} --team 2")).exits(0));
    assert_eq!(one["per_seat"], Value::Null);
    assert_eq!(
        team["verdict"], "infeasible",
        "two take 85 %, and half is the most for a team"
    );
    near(&team["per_seat"]["marginal_price_usd"], 2000.0);
    near(&team["per_seat"]["cloud_usd_per_month"], 187.20);
}

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
fn records_of_other_types_are_passed_over_with_a_count() {
    let input = r#"{"type":"model","name":"x"}
not json
{"custom_id":"a","response":{"body":{"model":"gpt-5","created":1790000000,"usage":{"prompt_tokens":1000000,"completion_tokens":200000}}}}
{"custom_id":"b","response":null,"error":{"code":"x"}}
{"custom_id":"c","response":{"body":{"model":"gpt-5","created":1790864000,"usage":{"prompt_tokens":1000000,"completion_tokens":200000}}}}
"#;
    let ran = fed("usage --cloud gpt-5,claude-sonnet-5.5", input).exits(0);
    let ran = ran.says("1 'model' records, 1 lines that are no JSON, 1 failed requests");
    let said = record(&ran);
    assert_eq!((&said["requests"], &said["failed"]), (&json!(2), &json!(1)));
    assert_eq!(
        said["clouds"][0],
        json!({"cloud": "openai/gpt-5", "usd": 6.5})
    );
    assert_eq!(
        said["clouds"][1],
        json!({"cloud": "anthropic/claude-sonnet-5.5", "usd": 8.0})
    );
    // Ten days of them make a month of three times as much.
    let flags = "payback --machine dgx-spark-128 --local gpt-oss-120b";
    let said = record(&fed(flags, input).exits(0));
    near(&said["assumptions"]["output"], 0.4 * 365.0 / 12.0 / 10.0);
    assert_eq!(said["volume_source"], "records");
    let hour = input.replace("1790864000", "1790003600");
    fed(flags, &hour).exits(2).says("span 1.0 hours");
    record(&fed(&format!("{flags} --days 2"), &hour).exits(0));
}

#[test]
fn a_report_of_ccusage_is_a_volume() {
    let report = r#"{"daily": [
        {"date": "2026-11-01", "inputTokens": 100000, "outputTokens": 50000, "cacheCreationTokens": 200000,
         "cacheReadTokens": 700000, "totalCost": 1.5, "modelsUsed": ["claude-sonnet-5-5"]},
        {"date": "2026-11-10", "inputTokens": 100000, "outputTokens": 50000, "cacheCreationTokens": 200000,
         "cacheReadTokens": 700000, "totalCost": 1.5, "modelsUsed": ["claude-opus-5-5"]}]}"#;
    let days = records(&fed("usage --by day", report).exits(0));
    let keys: Vec<_> = days
        .iter()
        .map(|day| day["key"].as_str().unwrap())
        .collect();
    assert_eq!(keys, ["2026-11-01", "2026-11-10"]);
    let models = records(&fed("usage --by model", report).exits(0));
    assert_eq!(models[0]["key"], "claude-opus-5-5");
    near(&models[0]["paid_usd"], 1.5);
    let said = record(
        &fed(
            "payback --machine dgx-spark-128 --local gpt-oss-120b",
            report,
        )
        .exits(0),
    );
    near(&said["assumptions"]["cache_hit"], 0.7);
    near(&said["assumptions"]["input"], 2.0 * 365.0 / 12.0 / 10.0);
}

/// The loop that the toolkit is for: what runs here is what is reckoned with.
#[test]
fn what_run_and_bench_measure_is_what_cost_computes_with() {
    let bench = Bench::new();
    let answers = bench
        .run()
        .args(["--lines", "-n", "4"])
        .input("One\nTwo\n")
        .run()
        .exits(0);
    let tool = |line: &str, input: String| {
        let tool = bench.sandbox.tool("llm-cost").args(line.split_whitespace());
        tool.args(["--on", DAY]).input(input).run().exits(0)
    };
    let used = record(&tool(
        "usage --load-watts 60 --usd-per-kwh 0.5",
        answers.stdout(),
    ));
    assert_eq!(used["requests"], 2);
    let joules = used["joules"].as_f64().unwrap();
    near(&json!(joules / 60.0), used["seconds"].as_f64().unwrap());
    near(
        &json!(used["local_usd"].as_f64().unwrap() * 1e6),
        joules / 3.6e6 * 0.5 * 1e6,
    );
    let line = "llm-bench --shape tiny-llama:q4_0 -p 8 -n 4 -r 1 | llm-cost payback --profile light \
        --machine-price 1000 --load-watts 60";
    let said = record(&bench.pipe(line).run().exits(0));
    assert_eq!(
        (&said["decode"]["source"], &said["prefill"]["source"]),
        (&json!("measured"), &json!("measured"))
    );
    let file = "llm-bench --shape tiny-llama:q4_0 -p 8 -n 4 -r 1 > rows; llm-cost payback --profile light \
        --machine-price 1000 --load-watts 60 --bench rows --decode-tps 7 < /dev/null";
    let said = record(&bench.pipe(file).run().exits(0));
    assert_eq!(
        (&said["decode"]["source"], &said["prefill"]["source"]),
        (&json!("given"), &json!("measured"))
    );
}

#[test]
fn a_floor_says_what_is_needed_and_what_holds_it() {
    let rows = records(
        &cost("floor llama-3.3-70b --machine rtx-4090-24,mac-studio-m3-ultra-512,mac-mini-m4-16")
            .exits(0),
    );
    let [need, card, studio, mini] = rows.as_slice() else {
        panic!("{rows:?}");
    };
    assert_eq!(
        (&need["kind"], &need["model"]),
        (&json!("need"), &json!("llama-3.3-70b"))
    );
    let sizes: Vec<_> = need["quants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|quant| quant["need_bytes"].as_f64().unwrap())
        .collect();
    assert!(sizes.len() > 5 && sizes.is_sorted(), "{sizes:?}");
    assert_eq!(
        (&card["fits"], &studio["fits"], &mini["fits"]),
        (&json!(false), &json!(true), &json!(false))
    );
    assert!(card["offload_slowdown"].as_f64().unwrap() > 3.0, "{card}");
    assert_eq!(
        (&mini["decode"], &mini["offloaded_share"]),
        (&Value::Null, &Value::Null)
    );
    // 40 GB are read at 819 GB/s at most; 14.08 were measured.
    let (tps, error) = (
        studio["decode"]["tps"].as_f64().unwrap(),
        &studio["decode_error"],
    );
    assert!((9.0..19.3).contains(&tps), "{tps}");
    near(
        &studio["decode"]["low"],
        tps * error["low"].as_f64().unwrap(),
    );
    near(&studio["observed"]["decode_tps"], 14.08);
}

#[test]
fn a_machine_says_what_it_runs_and_a_budget_what_to_buy() {
    let runs = records(&cost("floor --machine mac-mini-m4-16").exits(0));
    assert!(
        runs.len() > 5 && runs.iter().all(|row| row["fits"] == true),
        "{runs:?}"
    );
    assert!(
        runs.iter()
            .all(|row| row["need_bytes"].as_f64() <= row["usable_bytes"].as_f64())
    );
    let buys = records(&cost("floor qwen3.6-35b-a3b --budget 2500").exits(0));
    let buys: Vec<_> = buys.iter().filter(|row| row["kind"] == "floor").collect();
    assert!(buys.len() > 2 && buys[0]["best"] == true && buys[1]["best"] == false);
    let speeds: Vec<_> = buys
        .iter()
        .map(|row| -row["decode"]["tps"].as_f64().unwrap())
        .collect();
    assert!(
        speeds.is_sorted()
            && buys
                .iter()
                .all(|row| row["price_usd"].as_f64().unwrap() <= 2500.0)
    );
    cost("floor deepseek-v3 --budget 100")
        .exits(0)
        .says("no machine up to 100 USD");
    let here = records(&cost("floor smollm2-135m --this-machine").exits(0));
    assert_eq!(here[1]["machine"], "this-machine");
    assert!(here[1]["bandwidth_gbs"].as_f64().unwrap() > 0.5, "{here:?}");
}

/// A header, a record of it and the catalogue's row speak of the same model.
#[test]
fn a_header_is_read_from_a_file_or_a_record() {
    let bench = Bench::new();
    let shown = "llm-pull show smollm2 | llm-cost floor - --machine dgx-spark-128";
    let by_record = records(&bench.pipe(shown).run().exits(0));
    let path = "llm-cost floor \"$(llm-pull show smollm2 | jq -r .path)\" --machine dgx-spark-128";
    let by_path = records(&bench.pipe(path).run().exits(0));
    assert_eq!(by_record[0]["cache_bytes"], by_path[0]["cache_bytes"]);
    // 30 layers, 3 heads of 64 for keys and for values, 2 bytes each.
    near(
        &by_path[0]["cache_bytes"],
        8192.0 * 30.0 * 2.0 * 3.0 * 64.0 * 2.0,
    );
    assert_eq!(by_path[0]["quants"][0]["quant"], "Q4_1");
    let quantized = format!("{path} --cache-type q8_0 --context 4096");
    let quantized = records(&bench.pipe(&quantized).run().exits(0));
    near(
        &quantized[0]["cache_bytes"],
        4096.0 * 30.0 * 2.0 * 3.0 * 64.0 * 34.0 / 32.0,
    );
}

#[test]
fn compare_answers_every_combination() {
    let line = "compare --profile light,medium,heavy --cloud claude-sonnet-4.6,claude-haiku-5.5 \
        --machine dgx-spark-128 --local gpt-oss-120b,llama-3.3-70b";
    let rows = records(&cost(line).exits(0));
    assert_eq!(rows.len(), 12);
    let verdicts: Vec<_> = rows
        .iter()
        .map(|row| row["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(
        verdicts[4..8],
        ["pays", "infeasible", "never", "infeasible"]
    );
    let scaled = records(&cost(
        "compare --profile medium --mtok 1,10,100 --machine dgx-spark-128 --local gpt-oss-120b",
    ));
    let crossover: Vec<_> = scaled
        .iter()
        .map(|row| row["break_even_mtok_per_month"].as_f64().unwrap())
        .collect();
    assert!(
        crossover
            .iter()
            .all(|mtok| (mtok / crossover[0] - 1.0).abs() < 1e-6),
        "{crossover:?}"
    );
    let left =
        "compare --profile light --machine mac-mini-m4-16,dgx-spark-128 --local llama-3.3-70b";
    let ran = cost(left).exits(0).says("left out");
    assert_eq!(records(&ran).len(), 1);
}

#[test]
fn rows_of_the_users_own_count_before_the_programs() {
    let sandbox = Sandbox::new();
    let price = |usd: f64| {
        format!(
            r#"[{{"id":"anthropic/claude-sonnet-4.6","input":{usd},"output":{usd},"as_of":"2026-11-01"}}]"#
        )
    };
    sandbox.file("config/llm-tools/cost/prices.json", price(1.0));
    sandbox.file("mine.json", price(2.0));
    let litellm = r#"{"sonnet-x": {"litellm_provider": "anthropic", "input_cost_per_token": 1e-06, "output_cost_per_token": 3e-06}, "image": {"mode": "image_generation"}}"#;
    sandbox.file("litellm.json", litellm);
    let machine = r#"[{"id":"box","family":"cpu","memory_gib":64,"usable_gib":60,"bandwidth_gbs":80,"price":700,"load_w":90,"as_of":"2026-11-01"}]"#;
    sandbox.file("machines.json", machine);
    let bill = |cloud: &str, more: &str| {
        let line = BY_HAND.replace("anthropic/claude-sonnet-4.6", cloud);
        let ran = tool(&sandbox, &format!("{line} {more}")).run().exits(0);
        record(&ran)["cloud_usd_per_month"].as_f64().unwrap()
    };
    near(&json!(bill("claude-sonnet-4.6", "")), 14.4);
    near(
        &json!(bill("claude-sonnet-4.6", "--prices mine.json")),
        28.8,
    );
    near(
        &json!(bill("anthropic/sonnet-x", "--prices litellm.json")),
        2.4 + 36.0,
    );
    let ran = tool(
        &sandbox,
        "payback --profile light --machines machines.json --machine box --local smollm3-3b --prices litellm.json --usd-per-kwh 0.2",
    );
    let said = record(
        &ran.run()
            .exits(0)
            .says("1 prices, 1 entries without a price"),
    );
    assert_eq!(said["assumptions"]["machine_price_usd"], 700.0);
    sandbox.file("bad.json", r#"[{"id":"x","input":-1,"output":1}]"#);
    tool(&sandbox, "catalogue prices --prices bad.json")
        .run()
        .exits(2)
        .says("below zero");
    let old = sandbox
        .tool("llm-cost")
        .args(BY_HAND.split_whitespace())
        .args(["--on", "2027-02-28"]);
    old.run().exits(0).says("as of 2026-11-01, 119 days old");
}

#[test]
fn a_row_is_warned_of_after_ninety_days() {
    let on = |day: &str| {
        let sandbox = Sandbox::new();
        sandbox
            .tool("llm-cost")
            .args(BY_HAND.split_whitespace())
            .args(["--on", day])
            .run()
            .exits(0)
    };
    on("2027-01-22").says_nothing();
    on("2027-01-23")
        .says("the price of 'anthropic/claude-sonnet-4.6' is as of 2026-10-24, 91 days old");
}

#[test]
fn announced_prices_count_from_their_day_on() {
    let on = |day: &str| {
        let sandbox = Sandbox::new();
        let line = BY_HAND.replace("anthropic/claude-sonnet-4.6", "google/gemini-4-argon");
        let ran = sandbox
            .tool("llm-cost")
            .args(line.split_whitespace())
            .args(["--on", day])
            .run();
        record(&ran.exits(0))["cloud_usd_per_month"]
            .as_f64()
            .unwrap()
    };
    near(&json!(on("2026-12-01")), 2.0 * on("2026-11-30"));
}

#[test]
fn people_get_sentences_formulas_and_tables() {
    let text = cost(&format!("{BY_HAND} -T")).exits(0).stdout();
    assert!(
        text.starts_with("22.1 months: 181.40 USD saved a month"),
        "{text}"
    );
    assert!(
        text.contains("the months compare bills, not answers"),
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
fn pictures_show_the_crossing_and_every_machine() {
    let sandbox = Sandbox::new();
    tool(&sandbox, &format!("{BY_HAND} --plot p.svg"))
        .run()
        .exits(0);
    let svg = std::fs::read_to_string(sandbox.path().join("p.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    assert!(
        svg.contains("<circle") && svg.contains("22.1 months"),
        "the crossing is not marked"
    );
    let lines = svg.matches("<polyline").filter(|_| true).count();
    assert!(lines >= 2, "{lines} lines");
    let floor = tool(&sandbox, "floor gpt-oss-120b --plot f.svg")
        .run()
        .exits(0);
    let svg = std::fs::read_to_string(sandbox.path().join("f.svg")).unwrap();
    let rows = records(&floor);
    let machines: Vec<_> = rows
        .iter()
        .filter_map(|row| row["machine"].as_str())
        .collect();
    assert!(machines.len() > 5);
    for machine in &machines {
        assert!(svg.contains(machine), "{machine}");
    }
    assert_eq!(svg.matches("<circle").count(), machines.len());
    tool(&sandbox, &format!("{BY_HAND} --plot no/such.svg"))
        .run()
        .exits(2)
        .says("cannot write 'no/such.svg'");
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

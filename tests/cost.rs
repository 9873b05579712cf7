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
pub const BY_HAND: &str = "payback --cloud anthropic/claude-sonnet-4.6 --input-mtok 2.4 --output-mtok 12 \
    --machine-price 4000 --load-watts 110 --usd-per-kwh 0.17 --decode-tps 11 --prefill-tps 94";

pub fn tool(sandbox: &Sandbox, line: &str) -> Tool {
    let words = line.split_whitespace();
    sandbox.tool("llm-cost").args(words).args(["--on", DAY])
}

pub fn cost(line: &str) -> Ran {
    tool(&Sandbox::new(), line).run()
}

fn fed(line: &str, input: &str) -> Ran {
    tool(&Sandbox::new(), line).input(input).run()
}

/// Returns the records, each of which has passed the schema.
#[track_caller]
pub fn records(ran: &Ran) -> Vec<Value> {
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
pub fn record(ran: &Ran) -> Value {
    match records(ran).as_slice() {
        [record] => record.clone(),
        _ => ran.fail("expected one record"),
    }
}

#[track_caller]
pub fn near(value: &Value, wanted: f64) {
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
        json!({"cloud": "openai/gpt-5", "usd": 3.25})
    );
    assert_eq!(
        said["clouds"][1],
        json!({"cloud": "anthropic/claude-sonnet-5.5", "usd": 4.0})
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
fn no_record_is_too_strange() {
    let input = r#"{"type":"completion","usage":{"prompt_tokens":1e308,"completion_tokens":-5},"created":-9223372036854775808,"model":{"name":7}}
{"type":"completion","usage":{"prompt_tokens":3,"completion_tokens":1e400},"created":9223372036854775807}
{"type":"completion","usage":[],"metrics":"x"}
{"daily":[7,{"date":"ÄÖÜ","inputTokens":"x"},{"date":"2026-13-40","inputTokens":1,"modelBreakdowns":[3]}]}
{"type":"bench","avg_ts":-1,"n_parallel":0}
"#;
    for by in ["", "--by day", "--by model"] {
        records(&fed(&format!("usage {by}"), input).exits(0));
    }
    let flags = "payback --machine dgx-spark-128 --local gpt-oss-120b --days 1";
    record(&fed(flags, input).exits(0));
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
    let slow = BY_HAND.replace("--decode-tps 11", "--decode-tps 1");
    let text = cost(&format!("{slow} -T")).exits(0).stdout();
    assert!(
        text.starts_with("infeasible: the volume would keep"),
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

/// Returns whether a note of a record has this part.
fn is_noted(record: &Value, part: &str) -> bool {
    let notes = record["notes"].as_array().unwrap();
    notes
        .iter()
        .any(|note| note.as_str().unwrap().contains(part))
}

#[test]
fn speeds_of_another_model_are_passed_over_and_predicted_instead() {
    let rows = |model: &str| {
        format!(
            "{{\"type\":\"bench\",\"model_filename\":\"{model}\",\"n_gen\":8,\"avg_ts\":50}}\n\
             {{\"type\":\"bench\",\"model_filename\":\"{model}\",\"n_prompt\":8,\"avg_ts\":900}}\n"
        )
    };
    let line = "payback --profile light --machine dgx-spark-128 --local gpt-oss-120b";
    let said = record(&fed(line, &rows("smollm2-135m-Q4_0.gguf")).exits(0));
    assert_eq!(said["decode"]["source"], "predicted");
    assert!(is_noted(&said, "'smollm2-135m-Q4_0.gguf'"), "{said}");
    let said = record(&fed(line, &rows("openai_gpt-oss-120b-MXFP4.gguf")).exits(0));
    assert_eq!(
        (&said["decode"]["source"], &said["decode"]["tps"]),
        (&json!("measured"), &json!(50.0)),
        "{said}"
    );
    let run = r#"{"type":"completion","usage":{"prompt_tokens":10,"completion_tokens":11},"metrics":{"tokens_per_second":7,"prompt_tokens_per_second":70},"model":{"name":"gpt-oss-120b"}}"#;
    let said = record(&fed(line, run).exits(0));
    assert_eq!(said["decode"]["source"], "predicted");
    assert!(is_noted(&said, "the computer that they ran on"), "{said}");
    let own = "payback --profile light --machine-price 900 --load-watts 60 --local gpt-oss-120b";
    let said = record(&fed(own, run).exits(0));
    assert_eq!(said["decode"]["tps"], 7.0);
}

#[test]
fn an_answer_that_is_missing_is_said_to_be() {
    let said = record(&cost(BY_HAND));
    assert!(is_noted(&said, "against the same model hosted"), "{said}");
    let line = "payback --profile heavy --machine dgx-spark-128 --local";
    let said = record(&cost(&format!("{line} qwen3-0.6b")).exits(0));
    assert_eq!(said["hosted"], Value::Null);
    assert!(
        is_noted(&said, "no price of 'qwen3-0.6b' at a host"),
        "{said}"
    );
    let said = record(&cost(&format!("{line} qwen3.6-35b-a3b")).exits(0));
    assert!(!is_noted(&said, "at a host is known"), "{said}");
}

/// The band's slow end of this machine takes more than the 90 % that it may be busy.
#[test]
fn the_slow_end_of_a_range_has_its_own_verdict() {
    let line =
        "compare --profile heavy --machine macbook-pro-m4-max-64 --local qwen3.6-35b-a3b --mtok";
    let sizes: Vec<String> = (1..60).map(|step| (step * 20).to_string()).collect();
    let rows = records(&cost(&format!("{line} {}", sizes.join(","))).exits(0));
    let pays: Vec<_> = rows.iter().filter(|row| row["verdict"] == "pays").collect();
    let ends: Vec<_> = pays
        .iter()
        .map(|row| &row["payback_high_verdict"])
        .collect();
    assert!(
        ends.contains(&&json!("pays")) && ends.contains(&&json!("infeasible")),
        "{ends:?}"
    );
    for row in pays {
        let has_months = !row["payback_months_high"].is_null();
        assert_eq!(has_months, row["payback_high_verdict"] == "pays", "{row}");
    }
}

/// By hand: two million tokens in at 1.25, 0.4 out at 10 make 6.50; half of it by batch.
#[test]
fn a_batch_is_billed_with_its_discount() {
    let prices = r#"[{"id":"x/y","input":1.25,"output":10,"batch_discount":0.5,"as_of":"2026-11-20","source":"x",
        "long_prompt":{"above_tokens":200000,"input":2.5,"output":20}}]"#;
    let one = |created: u64| {
        format!(
            "{{\"custom_id\":\"a\",\"response\":{{\"body\":{{\"model\":\"y\",\"created\":{created},\"usage\":\
             {{\"prompt_tokens\":100000,\"completion_tokens\":20000}}}}}}}}\n"
        )
    };
    let input = one(1_790_000_000).repeat(10) + &one(1_790_864_000).repeat(10);
    let run = |line: &str| {
        let sandbox = Sandbox::new();
        std::fs::write(sandbox.path().join("p.json"), prices).unwrap();
        tool(&sandbox, line).input(input.as_str()).run().exits(0)
    };
    let ran = run("usage --cloud x/y --prices p.json").says("20 requests came by batch");
    let said = record(&ran);
    near(&said["clouds"][0]["usd"], 3.25);
    assert_eq!(said["local_usd_per_mtok"], Value::Null);
    let line = "payback --cloud x/y --prices p.json --machine dgx-spark-128 --local gpt-oss-120b";
    let said = record(&run(line));
    assert_eq!(said["assumptions"]["batch"], 1.0);
    assert!(is_noted(&said, "discount of 50 %"), "{said}");
    let whole = record(&run(&format!("{line} --batch 0")));
    let usd = |said: &Value| said["cloud_usd_per_month"].as_f64().unwrap();
    near(&json!(usd(&said) * 2.0), usd(&whole));
}

#[test]
fn usage_counts_power_for_what_ran_here_and_warns_of_old_rows() {
    let input = r#"{"type":"completion","usage":{"prompt_tokens":500000,"completion_tokens":500000},"metrics":{"generation_time_ms":3600000,"energy_joules":3600000},"model":{"name":"a"}}
{"custom_id":"a","response":{"body":{"model":"gpt-5","usage":{"prompt_tokens":9000000,"completion_tokens":0}}}}
"#;
    let said = record(&fed("usage --cloud gpt-5 --usd-per-kwh 0.25", input).exits(0));
    near(&said["local_usd"], 0.25);
    near(&said["local_usd_per_mtok"], 0.25);
    let sandbox = Sandbox::new();
    let at = |line: &str| {
        let words = line.split_whitespace();
        let tool = sandbox
            .tool("llm-cost")
            .args(words)
            .args(["--on", "2029-01-01"]);
        tool.input(input).run().exits(0).stderr().to_owned()
    };
    let told = at("usage --cloud gpt-5 --load-watts 9");
    assert!(
        told.contains("--usd-per-kwh") && told.contains("one more is older"),
        "{told}"
    );
    let told = at("usage --cloud gpt-5 --machine dgx-spark-128");
    assert!(told.contains("2 more are older"), "{told}");
    let given = at("usage --cloud gpt-5 --load-watts 9 --usd-per-kwh 0.2");
    assert!(
        given.contains("'openai/gpt-5'") && !given.contains(" more "),
        "{given}"
    );
}

/// Returns the numbers of an attribute in all elements of a name, as they stand in a picture.
fn attributes(svg: &str, element: &str, name: &str) -> Vec<f64> {
    let opening = format!("<{element} ");
    let heads = svg.split(&opening).skip(1);
    let value = |head: &str| {
        let (_, rest) = head.split_once(&format!(" {name}=\""))?;
        rest.split_once('"')?.0.parse().ok()
    };
    heads
        .filter_map(|head| value(&format!(" {head}")))
        .collect()
}

/// Returns the names that a picture shows, each of which lies inside of it.
#[track_caller]
fn names(svg: &str) -> Vec<String> {
    let (width, height) = (960.0, 600.0);
    let bodies = svg.split("<text ").skip(1);
    let names: Vec<String> = bodies
        .filter_map(|text| Some(text.split_once('>')?.1.split_once('<')?.0.trim().to_owned()))
        .collect();
    let starts = attributes(svg, "text", "x");
    let lines = attributes(svg, "text", "y");
    assert_eq!((starts.len(), lines.len()), (names.len(), names.len()));
    for ((name, x), y) in names.iter().zip(starts).zip(lines) {
        assert!(
            (0.0..width).contains(&x) && (0.0..height).contains(&y),
            "{name}: {x}, {y}"
        );
    }
    names
}

#[test]
fn pictures_hold_their_marks_and_names_inside() {
    let sandbox = Sandbox::new();
    let draw = |line: &str| {
        tool(&sandbox, &format!("{line} --plot p.svg"))
            .run()
            .exits(0);
        std::fs::read_to_string(sandbox.path().join("p.svg")).unwrap()
    };
    // 181.40 USD a month pay for 50,000 after 276 months, were there no interest.
    let long = BY_HAND.replace(
        "--machine-price 4000",
        "--machine-price 50000 --discount-rate 0",
    );
    let svg = draw(&long);
    let marks = attributes(&svg, "circle", "cx");
    assert!(
        marks.len() == 1 && (100.0..850.0).contains(&marks[0]),
        "{marks:?}"
    );
    assert!(
        names(&svg).iter().any(|name| name == "275.6 months"),
        "{:?}",
        names(&svg)
    );

    let svg = draw("floor --machine dgx-spark-128");
    let shown = names(&svg);
    for model in [
        "gpt-oss-120b:MXFP4",
        "llama-3.3-70b:Q4_K_M",
        "llama-3.2-1b:Q4_K_M",
    ] {
        assert!(shown.iter().any(|name| name == model), "{model}: {shown:?}");
    }
    assert_eq!(
        shown.iter().filter(|name| *name == "dgx-spark-128").count(),
        1
    );

    let svg = draw("floor llama-3.2-1b");
    let ends = attributes(&svg, "text", "x");
    let texts = names(&svg);
    // Letters of this size are at least five pixels wide.
    for (name, x) in texts
        .iter()
        .zip(ends)
        .filter(|(name, _)| name.contains('-'))
    {
        let is_title = name.contains(':');
        assert!(
            is_title || x + 5.0 * name.len() as f64 <= 960.0,
            "{name} at {x}"
        );
    }
}

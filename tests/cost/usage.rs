//! Records of use from several makers: what is counted, what is passed over, what it costs.

use serde_json::{Value, json};

use super::{fed, is_noted, near, record, records, tool};
use crate::harness::Sandbox;

#[test]
fn records_of_other_types_are_passed_over_with_a_count() {
    let input = r#"{"type":"model","name":"x"}
not json
{"custom_id":"a","response":{"body":{"model":"gpt-5","created":1790000000,"usage":{"prompt_tokens":1000000,"completion_tokens":200000}}}}
{"custom_id":"b","response":null,"error":{"code":"x"}}
{"custom_id":"c","response":{"body":{"model":"gpt-5","created":1790864000,"usage":{"prompt_tokens":1000000,"completion_tokens":200000}}}}
"#;
    let ran = fed("usage --cloud gpt-5,claude-sonnet-5.5", input)
        .exits(0)
        .says("1 'model' record, 1 line that is not JSON, 1 failed request");
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
    let ran = run("usage --cloud x/y --prices p.json").says("20 requests came through a batch API");
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

/// 7,000 tokens of embeddings and 3,000 + 2,000 of a completion, between records of other kinds.
#[test]
fn embeddings_are_counted_and_what_is_no_use_is_passed_over_by_kind() {
    let input = r#"{"type":"embedding","line":1,"usage":{"prompt_tokens":4000,"total_tokens":4000},"model":{"name":"e"}}
{"type":"delta","text":"x"}
{"type":"embedding","line":2,"usage":{"prompt_tokens":3000,"total_tokens":3000},"model":{"name":"e"}}
{"type":"bench","n_gen":8,"avg_ts":20}
{"type":"bench","n_prompt":8,"avg_ts":20}
{"type":"count","usage":{"prompt_tokens":99}}
{"type":"completion","usage":{"prompt_tokens":3000,"completion_tokens":2000},"model":{"name":"c"}}
{"type":"error","error":{"code":"x"}}
"#;
    let ran = fed("usage --cloud gpt-5", input).exits(0);
    let ran = ran.says("skipped: 2 'bench' records, 1 'count' record, 1 'delta' record, 1 failed");
    let said = record(&ran);
    assert_eq!((&said["requests"], &said["failed"]), (&json!(3), &json!(1)));
    near(&said["input_tokens"], 10_000.0);
    near(&said["total_tokens"], 12_000.0);
    // 1.25 and 10 USD a million.
    near(&said["clouds"][0]["usd"], 0.0125 + 0.02);
    let models = records(&fed("usage --by model", input).exits(0));
    let tokens = |row: &Value| (row["key"].clone(), row["total_tokens"].clone());
    let wanted = [(json!("c"), json!(5000.0)), (json!("e"), json!(7000.0))];
    assert_eq!(models.iter().map(tokens).collect::<Vec<_>>(), wanted);
}

/// Prompts above 200,000 tokens at twice the price: each request is billed by itself. By hand, a month of
/// ten days of them, three times and 1/24 as much: ten of 100,000 + 1,000 tokens at 2 and 10 are 2.10, ten
/// of 300,000 + 1,000 at 4 and 20 are 12.20.
#[test]
fn a_payback_of_records_bills_each_prompt_by_its_length() {
    let prices = r#"[{"id":"x/y","input":2,"output":10,"as_of":"2026-11-20","source":"x",
        "long_prompt":{"above_tokens":200000,"input":4,"output":20}}]"#;
    let one = |created: u64, prompt: u32| {
        format!(
            "{{\"type\":\"completion\",\"created\":{created},\"model\":{{\"name\":\"m\"}},\"usage\":\
             {{\"prompt_tokens\":{prompt},\"completion_tokens\":1000}}}}\n"
        )
    };
    let input = one(1_790_000_000, 100_000).repeat(10) + &one(1_790_864_000, 300_000).repeat(10);
    let run = |line: &str, input: &str| {
        let sandbox = Sandbox::new();
        std::fs::write(sandbox.path().join("p.json"), prices).unwrap();
        let flags = "--prices p.json --machine dgx-spark-128 --local gpt-oss-120b";
        let ran = tool(&sandbox, &format!("{line} --cloud x/y {flags}"))
            .input(input)
            .run();
        record(&ran.exits(0))
    };
    let month = 365.0 / 12.0 / 10.0;
    let said = run("payback", &input);
    near(&said["cloud_usd_per_month"], (2.10 + 12.20) * month);
    assert!(
        is_noted(
            &said,
            "of the records' requests 10 have prompts above 200000"
        ),
        "{said}"
    );
    // The rates that stand in the record make the same bill.
    let terms = &said["assumptions"];
    let number = |value: &Value| value.as_f64().unwrap();
    let bill = number(&terms["input"]) * number(&terms["rates"]["input"])
        + number(&terms["output"]) * number(&terms["rates"]["output"]);
    near(&said["cloud_usd_per_month"], bill);
    let all = run("payback --prompt-tokens 300000", &input);
    near(&all["cloud_usd_per_month"], (4.20 + 12.20) * month);
    // A day's sum may be one prompt or many.
    let report = r#"{"daily":[{"date":"2026-11-01","inputTokens":4000000,"outputTokens":20000,"totalCost":1}]}"#;
    let said = run("payback --days 1", report);
    near(&said["cloud_usd_per_month"], 8.20 * 365.0 / 12.0);
    assert!(
        is_noted(&said, "record is a sum of requests without the lengths"),
        "{said}"
    );
    let given = run("payback --input-mtok 1 --output-mtok 1", "");
    assert!(is_noted(&given, "taken to be shorter"), "{given}");
}

#[test]
fn numbers_without_sense_are_passed_over_with_a_count() {
    let line = |prompt: &str| {
        format!(
            r#"{{"type":"completion","usage":{{"prompt_tokens":{prompt},"completion_tokens":5}},"model":{{"name":"a"}}}}"#
        )
    };
    let bad = ["-7", "1e30", r#""9""#, "1.5"].map(line).join("\n");
    let ran = fed("usage", &format!("{bad}\n{}", line("10"))).exits(0);
    let said = record(&ran.says("4 records whose numbers make no sense"));
    assert_eq!(said["requests"], 1);
    near(&said["total_tokens"], 15.0);
    fed("usage", &bad).exits(2).says("no records of usage");
}

/// By hand: 100,000 tokens on each of three days of one span are 9.1 million a month, and 100 million of
/// embeddings of nobody knows when are none of them.
#[test]
fn what_has_no_date_swells_no_month() {
    let dated = |created: u64| {
        format!(
            "{{\"type\":\"completion\",\"created\":{created},\"usage\":{{\"prompt_tokens\":100000,\
             \"completion_tokens\":1000}},\"model\":{{\"name\":\"x\"}}}}\n"
        )
    };
    let vectors = r#"{"type":"embedding","usage":{"prompt_tokens":100000000,"total_tokens":100000000},"model":{"name":"x"}}"#;
    let own = dated(1_793_600_000) + &dated(1_793_643_200) + &dated(1_793_686_400);
    let flags = "payback --machine dgx-spark-128 --local gpt-oss-120b";
    let mixed = own.clone() + vectors;
    let alone = record(&fed(flags, &own).exits(0));
    near(&alone["assumptions"]["input"], 0.3 * 365.0 / 12.0);
    let ran = fed(flags, &mixed).exits(0);
    let said = record(&ran.says("1 record without a time, with 100.0 million tokens"));
    assert_eq!(said["assumptions"], alone["assumptions"]);
    assert!(is_noted(&said, "left out of the month"), "{said}");
    let all = record(&fed(&format!("{flags} --days 10"), &mixed).exits(0));
    near(&all["assumptions"]["input"], 100.3 * 365.0 / 12.0 / 10.0);
    let used = record(&fed("usage", &mixed).exits(0));
    assert_eq!(
        (&used["undated_records"], &used["to"]),
        (&json!(1), &json!("2026-11-03"))
    );
}

/// What is paid is a part where a record does not say it, and a table of a cloud's use asks for no watts.
#[test]
fn a_sum_of_a_part_of_what_was_paid_is_said_to_be_one() {
    let input = r#"[{"date":"2026-11-01","model":"gpt-5","input_tokens":10,"output_tokens":2,"cost":0.25},
        {"date":"2026-11-02","model":"gpt-5","input_tokens":10,"output_tokens":2}]"#;
    let ran = fed("usage --cloud gpt-5", input).exits(0);
    let said = record(&ran.says("1 record does not say what was paid"));
    assert_eq!(
        (&said["unpaid_records"], &said["paid_usd"]),
        (&json!(1), &json!(0.25))
    );
    let ran = fed("usage --cloud gpt-5 -T", input).exits(0);
    assert!(!ran.stdout().contains("joules"), "{}", ran.stdout());
    assert!(!ran.stderr().contains("power"), "{}", ran.stderr());
    let clouds = record(&fed("usage", input).exits(0))["clouds"]
        .as_array()
        .unwrap()
        .len();
    assert!((2..=6).contains(&clouds), "{clouds}");
}

#[test]
fn embeddings_are_said_to_have_no_time() {
    let input =
        r#"{"type":"embedding","usage":{"prompt_tokens":9,"total_tokens":9},"model":{"name":"a"}}"#;
    let ran = fed("usage --load-watts 60", input).exits(0);
    let said = record(&ran.says("1 record has no time of work"));
    assert_eq!(
        (&said["joules"], &said["local_usd_per_mtok"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn answers_in_a_providers_form_are_said_to_have_no_time() {
    let line = r#"{"custom_id":"a","response":{"body":{"model":"m","usage":{"prompt_tokens":7,"completion_tokens":2}}}}"#;
    let told = "1 record is in the form of a provider";
    fed("usage --load-watts 30", line).exits(0).says(told);
    assert!(!fed("usage", line).exits(0).stderr().contains(told));
}

#[test]
fn a_file_counts_once() {
    let sandbox = Sandbox::new();
    let line = r#"{"type":"completion","usage":{"prompt_tokens":7,"completion_tokens":2}}"#;
    sandbox.file("a.jsonl", line);
    sandbox.file("b.jsonl", line);
    let usage = |files: &[&str]| tool(&sandbox, "usage").args(files).run();
    usage(&["a.jsonl", "./a.jsonl"])
        .exits(2)
        .says("named twice");
    let both = record(&usage(&["a.jsonl", "b.jsonl"]).exits(0));
    assert_eq!(both["requests"], 2);
}

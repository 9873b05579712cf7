//! `llm-bench`: every combination has its row, a bad one has its error, rows keep llama-bench's keys,
//! random weights are the same everywhere, and perplexity is one number for one text. Nothing here
//! depends on how fast anything is.

use serde_json::Value;

use crate::harness::{Ran, Sandbox};
use crate::support::model::{self, Bench, DIGEST};
use crate::support::records::{record, records};

const TINY: &str = "tiny-llama:q4_0";

fn bench(arguments: &[&str]) -> Ran {
    let sandbox = Sandbox::new();
    sandbox.tool("llm-bench").args(arguments).run()
}

/// Returns the numbers that tell a row from the others.
fn keys(row: &Value) -> [u64; 5] {
    ["n_threads", "n_depth", "n_parallel", "n_prompt", "n_gen"]
        .map(|key| row[key].as_u64().unwrap())
}

#[test]
fn every_combination_has_one_row_in_order() {
    let ran = bench(&[
        "--shape",
        TINY,
        "-t",
        "1,2",
        "-d",
        "0,16",
        "--parallel",
        "1,3",
        "-p",
        "8",
        "-n",
        "4",
        "--pg",
        "5,2",
        "-r",
        "3",
    ])
    .exits(0)
    .says_nothing();
    let rows = records(&ran);
    let mut wanted = Vec::new();
    for threads in [1, 2] {
        for depth in [0, 16] {
            for parallel in [1, 3] {
                for (prompt, generated) in [(8, 0), (0, 4), (5, 2)] {
                    wanted.push([threads, depth, parallel, prompt, generated]);
                }
            }
        }
    }
    assert_eq!(rows.iter().map(keys).collect::<Vec<_>>(), wanted);
    for row in &rows {
        let [threads, _, parallel, prompt, generated] = keys(row);
        assert_eq!(row["type"], "bench");
        assert_eq!(row["model_filename"], TINY);
        assert_eq!(row["build"]["threads"], threads);
        assert_eq!(
            (&row["extrapolated"], &row["fits"]),
            (&false.into(), &true.into())
        );
        let times = row["samples_ns"].as_array().unwrap();
        let rates = row["samples_ts"].as_array().unwrap();
        assert_eq!((times.len(), rates.len()), (3, 3));
        let tokens = (parallel * (prompt + generated)) as f64;
        for (time, rate) in times.iter().zip(rates) {
            // The times are cut to whole nanoseconds.
            let again = 1e9 * tokens / time.as_f64().unwrap();
            assert!((again / rate.as_f64().unwrap() - 1.0).abs() < 1e-3, "{row}");
        }
        assert_eq!(row.get("ttft_ns_p50").is_some(), prompt > 0, "{row}");
        assert_eq!(row.get("itl_ns_p95").is_some(), generated > 0, "{row}");
        assert_eq!(
            row.get("bandwidth_fraction").is_some(),
            generated > 0,
            "{row}"
        );
        assert!(row["compute_fraction"].as_f64().unwrap() > 0.0, "{row}");
        assert!(row["limits"]["read_bytes_per_second"].as_f64().unwrap() > 1e6);
        let cores = std::thread::available_parallelism().unwrap().get();
        assert_eq!(row["cpu_cores"], cores, "{row}");
        assert!(
            row["memory_bytes"].as_u64() > row["peak_rss_bytes"].as_u64(),
            "{row}"
        );
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_u64() => "int",
        Value::Number(_) => "float",
        Value::String(_) => "string",
        _ => "other",
    }
}

/// Returns what llama-bench's `get_field_type` says of a key.
fn their_kind(key: &str) -> &'static str {
    match key {
        "cpu_strict" | "no_kv_offload" | "embeddings" => "bool",
        "avg_ts" | "stddev_ts" => "float",
        "model_size" | "model_n_params" | "n_batch" | "n_ubatch" | "n_threads" | "n_gpu_layers"
        | "main_gpu" | "flash_attn" | "n_prompt" | "n_gen" | "n_depth" | "avg_ns" | "stddev_ns" => {
            "int"
        }
        _ => "string",
    }
}

#[test]
fn llama_benchs_keys_stand_in_its_order() {
    let row = record(&bench(&["--shape", TINY, "-p", "4", "-n", "0", "-r", "1"]).exits(0));
    // From llama-bench's `get_fields`, those that have a meaning here.
    let theirs = [
        "build_commit",
        "cpu_info",
        "gpu_info",
        "backends",
        "model_filename",
        "model_type",
        "model_size",
        "model_n_params",
        "n_batch",
        "n_ubatch",
        "n_threads",
        "cpu_mask",
        "cpu_strict",
        "type_k",
        "type_v",
        "n_gpu_layers",
        "split_mode",
        "main_gpu",
        "no_kv_offload",
        "flash_attn",
        "devices",
        "tensor_buft_overrides",
        "load_mode",
        "embeddings",
        "n_prompt",
        "n_gen",
        "n_depth",
        "test_time",
        "avg_ns",
        "stddev_ns",
        "avg_ts",
        "stddev_ts",
        "samples_ns",
        "samples_ts",
    ];
    let ours: Vec<_> = row
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let shared: Vec<_> = ours
        .into_iter()
        .filter(|key| theirs.contains(key))
        .collect();
    assert_eq!(shared, theirs);
    // Samples are arrays.
    for key in &theirs[..theirs.len() - 2] {
        assert_eq!(kind(&row[key]), their_kind(key), "{key}");
    }
    assert_eq!(row["load_mode"], "none");
    let time = row["test_time"].as_str().unwrap();
    assert!(
        time.len() == 20 && time.ends_with('Z') && &time[10..11] == "T",
        "{time}"
    );
}

#[test]
fn a_combination_that_fails_is_a_row_and_the_sweep_goes_on() {
    let ran = bench(&[
        "-m",
        "no-such-model",
        "--shape",
        TINY,
        "-d",
        "600,0",
        "-p",
        "4",
        "-n",
        "0",
        "-r",
        "1",
    ])
    .exits(1);
    let rows = records(&ran);
    let codes: Vec<_> = rows
        .iter()
        .map(|row| row["error"]["code"].as_str())
        .collect();
    assert_eq!(
        codes,
        [
            Some("model_failed"),
            Some("model_failed"), // no-such-model
            Some("context_exceeded"),
            None,
        ]
    );
    let told = |row: usize| rows[row]["error"]["message"].as_str().unwrap();
    assert!(told(0).contains("'no-such-model'"));
    assert!(told(2).contains("604 positions") && told(2).contains("512"));
    assert!(rows[3]["avg_ts"].as_f64().unwrap() > 0.0);
    assert_eq!(rows[0].get("avg_ts"), None);
}

#[test]
fn a_table_has_a_head_and_a_line_for_each_row() {
    let ran = bench(&[
        "--shape", TINY, "-d", "0,600", "-p", "4", "-n", "2", "-r", "1", "-t", "1", "--format",
        "md",
    ])
    .exits(1)
    .says("the test needs 604 positions");
    let text = ran.stdout();
    let lines: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert_eq!(lines.len(), 6);
    assert_eq!(
        lines[0],
        [
            "model", "size", "params", "backend", "threads", "test", "t/s"
        ]
    );
    assert!(
        lines[1]
            .iter()
            .all(|cell| cell.trim_end_matches(':').chars().all(|c| c == '-'))
    );
    let column =
        |index: usize| -> Vec<&str> { lines[2..].iter().map(|line| line[index]).collect() };
    assert_eq!(column(5), ["pp4", "tg2", "pp4 @ d600", "tg2 @ d600"]);
    assert_eq!(column(6)[2..], ["error", "error"]);
    assert!(column(6)[0].contains(" ± "), "{text}");
}

#[test]
fn a_real_model_is_named_by_its_digest() {
    let bench = Bench::new();
    let file = model::file("smollm2-135m-instruct-q4_1.gguf");
    let ran = bench
        .pipe(&format!("llm-bench -m {} -p 4 -n 0 -r 1", file.display()))
        .run()
        .exits(0);
    let row = record(&ran);
    assert_eq!(row["model"]["digest"], DIGEST);
    assert_eq!(row["model"]["synthetic"], false);
    assert_eq!(row["load_mode"], "mmap");
    // What llama-bench 4df29be says of the same file.
    assert_eq!(
        (&row["model_size"], &row["model_n_params"]),
        (&96_576_768.into(), &134_515_008.into())
    );
    assert_eq!(row.get("fits"), None);
    assert!(row["load_ns"].as_u64().unwrap() > 0);
    #[cfg(target_os = "linux")]
    assert!(row["peak_rss_bytes"].as_u64().unwrap() > 50 << 20);
}

#[test]
fn a_sample_of_layers_is_marked_and_has_the_whole_models_numbers() {
    let flags = [
        "-p",
        "4",
        "-n",
        "2",
        "-r",
        "1",
        "--shape",
        "tiny-gemma3:q4_k_m",
    ];
    let whole = records(&bench(&flags).exits(0));
    let sample = records(&bench(&[&flags[..], &["--layers", "6"]].concat()).exits(0));
    for (whole, sample) in whole.iter().zip(&sample) {
        assert_eq!(
            (&whole["extrapolated"], whole.get("n_layers_timed")),
            (&false.into(), None)
        );
        assert_eq!(
            (&sample["extrapolated"], &sample["n_layers_timed"]),
            (&true.into(), &6.into())
        );
        for key in [
            "model_size",
            "model_n_params",
            "needed_bytes",
            "fits",
            "model",
        ] {
            assert_eq!(whole[key], sample[key], "{key}");
        }
        assert_eq!(sample["model"]["layers"], 12);
        // They would be those of the sample.
        assert_eq!(
            (sample.get("load_ns"), sample.get("peak_rss_bytes")),
            (None, None)
        );
        assert!(sample["avg_ts"].as_f64().unwrap() > 0.0);
    }
    let too_many = bench(&["--shape", "tiny-gemma3:q4_0", "--layers", "13", "-n", "0"]).exits(1);
    let told = record(&too_many)["error"]["message"].to_string();
    assert!(told.contains("1 to 12"), "{told}");
}

#[test]
fn written_weights_are_those_in_memory_and_can_be_read_back() {
    let sandbox = Sandbox::new();
    let tool = |arguments: &[&str]| sandbox.tool("llm-bench").args(arguments).run();
    let write = ["--shape", "tiny-gemma3:q5_k_m", "--write", "tiny.gguf"];
    tool(&write).exits(0).writes("").says_nothing();
    tool(&write).exits(2).says("'tiny.gguf' already exists");
    tool(&[&write[..], &["--force"]].concat()).exits(0);
    let quick = ["-p", "3", "-n", "0", "-r", "1"];
    let row = |flags: &[&str]| record(&tool(&[flags, &quick[..]].concat()).exits(0));
    let (file, memory) = (row(&["-m", "./tiny.gguf"]), row(&write[..2]));
    for key in ["model_size", "model_n_params", "model_type"] {
        assert_eq!(file[key], memory[key], "{key}");
    }
    tool(&["--shape", "tiny-llama:f16,tiny-llama:q8_0", "--write", "x"])
        .exits(2)
        .says("one --shape");
    tool(&["--shape", "tiny-llama:f16", "--write", "no/such/folder"])
        .exits(2)
        .says("cannot write 'no/such/folder'");
}

#[test]
fn perplexity_is_one_number_for_a_text_on_any_number_of_threads() {
    let bench = Bench::new();
    let file = model::file("smollm2-135m-instruct-q4_1.gguf");
    let readme = include_str!("../README.md");
    let text: String = readme.chars().take(3000).collect();
    let mut words: Vec<_> = text.split_inclusive(' ').collect();
    words.reverse();
    bench.file("text", &text);
    bench.file("backwards", words.concat());
    let run = |more: &str| {
        let line = format!("llm-bench -q -m {} -c 128 {more}", file.display());
        bench.pipe(&line).run()
    };
    let measured = record(&run("-t 2 --perplexity text").exits(0));
    assert_eq!(measured["type"], "perplexity");
    let (windows, scored) = (measured["n_chunks"].as_u64(), measured["n_scored"].as_u64());
    assert!(windows >= Some(2));
    assert_eq!(scored, windows.map(|windows| windows * (128 - 1 - 64)));
    let again = record(&run("-t 1 --perplexity text").exits(0));
    assert_eq!(measured["perplexity"], again["perplexity"]);
    let value = |record: &Value| record["perplexity"].as_f64().unwrap();
    let backwards = record(&run("--perplexity backwards").exits(0));
    assert!(1.0 < value(&measured) && 1.5 * value(&measured) < value(&backwards));
    let table = run("-t 2 --perplexity text --format md").exits(0).stdout();
    let shown = format!("{:.4} ± ", value(&measured));
    assert!(table.starts_with(&shown), "{table}");
    run("--perplexity missing")
        .exits(2)
        .says("cannot read 'missing'");
    run("-c 4096 --perplexity text")
        .exits(2)
        .says("at least two windows of 4096 are needed");
}

#[test]
fn what_cannot_be_measured_is_told_before_anything_is() {
    bench(&["-p", "0", "-n", "0"])
        .exits(2)
        .writes("")
        .says("nothing to time");
    bench(&["--layers", "4"])
        .exits(2)
        .writes("")
        .says("--shape");
    bench(&["-pg", "8,4"])
        .exits(2)
        .says("write --pg PROMPT,GEN");
    bench(&["-ngl", "3"]).exits(2).says("measures the CPU");
    bench(&["-t", "5000", "--shape", TINY, "-n", "0"])
        .exits(1)
        .says_nothing();
}

/// No row: a list with a typing error in it must not be measured up to there.
#[test]
fn a_shape_that_does_not_exist_is_a_wrong_value() {
    for (shapes, parts) in [
        (
            "tiny-llama:q4_0,llama-3.2-1:q4_0",
            [
                "'llama-3.2-1' (did you mean 'llama-3.2-1b'?)",
                "smollm2-135m,",
            ],
        ),
        ("xyz:q4_0", ["'xyz'; known are", "smollm2-135m,"]),
        (
            "tiny-llama:q4km",
            ["'q4km'", "(did you mean 'q4_k_m'?); known are f16,"],
        ),
        (
            "tiny-llama",
            ["as in tiny-llama:q4_k_m", "known are f16, bf16"],
        ),
    ] {
        let ran = bench(&["--shape", shapes]).exits(2).writes("");
        assert_eq!(ran.stderr().lines().count(), 1, "{ran}");
        for part in parts {
            assert!(ran.stderr().contains(part), "{part}: {ran}");
        }
        let write = ["--shape", shapes, "--write", "x.gguf"];
        bench(&write).exits(2).writes("");
    }
}

/// One row is enough for `head`; the rest is not measured to the end.
#[test]
fn a_reader_that_has_enough_ends_it_quietly() {
    let sandbox = Sandbox::new();
    let depths = (0..200).map(|_| "0").collect::<Vec<_>>().join(",");
    let line = format!("llm-bench --shape {TINY} -p 4 -n 0 -r 1 -d {depths} | head -n 1");
    let ran = sandbox.pipe(&line).run().exits(0).says_nothing();
    assert_eq!(records(&ran).len(), 1);
}

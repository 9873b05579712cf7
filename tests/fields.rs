//! What the fields of a line, and what the words of a call, are taken for: numbers as they are written,
//! names that other programs give a meaning, values that look like flags.

use serde_json::{Value, json};

use crate::embedders::tiny;
use crate::harness::Sandbox;
use crate::support::model::{Bench, FILE};
use crate::support::records::{record, records};

/// Numbers that a reader of doubles makes others of, with two that stay.
const NUMBERS: [&str; 8] = [
    "12345678901234567890123456789",
    "0.10000000000000000555",
    "1e400",
    "1.10",
    "-0",
    "18446744073709551616",
    "9007199254740993",
    r#"{"b":[1.0,{"z":1E5}]}"#,
];

/// Through two runs, since the second reads what the first kept.
#[test]
fn what_is_kept_is_written_as_it_was_read() {
    let bench = Bench::new();
    let lines = NUMBERS.map(|number| {
        let id = if number.starts_with('{') {
            "7.50"
        } else {
            number
        };
        format!("{{\"id\":{id},\"prompt\":\"Hi\",\"k\":{number}}}\n")
    });
    let told = bench
        .pipe("llm-run --jsonl --keep k -n 1 | tee first | llm-run --jsonl -n 1")
        .input(lines.concat())
        .run()
        .exits(0)
        .stdout();
    let first = std::fs::read_to_string(bench.sandbox.path().join("first")).unwrap();
    for written in [&first, &told] {
        assert_eq!(written.lines().count(), NUMBERS.len(), "{written}");
        for (line, number) in written.lines().zip(NUMBERS) {
            let input = format!("\"input\":{{\"k\":{number}}}");
            assert!(line.contains(&input), "{input}: {line}");
            let id = if number.starts_with('{') {
                "7.50"
            } else {
                number
            };
            assert!(line.contains(&format!("\"id\":{id},")), "{id}: {line}");
        }
    }
}

#[test]
fn a_template_has_numbers_as_they_are_written() {
    let bench = Bench::new();
    let lines = NUMBERS.map(|number| format!("{{\"k\":{number}}}\n"));
    let ran = bench
        .pipe("llm-run --jsonl --template 'x {{k}}' --no-template --show-prompt")
        .input(lines.concat())
        .run()
        .exits(0);
    let texts: Vec<_> = records(&ran)
        .iter()
        .map(|record| record["text"].clone())
        .collect();
    assert_eq!(texts, NUMBERS.map(|number| json!(format!("x {number}"))));
}

/// Two ids that are one double are two.
#[test]
fn a_run_goes_on_by_ids_of_any_size() {
    let bench = Bench::new();
    let line = |id: &str| format!("{{\"id\":{id},\"prompt\":\"Hi\"}}\n");
    let run = |lines: String| {
        bench
            .pipe("llm-run --jsonl -n 1 -o out.jsonl")
            .input(lines)
            .run()
    };
    let output = || std::fs::read_to_string(bench.sandbox.path().join("out.jsonl")).unwrap();
    run(line(NUMBERS[0])).exits(0);
    let once = output();
    run(line(NUMBERS[0])).exits(0);
    assert_eq!(output(), once);
    run(line("12345678901234567890123456788") + &line("1e400")).exits(0);
    assert_eq!(output().lines().count(), 3);
    assert!(output().contains("\"id\":1e400,"));
}

#[test]
fn the_largest_seed_is_one() {
    let bench = Bench::new();
    let seed = |call: &str, line: &str| {
        let ran = bench.pipe(call).input(line).run().exits(0);
        record(&ran)["sampling"]["seed"].clone()
    };
    let line = r#"{"prompt":"Hi","seed":18446744073709551615}"#;
    assert_eq!(seed("llm-run --jsonl -n 1", line), json!(u64::MAX));
    assert_eq!(
        seed("llm-run -n 1 -s 18446744073709551615", "Hi"),
        json!(u64::MAX)
    );
}

/// What another API's request asks for is done, closes its line, or is the user's own data.
#[test]
fn a_name_of_another_api_is_used_or_refused() {
    let bench = Bench::new();
    let lines = [
        json!({"id": "used", "prompt": "Hi", "max_new_tokens": 2}),
        json!({"id": "ollama", "prompt": "Hi", "options": {"num_predict": 2, "num_thread": 4}}),
        json!({"id": "nothing", "prompt": "Hi", "max_tokens": 2, "n": 1, "logit_bias": {}}),
        json!({"id": "format", "prompt": "Hi", "response_format": {"type": "structural_tag"}}),
        json!({"id": "option", "prompt": "Hi", "options": {"tfs_z": 0.5}}),
        json!({"id": "tools", "prompt": "Hi", "tools": [{"type": "function"}]}),
        json!({"id": "two", "prompt": "Hi", "text": "Ho"}),
    ];
    let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let run = |more: &str| {
        let ran = bench
            .pipe(&format!("llm-run --jsonl -n 1 {more}"))
            .input(lines.clone())
            .run();
        records(&ran)
    };
    let all = run("");
    for answer in &all[..3] {
        assert_eq!(answer["sampling"]["max_tokens"], 2, "{answer}");
    }
    for (failure, code, name) in [
        (&all[3], "unsupported_field", "'response_format'"),
        (&all[4], "unsupported_field", "'options.tfs_z'"),
        (&all[5], "unsupported_field", "'tools'"),
        (&all[6], "bad_request", "'text'"),
    ] {
        assert_eq!(failure["error"]["code"], code, "{failure}");
        let told = failure["error"]["message"].as_str().unwrap();
        assert!(told.contains(name) && told.contains("--keep"), "{told}");
    }
    let is_answer = |record: &Value| record["type"] == "completion";
    let free = run("--keep response_format --keep options.tfs_z --keep tools --keep text");
    assert!(free.iter().all(is_answer), "{free:?}");
    // A template makes the prompt, so a second one is data; what it does not name is not.
    let free = run("--template '{{prompt}}'");
    let failed: Vec<_> = free.iter().filter(|record| !is_answer(record)).collect();
    assert_eq!(failed.len(), 3, "{failed:?}");
}

#[test]
fn a_line_of_a_batch_file_with_a_host_or_a_number_for_a_name() {
    let bench = Bench::new();
    let line = |id: Value, url: &str| {
        let body = json!({"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1});
        format!(
            "{}\n",
            json!({"custom_id": id, "method": "POST", "url": url, "body": body})
        )
    };
    let url = "https://api.openai.com/v1/chat/completions";
    let lines = line(json!("a"), url) + &line(json!(5), "/v1/chat/completions");
    let ran = bench.pipe("llm-run --jsonl").input(lines).run().exits(1);
    let lines: Vec<Value> = ran
        .stdout()
        .lines()
        .map(|it| serde_json::from_str(it).unwrap())
        .collect();
    assert_eq!(lines[0]["custom_id"], "a");
    assert_eq!(lines[0]["response"]["status_code"], 200);
    assert_eq!(lines[1]["custom_id"], 5);
    assert_eq!(lines[1]["error"]["code"], "bad_request");
}

#[test]
fn deep_json_and_lines_that_end_with_cr_are_called_so() {
    let bench = Bench::new();
    let deep = format!(
        "{{\"prompt\":\"Hi\",\"a\":{}1{}}}\n",
        "[".repeat(128),
        "]".repeat(128)
    );
    for (lines, part) in [
        (deep.as_str(), "nests lists and objects"),
        ("{\"prompt\":\"a\"}\r{\"prompt\":\"b\"}\r", "CR alone"),
        (
            r#"{"messages":[{"role":"assistant","content":null,"tool_calls":[]}]}"#,
            "its 'content' is null and its 'tool_calls' is empty",
        ),
    ] {
        let ran = bench
            .pipe("llm-run --jsonl -n 1")
            .input(lines)
            .run()
            .exits(1);
        let told = record(&ran)["error"]["message"].clone();
        assert!(told.as_str().unwrap().contains(part), "{told}");
    }
}

#[test]
fn a_value_that_looks_like_a_flag_is_a_value() {
    let bench = Bench::new();
    for call in [
        "llm-run -p -st -n 1",
        "llm-run --system -hf -p Hi -n 1",
        "llm-run -Tp -ngl -n 1",
    ] {
        bench.pipe(call).run().exits(0);
    }
    bench
        .pipe("llm-run -p Hi -st")
        .run()
        .exits(2)
        .says("'-st' is a flag of llama.cpp");
    bench
        .pipe("llm-run -p Hi --estimate --watts -1")
        .run()
        .exits(2)
        .says("must be a number of watts above 0");
}

/// Nobody writes into the pipe, so whoever opens it waits for ever.
#[cfg(unix)]
#[test]
fn a_model_that_is_no_file_is_called_so() {
    let sandbox = Sandbox::new();
    for (call, part) in [
        (
            "mkfifo ./pipe; llm-run -m ./pipe -p Hi",
            "'./pipe' is a pipe",
        ),
        (
            "mkfifo ./wait; llm-embed -m ./wait < /dev/null",
            "'./wait' is a pipe",
        ),
        ("llm-run -m /dev/null -p Hi", "'/dev/null' is a device"),
        ("llm-pull show ./pipe", "is a pipe"),
        ("llm-run -m $'./caf\\xe9.gguf' -p Hi", "is not UTF-8"),
        (
            "mkdir f; mkfifo f/config.json; touch f/model.safetensors; llm-run -m ./f -p Hi",
            "config.json",
        ),
    ] {
        sandbox
            .pipe(&format!("timeout 20 bash -c {}", quoted(call)))
            .run()
            .exits(2)
            .says(part);
    }
    let call = format!("llm-run -m <(cat {}) -p Hi", quoted(FILE));
    sandbox
        .pipe(&call)
        .run()
        .exits(2)
        .says("is a pipe, and a model is read more than once");
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[test]
fn a_token_that_no_request_can_carry_is_called_so() {
    let sandbox = Sandbox::new();
    let pull = |token: &str| {
        let call = sandbox.tool("llm-pull").arg("org/x").env("HF_TOKEN", token);
        call.env("HF_ENDPOINT", "http://127.0.0.1:9").run().exits(2)
    };
    pull("hf_ü").says("HF_TOKEN holds the character 'ü'");
    // As `huggingface_hub`, which takes line ends out.
    pull("hf_a\nb").says("127.0.0.1:9");
    // A time to which the present cannot be added.
    let call = sandbox
        .tool("llm-pull")
        .arg("org/x")
        .env("HF_ENDPOINT", "http://127.0.0.1:9");
    call.env("HF_HUB_DOWNLOAD_TIMEOUT", "9223372036854775807")
        .run()
        .exits(2)
        .says("127.0.0.1:9");
}

/// What an editor of another system puts into files of JSON: a byte order mark, CR LF or CR for LF.
#[test]
fn files_of_json_are_the_same_with_other_line_ends_and_a_mark() {
    let sandbox = Sandbox::new();
    let embed = |model: &str| {
        let tool = sandbox
            .tool("llm-embed")
            .args(["-m", model])
            .input("a text");
        record(&tool.run().exits(0))["embedding"].clone()
    };
    let plain = tiny("bert");
    for (name, line_end) in [("crlf", "\r\n"), ("cr", "\r")] {
        for folder in ["", "1_Pooling", "2_Dense", "3_Dense"] {
            for entry in std::fs::read_dir(plain.join(folder)).unwrap() {
                let path = entry.unwrap().path();
                let file = path.file_name().unwrap().to_str().unwrap();
                let target = format!("{name}/{folder}/{file}");
                match path.extension().and_then(std::ffi::OsStr::to_str) {
                    Some("json") => {
                        let text = std::fs::read_to_string(&path)
                            .unwrap()
                            .replace('\n', line_end);
                        sandbox.file(&target, format!("\u{feff}{text}"));
                    }
                    Some("safetensors") => {
                        drop(sandbox.file(&target, std::fs::read(&path).unwrap()));
                    }
                    _ => {}
                }
            }
        }
        assert_eq!(
            embed(&format!("./{name}")),
            embed(plain.to_str().unwrap()),
            "{name}"
        );
    }
}

/// The vectors of a file that an editor has marked are all compared, and told of by what they hold.
#[test]
fn a_file_of_vectors_may_have_a_mark() {
    let sandbox = Sandbox::new();
    let model = tiny("bert");
    let model = quoted(model.to_str().unwrap());
    let lines = "{\"id\":1.50,\"text\":\"red\"}\n{\"id\":2,\"text\":\"blue\"}\n";
    let call = format!(
        "printf '\\xef\\xbb\\xbf' > v.jsonl; llm-embed -m {model} --jsonl >> v.jsonl && \
         llm-embed search v.jsonl red -m {model}"
    );
    let told = sandbox.pipe(&call).input(lines).run().exits(0).stdout();
    assert_eq!(told.lines().count(), 2, "{told}");
    assert!(told.contains("\"id\":1.50,"), "{told}");
}

//! `llm-embed`: what texts come from and what vectors are written to. That the vectors are right is tested
//! in llm-engine, that a form of one is, in llm-record.

use std::path::Path;

use serde_json::{Value, json};

use crate::embed::{length, refused, tool, vector};
use crate::harness::Sandbox;
use crate::support::model::file;
use crate::support::records::{check, record, records, timeless};

/// A text of so many words that are a token each.
fn words(count: usize) -> String {
    vec!["word"; count].join(" ")
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<Value> = lines.collect();
    for line in &lines {
        check(line).unwrap();
    }
    lines
}

#[test]
fn a_file_is_a_text_and_one_that_is_none_fails_in_its_place() {
    let sandbox = Sandbox::new();
    sandbox.file("a.txt", "A happy person\n");
    sandbox.file("bad.txt", b"\xff");
    sandbox.file("blank.txt", " \n");
    let files = [
        "a.txt",
        "none.txt",
        "bad.txt",
        "blank.txt",
        "a.txt/b",
        "a.txt",
    ];
    let ran = tool(&sandbox).args(files).arg("--keep-text").run().exits(1);
    let records = records(&ran);
    let codes: Vec<_> = records.iter().map(|it| &it["error"]["code"]).collect();
    let wanted = json!([
        null,
        "unreadable_file",
        "bad_utf8",
        "empty_input",
        "unreadable_file",
        null
    ]);
    assert_eq!(json!(codes), wanted);
    for (at, (record, name)) in records.iter().zip(files).enumerate() {
        assert_eq!(record["input"]["path"], name);
        assert_eq!(record["line"], at + 1);
    }
    assert_eq!(records[0]["text"], "A happy person");
    let line = record(&tool(&sandbox).input("A happy person\n").run().exits(0));
    assert_eq!(records[0]["embedding"], line["embedding"]);
}

#[test]
fn a_run_over_files_goes_on_with_those_that_are_new() {
    let sandbox = Sandbox::new();
    let run = |files: &[&str]| {
        let tool = tool(&sandbox).args(["-o", "out.jsonl"]).args(files);
        let told = tool.run().stderr();
        let lines = lines(&sandbox.path().join("out.jsonl"));
        let paths = lines.iter().map(|line| line["input"]["path"].clone());
        (json!(paths.collect::<Vec<_>>()), told)
    };
    sandbox.file("a.txt", "the same");
    sandbox.file("b.txt", "the same");
    run(&["a.txt"]);
    // What an earlier run has made of another file is not this one's.
    let (paths, told) = run(&["b.txt", "a.txt"]);
    assert_eq!(paths, json!(["a.txt", "b.txt"]));
    assert!(told.contains("1 done, 0 failed, 1 skipped"), "{told}");
    // A file that has changed is another text, and a piece is one of its file.
    sandbox.file("a.txt", format!("{}\n\n{}", words(6), words(6)));
    let (paths, _) = run(&["--chunk", "10", "a.txt", "b.txt"]);
    assert_eq!(paths, json!(["a.txt", "b.txt", "a.txt", "a.txt"]));
    assert_eq!(run(&["--chunk", "10", "a.txt", "b.txt"]).0, paths);
    // What has moved in its file is recorded where it stands now.
    sandbox.file("a.txt", format!("new\n\n{}\n\n{}", words(6), words(6)));
    run(&["--chunk", "10", "a.txt"]);
    let read = std::fs::read(sandbox.path().join("a.txt")).unwrap();
    let lines = lines(&sandbox.path().join("out.jsonl"));
    let last = &lines.last().unwrap()["input"];
    let end = last["offset"].as_u64().unwrap() + last["length"].as_u64().unwrap();
    assert_eq!(end, read.len() as u64);
}

#[test]
fn fields_are_kept_of_lines_alone() {
    let sandbox = Sandbox::new();
    sandbox.file("a.txt", "a");
    let keep = ["--keep", "x"];
    for files in [&["a.txt"][..], &["--chunk", "9"]] {
        let tool = tool(&sandbox).args(keep).args(files).input("b\n");
        refused(tool.run(), "--keep carries fields of --jsonl lines");
    }
    let line = batch().lines().next().unwrap().to_owned();
    for flags in [&keep[..], &["--keep-text"], &["--template", "{{x}}"]] {
        let tool = tool(&sandbox)
            .arg("--jsonl")
            .args(flags)
            .input(line.as_str());
        let told = tool.run().exits(1).records();
        assert_eq!(told[0]["error"]["code"], "unsupported_field", "{flags:?}");
    }
}

#[test]
fn a_list_of_files_is_read_as_it_comes() {
    let sandbox = Sandbox::new();
    for name in ["a\nb.txt", "c.txt"] {
        sandbox.file(name, name);
    }
    sandbox.file("list", "a\nb.txt\0\0c.txt");
    let run = |from: &str, input: &str| {
        let tool = tool(&sandbox).args(["--files0-from", from]);
        let records = records(&tool.input(input).run().exits(0));
        let paths = records.iter().map(|record| record["input"]["path"].clone());
        json!(paths.collect::<Vec<_>>())
    };
    assert_eq!(run("-", "c.txt\0a\nb.txt\0"), json!(["c.txt", "a\nb.txt"]));
    assert_eq!(run("list", ""), json!(["a\nb.txt", "c.txt"]));
    assert_eq!(run("-", ""), json!([]));
    let missing = tool(&sandbox).args(["--files0-from", "nowhere"]).run();
    refused(missing, "cannot read 'nowhere'");
}

#[test]
fn pieces_overlap_and_tell_where_they_stand() {
    let sandbox = Sandbox::new();
    let text = format!("{}\n\n{}", words(70), words(50));
    sandbox.file("long.txt", &text);
    let flags = [
        "--chunk",
        "40",
        "--overlap",
        "10",
        "--keep-text",
        "long.txt",
    ];
    let pieces = records(&tool(&sandbox).args(flags).run().exits(0));
    assert!(pieces.len() > 3, "{pieces:?}");
    let mut end = 0;
    for piece in &pieces {
        let number = |name: &str| usize::try_from(piece["input"][name].as_u64().unwrap()).unwrap();
        let (start, length) = (number("offset"), number("length"));
        let own = &text[start..start + length];
        assert_eq!(piece["text"], own);
        // Two tokens stand around each text.
        let count = own.split_whitespace().count() + 2;
        assert_eq!(piece["usage"]["prompt_tokens"], count);
        assert!(count <= 40, "{piece}");
        let shared = text[start..end.max(start)].split_whitespace().count();
        assert!(start <= end && shared <= 10, "{piece}");
        assert!(start == 0 || shared >= 9, "{piece}");
        end = start + length;
    }
    assert_eq!(end, text.len());
    // Without files the whole input is one text.
    let whole = tool(&sandbox).args(["--chunk", "40"]).input(text.as_str());
    let whole = records(&whole.run().exits(0));
    assert_eq!(whole[0]["input"]["offset"], 0);
    assert!(whole[0]["input"].get("path").is_none());
    let run = |flags: &[&str]| tool(&sandbox).args(flags).input("hello").run();
    refused(
        run(&["--chunk", "40", "--overlap", "21"]),
        "give 20 or less",
    );
    refused(run(&["--chunk", "257"]), "the model takes 256 tokens");
}

/// A batch file: three lines that can be answered, and five that cannot.
fn batch() -> String {
    let call = |name: &str, url: &str, body: Value| {
        json!({"custom_id": name, "method": "POST", "url": url, "body": body}).to_string() + "\n"
    };
    let url = "/v1/embeddings";
    // The ids of 'hello' in BERT's uncased vocabulary.
    [
        call("one", url, json!({"input": "hello", "model": "m"})),
        call(
            "two",
            url,
            json!({"input": ["A happy person", "hello"], "encoding_format": "base64"}),
        ),
        call("ids", url, json!({"input": [7592], "dimensions": 8})),
        call("far", url, json!({"input": [40_000_000]})),
        call("wide", url, json!({"input": "hello", "dimensions": 385})),
        call("more", url, json!({"input": "hello", "truncate": true})),
        call(
            "chat",
            "/v1/chat/completions",
            json!({"messages": [{"role": "user", "content": "hello"}]}),
        ),
        "{broken\n".to_owned(),
    ]
    .concat()
}

#[test]
fn a_batch_file_is_answered_in_its_form() {
    let sandbox = Sandbox::new();
    let own = record(&tool(&sandbox).input("hello").run().exits(0));
    let input = batch();
    let run = |more: &[&str], input: &str| {
        let tool = tool(&sandbox).arg("--jsonl").args(more);
        tool.input(input).run()
    };
    let answers = run(&["-q"], &input).exits(1).records();
    let validator = include_str!("../crates/llm-record/schema/openai_batch_output.json");
    let validator = jsonschema::validator_for(&serde_json::from_str(validator).unwrap()).unwrap();
    for answer in &answers {
        validator.validate(answer).unwrap();
    }
    let names: Vec<_> = answers.iter().map(|answer| &answer["custom_id"]).collect();
    let wanted = json!(["one", "two", "ids", "far", "wide", "more", "chat", null]);
    assert_eq!(json!(names), wanted);
    let body = |at: usize| &answers[at]["response"]["body"];
    assert_eq!(body(0)["object"], "list");
    assert_eq!(body(0)["requested_model"], "m");
    assert_eq!(
        body(0)["usage"],
        json!({"prompt_tokens": 3, "total_tokens": 3})
    );
    assert_eq!(body(0)["data"][0]["embedding"], own["embedding"]);
    assert_eq!(body(1)["data"].as_array().unwrap().len(), 2);
    assert_eq!(body(1)["data"][1]["index"], 1);
    assert_eq!(body(1)["usage"]["prompt_tokens"], 8);
    let flags = ["--encoding", "base64"];
    let base64 = record(&tool(&sandbox).args(flags).input("hello").run().exits(0));
    assert_eq!(body(1)["data"][1]["embedding"], base64["embedding"]);
    // A flag counts where a line does not say.
    let flagged = run(&["-q", "--encoding", "base64"], &input)
        .exits(1)
        .records();
    let vector = &flagged[0]["response"]["body"]["data"][0]["embedding"];
    assert_eq!(*vector, base64["embedding"]);
    let refused = run(&["--encoding", "int8"], input.lines().next().unwrap());
    let refused = refused.exits(1).records();
    assert_eq!(refused[0]["error"]["code"], "unsupported_field");
    let flags = ["--dimensions", "8"];
    let short = record(&tool(&sandbox).args(flags).input("hello").run().exits(0));
    assert_eq!(body(2)["data"][0]["embedding"], short["embedding"]);
    let codes: Vec<_> = answers[3..].iter().map(|it| &it["error"]["code"]).collect();
    let wanted = json!([
        "bad_request",
        "bad_request",
        "unsupported_field",
        "unsupported_field",
        "bad_json"
    ]);
    assert_eq!(json!(codes), wanted);
    // A run goes on in this form, too.
    run(&["-o", "out.jsonl"], &input).exits(1);
    let again = run(&["-o", "out.jsonl"], &input).exits(1);
    assert!(again.stderr().contains("0 done, 0 failed, 8 skipped (5"));
    // llm-run says whose business it is.
    let line = input.lines().next().unwrap();
    let other = sandbox.tool("llm-run").args(["--jsonl", "-m"]);
    let other = other
        .arg(file("smollm2-135m-instruct-q4_1.gguf"))
        .input(line);
    let told = other.run().exits(1).records();
    let sentence = told[0]["error"]["message"].as_str().unwrap();
    assert!(sentence.contains("llm-embed"), "{sentence}");
}

/// The mean of two windows, computed from the vectors of two texts that are those windows.
#[test]
fn a_long_text_is_the_mean_of_its_windows() {
    let sandbox = Sandbox::new();
    let flags = ["--on-overflow", "chunk-mean"];
    let run = |text: &str| record(&tool(&sandbox).args(flags).input(text).run().exits(0));
    // Of the 256 tokens that the model takes, two stand around each text.
    let (whole, first, rest) = (run(&words(400)), run(&words(254)), run(&words(146)));
    assert_eq!(whole["windows"], 2);
    assert_eq!(whole["truncated"], false);
    assert_eq!(whole["usage"]["prompt_tokens"], 404);
    assert!(first.get("windows").is_none());
    let (first, rest) = (vector(&first), vector(&rest));
    let mean: Vec<f32> = first
        .iter()
        .zip(&rest)
        .map(|(a, b)| (256.0 * a + 148.0 * b) / 404.0)
        .collect();
    let size = length(&mean);
    for (wanted, x) in mean.iter().zip(vector(&whole)) {
        assert!((wanted / size - x).abs() < 1e-6);
    }
}

#[test]
fn smaller_forms_stand_for_the_same_numbers() {
    let sandbox = Sandbox::new();
    let numbers = vector(&record(&tool(&sandbox).input("hello").run().exits(0)));
    let bytes = |form: &str, od: &str| {
        let flags = ["--encoding", form];
        let record = record(&tool(&sandbox).args(flags).input("hello").run().exits(0));
        assert_eq!(record["encoding"], form);
        assert_eq!(record["dim"], 384);
        let text = record["embedding"].as_str().unwrap();
        let shown = sandbox.pipe(&format!("base64 -d | od -An -v -w1 {od}"));
        let shown = shown.input(text).run().exits(0).stdout();
        let numbers = shown.split_whitespace().map(|x| x.parse::<f32>().unwrap());
        (numbers.collect::<Vec<_>>(), record)
    };
    let (int8, record) = bytes("int8", "-td1");
    let scale = record["scale"].as_f64().unwrap() as f32;
    assert_eq!(int8.len(), 384);
    assert!(int8.iter().any(|x| x.abs() == 127.0));
    for (x, byte) in numbers.iter().zip(int8) {
        assert!((x - byte * scale).abs() <= scale * 0.501);
    }
    let (binary, record) = bytes("binary", "-tu1");
    assert!(record.get("scale").is_none());
    assert_eq!(binary.len(), 48);
    for (at, x) in numbers.iter().enumerate() {
        let bit = binary[at / 8] as u8 >> (7 - at % 8) & 1;
        assert_eq!(bit == 1, *x > 0.0, "{at}");
    }
    let (f16, _) = bytes("f16", "-tu1");
    assert_eq!(f16.len(), 768);
}

#[test]
fn a_matrix_has_its_records_beside_it() {
    let sandbox = Sandbox::new();
    let input = r#"{"id":"a","text":"hello"}
{"id":"b"}
{"id":"c","text":"A happy person"}
"#;
    let run = |more: &[&str]| tool(&sandbox).arg("--jsonl").args(more).input(input).run();
    let wanted: Vec<_> = records(&run(&[]).exits(1));
    let floats: Vec<u8> = [&wanted[0], &wanted[2]]
        .iter()
        .flat_map(|record| vector(record))
        .flat_map(f32::to_le_bytes)
        .collect();
    let path = |name: &str| sandbox.path().join(name);
    for (format, name) in [("npy", "v.npy"), ("safetensors", "v.safetensors")] {
        run(&["--format", format, "-o", name]).exits(1).writes("");
        let bytes = std::fs::read(path(name)).unwrap();
        let head = bytes.len() - floats.len();
        assert_eq!(
            (head % 64, &bytes[head..]),
            (0, floats.as_slice()),
            "{name}"
        );
        let beside = lines(&path(&format!("{name}.jsonl")));
        assert_eq!(beside.len(), 3);
        assert_eq!(
            (&beside[0]["row"], &beside[2]["row"]),
            (&json!(0), &json!(1))
        );
        assert_eq!(beside[1]["error"]["code"], "bad_request");
        for (record, wanted) in beside.iter().zip(&wanted) {
            let (mut record, mut wanted) = (record.clone(), wanted.clone());
            record.as_object_mut().unwrap().remove("row");
            wanted.as_object_mut().unwrap().remove("embedding");
            assert_eq!(timeless(record), timeless(wanted));
        }
    }
    let bytes = std::fs::read(path("v.npy")).unwrap();
    let head = String::from_utf8_lossy(&bytes[10..128]);
    assert!(
        head.contains("'descr': '<f4'") && head.contains("(2, 384)"),
        "{head}"
    );
    let bytes = std::fs::read(path("v.safetensors")).unwrap();
    let size = usize::try_from(u64::from_le_bytes(*bytes.first_chunk().unwrap())).unwrap();
    let head: Value = serde_json::from_slice(&bytes[8..8 + size]).unwrap();
    let wanted = json!({"dtype": "F32", "shape": [2, 384], "data_offsets": [0, 3072]});
    assert_eq!(head["embeddings"], wanted);
    let names = std::fs::read_dir(sandbox.path()).unwrap();
    let left = names.filter(|name| {
        let name = name.as_ref().unwrap().file_name();
        name.to_string_lossy().contains(".part")
    });
    assert_eq!(left.count(), 0);
}

#[test]
fn a_matrix_that_cannot_be_whole_leaves_the_old_one() {
    let sandbox = Sandbox::new();
    let run = |more: &[&str], input: &str| {
        let tool = tool(&sandbox).args(["--format", "npy"]).args(more);
        tool.input(input).run()
    };
    run(&["-o", "v.npy"], "old\n").exits(0);
    let old = both(&sandbox, "v.npy");
    let stopped = ["-o", "v.npy", "--jsonl", "--max-errors", "1"];
    run(&stopped, "{}\n{}\n").exits(1).says("is as it was");
    assert_eq!(both(&sandbox, "v.npy"), old);
    refused(run(&[], "hello"), "add -o FILE");
    refused(run(&["-o", "v.bin"], "hello"), "does not end in .npy");
    refused(
        run(&["-o", "v.npy", "--encoding", "base64"], "hello"),
        "--encoding base64",
    );
    refused(
        run(&["-o", "v.npy", "--retry-errors"], "hello"),
        "--retry-errors",
    );
    refused(
        run(&["-o", "/nowhere/v.npy"], "hello"),
        "cannot write '/nowhere/v.npy'",
    );
    sandbox.file("in.npy", "hello\n");
    refused(
        run(&["-o", "in.npy", "-f", "in.npy"], ""),
        "both input and output",
    );
}

/// The files of a matrix, byte for byte.
fn both(sandbox: &Sandbox, name: &str) -> [Vec<u8>; 2] {
    ["", ".jsonl"].map(|end| std::fs::read(sandbox.path().join(format!("{name}{end}"))).unwrap())
}

#[test]
fn a_matrix_is_not_lost_to_a_run_that_adds_to_it_or_makes_nothing() {
    let sandbox = Sandbox::new();
    let run = |more: &[&str], input: &str| {
        let tool = tool(&sandbox).args(["--format", "npy", "-o", "v.npy"]);
        tool.args(more).input(input).run()
    };
    run(&[], "one\ntwo\n").exits(0);
    let old = both(&sandbox, "v.npy");
    for seen in ["v.npy", "./v.npy", "v.npy.jsonl"] {
        refused(run(&["--skip-seen", seen], "three\n"), "the same matrix");
    }
    let kept = "is as it was";
    run(&[], "").exits(0).writes("").says(kept);
    let failed = run(&["--jsonl"], "{\"id\":\"a\"}\n").exits(1).says(kept);
    assert_eq!(record(&failed)["error"]["code"], "bad_request");
    run(&["--jsonl"], &batch()).exits(1).says(kept);
    std::fs::copy(
        sandbox.path().join("v.npy.jsonl"),
        sandbox.path().join("seen"),
    )
    .unwrap();
    run(&["--skip-seen", "seen"], "one\n").exits(0).says(kept);
    assert_eq!(both(&sandbox, "v.npy"), old);
    run(&[], "three\n").exits(0);
    assert_ne!(both(&sandbox, "v.npy"), old);
    // Where there is none, one without rows is made, and what compares says so.
    let empty = ["-o", "empty.npy"];
    run(&empty, "").exits(0);
    for command in [&["search", "empty.npy", "x"][..], &["similar", "empty.npy"]] {
        let ran = sandbox.tool("llm-embed").args(command).run();
        refused(ran, "nothing to compare");
    }
}

#[test]
fn a_matrix_stays_where_it_was_and_who_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = Sandbox::new();
    let path = |name: &str| sandbox.path().join(name);
    std::fs::create_dir(path("there")).unwrap();
    std::os::unix::fs::symlink("there/v.npy", path("v.npy")).unwrap();
    sandbox.file("there/v.npy", "old");
    sandbox.file("v.npy.jsonl", "old");
    for name in ["there/v.npy", "v.npy.jsonl"] {
        std::fs::set_permissions(path(name), std::fs::Permissions::from_mode(0o640)).unwrap();
    }
    let flags = ["--format", "npy", "-o", "v.npy", "--overwrite"];
    tool(&sandbox).args(flags).input("one\n").run().exits(0);
    assert!(path("v.npy").is_symlink());
    assert!(
        std::fs::read(path("there/v.npy"))
            .unwrap()
            .starts_with(b"\x93NUMPY")
    );
    for name in ["there/v.npy", "v.npy.jsonl"] {
        let mode = path(name).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640, "{name}");
    }
}

#[test]
fn a_matrix_has_its_format_by_a_flag() {
    let sandbox = Sandbox::new();
    for (name, part) in [
        ("v.npy", "--format npy"),
        ("v.safetensors", "--format safetensors"),
    ] {
        refused(tool(&sandbox).args(["-o", name]).input("x\n").run(), part);
        assert!(!sandbox.path().join(name).exists());
    }
}

#[test]
fn a_run_that_is_ended_leaves_no_part_of_a_matrix() {
    let sandbox = Sandbox::new();
    let model = file("all-minilm-l6-v2");
    let line = format!(
        "mkfifo in; (echo hello; exec sleep 60) > in 2> /dev/null & writer=$!; \
         llm-embed -m {} --format npy -o v.npy -f in & \
         while ! ls v.npy.*.part; do sleep 0.1; done > /dev/null 2>&1; \
         kill -s TERM $!; wait $!; echo $?; kill $writer; ls v.npy* 2> /dev/null; true",
        model.display()
    );
    let ran = sandbox.pipe(&line).run();
    assert_eq!(ran.stdout(), "143\n", "{ran}");
}

#[test]
fn what_was_seen_is_left_out() {
    let sandbox = Sandbox::new();
    let run = |more: &[&str], input: &str| {
        let ran = tool(&sandbox).args(more).input(input).run();
        (records(&ran), ran.stderr())
    };
    let text = tool(&sandbox).input("one\ntwo\n").run().exits(0).stdout();
    sandbox.file("all.jsonl", text);
    let seen = ["--skip-seen", "all.jsonl"];
    let (left, told) = run(&seen, "three\ntwo\none\none\n");
    assert_eq!(left.len(), 1);
    assert_eq!(left[0]["line"], 1);
    assert!(
        told.contains("1 done, 0 failed, 0 skipped, 3 seen before; 3 tokens"),
        "{told}"
    );
    // With other settings it is another vector.
    let (left, _) = run(&["--skip-seen", "all.jsonl", "--dimensions", "8"], "one\n");
    assert_eq!(left.len(), 1);
    let matrix = ["--format", "npy", "-o", "all.npy"];
    tool(&sandbox).args(matrix).input("one\n").run().exits(0);
    let (left, _) = run(&["--skip-seen", "all.npy"], "one\ntwo\n");
    assert_eq!(left.len(), 1);
    sandbox.file("empty", "");
    assert_eq!(run(&["--skip-seen", "empty"], "one\n").0.len(), 1);
    sandbox.file("other", "notes\n");
    for (name, part) in [("other", "holds no record"), ("nowhere", "cannot read")] {
        let ran = tool(&sandbox).args(["--skip-seen", name]).input("one\n");
        refused(ran.run(), part);
    }
}

#[test]
fn records_of_the_toolkit_are_texts() {
    let sandbox = Sandbox::new();
    let first = tool(&sandbox).arg("--keep-text").input("hello\n").run();
    let first = first.exits(0).stdout();
    let again = tool(&sandbox).arg("--jsonl").input(first.as_str()).run();
    let wanted: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(record(&again.exits(0))["embedding"], wanted["embedding"]);
    let without = tool(&sandbox).input("hello\n").run().exits(0).stdout();
    let told = tool(&sandbox).arg("--jsonl").input(without).run().exits(1);
    let told = record(&told);
    let sentence = told["error"]["message"].as_str().unwrap();
    assert!(sentence.contains("--keep-text"), "{sentence}");
}

#[test]
fn bad_input_closes_its_line_and_bad_usage_does_not_start() {
    let sandbox = Sandbox::new();
    let mut input = br#"{"id":"a","text":"hello"}
{"id":"a","text":"again"}
{"id":"b","title":"x"}
{"id":"c","text":7}
[1]
"#
    .to_vec();
    input.extend_from_slice(b"{\"id\":\"d\",\"text\":\"\xff\"}\n");
    input.extend_from_slice(
        &[
            b"{\"id\":\"e\",\"text\":\"",
            "x".repeat(9 << 20).as_bytes(),
            b"\"}\n",
        ]
        .concat(),
    );
    let ran = tool(&sandbox).arg("--jsonl").input(input).run().exits(1);
    let records = records(&ran);
    let codes: Vec<_> = records.iter().map(|it| &it["error"]["code"]).collect();
    let wanted = json!([
        null,
        "duplicate_id",
        "bad_request",
        "bad_request",
        "bad_json",
        "bad_utf8",
        "input_too_long"
    ]);
    assert_eq!(json!(codes), wanted);
    assert_eq!(records[6]["id"], "e");
    let small = tool(&sandbox)
        .args(["--max-line-bytes", "4"])
        .input("hello\nhi\n");
    let codes = small.run().exits(1).records();
    assert_eq!(codes[0]["error"]["code"], "input_too_long");
    assert_eq!(codes[1]["type"], "embedding");
    // A wrong model is said even where there is nothing to embed.
    let wrong = sandbox.tool("llm-embed").args(["-m", "./nowhere"]).run();
    refused(wrong, "nowhere");
    sandbox.file("folder/config.json", "{}");
    let wrong = sandbox.tool("llm-embed").args(["-m", "./folder"]).run();
    wrong.exits(2).writes("");
    let zero = tool(&sandbox).args(["--dimensions", "0"]).input("x").run();
    zero.exits(2).writes("").says("--dimensions");
    tool(&sandbox)
        .run()
        .exits(0)
        .writes("")
        .says("0 done, 0 failed, 0 skipped; 0 tokens");
    let many: String = (0..3000).map(|n| format!("line {n}\n")).collect();
    sandbox.file("many.txt", many);
    let model = file("all-minilm-l6-v2");
    let model = model.display();
    let early = sandbox.pipe(&format!("llm-embed -m {model} < many.txt | head -n 1"));
    let early = early.run().exits(0).says_nothing();
    assert_eq!(early.records().len(), 1);
}

//! Where the programs write: never onto what they read, onto what is somebody else's on demand alone, and
//! never into nothing without a word. What a run over many lines goes on with is in durable.rs.

use std::path::Path;

use crate::embed;
use crate::embedders::tiny;
use crate::harness::{Ran, Sandbox};
use crate::support::model::Bench;
use crate::support::records::records;

/// A volume, a cloud and a machine by hand, for answers that need no input.
const COST: &str = "llm-cost payback --cloud anthropic/claude-sonnet-4.6 --input-mtok 2.4 \
    --output-mtok 12 --machine-price 4000 --load-watts 110 --usd-per-kwh 0.17 --decode-tps 11 \
    --prefill-tps 94";

fn read(sandbox: &Sandbox, name: &str) -> Vec<u8> {
    std::fs::read(sandbox.path().join(name)).unwrap()
}

/// Returns all that lies in a folder, with its bytes.
fn all(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push((path.display().to_string(), std::fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// Runs a line that has to be refused with one of the words, and to leave everything as it is.
#[track_caller]
fn refused(sandbox: &Sandbox, ran: Ran, before: &[(String, Vec<u8>)], parts: &[&str]) {
    let told = ran.exits(2).writes("").stderr();
    assert!(parts.iter().any(|part| told.contains(part)), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(
        all(sandbox.path()) == before,
        "something was written: {told}"
    );
}

const READ: [&str; 2] = ["is both input and output", "would be in"];

/// A folder of a model, and a GGUF file that is hard and soft linked.
fn models() -> Sandbox {
    let sandbox = Sandbox::new();
    for name in ["config.json", "model.safetensors", "tokenizer.json"] {
        let from = tiny("bert").join(name);
        sandbox.file(&format!("folder/{name}"), std::fs::read(from).unwrap());
    }
    for (name, bytes) in all(&tiny("bert")) {
        let name = Path::new(&name)
            .strip_prefix(tiny("bert"))
            .unwrap()
            .to_owned();
        sandbox.file(&format!("folder/{}", name.display()), bytes);
    }
    let bytes = std::fs::read(tiny("gguf/bert-cls.gguf")).unwrap();
    let model = sandbox.file("m.gguf", bytes);
    std::fs::hard_link(&model, sandbox.path().join("hard")).unwrap();
    std::os::unix::fs::symlink("m.gguf", sandbox.path().join("soft")).unwrap();
    sandbox.file("text", "some words\n");
    // What other lines are held against; made before, so that nothing has to be written then.
    sandbox
        .pipe("llm-embed -q -m ./m.gguf < text > vectors.jsonl")
        .run()
        .exits(0);
    sandbox
        .pipe("llm-embed -q -m ./folder < text > warm.jsonl")
        .run()
        .exits(0);
    sandbox
}

#[test]
fn no_output_is_a_file_of_the_model() {
    let sandbox = models();
    let before = all(sandbox.path());
    for line in [
        // By its name, by others, by the shell; asked for or not.
        "llm-run -m m.gguf -p hi -T -o m.gguf",
        "llm-run -m m.gguf -p hi -T -o m.gguf --overwrite",
        "llm-run -m m.gguf -p hi -o hard --overwrite",
        "llm-run -m m.gguf -p hi --count -o soft --overwrite",
        "llm-run -m m.gguf -p hi --show-prompt -o folder/../m.gguf --overwrite",
        "llm-run -m ./soft -p hi -o m.gguf --overwrite",
        "llm-run -m m.gguf --lines -o m.gguf --overwrite < text",
        "llm-run -m m.gguf --lines --estimate -o m.gguf --overwrite < text",
        "llm-run -m m.gguf -p hi >> m.gguf",
        "llm-run -m m.gguf --lines --resume vectors.jsonl < text >> m.gguf",
        "llm-embed -m m.gguf -o m.gguf < text",
        "llm-embed -m ./m.gguf -o hard --overwrite < text",
        "llm-embed -m ./m.gguf >> soft < text",
        "llm-embed -m ./folder --format safetensors -o folder/model.safetensors --overwrite < text",
        "llm-embed -m ./folder -o folder/config.json --overwrite < text",
        "llm-embed -m ./folder < text >> folder/config.json",
        // A new name there is a part of the model for the next run.
        "llm-embed -m ./folder --format safetensors -o folder/new.safetensors < text",
        "llm-embed -m ./folder -o folder/new.jsonl < text",
        "llm-embed search vectors.jsonl -m ./m.gguf word >> m.gguf",
        "llm-embed rerank -m ./m.gguf word < text >> m.gguf",
        "llm-bench -m m.gguf -p 1 -n 1 -o m.gguf --overwrite",
        "llm-bench -m ./folder -p 1 -n 1 -o folder/config.json --overwrite",
        "llm-bench -m m.gguf -p 1 -n 1 >> m.gguf",
        "llm-cost floor ./m.gguf --plot hard --overwrite",
        "llm-cost floor ./m.gguf >> m.gguf",
        "llm-pull show ./m.gguf >> m.gguf",
        "llm-pull import ./m.gguf >> m.gguf",
    ] {
        refused(&sandbox, sandbox.pipe(line).run(), &before, &READ);
    }
}

#[test]
fn no_output_is_another_file_that_is_read() {
    let bench = Bench::new();
    let sandbox = &bench.sandbox;
    sandbox.file("t.jinja", "{{ messages[0].content }}");
    sandbox.file("rows.txt", "Hi\n");
    sandbox.file("text.txt", "word ".repeat(2000));
    bench
        .pipe("llm-cost catalogue prices > prices.jsonl")
        .run()
        .exits(0);
    bench
        .pipe("llm-run -q --lines -n 1 --record-request -f rows.txt -o done.jsonl")
        .run()
        .exits(0);
    let instruction = "Be kind. ".repeat(60);
    bench
        .run()
        .args(["-q", "-n", "1", "--prefix-cache", "prefixes", &instruction])
        .input("Hi")
        .run()
        .exits(0);
    let kept = std::fs::read_dir(sandbox.path().join("prefixes"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .next()
        .unwrap();
    std::os::unix::fs::symlink(&kept, sandbox.path().join("kept")).unwrap();
    let before = all(sandbox.path());
    for line in [
        "llm-run -p hi --chat-template t.jinja -o t.jinja --overwrite",
        "llm-run --lines --chat-template t.jinja -o t.jinja --overwrite < rows.txt",
        "llm-run --lines -o rows.txt --overwrite < rows.txt",
        "llm-run --lines -f rows.txt -f text.txt -T -o text.txt --overwrite",
        "llm-run --replay done.jsonl -o done.jsonl --overwrite",
        "llm-run --lines --estimate --resume done.jsonl < rows.txt >> done.jsonl",
        // Its own file is not the only one that standard output may be.
        "llm-run --lines --resume done.jsonl < rows.txt >> rows.txt",
        "llm-run -p hi --prefix-cache prefixes -o prefixes/new",
        "llm-run -p hi --prefix-cache prefixes -o kept --overwrite",
        "llm-run -p hi --prefix-cache prefixes >> kept",
        "llm-run -p hi --prefix-cache none-yet -o none-yet",
        "llm-bench -m smollm2 --perplexity text.txt -c 64 -o text.txt --overwrite",
        "llm-cost usage done.jsonl >> done.jsonl",
        "llm-cost usage < done.jsonl >> done.jsonl",
        "llm-cost floor gpt-oss-120b --prices prices.jsonl --plot prices.jsonl --overwrite",
    ] {
        refused(sandbox, bench.pipe(line).run(), &before, &READ);
    }
}

#[test]
fn the_users_own_rows_and_the_answer_are_no_picture() {
    let sandbox = Sandbox::new();
    let rows = sandbox.file("config/llm-tools/cost/profiles.json", "[]");
    let before = all(sandbox.path());
    let line = format!("{COST} --plot {} --overwrite < /dev/null", rows.display());
    refused(&sandbox, sandbox.pipe(&line).run(), &before, &READ);
    let line = format!("{COST} --plot config/llm-tools/cost/new.svg < /dev/null");
    refused(&sandbox, sandbox.pipe(&line).run(), &before, &READ);
    let line = format!("{COST} --plot - < /dev/null");
    refused(
        &sandbox,
        sandbox.pipe(&line).run(),
        &before,
        &["--plot needs a file"],
    );
    let line = format!("{COST} --plot both < /dev/null > both");
    let ran = sandbox.pipe(&line).run().exits(2);
    ran.says("'both' is standard output");
}

#[test]
fn a_file_of_something_else_is_replaced_on_demand_alone() {
    let bench = Bench::new();
    let sandbox = &bench.sandbox;
    bench.run().args(["--count", "-p", "hi"]).run().exits(0);
    for text in ["notes\n", "{\"type\":\"completion\"}\n", "\u{1}GGUF"] {
        for (form, flags) in [
            ("record", "-p hi -n 1"),
            ("text", "-p hi -n 1 -T"),
            ("count", "-p hi --count"),
            ("lines", "--lines -n 1 -f rows"),
            ("estimate", "--lines --estimate -f rows"),
        ] {
            sandbox.file("rows", "Hi\n");
            sandbox.file("out", text);
            let before = all(sandbox.path());
            let call = |more: &str| {
                bench
                    .pipe(&format!("llm-run -q {flags} -o out {more}"))
                    .run()
            };
            refused(sandbox, call(""), &before, &["--overwrite"]);
            call("--overwrite").exits(0).writes("");
            let written = String::from_utf8(read(sandbox, "out")).unwrap();
            assert!(!written.contains(text), "{form}: {written}");
            assert!(
                written.ends_with('\n') && written.len() > 1,
                "{form}: {written}"
            );
            assert_eq!(
                form != "text",
                written.starts_with("{\"type\":\""),
                "{form}"
            );
        }
    }
}

#[test]
fn answers_and_vectors_do_not_stand_in_one_file() {
    let bench = Bench::new();
    let sandbox = &bench.sandbox;
    sandbox.file("rows", "Hi\nHo\n");
    let vectors = format!("llm-embed -q -m {} -o", tiny("bert").display());
    let answers = "llm-run -q --lines -n 1 -o";
    bench
        .pipe(&format!("{vectors} v.jsonl < rows"))
        .run()
        .exits(0);
    bench
        .pipe(&format!("{answers} a.jsonl < rows"))
        .run()
        .exits(0);
    let before = all(sandbox.path());
    for line in [
        format!("{vectors} a.jsonl < rows"),
        format!("{answers} v.jsonl < rows"),
        "llm-run -q -p hi -n 1 -o v.jsonl".to_owned(),
    ] {
        let parts = ["line 1 of", "holds records of an earlier run"];
        refused(sandbox, bench.pipe(&line).run(), &before, &parts);
    }
}

#[test]
fn a_script_replaces_what_it_wrote_yesterday() {
    let bench = Bench::new();
    let sandbox = &bench.sandbox;
    for flags in ["-p hi -n 1", "-p hi --count", "-p hi --show-prompt"] {
        for _ in 0..2 {
            let line = format!("llm-run -q {flags} -o out.jsonl");
            bench.pipe(&line).run().exits(0);
            let written = String::from_utf8(read(sandbox, "out.jsonl")).unwrap();
            assert_eq!(written.lines().count(), 1, "{written}");
        }
        std::fs::remove_file(sandbox.path().join("out.jsonl")).unwrap();
    }
    // A text has no mark, so the script says it; an empty file and a device hold nothing.
    sandbox.file("out.txt", "");
    let text = "llm-run -q -p hi -n 1 -T -o";
    bench.pipe(&format!("{text} out.txt")).run().exits(0);
    bench.pipe(&format!("{text} out.txt")).run().exits(2);
    for _ in 0..2 {
        let line = format!("{text} out.txt --overwrite");
        bench.pipe(&line).run().exits(0);
        bench.pipe(&format!("{text} /dev/null")).run().exits(0);
    }
    let fifo = format!("mkfifo pipe; {text} pipe & cat pipe; wait");
    let ran = bench.pipe(&fifo).run().exits(0);
    assert_eq!(ran.stdout().as_bytes(), read(sandbox, "out.txt"));
    // Many answers are replaced by nothing but that flag, and it begins anew.
    sandbox.file("rows", "Hi\nHo\n");
    let many = "llm-run -q --lines -n 1 -f rows -o many.jsonl";
    bench.pipe(many).run().exits(0);
    bench.pipe(many).run().exits(0);
    let first = read(sandbox, "many.jsonl");
    assert_eq!(first.split_inclusive(|byte| *byte == b'\n').count(), 2);
    bench
        .pipe("llm-run -q -p hi -n 1 -o many.jsonl")
        .run()
        .exits(2)
        .says("holds records of an earlier run");
    bench.pipe(&format!("{many} --overwrite")).run().exits(0);
    let second = read(sandbox, "many.jsonl");
    assert_eq!(second.split_inclusive(|byte| *byte == b'\n').count(), 2);
    assert_ne!(first, second, "times differ");
}

#[test]
fn a_matrix_replaces_a_matrix_and_nothing_else() {
    let sandbox = Sandbox::new();
    let model = tiny("bert");
    let weights = std::fs::read(model.join("model.safetensors")).unwrap();
    let run = |flags: &str| {
        let line = format!("llm-embed -q -m {} {flags}", model.display());
        sandbox.pipe(&line).input("one text\n").run()
    };
    run("> lines.jsonl").exits(0);
    let lines = read(&sandbox, "lines.jsonl");
    for form in ["npy", "safetensors"] {
        let call = format!("--format {form} -o v.{form}");
        for encoding in ["float", "f16", "int8", "binary"] {
            run(&format!("{call} --encoding {encoding}")).exits(0);
        }
        let (matrix, records) = (format!("v.{form}"), format!("v.{form}.jsonl"));
        let good = (read(&sandbox, &matrix), read(&sandbox, &records));
        let strange = [
            (weights.clone(), good.1.clone(), "it is not a matrix"),
            (b"notes\n".to_vec(), good.1.clone(), "it is not a matrix"),
            (
                good.0.clone(),
                lines.clone(),
                "more than the records of a matrix",
            ),
            (
                good.0.clone(),
                b"notes\n".to_vec(),
                "more than the records of a matrix",
            ),
            (
                Vec::new(),
                lines.clone(),
                "more than the records of a matrix",
            ),
        ];
        for (first, second, part) in strange {
            sandbox.file(&matrix, first);
            sandbox.file(&records, second);
            let before = all(sandbox.path());
            refused(&sandbox, run(&call), &before, &[part]);
            run(&format!("{call} --overwrite")).exits(0);
            run(&call).exits(0);
        }
    }
}

#[test]
fn an_output_in_a_list_of_files_is_no_text() {
    let sandbox = Sandbox::new();
    let model = tiny("bert");
    sandbox.file("texts/a", "one text");
    sandbox.file("texts/z", "another text");
    let run = |more: &str| {
        let line = format!(
            "printf 'texts/a\\0texts/out\\0texts/z\\0' | llm-embed -q -m {} --files0-from - -o texts/out {more}",
            model.display()
        );
        sandbox.pipe(&line).run()
    };
    // The first run makes it, the second finds it in its own list, too.
    for more in ["", "", "--overwrite"] {
        run(more).exits(1);
        let written = String::from_utf8(read(&sandbox, "texts/out")).unwrap();
        assert_eq!(written.lines().count(), 3, "{written}");
        let error = written.lines().find(|line| line.contains("\"error\""));
        assert!(
            error.unwrap().contains("is an output of this run"),
            "{written}"
        );
    }
    sandbox.file("texts/out", "a text of the user");
    let before = all(sandbox.path());
    refused(
        &sandbox,
        run("--overwrite"),
        &before,
        &["may be one of the texts of the --files0-from list"],
    );
    refused(
        &sandbox,
        run(""),
        &before,
        &["is no record of an earlier run"],
    );
}

#[test]
fn tables_pictures_and_weights_are_replaced_on_demand_alone() {
    let sandbox = models();
    let bench = "llm-bench --shape tiny-llama:q8_0 -p 1 -n 0 -r 1 --no-warmup";
    let pictures = format!("{COST} < /dev/null > /dev/null --plot");
    // A line, the file, and whether a second run replaces it unasked.
    for (line, name, again) in [
        (format!("{bench} -o b.jsonl"), "b.jsonl", true),
        (format!("{bench} --format md -o b.md"), "b.md", false),
        (format!("{pictures} p.svg"), "p.svg", true),
        (
            "llm-bench --shape tiny-llama:q8_0 --write w.gguf".to_owned(),
            "w.gguf",
            false,
        ),
    ] {
        sandbox.pipe(&line).run().exits(0).writes("");
        sandbox.pipe(&line).run().exits(if again { 0 } else { 2 });
        let overwrite = format!("{line} --overwrite");
        sandbox.pipe(&overwrite).run().exits(0);
        sandbox.file(name, "<svg> of somebody else\n");
        let before = all(sandbox.path());
        refused(
            &sandbox,
            sandbox.pipe(&line).run(),
            &before,
            &["--overwrite"],
        );
        sandbox.pipe(&overwrite).run().exits(0);
        assert!(!read(&sandbox, name).ends_with(b"somebody else\n"));
    }
    // A device is no part of a model that has to be removed.
    let full = "llm-bench --shape tiny-llama:q8_0 --write full";
    std::os::unix::fs::symlink("/dev/full", sandbox.path().join("full")).unwrap();
    sandbox.pipe(full).run().exits(2).says("No space left");
    assert!(sandbox.path().join("full").is_symlink());
}

#[test]
fn a_dash_is_standard_output() {
    let bench = Bench::new();
    let sandbox = &bench.sandbox;
    let ran = bench.run().args(["-p", "hi", "-n", "1", "-o", "-"]).run();
    assert_eq!(records(&ran.exits(0)).len(), 1);
    let tool = bench.run().args(["--lines", "-n", "1", "-o", "-"]);
    assert_eq!(records(&tool.input("a\nb\n").run().exits(0)).len(), 2);
    let tool = embed::tool(sandbox).args(["-o", "-"]).input("a\n");
    assert_eq!(records(&tool.run().exits(0)).len(), 1);
    let line = "llm-bench --shape tiny-llama:q8_0 -p 1 -n 0 -r 1 -o -";
    assert_eq!(records(&sandbox.pipe(line).run().exits(0)).len(), 1);
    assert!(!sandbox.path().join("-").exists());
}

#[test]
fn an_answer_that_finds_standard_output_closed_is_no_success() {
    let bench = Bench::new();
    let sandbox = &bench.sandbox;
    sandbox.file("text", "Hi\nHi\n");
    let model = tiny("gguf/bert-cls.gguf");
    let vectors = format!("llm-embed -q -m {} < text > v.jsonl", model.display());
    sandbox.pipe(&vectors).run().exits(0);
    let done = "echo Ho | llm-run -q --lines -n 1 -o done.jsonl";
    bench.pipe(done).run().exits(0);
    for line in [
        "llm-run -p hi -n 1".to_owned(),
        "llm-run -p hi -n 1 -T --stream".to_owned(),
        "llm-run -p hi --count".to_owned(),
        "llm-run --lines -n 1 < text".to_owned(),
        "llm-run --lines -n 1 --resume done.jsonl < text".to_owned(),
        "llm-run --lines --estimate < text".to_owned(),
        format!("llm-embed -m {} < text", model.display()),
        "llm-embed similar v.jsonl".to_owned(),
        "llm-embed search v.jsonl word".to_owned(),
        format!("llm-embed rerank -m {} word < text", model.display()),
        "llm-bench --shape tiny-llama:q8_0 -p 1 -n 0 -r 1".to_owned(),
        format!("{COST} < /dev/null"),
        "llm-cost catalogue machines".to_owned(),
        "llm-pull ls".to_owned(),
        format!("llm-pull show {}", model.display()),
    ] {
        let ran = bench.pipe(&format!("{line} >&-")).run().exits(2);
        let told = ran.stderr();
        let wanted = "error: cannot write standard output: it is closed\n";
        assert!(told.ends_with(wanted), "{line}: {told}");
        // One that can only be read is found at the first write.
        let told = bench.pipe(&format!("{line} 1< /dev/null")).run().exits(1);
        told.says("cannot write standard output: Bad file descriptor");
    }
    for program in ["llm-run", "llm-embed", "llm-bench", "llm-cost", "llm-pull"] {
        let line = format!("{program} --help >&-");
        let ran = bench.pipe(&line).run().exits(1);
        ran.says("standard output: it is closed");
    }
    // What asks for nothing, and a file in its place, are what the user wants.
    for line in [
        "llm-run -q -p hi -n 1 > /dev/null",
        "llm-run -q -p hi -n 1 1<> /dev/null",
        "llm-run -q -p hi -n 1 -o out.jsonl >&-",
        "llm-run -q -p hi -n 1 > /dev/null 2>&-",
        "llm-run -q -p hi -n 1 > /dev/null <&-",
    ] {
        bench.pipe(line).run().exits(0).says_nothing();
    }
    assert!(!read(sandbox, "out.jsonl").is_empty());
}

#[test]
fn a_closed_standard_input_is_an_empty_one() {
    let bench = Bench::new();
    for line in ["llm-run Sum", "llm-run", "llm-run --if-empty error Sum"] {
        let closed = bench.pipe(&format!("{line} <&-")).run().exits(2).stderr();
        let empty = bench.pipe(&format!("{line} < /dev/null")).run().exits(2);
        assert_eq!(closed, empty.stderr(), "{line}");
        assert!(closed.contains("standard input is empty"), "{closed}");
    }
    bench.pipe("llm-run --lines <&-").run().exits(0).writes("");
    let ran = bench.pipe("llm-run -n 1 -T Sum 0> in").run().exits(2);
    ran.says("cannot read standard input: Bad file descriptor");
}

#[test]
fn a_torn_line_is_told_and_moved_aside_on_demand() {
    let bench = Bench::new();
    let sandbox = &bench.sandbox;
    sandbox.file("rows", "One\nTwo\nThree\n");
    let run = |more: &str| {
        let line = format!("llm-run --lines -n 1 -f rows -o out.jsonl {more}");
        bench.pipe(&line).run().exits(0).writes("").stderr()
    };
    run("");
    let whole = String::from_utf8(read(sandbox, "out.jsonl")).unwrap();
    let lines: Vec<_> = whole.split_inclusive('\n').collect();
    // A crash inside the second record, and what a plain append makes of it.
    let cut = &lines[1][..lines[1].len() / 2];
    for (torn, parts) in [
        (
            format!("{}{cut}\n{}", lines[0], lines[2]),
            ["1 done", "2 skipped"],
        ),
        (
            format!("{}{cut}{}", lines[0], lines[2]),
            ["1 done", "2 skipped"],
        ),
    ] {
        sandbox.file("out.jsonl", &torn);
        let told = run("");
        assert!(told.contains("line 2 of 'out.jsonl' is torn"), "{told}");
        assert!(told.contains("--repair"), "{told}");
        assert!(parts.iter().all(|part| told.contains(part)), "{told}");
        // Nothing of it went, and nothing is answered twice.
        assert!(read(sandbox, "out.jsonl").starts_with(torn.as_bytes()));
        let told = run("");
        assert!(
            told.contains("0 done") && told.contains("3 skipped"),
            "{told}"
        );
        let told = run("--repair");
        assert!(told.contains("moved to FILE.torn"), "{told}");
        assert!(
            told.contains("0 done") && told.contains("3 skipped"),
            "{told}"
        );
        let mended = String::from_utf8(read(sandbox, "out.jsonl")).unwrap();
        let mut texts: Vec<_> = mended.lines().map(text_of).collect();
        let mut wanted: Vec<_> = whole.lines().map(text_of).collect();
        texts.sort();
        wanted.sort();
        assert_eq!(texts, wanted);
        let aside = String::from_utf8(read(sandbox, "out.jsonl.torn")).unwrap();
        assert_eq!(aside, format!("{cut}\n"));
        std::fs::remove_file(sandbox.path().join("out.jsonl.torn")).unwrap();
        // Once mended, there is nothing to say.
        assert!(!run("--repair").contains("torn"), "it is told again");
    }
    for (line, part) in [
        (
            "llm-run -p hi -o out.jsonl --repair",
            "add --lines or --jsonl",
        ),
        ("llm-run --lines --repair < rows", "--output"),
    ] {
        bench.pipe(line).run().exits(2).says(part);
    }
}

fn text_of(line: &str) -> (String, String) {
    let record: serde_json::Value = serde_json::from_str(line).unwrap();
    (
        record["request_digest"].to_string(),
        record["text"].to_string(),
    )
}

#[test]
fn quiet_is_quiet_and_once_is_said_where_it_is_once() {
    let bench = Bench::new();
    let sandbox = &bench.sandbox;
    std::os::unix::fs::symlink(
        crate::support::model::file("smollm2-135m-instruct-q4_1.gguf"),
        sandbox.path().join("s.gguf"),
    )
    .unwrap();
    let call = |more: &str, cache: &str| {
        let line = format!("llm-run {more} -m ./s.gguf -p hi --count > /dev/null");
        let tool = sandbox
            .pipe(&line)
            .env("XDG_CACHE_HOME", sandbox.path().join(cache));
        tool.run().exits(0).stderr()
    };
    assert_eq!(call("-q", "fresh"), "");
    assert_eq!(call("", "fresh"), "", "the digest is remembered");
    let once = call("", "other");
    assert!(once.contains("hashing 's.gguf', this once"), "{once}");
    for _ in 0..2 {
        let told = call("", "/dev/null");
        assert!(
            told.contains("each time, since its digest cannot be kept"),
            "{told}"
        );
    }
}

#[test]
fn an_import_gets_no_name_that_no_command_can_say() {
    let sandbox = Sandbox::new();
    let model = std::fs::read(tiny("gguf/bert-cls.gguf")).unwrap();
    sandbox.file("m.gguf", &model);
    sandbox.file("twice.gguf.gguf", &model);
    for line in [
        "llm-pull import m.gguf --name a.gguf",
        "llm-pull import m.gguf --name A.GGUF",
        "llm-pull import twice.gguf.gguf",
    ] {
        let ran = sandbox.pipe(line).run().exits(2).writes("");
        ran.says("what ends in .gguf is taken for a file's path");
    }
    // One that an earlier version took can be removed.
    sandbox
        .pipe("llm-pull import m.gguf --name a")
        .run()
        .exits(0);
    let hub = sandbox.path().join("huggingface/hub");
    std::fs::rename(
        hub.join("models--local--a"),
        hub.join("models--local--a.gguf"),
    )
    .unwrap();
    sandbox.pipe("llm-pull rm a.gguf").run().exits(0);
    sandbox.pipe("llm-pull ls -T").run().exits(0).writes("");
}

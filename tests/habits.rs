//! What people do by habit, and what a night job meets: changed flags over an old output, words that are
//! taken for something else, tables, arrays, files, and what is said where nobody looks.

use serde_json::json;

use crate::harness::Ran;
use crate::support::model::Bench;
use crate::support::records::records;

const LINES: &str = "{\"id\":\"a\",\"prompt\":\"Hi\"}\n{\"id\":\"b\",\"prompt\":\"Bye\"}\n";

fn held(bench: &Bench) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(bench.sandbox.path().join("out.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn run(bench: &Bench, flags: &str, status: i32) -> Ran {
    let flags = flags.split_whitespace();
    let tool = bench.run().args(["--jsonl", "-o", "out.jsonl"]).args(flags);
    tool.input(LINES).run().exits(status)
}

#[test]
fn a_changed_flag_does_not_fill_the_output() {
    let bench = Bench::new();
    run(&bench, "-n 2", 0);
    let before = held(&bench);
    run(&bench, "-n 3", 2).says("made with max_tokens 2, and this run has 3");
    run(&bench, "-n 3 -q", 2).says("--on-conflict error, skip or replace");
    run(&bench, "-n 2 --no-template", 2).says(r#"template "chat", and this run has "raw""#);
    run(&bench, "-n 2 --system Briefly.", 2).says("to another prompt");
    assert_eq!(held(&bench), before);
    // Each conflict is written once, with and without another try.
    for (flags, lines) in [
        ("-n 3 --on-conflict error", 4),
        ("-n 3 --on-conflict error", 4),
        ("-n 3 --retry-errors", 4),
    ] {
        run(&bench, flags, 1).says("id_conflict");
        assert_eq!(held(&bench).len(), lines, "{flags}");
    }
    run(&bench, "-n 3 --on-conflict skip", 0).says("2 of them keep an answer to another request");
    run(&bench, "-n 3 --on-conflict replace", 0).says("4 earlier records were replaced");
    let after = held(&bench);
    let limits: Vec<_> = after
        .iter()
        .map(|record| &record["sampling"]["max_tokens"])
        .collect();
    assert_eq!(limits, [&json!(3), &json!(3)]);
    run(&bench, "-n 3", 0).says("0 done, 0 failed, 2 skipped");
}

/// Lines have no id to be known by: they are known by what they were under the settings of the answers.
#[test]
fn a_changed_flag_does_not_answer_lines_again() {
    let bench = Bench::new();
    let run = |lines: &str, flags: &str, status: i32| {
        let tool = bench.run().args(["--lines", "-o", "out.jsonl"]);
        let tool = tool.args(flags.split_whitespace());
        tool.input(lines).run().exits(status)
    };
    let path = |name: &str| bench.sandbox.path().join(name);
    // Two equal lines are two requests.
    let lines = "Hi\nBye\nHi\n";
    run(lines, "-n 2", 0);
    let before = held(&bench);
    run(lines, "-n 2 --no-template", 0).says("3 done, 0 failed, 0 skipped");
    let other = held(&bench).split_off(3);
    assert_eq!(held(&bench)[..3], before);
    std::fs::copy(path("out.jsonl"), path("both.jsonl")).unwrap();
    // They are new requests, and that is said.
    run(lines, "-n 2 --temp 1.2 --seed 3", 0)
        .says("answers to lines of this run already, made with greedy true, and this run has false")
        .says("--on-conflict skip keeps")
        .says("3 done, 0 failed, 0 skipped");
    std::fs::rename(path("both.jsonl"), path("out.jsonl")).unwrap();
    // A line that is new is answered, whatever the settings of the others.
    run("Ho\n", "-n 3", 0).says("1 done, 0 failed, 0 skipped");
    for lines_now in [10, 10] {
        run(lines, "-n 3 --on-conflict error", 1).says("id_conflict");
        assert_eq!(held(&bench).len(), lines_now);
    }
    run(lines, "-n 3 --on-conflict skip", 0).says("3 of them keep an answer to another request");
    run(lines, "-n 3 --on-conflict replace", 0).says("6 earlier records were replaced");
    let after = held(&bench);
    assert_eq!(after[..3], other);
    let limits: Vec<_> = after[3..]
        .iter()
        .map(|record| &record["sampling"]["max_tokens"])
        .collect();
    assert_eq!(limits, [3; 4]);
    run(lines, "-n 3", 0).says("0 done, 0 failed, 3 skipped");
}

/// A run that was broken off is gone on with, also where a line sets something itself.
#[test]
fn lines_with_settings_of_their_own_are_gone_on_with() {
    let bench = Bench::new();
    let all = "{\"prompt\":\"Hi\",\"max_tokens\":2}\n{\"prompt\":\"Hi\"}\n{\"prompt\":\"Bye\"}\n";
    let run = |lines: &str, flags: &str, status: i32| {
        let tool = bench.run().args(["--jsonl", "-o", "out.jsonl"]);
        let tool = tool.args(flags.split_whitespace());
        tool.input(lines).run().exits(status)
    };
    let first = all.lines().next().unwrap();
    run(first, "-n 3", 0);
    run(all, "-n 3", 0).says("2 done, 0 failed, 1 skipped");
    run(all, "-n 3", 0).says("0 done, 0 failed, 3 skipped");
    // Its own setting is as it was.
    run(first, "-n 4", 0).says("0 done, 0 failed, 1 skipped");
    run(all, "-n 4 --on-conflict replace", 0).says("2 earlier records were replaced");
    run(all, "-n 4", 0).says("0 done, 0 failed, 3 skipped");
}

/// What a run says of its own lines stays beside the answers that it replaces.
#[test]
fn an_error_of_this_run_is_not_replaced() {
    let bench = Bench::new();
    let lines = r#"{"id":1,"prompt":"Hi"}
{"id":2,"prompt":"Bye"}
{"id":1,"prompt":"Again"}
"#;
    let run = |flags: &str| {
        let tool = bench.run().args(["--jsonl", "-o", "out.jsonl"]);
        let tool = tool.args(flags.split_whitespace());
        tool.input(lines).run().exits(1)
    };
    run("-n 2");
    for says in [
        "3 earlier records were replaced",
        "0 done, 0 failed, 3 skipped",
    ] {
        run("-n 3 --on-conflict replace").says(says);
        let mut closed: Vec<_> = held(&bench)
            .iter()
            .map(|record| (record["id"].clone(), record["type"].clone()))
            .collect();
        closed.sort_by_key(|(id, kind)| (id.as_u64(), kind.to_string()));
        let (answer, error) = (json!("completion"), json!("error"));
        let wanted = [
            (json!(1), answer.clone()),
            (json!(1), error),
            (json!(2), answer),
        ];
        assert_eq!(closed, wanted);
    }
}

#[test]
fn text_in_a_pipe_that_nobody_reads_is_told_of() {
    let bench = Bench::new();
    bench.file("a.txt", "Hi");
    let told = "standard input holds text that nobody read";
    for (flags, is_told) in [
        (&["-p", "Hi"][..], true),
        (&["-f", "a.txt"], true),
        (&["--each", "a.txt"], true),
        (&["-f", "a.txt", "-f", "-"], false),
        (&["Say hi"], false),
    ] {
        let tool = bench.run().args(["-n", "1"]).args(flags);
        let ran = tool.input("some text").run().exits(0);
        assert_eq!(ran.stderr().contains(told), is_told, "{flags:?}");
    }
    let tool = bench.run().args(["-n", "1", "-p", "Hi"]);
    assert!(!tool.run().exits(0).stderr().contains(told));
}

/// A line that was edited amid others is that line's matter alone.
#[test]
fn an_edited_line_conflicts_alone() {
    let bench = Bench::new();
    run(&bench, "-n 2", 0);
    let edited = LINES.replace("Bye", "Good bye");
    let tool = bench.run().args(["--jsonl", "-n", "2", "-o", "out.jsonl"]);
    let ran = tool.input(edited).run().exits(1);
    ran.says("1 line failed (1 id_conflict); it is line 2, id \"b\":");
    assert_eq!(held(&bench).len(), 3);
}

#[test]
fn a_quiet_run_says_why_it_failed() {
    let bench = Bench::new();
    let lines = "{\"prompt\":\"Hi\"}\n{oops\n{\"id\":7,\"prompt\":\"\"}\n[1]\n";
    let ran = bench
        .run()
        .args(["--jsonl", "-n", "1", "-q"])
        .input(lines)
        .run()
        .exits(1);
    let told = ran.stderr();
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(
        told.contains("3 lines failed (2 bad_json, 1 empty_input); the first is line 2: line 2 is not valid JSON"),
        "{told}"
    );
    let ran = bench.run().args(["--lines", "-n", "1"]).input("Hi\n").run();
    ran.exits(0)
        .says("tokens/s; 1 cut short by -n or the context");
}

#[test]
fn what_is_meant_otherwise_is_refused_with_the_right_words() {
    let bench = Bench::new();
    for name in ["a.txt", "b.txt"] {
        bench.file(name, "Hi\n");
    }
    for (line, words) in [
        ("llm-run -T -f a.txt b.txt", "'b.txt' is a file"),
        ("llm-run a.txt < b.txt", "write -f a.txt"),
        ("llm-run smollm2 < a.txt", "write -m smollm2"),
        ("llm-run -o temperature 0.7 hi", "write --temp 0.7"),
        ("llm-run --lines --template x < a.txt", "has no field"),
        ("llm-run --format csv --lines < a.txt", "add --csv"),
        ("llm-bench -c 4096", "-d N"),
        ("llm-bench --perplexity a.txt -p 8", "cannot be used with"),
        ("llm-run --n-gpu-layers 9 < a.txt", "--device auto"),
        ("llm-pull --max-tokens 9 x", "nothing like it"),
        (
            "llm-run --on-conflict skip --lines < a.txt",
            "name it with -o",
        ),
        ("llm-run --system @nosuch -p Hi", "written \\@"),
        ("llm-run Hi < /dev/null", "-p TEXT reads no input"),
    ] {
        let ran = bench.pipe(line).run().exits(2).says(words);
        assert!(!bench.sandbox.path().join("temperature").exists(), "{ran}");
    }
}

#[test]
fn a_flag_without_effect_is_told() {
    let bench = Bench::new();
    for (flags, words) in [
        ("-p Hi -n 1 --unordered", "--unordered has no effect"),
        (
            "-p Hi -n 1 -T --record-request",
            "--record-request has no effect",
        ),
        ("-p Hi --choices a,b --stop x", "--stop has no effect"),
    ] {
        let ran = bench.run().args(flags.split_whitespace()).run();
        ran.exits(0).says(words);
    }
    let ran = bench
        .run()
        .args(["--jsonl", "--count", "--keep", "nosuch", "-q"])
        .input(LINES)
        .run();
    ran.exits(0)
        .says("no line has the field 'nosuch' that --keep names");
    let ran = bench
        .run()
        .args(["-T", "--lines", "-n", "12", "--no-template", "-q"])
        .input("1.\\n2.\\n3.\\n\n1\n2\n")
        .run()
        .exits(0);
    let is_longer = ran.stdout().lines().count() > 3;
    assert_eq!(
        ran.stderr().contains("more lines than the input"),
        is_longer
    );
}

/// Escapes in the texts of flags, and the same texts from files, make the same request.
#[test]
fn texts_of_flags_have_escapes_or_stand_in_files() {
    let bench = Bench::new();
    bench.file("t.prompt", "A:\t{{prompt}}\nB:\n");
    bench.file("s.txt", "One.\nTwo \\n.\n\n");
    let shown = |flags: &[&str]| {
        let tool = bench.run().args(["--jsonl", "--show-prompt", "-q"]);
        let ran = tool.args(flags).input(LINES).run().exits(0);
        records(&ran)[0]["text"].as_str().unwrap().to_owned()
    };
    let wanted = shown(&[
        "--template",
        "A:\\t{{prompt}}\\nB:",
        "--system",
        "One.\\nTwo \\\\n.",
    ]);
    assert!(wanted.contains("A:\tHi\nB:"), "{wanted}");
    assert!(wanted.contains("One.\nTwo \\n."), "{wanted}");
    let files = ["--template-file", "t.prompt", "--system-file", "s.txt"];
    assert_eq!(shown(&files), wanted);
    let at = ["--template", "@t.prompt", "--system", "@s.txt"];
    assert_eq!(shown(&at), wanted);
    // Data is none of these: what -p takes stays as it is.
    let ran = bench.run().args(["-p", "a\\nb", "--show-prompt"]).run();
    assert!(
        records(&ran.exits(0))[0]["text"]
            .as_str()
            .unwrap()
            .contains("a\\nb")
    );
    let stop = bench
        .run()
        .args(["-p", "Hi", "--stop", "\\n", "-n", "1"])
        .run();
    assert_eq!(
        records(&stop.exits(0))[0]["sampling"]["stop"],
        json!(["\n"])
    );
    // A file that is read is no output.
    let ran = bench
        .run()
        .args([
            "-T",
            "--lines",
            "--template-file",
            "t.prompt",
            "-o",
            "t.prompt",
            "--overwrite",
        ])
        .input("x\n")
        .run();
    ran.exits(2);
}

#[test]
fn a_table_comes_out_as_a_table() {
    let bench = Bench::new();
    let table = "ID;Text;n\n1;Hello;x\n2;\"a;b\";\"two\nlines\"\n3\n";
    let ran = bench
        .run()
        .args(["--csv", "--format", "tsv", "-n", "1", "-q"])
        .input(table)
        .run()
        .exits(1);
    let written = ran.stdout();
    let mut rows = written.split_inclusive('\n');
    assert_eq!(rows.next(), Some("ID\tText\tn\tanswer\terror\n"));
    assert!(
        rows.next().unwrap().starts_with("1\tHello\tx\t"),
        "{written}"
    );
    assert_eq!(rows.next(), Some("2\ta;b\t\"two\n"), "{written}");
    assert!(
        written.ends_with("it has 1 field, and the header has 3\n"),
        "{written}"
    );
    let same = table.replace(';', "|").replace("a|b", "a;b");
    let tool = bench
        .run()
        .args(["--csv", "--delimiter", "|", "--format", "tsv"]);
    let ran = tool.args(["-n", "1", "-q"]).input(same).run().exits(1);
    assert_eq!(ran.stdout(), written);
}

#[test]
fn an_array_is_read_as_lines() {
    let bench = Bench::new();
    let run = |input: &str| {
        let tool = bench.run().args(["--jsonl", "-n", "1"]).input(input);
        records(&tool.run().exits(0))
            .iter()
            .map(|record| (record["id"].clone(), record["request_digest"].clone()))
            .collect::<Vec<_>>()
    };
    let array = format!("[\n  {}\n]\n", LINES.trim().replace('\n', ",\n  "));
    assert_eq!(run(&array), run(LINES));
}

#[test]
fn each_file_is_a_request() {
    let bench = Bench::new();
    for name in ["a.txt", "b.txt"] {
        bench.file(name, "Hi\n");
    }
    let line = "llm-run --jsonl -n 1 -o x.jsonl </dev/null; \
                printf 'a.txt\\0b.txt\\0' | llm-run -n 2 --files0-from - Translate -o out.jsonl; \
                llm-run -n 2 Translate --each b.txt a.txt none.txt -o out.jsonl";
    bench.pipe(line).run().exits(1).says("1 unreadable_file");
    let found = held(&bench);
    let paths: Vec<_> = found
        .iter()
        .map(|record| &record["input"]["path"])
        .collect();
    assert_eq!(paths, ["a.txt", "b.txt", "none.txt"]);
    assert_eq!(found[0]["text"], found[1]["text"]);
}

#[test]
fn the_environment_names_the_default_model() {
    let bench = Bench::new();
    let ran = bench.run().args(["-p", "Hi"]).env("LLM_MODEL", "nosuch");
    ran.run().exits(2).says("nosuch");
    let ran = bench.run().args(["-p", "Hi", "-n", "1", "-m", "smollm2"]);
    ran.env("LLM_MODEL", "nosuch").run().exits(0);
}

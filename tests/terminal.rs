//! What a person at a terminal sees, through a real pseudo-terminal (`script` of util-linux, which
//! every Debian has).

use crate::harness::Sandbox;
use crate::support::model::Bench;

#[test]
fn one_request_on_a_terminal_is_text_and_the_same_as_in_a_pipe() {
    let bench = Bench::new();
    let shown = bench
        .pipe(r#"script -qec "llm-run -q -n 8 -p 'Say hello.'" /dev/null < /dev/null"#)
        .run()
        .exits(0);
    let piped = bench
        .pipe("llm-run -q -T -n 8 -p 'Say hello.'")
        .run()
        .exits(0);
    assert!(!piped.stdout().trim().is_empty());
    assert_eq!(shown.stdout().replace("\r\n", "\n"), piped.stdout());
}

#[test]
fn texts_on_a_terminal_are_texts_and_objects_are_records() {
    let bench = Bench::new();
    bench.file("two.txt", "one\ntwo\n");
    bench.file("two.jsonl", "{\"prompt\":\"one\"}\n{\"prompt\":\"two\"}\n");
    let shown = |flags: &str| {
        let line = format!(r#"script -qec "llm-run -q {flags}" /dev/null < /dev/null"#);
        bench.pipe(&line).run().exits(0).stdout()
    };
    let starts = |line: &&str| line.starts_with(r#"{"type":"completion""#);
    let records = shown("--jsonl -n 2 -f two.jsonl");
    assert_eq!(records.lines().filter(starts).count(), 2, "{records}");
    let texts = shown("--lines -n 2 -f two.txt");
    assert!(
        !texts.contains('{') && texts.lines().count() >= 2,
        "{texts}"
    );
    assert_eq!(shown("--lines --count -f two.txt").lines().count(), 2);
}

#[test]
fn the_list_of_models_is_a_table_on_a_terminal() {
    let bench = Bench::new();
    let piped = bench.pipe("llm-pull ls -T").run().exits(0);
    assert_eq!(piped.stdout(), "smollm2\n");
    let shown = bench
        .pipe(r#"script -qec "llm-pull ls" /dev/null < /dev/null"#)
        .run()
        .exits(0);
    assert!(shown.stdout().contains("smollm2") && !shown.stdout().contains('{'));
}

/// Returns what a terminal shows beside the records of many lines: each write, without what moves the
/// cursor and clears.
fn watched(flags: &str, input: &str) -> String {
    let bench = Bench::new();
    bench.file(
        "rows.jsonl",
        "{\"prompt\":\"a\"}\n{\"prompt\":\"b\",\"model\":\"x\"}\n\n{\"prompt\":\"c\"}\n",
    );
    let call = format!("{input} llm-run --jsonl --parallel 1 -n 4 {flags} > out.jsonl");
    let shown = bench
        .pipe(&format!(
            r#"TERM=xterm script -qec "{call}" /dev/null < /dev/null"#
        ))
        .run()
        .exits(0);
    shown.stdout()
}

#[test]
fn many_lines_have_a_bar_that_tears_no_sentence_and_vanishes() {
    let shown = watched("-f rows.jsonl", "");
    // The blank line gets no record, so it does not count.
    assert!(shown.contains("1/3 lines"), "{shown:?}");
    assert!(shown.contains(" left"), "{shown:?}");
    for sentence in ["llm-run: warning: line 2:", "llm-run: 3 done"] {
        let at = shown.find(sentence).unwrap();
        let before = &shown[..at];
        // On a clean line: after a line end, or where the bar was wiped off.
        assert!(
            before.is_empty() || before.ends_with('\n') || before.ends_with("\r\u{1b}[2K"),
            "{shown:?}"
        );
    }
    let (_, end) = shown.split_once("llm-run: 3 done").unwrap();
    assert!(!end.contains("lines"), "{shown:?}");
    assert_eq!(end.matches('\n').count(), 1, "{shown:?}");
}

/// The same as llm-run's, and the line of llm-bench, which a row on the same terminal does not tear.
#[test]
fn vectors_and_measurements_show_how_far_they_are() {
    let sandbox = Sandbox::new();
    sandbox.file("lines", "a\nb\nc\n");
    let shown = |call: &str| {
        let line = format!(r#"TERM=xterm script -qec "{call}" /dev/null < /dev/null"#);
        sandbox.pipe(&line).run().exits(0).stdout()
    };
    let model = crate::embedders::tiny("bert");
    let embed = format!("llm-embed -m {} -f lines", model.display());
    let bar = shown(&format!("{embed} > out.jsonl"));
    assert!(bar.contains("0/3 lines"), "{bar:?}");
    let quiet = shown(&format!("{embed} -q > out.jsonl"));
    assert!(!quiet.contains("lines"), "{quiet:?}");
    let bench = "llm-bench --shape tiny-llama:q4_0 -p 4 -n 2 -r 1";
    let table = shown(bench);
    assert!(
        table.contains("0/2 tests") && table.contains("pp4"),
        "{table:?}"
    );
    let rows = table
        .lines()
        .filter(|line| line.contains("tiny-llama") && line.contains('|'));
    assert_eq!(rows.count(), 2, "{table:?}");
    assert!(!shown(&format!("{bench} -q")).contains("tests"));
}

#[test]
fn lines_from_a_pipe_have_counts_and_quiet_has_nothing() {
    let shown = watched("", "cat rows.jsonl |");
    assert!(
        shown.contains("0 lines") && !shown.contains("/3"),
        "{shown:?}"
    );
    let quiet = watched("-q -f rows.jsonl", "");
    assert!(
        !quiet.contains("lines") && quiet.contains("warning"),
        "{quiet:?}"
    );
}

/// A shell goes on with its loop after a program that has caught Ctrl-C, unless it dies by the signal. Where the
/// tests run in the background, the signal is ignored, and a shell cannot change that.
#[test]
fn ctrl_c_ends_the_loop_of_a_shell() {
    let bench = Bench::new();
    let endless = "llm-run -q -T -n -1 --stop-repetition off --ignore-eos -p Hi";
    let shell = format!("for i in 1 2; do echo \\$i began; {endless}; done; echo went on");
    let line = format!(
        "(sleep 2; printf '\\003'; sleep 2; printf '\\003') | \
         env --default-signal=INT script -qec \"{shell}\" /dev/null"
    );
    let ran = bench.pipe(&line).run();
    let shown = ran.stdout();
    assert!(shown.contains("1 began"), "{shown}");
    assert!(
        !shown.contains("2 began") && !shown.contains("went on"),
        "{shown}"
    );
}

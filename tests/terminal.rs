//! What a person at a terminal sees, through a real pseudo-terminal (`script` of util-linux, which
//! every Debian has).

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
fn several_requests_on_a_terminal_are_records() {
    let bench = Bench::new();
    bench.file("two.txt", "one\ntwo\n");
    let shown = bench
        .pipe(r#"script -qec "llm-run -q --lines -n 2 -f two.txt" /dev/null < /dev/null"#)
        .run()
        .exits(0);
    let lines = shown.stdout();
    let starts = |line: &&str| line.starts_with(r#"{"type":"completion""#);
    assert_eq!(lines.lines().filter(starts).count(), 2, "{lines}");
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

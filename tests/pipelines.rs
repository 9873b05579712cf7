//! Longer pipes with the shell's own tools between the stages: chains, early ends amid them, joins,
//! loops, parts that run beside each other. One program alone is tested in contract.rs and requests.rs,
//! what the README shows in readme.rs.

use serde_json::Value;

use crate::harness::Ran;
use crate::support::model::Bench;
use crate::support::records::{records, timeless};

/// Four requests with ids of both kinds; the third has nothing to answer.
const LINES: &str = r#"{"id":"a","prompt":"Name a color.","group":"x"}
{"id":2,"prompt":"Name an animal.","group":"y"}
{"id":"c","group":"x"}
{"id":"d","prompt":"Name a city.","group":"y"}
"#;

/// Returns one field of each record, null where it is absent.
fn column(records: &[Value], pointer: &str) -> Vec<Value> {
    let field = |record: &Value| record.pointer(pointer).cloned().unwrap_or_default();
    records.iter().map(field).collect()
}

/// Returns the ids of [`LINES`].
fn ids() -> [Value; 4] {
    ["a".into(), 2.into(), "c".into(), "d".into()]
}

/// A bench with the requests in `lines.jsonl`.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.file("lines.jsonl", LINES);
    bench
}

fn run(bench: &Bench, script: &str) -> Ran {
    bench.pipe(script).run()
}

/// Three stages, the first with pieces on the way: every stage closes every line, in order, with its id
/// and what was kept of it at first.
#[test]
fn a_long_chain_keeps_ids_order_and_input() {
    let bench = bench();
    let ran = run(
        &bench,
        "llm-run --jsonl --keep group --stream -n 4 < lines.jsonl | tee first.jsonl |
         llm-run --jsonl 'Say more about' -n 4 | tee second.jsonl |
         llm-run --jsonl --template 'Is this true? {{text}}' -n 4",
    )
    .exits(1);
    let last = records(&ran);
    assert_eq!(column(&last, "/id"), ids());
    assert_eq!(column(&last, "/input/group"), ["x", "y", "x", "y"]);
    let types = ["completion", "completion", "error", "completion"];
    assert_eq!(column(&last, "/type"), types);
    let first = records(&run(&bench, "cat first.jsonl"));
    assert!(first.iter().any(|record| record["type"] == "delta"));
    let second = records(&run(&bench, "cat second.jsonl"));
    assert_eq!(column(&second, "/type"), types);
    // An error goes through the later stages as it was written.
    let error = "grep -h '\"type\":\"error\"' first.jsonl second.jsonl | sort -u | wc -l";
    run(&bench, error).exits(0).writes("1\n");
    assert_eq!(
        first.iter().find(|record| record["type"] == "error"),
        Some(&last[2])
    );
}

/// Each stage says for itself that something failed; a stage that saw only good lines does not.
#[test]
fn every_stage_that_saw_a_failure_has_status_1() {
    let bench = bench();
    let script = |between: &str| {
        format!(
            "llm-run --jsonl -n 1 < lines.jsonl | {between} | llm-run --jsonl -n 1 > last.jsonl
             echo ${{PIPESTATUS[@]}}"
        )
    };
    run(&bench, &script("cat")).writes("1 0 1\n");
    run(&bench, &script("grep -v '\"type\":\"error\"'")).writes("1 0 0\n");
}

/// A reader between two stages that has enough ends what is before it, and the stage after it works on.
#[test]
fn head_amid_a_chain_ends_the_stage_before_it() {
    let ran = run(
        &bench(),
        "yes 'Name a color.' | head -1000 | timeout 60 llm-run --lines -n 2 | head -n 2 |
         llm-run --jsonl -n 2; echo ${PIPESTATUS[2]} ${PIPESTATUS[4]} >&2",
    )
    .says("0 0");
    let read = records(&ran);
    assert_eq!(column(&read, "/line"), [1, 2]);
    assert_eq!(column(&read, "/type"), ["completion", "completion"]);
}

/// A record is out before the next line is in: whoever feeds a filter may wait for its answers.
#[test]
fn a_record_is_out_before_the_next_line_is_in() {
    let ran = run(
        &bench(),
        "touch out.jsonl
         ask() { echo 'Name a color.'; until [ $(wc -l < out.jsonl) -ge $1 ]; do sleep 0.05; done; }
         { ask 1; ask 2; ask 3; } | timeout 60 llm-run --lines -n 2 > out.jsonl; cat out.jsonl",
    )
    .exits(0);
    assert_eq!(column(&records(&ran), "/line"), [1, 2, 3]);
}

/// Answers stand beside their questions.
#[test]
fn texts_paste_beside_their_lines() {
    let bench = bench();
    bench.file("animals.txt", "cow\nhen\ncat\n");
    let ran = run(
        &bench,
        "llm-run --lines -n 3 'Describe:' < animals.txt | tee all.jsonl | jq '.text | @json' > texts
         paste animals.txt texts",
    )
    .exits(0);
    let text = ran.stdout();
    let rows: Vec<Vec<&str>> = text.lines().map(|row| row.split('\t').collect()).collect();
    let names: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(names, ["cow", "hen", "cat"]);
    let all = records(&run(&bench, "cat all.jsonl"));
    for (row, record) in rows.iter().zip(&all) {
        assert!(
            row[1].contains(
                record["text"]
                    .to_string()
                    .trim_matches('"')
                    .split('\\')
                    .next()
                    .unwrap()
            )
        );
    }
}

/// Input and output join on the id, whatever failed between.
#[test]
fn records_join_their_lines_by_id() {
    let ran = run(
        &bench(),
        "llm-run --jsonl -n 2 < lines.jsonl > out.jsonl
         jq -c -s 'group_by(.id | tostring)[] | add | [.id, .group, .type]' lines.jsonl out.jsonl",
    )
    .exits(0);
    ran.writes(
        "[2,\"y\",\"completion\"]\n[\"a\",\"x\",\"completion\"]\n[\"c\",\"x\",\"error\"]\n\
         [\"d\",\"y\",\"completion\"]\n",
    );
}

/// Texts that hold line ends still come apart.
#[test]
fn nul_keeps_texts_of_several_lines_apart() {
    let bench = bench();
    let count = "printf 'List five fruits, one a line.\\n%.0s' 1 2 |
        llm-run -T -0 --lines -n 24 | tee texts | xargs -0 -n 1 printf '%s\\0' | tr -dc '\\0' | wc -c";
    run(&bench, count).exits(0).writes("2\n");
    let lines = run(&bench, "wc -l < texts").stdout();
    assert!(
        lines.trim().parse::<u32>().unwrap() > 0,
        "no text had a line end"
    );
}

/// Programs that append to one file side by side do not cut each other's records.
#[test]
fn processes_side_by_side_write_whole_records() {
    let bench = bench();
    let ran = run(
        &bench,
        "for n in 1 2 3 4 5 6; do echo \"Name the number $n.\" > $n.txt; done
         ls ?.txt | xargs -P 3 -I{} sh -c 'llm-run -t 1 -n 2 --stream -f {} >> all.jsonl' && cat all.jsonl",
    )
    .exits(0);
    let read = records(&ran);
    let closing = read.iter().filter(|record| record["type"] == "completion");
    assert_eq!(closing.count(), 6);
}

/// A batch that is cut in two gives the records of the whole one.
#[test]
fn parts_of_a_batch_are_the_batch() {
    let bench = bench();
    let call = "llm-run --jsonl --temp 1 -s 3 -n 4";
    let whole = run(&bench, &format!("{call} < lines.jsonl")).exits(1);
    let parts = format!(
        "{call} < <(head -n 2 lines.jsonl) > one & {call} < <(tail -n 2 lines.jsonl) > two; wait; cat one two"
    );
    let parts = run(&bench, &parts);
    let without_line = |ran: &Ran| -> Vec<Value> {
        let mut read: Vec<Value> = records(ran).into_iter().map(timeless).collect();
        for record in &mut read {
            let fields = record.as_object_mut().unwrap();
            // The third line is the first of its part, and an error's sentence says so.
            fields.remove("line");
            fields.remove("error");
            // What the run had computed already is no part of an answer.
            if let Some(usage) = fields.get_mut("usage") {
                usage
                    .as_object_mut()
                    .unwrap()
                    .remove("prompt_tokens_details");
            }
        }
        read
    };
    assert_eq!(without_line(&whole), without_line(&parts));
}

/// What is missing in an output can be told with jq and run alone; the appended file is complete.
#[test]
fn a_broken_batch_goes_on_with_what_is_missing() {
    let bench = bench();
    let ran = run(
        &bench,
        "head -n 1 lines.jsonl | llm-run --jsonl -n 2 > out.jsonl
         jq -c --slurpfile done out.jsonl 'select(.id as $id | all($done[]; .id != $id))' lines.jsonl |
           llm-run --jsonl -n 2 >> out.jsonl
         cat out.jsonl",
    );
    let read = records(&ran);
    assert_eq!(column(&read, "/id"), ids());
}

/// Several inputs are one prompt, in the order of the arguments, whatever kind of file each is.
#[test]
fn inputs_of_every_kind_join_in_order() {
    let bench = bench();
    bench.file("end.txt", "three");
    let joined = run(
        &bench,
        "echo two | llm-run --count -T -f <(printf 'one\\n') -f - -f end.txt",
    );
    let one = run(&bench, "printf 'one\\ntwo\\nthree' | llm-run --count -T");
    let other = run(&bench, "printf 'one\\n' | llm-run --count -T");
    assert_eq!(joined.exits(0).stdout(), one.exits(0).stdout());
    assert_ne!(other.exits(0).stdout(), "");
}

/// The names that one program lists are those that the other takes.
#[test]
fn listed_names_can_be_run() {
    let ran = run(
        &bench(),
        "llm-pull ls -T | while read -r name; do
           llm-run -m \"$name\" --count -p hello | jq -r .model.name
         done | diff - <(llm-pull ls | jq -r .name) && echo same",
    );
    ran.exits(0).writes("same\n");
}

/// Text from anywhere is a prompt, a hyphen at its start included: `"$text"` in a script need not be
/// looked at.
#[test]
fn a_text_that_starts_with_a_hyphen_is_a_text() {
    let ran = run(
        &bench(),
        "text='- one
- two'
         llm-run --count -T -p \"$text\" && llm-run --count -T -p hello --system \"$text\" &&
         llm-run --count -T -p hello --template '- {{text}}'",
    );
    let text = ran.exits(0).stdout();
    assert_eq!(text.lines().count(), 3, "{text}");
}

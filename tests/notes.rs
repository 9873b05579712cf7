//! A folder of notes, embedded and searched: what it holds, what has changed in it since, and where in a
//! file a piece stands.

use serde_json::{Value, json};

use crate::embed::{refused, tool};
use crate::harness::{Ran, Sandbox};
use crate::support::records::records;

/// Three paragraphs, each a piece of its own.
const PLUMBER: &str = "The plumber comes on Monday at ten.\n\nBread is baked by the neighbour.\n\n\
                       The cat was at the vet in May.\n";

fn notes() -> Sandbox {
    let sandbox = Sandbox::new();
    std::fs::create_dir_all(sandbox.path().join("notes/old")).unwrap();
    sandbox.file("notes/b.txt", PLUMBER);
    sandbox.file("notes/a.md", "Iron melts at a high temperature.\n");
    sandbox.file("notes/old/c.txt", "The garden needs water in August.\n");
    sandbox
}

fn embed(sandbox: &Sandbox, more: &[&str]) -> Ran {
    let tool = tool(sandbox).args(["--chunk", "12", "--keep-text", "-o", "n.jsonl"]);
    tool.args(more).run()
}

fn held(sandbox: &Sandbox) -> Vec<Value> {
    let text = std::fs::read_to_string(sandbox.path().join("n.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn texts(records: &[Value]) -> Vec<&str> {
    records
        .iter()
        .map(|record| record["text"].as_str().unwrap().trim())
        .collect()
}

fn best(sandbox: &Sandbox, query: &str, more: &[&str]) -> Ran {
    let tool = sandbox
        .tool("llm-embed")
        .args(["search", "n.jsonl", query, "-k", "1"]);
    tool.args(more).run().exits(0)
}

#[test]
fn a_piece_is_found_by_file_and_line() {
    let sandbox = notes();
    embed(&sandbox, &["notes/b.txt"]).exits(0);
    let pieces = held(&sandbox);
    let wanted: Vec<_> = PLUMBER
        .lines()
        .zip(1..)
        .filter(|(text, _)| !text.is_empty())
        .collect();
    assert_eq!(pieces.len(), wanted.len());
    for (piece, (text, line)) in pieces.iter().zip(wanted) {
        assert_eq!(piece["text"].as_str().unwrap().trim(), text);
        assert_eq!(piece["input"]["line"], line);
        assert_eq!(piece["input"]["offset"], PLUMBER.find(text).unwrap());
    }
    let hit = best(&sandbox, "Who bakes bread?", &["-T"]).stdout();
    assert!(hit.contains("\tnotes/b.txt:3\t"), "{hit}");
}

#[test]
fn what_was_edited_or_deleted_is_told_and_dropped_with_prune() {
    let sandbox = notes();
    embed(&sandbox, &["notes"]).exits(0);
    let before = held(&sandbox);
    assert_eq!(before.len(), 5);
    // Not a word is said of a folder that is as it was.
    embed(&sandbox, &["notes"]).exits(0).says_only_the_sums();

    sandbox.file(
        "notes/b.txt",
        PLUMBER.replace("Monday at ten", "Friday at two"),
    );
    std::fs::remove_file(sandbox.path().join("notes/old/c.txt")).unwrap();
    let told = embed(&sandbox, &["notes"]).exits(0);
    told.says("2 records in 'n.jsonl' of 2 files that no longer have their texts are still there");
    assert_eq!(held(&sandbox).len(), 6);
    embed(&sandbox, &["notes", "--prune"])
        .exits(0)
        .says("2 records in 'n.jsonl'");
    let after = held(&sandbox);
    let hit = records(&best(&sandbox, "When does the plumber come?", &[])).remove(0);
    assert!(hit["text"].as_str().unwrap().contains("Friday"), "{hit}");
    // What is left is what was there, to the byte, and the new piece.
    let kept: Vec<&Value> = before.iter().filter(|it| after.contains(it)).collect();
    assert_eq!((kept.len(), after.len()), (3, 4));
    assert!(!texts(&after).iter().any(|text| text.contains("garden")));
    embed(&sandbox, &["notes", "--prune"])
        .exits(0)
        .says_only_the_sums();
}

#[test]
fn prune_leaves_what_is_of_other_files_and_what_cannot_be_known() {
    let sandbox = notes();
    sandbox.file("rows", "{\"id\":\"x\",\"text\":\"a row\"}\n");
    tool(&sandbox)
        .args(["--jsonl", "-f", "rows", "-o", "n.jsonl"])
        .run()
        .exits(0);
    embed(&sandbox, &["notes/a.md", "notes/b.txt"]).exits(0);
    // A file that is not named this time and is there still.
    sandbox.file("notes/b.txt", "Nothing.\n");
    embed(&sandbox, &["notes/a.md", "--prune"])
        .exits(0)
        .says_only_the_sums();
    assert_eq!(held(&sandbox).len(), 5);
    // A run that was cut short knows nothing of the rest.
    sandbox.file("notes/bad", b"\xff\xfe");
    embed(
        &sandbox,
        &["notes/bad", "notes/b.txt", "--prune", "--max-errors", "1"],
    )
    .exits(1);
    assert_eq!(held(&sandbox).len(), 6);
    embed(&sandbox, &["notes/b.txt", "--prune"])
        .exits(0)
        .says("3 records");
    refused(
        tool(&sandbox).args(["--prune", "-o", "n.jsonl"]).run(),
        "no FILE is given",
    );
    let matrix = ["notes", "--prune", "--format", "npy", "-o", "v.npy"];
    refused(
        tool(&sandbox).args(matrix).run(),
        "--repair, --prune and --on-conflict",
    );
}

#[test]
fn a_folder_stands_for_its_texts_in_order() {
    let sandbox = notes();
    std::fs::create_dir(sandbox.path().join("notes/.git")).unwrap();
    sandbox.file("notes/.git/config", "x");
    sandbox.file("notes/picture.png", b"\x89PNG\r\n\0");
    sandbox.file("notes/empty", "");
    std::os::unix::fs::symlink("..", sandbox.path().join("notes/loop")).unwrap();
    let ran = tool(&sandbox).args(["notes", "--keep-text"]).run().exits(0);
    let ran = ran.says(
        "passed over in 'notes': 1 hidden file or folder, 1 file that is not text, 1 empty file, 1 link",
    );
    let paths: Vec<Value> = records(&ran)
        .iter()
        .map(|it| it["input"]["path"].clone())
        .collect();
    assert_eq!(
        json!(paths),
        json!(["notes/a.md", "notes/b.txt", "notes/old/c.txt"])
    );
    // An output inside the folder is no text of it, whichever way it is written.
    tool(&sandbox)
        .args(["notes", "-o", "notes/v.jsonl"])
        .run()
        .exits(0);
    let again = tool(&sandbox)
        .args(["notes", "-o", "notes/v.jsonl"])
        .run()
        .exits(0);
    let again = again.says("3 skipped");
    assert!(!again.stderr().contains("no longer"), "{}", again.stderr());
    let matrix = ["notes", "--format", "npy", "-o", "notes/v.npy"];
    tool(&sandbox).args(matrix).run().exits(0);
    let lines = std::fs::read_to_string(sandbox.path().join("notes/v.npy.jsonl")).unwrap();
    assert_eq!(lines.lines().count(), 3, "{lines}");
    std::fs::create_dir(sandbox.path().join("nothing")).unwrap();
    let none = tool(&sandbox).arg("nothing").run().exits(0);
    none.writes("").says("'nothing' holds no text");
    // What would be emptied may be a text of the folder.
    let over = ["notes", "--overwrite", "-o", "notes/a.md"];
    refused(
        tool(&sandbox).args(over).run(),
        "may be one of the texts of a folder",
    );
}

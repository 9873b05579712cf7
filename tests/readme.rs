//! The README runs: each of its `sh` blocks is executed as it stands by a POSIX shell, in a copy of the
//! folder that it speaks of. What is expected is what the README promises: shapes, counts and facts that
//! are true, never the model's own words. The facts are expected of the default model, where
//! `scripts/fetch-real-models` has fetched it; the gate has a smaller one, of which only shapes are. That
//! the README's tables name what there is, is tested here too.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::harness::Ran;
use crate::support::model::{Bench, file};
use crate::support::records;

const README: &str = include_str!("../README.md");

/// The model of the blocks about vectors.
const ENCODER: &str = "all-minilm-l6-v2";

/// The default model, where it is here.
const DEFAULT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/models/real/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"
);

/// The folder whose copy the blocks run in.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/readme");

/// One test for each block, and the list of their names.
macro_rules! blocks {
    ($($name:ident),* $(,)?) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];
        mod block {
            $(#[test]
            fn $name() {
                super::$name(&super::Block::new(stringify!($name)));
            })*
        }
    };
}

blocks!(
    summary, commit, questions, labels, chain, count, stream, decide, files, batch, failures,
    seeds, extract, list, show, tokens, vectors, ask, rerank, payback, floor, spent,
);

/// A block of the README and the place where it runs.
struct Block {
    script: String,
    bench: Bench,
    /// Whether the default model answers, which knows the facts.
    knows: bool,
}

impl Block {
    fn new(name: &str) -> Self {
        let blocks = all();
        let block = blocks.into_iter().find(|(known, _)| known == name);
        let (_, script) = block.unwrap_or_else(|| panic!("README.md has no block '{name}'"));
        let bench = Bench::new();
        copy(Path::new(FOLDER), bench.sandbox.path());
        let (model, name) = (file(ENCODER), bench.sandbox.path().join(ENCODER));
        std::os::unix::fs::symlink(model, name).unwrap();
        bench.file("block.sh", &script);
        let knows = Path::new(DEFAULT).exists();
        let block = Self {
            script,
            bench,
            knows,
        };
        if block.script.contains("jq ") {
            assert!(
                block.shell("command -v jq").status().success(),
                "jq is not installed, and the README's examples use it (Debian: apt-get install jq)"
            );
        }
        block
    }

    /// Runs the block in the plainest shell that is here.
    fn start(&self) -> Ran {
        self.shell("if command -v dash >/dev/null; then dash block.sh; else sh block.sh; fi")
    }

    /// Runs the block and expects it to end well, with something on standard output.
    #[track_caller]
    fn run(&self) -> String {
        let ran = self.start().exits(0);
        if ran.stdout().trim().is_empty() {
            ran.fail("expected something on standard output");
        }
        ran.stdout()
    }

    /// Runs another line in the same place.
    fn shell(&self, line: &str) -> Ran {
        let tool = self.bench.pipe(line);
        let tool = if self.knows {
            tool.env("LLM_MODEL", DEFAULT)
        } else {
            tool
        };
        tool.run()
    }

    /// Returns the rows that the block writes, each cut at its tabs.
    #[track_caller]
    fn rows(&self, columns: usize) -> Vec<Vec<String>> {
        let rows: Vec<Vec<String>> = self
            .run()
            .lines()
            .map(|line| {
                line.split('\t')
                    .map(|cell| cell.trim().to_owned())
                    .collect()
            })
            .collect();
        for row in &rows {
            assert_eq!(row.len(), columns, "{row:?}");
            assert!(row.iter().all(|cell| !cell.is_empty()), "{row:?}");
        }
        rows
    }
}

/// Every `sh` block of the README with the name in the comment above it.
fn all() -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut name = None;
    let mut lines = README.lines();
    while let Some(line) = lines.next() {
        if line == "```sh" {
            let script: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            let name: Option<&str> = name.take();
            let name = name.unwrap_or_else(|| panic!("no test runs the block {script:#?}"));
            blocks.push((name.to_owned(), script.join("\n")));
        } else {
            name = line
                .strip_prefix("<!-- test: ")
                .and_then(|rest| rest.strip_suffix(" -->"));
        }
    }
    blocks
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn column(rows: &[Vec<String>], index: usize) -> Vec<&str> {
    rows.iter().map(|row| row[index].as_str()).collect()
}

#[test]
fn every_block_of_the_readme_is_run() {
    let written: Vec<String> = all().into_iter().map(|(name, _)| name).collect();
    assert_eq!(written, NAMES);
    assert!(README.matches("Better:").count() >= 10);
}

/// What the README advises to fetch can be fetched under that name.
#[test]
fn models_that_the_readme_names_are_in_the_catalogue() {
    let names: BTreeSet<String> = llm_store::catalogue()
        .unwrap()
        .iter()
        .map(|entry| entry.name.clone())
        .collect();
    let advised = README.split("Better:").skip(1);
    let advised: Vec<&str> = advised.filter_map(|rest| rest.split('`').nth(1)).collect();
    assert!(advised.len() >= 10, "{advised:?}");
    for name in advised {
        assert!(names.contains(name), "'{name}' is not in the catalogue");
    }
}

/// Every field of every record stands in the README's tables, and every value that has a fixed set.
#[test]
fn the_readme_names_every_field() {
    let mut fields = BTreeSet::new();
    for file in ["llm-record/schema/record.json", "llm-cost/schema/cost.json"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("crates")
            .join(file);
        let schema: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        names(&schema, &mut fields);
    }
    assert!(fields.len() > 40, "{fields:?}");
    let quoted: BTreeSet<&str> = README
        .lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .flat_map(|text| text.split(|c: char| !c.is_alphanumeric() && c != '_'))
        .collect();
    // Files of a model; a code that only a reader of later versions needs.
    for minor in ["path", "size", "sha256", "unknown"] {
        fields.remove(minor);
    }
    let missing: Vec<_> = fields
        .iter()
        .filter(|field| !quoted.contains(field.as_str()))
        .collect();
    assert!(missing.is_empty(), "README.md does not name {missing:?}");
}

/// Collects the names of properties and the words of enumerations.
fn names(schema: &Value, into: &mut BTreeSet<String>) {
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        into.extend(properties.keys().cloned());
    }
    for key in ["enum", "const"] {
        let words = schema
            .get(key)
            .map(|words| match words {
                Value::Array(words) => words.clone(),
                word => vec![word.clone()],
            })
            .unwrap_or_default();
        into.extend(words.iter().filter_map(Value::as_str).map(str::to_owned));
    }
    match schema {
        Value::Array(parts) => parts.iter().for_each(|part| names(part, into)),
        Value::Object(parts) => parts.values().for_each(|part| names(part, into)),
        _ => {}
    }
}

fn summary(block: &Block) {
    let text = block.run();
    assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{text:?}");
    // A summary is about its text.
    assert!(text.to_lowercase().contains("library"), "{text:?}");
}

fn commit(block: &Block) {
    let identity = "git config user.name Reader && git config user.email reader@example.org";
    block
        .shell(&format!(
            "git init -q && {identity} && git add . && git commit -q -m First"
        ))
        .exits(0);
    let line = "-The shop opens at nine.\n+The shop opens at ten.\n";
    for sign in ["-", "+"] {
        let now: String = line
            .lines()
            .filter_map(|line| line.strip_prefix(sign))
            .collect();
        block.bench.file("hours.txt", now + "\n");
        block.shell("git add hours.txt").exits(0);
        if sign == "-" {
            block.shell("git commit -q -m Hours").exits(0);
        }
    }
    block.run();
    let log = block
        .shell("git log -1 --format=%B --stat")
        .exits(0)
        .stdout();
    let subject = log.lines().next().unwrap_or_default();
    assert!(!subject.trim().is_empty(), "{log}");
    assert!(log.contains("hours.txt"), "{log}");
    block.shell("git status --porcelain").exits(0).writes("");
}

fn questions(block: &Block) {
    let rows = block.rows(2);
    assert_eq!(column(&rows, 0), ["1", "2", "3"]);
    if block.knows {
        assert!(rows[0][1].contains("Tokyo"), "{rows:?}");
        assert!(rows[2][1].contains("Au"), "{rows:?}");
    }
}

fn labels(block: &Block) {
    let rows = block.rows(3);
    assert_eq!(column(&rows, 0), ["r1", "r2", "r3"]);
    assert_eq!(column(&rows, 1), ["5", "1", "4"]);
    let labels = column(&rows, 2);
    assert!(
        labels
            .iter()
            .all(|label| ["positive", "negative"].contains(label))
    );
    if block.knows {
        assert_eq!(labels, ["positive", "negative", "positive"]);
    }
}

fn extract(block: &Block) {
    let rows = block.rows(3);
    for quantity in column(&rows, 1) {
        assert!(quantity.parse::<i64>().is_ok(), "{rows:?}");
    }
    if block.knows {
        assert_eq!(rows.len(), 5, "{rows:?}");
        assert_eq!(column(&rows, 1), ["3", "12", "5", "20", "2"]);
        assert_eq!(
            column(&rows, 2),
            ["Leeds", "Oslo", "Milan", "Porto", "Bergen"]
        );
    }
}

fn chain(block: &Block) {
    let countries = block.rows(1);
    assert_eq!(countries.len(), 3, "{countries:?}");
    if block.knows {
        assert_eq!(countries[0], ["Norway"]);
        assert_eq!(countries[2], ["Italy"]);
    }
}

fn count(block: &Block) {
    let rows = block.rows(2);
    assert_eq!(
        column(&rows, 1),
        ["notice.txt", "orders.txt", "people.txt", "questions.txt"]
    );
    for row in rows {
        let tokens: usize = row[0].parse().unwrap();
        let text = std::fs::read_to_string(block.bench.sandbox.path().join(&row[1])).unwrap();
        let words = text.split_whitespace().count();
        assert!(
            (words..words + 100).contains(&tokens),
            "{row:?}: {words} words"
        );
    }
}

/// The pieces of an answer make the answer.
fn stream(block: &Block) {
    let call = block.script.split(" --stream").next().unwrap();
    let whole = block.shell(&format!("{call} -T")).exits(0).stdout();
    assert_eq!(block.run(), whole.strip_suffix('\n').unwrap());
    let deltas = block.shell(&format!("{call} --stream"));
    let types = records::records(&deltas).len();
    assert!(types > 5, "only {types} records");
}

fn decide(block: &Block) {
    let text = block.run();
    assert!(["ask the carrier\n", "look at the invoice\n"].contains(&&*text));
    if block.knows {
        assert_eq!(text, "ask the carrier\n");
    }
}

fn files(block: &Block) {
    let rows = block.rows(2);
    assert_eq!(column(&rows, 0), ["notes/pump.txt", "notes/roof.txt"]);
    if block.knows {
        assert!(rows[0][1].contains("Monday"), "{rows:?}");
        assert!(rows[1][1].contains("Friday"), "{rows:?}");
    }
}

fn batch(block: &Block) {
    block.start().exits(0).writes("").says_nothing();
    let read = records::records(&block.shell("cat moods.jsonl"));
    let ids: Vec<_> = read.iter().map(|record| &record["id"]).collect();
    assert_eq!(ids, ["r1", "r2", "r3"]);
    assert!(
        read.iter().all(|record| record["type"] == "completion"),
        "{read:?}"
    );
}

fn failures(block: &Block) {
    let text = block.run();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert_eq!(lines[0], "some lines failed");
    assert!(lines[1].starts_with("b: line 2 "), "{text}");
    assert!(lines[2].starts_with("c: line 3 "), "{text}");
    let read = records::records(&block.shell("cat answers.jsonl"));
    let types: Vec<_> = read.iter().map(|record| &record["type"]).collect();
    assert_eq!(types, ["completion", "error", "error"]);
}

fn seeds(block: &Block) {
    let text = block.run();
    assert_eq!(block.run(), text);
    let answers: BTreeSet<_> = text.lines().collect();
    assert!(answers.len() >= 3, "{text}");
    let others = block.shell(&block.script.replace("-s 7", "-s 8")).exits(0);
    assert_ne!(others.stdout(), text);
}

fn list(block: &Block) {
    let rows = block.rows(3);
    let row = ["smollm2", "Q4_1", "98362432"].map(str::to_owned).to_vec();
    assert!(rows.contains(&row), "{rows:?}");
}

fn tokens(block: &Block) {
    let ids: Vec<u32> = serde_json::from_str(&block.run()).unwrap();
    // Each of these words is one token; the model's markup ends with 16.
    assert!(ids.len() == 4 && ids.iter().all(|&id| id > 16), "{ids:?}");
}

fn show(block: &Block) {
    let facts: Value = serde_json::from_str(&block.run()).unwrap();
    let wanted = serde_json::json!({
        "architecture": "llama", "parameters": 134_515_008, "context_length": 8192,
    });
    assert_eq!(facts, wanted);
}

fn vectors(block: &Block) {
    let rows = block.rows(3);
    assert_eq!(column(&rows, 0), ["1", "2"]);
    // The two that praise come before the one that complains.
    let mut found = column(&rows, 1);
    found.sort_unstable();
    assert_eq!(found, ["r1", "r3"]);
    let read = records::records(&block.shell("cat vectors.jsonl"));
    assert_eq!(read.len(), 3);
}

fn ask(block: &Block) {
    block.run();
    let found = "llm-embed search notes.jsonl 'When does the plumber come?' -k 1";
    let hit = records::record(&block.shell(found));
    assert_eq!(hit["input"]["path"], "notes/pump.txt");
    assert_eq!(hit["input"]["offset"], 0);
}

fn rerank(block: &Block) {
    assert!(block.run().starts_with("Tom Reed is a baker"));
}

fn payback(block: &Block) {
    let text = block.run();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!((lines[0], lines[2]), ("pays", "never"), "{text}");
    let months: f64 = lines[1].parse().unwrap();
    // 14.4 M tokens a month at 2 and 10 USD are 124.80 USD; power is some of it.
    assert!((27.6..30.0).contains(&months), "{text}");
}

fn floor(block: &Block) {
    let rows = block.rows(5);
    assert!(rows.len() > 5, "{rows:?}");
    let number = |row: &[String], index: usize| row[index].parse::<f64>().unwrap();
    for row in &rows {
        assert!(number(row, 1) <= 4000.0, "{row:?}");
        let [rate, low, high] = [2, 3, 4].map(|index| number(row, index));
        assert!(low < rate && rate < high, "{row:?}");
    }
    assert!(
        rows.is_sorted_by(|a, b| number(a, 2) >= number(b, 2)),
        "{rows:?}"
    );
}

fn spent(block: &Block) {
    let spent: Value = serde_json::from_str(&block.run()).unwrap();
    assert_eq!(spent["requests"], 3);
    assert!(spent["joules"].as_f64().unwrap() > 0.0, "{spent}");
    assert_eq!(spent["clouds"][0]["cloud"], "openai/gpt-6-luna");
    assert!(spent["clouds"][0]["usd"].as_f64().unwrap() > 0.0, "{spent}");
}

/// The README's errors are those of the predictor's data.
#[test]
fn the_readme_tells_the_predictors_errors() {
    for family in &llm_cost::Catalogue::builtin().families {
        let line = match family.decode_error {
            Some(error) => format!(
                "| `{}` | {} | {} | {} % | {:.2} to {:.2} |",
                family.family,
                error.rows,
                error.sources,
                (error.median_error * 100.0).round(),
                error.low,
                error.high
            ),
            None => format!("| `{}` | {} | 1 | unknown |", family.family, family.rows),
        };
        assert!(README.contains(&line), "README.md lacks '{line}'");
        let line = match family.prefill_error {
            Some(error) => format!(
                "| `{}` | {} | {} | {} % | {:.2} to {:.2} |",
                family.family,
                error.rows,
                error.sources,
                (error.median_error * 100.0).round(),
                error.low,
                error.high
            ),
            None => format!(
                "| `{}` | {} | {} | unknown | no band |",
                family.family,
                family.prefill_rows,
                family.prefill_origins.len()
            ),
        };
        assert!(README.contains(&line), "README.md lacks '{line}'");
    }
}

/// The flags that several programs have, as their parsers say.
#[test]
fn the_readme_shows_the_flags_that_programs_share() {
    let table = shared_flags().join("\n");
    assert!(
        README.contains(&table),
        "README.md lacks this table:\n{table}"
    );
}

/// Returns a row for each flag of several programs: its names, the programs, its default.
fn shared_flags() -> Vec<String> {
    let mut flags = std::collections::BTreeMap::<String, Vec<(String, clap::Arg)>>::new();
    for command in llm_cli::commands() {
        let program = command.get_name().to_owned();
        collect(&command, &program, &mut flags);
    }
    let rows = flags.into_iter().filter_map(|(long, places)| {
        let mut programs: Vec<_> = places.iter().map(|(program, _)| program.as_str()).collect();
        programs.dedup();
        if programs.len() < 2 || long == "help" || long == "version" {
            return None;
        }
        // Where only some have the letter, they are those whose main input or number it is.
        let letters: BTreeSet<_> = places.iter().map(|(_, flag)| flag.get_short()).collect();
        let letters: Vec<_> = letters.into_iter().flatten().collect();
        let names = match letters[..] {
            [] => format!("`--{long}`"),
            [letter] => format!("`-{letter}`, `--{long}`"),
            _ => panic!("--{long} has several letters: {letters:?}"),
        };
        let defaults: BTreeSet<String> = places.iter().map(|(_, flag)| default(flag)).collect();
        let defaults: Vec<_> = defaults.into_iter().collect();
        Some(format!(
            "| {names} | {} | {} |",
            programs.join(", "),
            defaults.join(" or ")
        ))
    });
    rows.collect()
}

fn collect(
    command: &clap::Command,
    program: &str,
    into: &mut std::collections::BTreeMap<String, Vec<(String, clap::Arg)>>,
) {
    for flag in command.get_arguments() {
        if let Some(long) = flag.get_long() {
            let places = into.entry(long.to_owned()).or_default();
            places.push((program.to_owned(), flag.clone()));
        }
    }
    for inner in command.get_subcommands() {
        collect(inner, program, into);
    }
}

fn default(flag: &clap::Arg) -> String {
    let values = flag.get_default_values().iter();
    let values: Vec<_> = values.map(|value| value.to_string_lossy()).collect();
    if flag.get_action().takes_values() && !values.is_empty() {
        format!("`{}`", values.join(","))
    } else {
        "none".to_owned()
    }
}

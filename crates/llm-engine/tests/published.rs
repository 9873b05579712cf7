//! Tiny models as published ones come to their users: folders that transformers
//! wrote, GGUF files that llama.cpp's converter made of them, and the logits of
//! both (`published/README.md`; `scripts/make-tiny-families` makes them). Nothing
//! in them was written by what reads them here.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking, and prints what it measured"
)]

#[path = "support/judged.rs"]
mod judged;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use llm_gguf::Gguf;

use judged::{POSITIONS, apart, files, floats, logits, read};

/// Positions of the longer runs whose logits are kept, as in
/// `scripts/lib/tiny_families_table.py`.
const LONG: [usize; 12] = [0, 1, 2, 20, 63, 100, 149, 200, 254, 255, 256, 299];

/// The largest difference to llama.cpp's logits, as a part of their root mean
/// square: both sum in f32, in another order.
const LLAMA_CPP: f32 = 2e-4;
/// The same for transformers, whose steps are more and its own.
const TRANSFORMERS: f32 = 2e-4;
/// The same for quantized weights, whose products are with activations of 8 bits
/// here and in f32 in the goldens: 0.063 was measured.
const QUANTIZED: f32 = 0.1;

/// Families of which none is made: the tiny models of llm-candle speak for them.
const NOT_MADE: [&str; 1] = ["qwen3vlmoe"];

/// A line of `oracles.tsv`.
struct Case {
    name: String,
    /// What stands before the names of its files.
    prefix: &'static str,
    /// Which judge is right about the GGUF file, and about the folder: `both`,
    /// `llama_cpp` or `transformers`.
    judges: [String; 2],
    quantized: bool,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/published")
}

fn cases() -> Vec<Case> {
    let text = read(&root().join("oracles.tsv"));
    let planned: BTreeSet<_> = read(&root().join("planned.txt"))
        .lines()
        .map(str::to_owned)
        .collect();
    let mut cases = Vec::new();
    for line in text.lines().skip(1) {
        let columns: Vec<_> = line.split('\t').collect();
        let [name, context, _, _, gguf, folder, weights] = columns[..] else {
            panic!("oracles.tsv: {line}");
        };
        if planned.contains(name) {
            continue;
        }
        cases.push(Case {
            name: name.to_owned(),
            prefix: if context == "long" { "long." } else { "" },
            judges: [gguf.to_owned(), folder.to_owned()],
            quantized: weights == "quantized",
        });
    }
    cases
}

/// Compares one form of a model with those judges that are right about it, and
/// adds to `failures` what is too far from one.
fn compare(
    case: &Case,
    form: &str,
    judge: &str,
    opened: Result<Gguf, String>,
    failures: &mut String,
) {
    let folder = root().join(&case.name);
    let prefix = case.prefix;
    let name = format!("{} {prefix}{form}", case.name);
    let positions = if prefix.is_empty() { &POSITIONS } else { &LONG };
    let tokens = judged::tokens(&folder.join(format!("{prefix}tokens.txt")));
    let found = match opened.and_then(|gguf| logits(&gguf, &tokens, positions)) {
        Ok(found) => found,
        Err(error) => {
            writeln!(failures, "{name}: {error}").unwrap();
            return;
        }
    };
    for (who, bound) in [("llama_cpp", LLAMA_CPP), ("transformers", TRANSFORMERS)] {
        let path = folder.join(format!("{prefix}{who}.f32"));
        // Of some families transformers has no class.
        if judge == "llama_cpp" && who == "transformers" && !path.exists() {
            continue;
        }
        let expected = floats(&path);
        let apart = apart(&found, &expected);
        println!("{name}: {apart:e} from {who} ({judge})");
        let bound = if case.quantized { QUANTIZED } else { bound };
        assert!(
            ["both", "llama_cpp", "transformers"].contains(&judge),
            "{name}: {judge}"
        );
        let judges = judge == "both" || judge == who;
        // Not a number is too far as well.
        if judges && (apart.is_nan() || apart >= bound) {
            writeln!(failures, "{name}: {apart:e} from {who}").unwrap();
        }
    }
}

fn fail(failures: &str) {
    assert!(failures.is_empty(), "\n{failures}");
}

#[test]
fn gguf_files_give_the_judges_logits() {
    let mut failures = String::new();
    for case in cases() {
        let paths = files(&root().join(&case.name), "gguf");
        let opened = Gguf::open(&paths).map_err(|error| error.to_string());
        compare(&case, "gguf", &case.judges[0], opened, &mut failures);
    }
    fail(&failures);
}

#[test]
fn folders_give_the_judges_logits() {
    let mut failures = String::new();
    let mut unknown = BTreeSet::new();
    for case in cases() {
        let folder = root().join(&case.name);
        let config: serde_json::Value =
            serde_json::from_str(&read(&folder.join("config.json"))).unwrap();
        let kind = config["model_type"].as_str().unwrap();
        if !llm_folder::knows(kind) {
            unknown.insert(format!("{} ({kind})", case.name));
            continue;
        }
        let opened = llm_folder::open(&files(&folder, "safetensors"), None);
        let opened = opened.map_err(|error| error.to_string());
        compare(&case, "folder", &case.judges[1], opened, &mut failures);
    }
    assert!(unknown.is_empty(), "not read as folders: {unknown:?}");
    fail(&failures);
}

#[test]
fn every_family_is_there() {
    let names: BTreeSet<_> = cases().into_iter().map(|case| case.name).collect();
    assert!(names.len() >= 45, "{} variants", names.len());
    let mut seen = BTreeSet::new();
    for name in &names {
        let gguf = Gguf::open(&files(&root().join(name), "gguf")).unwrap();
        let architecture = gguf.metadata().string("general.architecture").unwrap();
        seen.insert(architecture.unwrap().to_owned());
    }
    for family in llm_engine::family::FAMILIES {
        let name = family.architecture;
        let is_made = !NOT_MADE.contains(&name);
        assert_eq!(seen.contains(name), is_made, "published models of {name}");
    }
    // A folder that no list names would never be compared.
    let planned = read(&root().join("planned.txt"));
    for entry in std::fs::read_dir(root()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let listed = names.contains(&name) || planned.lines().any(|line| line == name);
        assert!(listed || !entry.path().is_dir(), "{name} is in no list");
    }
}

//! Every target on its corpus, and on a fixed number of mutations of it, within
//! a bound of memory. Nothing here is timed: an input that does not end is seen
//! by the run that does not. The mutations are the same in every run, and those
//! of a target depend on its corpus and on nothing else. `LLM_FUZZ_TARGET` names
//! one target, and `LLM_FUZZ_TIMES` how many times as many mutations are tried.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic")]

mod mutate;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use llm_fuzz::{TARGETS, Target};
use peak_alloc::PeakAlloc;

use mutate::Mutator;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Bytes that any input may take, however short: a folder's encoder and its
/// buffers, the catalogue, the parsers of the flags.
const ALLOWANCE: usize = 64 << 20;

/// Bytes that each byte of an input may take: a JSON value of one digit and a
/// comma is 72 bytes, in a list that has just doubled, kept twice.
const EACH: usize = 512;

/// Mutations of each target: as many as take a few seconds.
const MUTATIONS: [(&str, usize); 20] = [
    ("gguf", 6000),
    ("safetensors", 1000),
    ("config", 1000),
    ("tokenizer", 1000),
    ("folder", 1000),
    ("template", 4000),
    ("reasoning", 20_000),
    ("text", 10_000),
    ("requests", 1000),
    ("csv", 4000),
    ("fields", 60_000),
    ("choices", 3000),
    ("journal", 4000),
    ("vectors", 10_000),
    ("matrix", 100_000),
    ("prefix", 40_000),
    ("usage", 10_000),
    ("prices", 1000),
    ("schema", 300),
    ("gbnf", 4000),
];

/// One test and not one a target: memory is that of the whole process.
#[test]
fn every_target_survives_its_corpus_and_mutations_of_it() {
    let wanted = std::env::var("LLM_FUZZ_TARGET").ok();
    let times = std::env::var("LLM_FUZZ_TIMES").map_or(1, |times| times.parse().unwrap());
    for (name, target) in TARGETS {
        if wanted.as_ref().is_some_and(|wanted| wanted != name) {
            continue;
        }
        let corpus = corpus(name);
        assert!(!corpus.is_empty(), "corpus/{name} is empty");
        for (path, bytes) in &corpus {
            // A vocabulary stays in memory, so the first input may take more.
            target(bytes);
            survive(name, *target, bytes, &path.display().to_string());
        }
        let seeds: Vec<_> = corpus.into_iter().map(|(_, bytes)| bytes).collect();
        let (_, count) = MUTATIONS.iter().find(|(known, _)| known == name).unwrap();
        let mut mutator = Mutator::new(&seeds);
        for number in 0..count * times {
            let bytes = mutator.input();
            survive(name, *target, &bytes, &format!("mutation {number}"));
        }
    }
}

#[test]
fn every_folder_of_the_corpus_is_a_targets() {
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(
            TARGETS.iter().any(|(known, _)| *known == name),
            "corpus/{name} is no target's"
        );
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// Returns the files of a target's corpus in the order of their names.
fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder().join(name))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            (path, bytes)
        })
        .collect();
    files.sort();
    files
}

/// Runs a target on one input; what it does not survive is kept.
fn survive(name: &str, target: Target, bytes: &[u8], origin: &str) {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let survived = catch_unwind(AssertUnwindSafe(|| target(bytes))).is_ok();
    let taken = MEMORY.peak_usage().saturating_sub(before);
    let bound = ALLOWANCE + EACH * bytes.len();
    if survived && taken <= bound {
        return;
    }
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.found"));
    fs::write(&kept, bytes).unwrap();
    panic!(
        "the target '{name}' did not survive {origin} ({} bytes, {taken} of memory and at most {bound} wanted); it lies in {}",
        bytes.len(),
        kept.display()
    );
}

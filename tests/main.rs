//! The programs in real pipes. Each file below has one purpose, stated above its `mod` line; what can be
//! tested in a library is tested there.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic")]
#![allow(
    unreachable_pub,
    reason = "files of one test program share their items by `pub`"
)]

/// Runs the programs in a folder of their own, and shows what happened where a test fails.
#[allow(
    dead_code,
    reason = "a box of tools, of which the test files take what they need"
)]
mod harness;

/// The real model, the check of every record, broken files, a hub: what several files need.
#[allow(
    dead_code,
    reason = "a box of tools, of which the test files take what they need"
)]
mod support;

/// Statuses, empty and bad input, forms of output.
mod contract;

/// Closed readers, full disks, Ctrl-C.
mod signals;

/// What becomes of one request: prompt, settings, counts, digest, and the next run of a chain.
mod requests;

/// What fields of a line and words of a call are taken for.
mod fields;

/// OpenAI's batch files, CSV, and many lines as one request.
mod formats;

/// Labels to choose from, texts longer than the context, one text in pieces.
mod context;

/// What the model gets and what is no answer: prompts, markup, tools, reasoning.
mod prompts;

/// Chat templates that leave something out, take other forms, or ask for all of the machine.
mod templates;

/// What does not fit the memory.
mod memory;
mod notes;

/// The same line and seed give the same bytes.
mod determinism;

/// Runs over many lines that are killed and started again.
mod durable;

/// Outputs that are inputs, somebody else's, closed or torn.
mod outputs;

/// Requests in records, replay, estimates.
mod replay;

/// How likely each token was, in records and in OpenAI's forms.
mod logprobs;
/// LoRA adapters: named, chosen by lines, shown, refused.
mod lora;

/// Model files that are cut short, hostile, or no models.
mod broken;

/// Models in several files.
mod split;

/// Answers by a schema, a pattern or a grammar.
mod structured;

/// What a person at a terminal sees.
mod terminal;

/// `llm-run` and `llm-cost` make no network call.
#[cfg(target_os = "linux")]
mod offline;

/// `llm-pull` against a hub on this machine and on files.
mod pull;

/// Hugging Face folders with safetensors.
mod folder;

/// `llm-pull show` on the headers of a hundred published models.
mod headers;

/// `llm-pull show --tokenize`: the tokens of a text.
mod tokenize;

/// `llm-bench`: rows, errors, forms, random weights and perplexity; nothing is timed.
mod bench;

/// `llm-embed`: records, lines that fail, resume, prompts.
mod embed;

/// `llm-embed`: whole files, pieces, batch files, long texts, forms of vectors, matrices.
mod embed_forms;

/// `llm-embed search`, `similar` and `rerank`, and damaged vectors.
mod search;
/// `llm-embed` with every kind of model.
mod embedders;

/// `llm-cost`: verdicts, records of use, names without sense, pictures.
mod cost;

/// `llm-cost`: what a model needs and what holds it, and rows of the user's own.
mod floor;

/// Longer pipes, with the shell's own tools between the stages.
mod pipelines;

/// What people do by habit, and what a night job meets.
mod habits;
mod tools;

/// The README's blocks and tables.
mod readme;

/// What the scripts say where something is missing.
mod scripts;

/// Man pages and completions equal what the parsers render.
mod generated;

/// A file that no `mod` line names would never be compiled, and its tests never fail.
#[test]
fn no_test_file_is_forgotten() {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let this = std::fs::read_to_string(here.join("main.rs")).unwrap();
    let mut files = 0;
    for entry in std::fs::read_dir(&here).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(module) = name.strip_suffix(".rs").filter(|module| *module != "main") {
            let line = format!("mod {module};");
            assert!(
                this.lines().any(|there| there == line),
                "tests/main.rs lacks '{line}'"
            );
            files += 1;
        }
    }
    assert!(
        files >= 2,
        "only {files} files were found in {}",
        here.display()
    );
}

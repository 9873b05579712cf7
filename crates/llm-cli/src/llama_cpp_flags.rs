//! Flags of llama.cpp that hands write by habit, and what to write instead. The parser would read `-hf` as
//! `-h -f` and show its help, or `-sys` as the seed "ys", and has no word for `--n-gpu-layers`.
//!
//! What to write depends on the program: each has a table of its own, and an answer names only flags
//! that the program has.

use std::ffi::OsString;

use clap::Command;

use crate::parser;

/// A flag of llama.cpp, and the way to the same end here.
type Row = (&'static str, &'static str);

const CACHE: &str = "leave it out; the cache holds 16-bit floats";
const BATCH: &str = "leave it out; batches are sized by the engine";
const ATTENTION: &str = "leave it out; there is one kind of attention";
const DRAFT: &str = "leave it out; there is no draft model";
const IMPORT: &str = "fetch the file, then llm-pull import FILE";
const NAME: &str = "name the model as -m ORG/REPO:QUANT (llm-pull ORG/REPO:QUANT fetches it)";
const FILE_OF: &str = "name the model as -m ORG/REPO@REVISION:FILE";
const TOKEN: &str = "set HF_TOKEN in the environment";
const GPU: &str = "write --device auto, which uses a GPU where the model fits";
const MAPPED: &str = "leave it out; files are always mapped";
const TURN: &str = "leave it out; every request is one turn";
const SERVER: &str = "leave it out; there is no server, requests come as lines";
const NO_GPU: &str = "leave it out; llm-bench measures the CPU";

/// What llm-run answers. The flags are those of all programs: one that does not stand in the table of
/// another program has nothing to say there.
const RUN: &[Row] = &[
    ("-sys", "write --system TEXT"),
    ("-sysf", "write --system-file FILE"),
    ("-hf", NAME),
    ("-hfr", NAME),
    ("-hff", FILE_OF),
    ("-hft", TOKEN),
    ("-pg", "llm-bench --pg PROMPT,GEN measures that"),
    ("-mu", IMPORT),
    ("-ngl", GPU),
    ("-dev", "write --device"),
    ("-tb", "write -t; both steps use the same threads"),
    ("-bf", "write -f FILE"),
    (
        "-cnv",
        "leave it out; the chat template is used where the model has one",
    ),
    ("-no-cnv", "write --no-template"),
    ("-st", TURN),
    ("-fa", ATTENTION),
    ("-ub", BATCH),
    ("-ctk", CACHE),
    ("-ctv", CACHE),
    ("-md", DRAFT),
    ("-np", "write --parallel N"),
    ("-lv", "leave it out; there is no log"),
    ("--gpu-layers", GPU),
    ("--n-gpu-layers", GPU),
    ("--batch-size", BATCH),
    ("--ubatch-size", BATCH),
    ("--flash-attn", ATTENTION),
    ("--cache-type-k", CACHE),
    ("--cache-type-v", CACHE),
    ("--mlock", MAPPED),
    ("--no-mmap", MAPPED),
    ("--interactive", TURN),
    ("--single-turn", TURN),
    (
        "--no-display-prompt",
        "leave it out; the prompt is never written",
    ),
    ("--jinja", "leave it out; chat templates are always Jinja"),
    (
        "--escape",
        "leave it out; \\n is a newline in --system, --template and --stop",
    ),
    ("--verbose", "leave it out; there is no log"),
    ("--log-disable", "leave it out; there is no log"),
    ("--host", SERVER),
    ("--port", SERVER),
];

/// Flags of llm-run, by its own and by other names, that the other programs have nothing like.
const OF_RUN: &[&str] = &[
    "--max-tokens",
    "--predict",
    "--n-predict",
    "--temperature",
    "--temp",
    "--top-k",
    "--top-p",
    "--min-p",
    "--seed",
    "--stop",
    "--system",
];

/// What llm-bench answers, also to the flags that only llama-bench has.
const BENCH: &[Row] = &[
    ("-hf", NAME),
    ("-hfr", NAME),
    ("-hff", FILE_OF),
    ("-hft", TOKEN),
    ("-pg", "write --pg PROMPT,GEN"),
    ("-mu", IMPORT),
    ("-ngl", NO_GPU),
    ("-dev", NO_GPU),
    ("-sm", NO_GPU),
    ("-mg", NO_GPU),
    ("-ts", NO_GPU),
    ("-nkvo", NO_GPU),
    ("-tb", "write -t; both steps use the same threads"),
    ("-fa", ATTENTION),
    ("-ub", BATCH),
    ("-ctk", CACHE),
    ("-ctv", CACHE),
    ("-md", DRAFT),
    ("-np", "write --parallel N"),
    ("-npp", "write --pg PROMPT,GEN"),
    ("-ntg", "write --pg PROMPT,GEN"),
    ("-npl", "write --parallel N"),
    ("-mmp", MAPPED),
    ("--gpu-layers", NO_GPU),
    ("--n-gpu-layers", NO_GPU),
    ("--max-tokens", "write -n N"),
    ("--predict", "write -n N"),
    ("-oe", "write --format md or --format jsonl"),
    ("-lv", "leave it out; there is no log"),
];

/// What llm-pull answers.
const PULL: &[Row] = &[
    ("-hf", "give the name alone: llm-pull ORG/REPO:QUANT"),
    ("-hfr", "give the name alone: llm-pull ORG/REPO:QUANT"),
    (
        "-hff",
        "give it with the name: llm-pull ORG/REPO@REVISION:FILE",
    ),
    ("-hft", TOKEN),
    ("-mu", IMPORT),
];

/// What llm-embed answers.
const EMBED: &[Row] = &[
    ("-hft", TOKEN),
    ("-fa", ATTENTION),
    ("-ub", BATCH),
    (
        "-np",
        "leave it out; lines are computed together as they come",
    ),
    ("-lv", "leave it out; there is no log"),
];

fn table(program: &str) -> &'static [Row] {
    match program {
        "llm-cost" => &[],
        "llm-embed" => EMBED,
        "llm-bench" => BENCH,
        "llm-pull" => PULL,
        _ => RUN,
    }
}

/// Returns the sentence for the first flag of llama.cpp among the arguments, if there is one.
///
/// What follows a flag that takes any text is no flag, whatever it looks like.
pub(crate) fn find(program: &str, command: &Command, arguments: &[OsString]) -> Option<String> {
    let mut rest = arguments.iter().skip(1);
    while let Some(argument) = rest.next().filter(|argument| *argument != "--") {
        let Some(argument) = argument.to_str() else {
            continue;
        };
        let flag = argument.split('=').next().unwrap_or(argument);
        if !parser::has_long(command, flag)
            && let Some(answer) = answer(program, flag)
        {
            return Some(answer);
        }
        for _ in 0..parser::values_after(command, argument) {
            rest.next();
        }
    }
    None
}

/// Answers a flag that is not one of the program's own.
fn answer(program: &str, flag: &str) -> Option<String> {
    let among = |rows: &[Row]| rows.iter().find(|(known, _)| *known == flag).copied();
    if let Some((_, instead)) = among(table(program)) {
        return Some(format!("'{flag}' is a flag of llama.cpp; {instead}"));
    }
    if among(RUN).is_some() {
        return Some(format!(
            "'{flag}' is a flag of llama.cpp; leave it out, {program} has nothing like it"
        ));
    }
    let is_of_run = program != "llm-run" && OF_RUN.contains(&flag);
    is_of_run.then(|| {
        format!("'{flag}' says how llm-run generates; leave it out, {program} has nothing like it")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence(program: &str, arguments: &[&str]) -> Option<String> {
        let all: Vec<_> = std::iter::once(&program)
            .chain(arguments)
            .map(OsString::from)
            .collect();
        let commands = crate::commands();
        let command = commands
            .iter()
            .find(|command| command.get_name() == program);
        find(program, command.expect("a program of ours"), &all)
    }

    #[test]
    fn a_foreign_flag_is_answered_with_ours() {
        let answer = sentence("llm-run", &["-n", "5", "-sys", "Be brief"]).unwrap();
        assert_eq!(answer, "'-sys' is a flag of llama.cpp; write --system TEXT");
        assert!(sentence("llm-run", &["-ngl=99"]).is_some());
    }

    #[test]
    fn each_program_answers_for_itself() {
        let told = |program, flag| sentence(program, &[flag]).unwrap_or_default();
        assert!(told("llm-run", "-ngl").contains("--device auto"));
        assert!(told("llm-bench", "-ngl").contains("measures the CPU"));
        assert!(told("llm-pull", "-ngl").contains("llm-pull has nothing like it"));
        // `-oe` is llama-bench's; elsewhere it is `-o e`.
        assert!(told("llm-bench", "-oe").contains("--format"));
        assert_eq!(sentence("llm-run", &["-oe"]), None);
    }

    #[test]
    fn flags_of_our_own_and_plain_texts_pass() {
        let sentence = |arguments: &[&str]| sentence("llm-run", arguments);
        assert_eq!(sentence(&["-s-1", "-T0", "-n", "-1", "--temp", "0"]), None);
        assert_eq!(sentence(&["--", "-sys"]), None);
        assert_eq!(sentence(&["hf", "--stop=-st"]), None);
        // The value of a flag that takes any text.
        for flag in [
            "-p",
            "--prompt",
            "-Tp",
            "--system",
            "--template",
            "--stop",
            "--choices",
        ] {
            assert_eq!(sentence(&[flag, "-st"]), None, "{flag}");
            assert!(sentence(&[flag, "-st", "-st"]).is_some(), "{flag}");
        }
        assert!(sentence(&["-f", "-st"]).is_some());
        assert_eq!(sentence(&["-p", "--", "--", "-st"]), None);
    }

    fn has(program: &str, flag: &str) -> bool {
        let commands = crate::commands();
        let command = commands
            .iter()
            .find(|command| command.get_name() == program);
        let command = command.expect("a program of ours");
        command.get_arguments().any(|argument| {
            let short = argument.get_short().map(|letter| format!("-{letter}"));
            let long = argument.get_long().map(|name| format!("--{name}"));
            [short, long].contains(&Some(flag.to_owned()))
        })
    }

    /// An answer may name flags of the program that is asked, or of one that it names before them.
    #[test]
    fn every_flag_that_an_answer_names_exists() {
        let mut named = 0;
        for command in crate::commands() {
            for (flag, _) in [RUN, BENCH, PULL].concat() {
                let Some(answer) = answer(command.get_name(), flag) else {
                    continue;
                };
                let (_, instead) = answer.split_once("; ").unwrap();
                let mut program = command.get_name().to_owned();
                for word in instead.split(|c: char| !c.is_ascii_alphanumeric() && c != '-') {
                    if word.starts_with("llm-") {
                        word.clone_into(&mut program);
                    } else if word.starts_with('-') {
                        assert!(has(&program, word), "{}: {answer}", command.get_name());
                        named += 1;
                    }
                }
            }
        }
        assert!(named > 20, "{named}");
    }

    /// A flag that every llama.cpp program has is never misread by one of ours.
    #[test]
    fn every_program_answers_every_shared_flag() {
        for command in crate::commands() {
            for (flag, _) in RUN {
                let answer = answer(command.get_name(), flag);
                assert!(answer.is_some(), "{}: {flag}", command.get_name());
            }
        }
    }

    /// A flag that stands in help must never be caught here.
    #[test]
    fn no_flag_of_ours_is_in_a_table() {
        for command in crate::commands() {
            for (flag, _) in [RUN, BENCH, PULL].concat() {
                assert!(!has(command.get_name(), flag), "{flag}");
            }
        }
    }
}

//! Walks all flags of all programs: no clash, one meaning everywhere, help that can be read.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic")]

use std::collections::{BTreeMap, BTreeSet};

use clap::{Arg, Command, Parser as _};
use llm_cli::{HELP_WIDTH, commands};

/// Every program and every command of a program.
fn all_commands() -> Vec<Command> {
    let mut all = Vec::new();
    for mut program in commands() {
        program.build();
        for command in program.get_subcommands() {
            all.push(command.clone());
        }
        all.push(program);
    }
    all
}

fn flags(command: &Command) -> impl Iterator<Item = &Arg> {
    let ours = |flag: &&Arg| !matches!(flag.get_id().as_str(), "help" | "version");
    command
        .get_arguments()
        .filter(ours)
        .filter(|flag| !flag.is_positional())
}

#[test]
fn the_parsers_are_sound() {
    for command in commands() {
        command.debug_assert();
    }
}

#[test]
fn no_letter_stands_for_two_flags() {
    for command in all_commands() {
        let mut letters = BTreeSet::new();
        for flag in command.get_arguments() {
            if let Some(letter) = flag.get_short() {
                assert!(
                    letters.insert(letter),
                    "{}: -{letter} twice",
                    command.get_name()
                );
            }
        }
    }
}

/// The exceptions of llm-bench: -p and -n are llama-bench's counts, what it takes one of elsewhere it
/// takes a list of, its text form is a table and its context a window.
const BENCH: &[&str] = &[
    "n-prompt", "n-gen", "model", "threads", "format", "ctx-size", "parallel",
];

/// The exceptions of llm-embed: what is put before a text is no prompt to answer, and a text that is too
/// long can only be cut at its end; its vectors have forms of their own.
const EMBED: &[&str] = &["prompt", "on-overflow", "format"];

/// Commands of llm-embed, whose exceptions are its own.
const EMBED_COMMANDS: &[&str] = &["llm-embed", "search", "similar", "rerank"];

#[test]
fn a_flag_is_the_same_everywhere() {
    let mut seen = BTreeMap::new();
    let mut letters = BTreeMap::new();
    for command in all_commands() {
        let is_bench = command.get_name() == "llm-bench";
        let is_embed = EMBED_COMMANDS.contains(&command.get_name());
        for flag in flags(&command) {
            let long = flag
                .get_long()
                .expect("every flag has a long name")
                .to_owned();
            if is_bench && BENCH.contains(&long.as_str()) {
                continue;
            }
            if is_embed && EMBED.contains(&long.as_str()) {
                continue;
            }
            let mut what = (
                flag.get_short(),
                flag.get_help().map(ToString::to_string),
                flag.get_value_names().map(<[_]>::to_vec),
            );
            let known = seen.entry(long.clone()).or_insert_with(|| what.clone());
            if is_embed {
                // Texts in place of prompts: the words differ, what is taken does not.
                what.1.clone_from(&known.1);
            }
            assert_eq!(*known, what, "--{long} differs in {}", command.get_name());
            if let Some(letter) = flag.get_short() {
                let known = letters.entry(letter).or_insert_with(|| long.clone());
                assert_eq!(*known, long, "-{letter} differs in {}", command.get_name());
            }
        }
    }
    // The walk has walked: the letters that users know from llama.cpp are among them.
    for (letter, long) in [
        ('m', "model"),
        ('p', "prompt"),
        ('f', "file"),
        ('n', "n-predict"),
        ('c', "ctx-size"),
        ('t', "threads"),
        ('s', "seed"),
        ('o', "output"),
        ('T', "text"),
        ('q', "quiet"),
    ] {
        assert_eq!(letters.get(&letter).map(String::as_str), Some(long));
    }
}

#[test]
fn help_is_imperative_and_narrow() {
    for mut command in all_commands() {
        let name = command.get_name().to_owned();
        for argument in command.get_arguments() {
            let help = argument
                .get_help()
                .unwrap_or_else(|| panic!("{name}: {argument} has no help"))
                .to_string();
            assert!(!help.ends_with('.'), "{name}: {argument}: a full stop");
            assert!(
                help.starts_with(char::is_uppercase),
                "{name}: {argument}: {help}"
            );
            for value in argument.get_possible_values() {
                assert!(
                    value.get_help().is_some() || !argument.get_action().takes_values(),
                    "{name}: {argument}: {} has no help",
                    value.get_name()
                );
            }
        }
        for help in [command.render_help(), command.render_long_help()] {
            for line in help.to_string().lines() {
                assert!(
                    line.chars().count() <= HELP_WIDTH,
                    "{name}: too wide: {line}"
                );
            }
        }
    }
}

#[test]
fn every_program_shows_examples_and_its_exit_status() {
    for command in commands() {
        let after = command.get_after_help().expect("examples").to_string();
        assert!(after.starts_with("Examples:\n  ") && after.contains("\nExit status:\n  0  "));
    }
}

/// The examples are real: each call of a program in them parses.
#[test]
fn the_examples_parse() {
    let mut calls = 0;
    for command in commands() {
        let after = command.get_after_help().expect("examples").to_string();
        let examples = after.split("\n\n").next().unwrap();
        // Where a terminal is as wide as they all are, a call is not broken in its midst.
        for line in examples.lines() {
            assert!(line.len() < 80, "{}: {line}", line.len());
        }
        let examples = examples.replace("\\\n", " ").replace("|\n", "| ");
        for call in examples.lines().skip(1).flat_map(|line| line.split(" | ")) {
            let words = words(call);
            if words.first().map(String::as_str) == Some(command.get_name()) {
                let result = command.clone().try_get_matches_from(&words);
                assert!(result.is_ok(), "{call}: {}", result.unwrap_err());
                calls += 1;
            }
        }
    }
    assert!(calls >= 10, "only {calls} calls were found");
}

/// Splits a call as a shell would, as far as the examples need it: quotes, and redirections cut off;
/// two spaces begin a remark.
fn words(call: &str) -> Vec<String> {
    let call = call.trim().split("  ").next().unwrap_or_default();
    let mut words = vec![String::new()];
    let mut quote = None;
    for letter in call.chars() {
        match quote {
            Some(open) if open == letter => quote = None,
            None if letter == '"' || letter == '\'' => quote = Some(letter),
            None if letter == '<' => break,
            None if letter == ' ' => words.push(String::new()),
            Some(_) | None => words.last_mut().unwrap().push(letter),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// A flag before a subcommand must not make a model's name of the subcommand.
#[test]
fn a_subcommand_is_never_taken_for_a_name() {
    use clap::Parser;
    use llm_cli::{PullArgs, PullCommand};
    let parse = |words: &[&str]| PullArgs::try_parse_from([&["llm-pull"], words].concat());
    assert!(matches!(
        parse(&["ls", "-q", "-T"]).unwrap().command,
        Some(PullCommand::Ls { all: false })
    ));
    assert_eq!(
        parse(&["--dry-run", "x"]).unwrap().fetch.name.as_deref(),
        Some("x")
    );
    for words in [
        &["--dry-run", "ls"] as &[_],
        &["-q", "ls"],
        &["x", "ls"],
        &["x", "y"],
        &[],
    ] {
        assert!(parse(words).is_err(), "{words:?}");
    }
}

/// clap forgets what a flag requires where that conflicts with another flag that is given.
#[test]
fn no_flag_is_ignored_for_want_of_another() {
    let run = |line: &str| llm_cli::RunArgs::try_parse_from(line.split(' ')).is_ok();
    assert!(run("llm-run --jsonl --keep a"));
    for line in ["-p x", "-f x", "x", "--jsonl -p x"] {
        assert!(!run(&format!("llm-run {line} --keep a")), "{line}");
    }
    let bench = |line: &str| llm_cli::BenchArgs::try_parse_from(line.split(' ')).is_ok();
    for flag in ["--layers 2", "--write x"] {
        assert!(bench(&format!("llm-bench --shape a:b {flag}")));
        for line in [
            "-p 1",
            "-m x",
            "--perplexity x",
            "--perplexity x --shape a:b",
        ] {
            assert!(!bench(&format!("llm-bench {line} {flag}")), "{line} {flag}");
        }
    }
}

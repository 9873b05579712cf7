//! Completions of bash, zsh and fish, made from the parsers. `clap_complete` makes such files, too, but its
//! commands of a program with a hyphen in its name are dead in bash, its zsh offers a command the flags of
//! the program, and none knows a model by its name. What is on this machine is asked for at the key.

mod bash;
mod fish;
mod zsh;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Arg, Command, ValueHint};

/// What a flag or an argument takes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// Numbers and texts, which nobody can know.
    Text,
    Files,
    Words(Vec<String>),
    /// A model that is on this machine, or a path.
    Installed,
    /// A model that can be pulled.
    Fetchable,
    /// The rows of a table of `llm-cost catalogue`.
    Table(String),
}

/// A flag, with all its spellings.
struct Flag {
    names: Vec<String>,
    help: String,
    /// Nothing for a switch.
    takes: Option<Kind>,
}

/// A program's own call, or one of its commands.
struct Call {
    /// Empty for the program's own.
    name: String,
    help: String,
    flags: Vec<Flag>,
    /// Arguments in their order; the last may be repeated.
    places: Vec<Kind>,
}

/// A program: its own call comes first.
struct Program {
    name: String,
    calls: Vec<Call>,
}

/// Every file of completions: its path from the root of the repository, and what it has to hold.
pub(super) fn files() -> BTreeMap<PathBuf, String> {
    let mut files = BTreeMap::new();
    for mut command in llm_cli::commands() {
        command.build();
        let program = Program::of(&command);
        let name = &program.name;
        files.insert(
            format!("completions/{name}.bash").into(),
            bash::script(&program),
        );
        files.insert(format!("completions/_{name}").into(), zsh::script(&program));
        files.insert(
            format!("completions/{name}.fish").into(),
            fish::script(&program),
        );
    }
    files
}

impl Program {
    fn of(command: &Command) -> Self {
        let name = command.get_name().to_owned();
        let inner = command
            .get_subcommands()
            .filter(|inner| !inner.is_hide_set());
        let inner = inner.map(|inner| Call::of(&name, inner.get_name(), inner));
        let calls = std::iter::once(Call::of(&name, "", command)).chain(inner);
        Self {
            calls: calls.collect(),
            name,
        }
    }

    /// Its commands.
    fn commands(&self) -> &[Call] {
        &self.calls[1..]
    }

    /// Its name in the names of functions.
    fn function(&self) -> String {
        self.name.replace('-', "_")
    }
}

impl Call {
    fn of(program: &str, name: &str, command: &Command) -> Self {
        let shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
        let (mut flags, mut places) = (Vec::new(), Vec::new());
        for arg in shown {
            let kind = Kind::of(program, name, arg);
            if arg.is_positional() {
                places.push(kind);
                continue;
            }
            let takes = arg.get_action().takes_values().then_some(kind);
            flags.push(Flag {
                names: spellings(arg),
                help: first_line(arg.get_help()),
                takes,
            });
        }
        Self {
            name: name.to_owned(),
            help: first_line(command.get_about()),
            flags,
            places,
        }
    }
}

impl Kind {
    fn of(program: &str, command: &str, arg: &Arg) -> Self {
        let words = arg.get_possible_values();
        let words: Vec<String> = words
            .iter()
            .map(|word| word.get_name().to_owned())
            .collect();
        if !words.is_empty() && arg.get_action().takes_values() {
            return Self::Words(words);
        }
        match arg.get_value_hint() {
            ValueHint::AnyPath | ValueHint::FilePath | ValueHint::DirPath => return Self::Files,
            _ => {}
        }
        // A help that names a table says what the flag takes.
        let help = first_line(arg.get_help());
        if let Some((_, table)) = help.split_once("'llm-cost catalogue ") {
            let table = table.split('\'').next().unwrap_or_default();
            return Self::Table(table.to_owned());
        }
        match (program, command, arg.get_id().as_str()) {
            ("llm-cost", _, "model" | "models") => Self::Table("models".to_owned()),
            ("llm-pull", "", "name") => Self::Fetchable,
            (_, _, "model") | ("llm-pull", "rm" | "show", "name") => Self::Installed,
            _ => Self::Text,
        }
    }

    /// The line of shell that writes the names, one a line.
    fn command(&self) -> Option<String> {
        match self {
            Self::Installed => Some("llm-pull ls -T 2>/dev/null".to_owned()),
            Self::Fetchable => Some("llm-pull ls --all -T 2>/dev/null".to_owned()),
            // A row begins with its name.
            Self::Table(table) => Some(format!(
                "llm-cost catalogue {table} --format jsonl 2>/dev/null </dev/null | sed -n 's/.*\"row\":{{\"[a-z_]*\":\"\\([^\"]*\\)\".*/\\1/p'"
            )),
            Self::Text | Self::Files | Self::Words(_) => None,
        }
    }
}

/// `--long` and `-s`, with the other names that help shows.
fn spellings(arg: &Arg) -> Vec<String> {
    let long = arg.get_long_and_visible_aliases().unwrap_or_default();
    let short = arg.get_short_and_visible_aliases().unwrap_or_default();
    let long = long.iter().map(|name| format!("--{name}"));
    long.chain(short.iter().map(|name| format!("-{name}")))
        .collect()
}

fn first_line(help: Option<&clap::builder::StyledStr>) -> String {
    let help = help.map(ToString::to_string).unwrap_or_default();
    help.lines().next().unwrap_or_default().to_owned()
}

/// A word of a shell, as it stands.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// What a file says of itself.
fn head(program: &Program, shell: &str) -> String {
    format!(
        "# Completions of {} for {shell}, made from its parser by tests/generated/completions.rs.\n",
        program.name
    )
}

//! Man pages and completions: rendered from the parsers, compared with the files that are checked in.
//! `UPDATE_GENERATED=1` writes them instead. What the flags mean is tested in llm-cli.

mod completions;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::harness::Sandbox;

const COMMAND: &str = "UPDATE_GENERATED=1 cargo test --release --test e2e generated";

/// Every generated file: its path from the root of the repository, and what it has to hold.
fn rendered() -> BTreeMap<PathBuf, String> {
    let mut files = completions::files();
    for command in llm_cli::commands() {
        let name = command.get_name().to_owned();
        let mut command = command;
        command.build();
        // Those that are hidden only say what to write instead.
        let shown = command
            .get_subcommands()
            .filter(|inner| !inner.is_hide_set());
        for subcommand in shown {
            // Building has given it the name of its page, `llm-pull-import` say.
            let page = subcommand.get_display_name().unwrap();
            files.insert(format!("man/{page}.1").into(), man_page(subcommand.clone()));
        }
        files.insert(format!("man/{name}.1").into(), man_page(command));
    }
    files
}

/// No date: a page must not change because a day has passed. What stands below a help becomes sections
/// of its own: as running text, which `clap_mangen` makes of it, an example would be filled, justified and
/// hyphenated.
fn man_page(command: clap::Command) -> String {
    let source = concat!("llm-tools ", env!("CARGO_PKG_VERSION"));
    let below = command.get_after_help().map(ToString::to_string);
    let command = command.after_help(clap::builder::Resettable::Reset);
    let mut bytes = Vec::new();
    let page = clap_mangen::Man::new(command).source(source).date("");
    page.render(&mut bytes).unwrap();
    let mut page = String::from_utf8(bytes).unwrap();
    for block in below.iter().flat_map(|text| text.split("\n\n")) {
        page.push_str(&section(block));
    }
    page
}

/// `Title:` and indented lines → a section. A number and two spaces before the text make a list item,
/// any other line stays as it is.
fn section(block: &str) -> String {
    let (title, lines) = block.split_once(":\n").unwrap();
    let escaped = |text: &str| {
        text.replace('\\', "\\e")
            .replace('-', "\\-")
            .replace('\'', "\\(aq")
    };
    let mut roff = format!(".SH {}\n", title.to_uppercase());
    for line in lines.lines() {
        match line.trim_start().split_once("  ") {
            Some((item, text)) if item.starts_with(|c: char| c.is_ascii_digit()) => {
                roff.push_str(&format!(".TP\n{}\n{}\n", escaped(item), escaped(text)));
            }
            _ => roff.push_str(&format!(".nf\n\\&{}\n.fi\n", escaped(line.trim_start()))),
        }
    }
    roff
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn man_pages_and_completions_are_fresh() {
    let wanted = rendered();
    if std::env::var_os("UPDATE_GENERATED").is_some_and(|value| value == "1") {
        for folder in ["man", "completions"] {
            for entry in std::fs::read_dir(root().join(folder)).into_iter().flatten() {
                std::fs::remove_file(entry.unwrap().path()).unwrap();
            }
            std::fs::create_dir_all(root().join(folder)).unwrap();
        }
        for (path, text) in &wanted {
            std::fs::write(root().join(path), text).unwrap();
        }
    }
    let stale: Vec<_> = wanted
        .iter()
        .filter(|(path, text)| {
            std::fs::read_to_string(root().join(path)).ok().as_ref() != Some(text)
        })
        .map(|(path, _)| path.display().to_string())
        .collect();
    assert!(
        stale.is_empty(),
        "stale: {}; {COMMAND} writes them",
        stale.join(", ")
    );
    let there: BTreeSet<PathBuf> = ["man", "completions"]
        .iter()
        .flat_map(|folder| std::fs::read_dir(root().join(folder)).unwrap())
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .strip_prefix(root())
                .unwrap()
                .to_owned()
        })
        .collect();
    let known: BTreeSet<_> = wanted.into_keys().collect();
    let left: Vec<_> = there.difference(&known).collect();
    assert!(
        left.is_empty(),
        "no program makes {left:?} any more; {COMMAND} removes them"
    );
}

/// Every flag of a program stands in its man page and in each of its completions.
#[test]
fn every_flag_is_in_every_file() {
    let files = rendered();
    for command in llm_cli::commands() {
        let name = command.get_name();
        for flag in command.get_arguments().filter_map(clap::Arg::get_long) {
            for (path, text) in &files {
                let file = path.file_name().unwrap().to_str().unwrap();
                let stem = file.trim_start_matches('_').split('.').next().unwrap();
                if stem == name {
                    let shown = text.replace("\\-", "-");
                    let fish = format!("-l {flag}");
                    assert!(
                        shown.contains(&format!("--{flag}")) || shown.contains(&fish),
                        "{} lacks --{flag}",
                        path.display()
                    );
                }
            }
        }
    }
}

/// Tab in a real bash; `scripts/check-completions` does the same in zsh and fish.
#[test]
fn tab_completes_in_bash() {
    let script = root().join("scripts/check-completions");
    let ran = Sandbox::new()
        .pipe("bash \"$SCRIPT\" bash")
        .env("SCRIPT", script)
        .run();
    ran.exits(0).says("bash: ");
}

/// What a shell says of its completions; shells that are not installed are passed over, bash is always
/// there.
#[test]
fn completions_are_scripts_that_parse() {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in rendered()
        .iter()
        .filter(|(path, _)| path.starts_with("completions"))
    {
        let file = folder.path().join(path.file_name().unwrap());
        std::fs::write(&file, text).unwrap();
        let (shell, flag) = match path.extension().and_then(|end| end.to_str()) {
            Some("bash") => ("bash", "-n"),
            Some("fish") => ("fish", "--no-execute"),
            _ => ("zsh", "-n"),
        };
        match std::process::Command::new(shell)
            .arg(flag)
            .arg(&file)
            .output()
        {
            Ok(output) => assert!(output.status.success(), "{}: {output:?}", path.display()),
            Err(error) => assert!(shell != "bash", "bash: {error}"),
        }
    }
}

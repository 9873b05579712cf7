//! The command-line parsers of the five programs, a file each. Here stands what is done to all of them
//! alike, beyond what each says of its flags: a value may be a negative number, and an argument that is
//! no text is named.

pub mod bench;
pub mod cost;
pub mod embed;
pub mod pull;
pub mod run;

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{Arg, Command};

/// Returns a parser whose flags take negative numbers as values, so that a number out of range is told
/// with the range. Clap would take it for a flag, and advise to write `-- -1`.
pub(crate) fn command(command: Command) -> Command {
    let with_numbers = command.mut_args(|argument| {
        if takes_value(&argument) {
            argument.allow_negative_numbers(true)
        } else {
            argument
        }
    });
    with_numbers.mut_subcommands(self::command)
}

fn takes_value(argument: &Arg) -> bool {
    let is_flag = argument.get_short().is_some() || argument.get_long().is_some();
    is_flag && argument.get_action().takes_values()
}

/// Says which argument is no UTF-8 where it must be.
pub(crate) fn not_utf8(command: &Command, arguments: &[OsString]) -> String {
    // Some flags take any bytes, so the one is looked for without which the parser has no such complaint.
    let is_culprit = |place: &usize| {
        let others_as_text = arguments.iter().enumerate().map(|(index, argument)| {
            if index == *place {
                argument.clone()
            } else {
                argument.to_string_lossy().into_owned().into()
            }
        });
        let parsed = command.clone().try_get_matches_from(others_as_text);
        parsed.is_err_and(|error| error.kind() == ErrorKind::InvalidUtf8)
    };
    let mut places = 0..arguments.len();
    let name = places
        .find(is_culprit)
        .and_then(|place| arguments.get(place))
        .map_or_else(String::new, |argument| format!(" '{}'", argument.display()));
    format!(
        "the argument{name} is not UTF-8, which it must be here: give a file another name with ln -s, convert a \
         text with iconv"
    )
}

/// Returns how many of the arguments after one are its values, whatever they look like.
pub(crate) fn values_after(command: &Command, argument: &str) -> usize {
    let flag = match argument.strip_prefix("--") {
        Some(long) if !long.contains('=') => find(command, &|flag| flag.get_long() == Some(long)),
        Some(_) => None,
        None => argument
            .strip_prefix('-')
            .and_then(|letters| last_of(command, letters)),
    };
    usize::from(flag.is_some_and(Arg::is_allow_hyphen_values_set))
}

/// Whether a program, or one of its commands, has a long flag, `--temp` say.
pub(crate) fn has_long(command: &Command, flag: &str) -> bool {
    let long = flag.strip_prefix("--");
    long.is_some_and(|long| find(command, &|flag| flag.get_long() == Some(long)).is_some())
}

/// Returns the flag that takes a value of its own at the end of letters that stand for a flag each.
fn last_of<'a>(command: &'a Command, letters: &str) -> Option<&'a Arg> {
    let mut letters = letters.chars();
    while let Some(letter) = letters.next() {
        let flag = find(command, &|flag| flag.get_short() == Some(letter))?;
        if flag.get_action().takes_values() {
            return letters.as_str().is_empty().then_some(flag);
        }
    }
    None
}

fn find<'a>(command: &'a Command, wanted: &dyn Fn(&Arg) -> bool) -> Option<&'a Arg> {
    let mut own = command.get_arguments();
    let inner = || {
        command
            .get_subcommands()
            .find_map(|inner| find(inner, wanted))
    };
    own.find(|argument| wanted(argument)).or_else(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every flag of every program: none must advise to write `-- -1`, which means something else.
    #[test]
    fn a_negative_number_is_never_taken_for_a_flag() {
        fn walk(path: &[String], command: &Command, whole: &Command, count: &mut usize) {
            for argument in command
                .get_arguments()
                .filter(|argument| takes_value(argument) && !argument.is_require_equals_set())
            {
                let Some(long) = argument.get_long() else {
                    continue;
                };
                let arguments = path
                    .iter()
                    .cloned()
                    .chain([format!("--{long}"), "-1".to_owned()]);
                if let Err(error) = whole.clone().try_get_matches_from(arguments) {
                    let told = error.to_string();
                    assert!(!told.contains("-- -1"), "{path:?} --{long}: {told}");
                }
                *count += 1;
            }
            for inner in command.get_subcommands() {
                let path = [path, &[inner.get_name().to_owned()]].concat();
                walk(&path, inner, whole, count);
            }
        }
        let mut count = 0;
        for one in crate::commands() {
            let one = command(one);
            walk(&[one.get_name().to_owned()], &one, &one, &mut count);
        }
        assert!(count > 100, "{count}");
    }

    #[test]
    fn values_that_look_like_flags_are_values() {
        let command = &crate::commands()[1];
        assert_eq!(command.get_name(), "llm-run");
        for argument in ["-p", "--prompt", "-Tp", "--system", "--template", "--stop"] {
            assert_eq!(values_after(command, argument), 1, "{argument}");
        }
        for argument in [
            "-pst",
            "-T",
            "-n",
            "--prompt=x",
            "-x",
            "-",
            "p",
            "--",
            "-f",
            "--unknown",
        ] {
            assert_eq!(values_after(command, argument), 0, "{argument}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_argument_that_is_no_text_is_named() {
        use std::os::unix::ffi::OsStringExt;
        let bytes = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
        let command = &crate::commands()[1];
        let arguments = ["llm-run", "-f"].map(OsString::from).into_iter();
        let arguments: Vec<_> = arguments
            .chain([bytes(b"a\xff"), "-m".into(), bytes(b"b\xff.gguf")])
            .collect();
        let told = not_utf8(command, &arguments);
        assert!(
            told.contains("'b\u{fffd}.gguf'") && !told.contains("'a"),
            "{told}"
        );
    }
}

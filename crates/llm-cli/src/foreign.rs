//! Short flags of several letters, as llama.cpp has them, and what to write instead. The parser would
//! read `-hf` as `-h -f` and show its help, or `-sys` as the seed "ys".

use std::ffi::OsString;

/// llama.cpp's flag, and the way to the same end here.
const FLAGS: &[(&str, &str)] = &[
    ("-sys", "write --system TEXT"),
    ("-sysf", "write --system \"$(cat FILE)\""),
    (
        "-hf",
        "name the model as -m ORG/REPO:QUANT (llm-pull ORG/REPO:QUANT fetches it)",
    ),
    (
        "-hfr",
        "name the model as -m ORG/REPO:QUANT (llm-pull ORG/REPO:QUANT fetches it)",
    ),
    ("-hff", "name the model as -m ORG/REPO@REVISION:FILE"),
    ("-hft", "set HF_TOKEN in the environment"),
    ("-pg", "write --pg PROMPT,GEN"),
    ("-mu", "fetch the file, then llm-pull import FILE"),
    (
        "-ngl",
        "write --device auto, which uses a GPU where the model fits",
    ),
    ("-dev", "write --device"),
    ("-tb", "write -t; both steps use the same threads"),
    ("-bf", "write -f FILE"),
    (
        "-cnv",
        "leave it out; the chat template is used where the model has one",
    ),
    ("-no-cnv", "write --no-template"),
    ("-st", "leave it out; every request is one turn"),
    ("-fa", "leave it out; there is one kind of attention"),
    ("-ub", "leave it out; batches are sized by the engine"),
    ("-ctk", "leave it out; the cache holds 16-bit floats"),
    ("-ctv", "leave it out; the cache holds 16-bit floats"),
    ("-md", "leave it out; there is no draft model"),
    (
        "-np",
        "leave it out; requests come one a line with --lines or --jsonl",
    ),
    ("-lv", "leave it out; there is no log"),
];

/// Returns the sentence for the first foreign flag among the arguments, if there is one.
pub(crate) fn find(arguments: &[OsString]) -> Option<String> {
    arguments
        .iter()
        .skip(1)
        .take_while(|argument| *argument != "--")
        .filter_map(|argument| argument.to_str())
        .find_map(|argument| {
            let flag = argument.split('=').next().unwrap_or(argument);
            let (_, instead) = FLAGS.iter().find(|(known, _)| *known == flag)?;
            Some(format!("'{flag}' is a flag of llama.cpp; {instead}"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence(arguments: &[&str]) -> Option<String> {
        let all: Vec<_> = std::iter::once(&"llm-run")
            .chain(arguments)
            .map(OsString::from)
            .collect();
        find(&all)
    }

    #[test]
    fn a_foreign_flag_is_answered_with_ours() {
        let answer = sentence(&["-n", "5", "-sys", "Be brief"]).unwrap();
        assert_eq!(answer, "'-sys' is a flag of llama.cpp; write --system TEXT");
        assert!(sentence(&["-ngl=99"]).is_some());
    }

    #[test]
    fn flags_of_our_own_and_plain_texts_pass() {
        assert_eq!(sentence(&["-s-1", "-T0", "-n", "-1", "--temp", "0"]), None);
        assert_eq!(sentence(&["--", "-sys"]), None);
        assert_eq!(sentence(&["hf", "--stop=-st"]), None);
    }

    /// A flag that stands in help must never be caught here.
    #[test]
    fn no_flag_of_ours_is_in_the_table() {
        for command in crate::commands() {
            for argument in command.get_arguments() {
                let short = argument.get_short().map(|letter| format!("-{letter}"));
                assert!(
                    FLAGS
                        .iter()
                        .all(|(known, _)| Some(*known) != short.as_deref())
                );
            }
        }
    }
}

//! `-o NAME VALUE`, as simonw's llm sets an option. Here -o names the output, and the answers would lie in
//! a file called `temperature`.

use std::ffi::OsString;

use llm_record::settings::SETTINGS;

/// Returns the sentence for the first such option among the arguments, if there is one.
pub(crate) fn find(program: &str, arguments: &[OsString]) -> Option<String> {
    if program != "llm-run" {
        return None;
    }
    let words: Vec<_> = arguments.iter().filter_map(|word| word.to_str()).collect();
    words.windows(3).find_map(|words| {
        let [flag @ ("-o" | "--option"), name, value] = words else {
            return None;
        };
        let setting = SETTINGS
            .iter()
            .find(|setting| setting.name == *name || setting.aliases.contains(name))?;
        value.parse::<f64>().ok()?;
        Some(format!(
            "'{flag} {name} {value}' sets an option in another program; write --{} {value} (-o names the file \
             that the output goes to, and -o ./{name} one of that name)",
            setting.flag.long
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(words: &[&str]) -> Option<String> {
        let all: Vec<_> = words.iter().map(OsString::from).collect();
        find("llm-run", &all)
    }

    #[test]
    fn an_option_of_another_program_is_answered_with_the_flag() {
        let sentence = told(&["llm-run", "-o", "temperature", "0.7", "hello"]).unwrap();
        assert!(sentence.contains("write --temp 0.7"), "{sentence}");
        let sentence = told(&["llm-run", "--option", "max_tokens", "5"]).unwrap();
        assert!(sentence.contains("write --n-predict 5"), "{sentence}");
    }

    #[test]
    fn an_output_is_one() {
        for words in [
            &["llm-run", "-o", "out.jsonl", "0.7"][..],
            &["llm-run", "-o", "seed", "Summarize this"],
            &["llm-run", "-o", "./temperature", "0.7"],
            &["llm-run", "-o", "temperature"],
        ] {
            assert_eq!(told(words), None, "{words:?}");
        }
        assert_eq!(
            find("llm-bench", &["-o", "seed", "1"].map(OsString::from)),
            None
        );
    }
}

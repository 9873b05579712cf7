//! Flags that say how many tokens are generated and how each is chosen: a flag for each row of the
//! settings' table. What an unset flag means is the model's and the engine's business.

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};
use llm_record::Overrides;
use llm_record::settings::{Domain, SETTINGS, Setting};

use super::unescaped;

/// Tokens generated at most, unless the user says otherwise.
pub const DEFAULT_PREDICT: i64 = 1024;

const HEADING: &str = "Sampling (a field of a JSON line overrides the flag)";

/// How each token is chosen. Defaults come from the model's own files, else the best token is taken.
#[derive(Clone, Debug, Default)]
pub struct SamplingArgs {
    settings: Overrides,
}

impl SamplingArgs {
    /// Returns the flags as settings that a line's own settings go before:
    /// `line.or(&flags.settings())`. The limit of tokens is always set.
    #[must_use]
    pub fn settings(&self) -> Overrides {
        self.settings.clone()
    }
}

/// Returns the settings in the order of their flags in help: first those that have a letter.
fn rows() -> Vec<&'static Setting> {
    let mut rows: Vec<_> = SETTINGS.iter().collect();
    rows.sort_by_key(|setting| setting.flag.short.is_none());
    rows
}

fn flag(setting: &'static Setting) -> Arg {
    let flag = &setting.flag;
    let domain = setting.domain;
    let is_text = matches!(
        domain,
        Domain::Texts | Domain::Labels | Domain::Breakers | Domain::Biases
    );
    let is_escaped = is_text && domain != Domain::Labels;
    let is_list = is_escaped || domain == Domain::Ids;
    let arg = Arg::new(flag.long)
        .long(flag.long)
        .value_name(flag.value)
        .help(flag.help)
        .allow_negative_numbers(!is_text)
        .allow_hyphen_values(is_text)
        .action(if is_list {
            ArgAction::Append
        } else {
            ArgAction::Set
        })
        .value_parser(ValueParser::new(move |text: &str| {
            if is_escaped {
                setting.parse(&unescaped(text))
            } else {
                setting.parse(text)
            }
        }));
    let arg = match flag.short {
        Some(letter) => arg.short(letter),
        None => arg,
    };
    let arg = arg.aliases(flag.also);
    let arg = match flag.alone {
        Some(value) => arg
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value(value),
        None => arg,
    };
    match flag.default {
        Some(value) => arg.default_value(value),
        None => arg,
    }
}

/// Returns the names of the flags that say how an answer is generated; the labels to choose from are part
/// of what is asked.
pub(crate) fn generation_flags() -> impl Iterator<Item = &'static str> {
    let rows = SETTINGS.iter().filter(|row| row.domain != Domain::Labels);
    rows.map(|row| row.flag.long)
}

impl Args for SamplingArgs {
    fn augment_args(command: Command) -> Command {
        command
            .next_help_heading(HEADING)
            .args(rows().into_iter().map(flag))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SamplingArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut args = Self::default();
        args.update_from_arg_matches(matches)?;
        Ok(args)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        for setting in SETTINGS {
            let values = matches.get_many::<Overrides>(setting.flag.long);
            for value in values.into_iter().flatten() {
                self.settings.extend(value.clone());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::RunArgs;

    fn settings(flags: &[&str]) -> Result<Overrides, String> {
        let all = std::iter::once(&"llm-run").chain(flags);
        let args = RunArgs::try_parse_from(all).map_err(|error| error.to_string())?;
        Ok(args.sampling.settings())
    }

    #[test]
    fn the_limit_of_tokens_is_always_set() {
        let wanted = Overrides {
            max_tokens: Some(DEFAULT_PREDICT),
            ..Overrides::default()
        };
        assert_eq!(settings(&[]).unwrap(), wanted);
    }

    #[test]
    fn flags_are_the_settings_of_a_line() {
        let flags = ["-n", "-1", "-s-1", "--temp=0", "--stop", "-a", "--stop=b"];
        let line = r#"{"max_tokens":-1,"seed":-1,"temperature":0,"stop":["-a","b"]}"#;
        let wanted = Overrides::of(&serde_json::from_str(line).unwrap()).unwrap();
        assert_eq!(settings(&flags).unwrap(), wanted);
    }

    /// Flags as llama.cpp's users write them.
    #[test]
    fn other_samplers_are_set_as_in_llama_cpp() {
        let flags = [
            "--samplers",
            "top_k;typ_p;temperature",
            "--logit-bias",
            "15043+1",
            "--logit-bias=\\n=-inf",
            "--dry-sequence-breaker",
            "\\n",
            "--dry-sequence-breaker=-",
            "--typical",
            "0.9",
            "--top-nsigma",
            "-1",
            "--mirostat-ent",
            "4",
            "--presence-penalty",
            "-0.5",
            "--ignore-eos",
            "--suppress-tokens",
            "1,2",
            "--suppress-tokens=3",
            "prompt",
        ];
        let line = r#"{"max_tokens":1024,"samplers":["top_k","typ_p","temperature"],
            "logit_bias":[[15043,1],["\n",false]],"dry_sequence_breakers":["\n","-"],"typical_p":0.9,
            "top_n_sigma":-1,"mirostat_tau":4,"presence_penalty":-0.5,"ignore_eos":true,
            "suppress_tokens":[1,2,3]}"#;
        let wanted = Overrides::of(&serde_json::from_str(line).unwrap()).unwrap();
        assert_eq!(settings(&flags).unwrap(), wanted);
        assert_eq!(
            settings(&["--ignore-eos=off"]).unwrap().ignore_eos,
            Some(false)
        );
    }

    #[test]
    fn names_of_other_programs_are_understood() {
        for name in [
            "--max-tokens",
            "--predict",
            "--num-predict",
            "--max-new-tokens",
        ] {
            assert_eq!(
                settings(&[name, "5"]).unwrap().max_tokens,
                Some(5),
                "{name}"
            );
        }
        let asked = settings(&["--temperature=0.5", "--repetition-penalty", "1.1"]).unwrap();
        assert_eq!(
            (asked.temperature, asked.repeat_penalty),
            (Some(0.5), Some(1.1))
        );
    }

    #[test]
    fn flag_and_field_have_one_range() {
        for (flags, range) in [
            (["-n", "-2"], "'max_tokens' is -2 but must be at least -1"),
            (
                ["--temp", "inf"],
                "'temperature' is inf but must be a finite number, 0 or more",
            ),
            (
                ["--top-p", "0"],
                "'top_p' is 0 but must be above 0 and at most 1",
            ),
            (["--min-p", "1.5"], "'min_p' is 1.5 but must be from 0 to 1"),
            (["--top-k", "x"], "must be a whole number"),
            (["--stop", ""], "'stop' holds an empty text"),
        ] {
            let told = settings(&flags).unwrap_err();
            assert!(told.contains(range), "{told}");
        }
    }
}

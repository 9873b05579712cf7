//! Flags that say how many tokens are generated and how each is chosen. What an unset flag means is
//! the model's and the engine's business.

use clap::{Args, value_parser};
use llm_record::{Overrides, Seed};

/// Tokens generated at most, unless the user says otherwise: long enough for an answer of two pages,
/// short enough that a model which never ends does not run all night.
pub const DEFAULT_PREDICT: i64 = 1024;

/// How each token is chosen. Defaults come from the model's own files, else the best token is taken.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Sampling (a field of a JSON line wins over the flag)")]
pub struct SamplingArgs {
    /// Generate at most N tokens (-1: to the end of the context)
    #[arg(short, long, value_name = "N", default_value_t = DEFAULT_PREDICT,
        allow_negative_numbers = true, value_parser = value_parser!(i64).range(-1..))]
    pub n_predict: i64,

    /// Start the random stream from this number (default: 0; -1: draw one, which the record names)
    #[arg(short, long, value_name = "N", allow_negative_numbers = true)]
    pub seed: Option<Seed>,

    /// Set the temperature (0: always take the best token)
    #[arg(long, value_name = "T", allow_negative_numbers = true, value_parser = temperature)]
    pub temp: Option<f32>,

    /// Keep the K best tokens (0: all)
    #[arg(long, value_name = "K", allow_negative_numbers = true)]
    pub top_k: Option<i64>,

    /// Keep the best tokens that together have probability P
    #[arg(long, value_name = "P", allow_negative_numbers = true, value_parser = top_p)]
    pub top_p: Option<f32>,

    /// Keep tokens of at least P times the best one's probability
    #[arg(long, value_name = "P", allow_negative_numbers = true, value_parser = min_p)]
    pub min_p: Option<f32>,

    /// Divide the logits of tokens seen lately by X (1: do not)
    #[arg(long, value_name = "X", allow_negative_numbers = true, value_parser = repeat_penalty)]
    pub repeat_penalty: Option<f32>,

    /// Count the last N tokens as seen lately (-1: the whole context)
    #[arg(long, value_name = "N", allow_negative_numbers = true,
        value_parser = value_parser!(i64).range(-1..))]
    pub repeat_last_n: Option<i64>,

    /// End the answer before this text; may be given several times
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true,
        value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub stop: Vec<String>,

    /// Answer with the likeliest of these labels, commas between, and generate nothing. Spaces around a
    /// label do not count, unless the first begins with one; then a space before each is part of it
    #[arg(long, value_name = "LABELS", allow_hyphen_values = true, value_parser = choices)]
    pub choices: Option<Choices>,
}

/// Labels to choose from, in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choices(pub Vec<String>);

impl SamplingArgs {
    /// Returns the flags as settings that a line's own settings go before:
    /// `line.or(&flags.settings())`. The limit of tokens is always set.
    #[must_use]
    pub fn settings(&self) -> Overrides {
        Overrides {
            max_tokens: Some(self.n_predict),
            temperature: self.temp,
            top_k: self.top_k,
            top_p: self.top_p,
            min_p: self.min_p,
            repeat_penalty: self.repeat_penalty,
            repeat_last_n: self.repeat_last_n,
            seed: self.seed,
            stop: (!self.stop.is_empty()).then(|| self.stop.clone()),
            choices: self.choices.as_ref().map(|choices| choices.0.clone()),
        }
    }
}

/// Reads a number and lets the records' own check judge it, so that flag and field agree.
fn checked(text: &str, put: fn(&mut Overrides, f32)) -> Result<f32, String> {
    let value = text
        .parse::<f32>()
        .map_err(|_| "must be a number".to_owned())?;
    let mut settings = Overrides::default();
    put(&mut settings, value);
    settings.check()?;
    Ok(value)
}

/// Cuts a list of labels at its commas. The tokens of a word differ with the space before it, so one
/// can be given; but who writes `spam, ham` means two words.
fn choices(text: &str) -> Result<Choices, String> {
    let space = if text.starts_with(' ') { " " } else { "" };
    let labels = text.split(',').map(str::trim).map(|label| match label {
        "" => String::new(),
        label => format!("{space}{label}"),
    });
    let labels: Vec<_> = labels.collect();
    let settings = Overrides {
        choices: Some(labels.clone()),
        ..Overrides::default()
    };
    settings.check()?;
    Ok(Choices(labels))
}

fn temperature(text: &str) -> Result<f32, String> {
    checked(text, |settings, value| settings.temperature = Some(value))
}

fn top_p(text: &str) -> Result<f32, String> {
    checked(text, |settings, value| settings.top_p = Some(value))
}

fn min_p(text: &str) -> Result<f32, String> {
    checked(text, |settings, value| settings.min_p = Some(value))
}

fn repeat_penalty(text: &str) -> Result<f32, String> {
    checked(text, |settings, value| {
        settings.repeat_penalty = Some(value);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_cut_at_commas() {
        for (text, wanted) in [
            ("spam,ham", vec!["spam", "ham"]),
            ("spam, ham", vec!["spam", "ham"]),
            (" spam, ham,eggs", vec![" spam", " ham", " eggs"]),
            ("very good ,bad", vec!["very good", "bad"]),
            ("yes", vec!["yes"]),
        ] {
            assert_eq!(choices(text).unwrap().0, wanted, "{text:?}");
        }
        for text in ["", "spam,", ",ham", " ", "spam, ,ham", "spam,ham, spam"] {
            let sentence = choices(text).unwrap_err();
            assert!(
                sentence.starts_with("'choices' holds"),
                "{text:?}: {sentence}"
            );
        }
    }
}

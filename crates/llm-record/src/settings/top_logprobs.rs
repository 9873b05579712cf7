//! `logprobs`: how many likely tokens are told beside each.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Setting;
use super::field::find;
use super::value::SettingValue;
use crate::Values;
use crate::whole::whole;

/// The most tokens beside each, `OpenAI`'s limit.
const MOST: u32 = 20;

/// Whether log-probabilities are told, and of how many of the likeliest tokens beside each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum TopLogprobs {
    /// `false`: none.
    Off(bool),
    /// That of each token, and of so many others.
    Of(u32),
}

impl TopLogprobs {
    const NONE: Self = Self::Off(false);

    /// Returns how many others are told, if anything is.
    #[must_use]
    pub fn count(self) -> Option<usize> {
        match self {
            Self::Off(_) => None,
            Self::Of(count) => Some(count as usize),
        }
    }

    fn of_number(value: &Value) -> Option<Self> {
        let number = u32::try_from(whole(value)?).ok()?;
        (number <= MOST).then_some(Self::Of(number))
    }
}

impl SettingValue for TopLogprobs {
    /// Reads `logprobs` beside `top_logprobs`, a switch and a number in `OpenAI`'s chat API and Ollama's; the
    /// number alone, as in `OpenAI`'s older API; or llama.cpp's `n_probs`, of which 0 means nothing.
    fn from_fields(fields: &Values, setting: &Setting) -> Result<Option<Self>, String> {
        let own = find(fields, setting, "logprobs")?;
        let top = find(fields, setting, "top_logprobs")?;
        let theirs = find(fields, setting, "n_probs")?;
        let read = |found: Option<(String, &Value)>| match found {
            Some((name, value)) => Self::from_json(&name, value, setting).map(Some),
            None => Ok(None),
        };
        let is_on = own.as_ref().and_then(|(_, value)| value.as_bool());
        let own = read(own)?;
        let top = read(top)?.filter(|top| *top != Self::NONE);
        let theirs = read(theirs)?.filter(|theirs| theirs.count() != Some(0));
        let found = match (is_on, own, top) {
            (Some(true), _, top) => Some(top.unwrap_or(Self::Of(0))),
            (Some(false), own, None | Some(Self::Of(0))) => own,
            (Some(false), ..) => {
                return Err(
                    "'top_logprobs' is told only where 'logprobs' is true; set it, or leave both out"
                        .to_owned(),
                );
            }
            (None, own, top) => match (own, top) {
                (Some(own), Some(top)) if own != top => {
                    return Err(
                        "'logprobs' and 'top_logprobs' are different numbers; leave one out"
                            .to_owned(),
                    );
                }
                // Without the switch, 0 is how the other API says that nothing is wanted.
                (None, Some(Self::Of(0))) => None,
                (own, top) => own.or(top),
            },
        };
        match (found, theirs) {
            (Some(found), Some(theirs)) if found != theirs => Err(
                "'n_probs' is another number than 'logprobs' or 'top_logprobs'; leave one out"
                    .to_owned(),
            ),
            (found, theirs) => Ok(found.or(theirs)),
        }
    }

    fn from_json(name: &str, value: &Value, _: &Setting) -> Result<Self, String> {
        let switch = value.as_bool().map(|is_on| match is_on {
            true => Self::Of(0),
            false => Self::NONE,
        });
        switch.or_else(|| Self::of_number(value)).ok_or_else(|| {
            format!(
                "'{name}' is {value} but must be a whole number from 0 to {MOST}, true or false"
            )
        })
    }

    fn from_text(text: &str, _: &Setting) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self::NONE);
        }
        let number = text.parse().ok().filter(|number| *number <= MOST);
        number
            .map(Self::Of)
            .ok_or_else(|| format!("must be a whole number from 0 to {MOST}, or off"))
    }

    fn check(&self, _: &Setting) -> Result<(), String> {
        Ok(())
    }

    fn is_neutral(&self, _: &Setting) -> bool {
        self.count().is_none()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{Overrides, Values};

    fn read(line: serde_json::Value) -> Result<Option<Option<usize>>, String> {
        let fields: Values = serde_json::from_value(line).unwrap();
        let settings = Overrides::of(&fields)?;
        Ok(settings.logprobs.map(super::TopLogprobs::count))
    }

    #[test]
    fn each_api_asks_in_its_own_way() {
        for (line, wanted) in [
            (json!({}), None),
            (json!({"logprobs": null, "top_logprobs": null}), None),
            // OpenAI's chat and Ollama.
            (json!({"logprobs": true}), Some(Some(0))),
            (json!({"logprobs": true, "top_logprobs": 5}), Some(Some(5))),
            (json!({"logprobs": false}), Some(None)),
            (json!({"logprobs": false, "top_logprobs": 0}), Some(None)),
            (json!({"top_logprobs": 0}), None),
            (json!({"top_logprobs": 3}), Some(Some(3))),
            // OpenAI's completions.
            (json!({"logprobs": 0}), Some(Some(0))),
            (json!({"logprobs": 20}), Some(Some(20))),
            (json!({"logprobs": 2, "top_logprobs": 2}), Some(Some(2))),
            // llama.cpp.
            (json!({"n_probs": 0}), None),
            (json!({"n_probs": 4}), Some(Some(4))),
            (
                json!({"logprobs": true, "top_logprobs": 4, "n_probs": 4}),
                Some(Some(4)),
            ),
        ] {
            assert_eq!(read(line.clone()), Ok(wanted), "{line}");
        }
    }

    #[test]
    fn what_contradicts_itself_or_is_out_of_range_is_refused() {
        for (line, named) in [
            (json!({"logprobs": 21}), "'logprobs' is 21"),
            (json!({"logprobs": -1}), "'logprobs' is -1"),
            (json!({"logprobs": "yes"}), "'logprobs'"),
            (
                json!({"logprobs": true, "top_logprobs": 99}),
                "'top_logprobs' is 99",
            ),
            (
                json!({"logprobs": false, "top_logprobs": 5}),
                "'top_logprobs'",
            ),
            (
                json!({"logprobs": 1, "top_logprobs": 5}),
                "different numbers",
            ),
            (json!({"logprobs": 1, "n_probs": 5}), "'n_probs'"),
        ] {
            let error = read(line.clone()).unwrap_err();
            assert!(error.contains(named), "{line}: {error}");
        }
    }
}

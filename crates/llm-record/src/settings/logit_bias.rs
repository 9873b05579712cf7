//! `logit_bias`: what is added to the logits of tokens.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Setting;
use super::value::SettingValue;
use crate::whole::whole;

/// The most biases of a request.
const MOST: usize = 65_536;

/// What is added to the logits of tokens: pairs of a token and a bias, in llama.cpp's form.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct LogitBias(pub Vec<(BiasedToken, Bias)>);

/// Which token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum BiasedToken {
    /// The token with this id.
    Id(u32),
    /// Each token of a text.
    Text(String),
}

/// What is added to its logit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Bias {
    /// This number.
    Number(f32),
    /// `false`: it never comes.
    Never(bool),
}

impl Bias {
    const NEVER: Self = Self::Never(false);

    /// Returns the number that is added, -∞ for a token that never comes.
    #[must_use]
    pub fn number(self) -> f32 {
        match self {
            Self::Number(number) => number,
            Self::Never(_) => f32::NEG_INFINITY,
        }
    }
}

impl SettingValue for LogitBias {
    /// Reads `OpenAI`'s object, `{"50256": -100}`, or llama.cpp's list, `[[15043, 1.0], ["Hello", false]]`.
    fn from_json(name: &str, value: &Value, _: &Setting) -> Result<Self, String> {
        let pairs = match value {
            Value::Object(fields) => fields
                .iter()
                .map(|(key, bias)| Some((token_of(key), bias_of(bias)?)))
                .collect(),
            Value::Array(items) => items.iter().map(pair).collect(),
            _ => None,
        };
        pairs.map(Self).ok_or_else(|| {
            format!(
                "'{name}' must be an object like {{\"15043\": -1}} or a list like [[15043, -1], [\"Hello\", \
                 false]]: token ids or texts, each with a number to add to its logit, or false to ban it"
            )
        })
    }

    /// Reads `ID+BIAS` or `ID-BIAS`, as llama.cpp takes it, or `TEXT=BIAS`.
    fn from_text(text: &str, _: &Setting) -> Result<Self, String> {
        let of_id = text.find(['+', '-']).and_then(|sign| {
            let id = text[..sign].parse().ok()?;
            Some((BiasedToken::Id(id), number(&text[sign..])?))
        });
        let of_text = || {
            let (token, bias) = text
                .rsplit_once('=')
                .filter(|(token, _)| !token.is_empty())?;
            Some((token_of(token), number(bias)?))
        };
        let pair = of_id.or_else(of_text);
        pair.map(|pair| Self(vec![pair])).ok_or_else(|| {
            "must be a token id with a number to add to its logit, like 15043+1 or 15043-1, or a text with \
             one, like ' Hello=-1'; -inf bans it"
                .to_owned()
        })
    }

    fn check(&self, setting: &Setting) -> Result<(), String> {
        let name = setting.name;
        if self.0.len() > MOST {
            let count = self.0.len();
            return Err(format!(
                "'{name}' has {count} tokens, and at most {MOST} are taken; leave some out"
            ));
        }
        for (token, bias) in &self.0 {
            match (token, bias) {
                (BiasedToken::Text(text), _) if text.is_empty() => {
                    return Err(format!("'{name}' holds an empty text; leave it out"));
                }
                (_, Bias::Number(number)) if !number.is_finite() => {
                    return Err(format!(
                        "'{name}' adds {number}, which must be a finite number, or false to ban the token"
                    ));
                }
                (_, Bias::Never(true)) => {
                    return Err(format!(
                        "'{name}' adds true, which must be a number or false"
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn is_neutral(&self, _: &Setting) -> bool {
        self.0.is_empty()
    }

    fn extend(&mut self, mut later: Self) {
        self.0.append(&mut later.0);
    }
}

/// Reads a key: an id, where it is a number.
fn token_of(key: &str) -> BiasedToken {
    let id = key.parse().map(BiasedToken::Id);
    id.unwrap_or_else(|_| BiasedToken::Text(key.to_owned()))
}

fn bias_of(value: &Value) -> Option<Bias> {
    #[expect(clippy::cast_possible_truncation, reason = "samplers compute in f32")]
    match value {
        Value::Bool(false) => Some(Bias::NEVER),
        _ => value.as_f64().map(|number| Bias::Number(number as f32)),
    }
}

fn pair(item: &Value) -> Option<(BiasedToken, Bias)> {
    let [token, bias] = &item.as_array()?[..] else {
        return None;
    };
    let token = match token {
        Value::String(text) => BiasedToken::Text(text.clone()),
        _ => BiasedToken::Id(u32::try_from(whole(token)?).ok()?),
    };
    Some((token, bias_of(bias)?))
}

/// Reads the bias of a flag.
fn number(text: &str) -> Option<Bias> {
    match text {
        "false" | "-inf" => Some(Bias::NEVER),
        _ => text.parse().ok().map(Bias::Number),
    }
}

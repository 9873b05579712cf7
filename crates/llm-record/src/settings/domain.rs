//! What a setting may be, how that is said, and what of it asks for nothing.

use std::fmt;

/// The values that a setting may have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Domain {
    /// Whole numbers from this one on.
    AtLeast(i64),
    /// Whole numbers; a smaller one counts as this one.
    RaisedTo(i64),
    /// Whole numbers from 0 to this one.
    UpTo(i64),
    /// Finite numbers of an interval.
    Number(Interval),
    /// Whole numbers of 64 bits without a sign, and -1.
    Seed,
    /// One text or several, of which none is empty.
    Texts,
    /// At least one text; none is empty or stands twice.
    Labels,
    /// Texts that end a repetition; none of them is empty, or long.
    Breakers,
    /// Names of samplers.
    Samplers,
    /// Ids of tokens.
    Ids,
    /// Tokens, by id or as texts, with numbers to add.
    Biases,
    /// A whole number from 0 to 20, or off.
    Logprobs,
    /// On or off.
    Switch,
}

/// Numbers without a gap.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Where it begins, if it does.
    pub least: Option<f32>,
    /// Whether that is part of it.
    pub has_least: bool,
    /// Its greatest number, if it has one.
    pub most: Option<f32>,
}

impl Interval {
    /// All numbers.
    pub const ANY: Self = Self {
        least: None,
        has_least: false,
        most: None,
    };

    /// Returns the interval of the numbers from this one on.
    #[must_use]
    pub const fn from(least: f32) -> Self {
        Self {
            least: Some(least),
            has_least: true,
            most: None,
        }
    }

    /// Returns the interval of the numbers from zero on.
    #[must_use]
    pub const fn from_zero() -> Self {
        Self::from(0.0)
    }

    /// Returns the interval of the numbers above zero.
    #[must_use]
    pub const fn above_zero() -> Self {
        Self {
            has_least: false,
            ..Self::from(0.0)
        }
    }

    /// Returns the interval up to a number, which is part of it.
    #[must_use]
    pub const fn up_to(self, most: f32) -> Self {
        Self {
            most: Some(most),
            ..self
        }
    }

    /// Whether a number is part of it.
    #[must_use]
    pub fn contains(&self, number: f32) -> bool {
        let is_above = self
            .least
            .is_none_or(|least| number > least || self.has_least && number == least);
        is_above && self.most.is_none_or(|most| number <= most)
    }
}

/// Says what a number must be.
impl fmt::Display for Interval {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.least, self.has_least, self.most) {
            (None, _, None) => out.write_str("any number"),
            (None, _, Some(most)) => write!(out, "at most {most}"),
            (Some(least), true, None) => write!(out, "{least} or more"),
            (Some(least), true, Some(most)) => write!(out, "from {least} to {most}"),
            (Some(least), false, None) => write!(out, "above {least}"),
            (Some(least), false, Some(most)) => write!(out, "above {least} and at most {most}"),
        }
    }
}

/// The values that ask for nothing. A record leaves a setting out that has one of them, where the model's
/// own files do not ask for another; so the record, and its digest, are those of a line without it. An
/// empty list asks for nothing, whatever stands here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Neutral {
    /// None of them.
    Never,
    /// This number, or `false` where it is 0.
    Is(f32),
    /// Numbers up to this one.
    UpTo(f32),
    /// Numbers below this one.
    Below(f32),
}

impl Neutral {
    /// Whether a number asks for nothing.
    #[must_use]
    pub fn is(self, number: f32) -> bool {
        match self {
            Self::Never => false,
            Self::Is(neutral) => number == neutral,
            Self::UpTo(most) => number <= most,
            Self::Below(most) => number < most,
        }
    }
}

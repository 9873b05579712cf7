//! What a setting may be, and how that is said.

use std::fmt;

/// The values that a setting may have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Domain {
    /// Whole numbers from this one on.
    AtLeast(i64),
    /// Whole numbers; a smaller one counts as this one.
    RaisedTo(i64),
    /// Finite numbers of an interval.
    Number(Interval),
    /// Whole numbers of 64 bits without a sign, and -1.
    Seed,
    /// One text or several, of which none is empty.
    Texts,
    /// At least one text; none is empty or stands twice.
    Labels,
    /// On or off.
    Switch,
}

/// An interval that begins at zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Whether zero is part of it.
    pub has_zero: bool,
    /// Its greatest number, if it has one.
    pub most: Option<f32>,
}

impl Interval {
    /// Returns the interval of the numbers from zero on.
    #[must_use]
    pub const fn from_zero() -> Self {
        Self {
            has_zero: true,
            most: None,
        }
    }

    /// Returns the interval of the numbers above zero.
    #[must_use]
    pub const fn above_zero() -> Self {
        Self {
            has_zero: false,
            most: None,
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
        let is_above = number > 0.0 || self.has_zero && number == 0.0;
        is_above && self.most.is_none_or(|most| number <= most)
    }
}

/// Says what a number must be.
impl fmt::Display for Interval {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.has_zero, self.most) {
            (true, None) => out.write_str("0 or more"),
            (true, Some(most)) => write!(out, "from 0 to {most}"),
            (false, None) => out.write_str("above 0"),
            (false, Some(most)) => write!(out, "above 0 and at most {most}"),
        }
    }
}

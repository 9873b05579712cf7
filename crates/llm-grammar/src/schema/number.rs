//! Sets of numbers: an interval, perhaps only its whole numbers or the multiples of some step.

use serde_json::{Map, Value, json};

use super::shape::{Origin, Refusal};

/// Up to here every whole number is a double of its own.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// A step `coefficient / 10^exponent` that numbers are multiples of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    coefficient: u32,
    exponent: u32,
}

impl Step {
    /// Reads a step, or returns `None` if llguidance would take it for another number.
    pub(super) fn read(value: &Value) -> Option<Self> {
        let float = value.as_f64().filter(|float| *float > 0.0)?;
        // llguidance multiplies by ten until no fraction is left; each product rounds.
        let (mut rounded, mut exponent) = (float, 0);
        while rounded.fract() != 0.0 && exponent < 9 {
            rounded *= 10.0;
            exponent += 1;
        }
        let coefficient = format!("{float}");
        let coefficient = coefficient
            .split_once('.')
            .map_or(coefficient.clone(), |(whole, rest)| {
                format!("{whole}{rest}")
            });
        let coefficient = coefficient.parse::<u32>().ok()?;
        (f64::from(coefficient) == rounded).then_some(())?;
        Some(Self {
            coefficient,
            exponent,
        })
    }

    fn value(self) -> f64 {
        f64::from(self.coefficient) / 10_f64.powi(self.exponent.cast_signed())
    }

    /// Returns the step whose multiples are multiples of both.
    fn with(self, other: Self) -> Option<Self> {
        let exponent = self.exponent.max(other.exponent);
        let scale = |step: Self| u64::from(step.coefficient) * 10_u64.pow(exponent - step.exponent);
        let (a, b) = (scale(self), scale(other));
        let (mut x, mut y) = (a, b);
        while y != 0 {
            (x, y) = (y, x % y);
        }
        let mut coefficient = a.checked_mul(b / x)?;
        let mut exponent = exponent;
        while exponent > 0 && coefficient % 10 == 0 {
            coefficient /= 10;
            exponent -= 1;
        }
        Self::read(&json!(
            coefficient as f64 / 10_f64.powi(exponent.cast_signed())
        ))
    }

    fn multiple(self, k: f64) -> f64 {
        k * f64::from(self.coefficient) / 10_f64.powi(self.exponent.cast_signed())
    }

    /// Returns bounds inside of which the same multiples lie. llguidance writes a multiple with all of its
    /// decimals; a bound away from zero that has fewer would cut them off, so it is moved out by one in
    /// the last place.
    fn around(self, low: Option<Bound>, high: Option<Bound>) -> (Option<Bound>, Option<Bound>) {
        let moved = |k: f64, out: f64| {
            let digits = k * f64::from(self.coefficient) + out;
            Some(Bound {
                at: digits / 10_f64.powi(self.exponent.cast_signed()),
                exclusive: out != 0.0,
            })
        };
        let inside = |k: f64, bound: Bound, above: bool| {
            let at = self.multiple(k);
            let beyond = if above { at > bound.at } else { at < bound.at };
            beyond || (at == bound.at && !bound.exclusive)
        };
        let near = |bound: Bound| (bound.at / self.value()).round();
        let low = low.and_then(|bound| {
            let mut ks = (-1..=2).map(|step| near(bound) + f64::from(step));
            let k = ks.find(|&k| inside(k, bound, true))?;
            moved(k, if k < 0.0 { -1.0 } else { 0.0 })
        });
        let high = high.and_then(|bound| {
            let mut ks = (-1..=2).map(|step| near(bound) - f64::from(step));
            let k = ks.find(|&k| inside(k, bound, false))?;
            moved(k, if k < 0.0 { 0.0 } else { 1.0 })
        });
        (low, high)
    }

    /// Returns whether a number is a multiple.
    fn divides(self, number: f64) -> bool {
        self.multiple((number / self.value()).round()) == number
    }

    /// Returns whether a multiple lies between two numbers.
    fn hits(self, low: f64, high: f64) -> bool {
        let first = (low / self.value()).ceil();
        (-1..=1).any(|near| {
            let multiple = self.multiple(first + f64::from(near));
            low <= multiple && multiple <= high
        })
    }
}

/// An end of an interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bound {
    pub(super) at: f64,
    pub(super) exclusive: bool,
}

/// A set of numbers: all that meet every condition.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Numbers {
    pub(super) low: Option<Bound>,
    pub(super) high: Option<Bound>,
    pub(super) whole: bool,
    pub(super) step: Option<(Step, Origin)>,
    /// Only numbers that are not whole.
    pub(super) not_whole: Option<Origin>,
    /// Only numbers that are no multiples.
    pub(super) not_step: Vec<(Step, Origin)>,
}

/// The most decimals of a number: llguidance 1.9.1 takes a longer fraction for zero.
const DECIMALS_MAX: usize = 17;

/// Reads a number that llguidance keeps to the letter: a double whose neighbours are told apart.
pub(super) fn exact(value: &Value) -> Option<f64> {
    let float = value.as_f64().filter(|float| float.abs() < WHOLE_MAX)?;
    let text = float.to_string();
    let decimals = text
        .split_once('.')
        .map_or(0, |(_, decimals)| decimals.len());
    (decimals <= DECIMALS_MAX).then_some(float)
}

impl Numbers {
    /// Returns the set of one number.
    pub(super) fn only(number: f64) -> Self {
        let bound = Some(Bound {
            at: number,
            exclusive: false,
        });
        Self {
            low: bound,
            high: bound,
            ..Self::default()
        }
    }

    /// Returns the one number in the set, if the bounds leave just one.
    pub(super) fn single(&self) -> Option<f64> {
        let (low, high) = (self.low?, self.high?);
        (low.at == high.at).then_some(low.at)
    }

    /// Returns what lies in both sets, or `None` if that is nothing.
    pub(super) fn meet(&self, other: &Self) -> Result<Option<Self>, Refusal> {
        let step = match (&self.step, &other.step) {
            (Some((a, origin)), Some((b, _))) => {
                let both = a.with(*b).ok_or_else(|| too_long(origin))?;
                Some((both, origin.clone()))
            }
            (step, None) | (None, step) => step.clone(),
        };
        let met = Self {
            low: tighter(self.low, other.low, |a, b| a > b),
            high: tighter(self.high, other.high, |a, b| a < b),
            whole: self.whole || other.whole,
            step,
            not_whole: self.not_whole.clone().or_else(|| other.not_whole.clone()),
            not_step: [self.not_step.clone(), other.not_step.clone()].concat(),
        };
        Ok(met.settled())
    }

    /// Drops conditions that hold anyway, and returns `None` if no number is left.
    fn settled(mut self) -> Option<Self> {
        if self.whole && self.not_whole.is_some() {
            return None;
        }
        if let (Some((step, _)), true) = (&self.step, !self.not_step.is_empty())
            && self.not_step.iter().any(|(other, _)| step == other)
        {
            return None;
        }
        let (low, high) = (self.low, self.high);
        if let (Some(low), Some(high)) = (low, high) {
            if low.at > high.at || (low.at == high.at && (low.exclusive || high.exclusive)) {
                return None;
            }
            let (whole_low, whole_high) = (rounded_up(low), rounded_down(high));
            if self.whole && whole_low > whole_high {
                return None;
            }
            let (from, to) = if self.whole {
                (whole_low, whole_high)
            } else {
                (low.at, high.at)
            };
            let open = !self.whole && (low.exclusive || high.exclusive);
            if let Some((step, _)) = &self.step
                && !open
                && !step.hits(from, to)
            {
                return None;
            }
        }
        if let Some(number) = self.single() {
            let is_whole = number.fract() == 0.0;
            let is_step = |step: &Step| step.divides(number);
            let fails = (self.whole && !is_whole)
                || (self.not_whole.is_some() && is_whole)
                || self.step.as_ref().is_some_and(|(step, _)| !is_step(step))
                || self.not_step.iter().any(|(step, _)| is_step(step));
            return (!fails).then(|| Self::only(number));
        }
        self.not_step.dedup();
        Some(self)
    }

    /// Returns the sets that together hold the numbers outside this one.
    pub(super) fn negated(&self) -> Vec<Self> {
        let mut sets = Vec::new();
        let flipped = |bound: Bound| {
            Some(Bound {
                at: bound.at,
                exclusive: !bound.exclusive,
            })
        };
        if let Some(low) = self.low {
            sets.push(Self {
                high: flipped(low),
                ..Self::default()
            });
        }
        if let Some(high) = self.high {
            sets.push(Self {
                low: flipped(high),
                ..Self::default()
            });
        }
        if self.whole {
            sets.push(Self {
                not_whole: Some(Origin::somewhere("type")),
                ..Self::default()
            });
        }
        if let Some((step, origin)) = &self.step {
            sets.push(Self {
                not_step: vec![(*step, origin.clone())],
                ..Self::default()
            });
        }
        if self.not_whole.is_some() {
            sets.push(Self {
                whole: true,
                ..Self::default()
            });
        }
        for (step, origin) in &self.not_step {
            sets.push(Self {
                step: Some((*step, origin.clone())),
                ..Self::default()
            });
        }
        sets
    }

    /// Writes the set as a schema for llguidance, or says what it cannot enforce.
    pub(super) fn write(&self) -> Result<Value, Refusal> {
        if let Some(origin) = &self.not_whole {
            return Err(
                origin.refusal("numbers that are not whole are no set that can be enforced")
            );
        }
        if let Some((_, origin)) = self.not_step.first() {
            return Err(
                origin.refusal("numbers that are no multiples are no set that can be enforced")
            );
        }
        if let Some(number) = self.single() {
            return Ok(json!({ "const": number_value(number) }));
        }
        let mut set = self.clone();
        if let Some((step, origin)) = &self.step {
            if self.whole {
                let one = Step {
                    coefficient: 1,
                    exponent: 0,
                };
                let whole = step.with(one).ok_or_else(|| too_long(origin))?;
                set.step = (whole != one).then(|| (whole, origin.clone()));
            } else {
                (set.low, set.high) = step.around(self.low, self.high);
            }
        }
        set.write_bounds()
    }

    fn write_bounds(&self) -> Result<Value, Refusal> {
        self.refuse_lost_edges()?;
        let mut schema = Map::new();
        let kind = if self.whole { "integer" } else { "number" };
        schema.insert("type".to_owned(), kind.into());
        let ends = [
            (self.low, "minimum", "exclusiveMinimum"),
            (self.high, "maximum", "exclusiveMaximum"),
        ];
        for (bound, inclusive, exclusive) in ends {
            if let Some(bound) = bound {
                let keyword = if bound.exclusive {
                    exclusive
                } else {
                    inclusive
                };
                schema.insert(keyword.to_owned(), number_value(bound.at));
            }
        }
        if let Some((step, _)) = &self.step {
            schema.insert("multipleOf".to_owned(), number_value(step.value()));
        }
        Ok(Value::Object(schema))
    }

    /// Refuses the intervals whose open end at a whole number llguidance 1.9.1 closes: those that lie
    /// between it and the next whole number further from zero.
    fn refuse_lost_edges(&self) -> Result<(), Refusal> {
        let (Some(low), Some(high), false) = (self.low, self.high, self.whole) else {
            return Ok(());
        };
        let lost = |near: Bound, far: f64| {
            near.exclusive && near.at.fract() == 0.0 && near.at.trunc() == far.trunc()
        };
        let (keyword, is_lost) = if low.at >= 0.0 {
            ("exclusiveMinimum", lost(low, high.at))
        } else {
            ("exclusiveMaximum", high.at <= 0.0 && lost(high, low.at))
        };
        if is_lost {
            let reason = "an open end at a whole number needs the other end beyond the next one";
            return Err(Origin::somewhere(keyword).refusal(reason));
        }
        Ok(())
    }
}

fn too_long(origin: &Origin) -> Refusal {
    origin.refusal("the least common multiple of two steps is too long")
}

fn tighter(a: Option<Bound>, b: Option<Bound>, is: impl Fn(f64, f64) -> bool) -> Option<Bound> {
    let (Some(first), Some(second)) = (a, b) else {
        return a.or(b);
    };
    if first.at == second.at {
        return Some(if first.exclusive { first } else { second });
    }
    Some(if is(first.at, second.at) {
        first
    } else {
        second
    })
}

fn rounded_up(bound: Bound) -> f64 {
    if bound.exclusive && bound.at.fract() == 0.0 {
        bound.at + 1.0
    } else {
        bound.at.ceil()
    }
}

fn rounded_down(bound: Bound) -> f64 {
    if bound.exclusive && bound.at.fract() == 0.0 {
        bound.at - 1.0
    } else {
        bound.at.floor()
    }
}

/// Writes a number as JSON writes it shortest: a whole one without a fraction.
#[expect(
    clippy::cast_possible_truncation,
    reason = "checked to be whole and small"
)]
pub(super) fn number_value(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() <= WHOLE_MAX {
        json!(number as i64)
    } else {
        json!(number)
    }
}

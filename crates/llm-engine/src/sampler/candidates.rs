//! The tokens that can still be drawn, and how likely each is.

use std::cmp::Ordering;

/// Tokens that can still be drawn.
#[derive(Debug, Clone, Default)]
pub(super) struct Candidates {
    /// Each token with its value.
    list: Vec<(u32, f32)>,
    values: Values,
    order: Order,
    /// What a value as a logit lacks of the logit that the model has computed:
    /// a softmax takes the same from all of them.
    offset: f32,
}

/// What the values of candidates are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Values {
    /// Logits, less the offset.
    #[default]
    Logits,
    /// Probabilities, which sum to 1.
    Probabilities,
    /// Probabilities of which some were left out.
    Shares,
}

/// What is known of the order of candidates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Order {
    /// Nothing.
    #[default]
    Any,
    /// The best stands first.
    BestFirst,
    /// Each stands before all that are worse.
    Sorted,
}

impl Candidates {
    /// Begins anew with the logits (vocabulary) that are finite. Those of -∞
    /// are out of the running; where they `count`, they are in the list all the
    /// same, as in llama.cpp, where some steps look at its length.
    pub(super) fn fill(&mut self, logits: &[f32], masked_count: bool) {
        self.list.clear();
        let numbers = (0..).zip(logits.iter().copied());
        if masked_count && logits.iter().any(|logit| logit.is_finite()) {
            self.list
                .extend(numbers.filter(|(_, logit)| *logit < f32::INFINITY));
        } else {
            self.list
                .extend(numbers.filter(|(_, logit)| logit.is_finite()));
        }
        self.values = Values::Logits;
        self.order = Order::Any;
        self.offset = 0.0;
    }

    pub(super) fn list(&self) -> &[(u32, f32)] {
        &self.list
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Returns the probability of a token, once [`normalize`](Self::normalize)d.
    pub(super) fn probability(&self, token: u32) -> Option<f32> {
        let found = self.list.iter().find(|(id, _)| *id == token);
        found.map(|(_, probability)| *probability)
    }

    /// Makes the values logits; they are those of the model less one number.
    pub(super) fn logits(&mut self) -> &mut [(u32, f32)] {
        if self.values != Values::Logits {
            for (_, value) in &mut self.list {
                *value = value.ln();
            }
            self.values = Values::Logits;
        }
        &mut self.list
    }

    /// Replaces each logit, the model's own, by what `change` makes of it.
    pub(super) fn change(&mut self, change: impl Fn(u32, f32) -> f32) {
        let offset = std::mem::take(&mut self.offset);
        for (token, logit) in self.logits() {
            *logit = change(*token, *logit + offset);
        }
        self.order = Order::Any;
    }

    /// Makes a logit of each probability; those of 0 stay out.
    pub(super) fn weigh(&mut self, logit: impl Fn(f32) -> f32) {
        self.normalize();
        for (_, value) in &mut self.list {
            *value = match *value {
                0.0 => f32::NEG_INFINITY,
                probability => logit(probability),
            };
        }
        self.values = Values::Logits;
        self.order = Order::Any;
        self.offset = 0.0;
    }

    /// Makes the values probabilities, the best first or all sorted, and
    /// returns the list.
    pub(super) fn probabilities(&mut self, order: Order) -> &mut Vec<(u32, f32)> {
        self.order_by(order);
        self.normalize();
        &mut self.list
    }

    /// Makes the values probabilities that sum to 1.
    pub(super) fn normalize(&mut self) {
        match self.values {
            Values::Logits => self.softmax(1.0),
            Values::Shares => {
                let total: f32 = self.list.iter().map(|(_, share)| share).sum();
                for (_, share) in &mut self.list {
                    *share /= total;
                }
                self.offset += total.ln();
                self.values = Values::Probabilities;
            }
            Values::Probabilities => {}
        }
    }

    /// Makes the values the softmax of the logits divided by a temperature; of
    /// 0 the best alone is left with a probability.
    pub(super) fn scale(&mut self, temperature: f32) {
        self.logits();
        self.softmax(temperature.max(f32::MIN_POSITIVE));
    }

    fn softmax(&mut self, temperature: f32) {
        self.order_by(Order::BestFirst);
        let largest = self.list.first().map_or(0.0, |best| best.1);
        let mut total = 0.0;
        for (_, logit) in &mut self.list {
            *logit = ((*logit - largest) / temperature).exp();
            total += *logit;
        }
        for (_, probability) in &mut self.list {
            *probability /= total;
        }
        self.offset = (largest + self.offset) / temperature + total.ln();
        self.values = Values::Probabilities;
    }

    /// Makes the values those of [`probabilities`](Self::probabilities), or what
    /// is left of these: as good for comparisons with the best, which stands
    /// first.
    pub(super) fn shares(&mut self) -> &[(u32, f32)] {
        self.order_by(Order::BestFirst);
        if self.values == Values::Logits {
            self.normalize();
        }
        &self.list
    }

    /// Keeps those whose value passes.
    pub(super) fn retain(&mut self, passes: impl Fn(f32) -> bool) {
        self.list.retain(|(_, value)| passes(*value));
        self.note_removal(self.order);
    }

    /// Notes that some were taken out of the list, or weighed anew, and which
    /// order is left.
    pub(super) fn note_removal(&mut self, order: Order) {
        if self.values == Values::Probabilities {
            self.values = Values::Shares;
        }
        self.order = order;
    }

    /// Brings them into an order, unless they are in it.
    pub(super) fn order_by(&mut self, order: Order) {
        if self.order >= order {
            return;
        }
        if order == Order::Sorted {
            self.list.sort_unstable_by(better_first);
        } else {
            let places = 0..self.list.len();
            let best = places.min_by(|&a, &b| better_first(&self.list[a], &self.list[b]));
            if let Some(best) = best {
                self.list.swap(0, best);
            }
        }
        self.order = order;
    }

    /// Keeps the `count` best, in no order.
    pub(super) fn keep_best(&mut self, count: usize) {
        if count >= self.list.len() {
            return;
        }
        if self.order < Order::Sorted {
            self.list.select_nth_unstable_by(count, better_first);
            self.order = Order::Any;
        }
        self.list.truncate(count);
        self.note_removal(self.order);
    }

    /// Takes the token at `random` of all, once [`normalize`](Self::normalize)d.
    pub(super) fn draw(&self, random: u64) -> Option<u32> {
        let mut left = unit(random);
        for &(token, probability) in &self.list {
            left -= f64::from(probability);
            if left < 0.0 {
                return Some(token);
            }
        }
        // The probabilities sum to 1 only up to rounding.
        let mut possible = self.list.iter().rev().filter(|(_, share)| *share > 0.0);
        possible.next().map(|last| last.0)
    }
}

/// Makes a number in [0, 1) of the 53 highest bits.
pub(super) fn unit(random: u64) -> f64 {
    /// 2^-53.
    const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
    (random >> 11) as f64 * STEP
}

/// The higher value first, of equal ones the lower id.
pub(super) fn better_first(a: &(u32, f32), b: &(u32, f32)) -> Ordering {
    b.1.total_cmp(&a.1).then(a.0.cmp(&b.0))
}

/// Returns the index of the largest finite value, of equal ones the first.
pub fn best(logits: &[f32]) -> Option<u32> {
    let mut best: Option<(usize, f32)> = None;
    for (id, &logit) in logits.iter().enumerate() {
        if logit.is_finite() && best.is_none_or(|(_, most)| logit > most) {
            best = Some((id, logit));
        }
    }
    best.map(|(id, _)| id as u32)
}

//! What models need and which machines run them how fast: rows of a model and a machine, in the order that
//! answers which one to buy.

mod need;
mod row;

use crate::catalogue::{Catalogue, Machine};
use crate::memory::{CacheType, Shape};
use crate::predict::Arithmetic;
use crate::record::{Body, Computer, FloorRecord};
use crate::units::Usd;

/// This machine as one of the catalogue's: what was measured of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ThisMachine {
    /// Its memory and bandwidth.
    pub machine: Machine,
    /// What its processor does at most.
    pub arithmetic: Arithmetic,
    /// Its name.
    pub computer: Computer,
}

/// The question: with which context, up to which price, on which machines.
#[derive(Clone, Debug)]
pub struct Requirements<'a> {
    /// The rows to answer from.
    pub catalogue: &'a Catalogue,
    /// Tokens in the context.
    pub context_tokens: f64,
    /// Type of the numbers in the cache.
    pub cache_type: CacheType,
    /// The highest price of a machine.
    pub budget: Option<Usd>,
    /// This machine, where it is asked about.
    pub this_machine: Option<ThisMachine>,
    /// Names of the machines that are asked about, besides; all of the catalogue where there are none.
    pub machines: Vec<Machine>,
}

impl Requirements<'_> {
    /// Returns the machines that are asked about; nothing where all are.
    fn named(&self) -> Option<Vec<&Machine>> {
        if let Some(this) = &self.this_machine {
            return Some(vec![&this.machine]);
        }
        (!self.machines.is_empty()).then(|| self.machines.iter().collect())
    }

    /// Answers for models, or for all of the catalogue that a machine runs where none is named: what each of
    /// the named ones needs, then how machines run it.
    #[must_use]
    pub fn answer(&self, shapes: &[Shape], by_machine: bool) -> Vec<Body> {
        let needs = shapes
            .iter()
            .filter(|_| !by_machine)
            .map(|shape| Body::Need(self.need(shape)));
        let mut bodies: Vec<Body> = needs.collect();
        for shape in shapes {
            let rows = match self.named() {
                Some(machines) => machines
                    .iter()
                    .map(|machine| self.row(shape, machine))
                    .filter(|row| (row.fits || !by_machine) && self.is_within(row))
                    .collect(),
                None => self.holding(shape),
            };
            bodies.extend(rows.into_iter().map(|row| Body::Floor(Box::new(row))));
        }
        bodies
    }

    /// Returns rows of the machines that hold a model: within a budget the fastest first, else the
    /// cheapest.
    fn holding(&self, shape: &Shape) -> Vec<FloorRecord> {
        let machines = self.catalogue.machines.iter();
        let mut rows: Vec<FloorRecord> = machines
            .map(|machine| self.row(shape, machine))
            .filter(|row| row.fits && self.is_within(row))
            .collect();
        let price = |row: &FloorRecord| row.price_usd.map_or(f64::INFINITY, |price| price.0);
        let speed = |row: &FloorRecord| row.decode.map_or(0.0, |rate| rate.tps.0);
        if self.budget.is_some() {
            rows.sort_by(|a, b| {
                speed(b)
                    .total_cmp(&speed(a))
                    .then(price(a).total_cmp(&price(b)))
            });
            if let Some(first) = rows.first_mut() {
                first.best = true;
            }
        } else {
            rows.sort_by(|a, b| price(a).total_cmp(&price(b)));
        }
        rows
    }

    /// Whether a machine is within the budget, where there is one.
    fn is_within(&self, row: &FloorRecord) -> bool {
        match (self.budget, row.price_usd) {
            (Some(budget), Some(price)) => price <= budget,
            (Some(_), None) => false,
            (None, _) => true,
        }
    }

    /// Says that no machine holds a model, or no model fits; `by_machine` as in [`Requirements::answer`].
    #[must_use]
    pub fn nothing(&self, by_machine: bool) -> String {
        match self.budget {
            Some(Usd(budget)) if !self.machines.is_empty() => {
                format!("none of the machines that are named holds it for up to {budget:.0} USD")
            }
            Some(Usd(budget)) => format!("no machine up to {budget:.0} USD holds it"),
            None if by_machine => "no model of the catalogue fits".to_owned(),
            None => "no machine of the catalogue holds it".to_owned(),
        }
    }

    /// Says which of the named machines cost more than the budget, or have no known price.
    #[must_use]
    pub fn beyond_budget(&self) -> Option<String> {
        let Usd(budget) = self.budget?;
        let beyond = self
            .machines
            .iter()
            .filter_map(|machine| match machine.whole_price() {
                Some(price) if price.0 <= budget => None,
                Some(price) => Some(format!("'{}' ({:.0} USD)", machine.id, price.0)),
                None => Some(format!("'{}' (no price is known)", machine.id)),
            });
        let beyond: Vec<String> = beyond.collect();
        (!beyond.is_empty()).then(|| {
            format!(
                "not within the budget of {budget:.0} USD: {}",
                beyond.join(", ")
            )
        })
    }

    /// Says which models were not trained for so long a context.
    pub fn beyond_context<'a>(
        &'a self,
        shapes: &'a [Shape],
    ) -> impl Iterator<Item = String> + use<'a> {
        let tokens = self.context_tokens;
        let longest = |shape: &'a Shape| Some((shape, shape.context?));
        shapes
            .iter()
            .filter_map(longest)
            .filter(move |(_, longest)| tokens > *longest as f64)
            .map(move |(shape, longest)| {
                format!(
                    "--context {tokens} is more than the {longest} tokens that '{}' was made for",
                    shape.model
                )
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requirements() -> Requirements<'static> {
        Requirements {
            catalogue: Catalogue::builtin(),
            context_tokens: 8192.0,
            cache_type: CacheType::F16,
            budget: None,
            this_machine: None,
            machines: Vec::new(),
        }
    }

    fn rows(bodies: Vec<Body>) -> Vec<FloorRecord> {
        let row = |body| match body {
            Body::Floor(row) => Some(*row),
            _ => None,
        };
        bodies.into_iter().filter_map(row).collect()
    }

    #[test]
    fn the_cheapest_machine_comes_first_and_within_a_budget_the_fastest() {
        let shape = Catalogue::builtin().shape("llama-3.1-8b").unwrap();
        let all = requirements().answer(std::slice::from_ref(&shape), false);
        assert!(matches!(all[0], Body::Need(_)));
        let all = rows(all);
        assert!(all.iter().all(|row| row.fits && !row.best));
        let priced: Vec<Usd> = all.iter().filter_map(|row| row.price_usd).collect();
        assert!(priced.is_sorted() && priced.len() > 2);
        let budget = Requirements {
            budget: Some(priced[2]),
            ..requirements()
        };
        let within = rows(budget.answer(std::slice::from_ref(&shape), false));
        assert!(within[0].best && within.iter().skip(1).all(|row| !row.best));
        assert!(within.iter().all(|row| row.price_usd <= budget.budget));
        assert!(within.is_sorted_by_key(|row| row.decode.map(|rate| -rate.tps.0)));
    }

    #[test]
    fn a_named_machine_is_told_of_even_where_it_holds_nothing() {
        let all = Catalogue::builtin();
        let large = all.shape("llama-3.3-70b").unwrap();
        let named = Requirements {
            machines: vec![all.machine("rtx-4090-24").unwrap().clone()],
            budget: Some(Usd(1.0)),
            ..requirements()
        };
        let told = named.beyond_budget().unwrap();
        assert!(told.contains("'rtx-4090-24'"), "{told}");
        assert!(named.nothing(false).contains("none of the machines"));
        let open = Requirements {
            budget: None,
            ..named
        };
        let split = rows(open.answer(std::slice::from_ref(&large), false));
        assert!(!split[0].fits && split[0].offloaded_share > Some(0.0));
        assert!(rows(open.answer(&[large], true)).is_empty());
        assert_eq!(open.beyond_budget(), None);
    }

    #[test]
    fn a_context_that_is_too_long_is_told() {
        let shape = Catalogue::builtin().shape("llama-3.1-8b").unwrap();
        let long = Requirements {
            context_tokens: 1e7,
            ..requirements()
        };
        let told: Vec<String> = long.beyond_context(std::slice::from_ref(&shape)).collect();
        assert!(told[0].contains("'llama-3.1-8b' was made for"), "{told:?}");
        assert_eq!(requirements().beyond_context(&[shape]).count(), 0);
    }
}

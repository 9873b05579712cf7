//! One volume, one cloud model, one machine and one local model: a scenario that a payback is computed for,
//! and every scenario of several lists.

use crate::bill::Volume;
use crate::catalogue::{Machine, Model, Price};
use crate::memory::Shape;
use crate::units::Mtok;
use crate::usage::{UsageEntry, UsageLog};

/// A month of tokens, and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct MonthlyVolume {
    /// A profile's name, `given` or `records`.
    pub source: String,
    /// The tokens.
    pub volume: Volume,
    /// Whether it is that of the records that were read, whose requests are billed one by one.
    pub is_recorded: bool,
    /// What was left out of it, in a sentence: records that do not say when they were.
    pub left_out: Option<String>,
}

impl MonthlyVolume {
    /// Takes a volume that no record stands behind.
    #[must_use]
    pub fn new(source: &str, volume: Volume) -> Self {
        Self {
            source: source.to_owned(),
            volume,
            is_recorded: false,
            left_out: None,
        }
    }

    /// Whether an entry of the records is a part of it.
    #[must_use]
    pub fn holds(&self, entry: &UsageEntry) -> bool {
        self.left_out.is_none() || entry.timestamp.is_some()
    }
}

/// The model on the machine.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalModel {
    /// Its size and build.
    pub shape: Shape,
    /// Its row of the catalogue, where it has one.
    pub row: Option<Model>,
}

impl LocalModel {
    /// Returns NAME:QUANT.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}:{}", self.shape.model, self.shape.quant)
    }
}

/// Logs that speeds are looked for in: one of `bench` records first, then the one that was read for the
/// volume.
#[derive(Clone, Debug, Default)]
pub struct SpeedLogs {
    /// Records of `llm-bench`.
    pub bench: Option<UsageLog>,
    /// Records that the volume comes from, or that came on standard input.
    pub usage: Option<UsageLog>,
}

/// One of each.
#[derive(Clone, Copy, Debug)]
pub struct Scenario<'a> {
    /// Tokens of a month.
    pub volume: &'a MonthlyVolume,
    /// The cloud model.
    pub cloud: &'a Price,
    /// The machine, where one is named.
    pub machine: Option<&'a Machine>,
    /// The model on it, where one is named.
    pub local: Option<&'a LocalModel>,
    /// Logs that may hold its speeds.
    pub logs: &'a SpeedLogs,
}

/// The lists that scenarios are made of, each member of one with each of all others.
#[derive(Clone, Debug, Default)]
pub struct Scenarios {
    /// Volumes.
    pub volumes: Vec<MonthlyVolume>,
    /// Cloud models.
    pub clouds: Vec<Price>,
    /// Machines; none at all where the user says what the machine costs and takes.
    pub machines: Vec<Machine>,
    /// Local models; none at all where the user says how fast the machine is.
    pub locals: Vec<LocalModel>,
    /// Logs that may hold speeds.
    pub logs: SpeedLogs,
}

impl Scenarios {
    /// Returns how many scenarios there are.
    #[must_use]
    pub fn len(&self) -> usize {
        let machines = self.machines.len().max(1);
        let locals = self.locals.len().max(1);
        self.volumes.len() * self.clouds.len() * machines * locals
    }

    /// Whether there is no scenario: no volume, or no cloud model.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Replaces each volume by one of each size, in millions of tokens a month; of no sizes it changes
    /// nothing.
    pub fn scale(&mut self, sizes: &[f64]) {
        if sizes.is_empty() {
            return;
        }
        let scaled = |monthly: &MonthlyVolume| {
            let total = monthly.volume.total();
            let resized = |&size: &f64| {
                let factor = if total.0 > 0.0 {
                    Mtok(size) / total
                } else {
                    0.0
                };
                MonthlyVolume {
                    volume: monthly.volume.times(factor),
                    ..monthly.clone()
                }
            };
            sizes.iter().map(resized).collect::<Vec<_>>()
        };
        self.volumes = self.volumes.iter().flat_map(scaled).collect();
    }

    /// Returns every scenario: by volume, then by cloud, then by machine, then by local model.
    pub fn iter(&self) -> impl Iterator<Item = Scenario<'_>> {
        let owned = move |volume, cloud| {
            options(&self.machines).flat_map(move |machine| {
                options(&self.locals).map(move |local| Scenario {
                    volume,
                    cloud,
                    machine,
                    local,
                    logs: &self.logs,
                })
            })
        };
        self.volumes.iter().flat_map(move |volume| {
            self.clouds
                .iter()
                .flat_map(move |cloud| owned(volume, cloud))
        })
    }
}

/// Returns each member of a list, or once nothing where it is empty.
fn options<T>(list: &[T]) -> impl Iterator<Item = Option<&T>> {
    let nothing = list.is_empty().then_some(None);
    list.iter().map(Some).chain(nothing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(id: &str) -> Price {
        Price {
            id: id.to_owned(),
            ..Price::default()
        }
    }

    fn scenarios() -> Scenarios {
        let volume = Volume {
            input: Mtok(3.0),
            output: Mtok(1.0),
            ..Volume::default()
        };
        Scenarios {
            volumes: vec![MonthlyVolume::new("given", volume)],
            clouds: vec![price("a/x"), price("a/y")],
            ..Scenarios::default()
        }
    }

    #[test]
    fn an_empty_list_of_machines_or_models_stands_for_none_named() {
        let lists = scenarios();
        assert_eq!((lists.len(), lists.iter().count()), (2, 2));
        assert!(
            lists
                .iter()
                .all(|scenario| scenario.machine.is_none() && scenario.local.is_none())
        );
        assert!(Scenarios::default().is_empty());
    }

    #[test]
    fn every_member_meets_every_other_in_order() {
        let machine = |id: &str| Machine {
            id: id.to_owned(),
            ..Machine::default()
        };
        let lists = Scenarios {
            machines: vec![machine("m"), machine("n")],
            ..scenarios()
        };
        let names: Vec<(&str, &str)> = lists
            .iter()
            .map(|scenario| {
                (
                    scenario.cloud.id.as_str(),
                    scenario.machine.unwrap().id.as_str(),
                )
            })
            .collect();
        assert_eq!(
            names,
            [("a/x", "m"), ("a/x", "n"), ("a/y", "m"), ("a/y", "n")]
        );
        assert_eq!(lists.len(), names.len());
    }

    #[test]
    fn a_volume_is_scaled_in_its_own_mix() {
        let mut lists = scenarios();
        lists.scale(&[]);
        assert_eq!(lists.volumes, scenarios().volumes);
        lists.scale(&[8.0, 2.0]);
        let inputs: Vec<f64> = lists
            .volumes
            .iter()
            .map(|monthly| monthly.volume.input.0)
            .collect();
        assert_eq!(inputs, [6.0, 1.5]);
    }
}

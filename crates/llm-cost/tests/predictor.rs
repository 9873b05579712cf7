//! The predictor on the observed rows: its parameters are the best for all of them, and its error is
//! that on sources which the fit had not seen. `UPDATE_GENERATED=1` writes `data/predictor.json`.
//!
//! Every source (one person's, or one project's, measurements) is held out once: the others of its
//! family of machines are fitted, and its rows are predicted. The band from the 10th to the 90th
//! percentile of measured over predicted is what `floor` prints.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use llm_cost::catalogue::{Family, HeldOut};
use llm_cost::catalogue::{Machine, Observation};
use llm_cost::predict;
use llm_cost::{CacheType, Catalogue, Shape, Teraflops};

/// Rows deeper than this are left to a predictor of attention.
const DEEPEST: f64 = 9000.0;

/// A row with its machine and shape.
#[derive(Clone, Debug)]
struct Case {
    row: Observation,
    machine: Machine,
    shape: Shape,
}

impl Case {
    fn decode(&self, family: &Family) -> f64 {
        predict::decode(
            family,
            self.machine.bandwidth_gbs,
            &self.shape,
            self.row.depth,
            CacheType::F16,
        )
        .0
    }

    /// Without the machine's own measured arithmetic, which was taken from rows like this one.
    fn prefill(&self, family: &Family) -> Option<f64> {
        let machine = Machine {
            prefill_tflops: None,
            ..self.machine.clone()
        };
        predict::prefill(family, &machine, &self.shape).map(|rate| rate.0)
    }

    /// Effective operations of the prompt, in 10^12 a second.
    fn tflops(&self) -> Option<f64> {
        Some(self.row.prefill?.0 * 2.0 * self.row.active_b / 1e3)
    }
}

/// Why a row says nothing of the predictor.
fn obstacle(row: &Observation) -> Option<&'static str> {
    let all = Catalogue::builtin();
    if row.suspect.is_some() {
        return Some("marked as suspect where it was collected");
    }
    if row.batch != 1 {
        return Some("several sequences at once");
    }
    if row.depth > DEEPEST {
        return Some("a deep context");
    }
    if row.decode.is_none() || row.gib.is_none() {
        return Some("no decode rate or no size");
    }
    let known = row
        .machine
        .as_deref()
        .is_some_and(|id| all.machine(id).is_ok())
        && row.model.as_deref().is_some_and(|id| all.model(id).is_ok());
    (!known).then_some("no machine or model of the catalogue")
}

fn cases() -> BTreeMap<String, Vec<Case>> {
    let all = Catalogue::builtin();
    let rows = Catalogue::builtin().observed.clone();
    let mut cases: BTreeMap<String, Vec<Case>> = BTreeMap::new();
    for row in rows.into_iter().filter(|row| obstacle(row).is_none()) {
        let machine = all
            .machine(row.machine.as_deref().unwrap())
            .unwrap()
            .clone();
        let model = all.model(row.model.as_deref().unwrap()).unwrap();
        let mut shape = Shape::of_file(model, &row.quant, row.gib.unwrap().into());
        (shape.params_b, shape.active_b) = (row.params_b, row.active_b);
        shape.is_moe = model.is_moe();
        let of = cases.entry(machine.family.clone()).or_default();
        of.push(Case {
            row,
            machine,
            shape,
        });
    }
    cases
}

/// Returns the parameters with the least mean |log(predicted / measured)|, of a grid as fine as the
/// data can tell.
fn fit(cases: &[&Case]) -> Family {
    let has_moe = cases.iter().any(|case| case.shape.is_moe);
    let moes: &[f64] = if has_moe {
        &[0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    } else {
        &[0.7]
    };
    let mut best = (f64::INFINITY, Family::default());
    for eta in (15..=50).map(|step| f64::from(step) * 0.02) {
        for tau_us in (0..=20).map(|step| f64::from(step) * 10.0) {
            for &moe in moes {
                let family = Family {
                    eta,
                    tau_us,
                    moe,
                    ..Family::default()
                };
                let errors = cases.iter().map(|case| {
                    (case.decode(&family) / case.row.decode.unwrap().0)
                        .ln()
                        .abs()
                });
                let error: f64 = errors.sum();
                if error < best.0 - 1e-9 {
                    best = (error, family);
                }
            }
        }
    }
    let mut family = best.1;
    family.eta = (family.eta * 100.0).round() / 100.0;
    fit_prefill(cases, &mut family);
    family
}

/// Adds the medians of what prompts reached: of dense models, and of mixtures beside them.
fn fit_prefill(cases: &[&Case], family: &mut Family) {
    /// Where a family has no mixture, or no dense model beside it.
    const MOE: f64 = 0.5;
    let ratios = |moe: bool, unit: &dyn Fn(&Machine) -> Option<f64>| -> Vec<f64> {
        let of = cases.iter().filter(|case| case.shape.is_moe == moe);
        of.filter_map(|case| Some(case.tflops()? / unit(&case.machine)?))
            .collect()
    };
    let listed = |machine: &Machine| machine.tflops.map(|Teraflops(tflops)| tflops);
    let read = |machine: &Machine| Some(machine.bandwidth_gbs.0 / 1e3);
    let (dense, moe) = (median(ratios(false, &read)), median(ratios(true, &read)));
    family.prefill_moe = match (dense, moe) {
        (Some(dense), Some(moe)) => moe / dense,
        _ => MOE,
    };
    let moe_as_dense = moe.map(|moe| moe / family.prefill_moe);
    family.prefill_per_byte = dense.or(moe_as_dense).map(rounded);
    family.prefill_per_tflops = median(ratios(false, &listed)).map(rounded);
    family.prefill_moe = rounded(family.prefill_moe);
}

fn rounded(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}

/// Interpolated, as R's type 7.
fn percentile(mut numbers: Vec<f64>, share: f64) -> Option<f64> {
    numbers.sort_by(f64::total_cmp);
    let place = share * (numbers.len().checked_sub(1)?) as f64;
    let (low, high) = (place.floor() as usize, place.ceil() as usize);
    Some(numbers[low] + (numbers[high] - numbers[low]) * (place - place.floor()))
}

fn median(numbers: Vec<f64>) -> Option<f64> {
    percentile(numbers, 0.5)
}

/// Measured over predicted, with each source held out in its turn.
fn held_out(cases: &[Case], ratio: impl Fn(&Case, &Family) -> Option<f64>) -> Option<HeldOut> {
    /// Three parameters are not fitted to fewer rows.
    const LEAST: usize = 3;
    let origins: BTreeSet<&str> = cases.iter().map(|case| case.row.origin.as_str()).collect();
    let mut ratios = Vec::new();
    let mut sources = 0;
    for origin in origins {
        let (held, rest): (Vec<&Case>, Vec<&Case>) =
            cases.iter().partition(|case| case.row.origin == origin);
        if rest.len() < LEAST {
            continue;
        }
        let family = fit(&rest);
        let before = ratios.len();
        ratios.extend(held.iter().filter_map(|case| ratio(case, &family)));
        sources += usize::from(ratios.len() > before);
    }
    let errors = ratios
        .iter()
        .map(|ratio| (1.0 / ratio - 1.0).abs())
        .collect();
    Some(HeldOut {
        rows: ratios.len(),
        sources,
        median_error: rounded(median(errors)?),
        low: rounded(percentile(ratios.clone(), 0.1)?),
        high: rounded(percentile(ratios, 0.9)?),
    })
    .filter(|error| error.sources > 1)
}

fn fitted() -> Vec<Family> {
    let of = |(name, cases): (String, Vec<Case>)| {
        let all: Vec<&Case> = cases.iter().collect();
        let decode =
            |case: &Case, family: &Family| Some(case.row.decode.unwrap().0 / case.decode(family));
        let prefill =
            |case: &Case, family: &Family| Some(case.row.prefill?.0 / case.prefill(family)?);
        let origins = |is_counted: fn(&Case) -> bool| {
            let of = cases.iter().filter(|case| is_counted(case));
            let origins: BTreeSet<String> = of.map(|case| case.row.origin.clone()).collect();
            origins.into_iter().collect()
        };
        let has_prompt = |case: &Case| case.row.prefill.is_some();
        Family {
            family: name,
            rows: cases.len(),
            origins: origins(|_| true),
            prefill_rows: cases.iter().filter(|case| has_prompt(case)).count(),
            prefill_origins: origins(has_prompt),
            decode_error: held_out(&cases, decode),
            prefill_error: held_out(&cases, prefill),
            as_of: cases
                .iter()
                .map(|case| case.row.as_of.clone())
                .max()
                .unwrap(),
            source: "fitted on data/observed.json by the test 'predictor'".to_owned(),
            ..fit(&all)
        }
    };
    cases().into_iter().map(of).collect()
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data/predictor.json")
}

#[test]
fn parameters_and_bands_are_those_of_the_observed_rows() {
    let families = fitted();
    if std::env::var_os("UPDATE_GENERATED").is_some_and(|value| value == "1") {
        let lines: Vec<String> = families
            .iter()
            .map(|family| serde_json::to_string(family).unwrap())
            .collect();
        std::fs::write(path(), format!("[\n{}\n]\n", lines.join(",\n"))).unwrap();
    }
    let there: Vec<Family> = serde_json::from_slice(&std::fs::read(path()).unwrap()).unwrap();
    assert_eq!(
        there, families,
        "stale; UPDATE_GENERATED=1 cargo test --release -p llm-cost --test predictor writes it"
    );
    for family in &families {
        println!(
            "{}: {:?} {:?}",
            family.family, family.decode_error, family.prefill_error
        );
    }
}

/// All 308 rows are accounted for.
#[test]
fn every_row_is_used_or_has_a_reason_not_to_be() {
    let rows = &Catalogue::builtin().observed;
    assert_eq!(rows.len(), 308);
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows {
        *reasons.entry(obstacle(row).unwrap_or("used")).or_default() += 1;
    }
    println!("{reasons:?}");
    let used = cases().values().map(Vec::len).sum::<usize>();
    assert_eq!(reasons["used"], used);
    assert_eq!(reasons["marked as suspect where it was collected"], 33);
    assert!(used > 230, "{reasons:?}");
    let ids: BTreeSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(ids.len(), 308);
}

/// A bound on the error itself: what is printed must stay worth printing.
#[test]
fn held_out_errors_are_below_what_the_help_promises() {
    for family in &Catalogue::builtin().families {
        let Some(error) = family.decode_error else {
            assert_eq!(
                family.family, "apple-max-30c",
                "only one source is known of that one"
            );
            continue;
        };
        assert!(error.median_error < 0.4, "{}: {error:?}", family.family);
        assert!(
            error.low < 1.0 && error.high > 1.0,
            "{}: {error:?}",
            family.family
        );
    }
}

/// Where there is no band, the sentence in its place is true: no second source measured it.
#[test]
fn a_family_without_a_band_has_one_source() {
    let cases = cases();
    let mut without = BTreeSet::new();
    for family in &Catalogue::builtin().families {
        let name = family.family.as_str();
        let of = &cases[name];
        let origins = |is_counted: &dyn Fn(&&Case) -> bool| {
            let rows = of.iter().filter(is_counted);
            rows.map(|case| case.row.origin.as_str())
                .collect::<BTreeSet<_>>()
        };
        let decode = (family.decode_without_band(), origins(&|_| true));
        let prefill = (
            family.prefill_without_band(),
            origins(&|case| case.row.prefill.is_some()),
        );
        for (reason, origins) in [decode, prefill] {
            assert_eq!(reason.is_some(), origins.len() < 2, "{name}: {origins:?}");
            if let Some(reason) = reason {
                assert!(reason.contains(origins.first().unwrap()), "{reason}");
                without.insert(name);
            }
        }
    }
    let names = ["amd-gpu", "apple-max-30c", "cpu", "dgx-spark", "strix-halo"];
    assert_eq!(without, BTreeSet::from(names));
}

/// What is left out of a family is said: one contributor's laptop is half as fast as all others of its
/// kind, and would make the band of the family twice as wide.
#[test]
fn the_noisy_laptop_would_widen_its_familys_band() {
    let mut cases = cases();
    let mut all = cases.remove("apple-max").unwrap();
    let decode =
        |case: &Case, family: &Family| Some(case.row.decode.unwrap().0 / case.decode(family));
    let without = held_out(&all, decode).unwrap();
    all.extend(cases.remove("apple-max-30c").unwrap());
    let with = held_out(&all, decode).unwrap();
    println!("without {without:?}, with {with:?}");
    // The README's number.
    assert!((with.median_error - 0.32).abs() < 0.01, "{with:?}");
    assert!(with.high - with.low > without.high - without.low);
}

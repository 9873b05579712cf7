//! Scenarios are answered with their caveats, and what is missing is asked for.

use jiff::civil::date;

use super::*;
use crate::scenario::{MonthlyVolume, SpeedLogs};
use crate::units::{Mtok, Usd, UsdPerKwh, Watts};

fn evaluate(inputs: &Inputs, hosted: bool) -> Result<PaybackRecord, ScenarioError> {
    let catalogue = Catalogue::builtin();
    let volume = Volume {
        input: Mtok(2.4),
        output: Mtok(12.0),
        cache_write: 0.4,
        ..Volume::default()
    };
    let local = hosted.then(|| LocalModel {
        shape: catalogue.shape("llama-3.3-70b").unwrap(),
        row: catalogue.model("llama-3.3-70b").ok().cloned(),
    });
    let scenario = Scenario {
        volume: &MonthlyVolume::new("given", volume),
        cloud: catalogue.price("anthropic/claude-sonnet-4.6").unwrap(),
        machine: None,
        local: local.as_ref(),
        logs: &SpeedLogs::default(),
    };
    scenario.evaluate(inputs, catalogue, date(2026, 11, 24))
}

fn inputs() -> Inputs {
    Inputs {
        machine_price: Some(Usd(4000.0)),
        load_watts: Some(Watts(110.0)),
        usd_per_kwh: Some(UsdPerKwh(0.17)),
        decode_tps: Some(TokensPerSecond(11.0)),
        prefill_tps: Some(TokensPerSecond(94.0)),
        ..Inputs::default()
    }
}

#[test]
fn an_answer_names_its_rows_and_what_it_must_not_be_taken_for() {
    let record = evaluate(&inputs(), false).unwrap();
    assert_eq!(record.answer.verdict, Verdict::Pays);
    assert_eq!(record.rows.len(), 1, "{:?}", record.rows);
    assert!(record.notes.iter().any(|note| note.contains("not answers")));
    assert!(record.hosted.is_none() && record.per_seat.is_none());
    let hosted = evaluate(&inputs(), true).unwrap();
    let host = hosted.hosted.unwrap();
    assert!(host.answer.cloud_usd_per_month < hosted.answer.cloud_usd_per_month);
    assert_eq!(hosted.rows.len(), 3, "{:?}", hosted.rows);
}

#[test]
fn a_team_shares_and_waits() {
    let team = Inputs {
        team: 4,
        ..inputs()
    };
    let record = evaluate(&team, false).unwrap();
    assert_eq!(record.assumptions.duty_cap, 0.5);
    assert_eq!(record.per_seat.unwrap().marginal_price_usd, Usd(1000.0));
}

#[test]
fn what_is_missing_is_asked_for() {
    let told = |inputs: &Inputs| evaluate(inputs, false).unwrap_err().to_string();
    let missing = Inputs {
        machine_price: None,
        ..inputs()
    };
    assert!(told(&missing).contains("--machine-price"));
    let missing = Inputs {
        load_watts: None,
        ..inputs()
    };
    assert!(told(&missing).contains("--load-watts"));
    let cached = Inputs {
        cache_hit: Some(0.7),
        ..inputs()
    };
    assert!(told(&cached).contains("--cache-write too"));
    let nowhere = Inputs {
        usd_per_kwh: None,
        region: "Nowhere".to_owned(),
        ..inputs()
    };
    assert!(told(&nowhere).contains("no region named 'Nowhere'"));
}

//! `payback` and `compare`: verdicts with all that they rest on.

use serde_json::{Value, json};

use super::{BY_HAND, cost, fed, is_noted, near, record, records};
use crate::harness::Sandbox;

#[test]
fn the_example_by_hand_has_every_field_of_the_contract() {
    let ran = cost(BY_HAND).exits(0).says_nothing();
    let said = record(&ran);
    assert_eq!(
        (&said["kind"], &said["verdict"]),
        (&json!("payback"), &json!("pays"))
    );
    near(&said["payback_months"], 22.05);
    near(&said["payback_months_discounted"], 23.86);
    near(&said["cloud_usd_per_month"], 187.20);
    near(&said["local_usd_per_month"], 5.80);
    near(&said["busy_hours_per_month"], 310.12);
    near(&said["duty"], 0.4248);
    near(&said["fastest_possible_months"], 9.37);
    assert_eq!(said["same_model"], false);
    assert_eq!(said["decode"]["source"], "given");
    assert_eq!(said["assumptions"]["discount_rate"], 0.08);
    assert_eq!(said["assumptions"]["rates"]["output"], 15.0);
    assert_eq!(said["rows"][0]["as_of"], "2026-10-24");
}

/// A sceptic recomputes the verdict from the record alone.
#[test]
fn a_verdict_can_be_recomputed_with_jq() {
    let sandbox = Sandbox::new();
    let formula = ".assumptions as $a | ($a.input * $a.rates.input + $a.output * $a.rates.output) as $c \
        | (1e6 * ($a.input / $a.prefill_tps + $a.output / $a.decode_tps)) as $t \
        | ($a.usd_per_kwh / 3.6e6 * $t * $a.load_watts) as $e \
        | ($a.machine_price_usd / ($c - $e) - .payback_months) | fabs < 1e-9";
    let line = format!("llm-cost {BY_HAND} | jq -e '{formula}'");
    sandbox.pipe(&line).run().exits(0).writes("true\n");
}

#[test]
fn standard_input_is_left_alone_where_flags_say_all() {
    let sandbox = Sandbox::new();
    let line =
        format!("while read -r n; do llm-cost {BY_HAND} --team $n | jq .assumptions.team; done");
    sandbox
        .pipe(&line)
        .input("1\n2\n3\n")
        .run()
        .exits(0)
        .writes("1\n2\n3\n");
}

#[test]
fn every_verdict_ends_well_and_months_are_null_without_one() {
    let cheap = BY_HAND.replace("anthropic/claude-sonnet-4.6", "openai/gpt-6-luna");
    let never = record(&cost(&cheap).exits(0));
    assert_eq!(
        (&never["verdict"], &never["payback_months"]),
        (&json!("never"), &Value::Null)
    );
    assert!(
        never["reason"]
            .as_str()
            .unwrap()
            .contains("under the interest")
    );
    assert!(never["local_premium_usd_per_month"].as_f64().unwrap() > 0.0);
    let heavy = BY_HAND.replace("2.4", "16.67").replace(" 12 ", " 83.33 ");
    let heavy = record(&cost(&heavy).exits(0));
    assert_eq!(heavy["verdict"], "infeasible");
    assert_eq!(heavy["payback_months_discounted"], Value::Null);
    near(&heavy["fastest_possible_months"], 9.37);
    near(&heavy["max_mtok_per_month"], 33.9);
}

#[test]
fn against_the_frontier_and_against_itself_hosted() {
    let said = record(
        &cost("payback --profile heavy --machine macbook-pro-m4-max-64 --local qwen3.6-35b-a3b")
            .exits(0),
    );
    assert_eq!(
        (&said["verdict"], &said["same_model"]),
        (&json!("pays"), &json!(false))
    );
    assert_eq!(said["hosted"]["cloud"], "openrouter/qwen/qwen3.6-35b-a3b");
    let months = |value: &Value| value["payback_months"].as_f64().unwrap();
    assert!(months(&said["hosted"]) > 10.0 * months(&said));
    assert_eq!(said["decode"]["source"], "predicted");
    let (low, high) = (&said["decode"]["low"], &said["decode"]["high"]);
    assert!(low.as_f64().unwrap() < high.as_f64().unwrap());
    let itself = record(&cost(
        "payback --profile heavy --machine macbook-pro-m4-max-64 --local qwen3.6-35b-a3b \
         --cloud openrouter/qwen/qwen3.6-35b-a3b",
    ));
    assert_eq!(
        (&itself["same_model"], &itself["hosted"]),
        (&json!(true), &Value::Null)
    );
}

#[test]
fn a_team_shares_the_machine_and_waits() {
    let one = record(&cost(BY_HAND));
    let team = record(&cost(&format!("{BY_HAND} --team 2")).exits(0));
    assert_eq!(one["per_seat"], Value::Null);
    assert_eq!(
        team["verdict"], "infeasible",
        "two take 85 %, and half is the most for a team"
    );
    near(&team["per_seat"]["marginal_price_usd"], 2000.0);
    near(&team["per_seat"]["cloud_usd_per_month"], 187.20);
}

#[test]
fn compare_answers_every_combination() {
    let line = "compare --profile light,medium,heavy --cloud claude-sonnet-4.6,claude-haiku-5.5 \
        --machine dgx-spark-128 --local gpt-oss-120b,llama-3.3-70b";
    let rows = records(&cost(line).exits(0));
    assert_eq!(rows.len(), 12);
    let verdicts: Vec<_> = rows
        .iter()
        .map(|row| row["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(
        verdicts[4..8],
        ["pays", "infeasible", "never", "infeasible"]
    );
    let scaled = records(&cost(
        "compare --profile medium --mtok 1,10,100 --machine dgx-spark-128 --local gpt-oss-120b",
    ));
    let crossover: Vec<_> = scaled
        .iter()
        .map(|row| row["break_even_mtok_per_month"].as_f64().unwrap())
        .collect();
    assert!(
        crossover
            .iter()
            .all(|mtok| (mtok / crossover[0] - 1.0).abs() < 1e-6),
        "{crossover:?}"
    );
    let line = "compare --profile light,heavy --machine dgx-spark-128 --local gpt-oss-120b -T";
    let text = cost(line).exits(0).stdout();
    for part in [
        "compare bills, not answers",
        "predicted prefill has no error band",
    ] {
        assert_eq!(text.matches(part).count(), 1, "{text}");
    }
    let left =
        "compare --profile light --machine mac-mini-m4-16,dgx-spark-128 --local llama-3.3-70b";
    let ran = cost(left).exits(0).says("left out");
    assert_eq!(records(&ran).len(), 1);
}

#[test]
fn an_answer_that_is_missing_is_said_to_be() {
    let said = record(&cost(BY_HAND));
    assert!(is_noted(&said, "against the same model hosted"), "{said}");
    let line = "payback --profile heavy --machine dgx-spark-128 --local";
    let said = record(&cost(&format!("{line} qwen3-0.6b")).exits(0));
    assert_eq!(said["hosted"], Value::Null);
    assert!(
        is_noted(&said, "no price of 'qwen3-0.6b' at a host"),
        "{said}"
    );
    let said = record(&cost(&format!("{line} qwen3.6-35b-a3b")).exits(0));
    assert!(!is_noted(&said, "at a host is known"), "{said}");
}

/// The band's slow end of this machine takes more than the 90 % that it may be busy.
#[test]
fn the_slow_end_of_a_range_has_its_own_verdict() {
    let line =
        "compare --profile heavy --machine macbook-pro-m4-max-64 --local qwen3.6-35b-a3b --mtok";
    let sizes: Vec<String> = (1..60).map(|step| (step * 20).to_string()).collect();
    let rows = records(&cost(&format!("{line} {}", sizes.join(","))).exits(0));
    let pays: Vec<_> = rows.iter().filter(|row| row["verdict"] == "pays").collect();
    let ends: Vec<_> = pays
        .iter()
        .map(|row| &row["payback_high_verdict"])
        .collect();
    assert!(
        ends.contains(&&json!("pays")) && ends.contains(&&json!("infeasible")),
        "{ends:?}"
    );
    for row in pays {
        let has_months = !row["payback_months_high"].is_null();
        let high = &row["payback_high_verdict"];
        assert_eq!(
            has_months,
            high == "pays" || high == "beyond_lifetime",
            "{row}"
        );
    }
}

/// By hand: 10 Mtok at 2 are 20 USD a month, less some cents of power, and 2,800 USD of machine are paid after
/// 140 months, of which it is kept for 36: the resale of 38 % is 1,064, and 17.6 present values of 19.87 do not
/// make 1,736.
#[test]
fn a_machine_that_pays_after_its_life_does_not_pay() {
    let line = "payback --input-mtok 10 --machine rtx-4090-24 --local qwen3-32b";
    let said = record(&cost(line).exits(0));
    assert_eq!(said["verdict"], "beyond_lifetime");
    assert!(
        (said["payback_months"].as_f64().unwrap() - 140.9).abs() < 0.5,
        "{said}"
    );
    assert!(
        said["net_present_value_usd"].as_f64().unwrap() < -1000.0,
        "{said}"
    );
    let text = cost(&format!("{line} -T")).exits(0).stdout();
    let first = text.lines().next().unwrap();
    assert!(
        first.starts_with(
            "beyond its life (140.9 months) against anthropic/claude-sonnet-5.5; never against"
        ),
        "{text}"
    );
    assert!(text.contains("with 8192 tokens of context"), "{text}");
    let kept = record(&cost(&format!("{line} --lifetime-months 400 --discount-rate 0")).exits(0));
    assert_eq!(kept["verdict"], "pays");
}

/// Notes are few on a terminal, those that change most first, and all of them in the explanation.
#[test]
fn a_terminal_shows_few_notes_and_the_explanation_all() {
    let line = "payback --profile light --machine framework-desktop-395-128 --local gpt-oss-120b";
    let notes = record(&cost(line).exits(0))["notes"]
        .as_array()
        .unwrap()
        .len();
    assert!(notes > 4, "{notes}");
    let text = cost(&format!("{line} -T")).exits(0).stdout();
    assert_eq!(text.matches("note: ").count(), 4, "{text}");
    assert!(
        text.contains(&format!("{} more notes; --explain", notes - 4)),
        "{text}"
    );
    let text = cost(&format!("{line} --explain")).exits(0).stdout();
    assert_eq!(text.matches("note      ").count(), notes, "{text}");
    assert!(
        text.contains("note      the volume is the profile 'light': 1 M tokens a month"),
        "{text}"
    );
}

/// Without an input of their own programs leave that of a loop alone, and wait for nobody.
#[test]
fn standard_input_is_read_where_it_is_named_alone() {
    let sandbox = Sandbox::new();
    let flags = "--profile light --machine dgx-spark-128 --local gpt-oss-120b";
    let commands = [
        format!("payback {flags}"),
        format!("compare {flags}"),
        "floor gpt-oss-120b".to_owned(),
        "catalogue profiles".to_owned(),
    ];
    for command in commands {
        let line = format!(
            "n=0; while read -r _; do n=$((n+1)); llm-cost -q {command} > out.$n; done; echo $n"
        );
        sandbox
            .pipe(&line)
            .input("1\n2\n3\n")
            .run()
            .exits(0)
            .writes("3\n");
    }
    // A pipe in which nobody writes ends nothing.
    let line = format!("sleep 5 | llm-cost -q payback {flags} | jq -r .volume_source");
    sandbox.pipe(&line).run().exits(0).writes("light\n");
    let rows = r#"{"type":"bench","n_gen":8,"avg_ts":50}
{"type":"bench","n_prompt":8,"avg_ts":900}
"#;
    let own = "payback --profile light --machine-price 900 --load-watts 60";
    fed(own, rows).exits(2).says("--bench");
    let said = record(&fed(&format!("{own} --bench -"), rows).exits(0));
    assert_eq!(said["decode"]["tps"], 50.0);
}

/// Without interest, what the machine is worth over its lifetime is nothing at the crossover, less below it
/// and more above.
#[test]
fn at_the_crossover_a_machine_is_worth_what_it_costs() {
    let line = "compare --profile medium --machine dgx-spark-128 --local gpt-oss-120b --discount-rate 0 \
        --on-hours 300 --upkeep 5 --setup-hours 2 --escalated 10% --cloud-fall 1% --mtok";
    let worth = |mtok: &[f64]| {
        let sizes: Vec<String> = mtok.iter().map(ToString::to_string).collect();
        records(&cost(&format!("{line} {}", sizes.join(","))).exits(0))
    };
    let crossover = worth(&[1.0])[0]["break_even_mtok_per_month"]
        .as_f64()
        .unwrap();
    assert!(crossover > 1.0, "{crossover}");
    let rows = worth(&[crossover * 0.9, crossover, crossover * 1.1]);
    let values: Vec<f64> = rows
        .iter()
        .map(|row| row["net_present_value_usd"].as_f64().unwrap())
        .collect();
    assert!(
        values[0] < -1.0 && values[1].abs() < 1e-6 && values[2] > 1.0,
        "{values:?}"
    );
}

/// A machine that takes the place of a dearer one has nothing to pay back, whatever it sells for later.
#[test]
fn a_machine_bought_anyway_gains_no_resale() {
    let same = format!("{BY_HAND} --alternative-price 4000 --discount-rate 0");
    let said = record(&cost(&same).exits(0));
    assert_eq!(said["payback_months"], 0.0);
    let reason = said["reason"].as_str().unwrap();
    assert!(
        reason.ends_with("and there is nothing to pay back"),
        "{reason}"
    );
    let less = record(&cost(&format!("{BY_HAND} --alternative-price 9000")).exits(0));
    let reason = less["reason"].as_str().unwrap();
    assert!(
        reason.contains("costs 5000.00 less than what would be bought anyway"),
        "{reason}"
    );
    near(&said["net_present_value_usd"], 36.0 * (187.20 - 5.799));
    let dearer = BY_HAND.replace(
        "anthropic/claude-sonnet-4.6",
        "openrouter/meta-llama/llama-3.3-70b-instruct",
    );
    let said = record(&cost(&format!("{dearer} --alternative-price 5000")).exits(0));
    assert_eq!(said["verdict"], "never");
    let reason = said["reason"].as_str().unwrap();
    assert!(
        reason.contains("1000.00 USD less than what would be bought anyway"),
        "{reason}"
    );
}

/// 43 GiB are not in a card of 24: whoever gives speeds is told what they must be those of.
#[test]
fn a_model_that_does_not_fit_is_said_not_to() {
    let line = "payback --profile light --local llama-3.3-70b --machine rtx-4090-24 --decode-tps 3 --prefill-tps 90";
    let said = record(&cost(line).exits(0));
    assert!(
        is_noted(&said, "needs 43.1 GiB and 'rtx-4090-24' has 22.8"),
        "{said}"
    );
    let said = record(&cost(&line.replace("rtx-4090-24", "dgx-spark-128")).exits(0));
    assert!(!is_noted(&said, "needs 43.1 GiB"), "{said}");
}

/// Prices that fall to nothing after a month: 187.20 USD are saved once and 5.80 paid 36 times, for 4,000
/// less 1,520. Without interest that is (2,480 + 36 x 5.799 - 187.20) / 36 a month.
#[test]
fn what_owning_costs_more_reckons_with_falling_prices() {
    let line = format!("{BY_HAND} --cloud-fall 100% --discount-rate 0");
    let said = record(&cost(&line).exits(0));
    assert_eq!(said["verdict"], "never");
    near(
        &said["local_premium_usd_per_month"],
        (2480.0 + 36.0 * 5.7993 - 187.20) / 36.0,
    );
    let text = cost(&format!("{line} -T")).exits(0).stdout();
    assert!(
        text.contains("owning costs 69.49 USD a month more"),
        "{text}"
    );
}

/// 730 h at 11 and 94 tokens a second are 33.9 million tokens of this mix; nine tenths of them 30.5.
#[test]
fn what_the_machine_can_produce_is_said_with_the_cap_and_without() {
    let heavy = BY_HAND.replace("2.4", "16.67").replace(" 12 ", " 83.33 ");
    let said = record(&cost(&heavy).exits(0));
    let reason = said["reason"].as_str().unwrap();
    for part in [
        "90 % is the most that is counted on, 30.5 million tokens a month, paid back in 10.4 months",
        "always at work it can produce 33.9 million",
    ] {
        assert!(reason.contains(part), "{part}: {reason}");
    }
    near(&said["capped_mtok_per_month"], 33.9 * 0.9);
    near(&said["capped_months"], 9.37 / 0.9);
    assert_eq!(said["local_usd_per_month"], Value::Null);
    let none = record(&cost(&format!("{heavy} --duty-cap 0")).exits(0));
    assert_eq!(none["verdict"], "infeasible");
    for key in ["fastest_possible_months", "capped_months"] {
        assert_eq!(none[key], Value::Null, "{key}");
    }
    let reason = none["reason"].as_str().unwrap();
    assert!(reason.contains("counted on for nothing"), "{reason}");
    let whole = record(&cost(&format!("{heavy} --duty-cap 1")).exits(0));
    let reason = whole["reason"].as_str().unwrap();
    assert!(!reason.contains("most that is counted on"), "{reason}");
    near(&whole["capped_months"], 9.37);
}

/// What the interest outweighs is no payback, at the most tokens too: at 1,000,000 USD the saving of 427
/// a month is under the interest of 6,434.
#[test]
fn an_infeasible_machine_that_would_not_earn_its_interest_has_no_fastest_payback() {
    let heavy = BY_HAND.replace("2.4", "16.67").replace(" 12 ", " 83.33 ");
    let said = record(&cost(&heavy.replace(" 4000 ", " 1000000 ")).exits(0));
    assert_eq!(said["verdict"], "infeasible");
    assert_eq!(said["fastest_possible_months"], Value::Null);
    let reason = said["reason"].as_str().unwrap();
    assert!(reason.contains("it would not pay back either"), "{reason}");
    let hosted =
        "payback --profile heavy --machine dgx-spark-128 --local gpt-oss-120b --duty-cap 0.5";
    let said = record(&cost(hosted).exits(0));
    let hosted = &said["hosted"];
    if hosted["verdict"] == "infeasible" {
        let simple = hosted["fastest_possible_months"].as_f64();
        assert!(simple.is_none_or(|months| months < 200.0), "{hosted}");
    }
}

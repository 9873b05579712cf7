//! The worked examples of the reference, to the cent and the tenth of a month.
//!
//! Claude Sonnet 4.6 against a machine of 4,000 USD with Llama 3.3 70B at 11 tokens a second, 94 of
//! prefill, 110 W, at 0.17 USD a kWh. Expectations are the reference's figures, or follow from its
//! formulas by hand, never our own output.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic")]

use llm_cost::cash::monthly;
use llm_cost::{
    Answer, Catalogue, Hours, Months, Mtok, Terms, TokensPerSecond, Usd, UsdPerKwh, Verdict,
    Volume, Watts,
};

fn terms(profile: &str, cloud: &str) -> Terms {
    let all = Catalogue::builtin();
    let profile = all.profile(profile).unwrap();
    Terms {
        volume: Volume {
            input: Mtok(profile.input_mtok),
            output: Mtok(profile.output_mtok),
            cache_hit: profile.cache_hit,
            cache_write: profile.cache_write,
            ..Volume::default()
        },
        rates: all.price(cloud).unwrap().rates(None, None),
        decode_tps: TokensPerSecond(11.0),
        prefill_tps: TokensPerSecond(94.0),
        machine_price_usd: Usd(4000.0),
        load_watts: Watts(110.0),
        usd_per_kwh: UsdPerKwh(0.17),
        ..Terms::default()
    }
}

/// Qwen3.6 35B-A3B: 85 tokens a second at 80 W. The reference states 277 hours and no rate of prefill; 1,000
/// tokens a second are what makes the hours of 83.3 million tokens out and 16.7 in, found by that and not
/// measured.
fn small_active(profile: &str, cloud: &str) -> Terms {
    Terms {
        decode_tps: TokensPerSecond(85.0),
        prefill_tps: TokensPerSecond(1000.0),
        load_watts: Watts(80.0),
        ..terms(profile, cloud)
    }
}

const SONNET: &str = "anthropic/claude-sonnet-4.6";
const SONNET_NOW: &str = "anthropic/claude-sonnet-5.5";
const HOSTED_70B: &str = "openrouter/meta-llama/llama-3.3-70b-instruct";
const HOSTED_35B: &str = "openrouter/qwen/qwen3.6-35b-a3b";

fn answer(terms: &Terms) -> Answer {
    terms.answer().unwrap()
}

#[track_caller]
fn near(value: f64, wanted: f64, step: f64) {
    assert!(
        (value - wanted).abs() <= step * 0.5 + 1e-9,
        "{value} is not {wanted}"
    );
}

#[track_caller]
fn cents(value: f64, wanted: f64) {
    near(value, wanted, 0.01);
}

#[track_caller]
fn months(value: Option<Months>, wanted: f64) {
    near(value.unwrap().0, wanted, 0.1);
}

#[test]
fn light_never_pays() {
    let light = terms("light", SONNET);
    let said = answer(&light);
    assert_eq!(said.verdict, Verdict::Never);
    assert_eq!(
        (said.payback_months, said.payback_months_discounted),
        (None, None)
    );
    cents(said.cloud_usd_per_month.0, 13.00);
    cents(said.power_usd_per_month.0, 0.40);
    near(said.busy_hours_per_month.0, 22.0, 1.0);
    near(said.duty, 0.03, 0.01);
    // 4,000 / 12.597 = 317.5, which the reference cuts to 317.
    assert_eq!(light.simple().unwrap().0.floor(), 317.0);
    assert!(
        said.reason.contains("under the interest"),
        "{}",
        said.reason
    );
    assert!(said.local_premium_usd_per_month.unwrap().0 > 0.0);
}

#[test]
fn medium_pays_in_22_months() {
    let said = answer(&terms("medium", SONNET));
    assert_eq!(said.verdict, Verdict::Pays);
    cents(said.cloud_usd_per_month.0, 187.20);
    cents(said.power_usd_per_month.0, 5.80);
    near(said.busy_hours_per_month.0, 310.0, 1.0);
    near(said.duty, 0.42, 0.01);
    // 4,000 / (187.20 - 5.7993)
    months(said.payback_months, 22.1);
    near(said.payback_months_discounted.unwrap().0, 24.0, 1.0);
}

#[test]
fn heavy_on_a_70b_is_infeasible() {
    let heavy = terms("heavy", SONNET);
    let said = answer(&heavy);
    assert_eq!(
        (said.verdict, said.payback_months),
        (Verdict::Infeasible, None)
    );
    cents(said.cloud_usd_per_month.0, 1300.00);
    near(said.busy_hours_per_month.0, 2154.0, 1.0);
    near(said.duty, 2.95, 0.01);
    months(heavy.simple(), 3.2);
    near(said.max_mtok_per_month.unwrap().0, 34.0, 1.0);
    near(said.max_mtok_per_month.unwrap().0 * 13.0, 441.0, 1.0);
    months(said.fastest_possible_months, 9.4);
    assert!(
        said.reason.contains("33.9 million tokens"),
        "{}",
        said.reason
    );
    assert!(said.reason.contains("9.4 months"), "{}", said.reason);
}

/// Eight hours of 22 working days.
#[test]
fn a_working_day_takes_39_months() {
    let day = Terms {
        available_hours: Hours(8.0 * 22.0),
        ..terms("heavy", SONNET)
    };
    near(answer(&day).fastest_possible_months.unwrap().0, 39.0, 1.0);
}

#[test]
fn a_35b_with_3b_active_pays_in_three_months_against_the_frontier() {
    let said = answer(&small_active("heavy", SONNET));
    assert_eq!(said.verdict, Verdict::Pays);
    near(said.busy_hours_per_month.0, 277.0, 1.0);
    near(said.duty, 0.38, 0.01);
    months(said.payback_months, 3.1);
    months(
        answer(&small_active("heavy", SONNET_NOW)).payback_months,
        4.6,
    );
}

#[test]
fn and_in_72_against_itself_hosted() {
    let said = answer(&small_active("heavy", HOSTED_35B));
    // Twice as long as it is kept.
    assert_eq!(said.verdict, Verdict::BeyondLifetime);
    near(said.payback_months.unwrap().0, 72.0, 1.0);
    let medium = small_active("medium", HOSTED_35B);
    assert_eq!(answer(&medium).verdict, Verdict::Never);
    near(medium.simple().unwrap().0 / 12.0, 42.0, 1.0);
    assert_eq!(
        answer(&small_active("light", HOSTED_35B)).verdict,
        Verdict::Never
    );
}

#[test]
fn the_same_at_other_prices() {
    let simple = |profile, cloud, price| {
        let terms = Terms {
            machine_price_usd: Usd(price),
            ..terms(profile, cloud)
        };
        terms.simple().map(|months| months.0)
    };
    near(simple("light", SONNET_NOW, 4000.0).unwrap(), 484.0, 1.0);
    near(simple("medium", SONNET_NOW, 4000.0).unwrap(), 33.6, 0.1);
    near(simple("heavy", SONNET_NOW, 4000.0).unwrap(), 4.8, 0.1);
    near(simple("light", SONNET_NOW, 5099.0).unwrap(), 617.0, 1.0);
    near(simple("medium", SONNET_NOW, 5099.0).unwrap(), 42.8, 0.1);
    near(simple("heavy", SONNET_NOW, 5099.0).unwrap(), 6.2, 0.1);
    for cheap in ["anthropic/claude-haiku-5.5", "openai/gpt-6-luna"] {
        near(simple("medium", cheap, 4000.0).unwrap() / 12.0, 756.0, 1.0);
        assert!(simple("heavy", cheap, 4000.0).unwrap() > 1200.0);
        assert_eq!(answer(&terms("light", cheap)).verdict, Verdict::Never);
    }
}

#[test]
fn a_hosted_70b_costs_less_than_the_power() {
    for profile in ["light", "medium", "heavy"] {
        assert_eq!(terms(profile, HOSTED_70B).simple(), None);
    }
    let said = answer(&terms("medium", HOSTED_70B));
    assert_eq!(said.verdict, Verdict::Never);
    cents(said.saving_usd_per_month.unwrap().0, -1.72);
    assert!(said.reason.contains("power alone"), "{}", said.reason);
    assert_eq!(
        answer(&terms("heavy", HOSTED_70B)).verdict,
        Verdict::Infeasible
    );
}

#[test]
fn a_machine_that_is_needed_anyway_pays_in_half_the_time() {
    let anyway = Terms {
        alternative_price_usd: Usd(2000.0),
        ..terms("medium", SONNET)
    };
    near(answer(&anyway).payback_months.unwrap().0, 11.0, 0.1);
}

/// The reference counts whole months.
#[test]
fn falling_prices_move_it_away() {
    let falling = |fall| Terms {
        cloud_fall_per_month: fall,
        ..terms("medium", SONNET)
    };
    let whole = |fall| falling(fall).simple().map(|months| months.0.ceil());
    assert_eq!(
        [0.0, 0.01, 0.02, 0.03].map(whole),
        [23.0, 25.0, 30.0, 37.0].map(Some)
    );
    assert_eq!(whole(0.05), None);
    let said = answer(&falling(0.05));
    assert_eq!(said.verdict, Verdict::Never);
    assert!(said.reason.contains("falling by 5.0 %"), "{}", said.reason);
}

/// In 36 months with 38 % resale. The figures follow with the resale not discounted.
#[test]
fn break_even_volumes() {
    let volume = |terms: Terms| answer(&terms).break_even_mtok_per_month.map(|mtok| mtok.0);
    near(volume(terms("medium", SONNET)).unwrap(), 5.5, 0.1);
    near(volume(terms("medium", SONNET_NOW)).unwrap(), 8.3, 0.1);
    assert_eq!(volume(terms("medium", HOSTED_70B)), None);
    near(
        volume(small_active("medium", HOSTED_35B)).unwrap(),
        124.0,
        1.0,
    );
}

/// The idle hours cost the same whatever the volume: the sum is solved by hand for 300 hours on at 20 W
/// idle, 110 W at work, 0.17 USD, where a million tokens out take 10^6 / 11 / 3600 = 25.2525 h.
#[test]
fn a_break_even_does_not_move_with_the_volume_and_stays_within_the_machine() {
    let at = |output: f64, on: f64, price: f64| {
        let mut terms = terms("medium", SONNET);
        terms.volume = Volume {
            output: Mtok(output),
            ..Volume::default()
        };
        terms.machine_price_usd = Usd(price);
        (terms.on_hours, terms.idle_watts) = (Hours(on), Watts(20.0));
        answer(&terms)
    };
    // (4,000 x 0.62 / 36 + 0.17 x 0.020 x 300) / (15 - 0.17 x 0.090 x 25.2525)
    let wanted = (4000.0 * 0.62 / 36.0 + 1.02) / (15.0 - 0.38636);
    for output in [0.1, 3.0, 20.0] {
        let found = at(output, 300.0, 4000.0).break_even_mtok_per_month.unwrap();
        near(found.0, wanted, 1e-3);
    }
    let dear = at(3.0, 300.0, 40_000.0);
    assert_eq!(dear.break_even_mtok_per_month, None);
    let reason = dear.break_even_reason.unwrap();
    // 730 h at 90 % are 657 / 25.2525 = 26.0 million.
    assert!(reason.contains("can produce 26.0"), "{reason}");
}

/// Energy of a million output tokens, with the rates and watts that were measured. The second is 0.81499
/// USD, which the reference rounds to 0.82.
#[test]
fn electricity_of_a_million_tokens() {
    for (tps, watts, kwh, us, de) in [
        (11.0, 110.0, 2.78, 0.47, 1.22),
        (14.08, 243.0, 4.79, 0.815, 2.11),
        (4.97, 133.0, 7.43, 1.26, 3.27),
        (4.71, 156.0, 9.20, 1.56, 4.05),
        (279.65, 509.1, 0.51, 0.09, 0.22),
        (87.97, 122.8, 0.39, 0.07, 0.17),
        (85.0, 80.0, 0.26, 0.04, 0.12),
    ] {
        let million = Volume {
            output: Mtok(1.0),
            ..Volume::default()
        };
        let at = |region: &str| Terms {
            volume: million,
            decode_tps: TokensPerSecond(tps),
            prefill_tps: TokensPerSecond(1.0),
            load_watts: Watts(watts),
            usd_per_kwh: Catalogue::builtin().region(region).unwrap().usd_per_kwh,
            ..Terms::default()
        };
        cents(answer(&at("US")).kwh_per_month.0, kwh);
        cents(answer(&at("US")).power_usd_per_mtok.unwrap().0, us);
        cents(answer(&at("DE")).power_usd_per_mtok.unwrap().0, de);
    }
}

#[test]
fn caching_halves_an_agents_bill() {
    for (cloud, without, with, bill) in
        [(SONNET, 3.57, 1.33, 399.0), (SONNET_NOW, 2.38, 0.80, 240.0)]
    {
        let cached = terms("agent", cloud);
        let mut fresh = cached.clone();
        (fresh.volume.cache_hit, fresh.volume.cache_write) = (0.0, 0.0);
        cents(answer(&fresh).cloud_usd_per_mtok.unwrap().0, without);
        cents(answer(&cached).cloud_usd_per_mtok.unwrap().0, with);
        near(answer(&cached).cloud_usd_per_month.0, bill, 1.0);
    }
}

/// An M5 Max with a 35B-A3B. The reference states 53 hours and no speeds; 85 tokens a second and a prefill
/// of 1,200 make them, found by that and not measured.
#[test]
fn an_agents_machine_pays_in_a_year_or_two() {
    for (cloud, wanted) in [(SONNET, 12.8), (SONNET_NOW, 21.3)] {
        let said = answer(&Terms {
            machine_price_usd: Usd(5099.0),
            prefill_tps: TokensPerSecond(1200.0),
            local_cache_hit: 0.9,
            ..small_active("agent", cloud)
        });
        near(said.busy_hours_per_month.0, 53.0, 1.0);
        months(said.payback_months, wanted);
    }
}

/// The reference states 529 and 1,323 hours and no speeds. Its 11 and 94 tokens a second make neither; 9 and
/// 90, as a deep context would have them, make both, which is one number more than was chosen.
#[test]
fn an_agent_on_a_70b_needs_a_prefix_cache() {
    let deep = |hit| Terms {
        decode_tps: TokensPerSecond(9.0),
        prefill_tps: TokensPerSecond(90.0),
        local_cache_hit: hit,
        ..terms("agent", SONNET)
    };
    near(answer(&deep(0.9)).busy_hours_per_month.0, 529.0, 1.0);
    let without = answer(&deep(0.0));
    near(without.busy_hours_per_month.0, 1323.0, 1.0);
    near(without.duty, 1.81, 0.01);
    assert_eq!(without.verdict, Verdict::Infeasible);
}

#[test]
fn eight_percent_a_year_is_less_than_a_twelfth_a_month() {
    assert!((monthly(0.08) - 0.006_434_03).abs() < 1e-8);
}

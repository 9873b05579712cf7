//! What holds of every payback, whatever the numbers.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic")]

use llm_cost::cash::{Flow, monthly};
use llm_cost::usage::UsageLog;
use llm_cost::{
    Answer, Hours, Months, Mtok, Rates, Terms, TokensPerSecond, Usd, UsdPerHour, UsdPerKwh,
    UsdPerMonth, UsdPerMtok, Verdict, Volume, Watts,
};
use proptest::prelude::*;

prop_compose! {
    fn rates()(
        input in 0.0..30.0_f64,
        output in 0.0..100.0_f64,
        read in 0.0..1.0_f64,
        (batch_discount, batch_discount_output) in (0.0..1.0_f64, 0.0..1.0_f64),
    ) -> Rates {
        Rates {
            input: UsdPerMtok(input),
            output: UsdPerMtok(output),
            cache_read: UsdPerMtok(input * read),
            cache_write: UsdPerMtok(input * 1.25),
            cache_write_1h: UsdPerMtok(input * 2.0),
            batch_discount,
            batch_discount_output,
        }
    }
}

prop_compose! {
    fn volume()(
        input in 0.0..500.0_f64,
        output in 0.0..100.0_f64,
        cache_hit in 0.0..0.9_f64,
        cache_write in 0.0..0.1_f64,
        batch in 0.0..1.0_f64,
    ) -> Volume {
        Volume {
            input: Mtok(input),
            output: Mtok(output),
            cache_hit,
            cache_write,
            cache_write_1h: cache_write / 2.0,
            batch,
        }
    }
}

prop_compose! {
    fn terms()(
        volume in volume(),
        rates in rates(),
        (decode, prefill) in (0.1..500.0_f64, 0.1..20_000.0_f64),
        (price, alternative) in (0.0..20_000.0_f64, 0.0..5_000.0_f64),
        (load, idle, on) in (0.0..1000.0_f64, 0.0..100.0_f64, 0.0..730.0_f64),
        (kwh, upkeep, escalated) in (0.0..0.5_f64, 0.0..50.0_f64, 0.0..0.9_f64),
        (hit, batching, fall) in (0.0..1.0_f64, 1.0..20.0_f64, prop_oneof![Just(0.0), 0.0..0.05_f64]),
        discount in prop_oneof![Just(0.0), 0.0..0.3_f64],
    ) -> Terms {
        Terms {
            volume,
            rates,
            cloud_fall_per_month: fall,
            escalated,
            decode_tps: TokensPerSecond(decode),
            prefill_tps: TokensPerSecond(prefill),
            local_cache_hit: hit,
            batching,
            machine_price_usd: Usd(price),
            alternative_price_usd: Usd(alternative),
            upkeep_usd_per_month: UsdPerMonth(upkeep),
            load_watts: Watts(load.max(idle)),
            idle_watts: Watts(idle),
            on_hours: Hours(on),
            usd_per_kwh: UsdPerKwh(kwh),
            discount_rate: discount,
            ..Terms::default()
        }
    }
}

fn answer(terms: &Terms) -> Answer {
    terms.answer().unwrap()
}

/// A volume that takes a share of what the machine is counted on for.
fn feasible(terms: &Terms, share: f64) -> Terms {
    let duty = terms.duty(&terms.volume);
    let factor = if duty > 0.0 {
        terms.duty_cap * share / duty
    } else {
        1.0
    };
    Terms {
        volume: terms.volume.times(factor),
        ..terms.clone()
    }
}

proptest! {
    #[test]
    fn more_volume_never_lengthens_a_feasible_payback(
        terms in terms(),
        less in 0.01..1.0_f64,
        more in 0.01..1.0_f64,
    ) {
        let (less, more) = (less.min(more), less.max(more));
        let at = |share| answer(&feasible(&terms, share));
        let (little, much) = (at(less), at(more));
        if let Some(Months(months)) = little.payback_months {
            prop_assert!(matches!(much.verdict, Verdict::Pays | Verdict::BeyondLifetime));
            prop_assert!(little.verdict != Verdict::Pays || much.verdict == Verdict::Pays);
            prop_assert!(much.payback_months.unwrap().0 <= months + 1e-6);
        }
    }

    #[test]
    fn nothing_beats_the_fastest_possible_payback(terms in terms(), share in 0.01..1.0_f64) {
        let said = answer(&feasible(&terms, share));
        if let Some(months) = said.payback_months {
            prop_assert!(months.0 >= said.fastest_possible_months.unwrap().0 - 1e-6);
        }
    }

    #[test]
    fn no_volume_is_never(terms in terms()) {
        let said = answer(&Terms { volume: Volume::default(), ..terms });
        prop_assert_eq!(said.verdict, Verdict::Never);
        prop_assert_eq!((said.payback_months, said.payback_months_discounted), (None, None));
    }

    #[test]
    fn a_free_machine_pays_back_at_once_or_never(terms in terms(), share in 0.01..1.0_f64) {
        let free = Terms { machine_price_usd: Usd(0.0), ..feasible(&terms, share) };
        let said = answer(&free);
        match said.verdict {
            Verdict::Pays => prop_assert_eq!(said.payback_months, Some(Months(0.0))),
            Verdict::Never => prop_assert!(said.saving_usd_per_month.unwrap().0 <= 0.0),
            // Prices that fall may make of it a loss in the end.
            Verdict::BeyondLifetime => prop_assert!(said.net_present_value_usd.unwrap().0 <= 0.0),
            Verdict::Infeasible => prop_assert!(false, "{said:?}"),
        }
    }

    /// Its months and its worth are added up here month by month.
    #[test]
    fn a_machine_pays_within_its_life_or_not_at_all(
        terms in terms(),
        share in 0.01..1.0_f64,
        months in 1..120_u32,
    ) {
        let terms = Terms { lifetime_months: Months(f64::from(months)), ..feasible(&terms, share) };
        let said = answer(&terms);
        prop_assume!(said.payback_months.is_some());
        let monthly = (1.0 + terms.discount_rate).powf(1.0 / 12.0);
        let (mut saved, mut worth) = (0.0, -terms.marginal_price().0);
        let flow = terms.flow(&terms.volume);
        for month in 0..months {
            let cloud = flow.avoided.0 * (1.0 - terms.cloud_fall_per_month).powi(month as i32);
            saved += cloud - flow.running.0;
            worth += (cloud - flow.running.0) / monthly.powi(month as i32 + 1);
        }
        worth += terms.resale().0 / monthly.powi(months as i32);
        // Near the border rounding decides.
        prop_assume!(worth.abs() > 1e-3 && (saved - terms.marginal_price().0).abs() > 1e-3);
        let in_life = said.payback_months.unwrap().0 <= f64::from(months);
        let wanted = if in_life && worth > 0.0 { Verdict::Pays } else { Verdict::BeyondLifetime };
        prop_assert_eq!(said.verdict, wanted);
    }

    #[test]
    fn what_cannot_be_done_has_no_months(terms in terms(), times in 1.01..100.0_f64) {
        let terms = feasible(&terms, times);
        prop_assume!(terms.duty(&terms.volume) > terms.duty_cap);
        let said = answer(&terms);
        prop_assert_eq!(said.verdict, Verdict::Infeasible);
        prop_assert_eq!((said.payback_months, said.payback_months_discounted), (None, None));
        prop_assert!(said.max_mtok_per_month.unwrap().0 < terms.volume.total().0 * 1.2);
    }

    #[test]
    fn interest_and_falling_prices_never_shorten_it(
        terms in terms(),
        rate in 0.0..0.3_f64,
        fall in 0.0..0.05_f64,
    ) {
        let months = |rate, fall| {
            let flow = Flow { fall, ..terms.flow(&terms.volume) };
            flow.payback(monthly(rate)).map_or(f64::INFINITY, |months| months.0)
        };
        prop_assert!(months(rate, 0.0) >= months(0.0, 0.0) - 1e-6);
        // Counted by the month, where a discounted saving comes evenly within its month.
        prop_assert!(months(rate, fall) >= months(rate, 0.0) - 0.05);
    }

    /// Both bills are added up here month by month, not by the formula that finds the volume.
    #[test]
    fn at_the_crossover_both_cost_the_same_and_around_it_the_order_flips(
        terms in terms(),
        setup in 0.0..20.0_f64,
        months in 1..120_u32,
        less in 0.01..0.99_f64,
        more in 1.01..3.0_f64,
    ) {
        let terms = Terms {
            lifetime_months: Months(f64::from(months)),
            setup_hours: Hours(setup),
            setup_usd_per_hour: UsdPerHour(50.0),
            ..terms
        };
        let said = answer(&terms);
        let Some(Mtok(crossover)) = said.break_even_mtok_per_month else {
            prop_assert!(said.break_even_reason.is_some());
            return Ok(());
        };
        let total = terms.volume.total().0;
        // What owning costs more than the cloud over the lifetime, and what sums it is made of.
        let lead = |mtok: f64| {
            let volume = terms.volume.times(mtok / total);
            let hours = terms.busy(&volume).0;
            let kwh = terms.load_watts.0 * hours
                + terms.idle_watts.0 * terms.idle_share * (terms.on_hours.0 - hours).max(0.0);
            let monthly = kwh / 1e3 * terms.usd_per_kwh.0 + terms.upkeep_usd_per_month.0;
            let bill = terms.rates.bill(&volume).0;
            let fall = |month: u32| (1.0 - terms.cloud_fall_per_month).powi(month as i32);
            let cloud: f64 = (0..months).map(|month| bill * fall(month)).sum();
            let bought = terms.machine_price_usd.0 - terms.alternative_price_usd.0;
            let own = bought * (1.0 - terms.resale_share)
                + setup * 50.0
                + monthly * f64::from(months)
                + cloud * terms.escalated;
            (own - cloud, 1.0 + own.abs() + cloud)
        };
        if crossover == 0.0 {
            // Nothing has to be earned back, so that not even no volume costs more here.
            let (none, sums) = lead(0.0);
            prop_assert!(none <= 1e-6 * sums, "{none}");
            return Ok(());
        }
        let (at, sums) = lead(crossover);
        prop_assert!(at.abs() <= 1e-6 * sums, "{at} of {sums} at {crossover}");
        let (below, sums) = lead(crossover * less);
        prop_assert!(below > -1e-9 * sums, "{below} below {crossover}");
        // Where the machine is on anyway, a little more still takes idle hours' place; that far the
        // saving grows with the volume.
        let within = terms.on_hours.0 / terms.busy(&terms.volume.times(crossover / total)).0;
        let step = if within > 1.0 { more.min(within) } else { more };
        let (above, sums) = lead(crossover * step);
        prop_assert!(above < 1e-9 * sums, "{above} above {crossover}");
    }

    #[test]
    fn a_verdict_follows_from_the_record(terms in terms()) {
        let said = answer(&terms);
        let local = said.local_usd_per_month;
        prop_assert_eq!(local.is_none(), said.verdict == Verdict::Infeasible);
        prop_assert_eq!(said.saving_usd_per_month.is_none(), local.is_none());
        let saving = said.cloud_usd_per_month.0 - local.map_or(0.0, |local| local.0);
        if let Some(said) = said.saving_usd_per_month {
            prop_assert!((said.0 - saving).abs() < 1e-6 * (1.0 + saving.abs()));
        }
        if let (Verdict::Pays, true) = (said.verdict, terms.cloud_fall_per_month == 0.0) {
            let simple = (said.marginal_price_usd.0 / saving).max(0.0);
            prop_assert!((said.payback_months.unwrap().0 - simple).abs() < 1e-6 * (1.0 + simple));
        }
        // A machine that costs less than the one bought anyway brings its money at the start.
        if said.verdict == Verdict::Never && said.marginal_price_usd.0 >= 0.0 {
            prop_assert!(said.local_premium_usd_per_month.unwrap().0 > -1e-6 || terms.cloud_fall_per_month > 0.0);
        }
    }

    #[test]
    fn no_text_is_too_strange_to_be_read(text in "\\PC{0,200}|([\\[\\]{}\",:0-9a-z\n]){0,200}") {
        let log = UsageLog::read(&text);
        prop_assert!(log.entries.iter().all(|entry| entry.input >= 0.0 && entry.output >= 0.0));
    }

    #[test]
    fn numbers_without_sense_are_refused(terms in terms(), bad in prop_oneof![Just(-1.0), Just(f64::NAN), Just(f64::INFINITY)]) {
        for broken in [
            Terms { machine_price_usd: Usd(bad), ..terms.clone() },
            Terms { decode_tps: TokensPerSecond(bad), ..terms.clone() },
            Terms { volume: Volume { output: Mtok(bad), ..terms.volume }, ..terms.clone() },
            Terms { escalated: bad, ..terms.clone() },
        ] {
            prop_assert!(broken.answer().is_err());
        }
    }
}

//! Flags → what the user supplies of a payback.

use llm_cli::parser::cost::ScenarioArgs;
use llm_cost::{
    Hours, Inputs, Months, TokensPerSecond, Usd, UsdPerHour, UsdPerKwh, UsdPerMonth, Watts,
};

/// Returns the numbers among the flags, with their units.
pub(crate) fn of(flags: &ScenarioArgs) -> Inputs {
    let ScenarioArgs {
        volume,
        cloud,
        local,
        money,
    } = flags;
    Inputs {
        cache_hit: volume.cache_hit,
        cache_write: volume.cache_write,
        cache_write_1h: volume.cache_write_1h,
        batch: volume.batch,
        team: volume.team,
        prompt_tokens: cloud.prompt_tokens,
        cloud_fall: cloud.cloud_fall,
        escalated: cloud.escalated,
        machine_price: local.machine_price.map(Usd),
        load_watts: local.load_watts.map(Watts),
        idle_watts: local.idle_watts.map(Watts),
        idle_share: local.idle_share,
        on_hours: Hours(local.on_hours.unwrap_or_default()),
        region: local.region.clone(),
        usd_per_kwh: local.usd_per_kwh.map(UsdPerKwh),
        decode_tps: local.decode_tps.map(TokensPerSecond),
        prefill_tps: local.prefill_tps.map(TokensPerSecond),
        context_tokens: local.context,
        local_cache_hit: local.local_cache_hit,
        batching: local.batching,
        available_hours: Hours(local.available_hours),
        duty_cap: local.duty_cap,
        alternative_price: Usd(money.alternative_price),
        setup_hours: Hours(money.setup_hours),
        setup_rate: UsdPerHour(money.setup_rate),
        upkeep: UsdPerMonth(money.upkeep),
        discount_rate: money.discount_rate,
        lifetime: Months(money.lifetime_months),
        resale_share: money.resale_share,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use llm_cli::{CostArgs, CostCommand};

    use super::*;

    #[test]
    fn without_flags_the_inputs_are_the_defaults_of_the_library() {
        let args = CostArgs::try_parse_from(["llm-cost", "payback"]).unwrap();
        let CostCommand::Payback(args) = args.command else {
            panic!("another command");
        };
        assert_eq!(of(&args.scenario), Inputs::default());
    }
}

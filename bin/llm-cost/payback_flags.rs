//! Flags → what the user supplies of a payback.

use llm_cli::parser::cost::{CloudArgs, LocalArgs, MoneyArgs, VolumeArgs};
use llm_cost::{
    Hours, Inputs, Months, TokensPerSecond, Usd, UsdPerHour, UsdPerKwh, UsdPerMonth, Watts,
};

/// The flags that `payback` and `compare` share.
#[derive(Clone, Copy)]
pub(crate) struct Flags<'a> {
    pub(crate) volume: &'a VolumeArgs,
    pub(crate) cloud: &'a CloudArgs,
    pub(crate) local: &'a LocalArgs,
    pub(crate) money: &'a MoneyArgs,
}

impl Flags<'_> {
    /// Returns the numbers among them, with their units.
    pub(crate) fn inputs(self) -> Inputs {
        let (volume, cloud) = (self.volume, self.cloud);
        let (local, money) = (self.local, self.money);
        Inputs {
            cache_hit: volume.cache_hit,
            cache_write: volume.cache_write,
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
        let flags = Flags {
            volume: &args.volume,
            cloud: &args.cloud,
            local: &args.local,
            money: &args.money,
        };
        assert_eq!(flags.inputs(), Inputs::default());
    }
}

//! A month of tokens in the cloud against a machine of one's own: bills, feasibility, payback.
//!
//! Monthly tokens `I` in and `O` out, `h` the share of the input that the machine's own cache holds:
//! - busy time `T = (I (1 - h) / prefill + O / decode) / batching`, its share of the available hours the
//!   duty;
//! - power `E = price (T load + max(on - T, 0) idle share)`;
//! - marginal price `K = machine - what would be bought anyway + set-up hours`;
//! - saving `s = (1 - escalated) cloud - E - upkeep`; what is escalated was tried here first, so it
//!   costs power too.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bill::Volume;
use crate::cash::{Flow, capital, monthly};
use crate::terms::{Terms, TermsError};
use crate::units::{
    Hours, KilowattHours, Months, Mtok, Seconds, Tokens, TokensPerSecond, Usd, UsdPerMonth,
    UsdPerMtok,
};

/// What a payback comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The savings pay for the machine while it is kept, and it is worth more over its lifetime than it costs.
    Pays,
    /// The savings would pay for the machine, but not before the end of its lifetime, or it is worth less
    /// over its lifetime than it costs.
    BeyondLifetime,
    /// The savings do not.
    Never,
    /// The machine cannot produce so many tokens.
    Infeasible,
}

/// The verdict and all sums on the way to it; those of the whole team.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// The verdict.
    pub verdict: Verdict,
    /// Why, in one sentence.
    pub reason: String,
    /// When the savings equal the price; only where the verdict is `pays` or `beyond_lifetime`.
    pub payback_months: Option<Months>,
    /// The payback with interest.
    pub payback_months_discounted: Option<Months>,
    /// The cloud's bill.
    pub cloud_usd_per_month: UsdPerMonth,
    /// What is paid instead: power, upkeep, and the cloud for what is escalated; null where the machine
    /// cannot produce so much.
    pub local_usd_per_month: Option<UsdPerMonth>,
    /// The power of the hours that the volume takes, as many as there are or more.
    pub power_usd_per_month: UsdPerMonth,
    /// Energy of those hours.
    pub kwh_per_month: KilowattHours,
    /// What is saved: the difference of the first two; null where the machine cannot produce so much, as
    /// are the sums of the lifetime below.
    pub saving_usd_per_month: Option<UsdPerMonth>,
    /// What has to be saved: the machine, less what would be bought anyway, and its set-up.
    pub marginal_price_usd: Usd,
    /// Hours that the machine works.
    pub busy_hours_per_month: Hours,
    /// Their share of the available hours.
    pub duty: f64,
    /// Tokens that the machine could produce if it were always at work, in this mix; the highest duty is
    /// not heeded.
    pub max_mtok_per_month: Option<Mtok>,
    /// Payback at that volume: no user can beat it. Null where even then no interest is earned, or where
    /// the highest duty is nothing.
    pub fastest_possible_months: Option<Months>,
    /// Tokens that it can produce within the highest duty: what it is counted on for.
    pub capped_mtok_per_month: Option<Mtok>,
    /// Payback at that volume; null where it never pays.
    pub capped_months: Option<Months>,
    /// The cloud's price of an average token.
    pub cloud_usd_per_mtok: Option<UsdPerMtok>,
    /// The power of an average token here.
    pub power_usd_per_mtok: Option<UsdPerMtok>,
    /// Volume of this mix at which owning costs as much as the cloud over the lifetime: price less resale,
    /// power and upkeep, without interest, with the cloud's prices falling as they are said to. More of it
    /// is cheaper here. Whatever the volume asked about; 0 where even none costs less. Null where no volume
    /// does that, or only one that the machine cannot produce.
    pub break_even_mtok_per_month: Option<Mtok>,
    /// Why there is no such volume; null where there is one.
    pub break_even_reason: Option<String>,
    /// What owning costs more than the cloud, a month of the lifetime, with interest and resale; below
    /// zero where it costs less.
    pub local_premium_usd_per_month: Option<UsdPerMonth>,
    /// What the machine is worth today over its lifetime, with resale.
    pub net_present_value_usd: Option<Usd>,
    /// The yearly rate at which it would be worth nothing.
    pub internal_rate_per_year: Option<f64>,
}

impl Terms {
    /// Returns the tokens of the whole team.
    #[must_use]
    pub fn whole_volume(&self) -> Volume {
        self.volume.times(self.team)
    }

    /// Returns the hours that a volume keeps the machine busy.
    #[must_use]
    pub fn busy(&self, volume: &Volume) -> Hours {
        let time = |tokens: Mtok, rate: TokensPerSecond| -> Seconds {
            if tokens.0 > 0.0 {
                Tokens::from(tokens) / rate
            } else {
                Seconds(0.0)
            }
        };
        let prompts = time(
            volume.input * (1.0 - self.local_cache_hit),
            self.prefill_tps,
        );
        Hours::from(prompts + time(volume.output, self.decode_tps)) * (1.0 / self.batching)
    }

    /// Returns the energy of a month with so many hours of work.
    #[must_use]
    pub fn energy(&self, busy: Hours) -> KilowattHours {
        let idle = Hours((self.on_hours.0 - busy.0).max(0.0));
        self.load_watts * busy + self.idle_watts * idle * self.idle_share
    }

    /// Returns what has to be saved.
    #[must_use]
    pub fn marginal_price(&self) -> Usd {
        self.machine_price_usd - self.alternative_price_usd
            + self.setup_usd_per_hour * self.setup_hours
    }

    /// Returns what the sale at the end of the lifetime brings, less what that of the machine bought
    /// anyway would have brought.
    #[must_use]
    pub fn resale(&self) -> Usd {
        (self.machine_price_usd - self.alternative_price_usd) * self.resale_share
    }

    /// Returns what comes and goes each month for a volume.
    #[must_use]
    pub fn flow(&self, volume: &Volume) -> Flow {
        let power = (self.usd_per_kwh * self.energy(self.busy(volume))).a_month();
        Flow {
            price: self.marginal_price(),
            avoided: self.rates.bill(volume).a_month() * (1.0 - self.escalated),
            running: power + self.upkeep_usd_per_month,
            fall: self.cloud_fall_per_month,
        }
    }

    /// Returns the share of the available hours that a volume takes.
    #[must_use]
    pub fn duty(&self, volume: &Volume) -> f64 {
        self.busy(volume) / self.available_hours
    }

    /// Returns the simple payback without a verdict's caution; nothing where there is none.
    #[must_use]
    pub fn simple(&self) -> Option<Months> {
        self.flow(&self.whole_volume()).payback(0.0)
    }

    /// Answers.
    ///
    /// # Errors
    /// [`Terms::check`]'s.
    pub fn answer(&self) -> Result<Answer, TermsError> {
        self.check()?;
        let volume = self.whole_volume();
        let total = volume.total();
        let flow = self.flow(&volume);
        let (busy, duty) = (self.busy(&volume), self.duty(&volume));
        let rate = monthly(self.discount_rate);
        let (simple, discounted) = (flow.payback(0.0), flow.payback(rate));
        let full = (duty > 0.0).then(|| volume.times(1.0 / duty));
        let capped = full.map(|full| full.times(self.duty_cap));
        let pays_at = |volume: Option<Volume>| {
            let flow = self.flow(&volume?);
            // What the interest outweighs is no payback.
            flow.payback(rate)?;
            flow.payback(0.0)
        };
        let fastest = pays_at(full).filter(|_| self.duty_cap > 0.0);
        let at_cap = pays_at(capped).filter(|_| self.duty_cap > 0.0);
        let cloud = self.rates.bill(&volume).a_month();
        let energy = self.energy(busy);
        let power = (self.usd_per_kwh * energy).a_month();
        let per_mtok = |sum: UsdPerMonth| (total.0 > 0.0).then(|| UsdPerMtok(sum.0 / total.0));
        let life = self.lifetime_months;
        let resale = self.resale();
        let (break_even, no_break_even) = match self.crossover() {
            Ok(crossover) => (Some(crossover.volume), None),
            Err(reason) => (None, Some(reason)),
        };
        let months = life.0.round() as u32;
        let worth = flow.present_value(months, resale, rate);
        let is_in_life = simple.is_some_and(|months| months <= life) && worth.0 > 0.0;
        let (verdict, reason) = match (duty > self.duty_cap, discounted) {
            (true, _) => (
                Verdict::Infeasible,
                self.too_much(duty, full, fastest, at_cap),
            ),
            (false, Some(_)) if is_in_life => (Verdict::Pays, pays(&flow)),
            (false, Some(_)) => (Verdict::BeyondLifetime, self.beyond(&flow, simple, worth)),
            (false, None) => (Verdict::Never, self.never(&flow, cloud, power, rate)),
        };
        let pays = matches!(verdict, Verdict::Pays | Verdict::BeyondLifetime);
        let is_feasible = verdict != Verdict::Infeasible;
        Ok(Answer {
            verdict,
            reason,
            payback_months: simple.filter(|_| pays),
            payback_months_discounted: discounted.filter(|_| pays),
            cloud_usd_per_month: cloud,
            local_usd_per_month: is_feasible.then(|| flow.running + cloud * self.escalated),
            power_usd_per_month: power,
            kwh_per_month: energy,
            saving_usd_per_month: is_feasible.then(|| flow.saving()),
            marginal_price_usd: flow.price,
            busy_hours_per_month: busy,
            duty,
            max_mtok_per_month: full.map(|full| full.total()),
            fastest_possible_months: fastest,
            capped_mtok_per_month: capped.map(|capped| capped.total()),
            capped_months: at_cap,
            cloud_usd_per_mtok: per_mtok(cloud),
            power_usd_per_mtok: per_mtok(power),
            break_even_mtok_per_month: break_even,
            break_even_reason: no_break_even,
            local_premium_usd_per_month: is_feasible.then(|| {
                capital(flow.price, resale, life.0, rate) - flow.mean_saving(months, rate)
            }),
            net_present_value_usd: is_feasible.then_some(worth),
            internal_rate_per_year: is_feasible
                .then(|| flow.internal_rate(months, resale))
                .flatten(),
        })
    }

    /// Says that the savings come too late: after the machine's life, or worth less than it costs.
    fn beyond(&self, flow: &Flow, simple: Option<Months>, worth: Usd) -> String {
        let life = self.lifetime_months.0;
        let months = simple.map_or(0.0, |months| months.0);
        let late = if months > life {
            format!("take {months:.1} months to pay for {:.0} USD", flow.price.0)
        } else {
            format!("pay for {:.0} USD in {months:.1} months", flow.price.0)
        };
        let loss = if worth.0 <= 0.0 {
            format!(
                ", over which it costs {:.0} USD more than it brings, with interest and resale",
                -worth.0
            )
        } else {
            String::new()
        };
        format!(
            "{:.2} USD saved a month {late}, and the machine is kept for {life:.0}{loss}",
            flow.saving().0
        )
    }

    /// Says what the machine can produce: always at work, which nothing beats, and within the highest
    /// duty, which is what it is counted on for.
    fn too_much(
        &self,
        duty: f64,
        full: Option<Volume>,
        fastest: Option<Months>,
        at_cap: Option<Months>,
    ) -> String {
        let most = full.map_or(0.0, |full| full.total().0);
        let busy = format!(
            "the volume would keep the machine busy {:.0} % of the time",
            duty * 100.0
        );
        if self.duty_cap <= 0.0 {
            return format!("{busy}, and with a highest duty of 0 % it is counted on for nothing");
        }
        let always = match fastest {
            Some(months) => format!(
                "so its fastest possible payback is {:.1} months{}",
                months.0,
                self.too_late(months)
            ),
            None => "and at that volume it would not pay back either".to_owned(),
        };
        let always =
            format!("always at work it can produce {most:.1} million tokens a month, {always}");
        if self.duty_cap >= 1.0 {
            return format!("{busy}; {always}");
        }
        let paid = match at_cap {
            Some(months) => {
                format!(
                    ", paid back in {:.1} months{}",
                    months.0,
                    self.too_late(months)
                )
            }
            None if fastest.is_some() => ", which would not pay back".to_owned(),
            None => String::new(),
        };
        format!(
            "{busy}, and {:.0} % is the most that is counted on, {:.1} million tokens a month{paid}; \
             {always}",
            self.duty_cap * 100.0,
            most * self.duty_cap
        )
    }

    /// Says that months are more than the machine is kept.
    fn too_late(&self, months: Months) -> String {
        if months <= self.lifetime_months {
            return String::new();
        }
        format!(" (it is kept for {:.0})", self.lifetime_months.0)
    }

    fn never(&self, flow: &Flow, cloud: UsdPerMonth, power: UsdPerMonth, rate: f64) -> String {
        if self.volume.total().0 <= 0.0 {
            return "there are no tokens, so nothing is saved".to_owned();
        }
        if flow.price.0 < 0.0 && flow.saving().0 <= 0.0 {
            return format!(
                "the machine costs {:.2} USD less than what would be bought anyway, and each month {:.2} \
                 more than the cloud",
                -flow.price.0,
                -flow.saving().0
            );
        }
        if power >= cloud {
            return format!(
                "the power alone costs {:.2} USD a month, and the cloud asks {:.2}",
                power.0, cloud.0
            );
        }
        if flow.saving().0 <= 0.0 {
            return format!(
                "what is still paid ({:.2} USD a month) is no less than what the cloud asks for it \
                 ({:.2})",
                flow.running.0, flow.avoided.0
            );
        }
        if self.cloud_fall_per_month > 0.0 && flow.saving().0 > flow.price.0 * rate {
            return format!(
                "the cloud's prices, falling by {:.1} % a month, reach the cost of running before the \
                 machine is paid for",
                self.cloud_fall_per_month * 100.0
            );
        }
        format!(
            "the saving of {:.2} USD a month is under the interest of {:.2} on {:.0} USD at {:.1} % a \
             year",
            flow.saving().0,
            flow.price.0 * rate,
            flow.price.0,
            self.discount_rate * 100.0
        )
    }
}

fn pays(flow: &Flow) -> String {
    let (saving, price) = (flow.saving().0, flow.price.0);
    if price < 0.0 {
        return format!(
            "{saving:.2} USD are saved a month, and the machine costs {:.2} less than what would be bought \
             anyway",
            -price
        );
    }
    if price == 0.0 {
        return format!("{saving:.2} USD are saved a month, and there is nothing to pay back");
    }
    if flow.fall > 0.0 {
        return format!(
            "{saving:.2} USD saved in the first month, and less in each that follows as the cloud's price \
             falls by {} % a month, pay for {price:.0} USD",
            flow.fall * 100.0
        );
    }
    format!("{saving:.2} USD saved a month pay for {price:.0} USD")
}

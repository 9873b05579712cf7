//! The volume at which owning costs as much as the cloud over the machine's lifetime. Below it the cloud
//! is cheaper, above it the machine, as far as the machine goes.

use crate::terms::Terms;
use crate::units::{Mtok, UsdPerMonth, UsdPerMtok};

/// A volume and what it follows from: `fixed / (cloud - power)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crossover {
    /// What is paid each month whatever the volume: price less resale over the lifetime, upkeep, and what
    /// the machine takes when idle.
    pub fixed: UsdPerMonth,
    /// What a million tokens cost in the cloud, less those that go there all the same; the mean over the
    /// lifetime, where prices fall.
    pub cloud: UsdPerMtok,
    /// The power of a million tokens here, beyond what the machine takes when idle meanwhile.
    pub power: UsdPerMtok,
    /// Tokens a month.
    pub volume: Mtok,
}

impl Terms {
    /// Returns the mean of the cloud's price over the lifetime, as a share of today's.
    #[must_use]
    pub fn mean_cloud_price(&self) -> f64 {
        let (fall, months) = (self.cloud_fall_per_month, self.lifetime_months.0);
        if fall > 0.0 {
            (1.0 - (1.0 - fall).powf(months)) / (fall * months)
        } else {
            1.0
        }
    }

    /// Finds the volume of this mix whose saving pays price less resale within the lifetime, without
    /// interest. What the machine takes when idle is a cost of the month and not of its tokens; each hour
    /// of work takes the place of an idle one as long as the machine is on anyway.
    ///
    /// # Errors
    /// Why there is none, in a sentence; so too where the machine cannot produce it.
    pub fn crossover(&self) -> Result<Crossover, String> {
        let volume = self.whole_volume();
        let total = volume.total();
        if total.0 <= 0.0 {
            return Err("there are no tokens".to_owned());
        }
        let part = 1.0 / total.0;
        let asked = self.rates.bill(&volume).0 * (1.0 - self.escalated) * part;
        let cloud = asked * self.mean_cloud_price();
        let hours = self.busy(&volume).0 * part;
        let kwh = |watts: f64| self.usd_per_kwh.0 * watts / 1e3;
        let idle = kwh(self.idle_watts.0 * self.idle_share);
        let each = hours * kwh(self.load_watts.0);
        let fixed = (self.marginal_price() - self.resale()).0 / self.lifetime_months.0
            + self.upkeep_usd_per_month.0;
        let crossing = |fixed: f64, power: f64| {
            let mtok = (fixed / (cloud - power)).max(0.0);
            (cloud > power && mtok.is_finite()).then_some(Crossover {
                fixed: UsdPerMonth(fixed),
                cloud: UsdPerMtok(cloud),
                power: UsdPerMtok(power),
                volume: Mtok(mtok),
            })
        };
        // On for longer than it works, else at work all the time that it is on.
        let within = crossing(fixed + idle * self.on_hours.0, each - idle * hours)
            .filter(|found| found.volume.0 * hours <= self.on_hours.0);
        let Some(found) = within.or_else(|| crossing(fixed, each)) else {
            let mean = if self.cloud_fall_per_month > 0.0 {
                ", on average over the lifetime,"
            } else {
                ""
            };
            return Err(format!(
                "a million tokens cost {cloud:.2} USD in the cloud{mean} and {each:.2} in power here"
            ));
        };
        let most = self.available_hours.0 * self.duty_cap / hours;
        if found.volume.0 > most {
            let share = if self.duty_cap < 1.0 {
                format!(" at {:.0} % of its time", self.duty_cap * 100.0)
            } else {
                String::new()
            };
            return Err(format!(
                "it would take {:.1} million tokens a month, and the machine can produce {most:.1}{share}",
                found.volume.0
            ));
        }
        Ok(found)
    }
}

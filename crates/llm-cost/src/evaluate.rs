//! A scenario → the terms of an answer, and its record. Each number is the user's, else that of a record or
//! row, else an assumption that the record names.

use jiff::civil::Date;
use thiserror::Error;

use crate::bill::Volume;
use crate::cash::resale_share;
use crate::catalogue::{Catalogue, CatalogueError, Price, Profile};
use crate::caveats;
use crate::inputs::Inputs;
use crate::payback::{Answer, Verdict};
use crate::record::{HostedAnswer, PaybackRecord, Rate, Seat, UsedRow};
use crate::scenario::{LocalModel, Scenario};
use crate::speeds::SpeedsError;
use crate::terms::{Terms, TermsError};
use crate::units::{Months, TokensPerSecond};
use crate::usage::BlendedRates;

/// Monthly fall of prices at the upper end of a range: Sonnet-class prices fell by a third between February and
/// June 2026, and had stood still for a year before.
const RANGE_FALL: f64 = 0.02;

/// Why a scenario has no answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ScenarioError {
    /// Hits and writes of the cloud's cache are more than all input.
    #[error(
        "--cache-hit {hit} and the cache writes of '{volume}', {write}, are more than all input; give \
         --cache-write too"
    )]
    TooMuchCached {
        /// The share of hits.
        hit: f64,
        /// Where the volume comes from.
        volume: String,
        /// The share of writes.
        write: f64,
    },
    /// Nothing says what the machine costs.
    #[error("what the machine costs is not known; give --machine-price, or --machine")]
    NoMachinePrice,
    /// Nothing says what the machine takes.
    #[error("the machine's power at work is not known; give --load-watts, or --machine")]
    NoLoadWatts,
    /// The machine's speeds are not known.
    #[error(transparent)]
    Speeds(#[from] SpeedsError),
    /// No row has a name that is asked for.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// A number makes no sense.
    #[error(transparent)]
    Terms(#[from] TermsError),
}

impl Scenario<'_> {
    /// Answers the scenario, with the prices of `today`.
    ///
    /// # Errors
    /// [`ScenarioError`], which says what has to be given.
    pub fn evaluate(
        self,
        inputs: &Inputs,
        catalogue: &Catalogue,
        today: Date,
    ) -> Result<PaybackRecord, ScenarioError> {
        let evaluation = Evaluation {
            scenario: self,
            inputs,
            catalogue,
            today,
        };
        evaluation.record()
    }
}

/// A scenario and all that its terms are made of.
#[derive(Clone, Copy)]
struct Evaluation<'a> {
    scenario: Scenario<'a>,
    inputs: &'a Inputs,
    catalogue: &'a Catalogue,
    today: Date,
}

impl Evaluation<'_> {
    fn record(self) -> Result<PaybackRecord, ScenarioError> {
        let (scenario, inputs) = (self.scenario, self.inputs);
        // What changes most comes first: a terminal shows only some.
        let mut caveats: Vec<String> = scenario.volume.left_out.iter().cloned().collect();
        let context = inputs.context_tokens;
        caveats.extend(caveats::too_large(scenario, context));
        let volume = self.volume()?;
        let speeds = scenario.speeds(inputs, volume.cache_hit, self.catalogue, &mut caveats)?;
        let blended = self.blended(scenario.cloud);
        let is_long = |prompt| scenario.cloud.tier(prompt) > 0;
        let is_long = blended.long > 0 || inputs.prompt_tokens.is_some_and(is_long);
        caveats.extend(caveats::proportions(scenario.cloud, self.today, is_long));
        caveats.extend(caveats::prompt_lengths(inputs, scenario, &blended));
        let own = Terms {
            volume,
            team: f64::from(inputs.team),
            decode_tps: speeds.decode.tps,
            prefill_tps: speeds.prefill.tps,
            ..self.machine_terms(volume.cache_hit)?
        };
        let terms = self.priced(&money_terms(own, inputs), scenario.cloud, &blended);
        let answer = terms.answer()?;
        let (low, high, high_verdict) = range(&terms, &answer, &speeds.decode, &speeds.prefill);
        let hosts = scenario
            .local
            .and_then(|local| local.row.as_ref())
            .map_or(&[][..], |model| model.hosted.as_slice());
        let same_model = hosts.contains(&scenario.cloud.id);
        let hosted = if same_model {
            None
        } else {
            self.hosted(hosts, &terms)?
        };
        if hosted.is_none() && !same_model {
            caveats.push(caveats::unhosted(scenario));
        }
        caveats.extend(caveats::batched(
            &terms.volume,
            scenario.cloud,
            inputs.batch.is_some(),
        ));
        caveats.extend(caveats::misreadings(scenario, &terms, same_model));
        caveats.extend(caveats::price(scenario.cloud));
        caveats.extend(caveats::profile(self.profile()));
        Ok(PaybackRecord {
            cloud: scenario.cloud.id.clone(),
            local: scenario.local.map(LocalModel::name),
            machine: scenario.machine.map(|machine| machine.id.clone()),
            volume_source: scenario.volume.source.clone(),
            context_tokens: context,
            same_model,
            payback_months_low: low,
            payback_months_high: high,
            payback_high_verdict: high_verdict,
            range_cloud_fall_per_month: terms.cloud_fall_per_month.max(RANGE_FALL),
            per_seat: (terms.team > 1.0).then(|| seat(&terms, &answer)),
            rows: self.rows(hosted.as_ref()),
            answer,
            hosted,
            decode: speeds.decode,
            prefill: speeds.prefill,
            measured_on: speeds.measured_on,
            assumptions: terms,
            notes: caveats,
        })
    }

    /// Returns the tokens of a month with the shares that the user gives.
    fn volume(self) -> Result<Volume, ScenarioError> {
        let (monthly, inputs) = (self.scenario.volume, self.inputs);
        let cache_write = inputs.cache_write.unwrap_or(monthly.volume.cache_write);
        let hour = inputs
            .cache_write_1h
            .unwrap_or(monthly.volume.cache_write_1h.min(cache_write));
        let volume = Volume {
            cache_hit: inputs.cache_hit.unwrap_or(monthly.volume.cache_hit),
            cache_write,
            cache_write_1h: hour,
            batch: inputs.batch.unwrap_or(monthly.volume.batch),
            ..monthly.volume
        };
        if volume.cache_hit + volume.cache_write > 1.0 && inputs.cache_write.is_none() {
            return Err(ScenarioError::TooMuchCached {
                hit: volume.cache_hit,
                volume: monthly.source.clone(),
                write: volume.cache_write,
            });
        }
        Ok(volume)
    }

    /// Returns a price's rates for the prompts that are asked about: of the length that the user gives, else
    /// of each request of the records, else short ones.
    fn blended(self, price: &Price) -> BlendedRates {
        let monthly = self.scenario.volume;
        let log = self.scenario.logs.usage.as_ref();
        match (
            self.inputs.prompt_tokens,
            log.filter(|_| monthly.is_recorded),
        ) {
            (None, Some(log)) => {
                let entries = log.entries.iter().filter(|entry| monthly.holds(entry));
                BlendedRates::new(entries, price, Some(self.today))
            }
            (prompt_tokens, _) => BlendedRates {
                rates: price.rates(Some(self.today), prompt_tokens),
                batch: monthly.volume.batch,
                ..BlendedRates::default()
            },
        }
    }

    /// Returns the terms at these rates.
    fn priced(self, terms: &Terms, price: &Price, blended: &BlendedRates) -> Terms {
        let mut rates = blended.rates;
        if self.inputs.batch.is_some() {
            // The mean of what was asked for by batch says nothing of another share.
            let own = price.rates(Some(self.today), None);
            rates.batch_discount = own.batch_discount;
            rates.batch_discount_output = own.batch_discount_output;
        }
        Terms {
            volume: Volume {
                batch: self.inputs.batch.unwrap_or(blended.batch),
                ..terms.volume
            },
            rates,
            ..terms.clone()
        }
    }

    fn machine_terms(self, cache_hit: f64) -> Result<Terms, ScenarioError> {
        let (inputs, machine) = (self.inputs, self.scenario.machine);
        let price = inputs.machine_price.or_else(|| machine?.whole_price());
        let load = inputs.load_watts.or_else(|| machine?.whole_load());
        let idle = inputs.idle_watts.or_else(|| machine?.whole_idle());
        Ok(Terms {
            local_cache_hit: inputs.local_cache_hit.unwrap_or(cache_hit),
            batching: inputs.batching,
            available_hours: inputs.available_hours,
            // Of a team, requests wait for each other.
            duty_cap: inputs
                .duty_cap
                .unwrap_or(if inputs.team > 1 { 0.5 } else { 0.9 }),
            machine_price_usd: price.ok_or(ScenarioError::NoMachinePrice)?,
            load_watts: load.ok_or(ScenarioError::NoLoadWatts)?,
            idle_watts: idle.unwrap_or_default(),
            idle_share: inputs.idle_share,
            on_hours: inputs.on_hours,
            usd_per_kwh: match inputs.usd_per_kwh {
                Some(usd) => usd,
                None => self.catalogue.region(&inputs.region)?.usd_per_kwh,
            },
            ..Terms::default()
        })
    }

    /// Answers against the host that asks least for this volume.
    fn hosted(
        self,
        hosts: &[String],
        terms: &Terms,
    ) -> Result<Option<HostedAnswer>, ScenarioError> {
        let prices = hosts.iter().filter_map(|id| self.catalogue.price(id).ok());
        let priced = prices.map(|price| (price, self.priced(terms, price, &self.blended(price))));
        let bill = |terms: &Terms| terms.rates.bill(&terms.whole_volume()).0;
        let least = priced.min_by(|a, b| bill(&a.1).total_cmp(&bill(&b.1)));
        let Some((price, terms)) = least else {
            return Ok(None);
        };
        Ok(Some(HostedAnswer {
            cloud: price.id.clone(),
            input_usd_per_mtok: terms.rates.input,
            output_usd_per_mtok: terms.rates.output,
            answer: terms.answer()?,
        }))
    }

    /// Returns the kind of user that the volume is of, where it is one's.
    fn profile(&self) -> Option<&Profile> {
        let monthly = self.scenario.volume;
        let is_given = monthly.is_recorded || monthly.source == "given";
        self.catalogue
            .profile(&monthly.source)
            .ok()
            .filter(|_| !is_given)
    }

    /// Returns the rows of the catalogue that the answer rests on.
    fn rows(self, hosted: Option<&HostedAnswer>) -> Vec<UsedRow> {
        let scenario = self.scenario;
        let host = hosted.and_then(|hosted| self.catalogue.price(&hosted.cloud).ok());
        let model = scenario.local.and_then(|local| local.row.as_ref());
        let region = self
            .catalogue
            .region(&self.inputs.region)
            .ok()
            .filter(|_| self.inputs.usd_per_kwh.is_none());
        [UsedRow::from(scenario.cloud)]
            .into_iter()
            .chain(host.map(UsedRow::from))
            .chain(scenario.machine.map(UsedRow::from))
            .chain(model.map(UsedRow::from))
            .chain(region.map(UsedRow::from))
            .collect()
    }
}

fn money_terms(mut terms: Terms, inputs: &Inputs) -> Terms {
    let lifetime = inputs.lifetime;
    terms.cloud_fall_per_month = inputs.cloud_fall;
    terms.escalated = inputs.escalated;
    terms.alternative_price_usd = inputs.alternative_price;
    terms.setup_hours = inputs.setup_hours;
    terms.setup_usd_per_hour = inputs.setup_rate;
    terms.upkeep_usd_per_month = inputs.upkeep;
    terms.discount_rate = inputs.discount_rate;
    terms.lifetime_months = lifetime;
    let usual = || resale_share(lifetime.0);
    terms.resale_share = inputs.resale_share.unwrap_or_else(usual);
    terms
}

/// The fast end of the speeds' bands, and the slow end with falling prices.
fn range(
    terms: &Terms,
    answer: &Answer,
    decode: &Rate,
    prefill: &Rate,
) -> (Option<Months>, Option<Months>, Option<Verdict>) {
    if !matches!(answer.verdict, Verdict::Pays | Verdict::BeyondLifetime) {
        return (None, None, None);
    }
    let answer_at = |decode_tps, prefill_tps, fall| {
        let terms = Terms {
            decode_tps,
            prefill_tps,
            cloud_fall_per_month: fall,
            ..terms.clone()
        };
        terms.answer().ok()
    };
    let fall = terms.cloud_fall_per_month;
    let end = |rate: &Rate, end: Option<TokensPerSecond>| end.unwrap_or(rate.tps);
    let fast = answer_at(end(decode, decode.high), end(prefill, prefill.high), fall);
    let slow = answer_at(
        end(decode, decode.low),
        end(prefill, prefill.low),
        fall.max(RANGE_FALL),
    );
    (
        fast.and_then(|answer| answer.payback_months),
        slow.as_ref().and_then(|answer| answer.payback_months),
        slow.map(|answer| answer.verdict),
    )
}

fn seat(terms: &Terms, answer: &Answer) -> Seat {
    let share = 1.0 / terms.team;
    Seat {
        marginal_price_usd: answer.marginal_price_usd * share,
        cloud_usd_per_month: answer.cloud_usd_per_month * share,
        local_usd_per_month: answer.local_usd_per_month.map(|local| local * share),
        saving_usd_per_month: answer.saving_usd_per_month.map(|saving| saving * share),
        queue_risk: answer.duty.min(1.0),
    }
}

#[cfg(test)]
mod tests;

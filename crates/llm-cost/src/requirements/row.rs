//! One model on one machine → a record: whether it fits, how fast it would be, and what somebody measured.

use super::Requirements;
use crate::catalogue::{Family, Machine};
use crate::memory::{OVERHEAD, Shape};
use crate::predict::{self, Arithmetic, Estimate, Speed};
use crate::record::{FloorRecord, Observed, Rate};
use crate::units::{Gib, TokensPerSecond};

impl Requirements<'_> {
    /// Says how a machine runs a model, or that it does not hold it.
    pub(super) fn row(&self, shape: &Shape, machine: &Machine) -> FloorRecord {
        let tokens = self.context_tokens;
        let catalogue = self.catalogue;
        let fits = shape.fits(machine, tokens, self.cache_type);
        let speed = if fits {
            predict::speed(catalogue, machine, shape, tokens, self.cache_type)
        } else {
            Speed::default()
        };
        let split = (!fits && machine.kind == "gpu")
            .then(|| self.split(shape, machine))
            .flatten();
        let family = catalogue.family(&machine.family);
        let this = self.this_machine.as_ref();
        let arithmetic = this.map(|this| this.arithmetic);
        let by_limits = arithmetic
            .filter(|_| fits)
            .and_then(|limits| limits.prefill(shape));
        let beside = split.map(|split| predicted(split.decode));
        let observed = catalogue.observation(&machine.id, &shape.model, &shape.quant);
        FloorRecord {
            model: shape.model.clone(),
            quant: shape.quant.clone(),
            context: tokens,
            cache_type: self.cache_type.name().to_owned(),
            weights_bytes: shape.weights,
            cache_bytes: shape.cache(tokens, self.cache_type),
            overhead_bytes: OVERHEAD.into(),
            need_bytes: shape.need(tokens, self.cache_type),
            machine: machine.id.clone(),
            usable_bytes: machine.usable_gib.into(),
            fits,
            best: false,
            decode: speed.decode.map(Rate::from).or(beside),
            prefill: by_limits.map(predicted).or(speed.prefill.map(Rate::from)),
            decode_error: family
                .and_then(|family| family.decode_error)
                .map(Into::into),
            prefill_error: family
                .filter(|_| by_limits.is_none() && speed.prefill_beyond.is_none())
                .and_then(|family| family.prefill_error)
                .map(Into::into),
            observed: observed.map(|row| Observed {
                decode_tps: row.decode,
                prefill_tps: row.prefill,
                watts: row.watts,
                runtime: row.runtime.clone(),
                as_of: row.as_of.clone(),
                source: row.source.clone(),
            }),
            offloaded_share: split.map(|split| split.share),
            offload_slowdown: split.map(|split| split.slowdown),
            bandwidth_gbs: machine.bandwidth_gbs,
            arithmetic,
            computer: this.map(|this| this.computer.clone()),
            price_usd: machine.whole_price(),
            price_assumed: machine.price_assumed,
            load_watts: machine.whole_load(),
            as_of: machine.as_of.clone(),
            notes: caveats(family, &speed, by_limits.is_some(), split.is_some()),
        }
    }

    /// A card with the rest of the model beside it, where a usual computer holds the rest.
    fn split(&self, shape: &Shape, machine: &Machine) -> Option<predict::Offloaded> {
        let host = self.catalogue.machine("desktop-ddr5-64").ok()?;
        let catalogue = self.catalogue;
        let split = predict::offloaded(
            catalogue,
            machine,
            shape,
            self.context_tokens,
            self.cache_type,
            host.bandwidth_gbs,
        )?;
        let rest = Gib::from(shape.weights * split.share);
        (rest <= host.usable_gib).then_some(split)
    }
}

/// A prediction that no held-out measurement gives a band.
fn predicted(tps: TokensPerSecond) -> Rate {
    Rate::from(Estimate::new(tps, None))
}

/// Says why predictions have no band.
fn caveats(family: Option<&Family>, speed: &Speed, by_limits: bool, is_split: bool) -> Vec<String> {
    let mut caveats = Vec::new();
    if is_split {
        caveats.push(
            "decode of a model that lies partly beside the card has no error band: no such measurement was \
             held out"
                .to_owned(),
        );
    }
    if let Some(family) = family.filter(|_| speed.decode.is_some()) {
        caveats.extend(family.decode_without_band());
    }
    if by_limits {
        caveats.push(format!(
            "predicted prefill has no error band: it is {:.0} % of the arithmetic that was just measured; \
             models from 0.1 to 1.2 billion weights reached {:.0} to {:.0} % on the one processor that was \
             looked at",
            Arithmetic::REACHED * 100.0,
            Arithmetic::RANGE.0 * 100.0,
            Arithmetic::RANGE.1 * 100.0
        ));
    } else if let Some(family) = family.filter(|_| speed.prefill.is_some()) {
        caveats.extend(speed.prefill_beyond.clone());
        caveats.extend(family.prefill_without_band());
    }
    caveats
}

//! One model → what it needs in each quantization, and the cheapest machine that holds it.

use super::Requirements;
use crate::memory::{OVERHEAD, Shape};
use crate::record::{NeedRecord, QuantNeed};

/// Quantizations that are listed beside those of files that were seen.
const USUAL: &[&str] = &["Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0", "F16"];

impl Requirements<'_> {
    /// Returns what a model needs in the quantizations that were seen and in the usual ones.
    pub(super) fn need(&self, shape: &Shape) -> NeedRecord {
        let catalogue = self.catalogue;
        let tokens = self.context_tokens;
        let mut quants = Vec::new();
        let mut add = |shape: &Shape, seen: bool| {
            let held = catalogue
                .machines
                .iter()
                .filter(|machine| shape.fits(machine, tokens, self.cache_type));
            let priced = held.filter_map(|machine| Some((machine, machine.whole_price()?)));
            let cheapest = priced.min_by(|a, b| a.1.0.total_cmp(&b.1.0));
            quants.push(QuantNeed {
                quant: shape.quant.clone(),
                seen,
                weights_bytes: shape.weights,
                need_bytes: shape.need(tokens, self.cache_type),
                cheapest_machine: cheapest.map(|(machine, _)| machine.id.clone()),
                price_usd: cheapest.map(|(_, price)| price),
            });
        };
        add(shape, true);
        if let Ok(model) = catalogue.model(&shape.model) {
            let seen = model.files.iter().map(|file| (file.quant.as_str(), true));
            let is_seen = |quant: &str| model.files.iter().any(|file| file.quant == quant);
            let usual = USUAL
                .iter()
                .filter(|quant| !is_seen(quant))
                .map(|quant| (*quant, false));
            let others = seen.chain(usual).filter(|(quant, _)| *quant != shape.quant);
            for (quant, seen) in others {
                if let Ok(shape) = catalogue.shape_of(model, quant) {
                    add(&shape, seen);
                }
            }
        }
        quants.sort_by(|a, b| a.weights_bytes.0.total_cmp(&b.weights_bytes.0));
        NeedRecord {
            model: shape.model.clone(),
            params_b: shape.params_b,
            active_b: shape.active_b,
            context: tokens,
            context_length: shape.context,
            cache_type: self.cache_type.name().to_owned(),
            cache_bytes: shape.cache(tokens, self.cache_type),
            overhead_bytes: OVERHEAD.into(),
            quants,
        }
    }
}

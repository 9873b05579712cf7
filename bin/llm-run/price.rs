//! Tokens → what a cloud would charge for them, by `llm-cost`'s catalogue.

use anyhow::Result;
use jiff::Zoned;
use llm_cost::{Catalogue, Mtok, Rates, Volume};
use llm_record::CloudPrice;

/// A small model of today that takes batches, as somebody would use for many
/// lines; `--cloud` names another.
const DEFAULT_CLOUD: &str = "openai/gpt-6-luna";

/// The price of a cloud model today.
pub(crate) struct Price {
    id: String,
    rates: Rates,
    as_of: String,
}

impl Price {
    /// Finds a cloud model by name.
    ///
    /// # Errors
    /// A name that the catalogue does not have.
    pub(crate) fn find(name: Option<&str>) -> Result<Self> {
        let price = Catalogue::builtin().price(name.unwrap_or(DEFAULT_CLOUD))?;
        Ok(Self {
            id: price.id.clone(),
            rates: price.rates(Some(Zoned::now().date()), None),
            as_of: price.as_of.clone(),
        })
    }

    /// Returns the price of so many tokens. Nothing is taken off for input that
    /// the cloud may have in a cache.
    pub(crate) fn bill(&self, prompt_tokens: u64, completion_tokens: u64) -> CloudPrice {
        let usd = |batch| {
            let volume = Volume {
                input: Mtok(prompt_tokens as f64 / 1e6),
                output: Mtok(completion_tokens as f64 / 1e6),
                batch,
                ..Volume::default()
            };
            self.rates.bill(&volume).0
        };
        let discounts = [self.rates.batch_discount, self.rates.batch_discount_output];
        let has_discount = discounts.iter().any(|discount| *discount > 0.0);
        CloudPrice {
            id: self.id.clone(),
            usd: usd(0.0),
            usd_by_batch: has_discount.then(|| usd(1.0)),
            as_of: self.as_of.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_in_the_catalogue_and_takes_batches() {
        let price = Price::find(None).unwrap().bill(1_000_000, 1_000_000);
        assert!(price.usd > 0.0);
        assert!(price.usd_by_batch.is_some_and(|batch| batch < price.usd));
    }

    #[test]
    fn tokens_are_millions_at_the_rate() {
        let rates = Rates {
            input: llm_cost::UsdPerMtok(3.0),
            output: llm_cost::UsdPerMtok(15.0),
            batch_discount: 0.5,
            batch_discount_output: 0.5,
            ..Rates::default()
        };
        let price = Price {
            id: "x".to_owned(),
            rates,
            as_of: String::new(),
        };
        let bill = price.bill(2_000_000, 100_000);
        assert!((bill.usd - 7.5).abs() < 1e-9);
        assert!((bill.usd_by_batch.unwrap() - 3.75).abs() < 1e-9);
    }

    #[test]
    fn a_name_that_is_not_there_is_named() {
        let error = Price::find(Some("nobody/nothing")).err().unwrap();
        assert!(error.to_string().contains("nobody/nothing"), "{error}");
    }
}

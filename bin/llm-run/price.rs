//! Requests → what a cloud would charge for them, by `llm-cost`'s catalogue.

use anyhow::Result;
use jiff::Zoned;
use jiff::civil::Date;
use llm_cost::Catalogue;
use llm_cost::catalogue;
use llm_cost::usage::UsageEntry;
use llm_record::{CloudPrice, Usage};

/// A small model of today that takes batches, as somebody would use for many
/// lines; `--cloud` names another.
const DEFAULT_CLOUD: &str = "openai/gpt-6-luna";

/// What a cloud model charges for requests on one day.
pub(crate) struct Price {
    row: &'static catalogue::Price,
    on: Date,
    usd: f64,
    usd_by_batch: f64,
}

impl Price {
    /// Finds a cloud model by name, to charge at today's prices.
    ///
    /// # Errors
    /// A name that the catalogue does not have.
    pub(crate) fn find(name: Option<&str>) -> Result<Self> {
        let row = Catalogue::builtin().price(name.unwrap_or(DEFAULT_CLOUD))?;
        Ok(Self::of(row, Zoned::now().date()))
    }

    fn of(row: &'static catalogue::Price, on: Date) -> Self {
        Self {
            row,
            on,
            usd: 0.0,
            usd_by_batch: 0.0,
        }
    }

    /// Charges for a request, at the price of its prompt's length. Nothing is taken off for input that
    /// the cloud may have in a cache.
    pub(crate) fn add(&mut self, usage: &Usage) {
        let usd = |by_batch| {
            let request = UsageEntry {
                requests: 1,
                input: usage.prompt_tokens as f64,
                output: usage.completion_tokens as f64,
                by_batch,
                ..UsageEntry::default()
            };
            request.cost_at(self.row, Some(self.on)).0
        };
        let (usd, usd_by_batch) = (usd(false), usd(true));
        self.usd += usd;
        self.usd_by_batch += usd_by_batch;
    }

    /// Returns the price of all requests.
    pub(crate) fn bill(&self) -> CloudPrice {
        let row = self.row;
        CloudPrice {
            id: row.id.clone(),
            usd: self.usd,
            usd_by_batch: row.has_batch_discount().then_some(self.usd_by_batch),
            as_of: row.as_of.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use llm_cost::UsageLog;
    use llm_cost::usage::Power;

    use super::*;

    const DAY: Date = date(2026, 11, 24);

    fn charged(row: &'static catalogue::Price, requests: &[(u64, u64)]) -> CloudPrice {
        let mut price = Price::of(row, DAY);
        for (prompt, completion) in requests {
            price.add(&Usage::new(*prompt, *completion, 0));
        }
        price.bill()
    }

    #[test]
    fn the_default_is_in_the_catalogue_and_takes_batches() {
        let mut price = Price::find(None).unwrap();
        price.add(&Usage::new(1000, 1000, 0));
        let bill = price.bill();
        assert!(bill.usd > 0.0);
        assert!(bill.usd_by_batch.is_some_and(|batch| batch < bill.usd));
    }

    /// 0.1 and 0.5 dollars a million, above 272,000 tokens of prompt 0.2 and 0.75, half of it by batch.
    #[test]
    fn tokens_are_millions_at_the_rate_of_the_prompt() {
        let row = Catalogue::builtin().price("openai/gpt-6-luna").unwrap();
        let at_the_length = charged(row, &[(200_000, 100_000), (272_000, 0)]);
        assert!((at_the_length.usd - 0.0972).abs() < 1e-12);
        let above = charged(row, &[(200_000, 100_000), (400_000, 100_000)]);
        assert!((above.usd - (0.07 + 0.155)).abs() < 1e-12);
        assert!((above.usd_by_batch.unwrap() - 0.1125).abs() < 1e-12);
    }

    /// `llm-cost usage` of the same requests, once they are answered, comes to the same.
    #[test]
    fn what_is_expected_is_what_usage_says_afterwards() {
        let requests = [(90_000, 500), (150_000, 500), (250_000, 9000), (900_000, 1)];
        let catalogue = Catalogue::builtin();
        let mut lines = String::new();
        for (line, (prompt, completion)) in requests.iter().enumerate() {
            lines += &format!(
                "{{\"type\":\"completion\",\"line\":{line},\"usage\":{{\"prompt_tokens\":{prompt},\
                 \"completion_tokens\":{completion}}},\"model\":{{\"name\":\"m\"}}}}\n"
            );
        }
        let log = UsageLog::read(&lines);
        let clouds: Vec<_> = catalogue.prices.iter().collect();
        let usage = log.groups(None)[0].record(Power::default(), &clouds, DAY, 0);
        assert!(clouds.iter().any(|row| row.long_prompt.above().is_some()));
        for cloud in &usage.clouds {
            let row = catalogue.price(&cloud.cloud).unwrap();
            let usd = charged(row, &requests).usd;
            assert!((usd - cloud.usd.0).abs() < 1e-9, "{}", cloud.cloud);
        }
        assert_eq!(usage.clouds.len(), catalogue.prices.len());
    }

    #[test]
    fn a_name_that_is_not_there_is_named() {
        let error = Price::find(Some("nobody/nothing")).err().unwrap();
        assert!(error.to_string().contains("nobody/nothing"), "{error}");
    }
}

//! The predictor's parameters of a family of machines, as `data/predictor.json` has them, and why some of
//! its predictions have no error band.

use serde::{Deserialize, Serialize};

/// The parameters of a family of machines.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Family {
    /// Its name, as machines have it.
    pub family: String,
    /// Rows that decode was fitted on.
    pub rows: usize,
    /// Share of the bandwidth that is reached.
    pub eta: f64,
    /// Microseconds of a layer beside reading.
    pub tau_us: f64,
    /// What mixtures of experts reach of `eta`.
    pub moe: f64,
    /// Whose measurements of decode they are.
    pub origins: Vec<String>,
    /// The error of decode.
    pub decode_error: Option<HeldOut>,
    /// Effective operations of a prompt for each listed one.
    pub prefill_per_tflops: Option<f64>,
    /// Effective operations of a prompt for each byte of bandwidth.
    pub prefill_per_byte: Option<f64>,
    /// What mixtures of experts reach of that.
    pub prefill_moe: f64,
    /// Rows that prefill was fitted on.
    pub prefill_rows: usize,
    /// Whose measurements of prefill they are.
    pub prefill_origins: Vec<String>,
    /// The error of prefill.
    pub prefill_error: Option<HeldOut>,
    /// The day of the newest row.
    pub as_of: String,
    /// Where the parameters come from.
    pub source: String,
}

impl Family {
    /// Says why predictions of decode have no band; nothing where they have one.
    #[must_use]
    pub fn decode_without_band(&self) -> Option<String> {
        let error = self.decode_error;
        error
            .is_none()
            .then(|| self.without_band("decode", self.rows, &self.origins))
    }

    /// Says why predictions of prefill have no band; nothing where they have one.
    #[must_use]
    pub fn prefill_without_band(&self) -> Option<String> {
        let error = self.prefill_error;
        let reason = || self.without_band("prefill", self.prefill_rows, &self.prefill_origins);
        error.is_none().then(reason)
    }

    fn without_band(&self, what: &str, rows: usize, origins: &[String]) -> String {
        let family = &self.family;
        let known = match (rows, origins) {
            (0, _) | (_, []) => {
                format!("no measurement of it is known for the family '{family}'")
            }
            (1, [origin, ..]) => {
                format!("the one measurement of it in the family '{family}' comes from '{origin}'")
            }
            (_, [origin]) => format!(
                "all {rows} measurements of it in the family '{family}' come from one source, '{origin}'"
            ),
            _ => format!(
                "the {rows} measurements of it in the family '{family}' are too few to leave a source out"
            ),
        };
        format!(
            "predicted {what} has no error band: {known}, so none could be held out to test the prediction"
        )
    }
}

/// How far off predictions were, each source of measurements held out of the fit in its turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldOut {
    /// Rows that were predicted.
    pub rows: usize,
    /// Sources that they come from.
    pub sources: usize,
    /// Median of |predicted / measured - 1|.
    pub median_error: f64,
    /// 10th percentile of measured / predicted.
    pub low: f64,
    /// 90th percentile of measured / predicted.
    pub high: f64,
}

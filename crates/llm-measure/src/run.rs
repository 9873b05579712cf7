//! The times of one repetition.

/// What one repetition took: times in nanoseconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// From its start to its end.
    pub whole: f64,
    /// Until the prompts were done; `None` without one.
    pub first_token: Option<f64>,
    /// Of each decoding step.
    pub steps: Vec<f64>,
    /// Bytes of the output matrix, and of what stands for it, that the decoding steps read.
    pub output_bytes: f64,
}

impl Run {
    /// Returns the time after the prompts.
    #[must_use]
    pub fn decoding(&self) -> f64 {
        self.whole - self.first_token.unwrap_or(0.0)
    }
}

//! Means, deviations and percentiles of samples.

/// Returns the mean; 0 where there is no sample.
#[must_use]
pub fn mean(samples: &[f64]) -> f64 {
    samples.iter().sum::<f64>() / samples.len().max(1) as f64
}

/// Returns the standard deviation of a sample (n - 1), as llama-bench computes it; 0
/// where there is only one.
#[must_use]
pub fn deviation(samples: &[f64]) -> f64 {
    if samples.len() < 2 {
        return 0.0;
    }
    let mean = mean(samples);
    let squares = samples.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
    (squares / (samples.len() - 1) as f64).sqrt()
}

/// Returns the least sample that `percent` of all do not exceed (the nearest
/// rank); `None` where there is no sample.
#[must_use]
pub fn percentile(samples: &[f64], percent: usize) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (percent * sorted.len()).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_the_textbook_ones() {
        let samples = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
        assert_eq!(mean(&samples), 5.0);
        assert!((deviation(&samples) - (32.0_f64 / 7.0).sqrt()).abs() < 1e-12);
        assert_eq!((deviation(&[3.0]), mean(&[])), (0.0, 0.0));
        let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(percentile(&hundred, 50), Some(50.0));
        assert_eq!(percentile(&hundred, 95), Some(95.0));
        assert_eq!(percentile(&[1.0, 2.0, 3.0], 50), Some(2.0));
        assert_eq!(percentile(&[1.0], 95), Some(1.0));
        assert_eq!(percentile(&[], 50), None);
    }
}

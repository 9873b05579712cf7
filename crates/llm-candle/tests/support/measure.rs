//! How far two sets of logits are apart.

/// The largest absolute difference; NaN and infinity count as infinite.
pub(crate) fn worst(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, |worst, d| {
        if d.is_finite() {
            worst.max(d)
        } else {
            f32::INFINITY
        }
    })
}

/// The root of the mean square.
pub(crate) fn rms(logits: &[f32]) -> f32 {
    let sum: f64 = logits.iter().map(|x| f64::from(*x).powi(2)).sum();
    (sum / logits.len() as f64).sqrt() as f32
}

/// The root of the mean square of the differences.
pub(crate) fn rms_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let differences: Vec<f32> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    rms(&differences)
}

/// Whether two sets of logits have the same bits.
pub(crate) fn identical(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}

/// The id of the largest logit.
pub(crate) fn best(logits: &[f32]) -> usize {
    let ids = logits.iter().enumerate();
    ids.max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0
}

/// KL(a || b) of the distributions that two positions' logits stand for, in
/// nats.
pub(crate) fn divergence(a: &[f32], b: &[f32]) -> f64 {
    let (norm_a, norm_b) = (log_sum_exp(a), log_sum_exp(b));
    let term = |(a, b): (&f32, &f32)| {
        let (a, b) = (f64::from(*a) - norm_a, f64::from(*b) - norm_b);
        a.exp() * (a - b)
    };
    a.iter().zip(b).map(term).sum()
}

fn log_sum_exp(logits: &[f32]) -> f64 {
    let top = f64::from(logits[best(logits)]);
    let sum: f64 = logits.iter().map(|x| (f64::from(*x) - top).exp()).sum();
    top + sum.ln()
}

//! Tests of the golden files' reader and of its measures, with distributions
//! whose answers are known by hand, and of the checked-in files' soundness.
//! Comparing the engine with them is left to the tests of the forward pass.

#[path = "support/golden.rs"]
mod golden;

use golden::{Comparison, Golden};

/// A vocabulary of four, two kept: P = (0.5, 0.25 | 0.25), then next token 1.
fn small(exact: bool) -> Vec<u8> {
    // Logits of an exact file are the log-probabilities plus two.
    let shift = if exact { 2.0 } else { 0.0 };
    let mut bytes = b"LLMGOLD1".to_vec();
    bytes.extend(u32::from(exact).to_le_bytes());
    bytes.extend(4u32.to_le_bytes());
    bytes.extend(b"hand");
    bytes.extend([0xab; 32]);
    bytes.extend([2u32, 2, 3, 1].map(u32::to_le_bytes).concat());
    for next in [0.25f32.ln() + shift, f32::NAN] {
        for (id, probability) in [(3u32, 0.5f32), (1, 0.25)] {
            bytes.extend(id.to_le_bytes());
            bytes.extend((probability.ln() + shift).to_le_bytes());
        }
        let tail = if exact { shift } else { 0.25f32.ln() };
        bytes.extend(tail.to_le_bytes());
        bytes.extend(next.to_le_bytes());
    }
    bytes
}

/// Logits, off by a constant, of the given probabilities.
fn logits(probabilities: [f32; 4]) -> [f32; 4] {
    probabilities.map(|p| p.ln() - 1.5)
}

const SAME: [f32; 4] = [0.125, 0.25, 0.125, 0.5];

#[test]
fn a_small_file_is_read() {
    for exact in [false, true] {
        let golden = Golden::parse(&small(exact)).unwrap();
        assert_eq!(golden.made_by, "hand");
        assert_eq!(golden.model_sha256, "ab".repeat(32));
        assert_eq!(golden.exact, exact);
        assert_eq!(golden.tokens, [3, 1]);
        assert_eq!(golden.positions.len(), 2);
        let first = &golden.positions[0];
        assert_eq!(first.best[0].0, 3);
        assert!((first.best[0].1.exp() - 0.5).abs() < 1e-6);
        assert!((first.rest.exp() - 0.25).abs() < 1e-6);
        assert_eq!(first.logits.is_some(), exact);
        assert!(golden.positions[1].next.is_none());
        assert!((golden.perplexity() - 4.0).abs() < 1e-5);
    }
}

#[test]
fn a_damaged_file_is_refused() {
    let whole = small(false);
    for length in 0..whole.len() {
        assert!(Golden::parse(&whole[..length]).is_err(), "{length} bytes");
    }
    let longer = [&whole[..], &[0]].concat();
    assert!(Golden::parse(&longer).is_err());
    let mut other = whole;
    other[7] = b'2';
    assert!(Golden::parse(&other).is_err());
}

#[test]
fn the_same_distribution_diverges_by_nothing() {
    for exact in [false, true] {
        let golden = Golden::parse(&small(exact)).unwrap();
        let mut comparison = Comparison::new(&golden);
        comparison.add(0, &logits(SAME));
        comparison.add(1, &logits(SAME));
        assert_eq!(comparison.positions(), 2);
        assert!(comparison.mean_kl().abs() < 1e-6);
        assert!((comparison.agreement() - 1.0).abs() < 1e-9);
        assert_eq!(comparison.worst_disagreement(), (0, 0.0));
        assert!((comparison.perplexity_ratio() - 1.0).abs() < 1e-6);
    }
}

#[test]
fn the_divergence_is_the_one_computed_by_hand() {
    let golden = Golden::parse(&small(false)).unwrap();
    let mut comparison = Comparison::new(&golden);
    // Q = (0.25, 0.5 | 0.25): KL = 0.5 ln 2 + 0.25 ln 0.5 = 0.25 ln 2. How Q
    // shares out the rest makes no difference.
    comparison.add(0, &logits([0.2, 0.5, 0.05, 0.25]));
    assert!((comparison.mean_kl() - 0.25 * 2f64.ln()).abs() < 1e-6);
    // Best tokens differ, and the golden's two best are ln 2 apart.
    assert!(comparison.agreement().abs() < 1e-9);
    let (at, margin) = comparison.worst_disagreement();
    assert_eq!(at, 0);
    assert!((margin - 2f64.ln()).abs() < 1e-6);
    // The next token has twice the golden's probability.
    assert!((comparison.perplexity_ratio() - 0.5).abs() < 1e-6);
}

#[test]
fn logits_of_an_exact_file_are_compared_one_by_one() {
    let golden = Golden::parse(&small(true)).unwrap();
    let mut ours = SAME.map(|p| p.ln() + 2.0);
    ours[1] += 0.5;
    let mut comparison = Comparison::new(&golden);
    comparison.add(1, &ours);
    assert!((comparison.worst_logit() - 0.5).abs() < 1e-5);
    assert!((comparison.rms_logit() - (0.25f64 / 2.0).sqrt()).abs() < 1e-5);
}

#[test]
fn a_nan_never_passes_for_agreement() {
    for exact in [false, true] {
        let golden = Golden::parse(&small(exact)).unwrap();
        let mut comparison = Comparison::new(&golden);
        comparison.add(0, &[0.0, f32::NAN, 0.0, 1.0]);
        assert!(comparison.mean_kl().is_nan());
        assert!(comparison.perplexity_ratio().is_nan());
        assert_eq!(comparison.worst_logit().is_nan(), exact);
    }
}

#[test]
fn the_checked_in_files_are_sound() {
    let smollm2 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";
    let gemma = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818";
    // The perplexities are those that the program printed when it made them.
    for (name, digest, exact, count, perplexity) in [
        ("smollm2", smollm2, false, 2000, 21.8396),
        ("gemma", gemma, false, 2000, 20.8934),
        ("smollm2.f32", smollm2, true, 256, 37.5419),
        ("gemma.f32", gemma, true, 256, 29.2076),
    ] {
        let golden = Golden::named(name).unwrap();
        assert!(golden.made_by.starts_with("llama.cpp "), "{name}");
        assert_eq!(golden.model_sha256, digest, "{name}");
        assert_eq!(golden.exact, exact, "{name}");
        assert_eq!(golden.tokens.len(), count, "{name}");
        assert!(
            (golden.perplexity() - perplexity).abs() < 1e-3,
            "{name}: perplexity {}",
            golden.perplexity()
        );
        for (at, position) in golden.positions.iter().enumerate() {
            assert_eq!(position.best.len(), 64, "{name} at {at}");
            assert!(
                position.best.is_sorted_by(|a, b| a.1 >= b.1),
                "{name} at {at} is not sorted"
            );
            let held: f64 = position.best.iter().map(|b| b.1.exp()).sum();
            let mass = held + position.rest.exp();
            assert!((mass - 1.0).abs() < 1e-4, "{name} at {at}: mass {mass}");
            assert_eq!(position.next.is_none(), at + 1 == count, "{name} at {at}");
        }
    }
}

#[test]
fn a_pass_in_f32_lies_within_the_quantized_noise() {
    // llama.cpp against itself: the same 256 positions with and without
    // quantized activations. It shows what the measures say of a sound pass.
    for (name, bound) in [("smollm2", 0.01), ("gemma", 0.02)] {
        let noisy = Golden::named(name).unwrap();
        let exact = Golden::named(&format!("{name}.f32")).unwrap();
        assert_eq!(noisy.tokens[..256], exact.tokens[..], "{name}");
        let mean = noisy
            .positions
            .iter()
            .zip(&exact.positions)
            .map(|(a, b)| {
                let other = |id: u32| b.best.iter().find(|o| o.0 == id).map(|o| o.1);
                a.best
                    .iter()
                    .filter_map(|(id, p)| other(*id).map(|q| p.exp() * (p - q)))
                    .sum::<f64>()
            })
            .sum::<f64>()
            / 256.0;
        assert!(mean.abs() < bound, "{name}: {mean}");
    }
}

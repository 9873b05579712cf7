//! Tests of the chain of steps.

use std::collections::BTreeSet;

use super::candidates::better_first;
use super::*;

const LOGITS: [f32; 5] = [1.0, 3.0, 2.0, -1.0, 3.0];

fn drawn(sampling: Sampling, key: u8) -> Vec<u32> {
    let mut sampler = Sampler::new(sampling, [key; 32]);
    (0..400)
        .filter_map(|_| sampler.sample(&mut LOGITS.clone(), &[]))
        .collect()
}

fn warm() -> Sampling {
    Sampling {
        temperature: 1.0,
        ..Sampling::GREEDY
    }
}

#[test]
fn greedy_takes_the_first_of_the_best() {
    assert!(drawn(Sampling::GREEDY, 1).iter().all(|&token| token == 1));
    assert_eq!(best(&[f32::NAN, f32::NEG_INFINITY]), None);
}

#[test]
fn the_key_alone_decides_the_draws() {
    assert_eq!(drawn(warm(), 1), drawn(warm(), 1));
    assert_ne!(drawn(warm(), 1), drawn(warm(), 2));
}

#[test]
fn frequencies_follow_the_softmax() {
    let total: f32 = LOGITS.iter().map(|logit| logit.exp()).sum();
    let drawn = drawn(warm(), 3);
    for (token, logit) in LOGITS.iter().enumerate() {
        let expected = logit.exp() / total * 400.0;
        let count = drawn.iter().filter(|&&t| t as usize == token).count() as f32;
        // Four standard deviations of a binomial count.
        assert!(
            (count - expected).abs() < 4.0 * expected.sqrt() + 1.0,
            "{token}: {count}, {expected}"
        );
    }
}

#[test]
fn each_filter_removes_what_it_should() {
    let only = |sampling: Sampling, allowed: &[u32]| {
        let drawn = drawn(sampling.clone(), 5);
        assert!(
            drawn.iter().all(|token| allowed.contains(token)),
            "{sampling:?}"
        );
        assert!(
            allowed.iter().all(|token| drawn.contains(token)),
            "{sampling:?}"
        );
    };
    only(Sampling { top_k: 2, ..warm() }, &[1, 4]);
    only(Sampling { top_k: 3, ..warm() }, &[1, 2, 4]);
    only(
        Sampling {
            top_p: 0.5,
            ..warm()
        },
        &[1, 4],
    );
    only(
        Sampling {
            min_p: 0.3,
            ..warm()
        },
        &[1, 2, 4],
    );
    only(
        Sampling {
            min_p: 1.0,
            ..warm()
        },
        &[1, 4],
    );
}

#[test]
fn the_penalty_counts_a_token_once_and_recent_ones_only() {
    let sampling = Sampling {
        repeat_penalty: 2.0,
        repeat_last_n: 2,
        ..Sampling::GREEDY
    };
    let mut logits = LOGITS;
    let mut sampler = Sampler::new(sampling, [0; 32]);
    assert_eq!(sampler.sample(&mut logits, &[2, 1, 1]), Some(4));
    assert_eq!(logits, [1.0, 1.5, 2.0, -1.0, 3.0]);
    sampler.sample(&mut logits, &[3]);
    assert_eq!(logits[3], -2.0);
}

/// What a sampler does not choose from may as well be missing.
#[test]
fn draws_are_the_same_without_the_logits_that_are_not_needed() {
    let logits: Vec<f32> = (0..5000).map(|i| (i as f32 * 0.7).sin() * 3.0).collect();
    let greedy = Sampling::GREEDY;
    let penalized = Sampling {
        repeat_penalty: 1.1,
        ..greedy.clone()
    };
    let top_k = |top_k| Sampling {
        top_k,
        top_p: 0.9,
        min_p: 0.01,
        ..warm()
    };
    let counts = [
        (greedy, Some(1)),
        (penalized, None),
        (top_k(1), Some(1)),
        (top_k(40), Some(40)),
        (top_k(ORDERED), Some(ORDERED)),
        (top_k(ORDERED + 1), None),
        (top_k(0), None),
    ];
    for (sampling, expected) in counts {
        let draws = |logits: &[f32]| -> Vec<Option<u32>> {
            let mut sampler = Sampler::new(sampling.clone(), [9; 32]);
            let draw = |_| sampler.sample(&mut logits.to_vec(), &[]);
            (0..100).map(draw).collect()
        };
        let count = Sampler::new(sampling.clone(), [9; 32]).chooses_from();
        assert_eq!(count, expected, "{sampling:?}");
        let Some(count) = count else { continue };
        let mut order: Vec<usize> = (0..logits.len()).collect();
        order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
        for kept in [count, 2 * count + 5] {
            let mut few = vec![f32::NEG_INFINITY; logits.len()];
            for &token in &order[..kept] {
                few[token] = logits[token];
            }
            assert_eq!(draws(&few), draws(&logits), "{sampling:?}, {kept}");
        }
    }
}

/// The quick way through top-p gives the same tokens as sorting them all.
#[test]
fn top_p_keeps_the_same_of_a_large_vocabulary_as_a_full_sort() {
    let logits: Vec<f32> = (0..5000).map(|i| (i as f32 * 0.7).sin() * 3.0).collect();
    for top_p in [0.01, 0.3, 0.9, 0.999_999] {
        let mut sampler = Sampler::new(Sampling { top_p, ..warm() }, [0; 32]);
        sampler.sample(&mut logits.clone(), &[]);
        let mut kept: Vec<u32> = sampler
            .candidates
            .list()
            .iter()
            .map(|candidate| candidate.0)
            .collect();
        kept.sort_unstable();
        let mut all: Vec<(u32, f32)> = (0..).zip(logits.iter().copied()).collect();
        all.sort_by(better_first);
        let total: f64 = all.iter().map(|(_, logit)| f64::from(*logit).exp()).sum();
        let mut sum = 0.0;
        let share = |logit: f32| f64::from(logit).exp() / total;
        let count = all.iter().take_while(|(_, logit)| {
            let before = sum;
            sum += share(*logit);
            before < f64::from(top_p)
        });
        // Single precision may count a token more or less at the edge.
        let count = count.count().abs_diff(kept.len());
        assert!(
            count <= 2,
            "top-p {top_p}: {} tokens, off by {count}",
            kept.len()
        );
        assert_eq!(kept[..], {
            let mut best: Vec<u32> = all[..kept.len()].iter().map(|token| token.0).collect();
            best.sort_unstable();
            best
        });
    }
    assert_eq!(
        Sampler::new(warm(), [0; 32]).sample(&mut [f32::NAN; 3], &[]),
        None
    );
}

/// Logits of a vocabulary, no two alike.
fn many() -> Vec<f32> {
    (0..700).map(|i| (i as f32 * 0.7).sin() * 6.0).collect()
}

fn left(sampling: &Sampling, logits: &[f32]) -> BTreeSet<u32> {
    let mut sampler = Sampler::new(sampling.clone(), [1; 32]);
    let left = sampler.distribute(&mut logits.to_vec(), &[]);
    let possible = left.iter().filter(|(_, probability)| *probability > 0.0);
    possible.map(|(token, _)| *token).collect()
}

/// Probabilities in f64, the best token first.
fn softmax(logits: &[f32]) -> Vec<(u32, f64)> {
    let total: f64 = logits.iter().map(|logit| f64::from(*logit).exp()).sum();
    let share = |logit: &f32| f64::from(*logit).exp() / total;
    let mut all: Vec<(u32, f64)> = (0..).zip(logits.iter().map(share)).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    all
}

/// Takes tokens in order until their probabilities are enough.
fn until(list: &[(u32, f64)], enough: impl Fn(f64) -> bool) -> BTreeSet<u32> {
    let mut sum = 0.0;
    let taken = list.iter().take_while(|(_, probability)| {
        let before = sum;
        sum += probability;
        !enough(before)
    });
    taken.map(|(token, _)| *token).collect()
}

/// Each step as it is published, written down without any haste.
#[test]
fn each_step_leaves_what_its_definition_says() {
    let logits = many();
    let all = softmax(&logits);
    let tokens = |list: &[(u32, f64)]| list.iter().map(|(token, _)| *token).collect();
    let check = |sampling: Sampling, wanted: BTreeSet<u32>| {
        assert!(wanted.len() < logits.len(), "{sampling:?}");
        assert_eq!(left(&sampling, &logits), wanted, "{sampling:?}");
    };
    for top_k in [1, 10, 128, 129, 500] {
        check(Sampling { top_k, ..warm() }, tokens(&all[..top_k]));
    }
    let entropy: f64 = all.iter().map(|(_, p)| -p * p.ln()).sum();
    let mut typical = all.clone();
    typical.sort_by(|a, b| {
        let distance = |p: f64| (-p.ln() - entropy).abs();
        distance(a.1).total_cmp(&distance(b.1))
    });
    for share in [0.013, 0.31, 0.77] {
        let sum = |sum| sum >= f64::from(share);
        check(
            Sampling {
                top_p: share,
                ..warm()
            },
            until(&all, sum),
        );
        let typical_p = Sampling {
            typical_p: share,
            ..warm()
        };
        check(typical_p, until(&typical, |sum| sum > f64::from(share)));
        let least = all[0].1 * f64::from(share);
        let near = all.iter().take_while(|(_, p)| *p >= least).count();
        check(
            Sampling {
                min_p: share,
                ..warm()
            },
            tokens(&all[..near]),
        );
        let choices = all.iter().take_while(|(_, p)| *p >= 0.002).count();
        let xtc = Sampling {
            xtc_probability: 1.0,
            xtc_threshold: 0.002,
            ..warm()
        };
        check(xtc, tokens(&all[choices - 1..]));
    }
    let mean = logits.iter().map(|l| f64::from(*l)).sum::<f64>() / logits.len() as f64;
    let squares = logits.iter().map(|l| (f64::from(*l) - mean).powi(2));
    let deviation = (squares.sum::<f64>() / logits.len() as f64).sqrt();
    let largest = f64::from(logits.iter().copied().fold(f32::MIN, f32::max));
    for top_n_sigma in [0.25, 1.0] {
        let least = largest - f64::from(top_n_sigma) * deviation;
        let near = (0_u32..)
            .zip(&logits)
            .filter(|(_, l)| f64::from(**l) >= least);
        let near = near.map(|(token, _)| token).collect();
        check(
            Sampling {
                top_n_sigma,
                ..warm()
            },
            near,
        );
    }
}

/// Whatever the settings, a request draws the same tokens again, and none that is banned.
#[test]
fn draws_are_repeatable_and_banned_tokens_never_come() {
    let logits = many();
    let best = best(&logits).unwrap();
    let usual = Sampling {
        logit_bias: vec![(best, f32::NEG_INFINITY)],
        suppress_tokens: vec![2],
        begin_suppress_tokens: vec![3],
        ..warm()
    };
    let kinds = [
        usual.clone(),
        Sampling {
            xtc_probability: 0.5,
            xtc_threshold: 0.001,
            dynatemp_range: 0.5,
            min_keep: 3,
            ..usual.clone()
        },
        Sampling {
            mirostat: Some(MirostatVersion::V1),
            ..usual.clone()
        },
        Sampling {
            mirostat: Some(MirostatVersion::V2),
            ..usual.clone()
        },
        Sampling {
            adaptive_target: 0.01,
            presence_penalty: 0.5,
            ..usual
        },
    ];
    for sampling in kinds {
        let answer = || {
            let mut sampler = Sampler::new(sampling.clone(), [7; 32]);
            let mut history = Vec::new();
            for _ in 0..300 {
                let token = sampler.sample(&mut logits.clone(), &history).unwrap();
                assert!(![best, 2].contains(&token), "{sampling:?}");
                history.push(token);
            }
            history
        };
        assert_eq!(answer(), answer(), "{sampling:?}");
        assert_ne!(answer()[0], 3);
    }
}

/// Those that look at more than the best tokens say so.
#[test]
fn all_logits_are_asked_for_where_they_matter() {
    type Change = fn(&mut Sampling);
    let cases: [(Change, Option<usize>); 12] = [
        (|_| {}, Some(10)),
        (|few| few.typical_p = 0.5, Some(10)),
        (|few| few.xtc_probability = 0.5, Some(10)),
        (
            |few| (few.dynatemp_range, few.min_keep) = (0.5, 3),
            Some(10),
        ),
        (|few| few.adaptive_target = 0.3, Some(10)),
        (|few| few.samplers = vec![Step::MinP, Step::TopK], Some(10)),
        (|few| few.samplers = vec![Step::Temperature], None),
        (|few| few.top_n_sigma = 1.0, None),
        (|few| few.presence_penalty = 0.1, None),
        (|few| few.dry.multiplier = 0.1, None),
        (|few| few.logit_bias = vec![(1, 1.0)], None),
        (|few| few.mirostat = Some(MirostatVersion::V2), None),
    ];
    for (change, wanted) in cases {
        let mut sampling = Sampling {
            top_k: 10,
            ..warm()
        };
        change(&mut sampling);
        let asked = Sampler::new(sampling.clone(), [0; 32]).chooses_from();
        assert_eq!(asked, wanted, "{sampling:?}");
    }
    let typical_first = Sampling {
        top_k: 10,
        typical_p: 0.5,
        samplers: vec![Step::TypP, Step::TopK],
        ..warm()
    };
    assert_eq!(Sampler::new(typical_first, [0; 32]).chooses_from(), None);
}

#[test]
fn what_may_not_come_first_may_come_second() {
    let sampling = Sampling {
        begin_suppress_tokens: vec![1],
        ..Sampling::GREEDY
    };
    let mut sampler = Sampler::new(sampling, [0; 32]);
    assert_eq!(sampler.chooses_from(), None);
    assert_eq!(sampler.sample(&mut LOGITS.clone(), &[]), Some(4));
    assert_eq!(sampler.chooses_from(), Some(1));
    assert_eq!(sampler.sample(&mut LOGITS.clone(), &[4]), Some(1));
}

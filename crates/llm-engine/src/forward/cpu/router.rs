//! A router's numbers for one token → the experts that it goes through.

use crate::family::Scoring;
use crate::spec::ExpertSpec;

/// The least sum that weights are divided by, llama.cpp's 2^-14.
const LEAST_SUM: f32 = 6.103_515_6e-5;

/// Chooses the experts of one token by `scores`, (experts), which become
/// weights; `bias` is added for choosing alone. Returns experts and weights in
/// the order of the experts, so that their results are always added in the same
/// order. Of equal ones the first are taken.
///
/// Groups are DeepSeek's (DeepSeek-AI 2024, arXiv:2412.19437, section 2.1.2):
/// those whose two best add up to most are chosen from, or, as at first, those that
/// have the best one.
pub(super) fn choose(
    spec: &ExpertSpec,
    scores: &mut [f32],
    bias: Option<&[f32]>,
) -> Vec<(usize, f32)> {
    match spec.routing.scoring {
        Scoring::Softmax => softmax(scores),
        Scoring::Sigmoid => {
            for score in scores.iter_mut() {
                *score = 1.0 / (1.0 + (-*score).exp());
            }
        }
        Scoring::SoftmaxOfChosen => {}
    }
    let mut ranks = scores.to_vec();
    for (rank, bias) in ranks.iter_mut().zip(bias.unwrap_or_default()) {
        *rank += bias;
    }
    if spec.groups > 1 {
        close_groups(spec, &mut ranks);
    }
    let mut chosen = best(&ranks, spec.used);
    chosen.sort_unstable();
    let mut weights: Vec<f32> = chosen.iter().map(|&expert| scores[expert]).collect();
    if spec.routing.scoring == Scoring::SoftmaxOfChosen {
        softmax(&mut weights);
    }
    if spec.routing.normalized {
        let sum = weights.iter().sum::<f32>().max(LEAST_SUM);
        weights.iter_mut().for_each(|weight| *weight /= sum);
    }
    let weights = weights.into_iter().map(|weight| weight * spec.weight_scale);
    chosen.into_iter().zip(weights).collect()
}

/// Puts the experts of all but the best groups out of reach.
fn close_groups(spec: &ExpertSpec, ranks: &mut [f32]) {
    let size = ranks.len() / spec.groups;
    let of_group = |group: &[f32]| {
        best(group, spec.group_best)
            .iter()
            .map(|&at| group[at])
            .sum()
    };
    let sums: Vec<f32> = ranks.chunks_exact(size).map(of_group).collect();
    let open = best(&sums, spec.groups_used);
    for (index, group) in ranks.chunks_exact_mut(size).enumerate() {
        if !open.contains(&index) {
            group.fill(f32::NEG_INFINITY);
        }
    }
}

/// Returns the indices of the `count` largest, the largest first.
fn best(ranks: &[f32], count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..ranks.len()).collect();
    order.sort_by(|&a, &b| ranks[b].total_cmp(&ranks[a]));
    order.truncate(count);
    order
}

fn softmax(scores: &mut [f32]) {
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - largest).exp();
        sum += *score;
    }
    scores.iter_mut().for_each(|score| *score /= sum);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::Routing;

    const SPEC: ExpertSpec = ExpertSpec {
        count: 4,
        used: 2,
        intermediate_size: 1,
        latent: None,
        shared: 0,
        leading_dense_layers: 0,
        every: 1,
        routing: Routing {
            scoring: Scoring::Softmax,
            normalized: true,
        },
        weight_scale: 1.0,
        groups: 1,
        group_best: 2,
        groups_used: 1,
    };

    fn chosen(spec: &ExpertSpec, scores: [f32; 4], bias: Option<&[f32]>) -> Vec<(usize, f32)> {
        choose(spec, &mut scores.clone(), bias)
    }

    #[test]
    fn normalized_weights_are_a_softmax_of_the_chosen() {
        let scores = [1.0, 3.0, 2.0, 3.0];
        let found = chosen(&SPEC, scores, None);
        assert_eq!(found, [(1, 0.5), (3, 0.5)]);
        let routing = Routing {
            scoring: Scoring::SoftmaxOfChosen,
            normalized: false,
        };
        assert_eq!(chosen(&ExpertSpec { routing, ..SPEC }, scores, None), found);
    }

    #[test]
    fn a_bias_chooses_and_does_not_weigh() {
        let routing = Routing {
            scoring: Scoring::Sigmoid,
            normalized: false,
        };
        let spec = ExpertSpec {
            routing,
            weight_scale: 2.0,
            ..SPEC
        };
        let bias = [0.0, 0.0, 9.0, 9.0];
        let found = chosen(&spec, [0.0, 5.0, 0.0, 0.0], Some(&bias));
        assert_eq!(found, [(2, 1.0), (3, 1.0)]);
    }

    #[test]
    fn only_the_best_groups_are_open() {
        let spec = ExpertSpec { groups: 2, ..SPEC };
        // The largest stands in the group whose sum is smaller.
        let found = chosen(&spec, [0.9, 0.0, 0.8, 0.7], None);
        assert_eq!(found.iter().map(|pair| pair.0).collect::<Vec<_>>(), [2, 3]);
        let group_best = 1;
        let found = chosen(
            &ExpertSpec { group_best, ..spec },
            [0.9, 0.0, 0.8, 0.7],
            None,
        );
        assert_eq!(found.iter().map(|pair| pair.0).collect::<Vec<_>>(), [0, 1]);
    }

    #[test]
    fn numbers_that_are_none_are_survived() {
        assert_eq!(chosen(&SPEC, [f32::NAN; 4], None).len(), 2);
    }
}

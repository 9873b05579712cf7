//! What the goldens of the families are made of.

use super::random::Random;
use super::tiny::Plan;

/// The seed of the models' weights.
pub(crate) const SEED: u64 = 9;
/// Over two blocks of the cache and into a third, past every window and past
/// the first training of the models that stretch it.
pub(crate) const LENGTH: usize = 150;
/// The positions whose logits are checked in: first ones, ends of blocks, ends
/// of windows, the last.
pub(crate) const POSITIONS: [usize; 12] = [0, 1, 2, 15, 16, 20, 41, 63, 64, 100, 128, 149];
/// Models that llama.cpp does not read as they are; the judge alone speaks of
/// them.
pub(crate) const FOREIGN: [&str; 2] = ["mixtral-first", "gemma3-capped"];

/// The tokens that every model is given.
pub(crate) fn tokens(plan: &Plan) -> Vec<u32> {
    Random(7).tokens(LENGTH, plan.vocabulary)
}

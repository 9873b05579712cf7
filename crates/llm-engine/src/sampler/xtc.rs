//! XTC, exclude top choices
//! (<https://github.com/oobabooga/text-generation-webui/pull/6335>).

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use super::candidates::{Candidates, Order, unit};
use super::{Sampling, Step};

impl Candidates {
    /// With a chance of `xtc_probability`, leaves out all tokens but the least
    /// likely one of those whose probability is `xtc_threshold` or more, unless
    /// fewer than `min_keep` would be left. A threshold above 0.5 does nothing:
    /// no two tokens reach it.
    pub(super) fn exclude_top_choices(&mut self, sampling: &Sampling, random: &mut ChaCha8Rng) {
        if !sampling.does(Step::Xtc) || self.len() < 2 {
            return;
        }
        if unit(random.next_u64()) >= f64::from(sampling.xtc_probability) {
            return;
        }
        let list = self.probabilities(Order::Sorted);
        let reach = |(_, probability): &&(u32, f32)| *probability >= sampling.xtc_threshold;
        let choices = list.iter().take_while(reach).count();
        let excluded = choices.saturating_sub(1);
        if excluded > 0 && list.len() - excluded >= sampling.min_keep {
            list.drain(..excluded);
            self.note_removal(Order::Sorted);
        }
    }
}

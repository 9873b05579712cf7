//! What a stream with copies has.

use super::Maker;
use crate::support::tiny::Plan;

impl Plan {
    pub(super) fn copies(&self) -> usize {
        self.varied.map_or(0, |varied| varied.copies)
    }
}

impl Maker<'_> {
    /// What makes copies, and one stream of them.
    pub(super) fn copies(&mut self, count: usize) {
        let width = self.plan.hidden_size;
        let size = 1.0 / (width as f32).sqrt();
        for name in ["altup_proj", "altup_unembd_proj"] {
            self.matrix_of(name, &[count - 1, width], width, size);
        }
    }

    /// What predicts and corrects them, and the step of low rank.
    pub(super) fn altup(&mut self, layer: usize, count: usize) {
        /// llama.cpp's.
        const RANK: usize = 64;
        let (width, step) = (self.plan.hidden_size, self.plan.step);
        let name = |part: &str| format!("blk.{layer}.{part}");
        self.norm(&name("altup_router_norm"), width);
        // What it sees is divided by the width.
        let router = self
            .random
            .normals(count * width, 0.0, (width as f32).sqrt());
        self.numbers(&name("altup_router.weight"), &[width, count], &router);
        // What predicts too much makes the stream longer layer by layer.
        for (part, rows, size) in [
            ("altup_predict_coef.weight", count * count, 0.03),
            ("altup_correct_coef.weight", count, 0.15),
        ] {
            let numbers = self.random.normals(rows * count, 0.0, size);
            self.numbers(&name(part), &[count, rows], &numbers);
        }
        self.norm(&name("altup_correct_scale"), width);
        self.matrix(&name("laurel_l"), RANK, width, 1.0);
        self.matrix(&name("laurel_r"), width, RANK, 1.0);
        self.norm_of(&name("laurel_post_norm"), width, step);
    }
}

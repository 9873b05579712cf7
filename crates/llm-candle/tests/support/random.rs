//! Random numbers from a seed, the same on every machine.

/// The generator splitmix64 (Steele, Lea and Flood 2014).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// `count` bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| (self.next() >> 56) as u8).collect()
    }

    /// Uniform in 0..1.
    fn uniform(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 24) as f32
    }

    /// Close to normal: twelve uniform numbers have a variance of one.
    fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.uniform()).sum::<f32>() - 6.0
    }

    /// `count` numbers of the given mean and deviation.
    pub(crate) fn normals(&mut self, count: usize, mean: f32, deviation: f32) -> Vec<f32> {
        (0..count)
            .map(|_| mean + deviation * self.normal())
            .collect()
    }

    /// `count` token ids below `vocabulary`.
    pub(crate) fn tokens(&mut self, count: usize, vocabulary: usize) -> Vec<u32> {
        let vocabulary = vocabulary as u64;
        (0..count)
            .map(|_| (self.next() % vocabulary) as u32)
            .collect()
    }
}

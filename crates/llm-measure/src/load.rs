//! What is timed: how many tokens, at which depth, of how many sequences.

/// What is done once: a prompt of each sequence, then tokens of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Test {
    /// Tokens of the prompt.
    pub prompt: usize,
    /// Tokens that are generated after it.
    pub generated: usize,
}

/// A test and what it is done on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// What is done.
    pub test: Test,
    /// Positions that each sequence holds before.
    pub depth: usize,
    /// Sequences that are computed together.
    pub parallel: usize,
    /// Whether a generated token needs no logits but the best.
    pub best: bool,
}

impl Load {
    /// Returns every test on every depth and number of sequences: by depth, then by sequences.
    #[must_use]
    pub fn combinations(
        tests: &[Test],
        depths: &[usize],
        parallel: &[usize],
        best: bool,
    ) -> Vec<Self> {
        let at_depth = |&depth: &usize| {
            parallel.iter().flat_map(move |&parallel| {
                tests.iter().map(move |&test| Self {
                    test,
                    depth,
                    parallel,
                    best,
                })
            })
        };
        depths.iter().flat_map(at_depth).collect()
    }

    /// Returns the positions of a sequence at the end.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.depth + self.test.prompt + self.test.generated
    }

    /// Returns whether the best logits may come from a copy of the output matrix.
    #[must_use]
    pub fn reads_copy(&self) -> bool {
        self.best && self.parallel == 1 && self.test.generated > 0
    }

    /// Returns the tokens of all sequences that are computed.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.parallel * (self.test.prompt + self.test.generated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_come_by_depth_then_by_sequences_then_by_test() {
        let tests = [(512, 0), (0, 128)].map(|(prompt, generated)| Test { prompt, generated });
        let loads = Load::combinations(&tests, &[0, 4096], &[1, 8], true);
        let shown: Vec<_> = loads
            .iter()
            .map(|load| (load.depth, load.parallel, load.test.prompt))
            .collect();
        assert_eq!(shown[..3], [(0, 1, 512), (0, 1, 0), (0, 8, 512)]);
        assert_eq!((loads.len(), shown[4]), (8, (4096, 1, 512)));
        assert_eq!((loads[7].positions(), loads[7].tokens()), (4224, 1024));
        assert!(loads[1].reads_copy() && !loads[0].reads_copy() && !loads[3].reads_copy());
    }
}

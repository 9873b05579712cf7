//! Texts of tokens as the rows of one batch: one after another, without padding.

use std::ops::Range;

use llm_kernels::attention::Span;

/// Tokens that are read together, in one segment or two.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segments<'a> {
    pub(crate) tokens: &'a [u32],
    /// How many of them are of the first segment.
    pub(crate) first: usize,
}

impl<'a> Segments<'a> {
    /// Takes texts, each of one segment.
    pub(crate) fn single(texts: &[&'a [u32]]) -> Vec<Self> {
        let single = |tokens: &&'a [u32]| Self {
            tokens,
            first: tokens.len(),
        };
        texts.iter().map(single).collect()
    }
}

/// Returns how many of the texts, at least one, have `most` tokens at most.
pub(crate) fn fitting(texts: &[Segments<'_>], most: usize) -> usize {
    let sums = texts.iter().scan(0, |sum, text| {
        *sum += text.tokens.len();
        Some(*sum)
    });
    sums.take_while(|&sum| sum <= most).count().max(1)
}

/// One token of a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) token: u32,
    /// Index of its text.
    pub(crate) text: usize,
    /// Index within its text.
    pub(crate) position: usize,
    /// 0 or 1.
    pub(crate) segment: usize,
}

/// The rows of several texts.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) rows: Vec<Row>,
    /// The rows of each text.
    pub(crate) texts: Vec<Range<usize>>,
    /// The same of those that are not empty.
    pub(crate) spans: Vec<Span>,
}

impl Batch {
    /// Becomes the batch of these texts.
    pub(crate) fn fill(&mut self, texts: &[Segments<'_>]) {
        self.rows.clear();
        self.texts.clear();
        self.spans.clear();
        for (index, text) in texts.iter().enumerate() {
            let (start, count) = (self.rows.len(), text.tokens.len());
            let tokens = text.tokens.iter().enumerate();
            self.rows.extend(tokens.map(|(position, &token)| Row {
                token,
                text: index,
                position,
                segment: usize::from(position >= text.first),
            }));
            self.texts.push(start..start + count);
            if count > 0 {
                self.spans.push(Span {
                    sequence: self.spans.len(),
                    row: start,
                    count,
                    position: 0,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stand_side_by_side_in_their_segments() {
        let tokens: [&[u32]; 3] = [&[7, 8, 9], &[], &[5]];
        let mut texts = Segments::single(&tokens);
        texts[0].first = 2;
        let mut batch = Batch::default();
        // What was there before is gone.
        batch.fill(&texts);
        batch.fill(&texts);
        assert_eq!(batch.texts, [0..3, 3..3, 3..4]);
        let spans = batch.spans.iter().map(|span| (span.row, span.count));
        assert_eq!(spans.collect::<Vec<_>>(), [(0, 3), (3, 1)]);
        let rows = batch
            .rows
            .iter()
            .map(|row| (row.token, row.text, row.position, row.segment));
        assert_eq!(
            rows.collect::<Vec<_>>(),
            [(7, 0, 0, 0), (8, 0, 1, 0), (9, 0, 2, 1), (5, 2, 0, 0)]
        );
        assert_eq!(fitting(&texts, 3), 2);
        assert_eq!(fitting(&texts, 4), 3);
        assert_eq!(fitting(&texts, 1), 1);
    }
}

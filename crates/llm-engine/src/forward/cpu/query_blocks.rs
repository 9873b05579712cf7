//! A chunk's rows → the spans of positions that attention handles together.

use llm_kernels::attention::Span;

use super::buffers::Row;
use crate::cache::SequenceId;

/// Positions of a span: each key and value is read from the cache once for all
/// of them.
const MOST: usize = 8;

/// Returns the sequences of a chunk and its spans, whose `sequence` counts in
/// them. Rows of one sequence are neighbours, and one span where they see ahead.
pub(super) fn spans(rows: &[Row], bidirectional: bool) -> (Vec<SequenceId>, Vec<Span>) {
    let most = if bidirectional { usize::MAX } else { MOST };
    let mut sequences: Vec<SequenceId> = Vec::new();
    let mut spans: Vec<Span> = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let known = sequences.last() == Some(&row.sequence);
        if !known {
            sequences.push(row.sequence);
        }
        match spans.last_mut() {
            Some(span) if known && span.count < most => span.count += 1,
            _ => spans.push(Span {
                sequence: sequences.len() - 1,
                row: at,
                count: 1,
                position: row.position,
            }),
        }
    }
    (sequences, spans)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_ends_with_its_sequence_and_at_its_most() {
        let row = |sequence, position| Row {
            sequence: SequenceId(sequence),
            position,
            token: 0,
            checkpoint: false,
            output: false,
            best: None,
            allowed: None,
        };
        let mut rows: Vec<Row> = (5..15).map(|position| row(3, position)).collect();
        rows.push(row(1, 0));
        let (sequences, spans) = spans(&rows, false);
        assert_eq!(sequences, [SequenceId(3), SequenceId(1)]);
        let shapes = spans
            .iter()
            .map(|span| (span.sequence, span.row, span.count, span.position));
        assert_eq!(
            shapes.collect::<Vec<_>>(),
            [(0, 0, 8, 5), (0, 8, 2, 13), (1, 10, 1, 0)]
        );
        let (_, spans) = super::spans(&rows, true);
        let counts: Vec<usize> = spans.iter().map(|span| span.count).collect();
        assert_eq!(counts, [10, 1]);
    }
}

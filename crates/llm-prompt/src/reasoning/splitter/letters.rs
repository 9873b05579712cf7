//! The letters of a stream, and the markers that stand among them, whole or begun.

/// A character, and whether it belongs to a control token, which is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) character: char,
    pub(super) hidden: bool,
}

/// Returns the text of those that are shown.
pub(super) fn shown(letters: &[Letter]) -> String {
    let shown = letters.iter().filter(|letter| !letter.hidden);
    shown.map(|letter| letter.character).collect()
}

/// Returns whether `marker` stands at the beginning of `letters`.
pub(super) fn begins(letters: &[Letter], marker: &str) -> bool {
    let mut letters = letters.iter();
    marker.chars().all(|wanted| {
        letters
            .next()
            .is_some_and(|letter| letter.character == wanted)
    })
}

/// Returns whether `letters` are the beginning of `marker`, not the whole.
pub(super) fn could_become(letters: &[Letter], marker: &str) -> bool {
    let mut wanted = marker.chars();
    letters
        .iter()
        .all(|letter| wanted.next() == Some(letter.character))
        && wanted.next().is_some()
}

/// Returns where the first of `markers` stands.
pub(super) fn find(letters: &[Letter], markers: &[&str]) -> Option<usize> {
    (0..letters.len()).find(|&at| {
        let rest = &letters[at..];
        markers.iter().any(|marker| begins(rest, marker))
    })
}

/// Returns the length of the longest end of `letters` that begins one of
/// `markers`.
pub(super) fn held(letters: &[Letter], markers: &[&str]) -> usize {
    let longest = markers.iter().map(|marker| marker.len()).max().unwrap_or(0);
    let from = letters.len().saturating_sub(longest);
    let start = (from..letters.len()).find(|&at| {
        let rest = &letters[at..];
        markers.iter().any(|one| could_become(rest, one))
    });
    start.map_or(0, |start| letters.len() - start)
}

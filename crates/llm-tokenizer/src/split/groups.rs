//! The patterns that look at a whole run of characters to cut it in groups:
//! digits by thousands, white space by powers of two. A scanner that begins
//! anew in each group would take quadratic time.

use super::super::unicode_class::{DIGIT, LETTER, NUMBER, SPACE, WORD, class};
use super::words::modern;
use super::{is_line_end, run, run_of};

/// AFMoE: runs of `\p{N}` in groups of three, counted from the right.
pub(crate) fn numbers_from_the_right(text: &str, emit: &mut dyn FnMut(&str)) {
    let mut rest = text;
    while !rest.is_empty() {
        let (gap, later) = rest.split_at(run(rest, |it| class(it) & NUMBER == 0));
        if !gap.is_empty() {
            emit(gap);
        }
        let (numbers, later) = later.split_at(run_of(later, NUMBER));
        if !numbers.is_empty() {
            thousands(numbers, emit);
        }
        rest = later;
    }
}

/// Tiny Aya: `\d{1,3}(?=(?:\d{3})*\b)`, groups of three counted from the right
/// where the number ends with its word.
pub(crate) fn digits_before_a_boundary(text: &str, emit: &mut dyn FnMut(&str)) {
    // Digits that end inside a word are no match, but part of the gap.
    let mut gap = 0;
    let mut at = 0;
    while at < text.len() {
        at += run(&text[at..], |it| class(it) & DIGIT == 0);
        let digits = run_of(&text[at..], DIGIT);
        let end = at + digits;
        let next = text[end..].chars().next();
        let ends_word = next.is_none_or(|next| class(next) & WORD == 0);
        if digits > 0 && ends_word {
            if gap < at {
                emit(&text[gap..at]);
            }
            thousands(&text[at..end], emit);
            gap = end;
        }
        at = end;
    }
    if gap < text.len() {
        emit(&text[gap..]);
    }
}

/// SuperBPE: `(?=(\d{3})+(?!\d))`, which cuts before each group of three digits
/// that are followed by a multiple of three, and so leaves the first one or two
/// with what stands before them.
pub(crate) fn digits_from_the_right(text: &str, emit: &mut dyn FnMut(&str)) {
    let (mut start, mut at) = (0, 0);
    while at < text.len() {
        at += run(&text[at..], |it| class(it) & DIGIT == 0);
        let digits = &text[at..][..run_of(&text[at..], DIGIT)];
        let mut left = digits.chars().count();
        for (offset, _) in digits.char_indices() {
            if left.is_multiple_of(3) && start < at + offset {
                emit(&text[start..at + offset]);
                start = at + offset;
            }
            left -= 1;
        }
        at += digits.len();
    }
    if start < text.len() {
        emit(&text[start..]);
    }
}

/// DeepSeek LLM: `\s+$`, the white space that ends a text.
pub(crate) fn trailing_spaces(text: &str, emit: &mut dyn FnMut(&str)) {
    let body = text.trim_end_matches(|it: char| class(it) & SPACE != 0);
    let (body, spaces) = text.split_at(body.len());
    for piece in [body, spaces] {
        if !piece.is_empty() {
            emit(piece);
        }
    }
}

/// The longest cuts of white space that [`jais2`] makes, in characters.
const SPACE_GROUPS: [usize; 10] = [512, 256, 128, 64, 32, 16, 8, 4, 2, 1];

/// Jais 2: as Llama 3, with white space cut by
/// `\s{512}(?!\S)|\s{256}(?!\S)|…|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1}`.
pub(crate) fn jais2(text: &str, emit: &mut dyn FnMut(&str)) {
    let mut rest = text;
    while !rest.is_empty() {
        let spaces = &rest[..run_of(rest, SPACE)];
        let grouped = match spaces.char_indices().next_back() {
            Some(_) if spaces.contains(is_line_end) => "",
            Some(_) if spaces.len() == rest.len() => spaces,
            // The last one is left to the word after it.
            Some((last, _)) => &spaces[..last],
            None => "",
        };
        if grouped.is_empty() {
            let length = match modern(rest, LETTER, 3, is_line_end) {
                0 => rest.chars().next().map_or(0, char::len_utf8),
                length => length,
            };
            let (piece, later) = rest.split_at(length);
            emit(piece);
            rest = later;
            continue;
        }
        let (mut spaces, later) = rest.split_at(grouped.len());
        let mut count = spaces.chars().count();
        for size in SPACE_GROUPS {
            while count >= size {
                let end = spaces
                    .char_indices()
                    .nth(size)
                    .map_or(spaces.len(), |it| it.0);
                let (group, others) = spaces.split_at(end);
                emit(group);
                spaces = others;
                count -= size;
            }
        }
        rest = later;
    }
}

/// Cuts a run into groups of three characters, the first one of what is left
/// over.
fn thousands(run: &str, emit: &mut dyn FnMut(&str)) {
    let mut left = run.chars().count();
    let mut start = 0;
    for (at, _) in run.char_indices() {
        if at > start && left.is_multiple_of(3) {
            emit(&run[start..at]);
            start = at;
        }
        left -= 1;
    }
    emit(&run[start..]);
}

//! Pre-tokenization: cuts text into the pieces that merges may not cross.
//!
//! The published patterns are regular expressions. Here each is written by
//! hand as a scanner: a function from the text at hand to the byte length of
//! the match that begins there, whose alternatives stand in the pattern's
//! order. A stage cuts a text into a pattern's matches and the gaps between
//! them; a kind of tokenizer is a list of stages (see `pre_tokenizer`), each of which
//! cuts the pieces of the one before. Every stage takes time linear in its
//! text.
//!
//! Where llama.cpp approximates a model's own pattern (its regular
//! expressions know no letter case beyond ASCII), the model's own is followed.

mod groups;
mod runs;
mod words;

pub(super) use groups::{digits_before_a_boundary, digits_from_the_right, numbers_from_the_right};
pub(super) use groups::{jais2, trailing_spaces};
pub(super) use runs::{
    afmoe_asian, bloom, cased_letters, chameleon_image, chameleon_sentinel, chameleon_spaces, cjk,
    east_asian_punctuation, falcon_punctuation, han_and_kana, letters, line_end, lines, non_spaces,
    number, numbers, punctuation, punctuation_character, punctuation_marks, three_digits,
    three_numbers, youtu_scripts,
};
pub(super) use words::{
    deepseek3, exaone_moe, gpt2, gpt4o, kimi_k2, llama3, qwen2, qwen35, seed_coder, tekken, youtu,
};

use super::steps;
use super::unicode_class::{Bits, NUMBER, SPACE, class};

/// Cuts a text into pieces: none is empty, and put together they are the text.
pub(super) type Stage = fn(&str, &mut dyn FnMut(&str));

/// Cuts `text` by all `stages` and hands the pieces to `emit` in order.
pub(super) fn split(stages: &[Stage], text: &str, emit: &mut dyn FnMut(&str)) {
    match stages.split_first() {
        Some((stage, [])) => stage(text, emit),
        Some((stage, later)) => stage(text, &mut |piece| split(later, piece, emit)),
        None if text.is_empty() => {}
        None => emit(text),
    }
}

/// Cuts `text` into the matches of `scan`, which returns the byte length of
/// the match at the start of a text (0 for none), and the gaps between them.
fn cut(text: &str, emit: &mut dyn FnMut(&str), scan: impl Fn(&str) -> usize) {
    let (mut gap, mut at) = (0, 0);
    while let Some(character) = text[at..].chars().next() {
        let length = scan(&text[at..]);
        if length == 0 {
            at += character.len_utf8();
            continue;
        }
        if gap < at {
            emit(&text[gap..at]);
        }
        emit(&text[at..at + length]);
        at += length;
        gap = at;
    }
    if gap < text.len() {
        emit(&text[gap..]);
    }
}

/// Returns the byte length of the longest run of characters at the start of
/// `text` that are `wanted`.
fn run(text: &str, wanted: impl Fn(char) -> bool) -> usize {
    let length = text
        .find(|character| !wanted(character))
        .unwrap_or(text.len());
    steps::count(1 + length);
    length
}

/// The same by class bits: characters that have one of `bits`.
fn run_of(text: &str, bits: Bits) -> usize {
    run(text, |character| class(character) & bits != 0)
}

/// `\p{N}{1,MOST}`
fn number_group(text: &str, most: usize) -> usize {
    let characters = text.chars().take(most);
    let numbers = characters.take_while(|&character| class(character) & NUMBER != 0);
    numbers.map(char::len_utf8).sum()
}

/// `'s|'t|'re|'ve|'m|'ll|'d`, in ASCII of either case on request.
fn contraction(text: &str, any_case: bool) -> usize {
    let Some(rest) = text.as_bytes().strip_prefix(b"'") else {
        return 0;
    };
    let matches = |ending: &&[u8]| match rest.get(..ending.len()) {
        Some(start) if any_case => start.eq_ignore_ascii_case(ending),
        Some(start) => start == *ending,
        None => false,
    };
    let endings: [&[u8]; 7] = [b"s", b"t", b"re", b"ve", b"m", b"ll", b"d"];
    let ending = endings.iter().find(|ending| matches(ending));
    ending.map_or(0, |ending| 1 + ending.len())
}

/// `\s*[\r\n]+`: white space up to its last line end.
fn spaces_to_line_end(text: &str) -> usize {
    let spaces = &text[..run_of(text, SPACE)];
    spaces.rfind(is_line_end).map_or(0, |last| last + 1)
}

/// `\s+(?!\S)|\s+`: white space without its last character where a word
/// follows, so that the word can take the space before it.
fn white_space(text: &str) -> usize {
    let length = run_of(text, SPACE);
    if length == text.len() {
        return length;
    }
    match text[..length].char_indices().next_back() {
        Some((last, _)) if last > 0 => last,
        _ => length,
    }
}

fn is_line_end(character: char) -> bool {
    matches!(character, '\r' | '\n')
}

#[cfg(test)]
mod tests;

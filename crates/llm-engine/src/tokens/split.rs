//! Pre-tokenization: cuts text into the pieces that merges may not cross.
//!
//! The published patterns are regular expressions; here each is a small
//! hand-written scanner, a function from the text at hand to the byte length
//! of the match that begins there (0 for none). A kind of tokenizer is a list
//! of such stages (see `kind`); each stage cuts the pieces of the one before
//! into its matches and the gaps between them.

use super::class::{LETTER, MARK, NUMBER, PUNCTUATION, SPACE, class};

/// Returns the byte length of the match at the start of a text, 0 for none.
pub(super) type Stage = fn(&str) -> usize;

/// Cuts `text` by all `stages` and hands the pieces to `emit` in order.
pub(super) fn split(stages: &[Stage], text: &str, emit: &mut dyn FnMut(&str)) {
    let Some((stage, later)) = stages.split_first() else {
        return emit(text);
    };
    let (mut gap, mut at) = (0, 0);
    while let Some(character) = text[at..].chars().next() {
        let length = stage(&text[at..]);
        if length == 0 {
            at += character.len_utf8();
            continue;
        }
        if gap < at {
            split(later, &text[gap..at], emit);
        }
        split(later, &text[at..at + length], emit);
        at += length;
        gap = at;
    }
    if gap < at {
        split(later, &text[gap..at], emit);
    }
}

/// GPT-2:
/// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
pub(super) fn gpt2_word(text: &str) -> usize {
    if let Some(length) = contraction(text, false) {
        return length;
    }
    let rest = text.strip_prefix(' ').unwrap_or(text);
    let space = text.len() - rest.len();
    let kinds: [fn(u8) -> bool; 3] = [
        |bits| bits & LETTER != 0,
        |bits| bits & NUMBER != 0,
        |bits| bits & (SPACE | LETTER | NUMBER) == 0,
    ];
    for kind in kinds {
        let length = run(rest, kind);
        if length > 0 {
            return space + length;
        }
    }
    white_space(text)
}

/// Llama 3:
/// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|`
/// ` ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
pub(super) fn llama3_word(text: &str) -> usize {
    modern_word(text, LETTER, 3)
}

/// Qwen 2: as Llama 3, with each digit alone.
pub(super) fn qwen2_word(text: &str) -> usize {
    modern_word(text, LETTER, 1)
}

/// Qwen 3.5: as Qwen 2, with combining marks counted among the letters.
pub(super) fn qwen35_word(text: &str) -> usize {
    modern_word(text, LETTER | MARK, 1)
}

/// The pattern that Llama 3 and Qwen share: `letters` are the class bits of
/// its letters, `digits` the longest group of numbers.
fn modern_word(text: &str, letters: u8, digits: usize) -> usize {
    if let Some(length) = contraction(text, true) {
        return length;
    }
    let Some(first) = text.chars().next() else {
        return 0;
    };
    let is_letter = |bits: u8| bits & letters != 0;
    if is_letter(class(first)) {
        return run(text, is_letter);
    }
    if class(first) & NUMBER != 0 {
        return run_of_at_most(digits, text, |bits| bits & NUMBER != 0);
    }
    if !is_line_end(first) {
        let length = run(&text[first.len_utf8()..], is_letter);
        if length > 0 {
            return first.len_utf8() + length;
        }
    }
    let rest = text.strip_prefix(' ').unwrap_or(text);
    let length = run(rest, |bits| bits & (SPACE | letters | NUMBER) == 0);
    if length > 0 {
        let tail = rest[length..].trim_start_matches(is_line_end);
        return text.len() - tail.len();
    }
    // `\s*[\r\n]+` takes the white space up to its last line end.
    let spaces = &text[..run(text, |bits| bits & SPACE != 0)];
    match spaces.rfind(is_line_end) {
        Some(last) => last + 1,
        None => white_space(text),
    }
}

/// `\p{N}`: each number character alone.
pub(super) fn single_number(text: &str) -> usize {
    run_of_at_most(1, text, |bits| bits & NUMBER != 0)
}

/// `\p{N}+`
pub(super) fn numbers(text: &str) -> usize {
    run(text, |bits| bits & NUMBER != 0)
}

/// `[0-9][0-9][0-9]`
pub(super) fn three_digits(text: &str) -> usize {
    match text.as_bytes() {
        [a, b, c, ..] if [a, b, c].iter().all(|byte| byte.is_ascii_digit()) => 3,
        _ => 0,
    }
}

/// `[\p{P}\$\+<=>\^~\|]+`
pub(super) fn punctuation(text: &str) -> usize {
    punctuation_or(text, "$+<=>^~|")
}

/// Falcon: the same with the backtick
pub(super) fn falcon_punctuation(text: &str) -> usize {
    punctuation_or(text, "$+<=>^~|`")
}

fn punctuation_or(text: &str, symbols: &str) -> usize {
    let tail = text.trim_start_matches(|character: char| {
        class(character) & PUNCTUATION != 0 || symbols.contains(character)
    });
    text.len() - tail.len()
}

/// `'s|'t|'re|'ve|'m|'ll|'d`, in ASCII of either case on request.
fn contraction(text: &str, any_case: bool) -> Option<usize> {
    let rest = text.as_bytes().strip_prefix(b"'")?;
    let matches = |ending: &&[u8]| match rest.get(..ending.len()) {
        Some(start) if any_case => start.eq_ignore_ascii_case(ending),
        Some(start) => start == *ending,
        None => false,
    };
    let endings: [&[u8]; 7] = [b"s", b"t", b"re", b"ve", b"m", b"ll", b"d"];
    let ending = endings.iter().find(|ending| matches(ending))?;
    Some(1 + ending.len())
}

/// `\s+(?!\S)|\s+`: white space without its last character where a word
/// follows, so that the word can take the space before it.
fn white_space(text: &str) -> usize {
    let length = run(text, |bits| bits & SPACE != 0);
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

/// Returns the byte length of the longest run of characters at the start of
/// `text` whose class bits satisfy `wanted`.
fn run(text: &str, wanted: impl Fn(u8) -> bool) -> usize {
    run_of_at_most(usize::MAX, text, wanted)
}

fn run_of_at_most(characters: usize, text: &str, wanted: impl Fn(u8) -> bool) -> usize {
    text.chars()
        .take(characters)
        .take_while(|&character| wanted(class(character)))
        .map(char::len_utf8)
        .sum()
}

#[cfg(test)]
mod tests;

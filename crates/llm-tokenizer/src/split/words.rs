//! The patterns that cut text into words, numbers, punctuation and spaces.

use super::super::unicode_class::{
    Bits, HAN, LETTER, LOWER, MARK, NUMBER, PUNCTUATION, SPACE, SYMBOL, UPPER, class,
};
use super::{
    contraction, cut, is_line_end, number_group, run, run_of, spaces_to_line_end, white_space,
};

/// GPT-2:
/// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
pub(crate) fn gpt2(text: &str, emit: &mut dyn FnMut(&str)) {
    cut(text, emit, |text| {
        let rest = text.strip_prefix(' ').unwrap_or(text);
        let space = text.len() - rest.len();
        let with_space = |length: usize| if length > 0 { space + length } else { 0 };
        let others = || run(rest, |it| class(it) & (SPACE | LETTER | NUMBER) == 0);
        first_of([
            &|| contraction(text, false),
            &|| with_space(run_of(rest, LETTER)),
            &|| with_space(run_of(rest, NUMBER)),
            &|| with_space(others()),
            &|| white_space(text),
        ])
    });
}

/// Llama 3:
/// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|`
/// ` ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
pub(crate) fn llama3(text: &str, emit: &mut dyn FnMut(&str)) {
    cut(text, emit, |text| modern(text, LETTER, 3, is_line_end));
}

/// Qwen 2: as Llama 3, with each number alone. Bailing's pattern, written in
/// another way, matches the same.
pub(crate) fn qwen2(text: &str, emit: &mut dyn FnMut(&str)) {
    cut(text, emit, |text| modern(text, LETTER, 1, is_line_end));
}

/// Qwen 3.5: as Qwen 2, with combining marks counted among the letters.
pub(crate) fn qwen35(text: &str, emit: &mut dyn FnMut(&str)) {
    let letters = LETTER | MARK;
    cut(text, emit, |text| modern(text, letters, 1, is_line_end));
}

/// Seed-Coder: as Qwen 2, but punctuation takes no line ends along.
pub(crate) fn seed_coder(text: &str, emit: &mut dyn FnMut(&str)) {
    cut(text, emit, |text| modern(text, LETTER, 1, |_| false));
}

/// The pattern that Llama 3 and Qwen share: `letters` are the class bits of
/// its letters, `digits` the longest group of numbers, `tail` the characters
/// that punctuation takes along.
pub(super) fn modern(text: &str, letters: Bits, digits: usize, tail: fn(char) -> bool) -> usize {
    first_of([
        &|| contraction(text, true),
        &|| word(text, |rest| run_of(rest, letters)),
        &|| number_group(text, digits),
        &|| marks(text, SPACE | letters | NUMBER, tail),
        &|| spaces_to_line_end(text),
        &|| white_space(text),
    ])
}

/// EXAONE-MoE: as Qwen 2, but words with one space between them are one piece,
/// `[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+`, and punctuation
/// takes one line end along.
pub(crate) fn exaone_moe(text: &str, emit: &mut dyn FnMut(&str)) {
    cut(text, emit, |text| {
        let spaced_words = |text: &str| {
            let mut length = 0;
            loop {
                let rest = &text[length..];
                let rest = match rest.strip_prefix(' ') {
                    Some(after) if length > 0 => after,
                    _ => rest,
                };
                let letters = run_of(rest, LETTER);
                if letters == 0 {
                    return length;
                }
                let marks = run_of(&rest[letters..], MARK);
                length = text.len() - rest.len() + letters + marks;
            }
        };
        let symbols = || {
            let length = marks(text, SPACE | LETTER | NUMBER, |_| false);
            let next = text[length..].chars().next();
            let takes_next = length > 0 && next.is_some_and(is_line_end);
            length + usize::from(takes_next)
        };
        first_of([
            &|| contraction(text, true),
            &|| word(text, spaced_words),
            &|| number_group(text, 1),
            &symbols,
            &|| spaces_to_line_end(text),
            &|| white_space(text),
        ])
    });
}

/// DeepSeek V3: ``[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|``
/// `[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|`
/// `\s*[\r\n]+|\s+(?!\S)|\s+`
pub(crate) fn deepseek3(text: &str, emit: &mut dyn FnMut(&str)) {
    let marked_word = |text: &str| match text.as_bytes() {
        [first, rest @ ..] if first.is_ascii_punctuation() => {
            let letters = rest.iter().take_while(|byte| byte.is_ascii_alphabetic());
            match letters.count() {
                0 => 0,
                count => 1 + count,
            }
        }
        _ => 0,
    };
    let word = |text: &str| {
        let length = run_of(text, LETTER | MARK);
        if length > 0 {
            return length;
        }
        let is_lead = |it: char| class(it) & (PUNCTUATION | SYMBOL) == 0 && !is_line_end(it);
        after_lead(text, is_lead, |rest| run_of(rest, LETTER | MARK))
    };
    let symbols = |text: &str| {
        let rest = text.strip_prefix(' ').unwrap_or(text);
        with_tail(text, rest, run_of(rest, PUNCTUATION | SYMBOL), is_line_end)
    };
    cut(text, emit, |text| {
        first_of([
            &|| marked_word(text),
            &|| word(text),
            &|| symbols(text),
            &|| spaces_to_line_end(text),
            &|| white_space(text),
        ])
    });
}

/// GPT-4o: words end where upper case follows lower case,
/// `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|`
/// `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|`
/// `\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`
pub(crate) fn gpt4o(text: &str, emit: &mut dyn FnMut(&str)) {
    cut(text, emit, |text| {
        cased(text, |_| true, true, 3, is_line_end_or_slash)
    });
}

/// Tekken: as GPT-4o, with each number alone and contractions apart.
pub(crate) fn tekken(text: &str, emit: &mut dyn FnMut(&str)) {
    cut(text, emit, |text| {
        cased(text, |_| true, false, 1, is_line_end_or_slash)
    });
}

/// Youtu: as GPT-4o, with each number alone.
pub(crate) fn youtu(text: &str, emit: &mut dyn FnMut(&str)) {
    cut(text, emit, |text| {
        cased(text, |_| true, true, 1, is_line_end_or_slash)
    });
}

/// Kimi K2: `[\p{Han}]+|`, then as GPT-4o without Chinese among the letters
/// and without the slash after punctuation.
pub(crate) fn kimi_k2(text: &str, emit: &mut dyn FnMut(&str)) {
    cut(text, emit, |text| match run_of(text, HAN) {
        0 => cased(text, |bits| bits & HAN == 0, true, 3, is_line_end),
        length => length,
    });
}

/// The pattern of [`gpt4o`] for letters and marks that are `wanted`: with
/// contractions at the end of words or not, `digits` the longest group of
/// numbers, `tail` the characters that punctuation takes along.
fn cased(
    text: &str,
    wanted: fn(Bits) -> bool,
    contracts: bool,
    digits: usize,
    tail: fn(char) -> bool,
) -> usize {
    let with_contraction = |length: usize| {
        if contracts && length > 0 {
            length + contraction(&text[length..], true)
        } else {
            length
        }
    };
    let is_lead = |it: char| class(it) & (LETTER | NUMBER) == 0 && !is_line_end(it);
    let lower_word = |text: &str| cased_word(text, wanted);
    let upper_run = |text: &str| run(text, |it| may_be_upper(class(it)) && wanted(class(it)));
    first_of([
        &|| with_contraction(after_lead(text, is_lead, lower_word)),
        &|| with_contraction(lower_word(text)),
        // What has upper case alone is left for the second alternative.
        &|| with_contraction(after_lead(text, is_lead, upper_run)),
        &|| with_contraction(upper_run(text)),
        &|| number_group(text, digits),
        &|| marks(text, SPACE | LETTER | NUMBER, tail),
        &|| spaces_to_line_end(text),
        &|| white_space(text),
    ])
}

/// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+`: both classes
/// have the letters without case, so where no lower case follows the first
/// run, the second is the last such letter in it.
fn cased_word(text: &str, wanted: fn(Bits) -> bool) -> usize {
    let upper = run(text, |it| may_be_upper(class(it)) && wanted(class(it)));
    let lower = run(&text[upper..], |it| {
        may_be_lower(class(it)) && wanted(class(it))
    });
    if lower > 0 {
        return upper + lower;
    }
    let mut letters = text[..upper].char_indices().rev();
    let last = letters.find(|&(_, letter)| may_be_lower(class(letter)));
    last.map_or(0, |(at, letter)| at + letter.len_utf8())
}

/// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`
fn may_be_upper(bits: Bits) -> bool {
    bits & (LETTER | MARK) != 0 && bits & LOWER == 0
}

/// `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`
fn may_be_lower(bits: Bits) -> bool {
    bits & (LETTER | MARK) != 0 && bits & UPPER == 0
}

/// `[^\r\n\p{L}\p{N}]?LETTERS`, where `letters` matches at least all that are
/// `\p{L}`: so a first character that it takes is never left to the class.
fn word(text: &str, letters: impl Fn(&str) -> usize) -> usize {
    let is_lead = |it: char| class(it) & (LETTER | NUMBER) == 0 && !is_line_end(it);
    match letters(text) {
        0 => after_lead(text, is_lead, letters),
        length => length,
    }
}

/// A character that is a lead and a match of `scan` after it.
fn after_lead(text: &str, is_lead: impl Fn(char) -> bool, scan: impl Fn(&str) -> usize) -> usize {
    let mut characters = text.chars();
    match characters.next() {
        Some(lead) if is_lead(lead) => match scan(characters.as_str()) {
            0 => 0,
            length => lead.len_utf8() + length,
        },
        _ => 0,
    }
}

/// ` ?[^CLASSES]+TAIL*`, for characters without any of the class bits `not`.
fn marks(text: &str, not: Bits, tail: fn(char) -> bool) -> usize {
    let rest = text.strip_prefix(' ').unwrap_or(text);
    with_tail(text, rest, run(rest, |it| class(it) & not == 0), tail)
}

/// What `text` has before `rest`, `length` bytes of `rest` and what follows of
/// `tail`; 0 if the length is.
fn with_tail(text: &str, rest: &str, length: usize, tail: fn(char) -> bool) -> usize {
    match length {
        0 => 0,
        _ => text.len() - rest[length..].trim_start_matches(tail).len(),
    }
}

fn is_line_end_or_slash(character: char) -> bool {
    is_line_end(character) || character == '/'
}

/// The first alternative that matches, as in a regular expression.
fn first_of<const N: usize>(alternatives: [&dyn Fn() -> usize; N]) -> usize {
    let lengths = alternatives.into_iter().map(|alternative| alternative());
    lengths.into_iter().find(|&length| length > 0).unwrap_or(0)
}

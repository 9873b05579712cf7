//! The short patterns: runs of one class of characters, and single ones.

use std::sync::LazyLock;

use super::super::unicode_class::{LETTER, NUMBER, PUNCTUATION, SPACE, Set, class};
use super::{cut, is_line_end, number_group, run, run_of};

/// `[\r\n]`
pub(crate) fn line_end(text: &str, emit: &mut dyn FnMut(&str)) {
    cut(text, emit, |text| {
        usize::from(text.starts_with(is_line_end))
    });
}

/// `[^\n]+|[\n]+`
pub(crate) fn lines(text: &str, emit: &mut dyn FnMut(&str)) {
    cut(text, emit, |text| run(text, |it| it == '\n'));
}

/// `\S+`
pub(crate) fn non_spaces(text: &str, emit: &mut dyn FnMut(&str)) {
    cut(text, emit, |text| run(text, |it| class(it) & SPACE == 0));
}

/// `\p{N}`: each number character alone.
pub(crate) fn number(text: &str, emit: &mut dyn FnMut(&str)) {
    cut(text, emit, |text| number_group(text, 1));
}

/// `\p{N}{1,3}`
pub(crate) fn three_numbers(text: &str, emit: &mut dyn FnMut(&str)) {
    cut(text, emit, |text| number_group(text, 3));
}

/// `\p{N}+`
pub(crate) fn numbers(text: &str, emit: &mut dyn FnMut(&str)) {
    cut(text, emit, |text| run_of(text, NUMBER));
}

/// `[0-9][0-9][0-9]`
pub(crate) fn three_digits(text: &str, emit: &mut dyn FnMut(&str)) {
    cut(text, emit, |text| match text.as_bytes() {
        [a, b, c, ..] if [a, b, c].iter().all(|byte| byte.is_ascii_digit()) => 3,
        _ => 0,
    });
}

/// `[\p{P}\$\+<=>\^~\|]+`
pub(crate) fn punctuation(text: &str, emit: &mut dyn FnMut(&str)) {
    cut(text, emit, |text| punctuation_or(text, "$+<=>^~|"));
}

/// Falcon: the same with the backtick.
pub(crate) fn falcon_punctuation(text: &str, emit: &mut dyn FnMut(&str)) {
    cut(text, emit, |text| punctuation_or(text, "$+<=>^~|`"));
}

fn punctuation_or(text: &str, symbols: &str) -> usize {
    let is_wanted = |it: char| class(it) & PUNCTUATION != 0 || symbols.contains(it);
    run(text, is_wanted)
}

/// ``[\p{P}!-/:-@\[-`{-~]``: each punctuation character alone.
pub(crate) fn punctuation_character(text: &str, emit: &mut dyn FnMut(&str)) {
    cut(text, emit, |text| {
        let first = text.chars().next();
        let found = first.filter(|it| it.is_ascii_punctuation() || class(*it) & PUNCTUATION != 0);
        found.map_or(0, char::len_utf8)
    });
}

/// `\s?\p{L}+`
pub(crate) fn letters(text: &str, emit: &mut dyn FnMut(&str)) {
    cut(text, emit, |text| {
        after_space(text, |it| class(it) & LETTER != 0)
    });
}

/// `\s?\p{P}+`
pub(crate) fn punctuation_marks(text: &str, emit: &mut dyn FnMut(&str)) {
    cut(text, emit, |text| {
        after_space(text, |it| class(it) & PUNCTUATION != 0)
    });
}

/// DeepSeek LLM: `\s?[A-Za-zµÀ-ÖØ-ö…]+`, letters of the scripts that have case.
pub(crate) fn cased_letters(text: &str, emit: &mut dyn FnMut(&str)) {
    static LETTERS: LazyLock<Set> = LazyLock::new(|| {
        Set::new(concat!(
            r"[A-Za-z\u{b5}\u{c0}-\u{d6}\u{d8}-\u{f6}\u{f8}-\u{1ba}\u{1bc}-\u{1bf}",
            r"\u{1c4}-\u{293}\u{295}-\u{2af}\u{370}-\u{373}\u{376}\u{377}\u{37b}-\u{37d}",
            r"\u{37f}\u{386}\u{388}-\u{38a}\u{38c}\u{38e}-\u{3a1}\u{3a3}-\u{3f5}",
            r"\u{3f7}-\u{481}\u{48a}-\u{52f}\u{531}-\u{556}\u{10a0}-\u{10c5}",
            r"\u{13a0}-\u{13f5}\u{13f8}-\u{13fd}\u{1c90}-\u{1cba}\u{1cbd}-\u{1cbf}",
            r"\u{1d00}-\u{1d2b}\u{1d6b}-\u{1d77}\u{1d79}-\u{1d9a}\u{1e00}-\u{1f15}",
            r"\u{1f18}-\u{1f1d}\u{1f20}-\u{1f45}\u{1f48}-\u{1f4d}\u{1f50}-\u{1f57}\u{1f59}",
            r"\u{1f5b}\u{1f5d}\u{1f5f}-\u{1f7d}\u{1f80}-\u{1fb4}\u{1fb6}-\u{1fbc}\u{1fbe}",
            r"\u{1fc2}-\u{1fc4}\u{1fc6}-\u{1fcc}\u{1fd0}-\u{1fd3}\u{1fd6}-\u{1fdb}",
            r"\u{1fe0}-\u{1fec}\u{1ff2}-\u{1ff4}\u{1ff6}-\u{1ffc}\u{2102}\u{2107}",
            r"\u{210a}-\u{2113}\u{2115}\u{2119}-\u{211d}\u{2124}\u{2126}\u{2128}",
            r"\u{212a}-\u{212d}\u{212f}-\u{2134}\u{2139}\u{213c}-\u{213f}\u{2145}-\u{2149}",
            r"\u{214e}\u{2183}\u{2184}\u{2c00}-\u{2c7b}\u{2c7e}-\u{2ce4}\u{2ceb}-\u{2cee}",
            r"\u{2cf2}\u{2cf3}\u{a640}-\u{a66d}\u{a680}-\u{a69b}\u{a722}-\u{a76f}",
            r"\u{a771}-\u{a787}\u{a78b}-\u{a78e}\u{ab70}-\u{abbf}\u{fb00}-\u{fb06}",
            r"\u{fb13}-\u{fb17}\u{ff21}-\u{ff3a}\u{ff41}-\u{ff5a}\u{10400}-\u{1044f}",
            r"\u{104b0}-\u{104d3}\u{104d8}-\u{104fb}\u{10c80}-\u{10cb2}\u{10cc0}-\u{10cf2}",
            r"\u{118a0}-\u{118df}\u{1e900}-\u{1e943}]",
        ))
    });
    cut(text, emit, |text| {
        after_space(text, |it| LETTERS.contains(it))
    });
}

/// DeepSeek LLM: `\s?[!-/:-~！-／：-～‘-‟\u{3000}-。]+`
pub(crate) fn east_asian_punctuation(text: &str, emit: &mut dyn FnMut(&str)) {
    static MARKS: LazyLock<Set> =
        LazyLock::new(|| Set::new(r"[!-/:-~！-／：-～‘-‟\u{3000}-\u{3002}]"));
    cut(text, emit, |text| {
        after_space(text, |it| MARKS.contains(it))
    });
}

/// `\s?CLASS+`, for a class that may have white space of its own.
fn after_space(text: &str, wanted: impl Fn(char) -> bool) -> usize {
    let length = run(text, &wanted);
    let mut characters = text.chars();
    match characters.next() {
        Some(space) if length == 0 && class(space) & SPACE != 0 => {
            match run(characters.as_str(), wanted) {
                0 => 0,
                length => space.len_utf8() + length,
            }
        }
        _ => length,
    }
}

/// DeepSeek LLM and Coder: `[一-龥ࠀ-一가-\u{d7ff}]+`
pub(crate) fn cjk(text: &str, emit: &mut dyn FnMut(&str)) {
    let is_wanted = |it| matches!(it, '\u{800}'..='\u{9fa5}' | '\u{ac00}'..='\u{d7ff}');
    cut(text, emit, |text| run(text, is_wanted));
}

/// DeepSeek V3: `[一-龥\u{3040}-ゟ゠-ヿ]+`
pub(crate) fn han_and_kana(text: &str, emit: &mut dyn FnMut(&str)) {
    cut(text, emit, |text| run(text, is_han_or_kana));
}

fn is_han_or_kana(character: char) -> bool {
    matches!(character, '\u{4e00}'..='\u{9fa5}' | '\u{3040}'..='\u{30ff}')
}

/// Youtu: `[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|[一-龥\u{3040}-ゟ゠-ヿ]+`
pub(crate) fn youtu_scripts(text: &str, emit: &mut dyn FnMut(&str)) {
    static MARKS: LazyLock<Set> =
        LazyLock::new(|| Set::new(r"[！…“”‘’—：；，\u{3001}-\u{303f}\u{fe30}-\u{fe4f}]"));
    let scripts: [fn(char) -> bool; 4] = [
        |it| matches!(it, '\u{ac00}'..='\u{d7a3}' | '\u{3131}'..='\u{318e}'),
        |it| MARKS.contains(it),
        |it| matches!(it, '\u{3105}'..='\u{312f}'),
        is_han_or_kana,
    ];
    cut(text, emit, |text| {
        let lengths = scripts.iter().map(|wanted| run(text, wanted));
        lengths.max().unwrap_or(0)
    });
}

/// AFMoE: scripts of Asia that write no spaces, as llama.cpp lists them.
pub(crate) fn afmoe_asian(text: &str, emit: &mut dyn FnMut(&str)) {
    static SCRIPTS: LazyLock<Set> = LazyLock::new(|| {
        Set::new(concat!(
            r"[\u{4e00}-\u{9fff}\u{3400}-\u{4dbf}\u{8c48}-\u{faff}\u{3040}-\u{30ff}",
            r"\u{ff65}-\u{ff9f}\u{2f00}-\u{2fdf}\u{e40}-\u{eff}\u{1780}-\u{17ff}",
            r"\u{1000}-\u{109f}\u{aa60}-\u{aa7f}\u{a9e0}-\u{a9ff}\u{ac00}-\u{d7af}",
            r"\u{1100}-\u{11ff}]",
        ))
    });
    cut(text, emit, |text| run(text, |it| SCRIPTS.contains(it)));
}

/// BLOOM: ` ?[^(\s|.,!?…。，、।۔،)]+`
pub(crate) fn bloom(text: &str, emit: &mut dyn FnMut(&str)) {
    let is_wanted = |it: char| class(it) & SPACE == 0 && !"(|.,!?…。，、।۔،)".contains(it);
    cut(text, emit, |text| {
        let rest = text.strip_prefix(' ').unwrap_or(text);
        match run(rest, is_wanted) {
            0 => 0,
            length => text.len() - rest.len() + length,
        }
    });
}

/// Chameleon: `<sentinel:[0-9]+>`
pub(crate) fn chameleon_sentinel(text: &str, emit: &mut dyn FnMut(&str)) {
    cut(text, emit, |text| {
        let Some(rest) = text.strip_prefix("<sentinel:") else {
            return 0;
        };
        let after = rest.trim_start_matches(|it: char| it.is_ascii_digit());
        match after.strip_prefix('>') {
            Some(after_all) if after.len() < rest.len() => text.len() - after_all.len(),
            _ => 0,
        }
    });
}

/// Chameleon: `(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z`
pub(crate) fn chameleon_image(text: &str, emit: &mut dyn FnMut(&str)) {
    cut(text, emit, |text| {
        let Some(rest) = text.as_bytes().strip_prefix(b"IMGIMG") else {
            return 0;
        };
        let letters = rest.iter().take_while(|byte| matches!(byte, b'A'..=b'I'));
        let count = letters.count();
        let ends = (1..=4).contains(&count) && rest.get(count) == Some(&b'Z');
        if ends { b"IMGIMGZ".len() + count } else { 0 }
    });
}

/// Chameleon: `([\t\n]|    |  )`
pub(crate) fn chameleon_spaces(text: &str, emit: &mut dyn FnMut(&str)) {
    cut(text, emit, |text| match text.as_bytes() {
        [b'\t' | b'\n', ..] => 1,
        [b' ', b' ', b' ', b' ', ..] => 4,
        [b' ', b' ', ..] => 2,
        _ => 0,
    });
}

//! The pre-tokenizer of a `tokenizer.json` → its name in GGUF files
//! (`tokenizer.ggml.pre`), by a table: a pattern means what it says, whatever
//! model it stands in.

use std::borrow::Cow;

use serde_json::Value as Json;

/// Contractions, words with a character before them, up to three digits, …
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// The same with single digits.
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// Marks belong to words.
const QWEN35: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// Words end where capitals begin.
const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const GPT4O: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// DeepSeek's first: letters of scripts that have cases.
const CASED: &str = r"\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+";
const PUNCTUATION: &str = r"\s?[!-/:-~！-／：-～‘-‟　-。]+";
const CJK: &str = r"[一-龥ࠀ-一가-퟿]+";
/// Its later one: Chinese and Japanese, and words that punctuation may begin.
const HAN_AND_KANA: &str = r"[一-龥぀-ゟ゠-ヿ]+";
const DEEPSEEK3: &str = r##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"##;

/// Patterns that leave no character out.
const WHOLE: [&str; 5] = [LLAMA3, QWEN2, QWEN35, TEKKEN, GPT4O];

/// What a step of a pre-tokenizer does.
#[derive(Debug, PartialEq, Eq)]
enum Step<'a> {
    /// Cuts out what the pattern matches; ends of lines are written with escapes.
    Split(Cow<'a, str>),
    /// Cuts out every digit.
    Digits,
    /// Cuts words as GPT-2 does.
    Gpt2,
    /// Writes bytes as characters, as every other kind ends with.
    Bytes,
}

use Step::{Bytes, Digits, Gpt2, Split};

const fn split(pattern: &str) -> Step<'_> {
    Split(Cow::Borrowed(pattern))
}

/// (steps, whether a piece that is a token needs no merging, name in GGUF)
const KINDS: &[(&[Step], bool, &str)] = &[
    (&[Gpt2], false, "gpt-2"),
    (&[Digits, Gpt2], false, "smollm"),
    (&[split(LLAMA3), Bytes], true, "llama-bpe"),
    (&[split(LLAMA3), Bytes], false, "smaug-bpe"),
    (&[split(QWEN2), Bytes], false, "qwen2"),
    (&[split(QWEN35), Bytes], false, "qwen35"),
    (&[split(TEKKEN), Bytes], true, "tekken"),
    (&[split(GPT4O), Bytes], false, "gpt-4o"),
    (
        &[
            split(r"[\r\n]"),
            split(CASED),
            split(PUNCTUATION),
            split(r"\s+$"),
            split(CJK),
            Digits,
            Bytes,
        ],
        false,
        "deepseek-llm",
    ),
    (
        &[
            split(r"\p{N}{1,3}"),
            split(HAN_AND_KANA),
            split(DEEPSEEK3),
            Bytes,
        ],
        false,
        "deepseek-v3",
    ),
];

/// Returns whether a pre-tokenizer writes bytes as characters.
pub(super) fn is_byte_level(pre_tokenizer: Option<&Json>) -> bool {
    let is_bytes = |step: &Json| kind(step) == "ByteLevel";
    pre_tokenizer.is_some_and(|it| parts(it).into_iter().any(is_bytes))
}

/// Returns the name of a pre-tokenizer, or why it has none.
pub(super) fn name(pre_tokenizer: &Json, ignore_merges: bool) -> Result<&'static str, String> {
    let steps = parts(pre_tokenizer)
        .into_iter()
        .map(step)
        .collect::<Result<Vec<_>, _>>()?;
    let found = KINDS
        .iter()
        .find(|(known, ignores, _)| *known == steps && *ignores == ignore_merges);
    found.map(|(_, _, name)| *name).ok_or_else(|| {
        let how = if ignore_merges {
            ", and ignores merges"
        } else {
            ""
        };
        format!("the pre-tokenizer is {pre_tokenizer}{how}")
    })
}

fn kind(step: &Json) -> &str {
    step.get("type").and_then(Json::as_str).unwrap_or_default()
}

/// Returns the steps of a sequence, or the only one.
fn parts(pre_tokenizer: &Json) -> Vec<&Json> {
    match pre_tokenizer.get("pretokenizers").and_then(Json::as_array) {
        Some(steps) if kind(pre_tokenizer) == "Sequence" => steps.iter().collect(),
        _ => vec![pre_tokenizer],
    }
}

fn step(step: &Json) -> Result<Step<'_>, String> {
    let flag = |name: &str| step.get(name).and_then(Json::as_bool);
    let text = |name: &str| step.get(name).and_then(Json::as_str);
    match kind(step) {
        "Digits" if flag("individual_digits") == Some(true) => Ok(Digits),
        // The crate's defaults: a space is put before the text, words are cut.
        "ByteLevel" if flag("add_prefix_space") == Some(false) => Ok(match flag("use_regex") {
            Some(false) => Bytes,
            _ => Gpt2,
        }),
        "Split" => {
            let pattern = step.get("pattern").and_then(|it| it.get("Regex")?.as_str());
            // One way to write what can be written in two.
            let plain = |it: &str| {
                let ends = it.replace('\r', r"\r").replace('\n', r"\n");
                ends.replace(r#"\""#, "\"")
            };
            let pattern = pattern.map(plain);
            let found = match (text("behavior"), flag("invert") == Some(true)) {
                (Some("Isolated"), false) => pattern,
                // What is not matched is left out, and these match everything.
                (Some("Removed"), true) => pattern.filter(|it| WHOLE.contains(&it.as_str())),
                _ => None,
            };
            found
                .map(|pattern| Split(Cow::Owned(pattern)))
                .ok_or_else(|| format!("a step of the pre-tokenizer is {step}"))
        }
        _ => Err(format!("a step of the pre-tokenizer is {step}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn kinds_are_told_by_what_they_do() {
        let bytes = json!({"type": "ByteLevel", "add_prefix_space": false, "use_regex": false});
        let words = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true});
        let split = |pattern: &str| json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false});
        let sequence = |steps: &[&Json]| json!({"type": "Sequence", "pretokenizers": steps});
        let digits = json!({"type": "Digits", "individual_digits": true});
        assert_eq!(name(&words, false), Ok("gpt-2"));
        assert_eq!(name(&sequence(&[&digits, &words]), false), Ok("smollm"));
        let llama = sequence(&[&split(LLAMA3), &bytes]);
        assert_eq!(name(&llama, true), Ok("llama-bpe"));
        assert_eq!(name(&llama, false), Ok("smaug-bpe"));
        assert_eq!(
            name(&sequence(&[&split(QWEN2), &bytes]), false),
            Ok("qwen2")
        );
        assert!(is_byte_level(Some(&llama)) && !is_byte_level(Some(&digits)));
        let kept = |pattern: &str| json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Removed", "invert": true});
        let steps = sequence(&[&kept(GPT4O), &bytes]);
        assert_eq!(name(&steps, false), Ok("gpt-4o"));
        assert!(name(&sequence(&[&kept(CJK), &bytes]), false).is_err());
        let steps = [r"\p{N}{1,3}", HAN_AND_KANA, DEEPSEEK3].map(split);
        let [numbers, han, words] = &steps;
        let deepseek = sequence(&[numbers, han, words, &bytes]);
        assert_eq!(name(&deepseek, false), Ok("deepseek-v3"));
        let unknown = sequence(&[&split(r"\w+"), &bytes]);
        assert!(name(&unknown, false).unwrap_err().contains(r"\\w+"));
        let metaspace = json!({"type": "Metaspace", "replacement": "▁"});
        assert!(name(&metaspace, false).unwrap_err().contains("Metaspace"));
    }

    #[test]
    fn every_name_is_one_that_the_tokenizer_knows() {
        for (_, _, name) in KINDS {
            assert!(llm_tokenizer::knows_pre_tokenizer(name), "{name}");
        }
    }
}

//! The `tokenizers` crate with the tables of a GGUF file, set up as in the
//! model's own `tokenizer.json`.

use llm_gguf::Metadata;
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::models::unigram::Unigram;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::{
    BertNormalizer, NormalizerWrapper, Precompiled, Prepend, Replace, Sequence as Normalizers,
};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::metaspace::{Metaspace, PrependScheme};
use tokenizers::pre_tokenizers::punctuation::Punctuation;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::pre_tokenizers::whitespace::WhitespaceSplit;
use tokenizers::{AddedToken, SplitDelimiterBehavior, Tokenizer};

const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN35: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const CJK: &str = r"[一-龥ࠀ-一가-\u{d7ff}]+";
/// The letters that DeepSeek LLM's pattern lists.
const CASED: &str = concat!(
    r"\s?",
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
    "+"
);

/// Builds its tokenizer.
pub(crate) fn build(vocabulary: &str, metadata: &Metadata) -> Tokenizer {
    let mut built = match vocabulary {
        "bert-bge" => Tokenizer::new(word_piece(metadata)),
        "nomic-bert-moe" => Tokenizer::new(unigram(metadata)),
        _ => Tokenizer::new(byte_pairs(vocabulary, metadata)),
    };
    match vocabulary {
        "gemma-4" => normalize(&mut built, spaces()),
        "llama-spm" | "phi-3" => {
            let both = vec![Prepend::new("▁".into()).into(), spaces().into()];
            normalize(&mut built, Normalizers::new(both));
        }
        "bert-bge" => {
            normalize(&mut built, BertNormalizer::default());
            built.with_pre_tokenizer(Some(BertPreTokenizer));
        }
        "nomic-bert-moe" => {
            let spaces = Metaspace::new('▁', PrependScheme::Always, true);
            let both = vec![WhitespaceSplit.into(), spaces.into()];
            built.with_pre_tokenizer(Some(Sequence::new(both)));
            let rules = metadata
                .integers("tokenizer.ggml.precompiled_charsmap")
                .ok()
                .flatten();
            let rules = rules.expect("it has rules").iter().map(|byte| byte as u8);
            let rules = Precompiled::from(&rules.collect::<Vec<_>>());
            normalize(&mut built, rules.expect("the rules fit together"));
        }
        _ => {
            built.with_pre_tokenizer(Some(Sequence::new(stages(vocabulary))));
        }
    }
    if vocabulary == "mpt" {
        // Runs of spaces are tokens that are cut out first.
        let own = tokens(metadata)
            .into_iter()
            .filter(|text| text.len() > 1 && text.chars().all(|character| character == ' '))
            .map(|text| AddedToken::from(text, false).normalized(false));
        let added = built.add_tokens(own.collect::<Vec<_>>());
        added.expect("they are in the vocabulary");
    }
    built
}

/// What cuts text for byte-level pairs.
fn stages(vocabulary: &str) -> Vec<PreTokenizerWrapper> {
    let gpt2 = || ByteLevel::new(false, false, true).into();
    let bytes = || ByteLevel::new(false, false, false).into();
    match vocabulary {
        "llama-bpe" => vec![matches(LLAMA3), bytes()],
        "qwen2" => vec![matches(QWEN2), bytes()],
        "qwen35" => vec![matches(QWEN35), bytes()],
        "command-r" | "refact" | "starcoder" => vec![Digits::new(true).into(), gpt2()],
        "falcon" => vec![
            Punctuation::new(SplitDelimiterBehavior::Contiguous).into(),
            gpt2(),
            matches("[0-9][0-9][0-9]"),
        ],
        "deepseek-coder" => vec![
            matches(r"[\r\n]"),
            matches(r"\s?\p{L}+"),
            matches(r"\s?\p{P}+"),
            matches(CJK),
            Digits::new(true).into(),
            bytes(),
        ],
        "deepseek-llm" => vec![
            matches(r"[\r\n]"),
            matches(CASED),
            matches(r"\s?[!-/:-~！-／：-～‘-‟\u{3000}-。]+"),
            matches(r"\s+$"),
            matches(CJK),
            matches(r"\p{N}+"),
            bytes(),
        ],
        _ => vec![gpt2()],
    }
}

/// Cuts text into the matches of a pattern and what stands between them.
fn matches(pattern: &str) -> PreTokenizerWrapper {
    let pattern = SplitPattern::Regex(pattern.into());
    let split = Split::new(pattern, SplitDelimiterBehavior::Isolated, false);
    split
        .expect("the pattern is one that tokenizer.json has")
        .into()
}

fn spaces() -> Replace {
    Replace::new(" ", "▁").expect("a plain pattern")
}

fn normalize(tokenizer: &mut Tokenizer, normalizer: impl Into<NormalizerWrapper>) {
    let set = tokenizer.with_normalizer(Some(normalizer));
    set.expect("no token is added yet");
}

fn tokens(metadata: &Metadata) -> Vec<String> {
    strings(metadata, "tokenizer.ggml.tokens")
}

fn strings(metadata: &Metadata, key: &str) -> Vec<String> {
    let strings = metadata
        .strings(key)
        .ok()
        .flatten()
        .expect("a vocabulary has its tables");
    let texts = (0..strings.len()).filter_map(|index| strings.text(index));
    texts.map(std::borrow::Cow::into_owned).collect()
}

fn byte_pairs(vocabulary: &str, metadata: &Metadata) -> BPE {
    let tokens: Vocab = tokens(metadata).into_iter().zip(0..).collect();
    let has_scores = matches!(vocabulary, "llama-spm" | "phi-3");
    let merges = if has_scores {
        scored_merges(metadata, &tokens)
    } else {
        listed_merges(metadata)
    };
    let characters = has_scores || vocabulary == "gemma-4";
    BPE::builder()
        .vocab_and_merges(tokens, merges)
        .ignore_merges(vocabulary == "llama-bpe")
        .byte_fallback(characters)
        .fuse_unk(characters)
        .build()
        .expect("the tables fit together")
}

fn listed_merges(metadata: &Metadata) -> Vec<(String, String)> {
    let merges = strings(metadata, "tokenizer.ggml.merges")
        .into_iter()
        .map(|line| {
            let mut spaces = line.match_indices(' ').map(|(at, _)| at);
            let at = spaces.find(|&at| at > 0).expect("a merge has two parts");
            (line[..at].to_owned(), line[at + 1..].to_owned())
        });
    merges.collect()
}

/// The merges of a vocabulary that has scores in their stead, as transformers
/// makes them: all pairs of tokens that are a token together, the best first.
fn scored_merges(metadata: &Metadata, tokens: &Vocab) -> Vec<(String, String)> {
    let scores = metadata
        .f32s("tokenizer.ggml.scores")
        .ok()
        .flatten()
        .expect("it has scores");
    let mut merges = Vec::new();
    for (text, &id) in tokens {
        let score = scores.get(id as usize).unwrap_or_default();
        let cuts = text.char_indices().map(|(at, _)| at).skip(1);
        merges.extend(cuts.filter_map(|at| {
            let (left, right) = text.split_at(at);
            let ids = (*tokens.get(left)?, *tokens.get(right)?);
            Some((score, ids, (left.to_owned(), right.to_owned())))
        }));
    }
    merges.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    merges.into_iter().map(|(_, _, pair)| pair).collect()
}

fn word_piece(metadata: &Metadata) -> WordPiece {
    // The converter's mark is before words, the crate's before the other pieces.
    let texts = tokens(metadata)
        .into_iter()
        .map(|text| match text.strip_prefix('▁') {
            Some(word) => word.to_owned(),
            None if text.len() > 2 && text.starts_with('[') && text.ends_with(']') => text,
            None => format!("##{text}"),
        });
    WordPiece::builder()
        .vocab(texts.zip(0..).collect::<Vocab>())
        .unk_token("[UNK]".into())
        .max_input_chars_per_word(usize::MAX)
        .build()
        .expect("the tables fit together")
}

fn unigram(metadata: &Metadata) -> Unigram {
    let scores = metadata
        .f32s("tokenizer.ggml.scores")
        .ok()
        .flatten()
        .expect("it has scores");
    let scores = (0..scores.len()).filter_map(|id| scores.get(id));
    let pieces = tokens(metadata).into_iter().zip(scores.map(f64::from));
    Unigram::from(pieces.collect(), Some(3), false).expect("the tables fit together")
}

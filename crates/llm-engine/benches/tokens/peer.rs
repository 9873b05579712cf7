//! The `tokenizers` crate with the tables of a GGUF file, set up as in the
//! model's own `tokenizer.json`.

use llm_engine::gguf::Metadata;
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::models::unigram::Unigram;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::{BertNormalizer, Replace};
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::metaspace::{Metaspace, PrependScheme};
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{SplitDelimiterBehavior, Tokenizer};

const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Builds its tokenizer.
pub(crate) fn build(vocabulary: &str, metadata: &Metadata) -> Tokenizer {
    let mut built = match vocabulary {
        "bert-bge" => Tokenizer::new(word_piece(metadata)),
        "nomic-bert-moe" => Tokenizer::new(unigram(metadata)),
        _ => Tokenizer::new(byte_pairs(vocabulary, metadata)),
    };
    match vocabulary {
        "gpt-2" => {
            built.with_pre_tokenizer(Some(ByteLevel::new(false, false, true)));
        }
        "llama-bpe" => byte_level(&mut built, LLAMA3),
        "qwen2" => byte_level(&mut built, QWEN2),
        "gemma-4" => {
            let spaces = Replace::new(" ", "▁").expect("a plain pattern");
            built
                .with_normalizer(Some(spaces))
                .expect("no token is added yet");
        }
        "bert-bge" => {
            let normal = BertNormalizer::default();
            built
                .with_normalizer(Some(normal))
                .expect("no token is added yet");
            built.with_pre_tokenizer(Some(BertPreTokenizer));
        }
        _ => {
            let spaces = Metaspace::new('▁', PrependScheme::Always, true);
            built.with_pre_tokenizer(Some(spaces));
        }
    }
    built
}

fn byte_level(tokenizer: &mut Tokenizer, pattern: &str) {
    let pattern = SplitPattern::Regex(pattern.into());
    let split = Split::new(pattern, SplitDelimiterBehavior::Isolated, false);
    let split = split.expect("the pattern is one that tokenizer.json has");
    let bytes = ByteLevel::new(false, false, false);
    let both = Sequence::new(vec![split.into(), bytes.into()]);
    tokenizer.with_pre_tokenizer(Some(both));
}

fn tokens(metadata: &Metadata) -> Vec<String> {
    strings(metadata, "tokenizer.ggml.tokens")
}

fn strings(metadata: &Metadata, key: &str) -> Vec<String> {
    let strings = metadata.strings(key).expect("a vocabulary has its tables");
    let texts = (0..strings.len()).filter_map(|index| strings.text(index));
    texts.map(std::borrow::Cow::into_owned).collect()
}

fn byte_pairs(vocabulary: &str, metadata: &Metadata) -> BPE {
    let merges = strings(metadata, "tokenizer.ggml.merges").into_iter();
    let merges = merges.map(|line| {
        let mut spaces = line.match_indices(' ').map(|(at, _)| at);
        let at = spaces.find(|&at| at > 0).expect("a merge has two parts");
        (line[..at].to_owned(), line[at + 1..].to_owned())
    });
    let characters = vocabulary == "gemma-4";
    BPE::builder()
        .vocab_and_merges(
            tokens(metadata).into_iter().zip(0..).collect::<Vocab>(),
            merges.collect(),
        )
        .ignore_merges(vocabulary == "llama-bpe")
        .byte_fallback(characters)
        .fuse_unk(characters)
        .build()
        .expect("the tables fit together")
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
        .expect("it has scores");
    let scores = (0..scores.len()).filter_map(|id| scores.get(id));
    let pieces = tokens(metadata).into_iter().zip(scores.map(f64::from));
    Unigram::from(pieces.collect(), Some(3), false).expect("the tables fit together")
}

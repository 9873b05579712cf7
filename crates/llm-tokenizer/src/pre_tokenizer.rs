//! The table of pre-tokenizer kinds (`tokenizer.ggml.pre`): a new kind is a
//! new row here and, at most, a new scanner in `split`.
//!
//! Names and rules follow llama.cpp's `llama_vocab::impl::load`, which is what
//! files are converted for. llama.cpp hard-codes `ignore_merges` and the
//! default of `add_bos_token` per kind, so they stand here as well.

use super::split::{
    Stage, afmoe_asian, bloom, cased_letters, chameleon_image, chameleon_sentinel,
    chameleon_spaces, cjk, deepseek3, digits_before_a_boundary, digits_from_the_right,
    east_asian_punctuation, exaone_moe, falcon_punctuation, gpt2, gpt4o, han_and_kana, jais2,
    kimi_k2, letters, line_end, lines, llama3, non_spaces, number, numbers, numbers_from_the_right,
    punctuation, punctuation_character, punctuation_marks, qwen2, qwen35, seed_coder, tekken,
    three_digits, three_numbers, trailing_spaces, youtu, youtu_scripts,
};

/// How byte-pair encoding treats text, by the file's `tokenizer.ggml.pre`.
#[derive(Debug)]
pub(super) struct PreTokenizer {
    /// The names that files use for it.
    pub(super) names: &'static [&'static str],
    /// The cuts to make before merging.
    pub(super) stages: &'static [Stage],
    /// How the vocabulary writes text.
    pub(super) text: Text,
    /// Whether a piece that is a token needs no merging.
    pub(super) ignore_merges: bool,
    /// Whether BOS is added where the file does not say.
    pub(super) bos: Bos,
}

/// How a byte-pair vocabulary writes text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    /// In GPT-2's byte alphabet.
    ByteLevel,
    /// As it is, with U+2581 for a space, as SentencePiece does it.
    Marked,
    /// The same, and a run of line ends that is a token needs no merging.
    MarkedLines,
    /// As it is.
    Plain,
}

/// Whether BOS is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bos {
    /// Only where the file says so.
    OnRequest,
    /// Unless the file says no.
    ByDefault,
    /// Whatever the file says: Gemma 4's do not say it right.
    Always,
}

/// The kind with the most common settings; rows name what differs.
const PLAIN: PreTokenizer = PreTokenizer {
    names: &[],
    stages: &[],
    text: Text::ByteLevel,
    ignore_merges: false,
    bos: Bos::OnRequest,
};

const fn plain(names: &'static [&'static str], stages: &'static [Stage]) -> PreTokenizer {
    PreTokenizer {
        names,
        stages,
        ..PLAIN
    }
}

/// All kinds that this build knows.
const KINDS: &[PreTokenizer] = &[
    PreTokenizer {
        names: &[
            "llama-bpe",
            "llama3",
            "llama-v3",
            "falcon3",
            "falcon-h1",
            "pixtral",
            "midm-2.0",
            "lfm2",
            "jina-v5-nano",
        ],
        stages: &[llama3],
        ignore_merges: true,
        bos: Bos::ByDefault,
        ..PLAIN
    },
    plain(&["dbrx", "smaug-bpe", "glm4", "chatglm-bpe"], &[llama3]),
    PreTokenizer {
        names: &["minicpm5"],
        stages: &[three_numbers, llama3],
        ignore_merges: true,
        ..PLAIN
    },
    plain(&["jais-2"], &[jais2]),
    plain(
        &[
            "qwen2",
            "deepseek-r1-qwen",
            "kormo",
            "f2llmv2",
            "stablelm2",
            "hunyuan",
            "solar-open",
            "megrez",
            "grok-2",
            "bailingmoe",
            "bailingmoe2",
            "llada-moe",
        ],
        &[qwen2],
    ),
    plain(&["laguna"], &[lines, qwen2]),
    plain(&["qwen35"], &[qwen35]),
    plain(&["seed-coder"], &[seed_coder]),
    plain(&["exaone-moe"], &[exaone_moe]),
    plain(
        &[
            "gpt-2",
            "phi-2",
            "mpt",
            "olmo",
            "jais",
            "trillion",
            "granite-docling",
            "modern-bert",
            "roberta-bpe",
            "jina-es",
            "jina-de",
            "jina-v1-en",
            "jina-v2-es",
            "jina-v2-de",
            "jina-v2-code",
            "gigachat",
            "a.x-4.0",
            "mellum",
            "exaone4",
        ],
        &[gpt2],
    ),
    plain(
        &[
            "smollm",
            "starcoder",
            "refact",
            "command-r",
            "codeshell",
            "exaone",
            "minerva-7b",
            "mellum2",
        ],
        &[number, gpt2],
    ),
    plain(&["falcon"], &[falcon_punctuation, gpt2, three_digits]),
    plain(&["default"], &[punctuation, gpt2, numbers, three_digits]),
    plain(
        &["deepseek-llm"],
        &[
            line_end,
            cased_letters,
            east_asian_punctuation,
            trailing_spaces,
            cjk,
            numbers,
        ],
    ),
    plain(
        &["deepseek-coder"],
        &[line_end, letters, punctuation_marks, cjk, number],
    ),
    plain(
        &["deepseek-v3", "hunyuan-dense", "joyai-llm"],
        &[three_numbers, han_and_kana, deepseek3],
    ),
    plain(
        &["afmoe"],
        &[numbers_from_the_right, afmoe_asian, deepseek3],
    ),
    PreTokenizer {
        names: &["youtu"],
        stages: &[youtu_scripts, youtu],
        ignore_merges: true,
        ..PLAIN
    },
    PreTokenizer {
        names: &["tekken"],
        stages: &[tekken],
        ignore_merges: true,
        bos: Bos::ByDefault,
        ..PLAIN
    },
    plain(
        &["gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2"],
        &[gpt4o],
    ),
    PreTokenizer {
        names: &["granite-embed-multi-97m"],
        stages: &[gpt4o],
        ignore_merges: true,
        ..PLAIN
    },
    plain(
        &["tiny_aya", "cohere2moe"],
        &[digits_before_a_boundary, gpt4o],
    ),
    plain(&["kimi-k2"], &[kimi_k2]),
    plain(&["superbpe"], &[numbers, digits_from_the_right]),
    plain(&["bloom", "poro-chat", "gpt3-finnish"], &[bloom]),
    plain(&["viking"], &[bloom, number]),
    PreTokenizer {
        names: &["chameleon"],
        stages: &[
            chameleon_sentinel,
            chameleon_image,
            chameleon_spaces,
            number,
            punctuation_character,
            gpt2,
        ],
        bos: Bos::ByDefault,
        ..PLAIN
    },
    PreTokenizer {
        names: &["gemma4", "granite-embed-multi-311m"],
        stages: &[lines],
        text: Text::MarkedLines,
        bos: Bos::Always,
        ..PLAIN
    },
    PreTokenizer {
        names: &["sarvam-moe"],
        stages: &[lines],
        text: Text::Marked,
        ..PLAIN
    },
    PreTokenizer {
        names: &["whitespace"],
        stages: &[non_spaces],
        text: Text::Plain,
        ..PLAIN
    },
];

/// Looks a kind up by the name in the file.
pub(super) fn find(name: &str) -> Option<&'static PreTokenizer> {
    KINDS.iter().find(|kind| kind.names.contains(&name))
}

/// Returns all kinds.
#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = &'static PreTokenizer> {
    KINDS.iter()
}

/// Returns the names of all kinds, for messages.
pub(super) fn known_names() -> String {
    let names: Vec<_> = KINDS.iter().flat_map(|kind| kind.names).copied().collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_stands_twice() {
        let mut names: Vec<_> = KINDS.iter().flat_map(|kind| kind.names).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}

//! The table of pre-tokenizer kinds (`tokenizer.ggml.pre`): a new kind is a
//! new row here and, at most, a new scanner in `split`.
//!
//! Names and rules follow llama.cpp's `llama_vocab::impl::load`, which is what
//! files are converted for. llama.cpp hard-codes `ignore_merges` and the
//! default of `add_bos_token` per kind, so they stand here as well.

use super::split::{
    Stage, falcon_punctuation, gpt2_word, llama3_word, numbers, punctuation, qwen2_word,
    qwen35_word, single_number, three_digits,
};

/// How byte-level BPE treats text, by the file's `tokenizer.ggml.pre`.
pub(super) struct Kind {
    /// The names that files use for it.
    pub(super) names: &'static [&'static str],
    /// The cuts to make before merging.
    pub(super) stages: &'static [Stage],
    /// Whether a piece that is a token needs no merging.
    pub(super) ignore_merges: bool,
    /// Whether BOS is added where the file does not say.
    pub(super) add_bos: bool,
}

/// All kinds that this build knows.
const KINDS: &[Kind] = &[
    Kind {
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
        stages: &[llama3_word],
        ignore_merges: true,
        add_bos: true,
    },
    plain(
        &["dbrx", "smaug-bpe", "glm4", "chatglm-bpe"],
        &[llama3_word],
    ),
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
        ],
        &[qwen2_word],
    ),
    plain(&["qwen35"], &[qwen35_word]),
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
            "jina-es",
            "jina-de",
            "jina-v2-es",
            "jina-v2-de",
            "gigachat",
            "a.x-4.0",
            "mellum",
            "exaone4",
        ],
        &[gpt2_word],
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
        &[single_number, gpt2_word],
    ),
    plain(&["falcon"], &[falcon_punctuation, gpt2_word, three_digits]),
    plain(
        &["default"],
        &[punctuation, gpt2_word, numbers, three_digits],
    ),
];

const fn plain(names: &'static [&'static str], stages: &'static [Stage]) -> Kind {
    Kind {
        names,
        stages,
        ignore_merges: false,
        add_bos: false,
    }
}

/// Looks a kind up by the name in the file.
pub(super) fn find(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.names.contains(&name))
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

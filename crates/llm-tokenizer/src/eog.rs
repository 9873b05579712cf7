//! Which tokens end a generation. Files state some of them by id; the rest is
//! found by text, by the rules of llama.cpp's `llama_vocab::impl::load`, since
//! chat models are used through what it finds.

use super::vocabulary::{TokenType, Vocabulary, eog_ids_of, special_id};
use llm_gguf::{Metadata, ValueError};

/// Tokens that end a generation wherever they are in a vocabulary.
const EOG_TEXTS: &[&str] = &[
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|flush|>",
    "<|calls|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "</s>",
    "<|eom_id|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "<|end_of_text|>",
    "<end_of_utterance>",
    "<eos>",
    "<turn|>",
    "<|tool_response>",
    "<｜end▁of▁sentence｜>",
    "[e~[",
];

/// A part of fill-in-the-middle markup: the names of its id in files, its
/// texts, and whether it ends a generation.
struct FillRole {
    keys: &'static [&'static str],
    texts: &'static [&'static str],
    ends: bool,
}

const FILL_ROLES: [FillRole; 6] = [
    FillRole {
        keys: &["fim_pre", "prefix"],
        texts: &[
            "<|fim_prefix|>",
            "<fim-prefix>",
            "<fim_prefix>",
            "<｜fim▁begin｜>",
            "<PRE>",
            "▁<PRE>",
            "<|code_prefix|>",
            "<|prefix|>",
        ],
        ends: false,
    },
    FillRole {
        keys: &["fim_suf", "suffix"],
        texts: &[
            "<|fim_suffix|>",
            "<fim-suffix>",
            "<fim_suffix>",
            "<｜fim▁hole｜>",
            "<SUF>",
            "▁<SUF>",
            "<|code_suffix|>",
            "<|suffix|>",
        ],
        ends: false,
    },
    FillRole {
        keys: &["fim_mid", "middle"],
        texts: &[
            "<|fim_middle|>",
            "<fim-middle>",
            "<fim_middle>",
            "<｜fim▁end｜>",
            "<MID>",
            "▁<MID>",
            "<|code_middle|>",
            "<|middle|>",
        ],
        ends: false,
    },
    FillRole {
        keys: &["fim_pad"],
        texts: &["<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"],
        ends: true,
    },
    FillRole {
        keys: &["fim_rep"],
        texts: &[
            "<|fim_repo|>",
            "<|repo_name|>",
            "<fim-repo>",
            "<REPO>",
            "<reponame>",
        ],
        ends: true,
    },
    FillRole {
        keys: &["fim_sep"],
        texts: &["<|file_sep|>"],
        ends: true,
    },
];

/// Markup of gpt-oss that is part of its answers and so must be shown.
const SHOWN_TEXTS: [&str; 4] = ["<|channel|>", "<|message|>", "<|start|>", "<|constrain|>"];

/// Returns the ids that end a generation, ascending, and corrects the types
/// of tokens whose text says more than their stated type.
pub(super) fn find(
    metadata: &Metadata,
    vocabulary: &mut Vocabulary,
) -> Result<Vec<u32>, ValueError> {
    let known = Known::new(vocabulary);
    let (eos, count) = (vocabulary.eos, vocabulary.len());
    let types = &mut vocabulary.types;
    let mut eog_ids: Vec<u32> = eos.into_iter().collect();
    for name in ["eos", "eot", "eom"] {
        eog_ids.extend(eog_ids_of(metadata, name, count)?);
    }
    // Our own key: Hugging Face's folders state them all.
    if let Some(ids) = metadata.integers("tokenizer.ggml.eos_token_ids")? {
        let ids = ids.iter().filter_map(|id| u32::try_from(id).ok());
        eog_ids.extend(ids.filter(|&id| (id as usize) < count));
    }
    for role in &FILL_ROLES {
        let mut by_key = None;
        for key in role.keys {
            by_key = by_key.or(special_id(metadata, key, count)?);
        }
        let found = by_key.or_else(|| {
            let id = role.texts.iter().find_map(|text| known.id(text))?;
            types[id as usize] = TokenType::Control;
            Some(id)
        });
        eog_ids.extend(found.filter(|_| role.ends));
    }
    for id in EOG_TEXTS.iter().filter_map(|text| known.id(text)) {
        types[id as usize] = TokenType::Control;
        eog_ids.push(id);
    }
    // llama.cpp makes them user-defined, so that any text could contain them.
    for id in SHOWN_TEXTS.iter().filter_map(|text| known.id(text)) {
        types[id as usize] = TokenType::ShownControl;
    }
    take_back(&known, types, &mut eog_ids);
    eog_ids.sort_unstable();
    eog_ids.dedup();
    Ok(eog_ids)
}

/// Takes back two texts that mean something else beside others.
fn take_back(known: &Known, types: &mut [TokenType], eog_ids: &mut Vec<u32>) {
    let has = |text: &str| known.id(text).is_some();
    let mut remove = |text: &str, kind: TokenType| {
        if let Some(id) = known.id(text) {
            eog_ids.retain(|&ending| ending != id);
            types[id as usize] = kind;
        }
    };
    // gpt-oss and Solar end a part of an answer with <|end|>, not the answer.
    let calls = has("<|call|>") || has("<|calls|>");
    if calls && (has("<|return|>") || has("<|flush|>")) {
        remove("<|end|>", TokenType::ShownControl);
    }
    // Gemma 4 has </s> as an HTML tag.
    if has("<|tool_response>") {
        remove("</s>", TokenType::Normal);
    }
}

/// Where the texts of this file's tables stand in a vocabulary.
struct Known(Vec<(&'static str, u32)>);

impl Known {
    fn new(vocabulary: &Vocabulary) -> Self {
        let fills = FILL_ROLES.iter().flat_map(|role| role.texts);
        let texts = EOG_TEXTS.iter().chain(fills).chain(&SHOWN_TEXTS);
        let found = texts.filter_map(|&text| {
            let id = vocabulary.find(text.as_bytes(), |_| true)?;
            Some((text, id))
        });
        Self(found.collect())
    }

    fn id(&self, text: &str) -> Option<u32> {
        let found = self.0.iter().find(|(known, _)| *known == text);
        found.map(|&(_, id)| id)
    }
}

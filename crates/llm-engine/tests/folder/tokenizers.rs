//! Tokenizers that the `tokenizers` crate trains on a few texts, written as it
//! writes them and read back through a folder.

use std::collections::BTreeSet;
use std::path::Path;

use llm_gguf::Gguf;
use llm_prompt::ChatTemplates;
use llm_tokenizer::Tokenizer;
use serde_json::{Value, json};
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::metaspace::{Metaspace, PrependScheme};
use tokenizers::{AddedToken, Tokenizer as Theirs};

use crate::{peer, tiny};

const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Many scripts, and what tokenizers trip over.
fn texts() -> Vec<String> {
    let many = include_str!("../../../llm-tokenizer/tests/tokenizers/texts.json");
    let mut texts: Vec<String> = serde_json::from_str(many).unwrap();
    // A token that was learnt of what is markup elsewhere is markup here.
    texts.retain(|text| !text.contains('<'));
    texts.extend(
        [
            "",
            " ",
            "   two  spaces   ",
            "a\tb\n\n c\r\n",
            "<|end|>after<|end|> a <tool>x</tool>  <|end|>",
            "I've 1234567 apples, you'LL see: λόγος 漢字 🦙!",
        ]
        .map(str::to_owned),
    );
    texts
}

/// Trains on the texts and returns the file's tree.
fn trained(with: impl FnOnce(&mut Theirs)) -> Value {
    let mut tokenizer = Theirs::new(BPE::default());
    with(&mut tokenizer);
    let alphabet = ByteLevel::alphabet();
    let trainer = BpeTrainer::builder()
        .vocab_size(1500)
        .show_progress(false)
        .initial_alphabet(alphabet.into_iter().collect())
        // So that some characters are left for bytes to write.
        .limit_alphabet(300)
        .build();
    let texts = texts();
    let mut trainer = tokenizers::models::TrainerWrapper::from(trainer);
    tokenizer
        .train(&mut trainer, texts.iter().map(String::as_str))
        .unwrap();
    serde_json::from_str(&tokenizer.to_string(false).unwrap()).unwrap()
}

/// Adds a control token, and one that stays text.
fn with_added(tree: Value) -> Theirs {
    let mut tokenizer: Theirs = serde_json::from_value(tree).unwrap();
    tokenizer
        .add_special_tokens([AddedToken::from("<|end|>", true)])
        .unwrap();
    let text = AddedToken::from("<tool>", false).normalized(false);
    tokenizer.add_tokens([text]).unwrap();
    tokenizer
}

/// Writes a folder with this tokenizer and opens it.
fn opened(place: &Path, tokenizer: &Theirs) -> Gguf {
    tiny::QWEN3.write(place, 1);
    std::fs::write(
        place.join("tokenizer.json"),
        tokenizer.to_string(false).unwrap(),
    )
    .unwrap();
    llm_folder::open(&tiny::weight_files(place), None).unwrap()
}

fn compare(tokenizer: &Theirs) {
    let place = tempfile::tempdir().unwrap();
    let gguf = opened(place.path(), tokenizer);
    let ours = Tokenizer::from_gguf(gguf.metadata()).unwrap();
    assert_eq!(ours.vocabulary_size(), tokenizer.get_vocab_size(true));
    for text in texts() {
        let theirs = tokenizer.encode_fast(text.as_str(), true).unwrap();
        assert_eq!(ours.encode(&text, true, true), theirs.get_ids(), "{text:?}");
    }
}

fn byte_level(pattern: Option<&str>) -> Value {
    let bytes = ByteLevel::new(false, false, pattern.is_none());
    let mut tree = trained(|tokenizer| {
        tokenizer.with_pre_tokenizer(Some(bytes));
    });
    if let Some(pattern) = pattern {
        let split = json!({
            "type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false,
        });
        let steps = [split, tree["pre_tokenizer"].take()];
        tree["pre_tokenizer"] = json!({"type": "Sequence", "pretokenizers": steps});
    }
    tree
}

/// A tree whose model falls back to bytes and begins text with `<s>`.
fn marked(normalizer: Value, pre_tokenizer: Value) -> Value {
    let mut tree = trained(|tokenizer| {
        let spaces = Metaspace::new('▁', PrependScheme::Always, true);
        tokenizer.with_pre_tokenizer(Some(spaces));
    });
    let vocab = tree["model"]["vocab"].as_object_mut().unwrap();
    for text in ["<unk>", "<s>"]
        .map(str::to_owned)
        .into_iter()
        .chain((0..=255_u8).map(|byte| format!("<0x{byte:02X}>")))
    {
        let id = vocab.len();
        vocab.insert(text, json!(id));
    }
    let [unknown, begin] = ["<unk>", "<s>"].map(|text| vocab[text].clone());
    let added = |text: &str, id: &Value| {
        json!({
            "id": id, "content": text, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true,
        })
    };
    tree["added_tokens"] = json!([added("<unk>", &unknown), added("<s>", &begin)]);
    tree["model"]["byte_fallback"] = json!(true);
    tree["model"]["fuse_unk"] = json!(true);
    tree["model"]["unk_token"] = json!("<unk>");
    tree["normalizer"] = normalizer;
    tree["pre_tokenizer"] = pre_tokenizer;
    tree["post_processor"] = json!({
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<s>": {"id": "<s>", "ids": [begin], "tokens": ["<s>"]}},
    });
    tree
}

#[test]
fn byte_level_tokens_are_those_of_the_tokenizers_crate() {
    for pattern in [None, Some(QWEN2)] {
        compare(&with_added(byte_level(pattern)));
    }
}

#[test]
fn marked_tokens_are_those_of_the_tokenizers_crate() {
    let replace = json!({"type": "Replace", "pattern": {"String": " "}, "content": "▁"});
    let prepend = json!({"type": "Prepend", "prepend": "▁"});
    let llama = json!({"type": "Sequence", "normalizers": [prepend, replace]});
    compare(&with_added(marked(llama, Value::Null)));
    let split = json!({
        "type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": false,
    });
    compare(&with_added(marked(replace, split)));
    for scheme in ["always", "first", "never"] {
        let metaspace = json!({
            "type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": false,
        });
        compare(&with_added(marked(Value::Null, metaspace)));
    }
}

/// A tree whose model knows these tokens and no others.
fn of_tokens(model: &Value, pre_tokenizer: &Value, decoder: &Value) -> Value {
    json!({
        "added_tokens": [], "normalizer": null, "pre_tokenizer": pre_tokenizer,
        "post_processor": null, "model": model, "decoder": decoder,
    })
}

/// Characters and some words of the texts, the unknown token first.
fn some_tokens(mark: &str) -> Vec<String> {
    let all = texts().concat();
    let characters = all
        .chars()
        .filter(|it| !it.is_whitespace() && !(*it as u32).is_multiple_of(7));
    let words = all.split_whitespace().step_by(3);
    let mut known: BTreeSet<String> = characters.map(String::from).collect();
    known.extend(words.map(|word| format!("{mark}{word}")));
    let first = ["<unk>", "▁"].map(str::to_owned);
    known.retain(|token| !first.contains(token));
    first.into_iter().chain(known).collect()
}

#[test]
fn kinds_without_a_scanner_of_ours_are_run_by_the_tokenizers_crate() {
    let byte_decoder = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    let mut unknown_pattern = byte_level(Some(r"\w+|[^\w\s]+|\s+"));
    let mut folding = byte_level(Some(QWEN2));
    folding["normalizer"] =
        json!({"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Lowercase"}]});
    let mut space_before = byte_level(None);
    space_before["pre_tokenizer"]["add_prefix_space"] = json!(true);
    for tree in [&mut unknown_pattern, &mut folding, &mut space_before] {
        tree["decoder"] = byte_decoder.clone();
    }
    let metaspace = |scheme: &str| json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": true});
    let scored: Vec<_> = some_tokens("▁")
        .into_iter()
        .zip(1..)
        .map(|(text, place)| json!([text, -0.01 * f64::from(place)]))
        .collect();
    let unigram = json!({"type": "Unigram", "unk_id": 0, "vocab": scored, "byte_fallback": false});
    let ids: serde_json::Map<_, _> = some_tokens("")
        .into_iter()
        .zip(0..)
        .map(|(text, id)| (text, json!(id)))
        .collect();
    let words = json!({"type": "WordLevel", "vocab": ids, "unk_token": "<unk>"});
    let pieces = json!({"type": "WordPiece", "vocab": ids, "unk_token": "<unk>", "continuing_subword_prefix": "", "max_input_chars_per_word": 100});
    for (kind, tree) in [
        ("BPE", unknown_pattern),
        ("BPE", folding),
        ("BPE", space_before),
        (
            "Unigram",
            of_tokens(&unigram, &metaspace("always"), &metaspace("always")),
        ),
        (
            "Unigram",
            of_tokens(&unigram, &metaspace("first"), &metaspace("first")),
        ),
        (
            "WordLevel",
            of_tokens(&words, &json!({"type": "Whitespace"}), &Value::Null),
        ),
        (
            "WordPiece",
            of_tokens(
                &pieces,
                &json!({"type": "BertPreTokenizer"}),
                &json!({"type": "WordPiece", "prefix": "##", "cleanup": false}),
            ),
        ),
    ] {
        let theirs = with_added(tree);
        compare(&theirs);
        let place = tempfile::tempdir().unwrap();
        let gguf = opened(place.path(), &theirs);
        let ours = Tokenizer::from_gguf(gguf.metadata()).unwrap();
        assert_eq!(ours.kind(), format!("huggingface/{kind}"));
        let ids = ours.encode("apples have two spaces", false, false);
        let known: Vec<u32> = ids.into_iter().filter(|&id| !ours.is_hidden(id)).collect();
        assert_eq!(
            ours.decode(&known),
            theirs.decode(&known, true).unwrap(),
            "{kind}"
        );
    }
}

#[test]
fn real_tables_are_the_same_from_either_file() {
    for name in ["gpt-2", "llama-bpe", "qwen2"] {
        let path = format!("../../models/ggml-vocab/ggml-vocab-{name}.gguf");
        let file = Gguf::open(&[Path::new(env!("CARGO_MANIFEST_DIR")).join(path)])
            .expect("scripts/fetch-test-models fetches the vocabularies");
        let of_file = Tokenizer::from_gguf(file.metadata()).unwrap();
        let place = tempfile::tempdir().unwrap();
        let gguf = opened(place.path(), &peer::build(name, file.metadata()));
        let of_folder = Tokenizer::from_gguf(gguf.metadata()).unwrap();
        assert_eq!(of_folder.kind(), format!("gpt2/{name}"));
        for text in texts() {
            let expected = of_file.encode(&text, false, false);
            assert_eq!(
                of_folder.encode(&text, false, false),
                expected,
                "{name}: {text:?}"
            );
        }
    }
}

#[test]
fn roles_come_from_the_files_beside_the_tokenizer() {
    let place = tempfile::tempdir().unwrap();
    let tokenizer = with_added(byte_level(None));
    let write = |name: &str, text: Value| {
        std::fs::write(place.path().join(name), text.to_string()).unwrap();
    };
    let end = tokenizer.token_to_id("<|end|>").unwrap();
    write(
        "generation_config.json",
        json!({"eos_token_id": [end, 7, 100_000]}),
    );
    write(
        "tokenizer_config.json",
        json!({
            "bos_token": {"content": "<|end|>"}, "eos_token": "<|end|>", "add_bos_token": true,
            "chat_template": [{"name": "rag", "template": "x"}, {"name": "default", "template": "y"}],
        }),
    );
    let gguf = opened(place.path(), &tokenizer);
    let ours = Tokenizer::from_gguf(gguf.metadata()).unwrap();
    assert_eq!(ours.eog_ids(), {
        let mut endings = [7, end];
        endings.sort_unstable();
        endings
    });
    assert_eq!((ours.bos(), ours.eos()), (Some(end), Some(end)));
    assert_eq!(ours.encode("", true, false), [end]);
    assert!(ours.is_markup(end));
    let tool = tokenizer.token_to_id("<tool>").unwrap();
    assert!(ours.is_user_defined(tool));
    let templates = || {
        let gguf = opened(place.path(), &tokenizer);
        ChatTemplates::from_gguf(gguf.metadata()).unwrap()
    };
    let template = || {
        let templates = templates();
        let template = templates.for_request(false).unwrap().unwrap();
        template.source().to_owned()
    };
    assert_eq!(template(), "y");
    std::fs::write(place.path().join("chat_template.jinja"), "z").unwrap();
    assert_eq!(template(), "z");
    assert!(templates().for_tools().is_none());
    let others = place.path().join("additional_chat_templates");
    std::fs::create_dir(&others).unwrap();
    std::fs::write(others.join("tool_use.jinja"), "t").unwrap();
    assert_eq!(templates().for_tools().unwrap().source(), "t");
    assert_eq!(template(), "z");
}

//! Chat templates that real models ship, against what Jinja2 makes of them as
//! Hugging Face sets it up. `chat_templates/make_goldens.py` made the goldens,
//! which hold hashes, since the templates' own words are not ours to copy.
//!
//! `scripts/fetch-test-models` puts the templates into `models/templates/`,
//! and `LLM_TEST_ORACLE` names another folder than `models/`.

#![expect(
    clippy::unwrap_used,
    reason = "a test's helpers may fail as loudly as the test"
)]

use std::path::{Path, PathBuf};

use llm_engine::gguf::Gguf;
use llm_engine::prompt::{ChatTemplate, MarkupTexts, Message, TemplateError};
use llm_engine::tokens::Tokenizer;

const GOLDENS: &str = include_str!("chat_templates/goldens.txt");
const CONVERSATIONS: &str = include_str!("chat_templates/conversations.json");

fn model_file(name: &str) -> PathBuf {
    let folder = match std::env::var_os("LLM_TEST_ORACLE") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models"),
    };
    let path = folder.join(name);
    assert!(
        path.exists(),
        "{} is missing; run scripts/fetch-test-models first",
        path.display()
    );
    path
}

fn conversations() -> Vec<Vec<Message>> {
    let parsed: Vec<Vec<serde_json::Value>> = serde_json::from_str(CONVERSATIONS).unwrap();
    let message = |value: &serde_json::Value| {
        let field = |name: &str| value[name].as_str().unwrap().to_string();
        Message::new(field("role"), field("content"))
    };
    parsed
        .iter()
        .map(|turns| turns.iter().map(message).collect())
        .collect()
}

/// 64-bit FNV-1a (<https://www.rfc-editor.org/rfc/rfc9923>).
fn fnv1a(text: &str) -> String {
    let digest = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |digest, byte| {
            (digest ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
    format!("{digest:016x}")
}

#[test]
fn real_templates_render_as_by_jinja2() {
    let markup = MarkupTexts {
        bos: "<BOS>",
        eos: "<EOS>",
    };
    let conversations = conversations();
    let mut differing = Vec::new();
    for line in GOLDENS.lines() {
        let [name, number, flag, expected] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("not a golden: {line}");
        };
        let source = std::fs::read_to_string(model_file(&format!("templates/{name}"))).unwrap();
        let messages = &conversations[number.parse::<usize>().unwrap()];
        let result = ChatTemplate::new(&source)
            .and_then(|template| template.render(messages, flag == "1", markup));
        let found = match &result {
            Ok(text) => fnv1a(text),
            Err(TemplateError::Refused { .. }) => "refused".into(),
            Err(error) => error.to_string(),
        };
        if found != expected {
            differing.push(format!("{line}: {found}\n{result:?}"));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    assert!(GOLDENS.lines().count() > 400);
}

#[test]
fn smollm2_from_messages_to_ids() {
    let gguf = Gguf::open(&[model_file("smollm2-135m-instruct-q4_1.gguf")]).unwrap();
    let tokenizer = Tokenizer::from_gguf(gguf.metadata()).unwrap();
    let template = ChatTemplate::from_gguf(gguf.metadata()).unwrap().unwrap();
    let (bos, eos) = (tokenizer.bos_text(), tokenizer.eos_text());
    let markup = MarkupTexts {
        bos: &bos,
        eos: &eos,
    };
    let messages = [
        Message::new("system", "Be brief."),
        Message::new("user", "Hi!"),
    ];
    let prompt = template.render(&messages, true, markup).unwrap();
    assert_eq!(
        prompt,
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi!<|im_end|>\n<|im_start|>assistant\n"
    );
    let ids = tokenizer.encode_prompt(&prompt);
    assert_eq!(
        ids.iter().filter(|&&id| id == 1).count(),
        3,
        "<|im_start|> is token 1"
    );
    assert_eq!(
        ids.iter().filter(|&&id| id == 2).count(),
        2,
        "<|im_end|> is token 2"
    );
    let shown = "system\nBe brief.\nuser\nHi!\nassistant\n";
    assert_eq!(tokenizer.decode(&ids), shown);
}

#[test]
fn a_base_model_has_no_template() {
    let gguf = Gguf::open(&[model_file("gemma-3-270m-q4_k_m.gguf")]).unwrap();
    assert!(ChatTemplate::from_gguf(gguf.metadata()).unwrap().is_none());
}

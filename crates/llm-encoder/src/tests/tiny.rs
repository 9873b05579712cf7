//! Tiny models of every kind against another implementation, see
//! `scripts/make-tiny-encoders`.

use std::path::PathBuf;

use super::*;

/// All folders below `tests/fixtures/embed/tiny` that make vectors, and whether there is a GGUF file
/// with the same weights.
pub(super) const MODELS: [(&str, bool); 13] = [
    ("bert", false),
    ("bert-cls", true),
    ("roberta", false),
    ("xlm-roberta", true),
    ("mpnet", false),
    ("nomic-bert", true),
    ("modernbert", true),
    ("jina-bert", true),
    ("qwen3", true),
    ("embedding-gemma", true),
    ("splade-bert", false),
    ("splade-roberta", false),
    ("splade-modernbert", false),
];

pub(super) fn tiny(name: &str) -> PathBuf {
    PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/fixtures/embed/tiny"
    ))
    .join(name)
}

fn open(path: &Path, level: Level) -> Encoder {
    Encoder::open(path, None, level).unwrap()
}

fn golden(name: &str) -> Vec<Golden> {
    let text = std::fs::read_to_string(tiny(name).join("golden.jsonl")).unwrap();
    read_goldens(&text)
}

fn shortened(encoder: &Encoder, text: &str) -> Vec<u32> {
    let mut tokens = encoder.tokens(text);
    encoder.cut(&mut tokens, encoder.longest());
    tokens
}

/// Vectors as the model's own files make them.
fn whole(encoder: &Encoder, texts: &[Vec<u32>]) -> Vec<Vec<f32>> {
    let mut vectors = vectors(encoder, texts);
    if encoder.normalizes() {
        vectors
            .iter_mut()
            .for_each(|vector| encoder.normalize(vector));
    }
    vectors
}

/// Asserts that vectors are the golden ones, whose sums have another order: up to
/// 1e-5 of a vector's largest number, and a cosine of 1 - 1e-9. Measured are
/// 3.5e-6 for `modernbert`, whose stream grows to some tens, and 9e-7 for the rest.
fn agree(what: &str, golden: &[Golden], vectors: &[Vec<f32>]) {
    assert_eq!(golden.len(), vectors.len());
    for (golden, vector) in golden.iter().zip(vectors) {
        let text = &golden.text;
        assert_eq!(golden.vector.len(), vector.len(), "{what}: {text:?}");
        let largest = golden
            .vector
            .iter()
            .fold(0.0_f32, |most, x| most.max(x.abs()));
        let pairs = golden.vector.iter().zip(vector);
        let differ = pairs.fold(0.0_f32, |most, (x, y)| most.max((x - y).abs()));
        let cosine = cosine(vector, &golden.vector);
        assert!(cosine >= 0.999_999_999, "{what}: {cosine}: {text:?}");
        assert!(differ <= 1e-5 * largest, "{what}: {differ}: {text:?}");
    }
}

#[test]
fn folders_give_the_reference_s_tokens_and_vectors() {
    for (name, _) in MODELS {
        let golden = golden(name);
        for level in [Level::SCALAR, Level::detect().unwrap()] {
            let encoder = open(&tiny(name), level);
            for golden in &golden {
                let tokens = shortened(&encoder, &golden.text);
                assert_eq!(tokens, golden.tokens, "{name}: {:?}", golden.text);
            }
            let texts: Vec<_> = golden.iter().map(|golden| golden.tokens.clone()).collect();
            agree(name, &golden, &whole(&encoder, &texts));
        }
    }
}

#[test]
fn gguf_files_give_the_vectors_of_their_folders() {
    for (name, _) in MODELS.into_iter().filter(|(_, has_twin)| *has_twin) {
        let encoder = open(
            &tiny(&format!("gguf/{name}.gguf")),
            Level::detect().unwrap(),
        );
        assert!(encoder.names_pooling(), "{name}");
        let mut golden = golden(name);
        // The file does not say whether vectors are normalized, and they are.
        for golden in &mut golden {
            encoder.normalize(&mut golden.vector);
        }
        for golden in &golden {
            // The format does not say that a space at the end is a token, nor that
            // characters are composed first.
            let says = match name {
                // Without SentencePiece's own file the converter takes it for
                // another kind of tokenizer.
                "embedding-gemma" => continue,
                "xlm-roberta" => !golden.text.ends_with(' '),
                "modernbert" | "qwen3" => !golden.text.contains('\u{301}'),
                _ => true,
            };
            let tokens = shortened(&encoder, &golden.text);
            assert_eq!(tokens == golden.tokens, says, "{name}: {:?}", golden.text);
        }
        let texts: Vec<_> = golden.iter().map(|golden| golden.tokens.clone()).collect();
        agree(name, &golden, &whole(&encoder, &texts));
    }
}

#[test]
fn a_vector_of_any_kind_is_the_same_alone_and_among_others() {
    let bits = |vector: &[f32]| vector.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    for (name, _) in MODELS {
        let encoder = open(&tiny(name), Level::detect().unwrap());
        let mut texts: Vec<_> = golden(name)
            .iter()
            .map(|golden| golden.tokens.clone())
            .collect();
        // Longer than a block of attention, and than what came before.
        texts.push((0..100).map(|index| 5 + index % 200).collect());
        let together = vectors(&encoder, &texts);
        let backwards: Vec<_> = texts.iter().rev().cloned().collect();
        let backwards = vectors(&encoder, &backwards);
        for (index, text) in texts.iter().enumerate() {
            let alone = vectors(&encoder, std::slice::from_ref(text));
            assert_eq!(bits(&alone[0]), bits(&together[index]), "{name}: {index}");
            assert_eq!(
                bits(&alone[0]),
                bits(&backwards[texts.len() - 1 - index]),
                "{name}"
            );
        }
    }
}

#[test]
fn what_the_folders_say_is_honoured() {
    let bert = open(&tiny("bert"), Level::SCALAR);
    assert_eq!(bert.pooling(), Pooling::WeightedMean);
    // Two linear layers, of which the last makes 16 numbers.
    assert_eq!(
        (
            bert.dimensions(Pooling::Mean),
            bert.longest(),
            bert.normalizes()
        ),
        (16, 48, true)
    );
    let prompts = bert.prompts();
    assert_eq!(prompts.usual(), Some("query: "));
    assert_eq!(
        (prompts.query(), prompts.document()),
        (Some("query: "), Some("a "))
    );
    let roberta = open(&tiny("roberta"), Level::SCALAR);
    assert_eq!(roberta.pooling(), Pooling::MeanSqrtLen);
    // 130 positions, of which the first two are for padding.
    assert_eq!((roberta.longest(), roberta.normalizes()), (128, false));
    let qwen = open(&tiny("qwen3"), Level::SCALAR);
    assert_eq!(
        (qwen.pooling(), qwen.prompts().usual()),
        (Pooling::Last, None)
    );
    assert!(qwen.prompts().query().unwrap().starts_with("Instruct: "));
    assert_eq!(
        open(&tiny("embedding-gemma"), Level::SCALAR).dimensions(Pooling::Mean),
        32
    );
}

#[test]
fn a_decoder_that_names_no_pooling_says_so() {
    let copy = tempfile::tempdir().unwrap();
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        std::fs::copy(tiny("qwen3").join(file), copy.path().join(file)).unwrap();
    }
    let encoder = open(copy.path(), Level::SCALAR);
    assert!(!encoder.names_pooling() && !encoder.normalizes());
    let golden = golden("qwen3");
    let texts = [golden[1].tokens.clone()];
    let pool = Pool::new(1).unwrap();
    let texts: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
    let mut last = encoder.embed(&pool, &texts, Pooling::Last);
    encoder.normalize(&mut last[0]);
    agree("qwen3", &golden[1..2], &last);
}

/// A conversion without sentence-transformers' files, in a folder of this name.
fn conversion(of: &str, folder: &Path, kept: &[&str]) {
    std::fs::create_dir_all(folder.join("1_Pooling")).unwrap();
    let files = ["config.json", "tokenizer.json", "model.safetensors"];
    for file in files.iter().chain(kept) {
        std::fs::copy(tiny(of).join(file), folder.join(file)).unwrap();
    }
}

/// The golden vectors are pooled by cls and normalized.
#[test]
fn a_conversion_pools_as_its_name_says_or_by_the_mean_and_tells_it() {
    let golden = golden("bert-cls");
    let texts: Vec<_> = golden.iter().map(|golden| golden.tokens.clone()).collect();
    let place = tempfile::tempdir().unwrap();
    let named = place.path().join("bge-small-en-v1.5-fp16");
    conversion("bert-cls", &named, &[]);
    let encoder = open(&named, Level::SCALAR);
    assert_eq!(encoder.assumed().unwrap().pooling, Pooling::Cls);
    agree("bge", &golden, &whole(&encoder, &texts));

    let unnamed = place.path().join("mine");
    conversion("bert-cls", &unnamed, &[]);
    let encoder = open(&unnamed, Level::SCALAR);
    assert_eq!(encoder.assumed(), Some(Assumed::USUAL));
    assert_eq!(
        (encoder.pooling(), encoder.normalizes()),
        (Pooling::Mean, false)
    );

    // The file of the module that pools is enough.
    conversion("bert-cls", &unnamed, &["1_Pooling/config.json"]);
    let encoder = open(&unnamed, Level::SCALAR);
    assert_eq!((encoder.pooling(), encoder.assumed()), (Pooling::Cls, None));
    assert_eq!(open(&tiny("bert-cls"), Level::SCALAR).assumed(), None);
}

#[test]
fn tokens_behind_a_text_stay_where_it_is_cut() {
    let gemma = open(&tiny("embedding-gemma"), Level::SCALAR);
    let mut tokens = gemma.tokens("a person is happy");
    let whole = tokens.clone();
    gemma.cut(&mut tokens, 4);
    assert_eq!(
        tokens,
        [whole[0], whole[1], whole[2], whole[whole.len() - 1]]
    );
    gemma.cut(&mut tokens, 0);
    assert!(tokens.is_empty());
}

/// Opens what was broken and, where that still works, runs it.
fn try_all(path: &Path) {
    let pool = Pool::new(1).unwrap();
    if let Ok(encoder) = Encoder::open(path, None, Level::SCALAR) {
        let mut tokens = encoder.tokens("a person");
        encoder.cut(&mut tokens, encoder.longest().min(9));
        let texts: [&[u32]; 3] = [&tokens, &[], &[3, 900_000]];
        let vectors = encoder.embed(&pool, &texts, encoder.pooling());
        assert_eq!(vectors.len(), 3);
    }
}

/// Whatever a folder's numbers are: a sentence or a vector, and no panic.
#[test]
fn no_number_of_a_folder_brings_it_down() {
    for (name, _) in MODELS {
        let copy = tempfile::tempdir().unwrap();
        for file in ["tokenizer.json", "model.safetensors"] {
            std::fs::copy(tiny(name).join(file), copy.path().join(file)).unwrap();
        }
        let text = std::fs::read_to_string(tiny(name).join("config.json")).unwrap();
        let config: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&text).unwrap();
        for key in config.keys() {
            for value in [
                "0",
                "1",
                "3",
                "-5",
                "1048576",
                "18446744073709551615",
                "1e300",
                "null",
                "[]",
            ] {
                let mut broken = config.clone();
                broken.insert(key.clone(), serde_json::from_str(value).unwrap());
                let broken = serde_json::to_string(&broken).unwrap();
                std::fs::write(copy.path().join("config.json"), broken).unwrap();
                try_all(copy.path());
            }
        }
    }
}

/// Whatever the bytes of a GGUF file's header are.
#[test]
fn no_byte_of_a_header_brings_it_down() {
    let mut random = 1_u64;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broken.gguf");
    for (name, _) in MODELS.into_iter().filter(|(_, has_twin)| *has_twin) {
        let whole = std::fs::read(tiny(&format!("gguf/{name}.gguf"))).unwrap();
        for _ in 0..150 {
            let mut bytes = whole.clone();
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let offset = (random >> 33) as usize % 1500;
            bytes[offset] ^= 1 << (random >> 20 & 7);
            std::fs::write(&path, bytes).unwrap();
            try_all(&path);
        }
    }
}

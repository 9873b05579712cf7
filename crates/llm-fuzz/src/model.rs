//! A GGUF file, read, and run where it can be.

use std::sync::{Arc, LazyLock};

use half::f16;
use llm_encoder::Encoder;
use llm_engine::forward::{CpuForward, Forward, Input, Outputs};
use llm_engine::model::{Model, Summary, TemplateChoice};
use llm_gguf::{Gguf, Value};
use llm_kernels::mmap::Mapping;
use llm_kernels::pool::Pool;
use llm_kernels::simd::Level;
use llm_tokenizer::Tokenizer;

use crate::scratch;

/// A text of several kinds of characters, as tokens of which a few are run.
pub(crate) const TEXT: &str = "Hello, wörld 12\n <s>\u{1F999}";

/// Tokens that are run: more than one, fewer than a block.
const TOKENS: usize = 6;

/// Positions that a model is opened for.
const CONTEXT: usize = 64;

pub(crate) static POOL: LazyLock<Pool> = LazyLock::new(|| Pool::new(1).unwrap());
pub(crate) static LEVEL: LazyLock<Level> = LazyLock::new(|| Level::detect().unwrap());

/// Reads a GGUF file and runs what it holds: a decoder, an encoder.
pub fn gguf(data: &[u8]) {
    let mapping = Mapping::anonymous(data.len().max(1), |bytes| {
        bytes[..data.len()].copy_from_slice(data);
    });
    if let Ok(gguf) = Gguf::from_mapping("x.gguf", mapping.unwrap()) {
        look(&gguf);
        open(&gguf, None);
        // What a file of a vocabulary alone holds is not opened as a model.
        if let Ok(tokenizer) = Tokenizer::from_gguf(gguf.metadata()) {
            tokens(&tokenizer);
        }
    }
    scratch::file("x.gguf", data, |path| {
        if let Ok(encoder) = Encoder::open(path, None, *LEVEL) {
            encode(&encoder);
        }
    });
}

/// Looks at every value and every tensor.
pub(crate) fn look(gguf: &Gguf) {
    for (_, value) in gguf.metadata().iter() {
        match value {
            Value::Strings(items) => {
                assert_eq!(items.iter().count(), items.len());
                assert!(items.is_empty() || items.text(items.len() - 1).is_some());
                assert_eq!(items.get(items.len()), None);
            }
            Value::Integers(items) => assert_eq!(items.iter().count(), items.len()),
            Value::Floats(items) => {
                assert!(items.is_empty() || items.get(items.len() - 1).is_some());
                assert_eq!(items.get(items.len()), None);
            }
            _ => {}
        }
    }
    for tensor in gguf.tensors() {
        let size = tensor.size.unwrap_or(0) as usize;
        assert_eq!(gguf.bytes(tensor).len(), size, "{}", tensor.name);
        assert!(gguf.tensor(&tensor.name).is_some());
    }
    let _ = Summary::of(gguf);
}

/// Makes a model of a header, and runs it.
pub(crate) fn open(gguf: &Gguf, folder: Option<&std::path::Path>) {
    if let Ok(model) = Model::from_gguf(gguf, folder, &TemplateChoice::Own, Some(CONTEXT)) {
        run(&model);
    }
}

fn run(model: &Model) {
    let vocabulary = model.weights.vocabulary();
    let mut tokens = tokens(&model.tokenizer);
    assert!(tokens.iter().all(|&token| (token as usize) < vocabulary));
    tokens.truncate(TOKENS);
    if tokens.is_empty() {
        return;
    }
    let (spec, weights) = (Arc::clone(&model.spec), Arc::clone(&model.weights));
    let pool = Pool::new(1).unwrap();
    let mut forward = CpuForward::<f16>::new(spec, weights, pool, *LEVEL);
    let sequence = forward.sequences_mut().start();
    let mut logits = Vec::new();
    let input = Input {
        sequence,
        tokens: &tokens,
        outputs: Outputs::All,
        adapters: &[],
    };
    forward.forward(&[input], &mut logits).unwrap();
    assert_eq!(logits.len(), tokens.len() * vocabulary);
    assert_eq!(forward.sequences().length(sequence), Some(tokens.len()));
}

/// Turns a text into tokens and back.
fn tokens(tokenizer: &Tokenizer) -> Vec<u32> {
    let plain = tokenizer.encode(TEXT, true, false);
    let tokens = tokenizer.encode(TEXT, true, true);
    for ids in [&plain, &tokens] {
        let size = tokenizer.vocabulary_size();
        assert!(ids.iter().all(|&id| (id as usize) < size));
        let _ = tokenizer.decode(ids);
    }
    tokens
}

/// Embeds a text.
pub(crate) fn encode(encoder: &Encoder) {
    let mut tokens = encoder.tokens(TEXT);
    encoder.cut(&mut tokens, TOKENS.min(encoder.longest()));
    let known = encoder.vocabulary_size();
    assert!(tokens.iter().all(|&token| (token as usize) < known));
    let vectors = encoder.embed(&POOL, &[&tokens, &[]], encoder.pooling());
    for mut vector in vectors {
        assert_eq!(vector.len(), encoder.dimensions(encoder.pooling()));
        encoder.normalize(&mut vector);
    }
}

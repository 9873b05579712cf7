//! A text → the tokens that a model makes of it, as a `tokens` record.

use std::io::Read;

use anyhow::{Context as _, Result, bail};
use llm_cli::Context;
use llm_cli::stdio::{InputWatch, Source, StdioError};
use llm_record::{SchemaVersion, TokenizerIdentity, Tokens};
use llm_store::ResolvedModel;
use llm_tokenizer::{Tokenizer, TokenizerWarning};

use crate::describe;

/// The largest text that is taken: `cat /dev/zero |` must not take all memory.
const LIMIT: u64 = 64 << 20;

/// Tokens for programs, and each one's text for people.
pub(crate) struct Tokenized {
    /// The record.
    pub(crate) record: Tokens,
    /// The text of each token, U+FFFD for a part of a character.
    pub(crate) pieces: Vec<String>,
}

/// Reads standard input to its end.
pub(crate) fn standard_input(context: &Context) -> Result<String> {
    let watch = InputWatch {
        interrupt: context.interrupt.clone(),
        reader: true,
    };
    let source = Source::stdin(watch)?;
    let name = source.name().to_owned();
    let mut bytes = Vec::new();
    let read = source.take(LIMIT + 1).read_to_end(&mut bytes);
    read.map_err(|error| StdioError::read(&name, error))?;
    if bytes.len() as u64 > LIMIT {
        bail!("{name} is longer than {LIMIT} bytes; cut it into parts, for example with split");
    }
    String::from_utf8(bytes).map_err(|error| {
        let byte = error.utf8_error().valid_up_to() + 1;
        anyhow::anyhow!(
            "{name} is not valid UTF-8 (byte {byte}); convert it first, for example with iconv"
        )
    })
}

/// Makes the tokens of `text`, as it stands, and tells what is unusual about the tokenizer.
pub(crate) fn tokens(
    model: &ResolvedModel,
    text: &str,
) -> Result<(Tokenized, Vec<TokenizerWarning>)> {
    let gguf = llm_folder::look(&model.paths())?;
    let tokenizer = Tokenizer::from_gguf(gguf.metadata())
        .with_context(|| format!("'{}' has no usable tokenizer", model.name))?;
    let tokens = tokenizer.encode(text, false, false);
    let piece = |&id: &u32| String::from_utf8_lossy(&tokenizer.token_bytes(id)).into_owned();
    let pieces = tokens.iter().map(piece).collect();
    let first = model.files.first();
    let record = Tokens {
        schema_version: SchemaVersion::default(),
        model: TokenizerIdentity {
            name: model.name.clone(),
            digest: model.digest.clone(),
            file: first.map(|file| file.name.clone()).unwrap_or_default(),
            tokenizer: describe::tokenizer(gguf.metadata()).unwrap_or_default(),
            vocabulary: tokenizer.vocabulary_size() as u64,
        },
        tokens,
    };
    Ok((Tokenized { record, pieces }, tokenizer.warnings().to_vec()))
}

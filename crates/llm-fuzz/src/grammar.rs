//! What an answer must look like: schemas, their short form, and llama.cpp's grammars.

use llm_grammar::{SchemaOptions, lark_of_gbnf, prepare};
use llm_record::short_schema;

/// Bytes of a schema that are looked at: what it is rewritten to may be many times as long.
const LONGEST: usize = 2 << 10;

/// Reads a JSON Schema, and makes sure that one which is enforced can be written once more.
pub fn schema(data: &[u8]) {
    let data = &data[..data.len().min(LONGEST)];
    let Ok(schema) = serde_json::from_slice(data) else {
        let _ = short_schema(&String::from_utf8_lossy(data));
        return;
    };
    if let Ok(prepared) = prepare(&schema, SchemaOptions::default()) {
        assert!(prepared.is_object());
    }
}

/// Reads a grammar of llama.cpp's.
pub fn gbnf(data: &[u8]) {
    let data = &data[..data.len().min(LONGEST)];
    let _ = lark_of_gbnf(&String::from_utf8_lossy(data));
}

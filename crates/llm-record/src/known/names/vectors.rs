//! Names that change a vector, by the API that they are of.

use super::Row;
use super::neutral::{is_empty, is_false, is_true, never};

/// Fields that change a vector, or the form that it comes in.
#[rustfmt::skip]
pub(in crate::known) const VECTORS: &[Row] = &[
    // OpenAI's embeddings (openai-python 3.57).
    ("dimensions", never, "null; --dimensions sets it"),
    ("encoding_format", |value| value == "float", "\"float\"; --encoding sets it"),
    // Ollama, api/types.go.
    ("truncate", is_false, "false; --on-overflow truncate cuts"),
    // llama.cpp's server, tools/server/README.md.
    ("embd_normalize", never, "null; the model's files say it"),
    // text-embeddings-inference and vLLM.
    ("normalize", never, "null; the model's files say it"),
    ("truncation_direction", never, "null; --on-overflow truncate cuts the end"),
    ("truncation_side", never, "null; --on-overflow truncate cuts the end"),
    ("truncate_prompt_tokens", never, "null; --on-overflow truncate cuts"),
    ("prompt_name", never, "null; --query, --document or --prompt sets what is put before a text"),
    ("add_special_tokens", is_true, "true"),
    ("embed_dtype", |value| value == "float32", "\"float32\""),
    ("pooling", never, "null; --pooling sets it"),
    // The clouds' (Cohere, Jina, Mistral, Voyage).
    ("input_type", never, "null; --query, --document or --prompt sets what is put before a text"),
    ("task", never, "null; --query, --document or --prompt sets what is put before a text"),
    ("embedding_type", |value| value == "float", "\"float\"; --encoding sets it"),
    ("embedding_types", is_empty, "[]; --encoding sets it"),
    ("output_dtype", |value| value == "float", "\"float\"; --encoding sets it"),
    ("output_dimension", never, "null; --dimensions sets it"),
    ("normalized", never, "null; the model's files say it"),
    ("late_chunking", is_false, "false"),
    ("truncation", is_false, "false; --on-overflow truncate cuts"),
];

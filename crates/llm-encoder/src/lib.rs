//! Texts to vectors, and pairs of texts to scores: encoders from Hugging Face folders,
//! with sentence-transformers' files beside the weights, and from GGUF files.
//!
//! An [`Encoder`] turns a text into tokens, runs its network over them and pools the
//! rows of the last layer into one vector; a [`CrossEncoder`] reads a query and a text
//! together and scores how well they fit. All encoder-only families (BERT, `RoBERTa`,
//! `MPNet`, Nomic, `ModernBERT`, Jina) are rows of the table in `family` and run through
//! the one `pass`; decoders that make embeddings run through `llm-engine`'s, and tables of
//! static embeddings need no pass. Whether
//! vectors are normalized, cut or written is left to the caller.
//!
//! ```no_run
//! use llm_encoder::Encoder;
//! use llm_kernels::{pool::Pool, simd::Level};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let encoder = Encoder::open("all-minilm-l6-v2".as_ref(), None, Level::detect()?)?;
//! let mut tokens = encoder.tokens("A sentence to embed.");
//! encoder.cut(&mut tokens, encoder.longest());
//! let mut vectors = encoder.embed(&Pool::new(4)?, &[&tokens], encoder.pooling());
//! encoder.normalize(&mut vectors[0]);
//! assert_eq!(vectors[0].len(), encoder.dimensions(encoder.pooling()));
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

// Text → tokens.
mod post_processor;
mod unigram;
mod vocabulary;
mod wordpiece;

// Files → a network.
mod config;
mod family;
mod linear;
mod loader;
mod masked_lm;
mod outliers;
mod relative_bias;
mod static_embedding;
mod tensors;
mod weights;

// Tokens → rows.
mod attention;
mod batch;
mod decoder;
mod network;
mod pass;
mod rotation;

// Rows → vectors and scores.
mod assumed;
mod cross;
mod dense;
mod encoder;
mod pooling;
mod settings;

// Paths → encoders.
mod error;
mod folder;
mod gguf;
mod open;

pub use assumed::Assumed;
pub use cross::{CrossEncoder, PairScore};
pub use encoder::Encoder;
pub use error::EncoderError;
pub use pooling::Pooling;
pub use settings::Prompts;

#[cfg(test)]
mod tests;

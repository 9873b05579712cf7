//! The values that flags of `llm-embed` choose from.

use clap::ValueEnum;
use llm_record::Encoding as Written;

/// What an encoder's weights are quantized to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EmbedQuantize {
    /// 8.5 bits per weight, but floats where the inputs are largest
    #[value(name = "q8_0")]
    Q8_0,
}

/// What to do with a text that is too long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TooLong {
    /// Fail
    #[default]
    Error,
    /// Cut its end
    Truncate,
    /// Split it into windows and average their vectors, each weighted by its tokens
    ChunkMean,
}

/// How the vectors of the tokens are pooled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PoolingChoice {
    /// That of the first token
    Cls,
    /// Their mean
    Mean,
    /// Their maximum in each dimension
    Max,
    /// That of the last token
    Last,
    /// A weight for each token of the vocabulary, by a masked language model's head: sparse vectors
    Splade,
}

/// How a vector is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Encoding {
    /// JSON numbers
    #[default]
    Float,
    /// Little-endian 32-bit floats, in base64
    Base64,
    /// Little-endian 16-bit floats, in base64
    F16,
    /// Signed bytes in base64, to be multiplied by the record's 'scale'
    Int8,
    /// One bit per dimension, 1 above zero, the most significant bit first, in base64
    Binary,
}

/// Where vectors are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum EmbedFormat {
    /// In their records, one per line
    #[default]
    Jsonl,
    /// In a matrix as numpy.save writes it
    Npy,
    /// In a tensor named 'embeddings' of a safetensors file
    Safetensors,
}

impl Encoding {
    /// Returns the form as records name it.
    #[must_use]
    pub fn written(self) -> Written {
        match self {
            Self::Float => Written::Float,
            Self::Base64 => Written::Base64,
            Self::F16 => Written::F16,
            Self::Int8 => Written::Int8,
            Self::Binary => Written::Binary,
        }
    }
}

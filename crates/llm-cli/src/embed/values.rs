//! The values that flags of `llm-embed` choose from.

use clap::ValueEnum;
use llm_record::Encoding as Written;

/// What an encoder's weights are quantized to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EmbedQuantize {
    /// 8.5 bits a weight, and as floats where the inputs are largest
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
    /// Cut it into windows and take the mean of their vectors, each weighted by its tokens
    ChunkMean,
}

/// How the tokens' vectors become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PoolingChoice {
    /// The first
    Cls,
    /// Their mean
    Mean,
    /// The largest of each number
    Max,
    /// The last
    Last,
}

/// How a vector is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Encoding {
    /// Numbers
    #[default]
    Float,
    /// 32-bit floats, the lowest byte first, in base64
    Base64,
    /// 16-bit floats, the lowest byte first, in base64
    F16,
    /// Signed bytes in base64, to be multiplied by the record's 'scale'
    Int8,
    /// A bit a number, 1 above zero, the first the highest of its byte, in base64
    Binary,
}

/// Where vectors stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum EmbedFormat {
    /// In their records, a line each
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

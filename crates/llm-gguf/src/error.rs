//! What can be wrong with a GGUF file, each a sentence for the user.

use std::path::PathBuf;

/// Why a model file could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GgufError {
    /// No path was given.
    #[error("no model file was given")]
    NoFile,
    /// The file could not be opened or mapped.
    #[error("cannot open {}: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The header contradicts itself or the file's size.
    #[error("{} is not a usable GGUF file: {reason}; fetch it again or check where it came from", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// A split model with missing or surplus shards.
    #[error("{} is one of {expected} shards and {found} were found; fetch the missing ones into the same folder", path.display())]
    Split {
        /// The first shard.
        path: PathBuf,
        /// Number of shards that the header states.
        expected: u64,
        /// Number of shards given.
        found: usize,
    },
    /// A file that is not the shard that its name says.
    #[error("{} is not shard {number} of the {count} of this model ({reason}); fetch all of them from one place", path.display())]
    ForeignShard {
        /// The file.
        path: PathBuf,
        /// The shard that was expected, counted from 1.
        number: usize,
        /// Shards of the model.
        count: usize,
        /// What does not fit.
        reason: String,
    },
}

//! OpenAI's batch files, both ways: [`request`] understands a line of input, [`reply`] makes the line
//! of output that answers it. Which lines are of this form is seen line by line, so a file may mix them
//! with our own. What is supported of a request, and what closes its line, stands in [`request`].
//!
//! The format is that of the documents of OpenAI's Batch API and of the types of its Python package;
//! <https://platform.openai.com/docs/guides/batch> has both directions.

pub mod reply;
pub mod request;
pub mod vectors;

pub use reply::BatchOutput;
pub use vectors::{Input, Inputs, ListRest};

/// In whose format the line is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reply {
    /// In our own.
    #[default]
    Own,
    /// As OpenAI's chat completion, in a line of a batch output file.
    ChatCompletion,
    /// As OpenAI's text completion, in a line of a batch output file. Its prompt goes to the model as
    /// it is, without a chat template.
    TextCompletion,
    /// As OpenAI's list of vectors, in a line of a batch output file.
    Embeddings,
}

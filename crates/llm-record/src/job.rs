//! A request that is ready to run: what became of a line, a text or a file before any model has
//! seen it. How it came about is the reader's business, what answers it the engine's.

use std::ops::Range;

use serde_json::Value;

use crate::{
    Completion, ErrorCode, ErrorRecord, Failed, Fields, Id, Inputs, LoraChoice, Message, Overrides,
    Reply, Routed, TemplateUse,
};

/// A request that is ready to run.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Line in the input, from 1.
    pub line: u64,
    /// The line's own name.
    pub id: Option<Id>,
    /// The conversation: system text and instruction are in it. It is empty only where `vectors` is
    /// there.
    pub messages: Vec<Message>,
    /// Where the text that was asked about stands in it; `None` where there is none.
    pub text: Option<TextPlace>,
    /// The tools that the model may call, a list as OpenAI's API takes it.
    pub tools: Option<Value>,
    /// What this line sets; `overrides.or(&flags.settings())` adds the flags.
    pub overrides: Overrides,
    /// The LoRA adapters that this line chooses; `None` leaves it to the flags.
    pub lora: Option<Vec<LoraChoice>>,
    /// What goes into the record's `input`.
    pub input: Fields,
    /// SHA-256, in hexadecimal, of the line and of what the flags add to it: what tells the request
    /// from others before there is a prompt. Empty where the request is no line.
    pub source_digest: String,
    /// In whose format it is answered.
    pub reply: Reply,
    /// The prompt goes to the model as it is, without a chat template.
    pub is_raw: bool,
    /// The model that a line of a batch file asks for, whichever answers it.
    pub requested_model: Option<String>,
    /// Fields that ask for what is not done, and are ignored.
    pub ignored: Vec<String>,
    /// What a line of a batch file wants vectors of.
    pub vectors: Option<Inputs>,
}

/// The stretch of a conversation that may be cut where it is too long: the last user turn, without what
/// the flags put around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextPlace {
    /// The turn, from 0.
    pub message: usize,
    /// Bytes of its content.
    pub bytes: Range<usize>,
}

impl Job {
    /// Returns the request that an answer's record keeps, to be answered again; its text cannot be
    /// told from the rest of its conversation.
    #[must_use]
    pub fn recorded(answer: Completion) -> Self {
        let request = answer.request.map(|request| *request).unwrap_or_default();
        let messages = match request.prompt {
            Some(text) => vec![Message::new("user", text)],
            None => request.messages,
        };
        Self {
            line: answer.line,
            id: answer.id,
            messages,
            tools: request.tools,
            overrides: request.settings,
            lora: request.lora,
            input: answer.input,
            source_digest: answer.request_digest,
            reply: Reply::Own,
            is_raw: answer.model.template == TemplateUse::Raw,
            requested_model: None,
            ignored: answer.ignored,
            vectors: None,
            text: None,
        }
    }

    /// Returns the conversation as one text, for a model without a chat template and a raw prompt.
    #[must_use]
    pub fn text(&self) -> String {
        let contents: Vec<_> = self
            .messages
            .iter()
            .filter_map(|message| message.content.as_deref())
            .collect();
        contents.join("\n\n")
    }

    /// Returns the record that closes the request as failed.
    pub fn failed(&self, code: ErrorCode, message: impl Into<String>) -> Failed {
        let mut record = ErrorRecord::new(self.line, self.id.clone(), code, message);
        record.input = self.input.clone();
        let digest = &self.source_digest;
        record.request_digest = (!digest.is_empty()).then(|| digest.clone());
        Box::new(Routed::new(record, self.reply))
    }
}

/// What the input holds next.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A request to run.
    Run(Box<Job>),
    /// A request that cannot be run; its closing record.
    Failed(Failed),
    /// An `error` record of an earlier stage, which goes on as it came; this stage failed at it too.
    Passed(String),
}

impl Item {
    /// Sets what tells the request from others before there is a prompt.
    pub fn set_digest(&mut self, digest: &str) {
        match self {
            Self::Run(job) => digest.clone_into(&mut job.source_digest),
            Self::Failed(failed) => failed.record.request_digest = Some(digest.to_owned()),
            Self::Passed(_) => {}
        }
    }
}

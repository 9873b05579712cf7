//! Texts under way: gathered until there are enough tokens to share the weights,
//! then embedded together, which changes none of them.

use anyhow::Result;
use llm_cli::embed::{Encoding, TooLong};
use llm_cli::{EmbedArgs, Job, Output};
use llm_engine::encode::Encoder;
use llm_filter::Work;
use llm_record::{
    Embedding, EmbeddingUsage, ErrorCode, ErrorRecord, Id, Record, Reply, SchemaVersion, Vector,
};
use sha2::{Digest, Sha256};

use crate::open::Opened;

/// Tokens of the texts that are embedded together, where one alone is not longer:
/// enough to share the weights, little enough to stay in the cache.
const TOKENS: usize = 1024;

/// Embeds the texts of a run.
pub(crate) struct Worker<'a> {
    args: &'a EmbedArgs,
    /// Opened by the first text, so that an empty input costs nothing.
    opened: Option<Opened>,
    waiting: Vec<(u64, Task, u64)>,
}

/// A text that is ready to be embedded.
pub(crate) struct Task {
    job: Box<Job>,
    tokens: Vec<u32>,
    truncated: bool,
    digest: String,
}

impl<'a> Worker<'a> {
    pub(crate) fn new(args: &'a EmbedArgs) -> Self {
        Self {
            args,
            opened: None,
            waiting: Vec::new(),
        }
    }

    fn opened(&mut self) -> Result<&Opened> {
        match &mut self.opened {
            Some(opened) => Ok(opened),
            none => Ok(none.insert(Opened::new(self.args)?)),
        }
    }

    fn task(args: &EmbedArgs, opened: &Opened, job: Box<Job>) -> Result<Task, Box<ErrorRecord>> {
        let refused = |job: &Job, code, sentence: String| Err(Box::new(job.failed(code, sentence)));
        if job.reply != Reply::Own || job.messages.len() != 1 || job.tools.is_some() {
            let line = job.line;
            let sentence = format!(
                "line {line} is a conversation, and one text is wanted; give it as 'text', or make it with --template"
            );
            return refused(&job, ErrorCode::BadRequest, sentence);
        }
        let text = format!("{}{}", opened.prompt, job.text());
        let mut tokens = opened.encoder.tokens(&text);
        let (count, most) = (tokens.len(), opened.encoder.longest());
        let truncated = count > most;
        if truncated && args.input.on_overflow == TooLong::Error {
            let sentence = format!(
                "the text of line {} has {count} tokens and the model takes {most}; --on-overflow truncate cuts its end",
                job.line
            );
            return refused(&job, ErrorCode::ContextExceeded, sentence);
        }
        Encoder::truncate(&mut tokens, most);
        Ok(Task {
            digest: digest(args, opened, &tokens),
            job,
            tokens,
            truncated,
        })
    }
}

/// Returns the SHA-256, in hexadecimal, of all that a vector depends on.
fn digest(args: &EmbedArgs, opened: &Opened, tokens: &[u32]) -> String {
    let is_base64 = args.output.encoding == Encoding::Base64;
    let parts = serde_json::json!([
        opened.model.digest,
        tokens,
        opened.pooling.name(),
        opened.dimensions,
        opened.normalizes,
        is_base64,
    ]);
    let hash = Sha256::digest(parts.to_string());
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Work for Worker<'_> {
    type Task = Task;

    fn prepare(&mut self, job: Box<Job>) -> Result<Result<Task, Box<ErrorRecord>>> {
        let args = self.args;
        Ok(Self::task(args, self.opened()?, job))
    }

    fn name<'t>(&self, task: &'t Task) -> (Option<&'t Id>, &'t str) {
        (task.job.id.as_ref(), &task.digest)
    }

    fn refuse(&self, task: &Task, code: ErrorCode, sentence: String) -> ErrorRecord {
        let mut record = task.job.failed(code, sentence);
        record.request_digest = Some(task.digest.clone());
        record
    }

    fn has_room(&mut self, task: &Task) -> bool {
        let waiting = self.waiting.iter().map(|(_, task, _)| task.tokens.len());
        self.waiting.is_empty() || waiting.sum::<usize>() + task.tokens.len() <= TOKENS
    }

    fn start(&mut self, number: u64, task: Task, occurrence: u64) -> Result<(), Box<ErrorRecord>> {
        self.waiting.push((number, task, occurrence));
        Ok(())
    }

    fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    fn step(&mut self, _: &mut Output) -> Result<Vec<(u64, Record)>> {
        let Some(opened) = &self.opened else {
            return Ok(Vec::new());
        };
        let waiting = std::mem::take(&mut self.waiting);
        let texts: Vec<&[u32]> = waiting
            .iter()
            .map(|(_, task, _)| task.tokens.as_slice())
            .collect();
        let vectors = opened.encoder.encode(&opened.pool, &texts, opened.pooling);
        let encoding = self.args.output.encoding;
        let both = waiting.into_iter().zip(vectors);
        let records = both.map(|((number, task, occurrence), vector)| {
            (number, record(opened, encoding, task, occurrence, vector))
        });
        Ok(records.collect())
    }
}

/// Makes the record that closes a text.
fn record(
    opened: &Opened,
    encoding: Encoding,
    task: Task,
    occurrence: u64,
    mut vector: Vec<f32>,
) -> Record {
    vector.truncate(opened.dimensions);
    if opened.normalizes {
        opened.encoder.normalize(&mut vector);
    }
    if !vector.iter().all(|x| x.is_finite()) {
        // JSON has no number for it.
        let sentence = format!(
            "the vector of line {} holds what is no number; the model's weights are damaged",
            task.job.line
        );
        let mut record = task.job.failed(ErrorCode::GenerationFailed, sentence);
        record.request_digest = Some(task.digest);
        record.occurrence = (occurrence > 1).then_some(occurrence);
        return Record::from(record);
    }
    let tokens = task.tokens.len() as u64;
    Record::from(Embedding {
        schema_version: SchemaVersion::default(),
        id: task.job.id,
        line: task.job.line,
        dim: vector.len() as u64,
        embedding: match encoding {
            Encoding::Float => Vector::Floats(vector),
            Encoding::Base64 => Vector::base64(&vector),
        },
        usage: EmbeddingUsage {
            prompt_tokens: tokens,
            total_tokens: tokens,
        },
        truncated: task.truncated,
        pooling: opened.pooling.name().to_owned(),
        normalized: opened.normalizes,
        prompt: (!opened.prompt.is_empty()).then(|| opened.prompt.clone()),
        input: task.job.input,
        model: opened.model.clone(),
        request_digest: task.digest,
        occurrence: (occurrence > 1).then_some(occurrence),
        build: opened.build.clone(),
    })
}

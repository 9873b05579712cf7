//! Texts under way: gathered until there are enough tokens, then embedded in groups of
//! about the same length, which share the weights. The groups change no vector, and
//! the order of the output is not theirs.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use jiff::Timestamp;
use llm_batch::text_encoder::{TOKENS, Text};
use llm_cli::parser::embed::EmbedFormat;
use llm_cli::{EmbedArgs, Job};
use llm_digest::sha256_hex;
use llm_filter::{Prepared, RecordSink, RequestName, Work};
use llm_record::{
    Embedding, EmbeddingUsage, Encoding, ErrorCode, Failed, ListRest, Record, Reply, Routed,
    SchemaVersion,
};

use crate::open::{Opened, on_overflow};

/// Tokens that are gathered before they are put in groups, at most: enough for texts of
/// about the same length to meet.
const GATHERED: usize = 16 * TOKENS;

/// How long what is gathered may take: it is lost where the run is killed.
const PATIENCE: Duration = Duration::from_secs(1);

/// Embeds the texts of a run.
pub(crate) struct Worker<'a> {
    args: &'a EmbedArgs,
    opened: Arc<Opened>,
    gathered: Vec<Waiting>,
    /// Groups of about the same length; the last is embedded next.
    groups: Vec<Vec<Waiting>>,
    /// Tokens that are gathered now: more where the last were embedded at once.
    limit: usize,
    /// When the groups were made.
    since: Instant,
}

/// What a line asks for, ready to be embedded.
pub(crate) struct Task {
    job: Box<Job>,
    /// One, or those of a line of a batch file.
    texts: Vec<Text>,
    encoding: Encoding,
    digest: String,
}

impl Task {
    fn tokens(&self) -> usize {
        self.texts.iter().map(Text::tokens).sum()
    }
}

/// A task with its place, and which of equal ones it is.
struct Waiting {
    number: u64,
    task: Task,
    occurrence: u64,
}

impl<'a> Worker<'a> {
    pub(crate) fn new(args: &'a EmbedArgs, opened: Arc<Opened>) -> Self {
        Self {
            args,
            opened,
            gathered: Vec::new(),
            groups: Vec::new(),
            limit: TOKENS,
            since: Instant::now(),
        }
    }

    fn task(&self, job: Box<Job>) -> Result<Task, Failed> {
        let on_overflow = on_overflow(self.args.input.on_overflow);
        if let Some((code, sentence)) = self.obstacle(&job) {
            return Err(job.failed(code, sentence));
        }
        let opened = &*self.opened;
        let texts = match &job.vectors {
            None => {
                let text = whole(&job);
                opened
                    .texts
                    .text(&opened.prompt, &text, on_overflow)
                    .map(|text| vec![text])
            }
            Some(inputs) => {
                let texts = inputs.texts.iter();
                texts
                    .map(|input| opened.texts.input(&opened.prompt, input, on_overflow))
                    .collect()
            }
        };
        let mut texts: Vec<Text> = match texts {
            Ok(texts) => texts,
            Err(refused) => {
                let name = format!("the text of line {}", job.line);
                let (code, sentence) = refused.sentence(&name);
                return Err(job.failed(code, sentence));
            }
        };
        let asked = job.vectors.as_ref();
        if let Some(dimensions) = asked.and_then(|asked| asked.dimensions) {
            texts
                .iter_mut()
                .for_each(|text| text.dimensions = dimensions);
        }
        let encoding = asked
            .and_then(|asked| asked.encoding)
            .unwrap_or(opened.encoding);
        let is_matrix = self.args.output.format != EmbedFormat::Jsonl;
        Ok(Task {
            digest: digest(opened, &texts, encoding),
            job,
            texts,
            // The matrix has its own form of what it takes out.
            encoding: if is_matrix { Encoding::Float } else { encoding },
        })
    }

    /// Returns why a line cannot be embedded.
    fn obstacle(&self, job: &Job) -> Option<(ErrorCode, String)> {
        let line = job.line;
        if let Some(asked) = &job.vectors {
            let texts = &self.opened.texts;
            let whole = texts.encoder.dimensions(texts.pooling);
            let dimensions = asked.dimensions.unwrap_or(whole);
            if dimensions > whole {
                return Some((
                    ErrorCode::BadRequest,
                    format!(
                        "line {line} asks for {dimensions} dimensions, and the model's vectors have {whole} numbers"
                    ),
                ));
            }
            let encoding = self.opened.encoding;
            if encoding == Encoding::Sparse {
                let sentence = format!(
                    "line {line} is a request of a batch file, whose response has no place for sparse vectors; give the text in 'text'"
                );
                return Some((ErrorCode::UnsupportedField, sentence));
            }
            let is_known = matches!(encoding, Encoding::Float | Encoding::Base64);
            if asked.encoding.is_none() && !is_known {
                let sentence = format!(
                    "line {line} is a request of a batch file, whose vectors are numbers or base64; leave --encoding out"
                );
                return Some((ErrorCode::UnsupportedField, sentence));
            }
            let input = &self.args.input;
            if !input.keep.is_empty() || input.keep_text || input.template.is_some() {
                let sentence = format!(
                    "line {line} is a request of a batch file, whose response has no place for kept fields and whose text is taken as it is; leave out --keep, --keep-text and --template"
                );
                return Some((ErrorCode::UnsupportedField, sentence));
            }
            let is_matrix = self.args.output.format != EmbedFormat::Jsonl;
            return is_matrix.then(|| {
                let sentence = format!(
                    "line {line} is a request of a batch file, which is answered in OpenAI's format and not in a matrix; leave --format out"
                );
                (ErrorCode::UnsupportedField, sentence)
            });
        }
        if job.reply != Reply::Own {
            let sentence = format!(
                "line {line} asks for an answer, and llm-embed only makes vectors; its 'url' must be /v1/embeddings, llm-run answers the others"
            );
            return Some((ErrorCode::UnsupportedField, sentence));
        }
        (job.messages.len() != 1 || job.tools.is_some()).then(|| {
            let sentence = format!(
                "line {line} is a conversation, but a single text is needed; give it as 'text', or make it with --template"
            );
            (ErrorCode::BadRequest, sentence)
        })
    }

    /// Makes the record that closes a task.
    fn record(&self, waiting: Waiting, vectors: &[Vec<f32>]) -> Routed<Record> {
        let Waiting {
            task, occurrence, ..
        } = waiting;
        let opened = &*self.opened;
        let occurrence = (occurrence > 1).then_some(occurrence);
        if vectors.iter().flatten().any(|x| !x.is_finite()) {
            // JSON has no number for it.
            let sentence = format!(
                "the vector of line {} has values that are not finite; the model's weights are damaged",
                task.job.line
            );
            let mut failed = task.job.failed(ErrorCode::GenerationFailed, sentence);
            failed.record.request_digest = Some(task.digest);
            failed.record.occurrence = occurrence;
            return failed.map(Record::from);
        }
        let tokens = task.tokens() as u64;
        let text = self.args.input.keep_text.then(|| task.job.text());
        let mut written = vectors.iter().map(|vector| task.encoding.encode(vector));
        let (embedding, scale) = written.next().unzip();
        let rest = ListRest {
            vectors: written.map(|(vector, _)| vector).collect(),
            requested_model: task.job.requested_model,
        };
        let dimensions = task.texts.first().map_or(0, |text| text.dimensions);
        let windows = task.texts.iter().map(|text| text.windows.len()).max();
        let embedding = Embedding {
            schema_version: SchemaVersion::default(),
            id: task.job.id,
            line: task.job.line,
            dim: dimensions as u64,
            embedding,
            row: None,
            encoding: (task.encoding != Encoding::Float).then_some(task.encoding),
            scale: scale.flatten(),
            usage: EmbeddingUsage {
                prompt_tokens: tokens,
                total_tokens: tokens,
            },
            truncated: task.texts.iter().any(|text| text.truncated),
            windows: windows.filter(|count| *count > 1).map(|count| count as u64),
            pooling: opened.texts.pooling.name().to_owned(),
            normalized: opened.texts.is_normalized(dimensions),
            prompt: (!opened.prompt.is_empty()).then(|| opened.prompt.clone()),
            created: Some(Timestamp::now().as_second()),
            text,
            input: task.job.input,
            model: opened.model.clone(),
            request_digest: task.digest,
            occurrence,
            build: opened.build.clone(),
        };
        Routed {
            record: Record::from(embedding),
            reply: task.job.reply,
            rest,
        }
    }
}

/// Returns the text of a request, which may be too long to be held twice.
fn whole(job: &Job) -> Cow<'_, str> {
    match job.messages.as_slice() {
        [message] => Cow::Borrowed(message.content.as_deref().unwrap_or_default()),
        _ => Cow::Owned(job.text()),
    }
}

/// Returns the SHA-256, in hexadecimal, of all that vectors depend on.
fn digest(opened: &Opened, texts: &[Text], encoding: Encoding) -> String {
    let windows: Vec<_> = texts.iter().map(|text| &text.windows).collect();
    let dimensions = texts.first().map_or(0, |text| text.dimensions);
    let parts = (
        &opened.model.digest,
        &opened.model.quantization,
        windows,
        opened.texts.pooling.name(),
        dimensions,
        opened.texts.is_normalized(dimensions),
        encoding,
    );
    let json = serde_json::to_string(&parts).expect("texts and numbers are always JSON");
    sha256_hex(json)
}

/// Returns how many tokens to gather next, after `limit` of them took `elapsed`.
fn next_limit(limit: usize, elapsed: Duration) -> usize {
    if elapsed > PATIENCE {
        (limit / 2).max(TOKENS)
    } else if elapsed < PATIENCE / 4 {
        (limit * 2).min(GATHERED)
    } else {
        limit
    }
}

/// Puts tasks in groups of about the same length, the longest last.
fn groups(mut tasks: Vec<Waiting>) -> Vec<Vec<Waiting>> {
    tasks.sort_by_key(|waiting| waiting.task.tokens());
    let mut groups: Vec<Vec<Waiting>> = Vec::new();
    let mut tokens = 0;
    for waiting in tasks {
        let own = waiting.task.tokens();
        tokens += own;
        match groups.last_mut() {
            Some(group) if tokens <= TOKENS => group.push(waiting),
            _ => {
                tokens = own;
                groups.push(vec![waiting]);
            }
        }
    }
    groups
}

impl Work for Worker<'_> {
    type Task = Task;

    const IS_EMBEDDING: bool = true;

    fn prepare(&mut self, job: Box<Job>) -> Result<Prepared<Task>> {
        Ok(match self.task(job) {
            Ok(task) => Prepared::Ready(task),
            Err(record) => Prepared::Refused(record),
        })
    }

    fn name<'t>(&self, task: &'t Task) -> RequestName<'t> {
        RequestName::new(task.job.id.as_ref(), &task.job.input, &task.digest)
    }

    fn refuse(&self, task: &Task, code: ErrorCode, sentence: String) -> Failed {
        let mut failed = task.job.failed(code, sentence);
        failed.record.request_digest = Some(task.digest.clone());
        failed
    }

    fn has_room(&mut self, task: &Task) -> bool {
        let waiting = self.gathered.iter().map(|waiting| waiting.task.tokens());
        let is_first = self.gathered.is_empty();
        self.groups.is_empty() && (is_first || waiting.sum::<usize>() + task.tokens() <= self.limit)
    }

    fn start(&mut self, number: u64, task: Task, occurrence: u64) -> Result<(), Failed> {
        self.gathered.push(Waiting {
            number,
            task,
            occurrence,
        });
        Ok(())
    }

    fn is_idle(&self) -> bool {
        self.gathered.is_empty() && self.groups.is_empty()
    }

    fn step(&mut self, _: &mut dyn RecordSink) -> Result<Vec<(u64, Routed<Record>)>> {
        if self.groups.is_empty() {
            self.since = Instant::now();
            self.groups = groups(std::mem::take(&mut self.gathered));
        }
        let group = self.groups.pop().unwrap_or_default();
        let texts: Vec<&Text> = group
            .iter()
            .flat_map(|waiting| &waiting.task.texts)
            .collect();
        let mut vectors = self.opened.texts.vectors(&texts).into_iter();
        let mut records = Vec::with_capacity(group.len());
        for waiting in group {
            let own: Vec<_> = vectors.by_ref().take(waiting.task.texts.len()).collect();
            records.push((waiting.number, self.record(waiting, &own)));
        }
        if self.groups.is_empty() {
            self.limit = next_limit(self.limit, self.since.elapsed());
        }
        Ok(records)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_much_is_gathered_as_is_embedded_soon() {
        let mut limit = TOKENS;
        for _ in 0..9 {
            limit = next_limit(limit, Duration::from_millis(10));
        }
        assert_eq!(limit, GATHERED);
        assert_eq!(next_limit(limit, Duration::from_millis(500)), limit);
        for _ in 0..9 {
            limit = next_limit(limit, Duration::from_secs(40));
        }
        assert_eq!(limit, TOKENS);
    }
}

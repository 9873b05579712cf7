//! `llm-embed rerank`: texts in, the same out in the order in which they fit a query.
//! What says how well is a [`Scorer`].

use std::cmp::Ordering;
use std::path::Path;

use anyhow::{Result, bail};
use llm_batch::text_encoder::{OnOverflow, Refused, Text};
use llm_cli::input::Texts;
use llm_cli::parser::embed::{EmbedModelArgs, RerankArgs, TooLong};
use llm_cli::stdio::{InputWatch, stdout_is_terminal};
use llm_cli::{
    Context, EmbedArgs, Item, Job, Jobs, Messages, Output, OutputFormat, Requests, Status,
};
use llm_encoder::{CrossEncoder, PairScore};
use llm_kernels::pool::Pool;
use llm_kernels::simd::Level;
use llm_record::{ErrorCode, Found, Hit, Record, Routed, SchemaVersion};
use llm_search::cosine;
use llm_store::{Purpose, Store};

use crate::ask;
use crate::open::{Opened, locate, on_overflow, pool, warn};
use crate::reads;

/// Texts that are scored between two looks at whether the user wants an end.
const TOGETHER: usize = 64;

/// Puts the texts in order.
pub(crate) fn run(args: &RerankArgs, context: &Context) -> Result<Status> {
    let watch = InputWatch {
        interrupt: context.interrupt.clone(),
        reader: true,
    };
    let input = ask::input(None, args.jsonl, args.template.as_ref());
    // As where vectors are made, an empty `text` is one, and a blank line is none.
    let jobs = Jobs::texts(&input, &Texts::default(), &watch)?;
    let shared = ask::output(args.format);
    let form = OutputFormat::choose(&shared, Requests::One, stdout_is_terminal())?;
    let context = &context.quiet(args.quiet.quiet);
    let messages = context.messages;
    let scorer = Scorer::open(args, messages)?;
    let reads = reads::model(args.name()).inputs(jobs.inputs());
    let mut output = Output::open(&shared, form, "hit", &reads, messages)?;
    let (mut texts, mut status) = (Vec::new(), Status::Done);
    for item in jobs.warning(messages) {
        let failed = match item? {
            Item::Run(job) => match ask::text(&job) {
                Ok(text) => {
                    texts.push((job, text));
                    continue;
                }
                Err(failed) => output.fail(failed),
            },
            Item::Failed(failed) => output.fail(failed),
            Item::Passed(line) => output.pass(&line),
        };
        failed?;
        status = status.and(Status::SomeFailed);
    }
    let mut scored = Vec::with_capacity(texts.len());
    for (first, together) in (0..).step_by(TOGETHER).zip(texts.chunks(TOGETHER)) {
        if let Some(ended) = context.interrupt.status() {
            return Ok(ended);
        }
        for (row, score) in (first..).zip(scorer.scores(together)) {
            match score {
                Ok(score) => scored.push((row, score)),
                Err((code, sentence)) => {
                    output.fail(texts[row].0.failed(code, sentence))?;
                    status = status.and(Status::SomeFailed);
                }
            }
        }
    }
    // Of what is alike in all, the text that comes first.
    scored.sort_by(|(_, a), (_, b)| a.best_first(b));
    let most = args.hits.map_or(scored.len(), usize::from);
    for (rank, (row, score)) in scored.into_iter().take(most).enumerate() {
        let hit = hit(args, &texts[row], rank, &score);
        output.close(&mut Routed::own(Record::from(hit)))?;
    }
    output.finish()?;
    Ok(status)
}

fn hit(args: &RerankArgs, (job, text): &(Box<Job>, String), rank: usize, score: &Scored) -> Hit {
    Hit {
        schema_version: SchemaVersion::default(),
        query: args.query.clone(),
        query_id: None,
        rank: rank as u64 + 1,
        score: score.score,
        logit: score.logit,
        truncated: score.truncated,
        created: None,
        found: Found {
            id: job.id.clone(),
            line: job.line,
            text: Some(text.clone()),
            input: job.input.clone(),
        },
    }
}

/// What says how well texts fit a query.
enum Scorer {
    /// The cosine of the two vectors.
    Vectors(Box<Vectors>),
    /// A model that reads both at once.
    Pairs(Box<Pairs>),
}

/// A model that makes vectors, and that of the query.
struct Vectors {
    opened: Opened,
    query: Vec<f32>,
    on_overflow: OnOverflow,
}

/// A model that reads the query and a text at once, and the query's tokens.
struct Pairs {
    model: CrossEncoder,
    pool: Pool,
    query: Vec<u32>,
    truncates: bool,
}

/// How well a text fits.
struct Scored {
    score: f32,
    /// What a model that reads both says before its activation.
    logit: Option<f32>,
    /// Whether its end was cut.
    truncated: bool,
}

impl Scored {
    /// Orders by score, the highest first; where an activation has made one of several logits, by those.
    fn best_first(&self, other: &Self) -> Ordering {
        let logit = |it: &Self| it.logit.unwrap_or_default();
        let by_score = other.score.total_cmp(&self.score);
        by_score.then(logit(other).total_cmp(&logit(self)))
    }
}

/// How well a text fits, or why that cannot be said.
type Score = Result<Scored, (ErrorCode, String)>;

impl Scorer {
    /// Opens the model and reads the query.
    fn open(args: &RerankArgs, messages: Messages) -> Result<Self> {
        let purposes = [Purpose::Ranking, Purpose::Vectors];
        let path = locate(&Store::from_env(), args.name(), &purposes)?;
        if CrossEncoder::is_in(&path)? {
            Ok(Self::Pairs(Box::new(Pairs::open(args, &path, messages)?)))
        } else {
            Ok(Self::Vectors(Box::new(Vectors::open(args, messages)?)))
        }
    }

    /// Returns the score of each text.
    fn scores(&self, texts: &[(Box<Job>, String)]) -> Vec<Score> {
        match self {
            Self::Vectors(vectors) => vectors.scores(texts),
            Self::Pairs(pairs) => pairs.scores(texts),
        }
    }
}

/// Returns the score of a line's text, which must be finite.
fn finite(scored: Option<Scored>, name: &str) -> Score {
    let is_finite = |it: &Scored| it.score.is_finite() && it.logit.is_none_or(f32::is_finite);
    scored.filter(is_finite).ok_or_else(|| {
        let sentence =
            format!("the score of {name} is not finite; the model's weights are damaged");
        (ErrorCode::GenerationFailed, sentence)
    })
}

/// Returns what the text of a line is called.
fn name(job: &Job) -> String {
    format!("the text of line {}", job.line)
}

impl Pairs {
    fn open(args: &RerankArgs, path: &Path, messages: Messages) -> Result<Self> {
        if args.on_overflow == TooLong::ChunkMean {
            bail!(
                "--on-overflow chunk-mean averages vectors, and a cross-encoder makes none; truncate cuts the end of the text"
            );
        }
        let model = CrossEncoder::open(path, Level::detect()?)?;
        warn(model.warnings(), messages);
        let query = model.tokens(&args.query);
        if model.room(query.len()) == 0 {
            bail!(
                "the query has {} tokens and leaves no room for a text in the {} that the model takes; shorten it",
                query.len(),
                model.longest()
            );
        }
        Ok(Self {
            model,
            pool: pool(&ask::machine(args.machine))?,
            query,
            truncates: args.on_overflow == TooLong::Truncate,
        })
    }

    fn scores(&self, texts: &[(Box<Job>, String)]) -> Vec<Score> {
        let room = self.model.room(self.query.len());
        let tokens = texts.iter().map(|(_, text)| self.model.tokens(text));
        let tokens: Vec<Vec<u32>> = tokens.collect();
        let fits = |text: &&Vec<u32>| self.truncates || text.len() <= room;
        // The model cuts what is longer.
        let good: Vec<&[u32]> = tokens.iter().filter(fits).map(Vec::as_slice).collect();
        let mut made = self.model.score(&self.pool, &self.query, &good).into_iter();
        let scores = tokens.iter().zip(texts).map(|(tokens, (job, _))| {
            let (name, count) = (name(job), tokens.len());
            if !fits(&tokens) {
                let sentence = format!(
                    "{name} has {count} tokens and the model takes {room} beside the query; --on-overflow truncate cuts its end"
                );
                return Err((ErrorCode::ContextExceeded, sentence));
            }
            let scored = made.next().map(|PairScore { logit, score }| Scored {
                score,
                logit: Some(logit),
                truncated: count > room,
            });
            finite(scored, &name)
        });
        scores.collect()
    }
}

impl Vectors {
    /// Opens the model and makes the query's vector.
    fn open(args: &RerankArgs, messages: Messages) -> Result<Self> {
        let opened = Opened::new(&EmbedArgs {
            model: EmbedModelArgs {
                model: args.model.clone(),
                // The query has its own prompt, the texts that of documents.
                document: true,
                ..EmbedModelArgs::default()
            },
            ..ask::machine(args.machine)
        })?;
        opened.warn(messages);
        let prompt = opened.texts.encoder.prompts().query().unwrap_or_default();
        let query = match opened
            .texts
            .text(prompt, &args.query, on_overflow(args.on_overflow))
        {
            Ok(query) => opened.texts.vectors(&[&query]).concat(),
            Err(refused) => bail!("{}", refused.sentence("the query").1),
        };
        Ok(Self {
            opened,
            query,
            on_overflow: on_overflow(args.on_overflow),
        })
    }

    fn scores(&self, texts: &[(Box<Job>, String)]) -> Vec<Score> {
        let Opened {
            texts: encoder,
            prompt,
            ..
        } = &self.opened;
        let ready: Vec<Result<Text, Refused>> = texts
            .iter()
            .map(|(_, text)| encoder.text(prompt, text, self.on_overflow))
            .collect();
        let good: Vec<&Text> = ready.iter().flatten().collect();
        let mut made = encoder.vectors(&good).into_iter();
        let scores = ready.iter().zip(texts).map(|(text, (job, _))| {
            let name = name(job);
            match text {
                Err(refused) => Err(refused.sentence(&name)),
                Ok(text) => {
                    let scored = made.next().map(|vector| Scored {
                        score: cosine(&self.query, &vector),
                        logit: None,
                        truncated: text.truncated,
                    });
                    finite(scored, &name)
                }
            }
        });
        scores.collect()
    }
}

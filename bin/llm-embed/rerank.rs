//! `llm-embed rerank`: texts in, the same out in the order in which they fit a query.
//! What says how well is a [`Scorer`].

use anyhow::{Result, bail};
use llm_cli::embed::{EmbedModelArgs, RerankArgs, TooLong};
use llm_cli::stdio::{Watch, stdout_is_terminal};
use llm_cli::{Context, EmbedArgs, Form, Item, Job, Jobs, Output, Status};
use llm_kernels::simd::Level;
use llm_kernels::vector;
use llm_record::{ErrorCode, Found, Hit, Record, SchemaVersion};

use crate::ask;
use crate::index::scan::order;
use crate::open::Opened;
use crate::text::{Refused, Text, vectors};

/// Texts that are scored between two looks at whether the user wants an end.
const TOGETHER: usize = 64;

/// Puts the texts in order.
pub(crate) fn run(args: &RerankArgs, context: &Context) -> Result<Status> {
    let watch = Watch {
        interrupt: context.interrupt.clone(),
        reader: true,
    };
    let input = ask::input(None, args.jsonl, args.template.as_deref());
    let jobs = Jobs::open(&input, None, &watch)?;
    let shared = ask::output(args.format);
    let form = Form::choose(&shared, true, stdout_is_terminal())?;
    let messages = context.messages.quiet(args.quiet.quiet);
    let scorer = Scorer::open(args)?;
    let mut output = Output::open(&shared, form, jobs.inputs(), messages)?;
    let (mut texts, mut status) = (Vec::new(), Status::Done);
    for item in jobs.warning(messages) {
        let failed = match item? {
            Item::Run(job) => match ask::text(&job) {
                Ok(text) => {
                    texts.push((job, text));
                    continue;
                }
                Err(record) => output.fail(*record),
            },
            Item::Failed(record) => output.fail(*record),
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
    scored.sort_unstable_by(order);
    let most = args.hits.map_or(scored.len(), usize::from);
    for (rank, (row, score)) in scored.into_iter().take(most).enumerate() {
        output.close(&hit(args, &texts[row], rank, score))?;
    }
    output.finish()?;
    Ok(status)
}

fn hit(args: &RerankArgs, (job, text): &(Box<Job>, String), rank: usize, score: f32) -> Record {
    Record::from(Hit {
        schema_version: SchemaVersion::default(),
        query: args.query.clone(),
        query_id: None,
        rank: rank as u64 + 1,
        score,
        found: Found {
            id: job.id.clone(),
            line: job.line,
            text: Some(text.clone()),
            input: job.input.clone(),
        },
    })
}

/// What says how well texts fit a query. A model that reads both at once is to be
/// another variant.
enum Scorer {
    /// The cosine of the two vectors.
    Vectors(Box<Vectors>),
}

/// A model that makes vectors, and that of the query.
struct Vectors {
    opened: Opened,
    query: Vec<f32>,
    too_long: TooLong,
    level: Level,
}

/// How well a text fits, or why that cannot be said.
type Score = Result<f32, (ErrorCode, String)>;

impl Scorer {
    /// Opens the model and reads the query.
    fn open(args: &RerankArgs) -> Result<Self> {
        let opened = Opened::new(&EmbedArgs {
            model: EmbedModelArgs {
                model: args.model.clone(),
                // The query has its own prompt, the texts that of documents.
                document: true,
                ..EmbedModelArgs::default()
            },
            ..ask::machine(args.machine)
        })?;
        let prompt = opened.encoder.prompts().query().unwrap_or_default();
        let query = match Text::new(&opened, prompt, &args.query, args.on_overflow) {
            Ok(query) => vectors(&opened, &[&query]).concat(),
            Err(refused) => bail!("{}", refused.sentence("the query").1),
        };
        Ok(Self::Vectors(Box::new(Vectors {
            opened,
            query,
            too_long: args.on_overflow,
            level: Level::detect()?,
        })))
    }

    /// Returns the score of each text.
    fn scores(&self, texts: &[(Box<Job>, String)]) -> Vec<Score> {
        let Self::Vectors(vectors) = self;
        vectors.scores(texts)
    }
}

impl Vectors {
    fn scores(&self, texts: &[(Box<Job>, String)]) -> Vec<Score> {
        let opened = &self.opened;
        let ready: Vec<Result<Text, Refused>> = texts
            .iter()
            .map(|(_, text)| Text::new(opened, &opened.prompt, text, self.too_long))
            .collect();
        let good: Vec<&Text> = ready.iter().flatten().collect();
        let mut made = vectors(opened, &good).into_iter();
        let scores = ready.iter().zip(texts).map(|(text, (job, _))| {
            let name = format!("the text of line {}", job.line);
            match text {
                Err(refused) => Err(refused.sentence(&name)),
                Ok(_) => {
                    let score = self.cosine(&self.query, &made.next().unwrap_or_default());
                    score.ok_or_else(|| {
                        let sentence = format!(
                            "the vector of {name} holds what is no number; the model's weights are damaged"
                        );
                        (ErrorCode::GenerationFailed, sentence)
                    })
                }
            }
        });
        scores.collect()
    }

    /// Returns the cosine of two vectors; 0 where one is all zeros.
    fn cosine(&self, a: &[f32], b: &[f32]) -> Option<f32> {
        let dot = |a: &[f32], b: &[f32]| vector::dot(self.level, a, b);
        let lengths = (dot(a, a) * dot(b, b)).sqrt();
        let cosine = if lengths > 0.0 {
            dot(a, b) / lengths
        } else {
            lengths
        };
        cosine.is_finite().then_some(cosine)
    }
}

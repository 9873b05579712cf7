//! `llm-embed search`: queries in, the texts that are nearest to each out. The model
//! and how it is used are those that the vectors were made with.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum as _;
use llm_cli::parser::embed::{EmbedModelArgs, EmbedQuantize, PoolingChoice, SearchArgs};
use llm_cli::stdio::{InputWatch, stdout_is_terminal};
use llm_cli::{Context, EmbedArgs, Item, Job, Jobs, Output, OutputFormat, Requests, Status, Told};
use llm_record::{ErrorCode, Hit, Record, Routed, SchemaVersion};
use llm_search::Index;

use crate::open::{Opened, on_overflow};
use crate::{ask, index, reads};

/// Answers the queries.
pub(crate) fn run(args: &SearchArgs, context: &Context) -> Result<Status> {
    let watch = InputWatch {
        interrupt: context.interrupt.clone(),
        reader: true,
    };
    // As of a file, '-' is standard input.
    let query = args.query.as_deref().filter(|query| *query != "-");
    if query.is_none() && args.vectors == Path::new("-") {
        bail!(
            "standard input is read as the vectors, so the query must be an argument: llm-embed search - QUERY"
        );
    }
    let jobs = Jobs::open(
        &ask::input(query, args.jsonl, None),
        Told::default(),
        &watch,
    )?;
    let shared = ask::output(args.format);
    let form = OutputFormat::choose(&shared, Requests::One, stdout_is_terminal())?;
    let context = &context.quiet(args.quiet.quiet);
    let messages = context.messages;
    let pool = crate::open::pool(&ask::machine(args.machine))?;
    let index = index::open(&args.vectors, &pool, context)?;
    let opened = open(args, &index)?;
    opened.warn(messages);
    let name = args
        .model
        .as_ref()
        .unwrap_or(&index.provenance().model.name);
    let reads = reads::vectors(reads::model(name), &args.vectors).inputs(jobs.inputs());
    let mut search = Search {
        args,
        index,
        opened,
    };
    let mut output = Output::open(&shared, form, "hit", &reads, messages)?;
    let mut status = Status::Done;
    for item in jobs.warning(messages) {
        if let Some(ended) = context.interrupt.status() {
            return Ok(ended);
        }
        let failed = match item? {
            Item::Run(job) => search.answer(&job, &mut output)?,
            Item::Failed(failed) => {
                output.fail(failed)?;
                true
            }
            Item::Passed(line) => {
                output.pass(&line)?;
                true
            }
        };
        if failed {
            status = status.and(Status::SomeFailed);
        }
    }
    output.finish()?;
    Ok(status)
}

struct Search<'a> {
    args: &'a SearchArgs,
    index: Index,
    opened: Opened,
}

impl Search<'_> {
    /// Writes what is found for a query; returns whether it failed.
    fn answer(&mut self, job: &Job, output: &mut Output) -> Result<bool> {
        let query = match ask::text(job) {
            Ok(query) => query,
            Err(failed) => {
                output.fail(failed)?;
                return Ok(true);
            }
        };
        let Opened { texts, prompt, .. } = &self.opened;
        let text = match texts.text(prompt, &query, on_overflow(self.args.on_overflow)) {
            Ok(text) => text,
            Err(refused) => {
                let (code, sentence) = refused.sentence("the query");
                output.fail(job.failed(code, sentence))?;
                return Ok(true);
            }
        };
        let vector = texts.vectors(&[&text]).remove(0);
        if !vector.iter().all(|x| x.is_finite()) {
            let sentence = "the query's vector has values that are not finite; the model's weights are damaged";
            output.fail(job.failed(ErrorCode::GenerationFailed, sentence))?;
            return Ok(true);
        }
        let most = self.args.hits.get();
        let best = self.index.nearest(&self.opened.texts.pool, &vector, most);
        for (rank, neighbour) in best.into_iter().enumerate() {
            let hit = Hit {
                schema_version: SchemaVersion::default(),
                query: query.clone(),
                query_id: job.id.clone(),
                rank: rank as u64 + 1,
                score: neighbour.score,
                logit: None,
                truncated: false,
                created: None,
                found: self.index.record(neighbour.row)?,
            };
            output.close(&mut Routed::own(Record::from(hit)))?;
        }
        Ok(false)
    }
}

/// Returns the flag that makes weights what records say of them.
fn quantize(name: Option<&str>, file: &str) -> Result<Option<EmbedQuantize>> {
    let known = |name: &str| EmbedQuantize::from_str(name, false).ok();
    match name.map(|name| (name, known(name))) {
        None => Ok(None),
        Some((_, Some(format))) => Ok(Some(format)),
        Some((name, None)) => bail!(
            "the vectors of '{file}' were made with weights in '{name}', which this llm-embed does not know; make them again"
        ),
    }
}

/// Opens the model that made the vectors, and refuses another.
fn open(args: &SearchArgs, index: &Index) -> Result<Opened> {
    let (made, file) = (index.provenance(), args.vectors.display());
    let choice = PoolingChoice::from_str(&made.pooling, true).ok();
    if let Some(asked) = args.pooling
        && choice != Some(asked)
    {
        bail!(
            "the vectors of '{file}' were pooled by '{}', and --pooling asks for another way; leave it out",
            made.pooling
        );
    }
    let name = args.model.as_ref().unwrap_or(&made.model.name);
    let mut opened = Opened::new(&EmbedArgs {
        model: EmbedModelArgs {
            model: Some(name.clone()),
            pooling: choice,
            quantize: quantize(made.model.quantization.as_deref(), &file.to_string())?,
            ..EmbedModelArgs::default()
        },
        ..ask::machine(args.machine)
    })
    .with_context(|| {
        format!(
            "cannot open the model that made the vectors of '{file}' ('{}'; -m names it where it lies elsewhere now)",
            made.model.name
        )
    })?;
    if opened.model.digest != made.model.digest {
        bail!(
            "the vectors of '{file}' were made with '{}', and '{name}' has other weights (SHA-256 {:.12} and {:.12}); give the same model with -m, or make them again",
            made.model.name,
            made.model.digest,
            opened.model.digest
        );
    }
    if opened.texts.pooling.name() != made.pooling
        || made.dimensions > opened.texts.encoder.dimensions(opened.texts.pooling)
    {
        bail!(
            "the vectors of '{file}' have {} numbers pooled by '{}', which the model cannot make; the file is damaged",
            made.dimensions,
            made.pooling
        );
    }
    opened.texts.dimensions = made.dimensions;
    opened.prompt = match (&args.prompt, opened.texts.encoder.prompts().query()) {
        (Some(prompt), _) => prompt.to_string(),
        (None, Some(prompt)) => prompt.to_owned(),
        // A model without a prompt for queries takes them as it took the texts.
        (None, None) => match index.other_prompt() {
            None => made.prompt.clone().unwrap_or_default(),
            Some(line) => bail!(
                "line {line} of '{file}' had another prompt before its text than the first, and the model has none for queries; say with --prompt what to put before the query"
            ),
        },
    };
    Ok(opened)
}

//! A text and a model → one `perplexity` record.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use llm_cli::host;
use llm_cli::stdio::StdioError;
use llm_cli::{BenchArgs, Context, Status};
use llm_engine::forward::Forward;
use llm_engine::perplexity::{PerplexityError, perplexity};
use llm_kernels::simd::Level;
use llm_record::{BenchModel, Perplexity, Record};

use crate::machine;
use crate::output::Writer;
use crate::subject::{Named, Subject, go_on, reads};

/// The longest text in bytes: some days of work, and a pipe without an end must
/// not take all memory.
const LONGEST: u64 = 1 << 30;

/// Reads a text, and of one that is too long a byte more than it may have.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(LONGEST + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Measures one model on one text.
pub(crate) fn run(args: &BenchArgs, path: &Path, context: &Context) -> Result<Status> {
    let [name] = args.subject.model.as_slice() else {
        bail!("--perplexity takes one -m; call it once for each model");
    };
    let threads = match args.tests.threads.as_slice() {
        [] => host::cores(),
        [threads] => threads.get(),
        _ => bail!("--perplexity takes one -t"),
    };
    let bytes = read(path).with_context(|| format!("cannot read '{}'", path.display()))?;
    if bytes.len() as u64 > LONGEST {
        bail!(
            "'{}' is longer than {LONGEST} bytes; measure a part of it",
            path.display()
        );
    }
    let text =
        String::from_utf8(bytes).with_context(|| format!("'{}' is not UTF-8", path.display()))?;
    let level = Level::detect()?;
    let messages = context.messages;
    let reads = reads(args).file(path);
    let mut writer = Writer::open(&args.output, "perplexity", &reads, messages)?;
    let window = args.perplexity.window() as usize;
    let subject = Subject::open(&Named::Model(name.clone()), window, args, context)?;
    let tokenizer = subject.tokenizer()?;
    for warning in tokenizer.warnings() {
        messages.warning(warning);
    }
    let start = Instant::now();
    // llama-perplexity leaves out the file's last line end, too.
    let tokens = tokenizer.encode(text.strip_suffix('\n').unwrap_or(&text), true, false);
    let begins = tokenizer.encode("", true, false).first().copied();
    let bos = begins.filter(|token| Some(*token) == tokenizer.bos());
    if window > subject.context_length() {
        bail!(
            "a window of {window} tokens is more than the {} that the model was trained for; use a \
             smaller -c",
            subject.context_length()
        );
    }
    let mut engine = subject.engine_with(level, threads, &args.lora.lora)?;
    let chosen = engine.adapters.of_command_line();
    let windows = tokens.len() / window.max(1);
    let forward: &mut dyn Forward = &mut engine.forward;
    let mut watch = |done, so_far| {
        messages.note(format_args!("window {done} of {windows}: {so_far:.4}"));
        go_on(&context.interrupt)
    };
    let found = perplexity(forward, &tokens, bos, window, &chosen.applied, &mut watch);
    let found = found.map_err(|error| match (error, context.interrupt.status()) {
        (PerplexityError::Interrupted, Some(status)) => StdioError::Ended(status).into(),
        (error, _) => anyhow::Error::from(error),
    })?;
    let record = Perplexity {
        text: path.display().to_string(),
        n_ctx: window as u64,
        n_chunks: found.windows as u64,
        n_scored: found.scored as u64,
        perplexity: found.value,
        perplexity_stderr: found.standard_error,
        total_ns: start.elapsed().as_nanos() as u64,
        model: BenchModel {
            lora: chosen.identities,
            ..subject.model.clone()
        },
        build: machine::build(level, threads),
        ..Perplexity::default()
    };
    let sentence = format!("{:.4} ± {:.5}", found.value, found.standard_error);
    writer.record_or(&Record::from(record), &sentence)?;
    writer.finish()?;
    Ok(Status::Done)
}

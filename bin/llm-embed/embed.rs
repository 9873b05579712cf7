//! The filter: texts in, a closing record each out, in their order, gone on with
//! where an earlier run ended.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail};
use llm_cli::filter::{Run, Target};
use llm_cli::parser::embed::EmbedFormat;
use llm_cli::progress::LineBar;
use llm_cli::stdio::{InputWatch, StdioError, stderr_is_terminal, stdout_is_terminal};
use llm_cli::{Context, EmbedArgs, Jobs, Output, OutputFormat, Reads, Replaces, Status};
use llm_filter::durable::Existing;
use llm_filter::{Journal, Options, Rules};
use llm_record::closed::LONGEST_RECORD;
use llm_record::matrix::Layout;
use llm_search::{Provenance, first_provenance, records_path};

use crate::matrix::{self, Matrix};
use crate::open::Opened;
use crate::reads;
use crate::stale;
use crate::work::Worker;

/// Texts that may wait in order behind the oldest open one.
const REORDER: usize = 1024;

/// Texts that are read ahead: enough for what is computed together.
const AHEAD: usize = 64;

/// The same of whole files, each of which may be large.
const FILES_AHEAD: usize = 2;

/// Embeds what the arguments name.
pub(crate) fn run(args: &EmbedArgs, context: &Context) -> Result<Status> {
    check(args)?;
    let context = &context.quiet(args.quiet.quiet);
    let watch = InputWatch {
        interrupt: context.interrupt.clone(),
        reader: args.output.output.is_none(),
    };
    let jobs = Jobs::texts(&args.shared_input(), &args.texts(), &watch)?;
    let opened = Arc::new(Opened::new(args)?);
    opened.warn(context.messages);
    let jobs = counted(args, jobs, &opened)?;
    let messages = context.messages;
    let form = OutputFormat::Records { deltas: false };
    let shared = args.shared_output();
    let reads = reads::texts(args).inputs(jobs.inputs());
    check_list(args)?;
    let matrix = Matrix::open(args, &reads)?;
    check_alike(args, &opened)?;
    let target = target(args, matrix.is_some(), &reads, context)?;
    let output = match (&matrix, target.sink) {
        (Some(matrix), _) => matrix.output(&shared, messages)?,
        (None, Some(sink)) => Output::onto(sink, &shared, form, messages),
        (None, None) => Output::open(&shared, form, "embedding", &reads, messages)?,
    };
    let records = args.output.output.as_deref().map(records_path);
    let written = [args.output.output.as_deref(), records.as_deref()];
    let jobs = jobs.apart_from(written.into_iter().flatten());
    let mut worker = Worker::new(args, Arc::clone(&opened));
    let to_stdout = args.output.output.is_none() && stdout_is_terminal();
    let is_watched = !args.quiet.quiet && !to_stdout && stderr_is_terminal();
    let mut bar = LineBar::start(is_watched, || jobs.count_lines());
    let run = Run {
        journal: target.journal,
        output,
        options: Options {
            reorder: REORDER,
            is_ordered: true,
            max_errors: args.output.max_errors,
            on_conflict: args.output.conflict.rule(),
        },
        file: continued(args),
        every: args.output.progress.every(args.quiet.quiet),
        read_ahead: ahead(args),
        tells_last_words: true,
        progress: Box::new(move |summary| bar.show(summary)),
    };
    let ended = llm_cli::filter::run(jobs.warning(messages), &mut worker, run, context)?;
    let is_whole = ended.failure.is_none()
        && ended.finished.is_ok()
        && !ended.is_stopped
        && !context.interrupt.is_set();
    let outlook = match matrix {
        Some(matrix) if is_whole => {
            finish(matrix, opened.texts.dimensions, context)?;
            ""
        }
        Some(_) => "what the matrix was to replace is as it was",
        None => "the same command goes on",
    };
    ended.tell_stop(outlook, messages);
    if is_whole {
        stale::settle(args, &ended.journal, messages)?;
    }
    ended.tell(messages)
}

/// Opens where records go, and reads what need not be made again. A matrix has files of its own.
fn target(args: &EmbedArgs, is_matrix: bool, reads: &Reads, context: &Context) -> Result<Target> {
    let mut target = if is_matrix {
        Target::default()
    } else {
        Target::open(
            args.output.output.as_deref(),
            args.output.resume.as_deref(),
            Existing::choose(args.output.overwrite, args.output.repair),
            reads,
            rules(args),
            context.messages,
        )?
    };
    if let Some(path) = &args.output.skip_seen {
        see(&mut target.journal, path)?;
    }
    Ok(target)
}

/// Returns what counts for a journal of vectors: each file has its record, also where
/// its text is another's.
fn rules(args: &EmbedArgs) -> Rules {
    Rules {
        retries_errors: args.output.retry_errors,
        tells_files: true,
        kind: Some("embedding"),
    }
}

/// Returns the file of records that the run adds to.
fn continued(args: &EmbedArgs) -> Option<&Path> {
    let output = args.output.output.as_deref();
    let is_added_to = args.output.format == EmbedFormat::Jsonl;
    output
        .or(args.output.resume.as_deref())
        .filter(|_| is_added_to)
}

/// Finishes a matrix whose run is complete, and says so where there was no vector to write.
fn finish(matrix: Matrix, dimensions: usize, context: &Context) -> Result<()> {
    if !matrix.finish(dimensions)? {
        context.messages.warning(format_args!(
            "no vector was made; what the matrix was to replace is as it was"
        ));
    }
    Ok(())
}

/// Refuses to append vectors to a file whose own cannot be compared with them.
fn check_alike(args: &EmbedArgs, opened: &Opened) -> Result<()> {
    // A matrix is replaced and not added to, as any file may be.
    let is_added_to = args.output.format == EmbedFormat::Jsonl && !args.output.overwrite;
    let file = args.output.output.as_ref().or(args.output.resume.as_ref());
    let Some((path, there)) = file
        .filter(|_| is_added_to)
        .and_then(|path| Some((path, first_provenance(path)?)))
    else {
        return Ok(());
    };
    let texts = &opened.texts;
    let here = Provenance {
        model: opened.model.clone(),
        pooling: texts.pooling.name().to_owned(),
        dimensions: texts.dimensions,
        prompt: None,
        normalized: Some(texts.is_normalized(texts.dimensions)),
    };
    match there.difference(&here) {
        None => Ok(()),
        Some((what, was, is)) => bail!(
            "'{}' holds vectors that were made with another {what} ('{was}') than this run's ('{is}'), and the two cannot be compared; write to another file",
            path.display()
        ),
    }
}

/// Refuses to overwrite what a list of files may name, or a folder hold: it is known too late.
fn check_list(args: &EmbedArgs) -> Result<()> {
    let Some(path) = args.output.output.as_deref() else {
        return Ok(());
    };
    let is_listed = args.input.files0_from.is_some();
    let has_folder = args.input.files.iter().any(|file| file.is_dir());
    if !args.output.overwrite || !(is_listed || has_folder) {
        return Ok(());
    }
    let origin = if is_listed {
        "one of the texts of the --files0-from list"
    } else {
        "one of the texts of a folder"
    };
    let checked = match Layout::of_name(path) {
        Some(layout) => matrix::check_replaceable(path, layout),
        None => Replaces::Records("embedding").check(path),
    };
    match checked {
        Err(StdioError::Occupied { name, .. }) => bail!(
            "{name} is not an output of llm-embed and may be {origin}, which is read while the output is written; remove it first, or give another -o"
        ),
        _ => Ok(()),
    }
}

/// Returns how many texts are read ahead.
fn ahead(args: &EmbedArgs) -> usize {
    let has_files = !args.input.files.is_empty() || args.input.files0_from.is_some();
    match args.input.chunk {
        None if has_files => FILES_AHEAD,
        _ => AHEAD,
    }
}

/// Refuses flags that have no meaning together.
fn check(args: &EmbedArgs) -> Result<()> {
    if let Some(chunk) = args.input.chunk
        && args.input.overlap > chunk / 2
    {
        bail!(
            "--overlap is {}, and at most half of --chunk ({chunk}) can be repeated; give {} or less",
            args.input.overlap,
            chunk / 2
        );
    }
    let input = &args.input;
    let has_fields = input.files.is_empty() && input.files0_from.is_none() && input.chunk.is_none();
    if !input.keep.is_empty() && !has_fields {
        bail!(
            "--keep carries fields of --jsonl lines over, and a file or a piece has none; leave it out"
        );
    }
    if args.output.prune && input.files.is_empty() && input.files0_from.is_none() {
        bail!(
            "--prune drops the vectors of texts that their files no longer have, and no FILE is given; name the files, or leave it out"
        );
    }
    if args.output.format == EmbedFormat::Jsonl {
        return check_lines(args);
    }
    if let (Some(seen), Some(output)) = (&args.output.skip_seen, &args.output.output)
        && matrix::is_same(seen, output)
    {
        bail!(
            "--skip-seen and -o are the same matrix, which the new vectors alone would replace; give -o another name, or collect with JSON lines, to which -o adds"
        );
    }
    if args.output.output.is_none() {
        bail!("a matrix is written to a file, whole; add -o FILE, or leave --format out");
    }
    let goes_on = args.output.resume.is_some()
        || args.output.retry_errors
        || args.output.repair
        || args.output.prune
        || args.output.conflict.on_conflict.is_some();
    if goes_on {
        bail!(
            "a matrix is written as a whole and cannot be continued; leave out --resume, --retry-errors, --repair, --prune and --on-conflict"
        );
    }
    Ok(())
}

/// Refuses a matrix's name for JSON lines.
fn check_lines(args: &EmbedArgs) -> Result<()> {
    if let (Some(seen), Some(output), true) = (
        &args.output.skip_seen,
        &args.output.output,
        args.output.overwrite,
    ) && matrix::is_same(seen, output)
    {
        bail!(
            "--skip-seen and -o are the same file, which --overwrite would empty; leave --overwrite out, and -o adds to it"
        );
    }
    if let Some(path) = &args.output.output
        && let Some(layout) = Layout::of_name(path)
    {
        bail!(
            "'{}' has a matrix's name, and JSON lines are asked for; add --format {}, or end the name in .jsonl",
            path.display(),
            layout.end()
        );
    }
    Ok(())
}

/// Has the tokens of texts counted by the encoder, where the input is cut by them.
fn counted(args: &EmbedArgs, jobs: Jobs, opened: &Arc<Opened>) -> Result<Jobs> {
    let longest = opened.texts.encoder.longest();
    if let Some(chunk) = args.input.chunk
        && chunk > longest
    {
        bail!("--chunk is {chunk}, and the model takes {longest} tokens; give {longest} or less");
    }
    if !jobs.wants_tokens() {
        return Ok(jobs);
    }
    let opened = Arc::clone(opened);
    Ok(jobs.counting(Box::new(move |text| {
        let text = format!("{}{text}", opened.prompt);
        opened.texts.encoder.tokens(&text).len()
    })))
}

/// Notes the vectors of a file, which need not be made again.
fn see(journal: &mut Journal, path: &Path) -> Result<()> {
    let path = records_path(path);
    let name = format!("'{}'", path.display());
    let file = File::open(&path).map_err(|error| StdioError::read(&name, error))?;
    let (mut file, mut line) = (BufReader::new(file), Vec::new());
    let (mut lines, mut seen) = (0_u64, 0_u64);
    loop {
        line.clear();
        let read = file
            .by_ref()
            .take(LONGEST_RECORD)
            .read_until(b'\n', &mut line);
        if read.map_err(|error| StdioError::read(&name, error))? == 0 {
            break;
        }
        lines += u64::from(!line.trim_ascii().is_empty());
        let closed = std::str::from_utf8(&line).ok().and_then(llm_record::closed);
        if let Some(closed) = closed {
            seen += 1;
            if let Some(digest) = closed.request_digest.filter(|_| !closed.is_error) {
                journal.see(&digest);
            }
        }
    }
    if lines > 0 && seen == 0 {
        bail!(
            "{name} holds no record of llm-embed; --skip-seen takes a file that llm-embed has written"
        );
    }
    Ok(())
}

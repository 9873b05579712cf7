//! `llm-pull`: a model's name → verified files on disk → one `model` record.
//!
//! Parse, ask the store, write, end. What a record says is `describe`'s
//! business, how people read it `show`'s, what tokens a text has `tokenize`'s
//! and what is seen meanwhile `progress`'s; names, files and the hub are the store's.

mod describe;
mod progress;
mod show;
mod tokenize;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow};
use llm_cli::parser::pull::FetchArgs;
use llm_cli::stdio::StdioError;
use llm_cli::{Context, PullArgs, PullCommand, Reads, Status};
use llm_engine::model::{Model, TemplateChoice};
use llm_folder::{FolderError, adapter};
use llm_gguf::Gguf;
use llm_kernels::mmap::tell_lost_files;
use llm_record::ModelRecord;
use llm_store::{ImportOptions, Placement, PullOptions, Store};

use progress::Progress;
use show::{Answer, Shown};

fn main() -> ExitCode {
    llm_cli::main("llm-pull", run)
}

fn run(args: PullArgs, context: &Context) -> Result<Status> {
    tell_lost_files("llm-pull")?;
    let context = &context.quiet(args.quiet.quiet);
    let mut progress = Progress::new(
        context.messages,
        context.interrupt.clone(),
        args.quiet.quiet,
    );
    let store = Store::from_env();
    let shown = Shown::choose(args.format);
    // Before the time to fetch or hash is spent.
    let output = show::open(&reads(&store, args.command.as_ref()))?;
    let answer = match args.command {
        None => fetch(&store, args.fetch, &mut progress),
        Some(PullCommand::Import { file, name, force }) => {
            let force = force.force;
            import(&store, &file, &ImportOptions { name, force }, &mut progress)
        }
        Some(PullCommand::Ls { all: false }) => list(&store),
        Some(PullCommand::Ls { all: true }) => available(&store),
        Some(PullCommand::Rm { name }) => remove(&store, &name),
        Some(PullCommand::Show { name, tokenize }) => match tokenize {
            None => header(&store, &name, &mut progress),
            Some(text) => tokens(&store, &name, text, context, &mut progress),
        },
        Some(PullCommand::Search { .. }) => Err(anyhow!(
            "llm-pull does not search the hub: find a model on huggingface.co, and llm-pull ORG/REPO, or its address, fetches it; llm-pull ls --all lists what has a short name"
        )),
        Some(PullCommand::Pull { names }) => {
            let name = names.first().map_or("NAME", String::as_str);
            Err(anyhow!(
                "fetching needs no word before the name: llm-pull {name}"
            ))
        }
    };
    progress.clear();
    shown.write(&answer.map_err(|error| ended(error, context))?, output)?;
    Ok(Status::Done)
}

/// Returns what a command reads, which standard output must not be.
fn reads(store: &Store, command: Option<&PullCommand>) -> Reads {
    let model = match command {
        Some(PullCommand::Import { file, .. }) => store.places(&file.display().to_string()),
        Some(PullCommand::Show { name, .. }) => store.places(name),
        _ => return Reads::default(),
    };
    let reads = Reads::default().model(&model.files, model.folder.as_deref());
    match command {
        Some(PullCommand::Import { file, .. }) => reads.file(file),
        Some(PullCommand::Show { tokenize, .. }) if tokenize.as_deref() == Some("-") => {
            reads.file(Path::new("-"))
        }
        _ => reads,
    }
}

fn fetch(store: &Store, args: FetchArgs, progress: &mut Progress) -> Result<Answer> {
    let name = args.name.unwrap_or_default(); // clap demands one
    let options = PullOptions {
        revision: args.revision,
        include: args.include,
        force: args.force.force,
    };
    let plan = store.plan(&name, &options)?;
    if args.dry_run {
        return Ok(Answer::Plan(describe::plan(&plan)));
    }
    let action = match plan.missing_bytes() {
        0 => "present",
        _ => "pulled",
    };
    let model = store.fetch(&plan, &mut |event| progress.receive(event))?;
    Ok(Answer::Model(describe::resolved(&model, Some(action))))
}

fn import(
    store: &Store,
    file: &Path,
    options: &ImportOptions,
    progress: &mut Progress,
) -> Result<Answer> {
    // A damaged file would be refused by every later run.
    if !options.force {
        let gguf = Gguf::open(&store.locate_path(file)?)?;
        gguf.refuse_non_models()
            .with_context(|| format!("cannot import '{}'", file.display()))?;
    }
    let imported = store.import(file, options, &mut |event| progress.receive(event))?;
    if imported.placement == Placement::Copied {
        progress.warn(format_args!(
            "'{}' is copied, because it lies on another file system than the store; it may be \
             deleted now",
            file.display()
        ));
    }
    let action = match imported.placement {
        Placement::AlreadyThere => "present",
        Placement::Reflinked | Placement::HardLinked | Placement::Copied => "imported",
    };
    let record = describe::resolved(&imported.model, Some(action));
    Ok(Answer::Model(record))
}

fn list(store: &Store) -> Result<Answer> {
    let models: Vec<ModelRecord> = store.list()?.iter().map(describe::stored).collect();
    Ok(Answer::Models(models))
}

/// Lists what can be fetched by name, the smallest first of its kind as the catalogue has them.
fn available(store: &Store) -> Result<Answer> {
    let here = store.list().unwrap_or_default();
    let memory = llm_cli::host::memory();
    let costs = llm_cost::Catalogue::builtin();
    let entries = llm_store::catalogue()?.iter();
    let models = entries.map(|entry| {
        let is_here = here.iter().any(|model| model.name == entry.name);
        describe::fetchable(entry, is_here, memory, costs)
    });
    Ok(Answer::Catalogue(models.collect()))
}

fn remove(store: &Store, name: &str) -> Result<Answer> {
    let removed = store.remove(name)?;
    Ok(Answer::Model(describe::removed(name, &removed)))
}

fn header(store: &Store, name: &str, progress: &mut Progress) -> Result<Answer> {
    let path = Path::new(name);
    // What is wrong with one is told as of any file that is no model.
    if adapter::is_adapter(path)
        && let Ok(summary) = adapter::summary(path)
    {
        return Ok(Answer::Header(describe::adapter(path, summary)));
    }
    check(&store.locate(name)?)?;
    let model = store.resolve_watched(name, &mut |event| progress.receive(event))?;
    let gguf = match llm_folder::look(&model.paths()) {
        Ok(gguf) => gguf,
        Err(obstacle @ FolderError::Unsupported { .. }) => {
            let record = describe::unsupported(&model, &obstacle.to_string());
            return Ok(Answer::Header(record));
        }
        Err(error) => return Err(error.into()),
    };
    if let Some(sentence) = describe::unmeasured(&gguf) {
        progress.warn(sentence);
    }
    let opened = Model::from_gguf(&gguf, None, &TemplateChoice::Own, None);
    for warning in opened.iter().flat_map(|opened| &opened.warnings) {
        progress.warn(warning);
    }
    let record = describe::header(&model, &gguf, opened.as_ref().err());
    Ok(Answer::Header(record))
}

/// Reads the files of a folder before they are hashed: a damaged one of 40 GB
/// need not be read to say so.
fn check(paths: &[PathBuf]) -> Result<()> {
    if !llm_folder::is_folder(paths) {
        return Ok(());
    }
    match llm_folder::look(paths) {
        // Which is an answer.
        Ok(_) | Err(FolderError::Unsupported { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn tokens(
    store: &Store,
    name: &str,
    text: String,
    context: &Context,
    progress: &mut Progress,
) -> Result<Answer> {
    check(&store.locate(name)?)?; // what is wrong is told before a text is waited for
    let text = match text.as_str() {
        "-" => tokenize::standard_input(context)?,
        _ => text,
    };
    let model = store.resolve_watched(name, &mut |event| progress.receive(event))?;
    let (tokens, warnings) = tokenize::tokens(&model, &text)?;
    warnings.iter().for_each(|warning| progress.warn(warning));
    Ok(Answer::Tokens(tokens))
}

/// An interrupted operation ends silently, with the signal's own status. So
/// does one that failed before it could see the signal: the user has left.
fn ended(error: anyhow::Error, context: &Context) -> anyhow::Error {
    match context.interrupt.status() {
        Some(status) => StdioError::Ended(status).into(),
        None => error,
    }
}

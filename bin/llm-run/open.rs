//! The model's name and the machine → a model that is ready, and how records
//! name both.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use half::f16;
use llm_batch::{Adapters, Device as OpenDevice, OpenedModel};
use llm_candle::{CandleForward, Precision};
use llm_cli::args::{Device, LoraArg, Quantize, TemplateArgs, Think};
use llm_cli::memory::available;
use llm_cli::stdio::StdioError;
use llm_cli::{Context, RunArgs, Status, host};
use llm_engine::forward::CpuForward;
use llm_engine::lora::Lora;
use llm_engine::model::{Model, TemplateChoice};
use llm_folder::FolderError;
use llm_gguf::Gguf;
use llm_kernels::pool::Pool;
use llm_kernels::simd::Level;
use llm_prompt::LONGEST_SOURCE;
use llm_record::{Build, ModelIdentity, RecordedRequest, TemplateUse, counted};
use llm_store::{Event, ResolvedModel, Store, StoreError};

use crate::{options, renderer};

/// What the program tells and hears, for a batch.
pub(crate) struct Host(Context);

impl Host {
    pub(crate) fn shared(context: &Context) -> Arc<dyn llm_batch::Host> {
        Arc::new(Self(context.clone()))
    }
}

impl llm_batch::Host for Host {
    fn warn(&self, sentence: &dyn Display) {
        self.0.messages.warning(sentence);
    }

    fn show_reasoning(&self, text: &str) {
        self.0.messages.passage(text);
    }

    fn is_interrupted(&self) -> bool {
        self.0.interrupt.is_set()
    }

    fn broken_off(&self) -> anyhow::Error {
        StdioError::Ended(self.0.interrupt.status().unwrap_or(Status::Done)).into()
    }
}

/// Opens the model and the device that the flags name.
pub(crate) struct Opener<'a> {
    pub(crate) args: &'a RunArgs,
    pub(crate) context: &'a Context,
}

impl llm_batch::Opener for Opener<'_> {
    fn model(&self) -> Result<OpenedModel> {
        let Self { args, context } = *self;
        let renderer = renderer::process();
        if !args.template.no_template {
            renderer.start();
        }
        let (found, header) = find(args, context)?;
        let template = template(&args.template)?;
        let context_length = options::context_length(args)?;
        let folder = found.folder.as_deref();
        let model = Model::from_gguf(&header, folder, &template, context_length)?;
        for warning in &model.warnings {
            context.messages.warning(warning);
        }
        let positions = context_length.unwrap_or(model.spec.context_length);
        let named = args.lora.lora.iter().map(LoraArg::parts);
        let adapters = Adapters::open(named, &model.weights, &model.spec)?;
        Ok(OpenedModel {
            adapters,
            identity: identity(&found, &model, &args.template),
            kept_with: args
                .replay
                .record_request
                .then(|| conditions(args, &template, positions)),
            renderer,
            // Never dropped: when the process ends, the system takes back weights
            // and vocabulary at once.
            model: Box::leak(Box::new(model)),
        })
    }

    fn device(&self, model: &Model, adapters: &Adapters) -> Result<OpenDevice> {
        device(self.args, model, adapters)
    }
}

/// Returns what the records of requests say of a run's prompts beside their own.
fn conditions(args: &RunArgs, template: &TemplateChoice, positions: usize) -> RecordedRequest {
    RecordedRequest {
        chat_template: match template {
            TemplateChoice::Source { source, .. } => Some(source.clone()),
            TemplateChoice::Own | TemplateChoice::None => None,
        },
        think: args.template.think.map(|think| think == Think::On),
        ctx_size: Some(positions as u64),
        ..RecordedRequest::default()
    }
}

/// Finds the model's files and reads their headers. A bare file that is new, or
/// a folder, is hashed once, after its header was read: a damaged file of 40 GB
/// need not be read to say so.
fn find(args: &RunArgs, context: &Context) -> Result<(ResolvedModel, Gguf)> {
    let name = args.model.name();
    let store = Store::from_env();
    let paths = store.locate(name)?;
    let is_unhashed = Path::new(name).is_file() || llm_folder::is_folder(&paths);
    let header = is_unhashed
        .then(|| header(&paths, args, context))
        .transpose()?;
    let found = verify(&store, name, context)?;
    let header = match header {
        Some(header) => header,
        None => self::header(&found.paths(), args, context)?,
    };
    Ok((found, header))
}

/// Reads the headers, and quantizes the weights where that is asked for.
fn header(paths: &[PathBuf], args: &RunArgs, context: &Context) -> Result<Gguf> {
    if !llm_folder::is_folder(paths) && args.quantize.quantize.is_none() {
        return Ok(Gguf::open(paths)?);
    }
    let pool = pool(args)?;
    let loading = llm_folder::Loading {
        packing: args.quantize.quantize.map(Quantize::packing),
        level: Level::detect()?,
        pool: &pool,
        room: available().filter(|_| !args.force.force),
        interrupted: &|| context.interrupt.is_set(),
    };
    let opened = llm_folder::open(paths, Some(&loading));
    match (opened, context.interrupt.status()) {
        (Err(FolderError::Interrupted), Some(status)) => Err(StdioError::Ended(status).into()),
        (opened, _) => Ok(opened?),
    }
}

/// Says how often a file is hashed, whose digest can be remembered or not.
fn how_often(store: &Store, is_kept: bool) -> String {
    match &store.settings().digest_folder {
        _ if is_kept => "this once".to_owned(),
        Some(folder) => format!(
            "each time, since its digest cannot be kept in '{}' (XDG_CACHE_HOME names another place)",
            folder.display()
        ),
        None => "each time, for want of a place to remember it (set HOME)".to_owned(),
    }
}

/// Finds the model's files and their digests.
fn verify(store: &Store, name: &str, context: &Context) -> Result<ResolvedModel> {
    let found = store.resolve_watched(name, &mut |event| {
        if let Event::Hashing { file, is_kept, .. } = event {
            let how_often = how_often(store, is_kept);
            context
                .messages
                .note(format_args!("hashing '{file}', {how_often}"));
        }
        if context.interrupt.is_set() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    match (found, context.interrupt.status()) {
        (Err(StoreError::Interrupted), Some(status)) => Err(StdioError::Ended(status).into()),
        (found, _) => Ok(found?),
    }
}

/// Reads what `--chat-template` and `--no-template` ask for.
fn template(args: &TemplateArgs) -> Result<TemplateChoice> {
    if let Some(source) = &args.template_source {
        return Ok(TemplateChoice::Source {
            source: source.clone(),
            path: None,
        });
    }
    Ok(match &args.chat_template {
        Some(path) => {
            let source =
                template_file(path).with_context(|| format!("cannot read '{}'", path.display()))?;
            TemplateChoice::Source {
                source,
                path: Some(path.clone()),
            }
        }
        None if args.no_template => TemplateChoice::None,
        None => TemplateChoice::Own,
    })
}

/// Reads a template, or so much of an endless file that it is refused as too long.
fn template_file(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    let most = LONGEST_SOURCE as u64 + 1;
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    if bytes.len() > LONGEST_SOURCE {
        // It may be cut within a character.
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8"))
}

/// Names the model as records do.
fn identity(found: &ResolvedModel, model: &Model, args: &TemplateArgs) -> ModelIdentity {
    let is_own = args.chat_template.is_none() && args.template_source.is_none();
    let template = if model.templates.is_empty() {
        TemplateUse::Raw
    } else if is_own {
        TemplateUse::Chat
    } else {
        TemplateUse::File
    };
    ModelIdentity {
        name: found.name.clone(),
        digest: found.digest.clone(),
        quantization: Some(model.summary.quantization.clone()),
        architecture: model.spec.family.architecture.to_owned(),
        file: found
            .files
            .first()
            .map(|file| file.name.clone())
            .unwrap_or_default(),
        template,
        parse_special: args.parse_special,
        lora: Vec::new(),
    }
}

/// Makes the forward pass on the device that was asked for.
fn device(args: &RunArgs, model: &Model, adapters: &Adapters) -> Result<OpenDevice> {
    let loras = adapters.loras();
    let name = match args.device.device {
        // Adapters are applied on the CPU alone.
        Device::Auto if !loras.is_empty() => "cpu",
        Device::Auto => "auto",
        Device::Cpu => "cpu",
        Device::Cuda => "cuda",
        Device::Metal => "metal",
        Device::Candle => "candle",
    };
    let Some(device) = llm_candle::device(name)? else {
        return cpu(args, model, loras);
    };
    if !loras.is_empty() {
        bail!("--lora is applied on the CPU alone; leave out --device {name}");
    }
    let (label, precision) = match &device {
        device if device.is_cuda() => ("cuda", Precision::Quantized),
        device if device.is_metal() => ("metal", Precision::Quantized),
        _ => ("candle", Precision::Dense),
    };
    let (spec, weights) = (Arc::clone(&model.spec), Arc::clone(&model.weights));
    match CandleForward::new(spec, weights, device, precision) {
        Ok(forward) => Ok(OpenDevice {
            forward: Box::new(forward),
            build: build("none", label, 1),
        }),
        // A model that the GPU cannot hold runs on the CPU where nobody asked
        // for the GPU by name.
        Err(_) if args.device.device == Device::Auto => cpu(args, model, loras),
        Err(error) => Err(error.into()),
    }
}

fn cpu(args: &RunArgs, model: &Model, loras: &[Arc<Lora>]) -> Result<OpenDevice> {
    let level = Level::detect()?;
    let pool = pool(args)?;
    let threads = pool.threads();
    let (spec, weights) = (Arc::clone(&model.spec), Arc::clone(&model.weights));
    let forward = CpuForward::<f16>::new(spec, weights, pool, level);
    let forward = forward.with_adapters(loras.to_vec());
    Ok(OpenDevice {
        forward: Box::new(forward),
        build: build(level.name(), "cpu", threads),
    })
}

/// Starts the threads that the flags ask for.
fn pool(args: &RunArgs) -> Result<Pool> {
    let threads = args.device.threads.map_or_else(host::cores, usize::from);
    Pool::new(threads)
        .with_context(|| format!("cannot start {}", counted(threads, "thread", "threads")))
}

fn build(simd: &str, device: &str, threads: usize) -> Build {
    Build {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        simd: simd.to_owned(),
        device: device.to_owned(),
        threads: threads as u64,
    }
}

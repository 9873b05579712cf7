//! The model's name and the flags → an encoder that is ready, and what is said
//! of it in every record.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use llm_batch::text_encoder::{OnOverflow, TextEncoder};
use llm_cli::memory::available;
use llm_cli::parser::embed::{EmbedFormat, EmbedQuantize, PoolingChoice, TooLong};
use llm_cli::{EmbedArgs, Messages, host};
use llm_encoder::{Assumed, Encoder, Pooling};
use llm_folder::Loading;
use llm_kernels::pool::Pool;
use llm_kernels::quantize::QuantType;
use llm_kernels::simd::Level;
use llm_record::{Build, Encoding, counted};
use llm_store::{Purpose, Store, StoreError};
use llm_tokenizer::TokenizerWarning;

/// An encoder and how it is used.
pub(crate) struct Opened {
    pub(crate) texts: TextEncoder,
    /// Put before each text.
    pub(crate) prompt: String,
    /// How vectors are written where a request says nothing.
    pub(crate) encoding: Encoding,
    pub(crate) model: llm_record::Encoder,
    pub(crate) build: Build,
    /// What the model's files do not say and the flags do not either.
    assumed: Option<Assumed>,
}

impl Opened {
    /// Finds the model, reads it and applies the flags.
    pub(crate) fn new(args: &EmbedArgs) -> Result<Self> {
        let name = args.model.name();
        let store = Store::from_env();
        let path = locate(&store, name, &[Purpose::Vectors])?;
        let level = Level::detect()?;
        let packing = args
            .model
            .quantize
            .map(|EmbedQuantize::Q8_0| QuantType::Q8_0);
        let pool = pool(args)?;
        let loading = Loading {
            packing,
            level,
            pool: &pool,
            room: available(),
            interrupted: &|| false,
        };
        let encoder = Encoder::open(&path, Some(&loading), level)?;
        if !encoder.names_pooling() && args.model.pooling.is_none() {
            bail!(
                "the files of '{name}' do not say how its token vectors are pooled into one; add --pooling mean, last or cls"
            );
        }
        let found = store.resolve(name)?;
        let pooling = args.model.pooling.map_or(encoder.pooling(), pooling);
        if !encoder.can_pool(pooling) {
            bail!(
                "'{name}' has no head that guesses words, of which --pooling splade makes its weights; take the folder of a masked language model, or another --pooling"
            );
        }
        let encoding = encoding(args, pooling)?;
        let whole = encoder.dimensions(pooling);
        let dimensions = args.model.dimensions.map_or(whole, usize::from);
        if dimensions > whole {
            bail!("--dimensions is {dimensions}, and the model's vectors have {whole} numbers");
        }
        Ok(Self {
            prompt: prompt(args, &encoder)?,
            encoding,
            assumed: encoder.assumed().filter(|_| args.model.pooling.is_none()),
            model: llm_record::Encoder {
                name: found.name,
                digest: found.digest,
                quantization: packing.map(|_| "q8_0".to_owned()),
            },
            build: Build {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                simd: level.name().to_owned(),
                device: "cpu".to_owned(),
                threads: pool.threads() as u64,
            },
            texts: TextEncoder {
                pooling,
                dimensions,
                normalizes: encoder.normalizes() || args.model.dimensions.is_some(),
                encoder,
                pool,
            },
        })
    }
}

impl Opened {
    /// Warns of what the user may not have meant about the model.
    pub(crate) fn warn(&self, messages: Messages) {
        if let Some(assumed) = self.assumed {
            messages.warning(assumed);
        }
        warn(self.texts.encoder.warnings(), messages);
    }
}

/// Warns of what the user may not have meant about a tokenizer.
pub(crate) fn warn(warnings: &[TokenizerWarning], messages: Messages) {
    for warning in warnings {
        messages.warning(warning);
    }
}

/// Returns the folder, or the GGUF file, of the model of that name. Where there is none, those are named
/// that are made for one of the purposes.
pub(crate) fn locate(store: &Store, name: &str, purposes: &[Purpose]) -> Result<PathBuf> {
    let paths = store.locate(name).map_err(|error| match error {
        StoreError::UnknownName { .. } => {
            anyhow!("{error}; {}", known(purposes))
        }
        error => error.into(),
    })?;
    let first = paths.first().context("the model has no files")?;
    let path = if llm_folder::is_folder(&paths) {
        first.parent().unwrap_or(Path::new(""))
    } else {
        first
    };
    Ok(path.to_path_buf())
}

/// Says which models can be had that are made for this.
fn known(purposes: &[Purpose]) -> String {
    let entries = llm_store::catalogue().unwrap_or_default().iter();
    let names = entries.filter(|entry| purposes.contains(&entry.purpose));
    let names: Vec<&str> = names.map(|entry| entry.name.as_str()).collect();
    format!("llm-pull fetches {}", names.join(", "))
}

/// Returns what is done with a text that is too long.
pub(crate) fn on_overflow(choice: TooLong) -> OnOverflow {
    match choice {
        TooLong::Error => OnOverflow::Refuse,
        TooLong::Truncate => OnOverflow::Truncate,
        TooLong::ChunkMean => OnOverflow::ChunkMean,
    }
}

fn pooling(choice: PoolingChoice) -> Pooling {
    match choice {
        PoolingChoice::Cls => Pooling::Cls,
        PoolingChoice::Mean => Pooling::Mean,
        PoolingChoice::Max => Pooling::Max,
        PoolingChoice::Last => Pooling::Last,
        PoolingChoice::Splade => Pooling::Splade,
    }
}

/// Returns how vectors are written that are pooled so.
fn encoding(args: &EmbedArgs, pooling: Pooling) -> Result<Encoding> {
    let asked = args.output.encoding.written();
    if pooling != Pooling::Splade {
        return Ok(asked);
    }
    if args.output.format != EmbedFormat::Jsonl {
        bail!("a matrix of sparse vectors would hold little but zeros; leave --format out");
    }
    if asked != Encoding::Float || args.model.dimensions.is_some() {
        bail!(
            "sparse vectors are written as their indices and values, whole; leave --encoding and --dimensions out"
        );
    }
    Ok(Encoding::Sparse)
}

/// Returns what is put before each text.
fn prompt(args: &EmbedArgs, encoder: &Encoder) -> Result<String> {
    let prompts = encoder.prompts();
    let chosen = match (&args.model.prompt, args.model.query) {
        (Some(prompt), _) => Some(&**prompt),
        (None, true) => match prompts.query() {
            Some(prompt) => Some(prompt),
            None => bail!(
                "the model names no prompt for queries; leave --query out, or give one with --prompt"
            ),
        },
        // Most models that have a prompt for queries take documents as they are.
        (None, false) if args.model.document => prompts.document(),
        (None, false) => prompts.usual(),
    };
    Ok(chosen.unwrap_or_default().to_owned())
}

/// Starts the threads that the flags ask for.
pub(crate) fn pool(args: &EmbedArgs) -> Result<Pool> {
    let threads = args.threads.map_or_else(host::cores, usize::from);
    Pool::new(threads)
        .with_context(|| format!("cannot start {}", counted(threads, "thread", "threads")))
}

//! A name → a model that can be measured: files of the store, or random
//! weights. No tokenizer is needed, so that none is read.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, bail};
use half::f16;
use llm_batch::Adapters;
use llm_cli::args::{LoraArg, Quantize};
use llm_cli::host;
use llm_cli::memory::{available, gib};
use llm_cli::{BenchArgs, Context, Interrupt, Reads};
use llm_engine::forward::{CpuForward, cache_bytes};
use llm_engine::model::Summary;
use llm_engine::spec::Spec;
use llm_engine::synthetic::Synthetic;
use llm_engine::weights::Weights;
use llm_gguf::{Gguf, TensorInfo};
use llm_kernels::simd::Level;
use llm_measure::row::Opened;
use llm_measure::{Extrapolation, Load, Passes, Work, table};
use llm_record::BenchModel;
use llm_store::{Event, Store};
use llm_tokenizer::Tokenizer;

use crate::machine;

/// Memory that the program needs beside weights and cache, generously.
const OVERHEAD: u64 = 128 << 20;

/// What is measured, as the user named it.
#[derive(Debug, Clone)]
pub(crate) enum Named {
    Model(String),
    /// The whole model, and how many of its layers are timed.
    Shape(Synthetic, Option<usize>),
}

impl Named {
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Model(name) => name.clone(),
            Self::Shape(shape, _) => shape.name(),
        }
    }
}

/// A model that can be measured.
pub(crate) struct Subject {
    source: Source,
    pub(crate) model: BenchModel,
    /// Architecture, size and quantization, for people.
    kind: String,
    weight_bytes: u64,
    parameters: u64,
    /// Numbers and work of the whole model, also where a part is timed.
    spec: Spec,
    pub(crate) work: Work,
    pub(crate) extrapolation: Option<Extrapolation>,
    /// Memory that was available before the weights were made, if they were.
    room: Option<u64>,
    /// The most positions that will be run, where files are read.
    positions: Option<usize>,
}

enum Source {
    Files(Vec<PathBuf>),
    Image(Gguf),
}

/// A subject ready to compute, with one number of threads.
pub(crate) struct Engine {
    pub(crate) forward: CpuForward<f16>,
    pub(crate) adapters: Adapters,
    /// The first half of the layers, where the rest is extrapolated.
    half: Option<CpuForward<f16>>,
    /// Time of opening, in nanoseconds.
    load_ns: u64,
    /// Numbers of what is in memory.
    spec: Arc<Spec>,
}

impl Subject {
    /// Opens a model of which at most `positions` will be run: by that some choose the
    /// divisors of their rotation.
    pub(crate) fn open(
        named: &Named,
        positions: usize,
        args: &BenchArgs,
        context: &Context,
    ) -> Result<Self> {
        match named {
            Named::Model(name) => Self::from_store(name, positions, args, context),
            Named::Shape(..) if args.quantize.quantize.is_some() => {
                bail!("--quantize is for folders; a shape names its quantization itself")
            }
            Named::Shape(whole, layers) => Self::synthetic(*whole, *layers, args.force.force),
        }
    }

    fn from_store(
        name: &str,
        positions: usize,
        args: &BenchArgs,
        context: &Context,
    ) -> Result<Self> {
        let found = Store::from_env().resolve_watched(name, &mut |event| {
            if let Event::Hashing { file, .. } = event {
                context.messages.note(format_args!("hashing '{file}'"));
            }
            go_on(&context.interrupt)
        })?;
        let gguf = open_files(&found.paths(), args, context)?;
        let summary = Summary::of(&gguf);
        // What was made is in memory already, and was checked.
        if !args.force.force && args.quantize.quantize.is_none() {
            check_room(summary.weight_bytes, "a smaller model needs less")?;
        }
        let model = BenchModel {
            name: name.to_owned(),
            digest: Some(found.digest.clone()),
            quantization: summary.quantization.clone(),
            ..BenchModel::default()
        };
        let spec = Spec::from_gguf(&gguf, Some(positions))?;
        let tensors = gguf.tensors().to_vec();
        let is_made = gguf.metadata().get(llm_folder::QUANTIZATION).is_some();
        let source = match args.quantize.quantize {
            None if !is_made => Source::Files(found.paths()),
            _ => Source::Image(gguf),
        };
        Ok(Self {
            positions: Some(positions),
            ..Self::new(source, model, &tensors, spec)
        })
    }

    fn synthetic(whole: Synthetic, layers: Option<usize>, force: bool) -> Result<Self> {
        let made = match layers {
            Some(layers) => whole.with_layers(layers)?,
            None => whole,
        };
        let room = available();
        if !force {
            check_room(made.weight_bytes(), "--layers 4 times a part of the model")?;
        }
        let gguf = made.gguf(&machine::pool(host::cores())?)?;
        let model = BenchModel {
            name: whole.name(),
            quantization: Summary::of(&gguf).quantization,
            synthetic: true,
            ..BenchModel::default()
        };
        let spec = Spec::from_metadata(&whole.metadata())?;
        let subject = Self::new(Source::Image(gguf), model, &whole.tensors(), spec);
        Ok(Self {
            extrapolation: Extrapolation::new(made.layers(), whole.layers()),
            room,
            ..subject
        })
    }

    fn new(source: Source, model: BenchModel, tensors: &[TensorInfo], spec: Spec) -> Self {
        let parameters: u64 = tensors.iter().map(TensorInfo::elements).sum();
        let architecture = spec.family.architecture;
        let quantization = &model.quantization;
        Self {
            source,
            kind: format!("{architecture} {} {quantization}", table::count(parameters)),
            weight_bytes: tensors.iter().filter_map(|tensor| tensor.size).sum(),
            parameters,
            work: Work::new(tensors, &spec),
            extrapolation: None,
            room: None,
            positions: None,
            model: BenchModel {
                architecture: architecture.to_owned(),
                layers: spec.layers.len() as u64,
                ..model
            },
            spec,
        }
    }

    /// Opens the model for `threads` threads.
    pub(crate) fn engine(&self, level: Level, threads: usize) -> Result<Engine> {
        self.engine_with(level, threads, &[])
    }

    /// The same with adapters, which requests of the pass may have.
    pub(crate) fn engine_with(
        &self,
        level: Level,
        threads: usize,
        lora: &[LoraArg],
    ) -> Result<Engine> {
        let start = Instant::now();
        let opened;
        let gguf = match &self.source {
            Source::Files(paths) => {
                opened = llm_folder::open(paths, None)?;
                &opened
            }
            Source::Image(gguf) => gguf,
        };
        let spec = Arc::new(Spec::from_gguf(gguf, self.positions)?);
        let forward = |spec: &Arc<Spec>, weights| -> Result<CpuForward<f16>> {
            let pool = machine::pool(threads)?;
            let weights = Arc::new(weights);
            Ok(CpuForward::new(Arc::clone(spec), weights, pool, level))
        };
        let weights = Weights::from_gguf(gguf, &spec)?;
        let adapters = Adapters::open(lora.iter().map(LoraArg::parts), &weights, &spec)?;
        let whole = forward(&spec, weights)?.with_adapters(adapters.loras().to_vec());
        let load_ns = start.elapsed().as_nanos() as u64;
        let half = |extrapolation: &Extrapolation| {
            let mut spec = Spec::clone(&spec);
            spec.layers.truncate(extrapolation.half);
            let weights = Weights::of_part(gguf, &spec)?;
            forward(&Arc::new(spec), weights)
        };
        Ok(Engine {
            forward: whole,
            adapters,
            half: self.extrapolation.as_ref().map(half).transpose()?,
            load_ns,
            spec,
        })
    }

    /// Returns what a row tells of the model before a load is timed.
    pub(crate) fn opened(&self, engine: &Engine, load: &Load) -> Opened {
        let load_mode = match self.source {
            Source::Files(_) => "mmap",
            Source::Image(_) => "none",
        };
        Opened {
            kind: self.kind.clone(),
            weight_bytes: self.weight_bytes,
            parameters: self.parameters,
            load_mode: load_mode.to_owned(),
            load_ns: engine.load_ns,
            layers_timed: self.extrapolation.map(|layers| layers.timed as u64),
            need: self.need(load, engine.copy_bytes(load)),
            model: self.model.clone(),
        }
    }

    /// Returns the model's tokenizer; random weights have none.
    pub(crate) fn tokenizer(&self) -> Result<Tokenizer> {
        Ok(match &self.source {
            Source::Files(paths) => Tokenizer::from_gguf(llm_folder::look(paths)?.metadata())?,
            Source::Image(gguf) => Tokenizer::from_gguf(gguf.metadata())?,
        })
    }

    /// Returns the positions that the model was trained for.
    pub(crate) fn context_length(&self) -> usize {
        self.spec.context_length
    }

    /// Returns the memory that the whole model needs for a load, and whether
    /// it was there; of random weights only. `copy` are the bytes of the output
    /// matrix's copy.
    fn need(&self, load: &Load, copy: u64) -> Option<(u64, bool)> {
        let room = self.room?;
        let needed = self.weight_bytes + cache(&self.spec, load) + copy + OVERHEAD;
        Some((needed, needed <= room))
    }
}

/// Returns the files of the models that are measured, of which no output is one.
pub(crate) fn reads(args: &BenchArgs) -> Reads {
    let store = Store::from_env();
    let places = args.subject.model.iter().map(|name| store.places(name));
    places.fold(Reads::default(), |reads, model| {
        reads.model(&model.files, model.folder.as_deref())
    })
}

/// Reads the headers, and quantizes the weights where that is asked for.
fn open_files(paths: &[PathBuf], args: &BenchArgs, context: &Context) -> Result<Gguf> {
    if !llm_folder::is_folder(paths) && args.quantize.quantize.is_none() {
        return Ok(Gguf::open(paths)?);
    }
    let loading = llm_folder::Loading {
        packing: args.quantize.quantize.map(Quantize::packing),
        level: Level::detect()?,
        pool: &machine::pool(host::cores())?,
        room: available().filter(|_| !args.force.force),
        interrupted: &|| context.interrupt.is_set(),
    };
    Ok(llm_folder::open(paths, Some(&loading))?)
}

impl Engine {
    /// Returns the forward passes to time; `extrapolation` is that of a sample.
    pub(crate) fn passes(&mut self, extrapolation: Option<Extrapolation>) -> Passes<'_> {
        Passes {
            whole: &mut self.forward,
            half: self.half.as_mut().zip(extrapolation),
        }
    }

    /// Returns the bytes of the cache for a load.
    pub(crate) fn cache_bytes(&self, load: &Load) -> u64 {
        cache(&self.spec, load)
    }

    /// Returns the bytes of the copy of the output matrix that a load reads.
    fn copy_bytes(&self, load: &Load) -> u64 {
        if load.reads_copy() {
            self.forward.screen_bytes()
        } else {
            0
        }
    }

    /// Returns the bytes of the copies that a load would still make.
    pub(crate) fn unmade_bytes(&self, load: &Load) -> u64 {
        if !load.reads_copy() {
            return 0;
        }
        let passes = [Some(&self.forward), self.half.as_ref()];
        passes
            .into_iter()
            .flatten()
            .map(CpuForward::unmade_bytes)
            .sum()
    }
}

fn cache(spec: &Spec, load: &Load) -> u64 {
    cache_bytes::<f16>(spec, load.positions(), 1).saturating_mul(load.parallel as u64)
}

fn check_room(weights: u64, way_out: &str) -> Result<()> {
    let needed = weights.saturating_add(OVERHEAD);
    match available() {
        Some(there) if needed > there => bail!(
            "the weights need {} of memory, and {} are available; {way_out}, and --force tries \
             nevertheless",
            gib(needed),
            gib(there)
        ),
        _ => Ok(()),
    }
}

pub(crate) fn go_on(interrupt: &Interrupt) -> ControlFlow<()> {
    if interrupt.is_set() {
        return ControlFlow::Break(());
    }
    ControlFlow::Continue(())
}

#[cfg(test)]
mod tests {
    use llm_measure::Test;

    use super::*;

    /// 70.55 billion weights of 4.5 bits and an output matrix of two bits more are
    /// 37.2 GiB: they do not fit 8 GiB, whatever part of them is in memory to be
    /// timed, and fit 64 GiB.
    #[test]
    fn a_sample_tells_whether_the_whole_model_would_fit() {
        let whole = Synthetic::parse("llama-3.3-70b:q4_0").unwrap();
        let sample = Synthetic::parse("tiny-llama:q4_0").unwrap();
        let spec = Spec::from_metadata(&whole.metadata()).unwrap();
        let source = Source::Image(sample.gguf(&machine::pool(1).unwrap()).unwrap());
        let subject = Subject::new(source, BenchModel::default(), &whole.tensors(), spec);
        let load = Load {
            test: Test {
                prompt: 0,
                generated: 1,
            },
            depth: 0,
            parallel: 1,
            best: true,
        };
        let small = Subject {
            extrapolation: Extrapolation::new(4, whole.layers()),
            room: Some(8 << 30),
            ..subject
        };
        let (needed, fits) = small.need(&load, 0).unwrap();
        assert!(!fits && (37..38).contains(&(needed >> 30)), "{needed}");
        let large = Subject {
            room: Some(64 << 30),
            ..small
        };
        assert_eq!(large.need(&load, 0), Some((needed, true)));
        assert_eq!(large.need(&load, 5), Some((needed + 5, true)));
        // The cache counts: 80 layers of 1,024 keys and values, two bytes each.
        let deep = Load {
            depth: 65_535,
            ..load
        };
        let (more, fits) = large.need(&deep, 0).unwrap();
        assert!(fits && more > needed + (19 << 30), "{more}");
    }
}

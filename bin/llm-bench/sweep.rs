//! All combinations, one row each. A row that fails has its error, and the
//! next one is tried.

use anyhow::{Result, bail};
use jiff::Timestamp;
use llm_cli::host;
use llm_cli::memory::{available, gib};
use llm_cli::stdio::StdioError;
use llm_cli::{BenchArgs, BenchLogits, Context, Status};
use llm_engine::synthetic::Synthetic;
use llm_kernels::simd::Level;
use llm_measure::row::{Row, Setup};
use llm_measure::{Load, Measured, Repetitions, Test, limits};
use llm_record::{ErrorCode, ErrorDetail};

use crate::machine;
use crate::output::Writer;
use crate::progress::Progress;
use crate::subject::{self, Engine, Named, Subject};

/// Times every combination and writes its row.
pub(crate) fn run(args: &BenchArgs, context: &Context) -> Result<Status> {
    let level = Level::detect()?;
    if loads(args).is_empty() {
        bail!("-p 0 and -n 0 leave nothing to time; give one of them, or --pg");
    }
    let named = named(args)?;
    let rows = named.len() * threads(args).len() * loads(args).len();
    let mut sweep = Sweep {
        args,
        context,
        level,
        writer: Writer::open(
            &args.output,
            "bench",
            &subject::reads(args),
            context.messages,
        )?,
        status: Status::Done,
        progress: Progress::start(rows, args.quiet.quiet),
    };
    let positions = loads(args).iter().map(Load::positions).max().unwrap_or(0);
    for named in named {
        let subject = Subject::open(&named, positions, args, context)
            .map_err(|error| fault(ErrorCode::ModelFailed, &error));
        for threads in threads(args) {
            if let Some(ended) = context.interrupt.status() {
                return Ok(ended);
            }
            sweep.rows(&named, subject.as_ref(), threads)?;
        }
    }
    drop(sweep.progress);
    sweep.writer.finish()?;
    Ok(sweep.status)
}

/// Returns what is to be measured, models first. A model that cannot be opened is a
/// row of its own; a shape that does not exist is a typing error.
fn named(args: &BenchArgs) -> Result<Vec<Named>> {
    let models = args.subject.model.iter().cloned().map(Named::Model).map(Ok);
    let shape = |name| Ok(Named::Shape(Synthetic::parse(name)?, args.subject.layers));
    let shapes = args.subject.shape.iter().map(String::as_str).map(shape);
    models.chain(shapes).collect()
}

fn threads(args: &BenchArgs) -> Vec<usize> {
    match args.tests.threads.as_slice() {
        [] => vec![host::cores()],
        counts => counts.iter().map(|count| count.get()).collect(),
    }
}

/// Returns all loads, by depth, then by sequences.
fn loads(args: &BenchArgs) -> Vec<Load> {
    let tests = &args.tests;
    let prompts = tests.n_prompt.iter().map(|&prompt| (prompt, 0));
    let generated = tests.n_gen.iter().map(|&generated| (0, generated));
    let pairs = prompts.chain(generated).chain(tests.pg.iter().copied());
    let timed: Vec<Test> = pairs
        .filter(|&(prompt, generated)| prompt + generated > 0)
        .map(|(prompt, generated)| Test { prompt, generated })
        .collect();
    let best = tests.logits == BenchLogits::Best;
    Load::combinations(&timed, &tests.n_depth, &tests.parallel, best)
}

struct Sweep<'a> {
    args: &'a BenchArgs,
    context: &'a Context,
    level: Level,
    writer: Writer,
    status: Status,
    progress: Progress,
}

impl Sweep<'_> {
    /// Writes the rows of one model with one number of threads.
    fn rows(
        &mut self,
        named: &Named,
        subject: Result<&Subject, &ErrorDetail>,
        threads: usize,
    ) -> Result<()> {
        let mut opened = subject.map_err(ErrorDetail::clone).and_then(|subject| {
            let opened = machine::measure_limits(self.level, threads).and_then(|limits| {
                let engine = subject.engine(self.level, threads)?;
                Ok((subject, engine, limits))
            });
            opened.map_err(|error| fault(ErrorCode::ModelFailed, &error))
        });
        for load in loads(self.args) {
            self.progress
                .begin(&format!("{}, {}", named.name(), told(&load)));
            let begun = Row::new(self.setup(named, threads), load);
            let row = match &mut opened {
                Err(error) => begun.failed(error.clone()),
                Ok((subject, engine, before)) => {
                    let measured = self.measure(subject, engine, &load);
                    self.go_on()?;
                    // Neighbours on the same memory come and go, so the limits
                    // are measured before and after each row.
                    let after = machine::measure_limits(self.level, threads)
                        .map_err(|error| fault(ErrorCode::GenerationFailed, &error));
                    let limits = limits::higher(*before, *after.as_ref().unwrap_or(before));
                    if let Ok(after) = &after {
                        *before = *after;
                    }
                    let known = begun.opened(subject.opened(engine, &load), limits);
                    match measured.and_then(|measured| after.map(|_| measured)) {
                        Ok(measured) => known.measured(&subject.work, &measured),
                        Err(error) => known.failed(error),
                    }
                }
            };
            let record = row.into_record();
            if record.error.is_some() {
                self.status = Status::SomeFailed;
            }
            let writer = &mut self.writer;
            self.progress.end(|| writer.row(record))?;
        }
        Ok(())
    }

    /// Returns what rows say of a model with one number of threads.
    fn setup(&self, named: &Named, threads: usize) -> Setup {
        Setup {
            model: named.name(),
            build: machine::build(self.level, threads),
            cpu_info: host::cpu_name(),
            cpu_cores: host::cores() as u64,
            memory_bytes: host::memory(),
            test_time: Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        }
    }

    /// Ends the program where nobody waits for more.
    fn go_on(&self) -> Result<(), StdioError> {
        if let Some(ended) = self.context.interrupt.status() {
            return Err(StdioError::Ended(ended));
        }
        if self.writer.reader_gone() {
            return Err(StdioError::Ended(Status::Done));
        }
        Ok(())
    }

    fn measure(
        &self,
        subject: &Subject,
        engine: &mut Engine,
        load: &Load,
    ) -> Result<Measured, ErrorDetail> {
        self.check(subject, engine, load)?;
        let repetitions = Repetitions {
            count: self.args.tests.repetitions,
            warm_up: !self.args.tests.no_warmup,
        };
        let passes = engine.passes(subject.extrapolation);
        let measured = passes.measure(load, repetitions, &|| self.go_on().is_ok());
        // Where the program ends, nobody writes the row.
        measured.map_err(|stopped| fault(ErrorCode::GenerationFailed, &stopped.into()))
    }

    /// Refuses a load that the model or the machine cannot hold.
    fn check(&self, subject: &Subject, engine: &Engine, load: &Load) -> Result<(), ErrorDetail> {
        let (positions, trained) = (load.positions(), subject.context_length());
        if positions > trained {
            return Err(ErrorDetail {
                code: ErrorCode::ContextExceeded,
                message: format!(
                    "the test needs {positions} positions, and the model was trained for \
                     {trained}; use a smaller -d, -p or -n"
                ),
            });
        }
        let (cache, copy) = (engine.cache_bytes(load), engine.unmade_bytes(load));
        let needed = cache.saturating_add(copy);
        let available = available().unwrap_or(u64::MAX);
        if needed > available && !self.args.force.force {
            let (what, way_out) = match copy {
                0 => ("the cache needs", " or --parallel"),
                _ => (
                    "the cache and a copy of the output matrix need",
                    ", or --logits all",
                ),
            };
            return Err(ErrorDetail {
                code: ErrorCode::OutOfMemory,
                message: format!(
                    "{what} {} of memory, and {} are available; use a smaller -d{way_out}, or \
                     --force to try nevertheless",
                    gib(needed),
                    gib(available)
                ),
            });
        }
        Ok(())
    }
}

/// Returns what a load is called in llama-bench's table.
fn told(load: &Load) -> String {
    let Test { prompt, generated } = load.test;
    let test = match (prompt, generated) {
        (prompt, 0) => format!("pp{prompt}"),
        (0, generated) => format!("tg{generated}"),
        _ => format!("pp{prompt}+tg{generated}"),
    };
    match load.depth {
        0 => test,
        depth => format!("{test} @ d{depth}"),
    }
}

fn fault(code: ErrorCode, error: &anyhow::Error) -> ErrorDetail {
    ErrorDetail {
        code,
        message: format!("{error:#}"),
    }
}

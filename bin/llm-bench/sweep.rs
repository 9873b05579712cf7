//! All combinations, one row each. A row that fails has its error, and the
//! next one is tried.

use anyhow::{Result, anyhow, bail};
use llm_cli::host;
use llm_cli::memory::{available, gib};
use llm_cli::stdio::StdioError;
use llm_cli::{BenchArgs, BenchLogits, Context, Status};
use llm_engine::forward::{Outputs, TOKENS_BEFORE_SCREEN};
use llm_engine::synthetic::Synthetic;
use llm_kernels::simd::Level;
use llm_record::{ErrorCode, ErrorDetail};

use crate::machine;
use crate::measure::{Load, Run, Sequences, Stopped, Test};
use crate::report::{Row, Writer};
use crate::subject::{self, Asked, Engine, Subject};

/// Times every combination and writes its row.
pub(crate) fn run(args: &BenchArgs, context: &Context) -> Result<Status> {
    let level = Level::detect()?;
    if loads(args).is_empty() {
        bail!("-p 0 and -n 0 leave nothing to time; give one of them, or --pg");
    }
    let asked = asked(args)?;
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
    };
    for asked in asked {
        let subject = Subject::open(&asked, args, context);
        let subject = subject.map_err(|error| fault(ErrorCode::ModelFailed, &error));
        for threads in threads(args) {
            if let Some(ended) = context.interrupt.status() {
                return Ok(ended);
            }
            sweep.rows(&asked, subject.as_ref(), threads)?;
        }
    }
    sweep.writer.finish()?;
    Ok(sweep.status)
}

/// Returns what is asked for, models first. A model that cannot be opened is a
/// row of its own; a shape that does not exist is a typing error.
fn asked(args: &BenchArgs) -> Result<Vec<Asked>> {
    let models = args.subject.model.iter().cloned().map(Asked::Model).map(Ok);
    let shape = |name| Ok(Asked::Shape(Synthetic::parse(name)?, args.subject.layers));
    let shapes = args.subject.shape.iter().map(String::as_str).map(shape);
    models.chain(shapes).collect()
}

fn threads(args: &BenchArgs) -> Vec<usize> {
    let asked: Vec<_> = args.tests.threads.iter().map(|n| n.get()).collect();
    if asked.is_empty() {
        return vec![host::cores()];
    }
    asked
}

/// Returns all loads, by depth, then by sequences.
fn loads(args: &BenchArgs) -> Vec<Load> {
    let tests = &args.tests;
    let prompts = tests.n_prompt.iter().map(|&prompt| (prompt, 0));
    let generated = tests.n_gen.iter().map(|&generated| (0, generated));
    let all = prompts.chain(generated).chain(tests.pg.iter().copied());
    let all: Vec<_> = all
        .filter(|&(prompt, generated)| prompt + generated > 0)
        .map(|(prompt, generated)| Test { prompt, generated })
        .collect();
    let mut loads = Vec::new();
    for &depth in &tests.n_depth {
        for &parallel in &tests.parallel {
            let load = |&test: &Test| Load {
                test,
                depth,
                parallel,
                best: tests.logits == BenchLogits::Best,
            };
            loads.extend(all.iter().map(load));
        }
    }
    loads
}

struct Sweep<'a> {
    args: &'a BenchArgs,
    context: &'a Context,
    level: Level,
    writer: Writer,
    status: Status,
}

/// What one row's repetitions took.
pub(crate) struct Measured {
    pub(crate) runs: Vec<Run>,
    pub(crate) peak_rss: Option<u64>,
}

impl Sweep<'_> {
    /// Writes the rows of one model with one number of threads.
    fn rows(
        &mut self,
        asked: &Asked,
        subject: Result<&Subject, &ErrorDetail>,
        threads: usize,
    ) -> Result<()> {
        let opened = subject.map_err(ErrorDetail::clone).and_then(|subject| {
            let engine = machine::limits(self.level, threads).and_then(|limits| {
                let engine = subject.engine(self.level, threads)?;
                Ok((subject, engine, limits))
            });
            engine.map_err(|error| fault(ErrorCode::ModelFailed, &error))
        });
        let mut opened = opened;
        for load in loads(self.args) {
            let row = Row::new(asked, self.level, threads, load);
            let row = match &mut opened {
                Err(error) => row.failed(error.clone()),
                Ok((subject, engine, before)) => {
                    let measured = self.measure(subject, engine, &load);
                    self.go_on()?;
                    // Neighbours on the same memory come and go, so the limits
                    // are measured before and after each row.
                    let after = machine::limits(self.level, threads);
                    let after = after.map_err(|error| fault(ErrorCode::GenerationFailed, &error));
                    let limits = machine::higher(*before, *after.as_ref().unwrap_or(before));
                    let row = row.of(subject, engine, limits);
                    if let Ok(after) = &after {
                        *before = *after;
                    }
                    match measured.and_then(|measured| after.map(|_| measured)) {
                        Ok(measured) => row.measured(subject, &measured),
                        Err(error) => row.failed(error),
                    }
                }
            };
            if row.has_failed() {
                self.status = Status::SomeFailed;
            }
            self.writer.row(row)?;
        }
        Ok(())
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
        machine::reset_peak();
        let wanted = || self.go_on().is_ok();
        let decoded = match load.best {
            true => Outputs::Best(1),
            false => Outputs::Last,
        };
        let start = |forward| Sequences::new(forward, load.depth, load.parallel, decoded, &wanted);
        let mut sequences = start(&mut engine.forward).map_err(failed)?;
        let half = engine.half.as_mut().map(start);
        let mut half = half.transpose().map_err(failed)?;
        let mut once = |test: Test| -> Result<Run, Stopped> {
            let run = sequences.run(test)?;
            match (&mut half, subject.extrapolation) {
                (Some(half), Some(extrapolation)) => Ok(extrapolation.run(&run, &half.run(test)?)),
                _ => Ok(run),
            }
        };
        if !self.args.tests.no_warmup {
            // As llama-bench the whole prompt, and so many tokens that what a
            // process does once is done: llama.cpp does its part while it loads.
            let generated = load.test.generated.min(TOKENS_BEFORE_SCREEN + 1);
            once(Test {
                generated,
                ..load.test
            })
            .map_err(failed)?;
        }
        let mut runs = Vec::new();
        for _ in 0..self.args.tests.repetitions {
            runs.push(once(load.test).map_err(failed)?);
            if self.go_on().is_err() {
                break;
            }
        }
        Ok(Measured {
            runs,
            peak_rss: machine::peak_rss(),
        })
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

/// Returns what a row tells. Where the program ends, nobody writes it.
fn failed(stopped: Stopped) -> ErrorDetail {
    match stopped {
        Stopped::Ended => fault(ErrorCode::GenerationFailed, &anyhow!("ended")),
        Stopped::Failed(error) => fault(ErrorCode::GenerationFailed, &error.into()),
    }
}

fn fault(code: ErrorCode, error: &anyhow::Error) -> ErrorDetail {
    ErrorDetail {
        code,
        message: format!("{error:#}"),
    }
}

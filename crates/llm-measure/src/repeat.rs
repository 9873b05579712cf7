//! A load, several times → its runs.

use half::f16;
use llm_engine::forward::{CpuForward, Outputs, TOKENS_BEFORE_SCREEN};

use crate::extrapolate::Extrapolation;
use crate::load::{Load, Test};
use crate::process;
use crate::run::Run;
use crate::sequences::{Sequences, Stopped};

/// The forward pass that is timed, and where it is a sample of a larger model that of its first half.
pub struct Passes<'a> {
    /// All layers that are in memory.
    pub whole: &'a mut CpuForward<f16>,
    /// Their first half, and how both are scaled to the model.
    pub half: Option<(&'a mut CpuForward<f16>, Extrapolation)>,
}

/// How often a load is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repetitions {
    /// Runs that count.
    pub count: usize,
    /// Whether a run before them does not count.
    pub warm_up: bool,
}

/// What the repetitions of a load took.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The times of each.
    pub runs: Vec<Run>,
    /// The highest memory use meanwhile, in bytes, where the system tells.
    pub peak_rss: Option<u64>,
}

impl Passes<'_> {
    /// Times a load. Where `wanted` says no between two runs, those that are done count.
    ///
    /// # Errors
    /// [`Stopped`] before the first run is done.
    pub fn measure(
        self,
        load: &Load,
        repetitions: Repetitions,
        wanted: &dyn Fn() -> bool,
    ) -> Result<Measured, Stopped> {
        process::reset_peak();
        let decoded = if load.best {
            Outputs::Best(1)
        } else {
            Outputs::Last
        };
        let start = |forward| Sequences::new(forward, load.depth, load.parallel, decoded, wanted);
        let mut sequences = start(self.whole)?;
        let half = self.half.map(|(forward, extrapolation)| {
            let sequences = start(forward)?;
            Ok((sequences, extrapolation))
        });
        let mut half = half.transpose()?;
        let mut once = |test: Test| -> Result<Run, Stopped> {
            let run = sequences.run(test)?;
            match &mut half {
                Some((half, extrapolation)) => Ok(extrapolation.run(&run, &half.run(test)?)),
                None => Ok(run),
            }
        };
        if repetitions.warm_up {
            // As llama-bench the whole prompt, and so many tokens that what a
            // process does once is done: llama.cpp does its part while it loads.
            let generated = load.test.generated.min(TOKENS_BEFORE_SCREEN + 1);
            once(Test {
                generated,
                ..load.test
            })?;
        }
        let mut runs = Vec::new();
        for _ in 0..repetitions.count {
            runs.push(once(load.test)?);
            if !wanted() {
                break;
            }
        }
        Ok(Measured {
            runs,
            peak_rss: process::peak_rss(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::Arc;

    use llm_engine::spec::Spec;
    use llm_engine::synthetic::Synthetic;
    use llm_engine::weights::Weights;
    use llm_kernels::pool::Pool;
    use llm_kernels::simd::Level;

    use super::*;

    const LOAD: Load = Load {
        test: Test {
            prompt: 5,
            generated: 3,
        },
        depth: 2,
        parallel: 2,
        best: false,
    };

    fn forward() -> CpuForward<f16> {
        let synthetic = Synthetic::parse("tiny-llama:q8_0").unwrap();
        let gguf = synthetic.gguf(&Pool::new(1).unwrap()).unwrap();
        let spec = Arc::new(Spec::from_gguf(&gguf, None).unwrap());
        let weights = Arc::new(Weights::from_gguf(&gguf, &spec).unwrap());
        CpuForward::new(
            spec,
            weights,
            Pool::new(1).unwrap(),
            Level::detect().unwrap(),
        )
    }

    #[test]
    fn a_load_is_timed_as_often_as_is_asked_until_nobody_waits() {
        let mut whole = forward();
        let repetitions = Repetitions {
            count: 3,
            warm_up: true,
        };
        let passes = Passes {
            whole: &mut whole,
            half: None,
        };
        let measured = passes.measure(&LOAD, repetitions, &|| true).unwrap();
        assert_eq!(measured.runs.len(), 3);
        for run in &measured.runs {
            assert_eq!(run.steps.len(), 3);
            assert!(run.first_token > Some(0.0) && run.decoding() > 0.0);
        }
        let repetitions = Repetitions {
            warm_up: false,
            ..repetitions
        };
        let asked = Cell::new(0);
        // Asked before the depth, the prompt and three steps; then once more, and nobody waits.
        let wanted = || asked.replace(asked.get() + 1) < 5;
        let passes = Passes {
            whole: &mut whole,
            half: None,
        };
        let measured = passes.measure(&LOAD, repetitions, &wanted).unwrap();
        assert_eq!((measured.runs.len(), asked.get()), (1, 6));
        let passes = Passes {
            whole: &mut whole,
            half: None,
        };
        let stopped = passes.measure(&LOAD, repetitions, &|| false);
        assert!(matches!(stopped, Err(Stopped::Unwanted)));
    }

    #[test]
    fn a_sample_is_scaled_to_the_model() {
        let (mut whole, mut half) = (forward(), forward());
        let passes = Passes {
            whole: &mut whole,
            half: Some((&mut half, Extrapolation::new(2, 200).unwrap())),
        };
        let repetitions = Repetitions {
            count: 1,
            warm_up: false,
        };
        let measured = passes.measure(&LOAD, repetitions, &|| true).unwrap();
        // Steps of the whole are the sample's median, as often as there are steps.
        let run = &measured.runs[0];
        let steps = run.decoding() / 3.0;
        assert!(run.steps.iter().any(|step| *step > 0.0) && steps > 0.0);
    }
}

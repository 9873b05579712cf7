//! What a run over all lines would take: lines → tokens, memory, hours, energy
//! and a cloud's price. Nothing is answered; the machine's speed is measured.

mod cost;
mod speed;

use anyhow::Result;
use llm_cli::stdio::{InputWatch, StdioError, stdout_is_terminal};
use llm_cli::{Context, Item, Jobs, Messages, Output, OutputFormat, RunArgs, Status};
use llm_filter::{Journal, Name, Verdict, durable};
use llm_record::{Build, Estimate, MeasuredSpeed, MemoryEstimate, Record, SchemaVersion};
use llm_tokenizer::common_prefix_len;

use crate::answer::Answerer;
use crate::memory::{Memory, Room};
use crate::task::Task;
use crate::{open, reads, rules, settings, work};

/// Tells what a run would take.
pub(crate) fn run(args: &RunArgs, context: &Context) -> Result<Status> {
    let watch = InputWatch {
        interrupt: context.interrupt.clone(),
        reader: args.output.output.is_none(),
    };
    let jobs = Jobs::open(&args.input, args.template.system.as_deref(), &watch)?;
    let form = OutputFormat::choose(&args.output, jobs.is_single(), stdout_is_terminal())?;
    let messages = context.messages;
    let reads = reads::of(args)
        .inputs(jobs.inputs())
        .files(&args.filter.resume);
    let mut output = Output::open(&args.output, form, "estimate", &reads, messages)?;
    // Before the lines are read: a name that is not known should not cost their
    // time.
    let price = cost::Price::find(args.estimate.cloud.as_deref())?;
    let answerer = Answerer::open(args, context)?;
    let mut counts = Counts::new(positions(args, &answerer)?);
    if let Some(path) = &args.filter.resume {
        counts.closed = durable::resume(path, rules(args))?.1.journal;
    }
    for item in jobs.warning(messages) {
        if let Some(status) = context.interrupt.status() {
            return Err(StdioError::Ended(status).into());
        }
        counts.take(item?, &answerer);
    }
    let machine = Machine::measure(args, &answerer, &counts, context)?;
    let hours = machine.speed.as_ref().map(|speed| counts.hours(speed));
    tell(args, &machine, hours, messages);
    let estimate = Estimate {
        schema_version: SchemaVersion::default(),
        lines: counts.lines,
        failed: counts.failed,
        skipped: counts.skipped,
        prompt_tokens: counts.prompt_tokens,
        shared_prefix_tokens: counts.shared(),
        max_completion_tokens: counts.completion_tokens,
        parallel: machine.parallel as u64,
        memory: machine.memory,
        speed: machine.speed,
        hours,
        kwh: hours
            .zip(args.estimate.watts)
            .map(|(hours, watts)| hours * watts / 1000.0),
        cloud: Some(price.of(counts.prompt_tokens, counts.completion_tokens)),
        model: answerer.identity.clone(),
        build: machine.build,
    };
    output.close(&Record::from(estimate))?;
    output.finish()?;
    Ok(match counts.failed {
        0 => Status::Done,
        _ => Status::SomeFailed,
    })
}

/// Returns the positions that a request may use.
fn positions(args: &RunArgs, answerer: &Answerer) -> Result<usize> {
    let asked = usize::try_from(args.model.ctx_size)?;
    Ok(match asked {
        0 => answerer.model.spec.context_length,
        asked => asked,
    })
}

/// Says what the numbers are, and which of them are not there.
fn tell(args: &RunArgs, machine: &Machine, hours: Option<f64>, messages: Messages) {
    messages.note(
        "prompt tokens are exact; answers are counted as long as -n and the lines let them be, and hours, \
         energy and price are those of such answers",
    );
    match &machine.speed {
        Some(speed) => messages.note(format_args!(
            "the hours follow from a speed that was measured here just now, in {:.1} s: {:.1} prompt \
             tokens/s, and {:.1} tokens/s with {} answers together",
            speed.measured_ms / 1000.0,
            speed.prompt_tokens_per_second,
            speed.tokens_per_second,
            speed.parallel,
        )),
        None => messages.note("no speed was measured, so there are no hours"),
    }
    if hours.is_some() && args.estimate.watts.is_none() {
        messages.note(
            "there is no energy, since it is not known what this machine draws under load; --watts N \
             says it",
        );
    }
}

/// What the lines come to.
struct Counts {
    /// Positions that a request may use.
    context: usize,
    /// What is answered already.
    closed: Journal,
    lines: u64,
    failed: u64,
    skipped: u64,
    prompt_tokens: u64,
    completion_tokens: u64,
    /// What all prompts begin with.
    prefix: Option<Vec<u32>>,
    /// Positions of the longest request.
    longest: usize,
}

impl Counts {
    fn new(context: usize) -> Self {
        Self {
            context,
            closed: Journal::default(),
            lines: 0,
            failed: 0,
            skipped: 0,
            prompt_tokens: 0,
            completion_tokens: 0,
            prefix: None,
            longest: 0,
        }
    }

    fn take(&mut self, item: Item, answerer: &Answerer) {
        let task = match item {
            Item::Run(job) => answerer.prepare(job),
            Item::Failed(record) => Err(record),
            Item::Passed(_) => {
                self.failed += 1;
                return;
            }
        };
        let verdict = match &task {
            Ok(task) => {
                let id = task.job.id.as_ref();
                self.closed.next(Name::plain(id, &task.request_digest))
            }
            Err(record) => {
                let digest = record.request_digest.as_deref().unwrap_or_default();
                self.closed.next(Name::plain(record.id.as_ref(), digest))
            }
        };
        match (verdict, task) {
            (Verdict::Skip | Verdict::SkipFailed | Verdict::Seen, _) => self.skipped += 1,
            (Verdict::Run(_), Ok(task)) => self.add(&task),
            (Verdict::DuplicateId(_) | Verdict::IdConflict(_), _) | (_, Err(_)) => self.failed += 1,
        }
    }

    fn add(&mut self, task: &Task) {
        // Labels are scored, token by token, and nothing is generated.
        let most = match task.labels.is_empty() {
            true => settings::count(task.sampling.max_tokens),
            false => task.labels.iter().map(Vec::len).sum(),
        };
        self.count(&task.prompt.tokens, most);
    }

    fn count(&mut self, prompt: &[u32], most: usize) {
        if prompt.is_empty() || prompt.len() >= self.context {
            self.failed += 1;
            return;
        }
        let answer = most.min(self.context - prompt.len());
        self.lines += 1;
        self.prompt_tokens += prompt.len() as u64;
        self.completion_tokens += answer as u64;
        self.longest = self.longest.max(prompt.len() + answer);
        // The last token is computed for each line, for its logits.
        let before_last = &prompt[..prompt.len() - 1];
        match &mut self.prefix {
            Some(prefix) => prefix.truncate(common_prefix_len(prefix, before_last)),
            none => *none = Some(before_last.to_vec()),
        }
    }

    /// Returns how many tokens are shared, which takes two lines.
    fn shared(&self) -> u64 {
        match &self.prefix {
            Some(prefix) if self.lines > 1 => prefix.len() as u64,
            _ => 0,
        }
    }

    /// Returns how long it takes at a speed.
    fn hours(&self, speed: &MeasuredSpeed) -> f64 {
        let again = self.shared() * self.lines.saturating_sub(1);
        let prompts = self.prompt_tokens.saturating_sub(again) as f64;
        let seconds = prompts / speed.prompt_tokens_per_second
            + self.completion_tokens as f64 / speed.tokens_per_second;
        seconds / 3600.0
    }

    fn mean_prompt(&self) -> usize {
        usize::try_from(self.prompt_tokens / self.lines.max(1)).unwrap_or(1)
    }
}

/// What the machine has to give.
struct Machine {
    parallel: usize,
    memory: MemoryEstimate,
    speed: Option<MeasuredSpeed>,
    build: Build,
}

impl Machine {
    fn measure(
        args: &RunArgs,
        answerer: &Answerer,
        counts: &Counts,
        context: &Context,
    ) -> Result<Self> {
        let mut memory = Memory::new(answerer.model, args);
        let fits = memory.check(Room::of_one(0), context.messages);
        let mut engine = open::engine(args, answerer.model)?;
        let asked = args.filter.parallel.map(usize::from);
        let asked = asked.unwrap_or_else(|| work::default_parallel(&engine.build));
        let lines = usize::try_from(counts.lines).unwrap_or(usize::MAX);
        let most = asked.min(lines).max(1);
        let (parallel, need) = memory.most_together(most, counts.longest);
        let speed = match (&counts.prefix, fits) {
            (_, Err(sentence)) => {
                context.messages.warning(sentence);
                None
            }
            (None, _) => None,
            (Some(_), Ok(())) => {
                let load = speed::Load {
                    parallel,
                    depth: counts.mean_prompt(),
                };
                Some(speed::measure(engine.forward.as_mut(), load)?)
            }
        };
        Ok(Self {
            parallel,
            memory: need,
            speed,
            build: engine.build,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_share_their_longest_common_prefix_but_the_last_token() {
        let mut counts = Counts::new(100);
        counts.count(&[1, 2, 3, 4], 10);
        assert_eq!(counts.shared(), 0, "one line shares with none");
        counts.count(&[1, 2, 3, 4], 10);
        assert_eq!(counts.shared(), 3);
        counts.count(&[1, 2, 9, 9, 9], 10);
        assert_eq!(counts.shared(), 2);
        assert_eq!((counts.lines, counts.prompt_tokens), (3, 13));
        assert_eq!((counts.completion_tokens, counts.longest), (30, 15));
    }

    #[test]
    fn an_answer_ends_with_the_context_and_a_prompt_that_fills_it_fails() {
        let mut counts = Counts::new(5);
        counts.count(&[1; 3], usize::MAX);
        assert_eq!((counts.completion_tokens, counts.longest), (2, 5));
        counts.count(&[1; 5], 1);
        counts.count(&[], 1);
        assert_eq!((counts.lines, counts.failed), (1, 2));
    }

    #[test]
    fn the_shared_prefix_takes_its_time_once() {
        let mut counts = Counts::new(100);
        for last in 0..4 {
            counts.count(&[1, 1, 1, 1, 1, 1, 1, 1, 1, last], 90);
        }
        let speed = MeasuredSpeed {
            prompt_tokens_per_second: 1.0,
            tokens_per_second: 2.0,
            ..MeasuredSpeed::default()
        };
        // 9 shared, 4 of their own, and 360 of answers.
        let seconds = 9.0 + 4.0 + 180.0;
        assert!((counts.hours(&speed) * 3600.0 - seconds).abs() < 1e-9);
    }
}

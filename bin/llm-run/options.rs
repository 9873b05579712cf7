//! The flags → how a batch is answered, and how the run over its lines goes.

use anyhow::Result;
use llm_batch::{MemoryOptions, Options, PromptOptions, Purpose, ReasoningTo, settings};
use llm_cli::args::{DEFAULT_PREDICT, Device, OnOverflow, Reasoning, Think};
use llm_cli::memory::available;
use llm_cli::{RunArgs, Told};
use llm_filter::Rules;
use llm_prompt::reasoning::ReasoningSwitch;
use llm_record::{Place, Seed};

/// Requests that may wait in order behind the oldest open one, for each that is
/// answered at the same time.
const REORDER: usize = 4;

/// Returns how a batch is answered, `parallel` requests together.
pub(crate) fn batch(args: &RunArgs, parallel: Option<usize>) -> Result<Options> {
    let mut settings = args.sampling.settings();
    settings.structured_output = args.structured.output();
    if settings.seed == Some(Seed::Drawn) {
        // One for the whole run; lines differ by their ids.
        settings.seed = Some(Seed::Fixed(settings::draw_seed()));
    }
    Ok(Options {
        settings,
        default_max_tokens: DEFAULT_PREDICT,
        context: context_length(args)?,
        prompts: PromptOptions {
            parse_special: args.template.parse_special,
            thinking: args.template.think.map(|think| match think {
                Think::On => ReasoningSwitch::On,
                Think::Off => ReasoningSwitch::Off,
            }),
        },
        overflow: match args.input.on_overflow {
            OnOverflow::Error => None,
            OnOverflow::Head => Some(Place::Head),
            OnOverflow::Tail => Some(Place::Tail),
            OnOverflow::Middle => Some(Place::Middle),
        },
        timeout: args.filter.timeout,
        requires_complete: args.structured.require_complete,
        keeps_conversation: args.tools.conversation,
        purpose: purpose(args),
        reasoning: match args.output.reasoning {
            Reasoning::Include => ReasoningTo::Records,
            Reasoning::Stderr => ReasoningTo::People,
            Reasoning::Drop => ReasoningTo::Nobody,
        },
        parallel,
        prefix_folder: args.filter.prefix_cache.clone(),
        memory: MemoryOptions {
            available,
            is_dense: matches!(args.device.device, Device::Candle),
            is_forced: args.force.force,
        },
    })
}

/// Returns what the model is told beside instruction and text.
pub(crate) fn told(args: &RunArgs) -> Told<'_> {
    Told {
        system: args.template.system().map(|text| &**text),
        structured: args.structured.told(),
        tools: args.tools.tools.as_ref().map(|tools| &tools.list),
    }
}

/// Returns the positions that a request may use; `None` leaves it to the model.
pub(crate) fn context_length(args: &RunArgs) -> Result<Option<usize>> {
    let positions = usize::try_from(args.model.ctx_size)?;
    Ok((positions > 0).then_some(positions))
}

/// Returns what is done with requests.
pub(crate) fn purpose(args: &RunArgs) -> Purpose {
    if args.output.count {
        Purpose::Count
    } else if args.output.show_prompt {
        Purpose::ShowPrompt
    } else {
        Purpose::Answer
    }
}

/// Returns how a run over lines goes, of which `parallel` are answered together.
pub(crate) fn filter(args: &RunArgs, parallel: Option<usize>) -> llm_filter::Options {
    llm_filter::Options {
        reorder: REORDER * parallel.unwrap_or(64),
        is_ordered: !args.filter.unordered,
        max_errors: args.filter.max_errors,
        on_conflict: args.filter.conflict.rule(),
    }
}

/// Returns what counts for a journal of answers.
pub(crate) fn rules(args: &RunArgs) -> Rules {
    Rules {
        retries_errors: args.filter.retry_errors,
        // An answer depends on what is asked, wherever it stands; but of files each has its record.
        tells_files: !args.input.texts().is_none(),
        kind: Some("completion"),
    }
}

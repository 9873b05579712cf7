//! Whether a bar is drawn while many lines are answered: where standard error is a terminal and the
//! records go elsewhere, and not if they asked for quiet.

use llm_cli::RunArgs;
use llm_cli::args::Reasoning;
use llm_cli::progress::LineBar;
use llm_cli::stdio::{stderr_is_terminal, stdout_is_terminal};

/// Draws a bar if somebody would see it and nothing else is written beside it.
pub(crate) fn start(
    args: &RunArgs,
    is_single: bool,
    lines: impl FnOnce() -> Option<u64>,
) -> LineBar {
    let to_stdout = args.output.output.is_none() && stdout_is_terminal();
    let is_shown = !is_single
        && !args.quiet.quiet
        && !to_stdout
        && args.output.reasoning != Reasoning::Stderr
        && stderr_is_terminal();
    LineBar::start(is_shown, lines)
}

//! Flags for what comes before a run over many lines, and after it: what it would take, and whether the
//! same answers come again. What they do is `llm-run`'s business.

use std::path::PathBuf;

use clap::Args;

use super::generation_flags;

const HEADING: &str = "Estimates and replays";

/// Whether a run gives the same answers again.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = HEADING)]
pub struct ReplayArgs {
    /// Keep the whole request under 'request' in its record, which is then enough to run it again
    #[arg(long, conflicts_with_all = ["count", "show_prompt"])]
    pub record_request: bool,

    /// Run the requests recorded in FILE again, each with its recorded settings, and report what
    /// differs; unless FILE was made with --record-request, the original rows are read as with --jsonl
    #[arg(long, value_name = "FILE", conflicts_with_all = not_replayed())]
    pub replay: Option<PathBuf>,
}

/// What a run would take.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = HEADING)]
pub struct EstimateArgs {
    /// Estimate what the run would take (tokens, memory, hours, energy, the price in a cloud), without
    /// running it; with --resume FILE, only for the lines that are left
    #[arg(long, conflicts_with_all = ["count", "show_prompt", "stream", "record_request"])]
    pub estimate: bool,

    /// Assume that the machine draws N watts under load, for the energy of --estimate
    #[arg(long, value_name = "N", requires = "estimate", value_parser = watts)]
    pub watts: Option<f64>,

    /// Compare with this cloud model, a name from 'llm-cost catalogue prices'; some commands take
    /// several
    #[arg(long, value_name = "NAME", requires = "estimate")]
    pub cloud: Option<String>,
}

/// Returns the flags that a replay has no use for: its records say it.
fn not_replayed() -> Vec<&'static str> {
    let own = [
        "prompt",
        "count",
        "show_prompt",
        "stream",
        "resume",
        "retry_errors",
        "record_request",
        "estimate",
        "keep",
    ];
    generation_flags().chain(own).collect()
}

fn watts(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok();
    number
        .filter(|number| number.is_finite() && *number > 0.0)
        .ok_or_else(|| "must be a number of watts above 0".to_owned())
}

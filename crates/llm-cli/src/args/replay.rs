//! Flags for what comes before a run over many lines, and after it: what it would take, and whether the
//! same answers come again. What they do is `llm-run`'s business.

use std::path::PathBuf;

use clap::Args;

use super::generation_flags;

const HEADING: &str = "Before and after many lines";

/// Whether the answers of a run come again.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = HEADING)]
pub struct ReplayArgs {
    /// Keep the whole request in its record under 'request', enough to run it again
    #[arg(long, conflicts_with_all = ["count", "show_prompt"])]
    pub record_request: bool,

    /// Run the requests of FILE again, each with its record's own settings, and tell what differs;
    /// rows are read as --jsonl reads them unless FILE was made with --record-request
    #[arg(long, value_name = "FILE", conflicts_with_all = not_replayed())]
    pub replay: Option<PathBuf>,
}

/// What a run would take.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = HEADING)]
pub struct EstimateArgs {
    /// Write what the run would take (tokens, memory, hours, energy, a cloud's price), without running
    /// it; with --resume FILE, what the lines that are still open would
    #[arg(long, conflicts_with_all = ["count", "show_prompt", "stream", "record_request"])]
    pub estimate: bool,

    /// Say what the machine draws under load, in watts, for the energy of --estimate
    #[arg(long, value_name = "N", requires = "estimate", value_parser = watts)]
    pub watts: Option<f64>,

    /// Hold this cloud model against it, a name of 'llm-cost catalogue prices'; several where that makes
    /// sense
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

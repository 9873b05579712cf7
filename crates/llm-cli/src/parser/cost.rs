//! The parser of `llm-cost`. What its numbers mean together is the cost model's business.

mod flags;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::app::Program;
use crate::args::{FormatArgs, QuietArgs};

use flags::amount;
pub use flags::{CloudArgs, LocalArgs, MoneyArgs, VolumeArgs};

const EXAMPLES: &str = "\
Examples:
  llm-cost payback --profile heavy --machine rtx-4090-24 --local qwen3-32b
  llm-cost payback --cloud anthropic/claude-sonnet-4.6 --input-mtok 2.4 \\
    --output-mtok 12 --machine-price 4000 --load-watts 110 --usd-per-kwh 0.17 \\
    --decode-tps 11 --prefill-tps 94
  ccusage --json |
    llm-cost payback --machine dgx-spark-128 --local gpt-oss-120b
  llm-cost floor llama-3.3-70b
  llm-cost floor --machine rtx-4090-24
  llm-cost usage --by model --load-watts 60 < answers.jsonl
  llm-cost compare --profile light,medium,heavy --machine dgx-spark-128 \\
    --local gpt-oss-120b
  llm-cost catalogue machines -T

Exit status:
  0  all well, whatever the verdict, or the reader of the output has enough
  1  the output could not be written
  2  could not start: usage, unknown names, nonsensical numbers, no records
  129, 130, 143  hung up, interrupted, terminated; records already written are whole";

/// Names that are no code stand in help without the marks that they have in a doc comment.
const PRICES: &str = "Also use the prices in this file: what 'catalogue prices' writes, a list of its rows, or \
    the list of LiteLLM, models.dev, OpenRouter or llm-prices";

/// Says what hardware a model needs, how fast it will be, and when a machine pays back
///
/// Computes from built-in, dated prices, machines and models, from records of usage and speed where
/// there are any, and from your own numbers. Writes 'cost' records. Nothing is fetched.
#[derive(Parser, Clone, Debug)]
#[command(name = "llm-cost", version, max_term_width = crate::HELP_WIDTH, after_help = EXAMPLES,
    disable_help_subcommand = true, arg_required_else_help = true, args_override_self = true)]
pub struct CostArgs {
    /// What to answer.
    #[command(subcommand)]
    pub command: CostCommand,
    /// Data beside the built-in rows.
    #[command(flatten)]
    pub data: DataArgs,
    /// The form of the output.
    #[command(flatten)]
    pub format: FormatArgs,
    /// How much is said on standard error.
    #[command(flatten)]
    pub quiet: QuietArgs,
}

impl Program for CostArgs {}

/// What to answer.
#[derive(Subcommand, Clone, Debug)]
pub enum CostCommand {
    /// Say when a machine pays back against the cloud, or that it never does
    ///
    /// Standard input is read only where --usage or --bench names it with '-', and for records of usage
    /// where no flag gives the volume.
    #[command(max_term_width = crate::HELP_WIDTH)]
    Payback(Box<PaybackArgs>),
    /// Say what memory a model needs, which machines hold it, and how fast it would be
    #[command(alias = "requirements", max_term_width = crate::HELP_WIDTH)]
    Floor(FloorArgs),
    /// Add up the usage that records, providers' answers and exports, or CSV hold
    #[command(max_term_width = crate::HELP_WIDTH)]
    Usage(Box<UsageArgs>),
    /// Compare every combination of volumes, cloud models, machines and local models
    #[command(max_term_width = crate::HELP_WIDTH)]
    Compare(Box<CompareArgs>),
    /// List the data that answers are computed from
    #[command(max_term_width = crate::HELP_WIDTH)]
    Catalogue {
        /// Table to list
        #[arg(value_name = "TABLE", value_enum)]
        table: Table,
    },
}

/// Which rows are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Table {
    /// Cloud models, in US dollars per million tokens
    Prices,
    /// Machines
    Machines,
    /// Open-weight models
    Models,
    /// Quantizations
    Quants,
    /// Electricity prices
    Electricity,
    /// Typical users
    Profiles,
    /// Parameters and errors of the speed predictor
    Predictor,
}

/// Data beside the built-in rows.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Data")]
pub struct DataArgs {
    /// Files of further prices.
    #[arg(long, value_name = "FILE", global = true, help = PRICES)]
    pub prices: Vec<PathBuf>,

    /// Also use the machines in this file: what 'catalogue machines' writes, or a list of its rows
    #[arg(long, value_name = "FILE", global = true)]
    pub machines: Vec<PathBuf>,

    /// Use the prices of this day, and judge the age of rows by it (default: today)
    #[arg(long, value_name = "YYYY-MM-DD", global = true)]
    pub on: Option<String>,
}

/// The picture to draw.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Output")]
pub struct PlotArgs {
    /// Draw the answer into this SVG file: costs over the months, or speed against memory
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,

    /// Replace the file that is written to, whatever it holds
    #[arg(long, requires = "plot")]
    pub overwrite: bool,
}

/// The flags that `payback` and `compare` share.
#[derive(Args, Clone, Debug, Default)]
pub struct ScenarioArgs {
    /// The volume of tokens.
    #[command(flatten)]
    pub volume: VolumeArgs,
    /// What the cloud charges.
    #[command(flatten)]
    pub cloud: CloudArgs,
    /// What runs here.
    #[command(flatten)]
    pub local: LocalArgs,
    /// What the money is worth.
    #[command(flatten)]
    pub money: MoneyArgs,
}

/// The flags of `payback`.
#[derive(Args, Clone, Debug, Default)]
pub struct PaybackArgs {
    /// What is held against each other.
    #[command(flatten)]
    pub scenario: ScenarioArgs,

    /// Formulas instead of an answer.
    #[command(flatten)]
    pub explain: ExplainArgs,

    /// The picture to draw.
    #[command(flatten)]
    pub plot: PlotArgs,
}

/// The flags of `compare`.
#[derive(Args, Clone, Debug, Default)]
pub struct CompareArgs {
    /// What is held against each other.
    #[command(flatten)]
    pub scenario: ScenarioArgs,

    /// Scale the volume to N million tokens a month
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = amount,
        allow_negative_numbers = true, help_heading = "Volume")]
    pub mtok: Vec<f64>,

    /// Formulas instead of an answer.
    #[command(flatten)]
    pub explain: ExplainArgs,
}

/// Formulas instead of an answer.
#[derive(Args, Clone, Copy, Debug, Default)]
#[command(next_help_heading = "Output")]
pub struct ExplainArgs {
    /// Write the formulas instead, with their numbers filled in
    #[arg(long, conflicts_with = "format")]
    pub explain: bool,
}

/// The flags of `floor`.
#[derive(Args, Clone, Debug, Default)]
pub struct FloorArgs {
    /// Models: NAME or NAME:QUANT, a repository, a path to a .gguf file, or '-' for 'model' records on
    /// standard input (default without a machine or a budget)
    #[arg(value_name = "MODEL")]
    pub models: Vec<String>,

    /// Run it on this machine, a name from 'llm-cost catalogue machines'; some commands take several
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        help_heading = "Machine"
    )]
    pub machine: Vec<String>,

    /// Use the memory and the measured limits of this machine
    #[arg(long, conflicts_with_all = ["machine", "budget"], help_heading = "Machine")]
    pub this_machine: bool,

    /// Show only machines up to this price in US dollars, the fastest first
    #[arg(long, value_name = "USD", value_parser = amount, allow_negative_numbers = true, help_heading = "Machine")]
    pub budget: Option<f64>,

    /// Assume N tokens in the context
    #[arg(long, value_name = "N", default_value = "8192", value_parser = amount, allow_negative_numbers = true,
        help_heading = "Machine")]
    pub context: f64,

    /// Keep the KV cache in numbers of this type
    #[arg(
        long,
        value_name = "TYPE",
        value_enum,
        default_value_t,
        help_heading = "Machine"
    )]
    pub cache_type: CacheKind,

    /// Formulas instead of an answer.
    #[command(flatten)]
    pub explain: ExplainArgs,

    /// The picture to draw.
    #[command(flatten)]
    pub plot: PlotArgs,
}

/// The type of the numbers in the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum CacheKind {
    /// 16-bit floats
    #[default]
    F16,
    /// 8.5 bits
    #[value(name = "q8_0")]
    Q8_0,
    /// 6 bits
    #[value(name = "q5_1")]
    Q5_1,
    /// 4.5 bits
    #[value(name = "q4_0")]
    Q4_0,
}

/// The flags of `usage`.
#[derive(Args, Clone, Debug, Default)]
pub struct UsageArgs {
    /// Files of records, '-' for standard input (default)
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Group the sums
    #[arg(long, value_name = "WHAT", value_enum)]
    pub by: Option<By>,

    /// Compare with this cloud model, a name from 'llm-cost catalogue prices'; some commands take several
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        help_heading = "Cloud"
    )]
    pub cloud: Vec<String>,

    /// Run it on this machine, a name from 'llm-cost catalogue machines'; some commands take several
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        help_heading = "Machine"
    )]
    pub machine: Vec<String>,

    /// Assume that the machine draws N watts at work
    #[arg(long, value_name = "N", value_parser = amount, allow_negative_numbers = true, help_heading = "Machine")]
    pub load_watts: Option<f64>,

    /// Take the electricity price of this region, a name from 'llm-cost catalogue electricity'
    #[arg(
        long,
        value_name = "REGION",
        default_value = "US",
        conflicts_with = "usd_per_kwh",
        help_heading = "Machine"
    )]
    pub region: String,

    /// Set the electricity price, in US dollars per kWh
    #[arg(long, value_name = "USD", value_parser = amount, allow_negative_numbers = true, help_heading = "Machine")]
    pub usd_per_kwh: Option<f64>,

    /// Formulas instead of an answer.
    #[command(flatten)]
    pub explain: ExplainArgs,
}

/// What usage is added up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// Days, in UTC
    Day,
    /// Models
    Model,
}

#[cfg(test)]
mod tests {
    use super::flags::share;
    use super::*;

    fn told(arguments: &[&str]) -> String {
        let all = [&["llm-cost"], arguments].concat();
        CostArgs::try_parse_from(all).unwrap_err().to_string()
    }

    #[test]
    fn numbers_without_sense_are_answered_with_the_range() {
        for flag in ["--input-mtok", "--machine-price", "--decode-tps", "--days"] {
            for number in ["-1", "nan", "inf", "x"] {
                let told = told(&["payback", flag, number]);
                assert!(told.contains("zero or more"), "{flag} {number}: {told}");
            }
        }
        for number in ["1.5", "150%", "-0.1", "x%"] {
            let told = told(&["payback", "--cache-hit", number]);
            assert!(told.contains("from 0 to 1"), "{number}: {told}");
        }
        assert_eq!(share("90%"), Ok(0.9));
    }

    #[test]
    fn a_volume_has_one_source() {
        for flags in [
            &["--profile", "light", "--input-mtok", "1"] as &[_],
            &["--usage", "x", "--output-mtok", "1"],
            &["--usage", "x", "--profile", "light"],
        ] {
            let told = told(&[&["payback"], flags].concat());
            assert!(told.contains("cannot be used with"), "{told}");
        }
    }
}

//! The flags that `payback` and `compare` share: volume, cloud, machine, money.

use std::path::PathBuf;

use clap::Args;

/// The volume of tokens.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Volume")]
pub struct VolumeArgs {
    /// Take the volume of a typical user: light, medium, heavy or agent ('llm-cost catalogue profiles' says where
    /// each comes from); 'compare' takes several
    #[arg(long, value_name = "NAME", value_delimiter = ',', conflicts_with_all = ["input_mtok", "output_mtok"])]
    pub profile: Vec<String>,

    /// Read N million input tokens a month, cached ones included
    #[arg(long, value_name = "N", value_parser = amount, allow_negative_numbers = true)]
    pub input_mtok: Option<f64>,

    /// Generate N million output tokens a month
    #[arg(long, value_name = "N", value_parser = amount, allow_negative_numbers = true)]
    pub output_mtok: Option<f64>,

    /// Take the volume from the records in this file instead of standard input ('-')
    #[arg(long, value_name = "FILE", conflicts_with_all = ["profile", "input_mtok", "output_mtok"])]
    pub usage: Vec<PathBuf>,

    /// Treat the records as N days of usage (default: from the first to the last)
    #[arg(long, value_name = "N", value_parser = amount, allow_negative_numbers = true,
        conflicts_with_all = ["profile", "input_mtok", "output_mtok"])]
    pub days: Option<f64>,

    /// Share of the input that the cloud reads from its cache (0.9 or 90%)
    #[arg(long, value_name = "SHARE", value_parser = share, allow_negative_numbers = true)]
    pub cache_hit: Option<f64>,

    /// Share of the input that is written to the cloud's cache
    #[arg(long, value_name = "SHARE", value_parser = share, allow_negative_numbers = true)]
    pub cache_write: Option<f64>,

    /// Part of that share which is written for an hour, and not for some minutes
    #[arg(long, value_name = "SHARE", value_parser = share, allow_negative_numbers = true)]
    pub cache_write_1h: Option<f64>,

    /// Share of the work that can go through the cloud's batch API
    #[arg(long, value_name = "SHARE", value_parser = share, allow_negative_numbers = true)]
    pub batch: Option<f64>,

    /// Let N users share the machine; the volume is that of one of them
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub team: u32,
}

/// What the cloud charges.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Cloud")]
pub struct CloudArgs {
    /// Compare with this cloud model, a name from 'llm-cost catalogue prices'; some commands take several
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub cloud: Vec<String>,

    /// Assume prompts of N tokens, where the cloud charges more for long ones
    #[arg(long, value_name = "N", value_parser = amount, allow_negative_numbers = true)]
    pub prompt_tokens: Option<f64>,

    /// Let the cloud's prices fall by this share each month
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = share, allow_negative_numbers = true)]
    pub cloud_fall: f64,

    /// Share of the work that goes to the cloud after all, once the local model has tried it
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = share, allow_negative_numbers = true)]
    pub escalated: f64,
}

/// What runs here.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Machine")]
pub struct LocalArgs {
    /// Run this model, NAME or NAME:QUANT from 'llm-cost catalogue models'; 'compare' takes several
    #[arg(long, value_name = "MODEL", value_delimiter = ',')]
    pub local: Vec<String>,

    /// Run it on this machine, a name from 'llm-cost catalogue machines'; some commands take several
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub machine: Vec<String>,

    /// Price of the machine in US dollars, all included
    #[arg(long, value_name = "USD", value_parser = amount, allow_negative_numbers = true)]
    pub machine_price: Option<f64>,

    /// Assume that the machine draws N watts at work
    #[arg(long, value_name = "N", value_parser = amount, allow_negative_numbers = true)]
    pub load_watts: Option<f64>,

    /// Assume that it draws N watts when idle
    #[arg(long, value_name = "N", value_parser = amount, allow_negative_numbers = true)]
    pub idle_watts: Option<f64>,

    /// Share of the idle power to charge to the model
    #[arg(long, value_name = "SHARE", default_value = "1", value_parser = share, allow_negative_numbers = true)]
    pub idle_share: f64,

    /// Keep it on for N hours a month (default: only while it works)
    #[arg(long, value_name = "N", value_parser = amount, allow_negative_numbers = true)]
    pub on_hours: Option<f64>,

    /// Take the electricity price of this region, a name from 'llm-cost catalogue electricity'
    #[arg(
        long,
        value_name = "REGION",
        default_value = "US",
        conflicts_with = "usd_per_kwh"
    )]
    pub region: String,

    /// Set the electricity price, in US dollars per kWh
    #[arg(long, value_name = "USD", value_parser = amount, allow_negative_numbers = true)]
    pub usd_per_kwh: Option<f64>,

    /// Assume that it generates N tokens per second
    #[arg(long, value_name = "N", value_parser = amount, allow_negative_numbers = true)]
    pub decode_tps: Option<f64>,

    /// Assume that it reads N prompt tokens per second
    #[arg(long, value_name = "N", value_parser = amount, allow_negative_numbers = true)]
    pub prefill_tps: Option<f64>,

    /// Take the speeds from the 'bench' or 'completion' records in this file ('-' for standard input)
    #[arg(long, value_name = "FILE")]
    pub bench: Option<PathBuf>,

    /// Assume N tokens in the context
    #[arg(long, value_name = "N", default_value = "8192", value_parser = amount, allow_negative_numbers = true)]
    pub context: f64,

    /// Share of the input that the machine's own prefix cache holds (default: that of --cache-hit)
    #[arg(long, value_name = "SHARE", value_parser = share, allow_negative_numbers = true)]
    pub local_cache_hit: Option<f64>,

    /// Assume that batching makes it N times as fast as one request at a time
    #[arg(long, value_name = "N", default_value = "1", value_parser = amount, allow_negative_numbers = true)]
    pub batching: f64,

    /// Let it work for up to N hours a month
    #[arg(long, value_name = "N", default_value = "730", value_parser = amount, allow_negative_numbers = true)]
    pub available_hours: f64,

    /// Let it be busy for up to this share of those hours (default: 0.9, or 0.5 for a team)
    #[arg(long, value_name = "SHARE", value_parser = share, allow_negative_numbers = true)]
    pub duty_cap: Option<f64>,
}

/// What the money is worth.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Money")]
pub struct MoneyArgs {
    /// Price of the machine that you would buy anyway, in US dollars
    #[arg(long, value_name = "USD", default_value = "0", value_parser = amount, allow_negative_numbers = true)]
    pub alternative_price: f64,

    /// Hours that it takes to set the machine up
    #[arg(long, value_name = "N", default_value = "0", value_parser = amount, allow_negative_numbers = true)]
    pub setup_hours: f64,

    /// Cost of an hour of setup, in US dollars
    #[arg(long, value_name = "USD", default_value = "50", value_parser = amount, allow_negative_numbers = true)]
    pub setup_rate: f64,

    /// Cost of upkeep, in US dollars per month
    #[arg(long, value_name = "USD", default_value = "0", value_parser = amount, allow_negative_numbers = true)]
    pub upkeep: f64,

    /// Yearly return of money that is not spent, as a share
    #[arg(long, value_name = "SHARE", default_value = "0.08", value_parser = share, allow_negative_numbers = true)]
    pub discount_rate: f64,

    /// Keep the machine for N months
    #[arg(long, value_name = "N", default_value = "36", value_parser = amount, allow_negative_numbers = true)]
    pub lifetime_months: f64,

    /// Sell it then for this share of its price, or of what it costs above --alternative-price (default: 0.38
    /// after 36 months, from what dealers pay)
    #[arg(long, value_name = "SHARE", value_parser = share, allow_negative_numbers = true)]
    pub resale_share: Option<f64>,
}

/// A number that is not below zero.
pub(super) fn amount(text: &str) -> Result<f64, String> {
    let number = text.parse().ok();
    number
        .filter(|number: &f64| number.is_finite() && (0.0..=1e15).contains(number))
        .ok_or_else(|| "must be a number, zero or more, up to 1e15".to_owned())
}

/// A share, as 0.9 or as 90%.
pub(super) fn share(text: &str) -> Result<f64, String> {
    let number: Option<f64> = match text.strip_suffix('%') {
        Some(percent) => percent
            .trim()
            .parse()
            .ok()
            .map(|percent: f64| percent / 100.0),
        None => text.parse().ok(),
    };
    number
        .filter(|number| (0.0..=1.0).contains(number))
        .ok_or_else(|| "must be a share from 0 to 1, or from 0% to 100%".to_owned())
}

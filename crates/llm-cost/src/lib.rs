//! What hardware a model needs, how fast it will be there, and when a machine of one's own pays back.
//!
//! Modules stand in the order of the question: [`units`] and [`dates`], the dated [`catalogue`] of
//! prices, machines and models, the [`memory`] that a model needs, its speed ([`mod@predict`]), a
//! [`bill`] for tokens, the [`terms`] and the [`payback`] of a machine with its [`cash`] flows and the
//! [`crossover`] of both bills, the [`usage`] that logs record, and the [`record`]s that programs write. What
//! the user supplies ([`inputs`]) and a [`scenario`] make an answer ([`evaluate`]); what a model needs and
//! which machines hold it is [`requirements`]' business. [`render`] shows answers to people, [`listing`] the
//! rows themselves, and [`freshness`] says how old they are. No engine, no network, no output: what is read
//! and where an answer goes is the program's business.
//!
//! ```
//! use llm_cost::{Catalogue, Mtok, Volume, predict};
//!
//! let catalogue = Catalogue::builtin();
//! let shape = catalogue.shape("llama-3.3-70b:Q4_K_M")?;
//! let machine = catalogue.machine("macbook-pro-m4-max-64")?;
//! let speed = predict::speed(catalogue, machine, &shape, 0.0, llm_cost::CacheType::F16);
//! assert!(speed.decode.is_some_and(|decode| (8.0..13.0).contains(&decode.rate.0)));
//!
//! let price = catalogue.price("anthropic/claude-sonnet-4.6")?;
//! let volume = Volume { input: Mtok(2.4), output: Mtok(12.0), ..Volume::default() };
//! assert!((price.rates(None, None).bill(&volume).0 - 187.20).abs() < 1e-9);
//! # Ok::<(), llm_cost::CatalogueError>(())
//! ```
#![forbid(unsafe_code)]

mod counted;
pub mod dates;
pub mod units;

pub mod catalogue;
pub mod memory;
pub mod predict;

pub mod bill;
pub mod cash;
pub mod terms;

pub mod crossover;
pub mod payback;
pub mod usage;

pub mod record;

pub mod inputs;
pub mod scenario;
pub mod speeds;

mod caveats;
pub mod evaluate;
pub mod freshness;
pub mod requirements;

pub mod listing;
pub mod render;

pub use bill::{Rates, Volume};
pub use catalogue::{Catalogue, CatalogueError};
pub use counted::counted;
pub use evaluate::ScenarioError;
pub use inputs::Inputs;
pub use memory::{CacheType, Shape};
pub use payback::{Answer, Verdict};
pub use requirements::Requirements;
pub use scenario::{LocalModel, MonthlyVolume, Scenario, Scenarios};
pub use terms::Terms;
pub use units::*;
pub use usage::UsageLog;

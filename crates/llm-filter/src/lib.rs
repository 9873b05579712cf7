//! The durable loop that programs share: lines in, one closing record for each
//! out.
//!
//! [`Pump`] reads lines beside the work, [`run`] hands them to whoever answers
//! them ([`Work`]) and writes what comes back, in input order inside a bounded
//! [`Window`]. [`Journal`] is what an output already holds, so that a run on the
//! same output goes on where the last one ended; [`durable`] opens such an
//! output: locked, cut after its last whole record, synced as it grows, and [`Target`] is one with what it holds. [`Past`] is
//! an output whose requests are run again.

pub mod durable;
mod journal;
mod past;
mod pump;
mod run;
mod summary;
mod target;
mod tears;
mod window;

pub use journal::{Journal, Name, Rules, Verdict};
pub use past::{Conditions, Past, PastError, Place};
pub use pump::{Next, Pump};
pub use run::{Closing, Options, Outcome, Work, run};
pub use summary::Summary;
pub use target::Target;
pub use tears::Tears;
pub use window::Window;

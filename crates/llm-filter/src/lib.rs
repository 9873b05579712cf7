//! The durable loop that programs share: lines in, one closing record for each out.
//!
//! [`ReadAhead`] reads lines beside the work, [`run`] hands them to whoever answers them ([`Work`])
//! and writes what comes back to a [`RecordSink`], in input order inside a bounded
//! [`ReorderBuffer`]. [`Journal`] is what an output already holds, so that a run on the same output
//! goes on where the last one ended; [`durable`] opens such an output: locked, cut after its last
//! whole record, with torn lines told or moved aside; [`prune()`] drops what is of texts that are no
//! more. [`RunLog`] is an output whose requests are run
//! again. Flags, messages and the exit status are the program's business.
//!
//! ```
//! use llm_filter::{Journal, RequestName, Rules, Verdict};
//! use llm_record::Id;
//!
//! let line = r#"{"type":"error","schema_version":1,"id":"a","line":1,"request_digest":"d",
//!     "error":{"code":"timeout","message":"late"}}"#.replace('\n', "");
//! let mut journal = Journal::new(Rules::default());
//! journal.close(&llm_record::closed(&line).unwrap(), &line);
//!
//! let [a, b] = ["a", "b"].map(|id| Id::Text(id.to_owned()));
//! let request = |id| RequestName::plain(Some(id), "d");
//! assert_eq!(journal.next(request(&a)), Verdict::SkipFailed);
//! assert_eq!(journal.next(request(&b)), Verdict::Run(1));
//! ```
#![forbid(unsafe_code)]

mod read_ahead;
mod journal;
mod nameless;
mod pieces;
mod prune;
mod rewrite;
mod exclusive;
pub mod durable;
mod tears;
mod conflict;
mod work;
mod run;
mod reorder_buffer;
mod failures;
mod summary;
mod run_log;

pub use conflict::{Conflict, OnConflict, Replaced};
pub use failures::Failures;
pub use journal::{Journal, RequestName, Rules, Verdict};
pub use pieces::{IsGone, Stale};
pub use prune::prune;
pub use read_ahead::{Next, ReadAhead};
pub use reorder_buffer::ReorderBuffer;
pub use run::{Control, Options, Outcome, run};
pub use run_log::{Conditions, RecordOffset, RunLog, RunLogError};
pub use summary::{Summary, UnderWay};
pub use tears::Tears;
pub use work::{Prepared, RecordSink, Work};

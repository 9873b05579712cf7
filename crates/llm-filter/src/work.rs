//! Who answers the requests of a run, and where their records go: what the loop knows of both.

use anyhow::Result;
use llm_record::{Delta, ErrorCode, Failed, Job, Record, Routed};

use serde_json::Value;

use crate::{Conditions, RequestName, UnderWay};

/// Where the records of a run go. What it refuses ends the run.
pub trait RecordSink {
    /// Writes the record that closes a request, and says in it when that was where nobody has.
    ///
    /// # Errors
    /// The record cannot be written.
    fn close(&mut self, routed: &mut Routed<Record>) -> Result<()>;

    /// Passes an `error` record of an earlier stage on, as it came.
    ///
    /// # Errors
    /// As [`close`](Self::close).
    fn pass(&mut self, line: &str) -> Result<()>;

    /// Writes a piece of an answer under way, if pieces are wanted.
    ///
    /// # Errors
    /// As [`close`](Self::close).
    fn delta(&mut self, delta: Routed<Delta>) -> Result<()>;

    /// Syncs what was written to disk, if that is due.
    ///
    /// # Errors
    /// The disk's.
    fn sync(&mut self) -> Result<()>;

    /// Returns whether the reader is gone, so that no answer can reach it any more.
    fn is_unread(&self) -> bool;
}

/// A request that was to be made ready.
#[derive(Debug)]
pub enum Prepared<T> {
    /// It can be answered.
    Ready(T),
    /// It cannot: the record that closes it, with a digest that tells it from others.
    Refused(Failed),
}

/// Whoever answers requests, several at a time.
pub trait Work {
    /// A request that is ready to be answered.
    type Task;

    /// Whether an answer is a vector, and nothing is generated.
    const IS_EMBEDDING: bool = false;

    /// Makes a request ready.
    ///
    /// # Errors
    /// What ends the run.
    fn prepare(&mut self, job: Box<Job>) -> Result<Prepared<Self::Task>>;

    /// Returns what tells the request from others.
    fn name<'t>(&self, task: &'t Self::Task) -> RequestName<'t>;

    /// Returns the `model` and `sampling` that the record of its answer would have, where they tell how
    /// it differs from an earlier one.
    fn conditions(&self, _task: &Self::Task) -> Value {
        Value::Null
    }

    /// Returns the digest that the request had under the conditions of an earlier answer, with what its line
    /// sets itself as it is; `None` where there is no telling.
    fn digest_under(&self, _task: &Self::Task, _then: &Conditions) -> Option<String> {
        None
    }

    /// Returns the record that closes a request unanswered.
    fn refuse(&self, task: &Self::Task, code: ErrorCode, sentence: String) -> Failed;

    /// Returns whether a request can be begun now.
    fn has_room(&mut self, task: &Self::Task) -> bool;

    /// Begins a request, which is the given one of several that are equal.
    ///
    /// # Errors
    /// The record that closes it at once.
    fn start(&mut self, number: u64, task: Self::Task, occurrence: u64) -> Result<(), Failed>;

    /// Returns how far what is under way has come, where that is known.
    fn under_way(&self) -> UnderWay {
        UnderWay::default()
    }

    /// Returns whether nothing is under way.
    fn is_idle(&self) -> bool;

    /// Goes on with all that is under way; returns what has ended, by number.
    ///
    /// # Errors
    /// What ends the run.
    fn step(&mut self, sink: &mut dyn RecordSink) -> Result<Vec<(u64, Routed<Record>)>>;
}

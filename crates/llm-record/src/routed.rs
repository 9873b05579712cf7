//! A record on its way out, and what decides how it is written there: no part of the record itself.

use crate::{ErrorRecord, ListRest, Reply};

/// A record, and how it is written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Routed<T> {
    /// The record.
    pub record: T,
    /// In whose format its request is answered.
    pub reply: Reply,
    /// What follows the record in a list of vectors; empty for any other.
    pub rest: ListRest,
}

/// What closes a request that has failed.
pub type Failed = Box<Routed<ErrorRecord>>;

impl<T> Routed<T> {
    /// Returns a record of a request that is answered in our own format.
    pub fn own(record: T) -> Self {
        Self::new(record, Reply::Own)
    }

    /// Returns a record of a request that is answered in this format.
    pub fn new(record: T, reply: Reply) -> Self {
        Self {
            record,
            reply,
            rest: ListRest::default(),
        }
    }

    /// Returns what is made of the record, written as it would be.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Routed<U> {
        Routed {
            record: make(self.record),
            reply: self.reply,
            rest: self.rest,
        }
    }
}

//! A record on its way out, and what decides how it is written there: no part of the record itself.

use crate::Reply;

/// A record, and how it is written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Routed<T> {
    /// The record.
    pub record: T,
    /// In whose format its request is answered.
    pub reply: Reply,
}

impl<T> Routed<T> {
    /// Returns a record of a request that is answered in this format.
    pub fn new(record: T, reply: Reply) -> Self {
        Self { record, reply }
    }
}

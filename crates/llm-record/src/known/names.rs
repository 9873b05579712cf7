//! The names that an API of this field gives a meaning, and which of their values ask for nothing. A name
//! that is read here (`settings`) is in no list of these.
//!
//! Each list names what it was made of, on 2026-11-30. A name that several APIs share stands in the first.
//! Left out are names of responses, of servers' own loading and routing, and Cohere's `k` and `p`, which
//! are any table's.

mod answers;
mod inert;
mod neutral;
mod vectors;

use serde_json::Value;

pub(super) use answers::ANSWERS;
pub use inert::INERT;
pub(super) use inert::LAYOUT;
pub(super) use vectors::VECTORS;

/// A field, the values of it that ask for nothing (null always does), and these in words, with the way out
/// where there is one.
pub(super) type Row = (&'static str, fn(&Value) -> bool, &'static str);

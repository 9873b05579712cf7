//! Tokens on their way out: kept, or handed on as they come so that a long text
//! takes no memory for them; and whether they are wanted still.

use std::cell::Cell;

use crate::cancel::{Cancellation, Cancelled};

/// Pieces of text, or pairs of a long piece, between two looks at the clock:
/// less than a millisecond.
const STEPS: u32 = 4096;

/// Tokens that are handed on at a time, about.
const HANDED: usize = 8192;

/// Whether work goes on. Where it does not, loops end early, and what they made
/// is thrown away.
#[derive(Debug)]
pub(super) struct Checks<'c> {
    cancellation: &'c Cancellation,
    steps: Cell<u32>,
    ended: Cell<Option<Cancelled>>,
}

impl Checks<'_> {
    /// Counts a step; returns whether there is to be another.
    pub(super) fn go_on(&self) -> bool {
        let steps = self.steps.get() + 1;
        self.steps.set(steps);
        if steps >= STEPS {
            self.steps.set(0);
            self.ended.set(self.cancellation.check().err());
        }
        self.ended.get().is_none()
    }
}

/// Takes tokens as they come.
pub(super) type Take<'f> = &'f mut dyn FnMut(&[u32]);

/// Where the tokens of a text go.
pub(super) struct Flow<'f> {
    /// Those that are not handed on yet.
    pub(super) ids: Vec<u32>,
    pub(super) checks: Checks<'f>,
    take: Option<Take<'f>>,
}

impl<'f> Flow<'f> {
    /// Keeps the tokens of a text of so many bytes, or hands them on to `take`.
    pub(super) fn new(
        bytes: usize,
        cancellation: &'f Cancellation,
        take: Option<Take<'f>>,
    ) -> Self {
        let room = match take {
            Some(_) => HANDED,
            None => bytes / 4 + 2,
        };
        Self {
            ids: Vec::with_capacity(room),
            checks: Checks {
                cancellation,
                steps: Cell::new(0),
                ended: Cell::new(None),
            },
            take,
        }
    }

    /// Ends a piece of the text; returns whether there is to be another.
    pub(super) fn go_on(&mut self) -> bool {
        if let Some(take) = &mut self.take
            && self.ids.len() >= HANDED
        {
            take(&self.ids);
            self.ids.clear();
        }
        self.checks.go_on()
    }

    /// Returns what was kept, once the rest is handed on.
    pub(super) fn finish(self) -> Result<Vec<u32>, Cancelled> {
        match (self.checks.ended.get(), self.take) {
            (Some(cancelled), _) => Err(cancelled),
            (None, Some(take)) => {
                take(&self.ids);
                Ok(Vec::new())
            }
            (None, None) => Ok(self.ids),
        }
    }
}

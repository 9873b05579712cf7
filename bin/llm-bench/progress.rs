//! What people see while loads are timed: how many rows there will be and which is measured now, where
//! standard error is a terminal. A row is written while the line is out of the way.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use llm_cli::message::draw_around;
use llm_cli::progress::draw;
use llm_cli::stdio::stderr_is_terminal;

/// No colours; the time tells that something goes on.
const LINE: &str = "{pos}/{len} tests [{elapsed}] {msg}";

/// The line of a run.
pub(crate) struct Progress(Option<ProgressBar>);

impl Progress {
    /// Draws a line for so many rows if somebody would see it.
    pub(crate) fn start(rows: usize, is_quiet: bool) -> Self {
        if is_quiet || !stderr_is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::new(rows as u64);
        // A template that does not parse would leave the library's own style.
        if let Ok(style) = ProgressStyle::with_template(LINE) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_secs(1));
        draw(&bar);
        Self(Some(bar))
    }

    /// Says what is measured now.
    pub(crate) fn begin(&self, what: &str) {
        if let Some(bar) = &self.0 {
            bar.set_message(what.to_owned());
        }
    }

    /// Ends a row, which is written where the line stood.
    pub(crate) fn end<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.0 {
            None => write(),
            Some(bar) => {
                bar.inc(1);
                bar.suspend(write)
            }
        }
    }
}

/// However a run ends, what comes next starts on a clean line.
impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = self.0.take() {
            draw_around(None);
            bar.finish_and_clear();
        }
    }
}

//! What people see while a model is fetched, hashed or copied: a bar where
//! standard error is a terminal, one note a step elsewhere, nothing if they
//! asked for quiet. Ctrl-C is passed on to the store here.

use std::fmt::Display;
use std::ops::ControlFlow;

use indicatif::{ProgressBar, ProgressStyle};
use llm_cli::Messages;
use llm_cli::signal::Interrupt;
use llm_cli::stdio::stderr_is_terminal;
use llm_store::Event;

use crate::show::size;

/// No colours and no spinner: the bar is all that moves.
const TEMPLATE: &str = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";

/// The bar of the step under way.
pub(crate) struct Progress {
    messages: Messages,
    interrupt: Interrupt,
    with_bar: bool,
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(crate) fn new(messages: Messages, interrupt: Interrupt, quiet: bool) -> Self {
        Self {
            messages,
            interrupt,
            with_bar: stderr_is_terminal() && !quiet,
            bar: None,
        }
    }

    /// Shows an event of the store and says whether it shall go on.
    pub(crate) fn receive(&mut self, event: Event<'_>) -> ControlFlow<()> {
        match event {
            Event::Waiting { file } => self.messages.note(format_args!(
                "another program is fetching '{file}'; waiting for it"
            )),
            Event::Fetching { file, total_bytes } => self.start("fetching", file, total_bytes),
            Event::Hashing {
                file, total_bytes, ..
            } => self.start("hashing", file, total_bytes),
            Event::Copying { file, total_bytes } => self.start("copying", file, total_bytes),
            Event::Advanced { bytes } => {
                if let Some(bar) = &self.bar {
                    bar.inc(bytes);
                }
            }
            Event::Finished => self.clear(),
            // A step of a later store: nothing to show.
            _ => {}
        }
        if self.interrupt.is_set() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    /// Takes the bar away, so that what comes next starts on a clean line.
    pub(crate) fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// Warns beside the bar.
    pub(crate) fn warn(&mut self, sentence: impl Display) {
        self.clear();
        self.messages.warning(sentence);
    }

    fn start(&mut self, doing: &str, file: &str, total_bytes: u64) {
        self.clear();
        if !self.with_bar {
            self.messages
                .note(format_args!("{doing} '{file}' ({})", size(total_bytes)));
            return;
        }
        let bar = ProgressBar::new(total_bytes).with_message(format!("{doing} {file}"));
        // A template that does not parse would leave the library's own style.
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style.progress_chars("=> "));
        }
        self.bar = Some(bar);
    }
}

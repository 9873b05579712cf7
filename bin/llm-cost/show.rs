//! Answers → standard output: JSON lines for programs, text for people.

use llm_cli::Reads;
use llm_cli::args::{Format, FormatArgs};
use llm_cli::message::printable;
use llm_cli::stdio::{Sink, StdioError, stdout_is_terminal};
use llm_cost::record::{Body, Cost};
use llm_record::LineWriter;

/// Where answers go.
pub(crate) struct Writer {
    lines: LineWriter<Sink>,
    is_text: bool,
}

impl Writer {
    /// Opens standard output: records unless text is asked for or somebody watches.
    pub(crate) fn open(args: FormatArgs, reads: &Reads) -> Result<Self, StdioError> {
        reads.refuse_stdout()?;
        let is_text = match args.asked() {
            Format::Auto => stdout_is_terminal(),
            Format::Jsonl => false,
            Format::Text => true,
        };
        let lines = LineWriter::new(Sink::stdout()?);
        Ok(Self { lines, is_text })
    }

    /// Writes an answer's records, or its text.
    pub(crate) fn answer(
        &mut self,
        bodies: Vec<Body>,
        text: impl FnOnce(&[Body]) -> String,
    ) -> Result<(), StdioError> {
        if self.is_text {
            return self.text(&text(&bodies));
        }
        for body in bodies {
            let written = self.lines.record(&Cost::from(body));
            self.checked(written)?;
        }
        Ok(())
    }

    /// Writes a text, whatever the form.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), StdioError> {
        let written = self.lines.text(&printable(text), "");
        self.checked(written)
    }

    fn checked(&self, result: std::io::Result<()>) -> Result<(), StdioError> {
        result.map_err(|error| StdioError::write(self.lines.sink().name(), error))
    }
}

//! Rows → standard output or a file: records, or llama-bench's table.

use llm_cli::parser::bench::BenchOutputArgs;
use llm_cli::stdio::{Sink, StdioError, stdout_is_terminal};
use llm_cli::{BenchFormat, Messages, Reads, Replaces};
use llm_measure::table;
use llm_record::{Bench, LineWriter, Record};

/// Where rows go.
pub(crate) struct Writer {
    lines: LineWriter<Sink>,
    table: bool,
    begun: bool,
    messages: Messages,
}

impl Writer {
    /// Opens the output of records of type `kind`, or of a table.
    pub(crate) fn open(
        args: &BenchOutputArgs,
        kind: &str,
        reads: &Reads,
        messages: Messages,
    ) -> Result<Self, StdioError> {
        let table = match args.format {
            BenchFormat::Auto => args.output.is_none() && stdout_is_terminal(),
            BenchFormat::Jsonl => false,
            BenchFormat::Md => true,
        };
        let sink = match &args.output {
            Some(path) => {
                let kind = (!table).then_some(kind);
                Sink::create(path, reads, Replaces::choose(args.overwrite, kind))?
            }
            None => {
                reads.refuse_stdout()?;
                Sink::stdout()?
            }
        };
        Ok(Self {
            lines: LineWriter::new(sink),
            table,
            begun: false,
            messages,
        })
    }

    pub(crate) fn reader_gone(&self) -> bool {
        self.lines.sink().reader_gone()
    }

    /// Writes a row; before the first one of a table its head.
    pub(crate) fn row(&mut self, row: Bench) -> Result<(), StdioError> {
        if !self.table {
            return self.record(&Record::from(row));
        }
        if let Some(error) = &row.error {
            self.messages.error(&error.message);
        }
        if !self.begun {
            self.begun = true;
            table::head().iter().try_for_each(|line| self.text(line))?;
        }
        self.text(&table::row(&row))
    }

    /// Writes a record, or what is told of it in the text form.
    pub(crate) fn record_or(&mut self, record: &Record, text: &str) -> Result<(), StdioError> {
        if self.table {
            return self.text(text);
        }
        self.record(record)
    }

    fn record(&mut self, record: &Record) -> Result<(), StdioError> {
        let result = self.lines.record(record);
        self.checked(result)
    }

    fn text(&mut self, text: &str) -> Result<(), StdioError> {
        let result = self.lines.text(text, "\n");
        self.checked(result)
    }

    /// Ends the output: a file that nothing was written to is emptied.
    pub(crate) fn finish(mut self) -> Result<(), StdioError> {
        let result = self.lines.sink_mut().finish();
        self.checked(result)
    }

    fn checked(&self, result: std::io::Result<()>) -> Result<(), StdioError> {
        result.map_err(|error| StdioError::write(self.lines.sink().name(), error))
    }
}

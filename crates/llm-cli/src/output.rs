//! Closing records and pieces → standard output or a file, as records or as text, in whole writes.
//! Which of the two was chosen by `format`; what goes wrong in text form is told by `message`.

mod sentence;
mod table;

use jiff::Timestamp;
use llm_record::{
    BatchOutput, Completion, Delta, Failed, LineWriter, Record, Reply, Routed, counted,
};
use serde_json::Value;

use self::table::Table;
use crate::args::OutputArgs;
use crate::input::Columns;
use crate::message::Messages;
use crate::output_format::OutputFormat;
use crate::reads::Reads;
use crate::replaces::Replaces;
use crate::stdio::{Sink, StdioError};

/// What a closing record goes through before it is written.
pub type ChangeRecord = Box<dyn FnMut(&mut Record) -> Result<(), StdioError>>;

/// The same, and can be printed.
struct Change(Option<ChangeRecord>);

impl std::fmt::Debug for Change {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Change({})", self.0.is_some())
    }
}

/// Where answers go.
#[derive(Debug)]
pub struct Output {
    writer: LineWriter<Sink>,
    form: OutputFormat,
    /// What ends a text.
    end: &'static str,
    messages: Messages,
    /// Whether requests are answered at all; a count, and a prompt that is shown, are records of our own.
    answers: bool,
    /// The answer under way, as far as its pieces came; text form only.
    answer: String,
    /// What closing records go through first.
    change: Change,
    /// The rows that answers stand in, where the output is a table.
    table: Option<Table>,
    /// Warns where a text has line ends, since each of many answers is to be a line.
    warns_of_lines: bool,
    /// How many bytes of it are written. Line ends at its end wait, since text ends with exactly one.
    written: usize,
}

impl Output {
    /// Opens the output of a run with records of type `kind`. A file keeps what it held until the first
    /// write.
    ///
    /// # Errors
    /// As [`Sink::create`]; [`StdioError::SameFile`] where standard output is read, too.
    pub fn open(
        args: &OutputArgs,
        form: OutputFormat,
        kind: &str,
        reads: &Reads,
        messages: Messages,
    ) -> Result<Self, StdioError> {
        let sink = match &args.output {
            Some(path) => {
                let kind = (!form.is_text()).then_some(kind);
                Sink::create(path, reads, Replaces::choose(args.overwrite, kind))?
            }
            None => {
                reads.refuse_stdout()?;
                Sink::stdout()?
            }
        };
        Ok(Self::onto(sink, args, form, messages))
    }

    /// Writes to what is open already.
    #[must_use]
    pub fn onto(sink: Sink, args: &OutputArgs, form: OutputFormat, messages: Messages) -> Self {
        Self {
            writer: LineWriter::new(sink),
            form,
            end: if args.null { "\0" } else { "\n" },
            messages,
            answers: !args.count && !args.show_prompt,
            answer: String::new(),
            change: Change(None),
            table: None,
            warns_of_lines: false,
            written: 0,
        }
    }

    /// Takes the columns of the input, which a table goes on with.
    #[must_use]
    pub fn with_columns(self, columns: Columns) -> Self {
        let table = match self.form {
            OutputFormat::Table { delimiter } => Some(Table::new(columns, delimiter)),
            _ => None,
        };
        Self { table, ..self }
    }

    /// Warns once where an answer of several has line ends and the output has a line for each.
    #[must_use]
    pub fn of_many(self) -> Self {
        Self {
            warns_of_lines: self.form.is_text() && self.table.is_none() && self.end == "\n",
            ..self
        }
    }

    /// Lets closing records go through `change` before they are written, in the order in which they are.
    #[must_use]
    pub fn through(self, change: ChangeRecord) -> Self {
        Self {
            change: Change(Some(change)),
            ..self
        }
    }

    /// Syncs a durable output, if that is due.
    ///
    /// # Errors
    /// [`StdioError::Write`].
    pub fn sync(&mut self) -> Result<(), StdioError> {
        let result = self.writer.sink_mut().sync(false);
        self.checked(result)
    }

    /// Whether [`Output::piece`] does anything.
    #[must_use]
    pub fn wants_pieces(&self) -> bool {
        self.form.wants_pieces()
    }

    /// Whether the reader has closed, so that no answer can reach it any more; for long steps to ask
    /// between two writes.
    #[must_use]
    pub fn reader_gone(&self) -> bool {
        self.writer.sink().reader_gone()
    }

    /// Writes a piece of the answer under way, if pieces are wanted. Text never holds reasoning.
    ///
    /// # Errors
    /// [`StdioError::Write`]; [`StdioError::Ended`] where the reader has closed.
    pub fn piece(&mut self, delta: Routed<Delta>) -> Result<(), StdioError> {
        match self.form {
            // A batch file has a place for whole answers only.
            OutputFormat::Records { .. } if delta.reply != Reply::Own => Ok(()),
            OutputFormat::Records { deltas: true } => self.record(&delta.map(Record::from)),
            OutputFormat::Text { streamed: true } => {
                self.answer.push_str(&delta.record.text);
                let ready = self.answer.trim_end_matches('\n').len();
                if ready <= self.written {
                    return Ok(());
                }
                let result = self.writer.text(&self.answer[self.written..ready], "");
                self.written = ready;
                self.checked(result)
            }
            OutputFormat::Records { deltas: false }
            | OutputFormat::Text { streamed: false }
            | OutputFormat::Table { .. } => Ok(()),
        }
    }

    /// Writes the record that closes a request; in text form a completion's text, a count's number, or
    /// an error's sentence on standard error. A record that does not say when it was closed says so
    /// from here on.
    ///
    /// # Errors
    /// [`StdioError::Write`]; [`StdioError::Ended`] where the reader has closed.
    pub fn close(&mut self, routed: &mut Routed<Record>) -> Result<(), StdioError> {
        routed.record.close_at(Timestamp::now().as_second());
        if let Change(Some(change)) = &mut self.change {
            change(&mut routed.record)?;
        }
        self.write(routed)
    }

    fn write(&mut self, routed: &Routed<Record>) -> Result<(), StdioError> {
        if let Some(table) = &mut self.table {
            let row = table.row(&routed.record);
            return self.bytes(&row);
        }
        if !self.form.is_text() {
            return self.record(routed);
        }
        match &routed.record {
            Record::Completion(completion) => {
                self.tell_cut(completion);
                if completion.json.is_none() {
                    self.tell_lines(completion);
                }
                if let (Some(value), false) = (&completion.json, self.wants_pieces()) {
                    return self.end_text(&value.to_string());
                }
                // The pieces are the start of the text, so what is left of it is written.
                let text = completion.text.trim_end_matches('\n');
                let mut rest = text.get(self.written..).unwrap_or_default().to_owned();
                for call in &completion.tool_calls {
                    if !text.is_empty() || !rest.is_empty() {
                        rest.push('\n');
                    }
                    rest.push_str(&serde_json::json!(call.function).to_string());
                }
                self.end_text(&rest)
            }
            Record::Prompt(prompt) => self.end_text(prompt.text.trim_end_matches('\n')),
            Record::Count(count) => self.end_text(&count.usage.prompt_tokens.to_string()),
            Record::Model(model) => self.end_text(&model.name),
            Record::Replay(replay) => match sentence::difference(replay) {
                Some(told) => self.end_text(&told),
                None => Ok(()),
            },
            // The other programs' records have their own writers.
            Record::Delta(_)
            | Record::Tokens(_)
            | Record::Bench(_)
            | Record::Perplexity(_)
            | Record::Embedding(_) => Ok(()),
            Record::Hit(hit) => self.end_text(&sentence::found(hit.score, &[&hit.found])),
            Record::Pair(pair) => self.end_text(&sentence::found(pair.score, &[&pair.a, &pair.b])),
            Record::Estimate(estimate) => self.end_text(&sentence::expected(estimate)),
            Record::Error(error) => self.failed(&error.error.message),
        }
    }

    /// Closes a request as failed.
    ///
    /// # Errors
    /// As [`Output::close`].
    pub fn fail(&mut self, failed: Failed) -> Result<(), StdioError> {
        self.close(&mut failed.map(Record::from))
    }

    /// Passes an `error` record of an earlier stage on, as it came.
    ///
    /// # Errors
    /// As [`Output::close`].
    pub fn pass(&mut self, line: &str) -> Result<(), StdioError> {
        if !self.form.is_text() {
            let result = self.writer.text(line, "\n");
            return self.checked(result);
        }
        let message = serde_json::from_str::<Value>(line)
            .ok()
            .and_then(|record| Some(record.pointer("/error/message")?.as_str()?.to_owned()))
            .unwrap_or_else(|| "an earlier program failed on this request".to_owned());
        if let Some(table) = &mut self.table {
            let row = table.failed(&message);
            return self.bytes(&row);
        }
        self.failed(&message)
    }

    /// Ends the output: a file that nothing was written to is emptied, a durable one is synced.
    ///
    /// # Errors
    /// [`StdioError::Write`].
    pub fn finish(mut self) -> Result<(), StdioError> {
        if let Some(header) = self.table.as_mut().map(Table::end)
            && !header.is_empty()
        {
            self.bytes(&header)?;
        }
        let sink = self.writer.sink_mut();
        let result = sink.finish().and_then(|()| sink.sync(true));
        self.checked(result)
    }

    /// Tells people of a failure. Standard output stays empty, but a text that is begun is ended, so
    /// that what comes next does not stand on its line.
    fn failed(&mut self, sentence: &str) -> Result<(), StdioError> {
        let ended = match self.written {
            0 => Ok(()),
            _ => self.end_text(""),
        };
        self.answer.clear();
        self.messages.error(sentence);
        ended
    }

    /// Says what was cut from a text, where the output cannot say it.
    fn tell_cut(&self, completion: &Completion) {
        if let Some(cut) = completion.truncated {
            self.messages.warning(format_args!(
                "the text of line {} does not fit the context; {} cut from its {}",
                completion.line,
                counted(cut.tokens, "token was", "tokens were"),
                cut.place
            ));
        }
    }

    /// Says that an answer takes more than its line, once.
    fn tell_lines(&mut self, completion: &Completion) {
        if self.warns_of_lines && completion.text.trim_end_matches('\n').contains('\n') {
            self.warns_of_lines = false;
            self.messages.warning(format_args!(
                "the answer to line {} has line ends, so that the output has more lines than the input; -0 ends \
                 each answer with NUL, and without -T each is a record",
                completion.line
            ));
        }
    }

    /// Writes what is ready as it is.
    fn bytes(&mut self, bytes: &[u8]) -> Result<(), StdioError> {
        let text = String::from_utf8_lossy(bytes);
        let result = self.writer.text(&text, "");
        self.checked(result)
    }

    fn end_text(&mut self, rest: &str) -> Result<(), StdioError> {
        self.answer.clear();
        self.written = 0;
        let result = self.writer.text(rest, self.end);
        self.checked(result)
    }

    /// Writes a record in the format in which its request is answered.
    fn record(&mut self, routed: &Routed<Record>) -> Result<(), StdioError> {
        let batch = BatchOutput::of(routed).filter(|_| self.answers);
        let result = match batch {
            Some(line) => self.writer.record(&line),
            None => self.writer.record(&routed.record),
        };
        self.checked(result)
    }

    fn checked(&self, result: std::io::Result<()>) -> Result<(), StdioError> {
        result.map_err(|error| StdioError::write(self.writer.sink().name(), error))
    }
}

#[cfg(test)]
mod tests;

//! Closing records and pieces → standard output or a file, as records or as text, in whole writes.
//! Which of the two was chosen by `format`; what goes wrong in text form is told by `message`.

use llm_record::{
    BatchOutput, Completion, Delta, ErrorRecord, Estimate, Found, LineWriter, Part, Record, Replay,
    Reply,
};
use serde_json::Value;

use crate::args::OutputArgs;
use crate::format::Form;
use crate::memory::gib;
use crate::message::Messages;
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
    form: Form,
    /// What ends a text.
    end: &'static str,
    messages: Messages,
    /// Whether requests are answered at all; a count, and a prompt that is shown, are records of our own.
    answers: bool,
    /// The answer under way, as far as its pieces came; text form only.
    answer: String,
    /// What closing records go through first.
    change: Change,
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
        form: Form,
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
    pub fn onto(sink: Sink, args: &OutputArgs, form: Form, messages: Messages) -> Self {
        Self {
            writer: LineWriter::new(sink),
            form,
            end: if args.null { "\0" } else { "\n" },
            messages,
            answers: !args.count && !args.show_prompt,
            answer: String::new(),
            change: Change(None),
            written: 0,
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
    pub fn piece(&mut self, delta: Delta) -> Result<(), StdioError> {
        match self.form {
            // A batch file has a place for whole answers only.
            Form::Records { .. } if delta.reply != Reply::Own => Ok(()),
            Form::Records { deltas: true } => self.record(&Record::from(delta)),
            Form::Text { streamed: true } => {
                self.answer.push_str(&delta.text);
                let ready = self.answer.trim_end_matches('\n').len();
                if ready <= self.written {
                    return Ok(());
                }
                let result = self.writer.text(&self.answer[self.written..ready], "");
                self.written = ready;
                self.checked(result)
            }
            Form::Records { deltas: false } | Form::Text { streamed: false } => Ok(()),
        }
    }

    /// Writes the record that closes a request; in text form a completion's text, a count's number, or
    /// an error's sentence on standard error.
    ///
    /// # Errors
    /// [`StdioError::Write`]; [`StdioError::Ended`] where the reader has closed.
    pub fn close(&mut self, record: &Record) -> Result<(), StdioError> {
        let Change(Some(change)) = &mut self.change else {
            return self.write(record);
        };
        let mut record = record.clone();
        change(&mut record)?;
        self.write(&record)
    }

    fn write(&mut self, record: &Record) -> Result<(), StdioError> {
        if !self.form.is_text() {
            return self.record(record);
        }
        match record {
            Record::Completion(completion) => {
                self.tell_cut(completion);
                // The pieces are the start of the text, so what is left of it is written.
                let text = completion.text.trim_end_matches('\n');
                let rest = text.get(self.written..).unwrap_or_default();
                self.end_text(rest)
            }
            Record::Prompt(prompt) => self.end_text(prompt.text.trim_end_matches('\n')),
            Record::Count(count) => self.end_text(&count.usage.prompt_tokens.to_string()),
            Record::Model(model) => self.end_text(&model.name),
            Record::Replay(replay) => match difference(replay) {
                Some(sentence) => self.end_text(&sentence),
                None => Ok(()),
            },
            // The other programs' records have their own writers.
            Record::Delta(_)
            | Record::Tokens(_)
            | Record::Bench(_)
            | Record::Perplexity(_)
            | Record::Embedding(_) => Ok(()),
            Record::Hit(hit) => self.end_text(&found(hit.score, &[&hit.found])),
            Record::Pair(pair) => self.end_text(&found(pair.score, &[&pair.a, &pair.b])),
            Record::Estimate(estimate) => self.end_text(&expected(estimate)),
            Record::Error(error) => self.failed(&error.error.message),
        }
    }

    /// Closes a request as failed.
    ///
    /// # Errors
    /// As [`Output::close`].
    pub fn fail(&mut self, record: ErrorRecord) -> Result<(), StdioError> {
        self.close(&Record::from(record))
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
            .unwrap_or_else(|| "an earlier program failed at this request".to_owned());
        self.failed(&message)
    }

    /// Ends the output: a file that nothing was written to is emptied, a durable one is synced.
    ///
    /// # Errors
    /// [`StdioError::Write`].
    pub fn finish(mut self) -> Result<(), StdioError> {
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
                "the text of line {} does not fit the context; {} tokens are cut from its {}",
                completion.line, cut.tokens, cut.place
            ));
        }
    }

    fn end_text(&mut self, rest: &str) -> Result<(), StdioError> {
        self.answer.clear();
        self.written = 0;
        let result = self.writer.text(rest, self.end);
        self.checked(result)
    }

    /// Writes a record in the format in which its request is answered.
    fn record(&mut self, record: &Record) -> Result<(), StdioError> {
        let batch = BatchOutput::of(record).filter(|_| self.answers);
        let result = match batch {
            Some(line) => self.writer.record(&line),
            None => self.writer.record(record),
        };
        self.checked(result)
    }

    fn checked(&self, result: std::io::Result<()>) -> Result<(), StdioError> {
        result.map_err(|error| StdioError::write(self.writer.sink().name(), error))
    }
}

/// Returns what a run would take, as a sentence.
fn expected(estimate: &Estimate) -> String {
    let mut text = format!(
        "{} lines, {} prompt tokens ({} of each line's shared), at most {} generated, {} of memory",
        estimate.lines,
        estimate.prompt_tokens,
        estimate.shared_prefix_tokens,
        estimate.max_completion_tokens,
        gib(estimate.memory.total()),
    );
    if let Some(hours) = estimate.hours {
        text.push_str(&format!(", {hours:.3} hours at the measured speed"));
    }
    if let Some(kwh) = estimate.kwh {
        text.push_str(&format!(", {kwh:.3} kWh"));
    }
    if let Some(cloud) = &estimate.cloud {
        text.push_str(&format!(
            ", at most {:.4} dollars with {}",
            cloud.usd, cloud.id
        ));
    }
    text
}

/// Returns texts that were found as a line for people: the score, and name and text of each, tabs
/// between. What would steer a terminal, and line ends, are spaces.
fn found(score: f32, texts: &[&Found]) -> String {
    let mut line = format!("{score:.4}");
    for text in texts {
        line.push('\t');
        line.push_str(&text.name());
        if let Some(text) = &text.text {
            line.push('\t');
            line.push_str(text.trim());
        }
    }
    let plain = |letter: char| {
        if letter.is_control() && letter != '\t' {
            ' '
        } else {
            letter
        }
    };
    line.chars().map(plain).collect()
}

/// Returns what differs in an answer that was given again, as `cmp` would say it; nothing where it is
/// the same.
fn difference(replay: &Replay) -> Option<String> {
    if replay.same {
        return None;
    }
    let line = replay.line;
    let part = match replay.differs {
        None => return Some(format!("line {line} has no answer to compare with")),
        Some(Part::ReasoningContent) => "the reasoning",
        Some(Part::FinishReason) => "why the answer ends",
        Some(_) => "the answer",
    };
    let at = replay.first_difference.unwrap_or(0);
    Some(format!("line {line} differs: {part}, from byte {at} on"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::RunArgs;

    const COMPLETION: &str = r#"{"type":"completion","line":1,"text":"a\n\nb\n\n","finish_reason":"stop",
        "usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2},
        "metrics":{"generation_time_ms":1.0},"created":0,"request_digest":"d",
        "model":{"name":"m","digest":"d","architecture":"llama","file":"f","template":"chat"},
        "sampling":{"greedy":true,"temperature":0.0,"top_k":0,"top_p":1.0,"min_p":0.0,
        "repeat_penalty":1.0,"repeat_last_n":64,"seed":0,"max_tokens":1024},
        "build":{"version":"0","simd":"scalar","device":"cpu","threads":1}}"#;

    fn opened(args: &OutputArgs) -> Output {
        let form = Form::choose(args, true, false).unwrap();
        let (reads, messages) = (Reads::default(), Messages::new("llm-run"));
        Output::open(args, form, "completion", &reads, messages).unwrap()
    }

    /// Returns what a file holds after the steps.
    fn written(flags: &[&str], steps: impl FnOnce(&mut Output)) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("output");
        let all = ["llm-run", "-o", path.to_str().unwrap()];
        let args = RunArgs::try_parse_from(all.iter().chain(flags))
            .unwrap()
            .output;
        let mut output = opened(&args);
        steps(&mut output);
        output.finish().unwrap();
        std::fs::read_to_string(&path).unwrap()
    }

    fn completion() -> Record {
        serde_json::from_str(COMPLETION).unwrap()
    }

    fn pieces(output: &mut Output, texts: &[&str]) {
        for text in texts {
            let text = (*text).to_owned();
            output
                .piece(Delta {
                    line: 1,
                    text,
                    ..Delta::default()
                })
                .unwrap();
        }
    }

    fn failure() -> ErrorRecord {
        ErrorRecord::new(
            1,
            None,
            llm_record::ErrorCode::GenerationFailed,
            "it failed",
        )
    }

    #[test]
    fn text_is_the_answer_and_one_line_end() {
        assert_eq!(
            written(&["-T"], |out| out.close(&completion()).unwrap()),
            "a\n\nb\n"
        );
        assert_eq!(
            written(&["-T", "-0"], |out| out.close(&completion()).unwrap()),
            "a\n\nb\0"
        );
    }

    #[test]
    fn streamed_text_equals_whole_text() {
        for cut in [
            &["a\n\nb\n\n"] as &[_],
            &["a", "\n", "\n", "b", "\n", "\n"],
            &["a\n", "\nb\n"],
            &[],
        ] {
            let text = written(&["-T", "--stream"], |out| {
                for _ in 0..2 {
                    pieces(out, cut);
                    out.close(&completion()).unwrap();
                }
            });
            assert_eq!(text, "a\n\nb\na\n\nb\n", "{cut:?}");
        }
    }

    #[test]
    fn an_error_leaves_text_empty_and_closes_records() {
        assert_eq!(written(&["-T"], |out| out.fail(failure()).unwrap()), "");
        assert_eq!(written(&["-T"], |out| out.pass("{}").unwrap()), "");
        let begun = written(&["-T", "--stream"], |out| {
            pieces(out, &["a"]);
            out.fail(failure()).unwrap();
        });
        assert_eq!(begun, "a\n");
        let records = written(&["--stream"], |out| {
            pieces(out, &["a"]);
            out.fail(failure()).unwrap();
            out.pass("{ \"kept\": 1.0 }").unwrap();
        });
        let kinds: Vec<_> = records
            .lines()
            .map(|line| &line[..15.min(line.len())])
            .collect();
        assert_eq!(
            kinds,
            [
                r#"{"type":"delta""#,
                r#"{"type":"error""#,
                "{ \"kept\": 1.0 }"
            ]
        );
    }

    #[test]
    fn a_batch_file_is_answered_in_its_form() {
        let steps = |out: &mut Output| {
            let Record::Completion(mut answer) = completion() else {
                panic!("no completion");
            };
            answer.reply = Reply::ChatCompletion;
            out.piece(Delta {
                reply: Reply::ChatCompletion,
                ..Delta::default()
            })
            .unwrap();
            out.close(&Record::Completion(answer)).unwrap();
            let mut failed = failure();
            failed.reply = Reply::ChatCompletion;
            out.fail(failed).unwrap();
        };
        let lines = written(&["--stream"], steps);
        let lines: Vec<_> = lines.lines().collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].starts_with(r#"{"id":"batch_req_d","custom_id":null,"response":{"#));
        assert!(
            lines[1].starts_with(r#"{"id":"batch_req_line_1","custom_id":null,"response":null"#)
        );
        // A count is a record of our own, and so is what closes the others of its run.
        let counted = written(&["--count", "--format", "jsonl"], steps);
        assert!(
            counted.lines().all(|line| line.starts_with(r#"{"type":""#)),
            "{counted}"
        );
        // As text there is no form.
        assert_eq!(written(&["-T"], steps), "a\n\nb\n");
    }

    #[test]
    fn a_full_disk_is_an_error_and_a_closed_pipe_is_an_end() {
        let args = RunArgs::try_parse_from(["llm-run", "-o", "/dev/full"])
            .unwrap()
            .output;
        let mut output = opened(&args);
        let error = output.close(&completion()).unwrap_err().to_string();
        assert!(
            error.starts_with("cannot write '/dev/full': No space left"),
            "{error}"
        );
        let closed = StdioError::write("x", std::io::ErrorKind::BrokenPipe.into());
        assert!(matches!(closed, StdioError::Ended(crate::Status::Done)));
    }
}

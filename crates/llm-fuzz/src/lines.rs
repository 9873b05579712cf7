//! What comes in by lines: JSON of three kinds, tables, the flags' own small
//! languages.

use std::io::{BufRead, BufReader, Cursor};

use clap::Parser;
use llm_cli::stdio::InputWatch;
use llm_cli::{Item, Jobs, RunArgs, Told};
use llm_record::csv::{CsvRow, CsvRows};
use llm_record::{
    Fields, Incoming, Json, Line, LineError, Lines, Prompt, Record, Request, Template, Values,
    closed,
};

use crate::scratch::{self, named};

/// The longest line that is read here, so that inputs reach it.
const LIMIT: usize = 1024;

/// Reads requests, OpenAI's batch lines and records of our own as JSON lines.
pub fn requests(data: &[u8]) {
    let read: Vec<_> = lines(Cursor::new(data)).collect();
    // In other pieces it is the same.
    assert!(lines(BufReader::with_capacity(3, data)).eq(read.iter().cloned()));
    let ends = data.iter().filter(|&&byte| byte == b'\n').count();
    assert!(read.len() <= ends + 1);
    for line in read {
        match line.and_then(|line| {
            let _ = closed(&line.text);
            Incoming::parse(line)
        }) {
            Ok(Incoming::Request(request)) => look(&request),
            Ok(Incoming::Failed(line)) => assert!(line.text.len() <= LIMIT),
            Ok(Incoming::Delta) => {}
            Err(error) => refuse(&error),
        }
    }
    jobs("x.jsonl", data, &["--jsonl"]);
    jobs("x.jsonl", data, &["--jsonl", "--slurp", "Do it"]);
    let asks = ["--jsonl", "--template", "{{a.b}} {{text}}", "--keep", "a"];
    jobs("x.jsonl", data, &asks);
    jobs("x.txt", data, &["--lines", "--if-empty", "skip"]);
}

fn lines(reader: impl BufRead) -> impl Iterator<Item = Result<Line, LineError>> {
    Lines::new(reader, LIMIT).map(Result::unwrap)
}

/// Checks that a line's failure can be written as one line of JSON and read
/// again.
fn refuse(error: &LineError) {
    let record = Record::from(error.failed().record);
    let line = serde_json::to_string(&record).unwrap();
    assert!(!line.contains('\n'));
    // An id of more digits than a number has is kept by `closed`, not by this.
    let _: Record = serde_json::from_str(&line).unwrap();
    let closed = closed(&line).unwrap();
    assert!(closed.is_error);
    assert_eq!(closed.id, error.id);
}

fn look(request: &Request) {
    if let Some(Prompt::Messages(messages)) = &request.prompt {
        assert!(!messages.is_empty());
    }
    let _ = request.overrides.check();
    // What was read is JSON, and means the same when it is read again.
    let text = serde_json::to_string(&request.fields).unwrap();
    let number = request.line;
    match Incoming::parse(Line { number, text }) {
        Ok(Incoming::Request(again)) => assert_eq!(&*again, request),
        other => panic!("it was a request, and is {other:?}"),
    }
}

/// Makes jobs of a file, as `llm-run` with these flags does.
fn jobs(name: &str, data: &[u8], flags: &[&str]) {
    scratch::file(name, data, |path| {
        let file = path.to_str().unwrap();
        let limit = LIMIT.to_string();
        let more = ["--max-line-bytes", &limit, "-f", file];
        let args = ["llm-run"].iter().chain(flags).chain(&more);
        let args = RunArgs::try_parse_from(args).unwrap();
        let Ok(jobs) = Jobs::open(&args.input, Told::default(), &InputWatch::default()) else {
            return;
        };
        // One request of all lines comes behind those that failed.
        let in_order = !args.input.slurp;
        let mut last = Some(0);
        for job in jobs {
            match job.unwrap() {
                Item::Run(job) => {
                    assert!(!in_order || Some(job.line) >= last);
                    last = Some(job.line);
                    assert!(!job.messages.is_empty() || job.vectors.is_some());
                }
                Item::Failed(failed) => {
                    assert!(!in_order || failed.record.line >= last);
                    last = failed.record.line;
                }
                Item::Passed(line) => assert!(line.len() <= LIMIT),
            }
        }
    });
}

/// Reads a table, and reads what the same bytes say as the text of its cells.
pub fn csv(data: &[u8]) {
    let read: Vec<_> = rows(Cursor::new(data)).collect();
    assert!(rows(BufReader::with_capacity(3, data)).eq(read.iter().cloned()));
    for row in read {
        match row.and_then(Request::from_row) {
            Ok(request) => assert!(texts(&request.fields).iter().all(Option::is_some)),
            Err(error) => refuse(&error),
        }
    }
    jobs(
        "x.csv",
        data,
        &["--csv", "--template", "{{a}}", "--keep", "b"],
    );
    cells(&String::from_utf8_lossy(data));
}

fn rows(reader: impl BufRead) -> impl Iterator<Item = Result<CsvRow, LineError>> {
    CsvRows::new(reader, LIMIT, None).map(Result::unwrap)
}

/// Writes a table as RFC 4180 has it, whose cells are cut out of a text at
/// U+001F and U+001E, and reads it again.
fn cells(text: &str) {
    let table = text.split('\u{1e}').map(|row| row.split('\u{1f}'));
    let table: Vec<Vec<&str>> = table.map(Iterator::collect).collect();
    let columns = table[0].len();
    if text.len() > LIMIT || table.iter().any(|row| row.len() != columns) {
        return;
    }
    let header: Vec<String> = (0..columns).map(|column| format!("c{column}")).collect();
    let mut written = header.join(",");
    for row in &table {
        let cells = row
            .iter()
            .map(|cell| format!("\"{}\"", cell.replace('"', "\"\"")));
        written.push_str("\r\n");
        written.push_str(&cells.collect::<Vec<_>>().join(","));
    }
    let mut read = rows(Cursor::new(written.as_bytes()));
    for row in &table {
        let found = read.next().unwrap().unwrap();
        let found = texts(&found.fields);
        let wanted: Vec<_> = row.iter().map(|cell| Some(*cell)).collect();
        assert_eq!(found, wanted);
    }
}

/// Returns the values of fields as texts, where they are.
fn texts(fields: &Fields) -> Vec<Option<&str>> {
    let values = fields.keys().map(|name| fields.get(name));
    values.map(|value| value.and_then(Json::as_str)).collect()
}

/// Fills a template over fields: its text in the first line, the fields as JSON
/// behind it.
pub fn fields(data: &[u8]) {
    let (template, json) = named(data);
    let (Ok(template), Ok(fields)) = (
        Template::parse(template),
        serde_json::from_slice::<Fields>(json),
    ) else {
        return;
    };
    let _ = template.is_blank(&fields);
    if let Ok((text, places)) = template.render_places(&fields) {
        assert_eq!(template.render(&fields).as_ref(), Ok(&text));
        let mut end = 0;
        for place in places {
            assert!(end <= place.start && text.get(place.clone()).is_some());
            end = place.end;
        }
    }
}

/// Reads labels to choose from, as the flag and as a field take them.
pub fn choices(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let args = ["llm-run", "--choices", &text, "-p", "x"];
    if let Ok(args) = RunArgs::try_parse_from(args) {
        let choices = args.sampling.settings().choices.unwrap();
        assert_eq!(choices.len(), text.split(',').count());
        assert!(choices.iter().all(|label| !label.trim().is_empty()));
        let mut line = Values::new();
        line.insert("prompt".into(), "x".into());
        line.insert("choices".into(), choices.clone().into());
        let text = serde_json::to_string(&line).unwrap();
        match Incoming::parse(Line { number: 1, text }) {
            Ok(Incoming::Request(request)) => {
                assert_eq!(request.overrides.choices, Some(choices));
            }
            other => panic!("the flag takes it, and the field is {other:?}"),
        }
    }
}

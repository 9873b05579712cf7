//! Tests of what is written, to real files.

use crate::Requests;
use clap::Parser;
use llm_record::{ErrorCode, ErrorRecord};

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
    let form = OutputFormat::choose(args, Requests::One, false).unwrap();
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

fn completion() -> Routed<Record> {
    Routed::own(serde_json::from_str(COMPLETION).unwrap())
}

fn pieces(output: &mut Output, texts: &[&str]) {
    for text in texts {
        let text = (*text).to_owned();
        let delta = Delta {
            line: 1,
            text,
            ..Delta::default()
        };
        output.piece(Routed::new(delta, Reply::Own)).unwrap();
    }
}

fn failure() -> Failed {
    let code = ErrorCode::GenerationFailed;
    Box::new(Routed::own(ErrorRecord::new(1, None, code, "it failed")))
}

#[test]
fn text_is_the_answer_and_one_line_end() {
    assert_eq!(
        written(&["-T"], |out| out.close(&mut completion()).unwrap()),
        "a\n\nb\n"
    );
    assert_eq!(
        written(&["-T", "-0"], |out| out.close(&mut completion()).unwrap()),
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
                out.close(&mut completion()).unwrap();
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
        let mut answer = completion();
        answer.reply = Reply::ChatCompletion;
        out.piece(Routed::new(Delta::default(), Reply::ChatCompletion))
            .unwrap();
        out.close(&mut answer).unwrap();
        let mut failed = failure();
        failed.reply = Reply::ChatCompletion;
        out.fail(failed).unwrap();
    };
    let lines = written(&["--stream"], steps);
    let lines: Vec<_> = lines.lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with(r#"{"id":"batch_req_d","custom_id":null,"response":{"#));
    assert!(lines[1].starts_with(r#"{"id":"batch_req_line_1","custom_id":null,"response":null"#));
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
    let error = output.close(&mut completion()).unwrap_err().to_string();
    assert!(
        error.starts_with("cannot write '/dev/full': No space left"),
        "{error}"
    );
    let closed = StdioError::write("x", std::io::ErrorKind::BrokenPipe.into());
    assert!(matches!(closed, StdioError::Ended(crate::Status::Done)));
}

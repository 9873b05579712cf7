//! Tests of `input`: what flags and files become, by way of real files. Standard input itself is
//! tested on the real programs.

use clap::Parser;
use llm_record::{ErrorCode, ErrorRecord, Failed, Id, Reply};
use serde_json::json;

use super::*;
use crate::RunArgs;

/// Opens `llm-run FLAGS… -f FILE` for a file that holds these bytes.
fn open(flags: &[&str], bytes: &[u8]) -> Result<Jobs, InputError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("input");
    std::fs::write(&path, bytes).unwrap();
    let file = path.to_str().unwrap();
    parse(&[flags, &["-f", file]].concat())
}

fn parse(flags: &[&str]) -> Result<Jobs, InputError> {
    let args = RunArgs::try_parse_from(std::iter::once(&"llm-run").chain(flags)).unwrap();
    Jobs::open(
        &args.input,
        Told {
            system: args.template.system().map(|text| &**text),
            structured: args.structured.told(),
            tools: args.tools.tools.as_ref().map(|tools| &tools.list),
        },
        &InputWatch::default(),
    )
}

fn items(flags: &[&str], bytes: &[u8]) -> Vec<Item> {
    open(flags, bytes).unwrap().map(Result::unwrap).collect()
}

fn job(item: &Item) -> &Job {
    match item {
        Item::Run(job) => job,
        other => panic!("not a job: {other:?}"),
    }
}

fn failed(item: &Item) -> &Failed {
    match item {
        Item::Failed(failed) => failed,
        other => panic!("not a failure: {other:?}"),
    }
}

fn error(item: &Item) -> &ErrorRecord {
    &failed(item).record
}

fn texts(items: &[Item]) -> Vec<String> {
    items.iter().map(|item| job(item).text()).collect()
}

#[test]
fn a_whole_file_is_one_prompt_after_the_instruction() {
    assert_eq!(
        texts(&items(&["Sum up"], b"a\n\nb\n")),
        ["Sum up\n\na\n\nb"]
    );
    assert_eq!(texts(&items(&[], b"\xef\xbb\xbfa\r\n")), ["a"]);
    let all: Vec<_> = parse(&["Sum up", "-p", "text"])
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(texts(&all), ["Sum up\n\ntext"]);
    assert_eq!(
        texts(&items(&["--template", "<{{text}}>"], b"a\n")),
        ["<a>"]
    );
}

#[test]
fn an_empty_input_is_never_answered_unasked() {
    for flags in [&["Sum up"] as &[_], &[], &["--if-empty", "run"]] {
        let error = open(flags, b" \n\n").unwrap_err();
        assert!(
            matches!(error, InputError::Empty { .. }),
            "{flags:?}: {error}"
        );
    }
    assert_eq!(items(&["Sum up", "--if-empty", "skip"], b""), []);
    assert_eq!(
        texts(&items(&["A poem", "--if-empty", "run"], b"")),
        ["A poem"]
    );
    assert!(matches!(
        parse(&["Sum up", "-p", ""]),
        Err(InputError::Empty { .. })
    ));
    assert_eq!(items(&["--lines"], b""), []);
    assert_eq!(items(&["--jsonl"], b"\n"), []);
}

#[test]
fn an_empty_line_of_json_is_a_failed_request_too() {
    let line = br#"{"id":1,"prompt":" "}"#;
    let all = items(&["--jsonl", "Sum up"], line);
    assert_eq!(error(&all[0]).error.code, ErrorCode::EmptyInput);
    assert_eq!(
        items(&["--jsonl", "Sum up", "--if-empty", "skip"], line),
        []
    );
    assert_eq!(
        texts(&items(&["--jsonl", "Sum up", "--if-empty", "run"], line)),
        ["Sum up"]
    );
    let all = items(&["--jsonl", "--if-empty", "run"], line);
    assert_eq!(error(&all[0]).error.code, ErrorCode::EmptyInput);
    let all = items(
        &["--jsonl", "--template", "Sum up: {{body}}"],
        br#"{"body":""}"#,
    );
    assert_eq!(error(&all[0]).error.code, ErrorCode::EmptyInput);
}

#[test]
fn bad_bytes_are_a_failed_request() {
    let all = items(&["Sum up"], b"ab\xff");
    let record = error(&all[0]);
    assert_eq!(
        (record.line, record.error.code),
        (Some(1), ErrorCode::BadUtf8)
    );
    assert!(
        record.error.message.contains("(byte 3)"),
        "{}",
        record.error.message
    );
}

#[test]
fn each_line_is_a_prompt() {
    let all = items(
        &["--lines", "--system", "S", "I"],
        b"a\n\n b\r\n{\"prompt\":\"c\"}",
    );
    assert_eq!(
        texts(&all),
        [
            "S\n\nI\n\na",
            "S\n\nI\n\n b",
            "S\n\nI\n\n{\"prompt\":\"c\"}"
        ]
    );
    assert_eq!(
        all.iter().map(|item| job(item).line).collect::<Vec<_>>(),
        [1, 3, 4]
    );
}

#[test]
fn lines_of_several_files_are_numbered_through_and_never_joined() {
    let folder = tempfile::tempdir().unwrap();
    let mut flags = vec!["--lines".to_owned()];
    for (name, bytes) in [("one", "a\n\nb"), ("two", "\u{feff}c\n")] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        flags.extend(["-f".to_owned(), path.to_str().unwrap().to_owned()]);
    }
    let flags: Vec<_> = flags.iter().map(String::as_str).collect();
    let all: Vec<_> = parse(&flags).unwrap().map(Result::unwrap).collect();
    assert_eq!(texts(&all), ["a", "b", "c"]);
    assert_eq!(job(&all[2]).line, 4);
}

#[test]
fn every_json_line_becomes_one_item_and_a_bad_one_stops_nothing() {
    let lines = concat!(
        r#"{"id":"a","prompt":"x","seed":7}"#,
        "\n",
        r#"{"id":"b","prompt":"#,
        "\n",
        r#"{"custom_id":"c","title":"t"}"#,
        "\n",
        r#"{"type":"error","schema_version":1, "id":"d","error":{"code":"x","message":"m"}}"#,
        "\n",
        r#"{"type":"delta","schema_version":1,"id":"e","text":"E"}"#,
        "\n",
        r#"{"type":"completion","schema_version":1,"id":"e","text":"E","input":{"k":1}}"#,
        "\n",
    );
    let all = items(
        &["--jsonl", "--keep", "id", "--keep", "nothing"],
        lines.as_bytes(),
    );
    assert_eq!(all.len(), 5);
    assert_eq!(
        job(&all[0]).overrides.seed,
        Some(llm_record::Seed::Fixed(7))
    );
    assert_eq!(json!(job(&all[0]).input), json!({"id": "a"}));
    let bad = error(&all[1]);
    assert_eq!(
        (bad.error.code, bad.id.clone()),
        (ErrorCode::BadJson, Some(Id::Text("b".into())))
    );
    let bad = error(&all[2]);
    assert_eq!(bad.error.code, ErrorCode::BadRequest);
    assert!(
        bad.error.message.contains("--template"),
        "{}",
        bad.error.message
    );
    assert_eq!(all[3], Item::Passed(lines.lines().nth(3).unwrap().into()));
    assert_eq!(json!(job(&all[4]).input), json!({"k": 1, "id": "e"}));
    assert_eq!((job(&all[4]).line, job(&all[4]).text()), (6, "E".into()));
}

#[test]
fn a_template_is_filled_from_the_line_and_a_missing_field_is_named() {
    let lines = b"{\"id\":1,\"t\":{\"a\":\"A\"},\"n\":3}\n{\"id\":2,\"n\":4}\n";
    let flags = [
        "--jsonl",
        "Sort",
        "--template",
        "{{t.a}} {{n}}",
        "--keep",
        "n",
    ];
    let all = items(&flags, lines);
    assert_eq!(job(&all[0]).text(), "Sort\n\nA 3");
    let bad = error(&all[1]);
    assert_eq!(bad.error.code, ErrorCode::MissingField);
    assert!(
        bad.error.message.contains("'{{t.a}}'"),
        "{}",
        bad.error.message
    );
    assert_eq!(json!(bad.input), json!({"n": 4}));
    let broken = open(&["--template", "{{t"], b"x").unwrap_err();
    assert!(broken.to_string().starts_with("--template: "), "{broken}");
}

#[test]
fn instruction_and_system_text_join_a_conversation() {
    let messages = |line: &[u8]| {
        let all = items(&["--jsonl", "--system", "S", "I"], line);
        let job = job(&all[0]).clone();
        job.messages
            .into_iter()
            .map(|message| (message.role, message.content.unwrap()))
            .collect::<Vec<_>>()
    };
    let pair = |role: &str, content: &str| (role.to_owned(), content.to_owned());
    assert_eq!(
        messages(
            br#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},
            {"role":"user","content":"c"}]}"#
                .map(|byte| if byte == b'\n' { b' ' } else { byte })
                .as_slice()
        ),
        [
            pair("system", "S"),
            pair("user", "I\n\na"),
            pair("assistant", "b"),
            pair("user", "c")
        ]
    );
    assert_eq!(
        messages(br#"{"messages":[{"role":"system","content":"own"}]}"#),
        [pair("system", "own"), pair("user", "I")]
    );
}

#[test]
fn an_unreadable_file_and_a_long_line() {
    let error = parse(&["-f", "/nowhere/at/all"]).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("cannot read '/nowhere/at/all': "),
        "{error}"
    );
    let all = items(&["--lines", "--max-line-bytes", "4"], b"abcde\nabcd\n");
    assert_eq!(self::error(&all[0]).error.code, ErrorCode::InputTooLong);
    assert_eq!(job(&all[1]).text(), "abcd");
}

#[test]
fn a_line_with_two_prompts_is_refused_unless_a_template_picks() {
    let line = br#"{"prompt":"a","messages":[{"role":"user","content":"b"}]}"#;
    let bad = items(&["--jsonl"], line);
    assert_eq!(error(&bad[0]).error.code, ErrorCode::BadRequest);
    let told = &error(&bad[0]).error.message;
    assert!(told.contains("both 'messages' and 'prompt'"), "{told}");
    assert_eq!(
        texts(&items(&["--jsonl", "--template", "<{{prompt}}>"], line)),
        ["<a>"]
    );
    let null = br#"{"prompt":null,"messages":[{"role":"user","content":"b"}]}"#;
    assert_eq!(texts(&items(&["--jsonl"], null)), ["b"]);
}

#[test]
fn a_field_that_is_not_used_is_told_once() {
    let told = |flags: &[&str], line: &str| {
        let args = RunArgs::try_parse_from([&["llm-run", "--jsonl"], flags].concat()).unwrap();
        let builder = RequestBuilder::new(&args.input, Told::default()).unwrap();
        let mut unused = Unused::default();
        let mut sentences = Vec::new();
        for number in [2, 3] {
            let text = line.to_owned();
            let Ok(Incoming::Request(request)) = Incoming::parse(llm_record::Line { number, text })
            else {
                panic!("no request: {line}");
            };
            sentences.extend(unused.of(&request, &builder));
        }
        sentences
    };
    let line = r#"{"prompt":"x","system":"S","model":"m"}"#;
    let all = told(&[], line);
    assert_eq!(all.len(), 1, "{all:?}");
    assert!(all[0].starts_with("line 2: the field 'model' is not used; "));
    assert_eq!(told(&["--template", "{{system}}"], line), [""; 0]);
    assert_eq!(told(&["--keep", "model"], line).len(), 0);
    let record = r#"{"type":"completion","schema_version":1,"text":"x","model":{"name":"m"}}"#;
    assert_eq!(told(&[], record), [""; 0]);
}

/// A chat and a completion of a batch file, and the body of the first with more keys.
fn batch(more: &str) -> String {
    format!(
        concat!(
            r#"{{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{{"model":"gpt-5","#,
            r#""messages":[{{"role":"user","content":"A"}}],"max_tokens":3{}}}}}"#,
            "\n",
            r#"{{"custom_id":"b","method":"POST","url":"/v1/completions","#,
            r#""body":{{"model":"gpt-5","prompt":"B"}}}}"#,
            "\n",
        ),
        more
    )
}

#[test]
fn a_batch_file_is_known_by_its_lines() {
    let lines = format!("{}{}\n", batch(""), r#"{"id":"c","prompt":"C"}"#);
    let all = items(&["--jsonl", "I"], lines.as_bytes());
    assert_eq!(texts(&all), ["I\n\nA", "I\n\nB", "I\n\nC"]);
    let jobs: Vec<_> = all.iter().map(job).collect();
    let replies = [Reply::ChatCompletion, Reply::TextCompletion, Reply::Own];
    for (job, reply) in jobs.iter().zip(replies) {
        assert_eq!(job.reply, reply);
        assert_eq!(job.is_raw, reply == Reply::TextCompletion);
        assert_eq!(job.failed(ErrorCode::Timeout, "slow").reply, reply);
    }
    assert_eq!(jobs[0].overrides.max_tokens, Some(3));
    assert_eq!(jobs[0].requested_model.as_deref(), Some("gpt-5"));
    // A template sees the whole line.
    let all = items(
        &["--jsonl", "--template", "<{{body.messages.0.content}}>"],
        batch("").lines().next().unwrap().as_bytes(),
    );
    assert_eq!(texts(&all), ["<A>"]);
    assert_eq!(job(&all[0]).reply, Reply::ChatCompletion);
}

#[test]
fn a_failure_in_a_batch_file_is_of_its_form() {
    let lines = format!("{}broken\n{}", batch(r#","n":2"#), r#"{"custom_id":"d"#);
    let all = items(&["--jsonl"], lines.as_bytes());
    let unsupported = error(&all[0]);
    assert_eq!(unsupported.error.code, ErrorCode::UnsupportedField);
    assert_eq!(failed(&all[0]).reply, Reply::ChatCompletion);
    assert_eq!(job(&all[1]).reply, Reply::TextCompletion);
    for item in &all[2..] {
        assert_eq!(error(item).error.code, ErrorCode::BadJson);
        assert_eq!(failed(item).reply, Reply::TextCompletion);
    }
    // Where no line of a batch file came before, the record is one of our own.
    assert_eq!(
        failed(&items(&["--jsonl"], b"broken\n")[0]).reply,
        Reply::Own
    );
}

#[test]
fn keys_of_a_batch_file_that_change_nothing_are_told_once() {
    let args = RunArgs::try_parse_from(["llm-run", "--jsonl"]).unwrap();
    let builder = RequestBuilder::new(&args.input, Told::default()).unwrap();
    let mut unused = Unused::default();
    let mut told = Vec::new();
    for text in batch(r#","user":"u","store":true"#).lines() {
        let line = llm_record::Line {
            number: 2,
            text: text.to_owned(),
        };
        let Ok(Incoming::Request(request)) = Incoming::parse(line) else {
            panic!("{text}");
        };
        told.extend(unused.of(&request, &builder));
    }
    let fields: Vec<_> = told.iter().map(|one| one.split('\'').nth(1)).collect();
    let wanted = ["body.model", "body.user", "body.store"].map(Some);
    assert_eq!(fields, wanted, "{told:?}");
}

#[test]
fn a_row_of_csv_is_a_prompt_with_a_name() {
    let table = "id,title,text\n1,\"a, \"\"b\"\"\",\"x\ny\"\n2,short\n,t,z\n";
    let all = items(&["--csv", "I", "--keep", "title"], table.as_bytes());
    assert_eq!(job(&all[0]).text(), "I\n\nx\ny");
    assert_eq!(job(&all[0]).id, Some(Id::Text("1".into())));
    assert_eq!(json!(job(&all[0]).input), json!({"title": "a, \"b\""}));
    let bad = error(&all[1]);
    assert_eq!((bad.line, bad.error.code), (Some(4), ErrorCode::BadCsv));
    assert_eq!(bad.id, Some(Id::Text("2".into())));
    assert_eq!((job(&all[2]).line, job(&all[2]).id.clone()), (5, None));
    let all = items(&["--csv", "--template", "{{title}}!"], b"title\nRed\n");
    assert_eq!(texts(&all), ["Red!"]);
    let all = items(&["--csv"], b"title\nRed\n");
    assert_eq!(error(&all[0]).error.code, ErrorCode::BadRequest);
    assert_eq!(items(&["--csv"], b""), []);
    assert_eq!(items(&["--csv"], b"title\n"), []);
}

#[test]
fn every_table_has_its_own_header_and_lines_are_numbered_through() {
    let folder = tempfile::tempdir().unwrap();
    let mut flags = vec!["--csv".to_owned()];
    for (name, bytes) in [("one", "text\na"), ("two", "id,text\n7,b\nc\n")] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        flags.extend(["-f".to_owned(), path.to_str().unwrap().to_owned()]);
    }
    let flags: Vec<_> = flags.iter().map(String::as_str).collect();
    let all: Vec<_> = parse(&flags).unwrap().map(Result::unwrap).collect();
    assert_eq!(job(&all[0]).line, 2);
    assert_eq!((job(&all[1]).line, job(&all[1]).text()), (4, "b".into()));
    let bad = error(&all[2]);
    assert_eq!(bad.line, Some(5));
    assert!(bad.error.message.starts_with("line 5 "), "{bad:?}");
}

#[test]
fn all_lines_become_one_request() {
    let chain = concat!(
        r#"{"type":"completion","schema_version":1,"id":"a","text":"One\n"}"#,
        "\n",
        r#"{"type":"error","schema_version":1,"id":"b","error":{"code":"x","message":"m"}}"#,
        "\nbroken\n",
        r#"{"messages":[{"role":"user","content":"x"}]}"#,
        "\n",
        r#"{"prompt":"Two"}"#,
        "\n",
    );
    let flags = ["--jsonl", "--slurp", "Combine"];
    let mut all = items(&flags, chain.as_bytes());
    let combined = all.pop().unwrap();
    assert_eq!(job(&combined).text(), "Combine\n\nOne\n\nTwo");
    assert_eq!((job(&combined).line, job(&combined).id.clone()), (1, None));
    assert!(matches!(&all[0], Item::Passed(line) if line.contains("\"b\"")));
    assert_eq!(error(&all[1]).error.code, ErrorCode::BadJson);
    assert_eq!(error(&all[2]).error.code, ErrorCode::BadRequest);
    assert_eq!(all.len(), 3);
    assert!(open(&flags, b"").unwrap().is_single());

    assert_eq!(
        texts(&items(&["--lines", "--slurp"], b"a\n\nb\n")),
        ["a\n\nb"]
    );
    let table = b"id,title\n1,Red\n2,Blue\n";
    let flags = ["--csv", "--slurp", "--template", "- {{title}}"];
    assert_eq!(texts(&items(&flags, table)), ["- Red\n\n- Blue"]);
    // Without lines the input is one request as it is.
    assert_eq!(texts(&items(&["--slurp"], b"a\n\n\nb\n")), ["a\n\n\nb"]);
}

#[test]
fn nothing_to_put_together() {
    let flags = ["--jsonl", "--slurp", "Combine"];
    let all = items(&flags, b"\n");
    assert_eq!(error(&all[0]).error.code, ErrorCode::EmptyInput);
    let skip = [&flags[..], &["--if-empty", "skip"]].concat();
    assert_eq!(items(&skip, b""), []);
    let run = [&flags[..], &["--if-empty", "run"]].concat();
    assert_eq!(texts(&items(&run, b"")), ["Combine"]);
    // That all lines failed has been said.
    assert_eq!(items(&flags, b"broken\n").len(), 1);
}

/// Returns the text that may be cut.
fn cuttable(job: &Job) -> Option<&str> {
    let place = job.text.as_ref()?;
    let content = job.messages[place.message].content.as_deref()?;
    Some(&content[place.bytes.clone()])
}

#[test]
fn the_text_is_told_from_what_the_flags_add() {
    let all = items(&["Sum up", "--system", "S"], b"a b\n");
    assert_eq!(cuttable(job(&all[0])), Some("a b"));
    let all = items(&["Sum up", "--if-empty", "run"], b" \n");
    assert_eq!(cuttable(job(&all[0])), None);
    let lines = br#"{"t":"short","u":"a longer one"}"#;
    let template = "Is {{u}} or {{t}} better?";
    let all = items(&["--jsonl", "I", "--template", template], lines);
    assert_eq!(cuttable(job(&all[0])), Some("a longer one"));
    let lines = br#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},
        {"role":"user","content":"c"},{"role":"tool","content":"d"}]}"#;
    let lines: Vec<u8> = lines
        .iter()
        .copied()
        .filter(|byte| *byte != b'\n')
        .collect();
    let all = items(&["--jsonl", "I", "--system", "S"], &lines);
    assert_eq!(cuttable(job(&all[0])), Some("c"));
    let all = items(
        &["--jsonl", "I"],
        br#"{"messages":[{"role":"system","content":"a"}]}"#,
    );
    assert_eq!(cuttable(job(&all[0])), None);
}

#[test]
fn a_text_in_pieces_has_a_request_for_each() {
    let count = || Box::new(|text: &str| text.split_whitespace().count());
    let flags = ["--chunk", "8", "Sum up"];
    let jobs = open(&flags, b"1 2 3 4 5 6 7 8 9\n").unwrap();
    assert!(jobs.wants_tokens() && !jobs.is_single());
    let all: Vec<_> = jobs.counting(count()).map(Result::unwrap).collect();
    assert_eq!(texts(&all), ["Sum up\n\n1 2 3 4 5 6 7 8 ", "Sum up\n\n9\n"]);
    assert_eq!(
        json!(job(&all[1]).input),
        json!({"line": 1, "offset": 16, "length": 2})
    );
    assert_eq!(job(&all[1]).line, 2);
    assert_ne!(job(&all[0]).source_digest, job(&all[1]).source_digest);
    let bad = open(&flags, b"a\xff").unwrap();
    assert!(!bad.wants_tokens());
    let all: Vec<_> = bad.map(Result::unwrap).collect();
    assert_eq!(error(&all[0]).error.code, ErrorCode::BadUtf8);
    let skipped = open(&["--chunk", "8", "--if-empty", "skip"], b"\n").unwrap();
    assert!(!skipped.wants_tokens() && skipped.count() == 0);
    assert!(open(&flags, b"\n").is_err());
}

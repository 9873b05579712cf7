//! Tests of what a line becomes.

use super::*;
use crate::Seed;

fn parse(text: &str) -> Result<Incoming, LineError> {
    Incoming::parse(Line {
        number: 3,
        text: text.into(),
    })
}

fn request(text: &str) -> Request {
    match parse(text) {
        Ok(Incoming::Request(request)) => *request,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn a_prompt_has_four_names() {
    for name in ["prompt", "text", "input"] {
        let read = request(&format!(r#"{{"id":1,"{name}":"Hi","seed":5}}"#));
        assert_eq!(read.prompt, Some(Prompt::Text("Hi".into())));
        assert_eq!((read.line, read.id), (3, Some(Id::Number(1.into()))));
        assert_eq!(read.overrides.seed, Some(Seed::Fixed(5)));
        assert_eq!(read.fields[name], "Hi");
    }
    let read = request(
        r#"{"messages":[{"role":"system","content":"S"},
            {"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]}"#,
    );
    let wanted = vec![Message::new("system", "S"), Message::new("user", "ab")];
    assert_eq!(read.prompt, Some(Prompt::Messages(wanted)));
    assert_eq!(request(r#"{"title":"x","input":{"a":1}}"#).prompt, None);
}

#[test]
fn turns_call_tools_and_tell_what_came_of_it() {
    let read = request(
        r#"{"tools":[{"type":"function","function":{"name":"f"}}],"messages":[
            {"role":"assistant","content":null,"reasoning_content":"hm","refusal":null,
             "tool_calls":[{"id":"1","function":{"name":"f","arguments":"{}"}}]},
            {"role":"tool","tool_call_id":"1","content":"done"}]}"#,
    );
    assert_eq!(read.tools.unwrap()[0]["function"]["name"], "f");
    let Some(Prompt::Messages(messages)) = read.prompt else {
        panic!("{:?}", read.prompt);
    };
    assert_eq!(messages[0].content, None);
    let names: Vec<_> = messages[0].fields.keys().collect();
    assert_eq!(names, ["reasoning_content", "tool_calls"]);
    assert_eq!(messages[1].content.as_deref(), Some("done"));
    assert_eq!(messages[1].fields["tool_call_id"], "1");
    // A prompt of its own knows no tools, and `tools` is a field for templates.
    assert_eq!(request(r#"{"prompt":"x","tools":"hammer"}"#).tools, None);
}

#[test]
fn own_records_chain() {
    let read = request(
        r#"{"type":"completion","schema_version":1,"id":"a","text":"T","input":{"k":1},
            "temperature":9e9,"usage":{}}"#,
    );
    assert_eq!(read.prompt, Some(Prompt::Text("T".into())));
    assert_eq!(read.id, Some(Id::Text("a".into())));
    assert_eq!(read.input["k"].as_u64(), Some(1));
    assert_eq!(read.overrides, Overrides::default());
    let failed = r#"{"type":"error", "schema_version":1,"error":{"code":"later"}}"#;
    let line = Line {
        number: 3,
        text: failed.into(),
    };
    assert_eq!(parse(failed), Ok(Incoming::Failed(line)));
    let delta = r#"{"type":"delta","schema_version":1,"text":"x"}"#;
    assert_eq!(parse(delta), Ok(Incoming::Delta));
    assert!(parse(r#"{"type":"count","schema_version":1}"#).is_err());
}

/// Python's templates would write the integer whole, and a fraction as the same double.
#[test]
fn a_number_that_a_template_would_change_closes_the_line() {
    let line = |number: &str| {
        format!(
            r#"{{"messages":[{{"role":"user","content":"x"}}],"tools":[{{"a":[{number}]}}],"k":1e400}}"#
        )
    };
    let told = |number: &str| request(&line(number)).unsupported;
    for number in ["18446744073709551616", "-9223372036854775809"] {
        assert!(told(number)[0].reason.contains(number));
    }
    for number in [
        "18446744073709551615",
        "1.10",
        "-0",
        "0.10000000000000000555",
    ] {
        assert_eq!(told(number), [], "{number}");
    }
    let body = line("18446744073709551616");
    let batch = format!(
        r#"{{"custom_id":"c","method":"POST","url":"/v1/chat/completions","body":{}}}"#,
        body.replace(r#","k":1e400"#, "")
    );
    let told = request(&batch).unsupported;
    assert!(told[0].reason.contains("'tools' holds the number"));
}

#[test]
fn a_users_object_with_a_type_is_a_request() {
    assert_eq!(
        request(r#"{"type":"error","text":"disk full"}"#).prompt,
        Some(Prompt::Text("disk full".into()))
    );
}

#[test]
fn faults_name_the_field_and_keep_the_id() {
    for (line, wanted) in [
        (r#"{"id":"a","prompt":["x"]}"#, "'prompt' must be a string"),
        (r#"{"id":"a","messages":[]}"#, "'messages' must be"),
        (
            r#"{"id":"a","messages":[{"content":"x"}]}"#,
            "'messages[0]' has no string 'role'",
        ),
        (
            r#"{"id":"a","messages":[{"role":"user"}]}"#,
            "'messages[0].content' must be",
        ),
        (
            r#"{"id":"a","messages":[{"role":"user","content":[{"type":"image_url"}]}]}"#,
            "type 'image_url'",
        ),
        (
            r#"{"id":"a","messages":[{"role":"user","content":"x"}],"tools":{}}"#,
            "'tools' must be a list",
        ),
        (
            r#"{"id":"a","messages":[{"role":"assistant","tool_calls":[{"id":"1"}]}]}"#,
            "'messages[0].tool_calls' has no string 'function.name' at 0",
        ),
        (
            r#"{"id":"a","messages":[{"role":"user","content":"x","images":["aGk="]}]}"#,
            "'messages[0].images' cannot be read",
        ),
        (
            r#"{"id":"a","messages":[{"role":"user","content":[{"type":"text","text":"x","citations":{}}]}]}"#,
            "a text part with 'citations'",
        ),
        (
            r#"{"id":"a","messages":[{"role":"assistant","content":null,"tool_calls":[]}]}"#,
            "'messages[0]' is empty",
        ),
        (r#"{"id":"a","prompt":"x","top_k":"many"}"#, "'top_k'"),
        (r#"{"id":"a","prompt":"x""#, "JSON"),
    ] {
        let error = parse(line).unwrap_err();
        assert_eq!(error.id, Some(Id::Text("a".into())), "{line}");
        assert!(error.to_string().contains(wanted), "{line}: {error}");
    }
    let error = parse("[1]").unwrap_err();
    assert_eq!(error.to_string(), "line 3 is not a JSON object");
}

//! Tests of what a line of a batch file becomes.

use serde_json::json;

use crate::openai::Reply;
use crate::{
    ErrorCode, Failed, Id, Incoming, Json, Line, Message, Prompt, Request, Routed, Sampling, Seed,
};

fn parse(value: &serde_json::Value) -> Result<Incoming, Failed> {
    let text = value.to_string();
    Incoming::parse(Line { number: 3, text }).map_err(|error| error.failed())
}

fn request(value: &serde_json::Value) -> Request {
    match parse(value) {
        Ok(Incoming::Request(request)) => *request,
        other => panic!("{value}: {other:?}"),
    }
}

fn chat(more: &serde_json::Value) -> serde_json::Value {
    let mut body = json!({"model": "gpt-5", "messages": [{"role": "user", "content": "Hi"}]});
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    json!({"custom_id": "c", "method": "POST", "url": "/v1/chat/completions", "body": body})
}

fn text(prompt: &serde_json::Value) -> serde_json::Value {
    let body = json!({"model": "m", "prompt": prompt, "max_tokens": 5});
    json!({"custom_id": "c", "method": "POST", "url": "/v1/completions", "body": body})
}

/// What stands in the guide to batches, with the settings of a chat added.
#[test]
fn a_chat_is_a_conversation_with_its_settings() {
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    let read = request(&chat(&json!({
        "max_completion_tokens": 9, "temperature": 0.5, "top_p": 0.9, "seed": 7, "stop": "END",
        "tools": tools,
    })));
    assert_eq!(read.line, 3);
    assert_eq!(read.id, Some(Id::Text("c".into())));
    assert_eq!(read.reply, Reply::ChatCompletion);
    assert_eq!(read.requested_model.as_deref(), Some("gpt-5"));
    assert_eq!(
        read.prompt,
        Some(Prompt::Messages(vec![Message::new("user", "Hi")]))
    );
    assert_eq!(read.tools, Some(tools.clone()));
    let settings = read.overrides;
    assert_eq!(
        (settings.max_tokens, settings.seed),
        (Some(9), Some(Seed::Fixed(7)))
    );
    assert_eq!(
        (settings.temperature, settings.top_p),
        (Some(0.5), Some(0.9))
    );
    assert_eq!(settings.stop, Some(vec!["END".to_owned()]));
    let Json::Object(body) = &read.fields["body"] else {
        panic!("{:?}", read.fields);
    };
    assert_eq!(body["model"], "gpt-5");
    // A model that must not call is not told of tools.
    let read = request(&chat(&json!({"tools": tools, "tool_choice": "none"})));
    assert_eq!(read.tools, None);
}

#[test]
fn a_completion_is_one_text() {
    for prompt in [json!("Once"), json!(["Once"])] {
        let read = request(&text(&prompt));
        assert_eq!(read.reply, Reply::TextCompletion);
        assert_eq!(read.prompt, Some(Prompt::Text("Once".into())));
        assert_eq!(read.overrides.max_tokens, Some(5));
    }
    for prompt in [json!(["a", "b"]), json!([1, 2]), json!(7), json!([])] {
        let Routed { record, reply, .. } = *parse(&text(&prompt)).unwrap_err();
        assert_eq!(record.error.code, ErrorCode::UnsupportedField, "{prompt}");
        assert_eq!(reply, Reply::TextCompletion);
        assert!(record.error.message.contains("'body.prompt'"), "{record:?}");
    }
}

#[test]
fn a_key_that_asks_for_nothing_is_no_fault() {
    let plain = request(&chat(&json!({})));
    for more in [
        json!({"n": 1, "presence_penalty": 0, "frequency_penalty": 0.0, "logit_bias": {}}),
        json!({"logprobs": false, "top_logprobs": null, "response_format": {"type": "text"}}),
        json!({"modalities": ["text"], "functions": [], "tool_choice": "auto", "audio": null}),
        json!({"user": "u", "metadata": {"a": "b"}, "store": true, "service_tier": "flex"}),
        json!({"stream": true, "stream_options": {}, "safety_identifier": "s", "unheard_of": null}),
        json!({"prompt_cache_key": "k", "prompt_cache_retention": "24h"}),
        json!({"prompt_cache_options": {"mode": "explicit", "ttl": "30m"}}),
        json!({"moderation": {"model": "m"}}),
        json!({"messages": [{"role": "user", "content": [
            {"type": "text", "text": "H", "prompt_cache_breakpoint": {"mode": "explicit"}},
            {"type": "text", "text": "i"}]}]}),
    ] {
        let read = request(&chat(&more));
        assert_eq!(read.prompt, plain.prompt, "{more}");
        let used = |request: &Request| request.overrides.over(&Sampling::default());
        assert_eq!(used(&read), used(&plain), "{more}");
    }
}

#[test]
fn a_key_that_would_change_the_answer_closes_the_line() {
    for more in [
        json!({"n": 2}),
        json!({"best_of": 3}),
        json!({"response_format": {"type": "structural_tag"}}),
        json!({"tool_choice": "required"}),
        json!({"tool_choice": {"type": "function"}}),
        json!({"echo": true}),
        json!({"suffix": "end"}),
        json!({"modalities": ["text", "audio"]}),
        json!({"audio": {"voice": "x"}}),
        json!({"functions": [{"name": "f"}]}),
        json!({"reasoning_effort": "high"}),
        json!({"unheard_of": 1}),
        json!({"moderation": {"model": "m", "policy": {"input": {"mode": "block"}}}}),
        json!({"chat_template_kwargs": {"enable_thinking": false}}),
        json!({"extra_body": {"top_k": 1}}),
        json!({"options": {"top_k": 1}}),
        json!({"choices": ["a", "b"]}),
        json!({"prompt": "a chat has none"}),
    ] {
        let (key, _) = more.as_object().unwrap().iter().next().unwrap();
        let read = request(&chat(&more));
        assert_eq!(read.id, Some(Id::Text("c".into())));
        assert_eq!(read.reply, Reply::ChatCompletion);
        let [told] = &read.unsupported[..] else {
            panic!("{more}: {:?}", read.unsupported);
        };
        assert_eq!(told.code, ErrorCode::UnsupportedField, "{more}");
        assert_eq!(told.field, format!("body.{key}"));
        assert!(told.reason.contains(&format!("'body.{key}'")), "{told:?}");
    }
}

#[test]
fn a_wrong_line_says_what_is_wrong() {
    let changed = |pointer: &str, value: serde_json::Value| {
        let mut line = chat(&json!({}));
        *line.pointer_mut(pointer).unwrap() = value;
        parse(&line).unwrap_err()
    };
    for (pointer, value, code, wanted) in [
        (
            "/custom_id",
            json!(7),
            ErrorCode::BadRequest,
            "no string 'custom_id'",
        ),
        (
            "/custom_id",
            json!(null),
            ErrorCode::BadRequest,
            "no string 'custom_id'",
        ),
        (
            "/method",
            json!("GET"),
            ErrorCode::BadRequest,
            "must be \"POST\"",
        ),
        (
            "/url",
            json!("/v1/embeddings"),
            ErrorCode::UnsupportedField,
            "'body.messages'",
        ),
        (
            "/url",
            json!("/v1/responses"),
            ErrorCode::UnsupportedField,
            "/v1/chat/completions",
        ),
        (
            "/body/messages",
            json!(null),
            ErrorCode::BadRequest,
            "no 'messages'",
        ),
        (
            "/body/messages",
            json!([]),
            ErrorCode::BadRequest,
            "'messages' must be",
        ),
    ] {
        let Routed { record, reply, .. } = *changed(pointer, value.clone());
        assert_eq!(record.error.code, code, "{pointer} {value}");
        assert!(record.error.message.contains(wanted), "{record:?}");
        assert_ne!(reply, Reply::Own, "{pointer} {value}");
    }
    // Whatever else is there that names our own lines.
    let mut line = chat(&json!({}));
    line["id"] = json!("other");
    assert_eq!(request(&line).id, Some(Id::Text("c".into())));
    // The id stands in the error, so that the line can be found.
    assert_eq!(
        changed("/custom_id", json!(7)).record.id,
        Some(Id::Number(7.into()))
    );
    let Routed { record, .. } = *parse(&chat(&json!({"temperature": -1}))).unwrap_err();
    assert_eq!(record.error.code, ErrorCode::BadRequest);
    assert!(record.error.message.contains("'temperature'"));
}

/// A row of a table of calls is no batch file.
#[test]
fn other_objects_with_such_fields_are_requests_of_ours() {
    for line in [
        json!({"method": "POST", "url": "/login", "body": {}, "text": "x"}),
        json!({"custom_id": "c", "url": "https://a/b", "method": "POST", "body": {}, "text": "x"}),
        json!({"custom_id": "c", "url": "/a", "body": "long", "method": "POST", "text": "x"}),
    ] {
        let read = request(&line);
        assert_eq!(read.reply, Reply::Own, "{line}");
        assert_eq!(read.prompt, Some(Prompt::Text("x".into())), "{line}");
    }
    for url in [
        "https://api.openai.com/v1/chat/completions",
        "HTTP://localhost:8080/v1/chat/completions/",
        "https://openrouter.ai/api/v1/chat/completions",
        "http://localhost/chat/completions",
        "/chat/completions",
        "/v1/chat/completions/",
    ] {
        let mut line = chat(&json!({}));
        line["url"] = json!(url);
        assert_eq!(request(&line).reply, Reply::ChatCompletion, "{url}");
    }
    let nameless = json!({"method": "POST", "url": "/v1/completions", "body": {"prompt": "x"}});
    assert_eq!(parse(&nameless).unwrap_err().reply, Reply::TextCompletion);
}

//! Chat templates that leave something out, that are written for other forms of messages, or that ask
//! for all of the machine: each has its text or one sentence.

use serde_json::{Value, json};

use crate::support::model::Bench;
use crate::support::records::{record, records};

/// Returns the prompt of a request under a template.
fn shown(bench: &Bench, template: &str, arguments: &[&str]) -> String {
    bench.file("template.jinja", template);
    let ran = bench
        .run()
        .args(["--chat-template", "template.jinja", "--show-prompt"])
        .args(arguments)
        .run()
        .exits(0);
    record(&ran)["text"].as_str().unwrap().to_owned()
}

/// Templates whose native work minijinja does not count, or that overflow a stack; each was a hang, an
/// abort or gigabytes once.
#[test]
fn a_hostile_template_ends_with_a_sentence() {
    let bench = Bench::new();
    let twice = |times: usize, use_it: &str| {
        format!(
            "{{% set n = namespace(d=[1], e=[1]) %}}{{% for i in range({times}) %}}\
             {{% set n.d = [n.d, n.d] %}}{{% set n.e = [n.e, n.e] %}}{{% endfor %}}{use_it}"
        )
    };
    let exhausted = [
        "the chat template was not done after",
        "the chat template asks for more than",
    ];
    for source in [
        "{% set n = namespace() %}{% set n.n = n %}{{ n }}".to_owned(),
        "{% set n = namespace() %}{% set n.n = n %}{% set m = namespace() %}{% set m.n = m %}{{ n == m }}"
            .to_owned(),
        "{{ '{:>999999999999999999}'.format('x') }}".to_owned(),
        twice(60, "{{ n.d == n.e }}"),
        twice(60, "{{ {n.d: 1} }}"),
        twice(60, "{{ [n.d, n.e] | unique | list }}"),
        twice(60, "{{ [n.d, n.e] | sort }}"),
        twice(60, "{{ n.d | tojson | length }}"),
    ] {
        bench.file("template.jinja", &source);
        let ran = bench
            .run()
            .args(["--chat-template", "template.jinja", "-p", "hi", "-n", "1"])
            .run();
        let told = ran.stderr() + &ran.stdout();
        if ran.status().code().is_none_or(|code| code > 2 || code == 0) {
            ran.fail(&format!("no status for {source}"));
        }
        if !exhausted.iter().any(|words| told.contains(words)) && !told.contains("chat template fails") {
            ran.fail(&format!("no reason for {source}"));
        }
    }
}

/// A line whose template runs wild closes, and the next goes on.
#[test]
fn lines_go_on_behind_one_that_is_ended() {
    let bench = Bench::new();
    bench.file(
        "template.jinja",
        "{% set n = namespace(d=[1], e=[1]) %}{% if messages[0].content == 'wild' %}{% for i in range(60) %}\
         {% set n.d = [n.d, n.d] %}{% set n.e = [n.e, n.e] %}{% endfor %}{{ n.d == n.e }}{% endif %}\
         {{ messages[0].content }}",
    );
    let ran = bench
        .run()
        .args(["--chat-template", "template.jinja", "--lines", "--count"])
        .input("tame\nwild\ntame\n")
        .run()
        .exits(1);
    let records = records(&ran);
    let kinds: Vec<_> = records.iter().map(|record| &record["type"]).collect();
    assert_eq!(kinds, ["count", "error", "count"]);
    assert_eq!(records[1]["error"]["code"], "template_failed");
    assert_eq!(records[0]["usage"], records[2]["usage"]);
    // The time of a request counts while its template is rendered.
    let ran = bench
        .run()
        .args(["--chat-template", "template.jinja", "--timeout", "0.3"])
        .args(["--lines", "--count"])
        .input("wild\n")
        .run()
        .exits(1);
    assert_eq!(record(&ran)["error"]["code"], "timeout");
}

#[test]
fn contents_are_given_in_the_form_that_the_template_takes() {
    let bench = Bench::new();
    let parts = "{% for m in messages %}{{ m.role }}:{% for c in m.content %}{% if c.type == 'text' %}\
                 {{ c.text }}{% endif %}{% endfor %}|{% endfor %}";
    assert_eq!(
        shown(&bench, parts, &["--system", "S", "-p", "hi"]),
        "system:S|user:hi|"
    );
    let texts = "{% for m in messages %}{{ m.role }}:{{ m.content }}|{% endfor %}";
    assert_eq!(
        shown(&bench, texts, &["--system", "S", "-p", "hi"]),
        "system:S|user:hi|"
    );
    // One that takes both is given texts.
    let both = "{% for m in messages %}{% if m.content is string %}{{ m.content }}{% else %}\
                [{{ m.content[0].text }}]{% endif %}{% endfor %}";
    assert_eq!(shown(&bench, both, &["-p", "hi"]), "hi");
}

/// Templates and conversations of which something is left out, and a word of what is said of it.
fn left_out() -> Vec<(String, Value, &'static str)> {
    let user =
        "{% for m in messages %}{% if m.role == 'user' %}[U]{{ m.content }}{% endif %}{% endfor %}";
    let contents = "{% for m in messages %}{{ m.content }}{% endfor %}";
    let first = "{{ messages[0].content }}";
    let turn = |role: &str, content: &str| json!({"role": role, "content": content});
    let (hi, one, two) = (
        turn("user", "hi"),
        turn("user", "one"),
        turn("assistant", "two"),
    );
    let call = json!({"role": "assistant", "content": "", "tool_calls": [{"id": "1", "type": "function",
        "function": {"name": "look_up", "arguments": {"word": "ibex"}}}]});
    let cases = [
        (user, json!([turn("system", "U"), hi]), "message 1"),
        (user, json!([turn("developer", "x"), hi]), "'developer'"),
        (user, json!([hi, turn("tool", "42")]), "'tool'"),
        // Words that another turn says as well, alone or within more, are not its own.
        (
            user,
            json!([
                turn("system", "Summarize this page"),
                turn("user", "Summarize this page now")
            ]),
            "message 1",
        ),
        (user, json!([turn("system", "hi"), hi]), "message"),
        (first, json!([one, two, turn("user", "three")]), "message"),
        ("{% if false %}{% endif %}", json!([hi]), "message 1"),
        (
            "{{ messages[0].content[:3] }}",
            json!([turn("user", "cut off")]),
            "message 1",
        ),
        (contents, json!([hi, call]), "'look_up'"),
    ];
    let owned =
        |(template, messages, named): (&str, Value, _)| (template.to_owned(), messages, named);
    cases.into_iter().map(owned).collect()
}

#[test]
fn a_turn_that_the_template_leaves_out_closes_the_request() {
    let bench = Bench::new();
    let arguments = [
        "--chat-template",
        "template.jinja",
        "--jsonl",
        "--show-prompt",
    ];
    for (template, messages, named) in left_out() {
        bench.file("template.jinja", &template);
        for flag in [&[][..], &["--parse-special"]] {
            let tool = bench
                .run()
                .args(arguments)
                .args(flag)
                .input(json!({"messages": messages}).to_string());
            let error: Value = record(&tool.run().exits(1));
            assert_eq!(error["error"]["code"], "template_failed", "{template}");
            let told = error["error"]["message"].as_str().unwrap();
            let is_told = told.contains("leaves out") && told.contains(named);
            assert!(is_told, "{template}: {told}");
        }
    }
}

#[test]
fn what_arrives_in_another_shape_is_not_left_out() {
    let bench = Bench::new();
    for (template, said, expected) in [
        ("{{ messages[0].content | upper }}", "straße", "STRASSE"),
        (
            "{{ messages[0].content | trim | tojson }}",
            " a\n\"b\" ",
            r#""a\n\"b\"""#,
        ),
        (
            "{{ messages[0].content | replace(' ', '_') }}",
            "a b",
            "a_b",
        ),
        ("user {{ messages[0].content }}", "user", "user user"),
        // A single character that the template looks for.
        (
            "{% if '.' in messages[0].content %}{{ messages[0].content }}{% endif %}",
            ".",
            ".",
        ),
    ] {
        assert_eq!(
            shown(&bench, template, &["-p", said]),
            expected,
            "{template}"
        );
    }
}

#[test]
fn line_ends_and_marks_of_other_systems_are_read_as_by_python() {
    let bench = Bench::new();
    for source in [
        "{% for m in messages %}\n{{ m.role }}: {{ m.content }}\n{% endfor %}\nEND\n",
        "{% for m in messages %}\r\n{{ m.role }}: {{ m.content }}\r\n{% endfor %}\r\nEND\r\n",
        "{% for m in messages %}\r{{ m.role }}: {{ m.content }}\r{% endfor %}\rEND\r",
        "\u{feff}{% for m in messages %}\n{{ m.role }}: {{ m.content }}\n{% endfor %}\nEND\n",
    ] {
        assert_eq!(
            shown(&bench, source, &["-p", "hi"]),
            "user: hi\nEND",
            "{source:?}"
        );
    }
}

#[test]
fn a_template_that_is_none_is_named_with_its_file() {
    let bench = Bench::new();
    for (source, reason) in [
        ("", "template.jinja: the chat template is empty"),
        (" \n ", "template.jinja: the chat template is empty"),
        (
            "{% if %}",
            "template.jinja: the chat template cannot be read",
        ),
    ] {
        bench.file("template.jinja", source);
        let ran = bench
            .run()
            .args(["--chat-template", "template.jinja", "-p", "x"]);
        ran.run().exits(2).writes("").says(reason);
    }
    let endless = bench
        .run()
        .args(["--chat-template", "/dev/zero", "-p", "x"]);
    endless
        .run()
        .exits(2)
        .says("/dev/zero: the chat template cannot be read: it has more than");
}

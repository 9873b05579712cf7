//! Tests of template rendering: what Jinja2 and transformers do and minijinja
//! does not do by itself. Real templates are tested in `tests/templates.rs`.

use proptest::prelude::*;

use super::*;
use crate::gguf::Value;

const MARKUP: MarkupTexts<'_> = MarkupTexts {
    bos: "<s>",
    eos: "</s>",
};

fn render(source: &str, messages: &[Message]) -> Result<String, TemplateError> {
    ChatTemplate::new(source)?.render(&Conversation::new(messages), MARKUP)
}

/// Renders a template that looks at no message.
fn shown(source: &str) -> String {
    render(source, &[]).unwrap()
}

#[test]
fn a_conversation_is_rendered() {
    let source = "{{ bos_token }}\n\
        {% for message in messages %}\n    \
            {% if message['role'] == 'assistant' %}\n\
        A: {{ message.content | trim }}{{ eos_token }}\n    \
            {% else %}\n\
        {{ message.role | upper }}: {{ message['content'] }}\n    \
            {% endif %}\n\
        {% endfor %}\n\
        {%- if add_generation_prompt %}A: {% endif %}\n";
    let messages = [
        Message::new("system", "Be <brief> & \"kind\"."),
        Message::new("user", "Hi\n"),
        Message::new("assistant", " Hello. "),
    ];
    let template = ChatTemplate::new(source).unwrap();
    let rendered = template.render(&Conversation::new(&messages), MARKUP).unwrap();
    assert_eq!(
        rendered,
        "<s>\nSYSTEM: Be <brief> & \"kind\".\nUSER: Hi\n\nA: Hello.</s>\nA: "
    );
    let closed = Conversation {
        add_generation_prompt: false,
        ..Conversation::new(&messages)
    };
    let rendered = template.render(&closed, MARKUP).unwrap();
    assert!(rendered.ends_with("Hello.</s>\n"), "{rendered}");
    assert_eq!(template.source(), source);
}

#[test]
fn python_idioms_work() {
    for (source, expected) in [
        ("{{ 'a.b'.split('.')[-1] }}", "b"),
        ("{{ ' x '.strip() }}{{ 'x\\n'.rstrip('\\n') }}", "xx"),
        ("{{ 'abc'.startswith('ab') }}", "True"),
        ("{{ {'a': 1}.get('b', 2) }}", "2"),
        (
            "{% for k, v in {'a': 1}.items() %}{{ k }}{{ v }}{% endfor %}",
            "a1",
        ),
        ("{{ [1, 2, 3][::-1] | join }}", "321"),
        ("{% for i in range(2, -1, -1) %}{{ i }}{% endfor %}", "210"),
        (
            "{% for i in range(9) %}{% if i == 2 %}{% break %}{% endif %}{{ i }}{% endfor %}",
            "01",
        ),
        (
            "{% set n = namespace(a=1 if true else 2) %}{% set n.a = n.a + 1 %}{{ n.a }}",
            "2",
        ),
        ("{{ none }}{{ true }}{{ false }}", "NoneTrueFalse"),
        (
            "{{ missing }}{{ missing is defined }}{{ tools is none }}",
            "FalseTrue",
        ),
        (
            "{{ none is iterable }}{{ [] is iterable }}{{ 'a' is sequence }}",
            "FalseTrueTrue",
        ),
        ("a {% generation %} b {%- endgeneration %} c", "a  b c"),
        (
            "{%- for i in [1] %}\n  {%- generation -%}\n x\n{% endgeneration %}\n{% endfor %}",
            "x\n",
        ),
    ] {
        assert_eq!(shown(source), expected, "{source}");
    }
}

#[test]
fn to_json_writes_as_python_does() {
    for (source, expected) in [
        (
            "{{ {'b': [1, 2.0, -0.5], 'a': {'x': none, 'y': true}} | tojson }}",
            r#"{"b": [1, 2.0, -0.5], "a": {"x": null, "y": true}}"#,
        ),
        ("{{ 'é<&>\\'\"\\\\' | tojson }}", r#""é<&>'\"\\""#),
        (
            "{{ 'é🦙' | tojson(ensure_ascii=true) }}",
            r#""\u00e9\ud83e\udd99""#,
        ),
        (
            "{{ {'b': 1, 'a': 2} | tojson(sort_keys=true) }}",
            r#"{"a": 2, "b": 1}"#,
        ),
        (
            "{{ {'a': [1, {}], 'b': []} | tojson(indent=2) }}",
            "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}",
        ),
        (
            "{{ [1, {'a': 2}] | tojson(separators=[',', ':']) }}",
            r#"[1,{"a":2}]"#,
        ),
        (
            "{{ [1e100, 1e-7, 123456789.0] | tojson }}",
            "[1e+100, 1e-07, 123456789.0]",
        ),
    ] {
        assert_eq!(shown(source), expected, "{source}");
    }
}

#[test]
fn the_date_is_todays_in_local_time() {
    let before = jiff::Zoned::now().strftime("%d %b %Y").to_string();
    let date = shown("{{ strftime_now('%d %b %Y') }}");
    let after = jiff::Zoned::now().strftime("%d %b %Y").to_string();
    assert!(date == before || date == after, "{date}");
}

#[test]
fn refusals_speak_with_the_templates_words() {
    let source =
        "{% for m in messages %}{{ raise_exception('No ' + m.role + ' here') }}{% endfor %}";
    let error = render(source, &[Message::new("system", "x")]).unwrap_err();
    assert_eq!(
        error,
        TemplateError::Refused {
            message: "No system here".into()
        }
    );
    assert_eq!(
        error.to_string(),
        "the model's chat template refuses these messages: No system here"
    );
}

#[test]
fn errors_say_where_and_what_to_do() {
    let syntax = ChatTemplate::new("a\n{% if %}").unwrap_err().to_string();
    assert!(
        syntax.contains(":2)") && syntax.contains("--chat-template"),
        "{syntax}"
    );
    let render = render("\n\n{{ messages[0].a.b }}", &[Message::new("user", "x")]);
    let render = render.unwrap_err().to_string();
    assert!(
        render.contains(":3)") && render.contains("--chat-template"),
        "{render}"
    );
}

#[test]
fn delimiters_that_share_a_character_are_no_tag() {
    for source in ["{%}", "{%}%}", "a {%-} {% generation %}"] {
        let syntax = ChatTemplate::new(source).unwrap_err();
        assert!(matches!(syntax, TemplateError::Syntax { .. }), "{source}");
    }
}

#[test]
fn a_file_without_a_template_has_none() {
    let mut metadata = Metadata::default();
    assert!(ChatTemplate::from_gguf(&metadata).unwrap().is_none());
    metadata.insert("tokenizer.chat_template", Value::String("x".into()));
    let template = ChatTemplate::from_gguf(&metadata).unwrap().unwrap();
    assert_eq!(template.render(&Conversation::default(), MARKUP).unwrap(), "x");
    metadata.insert("tokenizer.chat_template", Value::String("{{".into()));
    assert!(ChatTemplate::from_gguf(&metadata).is_err());
}

proptest! {
    #[test]
    fn messages_are_never_read_as_templates(content in "\\PC{0,30}|[{}%# a-z\\n]{0,30}") {
        let messages = [Message::new("user", content.clone())];
        let rendered = render("[{{ messages[0].content }}]", &messages).unwrap();
        prop_assert_eq!(rendered, format!("[{content}]"));
    }

    #[test]
    fn any_source_is_parsed_or_refused(source in "([{}%#a-z '\"\\n-]|\\{% ?(end)?generation ?%\\}){0,40}") {
        let _ = ChatTemplate::new(&source);
    }
}

#[test]
fn a_template_without_end_is_stopped() {
    let loops = "{% for a in range(90000) %}{% for b in range(90000) %}{% set c = b %}{% endfor %}{% endfor %}";
    let long = "{% set s = 'x' * 1000000 %}{% for a in range(1000) %}{{ s }}{% endfor %}";
    let wide = "{{ 'a\nb' | indent(100000000000) }}";
    let named = "{{ 'a\nb' | indent(width=100000000000) }}";
    let json = "{{ [1] | tojson(indent=100000000000) }}";
    for source in [loops, long, wide, named, json] {
        let template = ChatTemplate::new(source).unwrap();
        let rendered = template.render(&Conversation::default(), MarkupTexts::default());
        assert!(
            matches!(rendered, Err(TemplateError::Render { .. })),
            "{source}: {rendered:?}"
        );
    }
}

//! Tests of template rendering: what Jinja2 and transformers do and minijinja
//! does not do by itself. Real templates are tested in `tests/templates.rs`.

use proptest::prelude::*;

use super::limits::{LONGEST_SOURCE, LONGEST_TEXT};
use super::reasoning::ReasoningSwitch;
use super::*;

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
    let rendered = template
        .render(&Conversation::new(&messages), MARKUP)
        .unwrap();
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
        ("{{ 'a\\n\\n b\\n' | indent }}|", "a\n\n     b\n|"),
        ("{{ '{\\n' | indent(2, first=true) }}|", "  {\n|"),
        ("{{ 'a\\r\\n\\rb' | indent(1, blank=true) }}|", "a\n \n b|"),
        ("{{ '' | indent(width=1, first=true) }}|", " |"),
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
        "the chat template refuses these messages: No system here"
    );
}

#[test]
fn errors_say_where_and_what_to_do() {
    let syntax = ChatTemplate::new("a\n{% if %}").unwrap_err().to_string();
    assert!(
        syntax.contains(":2)") && syntax.contains("--chat-template"),
        "{syntax}"
    );
    let render = render("\n\n{{ messages[0].a.b }}", &[Message::new("user", "x")])
        .unwrap_err()
        .to_string();
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

/// A guard against the control tokens that a template's own source shows.
fn guard(texts: &[&str]) -> Guard {
    Guard::of_texts(texts.iter().map(ToString::to_string))
}

/// Renders and returns the text with what is foreign in brackets.
fn guarded(source: &str, role: &str, content: &str, texts: &[&str]) -> String {
    let conversation = Conversation::new(&[Message::new(role, content)]);
    let template = ChatTemplate::new(source).unwrap();
    let rendered = template
        .render_guarded(&conversation, MARKUP, &guard(texts))
        .unwrap();
    let mut text = rendered.text;
    for range in rendered.foreign.into_iter().rev() {
        text.insert(range.end, '}');
        text.insert(range.start, '{');
    }
    text
}

#[test]
fn a_callers_markup_is_told_from_the_templates() {
    let texts = ["<|a|>", "</t>", "<s>"];
    for (source, content, expected) in [
        ("<|a|>{{ messages[0].content }}<|a|>", "x", "<|a|>{x}<|a|>"),
        (
            "<|a|>{{ messages[0].content }}",
            "<|a|> 1<2",
            "<|a|>{<|a|>} {1<2}",
        ),
        ("{{ messages[0].content | trim | upper }}", " <s> ", "{<S>}"),
        (
            "{{ messages | tojson }}",
            "<s>",
            r#"[{"role": "user", "content": "{<s>}"}]"#,
        ),
        (
            "{{ messages[0].content | tojson(ensure_ascii=true) }}",
            "é<s>",
            r#""\u00e{9<s>}""#,
        ),
        // Markup that the template begins and the caller would end.
        ("<{{ messages[0].content }}>", "s", "<{s}>"),
        ("<|{{ messages[0].content }}", "a|>", "<|{a|>}"),
        // The template looks for what is no control token: as ever.
        (
            "{{ messages[0].content.split('<k>')[1] }}",
            "a<k>b<s>",
            "{b<s>}",
        ),
        // It acts on a control token: it does not see the caller's.
        (
            "{{ messages[0].content.split('</t>')[0] }}",
            "a</t>b",
            "{a</t>b}",
        ),
        // What stood around a word that is taken out.
        (
            "<|a|>{{ messages[0].content.replace('/x', '') }}<|a|>",
            "<|/xa|>",
            "<|a|>{<|a|>}<|a|>",
        ),
        (
            "{{ messages[0].content.replace('/x', '') }}",
            "</x/xt>",
            "{<t>}",
        ),
        (
            "<{{ messages[0].content.replace('/x', '') }}",
            "/xs>",
            "<{s>}",
        ),
        (
            "{{ messages[0].content.replace('<', '') }}s>",
            "a<",
            "{a}s>",
        ),
        // The template looks for something of its own making.
        (
            "{{ messages[0].content if messages[0].content | length < 4 else 'long' }}",
            "<s>",
            "long",
        ),
        (
            "{{ messages[0].content.replace('/' ~ 'x', '') }}",
            "</xs>",
            "{</xs>}",
        ),
    ] {
        let found = guarded(source, "user", content, &texts);
        assert_eq!(found, expected, "{source}");
    }
}

#[test]
fn a_template_finds_markup_in_the_models_own_words() {
    let texts = ["<t>", "</t>", "<|a|>", "<t:a>"];
    let cut = "<|a|>{{ messages[0].content.split('</t>')[-1].lstrip('\n') }}<|a|>";
    let asked = "{% if '</t>' in messages[0].content %}<t>{% endif %}{{ messages[0].content }}";
    for (source, content, expected) in [
        (cut, "<t>\nr\n</t>\n\nHello", "<|a|>{Hello}<|a|>"),
        (cut, "<t>\n\n</t>\n\n<|a|>", "<|a|>{<|a|>}<|a|>"),
        (cut, "r</t>", "<|a|><|a|>"),
        (cut, "r", "<|a|>{r}<|a|>"),
        (asked, "<|</t>a|>", "<t>{<|</t>a|>}"),
        (asked, "</t>", "<t>{</t>}"),
        (asked, "a </t>\n", "<t>{a </t>}\n"),
        (
            "{{ messages[0].content.replace('</t>', '') }}",
            "<|</t>a|></t>",
            "{<|a|>}",
        ),
        (
            "{{ [messages[0].content, '</t>\n' in messages[0].content] | tojson }}",
            "</t>\n\n<t>",
            r#"["{</t>\n\n<t>}", true]"#,
        ),
        (
            "{{ messages[0].content.split('</t{}>'.format(':a'))[-1] }}",
            "a<t:a>b",
            "{a<t:a>b}",
        ),
    ] {
        let found = guarded(source, "assistant", content, &texts);
        assert_eq!(found, expected, "{source}: {content:?}");
    }
}

/// Names, roles and kinds are the interface's, all else is said.
#[test]
fn names_are_the_interfaces_and_arguments_are_said() {
    let call = serde_json::json!([{"id": "a", "type": "function", "function":
        {"name": "f<s>", "arguments": {"s": ["s", {"name": "s"}]}}}]);
    let mut message = Message::new("s", "");
    message.fields.insert("tool_calls".into(), call);
    let tool = serde_json::json!([{"name": "s", "description": "s", "required": ["s"]}]);
    let conversation = Conversation::new(&[message]).with_tools(Some(tool));
    let source = "{% for turn in messages %}<{{ turn.role }}>{% for call in turn.tool_calls %}\
        {{ call.function.name }}\
        {% for key, value in call.function.arguments | items %}<{{ key }}><{{ value[0] }}>\
        {% for key, value in value[1] | items %}{{ key }}=<{{ value }}>{% endfor %}{% endfor %}\
        {% endfor %}{% endfor %}<{{ tools[0].required[0] }}><{{ tools[0].description }}>";
    let template = ChatTemplate::new(source).unwrap();
    let rendered = template
        .render_guarded(&conversation, MARKUP, &guard(&["<s>"]))
        .unwrap();
    assert_eq!(rendered.text, "<s>f<s><s><s>name=<s><s><s>");
    let of = |text: &str| {
        rendered
            .foreign
            .iter()
            .any(|one| &rendered.text[one.clone()] == text)
    };
    assert!(of("<") && of("name") && of("s"));
    let foreign: usize = rendered.foreign.iter().map(ExactSizeIterator::len).sum();
    assert_eq!(
        foreign,
        "<".len() + "s".len() * 2 + "name".len() + "s".len() * 2
    );
}

#[test]
fn a_template_looks_arguments_up_by_their_names() {
    let call = serde_json::json!([{"function":
        {"name": "f", "arguments": {"code": "<s>", "s": 1, "a": {"b": 2}}}}]);
    let mut message = Message::new("assistant", "");
    message.fields.insert("tool_calls".into(), call);
    let source = "{% set given = messages[0].tool_calls[0].function.arguments %}\
        {{ given.code }}{{ given['a'].b }}{% for key in given %}<{{ key }}>{% endfor %}";
    let template = ChatTemplate::new(source).unwrap();
    let conversation = Conversation::new(&[message]);
    let texts = ["<s>", "<code_to>"];
    let rendered = template
        .render_guarded(&conversation, MARKUP, &guard(&texts))
        .unwrap();
    assert_eq!(rendered.text, "<s>2<code><s><a>");
    assert_eq!(rendered.foreign, [0..3, 11..12]);
}

#[test]
fn a_mark_that_the_caller_uses_is_not_taken() {
    let content = "\u{e000}<s>\\ue001";
    let expected = "{\u{e000}<s>\\ue001}";
    assert_eq!(
        guarded("{{ messages[0].content }}", "user", content, &["<s>"]),
        expected
    );
    let all: String = ('\u{e000}'..='\u{f8ff}').collect();
    let conversation = Conversation::new(&[Message::new("user", all)]);
    let template = ChatTemplate::new("{{ messages[0].content }}").unwrap();
    let refused = template.render_guarded(&conversation, MARKUP, &guard(&["<s>"]));
    assert_eq!(refused, Err(TemplateError::Marks));
}

#[test]
fn the_words_of_a_template_are_its_literals() {
    let source = "'a' {# 'b' #} {{ 'c\\'\\n' ~ \"dé\" }}{% set x = {'e': {}} %}{{ '}}' }} '#' %} \
        {{ ' ' + '\\u0066' }}{%- if \"%}\" in 'LONG' %}{% if 'lon' %}{{ {'g': 1}";
    let words = template_literals::TemplateLiterals::of_source(source);
    for (text, length) in [
        ("a", None),
        ("b", None),
        ("c'\nx", Some(3)),
        ("DÉ", None),
        ("Dé", Some(3)),
        ("e", Some(1)),
        ("}}", Some(2)),
        ("%}", Some(2)),
        (" ", None),
        ("f", Some(1)),
        ("longer", Some(4)),
        ("lonely", Some(3)),
        ("g", Some(1)),
    ] {
        assert_eq!(words.longest_at(text), length, "{text:?}");
    }
    let words = template_literals::TemplateLiterals::of_source("a.b {{ c.d['e'].f(2.g) ~ '.h' }}");
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let found = names.map(|name| words.has_name(name));
    assert_eq!(found, [false, false, false, true, true, true, true, false]);
}

#[test]
fn arguments_are_parsed_where_they_are_json() {
    let call = serde_json::json!([{"function": {"name": "f", "arguments": "{\"a\": 1}"}},
        {"name": "g", "arguments": "no JSON"}]);
    let mut message = Message::new("assistant", "");
    message.fields.insert("tool_calls".into(), call);
    let conversation = Conversation::new(&[message]);
    let source = "{% for call in messages[0].tool_calls %}\
        {{ (call.function or call).arguments | tojson }} {% endfor %}";
    let template = ChatTemplate::new(source).unwrap();
    let parsed = conversation.with_parsed_arguments().unwrap();
    assert_eq!(
        template.render(&parsed, MARKUP).unwrap(),
        "{\"a\": 1} \"no JSON\" "
    );
    assert_eq!(parsed.with_parsed_arguments(), None);
}

#[test]
fn a_loop_goes_through_what_python_does() {
    for (source, expected) in [
        (
            "{% for a, b in [(1, 2)] if a %}{{ b }}{% endfor %}",
            Some("2"),
        ),
        (
            "{%- for a in ('x' if true else 'y') -%}{{ a }}{%- endfor -%}",
            Some("x"),
        ),
        (
            "{% for a in missing %}x{% else %}none{% endfor %}",
            Some("none"),
        ),
        (
            "{% for a in {'in': 'if'}['in'] %}{{ a }}{% endfor %}",
            Some("if"),
        ),
        (
            "{% for a in [[1, [2]], 3] recursive %}{{ a if a is number else loop(a) }}{% endfor %}",
            Some("123"),
        ),
        ("{% for a in tools %}x{% endfor %}", None),
        ("{% for a in none if a %}x{% endfor %}", None),
    ] {
        match expected {
            Some(expected) => assert_eq!(shown(source), expected, "{source}"),
            None => {
                let error = render(source, &[]).unwrap_err().to_string();
                assert!(error.contains("None cannot be iterated over"), "{error}");
            }
        }
    }
}

#[test]
fn a_switch_is_one_that_makes_a_difference() {
    for (source, off) in [
        ("{{ enable_thinking }}", Some("False")),
        ("{% if enable_thinking is defined %}{% endif %}x", None),
        ("{{ reasoning_effort }}", None),
        ("{{ reasoning_effort == 'no_think' }}", Some("True")),
        (
            "{% if thinking_mode == 'disabled' %}no{% endif %}",
            Some("no"),
        ),
        ("x", None),
    ] {
        let template = ChatTemplate::new(source).unwrap();
        let variables = template
            .reasoning_variables(ReasoningSwitch::Off, MARKUP)
            .unwrap();
        let rendered = variables.map(|variables| {
            let conversation = Conversation {
                variables,
                ..Conversation::default()
            };
            template.render(&conversation, MARKUP).unwrap()
        });
        assert_eq!(rendered.as_deref(), off, "{source}");
    }
}

/// Templates that ask for all of the stack or of the time, and what is made of them.
#[test]
fn a_hostile_template_is_an_error() {
    let deep = |open: &str, close: &str| {
        let (open, close) = (open.repeat(50_000), close.repeat(50_000));
        format!("{{{{ {open}1{close} }}}}")
    };
    let nested = |use_it: &str| {
        format!(
            "{{% set n = namespace(x=[]) %}}{{% for i in range(90000) %}}{{% set n.x = [n.x] %}}\
             {{% endfor %}}{use_it}"
        )
    };
    for source in [
        deep("(", ")"),
        deep("[", "]"),
        deep("not ", ""),
        deep("-", ""),
        deep("{'a':", "}"),
        format!("{{% if 1 %}}{}{{% endif %}}", "{% elif 1 %}".repeat(20_000)),
        format!("{{{{ a{} }}}}", "+a".repeat(100_000)),
        format!("{{{{ a{} }}}}", ".a".repeat(100_000)),
        format!("{{{{ a{} }}}}", "|trim".repeat(50_000)),
        format!("{{{{ {} }}}}", "- ".repeat(100_000)),
        format!("{{{{ {}1 }}}}", "-".repeat(200_000)),
        " ".repeat(LONGEST_SOURCE + 1),
        "{% if 1 %}".repeat(50_000),
        "{% for a in [1] %}".repeat(50_000),
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}".into(),
        "{% macro m(x) %}{{ caller() }}{% endmacro %}{% call m() %}{{ m() }}{% endcall %}".into(),
        "{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}".into(),
        "{% include 'chat template' %}".into(),
        "{% extends 'chat template' %}".into(),
        nested("{{ n.x | tojson }}"),
        nested("{{ n.x }}"),
        nested("{{ n.x == n.x }}"),
        nested("{{ n.x | length }}"),
        "{{ ('x' * 100000) | replace('x', 'y' * 100000) }}".into(),
        "{{ range(10000000000) | list }}".into(),
        "{{ 10 ** 1000000000 }}".into(),
        "{{ 'a' * 100000000000 }}".into(),
        "{{ [1] * 100000000000 }}".into(),
        "{{ '%1000000000d' % 1 }}{{ '{:>1000000000}'.format(1) }}".into(),
    ] {
        let start: String = source.chars().take(80).collect();
        let result = render(&source, &[Message::new("user", "x")]);
        if let Ok(text) = result {
            assert!(text.len() < LONGEST_TEXT, "{start}");
        }
    }
}

#[test]
fn only_what_stands_outside_of_strings_makes_a_tag_long() {
    let words = "x ".repeat(5000);
    let string = format!("{{{{ \"a}}}} '{words}\\\" b\" }}}} {words} {{# {words} #}} {{ {words}");
    assert!(shown(&string).starts_with("a}} 'x x"));
    for long in [
        format!("{{{{ {{}}.a{} }}}}", "+a".repeat(600)),
        format!("{{% if '%}}'{} %}}{{% endif %}}", " + a".repeat(600)),
        format!("{{{{ {{'a': {{}}}}{} }}}}", "+a".repeat(600)),
    ] {
        let error = ChatTemplate::new(&long).unwrap_err().to_string();
        assert!(error.contains("1024 characters"), "{error}");
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        "\\PC{0,8}|[<|im_end>/\\[\\]THINKs \\n]{0,12}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::hash_map("[a-z<>|]{0,8}|function|arguments|name|type", inner, 0..4)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

fn any_message() -> impl Strategy<Value = Message> {
    let role = prop::sample::select(vec!["system", "user", "assistant", "tool", "<|a|>", ""]);
    let content = prop::option::of("\\PC{0,12}|[<|a>/ \\n]{0,16}");
    let fields = prop::collection::hash_map(
        prop::sample::select(vec![
            "tool_calls",
            "reasoning_content",
            "name",
            "tool_call_id",
        ]),
        any_json(),
        0..3,
    );
    (role, content, fields).prop_map(|(role, content, fields)| Message {
        role: role.into(),
        content,
        fields: fields
            .into_iter()
            .map(|(name, value)| (name.to_string(), value))
            .collect(),
    })
}

/// What templates are made of, put together at random.
fn any_template() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "{% for message in messages %}",
        "{% for key, value in message.items() if value %}",
        "{% endfor %}",
        "{% if message.content is string %}",
        "{% elif tools %}",
        "{% else %}",
        "{% endif %}",
        "{%- set x = message.content -%}",
        "{% set ns = namespace(x=messages) %}",
        "{% set ns.x = [ns.x, ns.x] %}",
        "{% macro m(a) %}{{ a }}",
        "{% endmacro %}",
        "{{ m(x) }}",
        "{{ message }}",
        "{{ message.content | trim | upper }}",
        "{{ messages[0]['content'].split('<')[-1] }}",
        "{{ messages[1:][::-1] | tojson(indent=2) }}",
        "{{ tools | tojson(ensure_ascii=true) }}",
        "{{ message.content[2:-3] ~ x.strip('<>') }}",
        "{{ 'a' * messages | length }}",
        "{{ raise_exception('no ' ~ message.role) }}",
        "{{ strftime_now('%Y') }}",
        "{{ x.format(1, a=2) }}{{ x % 3 }}",
        "{{ message.tool_calls[0].function.arguments | items }}",
        "{{ messages | map(attribute='role') | join(',') }}",
        "<|a|>",
        "\n ",
        "{% generation %}",
        "{% endgeneration %}",
        "{{",
        "%}",
    ]);
    prop::collection::vec(part, 0..14).prop_map(|parts| parts.concat())
}

proptest! {
    /// Whatever the template and the conversation are, there is a text or an
    /// error, and a guarded text holds the caller's markup as text.
    #[test]
    fn any_template_renders_any_conversation_or_says_why_not(
        source in any_template(),
        messages in prop::collection::vec(any_message(), 0..4),
        tools in prop::option::of(any_json()),
    ) {
        let Ok(template) = ChatTemplate::new(&source) else {
            return Ok(());
        };
        let conversation = Conversation::new(&messages).with_tools(tools);
        let _ = conversation.with_parsed_arguments();
        let guard = guard(&["<|a|>", "<s>", "[THINK]"]);
        if let Ok(rendered) = template.render_guarded(&conversation, MARKUP, &guard) {
            let mut last = 0;
            for range in &rendered.foreign {
                prop_assert!(last <= range.start && range.start < range.end);
                prop_assert!(rendered.text.get(range.clone()).is_some());
                last = range.end;
            }
        }
    }
}

//! GBNF: llama.cpp's example grammars, and exactness by enumeration of random grammars.
#![allow(clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeSet;
use std::path::Path;

use llguidance::api::TopLevelGrammar;
use llm_grammar::{GbnfError, lark_of_gbnf};
use support::Grammar;
use support::random::Random;

fn grammar(gbnf: &str) -> Grammar {
    let lark = lark_of_gbnf(gbnf).unwrap_or_else(|error| panic!("{gbnf}: {error}"));
    Grammar::new(TopLevelGrammar::from_lark(lark.clone()))
        .unwrap_or_else(|error| panic!("{gbnf}\n{lark}: {error}"))
}

fn example(name: &str) -> Grammar {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/grammars");
    let text = std::fs::read_to_string(path.join(name))
        .expect("the grammars are there: scripts/fetch-test-models fetches them");
    grammar(&text)
}

fn check(name: &str, accepted: &[&str], rejected: &[&str]) {
    let grammar = example(name);
    for text in accepted {
        assert!(grammar.accepts(text), "{name} rejects {text:?}");
    }
    for text in rejected {
        assert!(!grammar.accepts(text), "{name} accepts {text:?}");
    }
}

#[test]
fn llama_cpps_examples_match_what_they_are_for() {
    check(
        "arithmetic.gbnf",
        &[
            "42 = x\n",
            "1+2*3=x\n",
            "x=10\ny=2\n",
            "(a+b)*(c-d)=  7\n",
            "((1))=2\n",
        ],
        &["", "42 = x", "1+=2\n", "(1=2\n", "X=1\n"],
    );
    check(
        "c.gbnf",
        &[
            "int main(){}",
            "int f(int x){return  1+2*y;}",
            "float g(){while(a<b){a =  1;}}",
            "char h(){// a note\n}int i(){/* two * stars */}",
        ],
        &[
            "int main()",
            "main(){}",
            "int f(int ){}",
            "int main(){return 1}",
        ],
    );
    check(
        "chess.gbnf",
        &[
            "1. e4 e5\n2. Nf3 Nc6\n",
            "1. d4 d5\n12. O-O exd5+\n13. Qxe7# a8=Q\n",
        ],
        &[
            "1. e4 e5\n",
            "1. e9 e5\n2. Nf3 Nc6\n",
            "1. e4 e5\n123. e4 e5\n",
        ],
    );
    check(
        "english.gbnf",
        &["Hello, world!", "a b\nc"],
        &["", "naïve", "a  b", " a"],
    );
    check(
        "japanese.gbnf",
        &["ひらがな カタカナ", "漢字、"],
        &["kana", "ひ  ら"],
    );
    check(
        "list.gbnf",
        &["- one\n- two\n", "- é\n"],
        &["", "- one", "-one\n", "- \n", "- a\u{2028}\n"],
    );
}

#[test]
fn llama_cpps_grammars_of_json_match_json() {
    let valid = [
        "{}",
        r#"{"a": [1, -2.5e3, true], "b": {"c": null}}"#,
        "{\n  \"a\": \"\\u00e9\\n\" }",
    ];
    let invalid = [
        "",
        "{",
        "[1]",
        r#"{"a": 01}"#,
        r#"{"a" 1}"#,
        r#"{"a": "\x"}"#,
        "{\"a\": \"\n\"}",
    ];
    check("json.gbnf", &valid, &invalid);
    check(
        "json_arr.gbnf",
        &["[\n]", "[\n1,\n{\"a\": []}]"],
        &["[]", "[\n1,2]", "{}"],
    );
}

#[test]
fn the_syntax_of_the_guide_is_read() {
    let cases: [(&str, &[&str], &[&str]); 9] = [
        ("root ::= \"a\"{2}", &["aa"], &["a", "aaa"]),
        ("root ::= \"a\"{2,}", &["aa", "aaaa"], &["a"]),
        (
            "root ::= \"a\"{1,3} # up to three",
            &["a", "aaa"],
            &["", "aaaa"],
        ),
        (
            "root ::= x-1 |\n  y_2\nx-1 ::= [\\x41-\\x43]\ny_2 ::= [^\\n]",
            &["A", "é"],
            &["\n", "AB"],
        ),
        (
            "root ::= (\n  \"1. \" # one\n  [a-c]\n)+",
            &["1. a1. b"],
            &["1. ", "1. d"],
        ),
        ("root ::= . .", &["\né"], &["a", "abc"]),
        ("root ::= [a\\]\\[-]+", &["a]-["], &["b", "\\"]),
        (
            "root ::= \"\\u3042\\U0001F600\\\"\\\\\"",
            &["あ😀\"\\"],
            &["あ"],
        ),
        ("root ::= \"\" | \"a\" root", &["", "aaa"], &["b"]),
    ];
    for (gbnf, accepted, rejected) in cases {
        let grammar = grammar(gbnf);
        for text in accepted {
            assert!(grammar.accepts(text), "{gbnf} rejects {text:?}");
        }
        for text in rejected {
            assert!(!grammar.accepts(text), "{gbnf} accepts {text:?}");
        }
    }
}

#[test]
fn tokens_are_named_as_llguidance_names_them() {
    let lark = lark_of_gbnf("root ::= <think> !<[7]>* <[7]> [a-z]+").unwrap();
    for part in ["<think>", "<[^7]>", "<[7]>"] {
        assert!(lark.contains(part), "{lark}");
    }
    let error = lark_of_gbnf("root ::= !<think>").unwrap_err().to_string();
    assert!(error.contains("needs the token's id"), "{error}");
}

#[test]
fn a_fault_names_its_line_and_column() {
    for (gbnf, line, column, what) in [
        ("root = \"a\"", 1, 6, "'::='"),
        ("root ::= \"a", 1, 10, "without its end"),
        ("root ::= [a", 1, 10, "without its ']'"),
        ("root ::= (\"a\"", 1, 10, "without its ')'"),
        ("root ::= \"\\q\"", 1, 11, "unknown escape"),
        (
            "root ::= a\na ::= b\n",
            2,
            7,
            "'b', which is nowhere defined",
        ),
        ("root ::= \"a\" )", 1, 14, "no rule can go on with"),
        ("root ::= *", 1, 10, "nothing to repeat"),
        ("root ::= \"a\"{3,2}", 1, 13, "wrong way round"),
        ("root ::= [z-a]", 1, 11, "wrong way round"),
        ("root ::= [\\uD800]", 1, 11, "names no character"),
        ("root ::= []", 1, 10, "without characters"),
        ("root ::= \"a\"\nroot ::= \"b\"", 2, 1, "a second time"),
    ] {
        match lark_of_gbnf(gbnf) {
            Err(GbnfError::Syntax {
                reason,
                line: at_line,
                column: at_column,
            }) => {
                assert!(reason.contains(what), "{gbnf}: {reason}");
                assert_eq!((at_line, at_column), (line, column), "{gbnf}: {reason}");
            }
            other => panic!("{gbnf}: {other:?}"),
        }
    }
    assert_eq!(lark_of_gbnf("a ::= \"b\""), Err(GbnfError::NoRoot));
    let endless = lark_of_gbnf("root ::= \"a\" root").unwrap_err().to_string();
    assert!(endless.contains("'root'"), "{endless}");
}

/// What literals say.
const TEXTS: [&str; 6] = ["a", "b", "ab", "ba", "aab", ""];

/// The longest texts that are compared.
const LENGTH: usize = 6;

enum Part {
    Text(&'static str),
    Class(&'static str, &'static str),
    Rule(usize),
    Sequence(Vec<Part>),
    Choice(Vec<Part>),
    Repeat(Box<Part>, usize, usize, &'static str),
}

fn part(random: &mut Random, depth: usize, rules: usize) -> Part {
    if depth == 0 || random.chance(20) {
        return match random.below(6) {
            0 => Part::Class("[ab]", "ab"),
            1 => Part::Class("[^a]", "b"),
            2 | 3 => Part::Rule(random.below(rules)),
            _ => Part::Text(TEXTS[random.below(TEXTS.len())]),
        };
    }
    let count = 2 + random.below(2);
    let inner = |random: &mut Random| part(random, depth - 1, rules);
    match random.below(5) {
        0 | 1 => Part::Sequence((0..count).map(|_| inner(random)).collect()),
        2 => Part::Choice((0..count).map(|_| inner(random)).collect()),
        _ => {
            let (min, max, text) = *random.pick(&[
                (0, LENGTH, "*"),
                (1, LENGTH, "+"),
                (0, 1, "?"),
                (1, 2, "{1,2}"),
                (2, 2, "{2}"),
            ]);
            Part::Repeat(Box::new(inner(random)), min, max, text)
        }
    }
}

fn written(part: &Part) -> String {
    let joined = |parts: &[Part], by: &str| {
        let parts = parts.iter().map(written).collect::<Vec<_>>();
        format!("({})", parts.join(by))
    };
    match part {
        Part::Text(text) => format!("\"{text}\""),
        Part::Class(class, _) => (*class).to_owned(),
        Part::Rule(0) => "root".to_owned(),
        Part::Rule(rule) => format!("r{rule}"),
        Part::Sequence(parts) => joined(parts, " "),
        Part::Choice(parts) => joined(parts, " | "),
        Part::Repeat(inner, _, _, quantifier) => format!("({}){quantifier}", written(inner)),
    }
}

/// Returns the texts of a part up to the greatest length, given those of the rules.
fn texts(part: &Part, rules: &[BTreeSet<String>]) -> BTreeSet<String> {
    let one = || BTreeSet::from([String::new()]);
    match part {
        Part::Text(text) => BTreeSet::from([(*text).to_owned()]),
        Part::Class(_, chars) => chars.chars().map(String::from).collect(),
        Part::Rule(rule) => rules[*rule].clone(),
        Part::Choice(parts) => parts.iter().flat_map(|part| texts(part, rules)).collect(),
        Part::Sequence(parts) => parts
            .iter()
            .fold(one(), |all, part| joined(&all, &texts(part, rules))),
        Part::Repeat(inner, min, max, _) => {
            let inner = texts(inner, rules);
            let mut power = one();
            let mut all = BTreeSet::new();
            for count in 0..=*max {
                if count >= *min {
                    all.extend(power.iter().cloned());
                }
                power = joined(&power, &inner);
            }
            all
        }
    }
}

fn joined(a: &BTreeSet<String>, b: &BTreeSet<String>) -> BTreeSet<String> {
    let pairs = a
        .iter()
        .flat_map(|a| b.iter().map(move |b| format!("{a}{b}")));
    pairs.filter(|text| text.len() <= LENGTH).collect()
}

#[test]
fn random_grammars_match_just_the_texts_that_they_derive() {
    let mut tried = 0;
    for seed in 1..=250 {
        let mut random = Random::new(seed);
        let count = 1 + random.below(3);
        let rules = (0..count)
            .map(|_| part(&mut random, 3, count))
            .collect::<Vec<_>>();
        let names = (0..count).map(|rule| written(&Part::Rule(rule)));
        let lines = names
            .zip(&rules)
            .map(|(name, rule)| format!("{name} ::= {}\n", written(rule)));
        let gbnf = lines.collect::<String>();
        let mut derived = vec![BTreeSet::new(); count];
        loop {
            let next = rules
                .iter()
                .map(|rule| texts(rule, &derived))
                .collect::<Vec<_>>();
            if next == derived {
                break;
            }
            derived = next;
        }
        let lark = match lark_of_gbnf(&gbnf) {
            Ok(lark) => lark,
            Err(GbnfError::Unproductive { .. }) => continue,
            Err(error) => panic!("{gbnf}: {error}"),
        };
        let grammar = Grammar::new(TopLevelGrammar::from_lark(lark.clone()))
            .unwrap_or_else(|error| panic!("{gbnf}\n{lark}: {error}"));
        for length in 0..=LENGTH {
            for bits in 0..1_usize << length {
                let text = (0..length).map(|at| if bits >> at & 1 == 1 { 'a' } else { 'b' });
                let text = text.collect::<String>();
                let wanted = derived[0].contains(&text);
                assert_eq!(grammar.accepts(&text), wanted, "{text:?}\n{gbnf}\n{lark}");
            }
        }
        tried += 1;
    }
    assert!(tried > 150, "only {tried} grammars");
}

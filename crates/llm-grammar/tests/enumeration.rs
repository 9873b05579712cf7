//! Exactness by enumeration: for random small schemas, the tokens that llguidance allows after every
//! prefix are those that some valid document goes on with, of all documents there are. Which are valid
//! the `jsonschema` crate says, which shares no code with what is tested.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use llguidance::api::TopLevelGrammar;
use llguidance::toktrie::{ApproximateTokEnv, InferenceCapabilities, TokEnv, TokRxInfo, TokTrie};
use llguidance::{Matcher, ParserFactory};
use llm_grammar::{SchemaError, SchemaOptions, prepare};
use serde_json::{Value, json};
use support::random::{Random, scalars, schema};

/// How many random schemas are tried.
const SCHEMAS: u64 = 400;

/// A vocabulary of a few dozen tokens, the last of which ends a document.
fn vocabulary() -> Vec<Vec<u8>> {
    let tokens = [
        "{", "}", "[", "]", ",", ":", "\"", "a", "b", "0", "1", "n", "u", "l", "t", "r", "e", " ",
        "x", "{\"", "\":", ",\"", "\"a\"", "\"a\":", "\"b\":1", "tru", "null", "[1", ",1", "10",
        "\"}", "0}", "ab\"", "[]", "{}", "null,", "1,\"b", "\"\"", "-", ".",
    ];
    let mut words = tokens.map(|token| token.as_bytes().to_vec()).to_vec();
    words.push(b"\xff<eos>".to_vec());
    words
}

fn environment(words: &[Vec<u8>]) -> TokEnv {
    let size = u32::try_from(words.len()).unwrap();
    let trie = TokTrie::from(&TokRxInfo::new(size, size - 1), words);
    Arc::new(ApproximateTokEnv::new(trie))
}

/// Returns all documents: the scalars, and short arrays and objects of some of them.
fn documents() -> Vec<Value> {
    let inner = inner();
    let mut all = scalars();
    all.push(json!([]));
    all.push(json!({}));
    for a in &inner {
        all.push(json!([a]));
        all.push(json!({ "a": a }));
        all.push(json!({ "b": a }));
        for b in &inner {
            all.push(json!([a, b]));
            all.push(json!({"a": a, "b": b}));
        }
    }
    all
}

fn inner() -> Vec<Value> {
    vec![json!(true), json!(1), json!(10), json!("a")]
}

/// Returns the schema of all documents, which also gives the order of properties.
fn universe() -> Value {
    let inner = json!({ "enum": inner() });
    json!({"anyOf": [
        {"enum": scalars()},
        {"type": "array", "items": inner, "maxItems": 2},
        {"type": "object", "properties": {"a": inner, "b": inner}, "additionalProperties": false},
    ]})
}

/// Compares what is allowed after every prefix with what the documents go on with.
fn compare(matcher: &Matcher, words: &[Vec<u8>], documents: &[Vec<u8>], name: &str) {
    let eos = words.len() - 1;
    let mut seen = HashSet::new();
    let mut open = vec![(Vec::new(), matcher.deep_clone())];
    while let Some((prefix, mut matcher)) = open.pop() {
        let mask = matcher.compute_mask_or_eos().unwrap();
        let allowed = (0..words.len()).filter(|&id| mask.is_allowed(u32::try_from(id).unwrap()));
        let allowed = allowed.collect::<BTreeSet<_>>();
        let goes_on = |id: usize| {
            let longer = [prefix.as_slice(), &words[id]].concat();
            documents
                .iter()
                .any(|document| document.starts_with(&longer))
        };
        let mut wanted = (0..eos).filter(|&id| goes_on(id)).collect::<BTreeSet<_>>();
        if documents.contains(&prefix) {
            wanted.insert(eos);
        }
        let text = |ids: &BTreeSet<usize>| {
            let texts = ids
                .iter()
                .map(|&id| String::from_utf8_lossy(&words[id]).into_owned());
            texts.collect::<Vec<_>>()
        };
        assert_eq!(
            text(&allowed),
            text(&wanted),
            "{name} after {}",
            String::from_utf8_lossy(&prefix)
        );
        for id in allowed.into_iter().filter(|&id| id != eos) {
            let longer = [prefix.as_slice(), &words[id]].concat();
            if seen.insert(longer.clone()) {
                let mut next = matcher.deep_clone();
                next.consume_token(u32::try_from(id).unwrap()).unwrap();
                open.push((longer, next));
            }
        }
    }
}

#[test]
fn after_every_prefix_just_the_tokens_of_valid_documents_are_allowed() {
    let words = vocabulary();
    let env = environment(&words);
    let mut factory = ParserFactory::new(&env, InferenceCapabilities::default(), &[]).unwrap();
    factory.quiet();
    let documents = documents();
    let options = SchemaOptions {
        compact: true,
        loose: false,
    };
    let (mut exact, mut refused) = (0, 0);
    for seed in 1..=SCHEMAS {
        let part = schema(&mut Random::new(seed), 3);
        let name = format!("schema {seed} {part}");
        let judge = jsonschema::validator_for(&part).unwrap();
        let valid = documents.iter().filter(|document| judge.is_valid(document));
        let valid = valid
            .map(|document| document.to_string().into_bytes())
            .collect::<Vec<_>>();
        match prepare(&json!({"allOf": [universe(), part]}), options) {
            Ok(prepared) => {
                let grammar = TopLevelGrammar::from_json_schema(prepared);
                let matcher = Matcher::new(factory.create_parser(grammar));
                assert_eq!(matcher.get_error(), None, "{name}");
                compare(&matcher, &words, &valid, &name);
                exact += 1;
            }
            Err(SchemaError::Unsatisfiable { .. }) => {
                assert!(valid.is_empty(), "{name} allows {} documents", valid.len());
                exact += 1;
            }
            Err(error) => {
                println!("{name}: {error}");
                refused += 1;
            }
        }
    }
    println!("{exact} exact, {refused} refused");
    assert!(exact * 100 >= SCHEMAS * 99, "{refused} schemas are refused");
}

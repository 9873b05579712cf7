//! Every generated document is valid: random schemas, and random walks over what llguidance allows, of
//! single bytes and with white space, until a document is whole.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use llguidance::api::TopLevelGrammar;
use llguidance::toktrie::{ApproximateTokEnv, InferenceCapabilities};
use llguidance::{Matcher, ParserFactory};
use llm_grammar::{SchemaError, SchemaOptions, prepare};
use serde_json::Value;
use support::random::{Random, schema};

const SCHEMAS: u64 = 300;
const WALKS: usize = 3;

/// The longest walk; one that is not over by then is no document.
const BYTES: usize = 150;

/// Walks until the document may end, and then ends as soon as chance has it.
fn walk(mut matcher: Matcher, random: &mut Random) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    while bytes.len() < BYTES {
        if matcher.is_stopped() || (matcher.is_accepting().unwrap() && random.chance(60)) {
            return Some(bytes);
        }
        let mask = matcher.compute_mask_or_eos().unwrap();
        let allowed = (0..=255_u8).filter(|&byte| mask.is_allowed(byte.into()));
        let allowed = allowed.collect::<Vec<_>>();
        if allowed.is_empty() {
            return Some(bytes);
        }
        // What closes is taken more often, so that walks end.
        let closing = allowed
            .iter()
            .copied()
            .filter(|byte| b"\"]}".contains(byte));
        let closing = closing.collect::<Vec<_>>();
        let byte = if !closing.is_empty() && random.chance(40) {
            *random.pick(&closing)
        } else {
            *random.pick(&allowed)
        };
        matcher.consume_token(byte.into()).unwrap();
        bytes.push(byte);
    }
    None
}

#[test]
fn every_document_of_a_random_walk_is_valid() {
    let env = ApproximateTokEnv::single_byte_env();
    let mut factory = ParserFactory::new(&env, InferenceCapabilities::default(), &[]).unwrap();
    factory.quiet();
    let (mut whole, mut refused) = (0, 0);
    for seed in 1..=SCHEMAS {
        let mut random = Random::new(seed + 1_000_000);
        let schema = schema(&mut random, 3);
        let judge = jsonschema::validator_for(&schema).unwrap();
        let prepared = match prepare(&schema, SchemaOptions::default()) {
            Ok(prepared) => prepared,
            Err(SchemaError::Unsupported { .. } | SchemaError::TooComplex { .. }) => {
                refused += 1;
                continue;
            }
            Err(SchemaError::Unsatisfiable { .. }) => continue,
            Err(error) => panic!("{schema}: {error}"),
        };
        let grammar = TopLevelGrammar::from_json_schema(prepared);
        let matcher = Matcher::new(factory.create_parser(grammar));
        assert_eq!(matcher.get_error(), None, "{schema}");
        for _ in 0..WALKS {
            let Some(bytes) = walk(matcher.deep_clone(), &mut random) else {
                continue;
            };
            let text = String::from_utf8(bytes).unwrap();
            // The judge reads numbers as doubles, and cannot tell what longer ones are multiples of.
            let longest = text
                .split(|c: char| !c.is_ascii_digit())
                .map(str::len)
                .max();
            if longest > Some(15) {
                continue;
            }
            let document: Value = match serde_json::from_str(&text) {
                Ok(document) => document,
                // JSON allows numbers that no double reaches.
                Err(error) if error.to_string().contains("out of range") => continue,
                Err(error) => panic!("{schema}: {text}: {error}"),
            };
            assert!(judge.is_valid(&document), "{schema} allows {text}");
            whole += 1;
        }
    }
    println!("{whole} documents, {refused} schemas refused");
    assert!(whole > 400, "only {whole} walks ended");
}

//! Tests of numbers that are kept as they were written.

use proptest::prelude::*;

use super::*;

const NUMBERS: &str =
    r#"{"a":12345678901234567890123456789,"b":[1.10,{"c":-0}],"d":"1.10","e":1e400}"#;

#[test]
fn numbers_stay_as_they_are_written() {
    let (values, exact) = object(NUMBERS).unwrap();
    let fields = exact.unwrap();
    assert_eq!(serde_json::to_string(&fields).unwrap(), NUMBERS);
    assert_eq!(fields["b"].to_string(), r#"[1.10,{"c":-0}]"#);
    // Whatever is computed with sees a double.
    assert_eq!(
        values["a"].as_f64(),
        Some(12_345_678_901_234_567_890_123_456_789.0)
    );
    assert_eq!(values["e"].as_f64(), Some(f64::MAX));
    let plain = r#"{"a":1,"b":[1.5,-2,1e-7],"c":"\"1.10","d":9007199254740993}"#;
    assert_eq!(object(plain).unwrap().1, None);
}

#[test]
fn what_is_no_object_is_refused() {
    for text in [
        "",
        "1",
        "[1.10]",
        r#"{"a":1.10"#,
        r#"{"a":01.10}"#,
        r#"{"a":1.10,"b":"\ud800"}"#,
    ] {
        assert!(object(text).is_err(), "{text}");
    }
}

/// The object is the first level. The outside's limit is 127, of which nothing may come near the stack's.
#[test]
fn the_depth_is_bounded_with_any_number() {
    for number in ["1", "1.10", "1e400"] {
        let nested = |levels: usize| {
            let (open, close) = ("[".repeat(levels), "]".repeat(levels));
            object(&format!(r#"{{"k":{number},"a":{open}1{close}}}"#)).is_ok()
        };
        assert!(nested(126) && !nested(127) && !nested(100_000), "{number}");
    }
}

/// A digest of a line must not change with the way in which numbers are held.
#[test]
fn the_key_is_the_json_of_doubles_where_they_have_the_value() {
    let key = |text: &str| {
        let (values, exact) = object(text).unwrap();
        exact.unwrap_or_else(|| values.into()).key()
    };
    for text in [
        r#"{"a":1.10,"b":[1E2,-0,0.0,100]}"#,
        r#"{"a":1,"b":{"c":null,"d":true,"e":"é"}}"#,
    ] {
        let values: Values = serde_json::from_str(text).unwrap();
        assert_eq!(key(text), serde_json::to_string(&values).unwrap());
    }
    let big = |last| key(&format!(r#"{{"a":1844674407370955161{last}}}"#));
    assert_ne!(big(6), big(7));
}

proptest! {
    #[test]
    fn any_text_is_read_as_serde_json_reads_it(text in r#"\{[-{}\[\]",:0-9.eE a\\]{0,40}"#) {
        let ours = object(&text);
        let theirs = serde_json::from_str::<Values>(&text);
        prop_assert_eq!(ours.is_ok(), theirs.is_ok() || Fields::exact(&text).is_ok());
        if let (Ok((values, _)), Ok(wanted)) = (ours, theirs) {
            prop_assert_eq!(values, wanted);
        }
    }

    #[test]
    fn any_number_comes_back(
        whole in "-?(0|[1-9][0-9]{0,30})",
        rest in r"(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,5})?",
    ) {
        let text = format!(r#"{{"k":[{whole}{rest}]}}"#);
        let (values, exact) = object(&text).unwrap();
        let fields = exact.unwrap_or_else(|| values.into());
        prop_assert_eq!(serde_json::to_string(&fields).unwrap(), text);
    }
}

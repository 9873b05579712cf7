//! Whole numbers in what a user sends. Other programs write 20.0 for 20 (JavaScript's and R's writers of
//! JSON do, and whatever has read the number as a double).

use serde_json::Value;

/// Up to here every whole number is a double of its own, so that one that is written as a float is what
/// was meant.
const LARGEST: f64 = 9_007_199_254_740_992.0;

/// Returns the whole number that a value is, also one that is written as a float.
pub(crate) fn whole(value: &Value) -> Option<i128> {
    let unsigned = value.as_u64().map(i128::from);
    unsigned
        .or_else(|| value.as_i64().map(i128::from))
        .or_else(|| {
            let float = value.as_f64()?;
            #[expect(
                clippy::cast_possible_truncation,
                reason = "checked to be whole and small"
            )]
            (float.fract() == 0.0 && float.abs() <= LARGEST).then_some(float as i128)
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_float_that_is_whole_is_a_whole_number() {
        for (value, wanted) in [
            (json!(4), Some(4)),
            (json!(4.0), Some(4)),
            (json!(-1.0), Some(-1)),
            (json!(1e3), Some(1000)),
            (json!(u64::MAX), Some(u64::MAX.into())),
            (json!(4.5), None),
            (json!(1e300), None),
            (json!("4"), None),
            (json!(null), None),
        ] {
            assert_eq!(whole(&value), wanted, "{value}");
        }
    }
}
